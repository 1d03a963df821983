//! Inverses as the equivalent commands, for `down --dry-run`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use super::{by_names, shared};
use crate::Outcome;
use crate::inverse::undoes;
use crate::journal::{Entry, NamedOp, NetnsKey, Place, RemovedRule, SharedObject, Undo};
use crate::lab::{is_bound, lock_all};
use crate::netfilter::{self, RawRule};
use crate::proc::is_alive;
use crate::site::Site;
use netscript_dialect::Style;
use netscript_net::error::Result;
use netscript_net::op::netfilter::{ChainRef, TableRef};
use netscript_net::op::{
    Action, AddrOp, FdbOp, LinkOp, LinkSet, NeighOp, NetfilterOp, NetnsName, NetnsOp, NetnsRef, Op, PolicyOp, Prefix,
    RouteOp, RouteProto, SysctlOp,
};
use netscript_net::visible_line;

/// The commands that would take the lab down, in order. There are none for objects that another lab uses or that
/// protect objects of others.
pub(crate) fn down_commands(site: &mut Site) -> Result<Vec<String>> {
    let _all = lock_all()?;
    let entries = site.store.journal.entries.clone();
    let put = Put::of(&entries, &site.store.journal.handles);
    let mut lines = Vec::new();
    let steps = entries.iter().rev().flat_map(|entry| entry.undo.iter().map(move |undo| (entry, undo.clone())));
    let mut told: Vec<Undo> = Vec::new();
    for (entry, undo) in without_round_trips(steps.collect(), &site.store.journal.handles) {
        let stays = stays(site, entry, &undo, &put).unwrap_or(false);
        if stays || is_gone(site, entry, &undo, &told).unwrap_or(false) {
            continue;
        }
        lines.extend(commands(site, &undo));
        told.push(undo);
    }
    lines.dedup();
    Ok(lines)
}

fn stays(site: &mut Site, entry: &Entry, undo: &Undo, put: &Put) -> Outcome<bool> {
    let Some((place, shared)) = undo.shared() else { return Ok(false) };
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(true) };
    let others_are_in = |site: &mut Site, chain: &ChainRef| -> Outcome<bool> {
        let rules = netfilter::raw_rules(&mut site.network.namespaces, &netns, chain)?;
        Ok(!rules.iter().all(|rule| put.has_rule(place, chain, rule)))
    };
    let in_use = match shared {
        SharedObject::Settings(_) | SharedObject::Policy(_) | SharedObject::In(_) => false,
        SharedObject::Chain(chain) => others_are_in(site, chain)?,
        SharedObject::Table(table) => {
            let ruleset = netfilter::list(&mut site.network.namespaces, &netns, table.family)?;
            let chains = ruleset.chains(table).iter().map(|chain| table.chain(chain.name.clone()));
            let others: Outcome<Vec<bool>> =
                chains.map(|chain| Ok(!put.made(place, &chain) || others_are_in(site, &chain)?)).collect();
            others?.contains(&true)
        }
    };
    Ok(in_use || shared::successor(site, entry, undo)?.is_some())
}

