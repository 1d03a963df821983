//! Compares netscript's rules with those of an iptables: this machine's, or that of another release in a root folder.
//! Everything happens in the calling thread's network namespace.

pub mod docker;
mod table;
mod three;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;

use netscript_lab::wiring::Wiring;
use netscript_linux::Kernel;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

use crate::sandbox::interrupt;

pub use table::{BAD, RULES};
pub use three::{Line, judge};

/// The tables of netscript's words.
const TABLES: [&str; 8] = ["filter", "nat", "mangle", "raw", "filter6", "nat6", "mangle6", "raw6"];

/// The programs of a release.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// Their root folder; `None`: those of this machine.
    root: Option<PathBuf>,
}

impl Tools {
    /// The programs in a root.
    pub fn of(root: &Path) -> Tools {
        Tools { root: Some(root.to_owned()) }
    }

    /// Runs a command line as a shell does.
    ///
    /// # Errors
    ///
    /// Its standard error, if it fails.
    pub fn shell(&self, line: &str) -> Result<String, String> {
        let Output { status, stdout, stderr } = self.output(line);
        match status.success() {
            true => Ok(String::from_utf8_lossy(&stdout).into_owned()),
            false => Err(format!("{line}: {}", String::from_utf8_lossy(&stderr))),
        }
    }

    fn output(&self, line: &str) -> Output {
        let mut command = match &self.root {
            None => Command::new("sh"),
            Some(root) => {
                let mut command = Command::new("chroot");
                command.arg(root).arg("/bin/sh");
                command
            }
        };
        command.args(["-c", line]).output().expect("a shell can be started")
    }

    /// The version of iptables: `1.8.9`.
    ///
    /// # Panics
    ///
    /// If there is no iptables.
    pub fn version(&self) -> String {
        let told = self.shell("iptables --version").expect("there is an iptables");
        told.split_whitespace().nth(1).unwrap_or_default().trim_start_matches('v').to_owned()
    }

    /// The rules that iptables or ip6tables lists in all tables, sorted, each with its table: the order of tables and
    /// chains differs between versions.
    ///
    /// # Errors
    ///
    /// The program's error, if it cannot list a table.
    pub fn rules(&self, command: &str) -> Result<Vec<String>, String> {
        let lists =
            ["filter", "nat", "mangle", "raw"].map(|table| format!("{command} -t {table} -S | sed 's/^/{table} /'"));
        let listed = self.shell(&format!("{} 2>&1", lists.join("; ").replace(" | sed", " 2>&1 | sed")))?;
        if listed.contains("incompatible") {
            return Err(listed);
        }
        let mut lines: Vec<String> = listed.lines().filter(|line| line.contains(" -A ")).map(in_one_form).collect();
        lines.sort();
        Ok(lines)
    }
}

/// iptables 1.8.8 and later write `--sport 6:65535` for `! --sport :5`; 1.8.11 has no name for protocol 47.
fn in_one_form(line: &str) -> String {
    line.replace("! --sport 0:5", "--sport 6:65535").replace("-p 47 ", "-p gre ")
}

/// Moves the thread into a new network namespace.
///
/// # Panics
///
/// Without the privilege to do so.
pub fn new_netns() {
    unshare(CloneFlags::CLONE_NEWNET).expect("the thread may make network namespaces");
}

/// Runs a script on the kernel, and returns what it printed, or the error's code and message.
///
/// # Errors
///
/// If the script fails.
///
/// # Panics
///
/// If the namespace cannot be opened.
pub fn run(script: &str) -> Result<String, String> {
    let printed = Rc::new(RefCell::new(String::new()));
    let kernel = Kernel::new(interrupt()).expect("the namespace is ours");
    let lines = Rc::clone(&printed);
    let print = Box::new(move |text: &str| *lines.borrow_mut() += &format!("{text}\n"));
    let interpreter = Wiring { print, ..Wiring::default() }.interpreter(Box::new(kernel), |_| ());
    match interpreter.expect("it imports nothing").run("test", script) {
        Ok(_) => Ok(printed.take()),
        Err(failure) => {
            let description = failure.error.describe();
            Err(format!("{}: {} ({:?})", description.code, description.message, description.help))
        }
    }
}

