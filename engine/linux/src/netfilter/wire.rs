//! nfnetlink messages: requests, and the kernel's answers.

use netlink_packet_core::{NLA_HEADER_SIZE, NlasIterator};

use super::expr::{Base, Compare, Expr, MetaKey, Verdict};
use super::raw::RawRule;
use super::xt_match::text;
use netscript_net::error::{Errno, Rejection};
use netscript_net::op::netfilter::{ChainName, ChainRef, Extension, Hook, Policy, Table, TableRef};
use netscript_net::op::{Family, raw};
use netscript_net::state::ForeignChain;

/// Lengths of `struct nlmsghdr` and `struct nfgenmsg`.
const HEADER: usize = 16;
const GENERIC: usize = 4;

/// `NFNL_SUBSYS_NFTABLES` and `NFNL_SUBSYS_NFT_COMPAT`, linux/netfilter/nfnetlink.h.
const SUBSYS_NFTABLES: u16 = 10;
const SUBSYS_NFT_COMPAT: u16 = 11;

/// Requests (`enum nf_tables_msg_types`, linux/netfilter/nf_tables.h).
pub(super) const GET_TABLE: u16 = SUBSYS_NFTABLES << 8 | 1;
pub(super) const GET_CHAIN: u16 = SUBSYS_NFTABLES << 8 | 4;
pub(super) const GET_RULE: u16 = SUBSYS_NFTABLES << 8 | 7;
pub(super) const GET_SET: u16 = SUBSYS_NFTABLES << 8 | 10;
/// `NFNL_MSG_COMPAT_GET`: whether an xtables extension exists.
pub(super) const GET_COMPAT: u16 = SUBSYS_NFT_COMPAT << 8;

/// linux/netlink.h
pub(super) const NLM_F_REQUEST: u16 = 0x1;
pub(super) const NLM_F_ACK: u16 = 0x4;
pub(super) const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// A family of tables (`NFPROTO_*`, linux/netfilter.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Protocol(u8);

impl Protocol {
    /// Every family, with nft's name.
    pub(super) const ALL: [(Protocol, &'static str); 6] = [
        (Protocol(1), "inet"),
        (Protocol(2), "ip"),
        (Protocol(3), "arp"),
        (Protocol(5), "netdev"),
        (Protocol(7), "bridge"),
        (Protocol(10), "ip6"),
    ];

    fn family(self) -> Option<Family> {
        [Family::V4, Family::V6].into_iter().find(|family| Protocol::from(*family) == self)
    }

    /// A hook's name (`enum nf_inet_hooks`, `nf_dev_hooks`, `NF_ARP_*`, `NF_BR_*`).
    fn hook(self, number: u32) -> &'static str {
        let names: &[&str] = match self.0 {
            3 => &["input", "output", "forward"],
            5 => &["ingress", "egress"],
            _ => &["prerouting", "input", "forward", "output", "postrouting", "ingress"],
        };
        usize::try_from(number).ok().and_then(|number| names.get(number).copied()).unwrap_or("an unknown hook")
    }
}

impl From<Family> for Protocol {
    fn from(family: Family) -> Protocol {
        match family {
            Family::V4 => Protocol(2),
            Family::V6 => Protocol(10),
        }
    }
}

/// A request: its kind, flags, and attributes.
pub(super) fn question(
    kind: u16,
    flags: u16,
    sequence: u32,
    family: Protocol,
    attributes: &[(u16, Vec<u8>)],
) -> Vec<u8> {
    let mut message = vec![0; 4];
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | flags).to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend([0; 4]);
    message.extend([family.0, 0, 0, 0]);
    for (kind, value) in attributes {
        attribute(&mut message, *kind, value);
    }
    let len = u32::try_from(message.len()).expect("a question is short");
    message[..4].copy_from_slice(&len.to_ne_bytes());
    message
}

