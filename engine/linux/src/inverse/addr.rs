//! Inverses of operations on addresses.

use super::link::{by_index, names_link};
use crate::journal::{Deed, Place, Undo};
use crate::{Kernel, Outcome, link as links};
use netscript_net::op::{AddrOp, AddrSpec, IfName, NetnsRef, Op};
use netscript_net::state::Link;

impl Kernel {
    pub(super) fn inverse_of_addr(&mut self, whole: &Op, netns: &NetnsRef, op: &AddrOp) -> Outcome<Vec<Undo>> {
        let (AddrOp::Add(name, spec) | AddrOp::Del(name, spec)) = op;
        if self.goes_with_link(netns, name) {
            return Ok(Vec::new());
        }
        let Some(link) = links::find(&mut self.namespaces, netns, name)? else { return Ok(Vec::new()) };
        let place = self.namespaces.place(netns)?;
        let has = link.addrs.iter().any(|addr| addr.local == spec.local);
        match op {
            AddrOp::Add(..) if has => Ok(Vec::new()),
            AddrOp::Add(..) => Ok(vec![by_index(&place, &link, AddrOp::Del(name.clone(), spec.clone()))]),
            AddrOp::Del(..) if !has => Ok(Vec::new()),
            // With an address go others of its network, and routes.
            AddrOp::Del(..) => {
                let removes = |deed: &Deed, on: &[(IfName, u32)]| match deed {
                    Deed::Addr(AddrOp::Del(_, made)) => names_link(on, link.index) && made.local == spec.local,
                    _ => false,
                };
                let what = || format!("the address {} of `{name}` in {netns}", spec.local);
                self.guard_step(whole, Some(name), what, removes)?;
                let mut undo = later_addrs(&place, &link, spec);
                undo.extend(self.contents(&place, &link)?);
                Ok(undo)
            }
        }
    }
}

/// The addresses of a network are in the order in which they came, and the first is the one that
/// counts: those behind one that goes are taken away, to be put back behind it.
fn later_addrs(place: &Place, link: &Link, gone: &AddrSpec) -> Vec<Undo> {
    let of_network = link.addrs.iter().filter(|addr| addr.local.network() == gone.local.network());
    let later =
        of_network.skip_while(|addr| addr.local != gone.local).skip(1).filter(|addr| addr.local.addr().is_ipv4());
    later.map(|addr| by_index(place, link, AddrOp::Del(link.name.clone(), addr.spec()))).collect()
}
