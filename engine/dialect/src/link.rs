//! Links: `ip link add`, `set`, `del`.

use std::net::IpAddr;

use super::command::{Command, Word, netns_word};
use netscript_net::op::{Bridge, IfName, LinkFlag, LinkOp, LinkSet, LinkSpec, NetnsRef, TunMode, Veth, Vlan, Vxlan};

pub(super) fn command(netns: &NetnsRef, op: &LinkOp) -> Command {
    match op {
        LinkOp::Add(name, kind) => add(netns, name, kind),
        LinkOp::Set(name, change) => set(netns, name, change),
        LinkOp::Del(name) => Command::new(netns, ["ip", "link", "del", "dev", name.as_str()]),
    }
}

fn add(netns: &NetnsRef, name: &IfName, kind: &LinkSpec) -> Command {
    let add = Command::new(netns, ["ip", "link", "add", "dev", name.as_str()]);
    match kind {
        LinkSpec::Veth(options) => veth(add, options),
        LinkSpec::Bridge(options) => bridge(add, options),
        LinkSpec::Vxlan(options) => vxlan(add, options),
        LinkSpec::Macvlan(link, mode) => add.with(["link", link.as_str(), "type", "macvlan", "mode", mode.word()]),
        LinkSpec::Ipvlan(link, mode) => add.with(["link", link.as_str(), "type", "ipvlan", "mode", mode.word()]),
        LinkSpec::Vlan(Vlan { link, id }) => {
            add.with(["link", link.as_str(), "type", "vlan", "id", &id.get().to_string()])
        }
        LinkSpec::Dummy => add.with(["type", "dummy"]),
        LinkSpec::Tun(mode) => tun(netns, name, *mode),
        LinkSpec::Vrf(table) => add.with(["type", "vrf", "table", &table.to_string()]),
    }
}

fn veth(add: Command, options: &Veth) -> Command {
    let Veth { peer, netns } = options;
    add.with(["type", "veth", "peer", "name", peer.as_str()]).option("netns", netns.as_ref().map(netns_word))
}

fn bridge(add: Command, options: &Bridge) -> Command {
    let Bridge { stp, forward_delay, hello_time, max_age, ageing_time, priority, vlan_filtering } = options;
    add.with(["type", "bridge"])
        .option("stp_state", stp.map(bit))
        .option("forward_delay", forward_delay.map(|time| time.to_string()))
        .option("hello_time", hello_time.map(|time| time.to_string()))
        .option("max_age", max_age.map(|time| time.to_string()))
        .option("ageing_time", ageing_time.map(|time| time.to_string()))
        .option("priority", priority.map(|priority| priority.to_string()))
        .option("vlan_filtering", vlan_filtering.map(bit))
}

fn vxlan(add: Command, options: &Vxlan) -> Command {
    let Vxlan { id, local, remote, group, dev, port, ttl, learning } = options;
    let add = add
        .with(["type", "vxlan", "id", &id.get().to_string()])
        .option("local", local.map(|addr| addr.to_string()))
        // `ip` accepts a multicast address only as `group`.
        .option("remote", remote.filter(|addr| !addr.is_multicast()).map(|addr| addr.to_string()))
        .option("group", group.or(remote.filter(IpAddr::is_multicast)).map(|addr| addr.to_string()))
        .option("dev", dev.as_ref())
        .option("dstport", Some(port.to_string()))
        .option("ttl", ttl.map(|ttl| ttl.to_string()));
    match learning {
        None => add,
        Some(true) => add.with(["learning"]),
        Some(false) => add.with(["nolearning"]),
    }
}

fn tun(netns: &NetnsRef, name: &IfName, mode: TunMode) -> Command {
    Command::new(netns, ["ip", "tuntap", "add", "dev", name.as_str(), "mode", mode.word()])
}

fn set(netns: &NetnsRef, name: &IfName, change: &LinkSet) -> Command {
    let set = Command::new(netns, ["ip", "link", "set", "dev", name.as_str()]);
    match change {
        LinkSet::Flag(LinkFlag::Up, true) => set.with(["up"]),
        LinkSet::Flag(LinkFlag::Up, false) => set.with(["down"]),
        LinkSet::Flag(LinkFlag::Arp, on) => set.with(["arp", on_off(*on)]),
        LinkSet::Flag(LinkFlag::Promisc, on) => set.with(["promisc", on_off(*on)]),
        LinkSet::Netns(to) => set.with([Word::from("netns"), netns_word(to)]),
        LinkSet::Master(Some(master)) => set.with(["master", master.as_str()]),
        LinkSet::Master(None) => set.with(["nomaster"]),
        LinkSet::Name(to) => set.with(["name", to.as_str()]),
        LinkSet::Mac(mac) => set.with(["address", &mac.to_string()]),
        LinkSet::Mtu(mtu) => set.with(["mtu", &mtu.to_string()]),
        LinkSet::Alias(text) => set.with(["alias", text]),
        LinkSet::Hairpin(on) => {
            Command::new(netns, ["bridge", "link", "set", "dev", name.as_str(), "hairpin", on_off(*on)])
        }
    }
}

fn bit(on: bool) -> &'static str {
    if on { "1" } else { "0" }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
