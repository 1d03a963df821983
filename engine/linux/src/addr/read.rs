//! Reading addresses from the kernel.

use std::net::IpAddr;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};

use crate::Outcome;
use crate::listed::Listed;
use crate::socket::{RouteSocket, family_of};
use netscript_net::op::{Family, Prefix, Scope};
use netscript_net::state::Addr;

/// `ip addr show`, for all links or for one; IPv4 comes first.
pub(crate) fn dump(socket: &mut RouteSocket, index: Option<u32>) -> Outcome<Vec<(u32, Addr)>> {
    let answers = socket.dump(question(index.unwrap_or(0)))?;
    Ok(answers.into_iter().filter_map(read).collect())
}

/// `ip addr show` for one link, with the kernel's messages.
pub(crate) fn listed(socket: &mut RouteSocket, index: u32) -> Outcome<Vec<Listed<Addr>>> {
    let answers = socket.dump_listed(question(index))?;
    let addrs = answers.into_iter().filter_map(|Listed { object, message }| {
        let (on, object) = read(object)?;
        (on == index).then_some(Listed { object, message })
    });
    Ok(addrs.collect())
}

fn question(index: u32) -> RouteNetlinkMessage {
    let mut question = AddressMessage::default();
    question.header.index = index;
    RouteNetlinkMessage::GetAddress(question)
}

fn read(message: RouteNetlinkMessage) -> Option<(u32, Addr)> {
    let RouteNetlinkMessage::NewAddress(AddressMessage { header, attributes, .. }) = message else { return None };
    let family = family_of(header.family)?;
    let mut flags = AddressFlags::from_bits_retain(header.flags.bits().into());
    let (mut local, mut address, mut broadcast, mut label, mut proto) = (None, None, None, None, None);
    for attribute in attributes {
        match attribute {
            AddressAttribute::Local(addr) => local = Some(addr),
            AddressAttribute::Address(addr) => address = Some(addr),
            AddressAttribute::Broadcast(addr) => broadcast = Some(IpAddr::from(addr)),
            AddressAttribute::Label(text) => label = Some(text),
            AddressAttribute::Flags(all) => flags = all,
            AddressAttribute::Protocol(by) => proto = Some(by.into()).filter(|by| *by != 0),
            _ => {}
        }
    }
    let own = local.or(address)?;
    let addr = Addr {
        local: Prefix::new(own, header.prefix_len)?,
        peer: address.filter(|peer| *peer != own),
        broadcast,
        scope: Scope::from_number(header.scope.into()),
        label,
        nodad: flags.contains(AddressFlags::Nodad),
        tentative: flags.contains(AddressFlags::Tentative),
        deprecated: flags.contains(AddressFlags::Deprecated),
        permanent: flags.contains(AddressFlags::Permanent),
        // In IPv6 the same bit means a temporary address (`IFA_F_TEMPORARY`).
        secondary: family == Family::V4 && flags.contains(AddressFlags::Secondary),
        proto,
    };
    Some((header.index, addr))
}

/// Removes the default label, which is the link's name.
pub(crate) fn without_usual_label(mut addr: Addr, link: &str) -> Addr {
    addr.label = addr.label.filter(|label| label != link);
    addr
}
