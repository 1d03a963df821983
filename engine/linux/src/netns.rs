//! Namespaces: made and removed as `ip netns` does it, and entered. The only file with `setns`.

mod ahead;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns};

use ahead::Ahead;

use super::netfilter::NftSocket;
use super::socket::RouteSocket;
use super::{Absent, Failure, Kernel, Outcome, privilege, resolver};
use crate::journal::{Key, Place};
use netscript_net::error::Errno;
use netscript_net::files;
use netscript_net::op::{IfName, NetnsName, NetnsOp, NetnsRef, PidRef, raw};
use netscript_net::state::{Contents, LinkType, Peer};

/// Where names of namespaces live (`NETNS_RUN_DIR`, iproute2's include/namespace.h).
pub(crate) const NETNS_DIR: &str = "/run/netns";

/// The calling thread's own namespace; `/proc/self` would be the main thread's.
pub(super) const OWN: &str = "/proc/thread-self/ns/net";

/// How many links a lab may make.
pub(super) const BLOCK: u32 = 100_000;

/// The namespaces that a lab uses, each with its sockets, which stay with the namespace that
/// they were opened in.
pub(crate) struct Namespaces {
    home: File,
    open: HashMap<NetnsRef, Space>,
    /// Those of `open` that end with a process of others: our open files would keep them alive.
    borrowed: Vec<NetnsRef>,
    holders: HashMap<u32, u32>,
    indexes: Indexes,
    /// `/run/netns` has been made what `ip netns` makes of it.
    folder_shared: bool,
    /// The indexes of links that nobody else can touch, while operations are done together.
    pub(super) known: Vec<(NetnsRef, IfName, u32)>,
    /// Namespaces for what is about to be done.
    ahead: Option<Ahead>,
}

/// The indexes of the lab's links: a block of its own, far from those that the kernel gives, so
/// that a link is known before it is made, and for good. A move takes its index along.
struct Indexes {
    base: u32,
    next: u32,
}

/// A namespace in use.
struct Space {
    file: File,
    inode: u64,
    key: Option<Key>,
    route: Option<RouteSocket>,
    nft: Option<NftSocket>,
}

impl Namespaces {
    pub(super) fn new() -> Outcome<Namespaces> {
        let indexes = Indexes { base: BLOCK, next: BLOCK };
        Ok(Namespaces {
            home: File::open(OWN)?,
            open: HashMap::new(),
            borrowed: Vec::new(),
            holders: HashMap::new(),
            indexes,
            folder_shared: false,
            known: Vec::new(),
            ahead: None,
        })
    }

    /// Gives the lab's links indexes from here on.
    pub(super) fn use_block(&mut self, base: u32, next: u32) {
        self.indexes = Indexes { base, next };
    }

    /// The index of the next link.
    pub(super) fn upcoming_index(&self) -> u32 {
        self.indexes.next
    }

    /// The index of the next link, which is used up by that.
    pub(super) fn take_index(&mut self) -> u32 {
        self.indexes.next += 1;
        self.indexes.next - 1
    }

    /// Whether an index is one of the lab's own.
    pub(super) fn is_own_index(&self, index: u32) -> bool {
        (self.indexes.base..self.indexes.base.saturating_add(BLOCK)).contains(&index)
    }

    /// What identifies a namespace.
    pub(super) fn key(&mut self, netns: &NetnsRef) -> Outcome<Key> {
        if let Some(key) = self.space(netns)?.key {
            return Ok(key);
        }
        let cookie = self.route_socket(netns)?.cookie();
        let key = key_of(&self.file(netns)?, cookie, is_kept_by_name(netns))?;
        self.space(netns)?.key = Some(key);
        Ok(key)
    }

    /// A namespace as a journal names it.
    pub(super) fn place(&mut self, netns: &NetnsRef) -> Outcome<Place> {
        let pid = match netns {
            NetnsRef::Host | NetnsRef::Named(_) => None,
            NetnsRef::Held(number) => self.holders.get(number).copied(),
            NetnsRef::OfPid(pid) => Some(*pid),
        };
        let process = pid.and_then(super::process::identify);
        Ok(Place { netns: netns.clone(), key: self.key(netns)?, process })
    }

