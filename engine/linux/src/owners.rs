//! Which other lab made what is in the way: told in errors.

use std::os::unix::fs::MetadataExt;

use crate::Kernel;
use crate::journal::{Key, Process, Undo};
use crate::lab::{boot_id, lock_all};
use crate::netns::{BLOCK, path_of};
use crate::proc::{identify, session_of};
use netscript_net::error::Result;
use netscript_net::op::{Action, IfName, LinkOp, LinkSet, LinkSpec, NetnsName, NetnsOp, NetnsRef, Op};

/// What the journals of the other labs say.
pub(crate) struct OtherLabs(Vec<OtherLab>);

struct OtherLab {
    name: String,
    /// Its links have indexes from here on.
    base: u32,
    namespaces: Vec<(NetnsName, Key)>,
    processes: Vec<Process>,
}

impl OtherLabs {
    /// The lab that made a link, by the link's index.
    pub(crate) fn of_link(&self, index: u32) -> Option<&str> {
        self.find(|lab| (lab.base..lab.base.saturating_add(BLOCK)).contains(&index))
    }

    /// The lab that started a process, or one that leads its session.
    pub(crate) fn of_process(&self, pid: u32) -> Option<&str> {
        let (own, leader) = (identify(pid), session_of(pid).and_then(identify));
        self.find(|lab| lab.processes.iter().any(|process| Some(*process) == own || Some(*process) == leader))
    }

    /// The lab that gave a name to the namespace that has it now.
    fn of_netns(&self, name: &NetnsName) -> Option<&str> {
        let inode = std::fs::metadata(path_of(name)).ok()?.ino();
        self.find(|lab| lab.namespaces.iter().any(|(given, key)| given == name && key.inode == inode))
    }

    fn find(&self, made: impl Fn(&OtherLab) -> bool) -> Option<&str> {
        self.0.iter().find(|lab| made(lab)).map(|lab| lab.name.as_str())
    }
}

impl Kernel {
    /// What the other labs that are up have made.
    pub(crate) fn other_labs(&mut self) -> Result<OtherLabs> {
        let Some(own) = self.folder.as_ref().map(|folder| folder.name().to_owned()) else {
            return Ok(OtherLabs(Vec::new()));
        };
        let _all = lock_all()?;
        let boot = boot_id();
        let labs = self.others.besides(&own)?.filter_map(|(name, journal)| {
            let header = journal.header.as_ref().filter(|header| header.boot == boot)?;
            let mut lab = OtherLab { name: name.clone(), base: header.base, namespaces: vec![], processes: vec![] };
            for undo in journal.entries.iter().flat_map(|entry| &entry.undo) {
                if let Undo::Netns { name, key, attached: _ } = undo {
                    lab.namespaces.push((name.clone(), *key));
                } else if let Undo::Process { process, what: _ } = undo {
                    lab.processes.push(*process);
                }
            }
            Some(lab)
        });
        Ok(OtherLabs(labs.collect()))
    }

    /// Which other lab made what has the name that an operation wants to give.
    pub(crate) fn made_by_others(&mut self, op: &Op) -> Vec<String> {
        let Ok(labs) = self.other_labs() else { return Vec::new() };
        let told = |what: String, lab: Option<&str>| {
            lab.map(|lab| {
                let quoted = netscript_dialect::quote(lab);
                format!("the lab `{lab}` made the {what}; `netscript down {quoted}` takes that lab down")
            })
        };
        let mut links: Vec<(&NetnsRef, &IfName)> = Vec::new();
        match &op.action {
            Action::Netns(NetnsOp::Add(name) | NetnsOp::Attach(name, _)) => {
                return told(format!("namespace `{name}`"), labs.of_netns(name)).into_iter().collect();
            }
            Action::Link(LinkOp::Add(name, kind)) => {
                links.push((&op.netns, name));
                if let LinkSpec::Veth(veth) = kind {
                    links.push((veth.netns.as_ref().unwrap_or(&op.netns), &veth.peer));
                }
            }
            Action::Link(LinkOp::Set(_, LinkSet::Name(name))) => links.push((&op.netns, name)),
            Action::Link(LinkOp::Set(name, LinkSet::Netns(netns))) => links.push((netns, name)),
            Action::Netns(_)
            | Action::Link(_)
            | Action::Addr(_)
            | Action::Route(_)
            | Action::Policy(_)
            | Action::Neigh(_)
            | Action::Fdb(_)
            | Action::Netfilter(_)
            | Action::Sysctl(_) => {}
        }
        let there = links.into_iter().filter_map(|(netns, name)| {
            let index = crate::link::index(&mut self.namespaces, netns, name).ok()?;
            told(format!("link `{name}`"), labs.of_link(index))
        });
        there.collect()
    }
}