/// `nat.masquerade(#{…})` is of the host; a line of several statements is run as it is.
pub fn script(words: &str) -> String {
    if words.starts_with("let ") { words.to_owned() } else { format!("host.{words};") }
}

/// The program of a command line.
fn tool(commands: &str) -> &str {
    commands.split(' ').next().unwrap_or(commands)
}

/// A script that prints every rule of every table, with the table that iptables calls it by.
fn read_script() -> String {
    TABLES
        .map(|table| {
            format!("for r in host.{table}.rules {{ print(\"{} \" + r.text); }}\n", table.trim_end_matches('6'))
        })
        .concat()
}

/// Each rule that netscript reads, as `iptables -S` would list it.
///
/// # Errors
///
/// If they cannot be read.
pub fn read() -> Result<Vec<String>, String> {
    let printed = run(&read_script())?;
    let mut lines: Vec<String> = printed.lines().map(in_one_form).collect();
    lines.sort();
    Ok(lines)
}

/// All that nft and the kernel show of rules, byte by byte, without handles.
///
/// # Panics
///
/// If nft is missing.
pub fn bytes() -> String {
    let shown = Tools::default().shell("nft --debug=netlink list ruleset").expect("there is an nft");
    let plain = shown.lines().filter(|line| !line.starts_with('#'));
    // `ip filter FORWARD 2` is family, table, chain and handle.
    let is_place = |line: &str| line.starts_with("ip ") || line.starts_with("ip6 ");
    let plain = plain.map(|line| match is_place(line) {
        true => line.split(' ').take(3).collect::<Vec<_>>().join(" "),
        false => line.to_owned(),
    });
    let plain: Vec<String> = plain.collect();
    // nft shows no settings of xtables' extensions.
    format!("{}\n{}{}", plain.join("\n"), expressions(libc::AF_INET), expressions(libc::AF_INET6))
}

/// The bytes of every rule of IPv4, IPv6 and both (`NFPROTO_INET`): nft 1.0.6 crashes when it shows some native rules.
fn expressions_of_all() -> String {
    const INET: i32 = 1;
    [libc::AF_INET, libc::AF_INET6, INET].map(expressions).concat()
}

/// The bytes of every rule's expressions and userdata as the kernel gives them.
fn expressions(family: i32) -> String {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::empty(), SockProtocol::NetlinkNetFilter)
        .expect("the kernel has nfnetlink");
    // Header (20 bytes, NFT_MSG_GETRULE of NFNL_SUBSYS_NFTABLES, NLM_F_REQUEST | NLM_F_DUMP, 1, 0), family.
    let mut question = vec![20, 0, 0, 0, 7, 10, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0];
    question.extend([u8::try_from(family).expect("a family is a small number"), 0, 0, 0]);
    nix::unistd::write(&socket, &question).expect("the question is short");
    let mut shown = String::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let len = nix::unistd::read(&socket, &mut buffer).expect("the kernel answers");
        for message in records(&buffer[..len], |header| u32_at(header) as usize, 4) {
            const DONE: u8 = 3;
            if message[4..6] == [DONE, 0] {
                return shown;
            }
            // NFTA_RULE_EXPRESSIONS, NFTA_RULE_USERDATA
            let attributes = records(&message[20..], |len| u16::from_ne_bytes([len[0], len[1]]).into(), 2);
            for attribute in attributes.into_iter().filter(|attribute| matches!(attribute[2], 4 | 7)) {
                shown += &format!("{:02x?}\n", &attribute[4..]);
            }
        }
    }
}