/// Appends an attribute, padded to four bytes.
pub(super) fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let len = u16::try_from(value.len() + 4).expect("an attribute is shorter than 64 KiB");
    message.extend(len.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// A text in the form of an attribute, with its NUL.
pub(super) fn string(text: &str) -> Vec<u8> {
    [&*raw::to_bytes(text), b"\0"].concat()
}

/// One message of an answer.
pub(super) enum Answer<'a> {
    /// An object of a dump: its attributes.
    Content(Attributes<'a>),
    /// Something changed while a dump was being made (`NLM_F_DUMP_INTR`).
    Disturbed,
    /// The end of a dump.
    Done,
    /// An acknowledgement (0) or a refusal, for the message with this sequence number.
    Error { sequence: u32, rejection: Rejection },
}

/// The messages in a datagram.
pub(super) fn answers(datagram: &[u8]) -> Vec<Answer<'_>> {
    let mut answers = Vec::new();
    let mut rest = datagram;
    while let Some((message, next)) = split_message(rest) {
        let (kind, flags) = (u16_at(message, 4), u16_at(message, 6));
        if kind != NLMSG_ERROR && flags & NLM_F_DUMP_INTR != 0 {
            answers.push(Answer::Disturbed);
        }
        match kind {
            NLMSG_ERROR => answers.push(error(message, flags)),
            NLMSG_DONE => answers.push(Answer::Done),
            _ => answers.push(Answer::Content(Attributes(message.get(HEADER + GENERIC..).unwrap_or(&[])))),
        }
        rest = next;
    }
    answers
}

fn split_message(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = usize::try_from(u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?)).ok()?;
    let message = bytes.get(..len).filter(|_| len >= HEADER)?;
    Some((message, bytes.get(len.next_multiple_of(4)..).unwrap_or(&[])))
}

fn u16_at(message: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([message[at], message[at + 1]])
}

/// `struct nlmsgerr`: the error number, the header of the request, and attributes, of which 1 is a text
/// (`NLMSGERR_ATTR_MSG`).
fn error(message: &[u8], flags: u16) -> Answer<'_> {
    let number =
        |at: usize| message.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes);
    let told = if flags & NLM_F_ACK_TLVS != 0 { message.get(2 * HEADER + 4..).unwrap_or(&[]) } else { &[] };
    let errno = Errno(number(HEADER).cast_signed().wrapping_neg());
    let rejection = Rejection::from(errno).text(Attributes(told).get(1).map(text));
    Answer::Error { sequence: number(8), rejection }
}

/// A sequence of attributes.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    fn all(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        NlasIterator::new(self.0).map_while(Result::ok).map(|nla| {
            let (kind, len) = (nla.kind(), usize::from(nla.length()));
            (kind, &nla.into_inner()[NLA_HEADER_SIZE..len])
        })
    }

    fn get(self, kind: u16) -> Option<&'a [u8]> {
        self.all().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    fn nested(self, kind: u16) -> Attributes<'a> {
        Attributes(self.get(kind).unwrap_or(&[]))
    }

    fn text(self, kind: u16) -> Option<String> {
        self.get(kind).map(text)
    }

    fn u32(self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.get(kind)?.try_into().ok()?))
    }

    fn u64(self, kind: u16) -> Option<u64> {
        Some(u64::from_be_bytes(self.get(kind)?.try_into().ok()?))
    }

    /// The bytes of `struct nft_data`: attribute 1 (`NFTA_DATA_VALUE`) of an attribute.
    fn data(self, kind: u16) -> Option<Vec<u8>> {
        self.nested(kind).get(1).map(<[u8]>::to_vec)
    }
}

/// The handle of a table (`NFTA_TABLE_NAME`, `NFTA_TABLE_HANDLE`).
pub(super) fn table_handle(attributes: Attributes<'_>) -> Option<(Table, u64)> {
    Some((Table::from_word(&attributes.text(1)?)?, attributes.u64(4)?))
}

/// A chain from the kernel (`NFTA_CHAIN_*`, linux/netfilter/nf_tables.h). `None`: it is not in a table of iptables.
pub(super) fn chain(family: Family, attributes: Attributes<'_>) -> Option<(ChainRef, Option<Policy>)> {
    let chain = chain_ref(family, attributes.text(1)?, attributes.text(3)?)?;
    let base = attributes.get(4).is_some() && Hook::from_chain_name(chain.name.as_str()).is_some();
    // NF_DROP is 0, NF_ACCEPT 1.
    let policy = attributes.u32(5).map(|number| if number == 0 { Policy::Drop } else { Policy::Accept });
    Some((chain, policy.filter(|_| base)))
}

