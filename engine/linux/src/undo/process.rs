//! Processes, ended: those of the journal with what belongs to the lab, and no other that got a number of
//! theirs.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::journal::{Entry, Process, Undo};
use crate::proc::{identify, is_alive, name_of, session_of, start_of};
use crate::process::{Whose, own_line, signal};
use crate::site::Site;
use crate::{Failure, Outcome};
use netscript_net::error::Error;

/// How long a process has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// How often one that is being ended is looked at.
const STEP: Duration = Duration::from_millis(2);

/// Lets processes begin to end at once, before each is waited for, but for those whose namespaces
/// have something in them that must be saved first.
pub(super) fn ask_to_end(site: &mut Site, entries: &[Entry], partial: bool) {
    let undos = || entries.iter().flat_map(|entry| &entry.undo);
    let needed: Vec<Process> = undos()
        .filter_map(|undo| {
            let (Undo::Move { from: place, .. } | Undo::Bind { place, .. }) = undo else { return None };
            place.process
        })
        .collect();
    if !partial {
        let callers = own_line();
        let members = site.processes.members(Whose::Lab).into_iter();
        let members = members.filter(|member| !needed.contains(member) && !callers.contains(&member.pid));
        members.for_each(|member| signal(member, Signal::SIGTERM));
    }
    for undo in undos() {
        if let Undo::Process { process, what: _ } = undo
            && !needed.contains(process)
        {
            members(site, *process).into_iter().for_each(|member| signal(member, Signal::SIGTERM));
        }
    }
}

/// Ends what is left of the lab's processes, whoever started them and wherever they are, and tells
/// which go on all the same.
pub(super) fn end_rest(site: &mut Site, since: Instant) -> Vec<String> {
    // They have been asked already.
    site.processes.end(Whose::Lab, since, |step| {
        std::thread::sleep(step);
        true
    })
}

/// Ends a process with what it started: SIGTERM, and after a while SIGKILL.
pub(super) fn end(site: &mut Site, process: Process) -> Outcome {
    if let Some(number) = site.processes.number_of(process.pid) {
        let patiently = |step| {
            std::thread::sleep(step);
            true
        };
        let left = site.processes.end(Whose::Program(number, process.pid), Instant::now(), patiently);
        if !left.is_empty() {
            return Err(Failure::from_error(Error::NotEnded { what: left }));
        }
    }
    let deadline = Instant::now() + GRACE;
    members(site, process).into_iter().for_each(|member| signal(member, Signal::SIGTERM));
    while Instant::now() < deadline && !members(site, process).is_empty() {
        std::thread::sleep(STEP);
    }
    let end = Instant::now() + GRACE;
    loop {
        let members = members(site, process);
        if members.is_empty() || Instant::now() > end {
            break;
        }
        members.into_iter().for_each(|member| signal(member, Signal::SIGKILL));
        std::thread::sleep(STEP);
    }
    let left = members(site, process);
    if !left.is_empty() {
        let what = left.iter().map(|left| format!("process {} ({}) does not end", left.pid, name_of(left.pid)));
        return Err(Failure::from_error(Error::NotEnded { what: what.collect() }));
    }
    site.processes.reap();
    if let Some(number) = site.processes.forget_holder(process.pid) {
        site.network.namespaces.forget_holder(number);
    }
    Ok(())
}

/// The process and those in its session that are alive, but for those that this netscript was started
/// from. When the first has ended, the others are known by what the lab put into their environment.
fn members(site: &mut Site, process: Process) -> Vec<Process> {
    site.processes.reap();
    let led = is_alive(process);
    // The number is a stranger's by now, and so is the session.
    if !led && start_of(process.pid).is_some_and(|start| start != process.start) {
        return Vec::new();
    }
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let callers = own_line();
    let mut members: Vec<Process> = pids
        .filter(|pid| !callers.contains(pid))
        .filter(|pid| session_of(*pid) == Some(process.pid))
        .filter(|pid| led || site.processes.is_marked(*pid, Whose::Lab))
        .filter_map(identify)
        .filter(|member| is_alive(*member))
        .collect();
    // The first goes last: as long as it is there, the session's number is its own.
    members.sort_by_key(|member| member.pid == process.pid);
    members
}
