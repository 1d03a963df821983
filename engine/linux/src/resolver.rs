//! The name servers of a namespace: `/etc/netns/NAME/resolv.conf`, which `ip netns exec` shows to programs in place of
//! the machine's (ip-netns(8), resolv.conf(5)).

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::journal::LABS_DIR;
use crate::netns::NETNS_ETC_DIR;
use netscript_net::error::{Errno, Result};
use netscript_net::files;
use netscript_net::op::{NetnsName, NetnsRef, raw};

/// The first line of netscript's files. Files without it belong to others and are left alone.
const MARK: &str = "# Made by netscript.";

fn path_of(name: &NetnsName) -> PathBuf {
    Path::new(NETNS_ETC_DIR).join(OsStr::from_bytes(&raw::to_bytes(name.as_str()))).join("resolv.conf")
}

/// Writes a namespace's file; without servers, removes it.
pub(crate) fn set(name: &NetnsName, servers: &[IpAddr]) -> Outcome {
    let path = path_of(name);
    if text(&path)?.is_some_and(|text| !text.starts_with(MARK)) {
        return Err(Errno::EEXIST.into());
    }
    if servers.is_empty() { Ok(remove(&path)?) } else { Ok(write(&path, servers)?) }
}

/// Restores the name servers, unless the file belongs to somebody else by then.
pub(crate) fn set_back(name: &NetnsName, before: &[IpAddr], had_folder: bool) -> Outcome {
    match text(&path_of(name))? {
        Some(text) if text.starts_with(MARK) && before.is_empty() && had_folder => Ok(fs::remove_file(path_of(name))?),
        Some(text) if text.starts_with(MARK) => set(name, before),
        Some(_) | None => Ok(()),
    }
}

/// Whether a namespace has a folder for its own versions of files in `/etc`.
pub(crate) fn has_folder(name: &NetnsName) -> bool {
    path_of(name).parent().is_some_and(Path::is_dir)
}

/// A file in the folder of all labs, which says that netscript created `/etc/netns`.
fn marker() -> PathBuf {
    Path::new(LABS_DIR).join(".made-etc-netns")
}

/// Notes that `/etc/netns` is about to be created, on the machine itself. All labs that are up share it, and the last
/// one removes it.
fn note_folder() -> io::Result<()> {
    if !Path::new(NETNS_ETC_DIR).exists() && Path::new(LABS_DIR).is_dir() {
        fs::write(marker(), "")?;
    }
    Ok(())
}

/// After the last lab: removes `/etc/netns` if it is empty, and forgets that netscript created it.
pub(crate) fn forget_folder() {
    remove_folder();
    let _ = fs::remove_file(marker());
}

/// Removes `/etc/netns` if it is empty and a lab created it.
fn remove_folder() {
    if marker().exists() && fs::remove_dir(NETNS_ETC_DIR).is_ok() {
        let _ = fs::remove_file(marker());
    }
}

fn write(path: &Path, servers: &[IpAddr]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(NETNS_ETC_DIR));
    note_folder()?;
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let lines: String = servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    let mut file = files::open_with(OpenOptions::new().write(true).create(true).truncate(true), path)?;
    file.write_all(format!("{MARK}\n{lines}").as_bytes())
}

/// Removes a file, and its folder if that is empty.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Some(folder) = path.parent() {
        let _ = fs::remove_dir(folder);
    }
    remove_folder();
    Ok(())
}

/// The name servers of a namespace, in order.
pub(crate) fn servers_of(netns: &NetnsRef) -> Result<Vec<IpAddr>> {
    let Some(name) = netns.name() else { return Ok(Vec::new()) };
    servers(name).map_err(|rejection| rejection.into_error(|| format!("read the name servers of {netns}")))
}

pub(crate) fn servers(name: &NetnsName) -> Outcome<Vec<IpAddr>> {
    Ok(parse(&text(&path_of(name))?.unwrap_or_default()))
}

fn text(path: &Path) -> io::Result<Option<String>> {
    match files::read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(text: &str) -> Vec<IpAddr> {
    /// `MAXNS` of resolv.h: programs use no more.
    const MOST: usize = 3;
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        words.next().filter(|key| *key == "nameserver")?;
        words.next()?.parse().ok()
    };
    text.lines().filter_map(server).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_as_the_resolver_reads_them() {
        let text = "# nameserver 1.1.1.1\nsearch example\nnameserver\t8.8.8.8 # here\nnameserver nonsense\nnameserver fd00::1\n";
        assert_eq!(parse(text).iter().map(IpAddr::to_string).collect::<Vec<_>>(), ["8.8.8.8", "fd00::1"]);
    }
}
