//! Settings, written back.

use crate::journal::Place;
use crate::site::Site;
use crate::{Outcome, sysctl};
use netscript_net::op::{NetnsRef, SysctlKey, SysctlOp};

/// Writes settings back, unless somebody else has changed the first since.
pub(super) fn write_back_all(site: &mut Site, place: &Place, wrote: &str, before: &[(SysctlKey, String)]) -> Outcome {
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(()) };
    if let Some((key, value)) = before.first()
        && !wrote.is_empty()
    {
        let now = sysctl::read(&mut site.network.namespaces, &netns, key).unwrap_or_default();
        if !same(&now, wrote) && !same(&now, value) {
            return Ok(());
        }
    }
    before.iter().try_for_each(|(key, value)| write_back(site, &netns, key, value, wrote))
}

/// A setting that is gone, with its link, has nothing to be written back to; one that the kernel
/// changed along has what was written to the first, or else somebody wrote it since.
fn write_back(site: &mut Site, netns: &NetnsRef, key: &SysctlKey, value: &str, wrote: &str) -> Outcome {
    let changed_along = |now: &str| wrote.is_empty() || same(now, wrote) || follows_inverted(key);
    match sysctl::read(&mut site.network.namespaces, netns, key) {
        Ok(now) if !same(&now, value) && changed_along(&now) => {
            let op = SysctlOp::Write(key.clone(), value.to_owned());
            sysctl::apply(&mut site.network.namespaces, netns, &op)
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Those that the kernel sets to the contrary of what was written (`inet_forward_change`).
fn follows_inverted(key: &SysctlKey) -> bool {
    key.relative_path().ends_with("/accept_redirects")
}

/// The kernel writes tabs where it reads any white space.
fn same(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}
