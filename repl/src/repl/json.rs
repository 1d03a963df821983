//! Values as JSON.

use netscript_lang::diagnostics::Result;
use netscript_net::op::raw;
use netscript_stdlib::Link;
use netscript_stdlib::show::{state_of, text};
use rhai::{Array, Dynamic, Map};
use serde_json::{Value, json as object};

/// A value as JSON, over several lines.
pub fn json(value: &Dynamic) -> Result<String> {
    Ok(format!("{:#}", convert(value)?))
}

fn convert(value: &Dynamic) -> Result<Value> {
    if let Some(array) = value.read_lock::<Array>() {
        return array.iter().map(convert).collect();
    }
    if let Some(map) = value.read_lock::<Map>() {
        return map.iter().map(|(key, value)| Ok((key.to_string(), convert(value)?))).collect();
    }
    if let Some(link) = value.read_lock::<Link>() {
        return self::link(&link);
    }
    Ok(match (value.as_int(), value.as_float(), value.as_bool()) {
        (Ok(number), ..) => number.into(),
        (_, Ok(number), _) => number.into(),
        (.., Ok(truth)) => truth.into(),
        _ if value.is_unit() => Value::Null,
        _ => text(value).into(),
    })
}

fn link(link: &Link) -> Result<Value> {
    let (netns, _) = link.locate()?;
    let found = link.look()?;
    Ok(object!({
        "name": found.name.to_string(),
        "netns": netns.to_string(),
        "index": found.index,
        "kind": found.kind.word(),
        "state": state_of(&found),
        "mac": found.mac.known().map(|mac| mac.to_string()),
        "mtu": found.mtu,
        "addrs": found.addrs.iter().map(|addr| addr.local.to_string()).collect::<Vec<_>>(),
        "master": found.master.map(|master| master.to_string()),
        "alias": found.alias.as_deref().map(raw::shown),
    }))
}
