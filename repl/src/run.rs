//! `netscript FILE`, and `netscript` alone

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use netscript_engine::Lab;
use netscript_engine::diagnostics::{Error, Failure, Result, Sources};
use netscript_engine::interpreter::{Interpreter, STACK_SIZE};
use netscript_engine::kernel::{Interrupt, Kernel, enter_sandbox, may_change_networks};
use netscript_stdlib::Environment;

use crate::cli::Cli;
use crate::output::{Printer, fail, tell};
use crate::repl::{self, Place, Start};
use crate::script::{Script, is_stdin};

/// Rust's own status of a program that panicked.
const PANICKED: i32 = 101;

/// Runs a script as the command line says, and gives the exit status.
pub fn run(cli: Cli) -> ExitCode {
    let colour = cli.color.wanted();
    let status = prepare(&cli)
        .and_then(|prepared| on_large_stack(move || go(&cli, prepared)))
        .unwrap_or_else(|error| fail(&error.into(), &Sources::default(), colour));
    // An exit status has eight bits.
    ExitCode::from(u8::try_from(status & 0xff).unwrap_or(1))
}

/// What is done before the first thread is started.
struct Prepared {
    script: Option<Script>,
    place: Place,
    interrupt: Interrupt,
}

/// A sandbox can be made only while there is one thread. The script is read before, since the
/// sandbox covers some of the machine's files.
fn prepare(cli: &Cli) -> Result<Prepared> {
    let script = cli.file.as_deref().map(Script::read).transpose()?;
    let place = place(cli)?;
    Ok(Prepared { script, place, interrupt: Interrupt::listen()? })
}

/// Enters a sandbox, if that is wanted, or if the user comes to explore without being privileged.
fn place(cli: &Cli) -> Result<Place> {
    let place = match (cli.sandbox, may_change_networks()) {
        (true, _) => Place::Sandbox,
        (false, true) => Place::Machine,
        (false, false) if is_session(cli) => Place::Unprivileged,
        (false, false) => return Err(Error::NotRoot),
    };
    match place {
        Place::Machine => {}
        Place::Sandbox | Place::Unprivileged => enter_sandbox()?,
    }
    Ok(place)
}

/// Whether statements are asked for.
fn is_session(cli: &Cli) -> bool {
    cli.interactive || cli.file.is_none()
}

/// Script functions may call each other deeper than a thread's usual stack allows.
fn on_large_stack(work: impl FnOnce() -> i32 + Send + 'static) -> Result<i32> {
    let thread = thread::Builder::new().name("script".to_owned()).stack_size(STACK_SIZE).spawn(work).map_err(
        |error: io::Error| Error::Unanswered { question: "start a thread".to_owned(), refusal: error.into() },
    )?;
    Ok(thread.join().unwrap_or(PANICKED))
}

fn go(cli: &Cli, prepared: Prepared) -> i32 {
    let Prepared { script, place, interrupt } = prepared;
    let colour = cli.color.wanted();
    let printer = Printer::default();
    let interpreter = match interpreter(cli, place, interrupt.clone(), &printer) {
        Ok(interpreter) => interpreter,
        Err(error) => return fail(&error.into(), &Sources::default(), colour),
    };
    match script {
        Some(script) if !is_session(cli) => interpret(interpreter, &script, &printer, colour),
        script => {
            let start = Start { script: script.as_ref(), place, colour: cli.color, verbose: cli.verbose };
            repl::run(interpreter, printer, interrupt, &start)
        }
    }
}

fn interpret(mut interpreter: Interpreter, script: &Script, printer: &Printer, colour: bool) -> i32 {
    let result = interpreter
        .run(&script.name, &script.text)
        .and_then(|status| printer.finish().map(|()| status).map_err(Failure::from));
    match result {
        Ok(status) => status,
        Err(failure) => fail(&failure, interpreter.sources(), colour),
    }
}

fn interpreter(cli: &Cli, place: Place, interrupt: Interrupt, printer: &Printer) -> Result<Interpreter> {
    let file = cli.file.as_deref();
    let mut lab = Lab::new(Box::new(Kernel::new(interrupt)?.named(&lab_name(file))));
    if cli.verbose {
        lab.on_op(|op| tell(&format!("+ {op}")));
    }
    let environment = Environment { args: cli.args.clone(), dry_run: false, sandboxed: place != Place::Machine };
    let mut interpreter = Interpreter::new(lab, |engine| {
        netscript_stdlib::register(engine, &environment);
        print_with(engine, printer);
    });
    interpreter.import_from(netscript_stdlib::MODULES, folder(file));
    Ok(interpreter)
}

fn print_with(engine: &mut rhai::Engine, printer: &Printer) {
    let printer = printer.clone();
    engine.on_print(move |text| printer.line(text));
    engine.on_debug(|text, source, position| match source {
        Some(source) => tell(&format!("{source}:{position:?}: {text}")),
        None => tell(&format!("{position:?}: {text}")),
    });
}

/// A lab is called after its script.
fn lab_name(file: Option<&Path>) -> String {
    match file.filter(|file| !is_stdin(file)).and_then(Path::file_stem) {
        Some(stem) => stem.to_string_lossy().into_owned(),
        None if file.is_some() => "stdin".to_owned(),
        None => "session".to_owned(),
    }
}

/// Where a script's own modules lie: beside it.
fn folder(file: Option<&Path>) -> &Path {
    match file.and_then(Path::parent) {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
