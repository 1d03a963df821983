//! Prints programs and probes that a condition tries in turn until one succeeds as one line: `A || B || true`.

use super::DryRun;
use netscript_dialect::{Command, Style};
use netscript_net::world::Alternatives;

/// The commands of a condition whose end has not been reached.
#[derive(Default)]
pub(super) struct Waiting {
    /// How many conditions with alternatives are open, one inside the other.
    depth: usize,
    /// The commands of each alternative.
    commands: Vec<Vec<Command>>,
}

impl Waiting {
    /// The lines of the commands so far. An alternative of several commands has lines of its own: whether its second
    /// command runs does not depend only on the failure of the first.
    fn release(&mut self, style: Style) -> Vec<String> {
        let alternatives = std::mem::take(&mut self.commands);
        let joined = alternatives.iter().all(|commands| commands.len() < 2);
        let commands: Vec<Command> = alternatives.into_iter().flatten().collect();
        match commands.is_empty() {
            true => Vec::new(),
            false if joined => vec![Command::alternatives(&commands, style)],
            false => commands.iter().map(|command| command.line(style)).collect(),
        }
    }
}

impl DryRun {
    /// Prints a program or a probe whose result a script may use.
    pub(super) fn print_asked(&mut self, command: Command) {
        self.asked = true;
        match self.waiting.commands.last_mut() {
            Some(alternative) => alternative.push(command),
            None => self.print_command(&command),
        }
    }

    pub(super) fn follow_alternatives(&mut self, step: Alternatives) {
        match step {
            Alternatives::Begin => self.waiting.depth += 1,
            Alternatives::Next => self.waiting.commands.push(Vec::new()),
            Alternatives::End => {
                self.waiting.depth = self.waiting.depth.saturating_sub(1);
                if self.waiting.depth == 0 {
                    self.print_waiting();
                }
            }
        }
    }

    /// Prints the waiting commands, because another line must not come before them.
    pub(super) fn print_waiting(&mut self) {
        for line in self.waiting.release(self.style) {
            self.print_line(&line);
        }
    }
}
