//! Ends processes: those of the journal, with all processes of the lab. Processes that got one of their numbers later
//! are left alone.

use std::time::Instant;

use nix::sys::signal::Signal;

use crate::journal::{Entry, LinkId, Process, Undo, UndoEffect};
use crate::process::{Whose, own_line, signal};
use crate::site::Site;
use crate::{Outcome, Rejection};
use netscript_net::error::Error;

/// Starts ending processes, before waiting for each of them. Processes that keep a namespace with objects to restore
/// first are excepted.
pub(super) fn ask_to_end(site: &mut Site, entries: &[Entry], partial: bool) {
    let undos = || entries.iter().flat_map(|entry| &entry.undo);
    let needed: Vec<Process> = undos().filter_map(keeps_process).collect();
    if !partial {
        let callers = own_line();
        let members = site.processes.members(Whose::Lab).into_iter();
        let members = members.filter(|member| !needed.contains(member) && !callers.contains(&member.pid));
        members.for_each(|member| signal(member, Signal::SIGTERM));
    }
    for (process, _) in undos().filter_map(Undo::process) {
        if !needed.contains(&process) {
            site.processes.session_members(process).into_iter().for_each(|member| signal(member, Signal::SIGTERM));
        }
    }
}

/// The process that must live until a step is undone, because it keeps the namespace from which the step restores
/// something.
fn keeps_process(undo: &Undo) -> Option<Process> {
    let (UndoEffect::NameRestored { place } | UndoEffect::LinkMoved { from: LinkId { place, .. }, .. }) =
        undo.effect()?
    else {
        return None;
    };
    place.process
}

/// Ends all remaining processes of the lab, whoever started them, and returns those that do not end.
pub(super) fn end_rest(site: &mut Site, since: Instant) -> Vec<String> {
    // They have got SIGTERM already.
    site.processes.end(Whose::Lab, since, |step| {
        std::thread::sleep(step);
        true
    })
}

/// Ends a process and all processes that it started: with SIGTERM, and after a while with SIGKILL.
pub(super) fn end(site: &mut Site, process: Process) -> Outcome {
    if let Some(number) = site.processes.number_of(process.pid) {
        let patiently = |step| {
            std::thread::sleep(step);
            true
        };
        let left = site.processes.end(Whose::Program(number, process.pid), Instant::now(), patiently);
        if !left.is_empty() {
            return Err(Rejection::from_error(Error::NotEnded { what: left }));
        }
    }
    let left = site.processes.end_session(process);
    if !left.is_empty() {
        return Err(Rejection::from_error(Error::NotEnded { what: left }));
    }
    site.processes.reap();
    if let Some(number) = site.processes.forget_holder(process.pid) {
        site.network.namespaces.forget_holder(number);
    }
    Ok(())
}
