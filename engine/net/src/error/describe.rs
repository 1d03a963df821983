//! Errors in words: the problem, the expectation, and the next step.

use std::fmt;

use super::suggest::{did_you_mean, list};
use super::{Code, Description, Errno, Error, Invalid, Part, Rejection, refused};
use crate::quote;

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Error::from(self.clone()).describe().message)
    }
}

impl std::error::Error for Invalid {}

impl Error {
    /// The error's code.
    pub fn code(&self) -> Code {
        self.describe().code
    }

    /// The kernel's error number, if the kernel refused.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Error::Refused { rejection, .. }
            | Error::Unanswered { rejection, .. }
            | Error::Probe { rejection, .. }
            | Error::Listen { rejection, .. } => Some(rejection.errno.0),
            Error::Program { errno, .. } => Some(errno.0),
            Error::Deferred { error, .. } | Error::In { error, .. } => error.errno(),
            _ => None,
        }
    }

    /// The error in words.
    pub fn describe(&self) -> Description {
        match self {
            Error::Invalid(Invalid::LinkName { given, why }) => {
                Description::new(Code::E0204, format!("{given:?} cannot be the name of a link"), why)
                    .help("a link's name has 1 to 15 bytes, without `/`, `:`, `%` and white space")
            }
            Error::Invalid(Invalid::NetnsName { given, why }) => {
                Description::new(Code::E0205, format!("{given:?} cannot be the name of a namespace"), why)
                    .help("choose a name that can be a file name, such as `\"red\"`")
            }
            Error::Invalid(Invalid::ChainName { given, why }) => {
                Description::new(Code::E0214, format!("{given:?} cannot be the name of a chain"), why)
                    .help("a chain's name has 1 to 28 bytes, without white space, and is not the name of a target")
            }
            Error::Invalid(Invalid::Mac { given }) => Description::new(
                Code::E0206,
                format!("{given:?} is not a hardware address"),
                "expected six two-digit hexadecimal numbers",
            )
            .help("write it like `\"02:00:00:00:00:01\"`"),
            Error::Invalid(Invalid::Prefix { given, why }) => {
                Description::new(Code::E0201, format!("{given:?} is not an address with a prefix length"), why)
                    .help("write it like `\"10.0.0.1/24\"` or `\"fd00::1/64\"`")
            }
            Error::Invalid(Invalid::Address { given, why }) => {
                Description::new(Code::E0202, format!("{given:?} is not a valid address"), why)
                    .help(with_scope(given).unwrap_or_else(|| "write it like `\"10.0.0.1\"` or `\"fd00::1\"`".to_owned()))
            }
            Error::Invalid(Invalid::WrongFamily { given, wanted, instead }) => {
                let description = Description::new(
                    Code::E0203,
                    format!("{given:?} is not {wanted}"),
                    format!("expected an {wanted} address"),
                );
                match instead {
                    Some(instead) => description.help(instead),
                    None => description.help(format!("give an {wanted} address")),
                }
            }
            Error::Invalid(Invalid::SysctlKey { given, why }) => {
                Description::new(Code::E0212, format!("{given:?} is not the name of a setting"), why)
                    .help("write it like `\"net.ipv4.ip_forward\"`; a link's name with a dot in it is written with `/`: `\"net.ipv4.conf.eth0/10.forwarding\"`")
            }
            Error::Invalid(Invalid::Port { given, why }) => Description::new(Code::E0207, format!("{given} is not a valid port"), why)
                .help(match given.as_str() {
                    "0" => "use a port from 1 to 65535",
                    _ => "a port is a number from 0 to 65535",
                }),
            Error::Invalid(Invalid::OutOfRange { what, given, min, max }) => Description::new(
                Code::E0211,
                format!("{given} is out of range for {what}"),
                format!("expected {min} to {max}"),
            ),
            Error::UnknownOption { word, key, known } => {
                let description = Description::new(
                    Code::E0208,
                    format!("`{word}` has no option `{key}`"),
                    format!("`{key}` is not known here"),
                );
                let same = same_option(key).iter().copied().find(|same| known.iter().any(|known| known == same));
                match same.or_else(|| did_you_mean(key, known.iter().map(String::as_str))) {
                    Some(meant) => description.help(format!("did you mean `{meant}`?")),
                    None if known.is_empty() => description.help(format!("`{word}` takes no options")),
                    None => description.help(format!("the options of `{word}` are {}", list(known))),
                }
            }
            Error::MissingOption { word, key, example } => Description::new(
                Code::E0209,
                format!("`{word}` needs the option `{key}`"),
                format!("`{key}` is missing"),
            )
            .help(format!("add it: `{example}`")),
            Error::OptionValue { key, given, wanted } => {
                Description::new(Code::E0210, format!("`{key}` cannot be {given}"), format!("expected {wanted}"))
                    .help(format!("give {wanted}"))
            }
            Error::Invalid(Invalid::Conflict { message, help }) => {
                Description::new(Code::E0213, message, "invalid combination").help(help)
            }
            Error::WrongType { what, wanted, given } => Description::new(
                Code::E0105,
                format!("{what} cannot be {given}"),
                format!("expected {wanted}, found {given}"),
            )
            .help(format!("give {wanted}")),
            Error::Gone { what, removed } => {
                let description =
                    Description::new(Code::E0309, format!("{what} has been removed"), "this handle refers to something that was removed")
                        .part(Part::receiver())
                        .help("create it again, or use it before it is removed");
                match removed {
                    Some(at) => description.note(format!("it was removed at {at}")),
                    None => description,
                }
            }
            Error::NoSuchLink { name, netns, known, elsewhere } => {
                let description = Description::new(
                    Code::E0302,
                    format!("no link `{name}` in {netns}"),
                    format!("{netns} has no link of this name"),
                );
                match elsewhere {
                    Some(elsewhere) => description.note(elsewhere).help("open it there, or use the handle that the script has"),
                    None => suggest_name(description, name, known, &format!("the links of {netns} are")),
                }
            }
            Error::NoSuchNetns { name, known } => {
                let description = Description::new(
                    Code::E0303,
                    format!("there is no namespace `{name}`"),
                    "no namespace has this name",
                );
                if known.is_empty() {
                    return description.help(format!("make it first: `netns({name:?})`"));
                }
                suggest_name(description, name, known, "the namespaces are")
            }
            Error::LeftoverNetns { name } => Description::new(
                Code::E0303,
                format!("the name `{name}` does not refer to a namespace"),
                "its process has ended, or nothing is mounted there",
            )
            .help(format!("remove the name: `netns_detach({name:?})`")),
            Error::NoSuchProcess { pid } => {
                Description::new(Code::E0303, format!("there is no process {pid}"), "it has ended, or never existed")
                    .help("give the number of a process that is running, or a handle with a `.pid`")
            }
            Error::OutOfReach { pid } => Description::new(
                Code::E0305,
                format!("process {pid} cannot be inspected from here"),
                "it runs outside of this sandbox or container, or is protected",
            )
            .help("in a sandbox or a container, give a handle with a `.pid`: only its own programs can be inspected; processes of the machine can be inspected on the machine itself"),
            Error::NotThere { what, known } => {
                let description = Description::new(Code::E0306, format!("there is no {what}"), "this is not there");
                if known.is_empty() { description.help("there is none at all") } else { description.help(format!("there are {}", list(known))) }
            }
            Error::Refused { op, rejection, facts } => {
                facts.iter().fold(refused::describe(op, rejection), |description, fact| description.note(fact))
            }
            Error::Unanswered { question, rejection } => {
                with_rejection(Description::new(refused::code(rejection), format!("cannot {question}"), rejection.errno.to_string()), rejection)
            }
            Error::WriteOnly { key } => Description::new(
                Code::E0305,
                format!("the setting `{key}` cannot be read"),
                "this setting can only be written",
            )
            .part(Part::argument(0))
            .help("it has no value: writing to it makes the kernel do something"),
            Error::NoSuchSetting { key, known } => {
                let description = Description::new(
                    Code::E0307,
                    format!("there is no setting `{key}`"),
                    "neither this kernel nor this namespace has it",
                )
                .part(Part::argument(0));
                match did_you_mean(key, known.iter().map(String::as_str)) {
                    Some(meant) => description.help(format!("did you mean `{meant}`?")),
                    None if key.starts_with("net.bridge.") || key.starts_with("net/bridge/") => description.help(
                        "the module br_netfilter has it: load it as root with `modprobe br_netfilter`, or skip \
                         the setting with `#{ ignore: true }`",
                    ),
                    None if setting_meant(key).is_some() => description.help(setting_meant(key).unwrap_or_default()),
                    None => description.help("some settings appear only with a kernel module, or with a link"),
                }
            }
            Error::HiddenSetting { key } => Description::new(
                Code::E0430,
                format!("the setting `{key}` is hidden in a sandbox"),
                "the kernel shows it to the machine's root only",
            )
            .help("try it on the machine, as root; `if !sandboxed { … }` skips it in a sandbox")
            .part(Part::argument(0)),
            Error::NotAllowed { what } => Description::new(
                Code::E0431,
                format!("this run may not {what}"),
                "`--no-exec` forbids it",
            )
            .help("run it without `--no-exec` if you trust the script"),
            Error::ImportOutside { path, folders } => Description::new(
                Code::E0432,
                format!("the module {path} lies outside of `{}`", folders.join("` and `")),
                "this run does not import from there",
            )
            .help("allow its folder with `--allow-import DIR`"),
            Error::Program { program, errno, netns } => Description::new(
                Code::E0403,
                format!("cannot start `{program}` in {netns}"),
                errno.text().unwrap_or("the kernel refuses it"),
            )
            .help(format!("check that `{program}` is installed and on the PATH"))
            .part(Part::argument(0)),
            Error::NoHelper { name } => Description::new(
                Code::E0407,
                format!("this program cannot be started again as `{name}`"),
                "this needs a process of netscript's own",
            )
            .help("in a Rust program call `netscript_lab::init()` at the beginning of `main`; in tests put `netscript_lab::tests_in_sandbox!();` into the crate"),
            Error::NoTerminal => Description::new(
                Code::E0406,
                "a shell needs a terminal",
                "standard input or standard output is not a terminal",
            )
            .help("run netscript in a terminal, its output not piped, or run one program with `.exec(…)`"),
            Error::File { path, doing, why } => {
                let help = if why.starts_with(Errno::EROFS.text().unwrap_or_default()) {
                    "in a sandbox the machine's files are read-only: write into `/tmp`, which is removed with the sandbox, or allow a folder with `--writable DIR`"
                } else {
                    "check that it exists, its permissions, and that the disk is not full"
                };
                Description::new(Code::E0405, format!("cannot {doing} {path}: {why}"), why).help(help)
            }
            Error::Unreadable { path, why } => {
                Description::new(Code::E0111, format!("cannot read the script {path}: {why}"), why)
                    .help(command_meant(path).unwrap_or("give the path of a text file with a script in it, or `-` for standard input"))
            }
            Error::NoTest { path, why } => Description::new(Code::E0115, format!("there is no test at {path}: {why}"), why)
                .help("give scripts, or folders that hold scripts (`*.rhai`)"),
            Error::NotRoot { sandbox } => Description::new(
                Code::E0401,
                "networks can be changed by root only",
                "this needs privilege",
            )
            .help(match sandbox {
                true => "run it with `sudo`, on this machine, or with `--sandbox`, in a network of its own that needs no root",
                false => "run it with `sudo`",
            }),
            Error::NoCapability { missing, doing } => {
                let names = missing.join(" and ");
                Description::new(Code::E0460, format!("cannot {doing} without {names}"), "this needs a capability that root lacks here").help(
                    format!(
                        "give it {names}: to a container with `--cap-add` or `--privileged`, to a service with `CapabilityBoundingSet=`; `sudo` alone does not help"
                    ),
                )
            }
            Error::NoSandbox { why, help } => {
                Description::new(Code::E0404, format!("no sandbox can be made here: {why}"), why).help(help)
            }
            Error::NotSimulated { what } => Description::new(
                Code::E0601,
                format!("a dry run cannot know {what}"),
                "unknown in a dry run",
            )
            .help("put what depends on it into `if !dry_run { … }`, or into an `assert`"),
            Error::Assertion { message, sides } => {
                let message = match message {
                    Some(message) => format!("assertion failed: {message}"),
                    None => "assertion failed".to_owned(),
                };
                let description = Description::new(Code::E0701, message, "this is false");
                sides.iter().fold(description, |description, side| description.note(side))
            }
            Error::Waited { seconds, last } => {
                let description = Description::new(
                    Code::E0702,
                    format!("timed out after {seconds} s"),
                    "the condition never held",
                )
                .help("check the condition, or wait longer");
                match last {
                    Some(last) => description.note(format!("the condition's last error: {last}")),
                    None => description,
                }
            }
            Error::Target { given, why } => {
                Description::new(Code::E0703, format!("{given} is not a target for a probe"), why)
                    .help(with_scope(given).unwrap_or_else(|| {
                        "give an address such as `\"10.0.0.2\"`, a namespace, or a link that has an address".to_owned()
                    }))
            }
            Error::Url { given, why } => Description::new(Code::E0703, format!("{given} is not a URL that can be fetched"), why)
                .help("write it like `\"http://10.0.0.2:8080/\"`; a plain connection is made with `.connect`"),
            Error::Listen { port, netns, rejection } if rejection.errno == Errno::EADDRINUSE => Description::new(
                Code::E0705,
                format!("port {port} of {netns} is taken"),
                "something listens there already",
            )
            .help("use another port, or another namespace: each namespace has its own ports"),
            Error::Listen { port, netns, rejection } => with_rejection(
                Description::new(
                    Code::E0705,
                    format!("no server can listen on port {port} of {netns}"),
                    rejection.errno.to_string(),
                )
                .help("check that the address to listen on is an address of the namespace"),
                rejection,
            ),
            Error::Probe { probe, rejection } if rejection.errno == Errno::EADDRNOTAVAIL => Description::new(
                Code::E0704,
                format!("{probe} cannot begin"),
                "the namespace does not have this source address",
            )
            .help("`src` must be an address of the namespace"),
            Error::Probe { probe, rejection } => with_rejection(
                Description::new(Code::E0704, format!("{probe} cannot begin"), rejection.errno.to_string()),
                rejection,
            ),
            Error::LabUp { name, script } => {
                let description = Description::new(
                    Code::E0501,
                    format!("the lab `{name}` is up already"),
                    "it is up already",
                );
                let description = match script.is_empty() {
                    true => description,
                    false => description.note(format!("it was built by {script}")),
                };
                description.help(format!(
                    "take it down first with `netscript down {}`, or in one go with `--replace`; or build another beside it with `--name`",
                    quote(name)
                ))
            }
            Error::LabBusy { name } => Description::new(
                Code::E0502,
                format!("another netscript is working on the lab `{name}`"),
                "it is being built or taken down",
            )
            .help("wait until it has ended, or build another lab with `--name`"),
            Error::NoSuchLab { name, known } => {
                let description = Description::new(Code::E0503, format!("no lab `{name}` is up"), "no lab of this name is up");
                if known.is_empty() {
                    return description.help("no lab is up at all");
                }
                suggest_name(description, name, known, "the labs that are up are")
            }
            Error::OldKernel { found, oldest } => Description::new(
                Code::E0490,
                format!("this kernel is too old: netscript needs Linux {oldest} or newer, and this is {found}"),
                format!("Linux {oldest} or newer is needed"),
            )
            .help("run it on a newer kernel; a dry run (`--dry-run`) works on any"),
            Error::StuckLink { name, netns, index } => Description::new(
                Code::E0491,
                format!("`{name}` cannot be moved to {netns}: it could not be given back when the lab is taken down"),
                format!("its number {index} is taken in {netns}"),
            )
            .note("Linux before 5.13 keeps a link's number when the link is moved, or chooses any other if it is taken")
            .help("use Linux 5.13 or newer, or move it into a namespace where no link has this number"),
            Error::ForeignContents { lab, what } => {
                let description = Description::new(
                    Code::E0504,
                    format!("the lab `{lab}` contains objects that it did not create, and taking it down would remove them"),
                    "this would be removed",
                );
                let description = what.iter().fold(description, |description, thing| description.note(thing));
                description.help("move them out or remove them first, or remove them with the lab: `--force`")
            }
            Error::Foreign { op, what } => {
                let description = Description::new(
                    Code::E0505,
                    format!("to {op} would remove something that this lab did not create"),
                    "this belongs to somebody else",
                );
                let description = what.iter().fold(description, |description, thing| description.note(thing));
                description.help("try it with `--sandbox`; or do it on this machine with `--force`")
            }
            Error::Journal { path, why, help } => {
                Description::new(Code::E0506, format!("the journal {path} cannot be used: {why}"), why).help(help)
            }
            Error::NotALab { path, what } => Description::new(
                Code::E0541,
                format!("{path} is {what}, not a lab's folder"),
                "a lab's folder is expected here",
            )
            .help(format!("inspect it with `ls -ld {path}`, and remove it; netscript does not follow links")),
            Error::NotUndone { what } => {
                let message = match what.len() {
                    1 => "something could not be undone".to_owned(),
                    many => format!("{many} things could not be undone"),
                };
                let description = Description::new(Code::E0507, message, "not undone");
                what.iter().fold(description, |description, thing| description.note(thing))
            }
            Error::NotEnded { what } => Description::new(
                Code::E0540,
                format!("cannot end every process: {}", what.join("; ")),
                "still running",
            )
            .help("find out with `ps` what the process waits for, and try again; a program that netscript was started from must be ended by hand"),
            Error::NoUndo { why } => {
                Description::new(Code::E0508, format!("there is nothing to undo: {why}"), "nothing to undo")
            }
            Error::ImportCircle { files } => {
                let circle = match files.as_slice() {
                    [file, _] => format!("{file} imports itself"),
                    files => files.join(" imports "),
                };
                Description::new(Code::E0120, "modules import each other in a circle", "this import closes the circle")
                    .note(circle)
                    .help("move what both need into a separate module")
            }
            Error::TooMuchMemory { limit } => Description::new(
                Code::E0121,
                format!("the script takes more than {} GiB of memory", limit >> 30),
                "the script was running here",
            )
            .help("look for a loop that never ends, or for values that grow with each round"),
            Error::Fault { what, place } => {
                Description::new(Code::E0123, "internal error in netscript", "the script was running here")
                    .note(format!("netscript {} at {place}: {what}", env!("CARGO_PKG_VERSION")))
                    .help(format!(
                        "this is a bug in netscript, not in the script: report it at {}/issues, with the script and this text",
                        env!("CARGO_PKG_REPOSITORY")
                    ))
            }
            Error::Deferred { at: _, error } => error.describe(),
            Error::In { part, error } => error.describe().part(part.clone()),
            Error::Interrupted => Description::new(Code::E0114, "interrupted", "the script was running here"),
            Error::Script(description) => (**description).clone(),
        }
    }
}

