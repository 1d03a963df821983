//! Links: made, changed, moved, removed, and what follows from it (net/core/dev.c, rtnetlink.c,
//! drivers/net/, net/bridge/).

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use super::data::device::{BridgePart, Device, ETHERNET_MTU, Forward, IPV4_MIN_MTU, IPV6_MIN_MTU, Kind};
use super::data::ids::{DevId, SpaceId};
use super::{Failure, Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{
    Bridge, Family, IfName, IpvlanMode, LinkFlag, LinkKind, LinkOp, LinkSet, Mac, MacvlanMode, NetnsRef, TunMode, Veth,
    VlanId, Vxlan,
};
use netscript_net::state::Hardware;

/// `ETH_MIN_MTU`, linux/if_ether.h
const ETHERNET_MIN_MTU: u32 = 68;

/// `LOOPBACK_IFINDEX`, include/net/net_namespace.h
const LOOPBACK: u32 = 1;

/// Ports that a bridge takes: `BR_MAX_PORTS` less number 0 (net/bridge/br_private.h).
const MAX_PORTS: usize = 1023;

/// `EXFULL`: a bridge without a free port number.
const EXFULL: Errno = Errno(54);

impl Model {
    pub(super) fn apply_link(&mut self, netns: &NetnsRef, op: &LinkOp) -> Outcome {
        match op {
            LinkOp::Add(name, kind) => self.add_link(netns, name, kind),
            LinkOp::Set(name, change) => {
                let link = self.device_id(netns, name)?;
                self.set_link(netns, link, change)
            }
            LinkOp::Del(name) => {
                let link = self.device_id(netns, name)?;
                match self.device(link).kind {
                    Kind::Loopback | Kind::Physical => Err(Errno::EOPNOTSUPP.into()),
                    Kind::Veth(_)
                    | Kind::Bridge(_)
                    | Kind::Vxlan(..)
                    | Kind::Macvlan(..)
                    | Kind::Ipvlan(..)
                    | Kind::Vlan(..)
                    | Kind::Dummy
                    | Kind::Tun(_) => {
                        self.remove_device(link);
                        Ok(())
                    }
                }
            }
        }
    }

    fn add_link(&mut self, netns: &NetnsRef, name: &IfName, kind: &LinkKind) -> Outcome {
        let space = self.space_id(netns)?;
        match kind {
            LinkKind::Veth(veth) => self.add_veth(space, name, veth),
            LinkKind::Bridge(options) => self.add_bridge(space, name, options),
            LinkKind::Vxlan(vxlan) => self.add_vxlan(netns, space, name, vxlan),
            LinkKind::Macvlan(lower, mode) => {
                let lower = self.device_id(netns, lower)?;
                self.add_macvlan(space, name, lower, *mode)
            }
            LinkKind::Ipvlan(lower, mode) => {
                let lower = self.device_id(netns, lower)?;
                self.add_ipvlan(space, name, lower, *mode)
            }
            LinkKind::Vlan(vlan) => {
                let lower = self.device_id(netns, &vlan.link)?;
                self.add_vlan(space, name, lower, vlan.id)
            }
            LinkKind::Dummy => self.add_simple(space, name, Kind::Dummy, Hardware::Unknown),
            LinkKind::Tun(mode) => {
                let mac = match mode {
                    TunMode::Tap => Hardware::Unknown,
                    TunMode::Tun => Hardware::None,
                };
                let link = self.add_simple(space, name, Kind::Tun(*mode), mac);
                if let Some(link) = self.find(space, name).filter(|_| link.is_ok()) {
                    let device = self.device_mut(link);
                    // No program is attached.
                    device.carrier = false;
                    // tun_net_initialize
                    device.arp = *mode == TunMode::Tap;
                }
                link
            }
        }
    }

    fn find(&self, space: SpaceId, name: &IfName) -> Option<DevId> {
        self.space(space).links.get(name).copied()
    }

    fn free(&self, space: SpaceId, name: &IfName) -> Outcome {
        match self.find(space, name) {
            None => Ok(()),
            Some(_) => Err(Errno::EEXIST.into()),
        }
    }

    fn add_simple(&mut self, space: SpaceId, name: &IfName, kind: Kind, mac: Hardware) -> Outcome {
        self.free(space, name)?;
        legal_name(name)?;
        // dummy_setup
        let arp = !matches!(kind, Kind::Dummy);
        let id = self.insert_device(Device::new(space, name.clone(), kind, mac, ETHERNET_MTU));
        self.device_mut(id).arp = arp;
        Ok(())
    }

    /// `veth_newlink`: the far end is born first.
    fn add_veth(&mut self, space: SpaceId, name: &IfName, veth: &Veth) -> Outcome {
        let Veth { peer, netns } = veth;
        let far_space = match netns {
            Some(netns) => self.space_id(netns)?,
            None => space,
        };
        self.free(space, name)?;
        self.free(far_space, peer)?;
        if (space, name) == (far_space, peer) {
            return Err(Errno::EEXIST.into());
        }
        legal_name(peer)?;
        legal_name(name)?;
        let mut far = Device::new(far_space, peer.clone(), Kind::Veth(None), Hardware::Unknown, ETHERNET_MTU);
        far.carrier = false;
        let mut near = Device::new(space, name.clone(), Kind::Veth(None), Hardware::Unknown, ETHERNET_MTU);
        near.carrier = false;
        // netscript asks for numbers: the near end has the one before.
        let near = self.insert_device(near);
        let far = self.insert_device(far);
        self.device_mut(far).kind = Kind::Veth(Some(near));
        self.device_mut(near).kind = Kind::Veth(Some(far));
        Ok(())
    }

    fn add_bridge(&mut self, space: SpaceId, name: &IfName, options: &Bridge) -> Outcome {
        self.free(space, name)?;
        let part = BridgePart {
            options: complete(options)?,
            ports: Default::default(),
            mac_set: false,
            mac_zero: false,
            mtu_set: false,
            lost_carrier: false,
            fdb: BTreeMap::new(),
        };
        self.add_simple(space, name, Kind::Bridge(part), Hardware::Unknown)?;
        if let Some(link) = self.find(space, name).filter(|_| options.priority.is_some() || options.stp == Some(true)) {
            self.select_ports(link);
        }
        Ok(())
    }

    fn add_vxlan(&mut self, netns: &NetnsRef, space: SpaceId, name: &IfName, vxlan: &Vxlan) -> Outcome {
        let lower = vxlan.dev.as_ref().map(|dev| self.device_id(netns, dev)).transpose()?;
        self.free(space, name)?;
        let vxlan = &as_kept(vxlan);
        check_ends(vxlan)?;
        if is_ipv6(vxlan) && lower.is_some_and(|lower| self.has_ipv6(lower) && self.device(lower).disable6) {
            return Err(refused(Errno::EPERM, "IPv6 support disabled by administrator"));
        }
        if vxlan.remote.or(vxlan.group).is_some_and(|addr| addr.is_multicast()) && lower.is_none() {
            return Err(refused(Errno::EINVAL, "Local interface required for multicast remote destination"));
        }
        if is_link_local(vxlan) && lower.is_none() {
            let text = "Local interface required for link-local local/remote addresses";
            return Err(refused(Errno::EINVAL, text));
        }
        if self.vni_taken(space, vxlan, lower) {
            return Err(refused(Errno::EEXIST, "A VXLAN device with the specified VNI already exists"));
        }
        legal_name(name)?;
        let mtu = match lower {
            Some(lower) => self.device(lower).mtu.saturating_sub(vxlan_headroom(vxlan)).max(ETHERNET_MIN_MTU),
            None => ETHERNET_MTU,
        };
        let device = Device::new(space, name.clone(), Kind::Vxlan(vxlan.clone(), lower), Hardware::Unknown, mtu);
        let link = self.insert_device(device);
        // The default destination is an entry of the forwarding table.
        if let Some(remote) = vxlan.remote.or(vxlan.group) {
            self.device_mut(link).fdb.push(Forward { mac: Mac([0; 6]), dst: remote, over: lower });
        }
        if let Some(lower) = lower {
            self.device_mut(lower).uppers.insert(link);
        }
        Ok(())
    }

    /// `vxlan_config_validate`: one device for an identifier, a port and a family.
    fn vni_taken(&self, space: SpaceId, wanted: &Vxlan, lower: Option<DevId>) -> bool {
        self.devices.values().filter(|device| device.born == space).any(|device| match &device.kind {
            // Link-local ends are apart where the links that carry them are.
            Kind::Vxlan(_, carrier) if is_link_local(wanted) && *carrier != lower => false,
            Kind::Vxlan(other, _) => {
                other.id == wanted.id && other.port == wanted.port && is_ipv6(other) == is_ipv6(wanted)
            }
            Kind::Loopback
            | Kind::Veth(_)
            | Kind::Bridge(_)
            | Kind::Macvlan(..)
            | Kind::Ipvlan(..)
            | Kind::Vlan(..)
            | Kind::Dummy
            | Kind::Tun(_)
            | Kind::Physical => false,
        })
    }

    /// `register_vlan_dev`, `vlan_check_real_dev`
    fn add_vlan(&mut self, space: SpaceId, name: &IfName, lower: DevId, id: VlanId) -> Outcome {
        self.free(space, name)?;
        let below = self.device(lower);
        // NETIF_F_VLAN_CHALLENGED
        if matches!(below.kind, Kind::Loopback | Kind::Tun(TunMode::Tun) | Kind::Ipvlan(..)) {
            return Err(refused(Errno::EOPNOTSUPP, "8021q: VLANs not supported on device"));
        }
        let is_same = |upper: &DevId| matches!(self.device(*upper).kind, Kind::Vlan(_, other) if other == id);
        if below.uppers.iter().any(is_same) {
            return Err(refused(Errno::EEXIST, "8021q: VLAN device already exists"));
        }
        let (mac, mtu) = (below.mac, below.mtu);
        self.add_upper(space, name, lower, Kind::Vlan(lower, id), mac, mtu)
    }

    /// `ipvlan_link_new`
    fn add_ipvlan(&mut self, space: SpaceId, name: &IfName, lower: DevId, mode: IpvlanMode) -> Outcome {
        self.free(space, name)?;
        // An ipvlan on an ipvlan stands on what that one stands on.
        let lower = match self.device(lower).kind {
            Kind::Ipvlan(below, _) => below,
            _ => lower,
        };
        let below = self.device(lower);
        if !below.is_ethernet() {
            return Err(Errno::EINVAL.into());
        }
        // netdev_is_rx_handler_busy
        if below.master.is_some() || below.uppers.iter().any(|upper| self.is_macvlan(*upper)) {
            return Err(Errno::EBUSY.into());
        }
        let (mac, mtu) = (below.mac, below.mtu);
        self.add_upper(space, name, lower, Kind::Ipvlan(lower, mode), mac, mtu)
    }

    /// `ipvlan_addr_busy`: an address is on one of a parent's ipvlan links only.
    pub(super) fn ipvlan_has(&self, id: DevId, addr: IpAddr) -> bool {
        let Kind::Ipvlan(lower, _) = self.device(id).kind else { return false };
        let siblings = self.device(lower).uppers.iter().map(|upper| self.device(*upper));
        siblings.filter(|device| matches!(device.kind, Kind::Ipvlan(..))).any(|device| match addr {
            IpAddr::V4(addr) => device.addrs4.iter().any(|found| found.local == addr),
            IpAddr::V6(addr) => device.addrs6.iter().any(|found| found.local == Some(addr)),
        })
    }

    /// `macvlan_common_newlink`
    fn add_macvlan(&mut self, space: SpaceId, name: &IfName, lower: DevId, mode: MacvlanMode) -> Outcome {
        self.free(space, name)?;
        // A macvlan on a macvlan stands on what that one stands on.
        let lower = match self.device(lower).kind {
            Kind::Macvlan(below, _) => below,
            _ => lower,
        };
        let below = self.device(lower);
        if !below.is_ethernet() || matches!(below.kind, Kind::Ipvlan(..)) {
            return Err(Errno::EINVAL.into());
        }
        let is_ipvlan = |upper: &DevId| matches!(self.device(*upper).kind, Kind::Ipvlan(..));
        if below.master.is_some() || below.uppers.iter().any(is_ipvlan) {
            return Err(Errno::EBUSY.into());
        }
        let passthru = |id: &DevId| matches!(self.device(*id).kind, Kind::Macvlan(_, MacvlanMode::Passthru));
        let siblings: Vec<DevId> = below.uppers.iter().copied().filter(|id| self.is_macvlan(*id)).collect();
        if siblings.iter().any(passthru) || (mode == MacvlanMode::Passthru && !siblings.is_empty()) {
            return Err(Errno::EINVAL.into());
        }
        let mac = match mode {
            MacvlanMode::Passthru => below.mac,
            MacvlanMode::Vepa | MacvlanMode::Bridge | MacvlanMode::Private | MacvlanMode::Source => Hardware::Unknown,
        };
        let (mtu, own_mac) = (below.mtu, below.mac);
        self.add_upper(space, name, lower, Kind::Macvlan(lower, mode), mac, mtu)?;
        if mode == MacvlanMode::Passthru {
            self.device_mut(lower).own_mac = Some(own_mac);
        }
        Ok(())
    }

    fn is_macvlan(&self, id: DevId) -> bool {
        matches!(self.device(id).kind, Kind::Macvlan(..))
    }

    fn add_upper(
        &mut self,
        space: SpaceId,
        name: &IfName,
        lower: DevId,
        kind: Kind,
        mac: Hardware,
        mtu: u32,
    ) -> Outcome {
        self.free(space, name)?;
        legal_name(name)?;
        let mut device = Device::new(space, name.clone(), kind, mac, mtu);
        device.carrier = self.device(lower).carrier;
        // vlan_dev_init
        device.arp = self.device(lower).arp || !matches!(device.kind, Kind::Vlan(..));
        let link = self.insert_device(device);
        self.device_mut(lower).uppers.insert(link);
        Ok(())
    }

    /// Registers a link, with a number of its own.
    pub(super) fn insert_device(&mut self, mut device: Device) -> DevId {
        let id = DevId(self.next_device);
        self.next_device += 1;
        // A lab's links have numbers of its own, of which each is given once.
        self.last_index += u32::from(!device.is_loopback());
        let wanted = self.last_index;
        let space = self.space_mut(device.space);
        device.index = if device.is_loopback() { LOOPBACK } else { wanted };
        device.disable6 = space.default_disable6;
        device.forwarding6 = space.default_forwarding6;
        space.links.insert(device.name.clone(), id);
        space.by_index.insert(device.index, id);
        self.devices.insert(id, device);
        id
    }

    /// Removes a link and what cannot be without it.
    pub(super) fn remove_device(&mut self, id: DevId) {
        let mut doomed = vec![id];
        if let Kind::Veth(Some(peer)) = self.device(id).kind {
            doomed.push(peer);
        }
        for id in doomed.clone() {
            self.take_down(id);
            self.leave_bridge(id);
        }
        for id in doomed {
            for upper in self.device(id).uppers.clone() {
                if self.devices.contains_key(&upper) {
                    self.remove_device(upper);
                }
            }
            let ports = self.device(id).bridge().map(|bridge| bridge.ports.clone()).unwrap_or_default();
            for port in ports {
                self.leave_bridge(port);
            }
            self.detach_protocols(id);
            if let Some(lower) = self.device(id).lower() {
                self.device_mut(lower).uppers.remove(&id);
                // macvlan_port_destroy
                let own = self.device_mut(lower).own_mac.take();
                if let Some(own) = own.filter(|own| *own != self.device(lower).mac) {
                    self.change_mac(lower, own);
                }
            }
            self.unlist(id);
            self.devices.remove(&id);
        }
    }

    fn unlist(&mut self, id: DevId) {
        let (space, name, index) = {
            let device = self.device(id);
            (device.space, device.name.clone(), device.index)
        };
        let space = self.space_mut(space);
        space.links.remove(&name);
        space.by_index.remove(&index);
    }

    /// What IPv4, IPv6 and the neighbour tables forget with a link (`NETDEV_UNREGISTER`).
    fn detach_protocols(&mut self, id: DevId) {
        self.forget_settings(id, Family::V4);
        self.forget_settings(id, Family::V6);
        self.unregister4(id);
        self.destroy6(id);
        self.flush_neighbours(id, |_| true);
    }

    fn set_link(&mut self, netns: &NetnsRef, id: DevId, change: &LinkSet) -> Outcome {
        match change {
            LinkSet::Flag(LinkFlag::Up, true) => self.bring_up(id),
            LinkSet::Flag(LinkFlag::Up, false) => {
                self.take_down(id);
                Ok(())
            }
            LinkSet::Flag(LinkFlag::Arp, on) => {
                self.set_arp(id, *on);
                Ok(())
            }
            LinkSet::Flag(LinkFlag::Promisc, on) => {
                self.device_mut(id).promisc = *on;
                Ok(())
            }
            LinkSet::Netns(to) => {
                let to = self.space_id(to)?;
                self.move_device(id, to)
            }
            LinkSet::Master(None) => {
                self.leave_bridge(id);
                Ok(())
            }
            LinkSet::Master(Some(master)) => {
                let master = self.device_id(netns, master)?;
                self.enslave(id, master)
            }
            LinkSet::Name(to) => self.rename(id, to),
            LinkSet::Mac(mac) => self.set_mac(id, *mac),
            LinkSet::Mtu(mtu) => self.set_mtu(id, *mtu),
            LinkSet::Alias(text) => {
                self.device_mut(id).alias = Some(text.clone()).filter(|text| !text.is_empty());
                self.tell_of_change(id);
                Ok(())
            }
            LinkSet::Hairpin(on) => {
                if self.device(id).master.is_none() {
                    return Err(Errno::EOPNOTSUPP.into());
                }
                self.device_mut(id).hairpin = *on;
                Ok(())
            }
        }
    }

    /// `ip link set LINK up`
    pub(super) fn bring_up(&mut self, id: DevId) -> Outcome {
        let device = self.device(id);
        if device.up {
            return Ok(());
        }
        // __dev_open asks eth_validate_addr first. A bridge has no such check.
        if device.bridge().is_none() && self.has_zero_mac(id) {
            return Err(Errno::EADDRNOTAVAIL.into());
        }
        match device.kind {
            // vlan_dev_open
            Kind::Vlan(lower, _) if !self.device(lower).up => return Err(Errno::ENETDOWN.into()),
            // vxlan_open joins the group, over a link that the protocol runs over.
            Kind::Vxlan(Vxlan { group: Some(group), .. }, Some(lower))
                if (group.is_ipv4() && self.device(lower).mtu < IPV4_MIN_MTU)
                    || (group.is_ipv6() && !self.has_ipv6(lower)) =>
            {
                return Err(Errno::ENODEV.into());
            }
            // macvlan_open
            Kind::Macvlan(lower, _) if self.mac_taken(lower, id, device.mac) => return Err(Errno::EADDRINUSE.into()),
            _ => {}
        }
        self.device_mut(id).up = true;
        self.sync_hw_addrs(id);
        if self.device(id).bridge().is_some_and(|bridge| bridge.ports.iter().any(|port| self.device(*port).ready())) {
            self.select_ports(id);
        }
        let carrier = self.carrier(id);
        self.device_mut(id).carrier = carrier;
        self.up4(id);
        self.up6(id);
        for upper in self.pass_carrier_up(id) {
            self.follow_carrier(upper, true);
        }
        self.follow_carrier(id, carrier);
        // vlan_device_event: its VLANs go up with it, those elsewhere too; what one of them refuses is not told.
        for upper in self.device(id).uppers.clone() {
            if matches!(self.device(upper).kind, Kind::Vlan(..)) {
                let _ = self.bring_up(upper);
            }
        }
        Ok(())
    }

    /// `ip link set LINK down`
    pub(super) fn take_down(&mut self, id: DevId) {
        if !self.device(id).up {
            return;
        }
        let ports = self.device(id).bridge().map(|bridge| bridge.ports.clone()).unwrap_or_default();
        let enabled = ports.iter().any(|port| self.device(*port).ready());
        self.device_mut(id).up = false;
        self.unsync_hw_addrs(id);
        self.down4(id);
        self.down6(id);
        self.flush_neighbours(id, |_| true);
        if enabled {
            self.select_ports(id);
        }
        self.follow_carrier(id, true);
        for upper in self.device(id).uppers.clone() {
            if matches!(self.device(upper).kind, Kind::Vlan(..)) {
                self.take_down(upper);
            }
        }
    }

    /// Follows a carrier from a link that went up or down through pairs, bridges and links that
    /// stand on others. `told`: its bridge hears of it in any case.
    fn follow_carrier(&mut self, id: DevId, told: bool) {
        let mut pending = vec![(id, told)];
        if let Kind::Veth(Some(peer)) = self.device(id).kind {
            pending.push((peer, false));
        }
        while let Some((id, told)) = pending.pop() {
            let carrier = self.carrier(id);
            let device = self.device_mut(id);
            let changed = device.carrier != carrier;
            device.carrier = carrier;
            let (up, ready) = (device.up, device.ready());
            if ready && !device.ready6 {
                self.configure6(id);
            }
            if !(changed || told) {
                continue;
            }
            if up || told {
                pending.extend(self.pass_carrier_up(id).into_iter().map(|upper| (upper, true)));
            }
            let master = self.device(id).master.filter(|master| self.device(*master).up);
            if let Some(master) = master.filter(|_| told || up) {
                let before = self.device(master).carrier;
                self.select_ports(master);
                pending.push((master, self.device(master).carrier != before));
            }
        }
    }

    /// `netif_stacked_transfer_operstate`: links that stand on a link that is up, or was, have its
    /// carrier. Those whose carrier changed.
    fn pass_carrier_up(&mut self, id: DevId) -> Vec<DevId> {
        let carrier = self.device(id).carrier;
        let mut changed = Vec::new();
        for upper in self.device(id).uppers.clone() {
            let device = self.device_mut(upper);
            let follows = matches!(device.kind, Kind::Macvlan(..) | Kind::Ipvlan(..) | Kind::Vlan(..));
            if follows && device.carrier != carrier {
                device.carrier = carrier;
                changed.push(upper);
            }
        }
        changed
    }

    /// `br_port_state_selection`: a bridge has a carrier while a port forwards. Before anything
    /// makes the bridge look at its ports, it has one too.
    fn select_ports(&mut self, id: DevId) {
        let device = self.device(id);
        let Some(bridge) = device.bridge() else { return };
        let forwards = |port: &DevId| self.device(*port).ready();
        let carrier = device.up && bridge.options.stp != Some(true) && bridge.ports.iter().any(forwards);
        self.device_mut(id).carrier = carrier;
        if let Some(bridge) = self.device_mut(id).bridge_mut()
            && !carrier
        {
            bridge.lost_carrier = true;
        }
        if self.device(id).ready() && !self.device(id).ready6 {
            self.configure6(id);
        }
    }

    /// `netif_carrier_ok`, once every event about it has been heard.
    fn carrier(&self, id: DevId) -> bool {
        let device = self.device(id);
        match &device.kind {
            Kind::Loopback | Kind::Vxlan(..) | Kind::Dummy | Kind::Physical => true,
            Kind::Tun(_) => false,
            Kind::Veth(peer) => device.up && peer.is_some_and(|peer| self.device(peer).up),
            // They are told of changes.
            Kind::Bridge(_) | Kind::Macvlan(..) | Kind::Ipvlan(..) | Kind::Vlan(..) => device.carrier,
        }
    }

    fn set_arp(&mut self, id: DevId, on: bool) {
        let device = self.device_mut(id);
        let changed = device.arp != on;
        device.arp = on;
        // arp_netdev_event; a link that is down tells nobody.
        if changed && device.up {
            self.flush_neighbours(id, |_| true);
            self.tell_of_change(id);
        }
    }

    /// `NETDEV_CHANGE`: IPv6 leaves `lo` once more if its MTU is too small, and comes back if it is not
    /// any more (addrconf_notify).
    fn tell_of_change(&mut self, id: DevId) {
        let device = self.device(id);
        if !device.up || !device.is_loopback() {
            return;
        }
        if device.mtu < IPV6_MIN_MTU {
            self.destroy6(id);
        } else if !device.ready6 {
            self.configure6(id);
        }
    }

    /// `__dev_change_net_namespace`
    fn move_device(&mut self, id: DevId, to: SpaceId) -> Outcome {
        let device = self.device(id);
        if device.space == to {
            return Ok(());
        }
        if matches!(device.kind, Kind::Loopback | Kind::Bridge(_)) {
            return Err(refused(Errno::EINVAL, "The interface netns is immutable"));
        }
        if self.find(to, &device.name).is_some() {
            return Err(refused(Errno::EEXIST, "An interface with the same name exists in the target netns"));
        }
        self.relocate(id, to);
        Ok(())
    }

    /// A physical link outlives its namespace.
    pub(super) fn give_back(&mut self, id: DevId) {
        let host = self.names[&NetnsRef::Host];
        if self.find(host, &self.device(id).name).is_none() {
            self.relocate(id, host);
        }
    }

    fn relocate(&mut self, id: DevId, to: SpaceId) {
        self.take_down(id);
        self.leave_bridge(id);
        for upper in self.device(id).uppers.clone() {
            // vxlan_handle_lowerdev_unregister; the others are not told of a move.
            if matches!(self.device(upper).kind, Kind::Vxlan(..)) {
                self.remove_device(upper);
            }
        }
        self.detach_protocols(id);
        self.unlist(id);
        let (name, index) = (self.device(id).name.clone(), self.device(id).index);
        // One that was found gets a number of the lab's own when the lab moves it.
        let index = if self.device(id).found { self.last_index + 1 } else { index };
        self.last_index = self.last_index.max(index);
        self.device_mut(id).found = false;
        let space = self.space_mut(to);
        space.links.insert(name, id);
        space.by_index.insert(index, id);
        let device = self.device_mut(id);
        device.space = to;
        device.index = index;
        device.hw_addrs.clear();
        self.begin6(id);
    }

    /// `ipv6_add_dev`: a link's settings are those for new links.
    fn begin6(&mut self, id: DevId) {
        let space = self.space(self.space_of(id));
        let (disable6, forwarding6) = (space.default_disable6, space.default_forwarding6);
        let device = self.device_mut(id);
        device.disable6 = disable6;
        device.forwarding6 = forwarding6;
    }

    fn rename(&mut self, id: DevId, to: &IfName) -> Outcome {
        let device = self.device(id);
        if device.name == *to {
            return Ok(());
        }
        let space = device.space;
        self.free(space, to)?;
        // addrconf_notify: IPv6 is asked, IPv4 is not.
        if self.has_ipv6(id) {
            legal_name(to)?;
        }
        let from = device.name.clone();
        let links = &mut self.space_mut(space).links;
        links.remove(&from);
        links.insert(to.clone(), id);
        self.device_mut(id).name = to.clone();
        self.rename_labels(id, &from);
        self.rename_settings(id, &from);
        Ok(())
    }

    fn set_mac(&mut self, id: DevId, mac: Mac) -> Outcome {
        let device = self.device(id);
        if matches!(device.kind, Kind::Tun(TunMode::Tun) | Kind::Ipvlan(..)) {
            return Err(Errno::EOPNOTSUPP.into());
        }
        // netif_set_mac_address: the driver is not asked for what is so already.
        let same = device.mac == Hardware::Known(mac);
        if !same && (mac.0[0] & 1 == 1 || mac.0 == [0; 6]) {
            return Err(Errno::EADDRNOTAVAIL.into());
        }
        let mac = Hardware::Known(mac);
        match self.device(id).kind {
            // macvlan_set_mac_address
            Kind::Macvlan(_, _) if self.device(id).mac == mac => {}
            Kind::Macvlan(lower, MacvlanMode::Passthru) => {
                self.change_mac(lower, mac);
                self.device_mut(id).mac = mac;
            }
            Kind::Macvlan(lower, _) if self.device(id).up && self.mac_taken(lower, id, mac) => {
                return Err(Errno::EADDRINUSE.into());
            }
            Kind::Loopback
            | Kind::Veth(_)
            | Kind::Bridge(_)
            | Kind::Vxlan(..)
            | Kind::Macvlan(..)
            | Kind::Ipvlan(..)
            | Kind::Vlan(..)
            | Kind::Dummy
            | Kind::Tun(_)
            | Kind::Physical => {}
        }
        if let Some(own) = &mut self.device_mut(id).own_mac {
            *own = mac;
        }
        self.change_mac(id, mac);
        Ok(())
    }

    /// `NETDEV_CHANGEADDR`
    fn change_mac(&mut self, id: DevId, mac: Hardware) {
        if self.device(id).mac != mac {
            self.blur_link_local(id);
        }
        let before = std::mem::replace(&mut self.device_mut(id).mac, mac);
        for upper in self.device(id).uppers.clone() {
            let follows = match self.device(upper).kind {
                Kind::Macvlan(_, MacvlanMode::Passthru) | Kind::Ipvlan(..) => true,
                // vlan_sync_address: until it is given one of its own.
                Kind::Vlan(..) => self.device(upper).mac == before,
                _ => false,
            };
            if follows {
                self.device_mut(upper).mac = mac;
            }
        }
        if let Some(bridge) = self.device_mut(id).bridge_mut() {
            bridge.mac_set = true;
            bridge.mac_zero = false;
            self.look_at_ports(id);
        }
        self.flush_neighbours(id, |_| true);
    }

    /// Whether the hardware address is all zeros: that of a bridge whose last port has left, or of a link
    /// that inherits it from such a bridge (`macvlan_device_event`, `ipvlan_device_event`, `vlan_sync_address`).
    fn has_zero_mac(&self, id: DevId) -> bool {
        let device = self.device(id);
        match device.kind {
            Kind::Macvlan(lower, MacvlanMode::Passthru) | Kind::Ipvlan(lower, _) => self.has_zero_mac(lower),
            // Once it has an address of its own, it no longer inherits one.
            Kind::Vlan(lower, _) => device.mac == Hardware::Unknown && self.has_zero_mac(lower),
            Kind::Bridge(ref bridge) => bridge.mac_zero,
            Kind::Loopback
            | Kind::Veth(_)
            | Kind::Vxlan(..)
            | Kind::Macvlan(..)
            | Kind::Dummy
            | Kind::Tun(_)
            | Kind::Physical => false,
        }
    }

    /// `macvlan_addr_busy`
    fn mac_taken(&self, lower: DevId, id: DevId, mac: Hardware) -> bool {
        if mac.known().is_none() || matches!(self.device(id).kind, Kind::Macvlan(_, MacvlanMode::Passthru)) {
            return false;
        }
        let below = self.device(lower);
        let used = |other: DevId| other != id && self.is_macvlan(other) && self.device(other).up;
        below.mac == mac || below.uppers.iter().any(|other| used(*other) && self.device(*other).mac == mac)
    }

    fn set_mtu(&mut self, id: DevId, mtu: u32) -> Outcome {
        let device = self.device(id);
        if device.mtu == mtu {
            return Ok(());
        }
        let (min, max) = device.mtu_limits();
        if mtu < min {
            return Err(refused(Errno::EINVAL, "mtu less than device minimum"));
        }
        // The kernel holds it in a signed number.
        if mtu > i32::MAX as u32 || (max > 0 && mtu > max) {
            return Err(refused(Errno::EINVAL, "mtu greater than device maximum"));
        }
        let lower_mtu = |lower: &DevId| self.device(*lower).mtu;
        match &device.kind {
            Kind::Macvlan(lower, _) if mtu > lower_mtu(lower) => return Err(Errno::EINVAL.into()),
            Kind::Vlan(lower, _) if mtu > lower_mtu(lower) => return Err(Errno::ERANGE.into()),
            Kind::Vxlan(vxlan, Some(lower)) if mtu > lower_mtu(lower).saturating_sub(vxlan_headroom(vxlan)) => {
                return Err(Errno::EINVAL.into());
            }
            _ => {}
        }
        if let Some(bridge) = self.device_mut(id).bridge_mut() {
            bridge.mtu_set = true;
        }
        self.change_mtu(id, mtu);
        Ok(())
    }

    /// `NETDEV_CHANGEMTU`
    fn change_mtu(&mut self, id: DevId, mtu: u32) {
        if self.device(id).mtu == mtu {
            return;
        }
        let before = std::mem::replace(&mut self.device_mut(id).mtu, mtu);
        self.route_mtus_follow(id, before, mtu);
        if mtu < IPV4_MIN_MTU {
            self.destroy4(id);
            self.forget_settings(id, Family::V4);
        }
        if mtu >= IPV6_MIN_MTU && before < IPV6_MIN_MTU && !self.device(id).is_loopback() {
            self.begin6(id);
        }
        if mtu < IPV6_MIN_MTU {
            self.destroy6(id);
            if !self.device(id).is_loopback() {
                self.forget_settings(id, Family::V6);
            }
        } else if self.device(id).ready() && !self.device(id).ready6 && !self.device(id).is_loopback() {
            self.configure6(id);
        }
        for upper in self.device(id).uppers.clone() {
            let follows = match self.device(upper).kind {
                Kind::Macvlan(..) | Kind::Vlan(..) => self.device(upper).mtu > mtu,
                Kind::Ipvlan(..) => true,
                _ => false,
            };
            if follows {
                self.change_mtu(upper, mtu);
            }
        }
        if let Some(master) = self.device(id).master {
            self.adjust_bridge_mtu(master);
        }
    }

    /// `br_mtu_auto_adjust`: the smallest of the ports', unless a user set it.
    fn adjust_bridge_mtu(&mut self, id: DevId) {
        let Some(bridge) = self.device(id).bridge() else { return };
        if bridge.mtu_set {
            return;
        }
        let smallest = bridge.ports.iter().map(|port| self.device(*port).mtu).min();
        self.change_mtu(id, smallest.unwrap_or(ETHERNET_MTU));
    }

    /// `do_set_master`, `br_add_if`
    fn enslave(&mut self, id: DevId, master: DevId) -> Outcome {
        if self.device(id).master == Some(master) {
            return Ok(());
        }
        // A port leaves its old bridge before the new one may refuse it.
        self.leave_bridge(id);
        let Some(bridge) = self.device(master).bridge() else { return Err(Errno::EOPNOTSUPP.into()) };
        let device = self.device(id);
        if !device.is_ethernet() || matches!(device.kind, Kind::Ipvlan(..)) {
            return Err(Errno::EINVAL.into());
        }
        if self.has_zero_mac(id) {
            return Err(Errno::EINVAL.into());
        }
        if device.bridge().is_some() {
            return Err(refused(Errno::ELOOP, "Can not enslave a bridge to a bridge"));
        }
        if device.uppers.iter().any(|upper| matches!(self.device(*upper).kind, Kind::Macvlan(..) | Kind::Ipvlan(..))) {
            // Their receive handler is in the way.
            return Err(Errno::EBUSY.into());
        }
        if self.stands_on(id, master) {
            // netdev_master_upper_dev_link
            return Err(Errno::EBUSY.into());
        }
        if bridge.ports.len() >= MAX_PORTS {
            return Err(EXFULL.into());
        }
        self.device_mut(id).master = Some(master);
        if let Some(bridge) = self.device_mut(master).bridge_mut() {
            bridge.ports.insert(id);
            bridge.mac_zero = false;
        }
        self.adjust_bridge_mtu(master);
        // A bridge without an address of its own takes the port's, and looks at its ports.
        let renamed = self.device(master).bridge().is_some_and(|bridge| !bridge.mac_set);
        if renamed {
            self.flush_neighbours(master, |_| true);
            // It looks before the port forwards.
            if let Some(bridge) = self.device_mut(master).bridge_mut() {
                bridge.lost_carrier = true;
            }
        }
        if renamed || (self.device(master).up && self.device(id).ready()) {
            self.look_at_ports(master);
        }
        Ok(())
    }

    /// Whether a link is above another, directly or not.
    fn stands_on(&self, id: DevId, other: DevId) -> bool {
        let ports = self.device(id).bridge().map(|bridge| &bridge.ports);
        let mut below = ports.into_iter().flatten().copied().chain(self.device(id).lower());
        below.any(|below| below == other || self.stands_on(below, other))
    }

    pub(super) fn leave_bridge(&mut self, id: DevId) {
        let Some(master) = self.device_mut(id).master.take() else { return };
        self.device_mut(id).hairpin = false;
        if let Some(bridge) = self.device_mut(master).bridge_mut() {
            bridge.ports.remove(&id);
            bridge.mac_zero = !bridge.mac_set && bridge.ports.is_empty();
            bridge.fdb.retain(|_, port| *port != id);
        }
        self.adjust_bridge_mtu(master);
        if self.device(master).bridge().is_some_and(|bridge| !bridge.mac_set) {
            self.flush_neighbours(master, |_| true);
        }
        self.look_at_ports(master);
    }

    fn look_at_ports(&mut self, bridge: DevId) {
        self.select_ports(bridge);
        self.follow_carrier(bridge, self.device(bridge).up);
    }
}

/// Names that stand for all links among settings (`sysctl_dev_name_is_allowed`).
fn legal_name(name: &IfName) -> Outcome {
    match name.as_str() {
        "all" | "default" => Err(Errno::EINVAL.into()),
        _ => Ok(()),
    }
}

/// The options as the kernel keeps them: it has one attribute for a far end and for a group.
fn as_kept(vxlan: &Vxlan) -> Vxlan {
    let group = vxlan.group.or(vxlan.remote.filter(IpAddr::is_multicast));
    let ttl = vxlan.ttl.filter(|ttl| *ttl != 0);
    Vxlan { group, remote: vxlan.remote.filter(|addr| !addr.is_multicast()), ttl, ..vxlan.clone() }
}

/// `vxlan_config_validate`: which addresses go together.
fn check_ends(vxlan: &Vxlan) -> Outcome {
    if vxlan.local.is_some_and(|local| local.is_multicast()) {
        return Err(refused(Errno::EINVAL, "Local address cannot be multicast"));
    }
    if !is_ipv6(vxlan) {
        return Ok(());
    }
    let remote = ipv6_of(vxlan.remote.or(vxlan.group));
    let remote_is_near = match remote {
        // Groups of a link, ff02::/16, are near, but may have any source.
        _ if is_link_local(vxlan) => remote.is_unspecified() || is_near(remote),
        remote => !remote.is_unicast_link_local(),
    };
    match remote_is_near {
        true => Ok(()),
        false => Err(refused(Errno::EINVAL, "Invalid combination of local and remote address scopes")),
    }
}

/// `VXLAN_F_IPV6_LINKLOCAL`
fn is_link_local(vxlan: &Vxlan) -> bool {
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

fn is_ipv6(vxlan: &Vxlan) -> bool {
    [vxlan.remote, vxlan.group, vxlan.local].into_iter().flatten().any(|addr| addr.is_ipv6())
}

/// Bytes of the outer headers (`VXLAN_HEADROOM`, `VXLAN6_HEADROOM`).
fn vxlan_headroom(vxlan: &Vxlan) -> u32 {
    if is_ipv6(vxlan) { 70 } else { 50 }
}

/// The options with the kernel's defaults for those that were not given (`br_dev_setup`,
/// `br_stp_timer_init`), and the ranges that it takes. Times in hundredths of a second.
fn complete(options: &Bridge) -> Outcome<Bridge> {
    let Bridge { stp, forward_delay, hello_time, max_age, ageing_time, priority, vlan_filtering } = options;
    let within = |value: Option<u32>, min: u32, max: u32| match value {
        Some(value) if !(min..=max).contains(&value) => Err(Failure::from(Errno::ERANGE)),
        _ => Ok(()),
    };
    let stp = stp.unwrap_or(false);
    let forward_delay = forward_delay.unwrap_or(1500);
    within(*hello_time, 100, 1000)?;
    within(*max_age, 600, 4000)?;
    Ok(Bridge {
        stp: Some(stp),
        // br_stp_start: BR_MIN_FORWARD_DELAY and BR_MAX_FORWARD_DELAY
        forward_delay: Some(if stp { forward_delay.clamp(200, 3000) } else { forward_delay }),
        hello_time: Some(hello_time.unwrap_or(200)),
        max_age: Some(max_age.unwrap_or(2000)),
        ageing_time: Some(ageing_time.unwrap_or(30000)),
        priority: Some(priority.unwrap_or(0x8000)),
        vlan_filtering: Some(vlan_filtering.unwrap_or(false)),
    })
}
