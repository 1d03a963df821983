//! The tests, and reports of how often the machine was restored.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::{Deserialize, Serialize};

use super::course::Share;
use super::machine::{Machine, SCRIPTS, Seen, Stop, difference};

/// After this number of late interrupts on all machines, the lab has no more crash points.
const IN_VAIN: u64 = 3;

/// The status of a run that was interrupted.
const INTERRUPTED: i32 = 130;

/// Lines of a difference that are shown.
const MOST: usize = 60;

/// How often something was tested, and the errors.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// How often.
    pub tried: usize,
    /// How often the machine was restored.
    pub came_back: usize,
    /// The differences, where it was not.
    pub wrong: Vec<String>,
}

impl Report {
    /// Adds one test; `told` is the output of the last program. If the machine is not as `before`, the next test gets a
    /// new machine.
    pub(super) fn add(&mut self, machine: &Machine, what: &str, before: &mut Seen, told: &[u8]) {
        self.tried += 1;
        let after = &machine.settle(before);
        if before == after {
            self.came_back += 1;
            return;
        }
        let told = String::from_utf8_lossy(told);
        let difference: Vec<String> = difference(before, after).lines().take(MOST).map(str::to_owned).collect();
        self.wrong.push(format!("{what}\n{}\n{told}", difference.join("\n")));
        machine.renew();
        *before = machine.look();
    }

    /// Adds another report to this one.
    pub fn merge(&mut self, other: Report) {
        self.tried += other.tried;
        self.came_back += other.came_back;
        self.wrong.extend(other.wrong);
    }
}

