//! The end of a namespace, which is complete when the other ends of its pairs are gone.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use super::bind::unbind;
use super::namespaces::Namespaces;
use super::paths::pids_in;
use super::users;
use crate::{Outcome, link, nsid};
use netscript_net::op::{IfName, NetnsName, NetnsRef};
use netscript_net::state::Peer;

/// The links that end with a namespace, if nothing else keeps it.
pub(crate) struct Ending {
    inode: Option<u64>,
    far_ends: Vec<FarEnd>,
}

/// The other end of a pair, in a namespace that stays.
struct FarEnd {
    place: NetnsRef,
    name: IfName,
    /// The id of the ending namespace, as seen from `place`.
    nsid: i32,
}

impl Ending {
    /// Finds the links that will end. Called before the namespace is released.
    pub(crate) fn of(namespaces: &mut Namespaces, netns: &NetnsRef) -> Ending {
        let far_ends = far_ends(namespaces, netns);
        let inode = namespaces.file(netns).and_then(|file| Ok(file.metadata()?.ino())).ok();
        Ending { inode, far_ends }
    }

    /// Waits for the other ends of pairs after the namespace has been released. Also releases this lab's other handles
    /// on the namespace.
    pub(crate) fn wait(&self, namespaces: &mut Namespaces) {
        let Some(inode) = self.inode else { return };
        if !self.far_ends.is_empty() && pids_in(inode).is_empty() {
            namespaces.give_back();
            wait_until_gone(namespaces, inode, &self.far_ends);
        }
    }
}

/// `ip netns del NAME`, complete when the other ends of the namespace's pairs are gone.
pub(crate) fn del(namespaces: &mut Namespaces, name: &NetnsName) -> Outcome {
    let netns = NetnsRef::Named(name.clone());
    let ending = Ending::of(namespaces, &netns);
    namespaces.close(&netns);
    unbind(name)?;
    ending.wait(namespaces);
    Ok(())
}

/// The links in other namespaces that end with a namespace; empty if it cannot be read.
fn far_ends(namespaces: &mut Namespaces, netns: &NetnsRef) -> Vec<FarEnd> {
    let links = link::list(namespaces, netns).unwrap_or_default();
    let mut far_ends = Vec::new();
    for link in links {
        let Some(Peer { netns: Some(place), index: _, name: Some(name) }) = link.kind.peer().cloned() else {
            continue;
        };
        if place == *netns {
            continue;
        }
        // The kernel assigns the namespace's id when a link that leads to it is first read.
        let seen = link::index(namespaces, &place, &name);
        if let Ok(Some(nsid)) = seen.and_then(|_| nsid::id_of(namespaces, &place, netns)) {
            far_ends.push(FarEnd { place, name, nsid });
        }
    }
    far_ends
}

/// Waits for the kernel to remove the links, which it does a little later: a new link with the same name would clash
/// with them. It removes nothing while something else keeps the namespace.
fn wait_until_gone(namespaces: &mut Namespaces, inode: u64, far_ends: &[FarEnd]) {
    const STEP: Duration = Duration::from_millis(1);
    const LIMIT: Duration = Duration::from_secs(10);
    // netscript's own socket releases the namespace a little after it is closed (RCU), and a child process has copies
    // of open files until it calls exec.
    const LETTING_GO: Duration = Duration::from_millis(150);
    let start = Instant::now();
    let (mut next_look, mut seen_kept) = (LETTING_GO, false);
    for far_end in far_ends {
        while link::index(namespaces, &far_end.place, &far_end.name).is_ok() && start.elapsed() < LIMIT {
            if start.elapsed() > next_look {
                let alive = is_alive(namespaces, &far_end.place, far_end.nsid);
                let kept = alive && users::is_kept(inode);
                if kept && seen_kept {
                    return;
                }
                (next_look, seen_kept) = (start.elapsed() + LETTING_GO, kept);
            }
            std::thread::sleep(STEP);
        }
    }
}

/// Whether the namespace with this id in `netns` still exists and can be entered.
fn is_alive(namespaces: &mut Namespaces, netns: &NetnsRef, id: i32) -> bool {
    namespaces.route_socket(netns).is_ok_and(|socket| link::has_links(socket, id))
}
