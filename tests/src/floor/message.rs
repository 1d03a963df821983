//! rtnetlink messages, byte by byte (linux/netlink.h, linux/rtnetlink.h, linux/if_link.h).

use std::net::Ipv4Addr;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const NEW: u16 = NLM_F_CREATE | NLM_F_EXCL;
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_DST: u16 = 1;
const RTA_GATEWAY: u16 = 5;
const IFF_UP: u32 = 1;
const AF_INET: u8 = 2;

/// Messages of one send. Only the last one and failed ones are acknowledged.
#[derive(Default)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    start: usize,
    count: u32,
}

impl Messages {
    /// `ip link add NAME type bridge`
    pub(super) fn add_bridge(&mut self, index: u32, name: &str) {
        self.begin(RTM_NEWLINK, NEW);
        self.link(index, 0);
        self.text(IFLA_IFNAME, name);
        self.nest(IFLA_LINKINFO, |info| info.attribute(IFLA_INFO_KIND, b"bridge"));
    }

    /// `ip link add NAME master MASTER up type veth peer PEER netns NS`
    pub(super) fn add_pair(&mut self, near: (u32, &str), master: u32, far: (u32, &str), netns: i32) {
        self.begin(RTM_NEWLINK, NEW);
        self.link(near.0, IFF_UP);
        self.text(IFLA_IFNAME, near.1);
        self.attribute(IFLA_MASTER, &master.to_ne_bytes());
        self.nest(IFLA_LINKINFO, |info| {
            info.attribute(IFLA_INFO_KIND, b"veth");
            info.nest(IFLA_INFO_DATA, |data| {
                data.nest(VETH_INFO_PEER, |peer| {
                    peer.link(far.0, 0);
                    peer.text(IFLA_IFNAME, far.1);
                    peer.attribute(IFLA_NET_NS_FD, &netns.to_ne_bytes());
                });
            });
        });
    }

    /// `ip link set up`
    pub(super) fn up(&mut self, index: u32) {
        self.begin(RTM_NEWLINK, 0);
        self.link(index, IFF_UP);
    }

    /// `ip addr add`
    pub(super) fn add_address(&mut self, index: u32, address: Ipv4Addr, len: u8) {
        self.begin(RTM_NEWADDR, NEW);
        self.bytes.extend([AF_INET, len, 0, 0]);
        self.bytes.extend(index.to_ne_bytes());
        self.attribute(IFA_LOCAL, &address.octets());
        self.attribute(IFA_ADDRESS, &address.octets());
    }

    /// `ip route add DST via GATEWAY`: main table, `proto boot`, a unicast route.
    pub(super) fn add_route(&mut self, dst: Ipv4Addr, len: u8, gateway: Ipv4Addr) {
        self.begin(RTM_NEWROUTE, NEW);
        self.bytes.extend([AF_INET, len, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
        if len > 0 {
            self.attribute(RTA_DST, &dst.octets());
        }
        self.attribute(RTA_GATEWAY, &gateway.octets());
    }

    /// Numbers the messages, and asks for an acknowledgement of the last one. Returns the bytes and its number.
    pub(super) fn finish(&mut self, sequence: u32) -> (&[u8], u32) {
        self.close();
        let mut at = 0;
        let mut number = sequence;
        while at < self.bytes.len() {
            let length =
                u32::from_ne_bytes([self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]]);
            number += 1;
            self.bytes[at + 8..at + 12].copy_from_slice(&number.to_ne_bytes());
            if number == sequence + self.count {
                self.bytes[at + 6] |= NLM_F_ACK as u8;
            }
            at += length as usize;
        }
        (&self.bytes, number)
    }

    fn begin(&mut self, kind: u16, flags: u16) {
        self.close();
        self.start = self.bytes.len();
        self.count += 1;
        self.bytes.extend(0u32.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((flags | NLM_F_REQUEST).to_ne_bytes());
        self.bytes.extend([0; 8]);
    }

    fn close(&mut self) {
        if self.bytes.len() > self.start {
            let length = (self.bytes.len() - self.start) as u32;
            self.bytes[self.start..self.start + 4].copy_from_slice(&length.to_ne_bytes());
        }
    }

    /// `struct ifinfomsg`
    fn link(&mut self, index: u32, flags: u32) {
        self.bytes.extend([0; 4]);
        self.bytes.extend(index.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.bytes.extend((4 + value.len() as u16).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn text(&mut self, kind: u16, text: &str) {
        self.attribute(kind, &[text.as_bytes(), &[0]].concat());
    }

    fn nest(&mut self, kind: u16, inside: impl FnOnce(&mut Messages)) {
        let start = self.bytes.len();
        self.attribute(kind, &[]);
        inside(self);
        let length = (self.bytes.len() - start) as u16;
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }
}
