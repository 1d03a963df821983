//! Ethernet over UDP (drivers/net/vxlan/).

use std::net::{IpAddr, Ipv6Addr};

use super::behaviour::{
    Behaviour, Below, Carrier, ETHERNET_MAX_MTU, ETHERNET_MIN_MTU, Facts, Fdb, Ipv6, OperStateRule, Origin,
};
use crate::data::device::{Device, ETHERNET_MTU, Forward, IPV4_MIN_MTU};
use crate::data::ids::{DevId, NetnsId};
use crate::data::kinds::{DeviceKind, Vxlan};
use crate::{Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{self, IfName, Mac, NetnsRef};
use netscript_net::state::{Hardware, LinkType};

impl Behaviour for Vxlan {
    fn facts(&self) -> Facts {
        let far_end = self.options.remote.or(self.options.group).or(self.options.local);
        Facts {
            origin: Origin::Made,
            below: self.lower.map_or(Below::Nothing, Below::Tunnel),
            master: None,
            handler: None,
            takes_handler: true,
            ethernet: true,
            carries_vlans: true,
            movable: true,
            ends_with_birthplace: true,
            carrier: Carrier::Always,
            state: OperStateRule::Unknown,
            mac_settable: true,
            mac_validated: true,
            mac_borrowed: false,
            mac_zero: false,
            mtu: (ETHERNET_MIN_MTU, ETHERNET_MAX_MTU),
            fdb: Fdb::Tunnel { ipv4: far_end.is_none_or(|addr| addr.is_ipv4()) },
            one_neighbour: false,
            ipv6: Ipv6::LinkLocal,
            multicast6: true,
        }
    }

    fn describe(&self, model: &Model, _seen_from: &NetnsRef) -> LinkType {
        let mut options = self.options.clone();
        if let Some(lower) = self.lower {
            options.dev = Some(model.device(lower).name.clone());
        }
        LinkType::Vxlan(options)
    }

    /// `vxlan_open` joins the group, over a link that the protocol runs over.
    fn check_up(&self, model: &Model, _id: DevId) -> Outcome {
        let (Some(group), Some(lower)) = (self.options.group, self.lower) else { return Ok(()) };
        let runs = match group {
            IpAddr::V4(_) => model.device(lower).mtu >= IPV4_MIN_MTU,
            IpAddr::V6(_) => model.has_ipv6(lower),
        };
        if runs { Ok(()) } else { Err(Errno::ENODEV.into()) }
    }

    /// `vxlan_change_mtu`
    fn check_mtu(&self, model: &Model, mtu: u32) -> Outcome {
        let Some(lower) = self.lower else { return Ok(()) };
        let room = model.device(lower).mtu.saturating_sub(headroom(&self.options));
        if mtu <= room { Ok(()) } else { Err(Errno::EINVAL.into()) }
    }
}

impl Model {
    pub(crate) fn add_vxlan(
        &mut self,
        netns: NetnsId,
        name: &IfName,
        vxlan: &op::Vxlan,
        lower: Option<DevId>,
    ) -> Outcome {
        self.check_name_is_free(netns, name)?;
        let vxlan = as_kept(vxlan);
        check_ends(&vxlan)?;
        if is_ipv6(&vxlan) && lower.is_some_and(|lower| self.has_ipv6(lower) && self.device(lower).disable6) {
            return Err(refused(Errno::EPERM, "IPv6 support disabled by administrator"));
        }
        if vxlan.remote.or(vxlan.group).is_some_and(|addr| addr.is_multicast()) && lower.is_none() {
            return Err(refused(Errno::EINVAL, "Local interface required for multicast remote destination"));
        }
        if is_link_local(&vxlan) && lower.is_none() {
            let text = "Local interface required for link-local local/remote addresses";
            return Err(refused(Errno::EINVAL, text));
        }
        if self.vni_taken(netns, &vxlan, lower) {
            return Err(refused(Errno::EEXIST, "A VXLAN device with the specified VNI already exists"));
        }
        self.check_new_name(netns, name)?;
        let mtu = match lower {
            Some(lower) => self.device(lower).mtu.saturating_sub(headroom(&vxlan)).max(ETHERNET_MIN_MTU),
            None => ETHERNET_MTU,
        };
        let remote = vxlan.remote.or(vxlan.group);
        let kind = DeviceKind::Vxlan(Vxlan { options: vxlan, lower });
        let link = self.insert_device(Device::new(netns, name.clone(), kind, Hardware::Unknown, mtu));
        // The default destination is an entry of the forwarding table.
        if let Some(remote) = remote {
            self.device_mut(link).fdb.push(Forward { mac: Mac([0; 6]), dst: remote, over: lower });
        }
        if let Some(lower) = lower {
            self.device_mut(lower).uppers.insert(link);
        }
        Ok(())
    }

    /// `vxlan_config_validate`: one device for each identifier, port and family.
    fn vni_taken(&self, netns: NetnsId, wanted: &op::Vxlan, lower: Option<DevId>) -> bool {
        self.devices.values().filter(|device| device.born == netns).any(|device| {
            let DeviceKind::Vxlan(Vxlan { options: other, lower: carrier }) = &device.kind else { return false };
            // Tunnels with link-local ends do not conflict if different links carry them.
            let apart = is_link_local(wanted) && *carrier != lower;
            !apart && other.id == wanted.id && other.port == wanted.port && is_ipv6(other) == is_ipv6(wanted)
        })
    }
}

/// The options as the kernel keeps them: far end and group share one attribute.
fn as_kept(vxlan: &op::Vxlan) -> op::Vxlan {
    let group = vxlan.group.or(vxlan.remote.filter(IpAddr::is_multicast));
    let ttl = vxlan.ttl.filter(|ttl| *ttl != 0);
    op::Vxlan { group, remote: vxlan.remote.filter(|addr| !addr.is_multicast()), ttl, ..vxlan.clone() }
}

/// `vxlan_config_validate`: which addresses can be combined.
fn check_ends(vxlan: &op::Vxlan) -> Outcome {
    if vxlan.local.is_some_and(|local| local.is_multicast()) {
        return Err(refused(Errno::EINVAL, "Local address cannot be multicast"));
    }
    if !is_ipv6(vxlan) {
        return Ok(());
    }
    let remote = ipv6_of(vxlan.remote.or(vxlan.group));
    let remote_is_near = match remote {
        // Link-local groups (ff02::/16) may have any source.
        _ if is_link_local(vxlan) => remote.is_unspecified() || is_near(remote),
        remote => !remote.is_unicast_link_local(),
    };
    match remote_is_near {
        true => Ok(()),
        false => Err(refused(Errno::EINVAL, "Invalid combination of local and remote address scopes")),
    }
}

/// `VXLAN_F_IPV6_LINKLOCAL`
fn is_link_local(vxlan: &op::Vxlan) -> bool {
    ipv6_of(vxlan.local).is_unicast_link_local()
}

/// `IPV6_ADDR_LINKLOCAL`
fn is_near(addr: Ipv6Addr) -> bool {
    let [first, second, ..] = addr.octets();
    addr.is_unicast_link_local() || (first == 0xff && second & 0xf == 2)
}

fn ipv6_of(addr: Option<IpAddr>) -> Ipv6Addr {
    match addr {
        Some(IpAddr::V6(addr)) => addr,
        Some(IpAddr::V4(_)) | None => Ipv6Addr::UNSPECIFIED,
    }
}

fn is_ipv6(vxlan: &op::Vxlan) -> bool {
    [vxlan.remote, vxlan.group, vxlan.local].into_iter().flatten().any(|addr| addr.is_ipv6())
}

/// Bytes of the outer headers (`VXLAN_HEADROOM`, `VXLAN6_HEADROOM`).
fn headroom(vxlan: &op::Vxlan) -> u32 {
    if is_ipv6(vxlan) { 70 } else { 50 }
}
