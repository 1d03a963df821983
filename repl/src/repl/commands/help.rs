//! `:help`, from the documentation of the registered functions.

use netscript_lang::diagnostics::{Failure, did_you_mean};
use netscript_lang::interpreter::{Form, Function, Interpreter, Word};
use netscript_stdlib::show::{paragraphs, wrapped};
use netscript_stdlib::{MODULES, OptionSpec, options_of, own_options_of};

use super::COMMANDS;
use super::command::{Command, Takes, wrong};
use crate::repl::highlight::highlight;
use crate::repl::lexicon::Lexicon;
use crate::repl::state::{Flow, Repl};
use crate::repl::style::Style;

pub const COMMAND: Command = Command {
    name: ":help",
    takes: Takes::Topic,
    about: "explain a word, a type, a module or a command; without one, list all",
    run: |repl, argument| help(repl, argument),
};

/// The topics of `:help`.
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

/// Modules and their functions: `NAME` and `NAME::FUNCTION`.
fn of_modules(interpreter: &Interpreter) -> Vec<String> {
    let named = |(module, functions): (String, Vec<Function>)| {
        let functions: Vec<String> =
            functions.into_iter().map(|function| format!("{module}::{}", function.name)).collect();
        [module].into_iter().chain(functions)
    };
    modules(interpreter).into_iter().flat_map(named).collect()
}

/// The modules that were imported, and those that can be imported by their names alone.
fn modules(interpreter: &Interpreter) -> Vec<(String, Vec<Function>)> {
    let mut modules = interpreter.imports();
    for (name, text) in MODULES {
        if modules.iter().all(|(known, _)| known != name) {
            modules.push(((*name).to_owned(), interpreter.functions_of(text)));
        }
    }
    modules
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
    wrong(format!("there is no help for `{topic}`"), help)
}

/// All commands, and the words grouped by their receivers.
fn overview(repl: &Repl) -> String {
    let colour = repl.screen().colour;
    let head = |text: &str| Style::Head.paint_if(colour, text);
    let mut lines = vec![head("Commands")];
    lines.extend(COMMANDS.iter().map(|command| beside(&format!("  {}", command.synopsis()), 22, command.about, repl)));
    let functions = repl.lexicon.functions().filter(|word| !word.standard).map(|word| word.name.as_str());
    lines.push(head("Functions"));
    lines.push(listed(functions, repl));
    for kind in repl.lexicon.kinds() {
        let members = repl.lexicon.members(Some(kind)).filter(|word| !word.standard);
        lines.push(head(kind));
        lines.push(listed(members.map(|word| word.name.as_str()), repl));
    }
    for (module, functions) in modules(&repl.interpreter.borrow()) {
        lines.push(head(&format!("Module {module}")));
        lines.push(listed(functions.iter().map(|function| function.name.as_str()), repl));
    }
    let end = "`:help WORD` explains a word, `:help Link` the words of a type, `:help lab` a module.";
    lines.push(paragraphs(end, columns(repl)));
    lines.join("\n")
}

/// The width of help. Long lines are hard to read even if there is room for them.
fn columns(repl: &Repl) -> usize {
    repl.screen().width.map_or(100, usize::from).clamp(20, 100)
}

/// Names separated by spaces, in lines that fit.
fn listed<'a>(names: impl Iterator<Item = &'a str>, repl: &Repl) -> String {
    let mut names: Vec<&str> = names.collect();
    names.dedup();
    format!("  {}", wrapped(names, " ", "  ", columns(repl)).trim_start())
}

/// A name with a text beside it, or below it if there is no room.
fn beside(name: &str, width: usize, text: &str, repl: &Repl) -> String {
    let (first, hang) = match columns(repl) < width + 30 {
        true => (format!("{name}\n    "), " ".repeat(4)),
        false => (format!("{name:<width$} "), " ".repeat(width + 1)),
    };
    let text = paragraphs(text, columns(repl) - hang.len());
    format!("{first}{}", text.replace('\n', &format!("\n{hang}")))
}

