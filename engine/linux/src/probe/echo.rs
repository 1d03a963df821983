//! ICMP echo requests, and the packets that answer one: the reply, or an error that contains the beginning of the
//! request.

use std::net::IpAddr;

use etherparse::{
    IcmpEchoHeader, Icmpv4Header, Icmpv4Slice, Icmpv4Type, Icmpv6Header, Icmpv6Slice, Icmpv6Type, Ipv4HeaderSlice,
    Ipv6HeaderSlice,
};

use super::icmp_error;

/// The id and target of a ping's requests.
#[derive(Clone, Debug)]
pub(super) struct Echo {
    pub(super) target: IpAddr,
    pub(super) id: u16,
    /// Bytes of data.
    pub(super) size: u16,
}

/// A received ICMP packet.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) from: IpAddr,
    pub(super) ttl: Option<u8>,
    /// The packet from the ICMP header on.
    icmp: &'a [u8],
}

/// What a received packet means for a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PacketMeaning {
    /// The reply.
    Answer,
    /// An error: the reason why there will be no reply.
    Refusal(String),
    /// Unrelated.
    Other,
}

impl<'a> Packet<'a> {
    /// Parses a packet from a raw socket, which includes the IP header for IPv4 but not for IPv6.
    pub(super) fn new(from: IpAddr, hop_limit: Option<u8>, bytes: &'a [u8]) -> Option<Packet<'a>> {
        match from {
            IpAddr::V4(_) => {
                let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
                Some(Packet { from, ttl: Some(header.ttl()), icmp: bytes.get(header.slice().len()..)? })
            }
            IpAddr::V6(_) => Some(Packet { from, ttl: hop_limit, icmp: bytes }),
        }
    }
}

impl Echo {
    /// A request for a raw socket, which computes the checksum for IPv6.
    pub(super) fn request(&self, sequence: u16) -> Vec<u8> {
        let data: Vec<u8> = (0..=u8::MAX).cycle().take(self.size.into()).collect();
        let echo = IcmpEchoHeader { id: self.id, seq: sequence };
        let header = match self.target {
            IpAddr::V4(_) => Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(echo), &data).to_bytes().to_vec(),
            IpAddr::V6(_) => Icmpv6Header::new(Icmpv6Type::EchoRequest(echo)).to_bytes().to_vec(),
        };
        [header, data].concat()
    }

    /// What a packet means for the request with this sequence number.
    pub(super) fn recognise(&self, sequence: u16, packet: &Packet<'_>) -> PacketMeaning {
        let meaning = match self.target {
            IpAddr::V4(_) => self.recognise_v4(sequence, packet),
            IpAddr::V6(_) => self.recognise_v6(sequence, packet),
        };
        meaning.unwrap_or(PacketMeaning::Other)
    }

    fn recognise_v4(&self, sequence: u16, packet: &Packet<'_>) -> Option<PacketMeaning> {
        let icmp = Icmpv4Slice::from_slice(packet.icmp).ok()?;
        if let Icmpv4Type::EchoReply(echo) = icmp.icmp_type() {
            return Some(self.reply(sequence, echo, packet.from));
        }
        let why = icmp_error::v4(icmp.type_u8(), icmp.code_u8(), icmp.bytes5to8())?;
        let original = Ipv4HeaderSlice::from_slice(icmp.payload()).ok()?;
        let rest = icmp.payload().get(original.slice().len()..)?;
        let Icmpv4Type::EchoRequest(echo) = Icmpv4Slice::from_slice(rest).ok()?.icmp_type() else { return None };
        let ours = self.is_ours(sequence, echo) && self.is_target(original.destination_addr().into());
        ours.then_some(PacketMeaning::Refusal(why))
    }

    fn recognise_v6(&self, sequence: u16, packet: &Packet<'_>) -> Option<PacketMeaning> {
        let icmp = Icmpv6Slice::from_slice(packet.icmp).ok()?;
        if let Icmpv6Type::EchoReply(echo) = icmp.icmp_type() {
            return Some(self.reply(sequence, echo, packet.from));
        }
        let why = icmp_error::v6(icmp.type_u8(), icmp.code_u8(), icmp.bytes5to8())?;
        let original = Ipv6HeaderSlice::from_slice(icmp.payload()).ok()?;
        let rest = icmp.payload().get(original.slice().len()..)?;
        let Icmpv6Type::EchoRequest(echo) = Icmpv6Slice::from_slice(rest).ok()?.icmp_type() else { return None };
        let ours = self.is_ours(sequence, echo) && self.is_target(original.destination_addr().into());
        ours.then_some(PacketMeaning::Refusal(why))
    }

