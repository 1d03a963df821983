//! Builds labs with the fewest rtnetlink messages, written by hand, in the order that is cheapest for the kernel.

mod message;
mod socket;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::mpsc::{Receiver, sync_channel};

use message::Messages;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use socket::Socket;

/// Index of the bridge; the ends of pairs follow.
const BRIDGE: u32 = 1000;

/// Index of `lo`.
const LO: u32 = 1;

/// The router of the lab.
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// How many namespaces are made in advance.
const AHEAD: usize = 16;

/// How many messages go into one send.
const TOGETHER: usize = 64;

/// One bridge with an address, and namespaces on it: each with an address, a default route, and `lo` up.
pub fn lab(namespaces: u32) -> io::Result<()> {
    prepare_names()?;
    let made = make_ahead(namespaces);
    let mut host = Socket::open()?;
    let mut first = Messages::default();
    first.add_bridge(BRIDGE, "br0");
    first.add_address(BRIDGE, ROUTER, 16);
    host.send(&mut first)?;
    for n in 0..namespaces {
        let (netns, mut inside) = made.recv().map_err(io::Error::other)??;
        let (near, far) = (BRIDGE + 1 + 2 * n, BRIDGE + 2 + 2 * n);
        let mut pair = Messages::default();
        pair.add_pair((near, &format!("v{n}")), BRIDGE, (far, "eth0"), netns.as_raw_fd());
        host.send(&mut pair)?;
        let mut work = Messages::default();
        work.up(LO);
        work.add_address(far, address(n), 16);
        work.up(far);
        work.add_route(Ipv4Addr::UNSPECIFIED, 0, ROUTER);
        inside.send(&mut work)?;
    }
    // A bridge that is down forwards nothing, not even the namespaces' IPv6 discovery.
    let mut last = Messages::default();
    last.up(BRIDGE);
    host.send(&mut last)
}

/// Adds `count` addresses to one link.
pub fn addresses(count: u32) -> io::Result<()> {
    let mut host = Socket::open()?;
    let mut first = Messages::default();
    first.add_bridge(BRIDGE, "br0");
    host.send(&mut first)?;
    in_parts(&mut host, count, |messages, n| messages.add_address(BRIDGE, numbered(n), 32))
}

/// Adds `count` routes by one router.
pub fn routes(count: u32) -> io::Result<()> {
    let mut host = Socket::open()?;
    let mut first = Messages::default();
    first.add_bridge(BRIDGE, "br0");
    first.add_address(BRIDGE, ROUTER, 16);
    first.up(BRIDGE);
    host.send(&mut first)?;
    in_parts(&mut host, count, |messages, n| messages.add_route(numbered(n), 32, Ipv4Addr::new(10, 0, 0, 2)))
}

fn in_parts(host: &mut Socket, count: u32, add: impl Fn(&mut Messages, u32)) -> io::Result<()> {
    for start in (0..count).step_by(TOGETHER) {
        let mut messages = Messages::default();
        (start..count.min(start + TOGETHER as u32)).for_each(|n| add(&mut messages, n));
        host.send(&mut messages)?;
    }
    Ok(())
}

/// The address of the n-th namespace.
pub fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(ROUTER) + 1 + n)
}

/// The n-th of many addresses.
pub fn numbered(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 64, 0, 1)) + n)
}

/// `/run/netns`, a mount point that is shared.
fn prepare_names() -> io::Result<()> {
    const DIR: &str = "/run/netns";
    fs::create_dir_all(DIR)?;
    mount(Some(DIR), DIR, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
    Ok(mount(None::<&str>, DIR, None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>)?)
}

/// Makes unnamed namespaces, each with a socket in it, on another processor at the same time.
fn make_ahead(namespaces: u32) -> Receiver<io::Result<(File, Socket)>> {
    let (sender, receiver) = sync_channel(AHEAD);
    std::thread::spawn(move || (0..namespaces).try_for_each(|n| sender.send(new_netns(n))));
    receiver
}

/// Moves the calling thread to a new namespace.
fn new_netns(n: u32) -> io::Result<(File, Socket)> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let netns = File::open("/proc/thread-self/ns/net")?;
    add_name(&netns, &format!("n{n}"))?;
    Ok((netns, Socket::open()?))
}

/// Gives a namespace its name.
fn add_name(netns: &File, name: &str) -> io::Result<()> {
    let path = format!("/run/netns/{name}");
    OpenOptions::new().write(true).create_new(true).mode(0o000).open(&path)?;
    let netns = format!("/proc/self/fd/{}", netns.as_raw_fd());
    Ok(mount(Some(netns.as_str()), path.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
}
