//! The namespaces that a lab uses, with their sockets.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::bind::{bind, bind_in_folder};
use super::open_netns::{OpenNetns, enter, key_of};
use super::paths::{NETNS_DIR, names, ns_of_pid, path_of, pids_in};
use super::prefetch::{self, Prefetch};
use crate::journal::{NetnsKey, Place};
use crate::netfilter::NftSocket;
use crate::socket::RouteSocket;
use crate::{Outcome, Rejection, privilege, proc};
use netscript_net::error::Errno;
use netscript_net::files;
use netscript_net::op::{IfName, NetnsName, NetnsRef};
use netscript_net::state::Contents;
use netscript_net::world::Missing;

/// The number of link indexes for a lab.
pub(crate) const BLOCK: u32 = 100_000;

/// The namespaces that a lab uses, with their sockets. A socket belongs to the namespace in which it was opened.
pub(crate) struct Namespaces {
    home: File,
    open: HashMap<NetnsRef, OpenNetns>,
    /// Namespaces in `open` that must end with a process of others; an open file would keep them.
    borrowed: Vec<NetnsRef>,
    holders: HashMap<u32, u32>,
    indexes: Indexes,
    /// Whether `/run/netns` has been prepared as by `ip netns`.
    folder_shared: bool,
    /// The indexes of links that nobody else can change, for the duration of a batch.
    pub(crate) known: Vec<(NetnsRef, IfName, u32)>,
    /// Namespaces created in advance for a batch.
    prefetched: Option<Prefetch>,
}

/// The indexes of the lab's links: a block far from the indexes that the kernel assigns, so that a link is identified
/// before it is created and afterwards. A move keeps the index.
struct Indexes {
    base: u32,
    next: u32,
}

impl Namespaces {
    pub(crate) fn new() -> Outcome<Namespaces> {
        let indexes = Indexes { base: BLOCK, next: BLOCK };
        Ok(Namespaces {
            home: File::open(proc::OWN_NETNS)?,
            open: HashMap::new(),
            borrowed: Vec::new(),
            holders: HashMap::new(),
            indexes,
            folder_shared: false,
            known: Vec::new(),
            prefetched: None,
        })
    }

    /// Sets the block of indexes for the lab's links.
    pub(crate) fn use_block(&mut self, base: u32, next: u32) {
        self.indexes = Indexes { base, next };
    }

    /// The index of the next link.
    pub(crate) fn upcoming_index(&self) -> u32 {
        self.indexes.next
    }

    /// Takes the index of the next link.
    pub(crate) fn take_index(&mut self) -> u32 {
        self.indexes.next += 1;
        self.indexes.next - 1
    }

    /// Whether an index is in the lab's block.
    pub(crate) fn is_own_index(&self, index: u32) -> bool {
        (self.indexes.base..self.indexes.base.saturating_add(BLOCK)).contains(&index)
    }

    /// The identity of a namespace.
    pub(crate) fn key(&mut self, netns: &NetnsRef) -> Outcome<NetnsKey> {
        if let Some(key) = self.open_netns(netns)?.key {
            return Ok(key);
        }
        let cookie = self.route_socket(netns)?.cookie();
        let key = key_of(&self.file(netns)?, cookie, is_kept_by_name(netns))?;
        self.open_netns(netns)?.key = Some(key);
        Ok(key)
    }

    /// A namespace for a journal.
    pub(crate) fn place(&mut self, netns: &NetnsRef) -> Outcome<Place> {
        let pid = match netns {
            NetnsRef::Host | NetnsRef::Named(_) => None,
            NetnsRef::Held(number) => self.holders.get(number).copied(),
            NetnsRef::OfPid(pid) => Some(*pid),
        };
        let process = pid.and_then(proc::identify);
        Ok(Place { netns: netns.clone(), key: self.key(netns)?, process })
    }

    /// Whether an open namespace has this identity.
    pub(crate) fn is_open_as(&self, netns: &NetnsRef, key: NetnsKey) -> bool {
        self.open.get(netns).is_some_and(|opened| opened.key.is_some_and(|known| known.is_same(key)))
    }

    /// Adds a process of the lab that holds a namespace.
    pub(crate) fn add_holder(&mut self, number: u32, pid: u32) {
        self.holders.insert(number, pid);
    }

    /// Releases a namespace whose holder has been ended.
    pub(crate) fn forget_holder(&mut self, number: u32) {
        self.close(&NetnsRef::Held(number));
        self.holders.remove(&number);
    }

    /// The open namespaces with this identity.
    pub(crate) fn opened_as(&self, key: NetnsKey) -> Vec<NetnsRef> {
        let same = self.open.iter().filter(|(_, opened)| opened.key.is_some_and(|known| known.is_same(key)));
        same.map(|(netns, _)| netns.clone()).collect()
    }

