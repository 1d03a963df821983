//! libnftnl: expressions and messages for which the `nftnl` crate has no types, in its batches.
#![allow(unsafe_code, reason = "libnftnl is a C library, and a message of one's own is an unsafe trait of nftnl's")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::NonNull;

use nftnl::expr::{
    Bitwise, Cmp, CmpOp, Counter, Expression, Meta, NetworkHeaderField, Payload, TransportHeaderField,
    Verdict as NftVerdict,
};
use nftnl::{Batch, Chain, ChainType, FinalizedBatch, MsgType, NlMsg, ProtoFamily, Rule, Table};
use nftnl_sys::{self as sys, libc};

use super::expr::{Base, Compare, Expr, MetaKey, Verdict};
use super::raw::Attributes;
use super::wire;
use netscript_net::op::netfilter::{ChainRef, Extension, Hook, Policy, Table as IptablesTable, TableRef};
use netscript_net::op::{Family, raw};

/// A deletion that fails if the object is not empty (linux/netlink.h).
const NLM_F_NONREC: i32 = 0x100;

/// The position of a new rule.
#[derive(Clone, Copy, Debug)]
pub(super) enum RulePosition {
    /// After all others.
    Last,
    /// Before all others.
    First,
    /// Before the rule with this handle.
    Before(u64),
}

/// A transaction: the kernel applies all of it or nothing.
pub(super) struct Transaction {
    batch: Batch,
    /// The index of the operation that each message belongs to.
    owners: Vec<usize>,
}

