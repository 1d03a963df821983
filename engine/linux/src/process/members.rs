//! The processes that belong to a lab: its programs, and processes that they started and left behind, in any session
//! and namespace. They are found by the lab's control group, by the token in their environment, and as children of
//! others. No other process gets a signal: a process is opened first, and then its number and start time are checked
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Processes;
use crate::journal::Process;
use crate::proc::{identify, is_alive, name_of, pids, session_of, start_of, stat_field};
use crate::sys;

/// The variables with the lab's token and the number of the program.
pub(super) const LAB_VARIABLE: &str = "NETSCRIPT_LAB";
pub(super) const PROGRAM_VARIABLE: &str = "NETSCRIPT_PROGRAM";

/// The program number of programs that are run to their end.
pub(super) const FOREGROUND: u32 = 0;

/// The time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// The time after SIGKILL until a process counts as impossible to end. On a busy machine many processes take some
/// seconds; a process that waits for a device in the kernel does not end at all.
const KILLED: Duration = Duration::from_secs(10);

/// The polling interval while processes are ending.
const STEP: Duration = Duration::from_millis(2);

/// A selection of processes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Whose {
    /// All processes of the lab.
    Lab,
    /// The processes of one program, by its number and its first process.
    Program(u32, u32),
}

impl Processes {
    /// The running processes of the lab or of one of its programs.
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
            // Until the child has been waited for, its number is not reused.
            pids.extend(everyone.sessions.iter().filter(|(_, session)| **session == leader).map(|(pid, _)| *pid));
        }
        everyone.add_children(&mut pids);
        pids.into_iter().filter_map(identify).filter(|process| is_alive(*process)).collect()
    }

    /// Whether a process has the lab's token, or a program's number, in its environment.
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

    /// Ends processes: SIGTERM, and some time after `since` SIGKILL. Returns those that do not end, in words. `sleep`
    /// waits, and returns whether there is time left.
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
                left.extend(told("is an ancestor of this netscript", &spared));
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

    /// Ends a process and those in its session: SIGTERM, and after a while SIGKILL. Returns those that do not end, in
    /// words.
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

    /// The running processes of a session, without those that this netscript was started from. If the leader has ended,
    /// the others are found by their environment.
    pub(crate) fn session_members(&mut self, process: Process) -> Vec<Process> {
        self.reap();
        let led = is_alive(process);
        // The number has been reused, and so has the session's.
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
        // The leader comes last: as long as it exists, the session's number is not reused.
        members.sort_by_key(|member| member.pid == process.pid);
        members
    }
}

/// All processes, with their parents and sessions.
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

    /// Adds the descendants of processes.
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

/// This process and its ancestors.
pub(crate) fn own_line() -> BTreeSet<u32> {
    let mut line = BTreeSet::new();
    let mut next = Some(std::process::id());
    while let Some(pid) = next.filter(|pid| *pid > 1 && line.insert(*pid)) {
        next = stat_field(pid, 4).and_then(|parent| parent.parse().ok());
    }
    line
}

/// Sends a signal to exactly this process, even if its number is reused meanwhile.
pub(crate) fn signal(process: Process, signal: Signal) {
    let Ok(file) = sys::open_process(process.pid) else { return };
    if is_alive(process) {
        let _ = sys::signal_process(&file, signal);
    }
}