/// Whether a step needs no command, because its object is gone or already restored. `told` are the steps before it.
fn is_gone(site: &mut Site, entry: &Entry, undo: &Undo, told: &[Undo]) -> Outcome<bool> {
    Ok(match undo {
        Undo::Netns { name, key, attached: _ } => !is_bound(name, *key),
        Undo::Process { process, what: _ } => !is_alive(*process),
        Undo::Bind { name, place } => is_there(name) || site.network.namespaces.find(place)?.is_none(),
        Undo::Link { place, index, name: _ } | Undo::Move { from: place, index, .. } => {
            !has_link_at(site, place, *index)? && !told.iter().any(|step| step.brings_link(place.key, *index))
        }
        Undo::Make { place, index, .. } => {
            site.network.namespaces.find(place)?.is_none() || has_link_at(site, place, *index)?
        }
        Undo::Do { place, links, op, message: _ } => {
            let mut absent = false;
            for (_, index) in links {
                let comes = told.iter().any(|step| step.brings_link(place.key, *index));
                absent |= !comes && !has_link_at(site, place, *index)?;
            }
            let made_before = told.iter().any(|step| matches!(step, Undo::Do { op: made, .. } if undoes(op, made)));
            absent || (!made_before && is_deletion_done(site, place, op)?)
        }
        Undo::Rule { place, chain, text, before } => {
            let Some(netns) = site.network.namespaces.find(place)? else { return Ok(true) };
            let handle = site.store.journal.handles.get(&entry.n).copied();
            let is_it = |rule: &RawRule| match handle {
                Some(handle) => rule.handle == handle,
                None => rule.text == *text && !before.contains(&rule.handle),
            };
            !netfilter::raw_rules(&mut site.network.namespaces, &netns, chain)?.iter().any(is_it)
        }
        Undo::Rules { place, chain, rules } => {
            let Some(netns) = site.network.namespaces.find(place)? else { return Ok(true) };
            let there = netfilter::raw_rules(&mut site.network.namespaces, &netns, chain)?;
            let is_back =
                |former: &RemovedRule| there.iter().filter(|there| there.text == former.text).count() >= former.equals;
            rules.iter().all(is_back)
        }
        Undo::Policy { place, chain, before: _, wrote } => {
            let Some(netns) = site.network.namespaces.find(place)? else { return Ok(true) };
            let ruleset = netfilter::list(&mut site.network.namespaces, &netns, chain.table.family)?;
            ruleset.chain(chain.table, &chain.name).and_then(|chain| chain.policy) != Some(*wrote)
        }
        Undo::Chain { place, chain } => {
            let Some(netns) = site.network.namespaces.find(place)? else { return Ok(true) };
            let ruleset = netfilter::list(&mut site.network.namespaces, &netns, chain.table.family)?;
            ruleset.chain(chain.table, &chain.name).is_none()
        }
        Undo::Table { place, table } => {
            let Some(netns) = site.network.namespaces.find(place)? else { return Ok(true) };
            !netfilter::list(&mut site.network.namespaces, &netns, table.family)?.tables.contains_key(table)
        }
        Undo::NewChain { place, chain } => {
            let Some(netns) = site.network.namespaces.find(place)? else { return Ok(true) };
            let ruleset = netfilter::list(&mut site.network.namespaces, &netns, chain.table.family)?;
            ruleset.chain(chain.table, &chain.name).is_some() || !ruleset.tables.contains_key(&chain.table)
        }
        Undo::Lost { .. } | Undo::Resolver { .. } | Undo::Sysctl { .. } => false,
    })
}

fn has_link_at(site: &mut Site, place: &Place, index: u32) -> Outcome<bool> {
    match site.network.namespaces.find(place)? {
        Some(netns) => crate::link::has_index(&mut site.network.namespaces, &netns, index),
        None => Ok(false),
    }
}

/// Whether the object that a step would remove is gone.
fn is_deletion_done(site: &mut Site, place: &Place, op: &NamedOp) -> Outcome<bool> {
    let Some(netns) = site.network.namespaces.find(place)? else { return Ok(true) };
    Ok(match op {
        NamedOp::Route(RouteOp::Del(route)) => !by_names::has_route(site, &netns, route)?,
        NamedOp::Addr(AddrOp::Del(name, spec)) => {
            let link = crate::link::find(&mut site.network.namespaces, &netns, name)?;
            link.is_some_and(|link| !link.addrs.iter().any(|addr| addr.local == spec.local))
        }
        NamedOp::Policy(PolicyOp::Del(rule)) => {
            let there = crate::policy::list(&mut site.network.namespaces, &netns, rule.family)?;
            !there.iter().any(|there| crate::policy::is_same(there, rule))
        }
        NamedOp::Neigh(NeighOp::Del(dst, dev)) => {
            let there = crate::neigh::list(&mut site.network.namespaces, &netns)?;
            !there.iter().any(|there| there.dst == *dst && there.dev == *dev)
        }
        NamedOp::Fdb(FdbOp::Del(entry)) => {
            let there = crate::fdb::list(&mut site.network.namespaces, &netns)?;
            !there.iter().any(|there| {
                there.mac == entry.mac && there.dev == entry.dev && (entry.dst.is_none() || there.dst == entry.dst)
            })
        }
        NamedOp::Link(_)
        | NamedOp::Addr(_)
        | NamedOp::Route(_)
        | NamedOp::Policy(_)
        | NamedOp::Neigh(_)
        | NamedOp::Fdb(_) => false,
    })
}

