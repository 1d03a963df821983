//! The reference of the language's registered words.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use netscript_lang::interpreter::{Form, Interpreter, MAX_ELEMENTS, MAX_TEXT, Word};
use netscript_stdlib::{MODULES, OptionSpec, own_options_of};

use crate::language;

/// The order in which the types are explained; others follow.
const ORDER: &[&str] = &["Netns", "Link", "Table", "Chain", "Rule", "Process", "Capture", "Checkpoint", "Error"];

/// All functions, methods and properties of netscript.
pub fn words() -> Result<String> {
    let interpreter = netscript_lab::wiring::of_words();
    let mut groups: BTreeMap<(usize, String), Vec<Word>> = BTreeMap::new();
    for word in language::lexicon(&interpreter) {
        if !word.standard && word.form != Form::Operator {
            let owner = word.receiver().unwrap_or_default().to_owned();
            let place = ORDER.iter().position(|known| *known == owner).map_or(ORDER.len(), |place| place + 1);
            let place = if owner.is_empty() { 0 } else { place };
            groups.entry((place, owner)).or_default().push(word);
        }
    }
    let takes_options = |word: &&Word| word.params.iter().any(|param| param.name == "options");
    let with_options = groups.iter().flat_map(|((_, owner), words)| {
        words.iter().filter(takes_options).map(|word| (word.name.clone(), anchor(owner, &word.name)))
    });
    let homes: BTreeMap<String, String> = with_options.collect();
    let mut text = String::new();
    for ((_, owner), words) in groups {
        text.push_str(&match owner.as_str() {
            "" => "## Functions\n\n".to_owned(),
            owner => format!("## {owner}\n\n"),
        });
        text.push_str(&section(&owner, words, &homes));
    }
    text.push_str(&within_limits());
    for (name, module) in MODULES {
        text.push_str(&self::module(&interpreter, name, module)?);
    }
    Ok(text)
}

/// Functions of Rhai that netscript limits, with their limits.
fn within_limits() -> String {
    let text = MAX_TEXT >> 20;
    let named = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let rows = [
        (&["blob", "pad", "parse_json", "replace"][..], format!("at most {text} MiB of text or of a blob, else E0109")),
        (&["pad", "split", "split_rev", "to_array", "to_chars"], {
            format!("at most {MAX_ELEMENTS} elements of an array, else E0109")
        }),
        (&["order", "order_by", "sort", "sort_by"], {
            "a closure that contradicts itself leaves the elements in some order, and is no error".to_owned()
        }),
    ];
    let rows: String = rows.iter().map(|(names, limit)| format!("| {} | {limit} |\n", named(names))).collect();
    format!(
        "## Functions of Rhai's with limits {{#limits}}\n\n\
         Rhai's other functions are there as [its book](https://rhai.rs/book) describes them, and so are these, but for \
         what stands beside them. `:help WORD` explains each.\n\n\
         | functions | limit |\n|---|---|\n{rows}\n"
    )
}

/// The anchor of a word's section.
fn anchor(owner: &str, name: &str) -> String {
    let owner = if owner.is_empty() { String::new() } else { format!("{owner}-") };
    format!("{owner}{name}").to_lowercase()
}

/// The words of a type: an overview, then each with its documentation. `homes` is where the words with options are explained.
fn section(owner: &str, words: Vec<Word>, homes: &BTreeMap<String, String>) -> String {
    let mut names: BTreeMap<String, Vec<Word>> = BTreeMap::new();
    for word in words {
        names.entry(word.name.clone()).or_default().push(word);
    }
    let links: Vec<String> = names.keys().map(|name| format!("[`{name}`](#{})", anchor(owner, name))).collect();
    let mut text = format!("{}\n\n", links.join(" · "));
    for (name, words) in &names {
        text.push_str(&format!("### `{name}` {{#{}}}\n\n", anchor(owner, name)));
        for word in words {
            text.push_str(&entry(word));
        }
        if words.iter().any(|word| word.params.iter().any(|param| param.name == "options")) {
            let (like, own) = own_options_of(name);
            if let Some(like) = like {
                let and = if own.is_empty() { "." } else { ", and:" };
                text.push_str(&format!("Options: those of [`{like}`](#{}){and}\n\n", homes[like]));
            }
            text.push_str(&table("option", &own));
            for option in own {
                text.push_str(&table(&format!("option in `{}`", option.key), &option.inner().collect::<Vec<_>>()));
            }
        }
    }
    text
}

/// A table of options; empty without any.
fn table(title: &str, options: &[&OptionSpec]) -> String {
    if options.is_empty() {
        return String::new();
    }
    let row = |option: &&OptionSpec| {
        let default = match option.default {
            _ if option.needed => "needed".to_owned(),
            Some(default) => format!("`{default}`"),
            None => String::new(),
        };
        format!("| `{}` | {} | {default} | {} |\n", option.key, option.value(), option.help())
    };
    let rows: String = options.iter().map(row).collect();
    format!("| {title} | takes | default | |\n|---|---|---|---|\n{rows}\n")
}

fn entry(word: &Word) -> String {
    let returns = match word.returns.as_str() {
        "nothing" => String::new(),
        kind => format!(" → {kind}"),
    };
    format!("```rhai,quoted\n{}{returns}\n```\n\n{}\n\n", word.shown(), quoted(&word.docs))
}

/// Documentation with its examples marked as quoted code. The tests of the words run them.
fn quoted(docs: &str) -> String {
    let mut open = false;
    let lines = docs.lines().map(|line| {
        if !line.starts_with("```") {
            return line.to_owned();
        }
        open = !open;
        if open { "```rhai,quoted".to_owned() } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The functions of a module that is written in the language.
fn module(interpreter: &Interpreter, name: &str, text: &str) -> Result<String> {
    let ast = interpreter.engine().compile(text).map_err(|error| anyhow!("the module `{name}`: {error}"))?;
    let mut functions: Vec<_> = ast.iter_functions().filter(|function| !function.access.is_private()).collect();
    functions.sort_by_key(|function| function.name);
    let mut shown = format!("## The module `{name}`\n\n```rhai,quoted\nimport \"{name}\" as {name};\n```\n\n");
    for function in functions {
        let docs: Vec<&str> = function.comments.iter().flat_map(|comment| comment.lines()).collect();
        let docs = docs.iter().map(|line| {
            let line = line.trim_start().trim_start_matches("///");
            line.strip_prefix(' ').unwrap_or(line)
        });
        let docs = quoted(&docs.collect::<Vec<_>>().join("\n"));
        shown.push_str(&format!("### `{name}::{}` {{#{name}-{}}}\n\n", function.name, function.name));
        let params = function.params.join(", ");
        shown.push_str(&format!("```rhai,quoted\n{name}::{}({params})\n```\n\n{docs}\n\n", function.name));
    }
    Ok(shown)
}
