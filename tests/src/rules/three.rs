//! The rules' table and Docker's rules, judged by the iptables of each release on one kernel
//! (`cargo xtask rules ROOT…`).

use std::path::{Path, PathBuf};
use std::process::Command;

use netscript_lang::interpreter::STACK_SIZE;

use super::{
    RULES, Tools, bytes, docker, expressions_of_all, flushed_and_put_back, new_netns, read, written_by_iptables,
    written_by_netscript,
};
use crate::netscript;

/// A line of the report: what was tested, how often, and the errors.
#[derive(Debug)]
pub struct Line {
    /// What was tried.
    pub what: String,
    /// How many were tried.
    pub tried: usize,
    /// The errors.
    pub wrong: Vec<String>,
}

/// Tests everything with the programs of each root.
///
/// # Panics
///
/// If a thread cannot be started.
pub fn judge(roots: &[PathBuf]) -> Vec<Line> {
    // Built before anything is hidden from it.
    let program = netscript().to_owned();
    let judge = |root: &PathBuf| {
        let (root, program) = (root.clone(), program.clone());
        std::thread::Builder::new().stack_size(STACK_SIZE).spawn(move || judge_one(&root, &program)).expect("a thread")
    };
    let threads: Vec<_> = roots.iter().map(judge).collect();
    threads.into_iter().flat_map(|thread| thread.join().expect("the judge comes to an end")).collect()
}

fn judge_one(root: &Path, program: &Path) -> Vec<Line> {
    let tools = Tools::of(root);
    let name = format!("iptables {}", tools.version());
    let mut lines = Vec::new();
    for (what, family) in [("IPv4", "iptables"), ("IPv6", "ip6tables")] {
        let rows = || RULES.iter().filter(|(_, commands)| commands.split(' ').next() == Some(family));
        let mut add = |tried: &str, check: &dyn Fn(&str, &str) -> Result<(), String>| {
            let failed = |(words, commands): &(&str, &str)| {
                check(words, commands).err().map(|error| format!("{words}\n{commands}\n{error}"))
            };
            let wrong = rows().filter_map(failed).collect();
            lines.push(Line { what: format!("{name}, {what}: {tried}"), tried: rows().count(), wrong });
        };
        add("written by netscript: -S, -C, -D", &|words, commands| written_by_netscript(&tools, words, commands));
        add("written by iptables, read and found by netscript", &|words, commands| {
            written_by_iptables(&tools, words, commands)
        });
        add("written by iptables, flushed by netscript, put back", &|_, commands| {
            flushed_and_put_back(&tools, commands)
        });
        let all: Vec<&str> = rows().flat_map(|(_, commands)| commands.split("; ")).collect();
        let wrong = there_and_back(&tools, program, &all).err();
        lines.push(Line {
            what: format!("{name}, {what}: all rules at once, flushed by a lab, restored by `down`"),
            tried: all.len(),
            wrong: wrong.into_iter().collect(),
        });
    }
    lines.push(Line {
        what: format!("{name}: Docker's rules beside legacy rules and native chains of nft, there and back"),
        tried: 1,
        wrong: beside_others(&tools, program).err().into_iter().collect(),
    });
    for (docker, rules) in docker::RULES {
        let commands: Vec<&str> = docker::commands(rules).collect();
        let wrong = [there_and_back(&tools, program, &commands), reads(&tools, &commands)];
        lines.push(Line {
            what: format!("{name}: rules of {docker}, read, flushed by a lab, restored by `down`"),
            tried: commands.len(),
            wrong: wrong.into_iter().filter_map(Result::err).collect(),
        });
    }
    lines
}

/// Checks that netscript reads every rule as iptables lists it.
fn reads(tools: &Tools, commands: &[&str]) -> Result<(), String> {
    new_netns();
    fill(tools, commands)?;
    let mut wanted = tools.rules("iptables")?;
    wanted.extend(tools.rules("ip6tables")?);
    wanted.sort();
    let got = read()?;
    if got == wanted { Ok(()) } else { Err(format!("reads\n{got:#?}\nnot\n{wanted:#?}")) }
}

/// Runs commands; each user-defined chain is made once.
fn fill(tools: &Tools, commands: &[&str]) -> Result<(), String> {
    for command in commands {
        match tools.shell(command) {
            Err(error) if command.contains(" -N ") && error.contains("already exists") => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Rules of iptables-legacy and native chains of nft, with parts that netscript does not understand.
const OTHERS: [&str; 9] = [
    "iptables-legacy -P FORWARD DROP",
    "iptables-legacy -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT",
    "ip6tables-legacy -t mangle -A OUTPUT -j MARK --set-mark 7",
    "nft add table inet own",
    "nft add set inet own addrs '{ type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 }; }'",
    "nft add chain inet own c '{ type filter hook forward priority 7; policy drop; }'",
    "nft add rule inet own c ip saddr @addrs tcp dport '{ 80, 443 }' ct state new counter accept",
    "nft add rule inet own c meta l4proto '{ tcp, udp }' log prefix '\"own\"' drop",
    "nft add chain ip filter input '{ type filter hook input priority 9; }'",
];

/// Checks that a lab with `--force` leaves Docker's rules and others unchanged.
fn beside_others(tools: &Tools, program: &Path) -> Result<(), String> {
    let (_, rules) = docker::RULES[docker::RULES.len() - 1];
    let commands: Vec<&str> = docker::commands(rules).chain(OTHERS).collect();
    let look = || {
        let saved = tools.shell("iptables-legacy-save; ip6tables-legacy-save; nft list chains; nft list sets")?;
        Ok(format!("{}{}", without_comments(&saved), expressions_of_all()))
    };
    there_and_back_with(tools, program, &commands, &look)
}

/// The lines of `iptables-save` without time and program.
fn without_comments(saved: &str) -> String {
    saved.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// Checks that all rules are unchanged after a lab that flushed everything with `--force` was taken down.
fn there_and_back(tools: &Tools, program: &Path, commands: &[&str]) -> Result<(), String> {
    there_and_back_with(tools, program, commands, &|| Ok(bytes()))
}

/// The same, with a snapshot that must be equal before and after.
fn there_and_back_with(
    tools: &Tools,
    program: &Path,
    commands: &[&str],
    look: &dyn Fn() -> Result<String, String>,
) -> Result<(), String> {
    new_netns();
    fill(tools, commands)?;
    let before = look()?;
    let flush = super::TABLES.map(|table| format!("host.{table}.flush();")).concat();
    let lab = format!("{flush} print(host.filter.rules.len() + host.nat.rules.len() + host.filter6.rules.len());");
    let line = format!(
        "mount -t tmpfs tmpfs /run && cd /run && echo '{lab}' >lab.rhai && [ \"$('{0}' --force lab.rhai)\" = 0 ] && '{0}' down lab",
        program.display()
    );
    let done = Command::new("unshare").args(["-m", "sh", "-c", &line]).output().expect("`unshare` can be started");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    let after = look()?;
    match (done.status.success(), before == after) {
        (true, true) => Ok(()),
        (false, _) => Err(told),
        (true, false) => Err(format!("{told}\nthere was\n{before}\nand is\n{after}")),
    }
}
