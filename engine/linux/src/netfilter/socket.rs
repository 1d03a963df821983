//! The nfnetlink socket.

use std::collections::HashSet;
use std::io::IoSlice;
use std::os::fd::AsRawFd;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use nix::sys::socket::{MsgFlags, NetlinkAddr, sendmsg, setsockopt, sockopt};

use super::expr::Expr;
use super::nft::Finished;
use super::raw::RawRule;
use super::record;
use super::wire::{self, Answer, Attributes, Protocol, Reference};
use crate::Outcome;
use netscript_net::error::{Errno, Rejection};
use netscript_net::op::Family;
use netscript_net::op::netfilter::{ChainRef, TableRef};
use netscript_net::state::{Chain, ForeignChain, Ruleset};

/// `NFTA_RULE_TABLE` and `NFTA_RULE_CHAIN`, linux/netfilter/nf_tables.h.
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;

/// A socket for tables, chains and rules of the namespace in which it was opened.
pub(crate) struct NftSocket {
    socket: Socket,
    sequence: u32,
    send_buffer: usize,
    /// Chains that exist, unless somebody else has removed them.
    pub(super) there: HashSet<ChainRef>,
}

impl NftSocket {
    /// Opens a socket in the calling thread's namespace.
    pub(crate) fn open() -> Outcome<NftSocket> {
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(|error| super::missing::of_nf_tables(error.into()))?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        Ok(NftSocket { socket, sequence: 0, send_buffer: 0, there: HashSet::new() })
    }

