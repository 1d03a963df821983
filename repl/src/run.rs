//! `netscript FILE`, and `netscript` alone

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use netscript_lab::wiring::{LineSink, Wiring, batched, folder};
use netscript_lang::Lab;
use netscript_lang::diagnostics::{Error, Failure, Result, Sources, fault};
use netscript_lang::interpreter::{Interpreter, STACK_SIZE};
use netscript_linux::{
    Interrupt, Kernel, SandboxFolders, check_release, enter_sandbox, may_change_networks, privilege_missing,
};
use netscript_net::world::World;
use netscript_stdlib::Environment;

use crate::cli::{Colour, RunArgs};
use crate::dry_run;
use crate::lifetime;
use crate::memory;
use crate::output::{self, Printer, fail, tell, warn};
use crate::progress;
use crate::repl::{self, Start, TargetNetwork};
use crate::script::{Script, is_stdin};

/// Runs a script or a session, and returns the exit status.
pub fn run(args: RunArgs, colour: Colour) -> ExitCode {
    let status = prepare(&args)
        .and_then(|prepared| on_large_stack(move || go(&args, prepared, colour)))
        .unwrap_or_else(|error| fail(&error.into(), &Sources::default(), colour.wanted()));
    exit_code(status)
}

/// An exit status has eight bits.
pub fn exit_code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status & 0xff).unwrap_or(1))
}

/// The result of the steps before the first thread starts.
struct Prepared {
    script: Option<Script>,
    network: TargetNetwork,
    interrupt: Option<Interrupt>,
}

/// A sandbox can be made only while there is one thread. The script is read before, since the
/// sandbox covers some of the machine's files.
fn prepare(args: &RunArgs) -> Result<Prepared> {
    let script = args.file.as_deref().map(Script::read).transpose()?;
    if args.dry_run.is_some() {
        // It has nothing that a signal could leave unfinished.
        return Ok(Prepared { script, network: TargetNetwork::Machine, interrupt: None });
    }
    let network = network(args)?;
    Ok(Prepared { script, network, interrupt: Some(Interrupt::listen()?) })
}

/// Enters a sandbox, for `--sandbox`, or for a session of an unprivileged user.
fn network(args: &RunArgs) -> Result<TargetNetwork> {
    check_release()?;
    let network = match (args.sandbox, may_change_networks()) {
        (true, _) => TargetNetwork::Sandbox,
        (false, true) => TargetNetwork::Machine,
        (false, false) if is_session(args) => TargetNetwork::Unprivileged,
        (false, false) => return Err(privilege_missing(true)),
    };
    match network {
        TargetNetwork::Machine => {}
        TargetNetwork::Sandbox | TargetNetwork::Unprivileged => enter_sandbox(&sandbox_folders(args))?,
    }
    Ok(network)
}

/// The folders that a sandbox shows and those that it can write to. A session writes its history and, without a script,
/// to the current folder (`:save`).
fn sandbox_folders(args: &RunArgs) -> SandboxFolders {
    let mut writable = args.writable.clone();
    if is_session(args) {
        writable.extend(repl::history_folder());
        writable.extend(args.file.is_none().then(|| PathBuf::from(".")));
    }
    SandboxFolders { visible: vec![folder(args.file.as_deref()).to_owned()], writable }
}

/// Whether this is an interactive session.
fn is_session(args: &RunArgs) -> bool {
    args.interactive || args.file.is_none()
}

/// Runs on a large stack: script functions may be nested deeper than the default stack allows.
fn on_large_stack(work: impl FnOnce() -> i32 + Send + 'static) -> Result<i32> {
    let thread = thread::Builder::new().name("script".to_owned()).stack_size(STACK_SIZE).spawn(work).map_err(
        |error: io::Error| Error::Unanswered { question: "start a thread".to_owned(), rejection: error.into() },
    )?;
    thread.join().map_err(|cause| fault::error(&*cause))
}