impl Transaction {
    pub(super) fn new() -> Transaction {
        Transaction { batch: Batch::new(), owners: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// `nft add table`: creates the table if it does not exist.
    pub(super) fn table(&mut self, owner: usize, table: TableRef) {
        self.add(owner, &nft_table(table), MsgType::Add, libc::NLM_F_CREATE, &[]);
    }

    /// `nft add chain`: creates a built-in chain if it does not exist, and sets a given policy.
    pub(super) fn base_chain(&mut self, owner: usize, chain: &ChainRef, hook: Hook, policy: Option<Policy>) {
        let table = nft_table(chain.table);
        let mut base = nft_chain(chain, &table);
        let (kind, priority) = registration(chain.table.table, hook);
        base.set_hook(nft_hook(hook), priority);
        base.set_type(kind);
        if let Some(policy) = policy {
            base.set_policy(match policy {
                Policy::Accept => nftnl::Policy::Accept,
                Policy::Drop => nftnl::Policy::Drop,
            });
        }
        self.add(owner, &base, MsgType::Add, libc::NLM_F_CREATE, &[]);
    }

    /// `nft create chain`: an error if it exists.
    pub(super) fn new_chain(&mut self, owner: usize, chain: &ChainRef) {
        let table = nft_table(chain.table);
        self.add(owner, &nft_chain(chain, &table), MsgType::Add, libc::NLM_F_CREATE | libc::NLM_F_EXCL, &[]);
    }

    /// `nft delete chain`: an error if it has rules, or rules jump to it.
    pub(super) fn delete_chain(&mut self, owner: usize, chain: &ChainRef) {
        let table = nft_table(chain.table);
        self.add(owner, &nft_chain(chain, &table), MsgType::Del, NLM_F_NONREC, &[]);
    }

    /// `nft add rule`, `nft insert rule`. `compat`: see `encode::compat`.
    pub(super) fn rule(
        &mut self,
        owner: usize,
        chain: &ChainRef,
        exprs: &[Expr],
        compat: (u32, u32),
        place: RulePosition,
    ) {
        let table = nft_table(chain.table);
        let nft_chain = nft_chain(chain, &table);
        let mut rule = Rule::new(&nft_chain);
        for expr in exprs {
            rule.add_expr(expr);
        }
        let flags = match place {
            RulePosition::Last => libc::NLM_F_CREATE | libc::NLM_F_APPEND,
            RulePosition::First => libc::NLM_F_CREATE,
            RulePosition::Before(handle) => {
                rule.set_position(handle);
                libc::NLM_F_CREATE
            }
        };
        self.add(owner, &rule, MsgType::Add, flags, &rule_compat(compat));
    }

    /// `nft add rule`, with the kernel's attributes of a removed rule.
    pub(super) fn raw_rule(&mut self, owner: usize, chain: &ChainRef, rule: &Attributes, place: RulePosition) {
        const NLA_F_NESTED: u16 = 1 << 15;
        const NFTA_RULE_EXPRESSIONS: u16 = 4;
        const NFTA_RULE_USERDATA: u16 = 7;
        let Attributes { expressions, userdata, compat } = rule;
        let table = nft_table(chain.table);
        let nft_chain = nft_chain(chain, &table);
        let mut rule = Rule::new(&nft_chain);
        if let RulePosition::Before(handle) = place {
            rule.set_position(handle);
        }
        let flags = match place {
            RulePosition::Last => libc::NLM_F_CREATE | libc::NLM_F_APPEND,
            RulePosition::First | RulePosition::Before(_) => libc::NLM_F_CREATE,
        };
        let mut attributes = rule_compat(*compat);
        wire::attribute(&mut attributes, NLA_F_NESTED | NFTA_RULE_EXPRESSIONS, expressions);
        if !userdata.is_empty() {
            wire::attribute(&mut attributes, NFTA_RULE_USERDATA, userdata);
        }
        self.add(owner, &rule, MsgType::Add, flags, &attributes);
    }

    /// `nft delete table`: an error unless it is empty.
    pub(super) fn delete_table(&mut self, table: TableRef) {
        self.add(0, &nft_table(table), MsgType::Del, NLM_F_NONREC, &[]);
    }

    /// `nft delete rule`; without a handle, all rules of the chain.
    pub(super) fn delete_rule(&mut self, owner: usize, chain: &ChainRef, handle: Option<u64>) {
        let table = nft_table(chain.table);
        let nft_chain = nft_chain(chain, &table);
        let mut rule = Rule::new(&nft_chain);
        if let Some(handle) = handle {
            rule.set_handle(handle);
        }
        self.add(owner, &rule, MsgType::Del, 0, &[]);
    }

    fn add(&mut self, owner: usize, body: &impl NlMsg, kind: MsgType, flags: i32, attributes: &[u8]) {
        self.owners.push(owner);
        let flags = u16::try_from(libc::NLM_F_REQUEST | flags).expect("netlink's flags have 16 bits");
        self.batch.add(&Message { body, flags, attributes }, kind);
    }

    pub(super) fn finish(self) -> Finished {
        Finished { batch: self.batch.finalize(), owners: self.owners }
    }
}

/// A complete transaction.
pub(super) struct Finished {
    batch: FinalizedBatch,
    owners: Vec<usize>,
}

impl Finished {
    /// Its bytes, in pages.
    pub(super) fn pages(&self) -> Vec<&[u8]> {
        self.batch.iter().collect()
    }

    /// The operation that the message with a sequence number belongs to. The messages that begin and end the
    /// transaction belong to the first operation.
    pub(super) fn owner(&self, sequence: u32) -> usize {
        let numbers = self.batch.sequence_numbers();
        // The crate numbers these messages if the kernel acknowledges them (from 6.10 on).
        let numbered = usize::try_from(numbers.end - numbers.start).is_ok_and(|all| all > self.owners.len());
        let first = numbers.start + u32::from(numbered);
        let index = sequence.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.owners.get(index)).or(self.owners.first()).copied().unwrap_or(0)
    }
}

/// A message with different flags and further attributes.
struct Message<'a, M> {
    body: &'a M,
    flags: u16,
    attributes: &'a [u8],
}

// SAFETY: the body keeps to the largest message. Bodies are rules, chains and tables of at most a few KiB. A rule that
// is restored has a body without expressions of less than one KiB, to which attributes are added that the kernel has
// listed in one message: less than 64 KiB of expressions (the length of an attribute has 16 bits) and 256 bytes of
// userdata. The buffer has 64 KiB and a page.
unsafe impl<M: NlMsg> NlMsg for Message<'_, M> {
    unsafe fn write(&self, buf: *mut c_void, seq: u32, msg_type: MsgType) {
        // SAFETY: the caller provides room for the largest message, which is what the body requires.
        unsafe { self.body.write(buf, seq, msg_type) };
        // SAFETY: the body has written a message header at the start of the buffer, and the buffer is aligned for one,
        // as libnftnl's own writing requires.
        let header = unsafe { &mut *buf.cast::<libc::nlmsghdr>() };
        header.nlmsg_flags = self.flags;
        let end = usize::try_from(header.nlmsg_len).expect("a usize has 32 bits at least");
        header.nlmsg_len += u32::try_from(self.attributes.len()).expect("attributes are short");
        // SAFETY: the buffer has 64 KiB after any message, and the source does not overlap with it.
        unsafe {
            let to = buf.cast::<u8>().add(end);
            std::ptr::copy_nonoverlapping(self.attributes.as_ptr(), to, self.attributes.len());
        }
    }
}

