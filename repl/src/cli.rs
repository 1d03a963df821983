//! The command line.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

/// Build the network that a script describes: namespaces, links, addresses, routes and rules.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// A command instead of a script; run a script of the same name as `./NAME`
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Running a script
    #[command(flatten)]
    pub run: Option<RunArgs>,

    /// When to colour the output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Colour::Auto, global = true)]
    pub color: Colour,
}

/// The command line of this process. If it is invalid, the process ends with a suggestion.
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| with_tip(error, std::env::args().skip(1)).exit())
}

/// Adds a suggestion to the error of a surplus word.
fn with_tip(mut error: clap::Error, arguments: impl Iterator<Item = String>) -> clap::Error {
    let surplus = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::UnknownArgument && !word.starts_with('-') => {
            word.clone()
        }
        _ => return error,
    };
    let first = arguments.into_iter().find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let tip = match first.as_str() {
        "help" => format!("write `netscript {surplus} --help`, or `netscript --help` for everything"),
        "run" | "exec" | "start" | "up" | "build" | "apply" | "create" => {
            format!("to run a script, give only its name: `netscript {surplus}`")
        }
        "stop" | "destroy" | "delete" | "remove" | "rm" | "undo" => {
            format!("to take a lab down, run `netscript down {surplus}`")
        }
        script => format!("arguments of the script follow `--`: `netscript {script} -- {surplus}`"),
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run labs as tests, each in a sandbox of its own
    Test(TestArgs),
    /// Take labs down: remove what they created and restore what they changed
    Down(DownArgs),
    /// List the labs that are up
    Ps(PsArgs),
}

/// Which script to run, and how.
#[derive(Clone, Debug, Default, Args)]
#[command(group = ArgGroup::new("confined").args(["no_exec", "dry_run"]).multiple(true))]
pub struct RunArgs {
    /// The script; `-` is standard input. Without a script, start the REPL
    pub file: Option<PathBuf>,

    /// Start the REPL after the script
    #[arg(short, long, requires = "file", conflicts_with = "dry_run")]
    pub interactive: bool,

    /// Arguments of the script, available as `args`
    #[arg(last = true)]
    pub args: Vec<String>,

    /// Run in a network of its own, isolated from the machine's; needs no root and leaves nothing
    /// behind
    #[arg(long)]
    pub sandbox: bool,

    /// In the sandbox, let programs and captures write files in this folder; all other files of the
    /// machine are read-only
    #[arg(long, value_name = "DIR", requires = "sandbox")]
    pub writable: Vec<PathBuf>,

    /// Refuse to start programs, write files, or import modules from outside the script's folder
    #[arg(long)]
    pub no_exec: bool,

    /// In a dry run and with --no-exec, also import modules from this folder and its subfolders
    #[arg(long, value_name = "DIR", requires = "confined")]
    pub allow_import: Vec<PathBuf>,

    /// Print each operation on standard error as it is applied
    #[arg(short, long)]
    pub verbose: bool,

    /// The lab's name [default: the script's name without its extension]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// If a lab of this name is up, take it down first
    #[arg(long, conflicts_with_all = ["sandbox", "dry_run"])]
    pub replace: bool,

    /// Take the lab down when the script has ended
    #[arg(long, conflicts_with_all = ["sandbox", "dry_run"])]
    pub rm: bool,

    /// If the script fails, keep the lab for inspection
    #[arg(long, conflicts_with_all = ["sandbox", "dry_run", "rm"])]
    pub keep: bool,

    /// Let the script remove rules, routes, links and namespaces that it did not make; with
    /// --replace, take the old lab down even if others put something into it
    #[arg(long, conflicts_with_all = ["sandbox", "dry_run"])]
    pub force: bool,

    /// Change nothing; print the equivalent commands as a shell script
    #[arg(long, value_name = "STYLE", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "plain", conflicts_with = "sandbox", requires = "file")]
    pub dry_run: Option<Style>,

    /// In a dry run, print the place in the script beside each command
    #[arg(long, requires = "dry_run")]
    pub annotate: bool,

