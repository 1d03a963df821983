//! Steps back as the commands that do the same, for `down --dry-run`.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::labs::lock_all;
use super::super::netfilter::{self, RawRule};
use super::super::{Kernel, Outcome};
use super::shared::Shared;
use crate::diagnostics::Result;
use crate::journal::{Deed, Entry, Key, Place, Undo};
use crate::op::netfilter::{ChainRef, TableRef};
use crate::op::{Action, LinkOp, LinkSet, NetfilterOp, NetnsOp, NetnsRef, Op, RouteOp, RouteProto, SysctlOp};
use crate::shell::{self, Style};

impl Kernel {
    /// The commands that would take the lab down, in order. What stays for another lab, or keeps
    /// something of somebody else's, has none.
    pub fn down_commands(&mut self) -> Result<Vec<String>> {
        let _all = lock_all()?;
        let entries = self.book.entries.clone();
        let put = Put::of(&entries, &self.book.handles);
        let mut lines = Vec::new();
        for entry in entries.iter().rev() {
            for undo in &entry.undo {
                if self.stays(entry, undo, &put).unwrap_or(false) {
                    continue;
                }
                lines.extend(self.commands(undo));
            }
        }
        lines.dedup();
        Ok(lines)
    }

    fn stays(&mut self, entry: &Entry, undo: &Undo, put: &Put) -> Outcome<bool> {
        let Some((place, shared)) = Shared::of(undo) else { return Ok(false) };
        let Some(netns) = self.find(place)? else { return Ok(true) };
        let others_are_in = |kernel: &mut Kernel, chain: &ChainRef| -> Outcome<bool> {
            let rules = netfilter::raw_rules(&mut kernel.namespaces, &netns, chain)?;
            Ok(!rules.iter().all(|rule| put.has_rule(place, chain, rule)))
        };
        let in_use = match shared {
            Shared::Settings(_) | Shared::Policy(_) | Shared::In(_) => false,
            Shared::Chain(chain) => others_are_in(self, chain)?,
            Shared::Table(table) => {
                let ruleset = netfilter::list(&mut self.namespaces, &netns, table.family)?;
                let chains = ruleset.chains(table).iter().map(|chain| table.chain(chain.name.clone()));
                let others: Outcome<Vec<bool>> =
                    chains.map(|chain| Ok(!put.made(place, &chain) || others_are_in(self, &chain)?)).collect();
                others?.contains(&true)
            }
        };
        Ok(in_use || self.heir(entry, undo)?.is_some())
    }

    fn commands(&mut self, undo: &Undo) -> Vec<String> {
        let op = |place: &Place, action: Action| shell::lines(&Op::new(place.netns.clone(), action), Style::Plain);
        match undo {
            Undo::Netns { name, key: _ } => shell::lines(&Op::host(NetnsOp::Del(name.clone())), Style::Plain),
            Undo::Lost { .. } => Vec::new(),
            Undo::Bind { name, place } => match place.process {
                Some(process) => vec![format!("ip netns attach {name} {}", process.pid)],
                None => Vec::new(),
            },
            Undo::Resolver { name, before } => {
                shell::lines(&Op::host(NetnsOp::Resolver(name.clone(), before.clone())), Style::Plain)
            }
            Undo::Process { process, what } => vec![format!("kill {}  # {what}", process.pid)],
            Undo::Link { place, index: _, name } => op(place, LinkOp::Del(name.clone()).into()),
            Undo::Make { place, index: _, name, kind, peer: _ } => {
                op(place, LinkOp::Add(name.clone(), kind.clone()).into())
            }
            Undo::Move { from, index: _, to, former: _, name } => {
                op(from, LinkOp::Set(name.clone(), LinkSet::Netns(to.netns.clone())).into())
            }
            // They come with their address.
            Undo::Do { deed: Deed::Route(RouteOp::Add(route) | RouteOp::Del(route)), .. }
                if route.proto == Some(RouteProto::KERNEL) =>
            {
                Vec::new()
            }
            Undo::Do { place, links: _, deed } => op(place, deed.action()),
            Undo::Sysctl { place, wrote: _, before } => {
                let writes = before.iter().map(|(key, value)| SysctlOp::Write(key.clone(), value.clone()));
                let differs = |write: &SysctlOp| self.differs(&place.netns, write);
                let writes: Vec<SysctlOp> = writes.filter(differs).collect();
                writes.into_iter().flat_map(|write| op(place, write.into())).collect()
            }
            Undo::Rule { place, chain, text, before: _ } => {
                vec![self.iptables(place, chain.table, &text.replacen("-A ", "-D ", 1))]
            }
            Undo::Rules { place, chain, rules } => rules
                .iter()
                .map(|rule| {
                    let insert = format!("-I {} {}", chain.name, rule.at + 1);
                    let text = rule.text.replacen(&format!("-A {}", chain.name), &insert, 1);
                    match has_command(&rule.text) {
                        true => self.iptables(place, chain.table, &text),
                        false => format!("# {text}: no command writes it; `netscript down` puts its bytes back"),
                    }
                })
                .collect(),
            Undo::Policy { place, chain, before, wrote } if before != wrote => {
                op(place, NetfilterOp::Policy(chain.clone(), *before).into())
            }
            Undo::Policy { .. } => Vec::new(),
            Undo::Chain { place, chain } => match chain.hook() {
                Some(_) => vec![nft(place, &format!("delete chain {} {}", table(chain.table), chain.name))],
                None => op(place, NetfilterOp::DelChain(chain.clone()).into()),
            },
            Undo::NewChain { place, chain } => op(place, NetfilterOp::NewChain(chain.clone()).into()),
            Undo::Table { place, table: which } => vec![nft(place, &format!("delete table {}", table(*which)))],
        }
    }

    fn differs(&mut self, netns: &NetnsRef, write: &SysctlOp) -> bool {
        let (key, value) = (write.key(), write.value());
        super::super::sysctl::read(&mut self.namespaces, netns, key).is_ok_and(|now| now != *value)
    }

    fn iptables(&self, place: &Place, table: TableRef, rule: &str) -> String {
        let words: Vec<String> = words(rule).iter().map(|word| shell::quote(word)).collect();
        within(place, &format!("{} -t {} {}", table.command(), table.table.word(), words.join(" ")))
    }
}

/// What the lab put into tables.
#[derive(Default)]
struct Put {
    rules: HashMap<(Key, ChainRef), Vec<OwnRule>>,
    chains: HashSet<(Key, ChainRef)>,
}

/// Whether a rule as it is shown is all that it says.
fn has_command(text: &str) -> bool {
    !text.contains("[unsupported]") && !text.contains("[nft ")
}

/// A rule that the lab added.
struct OwnRule {
    text: String,
    /// As far as it is known.
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

/// The words of a line of `iptables -S`, which quotes as no shell does (`xtables_save_string`).
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
        crate::op::Family::V4 => "ip",
        crate::op::Family::V6 => "ip6",
    };
    format!("{family} {}", table.table.word())
}

fn nft(place: &Place, words: &str) -> String {
    within(place, &format!("nft {words}"))
}

fn within(place: &Place, command: &str) -> String {
    match &place.netns {
        NetnsRef::Named(name) => format!("ip netns exec {} {command}", shell::quote(name.as_str())),
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
