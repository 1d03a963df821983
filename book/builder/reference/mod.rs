//! References, generated from the programs. A chapter has a line `{{words}}`, `{{command-line}}`, `{{repl-commands}}`
//! or `{{errors}}` where one is inserted.

mod codes;
mod command_line;
mod repl_commands;
mod words;

use anyhow::Result;

pub use codes::codes;
pub use command_line::command_line;
pub use repl_commands::repl_commands;
pub use words::words;

/// Writes a part.
type Writer = fn() -> Result<String>;

/// The parts, by their placeholders.
const PARTS: &[(&str, Writer)] = &[
    ("{{words}}", words),
    ("{{command-line}}", command_line),
    ("{{repl-commands}}", repl_commands),
    ("{{errors}}", codes),
];

/// A chapter with its parts filled in.
pub fn filled(text: &str) -> Result<String> {
    let mut text = text.to_owned();
    for (name, part) in PARTS {
        let line = format!("\n{name}\n");
        if text.contains(&line) {
            text = text.replace(&line, &format!("\n{}\n", part()?.trim_end()));
        }
    }
    Ok(text)
}

/// The files whose examples a chapter inserts by lines such as `{{example errors/E0501.md}}`.
pub fn examples(text: &str) -> Vec<&str> {
    text.lines().filter_map(example).collect()
}

/// A chapter with these lines replaced by the rendered files.
pub fn with_examples(text: &str, shown: impl Fn(&str) -> String) -> String {
    let lines = text.split_inclusive('\n').map(|line| match example(line.trim_end()) {
        Some(file) => shown(file),
        None => line.to_owned(),
    });
    lines.collect()
}

fn example(line: &str) -> Option<&str> {
    line.strip_prefix("{{example ")?.strip_suffix("}}")
}

/// A cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