    /// The file of a namespace, which keeps the namespace while it is open.
    pub(crate) fn file(&self, netns: &NetnsRef) -> Outcome<File> {
        match (netns, self.open.get(netns)) {
            (NetnsRef::Host, _) => Ok(self.home.try_clone()?),
            // Others may have removed the name, or given it to another namespace.
            (NetnsRef::Named(name), Some(opened)) if !opened.is_at(&path_of(name)) => self.open_file(netns),
            (_, Some(opened)) => Ok(opened.file.try_clone()?),
            (_, None) => self.open_file(netns),
        }
    }

    fn open_file(&self, netns: &NetnsRef) -> Outcome<File> {
        let path = match netns {
            NetnsRef::Host => return Ok(self.home.try_clone()?),
            NetnsRef::Named(name) => path_of(name),
            NetnsRef::Held(number) => match self.holders.get(number) {
                Some(pid) => ns_of_pid(*pid),
                None => return Err(Rejection::missing(Missing::Netns(netns.clone()), Errno::ENOENT)),
            },
            NetnsRef::OfPid(pid) => ns_of_pid(*pid),
        };
        let missing = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Rejection::missing(what_is_missing(netns), error),
            // FIFOs, devices and folders are not namespaces.
            io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => {
                Rejection::missing(what_is_missing(netns), Errno::EINVAL)
            }
            _ if matches!(netns, NetnsRef::OfPid(_)) => looked_into(netns, error),
            _ => error.into(),
        };
        let file = files::open(path).map_err(missing)?;
        match nix::sys::statfs::fstatfs(&file) {
            Ok(stat) if stat.filesystem_type() == nix::sys::statfs::NSFS_MAGIC => Ok(file),
            _ => Err(Rejection::missing(what_is_missing(netns), Errno::EINVAL)),
        }
    }

    fn open_netns(&mut self, netns: &NetnsRef) -> Outcome<&mut OpenNetns> {
        self.give_back();
        if !self.open.contains_key(netns) {
            let opened = OpenNetns::new(self.open_file(netns)?)?;
            self.open.insert(netns.clone(), opened);
            if is_borrowed(netns) {
                self.borrowed.push(netns.clone());
            }
        }
        Ok(self.open.get_mut(netns).expect("it was just put there"))
    }

    /// Releases namespaces whose process has ended.
    pub(super) fn give_back(&mut self) {
        let (borrowed, open) = (&mut self.borrowed, &mut self.open);
        borrowed.retain(|netns| {
            let path = match netns {
                NetnsRef::Named(name) => path_of(name),
                NetnsRef::OfPid(pid) => ns_of_pid(*pid),
                NetnsRef::Host | NetnsRef::Held(_) => return false,
            };
            let stands = open.get(netns).is_some_and(|opened| opened.is_at(&path));
            if !stands {
                open.remove(netns);
            }
            stands
        });
    }

    /// The rtnetlink socket of a namespace, opened on first use.
    pub(crate) fn route_socket(&mut self, netns: &NetnsRef) -> Outcome<&mut RouteSocket> {
        if self.open_netns(netns)?.route.is_none() {
            let socket = self.within(netns, RouteSocket::open)??;
            self.open_netns(netns)?.route = Some(socket);
        }
        Ok(self.open_netns(netns)?.route.as_mut().expect("it was just opened"))
    }

    /// The open rtnetlink sockets.
    pub(crate) fn route_sockets(&mut self) -> impl Iterator<Item = &mut RouteSocket> {
        self.open.values_mut().filter_map(|opened| opened.route.as_mut())
    }

    /// The nfnetlink socket of a namespace, opened on first use.
    pub(crate) fn nft_socket(&mut self, netns: &NetnsRef) -> Outcome<&mut NftSocket> {
        if self.open_netns(netns)?.nft.is_none() {
            let socket = self.within(netns, NftSocket::open)??;
            self.open_netns(netns)?.nft = Some(socket);
        }
        Ok(self.open_netns(netns)?.nft.as_mut().expect("it was just opened"))
    }

    /// The current reference to a namespace of a journal; `None`: it does not exist.
    pub(crate) fn find(&mut self, place: &Place) -> Outcome<Option<NetnsRef>> {
        if place.netns == NetnsRef::Host || self.is_open_as(&place.netns, place.key) {
            return Ok(Some(place.netns.clone()));
        }
        let mut likely = self.opened_as(place.key);
        likely.extend(place.netns.name().map(|_| place.netns.clone()));
        if let Some(found) = self.find_among(place, likely) {
            return Ok(Some(found));
        }
        let mut others: Vec<NetnsRef> = names()?.into_iter().map(NetnsRef::Named).collect();
        others.retain(|name| *name != place.netns);
        let holder = place.process.filter(|process| proc::is_alive(*process));
        others.extend(holder.map(|process| NetnsRef::OfPid(process.pid)));
        Ok(self.find_among(place, others))
    }

    fn find_among(&mut self, place: &Place, candidates: Vec<NetnsRef>) -> Option<NetnsRef> {
        for candidate in candidates {
            match self.key(&candidate) {
                Ok(key) if key.is_same(place.key) => return Some(candidate),
                // An open file would keep it.
                Ok(_) | Err(_) => self.close(&candidate),
            }
        }
        None
    }

    /// Runs `f` with the calling thread in a namespace. `f` must not start threads.
    pub(crate) fn within<T>(&self, netns: &NetnsRef, f: impl FnOnce() -> T) -> Outcome<T> {
        if *netns == NetnsRef::Host {
            return Ok(f());
        }
        let file = self.file(netns)?;
        enter(&file)?;
        let result = f();
        enter(&self.home)?;
        Ok(result)
    }

    /// All namespaces that can be referred to: the host, open ones, those under `/run/netns`, and the lab's namespaces
    /// without a name.
    pub(crate) fn candidates(&self) -> Outcome<Vec<NetnsRef>> {
        let mut in_use: Vec<NetnsRef> = self.open.keys().filter(|netns| **netns != NetnsRef::Host).cloned().collect();
        in_use.sort();
        let others = names()?.into_iter().map(NetnsRef::Named).filter(|netns| !self.open.contains_key(netns));
        let held = self.holders.keys().copied().map(NetnsRef::Held).filter(|netns| !self.open.contains_key(netns));
        let (named, nameless): (Vec<_>, Vec<_>) = in_use.into_iter().partition(|netns| netns.name().is_some());
        Ok([NetnsRef::Host].into_iter().chain(named).chain(others).chain(nameless).chain(held).collect())
    }

    /// Closes everything open in a namespace: an open file would keep it.
    pub(crate) fn close(&mut self, netns: &NetnsRef) {
        self.open.remove(netns);
    }

    pub(crate) fn contents(&mut self, netns: &NetnsRef) -> Outcome<Contents> {
        // The namespace stays open, so that links that lead to it can be resolved.
        let inode = match netns {
            NetnsRef::Host => self.home.metadata()?.ino(),
            NetnsRef::Named(_) | NetnsRef::Held(_) | NetnsRef::OfPid(_) => self.open_netns(netns)?.inode,
        };
        Ok(Contents { inode, pids: pids_in(inode) })
    }

    /// Announces that a number of namespaces will be created.
    pub(crate) fn prefetch(&mut self, count: usize) {
        self.prefetched = if count > 1 { Prefetch::begin(count) } else { None };
    }

    /// A new namespace with its socket, from the prefetched ones, or created by this thread, which then returns to its
    /// own.
    pub(crate) fn unshared(&self) -> Outcome<OpenNetns> {
        if let Some(made) = self.prefetched.as_ref().and_then(Prefetch::next) {
            return made;
        }
        let made = prefetch::new_netns();
        enter(&self.home)?;
        made
    }

    /// Adds a new namespace.
    pub(crate) fn add(&mut self, netns: NetnsRef, opened: OpenNetns) {
        self.open.insert(netns, opened);
    }

    /// Gives a new namespace a name.
    pub(crate) fn bind(&mut self, name: &NetnsName, opened: &OpenNetns) -> Outcome {
        let netns = PathBuf::from(format!("/proc/self/fd/{}", opened.file.as_raw_fd()));
        if self.folder_shared && Path::new(NETNS_DIR).is_dir() {
            return bind_in_folder(name, &netns);
        }
        bind(name, &netns)?;
        self.folder_shared = true;
        Ok(())
    }
}