    /// Whether a namespace that is in use already is the one that a journal names.
    pub(super) fn is_open_as(&self, netns: &NetnsRef, key: Key) -> bool {
        self.open.get(netns).is_some_and(|space| space.key.is_some_and(|known| known.is_same(key)))
    }

    /// Lets go of a namespace whose holder has been ended.
    pub(super) fn forget_holder(&mut self, number: u32) {
        self.close(&NetnsRef::Held(number));
        self.holders.remove(&number);
    }

    /// The namespaces that are in use and are one.
    pub(super) fn opened_as(&self, key: Key) -> Vec<NetnsRef> {
        let same = self.open.iter().filter(|(_, space)| space.key.is_some_and(|known| known.is_same(key)));
        same.map(|(netns, _)| netns.clone()).collect()
    }

    /// The file that stands for a namespace; it keeps the namespace alive while it is open.
    pub(crate) fn file(&self, netns: &NetnsRef) -> Outcome<File> {
        match (netns, self.open.get(netns)) {
            (NetnsRef::Host, _) => Ok(self.home.try_clone()?),
            // Others may have taken the name away, or given it to another.
            (NetnsRef::Named(name), Some(space)) if !space.is_at(&path_of(name)) => self.open_file(netns),
            (_, Some(space)) => Ok(space.file.try_clone()?),
            (_, None) => self.open_file(netns),
        }
    }