fn commands(site: &mut Site, undo: &Undo) -> Vec<String> {
    let lines =
        |place: &Place, action: Action| netscript_dialect::lines(&Op::new(place.netns.clone(), action), Style::Plain);
    match undo {
        // With `ip netns del`, too, only the name is removed as long as a process is in the namespace.
        Undo::Netns { name, key: _, attached: _ } => {
            netscript_dialect::lines(&Op::host(NetnsOp::Del(name.clone())), Style::Plain)
        }
        Undo::Lost { .. } => Vec::new(),
        Undo::Bind { name, place } => match place.process {
            Some(process) => vec![format!("ip netns attach {name} {}", process.pid)],
            None => Vec::new(),
        },
        Undo::Resolver { name, before, had_folder: _ } => {
            netscript_dialect::lines(&Op::host(NetnsOp::Resolver(name.clone(), before.clone())), Style::Plain)
        }
        Undo::Process { process, what } => vec![format!("kill {}  # {}", process.pid, visible_line(what))],
        Undo::Link { place, index: _, name } => lines(place, LinkOp::Del(name.clone()).into()),
        Undo::Make { place, index: _, name, kind, peer: _ } => {
            lines(place, LinkOp::Add(name.clone(), kind.clone()).into())
        }
        Undo::Move { from, index: _, to, former: _, name } => {
            lines(from, LinkOp::Set(name.clone(), LinkSet::Netns(to.netns.clone())).into())
        }
        // The kernel adds these routes with their address.
        Undo::Do { op: NamedOp::Route(RouteOp::Add(route) | RouteOp::Del(route)), .. }
            if route.proto == Some(RouteProto::KERNEL) =>
        {
            Vec::new()
        }
        // The kernel may have made it, or not.
        Undo::Do { place, links: _, op: NamedOp::Addr(del @ AddrOp::Del(_, spec)), message: _ }
            if is_link_local(spec.local) =>
        {
            let tolerant = |line| format!("{line} 2>/dev/null || true");
            lines(place, del.clone().into()).into_iter().map(tolerant).collect()
        }
        Undo::Do { place, links: _, op, message: None } => lines(place, op.action()),
        Undo::Do { place, links: _, op, message: Some(_) } => {
            let note = "the object had more properties; `netscript down` restores all of them";
            lines(place, op.action()).into_iter().map(|line| format!("{line}  # {note}")).collect()
        }
        Undo::Sysctl { place, wrote: _, before } => {
            let writes = before.iter().map(|(key, value)| SysctlOp::Write(key.clone(), value.clone()));
            let differs = |write: &SysctlOp| differs(site, &place.netns, write);
            let writes: Vec<SysctlOp> = writes.filter(differs).collect();
            writes.into_iter().flat_map(|write| lines(place, write.into())).collect()
        }
        Undo::Rule { place, chain, text, before: _ } => {
            vec![iptables(place, chain.table, &text.replacen("-A ", "-D ", 1))]
        }
        Undo::Rules { place, chain, rules } => rules
            .iter()
            .map(|rule| {
                let insert = format!("-I {} {}", chain.name, rule.at + 1);
                let text = rule.text.replacen(&format!("-A {}", chain.name), &insert, 1);
                match has_command(&rule.text) {
                    true => iptables(place, chain.table, &text),
                    false => format!("# {text}: no command can add it; `netscript down` restores its bytes"),
                }
            })
            .collect(),
        Undo::Policy { place, chain, before, wrote } if before != wrote => {
            lines(place, NetfilterOp::Policy(chain.clone(), *before).into())
        }
        Undo::Policy { .. } => Vec::new(),
        Undo::Chain { place, chain } => match chain.hook() {
            Some(_) => vec![nft(place, &format!("delete chain {} {}", table(chain.table), chain.name))],
            None => lines(place, NetfilterOp::DelChain(chain.clone()).into()),
        },
        Undo::NewChain { place, chain } => lines(place, NetfilterOp::NewChain(chain.clone()).into()),
        Undo::Table { place, table: which } => vec![nft(place, &format!("delete table {}", table(*which)))],
    }
}

fn is_link_local(addr: Prefix) -> bool {
    matches!(addr.addr(), IpAddr::V6(addr) if addr.is_unicast_link_local())
}

fn differs(site: &mut Site, netns: &NetnsRef, write: &SysctlOp) -> bool {
    let (key, value) = (write.key(), write.value());
    crate::sysctl::read(&mut site.network.namespaces, netns, key).is_ok_and(|now| now != *value)
}

fn iptables(place: &Place, table: TableRef, rule: &str) -> String {
    let words: Vec<String> = words(rule).iter().map(|word| netscript_dialect::quote(word)).collect();
    within(place, &format!("{} -t {} {}", table.command(), table.table.word(), words.join(" ")))
}

