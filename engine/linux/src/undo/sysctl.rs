//! Restores settings.

use crate::journal::Place;
use crate::site::Site;
use crate::{Outcome, sysctl};
use netscript_net::op::{NetnsRef, SysctlKey, SysctlOp};

/// Restores settings, unless somebody else has changed the first one since then.
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

/// Restores a setting. If it vanished with its link, there is nothing to restore. If the kernel changed it together
/// with the first one, it has that one's value, or somebody has written it since then.
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

/// Whether the kernel sets it to the opposite of the written value (`inet_forward_change`).
fn follows_inverted(key: &SysctlKey) -> bool {
    key.relative_path().ends_with("/accept_redirects")
}

/// Whether two values are equal, apart from white space: the kernel writes tabs where it reads any white space.
fn same(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}
