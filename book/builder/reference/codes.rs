//! The reference of error codes, from their registry, each with a real message.

use std::collections::BTreeMap;

use anyhow::Result;
use netscript_lang::diagnostics::{Code, Errno, Error, Failure, REGISTRY, Rejection, Sources, render};
use netscript_lang::interpreter::MAX_MEMORY;
use netscript_net::op::{Action, IfName, LinkOp, LinkSpec, Op};

/// The expected output of the tests of errors, which contains messages.
const SEEN: &[&str] = &[
    include_str!("../../../tests/ref/errors/addresses.txt"),
    include_str!("../../../tests/ref/errors/links.txt"),
    include_str!("../../../tests/ref/errors/names.txt"),
    include_str!("../../../tests/ref/errors/options.txt"),
    include_str!("../../../tests/ref/errors/probes.txt"),
    include_str!("../../../tests/ref/errors/programs.txt"),
    include_str!("../../../tests/ref/errors/routes.txt"),
    include_str!("../../../tests/ref/errors/rules.txt"),
    include_str!("../../../tests/ref/errors/script.txt"),
];

/// The meanings of the first digits of a code.
const KINDS: &[(&str, &str)] = &[
    ("E01", "Scripts"),
    ("E02", "Values"),
    ("E03", "Operations that the kernel refuses"),
    ("E04", "The machine"),
    ("E05", "Labs"),
    ("E06", "The dry run"),
    ("E07", "Probes and assertions"),
];

/// Every code with its cause and remedy.
pub fn codes() -> Result<String> {
    let seen = seen();
    let mut text = String::new();
    let mut kind = "";
    for entry in REGISTRY {
        let code = entry.code.to_string();
        if let Some((prefix, title)) = KINDS.iter().find(|(prefix, _)| code.starts_with(prefix) && *prefix != kind) {
            kind = prefix;
            text.push_str(&format!("## {title}\n\n"));
        }
        text.push_str(&format!("### {code}: {}\n\n", entry.title));
        text.push_str(&format!("**Why:** {}\n\n**What to do:** {}\n\n", entry.cause, entry.remedy));
        text.push_str(&match seen.get(&code).cloned().or_else(|| told(entry.code)) {
            Some(message) => format!("```error,quoted\n{message}\n```\n\n"),
            None => format!("{{{{example errors/{code}.md}}}}\n\n"),
        });
    }
    Ok(text)
}

/// Messages for codes that no example can cause on every machine, made from invented facts.
fn told(code: Code) -> Option<String> {
    let error = match code {
        Code::E0121 => Error::TooMuchMemory { limit: MAX_MEMORY },
        Code::E0123 => Error::Fault {
            what: "index out of bounds: the len is 2 but the index is 2".to_owned(),
            place: "engine/linux/src/link.rs:212:9".to_owned(),
        },
        Code::E0402 => {
            let name = IfName::parse("d0").ok()?;
            let op = Op::host(Action::Link(LinkOp::Add(name, LinkSpec::Dummy)));
            let missing = "this kernel lacks dummy links (CONFIG_DUMMY, module `dummy`)";
            Error::Refused {
                op: Box::new(op),
                rejection: Rejection::from(Errno::EOPNOTSUPP).unsupported(missing),
                facts: Vec::new(),
            }
        }
        Code::E0404 => Error::NoSandbox {
            why: "cannot make a user namespace: Operation not permitted".to_owned(),
            help: "this machine keeps user namespaces for root; allow them: \
                   `sudo sysctl -w kernel.unprivileged_userns_clone=1`, or run netscript as root"
                .to_owned(),
        },
        Code::E0460 => {
            let missing = vec!["CAP_SYS_ADMIN".to_owned(), "CAP_NET_ADMIN".to_owned()];
            Error::NoCapability { missing, doing: "change networks".to_owned() }
        }
        Code::E0490 => Error::OldKernel { found: "4.19.0-27-amd64".to_owned(), oldest: "5.10".to_owned() },
        Code::E0491 => Error::StuckLink { name: "eth1".to_owned(), netns: "red".to_owned(), index: 3 },
        Code::E0502 => Error::LabBusy { name: "lab".to_owned() },
        Code::E0507 => {
            let what = "remove the namespace `red`: Device or resource busy (still in use)";
            Error::NotUndone { what: vec![what.to_owned()] }
        }
        Code::E0541 => Error::NotALab { path: "/run/netscript/lab".to_owned(), what: "a symbolic link".to_owned() },
        Code::E0540 => Error::NotEnded { what: vec!["process 4711 (dd) does not end".to_owned()] },
        _ => return None,
    };
    Some(render(&Failure::from(error), &Sources::default(), false).trim_end().to_owned())
}

/// The first message of each code.
fn seen() -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in SEEN.iter().flat_map(|text| text.lines()) {
        if let Some(rest) = line.strip_prefix("error[") {
            open = Some((rest.chars().take_while(|c| *c != ']').collect(), Vec::new()));
        } else if (line.starts_with("[status") || line.starts_with("== "))
            && let Some((code, lines)) = open.take()
        {
            all.entry(code).or_insert_with(|| lines.join("\n").trim_end().to_owned());
        }
        if let Some((_, lines)) = &mut open {
            lines.push(line);
        }
    }
    all
}