fn suggest_name(description: Description, given: &str, known: &[String], these: &str) -> Description {
    match did_you_mean(given, known.iter().map(String::as_str)) {
        Some(meant) => description.help(format!("did you mean `{meant}`?")),
        // The names have not been read.
        None if known.is_empty() => description,
        None if known.len() <= 12 => description.help(format!("{these} {}", list(known))),
        None => description,
    }
}

fn with_rejection(description: Description, rejection: &Rejection) -> Description {
    let description = match &rejection.text {
        Some(text) => description.note(format!("the kernel says: {text}")),
        None => description,
    };
    match &rejection.unsupported {
        Some(unsupported) => description.help(unsupported),
        None => description,
    }
}

/// netscript's options for keys that other programs use.
fn same_option(key: &str) -> &'static [&'static str] {
    match key {
        "in" | "in_interface" | "input" | "iifname" => &["iif"],
        "out" | "out_interface" | "output" | "oifname" => &["oif"],
        "source" | "saddr" | "from" => &["src", "from"],
        "destination" | "daddr" | "to" => &["dst", "to"],
        "gateway" | "gw" | "next_hop" | "nexthop" => &["via"],
        "device" | "interface" | "iface" | "parent" => &["dev", "link", "oif"],
        "src" => &["from"],
        "dst" => &["to"],
        "dev" => &["oif"],
        "mark" => &["fwmark"],
        "fwmark" => &["mark"],
        "lookup" => &["table"],
        "not" => &["invert"],
        "goto" => &["goto_priority"],
        "action" | "type" => &["kind"],
        "proto" => &["ipproto"],
        "protocol" => &["proto", "ipproto"],
        "port" => &["dport", "port"],
        "vni" | "vlan" | "vid" => &["id"],
        "position" | "index" => &["at"],
        "prio" | "pref" => &["priority"],
        _ => &[],
    }
}

