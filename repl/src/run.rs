//! `netscript FILE`

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use netscript_engine::diagnostics::{Error, Failure, Result, Sources};
use netscript_engine::interpreter::{Interpreter, STACK_SIZE};
use netscript_engine::kernel::{Interrupt, Kernel, enter_sandbox, may_change_networks};
use netscript_engine::shell;
use netscript_engine::{Lab, World};
use netscript_stdlib::Environment;

use crate::cli::RunArgs;
use crate::dry_run;
use crate::lifetime;
use crate::output::{Printer, fail, tell};
use crate::progress;
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
fn prepare(args: &RunArgs) -> Result<(Script, Option<Interrupt>)> {
    let script = Script::read(&args.file)?;
    if args.dry_run.is_some() {
        // It holds nothing that a signal could leave half done.
        return Ok((script, None));
    }
    if args.sandbox {
        enter_sandbox()?;
    } else if !may_change_networks() {
        return Err(Error::NotRoot);
    }
    Ok((script, Some(Interrupt::listen()?)))
}

/// Script functions may call each other deeper than a thread's usual stack allows.
fn on_large_stack(work: impl FnOnce() -> i32 + Send + 'static) -> Result<i32> {
    let thread = thread::Builder::new().name("script".to_owned()).stack_size(STACK_SIZE).spawn(work).map_err(
        |error: io::Error| Error::Unanswered { question: "start a thread".to_owned(), refusal: error.into() },
    )?;
    Ok(thread.join().unwrap_or(PANICKED))
}

fn interpret(args: &RunArgs, script: &Script, interrupt: Option<Interrupt>, colour: bool) -> i32 {
    let printer = Printer::default();
    let start = Instant::now();
    let mut interpreter = match interpreter(args, interrupt, &printer) {
        Ok(interpreter) => interpreter,
        Err(error) => return fail(&error.into(), &Sources::default(), colour),
    };
    let result = interpreter.run(&script.name, &script.text);
    progress::end();
    let result = result.and_then(|status| printer.finish().map(|()| status).map_err(Failure::from));
    let status = match result {
        Ok(status) => status,
        Err(failure) => fail(&failure, interpreter.sources(), colour),
    };
    let ended = lifetime::end(args, interpreter.session().lab().world(), status == 0, start.elapsed());
    match ended {
        Ok(()) => status,
        Err(error) => {
            let failed = fail(&error.into(), &Sources::default(), colour);
            if status == 0 { failed } else { status }
        }
    }
}

fn interpreter(args: &RunArgs, interrupt: Option<Interrupt>, printer: &Printer) -> Result<Interpreter> {
    let mut lab = Lab::new(world(args, interrupt, printer)?);
    listen(&mut lab, args);
    let dry_run = args.dry_run.is_some();
    let environment = Environment { args: args.args.clone(), dry_run, sandboxed: args.sandbox };
    let mut interpreter = Interpreter::new(lab, |engine| {
        netscript_stdlib::register(engine, &environment);
        print_with(engine, printer, dry_run);
    });
    interpreter.import_from(netscript_stdlib::MODULES, folder(&args.file));
    Ok(interpreter)
}

/// A dry run is a choice of parts: the model and the shell in place of the kernel.
fn world(args: &RunArgs, interrupt: Option<Interrupt>, printer: &Printer) -> Result<Box<dyn World>> {
    Ok(match (args.dry_run, interrupt) {
        (Some(style), _) => Box::new(dry_run::world(args, style, printer)?),
        (None, Some(interrupt)) => Box::new(kernel(args, interrupt)?),
        (None, None) => Box::new(kernel(args, Interrupt::listen()?)?),
    })
}

fn kernel(args: &RunArgs, interrupt: Interrupt) -> Result<Kernel> {
    let name = args.name.clone().unwrap_or_else(|| lab_name(&args.file));
    if args.sandbox {
        // It goes with the sandbox.
        return Ok(Kernel::new(interrupt)?.named(&name).lending_terminal(progress::lend));
    }
    Ok(lifetime::begin(args, &name, interrupt)?.lending_terminal(progress::lend))
}

fn listen(lab: &mut Lab, args: &RunArgs) {
    if args.explain {
        lab.on_op(|op| shell::lines(op, shell::Style::Plain).iter().for_each(|line| tell(&format!("+ {line}"))));
    } else if args.verbose {
        lab.on_op(|op| tell(&format!("+ {op}")));
    } else if args.dry_run.is_none() {
        progress::begin(&args.file.display().to_string());
        lab.on_op(|op| progress::tell(|| op.to_string()));
    }
}

/// In a dry run standard output is for the commands.
fn print_with(engine: &mut rhai::Engine, printer: &Printer, dry_run: bool) {
    let printer = printer.clone();
    if dry_run {
        engine.on_print(tell);
    } else {
        engine.on_print(move |text| printer.line(text));
    }
    engine.on_debug(|text, source, position| match source {
        Some(source) => tell(&format!("{source}:{position:?}: {text}")),
        None => tell(&format!("{position:?}: {text}")),
    });
}

/// A lab is called after its script.
fn lab_name(file: &Path) -> String {
    match file.file_stem() {
        Some(stem) if !is_stdin(file) => stem.to_string_lossy().trim_start_matches('.').to_owned(),
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
