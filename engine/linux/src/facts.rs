//! Facts for errors: the other lab that created the object in the way.

use crate::lab::OtherLabs;
use crate::link;
use crate::site::Site;
use netscript_net::op::{Effect, LinkAt, NetnsRef, Op};

/// The other labs that created objects with the names that an operation wants to use.
pub(crate) fn made_by_others(site: &mut Site, op: &Op) -> Vec<String> {
    let Ok(labs) = OtherLabs::of(&mut site.store) else { return Vec::new() };
    let told = |what: String, lab: Option<&str>| {
        lab.map(|lab| {
            let quoted = netscript_dialect::quote(lab);
            format!("the lab `{lab}` made the {what}; `netscript down {quoted}` takes that lab down")
        })
    };
    let links = match op.effect() {
        Some(Effect::NetnsCreated(NetnsRef::Named(name)) | Effect::NetnsAttached(NetnsRef::Named(name), _)) => {
            return told(format!("namespace `{name}`"), labs.of_netns(&name)).into_iter().collect();
        }
        Some(Effect::LinkCreated { link, peer }) => [Some(link), peer],
        Some(Effect::LinkMoved { from: _, to }) => [Some(to), None],
        Some(
            Effect::NetnsCreated(_)
            | Effect::NetnsAttached(..)
            | Effect::NetnsRemoved(_)
            | Effect::NetnsDetached(_)
            | Effect::LinkRemoved(_),
        )
        | None => return Vec::new(),
    };
    let there = links.into_iter().flatten().filter_map(|LinkAt { netns, name }| {
        let index = link::index(&mut site.network.namespaces, netns, name).ok()?;
        told(format!("link `{name}`"), labs.of_link(index))
    });
    there.collect()
}
