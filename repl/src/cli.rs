//! The command line.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Build the network that a script describes: namespaces, links, addresses, routes and rules.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Cli {
    /// The script; `-` is standard input. Without one, statements are asked for
    pub file: Option<PathBuf>,

    /// Ask for statements after the script
    #[arg(short, long, requires = "file")]
    pub interactive: bool,

    /// Arguments of the script, which sees them as `args`
    #[arg(last = true)]
    pub args: Vec<String>,

    /// Run in a network of its own: the machine's is neither seen nor touched, no root is needed,
    /// and nothing is left
    #[arg(long)]
    pub sandbox: bool,

    /// Tell on standard error what is done, as it is done
    #[arg(short, long)]
    pub verbose: bool,

    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

const EXAMPLES: &str = "\
Examples:
  netscript                              ask for statements, in a sandbox when not root
  netscript -i lab.rhai                  build the lab, then ask for more
  netscript --sandbox lab.rhai           build the lab where nothing can break
  sudo netscript lab.rhai                build it on this machine
  netscript --sandbox -v lab.rhai        and tell each step
  netscript --sandbox lab.rhai -- 3 red  the script's `args` are [\"3\", \"red\"]
  echo 'print(host.links)' | netscript --sandbox -

Exit status:
  0 success, 1 the script failed, 2 wrong command line, 130 interrupted,
  or N if the script ends with `exit(N)`";

/// When error messages are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless the variable NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Colour {
    /// Whether to colour what goes to standard error.
    pub fn wanted(self) -> bool {
        self.wanted_on(&io::stderr())
    }

    /// Whether to colour what goes to a file (NO_COLOR: <https://no-color.org>).
    pub fn wanted_on(self, file: &impl IsTerminal) -> bool {
        match self {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !forbidden && file.is_terminal()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
