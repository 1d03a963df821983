//! Programs and probes that are asked in turn until one succeeds, as one line: `A || B || true`.

use super::DryRun;
use netscript_net::world::Alternatives;

/// What a command that may fail ends with.
const TOLERANT: &str = " || true";

/// The lines that wait until it is clear whether they can be one.
#[derive(Default)]
pub(super) struct Waiting {
    /// How many conditions with alternatives are open, one in the other.
    depth: usize,
    /// The lines of each alternative.
    lines: Vec<Vec<String>>,
}

impl Waiting {
    /// Keeps a line back if it may become part of another.
    pub(super) fn takes(&mut self, line: &str) -> bool {
        let (Some(command), Some(alternative)) = (line.strip_suffix(TOLERANT), self.lines.last_mut()) else {
            return false;
        };
        alternative.push(command.to_owned());
        true
    }

    /// The lines so far. An alternative of more than one is in lines of its own: whether the second is asked depends on
    /// more than the first's failure.
    pub(super) fn release(&mut self) -> Vec<String> {
        let lines = std::mem::take(&mut self.lines);
        let joined = lines.iter().all(|alternative| alternative.len() < 2);
        let lines: Vec<String> = lines.into_iter().flatten().collect();
        match lines.is_empty() {
            true => Vec::new(),
            false if joined => vec![format!("{}{TOLERANT}", lines.join(" || "))],
            false => lines.into_iter().map(|line| line + TOLERANT).collect(),
        }
    }
}

impl DryRun {
    pub(super) fn follow_alternatives(&mut self, step: Alternatives) {
        let waiting = &mut self.waiting;
        match step {
            Alternatives::Begin => waiting.depth += 1,
            Alternatives::Next if waiting.depth > 0 => waiting.lines.push(Vec::new()),
            Alternatives::Next => {}
            Alternatives::End => {
                waiting.depth = waiting.depth.saturating_sub(1);
                if waiting.depth == 0 {
                    self.print_waiting();
                }
            }
        }
    }

    pub(super) fn print_waiting(&mut self) {
        for line in self.waiting.release() {
            self.print_line(&line);
        }
    }
}
