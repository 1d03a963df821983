//! A machine for tests: namespaces with other people's things on them, snapshots, and running netscript there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::equal::tidy;
use crate::groups::{below, remove};
use crate::sandbox::cover_files;
use crate::settled::settle;

/// The time limit of netscript, in seconds.
const LONGEST: &str = "600";

/// The status of timeout(1) when it, or something else, killed the program.
const TIMED_OUT: i32 = 137;

/// Things on the machine that are not a lab's.
const OTHERS: &str = "
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
ip link set lo up
ip netns add stranger
ip netns exec stranger sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
ip link add s1 type veth peer name s1peer netns stranger
ip -n stranger link set s1peer up
ip addr add 10.9.0.1/24 dev s1
ip -6 addr add fd09::1/64 dev s1 nodad
ip link set s1 up
ip route add 10.95.0.0/16 via 10.9.0.2
ip -6 route add fd95::/64 via fd09::2
ip neigh add 10.9.0.3 lladdr 02:00:00:00:00:03 dev s1 nud permanent
ip link add s2 type veth peer name s2peer
ip link set s2 alias others
ip addr add 10.94.0.1/24 dev s2
ip addr add 10.94.0.2/24 dev s2
ip link set s2 up
ip link set s2peer up
ip route add 10.93.0.0/16 via 10.94.0.9
sysctl -qw net.ipv4.conf.s2.rp_filter=1
ip link add s3 type veth peer name s3peer
ip link add sbr type bridge
ip link set s3peer master sbr
ip addr add 10.8.0.1/24 dev sbr
ip link set sbr up
ip link set s3 up
ip link set s3peer up
ip route add unreachable 10.96.0.0/16
ip route add blackhole 10.97.0.0/16
ip -6 rule add from fd09::/64 lookup 77 priority 700
for n in '' '-n stranger'; do ip $n link add first type vrf table 7 2>/dev/null && ip $n link del first || true; done
iptables -A FORWARD -s 192.0.2.1 -j ACCEPT
iptables -A FORWARD -s 192.0.2.2 -m conntrack --ctstate ESTABLISHED -j DROP
iptables -A FORWARD -s 192.0.2.1 -j ACCEPT
iptables -t nat -N THEIRS
iptables -t mangle -A PREROUTING -s 192.0.2.1 -j MARK --set-mark 1
ip6tables -t nat -A POSTROUTING -s fd09::/64 -j MASQUERADE
sleep 0.5
ip link set s3 down
ip link set s3peer down
setsid -f ip netns exec stranger sleep 100000 </dev/null >/dev/null 2>&1
";

/// The variable that names the machine's control group; it is empty where there is none.
pub(super) const GROUP: &str = "GROUP";

/// A folder for scripts that only this machine sees.
pub(super) const SCRIPTS: &str = "/mnt";

/// A snapshot of the machine: output by command.
pub type Seen = BTreeMap<String, String>;

/// The signal that netscript gets at one of its crash points.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// SIGKILL
    Kill(u64),
    /// SIGINT, as from Ctrl-C
    Interrupt(u64),
}

/// The machine that this process was moved to.
pub struct Machine {
    program: String,
    /// The program that brings labs up.
    builder: String,
}

impl Machine {
    /// Prepares the machine, on which this process is alone.
    ///
    /// # Panics
    ///
    /// If it cannot be prepared.
    pub fn furnish(program: &Path, builder: &Path) -> Machine {
        let [program, builder] = [program, builder].map(|path| path.display().to_string());
        let machine = Machine { program, builder };
        // The first process of every machine has the same number, so names in /tmp would collide.
        let mounted = Command::new("mount").args(["-t", "tmpfs", "tmpfs", SCRIPTS]).status();
        assert!(mounted.is_ok_and(|status| status.success()), "a file system can be mounted on {SCRIPTS}");
        machine.set_up();
        machine
    }