/// `NFTA_RULE_COMPAT` (5): protocol (1) and flags (2), which the kernel passes to xtables extensions.
fn rule_compat((proto, flags): (u32, u32)) -> Vec<u8> {
    const NLA_F_NESTED: u16 = 1 << 15;
    let mut inner = Vec::new();
    wire::attribute(&mut inner, 1, &proto.to_be_bytes());
    wire::attribute(&mut inner, 2, &flags.to_be_bytes());
    let mut compat = Vec::new();
    wire::attribute(&mut compat, NLA_F_NESTED | 5, &inner);
    compat
}

fn c_string(text: &str) -> CString {
    CString::new(raw::to_bytes(text)).expect("names in rules have no NUL")
}

fn nft_table(table: TableRef) -> Table {
    let family = match table.family {
        Family::V4 => ProtoFamily::Ipv4,
        Family::V6 => ProtoFamily::Ipv6,
    };
    Table::new(c_string(table.table.word()), family)
}

fn nft_chain<'a>(chain: &ChainRef, table: &'a Table) -> Chain<'a> {
    Chain::new(c_string(chain.name.as_str()), table)
}

fn nft_hook(hook: Hook) -> nftnl::Hook {
    match hook {
        Hook::Prerouting => nftnl::Hook::PreRouting,
        Hook::Input => nftnl::Hook::In,
        Hook::Forward => nftnl::Hook::Forward,
        Hook::Output => nftnl::Hook::Out,
        Hook::Postrouting => nftnl::Hook::PostRouting,
    }
}

/// Type and priority of iptables' built-in chains (`xtables_ipv4`, nft.c of iptables; the numbers are `NF_IP_PRI_*`,
/// linux/netfilter_ipv4.h).
pub(super) fn registration(table: IptablesTable, hook: Hook) -> (ChainType, i32) {
    match (table, hook) {
        (IptablesTable::Filter, _) => (ChainType::Filter, 0),
        (IptablesTable::Raw, _) => (ChainType::Filter, -300),
        (IptablesTable::Security, _) => (ChainType::Filter, 150),
        (IptablesTable::Mangle, Hook::Output) => (ChainType::Route, -150),
        (IptablesTable::Mangle, _) => (ChainType::Filter, -150),
        (IptablesTable::Nat, Hook::Prerouting | Hook::Output) => (ChainType::Nat, -100),
        (IptablesTable::Nat, Hook::Input | Hook::Forward | Hook::Postrouting) => (ChainType::Nat, 100),
    }
}

impl Expression for Expr {
    fn to_expr(&self, rule: &Rule<'_>) -> NonNull<sys::nftnl_expr> {
        match self {
            Expr::Meta(key) => meta(*key).to_expr(rule),
            Expr::Payload(base, offset, len) => payload(*base, *offset, *len).to_expr(rule),
            Expr::Mask(mask) => Bitwise::new(mask.as_slice(), vec![0u8; mask.len()].as_slice()).to_expr(rule),
            Expr::Cmp(compare, data) => Cmp::new(cmp_op(*compare), data.as_slice()).to_expr(rule),
            Expr::Limit(packets, seconds, burst) => limit(*packets, *seconds, *burst),
            Expr::Match(extension) => xtables(c"match", extension),
            Expr::Target(extension) => xtables(c"target", extension),
            Expr::Counter(..) => Counter.to_expr(rule),
            Expr::Verdict(verdict) => nft_verdict(verdict).to_expr(rule),
            Expr::Range(..) => unreachable!("no rule of ours is made of `range`"),
            Expr::Other(name) => unreachable!("no rule of ours is made of `{name}`"),
        }
    }
}

fn meta(key: MetaKey) -> Meta {
    match key {
        MetaKey::Mark => Meta::Mark { set: false },
        MetaKey::Iifname => Meta::IifName,
        MetaKey::Oifname => Meta::OifName,
        MetaKey::L4proto => Meta::L4Proto,
    }
}