    fn open_file(&self, netns: &NetnsRef) -> Outcome<File> {
        let path = match netns {
            NetnsRef::Host => return Ok(self.home.try_clone()?),
            NetnsRef::Named(name) => path_of(name),
            NetnsRef::Held(number) => match self.holders.get(number) {
                Some(pid) => ns_of_pid(*pid),
                None => return Err(Failure::absent(Absent::Netns(netns.clone()), Errno::ENOENT)),
            },
            NetnsRef::OfPid(pid) => ns_of_pid(*pid),
        };
        let absent = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Failure::absent(what_is_missing(netns), error),
            // No namespace is a FIFO, a device or a folder.
            io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => {
                Failure::absent(what_is_missing(netns), Errno::EINVAL)
            }
            _ if matches!(netns, NetnsRef::OfPid(_)) => looked_into(netns, error),
            _ => error.into(),
        };
        let file = files::open(path).map_err(absent)?;
        match nix::sys::statfs::fstatfs(&file) {
            Ok(stat) if stat.filesystem_type() == nix::sys::statfs::NSFS_MAGIC => Ok(file),
            _ => Err(Failure::absent(what_is_missing(netns), Errno::EINVAL)),
        }
    }

    fn space(&mut self, netns: &NetnsRef) -> Outcome<&mut Space> {
        self.give_back();
        if !self.open.contains_key(netns) {
            let space = Space::new(self.open_file(netns)?)?;
            self.open.insert(netns.clone(), space);
            if is_borrowed(netns) {
                self.borrowed.push(netns.clone());
            }
        }
        Ok(self.open.get_mut(netns).expect("it was just put there"))
    }

    /// Lets go of namespaces whose process has ended.
    fn give_back(&mut self) {
        let (borrowed, open) = (&mut self.borrowed, &mut self.open);
        borrowed.retain(|netns| {
            let path = match netns {
                NetnsRef::Named(name) => path_of(name),
                NetnsRef::OfPid(pid) => ns_of_pid(*pid),
                NetnsRef::Host | NetnsRef::Held(_) => return false,
            };
            let stands = open.get(netns).is_some_and(|space| space.is_at(&path));
            if !stands {
                open.remove(netns);
            }
            stands
        });
    }

    /// The namespace's own rtnetlink socket, opened on first use.
    pub(super) fn route_socket(&mut self, netns: &NetnsRef) -> Outcome<&mut RouteSocket> {
        if self.space(netns)?.route.is_none() {
            let socket = self.within(netns, RouteSocket::open)??;
            self.space(netns)?.route = Some(socket);
        }
        Ok(self.space(netns)?.route.as_mut().expect("it was just opened"))
    }

    /// The rtnetlink sockets that are open.
    pub(super) fn route_sockets(&mut self) -> impl Iterator<Item = &mut RouteSocket> {
        self.open.values_mut().filter_map(|space| space.route.as_mut())
    }

    /// The namespace's own nfnetlink socket, opened on first use.
    pub(super) fn nft_socket(&mut self, netns: &NetnsRef) -> Outcome<&mut NftSocket> {
        if self.space(netns)?.nft.is_none() {
            let socket = self.within(netns, NftSocket::open)??;
            self.space(netns)?.nft = Some(socket);
        }
        Ok(self.space(netns)?.nft.as_mut().expect("it was just opened"))
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

    /// Every namespace that can be told: the host, those in use, those under `/run/netns`, and those
    /// without a name that this lab holds.
    pub(super) fn candidates(&self) -> Outcome<Vec<NetnsRef>> {
        let mut in_use: Vec<NetnsRef> = self.open.keys().filter(|netns| **netns != NetnsRef::Host).cloned().collect();
        in_use.sort();
        let others = names()?.into_iter().map(NetnsRef::Named).filter(|netns| !self.open.contains_key(netns));
        let held = self.holders.keys().copied().map(NetnsRef::Held).filter(|netns| !self.open.contains_key(netns));
        let (named, nameless): (Vec<_>, Vec<_>) = in_use.into_iter().partition(|netns| netns.name().is_some());
        Ok([NetnsRef::Host].into_iter().chain(named).chain(others).chain(nameless).chain(held).collect())
    }

    /// Forgets what is open in a namespace: an open file would keep it alive.
    pub(super) fn close(&mut self, netns: &NetnsRef) {
        self.open.remove(netns);
    }

    pub(super) fn contents(&mut self, netns: &NetnsRef) -> Outcome<Contents> {
        // A namespace that was asked about once is one that links may lead to.
        let inode = match netns {
            NetnsRef::Host => self.home.metadata()?.ino(),
            NetnsRef::Named(_) | NetnsRef::Held(_) | NetnsRef::OfPid(_) => self.space(netns)?.inode,
        };
        Ok(Contents { inode, pids: pids_in(inode) })
    }
}

impl Space {
    fn new(file: File) -> Outcome<Space> {
        Ok(Space { inode: file.metadata()?.ino(), file, key: None, route: None, nft: None })
    }

    /// A namespace that nobody else knows of yet.
    fn with_socket(file: File, route: RouteSocket) -> Outcome<Space> {
        let key = key_of(&file, route.cookie(), true)?;
        Ok(Space { inode: key.inode, file, key: Some(key), route: Some(route), nft: None })
    }

    fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|now| now.ino() == self.inode)
    }
}

/// What identifies a namespace. Without a cookie it is when the kernel made the inode of its file: the file of a
/// namespace with a name (`kept`) stays as long as the name, and the number of an inode is given again only
/// after the namespace has ended, which is later.
fn key_of(file: &File, cookie: Option<u64>, kept: bool) -> Outcome<Key> {
    let data = file.metadata()?;
    let made = || if kept { (data.ctime() * 1_000_000_000 + data.ctime_nsec()).cast_unsigned() } else { 0 };
    Ok(Key { inode: data.ino(), cookie: cookie.unwrap_or_else(made) })
}

/// Whether a mount keeps the namespace's file.
fn is_kept_by_name(netns: &NetnsRef) -> bool {
    match netns {
        NetnsRef::Named(name) => !is_link(&path_of(name)),
        NetnsRef::Host | NetnsRef::Held(_) | NetnsRef::OfPid(_) => false,
    }
}

/// Whether a namespace lives as long as a process of others: it is reached through the process, or
/// its name is a symbolic link to it.
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

