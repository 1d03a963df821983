//! `:help`: from what the registered functions say of themselves.

use netscript_engine::diagnostics::{Failure, did_you_mean};
use netscript_engine::interpreter::{Form, Function, Interpreter, Word};

use super::{COMMANDS, Command, Takes, wrong};
use crate::repl::highlight::highlight;
use crate::repl::lexicon::Lexicon;
use crate::repl::style::Style;
use crate::repl::{Flow, Repl};

pub const COMMAND: Command = Command {
    name: ":help",
    takes: Takes::Topic,
    about: "explain a word, a type or a command; without one, list them",
    run: |repl, argument| help(repl, argument),
};

/// What can be asked for.
pub fn topics(interpreter: &Interpreter, lexicon: &Lexicon) -> Vec<String> {
    let commands = COMMANDS.iter().map(|command| command.name.to_owned());
    let kinds = lexicon.kinds().into_iter().map(str::to_owned);
    let words = lexicon.words().iter().filter(|word| word.form != Form::Operator).map(|word| word.name.clone());
    let own = interpreter.functions().into_iter().map(|function| function.name);
    let mut topics: Vec<String> =
        commands.chain(kinds).chain(words).chain(own).chain(of_modules(interpreter)).collect();
    topics.sort();
    topics.dedup();
    topics
}

fn of_modules(interpreter: &Interpreter) -> Vec<String> {
    let named = |(module, functions): (String, Vec<Function>)| {
        functions.into_iter().map(move |function| format!("{module}::{}", function.name))
    };
    interpreter.imports().into_iter().flat_map(named).collect()
}

fn help(repl: &mut Repl, topic: &str) -> Result<Flow, Failure> {
    let text = match topic.trim_end_matches("()") {
        "" => overview(repl),
        topic => explained(repl, topic).ok_or_else(|| unknown(repl, topic))?,
    };
    repl.print(&text);
    Ok(Flow::GoOn)
}

fn unknown(repl: &Repl, topic: &str) -> Failure {
    let topics = topics(&repl.interpreter.borrow(), &repl.lexicon);
    let meant = did_you_mean(topic, topics.iter().map(String::as_str));
    let help = meant.map_or("`:help` lists the words".to_owned(), |meant| format!("did you mean `{meant}`?"));
    wrong(format!("there is nothing called `{topic}`"), help)
}

/// Every command, and the words by what they belong to.
fn overview(repl: &Repl) -> String {
    let colour = repl.screen().colour;
    let head = |text: &str| Style::Head.paint_if(colour, text);
    let mut lines = vec![head("Commands")];
    lines.extend(COMMANDS.iter().map(|command| format!("  {:<20} {}", synopsis(command), command.about)));
    let functions = repl.lexicon.functions().filter(|word| !word.standard).map(|word| word.name.as_str());
    lines.push(head("Functions"));
    lines.push(wrapped(functions, repl));
    for kind in repl.lexicon.kinds() {
        let members = repl.lexicon.members(Some(kind)).filter(|word| !word.standard);
        lines.push(head(kind));
        lines.push(wrapped(members.map(|word| word.name.as_str()), repl));
    }
    lines.push("`:help WORD` explains one, `:help Link` those of a type.".to_owned());
    lines.join("\n")
}

fn synopsis(command: &Command) -> String {
    format!("{}{}", command.name, command.takes.shown())
}

/// Names one after the other, in lines that fit.
fn wrapped<'a>(names: impl Iterator<Item = &'a str>, repl: &Repl) -> String {
    let width = repl.screen().width.map_or(80, usize::from).max(20);
    let mut lines = vec![" ".to_owned()];
    let mut previous = "";
    for name in names {
        if name == previous {
            continue;
        }
        previous = name;
        if lines.last().is_some_and(|line| line.len() + 1 + name.len() > width) {
            lines.push(" ".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(name);
        }
    }
    lines.join("\n")
}

fn explained(repl: &Repl, topic: &str) -> Option<String> {
    let parts = if let Some(command) = COMMANDS.iter().find(|command| command.name == topic) {
        vec![format!("{}\n  {}.", synopsis(command), command.about)]
    } else if repl.lexicon.kinds().contains(topic) {
        repl.lexicon.members(Some(topic)).map(summary).collect()
    } else {
        let words = repl.lexicon.named(topic).filter(|word| word.form != Form::Operator);
        let functions = own(&repl.interpreter.borrow(), topic);
        words.map(|word| entry(repl, word)).chain(functions.iter().map(|own| entry_of_own(repl, topic, own))).collect()
    };
    (!parts.is_empty()).then(|| parts.join(if repl.lexicon.kinds().contains(topic) { "\n" } else { "\n\n" }))
}

/// Functions of the session or of a module.
fn own(interpreter: &Interpreter, topic: &str) -> Vec<Function> {
    let (functions, name) = match topic.split_once("::") {
        Some((module, name)) => {
            let imports = interpreter.imports();
            let found = imports.into_iter().find(|(known, _)| known == module);
            (found.map(|(_, functions)| functions).unwrap_or_default(), name)
        }
        None => (interpreter.functions(), topic),
    };
    functions.into_iter().filter(|function| function.name == name).collect()
}

/// A word in a line.
fn summary(word: &Word) -> String {
    let first = word.docs.split("\n\n").next().unwrap_or("").replace('\n', " ");
    let sentence = first.find(". ").map_or(first.as_str(), |end| &first[..=end]);
    format!("{:<34} {sentence}", word.shown())
}

fn entry(repl: &Repl, word: &Word) -> String {
    let returns = match word.returns.as_str() {
        "nothing" | "value" => String::new(),
        kind => format!(" → {kind}"),
    };
    format!("{}{returns}\n{}", title(repl, &word.shown()), documentation(repl, &word.docs))
}

fn entry_of_own(repl: &Repl, topic: &str, function: &Function) -> String {
    let title = title(repl, &format!("{topic}({})", function.params.join(", ")));
    format!("{title}\n{}", documentation(repl, &function.docs))
}

fn title(repl: &Repl, text: &str) -> String {
    Style::Head.paint_if(repl.screen().colour, text)
}

/// Documentation with its examples set off.
fn documentation(repl: &Repl, docs: &str) -> String {
    let mut is_example = false;
    let mut lines = Vec::new();
    for line in docs.lines() {
        if line.starts_with("```") {
            is_example = !is_example;
        } else if is_example && repl.screen().colour {
            lines.push(format!("    {}", highlight(line, &repl.lexicon)));
        } else if is_example {
            lines.push(format!("    {line}"));
        } else {
            lines.push(format!("  {line}").trim_end().to_owned());
        }
    }
    lines.join("\n")
}
