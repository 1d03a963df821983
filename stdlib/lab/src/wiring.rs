//! Assembles an interpreter: its World, its words, its output, and the modules that it may import.
//! [`Builder`](crate::Builder) runs it on its own thread; programs with a
//! thread for it, such as the REPL, use it directly.

use std::path::{Path, PathBuf};

use netscript_dialect::Style;
use netscript_lang::diagnostics::Result;
use netscript_lang::interpreter::{ImportFolders, Interpreter, Session};
use netscript_lang::{Confined, DryRun, Lab};
use netscript_linux::{Batcher, Kernel};
use netscript_model::Model;
use netscript_net::world::World;
use netscript_stdlib::{Environment, MODULES};
use rhai::Engine;

/// Adds words to the language.
pub type AddWords = Box<dyn FnOnce(&mut Engine)>;

/// Takes lines.
pub type LineSink = Box<dyn Fn(&str)>;

/// Turns off that operations wait to travel together: for comparison, and for reports of bugs.
const FUSE: &str = "NETSCRIPT_FUSE";

/// What an interpreter has beside its World.
pub struct Wiring {
    /// What scripts can know about their run.
    pub environment: Environment,
    /// Scripts may start no programs and write no files.
    pub confined: bool,
    /// The folder in which imported modules are looked for.
    pub folder: PathBuf,
    /// Where a run that trusts its script less imports from, beside that folder: a dry run, and a confined one.
    pub allow_import: Vec<PathBuf>,
    /// Takes what scripts print, a line at a time.
    pub print: LineSink,
    /// Takes what scripts show with `debug`.
    pub debug: LineSink,
    /// Returns the number of bytes that the program has allocated; if given, memory is limited.
    pub memory: Option<fn() -> usize>,
    /// Words beside those of the language.
    pub words: Vec<AddWords>,
}

impl Default for Wiring {
    /// What is printed goes nowhere, and modules lie in the current folder.
    fn default() -> Wiring {
        Wiring {
            environment: Environment::default(),
            confined: false,
            folder: PathBuf::from("."),
            allow_import: Vec::new(),
            print: Box::new(|_| ()),
            debug: Box::new(|_| ()),
            memory: None,
            words: Vec::new(),
        }
    }
}

impl Wiring {
    /// What is usual, for a World that is a dry run.
    pub fn of_dry_run() -> Wiring {
        Wiring { environment: Environment { dry_run: true, ..Environment::default() }, ..Wiring::default() }
    }

    /// An interpreter of the language over a World. `prepare` is given the lab before the first word is known to it.
    pub fn interpreter(self, world: Box<dyn World>, prepare: impl FnOnce(&mut Lab)) -> Result<Interpreter> {
        let Wiring { environment, confined, folder, allow_import, print, debug, memory, words } = self;
        let world = if confined { Box::new(Confined::new(world)) } else { world };
        let mut lab = Lab::new(world);
        prepare(&mut lab);
        let mut interpreter = Interpreter::new(lab, |engine| {
            netscript_stdlib::register(engine, &environment);
            print_with(engine, print, debug);
            words.into_iter().for_each(|add| add(engine));
        });
        if let Some(taken) = memory {
            interpreter.limit_memory(taken);
        }
        if confined || environment.dry_run {
            let only = ImportFolders::new(&folder, &allow_import)?;
            interpreter.import_only_from(MODULES, &folder, only);
        } else {
            interpreter.import_from(MODULES, &folder);
        }
        Ok(interpreter)
    }
}

/// What is printed is true: what was asked for before is done. If that fails, the run ends here.
fn print_with(engine: &mut Engine, print: LineSink, debug: LineSink) {
    let session = Session::of_engine(engine);
    engine.on_print(move |text| {
        if session.lab().flush().is_ok() {
            print(text)
        }
    });
    let session = Session::of_engine(engine);
    engine.on_debug(move |text, source, position| {
        if session.lab().flush().is_ok() {
            match source {
                Some(source) => debug(&format!("{source}:{position:?}: {text}")),
                None => debug(&format!("{position:?}: {text}")),
            }
        }
    });
}

/// The kernel as a World that batches operations, unless `one_by_one`, which applies and reports each operation
/// separately.
pub fn batched(kernel: Kernel, one_by_one: bool) -> Box<dyn World> {
    let one_by_one = one_by_one || std::env::var_os(FUSE).is_some_and(|value| value == "0");
    if one_by_one { Box::new(kernel) } else { Box::new(Batcher::new(kernel)) }
}

/// An interpreter over a blank model, for tables of the words that there are: it touches nothing.
pub fn of_words() -> Interpreter {
    let environment = Environment { dry_run: true, ..Environment::default() };
    let world = DryRun::new(Model::new(), Style::Plain, |_| ());
    Interpreter::new(Lab::new(Box::new(world)), |engine| netscript_stdlib::register(engine, &environment))
}

/// The folder of a script's own modules: the one that it lies in.
pub fn folder(script: Option<&Path>) -> &Path {
    match script.and_then(Path::parent) {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    /// A network of a lab's own lives as long as a socket in it.
    #[test]
    fn a_world_goes_with_its_interpreter() {
        let token = Rc::new(());
        let held = Rc::clone(&token);
        let world = DryRun::new(Model::new(), Style::Plain, move |_| drop(Rc::clone(&held)));
        let mut interpreter = Wiring::default().interpreter(Box::new(world), |_| ()).expect("the folder is there");
        interpreter.run("script", "let red = netns(\"red\"); host.lo.up(); fn f() { host } f();").expect("it is right");
        drop(interpreter);
        assert_eq!(Rc::strong_count(&token), 1);
    }
}