/// Whether a mount keeps the namespace's file.
fn is_kept_by_name(netns: &NetnsRef) -> bool {
    match netns {
        NetnsRef::Named(name) => !is_link(&path_of(name)),
        NetnsRef::Host | NetnsRef::Held(_) | NetnsRef::OfPid(_) => false,
    }
}

/// Whether a namespace must end with a process of others: it is reached through the process, or its name is a symbolic
/// link to the process.
fn is_borrowed(netns: &NetnsRef) -> bool {
    match netns {
        NetnsRef::OfPid(_) => true,
        NetnsRef::Named(name) => is_link(&path_of(name)),
        NetnsRef::Host | NetnsRef::Held(_) => false,
    }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// A name may exist without a namespace: a symbolic link to a process that has ended, or a file without a mount.
fn what_is_missing(netns: &NetnsRef) -> Missing {
    match netns {
        NetnsRef::Named(name) if fs::symlink_metadata(path_of(name)).is_ok() => Missing::Leftover(name.clone()),
        NetnsRef::OfPid(pid) => Missing::Process(*pid),
        NetnsRef::Host | NetnsRef::Named(_) | NetnsRef::Held(_) => Missing::Netns(netns.clone()),
    }
}

/// The rejection for a failure to open a process's namespace.
fn looked_into(netns: &NetnsRef, error: io::Error) -> Rejection {
    let rejection = Rejection::from(error);
    let doing = || format!("open {netns}");
    match privilege::without(privilege::CAP_SYS_PTRACE, rejection.errno, doing) {
        Some(error) => Rejection { missing: Some(Missing::Other(Box::new(error))), ..rejection },
        None => match netns {
            NetnsRef::OfPid(pid) => privilege::out_of_reach(*pid, rejection),
            NetnsRef::Host | NetnsRef::Named(_) | NetnsRef::Held(_) => rejection,
        },
    }
}