fn payload(base: Base, offset: u32, len: u32) -> Payload {
    // nftnl's names say bits, but it passes the numbers to the kernel, which counts bytes.
    let (offset_bits, length_bits) = (offset, len);
    match base {
        Base::Network => Payload::Network(NetworkHeaderField::Raw { offset_bits, length_bits }),
        Base::Transport => Payload::Transport(TransportHeaderField::Raw { offset_bits, length_bits }),
    }
}

fn cmp_op(compare: Compare) -> CmpOp {
    match compare {
        Compare::Eq => CmpOp::Eq,
        Compare::Ne => CmpOp::Neq,
        Compare::Lt => CmpOp::Lt,
        Compare::Le => CmpOp::Lte,
        Compare::Gt => CmpOp::Gt,
        Compare::Ge => CmpOp::Gte,
    }
}

fn nft_verdict(verdict: &Verdict) -> NftVerdict {
    match verdict {
        Verdict::Accept => NftVerdict::Accept,
        Verdict::Drop => NftVerdict::Drop,
        Verdict::Return => NftVerdict::Return,
        Verdict::Jump(chain) => NftVerdict::Jump { chain: c_string(chain.as_str()) },
        Verdict::Goto(chain) => NftVerdict::Goto { chain: c_string(chain.as_str()) },
    }
}

/// Creates an empty libnftnl expression by its name.
fn alloc(name: &CStr) -> NonNull<sys::nftnl_expr> {
    // SAFETY: the name is a C string, and the returned expression is owned by the caller.
    let expr = unsafe { sys::nftnl_expr_alloc(name.as_ptr()) };
    NonNull::new(expr).expect("libnftnl knows the expression, and memory suffices for it")
}

fn set_u32(expr: NonNull<sys::nftnl_expr>, attribute: u32, value: u32) {
    // SAFETY: the expression is alive, and the attribute is one of its own numbers.
    unsafe { sys::nftnl_expr_set_u32(expr.as_ptr(), number(attribute), value) };
}

fn set_u64(expr: NonNull<sys::nftnl_expr>, attribute: u32, value: u64) {
    // SAFETY: as in `set_u32`.
    unsafe { sys::nftnl_expr_set_u64(expr.as_ptr(), number(attribute), value) };
}

fn number(attribute: u32) -> u16 {
    u16::try_from(attribute).expect("libnftnl numbers attributes with 16 bits")
}

/// `limit`, of packets.
fn limit(packets: u64, seconds: u64, burst: u32) -> NonNull<sys::nftnl_expr> {
    let expr = alloc(c"limit");
    set_u64(expr, sys::NFTNL_EXPR_LIMIT_RATE, packets);
    set_u64(expr, sys::NFTNL_EXPR_LIMIT_UNIT, seconds);
    set_u32(expr, sys::NFTNL_EXPR_LIMIT_BURST, burst);
    set_u32(expr, sys::NFTNL_EXPR_LIMIT_TYPE, 0);
    set_u32(expr, sys::NFTNL_EXPR_LIMIT_FLAGS, 0);
    expr
}

/// `match` or `target`. Both use the same attribute numbers.
fn xtables(kind: &CStr, extension: &Extension) -> NonNull<sys::nftnl_expr> {
    let expr = alloc(kind);
    let name = c_string(&extension.name);
    // SAFETY: the expression is alive; libnftnl copies the name.
    unsafe { sys::nftnl_expr_set_str(expr.as_ptr(), number(sys::NFTNL_EXPR_TG_NAME), name.as_ptr().cast::<c_char>()) };
    set_u32(expr, sys::NFTNL_EXPR_TG_REV, extension.revision);
    let len = u32::try_from(extension.info.len()).expect("settings are shorter than 4 GiB");
    // SAFETY: libnftnl keeps the pointer and frees it with the expression, so it must come from malloc. There is room
    // for the copied bytes; for a length of 0, one byte is allocated.
    unsafe {
        let info = libc::malloc(extension.info.len().max(1));
        assert!(!info.is_null(), "memory suffices for an extension's settings");
        std::ptr::copy_nonoverlapping(extension.info.as_ptr(), info.cast::<u8>(), extension.info.len());
        sys::nftnl_expr_set(expr.as_ptr(), number(sys::NFTNL_EXPR_TG_INFO), info, len);
    }
    expr
}
