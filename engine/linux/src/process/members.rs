//! The processes that belong to a lab: its programs, and what they started and left behind, in whatever
//! session and namespace. They are found by the lab's control group, by the word that its programs have in
//! their environment, and as the children of others. Nothing else is ever sent a signal: a number is looked
//! at again, with the time when its process was started, after a file stands for the process.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Processes;
use crate::journal::Process;
use crate::proc::{identify, is_alive, name_of, pids, session_of, start_of, stat_field};
use crate::sys;

/// A program of a lab has the lab's token in this variable, and its own number in the other.
pub(super) const LAB_VARIABLE: &str = "NETSCRIPT_LAB";
pub(super) const PROGRAM_VARIABLE: &str = "NETSCRIPT_PROGRAM";

/// The number in place of a program's for those that are run to their end.
pub(super) const FOREGROUND: u32 = 0;

/// How long a process has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// How long after SIGKILL a process may take to end before it counts as one that cannot be ended. On a busy machine many
/// processes take some seconds; one that waits for a device in the kernel does not end at all.
const KILLED: Duration = Duration::from_secs(10);

/// How often those that are being ended are looked at.
const STEP: Duration = Duration::from_millis(2);

/// Whose processes are meant.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Whose {
    /// The lab's.
    Lab,
    /// Those of one program, by its number and its first process's.
    Program(u32, u32),
}

impl Processes {
    /// The processes that are running and belong to the lab, or to one of its programs.
    pub(crate) fn members(&mut self, whose: Whose) -> Vec<Process> {
        self.reap();
        let everyone = Everyone::look();
        let mut pids: BTreeSet<u32> = match whose {
            Whose::Lab => self.groups.pids(None),
            Whose::Program(number, _) => self.groups.pids(Some(number)),
        }
        .into_iter()
        .collect();
        pids.extend(everyone.parents.keys().filter(|pid| self.is_marked(**pid, whose)));
        if let Whose::Program(number, leader) = whose
            && self.is_not_over(number)
        {
            // As long as its child has not been waited for, the number is the child's own.
            pids.extend(everyone.sessions.iter().filter(|(_, session)| **session == leader).map(|(pid, _)| *pid));
        }
        everyone.add_children(&mut pids);
        pids.into_iter().filter_map(identify).filter(|process| is_alive(*process)).collect()
    }

    /// Whether a process has the lab's word, or a program's, in its environment.
    fn is_marked(&self, pid: u32, whose: Whose) -> bool {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let has = |variable: &str, value: &str| {
            let wanted = format!("{variable}={value}");
            environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
        };
        has(LAB_VARIABLE, &self.token)
            && match whose {
                Whose::Lab => true,
                Whose::Program(number, _) => has(PROGRAM_VARIABLE, &number.to_string()),
            }
    }

    /// Ends processes: SIGTERM, and some time after `since` SIGKILL. Gives those that go on all the same, in
    /// words. `sleep` waits, and tells whether there is still time.
    pub(crate) fn end(&mut self, whose: Whose, since: Instant, mut sleep: impl FnMut(Duration) -> bool) -> Vec<String> {
        let callers = own_line();
        let kill_from = since + GRACE;
        let give_up_from = kill_from.max(Instant::now()) + KILLED;
        let mut patient = true;
        loop {
            let (spared, members): (Vec<Process>, Vec<Process>) =
                self.members(whose).into_iter().partition(|member| callers.contains(&member.pid));
            let told = |why: &str, left: &[Process]| -> Vec<String> {
                left.iter().map(|left| format!("process {} ({}) {why}", left.pid, name_of(left.pid))).collect()
            };
            let now = Instant::now();
            if members.is_empty() || now > give_up_from {
                let mut left = told("does not end", &members);
                left.extend(told("is what this netscript was started from", &spared));
                return left;
            }
            let kills = now >= kill_from || !patient;
            if kills && spared.is_empty() {
                self.groups.kill(match whose {
                    Whose::Lab => None,
                    Whose::Program(number, _) => Some(number),
                });
            }
            members.iter().for_each(|member| signal(*member, if kills { Signal::SIGKILL } else { Signal::SIGTERM }));
            let until = if kills { give_up_from } else { kill_from };
            while Instant::now() < until && members.iter().any(|member| is_alive(*member)) {
                self.reap();
                if !sleep(STEP) {
                    patient = false;
                    if !kills {
                        break;
                    }
                }
            }
        }
    }

