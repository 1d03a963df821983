//! DNS messages: requests for addresses, and the answers (RFC 1035).

use std::collections::BTreeMap;
use std::net::IpAddr;

use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QTYPE, Question, RCODE, ResourceRecord, SimpleDnsError, TYPE,
};

use netscript_net::op::{Family, HostName};

/// The port of name servers.
pub(super) const PORT: u16 = 53;

/// The largest UDP answer for clients that do not announce a larger size (RFC 1035, section 4.2.1).
pub(super) const LARGEST_BY_UDP: usize = 512;

/// The time for which an answer may be cached, in seconds: labs change.
const TTL: u32 = 1;

/// Host names and their addresses.
pub(super) type Records = BTreeMap<HostName, Vec<IpAddr>>;

/// A name server's reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The addresses of the requested family; if empty, the name may have addresses of the other one.
    Addrs(Vec<IpAddr>),
    /// There is no such name.
    NoSuchName,
    /// The server cannot or does not want to answer.
    Failure,
}

/// A request for a host's addresses of one family.
pub(super) fn question(id: u16, name: &HostName, family: Family) -> Result<Vec<u8>, SimpleDnsError> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(asked(name, family)?);
    packet.build_bytes_vec()
}

fn asked(name: &HostName, family: Family) -> Result<Question<'_>, SimpleDnsError> {
    let kind = match family {
        Family::V4 => TYPE::A,
        Family::V6 => TYPE::AAAA,
    };
    Ok(Question::new(Name::new(name.as_str())?, kind.into(), CLASS::IN.into(), false))
}

/// A message as the reply to a request; `None`: it does not answer that request.
pub(super) fn reply(id: u16, name: &HostName, family: Family, bytes: &[u8]) -> Option<Reply> {
    let packet = Packet::parse(bytes).ok()?;
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Some(Reply::NoSuchName),
        _ => return Some(Reply::Failure),
    }
    let of_this_name = packet.questions.iter().any(|question| text(&question.qname) == name.as_str());
    let addrs = packet.answers.iter().filter_map(|record| addr(&record.rdata));
    of_this_name.then(|| Reply::Addrs(addrs.filter(|addr| Family::of(*addr) == family).collect()))
}

fn text(name: &Name<'_>) -> String {
    name.to_string().to_ascii_lowercase()
}

fn addr(data: &RData<'_>) -> Option<IpAddr> {
    match data {
        RData::A(A { address }) => Some(IpAddr::V4((*address).into())),
        RData::AAAA(AAAA { address }) => Some(IpAddr::V6((*address).into())),
        _ => None,
    }
}

/// The answer of a server with these records, in at most `limit` bytes; `None`: the message is not a request.
pub(super) fn answer(records: &Records, bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let id = u16::from_be_bytes(bytes.get(0..2)?.try_into().ok()?);
    let Ok(query) = Packet::parse(bytes) else {
        // An unsupported type, or not a DNS message.
        return refusal(id, RCODE::NotImplemented);
    };
    if query.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    let [question] = query.questions.as_slice() else { return refusal(id, RCODE::FormatError) };
    if query.opcode() != OPCODE::StandardQuery {
        return refusal(id, RCODE::NotImplemented);
    }
    let mut reply = Packet::new_reply(id);
    reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    if query.has_flags(PacketFlag::RECURSION_DESIRED) {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    match HostName::parse(&text(&question.qname)).and_then(|name| records.get(&name)) {
        Some(addrs) => reply.answers = addrs.iter().filter_map(|addr| record(question, *addr)).collect(),
        None => *reply.rcode_mut() = RCODE::NameError,
    }
    reply.questions.push(question.clone());
    fit(reply, limit)
}

fn refusal(id: u16, why: RCODE) -> Option<Vec<u8>> {
    let mut reply = Packet::new_reply(id);
    *reply.rcode_mut() = why;
    reply.build_bytes_vec().ok()
}

/// An address record, if the request asks for its type.
fn record<'a>(question: &Question<'a>, addr: IpAddr) -> Option<ResourceRecord<'a>> {
    let (kind, data) = match addr {
        IpAddr::V4(addr) => (TYPE::A, RData::A(addr.into())),
        IpAddr::V6(addr) => (TYPE::AAAA, RData::AAAA(addr.into())),
    };
    let wanted = question.qtype == QTYPE::ANY || question.qtype == QTYPE::TYPE(kind);
    wanted.then(|| ResourceRecord::new(question.qname.clone(), CLASS::IN, TTL, data))
}

