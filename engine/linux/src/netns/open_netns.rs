//! An open namespace, with its sockets. This is the only file that calls `setns`.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sched::{CloneFlags, setns};

use crate::Outcome;
use crate::journal::NetnsKey;
use crate::netfilter::NftSocket;
use crate::socket::RouteSocket;

/// An open namespace.
pub(crate) struct OpenNetns {
    pub(super) file: File,
    pub(super) inode: u64,
    pub(super) key: Option<NetnsKey>,
    pub(super) route: Option<RouteSocket>,
    pub(super) nft: Option<NftSocket>,
}

impl OpenNetns {
    pub(super) fn new(file: File) -> Outcome<OpenNetns> {
        Ok(OpenNetns { inode: file.metadata()?.ino(), file, key: None, route: None, nft: None })
    }

    /// A new namespace, which nobody else knows.
    pub(super) fn with_socket(file: File, route: RouteSocket) -> Outcome<OpenNetns> {
        let key = key_of(&file, route.cookie(), true)?;
        Ok(OpenNetns { inode: key.inode, file, key: Some(key), route: Some(route), nft: None })
    }

    /// Its identity, if it has been read.
    pub(crate) fn key(&self) -> Option<NetnsKey> {
        self.key
    }

    pub(super) fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|now| now.ino() == self.inode)
    }
}

/// The identity of a namespace. Instead of a cookie, older kernels have the creation time of the inode of its file. The
/// file of a namespace with a name (`kept`) exists as long as the name, and an inode number is reused only after the
/// namespace has ended, which is later.
pub(super) fn key_of(file: &File, cookie: Option<u64>, kept: bool) -> Outcome<NetnsKey> {
    let data = file.metadata()?;
    let made = || if kept { (data.ctime() * 1_000_000_000 + data.ctime_nsec()).cast_unsigned() } else { 0 };
    Ok(NetnsKey { inode: data.ino(), cookie: cookie.unwrap_or_else(made) })
}

/// Moves the calling thread into a namespace.
pub(crate) fn enter(netns: impl AsFd) -> Outcome {
    Ok(setns(netns, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?)
}

/// Moves the calling thread into a mount namespace. The thread must have its own current folder.
pub(crate) fn enter_mounts(mounts: impl AsFd) -> Outcome {
    Ok(setns(mounts, CloneFlags::CLONE_NEWNS).map_err(io::Error::from)?)
}