/// A name may be there that stands for nothing: a symbolic link to a process that has ended, a file
/// that nothing is mounted on.
fn what_is_missing(netns: &NetnsRef) -> Absent {
    match netns {
        NetnsRef::Named(name) if fs::symlink_metadata(path_of(name)).is_ok() => Absent::Leftover(name.clone()),
        NetnsRef::OfPid(pid) => Absent::Process(*pid),
        NetnsRef::Host | NetnsRef::Named(_) | NetnsRef::Held(_) => Absent::Netns(netns.clone()),
    }
}

/// The failure of opening what belongs to a process.
fn looked_into(netns: &NetnsRef, error: io::Error) -> Failure {
    let failure = Failure::from(error);
    let doing = || format!("open {netns}");
    match privilege::without(privilege::CAP_SYS_PTRACE, failure.refusal.errno, doing) {
        Some(error) => Failure { absent: Some(Absent::Leave(Box::new(error))), ..failure },
        None => match netns {
            NetnsRef::OfPid(pid) => privilege::out_of_reach(*pid, failure),
            NetnsRef::Host | NetnsRef::Named(_) | NetnsRef::Held(_) => failure,
        },
    }
}

/// Moves the calling thread into a namespace.
pub(super) fn enter(netns: impl AsFd) -> Outcome {
    Ok(setns(netns, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)?)
}

pub(super) fn path_of(name: &NetnsName) -> PathBuf {
    Path::new(NETNS_DIR).join(OsStr::from_bytes(&raw::to_bytes(name.as_str())))
}

pub(super) fn ns_of_pid(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/ns/net"))
}

/// The processes by the inodes of the namespaces that their main threads are in.
pub(super) fn pids_by_netns() -> HashMap<u64, Vec<u32>> {
    let mut found: HashMap<u64, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            && let Ok(netns) = fs::metadata(ns_of_pid(pid))
        {
            found.entry(netns.ino()).or_default().push(pid);
        }
    }
    found
}

/// The processes whose main thread is in a namespace, as `ip netns pids` finds them.
pub(super) fn pids_in(inode: u64) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut pids: Vec<u32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::metadata(ns_of_pid(*pid)).is_ok_and(|meta| meta.ino() == inode))
        .collect();
    pids.sort_unstable();
    pids
}

/// `ip netns list`, sorted.
pub(super) fn names() -> Outcome<Vec<NetnsName>> {
    let entries = match fs::read_dir(NETNS_DIR) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(NetnsName::parse(&raw::from_bytes(entry?.file_name().as_bytes())).ok());
    }
    names.sort();
    Ok(names)
}

impl Kernel {
    pub(super) fn apply_netns(&mut self, op: &NetnsOp) -> Outcome {
        match op {
            NetnsOp::Add(name) => self.add_netns(name),
            NetnsOp::Del(name) | NetnsOp::Detach(name) => self.namespaces.del(name),
            NetnsOp::Hold(number) => {
                let pid = self.hold(*number)?;
                self.namespaces.holders.insert(*number, pid);
                Ok(())
            }
            NetnsOp::Release(number) => {
                let ending = self.namespaces.ending(&NetnsRef::Held(*number));
                self.namespaces.close(&NetnsRef::Held(*number));
                self.namespaces.holders.remove(number);
                self.processes.release(*number)?;
                self.namespaces.wait_for_end(&ending);
                Ok(())
            }
            NetnsOp::Attach(name, pid) => {
                let number = self.process_number(*pid)?;
                let path = ns_of_pid(number);
                match fs::metadata(&path) {
                    Ok(_) => bind(name, &path),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Errno::ESRCH.into()),
                    // Of a process that has more capabilities, say.
                    Err(error) => Err(privilege::out_of_reach(number, error.into())),
                }
            }
            NetnsOp::Resolver(name, servers) => resolver::set(name, servers),
        }
    }

    fn process_number(&mut self, pid: PidRef) -> Outcome<u32> {
        self.processes.pid(pid).map_err(|_| Failure::from(Errno::ESRCH))
    }
}