fn explained(repl: &Repl, topic: &str) -> Option<String> {
    if let Some(command) = COMMANDS.iter().find(|command| command.name == topic) {
        return Some(format!("{}\n{}", command.synopsis(), documentation(repl, &format!("{}.", command.about))));
    }
    if repl.lexicon.kinds().contains(topic) {
        let members = repl.lexicon.members(Some(topic));
        return Some(members.map(|word| summary(&word.shown(), &word.docs, repl)).collect::<Vec<_>>().join("\n"));
    }
    let interpreter = repl.interpreter.borrow();
    if let Some((module, functions)) = modules(&interpreter).into_iter().find(|(module, _)| module == topic) {
        let call = |function: &Function| format!("{module}::{}({})", function.name, function.params.join(", "));
        return Some(functions.iter().map(|own| summary(&call(own), &own.docs, repl)).collect::<Vec<_>>().join("\n"));
    }
    let words = repl.lexicon.named(topic).filter(|word| word.form != Form::Operator);
    let functions = own(&interpreter, topic);
    let entries = words.map(|word| entry(repl, word));
    let entries = entries.chain(functions.iter().map(|own| entry_of_own(repl, topic, own)));
    let entries: Vec<String> = entries.chain(options(repl, topic)).collect();
    (!entries.is_empty()).then(|| entries.join("\n\n"))
}

/// The options of a word, as they are declared, and those of the maps that they take.
fn options(repl: &Repl, word: &str) -> Vec<String> {
    let (like, own) = own_options_of(word);
    let inner = own.iter().map(|option| option_list(repl, option.key, None, &option.inner().collect::<Vec<_>>()));
    [option_list(repl, word, like, &own)].into_iter().chain(inner).flatten().collect()
}

/// Options of a word or of maps; nothing if there are none. Of options shared with another word, only the keys.
fn option_list(repl: &Repl, of: &str, like: Option<&str>, options: &[&OptionSpec]) -> Option<String> {
    let width = options.iter().map(|option| option.key.len()).max().unwrap_or(0) + 2;
    let mut lines = vec![title(repl, &format!("Options of {of}"))];
    lines.extend(options.iter().map(|option| beside(&format!("  {}", option.key), width, &option.described(), repl)));
    if let Some(like) = like {
        let keys: Vec<&str> = options_of(like).iter().map(|option| option.key).collect();
        lines.extend(prose(&format!("And the options of `{like}` (`:help {like}`): {}.", keys.join(", ")), repl));
    }
    (lines.len() > 1).then(|| lines.join("\n"))
}

/// Functions of the session or of a module.
fn own(interpreter: &Interpreter, topic: &str) -> Vec<Function> {
    let (functions, name) = match topic.split_once("::") {
        Some((module, name)) => {
            let found = modules(interpreter).into_iter().find(|(known, _)| known == module);
            (found.map(|(_, functions)| functions).unwrap_or_default(), name)
        }
        None => (interpreter.functions(), topic),
    };
    functions.into_iter().filter(|function| function.name == name).collect()
}

/// A word, and the first sentence of its documentation.
fn summary(name: &str, docs: &str, repl: &Repl) -> String {
    let first = docs.split("\n\n").next().unwrap_or("").replace('\n', " ");
    let sentence = first.find(". ").map_or(first.as_str(), |end| &first[..=end]);
    beside(name, 34, sentence, repl)
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

/// Documentation in lines that fit. Examples are indented and unchanged.
fn documentation(repl: &Repl, docs: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut is_example = false;
    for line in docs.lines() {
        if line.starts_with("```") {
            lines.extend(prose(&std::mem::take(&mut text), repl));
            is_example = !is_example;
        } else if is_example && repl.screen().colour {
            lines.push(format!("    {}", highlight(line, &repl.lexicon)));
        } else if is_example {
            lines.push(format!("    {line}"));
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    lines.extend(prose(&text, repl));
    lines.join("\n")
}

/// Paragraphs, indented. An empty line at their end is kept: an example follows.
fn prose(text: &str, repl: &Repl) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let text = paragraphs(text, columns(repl) - 2);
    text.split('\n').map(|line| format!("  {line}").trim_end().to_owned()).collect()
}
