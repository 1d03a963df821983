//! Programs and probes that are asked in turn until one succeeds, as one line: `A || B || true`.

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
    /// The lines of the commands so far. An alternative of more than one command has lines of its own: whether its second
    /// command is run depends on more than the failure of its first.
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
    /// Prints a program or a probe whose answer a script may act on.
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

    /// Prints what waits, since something else must not come before it.
    pub(super) fn print_waiting(&mut self) {
        for line in self.waiting.release(self.style) {
            self.print_line(&line);
        }
    }
}