impl Kernel {
    /// `ip netns add NAME`: the namespace is made, written into the journal, and bound to its name.
    fn add_netns(&mut self, name: &NetnsName) -> Outcome {
        // A name that is taken must not get into the journal.
        if path_of(name).symlink_metadata().is_ok() {
            return Err(Errno::EEXIST.into());
        }
        let space = self.namespaces.unshared()?;
        let key = space.key.unwrap_or_default();
        let entry = self.record_new_netns(name, key)?;
        if let Err(failure) = self.namespaces.bind(name, &space) {
            entry.into_iter().for_each(|n| self.book.undone(n));
            return Err(failure);
        }
        self.namespaces.open.insert(NetnsRef::Named(name.clone()), space);
        Ok(())
    }
}

impl Namespaces {
    /// So many namespaces are about to be made.
    pub(super) fn make_ahead(&mut self, count: usize) {
        self.ahead = if count > 1 { Ahead::begin(count) } else { None };
    }

    /// A new namespace, with its socket: this thread makes it and goes back, if it has not been made yet.
    fn unshared(&self) -> Outcome<Space> {
        if let Some(made) = self.ahead.as_ref().and_then(Ahead::next) {
            return made;
        }
        let made = ahead::new_netns();
        enter(&self.home)?;
        made
    }

    /// Gives a new namespace its name.
    fn bind(&mut self, name: &NetnsName, space: &Space) -> Outcome {
        let netns = PathBuf::from(format!("/proc/self/fd/{}", space.file.as_raw_fd()));
        if self.folder_shared && Path::new(NETNS_DIR).is_dir() {
            return bind_in_folder(name, &netns);
        }
        bind(name, &netns)?;
        self.folder_shared = true;
        Ok(())
    }

    /// `ip netns del NAME`, over when the far ends of the namespace's pairs are gone.
    pub(super) fn del(&mut self, name: &NetnsName) -> Outcome {
        let netns = NetnsRef::Named(name.clone());
        let ending = self.ending(&netns);
        self.close(&netns);
        unbind(name)?;
        self.wait_for_end(&ending);
        Ok(())
    }

    /// What ends with a namespace, if nothing else keeps it alive.
    fn ending(&mut self, netns: &NetnsRef) -> Ending {
        let far_ends = self.far_ends(netns);
        let inode = self.file(netns).and_then(|file| Ok(file.metadata()?.ino())).ok();
        Ending { inode, far_ends }
    }

    /// Waits for the far ends of what has just been let go. Other handles of this lab on the same
    /// namespace are let go as well.
    fn wait_for_end(&mut self, ending: &Ending) {
        let Some(inode) = ending.inode else { return };
        if !ending.far_ends.is_empty() && pids_in(inode).is_empty() {
            self.give_back();
            self.wait_until_gone(inode, &ending.far_ends);
        }
    }

    /// The links elsewhere that end with a namespace; none if it cannot be looked into.
    fn far_ends(&mut self, netns: &NetnsRef) -> Vec<FarEnd> {
        let links = super::link::list(self, netns).unwrap_or_default();
        let mut far_ends = Vec::new();
        for link in links {
            let LinkType::Veth(Some(Peer { netns: Some(place), index: _, name: Some(name) })) = link.kind else {
                continue;
            };
            if place == *netns {
                continue;
            }
            // The kernel numbers a namespace when a link that leads to it is first looked at.
            let seen = super::link::index(self, &place, &name);
            if let Ok(Some(nsid)) = seen.and_then(|_| super::nsid::id_of(self, &place, netns)) {
                far_ends.push(FarEnd { place, name, nsid });
            }
        }
        far_ends
    }

