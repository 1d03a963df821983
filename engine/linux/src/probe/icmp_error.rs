//! The texts of ICMP errors, as in iputils' ping (ping.c, ping6_common.c).
//!
//! Numbers: RFC 792, RFC 1812 for IPv4; RFC 4443 for IPv6.

/// An ICMP error of IPv4; `None` for packets that are not errors.
pub(super) fn v4(kind: u8, code: u8, rest: [u8; 4]) -> Option<String> {
    match kind {
        3 => Some(unreachable_v4(code, u16::from_be_bytes([rest[2], rest[3]]))),
        11 => Some(match code {
            0 => "Time to live exceeded".to_owned(),
            1 => "Frag reassembly time exceeded".to_owned(),
            _ => format!("Time exceeded, Bad Code: {code}"),
        }),
        12 => Some(format!("Parameter problem: pointer = {}", rest[0])),
        _ => None,
    }
}

fn unreachable_v4(code: u8, mtu: u16) -> String {
    let text = match code {
        0 => "Destination Net Unreachable",
        1 => "Destination Host Unreachable",
        2 => "Destination Protocol Unreachable",
        3 => "Destination Port Unreachable",
        4 => return format!("Frag needed and DF set (mtu = {mtu})"),
        5 => "Source Route Failed",
        6 => "Destination Net Unknown",
        7 => "Destination Host Unknown",
        8 => "Source Host Isolated",
        9 => "Destination Net Prohibited",
        10 => "Destination Host Prohibited",
        11 => "Destination Net Unreachable for Type of Service",
        12 => "Destination Host Unreachable for Type of Service",
        13 => "Packet filtered",
        14 => "Precedence Violation",
        15 => "Precedence Cutoff",
        _ => return format!("Dest Unreachable, Bad Code: {code}"),
    };
    text.to_owned()
}

/// An ICMP error of IPv6; `None` for packets that are not errors.
pub(super) fn v6(kind: u8, code: u8, rest: [u8; 4]) -> Option<String> {
    match kind {
        1 => Some(unreachable_v6(code)),
        2 => Some(format!("Packet too big: mtu={}", u32::from_be_bytes(rest))),
        3 => Some(match code {
            0 => "Time exceeded: Hop limit".to_owned(),
            1 => "Time exceeded: Defragmentation failure".to_owned(),
            _ => format!("Time exceeded: code {code}"),
        }),
        4 => Some(match code {
            0 => "Parameter problem: Wrong header field".to_owned(),
            1 => "Parameter problem: Unknown header".to_owned(),
            2 => "Parameter problem: Unknown option".to_owned(),
            _ => format!("Parameter problem: code {code}"),
        }),
        _ => None,
    }
}

fn unreachable_v6(code: u8) -> String {
    let text = match code {
        0 => "No route",
        1 => "Administratively prohibited",
        2 => "Beyond scope of source address",
        3 => "Address unreachable",
        4 => "Port unreachable",
        5 => "Source address failed ingress/egress policy",
        6 => "Reject route to destination",
        _ => return format!("Destination unreachable: Unknown code {code}"),
    };
    format!("Destination unreachable: {text}")
}
