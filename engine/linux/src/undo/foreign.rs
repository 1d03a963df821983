//! Finds objects that others put into a lab's namespaces and bridges, and that would be removed with them.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{NamedOp, NetnsKey, Place, Process, Undo, UndoEffect};
use crate::lab::OtherLabs;
use crate::link::Outline;
use crate::netns::pids_by_netns;
use crate::proc::{identify, name_of, session_of};
use crate::process::Whose;
use crate::site::Site;
use crate::{Rejection, link as links};
use netscript_net::error::Result;
use netscript_net::op::{IfName, LinkOp, LinkSet, NetnsRef};

/// The objects in a lab's journal.
#[derive(Default)]
struct LabObjects {
    /// The lab's namespaces.
    namespaces: Vec<Place>,
    /// Links that the lab moved.
    moved: BTreeSet<u32>,
    /// Links that the lab made ports of a bridge.
    ports: BTreeSet<IfName>,
    /// The namespaces and indexes of the lab's links.
    links: Vec<(Place, u32)>,
    /// The lab's processes.
    processes: Vec<Process>,
}

impl LabObjects {
    fn of<'a>(undos: impl Iterator<Item = &'a Undo>) -> LabObjects {
        let mut known = LabObjects::default();
        for effect in undos.filter_map(Undo::effect) {
            // In a namespace of somebody else, only the name is removed.
            if let UndoEffect::NameRemoved { name, key, attached: false } = effect {
                known.namespaces.push(Place { netns: NetnsRef::Named(name.clone()), key, process: None });
            } else if let UndoEffect::ProcessEnded { process, what: _ } = effect {
                known.processes.push(process);
                let key = NetnsKey::default();
                known.namespaces.push(Place { netns: NetnsRef::OfPid(process.pid), key, process: Some(process) });
            } else if let UndoEffect::LinkMoved { from, to: _, name: _ } = effect {
                known.moved.insert(from.index);
            } else if let UndoEffect::LinkRemoved(link) = effect {
                known.links.push((link.place.clone(), link.index));
            } else if let UndoEffect::ByNames(NamedOp::Link(LinkOp::Set(name, LinkSet::Master(_)))) = effect {
                known.ports.insert(name.clone());
            }
        }
        known
    }
}

/// The objects that others put into the lab, in words. Links created by the lab's programs in its namespaces cannot be
/// told from links of others, so namespaces with such programs are not checked for links. A namespace that cannot be
/// read is an error, since something could be in it.
pub(crate) fn foreign(site: &mut Site) -> Result<Vec<String>> {
    let known = LabObjects::of(site.store.journal.entries.iter().flat_map(|entry| &entry.undo));
    let labs = OtherLabs::of(&mut site.store)?;
    let members: BTreeSet<u32> = site.processes.members(Whose::Lab).into_iter().map(|process| process.pid).collect();
    let mut found = Vec::new();
    let everyone = pids_by_netns();
    for place in known.namespaces.iter().filter(|place| matches!(place.netns, NetnsRef::Named(_))) {
        let unknown = |rejection: Rejection| rejection.into_error(|| format!("look into {}", place.netns));
        let Some(netns) = site.network.namespaces.find(place).map_err(unknown)? else { continue };
        let inside = everyone.get(&place.key.inode).map_or(&[][..], Vec::as_slice);
        let inside: Vec<u32> = inside.iter().copied().filter(|pid| !members.contains(pid)).collect();
        found.extend(foreign_processes(&known, &labs, &netns, &inside));
        if !site.store.journal.programs_ran(place.key) {
            let links = outlines(site, &netns)?;
            let foreign = links.iter().filter(|link| !knows(site, &known, link));
            found.extend(foreign.map(|link| {
                let of = of_lab(labs.of_link(link.index));
                format!("the link `{}`{of} in the namespace `{netns}`", link.name)
            }));
        }
    }
    // The links of a namespace are listed once, however many of them belong to the lab.
    let mut seen: BTreeMap<NetnsRef, Vec<Outline>> = BTreeMap::new();
    for (place, index) in &known.links {
        let unknown = |rejection: Rejection| rejection.into_error(|| format!("look into {}", place.netns));
        let Some(netns) = site.network.namespaces.find(place).map_err(unknown)? else { continue };
        if !seen.contains_key(&netns) {
            let links = outlines(site, &netns)?;
            seen.insert(netns.clone(), links);
        }
        found.extend(foreign_links(site, &known, &labs, &seen[&netns], *index));
    }
    Ok(found)
}

fn outlines(site: &mut Site, netns: &NetnsRef) -> Result<Vec<Outline>> {
    let links = site.network.namespaces.route_socket(netns).and_then(links::outlines);
    links.map_err(|rejection| rejection.into_error(|| format!("list the links of {netns}")))
}

/// Links of others that are ports of a link of the lab, or are stacked on it and end with it.
fn foreign_links(site: &Site, known: &LabObjects, labs: &OtherLabs, links: &[Outline], index: u32) -> Vec<String> {
    let Some(own) = links.iter().find(|link| link.index == index) else { return Vec::new() };
    let foreign = links.iter().filter(|link| !knows(site, known, link));
    let told = foreign.filter_map(|link| {
        let of = of_lab(labs.of_link(link.index));
        if link.lower == Some(index) {
            Some(format!("the link `{}`{of} stands on the lab's `{}`", link.name, own.name))
        } else if link.master == Some(index) && !known.ports.contains(&link.name) {
            Some(format!("the link `{}`{of} is a port of the lab's `{}`", link.name, own.name))
        } else {
            None
        }
    });
    told.collect()
}

fn knows(site: &Site, known: &LabObjects, link: &Outline) -> bool {
    site.network.namespaces.is_own_index(link.index) || known.moved.contains(&link.index)
}

fn foreign_processes(known: &LabObjects, labs: &OtherLabs, netns: &NetnsRef, inside: &[u32]) -> Vec<String> {
    let ours = |pid: u32| {
        let session = session_of(pid);
        pid == std::process::id()
            || known.processes.iter().any(|process| Some(process.pid) == session || Some(*process) == identify(pid))
    };
    let foreign = inside.iter().copied().filter(|pid| !ours(*pid));
    let told = foreign.map(|pid| {
        let of = of_lab(labs.of_process(pid));
        format!("process {pid} ({}){of} in the namespace `{netns}`", name_of(pid))
    });
    told.collect()
}

fn of_lab(lab: Option<&str>) -> String {
    lab.map_or_else(String::new, |lab| format!(" of the lab `{lab}`"))
}
