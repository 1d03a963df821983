//! `netscript-book graph FILE`: runs a script as `netscript` does, and prints the network at its end.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use netscript_dialect::Style;
use netscript_lang::DryRun;
use netscript_lang::Lab;
use netscript_lang::diagnostics::render;
use netscript_lang::interpreter::{Interpreter, STACK_SIZE};
use netscript_linux::{Interrupt, Kernel, SandboxFolders, enter_sandbox};
use netscript_model::Model;
use netscript_net::state::NetState;
use netscript_net::world::World;
use netscript_stdlib::{Environment, MODULES};

use netscript_view::Graph;

/// Prints the network at a script's end, as JSON.
pub fn print(file: &Path, model: bool, args: &[String]) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    if !model {
        enter_sandbox(&SandboxFolders::default()).map_err(told)?;
    }
    let name = file.display().to_string();
    let environment = Environment { args: args.to_vec(), dry_run: model, sandboxed: !model, columns: None };
    let work = move || -> Result<Graph> { graph(&name, &text, model, &environment) };
    let thread = std::thread::Builder::new().stack_size(STACK_SIZE).spawn(work)?;
    let graph = thread.join().map_err(|_| anyhow!("the script's thread has died"))??;
    println!("{}", serde_json::to_string(&graph)?);
    Ok(())
}

fn graph(name: &str, text: &str, model: bool, environment: &Environment) -> Result<Graph> {
    let world: Box<dyn World> = match model {
        true => Box::new(DryRun::new(Model::new(), Style::Plain, |_| ())),
        false => Box::new(Interrupt::listen().and_then(Kernel::new).map_err(told)?),
    };
    let mut interpreter = Interpreter::new(Lab::new(world), |engine| {
        netscript_stdlib::register(engine, environment);
        engine.on_print(|_| ());
        engine.on_debug(|_, _, _| ());
    });
    interpreter.import_from(MODULES, Path::new("."));
    let result = interpreter.run(name, text);
    result.map_err(|failure| anyhow!("{}", render(&failure, interpreter.sources(), false)))?;
    let mut lab = interpreter.session().lab();
    let state = NetState::read(lab.world(), &[]).map_err(told)?;
    Ok(Graph::of(&state))
}

fn told(error: netscript_lang::diagnostics::Error) -> anyhow::Error {
    anyhow!("{}", error.describe().message)
}
