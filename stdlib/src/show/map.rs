//! Maps: the answers of probes and programs as their own tools would give them, others readably.

use std::collections::BTreeSet;

use rhai::{Array, Dynamic, Map};
use unicode_width::UnicodeWidthStr;

/// A map as text.
pub fn show(map: &Map) -> String {
    let keys: BTreeSet<&str> = map.keys().map(|key| key.as_str()).collect();
    let has = |wanted: &[&str]| wanted.len() == keys.len() && wanted.iter().all(|key| keys.contains(key));
    if has(&["ok", "sent", "received", "rtt_ms", "ttl", "from", "error"]) {
        return ping(map);
    }
    if has(&["ok", "rtt_ms", "error"]) {
        return connection(map);
    }
    if has(&["ok", "status", "stdout", "stderr"]) {
        return program(map);
    }
    if has(&["ok", "status", "body", "error"]) {
        return page(map);
    }
    if map.is_empty() { "#{}".to_owned() } else { lines(map, 0) }
}

fn text(map: &Map, key: &str) -> Option<String> {
    map.get(key).filter(|value| !value.is_unit()).map(ToString::to_string)
}

fn is_ok(map: &Map) -> bool {
    map.get("ok").is_some_and(|ok| ok.as_bool().unwrap_or(false))
}

/// `1 of 1 answered by 10.0.0.2 in 0.04 ms, ttl 64`
fn ping(map: &Map) -> String {
    let get = |key| text(map, key).unwrap_or_default();
    let from = text(map, "from");
    let by = from.map(|from| format!(" by {from}")).unwrap_or_default();
    let error = text(map, "error");
    if is_ok(map) {
        let time = map.get("rtt_ms").and_then(|time| time.as_float().ok());
        let time = time.map(|time| format!(" in {time:.3} ms")).unwrap_or_default();
        let ttl = text(map, "ttl").map(|ttl| format!(", ttl {ttl}")).unwrap_or_default();
        let error = error.map(|error| format!("; {error}")).unwrap_or_default();
        return format!("{} of {} answered{by}{time}{ttl}{error}", get("received"), get("sent"));
    }
    let error = error.unwrap_or_default();
    if get("sent") == "0" {
        return format!("nothing could be sent: {error}{by}");
    }
    format!("{} of {} answered: {error}{by}", get("received"), get("sent"))
}

/// `connected in 0.1 ms`
fn connection(map: &Map) -> String {
    match (text(map, "rtt_ms"), text(map, "error")) {
        (_, Some(error)) => format!("not connected: {error}"),
        (Some(time), None) => format!("connected in {time} ms"),
        (None, None) => "connected".to_owned(),
    }
}

/// What a program wrote, and its status if that says something.
fn program(map: &Map) -> String {
    let written = ["stdout", "stderr"].into_iter().filter_map(|key| text(map, key));
    let mut parts: Vec<String> =
        written.map(|text| text.trim_end_matches('\n').to_owned()).filter(|text| !text.is_empty()).collect();
    if !is_ok(map) || parts.is_empty() {
        parts.push(format!("(status {})", text(map, "status").unwrap_or_default()));
    }
    parts.join("\n")
}

/// A page that was fetched, under its status.
fn page(map: &Map) -> String {
    match (text(map, "status"), text(map, "error")) {
        (Some(status), _) => {
            format!("{status}\n{}", text(map, "body").unwrap_or_default()).trim_end_matches('\n').to_owned()
        }
        (None, error) => format!("no answer: {}", error.unwrap_or_default()),
    }
}

/// A key a line; maps and lists of maps inside are indented.
pub(super) fn lines(map: &Map, indent: usize) -> String {
    let width = map.keys().map(|key| key.width()).max().unwrap_or(0);
    let pad = " ".repeat(indent);
    let line = |(key, value): (&rhai::Identifier, &Dynamic)| match value.read_lock::<Map>() {
        Some(inner) if !inner.is_empty() => format!("{pad}{key}:\n{}", lines(&inner, indent + 2)),
        None if value.is_string() && value.to_string().contains('\n') => {
            let text: Vec<String> = value.to_string().lines().map(|line| format!("{pad}  {line}")).collect();
            format!("{pad}{key}:\n{}", text.join("\n"))
        }
        _ => format!("{pad}{key}:{}  {}", " ".repeat(width - key.width()), inline(value)),
    };
    map.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A value in a line.
pub fn inline(value: &Dynamic) -> String {
    if let Some(map) = value.read_lock::<Map>() {
        let parts: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {}", inline(value))).collect();
        return if parts.is_empty() { "#{}".to_owned() } else { format!("#{{ {} }}", parts.join(", ")) };
    }
    if let Some(array) = value.read_lock::<Array>() {
        return inline_list(&array);
    }
    if value.is_string() {
        return format!("{:?}", value.to_string());
    }
    if value.is_unit() { "()".to_owned() } else { super::value::text(value) }
}

/// A list in a line.
pub fn inline_list(array: &Array) -> String {
    format!("[{}]", array.iter().map(inline).collect::<Vec<_>>().join(", "))
}

/// A list of texts: in a line where that has room for it, else a line each.
pub fn texts(array: &Array, columns: Option<u16>) -> String {
    let line = inline_list(array);
    if columns.is_none_or(|columns| line.width() <= usize::from(columns)) {
        return line;
    }
    let lines: Vec<String> = array.iter().map(|text| format!("  {},\n", inline(text))).collect();
    format!("[\n{}]", lines.concat())
}