/// Removes answers until the rest fits, and marks the reply as truncated: the client repeats the request by TCP.
fn fit(mut reply: Packet<'_>, limit: usize) -> Option<Vec<u8>> {
    loop {
        let bytes = reply.build_bytes_vec_compressed().ok()?;
        if bytes.len() <= limit || reply.answers.pop().is_none() {
            return Some(bytes);
        }
        reply.set_flags(PacketFlag::TRUNCATION);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        HostName::parse(text).unwrap()
    }

    fn records(count: u8) -> Records {
        let mut addrs: Vec<IpAddr> = (0..count).map(|n| IpAddr::from([192, 0, 2, n])).collect();
        addrs.push("2001:db8::1".parse().unwrap());
        [(name("example.test"), addrs)].into()
    }

    fn ask(records: &Records, host: &str, family: Family, limit: usize) -> Option<Reply> {
        let query = question(7, &name(host), family).unwrap();
        reply(7, &name(host), family, &answer(records, &query, limit)?)
    }

    #[test]
    fn answers_hold_what_was_asked_for() {
        let v4 = Some(Reply::Addrs(vec![IpAddr::from([192, 0, 2, 0])]));
        assert_eq!(ask(&records(1), "example.test", Family::V4, 512), v4);
        assert_eq!(ask(&records(1), "EXAMPLE.test.", Family::V4, 512), v4);
        assert_eq!(
            ask(&records(1), "example.test", Family::V6, 512),
            Some(Reply::Addrs(vec!["2001:db8::1".parse().unwrap()]))
        );
        assert_eq!(ask(&records(1), "other.test", Family::V4, 512), Some(Reply::NoSuchName));
    }

    #[test]
    fn long_answers_are_cut() {
        let query = question(7, &name("example.test"), Family::V4).unwrap();
        let cut = answer(&records(100), &query, LARGEST_BY_UDP).unwrap();
        assert!(cut.len() <= LARGEST_BY_UDP);
        assert!(Packet::parse(&cut).unwrap().has_flags(PacketFlag::TRUNCATION));
        let whole = answer(&records(100), &query, usize::from(u16::MAX)).unwrap();
        assert_eq!(Packet::parse(&whole).unwrap().answers.len(), 100);
    }

    #[test]
    fn what_answers_another_question_is_passed_over() {
        let query = question(7, &name("example.test"), Family::V4).unwrap();
        let bytes = answer(&records(1), &query, 512).unwrap();
        assert_eq!(reply(8, &name("example.test"), Family::V4, &bytes), None);
        assert_eq!(reply(7, &name("other.test"), Family::V4, &bytes), None);
        assert_eq!(reply(7, &name("example.test"), Family::V4, &query), None);
        assert_eq!(answer(&records(1), &bytes, 512), None);
    }

    #[test]
    fn no_bytes_whatever_are_too_odd() {
        let query = question(7, &name("example.test"), Family::V4).unwrap();
        for length in 0..query.len() {
            let refused = answer(&records(1), &query[..length], 512);
            assert_eq!(refused.is_some(), length >= 2, "{length}");
        }
        let mut unknown = query.clone();
        let kind = unknown.len() - 4;
        unknown[kind..kind + 2].copy_from_slice(&[0xff, 0x01]);
        assert_eq!(
            reply(7, &name("example.test"), Family::V4, &answer(&records(1), &unknown, 512).unwrap()),
            Some(Reply::Failure)
        );
    }
}