    /// The kernel removes them in its own time; a new link of the same name would meet them. It
    /// removes nothing while something else keeps the namespace alive.
    fn wait_until_gone(&mut self, inode: u64, far_ends: &[FarEnd]) {
        const STEP: Duration = Duration::from_millis(1);
        const LIMIT: Duration = Duration::from_secs(10);
        // Our own socket lets go of the namespace a little later than it is closed (RCU), and a
        // program that is being started has our files until it is itself.
        const LETTING_GO: Duration = Duration::from_millis(150);
        let start = Instant::now();
        let (mut next_look, mut seen_kept) = (LETTING_GO, false);
        for far_end in far_ends {
            while super::link::index(self, &far_end.place, &far_end.name).is_ok() && start.elapsed() < LIMIT {
                if start.elapsed() > next_look {
                    let alive = super::nsid::is_alive(self, &far_end.place, far_end.nsid);
                    let kept = alive && super::keeper::is_kept(inode);
                    if kept && seen_kept {
                        return;
                    }
                    (next_look, seen_kept) = (start.elapsed() + LETTING_GO, kept);
                }
                std::thread::sleep(STEP);
            }
        }
    }
}

/// What ends with a namespace.
struct Ending {
    inode: Option<u64>,
    far_ends: Vec<FarEnd>,
}

/// The other end of a pair, in another namespace than the one that goes.
struct FarEnd {
    place: NetnsRef,
    name: IfName,
    /// What the kernel calls the namespace that goes, seen from `place`.
    nsid: i32,
}

/// Makes the file that a namespace is bound to, exclusively.
fn create_mount_point(name: &NetnsName) -> Outcome<PathBuf> {
    let path = path_of(name);
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o000).open(&path)?;
    Ok(path)
}

/// `/run/netns` as iproute2 makes it: mode 0755, a mount point of its own, shared, so that the
/// mounts in it are seen (and removed) in every mount namespace.
fn share_directory() -> Outcome {
    let dir = Path::new(NETNS_DIR);
    match DirBuilder::new().mode(0o755).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    // Two that made it a mount point at once would mount it twice, one over the other.
    let _lock = Flock::lock(File::open(dir)?, FlockArg::LockExclusive).map_err(|(_, error)| io::Error::from(error))?;
    match propagate(dir, MsFlags::MS_SHARED) {
        // Not a mount point yet.
        Err(nix::Error::EINVAL) => {
            mount(Some(dir), dir, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
                .map_err(io::Error::from)?;
            // Private first, so that it shares with its own copies and not with `/run`.
            propagate(dir, MsFlags::MS_PRIVATE).map_err(io::Error::from)?;
            Ok(propagate(dir, MsFlags::MS_SHARED).map_err(io::Error::from)?)
        }
        result => Ok(result.map_err(io::Error::from)?),
    }
}

fn propagate(dir: &Path, how: MsFlags) -> nix::Result<()> {
    mount(None::<&str>, dir, None::<&str>, how | MsFlags::MS_REC, None::<&str>)
}

fn bind_mount(from: &Path, to: &Path) -> Outcome {
    Ok(mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(io::Error::from)?)
}

/// `ip netns attach NAME PID`
pub(super) fn bind(name: &NetnsName, netns: &Path) -> Outcome {
    share_directory()?;
    bind_in_folder(name, netns)
}

/// The same, in a folder whose mounts are shared with other mount namespaces already: to see to that takes
/// as long as there are namespaces.
fn bind_in_folder(name: &NetnsName, netns: &Path) -> Outcome {
    let path = create_mount_point(name)?;
    super::kill::point();
    let bound = bind_mount(netns, &path);
    if bound.is_err() {
        let _ = fs::remove_file(&path);
    }
    bound
}

/// Takes a name away. A symbolic link or a file that is no mount point is removed as well, as
/// `ip netns del` does.
pub(super) fn unbind(name: &NetnsName) -> Outcome {
    let path = path_of(name);
    let link = fs::symlink_metadata(&path)
        .map_err(|error| Failure::absent(Absent::Netns(NetnsRef::Named(name.clone())), error))?;
    if !link.is_symlink() {
        match umount2(&path, MntFlags::MNT_DETACH) {
            Ok(()) | Err(nix::Error::EINVAL) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    Ok(fs::remove_file(&path)?)
}
