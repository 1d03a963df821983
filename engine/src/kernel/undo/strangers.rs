//! What others put into a lab's namespaces and bridges, which would go with them.

use std::collections::BTreeSet;

use super::super::netns::pids_in;
use super::super::process::{identify, name_of, session_of};
use super::super::{Kernel, link as links};
use crate::journal::{Deed, Key, Place, Process, Undo};
use crate::op::{IfName, LinkOp, LinkSet, NetnsRef};
use crate::state::{Link, LinkType};

/// What a lab's journal knows of.
#[derive(Default)]
struct Known {
    /// The lab's namespaces.
    spaces: Vec<Place>,
    /// Links that it moved.
    moved: BTreeSet<u32>,
    /// Links that it made ports of a bridge.
    ports: BTreeSet<IfName>,
    /// Where its links are, and their indexes.
    links: Vec<(Place, u32)>,
    /// Its processes.
    processes: Vec<Process>,
}

impl Known {
    fn of(undos: impl Iterator<Item = Undo>) -> Known {
        let mut known = Known::default();
        for undo in undos {
            match undo {
                Undo::Netns { name, key } => {
                    known.spaces.push(Place { netns: NetnsRef::Named(name), key, process: None });
                }
                Undo::Move { index, .. } => drop(known.moved.insert(index)),
                Undo::Do { deed: Deed::Link(LinkOp::Set(name, LinkSet::Master(_))), .. } => {
                    known.ports.insert(name);
                }
                Undo::Link { place, index, name: _ } => known.links.push((place, index)),
                Undo::Process { process, what: _ } => {
                    known.processes.push(process);
                    let key = Key::default();
                    known.spaces.push(Place { netns: NetnsRef::OfPid(process.pid), key, process: Some(process) });
                }
                Undo::Bind { .. }
                | Undo::Lost { .. }
                | Undo::Resolver { .. }
                | Undo::Make { .. }
                | Undo::Do { .. }
                | Undo::Sysctl { .. }
                | Undo::Rule { .. }
                | Undo::Rules { .. }
                | Undo::Policy { .. }
                | Undo::Chain { .. }
                | Undo::NewChain { .. }
                | Undo::Table { .. } => {}
            }
        }
        known
    }
}

impl Kernel {
    /// What others put into the lab, in words. Links that the lab's own programs made in its
    /// namespaces cannot be told from others'; where such programs ran, links are not asked about.
    pub(in super::super) fn strangers(&mut self) -> Vec<String> {
        let undos: Vec<Undo> = self.book.entries.iter().flat_map(|entry| entry.undo.clone()).collect();
        let known = Known::of(undos.into_iter());
        let mut found = Vec::new();
        for place in known.spaces.iter().filter(|place| matches!(place.netns, NetnsRef::Named(_))) {
            let Ok(Some(netns)) = self.find(place) else { continue };
            let inode = place.key.inode;
            found.extend(self.strange_processes(&known, &netns, inode));
            if !self.book.programs_ran(place.key) {
                found.extend(self.strange_links(&known, &netns));
            }
        }
        for (place, index) in &known.links {
            found.extend(self.strange_ports(&known, place, *index));
        }
        found
    }

    fn strange_processes(&mut self, known: &Known, netns: &NetnsRef, inode: u64) -> Vec<String> {
        let ours = |pid: u32| {
            let session = session_of(pid);
            pid == std::process::id()
                || known.processes.iter().any(|process| Some(process.pid) == session || Some(*process) == identify(pid))
        };
        let strange = pids_in(inode).into_iter().filter(|pid| !ours(*pid));
        strange.map(|pid| format!("process {pid} ({}) in the namespace `{netns}`", name_of(pid))).collect()
    }

    fn strange_links(&mut self, known: &Known, netns: &NetnsRef) -> Vec<String> {
        let links = links::list(&mut self.namespaces, netns).unwrap_or_default();
        let strange = links.iter().filter(|link| link.kind != LinkType::Loopback && !self.knows(known, link));
        strange.map(|link| format!("the link `{}` in the namespace `{netns}`", link.name)).collect()
    }

    fn strange_ports(&mut self, known: &Known, place: &Place, index: u32) -> Vec<String> {
        let Ok(Some(netns)) = self.find(place) else { return Vec::new() };
        let links = links::list(&mut self.namespaces, &netns).unwrap_or_default();
        let Some(bridge) = links.iter().find(|link| link.index == Some(index)) else { return Vec::new() };
        let ports = links.iter().filter(|link| link.master.as_ref() == Some(&bridge.name));
        let strange = ports.filter(|port| !self.knows(known, port) && !known.ports.contains(&port.name));
        strange.map(|port| format!("the link `{}` is a port of the lab's `{}`", port.name, bridge.name)).collect()
    }

    fn knows(&self, known: &Known, link: &Link) -> bool {
        link.index.is_some_and(|index| self.namespaces.is_own_index(index) || known.moved.contains(&index))
    }
}
