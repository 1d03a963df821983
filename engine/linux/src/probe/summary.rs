//! Summaries of packets, one line each: `10.0.0.1 > 10.0.0.2 ICMP echo request`.

use std::net::{IpAddr, SocketAddr};

use etherparse::icmpv6::Icmpv6PayloadSlice;
use etherparse::{
    ArpOperation, ArpPacketSlice, Icmpv4Slice, Icmpv4Type, Icmpv6Slice, LaxIpPayloadSlice, LaxLinkExtSlice,
    LaxNetSlice, LaxSlicedPacket, LinkSlice, TcpSlice, TransportSlice,
};

use super::icmp_error;
use netscript_net::op::Mac;

/// The first header of a captured packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// An Ethernet header.
    Ethernet,
    /// An IP header, for links such as tun.
    Ip,
}

/// The summary of a packet.
pub(super) fn summary(layer: Layer, bytes: &[u8]) -> String {
    let packet = match layer {
        Layer::Ethernet => LaxSlicedPacket::from_ethernet(bytes).ok(),
        Layer::Ip => LaxSlicedPacket::from_ip(bytes).ok(),
    };
    let Some(packet) = packet else { return format!("{} bytes that are not a packet", bytes.len()) };
    let vlans: String = packet.link_exts.iter().filter_map(vlan).collect();
    format!("{vlans}{}", of_net(&packet))
}

fn vlan(ext: &LaxLinkExtSlice<'_>) -> Option<String> {
    match ext {
        LaxLinkExtSlice::Vlan(tag) => Some(format!("vlan {} ", tag.vlan_identifier().value())),
        LaxLinkExtSlice::Macsec(_) => None,
    }
}

fn of_net(packet: &LaxSlicedPacket<'_>) -> String {
    let (src, dst, payload): (IpAddr, IpAddr, _) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            (header.source_addr().into(), header.destination_addr().into(), ip.payload())
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            (header.source_addr().into(), header.destination_addr().into(), ip.payload())
        }
        Some(LaxNetSlice::Arp(arp)) => return of_arp(arp),
        None => return of_frame(packet),
    };
    let ports = |from, to| format!("{} > {}", SocketAddr::new(src, from), SocketAddr::new(dst, to));
    match &packet.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            format!("{} TCP {}", ports(tcp.source_port(), tcp.destination_port()), of_tcp(tcp))
        }
        Some(TransportSlice::Udp(udp)) => {
            format!("{} UDP {} bytes", ports(udp.source_port(), udp.destination_port()), udp.payload().len())
        }
        Some(TransportSlice::Icmpv4(icmp)) => format!("{src} > {dst} ICMP {}", of_icmpv4(icmp)),
        Some(TransportSlice::Icmpv6(icmp)) => format!("{src} > {dst} ICMPv6 {}", of_icmpv6(icmp)),
        Some(TransportSlice::Igmp(_)) => format!("{src} > {dst} IGMP"),
        None => format!("{src} > {dst} {}", of_payload(payload)),
    }
}

/// The payload of a protocol that is only known by its number, or of a fragment.
fn of_payload(payload: &LaxIpPayloadSlice<'_>) -> String {
    let number = payload.ip_number;
    let protocol = number.keyword_str().map_or_else(|| format!("protocol {}", number.0), str::to_owned);
    if payload.fragmented { format!("{protocol} fragment") } else { protocol }
}

/// The flags as in iptables, and the length of the data.
fn of_tcp(tcp: &TcpSlice<'_>) -> String {
    let flags = [
        (tcp.syn(), "SYN"),
        (tcp.fin(), "FIN"),
        (tcp.rst(), "RST"),
        (tcp.psh(), "PSH"),
        (tcp.ack(), "ACK"),
        (tcp.urg(), "URG"),
    ];
    let set: Vec<&str> = flags.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
    let flags = if set.is_empty() { "NONE".to_owned() } else { set.join(",") };
    match tcp.payload().len() {
        0 => flags,
        length => format!("{flags} {length} bytes"),
    }
}

fn of_icmpv4(icmp: &Icmpv4Slice<'_>) -> String {
    match icmp.icmp_type() {
        Icmpv4Type::EchoRequest(_) => "echo request".to_owned(),
        Icmpv4Type::EchoReply(_) => "echo reply".to_owned(),
        Icmpv4Type::Redirect(redirect) => {
            format!("redirect to {}", IpAddr::from(redirect.gateway_internet_address))
        }
        Icmpv4Type::TimestampRequest(_) => "timestamp request".to_owned(),
        Icmpv4Type::TimestampReply(_) => "timestamp reply".to_owned(),
        Icmpv4Type::DestinationUnreachable(_)
        | Icmpv4Type::TimeExceeded(_)
        | Icmpv4Type::ParameterProblem(_)
        | Icmpv4Type::Unknown { .. } => {
            let (kind, code) = (icmp.type_u8(), icmp.code_u8());
            icmp_error::v4(kind, code, icmp.bytes5to8()).unwrap_or_else(|| format!("type {kind} code {code}"))
        }
    }
}