    fn reply(&self, sequence: u16, echo: IcmpEchoHeader, from: IpAddr) -> PacketMeaning {
        if self.is_ours(sequence, echo) && self.may_answer(from) { PacketMeaning::Answer } else { PacketMeaning::Other }
    }

    fn is_ours(&self, sequence: u16, echo: IcmpEchoHeader) -> bool {
        echo.id == self.id && echo.seq == sequence
    }

    /// The unspecified address refers to this host, which answers from another address.
    fn is_target(&self, ip: IpAddr) -> bool {
        self.target == ip || self.target.is_unspecified()
    }

    /// The members of a group answer from their own addresses.
    fn may_answer(&self, from: IpAddr) -> bool {
        self.target.is_multicast() || self.is_target(from)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    const SEQUENCE: u16 = 3;

    fn echo() -> Echo {
        Echo { target: IpAddr::from([10, 0, 0, 2]), id: 77, size: 4 }
    }

    /// An IPv4 packet around `icmp`.
    fn packet(source: [u8; 4], target: [u8; 4], icmp: &[u8]) -> Vec<u8> {
        let builder = etherparse::Ipv4Header::new(
            u16::try_from(icmp.len()).unwrap(),
            61,
            etherparse::IpNumber::ICMP,
            source,
            target,
        );
        [builder.unwrap().to_bytes().to_vec(), icmp.to_vec()].concat()
    }

    fn reply(id: u16, seq: u16) -> Vec<u8> {
        Icmpv4Header::with_checksum(Icmpv4Type::EchoReply(IcmpEchoHeader { id, seq }), &[]).to_bytes().to_vec()
    }

    fn meaning(source: [u8; 4], icmp: &[u8]) -> PacketMeaning {
        let bytes = packet(source, [10, 0, 0, 1], icmp);
        let packet = Packet::new(source.into(), None, &bytes).unwrap();
        assert_eq!(packet.ttl, Some(61));
        echo().recognise(SEQUENCE, &packet)
    }

    #[test]
    fn a_reply_has_the_id_the_sequence_and_the_source() {
        assert_eq!(meaning([10, 0, 0, 2], &reply(77, SEQUENCE)), PacketMeaning::Answer);
        assert_eq!(meaning([10, 0, 0, 3], &reply(77, SEQUENCE)), PacketMeaning::Other);
        assert_eq!(meaning([10, 0, 0, 2], &reply(78, SEQUENCE)), PacketMeaning::Other);
        assert_eq!(meaning([10, 0, 0, 2], &reply(77, SEQUENCE - 1)), PacketMeaning::Other);
    }

    #[test]
    fn the_request_itself_is_no_answer() {
        assert_eq!(meaning([10, 0, 0, 2], &echo().request(SEQUENCE)), PacketMeaning::Other);
    }

    #[test]
    fn an_error_carries_the_request() {
        let refusal = |sequence, target| {
            let request = echo().request(sequence);
            let original = packet([10, 0, 0, 1], target, &request[..8]);
            [vec![11, 0, 0, 0, 0, 0, 0, 0], original].concat()
        };
        let expired = PacketMeaning::Refusal("Time to live exceeded".to_owned());
        assert_eq!(meaning([10, 0, 0, 9], &refusal(SEQUENCE, [10, 0, 0, 2])), expired);
        assert_eq!(meaning([10, 0, 0, 9], &refusal(SEQUENCE + 1, [10, 0, 0, 2])), PacketMeaning::Other);
        assert_eq!(meaning([10, 0, 0, 9], &refusal(SEQUENCE, [10, 0, 0, 8])), PacketMeaning::Other);
    }

    #[test]
    fn truncated_packets_are_nothing() {
        let whole = packet([10, 0, 0, 2], [10, 0, 0, 1], &reply(77, SEQUENCE));
        for len in 0..whole.len() {
            if let Some(packet) = Packet::new([10, 0, 0, 2].into(), None, &whole[..len]) {
                assert_eq!(echo().recognise(SEQUENCE, &packet), PacketMeaning::Other, "{len} bytes");
            }
        }
    }
}
