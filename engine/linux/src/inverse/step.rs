//! Steps back that are operations by names.

use crate::journal::{NamedOp, Place, Undo};
use crate::site::Site;
use crate::{Outcome, link};
use netscript_net::op::IfName;
use netscript_net::state::Link;

/// An operation by names; nothing if a link that it names is not there.
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

/// An operation on a link that may not be there until the step before is done.
pub(super) fn by_index(place: &Place, link: &Link, op: impl Into<NamedOp>) -> Undo {
    let links = vec![(link.name.clone(), link.index.unwrap_or(0))];
    Undo::Do { place: place.clone(), links, op: op.into() }
}

/// Whether one of the links that a step names has this index.
pub(super) fn names_link(named: &[(IfName, u32)], index: Option<u32>) -> bool {
    named.iter().any(|(_, named)| Some(*named) == index)
}