/// RFC 4443 and RFC 4861.
fn of_icmpv6(icmp: &Icmpv6Slice<'_>) -> String {
    /// MLDv2's report (RFC 3810, section 5.2).
    const MULTICAST_LISTENER_REPORT: u8 = 143;
    match icmp.payload_slice() {
        Ok(Icmpv6PayloadSlice::EchoRequest(_)) => "echo request".to_owned(),
        Ok(Icmpv6PayloadSlice::EchoReply(_)) => "echo reply".to_owned(),
        Ok(Icmpv6PayloadSlice::RouterSolicitation(_)) => "router solicitation".to_owned(),
        Ok(Icmpv6PayloadSlice::RouterAdvertisement(_)) => "router advertisement".to_owned(),
        Ok(Icmpv6PayloadSlice::NeighborSolicitation(asked)) => {
            format!("neighbour solicitation for {}", asked.target_address())
        }
        Ok(Icmpv6PayloadSlice::NeighborAdvertisement(told)) => {
            format!("neighbour advertisement of {}", told.target_address())
        }
        Ok(Icmpv6PayloadSlice::Redirect(redirect)) => {
            format!("redirect to {}", redirect.target_address())
        }
        Ok(_) | Err(_) => match (icmp.type_u8(), icmp.code_u8()) {
            (MULTICAST_LISTENER_REPORT, _) => "multicast listener report".to_owned(),
            (kind, code) => {
                icmp_error::v6(kind, code, icmp.bytes5to8()).unwrap_or_else(|| format!("type {kind} code {code}"))
            }
        },
    }
}

fn of_arp(arp: &ArpPacketSlice<'_>) -> String {
    let addr =
        |bytes: &[u8]| <[u8; 4]>::try_from(bytes).map_or_else(|_| "?".to_owned(), |b| IpAddr::from(b).to_string());
    let (sender, target) = (addr(arp.sender_protocol_addr()), addr(arp.target_protocol_addr()));
    match arp.operation() {
        ArpOperation::REQUEST => format!("ARP who has {target}, tell {sender}"),
        ArpOperation::REPLY => {
            let mac = <[u8; 6]>::try_from(arp.sender_hw_addr());
            format!("ARP {sender} is at {}", mac.map_or_else(|_| "?".to_owned(), |mac| Mac(mac).to_string()))
        }
        ArpOperation(number) => format!("ARP operation {number}"),
    }
}

/// A frame with neither IP nor ARP.
fn of_frame(packet: &LaxSlicedPacket<'_>) -> String {
    /// The destination of spanning tree messages (IEEE 802.1D, table 7-10).
    const BRIDGES: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0];
    let Some(LinkSlice::Ethernet2(frame)) = &packet.link else { return "a packet that is not IP".to_owned() };
    let (from, to) = (Mac(frame.source()), Mac(frame.destination()));
    match frame.ether_type().0 {
        _ if to.0 == BRIDGES => format!("{from} > {to} STP"),
        kind => format!("{from} > {to} ethertype {kind:#06x}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use etherparse::{PacketBuilder, PacketBuilderStep, UdpHeader};

    use super::*;

    fn line(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes);
        summary(Layer::Ethernet, &bytes)
    }

    fn udp() -> PacketBuilderStep<UdpHeader> {
        PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .single_vlan(10.try_into().unwrap())
            .ipv6([0xfd; 16], [0xfe; 16], 64)
            .udp(1000, 53)
    }

    #[test]
    fn packets_are_told_in_a_line() {
        let v4 = || PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([172, 17, 0, 2], [8, 8, 8, 8], 64);
        assert_eq!(
            line(|bytes| v4().icmpv4_echo_request(1, 2).write(bytes, &[]).unwrap()),
            "172.17.0.2 > 8.8.8.8 ICMP echo request"
        );
        assert_eq!(
            line(|bytes| v4().tcp(1024, 80, 7, 100).syn().write(bytes, &[]).unwrap()),
            "172.17.0.2:1024 > 8.8.8.8:80 TCP SYN"
        );
        assert_eq!(
            line(|bytes| v4().tcp(1024, 80, 7, 100).psh().ack(1).write(bytes, b"hello").unwrap()),
            "172.17.0.2:1024 > 8.8.8.8:80 TCP PSH,ACK 5 bytes"
        );
    }

    #[test]
    fn tags_and_ipv6_ports_are_shown() {
        let addr = |byte: u8| IpAddr::from([byte; 16]);
        assert_eq!(
            line(|bytes| udp().write(bytes, b"abc").unwrap()),
            format!("vlan 10 [{}]:1000 > [{}]:53 UDP 3 bytes", addr(0xfd), addr(0xfe))
        );
    }

    #[test]
    fn what_is_no_packet_is_told() {
        assert_eq!(summary(Layer::Ethernet, &[1, 2, 3]), "3 bytes that are not a packet");
        assert_eq!(summary(Layer::Ip, &[]), "0 bytes that are not a packet");
        let frame = [&[0x01, 0x80, 0xc2, 0, 0, 0][..], &[2; 6], &[0, 38], &[0; 38]].concat();
        assert_eq!(summary(Layer::Ethernet, &frame), "02:02:02:02:02:02 > 01:80:c2:00:00:00 STP");
        let other = [&[2; 12][..], &[0x88, 0xcc], &[0; 20]].concat();
        assert_eq!(summary(Layer::Ethernet, &other), "02:02:02:02:02:02 > 02:02:02:02:02:02 ethertype 0x88cc");
    }

    #[test]
    fn no_bytes_whatever_are_too_odd() {
        let mut whole = Vec::new();
        udp().write(&mut whole, b"abc").unwrap();
        for length in 0..whole.len() {
            for layer in [Layer::Ethernet, Layer::Ip] {
                assert!(!summary(layer, &whole[..length]).is_empty());
            }
        }
    }
}