    /// In a dry run, begin with a host whose link eth0 is up and has this address
    #[arg(long, value_name = "ADDRESS/LENGTH", requires = "dry_run")]
    pub uplink: Option<String>,

    /// In a dry run, begin with this machine's current network instead of a blank host
    #[arg(long, requires = "dry_run", conflicts_with = "uplink")]
    pub from_host: bool,

    /// Print the equivalent command of each operation on standard error as it is applied
    #[arg(long, conflicts_with = "dry_run")]
    pub explain: bool,
}

/// The arguments of `netscript down`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["labs", "all"]))]
pub struct DownArgs {
    /// The labs' names
    #[arg(value_name = "LAB")]
    pub labs: Vec<String>,

    /// Take down every lab that is up
    #[arg(long)]
    pub all: bool,

    /// Take the lab down even if others put something into it, or its journal is damaged
    #[arg(long)]
    pub force: bool,

    /// Change nothing; print the commands that would take the lab down
    #[arg(long)]
    pub dry_run: bool,
}

/// The arguments of `netscript ps`.
#[derive(Debug, Args)]
pub struct PsArgs {
    /// The output format
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
}

/// The format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Columns
    Table,
    /// One JSON document
    Json,
}

/// Which labs to test, and how.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Scripts, and folders whose scripts (`*.rhai`) are run, including those in subfolders
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Number of tests at a time [default: number of processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,

    /// Time limit of each test; a test that exceeds it is interrupted and fails
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,

    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Lines)]
    pub format: Format,

    /// Let programs and captures of the tests write files in this folder
    #[arg(long, value_name = "DIR")]
    pub writable: Vec<PathBuf>,

    /// Refuse to start programs, write files, or import modules from outside a test's folder
    #[arg(long)]
    pub no_exec: bool,

    /// With --no-exec, also import modules from this folder and its subfolders
    #[arg(long, value_name = "DIR", requires = "no_exec")]
    pub allow_import: Vec<PathBuf>,
}

impl TestArgs {
    /// The options of each test's process.
    pub fn options(&self) -> Vec<OsString> {
        let mut options = Vec::new();
        for (option, folders) in [("--writable", &self.writable), ("--allow-import", &self.allow_import)] {
            options.extend(folders.iter().flat_map(|folder| [option.into(), folder.into()]));
        }
        options.extend(self.no_exec.then(|| "--no-exec".into()));
        options
    }

    /// The number of tests at a time.
    pub fn jobs(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(processors, usize::from)
    }

    /// The time limit of a test.
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}

/// The format of a test report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line per test, as it finishes
    Lines,
    /// One JSON document at the end
    Json,
    /// JUnit XML at the end
    Junit,
}

const EXAMPLES: &str = "\
Examples:
  netscript                              start the REPL, in a sandbox unless root
  netscript -i lab.rhai                  build the lab, then start the REPL
  netscript --sandbox lab.rhai           build the lab in a network of its own
  sudo netscript lab.rhai                build the lab on this machine
  netscript --sandbox -v lab.rhai        print each operation
  netscript --sandbox lab.rhai -- 3 red  the script's `args` are [\"3\", \"red\"]
  netscript --dry-run lab.rhai           print the equivalent commands; needs no root
  echo 'print(host.links)' | netscript --sandbox -
  netscript test labs/                   run every script of a folder as a test
  netscript ps                           list the labs that are up
  sudo netscript down lab                take the lab of lab.rhai down

Exit status:
  0 success, 1 the script failed, 2 wrong command line, 130 interrupted,
  or N if the script ends with `exit(N)`";

/// The form of a dry run's commands inside namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// `ip -n NS …`
    Plain,
    /// `ip netns exec NS ip …`, as tutorials do
    Tutorial,
}

impl From<Style> for netscript_dialect::Style {
    fn from(style: Style) -> netscript_dialect::Style {
        match style {
            Style::Plain => netscript_dialect::Style::Plain,
            Style::Tutorial => netscript_dialect::Style::Tutorial,
        }
    }
}

/// When to colour the output.
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
