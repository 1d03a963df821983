//! Processes, ended: those of the journal and no other that got a number of theirs.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::super::process::{is_alive, session_of, start_of};
use super::super::{Kernel, Outcome, sys};
use crate::journal::{Entry, Process, Undo};

/// How long a process has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// How often one that is being ended is looked at.
const STEP: Duration = Duration::from_millis(2);

impl Kernel {
    /// Lets processes begin to end at once, before each is waited for, but for those whose namespaces
    /// have something in them that must be saved first.
    pub(super) fn ask_processes_to_end(&mut self, entries: &[Entry]) {
        let undos = || entries.iter().flat_map(|entry| &entry.undo);
        let needed: Vec<Process> = undos()
            .filter_map(|undo| {
                let (Undo::Move { from: place, .. } | Undo::Bind { place, .. }) = undo else { return None };
                place.process
            })
            .collect();
        for undo in undos() {
            if let Undo::Process { process, what: _ } = undo
                && !needed.contains(process)
            {
                self.members(*process).into_iter().for_each(|member| signal(member, Signal::SIGTERM));
            }
        }
    }

    /// Ends a process and those in its session: SIGTERM, and after a while SIGKILL.
    pub(super) fn undo_process(&mut self, process: Process) -> Outcome {
        let deadline = Instant::now() + GRACE;
        self.members(process).into_iter().for_each(|member| signal(member, Signal::SIGTERM));
        while Instant::now() < deadline && !self.members(process).is_empty() {
            std::thread::sleep(STEP);
        }
        let end = Instant::now() + GRACE;
        loop {
            let members = self.members(process);
            if members.is_empty() || Instant::now() > end {
                break;
            }
            members.into_iter().for_each(|member| signal(member, Signal::SIGKILL));
            std::thread::sleep(STEP);
        }
        self.processes.reap();
        if let Some(number) = self.processes.forget_holder(process.pid) {
            self.namespaces.forget_holder(number);
        }
        Ok(())
    }

    /// The process and those in its session that are alive. When the first has ended, the others
    /// are known by what the lab put into their environment.
    fn members(&mut self, process: Process) -> Vec<Process> {
        self.processes.reap();
        let led = is_alive(process);
        // The number is a stranger's by now, and so is the session.
        if !led && start_of(process.pid).is_some_and(|start| start != process.start) {
            return Vec::new();
        }
        let token = format!("NETSCRIPT_LAB={}", self.processes.token());
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let mut members: Vec<Process> = pids
            .filter(|pid| session_of(*pid) == Some(process.pid))
            .filter(|pid| led || has_environment(*pid, &token))
            .filter_map(super::super::process::identify)
            .filter(|member| is_alive(*member))
            .collect();
        // The first goes last: as long as it is there, the session's number is its own.
        members.sort_by_key(|member| member.pid == process.pid);
        members
    }
}

fn has_environment(pid: u32, word: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == word.as_bytes())
}

/// Sends a signal to the very process: its number may be another's when the signal is sent.
fn signal(process: Process, signal: Signal) {
    let Ok(file) = sys::open_process(process.pid) else { return };
    if is_alive(process) {
        let _ = sys::signal_process(&file, signal);
    }
}
