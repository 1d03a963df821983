//! `cargo book`: builds and checks the book.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};
use netscript_book::book::{Keep, Report, Work};
use netscript_book::graph;
use netscript_book::run::Programs;

/// Build and check netscript's book; every example in it is run.
#[derive(Parser)]
#[command(name = "cargo book", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every example, and write the book if all is right
    Build {
        /// Where to [default: `book/book`]
        #[arg(long, value_name = "FOLDER")]
        output: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// Run every example, and say what is wrong
    Check(How),
    /// Run every example, and keep what comes of them as right
    Bless(How),
    /// Print the network at a script's end, as JSON
    #[command(hide = true)]
    Graph {
        /// On the model only
        #[arg(long)]
        model: bool,
        /// The script
        file: PathBuf,
        /// Its arguments
        args: Vec<String>,
    },
}

#[derive(Args)]
struct How {
    /// Only chapters whose paths contain one of these
    chapters: Vec<String>,

    /// The book's folder
    #[arg(long, value_name = "FOLDER")]
    book: Option<PathBuf>,

    /// The program to run examples with [default: that of this workspace, built anew]
    #[arg(long, value_name = "FILE")]
    netscript: Option<PathBuf>,

    /// How many examples at a time [default: twice as many as there are processors]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

fn main() -> ExitCode {
    // Servers of a lab whose network is read for a picture.
    netscript_lab::init();
    match obey(Cli::parse().task) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey(task: Task) -> Result<ExitCode> {
    match task {
        Task::Graph { model, file, args } => {
            graph::print(&file, model, &args)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Build { output, how } => {
            ensure!(how.chapters.is_empty(), "a book is built whole; `check` takes chapters");
            let work = how.work()?;
            let report = work.build(output.as_deref())?;
            let index = output.unwrap_or_else(|| work.book.join("book")).join("index.html");
            Ok(told(&report, &format!("The book is in {}.", index.display())))
        }
        Task::Check(how) => Ok(told(&how.work()?.check(Keep::Compare)?, "All is right.")),
        Task::Bless(how) => Ok(told(&how.work()?.check(Keep::Bless)?, "See `git diff book`.")),
    }
}

fn told(report: &Report, good: &str) -> ExitCode {
    for problem in &report.problems {
        eprintln!("{problem}\n");
    }
    match report.problems.len() {
        0 => {
            println!("{} examples in {} chapters. {good}", report.examples, report.chapters);
            ExitCode::SUCCESS
        }
        count => {
            eprintln!("{count} of {} examples are wrong.", report.examples);
            ExitCode::FAILURE
        }
    }
}

impl How {
    fn work(self) -> Result<Work> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let builder = std::env::current_exe().context("this program cannot be found")?;
        let book = self.book.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let netscript = match self.netscript {
            Some(program) => std::path::absolute(program)?,
            None => built()?,
        };
        let shown = std::env::current_dir().ok().and_then(|here| Some(book.strip_prefix(here).ok()?.to_owned()));
        let book = shown.unwrap_or(book);
        let jobs = self.jobs.unwrap_or(2 * processors);
        Ok(Work { book, programs: Programs::new(netscript, builder)?, jobs, only: self.chapters })
    }
}

/// The program of this workspace, beside this one; cargo brings it up to date if it started this one.
fn built() -> Result<PathBuf> {
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--package", "netscript"]);
        command.args((!cfg!(debug_assertions)).then_some("--release")).current_dir(env!("CARGO_MANIFEST_DIR"));
        ensure!(command.status().context("cannot start cargo")?.success(), "netscript does not build");
    }
    let own = std::env::current_exe().context("this program cannot be found")?;
    let program = own.parent().unwrap_or(Path::new(".")).join("netscript");
    if !program.is_file() {
        bail!("there is no {}: build it with `cargo build`, or say `--netscript FILE`", program.display());
    }
    Ok(program)
}
