//! Processes, ended: those of the journal with what belongs to the lab, and no other that got a number of
//! theirs.

use std::time::Instant;

use nix::sys::signal::Signal;

use crate::journal::{Entry, LinkId, Process, Undo, UndoEffect};
use crate::process::{Whose, own_line, signal};
use crate::site::Site;
use crate::{Outcome, Rejection};
use netscript_net::error::Error;

/// Lets processes begin to end at once, before each is waited for, but for those whose namespaces
/// have something in them that must be saved first.
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

/// The process that must live until a step is taken: it keeps the namespace that the step saves something from.
fn keeps_process(undo: &Undo) -> Option<Process> {
    let (UndoEffect::NameRestored { place } | UndoEffect::LinkMoved { from: LinkId { place, .. }, .. }) =
        undo.effect()?
    else {
        return None;
    };
    place.process
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