/// A hint for a malformed key: the setting that was probably meant.
fn setting_meant(key: &str) -> Option<String> {
    if let Some(rest) = key.strip_prefix("proc.sys.") {
        return Some(format!("a key is written without `/proc/sys`: `{rest}`"));
    }
    let parts: Vec<&str> = key.split('.').collect();
    if let ["net", family @ ("ipv4" | "ipv6" | "mpls"), kind @ ("conf" | "neigh"), link @ .., leaf] = &parts[..]
        && link.len() > 1
    {
        let link = link.join("/");
        return Some(format!("a dot in a link's name is written as `/`: `net.{family}.{kind}.{link}.{leaf}`"));
    }
    let whole = match parts.first()? {
        &("net" | "kernel" | "vm" | "fs" | "user" | "dev" | "debug" | "abi") => return None,
        &("ipv4" | "ipv6" | "core" | "netfilter" | "bridge" | "mpls" | "unix") => format!("net.{key}"),
        &("conf" | "neigh" | "route") => format!("net.ipv4.{key}"),
        word if word.starts_with("nf_conntrack") => format!("net.netfilter.{key}"),
        word if word.starts_with("bridge-nf") => format!("net.bridge.{key}"),
        &("disable_ipv6" | "accept_ra" | "autoconf") => format!("net.ipv6.conf.all.{key}"),
        &("forwarding" | "rp_filter" | "proxy_arp" | "arp_ignore" | "arp_announce") => {
            format!("net.ipv4.conf.all.{key}")
        }
        word if ["ip_", "tcp_", "udp_", "icmp_", "igmp_"].iter().any(|start| word.starts_with(start)) => {
            format!("net.ipv4.{key}")
        }
        _ => return Some("give the whole key, such as `net.ipv4.ip_forward`".to_owned()),
    };
    Some(format!("give the whole key: `{whole}`"))
}

/// The help for an address followed by a link's name, a form that `ping` and `ssh` accept.
fn with_scope(given: &str) -> Option<String> {
    let (address, link) = given.trim_matches('"').split_once('%')?;
    let link = link.split('/').next().unwrap_or(link);
    address.parse::<std::net::Ipv6Addr>().ok()?;
    Some(format!("give the link as an option of its own: `\"{address}\"` with `dev: {link:?}`"))
}

/// The command for a name that other programs use.
fn command_meant(path: &str) -> Option<&'static str> {
    Some(match path {
        "help" => "`netscript --help` shows the usage",
        "version" => "`netscript --version` shows the version",
        "run" | "exec" | "start" | "up" | "build" | "apply" => {
            "`netscript FILE` runs a script, without a command before it"
        }
        "list" | "ls" | "status" | "show" => "`netscript ps` lists the labs that are up",
        "stop" | "destroy" | "delete" | "remove" | "rm" | "undo" => "a lab is taken down with `netscript down LAB`",
        "repl" | "shell" | "console" => "`netscript` alone starts a session",
        _ => return None,
    })
}