fn name(script: &Path) -> String {
    script.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn was_killed(output: &Output) -> bool {
    output.status.signal() == Some(9)
}

/// Builds a lab and takes it down.
pub(super) fn there_and_back(machine: &Machine, script: &Path) -> Report {
    let mut report = Report::default();
    let mut before = machine.look();
    let up = machine.netscript(&["--force", &script.display().to_string()], None);
    // Without a lab, the test would prove nothing.
    if !up.status.success() {
        report.tried += 1;
        report.wrong.push(format!("{} fails\n{}", script.display(), String::from_utf8_lossy(&up.stderr)));
    }
    let down = machine.netscript(&["down", &name(script)], None);
    report.add(machine, &format!("{}: down", script.display()), &mut before, &down.stderr);
    report
}

/// Kills a lab at crash points while it is built, rolled back and taken down; then takes it down.
pub(super) fn kills<M: Iterator<Item = u64>>(machine: &Machine, script: &Path, moments: impl Fn() -> M) -> Report {
    let mut report = kills_of_run(machine, script, moments());
    report.merge(kills_of_down(machine, script, moments()));
    report
}

fn kills_of_run(machine: &Machine, script: &Path, moments: impl Iterator<Item = u64>) -> Report {
    let mut report = Report::default();
    let text = std::fs::read_to_string(script).unwrap_or_default() + "\nthrow \"the end\";\n";
    let failing = script_beside(script, &text);
    let (path, lab) = (failing.display().to_string(), name(&failing));
    let mut before = machine.look();
    for at in moments {
        let run = machine.netscript(&["--force", &path], Some(Stop::Kill(at)));
        if !was_killed(&run) {
            report.add(machine, &format!("{}: rollback", script.display()), &mut before, &run.stderr);
            break;
        }
        let down = machine.netscript(&["down", "--force", &lab], None);
        report.add(machine, &format!("{}: killed at {at}", script.display()), &mut before, &down.stderr);
    }
    let _ = std::fs::remove_file(&failing);
    report
}

fn kills_of_down(machine: &Machine, script: &Path, moments: impl Iterator<Item = u64>) -> Report {
    let mut report = Report::default();
    let mut before = machine.look();
    for at in moments {
        machine.netscript(&["--force", &script.display().to_string()], None);
        let down = machine.netscript(&["down", "--force", &name(script)], Some(Stop::Kill(at)));
        let last = !was_killed(&down);
        if !last {
            machine.netscript(&["down", "--force", &name(script)], None);
        }
        let what = format!("{}: down killed at {at}", script.display());
        report.add(machine, &what, &mut before, &down.stderr);
        if last {
            break;
        }
    }
    report
}

/// A script in a folder of its own, so that it finds only built-in modules.
fn script_beside(script: &Path, text: &str) -> std::path::PathBuf {
    let path = Path::new(SCRIPTS).join(format!("{}-failing.rhai", name(script)));
    std::fs::write(&path, text).expect("there is room");
    path
}

/// Interrupts a lab at crash points: it fails, and everything is undone. A lab that is interrupted after its end is up,
/// and is taken down.
pub(super) fn interrupts(machine: &Machine, script: &Path, moments: impl Iterator<Item = u64>, share: Share) -> Report {
    let mut report = Report::default();
    let path = script.display().to_string();
    let mut in_vain = 0;
    let mut before = machine.look();
    for at in moments {
        let run = machine.netscript(&["--force", &path], Some(Stop::Interrupt(at)));
        if run.status.code() != Some(INTERRUPTED) {
            in_vain += 1;
            machine.netscript(&["down", "--force", &name(script)], None);
        }
        report.add(machine, &format!("{path}: interrupted at {at}"), &mut before, &run.stderr);
        if in_vain == IN_VAIN.div_ceil(share.of) {
            break;
        }
    }
    report
}

/// Takes each name that a lab makes on the host in turn: the lab fails there, and everything is undone.
pub(super) fn failures(machine: &Machine, script: &Path, share: Share) -> Report {
    let mut report = Report::default();
    let path = script.display().to_string();
    let mut free = machine.look();
    let told = machine.netscript(&["--force", "--rm", "-v", &path], None);
    report.add(machine, &format!("{path}: there and back"), &mut free, &told.stderr);
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    for taking in share.of(told.lines().flat_map(takings)) {
        let sh = |command: &str| Command::new("sh").args(["-c", command]).stderr(Stdio::null()).status();
        let _ = sh(&taking.0);
        let mut before = machine.look();
        let run = machine.netscript(&["--force", &path], None);
        let what = format!("{path}: {} is taken", taking.0);
        if run.status.success() {
            // The end of a pair that is made in another namespace, where the name is free.
            machine.netscript(&["down", "--force", &name(script)], None);
        } else {
            report.add(machine, &what, &mut before, &run.stderr);
        }
        let _ = sh(&taking.1);
        // All of this must be finished before the next snapshot.
        report.add(machine, &format!("{what}, and given back"), &mut free, &run.stderr);
    }
    report
}

/// Commands that take a name which a line of `-v` shows as made, and commands that free it.
fn takings(line: &str) -> Vec<(String, String)> {
    let names: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
    if line.starts_with("+ make the namespace `") {
        return vec![(format!("ip netns add {}", names[0]), format!("ip netns del {}", names[0]))];
    }
    let on_host = line.ends_with(" in host");
    let links = ["+ make the bridge", "+ make the pair"];
    if on_host && links.iter().any(|start| line.starts_with(start)) {
        let link = |name: &&str| (format!("ip link add {name} type bridge"), format!("ip link del {name}"));
        return names.iter().map(link).collect();
    }
    if let (true, Some(rest)) = (on_host, line.strip_prefix("+ make the chain `")) {
        let chain = rest.split('`').next().unwrap_or_default();
        return vec![(format!("iptables -N {chain}"), format!("iptables -X {chain}"))];
    }
    Vec::new()
}

/// Takes labs of one script up and down at the same time, repeatedly. They have names and links of their own, and share
/// rules and settings.
pub(super) fn together(machine: &Machine, labs: usize, rounds: impl Iterator<Item = u64>) -> Report {
    let mut report = Report::default();
    let mut before = machine.look();
    for round in rounds {
        std::thread::scope(|scope| {
            for number in 0..labs {
                scope.spawn(move || up_and_down(machine, number));
            }
        });
        let output = machine.netscript(&["ps"], None);
        let what = format!("{labs} labs at once, round {round}");
        report.add(machine, &what, &mut before, &output.stderr);
    }
    report
}

fn up_and_down(machine: &Machine, number: usize) {
    let text = format!(
        r#"
        let red = netns("red{number}");
        veth("v{number}", #{{ peer: "eth0", netns: red }}).addr("10.5{number}.0.1/24").up();
        host.sysctl("net.ipv4.ip_forward", 1);
        host.filter.forward.policy("drop");
        host.filter.forward.accept(#{{ iif: "v{number}" }});
        host.filter.forward.accept(#{{ src: "10.0.0.0/8" }});
        host.nat.dnat(#{{ proto: "tcp", dport: 80, to: "10.5{number}.0.2:80" }});
        red.serve(80, "{number}");
        for turn in 0..5 {{
            host.sysctl("net.ipv4.ip_forward", 0);
            host.filter.forward.policy("accept");
            host.sysctl("net.ipv4.ip_forward", 1);
            host.filter.forward.policy("drop");
        }}
        "#
    );
    let path = Path::new(SCRIPTS).join(format!("together{number}.rhai"));
    std::fs::write(&path, text).expect("there is room");
    let lab = name(&path);
    for _ in 0..3 {
        let up = machine.netscript(&[&path.display().to_string()], None);
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        let down = machine.netscript(&["down", &lab], None);
        assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
    }
    let _ = std::fs::remove_file(&path);
}