/// A base chain that does not belong to iptables.
pub(super) fn foreign_chain(
    (protocol, family): (Protocol, &'static str),
    attributes: Attributes<'_>,
) -> Option<ForeignChain> {
    // NFTA_CHAIN_HOOK holds number (1), priority (2) and device (3), or several devices (4).
    let hook = attributes.get(4).map(Attributes)?;
    let (number, priority) = (hook.u32(1)?, hook.u32(2)?.cast_signed());
    let (table, name) = (attributes.text(1)?, attributes.text(3)?);
    let chain = ForeignChain {
        family,
        hook: protocol.hook(number),
        priority,
        device: hook.text(3).or_else(|| hook.nested(4).text(1)),
        policy: if attributes.u32(5) == Some(0) { Policy::Drop } else { Policy::Accept },
        // NFTA_CHAIN_USE
        rules: attributes.u32(6).unwrap_or(0),
        table,
        name,
    };
    let own = protocol.family().and_then(|family| chain_ref(family, chain.table.clone(), chain.name.clone()));
    let place = own.and_then(|own| Some((own.table.table, own.hook()?)));
    let is_own = place.is_some_and(|(table, hook)| {
        hook.chain_name().eq_ignore_ascii_case(chain.hook) && super::nft::registration(table, hook).1 == priority
    });
    (!is_own).then_some(chain)
}

fn chain_ref(family: Family, table: String, name: String) -> Option<ChainRef> {
    Some(TableRef::new(family, Table::from_word(&table)?).chain(ChainName::read(&name)))
}

/// A rule from the kernel (`NFTA_RULE_*`): its chain, handle and expressions.
pub(super) fn rule(family: Family, attributes: Attributes<'_>) -> Option<(ChainRef, u64, Vec<Expr>)> {
    let chain = chain_ref(family, attributes.text(1)?, attributes.text(2)?)?;
    Some((chain, attributes.u64(3)?, expressions(attributes.get(4).unwrap_or(&[]))))
}

/// The same, with the attributes that are needed to restore it.
pub(super) fn raw_rule(family: Family, attributes: Attributes<'_>) -> Option<RawRule> {
    let (chain, handle, exprs) = rule(family, attributes)?;
    let bytes = |kind| attributes.get(kind).map_or(Vec::new(), <[u8]>::to_vec);
    Some(RawRule::new(chain, handle, &exprs, bytes(4), bytes(7)))
}

/// `NFTA_RULE_EXPRESSIONS`: each of the list is an `NFTA_LIST_ELEM` with the name (1) and the settings (2).
fn elements(expressions: &[u8]) -> impl Iterator<Item = (String, Attributes<'_>, &[u8])> {
    Attributes(expressions).all().map(|(_, element)| {
        let attributes = Attributes(element);
        (attributes.text(1).unwrap_or_default(), attributes.nested(2), element)
    })
}

/// The expressions of a rule.
pub(super) fn expressions(bytes: &[u8]) -> Vec<Expr> {
    elements(bytes).map(|(name, data, _)| expr(&name, data).unwrap_or(Expr::Other(name))).collect()
}

/// The bytes of a rule's expressions, without parts that change as packets pass: counters, the consumed part of a
/// quota, and the time of the last packet.
pub(super) fn lasting_expressions(bytes: &[u8]) -> Vec<u8> {
    const QUOTA_CONSUMED: u16 = 4;
    let mut lasting = Vec::with_capacity(bytes.len());
    for (name, data, element) in elements(bytes) {
        lasting.extend(string(&name));
        match name.as_str() {
            "counter" | "last" => {}
            "quota" => {
                let kept = data.all().filter(|(kind, _)| *kind != QUOTA_CONSUMED);
                kept.for_each(|(kind, value)| attribute(&mut lasting, kind, value));
            }
            _ => lasting.extend(element),
        }
    }
    lasting
}

/// An object that an expression refers to, and that must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// A set or a map.
    Set(String),
    /// A chain.
    Chain(String),
}

/// The objects that a rule's expressions refer to: sets and maps (`lookup`, `dynset`, maps of named objects) and
/// chains.
pub(super) fn references(bytes: &[u8]) -> Vec<Reference> {
    let named = |(name, data, _): (String, Attributes<'_>, &[u8])| match name.as_str() {
        // NFTA_LOOKUP_SET, NFTA_DYNSET_SET_NAME, NFTA_OBJREF_SET_NAME
        "lookup" | "dynset" => data.text(1).map(Reference::Set),
        "objref" => data.text(4).map(Reference::Set),
        // NFTA_IMMEDIATE_DATA, NFTA_DATA_VERDICT, NFTA_VERDICT_CHAIN
        "immediate" => data.nested(2).nested(2).text(2).map(Reference::Chain),
        _ => None,
    };
    elements(bytes).filter_map(named).collect()
}