fn u32_at(bytes: &[u8]) -> u32 {
    u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Cuts bytes into records that begin with their length and are padded to four bytes.
fn records(mut bytes: &[u8], len: impl Fn(&[u8]) -> usize, header: usize) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while bytes.len() >= header {
        let len = len(&bytes[..header]);
        records.push(&bytes[..len]);
        bytes = &bytes[len.next_multiple_of(4).min(bytes.len())..];
    }
    records
}

/// Whether iptables 1.8.7 writes a command wrongly: it writes "every link" for "no link".
fn is_beyond(tools: &Tools, commands: &str) -> bool {
    commands.contains("! -o +") && tools.version() == "1.8.7"
}

/// The command that checks for a rule. netscript writes `--sport 6:65535` for `! --sport :5`, as iptables 1.8.9 does.
/// To 1.8.7 these are different rules, and 1.8.11 does not find its own rule by `! --sport :5` (tested).
fn checked(tools: &Tools, command: &str) -> String {
    match tools.version().as_str() {
        "1.8.9" => command.to_owned(),
        _ => command.replace("! --sport :5", "--sport 6:65535"),
    }
}

/// Checks that netscript's rules of a row equal those of its command: iptables lists them alike, and finds (`-C`) and
/// removes (`-D`) each by that command.
///
/// # Errors
///
/// The differences.
pub fn written_by_netscript(tools: &Tools, words: &str, commands: &str) -> Result<(), String> {
    if is_beyond(tools, commands) {
        return Ok(());
    }
    new_netns();
    tools.shell(&commands.replace("; ", " && "))?;
    let wanted = tools.rules(tool(commands))?;
    new_netns();
    run(&script(words))?;
    let listed = tools.rules(tool(commands))?;
    if listed != wanted {
        return Err(format!("lists\n{listed:#?}\nnot\n{wanted:#?}"));
    }
    let adding: Vec<&str> = commands.split("; ").filter(|command| command.contains(" -A ")).collect();
    for option in [" -C ", " -D "] {
        for command in &adding {
            tools.shell(&checked(tools, command).replacen(" -A ", option, 1))?;
        }
    }
    match tools.rules(tool(commands))? {
        left if left.is_empty() => Ok(()),
        left => Err(format!("`-D` left {left:?}")),
    }
}

/// Checks that netscript reads the iptables rules of a row as iptables lists them, and finds each by its text.
///
/// # Errors
///
/// The differences.
pub fn written_by_iptables(tools: &Tools, words: &str, commands: &str) -> Result<(), String> {
    new_netns();
    tools.shell(&commands.replace("; ", " && "))?;
    let (wanted, got) = (tools.rules(tool(commands))?, read()?);
    if got != wanted {
        return Err(format!("reads\n{got:#?}\nnot\n{wanted:#?}"));
    }
    // Adds an equal rule with netscript, and removes one by its text: the older one, of iptables, is removed.
    if words.starts_with("let ") || is_beyond(tools, commands) {
        return Ok(());
    }
    let flatten =
        "if type_of(r) == \"array\" { for r in r { r.delete(); r.delete(); } } else { r.delete(); r.delete(); }";
    run(&format!("let r = host.{words}; {flatten}"))?;
    match tools.rules(tool(commands))? {
        left if left.is_empty() => Ok(()),
        left => Err(format!("netscript did not find {left:?}")),
    }
}

/// Checks that netscript flushes the iptables rules of a row, and restores them byte by byte when that is undone.
///
/// # Errors
///
/// The differences.
pub fn flushed_and_put_back(tools: &Tools, commands: &str) -> Result<(), String> {
    new_netns();
    tools.shell(&commands.replace("; ", " && "))?;
    let before = bytes();
    let flush = TABLES.map(|table| format!("host.{table}.flush();")).concat();
    let empty = TABLES.map(|table| format!("assert(host.{table}.rules.is_empty());")).concat();
    run(&format!("let before = checkpoint(); {flush} {empty} rollback(before);"))?;
    let after = bytes();
    if before == after { Ok(()) } else { Err(format!("there was\n{before}\nand is\n{after}")) }
}
