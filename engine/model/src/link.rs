//! Making, changing, moving and removing links, with the consequences (net/core/dev.c, rtnetlink.c, drivers/net/).
//! `kinds` has the rules that only one kind of link has.

use super::data::device::{Device, IPV4_MIN_MTU, IPV6_MIN_MTU};
use super::data::ids::{DevId, NetnsId};
use super::data::kinds::DeviceKind;
use super::kinds::behaviour::{Below, Carrier, FollowsMac, FollowsMtu, Handler, Origin};
use super::{Model, Outcome, refused};
use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, LinkFlag, LinkOp, LinkSet, Mac, NetnsRef};
use netscript_net::state::{Hardware, Master};

/// `LOOPBACK_IFINDEX`, include/net/net_namespace.h
const LOOPBACK: u32 = 1;

impl Model {
    pub(crate) fn apply_link(&mut self, netns: &NetnsRef, op: &LinkOp) -> Outcome {
        match op {
            LinkOp::Add(name, kind) => self.add_link(netns, name, kind),
            LinkOp::Set(name, change) => {
                let link = self.device_id(netns, name)?;
                self.set_link(netns, link, change)
            }
            LinkOp::Del(name) => {
                let link = self.device_id(netns, name)?;
                match self.facts(link).origin {
                    Origin::Kernel | Origin::Hardware => Err(Errno::EOPNOTSUPP.into()),
                    Origin::Made => {
                        self.remove_device(link);
                        Ok(())
                    }
                }
            }
        }
    }

    fn find(&self, netns: NetnsId, name: &IfName) -> Option<DevId> {
        self.netns(netns).links.get(name).copied()
    }

    pub(crate) fn check_name_is_free(&self, netns: NetnsId, name: &IfName) -> Outcome {
        match self.find(netns, name) {
            None => Ok(()),
            Some(_) => Err(Errno::EEXIST.into()),
        }
    }

    /// Whether a new link can have a name.
    pub(crate) fn check_new_name(&self, netns: NetnsId, name: &IfName) -> Outcome {
        self.check_name_is_free(netns, name)?;
        legal_name(name)
    }

    /// Makes a link that is stacked on another.
    pub(crate) fn add_upper(
        &mut self,
        netns: NetnsId,
        name: &IfName,
        lower: DevId,
        kind: DeviceKind,
        mac: Hardware,
        mtu: u32,
    ) -> Outcome<DevId> {
        self.check_new_name(netns, name)?;
        let mut device = Device::new(netns, name.clone(), kind, mac, mtu);
        device.carrier = self.device(lower).carrier;
        let link = self.insert_device(device);
        self.device_mut(lower).uppers.insert(link);
        Ok(link)
    }

    /// Registers a link, and gives it an index.
    pub(crate) fn insert_device(&mut self, mut device: Device) -> DevId {
        let id = DevId(self.next_device);
        self.next_device += 1;
        // A lab's links have indexes of the lab's block. Each is used once.
        self.last_index += u32::from(!device.is_loopback());
        let wanted = self.last_index;
        let netns = self.netns_mut(device.netns);
        device.index = if device.is_loopback() { LOOPBACK } else { wanted };
        device.disable6 = netns.default_disable6;
        device.forwarding6 = netns.default_forwarding6;
        netns.links.insert(device.name.clone(), id);
        netns.by_index.insert(device.index, id);
        self.devices.insert(id, device);
        id
    }

