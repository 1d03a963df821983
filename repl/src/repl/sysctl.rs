//! Names of kernel settings, for completion.
//!
//! They are read from `/proc/sys/net`, one level at a time: there are thousands. `/proc/sys/net` shows the namespace of
//! this process, so the folders of links (`conf`, `neigh`) are replaced by the receiver's links.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = "/proc/sys";

/// Folders that hold a folder for each link.
const OF_LINKS: [&str; 4] = ["net/ipv4/conf", "net/ipv6/conf", "net/ipv4/neigh", "net/ipv6/neigh"];

/// The settings and the folders of settings that begin with what was typed, up to the next dot. A folder ends
/// with a dot.
pub fn beginning_with(typed: &str, links: &[String]) -> Vec<String> {
    let (folder, _) = typed.rsplit_once('.').unwrap_or(("", typed));
    let names = if folder.is_empty() { vec!["net.".to_owned()] } else { below(folder, links) };
    let whole = |name: String| if folder.is_empty() { name } else { format!("{folder}.{name}") };
    let mut all: Vec<String> = names.into_iter().map(whole).filter(|name| name.starts_with(typed)).collect();
    all.sort();
    all
}

/// The content of a folder of settings.
fn below(folder: &str, links: &[String]) -> Vec<String> {
    let path = folder.split('.').map(in_path).collect::<Vec<_>>().join("/");
    if !path.split('/').all(is_plain) || !(path == "net" || path.starts_with("net/")) {
        return Vec::new();
    }
    if OF_LINKS.contains(&path.as_str()) {
        // A dot in a link's name is written as a slash, as sysctl(8) does it.
        let links = links.iter().map(|link| link.replace('.', "/"));
        return ["all", "default"].map(str::to_owned).into_iter().chain(links).map(|name| format!("{name}.")).collect();
    }
    let entries = fs::read_dir(here(&path)).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| named(&entry)).collect()
}

fn named(entry: &fs::DirEntry) -> Option<String> {
    let name = entry.file_name().to_str()?.replace('.', "/");
    Some(if entry.file_type().ok()?.is_dir() { format!("{name}.") } else { name })
}

/// In this process's namespace the folder of a link may not exist; all of them have the same settings.
fn here(path: &str) -> PathBuf {
    let of_link = OF_LINKS.iter().find(|parent| Path::new(path).parent() == Some(Path::new(parent)));
    match of_link {
        Some(parent) => Path::new(ROOT).join(parent).join("default"),
        None => Path::new(ROOT).join(path),
    }
}

fn in_path(part: &str) -> String {
    part.replace('/', ".")
}

/// Whether a part of a path stays in the folder: not `..`, for example.
fn is_plain(part: &str) -> bool {
    !part.is_empty() && part != "." && part != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_completed_level_by_level() {
        assert_eq!(beginning_with("n", &[]), ["net."]);
        assert!(beginning_with("net.", &[]).contains(&"net.ipv4.".to_owned()));
        assert_eq!(
            beginning_with("net.ipv4.ip_forw", &[]),
            ["net.ipv4.ip_forward", "net.ipv4.ip_forward_update_priority", "net.ipv4.ip_forward_use_pmtu"]
        );
        let links = ["eth0.10".to_owned()];
        assert_eq!(beginning_with("net.ipv4.conf.e", &links), ["net.ipv4.conf.eth0/10."]);
        assert!(
            beginning_with("net.ipv4.conf.eth0/10.rp", &links).contains(&"net.ipv4.conf.eth0/10.rp_filter".to_owned())
        );
        assert!(beginning_with("net...", &[]).is_empty());
        assert!(beginning_with("kernel.", &[]).is_empty());
    }
}
