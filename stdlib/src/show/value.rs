//! How values are shown: as a person wants to read them.

use std::net::IpAddr;

use netscript_lang::diagnostics::Result;
use netscript_lang::interpreter::ScriptError;
use netscript_net::op::NetnsRef;
use netscript_net::state::{self, OperState, Peer};
use rhai::{Array, Dynamic, Map};

use super::{Screen, map, table};
use crate::{Chain, Link, Netns, Process, Rule, Table, unknown::Unknown};

/// A value as text, without the last line's end; nothing for `()`.
pub fn show(value: &Dynamic, screen: Screen) -> Result<Option<String>> {
    if value.is_unit() {
        return Ok(None);
    }
    if let Some(link) = value.read_lock::<Link>() {
        return line(&link).map(Some);
    }
    if let Some(netns) = value.read_lock::<Netns>() {
        return namespace(&netns).map(Some);
    }
    if let Some(array) = value.read_lock::<Array>() {
        return list(&array, screen).map(Some);
    }
    if let Some(map) = value.read_lock::<Map>() {
        return Ok(Some(map::show(&map)));
    }
    Ok(Some(plain(value)))
}

/// A value as text. Rhai itself knows only the names of other types.
pub fn text(value: &Dynamic) -> String {
    fn shown<T: Clone + std::fmt::Display + 'static>(value: &Dynamic) -> Option<String> {
        value.read_lock::<T>().map(|value| value.to_string())
    }
    let own = shown::<Link>(value).or_else(|| shown::<Netns>(value)).or_else(|| shown::<Rule>(value));
    let own = own.or_else(|| shown::<Chain>(value)).or_else(|| shown::<Table>(value));
    let own = own
        .or_else(|| shown::<Process>(value))
        .or_else(|| shown::<ScriptError>(value))
        .or_else(|| shown::<Unknown<Map>>(value))
        .or_else(|| shown::<Unknown<Array>>(value));
    own.unwrap_or_else(|| value.to_string())
}

/// A value in a line.
fn plain(value: &Dynamic) -> String {
    if !value.is_string() {
        return text(value);
    }
    let text = value.to_string();
    // Several lines are what a program wrote, and are read as such.
    if text.contains('\n') { text.trim_end_matches('\n').to_owned() } else { format!("{text:?}") }
}

/// A link as a line of its name, kind, state, addresses and master.
fn line(link: &Link) -> Result<String> {
    let (netns, _) = link.locate()?;
    let found = link.look()?;
    let mut parts = vec![found.name.to_string(), found.kind.word().to_owned(), state_of(&found).to_owned()];
    parts.extend(addresses(&found));
    parts.extend(found.master.as_ref().map(|master| format!("master {master}")));
    parts.extend(far_end(&found).map(|peer| format!("peer {peer}")));
    if netns != NetnsRef::Host {
        parts.push(format!("in {netns}"));
    }
    Ok(parts.join("  "))
}

/// The addresses of a link, without those that IPv6 gives to every link by itself.
pub(super) fn addresses(link: &state::Link) -> Vec<String> {
    let given = link.addrs.iter().filter(|addr| match addr.local.addr() {
        IpAddr::V4(_) => true,
        IpAddr::V6(addr) => !addr.is_unicast_link_local(),
    });
    given.map(|addr| addr.local.to_string()).collect()
}

/// A link that is off is down at once, whatever its last operational state was.
pub fn state_of(link: &state::Link) -> &'static str {
    if link.up { link.state.word() } else { OperState::Down.word() }
}

/// The other end of a pair, and where it is.
pub(super) fn far_end(link: &state::Link) -> Option<String> {
    let Peer { netns, index: _, name } = link.kind.peer()?;
    Some(format!("{} in {}", name.as_ref()?, netns.as_ref()?))
}

/// A namespace and its links.
fn namespace(netns: &Netns) -> Result<String> {
    Ok(format!("{netns}  {}", links_of(netns)?))
}

fn links_of(netns: &Netns) -> Result<String> {
    let reference = netns.reference()?;
    let links = netns.session().lab().world().links(&reference)?;
    Ok(links.iter().map(|link| link.name.to_string()).collect::<Vec<_>>().join(" "))
}

/// Things of one kind as a table; others one by one.
fn list(array: &Array, screen: Screen) -> Result<String> {
    if let Some(things) = things(array, screen)? {
        return Ok(things);
    }
    if !array.is_empty() && array.iter().all(Dynamic::is_string) {
        return Ok(map::texts(array, screen.width));
    }
    Ok(map::inline_list(array))
}

/// Links, namespaces, maps, rules and processes; `None` for a list of plain values, or of nothing.
pub(super) fn things(array: &Array, screen: Screen) -> Result<Option<String>> {
    let all = |is: fn(&Dynamic) -> bool| !array.is_empty() && array.iter().all(is);
    Ok(if all(Dynamic::is::<Link>) {
        let heads = ["name", "kind", "state", "addresses", "master", "peer"];
        Some(table::show(&heads, &rows(array, link_row)?, screen))
    } else if all(Dynamic::is::<Netns>) {
        Some(table::show(&["namespace", "links"], &rows(array, netns_row)?, screen))
    } else if all(Dynamic::is::<Rule>) || all(Dynamic::is::<Process>) {
        Some(array.iter().map(text).collect::<Vec<_>>().join("\n"))
    } else if all(Dynamic::is_map) {
        Some(table::of_maps(array, screen))
    } else {
        None
    })
}

/// A list with an element on each line, as a table where its elements have columns.
pub(super) fn rows_of(array: &Array, screen: Screen) -> Result<String> {
    let lines = || array.iter().map(text).collect::<Vec<_>>().join("\n");
    Ok(things(array, screen)?.unwrap_or_else(lines))
}

fn rows(array: &Array, row: impl Fn(&Dynamic) -> Result<Vec<String>>) -> Result<Vec<Vec<String>>> {
    array.iter().map(row).collect()
}

fn link_row(value: &Dynamic) -> Result<Vec<String>> {
    let Some(link) = value.read_lock::<Link>() else { return Ok(Vec::new()) };
    let found = link.look()?;
    Ok(vec![
        found.name.to_string(),
        found.kind.word().to_owned(),
        state_of(&found).to_owned(),
        addresses(&found).join(" "),
        found.master.as_ref().map(ToString::to_string).unwrap_or_default(),
        far_end(&found).map(|peer| table::whole(&peer)).unwrap_or_default(),
    ])
}

fn netns_row(value: &Dynamic) -> Result<Vec<String>> {
    let Some(netns) = value.read_lock::<Netns>() else { return Ok(Vec::new()) };
    Ok(vec![netns.to_string(), links_of(&netns)?])
}
