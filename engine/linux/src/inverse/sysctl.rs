//! Inverses of operations on settings. The kernel changes further settings with some of them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{contents, guard};
use crate::journal::{Place, Undo};
use crate::site::Site;
use crate::{Outcome, link as links, sysctl};
use netscript_net::op::{IfName, NetnsRef, SysctlKey, SysctlOp, raw};

/// The folders of settings by link, below `/proc/sys`.
const CONF: [&str; 2] = ["net/ipv4/conf", "net/ipv6/conf"];

pub(super) fn inverse(site: &mut Site, netns: &NetnsRef, op: &SysctlOp) -> Outcome<Vec<Undo>> {
    let (key, value) = (op.key(), op.value());
    let path = key.relative_path();
    let goes = match link_of(&path) {
        Some(link) => guard::goes_with_link(site, netns, &link),
        None => path.starts_with("net/") && guard::goes_with_netns(site, netns),
    };
    if goes {
        return Ok(Vec::new());
    }
    let mut keys = vec![key.clone()];
    keys.extend(site.network.namespaces.within(netns, || changed_along(&path))?);
    let before: Vec<(SysctlKey, String)> = values(site, netns, keys);
    if before.first().is_none_or(|(first, _)| first != key) {
        return Ok(Vec::new());
    }
    let place = site.network.namespaces.place(netns)?;
    let mut undo = vec![Undo::Sysctl { place: place.clone(), wrote: value.to_owned(), before }];
    if path.starts_with("net/ipv6/") && path.ends_with("/disable_ipv6") {
        undo.extend(ipv6_contents(site, &place, link_of(&path))?);
    }
    Ok(undo)
}

fn values(site: &mut Site, netns: &NetnsRef, keys: Vec<SysctlKey>) -> Vec<(SysctlKey, String)> {
    let read = |key: SysctlKey| Some((key.clone(), sysctl::read(&mut site.network.namespaces, netns, &key).ok()?));
    keys.into_iter().filter_map(read).collect()
}

/// Everything that is lost when IPv6 is switched off.
fn ipv6_contents(site: &mut Site, place: &Place, only: Option<IfName>) -> Outcome<Vec<Undo>> {
    let mut undo = Vec::new();
    for link in links::list(&mut site.network.namespaces, &place.netns)? {
        if only.as_ref().is_none_or(|only| *only == link.name) && !guard::goes_with_link(site, &place.netns, &link.name)
        {
            undo.extend(contents::of_link(site, place, &link)?);
        }
    }
    Ok(undo)
}

/// The settings of a link, which a move resets.
pub(super) fn settings_of_link(site: &mut Site, place: &Place, link: &IfName) -> Outcome<Vec<Undo>> {
    let keys = site.network.namespaces.within(&place.netns, || {
        CONF.iter().flat_map(|conf| files(&format!("{conf}/{}", link.as_str()))).collect::<Vec<_>>()
    })?;
    let before = values(site, &place.netns, keys);
    // The lab wrote nothing, so the settings are restored no matter what they are by then.
    Ok(vec![Undo::Sysctl { place: place.clone(), wrote: String::new(), before }])
}

/// The link that a setting's path belongs to.
fn link_of(path: &str) -> Option<IfName> {
    let mut parts = path.split('/').skip(2);
    match (parts.next()?, parts.next()?, parts.next()) {
        ("conf" | "neigh", "all" | "default", _) | (_, _, None) => None,
        ("conf" | "neigh", link, Some(_)) => Some(IfName::read(link)),
        _ => None,
    }
}

/// The settings that the kernel changes together with one: with `ip_forward` and `conf/all/forwarding`, those of every
/// link and the acceptance of redirects (`inet_forward_change`); with `conf/default` and `conf/all`, the same setting
/// of links (`devinet_copy_dflt_conf`, `addrconf_forward_change`, …).
fn changed_along(path: &str) -> Vec<SysctlKey> {
    let (conf, leaf) = match path {
        "net/ipv4/ip_forward" => (CONF[0], "forwarding"),
        path => {
            let Some(conf) = CONF.iter().find(|conf| path.starts_with(*conf)) else { return Vec::new() };
            let mut rest = path[conf.len()..].trim_start_matches('/').split('/');
            match (rest.next(), rest.next()) {
                (Some("all" | "default"), Some(leaf)) => (*conf, leaf),
                _ => return Vec::new(),
            }
        }
    };
    let folders = fs::read_dir(Path::new("/proc/sys").join(conf)).into_iter().flatten().flatten();
    let names = folders.map(|entry| raw::from_bytes(entry.file_name().as_bytes()));
    let mut keys: Vec<String> = names.map(|name| format!("{conf}/{name}/{leaf}")).collect();
    keys.sort();
    if conf == CONF[0] && leaf == "forwarding" {
        keys.insert(0, format!("{conf}/all/accept_redirects"));
        keys.insert(0, "net/ipv4/ip_forward".to_owned());
    }
    keys.retain(|key| key != path);
    keys.iter().filter_map(|key| SysctlKey::parse(key).ok()).collect()
}

/// The files in a folder of settings.
fn files(folder: &str) -> Vec<SysctlKey> {
    let path = Path::new("/proc/sys").join(OsStr::from_bytes(&raw::to_bytes(folder)));
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    // A secret without a value cannot be read, and a secret is not restored.
    let names = names.filter(|name| name != "stable_secret");
    names.filter_map(|name| SysctlKey::parse(&format!("{folder}/{name}")).ok()).collect()
}
