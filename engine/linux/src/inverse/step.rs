//! Inverses that are operations on named objects.

use crate::journal::{NamedOp, Place, Undo};
use crate::site::Site;
use crate::{Outcome, link, replay};
use netscript_net::op::IfName;
use netscript_net::state::Link;

/// An operation on named objects; no inverse if a link that it names does not exist.
pub(super) fn by_names(
    site: &mut Site,
    place: &Place,
    names: &[&IfName],
    op: impl Into<NamedOp>,
) -> Outcome<Vec<Undo>> {
    let mut found = Vec::new();
    for name in names {
        match link::index(&mut site.network.namespaces, &place.netns, name) {
            Ok(index) => found.push(((*name).clone(), index)),
            Err(rejection) if rejection.missing.is_some() => return Ok(Vec::new()),
            Err(rejection) => return Err(rejection),
        }
    }
    Ok(vec![Undo::Do { place: place.clone(), links: found, op: op.into(), message: None }])
}

/// An operation on a link that may not exist before the previous step of the inverse.
pub(super) fn by_index(place: &Place, link: &Link, op: impl Into<NamedOp>) -> Undo {
    let links = vec![(link.name.clone(), link.index.unwrap_or(0))];
    Undo::Do { place: place.clone(), links, op: op.into(), message: None }
}

/// `by_names` for an operation that restores an object, of which the kernel listed this message.
pub(super) fn restoring_by_names(
    site: &mut Site,
    place: &Place,
    names: &[&IfName],
    op: impl Into<NamedOp>,
    listed: &[u8],
) -> Outcome<Vec<Undo>> {
    let steps = by_names(site, place, names, op)?;
    steps.into_iter().map(|step| with_message(site, step, listed)).collect()
}

/// `by_index` for an operation that restores an object, of which the kernel listed this message.
pub(super) fn restoring_by_index(
    site: &mut Site,
    place: &Place,
    link: &Link,
    op: impl Into<NamedOp>,
    listed: &[u8],
) -> Outcome<Undo> {
    with_message(site, by_index(place, link, op), listed)
}

/// Adds the kernel's message to a step, if the operation does not restore all properties of the object.
fn with_message(site: &mut Site, step: Undo, listed: &[u8]) -> Outcome<Undo> {
    let Undo::Do { place, links, op, message: _ } = step else { return Ok(step) };
    let message = replay::needed(&mut site.network.namespaces, &place.netns, &op, &links, listed)?;
    Ok(Undo::Do { place, links, op, message })
}

/// Whether one of a step's links has this index.
pub(super) fn names_link(named: &[(IfName, u32)], index: Option<u32>) -> bool {
    named.iter().any(|(_, named)| Some(*named) == index)
}
