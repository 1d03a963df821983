//! Which settings there are below `/proc/sys/net`.
//!
//! `settings.txt` lists those of Linux 5.10 to 6.18, with `*` for the name of a link. What stands in one
//! of its folders and not in it is not there; of folders that it does not have nothing is known.

use crate::op::SysctlKey;

const SETTINGS: &str = include_str!("settings.txt");

/// What a path below `/proc/sys` is.
pub(super) enum Found {
    /// A setting.
    Setting,
    /// A folder of settings.
    Folder,
    /// Neither: the folder has no such setting.
    Nothing,
    /// A folder of which nothing is known.
    Unknown,
}

/// The folders of `/proc/sys` itself (proc(5)).
const ROOTS: [&str; 9] = ["abi", "crypto", "debug", "dev", "fs", "kernel", "net", "user", "vm"];

/// What a path is.
pub(super) fn find(path: &str) -> Found {
    if !path.contains('/') {
        return if ROOTS.contains(&path) { Found::Folder } else { Found::Nothing };
    }
    let path = general(path);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Found::Unknown;
    for known in SETTINGS.lines() {
        if known == path {
            return Found::Setting;
        }
        if known.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            return Found::Folder;
        }
        if known.rsplit_once('/').is_some_and(|(other, _)| other == folder) {
            found = Found::Nothing;
        }
    }
    found
}

/// The settings in the same folder, as they are written.
pub(super) fn beside(path: &str, key: &SysctlKey) -> Vec<String> {
    let path = general(path);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let prefix = key.as_str().rsplit_once('.').map_or("", |(prefix, _)| prefix);
    let leaves = SETTINGS.lines().filter_map(|known| known.rsplit_once('/'));
    leaves.filter(|(other, _)| *other == folder).map(|(_, leaf)| format!("{prefix}.{leaf}")).collect()
}

/// The path with `*` for a link.
fn general(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    if let ["net", "ipv4" | "ipv6", "conf" | "neigh", link, ..] = &mut parts[..] {
        *link = "*";
    }
    parts.join("/")
}