    /// Ends a process and those in its session: SIGTERM, and after a while SIGKILL. Gives those that go on all the
    /// same, in words.
    pub(crate) fn end_session(&mut self, process: Process) -> Vec<String> {
        let deadline = Instant::now() + GRACE;
        self.session_members(process).into_iter().for_each(|member| signal(member, Signal::SIGTERM));
        while Instant::now() < deadline && !self.session_members(process).is_empty() {
            std::thread::sleep(STEP);
        }
        let end = Instant::now() + KILLED;
        loop {
            let members = self.session_members(process);
            if members.is_empty() || Instant::now() > end {
                break;
            }
            members.into_iter().for_each(|member| signal(member, Signal::SIGKILL));
            std::thread::sleep(STEP);
        }
        let left = self.session_members(process);
        left.iter().map(|left| format!("process {} ({}) does not end", left.pid, name_of(left.pid))).collect()
    }

    /// The process and those in its session that are alive, but for those that this netscript was started
    /// from. When the first has ended, the others are known by what the lab put into their environment.
    pub(crate) fn session_members(&mut self, process: Process) -> Vec<Process> {
        self.reap();
        let led = is_alive(process);
        // The number is a stranger's by now, and so is the session.
        if !led && start_of(process.pid).is_some_and(|start| start != process.start) {
            return Vec::new();
        }
        let callers = own_line();
        let mut members: Vec<Process> = pids()
            .filter(|pid| !callers.contains(pid))
            .filter(|pid| session_of(*pid) == Some(process.pid))
            .filter(|pid| led || self.is_marked(*pid, Whose::Lab))
            .filter_map(identify)
            .filter(|member| is_alive(*member))
            .collect();
        // The first goes last: as long as it is there, the session's number is its own.
        members.sort_by_key(|member| member.pid == process.pid);
        members
    }
}

/// All processes: their parents and sessions.
#[derive(Default)]
struct Everyone {
    parents: BTreeMap<u32, u32>,
    sessions: BTreeMap<u32, u32>,
}

impl Everyone {
    fn look() -> Everyone {
        let mut everyone = Everyone::default();
        for pid in pids() {
            let number = |field| stat_field(pid, field)?.parse().ok();
            if let (Some(parent), Some(session)) = (number(4), number(6)) {
                everyone.parents.insert(pid, parent);
                everyone.sessions.insert(pid, session);
            }
        }
        everyone
    }

    /// Adds the children of processes, and theirs.
    fn add_children(&self, pids: &mut BTreeSet<u32>) {
        loop {
            let before = pids.len();
            let children = self.parents.iter().filter(|(_, parent)| pids.contains(parent)).map(|(pid, _)| *pid);
            let children: Vec<u32> = children.collect();
            pids.extend(children);
            if pids.len() == before {
                return;
            }
        }
    }
}

/// This process and those that it descends from.
pub(crate) fn own_line() -> BTreeSet<u32> {
    let mut line = BTreeSet::new();
    let mut next = Some(std::process::id());
    while let Some(pid) = next.filter(|pid| *pid > 1 && line.insert(*pid)) {
        next = stat_field(pid, 4).and_then(|parent| parent.parse().ok());
    }
    line
}

/// Sends a signal to the very process: its number may be another's when the signal is sent.
pub(crate) fn signal(process: Process, signal: Signal) {
    let Ok(file) = sys::open_process(process.pid) else { return };
    if is_alive(process) {
        let _ = sys::signal_process(&file, signal);
    }
}
