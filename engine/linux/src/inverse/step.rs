//! Inverses that are operations on named objects.

use crate::journal::{NamedOp, Place, Undo};
use crate::site::Site;
use crate::{Outcome, link};
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
    Ok(vec![Undo::Do { place: place.clone(), links: found, op: op.into() }])
}

/// An operation on a link that may not exist before the previous step of the inverse.
pub(super) fn by_index(place: &Place, link: &Link, op: impl Into<NamedOp>) -> Undo {
    let links = vec![(link.name.clone(), link.index.unwrap_or(0))];
    Undo::Do { place: place.clone(), links, op: op.into() }
}

/// Whether one of a step's links has this index.
pub(super) fn names_link(named: &[(IfName, u32)], index: Option<u32>) -> bool {
    named.iter().any(|(_, named)| Some(*named) == index)
}