    /// Goes to a new machine with the same things, so that an error on this one does not affect the next test.
    ///
    /// # Panics
    ///
    /// If there is none, or it cannot be prepared.
    pub fn renew(&self) {
        let pid = |line: &str| line.split(' ').next().and_then(|pid| pid.parse().ok());
        for pid in processes().lines().filter_map(pid).filter(|pid| *pid > 1) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        if let Some(own) = std::env::var_os(GROUP).filter(|own| !own.is_empty()) {
            below(Path::new(&own)).iter().for_each(|lab| remove(&Path::new(&own).join(lab)));
        }
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET).expect("there can be another machine");
        self.set_up();
    }

    fn set_up(&self) {
        cover_files().expect("the machine has files of its own");
        let output = Command::new("sh").args(["-ec", OTHERS]).output().expect("there is a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // The kernel sets carriers and addresses with a delay. Two snapshots in a row may both lack them.
        settle();
        let mut before = self.look();
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(1500));
            let now = self.look();
            if now == before {
                break;
            }
            before = now;
        }
    }

    /// Runs netscript: for `down` and `ps` the program itself, otherwise the one that brings labs up.
    ///
    /// # Panics
    ///
    /// If it cannot be started, or does not end.
    pub fn netscript(&self, args: &[&str], stop: Option<Stop>) -> Output {
        let program = if matches!(args, ["down" | "ps", ..]) { &self.program } else { &self.builder };
        let mut command = Command::new("timeout");
        command.args(["--foreground", "--signal=KILL", LONGEST, program]).args(args);
        command.env_remove("NETSCRIPT_KILL_AT").env_remove("NETSCRIPT_INTERRUPT_AT");
        match stop {
            Some(Stop::Kill(at)) => drop(command.env("NETSCRIPT_KILL_AT", at.to_string())),
            Some(Stop::Interrupt(at)) => drop(command.env("NETSCRIPT_INTERRUPT_AT", at.to_string())),
            None => {}
        }
        let output = command.output().expect("netscript can be started");
        assert!(output.status.code() != Some(TIMED_OUT), "netscript {args:?} goes on for more than {LONGEST} s");
        output
    }

    /// A snapshot once it is as wanted or the time for that is over: the kernel ends namespaces with a delay.
    pub fn settle(&self, wanted: &Seen) -> Seen {
        let deadline = Instant::now() + crate::patience(Duration::from_secs(8));
        // A whole snapshot costs much more than this look at the things that change last.
        while !glance().iter().all(|(key, seen)| wanted.get(key) == Some(seen)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        loop {
            let seen = self.look();
            if seen == *wanted || Instant::now() > deadline {
                return seen;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A snapshot of the machine.
    pub fn look(&self) -> Seen {
        let mut seen = Seen::from(glance());
        for netns in std::iter::once("").chain(seen["names"].clone().lines().filter(|name| *name != ".")) {
            let asked = LOOKS.iter().zip(answers(netns, &LOOKS));
            seen.extend(asked.map(|(command, told)| (format!("{netns}: {command}"), tidy(command, &told))));
        }
        let others = ["iptables-save; ip6tables-save; nft list ruleset", "ls /etc/netns; grep -r . /etc/netns"];
        let [rules, servers] = answers("", &others);
        seen.insert("rules".into(), without_counters(&rules));
        seen.insert("name servers".into(), servers);
        seen.insert("settings".into(), settings());
        seen
    }
}

/// The commands for each namespace.
const LOOKS: [&str; 7] = [
    "ip -d -j link show",
    "ip -j addr show",
    "ip -4 -d -j route show table all",
    "ip -6 -d -j route show table all",
    "ip -4 -j rule show",
    "ip -6 -j rule show",
    "ip -j neigh show nud permanent",
];

/// The things that go last with a lab, and can be seen without another program.
fn glance() -> [(String, String); 4] {
    [
        ("control groups".into(), groups()),
        ("names".into(), listed("/run/netns")),
        ("labs".into(), listed("/run/netscript")),
        ("processes".into(), processes()),
    ]
}

/// The control groups of the machine's labs.
fn groups() -> String {
    let own = std::env::var_os(GROUP).unwrap_or_default();
    let mut names = if own.is_empty() { Vec::new() } else { below(Path::new(&own)) };
    names.sort();
    names.join("\n")
}

/// The names in a folder, one per line, sorted, with `.` for itself; empty if it does not exist.
fn listed(folder: &str) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| format!("{}\n", entry.file_name().display())).collect();
    names.extend(Path::new(folder).is_dir().then(|| ".\n".to_owned()));
    names.sort();
    names.concat()
}

/// The differences between two snapshots, in words.
pub fn difference(before: &Seen, after: &Seen) -> String {
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    let lines = |text: Option<&String>| text.map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default();
    let parts = differing.map(|key| {
        let (was, is): (Vec<String>, Vec<String>) = (lines(before.get(key)), lines(after.get(key)));
        let gone: Vec<&String> = was.iter().filter(|line| !is.contains(line)).collect();
        let new: Vec<&String> = is.iter().filter(|line| !was.contains(line)).collect();
        let mut lines = match gone.len() == new.len() {
            true => gone.iter().zip(new).map(|(was, is)| changed(was, is)).collect(),
            false => {
                let gone = gone.into_iter().map(|line| format!("  - {line}\n"));
                gone.chain(new.into_iter().map(|line| format!("  + {line}\n"))).collect::<String>()
            }
        };
        if lines.is_empty() {
            lines = format!("  in this order:\n  {}\n  and not in this:\n  {}\n", is.join("\n  "), was.join("\n  "));
        }
        format!("{key}\n{lines}")
    });
    parts.collect()
}

/// The difference between two lines; of JSON objects, only the values that differ.
fn changed(was: &str, is: &str) -> String {
    let parsed = [was, is].map(serde_json::from_str::<serde_json::Map<String, Value>>);
    let [Ok(a), Ok(b)] = parsed else { return format!("  - {was}\n  + {is}\n") };
    let name = a.get("ifname").or(a.get("dst")).cloned().unwrap_or_default();
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let keys = keys.into_iter().filter(|key| a.get(*key) != b.get(*key));
    let told = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
    keys.map(|key| format!("  {name} {key}: {} => {}\n", told(a.get(key)), told(b.get(key)))).collect()
}

/// Printed after the output of each command.
const END: &str = "-- end --\n";

/// The output of commands in a namespace; `""` is the machine itself. One shell runs all of them: entering the
/// namespace for each would take most of the time.
fn answers<const N: usize>(netns: &str, commands: &[&str; N]) -> [String; N] {
    let script: String = commands.iter().map(|command| format!("{command}\nprintf '%s' '{END}'\n")).collect();
    let mut program = match netns {
        "" => Command::new("sh"),
        name => {
            let mut ip = Command::new("ip");
            ip.args(["netns", "exec", name, "sh"]);
            ip
        }
    };
    let output = program.args(["-c", &script]).output().expect("there is a shell");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut parts = told.split(END);
    std::array::from_fn(|_| parts.next().unwrap_or_default().to_owned())
}

fn without_counters(rules: &str) -> String {
    let mut text = String::new();
    for line in rules.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ').peekable();
        while let Some(word) = words.next() {
            if word.starts_with('[') && word.contains(':') {
                continue;
            }
            if word == "packets" || word == "bytes" {
                words.next();
                continue;
            }
            text.push_str(word);
            text.push(' ');
        }
        text.push('\n');
    }
    text
}

fn settings() -> String {
    let mut text = String::new();
    for folder in ["net/ipv4/conf", "net/ipv6/conf", "net/ipv4/neigh", "net/bridge"] {
        read_settings(&Path::new("/proc/sys").join(folder), &mut text);
    }
    let forward = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap_or_default();
    format!("{text}ip_forward {forward}")
}

fn read_settings(path: &Path, text: &mut String) {
    let mut entries: Vec<_> = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            read_settings(&entry, text);
        } else if let Ok(value) = fs::read_to_string(&entry) {
            text.push_str(&format!("{} {}\n", entry.display(), value.trim()));
        }
    }
}

/// The running programs, except this one and those that take the snapshot.
fn processes() -> String {
    let own = std::process::id();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, behind)) = stat.rsplit_once(')') else { continue };
        if pid != own && !behind.starts_with(" Z") {
            let words = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default().replace('\0', " ");
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            found.push(format!("{pid} {} {words}\n", name.trim()));
        }
    }
    found.sort();
    found.concat()
}
