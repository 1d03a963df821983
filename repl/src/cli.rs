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
    /// What to do instead of running a script; a script of such a name is run as `./NAME`
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Running a script
    #[command(flatten)]
    pub run: Option<RunArgs>,

    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Colour::Auto, global = true)]
    pub color: Colour,
}

/// The command line of this process. A wrong one ends it, with what to write instead.
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| with_tip(error, std::env::args().skip(1)).exit())
}

/// Adds what to write instead to the error of a word too much.
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
            format!("a script is run without a word before it: `netscript {surplus}`")
        }
        "stop" | "destroy" | "delete" | "remove" | "rm" | "undo" => {
            format!("a lab is taken down with `netscript down {surplus}`")
        }
        script => format!("arguments for the script itself are given after `--`: `netscript {script} -- {surplus}`"),
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

/// Anything but running a script.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run labs as tests, each in a sandbox of its own
    Test(TestArgs),
    /// Take labs down: what they made goes, what they changed is as it was before
    Down(DownArgs),
    /// List the labs that are up
    Ps(PsArgs),
}

/// Which script to run, and how.
#[derive(Clone, Debug, Default, Args)]
#[command(group = ArgGroup::new("confined").args(["no_exec", "dry_run"]).multiple(true))]
pub struct RunArgs {
    /// The script; `-` is standard input. Without one, statements are asked for
    pub file: Option<PathBuf>,

    /// Ask for statements after the script
    #[arg(short, long, requires = "file", conflicts_with = "dry_run")]
    pub interactive: bool,

    /// Arguments of the script, which sees them as `args`
    #[arg(last = true)]
    pub args: Vec<String>,

    /// Run in a network of its own: the machine's is neither seen nor touched, no root is needed,
    /// and nothing is left
    #[arg(long)]
    pub sandbox: bool,

    /// In a sandbox, let programs and captures write files in this folder; without it the machine's
    /// files are read-only there
    #[arg(long, value_name = "DIR", requires = "sandbox")]
    pub writable: Vec<PathBuf>,

    /// Do not let the script start programs, write files, or import modules from outside its folder
    #[arg(long)]
    pub no_exec: bool,

    /// In a dry run and with --no-exec, also import modules from this folder and those below
    #[arg(long, value_name = "DIR", requires = "confined")]
    pub allow_import: Vec<PathBuf>,

    /// Tell on standard error what is done, as it is done
    #[arg(short, long)]
    pub verbose: bool,

    /// The lab's name [default: the script's, without its ending]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Take a lab of this name down first, if one is up
    #[arg(long, conflicts_with_all = ["sandbox", "dry_run"])]
    pub replace: bool,

    /// Take the lab down again when the script has ended
    #[arg(long, conflicts_with_all = ["sandbox", "dry_run"])]
    pub rm: bool,

    /// When the script fails, leave what it made for a look
    #[arg(long, conflicts_with_all = ["sandbox", "dry_run", "rm"])]
    pub keep: bool,

    /// Let the script remove rules, routes, links and namespaces that it did not make; with
    /// --replace, let go what others put into the lab
    #[arg(long, conflicts_with_all = ["sandbox", "dry_run"])]
    pub force: bool,

    /// Change nothing and print the commands that do what the script does, as a shell script
    #[arg(long, value_name = "STYLE", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "plain", conflicts_with = "sandbox", requires = "file")]
    pub dry_run: Option<Style>,

    /// In a dry run, add the place in the script to each command
    #[arg(long, requires = "dry_run")]
    pub annotate: bool,

    /// In a dry run, begin with a host whose link eth0 is up and has this address
    #[arg(long, value_name = "ADDRESS/LENGTH", requires = "dry_run")]
    pub uplink: Option<String>,

    /// In a dry run, begin with this machine's network as it is now instead of a blank host
    #[arg(long, requires = "dry_run", conflicts_with = "uplink")]
    pub from_host: bool,

    /// Tell on standard error the command that each step equals, as it is done
    #[arg(long, conflicts_with = "dry_run")]
    pub explain: bool,
}

/// Which labs to take down, and how.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["labs", "all"]))]
pub struct DownArgs {
    /// The labs' names
    #[arg(value_name = "LAB")]
    pub labs: Vec<String>,

    /// Every lab that is up
    #[arg(long)]
    pub all: bool,

    /// Go on although others put something into the lab, or its journal is damaged
    #[arg(long)]
    pub force: bool,

    /// Change nothing and print the commands that would take the lab down
    #[arg(long)]
    pub dry_run: bool,
}

/// How to list the labs that are up.
#[derive(Debug, Args)]
pub struct PsArgs {
    /// How to list them
    #[arg(long, value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
}

/// How something is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Columns, for people
    Table,
    /// One JSON document
    Json,
}

/// Which labs to test, and how.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Scripts, and folders whose scripts (`*.rhai`) are run, those below included
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// How many at a time [default: as many as there are processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,

    /// How many seconds a test may take; one that takes longer is interrupted, and has failed
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,

    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Lines)]
    pub format: Format,

    /// Let programs and captures of the tests write files in this folder
    #[arg(long, value_name = "DIR")]
    pub writable: Vec<PathBuf>,

    /// Do not let tests start programs, write files, or import modules from outside their folders
    #[arg(long)]
    pub no_exec: bool,

    /// With --no-exec, also import modules from this folder and those below
    #[arg(long, value_name = "DIR", requires = "no_exec")]
    pub allow_import: Vec<PathBuf>,
}

impl TestArgs {
    /// What each test is run with.
    pub fn options(&self) -> Vec<OsString> {
        let mut options = Vec::new();
        for (option, folders) in [("--writable", &self.writable), ("--allow-import", &self.allow_import)] {
            options.extend(folders.iter().flat_map(|folder| [option.into(), folder.into()]));
        }
        options.extend(self.no_exec.then(|| "--no-exec".into()));
        options
    }

    /// How many at a time.
    pub fn jobs(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(processors, usize::from)
    }

    /// How long a test may take.
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }
}

/// How tests are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line each, as they finish
    Lines,
    /// One JSON document at the end
    Json,
    /// JUnit's XML, at the end
    Junit,
}

const EXAMPLES: &str = "\
Examples:
  netscript                              ask for statements, in a sandbox when not root
  netscript -i lab.rhai                  build the lab, then ask for more
  netscript --sandbox lab.rhai           build the lab where nothing can break
  sudo netscript lab.rhai                build it on this machine
  netscript --sandbox -v lab.rhai        and tell each step
  netscript --sandbox lab.rhai -- 3 red  the script's `args` are [\"3\", \"red\"]
  netscript --dry-run lab.rhai           print it as commands instead; needs no root
  echo 'print(host.links)' | netscript --sandbox -
  netscript test labs/                   run every script of a folder as a test
  netscript ps                           list the labs that are up
  sudo netscript down lab                take the lab of lab.rhai down

Exit status:
  0 success, 1 the script failed, 2 wrong command line, 130 interrupted,
  or N if the script ends with `exit(N)`";

/// How a dry run writes commands inside namespaces.
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
