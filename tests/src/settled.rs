//! Waits for delayed changes of the kernel. After a command has ended, it still updates carriers
//! (`net/core/link_watch.c`) and makes IPv6 addresses ready, with their routes (`addrconf_dad_work`). A snapshot that
//! is taken meanwhile would still change.

use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::patience;

/// How long the kernel may take: duplicate address detection takes about two seconds.
const LONGEST: Duration = Duration::from_secs(60);

/// How long to wait before looking again.
const STEP: Duration = Duration::from_millis(50);

/// Waits until nothing is pending, in the network of the calling thread and in its named namespaces.
///
/// # Panics
///
/// If that takes too long, or there is no `ip`.
pub fn settle() {
    let deadline = Instant::now() + patience(LONGEST);
    loop {
        let pending = pending();
        if pending.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "the network does not settle:\n{}", pending.join("\n"));
        std::thread::sleep(STEP);
    }
}

/// The pending changes, one per line.
fn pending() -> Vec<String> {
    let mut pending = in_netns(&[]).expect("`ip` can be asked about the host");
    for name in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        // A name that does not refer to a namespace has no network.
        pending.extend(in_netns(&["-n".as_ref(), &name.file_name()]).unwrap_or_default());
    }
    pending
}

/// The pending changes in the network that these first arguments of `ip` select, if it exists.
fn in_netns(place: &[&OsStr]) -> Option<Vec<String>> {
    let ask = |question: &str| {
        let output = Command::new("ip").args(place).args(question.split(' ')).output().ok()?;
        // `ip` prints nothing for an empty list.
        let text = if output.stdout.trim_ascii().is_empty() { b"[]" } else { output.stdout.as_slice() };
        output.status.success().then(|| serde_json::from_slice::<Vec<Value>>(text).ok()).flatten()
    };
    let (links, routes) = (ask("-j addr show")?, ask("-6 -j route show table local")?);
    let place = place.last().map_or("host".into(), |name| name.to_string_lossy());
    Some(of_links(&links, &routes).into_iter().map(|what| format!("{place}: {what}")).collect())
}

fn of_links(links: &[Value], routes: &[Value]) -> Vec<String> {
    let is_up = |link: &&Value| has_flag(link, "UP");
    links.iter().filter(is_up).flat_map(|link| of_link(link, routes)).collect()
}

fn of_link(link: &Value, routes: &[Value]) -> Vec<String> {
    let (name, carrier) = (&link["ifname"], has_flag(link, "LOWER_UP"));
    // Links without an operational state stay UNKNOWN.
    let noticed = match link["operstate"].as_str() {
        Some("UP") => carrier,
        Some("DOWN" | "LOWERLAYERDOWN") => !carrier,
        _ => true,
    };
    let mut pending: Vec<String> = (!noticed).then(|| format!("the carrier of {name}")).into_iter().collect();
    // Without a carrier an address stays tentative.
    let addrs = link["addr_info"].as_array().into_iter().flatten().filter(|_| carrier);
    let addrs = addrs.filter(|addr| addr["family"] == "inet6" && addr["dadfailed"] != true);
    let is_ready = |addr: &Value| {
        let leads_there = |route: &&Value| route["type"] == "local" && route["dst"] == addr["local"];
        let over_link = |route: &Value| route["dev"] == *name || route["nexthops"].is_array();
        addr["tentative"] != true && routes.iter().filter(leads_there).any(over_link)
    };
    pending.extend(addrs.filter(|addr| !is_ready(addr)).map(|addr| format!("{} of {name}", addr["local"])));
    pending
}

fn has_flag(link: &Value, flag: &str) -> bool {
    link["flags"].as_array().is_some_and(|flags| flags.iter().any(|have| have == flag))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of_links;

    fn link(flags: &[&str], operstate: &str, addr: Value) -> Value {
        json!({ "ifname": "v0", "flags": flags, "operstate": operstate, "addr_info": [addr] })
    }

    #[test]
    fn delayed_changes_are_pending_and_others_are_not() {
        let addr = json!({ "family": "inet6", "local": "fd00::1", "prefixlen": 64 });
        let tentative = json!({ "family": "inet6", "local": "fd00::1", "prefixlen": 64, "tentative": true });
        let route = [json!({ "type": "local", "dst": "fd00::1", "dev": "v0" })];
        let ready = link(&["UP", "LOWER_UP"], "UP", addr.clone());
        assert_eq!(of_links(std::slice::from_ref(&ready), &route), [""; 0]);
        // The route is still pending.
        assert_eq!(of_links(&[ready], &[]), [r#""fd00::1" of "v0""#]);
        assert_eq!(of_links(&[link(&["UP", "LOWER_UP"], "UP", tentative.clone())], &route), [r#""fd00::1" of "v0""#]);
        assert_eq!(of_links(&[link(&["UP", "LOWER_UP"], "DOWN", addr.clone())], &route), [r#"the carrier of "v0""#]);
        assert_eq!(of_links(&[link(&["UP"], "UP", addr.clone())], &route), [r#"the carrier of "v0""#]);
        for at_rest in [link(&["UP"], "DOWN", tentative.clone()), link(&[], "DOWN", addr)] {
            assert_eq!(of_links(&[at_rest], &[]), [""; 0]);
        }
    }
}