/// Leaves out objects that would be restored only to be removed again, because the lab created and removed them itself.
fn without_round_trips<'a>(mut steps: Vec<(&'a Entry, Undo)>, handles: &BTreeMap<u64, u64>) -> Vec<(&'a Entry, Undo)> {
    let mut dropped: BTreeSet<usize> = BTreeSet::new();
    for first in 0..steps.len() {
        let (before, after) = steps.split_at_mut(first + 1);
        let Some((_, step)) = before.last_mut() else { break };
        let mut later = |is_it: &dyn Fn(&Entry, &Undo) -> bool| {
            let number = |at: usize| first + 1 + at;
            let found = after
                .iter()
                .enumerate()
                .find(|(at, (entry, undo))| !dropped.contains(&number(*at)) && is_it(entry, undo));
            found.map(|(at, _)| dropped.insert(number(at))).is_some()
        };
        let gone = if let Undo::Rules { place, chain, rules } = step {
            rules.retain(|former| {
                let adds = |entry: &Entry, undo: &Undo| {
                    matches!(undo, Undo::Rule { place: at, chain: in_chain, text, before }
                        if at.key == place.key && in_chain == chain && *text == former.text
                            && !before.contains(&former.handle))
                        && !handles.contains_key(&entry.n)
                };
                !later(&adds)
            });
            rules.is_empty()
        } else if let Undo::NewChain { place, chain } = step {
            later(
                &|_, undo| matches!(undo, Undo::Chain { place: at, chain: made } if at.key == place.key && made == chain),
            )
        } else if let Undo::Do { place, links: _, op, message: _ } = step {
            later(
                &|_, undo| matches!(undo, Undo::Do { place: at, links: _, op: del, message: _ } if at.key == place.key && undoes(del, op)),
            )
        } else {
            false
        };
        if gone {
            dropped.insert(first);
        }
    }
    let kept = steps.into_iter().enumerate().filter(|(at, _)| !dropped.contains(at));
    kept.map(|(_, step)| step).collect()
}

fn is_there(name: &NetnsName) -> bool {
    crate::netns::path_of(name).symlink_metadata().is_ok()
}

/// Rules and chains that the lab added.
#[derive(Default)]
struct Put {
    rules: HashMap<(NetnsKey, ChainRef), Vec<OwnRule>>,
    chains: HashSet<(NetnsKey, ChainRef)>,
}

/// Whether a rule can be written as a command completely.
fn has_command(text: &str) -> bool {
    !text.contains("[unsupported]") && !text.contains("[nft ")
}

/// A rule that the lab added.
struct OwnRule {
    text: String,
    /// The handle, if it is known.
    handle: Option<u64>,
}

impl Put {
    fn of(entries: &[Entry], handles: &BTreeMap<u64, u64>) -> Put {
        let mut put = Put::default();
        for entry in entries {
            for undo in &entry.undo {
                if let Undo::Rule { place, chain, text, before: _ } = undo {
                    let rules = put.rules.entry((place.key, chain.clone())).or_default();
                    rules.push(OwnRule { text: text.clone(), handle: handles.get(&entry.n).copied() });
                } else if let Undo::Chain { place, chain } = undo {
                    put.chains.insert((place.key, chain.clone()));
                }
            }
        }
        put
    }

    fn has_rule(&self, place: &Place, chain: &ChainRef, rule: &RawRule) -> bool {
        let is_it = |own: &OwnRule| match own.handle {
            Some(handle) => handle == rule.handle,
            None => own.text == rule.text,
        };
        self.rules.get(&(place.key, chain.clone())).is_some_and(|rules| rules.iter().any(is_it))
    }

    fn made(&self, place: &Place, chain: &ChainRef) -> bool {
        self.chains.contains(&(place.key, chain.clone()))
    }
}

/// The words of a line of `iptables -S`, whose quoting differs from a shell's (`xtables_save_string`).
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => quoted = !quoted,
            '\\' if quoted => word.extend(chars.next()),
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            char => word.push(char),
        }
    }
    words.push(word);
    words
}

fn table(table: TableRef) -> String {
    let family = match table.family {
        netscript_net::op::Family::V4 => "ip",
        netscript_net::op::Family::V6 => "ip6",
    };
    format!("{family} {}", table.table.word())
}

fn nft(place: &Place, words: &str) -> String {
    within(place, &format!("nft {words}"))
}

fn within(place: &Place, command: &str) -> String {
    match &place.netns {
        NetnsRef::Named(name) => format!("ip netns exec {} {command}", netscript_dialect::quote(name.as_str())),
        NetnsRef::Host | NetnsRef::Held(_) | NetnsRef::OfPid(_) => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_that_iptables_quoted() {
        let line = r#"-D OWN -m comment --comment "it\'s \"mine\"" -j DROP"#;
        assert_eq!(super::words(line), ["-D", "OWN", "-m", "comment", "--comment", "it's \"mine\"", "-j", "DROP"]);
    }
}
