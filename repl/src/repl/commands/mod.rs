//! Commands, which begin with a colon. Each has a file, and a line here: `:help`, completion and the book follow.

mod command;
mod dry;
mod echo;
mod help;
mod history;
mod json;
mod load;
mod ns;
mod quit;
mod save;
mod show;
mod time;
mod undo;

use netscript_lang::diagnostics::{Failure, did_you_mean};
use netscript_lang::interpreter::Interpreter;
use netscript_net::op::NetnsName;

use super::complete::Candidate;
use super::lexicon::Lexicon;
use super::state::{Flow, Repl};
pub use command::{Command, Takes, wrong};

/// Every command.
pub const COMMANDS: &[Command] = &[
    help::COMMAND,
    echo::COMMAND,
    dry::COMMAND,
    show::COMMAND,
    undo::COMMAND,
    ns::COMMAND,
    history::COMMAND,
    save::COMMAND,
    load::COMMAND,
    json::COMMAND,
    time::COMMAND,
    quit::COMMAND,
];

/// Runs a line that begins with a colon.
pub fn run(repl: &mut Repl, line: &str) -> Result<Flow, Failure> {
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let mut fitting = COMMANDS.iter().filter(|command| command.name.starts_with(name));
    match (COMMANDS.iter().find(|command| command.name == name), fitting.next(), fitting.next()) {
        (Some(command), ..) | (None, Some(command), None) if name.len() > 1 => {
            let argument = argument.trim();
            if command.takes == Takes::Nothing && !argument.is_empty() {
                return Err(wrong(format!("`{}` takes nothing", command.name), format!("write `{}`", command.name)));
            }
            (command.run)(repl, argument)
        }
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Failure {
    let meant = did_you_mean(name, COMMANDS.iter().map(|command| command.name));
    let help = meant.map_or("`:help` lists the commands".to_owned(), |meant| format!("did you mean `{meant}`?"));
    wrong(format!("there is no command `{name}`"), help)
}

/// Candidates to complete the end of a command line, and where they begin.
pub fn complete(text: &str, interpreter: &Interpreter, lexicon: &Lexicon) -> (usize, Vec<Candidate>) {
    let Some(space) = text.find(char::is_whitespace) else {
        let names = COMMANDS.iter().filter(|command| command.name.starts_with(text));
        return (0, names.map(|command| candidate(command.name)).collect());
    };
    let typed = text[space..].trim_start();
    let start = text.len() - typed.len();
    let Some(command) = COMMANDS.iter().find(|command| command.name == &text[..space]) else {
        return (start, Vec::new());
    };
    let all: Vec<String> = match command.takes {
        Takes::Nothing | Takes::Count => Vec::new(),
        Takes::Topic => help::topics(interpreter, lexicon),
        Takes::Netns => {
            let names = interpreter.session().lab().world().netns_names().unwrap_or_default();
            ["host".to_owned()].into_iter().chain(names.iter().map(NetnsName::to_string)).collect()
        }
        Takes::File => files(typed),
        Takes::Switch => vec!["on".to_owned(), "off".to_owned()],
    };
    (start, all.iter().filter(|name| name.starts_with(typed)).map(|name| candidate(name)).collect())
}

fn candidate(text: &str) -> Candidate {
    Candidate { display: text.to_owned(), replacement: text.to_owned() }
}

/// The files in the folder of a path that is being typed.
fn files(typed: &str) -> Vec<String> {
    let folder = typed.rfind('/').map_or("", |slash| &typed[..=slash]);
    let listed = std::fs::read_dir(if folder.is_empty() { "." } else { folder });
    let entries = listed.into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let end = if entry.file_type().ok()?.is_dir() { "/" } else { "" };
            Some(format!("{folder}{}{end}", entry.file_name().to_str()?))
        })
        .collect();
    names.sort();
    names
}