/// The name of an anonymous set, which ends with its rule (`NFT_SET_ANONYMOUS`).
pub(super) fn anonymous_set(table: Table, attributes: Attributes<'_>) -> Option<String> {
    const NFT_SET_ANONYMOUS: u32 = 1;
    let here = attributes.text(1)? == table.word() && attributes.u32(3).unwrap_or(0) & NFT_SET_ANONYMOUS != 0;
    if here { attributes.text(2) } else { None }
}

/// The name of a bound chain, which ends with its rule (`NFT_CHAIN_BINDING`).
pub(super) fn bound_chain(table: Table, attributes: Attributes<'_>) -> Option<String> {
    const NFT_CHAIN_BINDING: u32 = 4;
    let here = attributes.text(1)? == table.word() && attributes.u32(10).unwrap_or(0) & NFT_CHAIN_BINDING != 0;
    if here { attributes.text(3) } else { None }
}

/// `NFT_REG_1`, or the first of its four 32-bit registers, which newer kernels report instead.
fn is_register_1(register: u32) -> bool {
    matches!(register, 1 | 8)
}

/// Attribute numbers are those of the expression's own enum in linux/netfilter/nf_tables.h.
fn expr(name: &str, data: Attributes<'_>) -> Option<Expr> {
    match name {
        "meta" if is_register_1(data.u32(1)?) => meta_key(data.u32(2)?).map(Expr::Meta),
        "payload" if is_register_1(data.u32(1)?) => {
            let base = match data.u32(2)? {
                1 => Base::Network,
                2 => Base::Transport,
                _ => return None,
            };
            Some(Expr::Payload(base, data.u32(3)?, data.u32(4)?))
        }
        "bitwise" => bitwise(data),
        "cmp" if is_register_1(data.u32(1)?) => Some(Expr::Cmp(compare(data.u32(2)?)?, data.data(3)?)),
        "range" if is_register_1(data.u32(1)?) => Some(Expr::Range(data.u32(2)? == 1, data.data(3)?, data.data(4)?)),
        // Packets, not bytes (type 0), and no flag such as "over".
        "limit" if data.u32(4).unwrap_or(0) == 0 && data.u32(5).unwrap_or(0) == 0 => {
            Some(Expr::Limit(data.u64(1)?, data.u64(2)?, data.u32(3)?))
        }
        "match" => extension(data).map(Expr::Match),
        "target" => extension(data).map(Expr::Target),
        "counter" => Some(Expr::Counter(data.u64(2)?, data.u64(1)?)),
        "immediate" if data.u32(1)? == 0 => verdict(data.nested(2).nested(2)).map(Expr::Verdict),
        _ => None,
    }
}

fn meta_key(number: u32) -> Option<MetaKey> {
    Some(match number {
        3 => MetaKey::Mark,
        6 => MetaKey::Iifname,
        7 => MetaKey::Oifname,
        16 => MetaKey::L4proto,
        _ => return None,
    })
}

/// A mask from register 1 to register 1, without exclusive or and without shift.
fn bitwise(data: Attributes<'_>) -> Option<Expr> {
    let same_register = is_register_1(data.u32(1)?) && is_register_1(data.u32(2)?);
    let only_mask = data.u32(6).unwrap_or(0) == 0 && data.data(5)?.iter().all(|byte| *byte == 0);
    if same_register && only_mask { data.data(4).map(Expr::Mask) } else { None }
}

fn compare(number: u32) -> Option<Compare> {
    [Compare::Eq, Compare::Ne, Compare::Lt, Compare::Le, Compare::Gt, Compare::Ge]
        .get(usize::try_from(number).ok()?)
        .copied()
}

fn extension(data: Attributes<'_>) -> Option<Extension> {
    Some(Extension { name: data.text(1)?, revision: data.u32(2)?, info: data.get(3)?.to_vec() })
}

/// `NFTA_VERDICT_CODE` and `NFTA_VERDICT_CHAIN`; the codes are `NF_*` of linux/netfilter.h and the
/// negative `NFT_*` of linux/netfilter/nf_tables.h.
fn verdict(data: Attributes<'_>) -> Option<Verdict> {
    let chain = || data.text(2).map(|name| ChainName::read(&name));
    match data.u32(1)?.cast_signed() {
        0 => Some(Verdict::Drop),
        1 => Some(Verdict::Accept),
        -3 => chain().map(Verdict::Jump),
        -4 => chain().map(Verdict::Goto),
        -5 => Some(Verdict::Return),
        _ => None,
    }
}