fn go(args: &RunArgs, prepared: Prepared, colour: Colour) -> i32 {
    let Prepared { script, network, interrupt } = prepared;
    let printer = Printer::default();
    let mut interpreter = match interpreter(args, network, interrupt.as_ref(), &printer) {
        Ok(interpreter) => interpreter,
        Err(error) => return fail(&error.into(), &Sources::default(), colour.wanted()),
    };
    let session = interpreter.session().clone();
    let begun = Instant::now();
    let (status, stays) = match (script, interrupt) {
        (script, Some(interrupt)) if is_session(args) => {
            let ask = network == TargetNetwork::Machine && !args.keep && !args.rm;
            let verbose = args.verbose || args.explain;
            let start = Start { script: script.as_ref(), network, colour, verbose, ask };
            repl::run(interpreter, printer, interrupt, &start)
        }
        (Some(script), _) => {
            let status = interpret(&mut interpreter, &script, &printer, colour.wanted());
            // The process ends soon: freeing the words would only take time.
            std::mem::forget(interpreter);
            (status, status == 0)
        }
        // A dry run has a script: the command line says so.
        (None, _) => (0, true),
    };
    if network != TargetNetwork::Machine {
        return status;
    }
    let ended = lifetime::end(args, session.lab().world(), stays, begun.elapsed());
    match ended {
        Ok(()) => status,
        Err(error) => {
            let failed = fail(&error.into(), &Sources::default(), colour.wanted());
            if status == 0 { failed } else { status }
        }
    }
}

fn interpret(interpreter: &mut Interpreter, script: &Script, printer: &Printer, colour: bool) -> i32 {
    let result = interpreter.run(&script.name, &script.text);
    progress::end();
    let result = result.and_then(|status| printer.finish().map(|()| status).map_err(Failure::from));
    match result {
        Ok(status) => status,
        Err(failure) => fail(&failure, interpreter.sources(), colour),
    }
}

fn interpreter(
    args: &RunArgs,
    network: TargetNetwork,
    interrupt: Option<&Interrupt>,
    printer: &Printer,
) -> Result<Interpreter> {
    let dry_run = args.dry_run.is_some();
    let sandboxed = !dry_run && network != TargetNetwork::Machine;
    let wiring = Wiring {
        environment: Environment { args: args.args.clone(), dry_run, sandboxed, columns: Some(output::columns) },
        confined: args.no_exec,
        folder: folder(args.file.as_deref()).to_owned(),
        allow_import: args.allow_import.clone(),
        print: print(printer, dry_run),
        debug: Box::new(tell),
        memory: Some(memory::taken),
        words: Vec::new(),
    };
    wiring.interpreter(world(args, network, interrupt, printer)?, |lab| listen(lab, args))
}

/// The World of a run: the kernel, or for a dry run the model.
fn world(
    args: &RunArgs,
    network: TargetNetwork,
    interrupt: Option<&Interrupt>,
    printer: &Printer,
) -> Result<Box<dyn World>> {
    let one_by_one = args.verbose || args.explain;
    Ok(match (args.dry_run, interrupt) {
        (Some(style), _) => Box::new(dry_run::world(args, style, printer)?),
        (None, Some(interrupt)) => batched(kernel(args, network, interrupt.clone())?, one_by_one),
        (None, None) => batched(kernel(args, network, Interrupt::listen()?)?, one_by_one),
    })
}

fn kernel(args: &RunArgs, network: TargetNetwork, interrupt: Interrupt) -> Result<Kernel> {
    let name = args.name.clone().unwrap_or_else(|| lab_name(args.file.as_deref()));
    let kernel = match network {
        TargetNetwork::Machine => lifetime::begin(args, &name, interrupt)?,
        // The lab ends with the sandbox, so it needs no journal.
        TargetNetwork::Sandbox | TargetNetwork::Unprivileged => Kernel::new(interrupt)?.named(&name),
    };
    Ok(kernel.lending_terminal(progress::lend).warning(warn))
}

fn listen(lab: &mut Lab, args: &RunArgs) {
    if args.explain {
        lab.on_op(|op| {
            netscript_dialect::lines(op, netscript_dialect::Style::Plain)
                .iter()
                .for_each(|line| tell(&format!("+ {line}")))
        });
    } else if args.verbose {
        lab.on_op(|op| tell(&format!("+ {op}")));
    } else if let Some(file) = args.file.as_deref().filter(|_| args.dry_run.is_none() && !is_session(args)) {
        progress::begin(&file.display().to_string());
        lab.on_op(|op| progress::tell(|| op.to_string()));
    }
}

/// Where a script's output goes. In a dry run, standard output has the commands.
fn print(printer: &Printer, dry_run: bool) -> LineSink {
    let printer = printer.clone();
    if dry_run { Box::new(tell) } else { Box::new(move |text| printer.line(text)) }
}

/// A lab's default name is the script's.
fn lab_name(file: Option<&Path>) -> String {
    match file.filter(|file| !is_stdin(file)).and_then(Path::file_stem) {
        Some(stem) => stem.to_string_lossy().trim_start_matches('.').to_owned(),
        None if file.is_some() => "stdin".to_owned(),
        None => "repl".to_owned(),
    }
}