    /// Sends a transaction in one message. The kernel answers before the call returns. The error is the one of the
    /// first failed operation; then nothing has been applied.
    pub(super) fn commit(&mut self, transaction: Finished) -> Result<(), (usize, Rejection)> {
        let pages = transaction.pages();
        let first = |rejection: Rejection| (transaction.owner(0), rejection);
        self.drain();
        self.grow_send_buffer(pages.iter().map(|page| page.len()).sum());
        let slices: Vec<IoSlice<'_>> = pages.iter().map(|page| IoSlice::new(page)).collect();
        sendmsg::<NetlinkAddr>(self.socket.as_raw_fd(), &slices, &[], MsgFlags::empty(), None)
            .map_err(|error| first(Errno(error as i32).into()))?;
        let mut failed: Option<(usize, Rejection)> = None;
        loop {
            let datagram = match self.receive_now() {
                Ok(Some(datagram)) => datagram,
                Ok(None) => break,
                // There are more errors than the buffer holds; the first ones are in it.
                Err(rejection) if rejection.errno == Errno::ENOBUFS => continue,
                Err(rejection) => return Err(first(rejection)),
            };
            for answer in wire::answers(&datagram) {
                match answer {
                    Answer::Error { rejection, .. } if rejection.errno == Errno(0) => {}
                    Answer::Error { sequence, rejection } => {
                        failed.get_or_insert_with(|| (transaction.owner(sequence), rejection));
                    }
                    Answer::Content(_) | Answer::Done | Answer::Disturbed => {}
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Grows the socket's buffer, since a larger message is refused. Without privilege, the kernel grows it only up to
    /// `net.core.wmem_max`.
    fn grow_send_buffer(&mut self, bytes: usize) {
        // The kernel also counts its own structures, and doubles the given size.
        const SPARE: usize = 64 << 10;
        let wanted = bytes + SPARE;
        if wanted <= self.send_buffer {
            return;
        }
        let forced = setsockopt(&self.socket, sockopt::SndBufForce, &wanted);
        if forced.is_ok() || setsockopt(&self.socket, sockopt::SndBuf, &wanted).is_ok() {
            self.send_buffer = wanted;
        }
    }

    /// Discards unread answers.
    fn drain(&mut self) {
        while matches!(self.receive_now(), Ok(Some(_)) | Err(Rejection { errno: Errno::ENOBUFS, .. })) {}
    }

    /// The next datagram, if there is one.
    fn receive_now(&mut self) -> Result<Option<Vec<u8>>, Rejection> {
        // Larger than any acknowledgement.
        let mut buffer = Vec::with_capacity(64 << 10);
        match self.socket.recv(&mut buffer, MsgFlags::MSG_DONTWAIT.bits()) {
            Ok(_) => Ok(Some(buffer)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Tables, chains and rules of a family.
    pub(super) fn ruleset(&mut self, family: Family) -> Result<Ruleset, Rejection> {
        let chains = self.dump(wire::GET_CHAIN, family, &[], |attributes| wire::chain(family, attributes))?;
        let rules = self.dump(wire::GET_RULE, family, &[], |attributes| wire::rule(family, attributes))?;
        let mut ruleset = Ruleset::default();
        for (ChainRef { table, name }, policy) in chains {
            ruleset.tables.entry(table).or_default().push(Chain { name, policy, rules: Vec::new() });
        }
        for (chain, handle, exprs) in rules {
            let place = ruleset
                .tables
                .get_mut(&chain.table)
                .and_then(|chains| chains.iter_mut().find(|c| c.name == chain.name));
            if let Some(place) = place {
                place.rules.push(record(chain, handle, &exprs));
            }
        }
        for (table, chains) in &mut ruleset.tables {
            sort(*table, chains);
        }
        Ok(ruleset)
    }

    /// The rules of one chain, in order.
    pub(super) fn chain_rules(&mut self, chain: &ChainRef) -> Result<Vec<(ChainRef, u64, Vec<Expr>)>, Rejection> {
        let family = chain.table.family;
        let table = wire::string(chain.table.table.word());
        let only = [(RULE_TABLE, table), (RULE_CHAIN, wire::string(chain.name.as_str()))];
        let mut rules = self.dump(wire::GET_RULE, family, &only, |attributes| wire::rule(family, attributes))?;
        // Kernels before 4.6 do not filter.
        rules.retain(|(found, ..)| found == chain);
        Ok(rules)
    }

    /// The rules of one chain, in order, with their attributes in the kernel's form.
    pub(super) fn raw_rules(&mut self, chain: &ChainRef) -> Result<Vec<RawRule>, Rejection> {
        let family = chain.table.family;
        let table = wire::string(chain.table.table.word());
        let only = [(RULE_TABLE, table), (RULE_CHAIN, wire::string(chain.name.as_str()))];
        let rules = match self.dump(wire::GET_RULE, family, &only, |attributes| wire::raw_rule(family, attributes)) {
            Err(rejection) if rejection.errno == Errno::ENOENT => Vec::new(),
            rules => rules?,
        };
        // Kernels before 4.6 do not filter.
        Ok(rules.into_iter().filter(|rule| rule.rule.chain() == chain).collect())
    }

    /// The parts of a table that end with the rules that refer to them: anonymous sets and bound chains.
    pub(super) fn bound_to_rules(&mut self, table: TableRef) -> Result<Vec<Reference>, Rejection> {
        let TableRef { family, table } = table;
        let sets = self.dump(wire::GET_SET, family, &[], |attributes| wire::anonymous_set(table, attributes))?;
        let chains = self.dump(wire::GET_CHAIN, family, &[], |attributes| wire::bound_chain(table, attributes))?;
        let (sets, chains) = (sets.into_iter().map(Reference::Set), chains.into_iter().map(Reference::Chain));
        Ok(sets.chain(chains).collect())
    }

    /// Base chains of every family that do not belong to iptables.
    pub(super) fn foreign_chains(&mut self) -> Result<Vec<ForeignChain>, Rejection> {
        let mut chains = Vec::new();
        for (protocol, family) in Protocol::ALL {
            let read = |attributes: Attributes<'_>| wire::foreign_chain((protocol, family), attributes);
            chains.extend(self.dump(wire::GET_CHAIN, protocol, &[], read)?);
        }
        chains.sort();
        Ok(chains)
    }

    /// Lists all objects of a kind, again if something changed meanwhile.
    pub(super) fn dump<T>(
        &mut self,
        kind: u16,
        family: impl Into<Protocol> + Copy,
        attributes: &[(u16, Vec<u8>)],
        read: impl Fn(Attributes<'_>) -> Option<T>,
    ) -> Result<Vec<T>, Rejection> {
        const ATTEMPTS: usize = 100;
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.dump_once(kind, family, attributes, &read)? {
                return Ok(found);
            }
        }
        Err(Errno::EINTR.into())
    }

    fn dump_once<T>(
        &mut self,
        kind: u16,
        family: impl Into<Protocol> + Copy,
        attributes: &[(u16, Vec<u8>)],
        read: impl Fn(Attributes<'_>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Rejection> {
        self.ask(kind, wire::NLM_F_DUMP, family, attributes)?;
        let mut found = Vec::new();
        let mut disturbed = false;
        loop {
            let (datagram, _) = self.socket.recv_from_full()?;
            for answer in wire::answers(&datagram) {
                match answer {
                    Answer::Content(attributes) => found.extend(read(attributes)),
                    Answer::Disturbed => disturbed = true,
                    Answer::Done => return Ok((!disturbed).then_some(found)),
                    Answer::Error { rejection, .. } if rejection.errno == Errno::EINTR => return Ok(None),
                    Answer::Error { rejection, .. } => return Err(super::missing::of_nf_tables(rejection)),
                }
            }
        }
    }

    /// Sends a request that is answered with yes or no.
    pub(super) fn question(
        &mut self,
        kind: u16,
        family: Family,
        attributes: &[(u16, Vec<u8>)],
    ) -> Result<(), Rejection> {
        self.ask(kind, wire::NLM_F_ACK, family, attributes)?;
        while let Some(datagram) = self.receive_now()? {
            for answer in wire::answers(&datagram) {
                match answer {
                    Answer::Error { rejection, .. } if rejection.errno == Errno(0) => return Ok(()),
                    Answer::Error { rejection, .. } => return Err(rejection),
                    Answer::Content(_) | Answer::Done | Answer::Disturbed => {}
                }
            }
        }
        Ok(())
    }

    fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        family: impl Into<Protocol>,
        attributes: &[(u16, Vec<u8>)],
    ) -> Result<(), Rejection> {
        self.drain();
        self.sequence += 1;
        self.socket.send(&wire::question(kind, flags, self.sequence, family.into(), attributes), 0)?;
        Ok(())
    }
}

/// Built-in chains first, in the order of `iptables -S`, then the others by name, as in iptables.
fn sort(table: TableRef, chains: &mut [Chain]) {
    let hooks = table.table.hooks();
    let rank =
        |chain: &Chain| hooks.iter().position(|hook| hook.chain_name() == chain.name.as_str()).unwrap_or(hooks.len());
    chains.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)));
}
