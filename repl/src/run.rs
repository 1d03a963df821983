//! `netscript FILE`

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use netscript_engine::Lab;
use netscript_engine::diagnostics::{Error, Failure, Result, Sources};
use netscript_engine::interpreter::{Interpreter, STACK_SIZE};
use netscript_engine::kernel::{Interrupt, Kernel, enter_sandbox, may_change_networks};
use netscript_stdlib::Environment;

use crate::cli::RunArgs;
use crate::output::{Printer, fail, tell};
use crate::script::{Script, is_stdin};

/// Rust's own status of a program that panicked.
const PANICKED: i32 = 101;

/// Runs a script as the command line says, and gives the exit status.
pub fn run(args: RunArgs, colour: bool) -> ExitCode {
    let status = prepare(&args)
        .and_then(|(script, interrupt)| on_large_stack(move || interpret(&args, &script, interrupt, colour)))
        .unwrap_or_else(|error| fail(&error.into(), &Sources::default(), colour));
    exit_code(status)
}

/// An exit status has eight bits.
pub fn exit_code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status & 0xff).unwrap_or(1))
}

/// What is done while there is one thread: a sandbox can be made only then. The script is read
/// before, since the sandbox covers some of the machine's files.
fn prepare(args: &RunArgs) -> Result<(Script, Interrupt)> {
    let script = Script::read(&args.file)?;
    if args.sandbox {
        enter_sandbox()?;
    } else if !may_change_networks() {
        return Err(Error::NotRoot);
    }
    Ok((script, Interrupt::listen()?))
}

/// Script functions may call each other deeper than a thread's usual stack allows.
fn on_large_stack(work: impl FnOnce() -> i32 + Send + 'static) -> Result<i32> {
    let thread = thread::Builder::new().name("script".to_owned()).stack_size(STACK_SIZE).spawn(work).map_err(
        |error: io::Error| Error::Unanswered { question: "start a thread".to_owned(), refusal: error.into() },
    )?;
    Ok(thread.join().unwrap_or(PANICKED))
}

fn interpret(args: &RunArgs, script: &Script, interrupt: Interrupt, colour: bool) -> i32 {
    let printer = Printer::default();
    let mut interpreter = match interpreter(args, interrupt, &printer) {
        Ok(interpreter) => interpreter,
        Err(error) => return fail(&error.into(), &Sources::default(), colour),
    };
    let result = interpreter
        .run(&script.name, &script.text)
        .and_then(|status| printer.finish().map(|()| status).map_err(Failure::from));
    match result {
        Ok(status) => status,
        Err(failure) => fail(&failure, interpreter.sources(), colour),
    }
}

fn interpreter(args: &RunArgs, interrupt: Interrupt, printer: &Printer) -> Result<Interpreter> {
    let mut lab = Lab::new(Box::new(Kernel::new(interrupt)?.named(&lab_name(&args.file))));
    if args.verbose {
        lab.on_op(|op| tell(&format!("+ {op}")));
    }
    let environment = Environment { args: args.args.clone(), dry_run: false, sandboxed: args.sandbox };
    let mut interpreter = Interpreter::new(lab, |engine| {
        netscript_stdlib::register(engine, &environment);
        print_with(engine, printer);
    });
    interpreter.import_from(netscript_stdlib::MODULES, folder(&args.file));
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
fn lab_name(file: &Path) -> String {
    match file.file_stem() {
        Some(stem) if !is_stdin(file) => stem.to_string_lossy().into_owned(),
        _ => "stdin".to_owned(),
    }
}

/// Where a script's own modules lie: beside it.
fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