    /// Removes a link, and all that depends on it.
    pub(crate) fn remove_device(&mut self, id: DevId) {
        let doomed: Vec<DevId> = [id].into_iter().chain(self.pair_peer(id)).collect();
        for id in doomed.clone() {
            self.take_down(id);
            self.leave_master(id);
        }
        for id in doomed {
            for upper in self.device(id).uppers.clone() {
                if self.devices.contains_key(&upper) {
                    self.remove_device(upper);
                }
            }
            for port in self.device(id).ports.clone() {
                self.leave_master(port);
            }
            self.detach_protocols(id);
            if let Some(lower) = self.facts(id).below.link() {
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
        let (netns, name, index) = {
            let device = self.device(id);
            (device.netns, device.name.clone(), device.index)
        };
        let netns = self.netns_mut(netns);
        netns.links.remove(&name);
        netns.by_index.remove(&index);
    }

    /// Removes a link from IPv4, IPv6 and the neighbour tables (`NETDEV_UNREGISTER`).
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
                let to = self.netns_id(to)?;
                self.move_device(id, to)
            }
            LinkSet::Master(None) => {
                self.leave_master(id);
                Ok(())
            }
            LinkSet::Master(Some(master)) => {
                let master = self.device_id(netns, master)?;
                self.set_master(id, master)
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
                let master = self.device(id).master.and_then(|master| self.facts(master).master);
                if master != Some(Master::Bridge) {
                    return Err(Errno::EOPNOTSUPP.into());
                }
                self.device_mut(id).hairpin = *on;
                Ok(())
            }
        }
    }

    /// `ip link set LINK up`
    pub(crate) fn bring_up(&mut self, id: DevId) -> Outcome {
        if self.device(id).up {
            return Ok(());
        }
        // __dev_open calls eth_validate_addr first, where the driver has it.
        if self.facts(id).mac_validated && self.has_zero_mac(id) {
            return Err(Errno::EADDRNOTAVAIL.into());
        }
        self.device(id).kind.behaviour().check_up(self, id)?;
        self.device_mut(id).up = true;
        self.sync_hw_addrs(id);
        if self.device(id).ports.iter().any(|port| self.device(*port).ready()) {
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
        // vlan_device_event: its VLANs go up with it, those in other namespaces too; errors of these are ignored.
        for upper in self.device(id).uppers.clone() {
            if self.goes_up_with_lower(upper) {
                let _ = self.bring_up(upper);
            }
        }
        Ok(())
    }

    /// `ip link set LINK down`
    pub(crate) fn take_down(&mut self, id: DevId) {
        if !self.device(id).up {
            return;
        }
        let enabled = self.device(id).ports.iter().any(|port| self.device(*port).ready());
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
            if self.goes_up_with_lower(upper) {
                self.take_down(upper);
            }
        }
    }

    fn goes_up_with_lower(&self, id: DevId) -> bool {
        self.facts(id).below.stacked().is_some_and(|(_, follows)| follows.up)
    }

    /// The other end of a pair.
    pub(crate) fn pair_peer(&self, id: DevId) -> Option<DevId> {
        match self.facts(id).carrier {
            Carrier::Pair(peer) => peer,
            Carrier::Always | Carrier::Never | Carrier::Told => None,
        }
    }

    /// Passes the carrier of a link that went up or down on to pairs, bridges and stacked links. `told`: its bridge is
    /// notified in any case.
    pub(crate) fn follow_carrier(&mut self, id: DevId, told: bool) {
        let mut pending = vec![(id, told)];
        pending.extend(self.pair_peer(id).map(|peer| (peer, false)));
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

    /// `netif_stacked_transfer_operstate`: links stacked on a link that is up, or was, get its carrier. Returns those
    /// whose carrier changed.
    fn pass_carrier_up(&mut self, id: DevId) -> Vec<DevId> {
        let carrier = self.device(id).carrier;
        let mut changed = Vec::new();
        for upper in self.device(id).uppers.clone() {
            let follows = self.facts(upper).below.stacked().is_some();
            let device = self.device_mut(upper);
            if follows && device.carrier != carrier {
                device.carrier = carrier;
                changed.push(upper);
            }
        }
        changed
    }

    /// `netif_carrier_ok`, once all events about it have been handled.
    fn carrier(&self, id: DevId) -> bool {
        let device = self.device(id);
        match self.facts(id).carrier {
            Carrier::Always => true,
            Carrier::Never => false,
            Carrier::Pair(peer) => device.up && peer.is_some_and(|peer| self.device(peer).up),
            Carrier::Told => device.carrier,
        }
    }

    fn set_arp(&mut self, id: DevId, on: bool) {
        let device = self.device_mut(id);
        let changed = device.arp != on;
        device.arp = on;
        // arp_netdev_event; a link that is down sends no event.
        if changed && device.up {
            self.flush_neighbours(id, |_| true);
            self.tell_of_change(id);
        }
    }

    /// `NETDEV_CHANGE`: IPv6 is removed from `lo` again if its MTU is too small, and added again if it is large enough
    /// (addrconf_notify).
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
    fn move_device(&mut self, id: DevId, to: NetnsId) -> Outcome {
        let device = self.device(id);
        if device.netns == to {
            return Ok(());
        }
        if !self.facts(id).movable {
            return Err(refused(Errno::EINVAL, "The interface netns is immutable"));
        }
        if self.find(to, &device.name).is_some() {
            return Err(refused(Errno::EEXIST, "An interface with the same name exists in the target netns"));
        }
        self.relocate(id, to);
        Ok(())
    }

    /// A physical link outlives its namespace.
    pub(crate) fn give_back(&mut self, id: DevId) {
        let host = self.names[&NetnsRef::Host];
        if self.find(host, &self.device(id).name).is_none() {
            self.relocate(id, host);
        }
    }

    fn relocate(&mut self, id: DevId, to: NetnsId) {
        self.take_down(id);
        self.leave_master(id);
        for upper in self.device(id).uppers.clone() {
            // vxlan_handle_lowerdev_unregister; other kinds ignore a move.
            if matches!(self.facts(upper).below, Below::Tunnel(_)) {
                self.remove_device(upper);
            }
        }
        self.detach_protocols(id);
        self.unlist(id);
        let (name, index) = (self.device(id).name.clone(), self.device(id).index);
        // A link that was there before gets an index of the lab's block when the lab moves it.
        let index = if self.device(id).found { self.last_index + 1 } else { index };
        self.last_index = self.last_index.max(index);
        self.device_mut(id).found = false;
        let netns = self.netns_mut(to);
        netns.links.insert(name, id);
        netns.by_index.insert(index, id);
        let device = self.device_mut(id);
        device.netns = to;
        device.index = index;
        device.hw_addrs.clear();
        self.begin6(id);
    }

    /// `ipv6_add_dev`: a link starts with the settings of `default`.
    fn begin6(&mut self, id: DevId) {
        let netns = self.netns(self.netns_of(id));
        let (disable6, forwarding6) = (netns.default_disable6, netns.default_forwarding6);
        let device = self.device_mut(id);
        device.disable6 = disable6;
        device.forwarding6 = forwarding6;
    }

    fn rename(&mut self, id: DevId, to: &IfName) -> Outcome {
        let device = self.device(id);
        if device.name == *to {
            return Ok(());
        }
        let netns = device.netns;
        self.check_name_is_free(netns, to)?;
        // addrconf_notify: IPv6 can refuse the name, IPv4 cannot.
        if self.has_ipv6(id) {
            legal_name(to)?;
        }
        let from = device.name.clone();
        let links = &mut self.netns_mut(netns).links;
        links.remove(&from);
        links.insert(to.clone(), id);
        self.device_mut(id).name = to.clone();
        self.rename_labels(id, &from);
        self.rename_settings(id, &from);
        Ok(())
    }

    fn set_mac(&mut self, id: DevId, mac: Mac) -> Outcome {
        if !self.facts(id).mac_settable {
            return Err(Errno::EOPNOTSUPP.into());
        }
        // netif_set_mac_address does not call the driver if the address does not change.
        if self.device(id).mac != Hardware::Known(mac) {
            if mac.0[0] & 1 == 1 || mac.0 == [0; 6] {
                return Err(Errno::EADDRNOTAVAIL.into());
            }
            self.device(id).kind.behaviour().check_mac(self, id, mac)?;
            if let Some(lower) = self.device(id).kind.behaviour().shares_mac_with() {
                self.change_mac(lower, Hardware::Known(mac));
                self.device_mut(id).mac = Hardware::Known(mac);
            }
        }
        let mac = Hardware::Known(mac);
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
            let Some((_, follows)) = self.facts(upper).below.stacked() else { continue };
            let follows = match follows.mac {
                FollowsMac::Always => true,
                FollowsMac::WhileSame => self.device(upper).mac == before,
                FollowsMac::Never => false,
            };
            if follows {
                self.device_mut(upper).mac = mac;
            }
        }
        self.bridge_has_mac(id);
        self.flush_neighbours(id, |_| true);
    }

    /// Whether the hardware address is all zeros: that of a bridge whose last port has left, or of a link
    /// that inherits it from such a bridge (`macvlan_device_event`, `ipvlan_device_event`, `vlan_sync_address`).
    pub(crate) fn has_zero_mac(&self, id: DevId) -> bool {
        let facts = self.facts(id);
        let inherited = facts.below.stacked().is_some_and(|(lower, follows)| match follows.mac {
            FollowsMac::Always => self.has_zero_mac(lower),
            // Once it has an address of its own, it no longer inherits one.
            FollowsMac::WhileSame => self.device(id).mac == Hardware::Unknown && self.has_zero_mac(lower),
            FollowsMac::Never => false,
        });
        facts.mac_zero || inherited
    }

    fn set_mtu(&mut self, id: DevId, mtu: u32) -> Outcome {
        let device = self.device(id);
        if device.mtu == mtu {
            return Ok(());
        }
        let (min, max) = self.facts(id).mtu;
        if mtu < min {
            return Err(refused(Errno::EINVAL, "mtu less than device minimum"));
        }
        // The kernel holds it in a signed number.
        if mtu > i32::MAX as u32 || (max > 0 && mtu > max) {
            return Err(refused(Errno::EINVAL, "mtu greater than device maximum"));
        }
        self.device(id).kind.behaviour().check_mtu(self, mtu)?;
        self.bridge_has_mtu(id);
        self.change_mtu(id, mtu);
        Ok(())
    }

    /// `NETDEV_CHANGEMTU`
    pub(crate) fn change_mtu(&mut self, id: DevId, mtu: u32) {
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
            let Some((_, follows)) = self.facts(upper).below.stacked() else { continue };
            let follows = match follows.mtu {
                FollowsMtu::Down => self.device(upper).mtu > mtu,
                FollowsMtu::Always => true,
            };
            if follows {
                self.change_mtu(upper, mtu);
            }
        }
        if let Some(master) = self.device(id).master {
            self.adjust_bridge_mtu(master);
        }
    }

    /// `do_set_master`: a link leaves its old master even if the new one then refuses it.
    fn set_master(&mut self, id: DevId, master: DevId) -> Outcome {
        if self.device(id).master == Some(master) {
            return Ok(());
        }
        self.leave_master(id);
        match self.facts(master).master {
            Some(Master::Bridge) => self.join_bridge(id, master),
            Some(Master::Vrf) => self.join_vrf(id, master),
            None => Err(Errno::EOPNOTSUPP.into()),
        }
    }

    /// `netdev_master_upper_dev_link`: a link cannot be the master of a link below it.
    pub(crate) fn check_master(&self, id: DevId, master: DevId) -> Outcome {
        if self.stands_on(id, master) { Err(Errno::EBUSY.into()) } else { Ok(()) }
    }

    pub(crate) fn link_master(&mut self, id: DevId, master: DevId) {
        self.device_mut(id).master = Some(master);
        self.device_mut(master).ports.insert(id);
    }

    pub(crate) fn leave_master(&mut self, id: DevId) {
        let Some(master) = self.device_mut(id).master.take() else { return };
        self.device_mut(master).ports.remove(&id);
        match self.facts(master).master {
            Some(Master::Bridge) => self.left_bridge(id, master),
            Some(Master::Vrf) => self.changed_vrf(id),
            None => {}
        }
    }

    /// Whether a link is stacked on another, directly or not.
    fn stands_on(&self, id: DevId, other: DevId) -> bool {
        let mut below = self.device(id).ports.iter().copied().chain(self.facts(id).below.link());
        below.any(|below| below == other || self.stands_on(below, other))
    }

    /// The receive handler on a link (`netdev_is_rx_handler_busy`).
    pub(crate) fn handler_on(&self, id: DevId) -> Option<Handler> {
        let device = self.device(id);
        let masters = device.master.into_iter().chain(device.uppers.iter().copied());
        masters.into_iter().find_map(|above| self.facts(above).handler)
    }
}

/// Refuses the names that mean all links in settings (`sysctl_dev_name_is_allowed`).
fn legal_name(name: &IfName) -> Outcome {
    match name.as_str() {
        "all" | "default" => Err(Errno::EINVAL.into()),
        _ => Ok(()),
    }
}
