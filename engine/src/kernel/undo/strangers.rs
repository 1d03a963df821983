//! What others put into a lab's namespaces and bridges, which would go with them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::link::Outline;
use super::super::netns::pids_by_netns;
use super::super::process::{identify, name_of, session_of};
use super::super::{Kernel, link as links};
use crate::journal::{Deed, Key, Place, Process, Undo};
use crate::op::{IfName, LinkOp, LinkSet, NetnsRef};

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
        let everyone = pids_by_netns();
        for place in known.spaces.iter().filter(|place| matches!(place.netns, NetnsRef::Named(_))) {
            let Ok(Some(netns)) = self.find(place) else { continue };
            let inside = everyone.get(&place.key.inode).map_or(&[][..], Vec::as_slice);
            found.extend(self.strange_processes(&known, &netns, inside));
            if !self.book.programs_ran(place.key) {
                found.extend(self.strange_links(&known, &netns));
            }
        }
        // Each list of links is read once, however many of them are the lab's.
        let mut seen: BTreeMap<NetnsRef, Vec<Outline>> = BTreeMap::new();
        for (place, index) in &known.links {
            let Ok(Some(netns)) = self.find(place) else { continue };
            let links = seen.entry(netns).or_insert_with_key(|netns| self.outlines(netns));
            found.extend(self.strange_ports(&known, links, *index));
        }
        found
    }

    fn strange_processes(&mut self, known: &Known, netns: &NetnsRef, inside: &[u32]) -> Vec<String> {
        let ours = |pid: u32| {
            let session = session_of(pid);
            pid == std::process::id()
                || known.processes.iter().any(|process| Some(process.pid) == session || Some(*process) == identify(pid))
        };
        let strange = inside.iter().copied().filter(|pid| !ours(*pid));
        strange.map(|pid| format!("process {pid} ({}) in the namespace `{netns}`", name_of(pid))).collect()
    }

    fn strange_links(&mut self, known: &Known, netns: &NetnsRef) -> Vec<String> {
        let links = self.outlines(netns);
        let strange = links.iter().filter(|link| !self.knows(known, link));
        strange.map(|link| format!("the link `{}` in the namespace `{netns}`", link.name)).collect()
    }

    fn outlines(&mut self, netns: &NetnsRef) -> Vec<Outline> {
        self.namespaces.route_socket(netns).and_then(links::outlines).unwrap_or_default()
    }

    fn strange_ports(&self, known: &Known, links: &[Outline], index: u32) -> Vec<String> {
        let Some(bridge) = links.iter().find(|link| link.index == index) else { return Vec::new() };
        let ports = links.iter().filter(|link| link.master == Some(index));
        let strange = ports.filter(|port| !self.knows(known, port) && !known.ports.contains(&port.name));
        strange.map(|port| format!("the link `{}` is a port of the lab's `{}`", port.name, bridge.name)).collect()
    }

    fn knows(&self, known: &Known, link: &Outline) -> bool {
        self.namespaces.is_own_index(link.index) || known.moved.contains(&link.index)
    }
}
