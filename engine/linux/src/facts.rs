//! Which other lab made what is in the way: told in errors.

use crate::lab::OtherLabs;
use crate::link;
use crate::site::Site;
use netscript_net::op::{Action, IfName, LinkOp, LinkSet, NetnsOp, NetnsRef, Op};

/// Which other lab made what has the name that an operation wants to give.
pub(crate) fn made_by_others(site: &mut Site, op: &Op) -> Vec<String> {
    let Ok(labs) = OtherLabs::of(&mut site.store) else { return Vec::new() };
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
            links.extend(kind.peer(&op.netns).map(|peer| (peer.netns, peer.name)));
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
        let index = link::index(&mut site.network.namespaces, netns, name).ok()?;
        told(format!("link `{name}`"), labs.of_link(index))
    });
    there.collect()
}
