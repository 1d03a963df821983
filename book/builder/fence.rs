//! Parses fenced blocks of a chapter, with their info strings.

use std::ops::Range;

use netscript_lang::diagnostics::{Code, REGISTRY};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Its kind.
    pub kind: Kind,
    /// Its text, every line with its end.
    pub text: String,
    /// Its bytes in the chapter, the fences included.
    pub range: Range<usize>,
    /// The line of its opening fence, from 1.
    pub line: usize,
}

/// The kind of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A script.
    Script(Script),
    /// Typed lines of the REPL, and its answers.
    Session {
        /// It goes on with the session before it.
        continues: bool,
    },
    /// Commands of a shell, and their output.
    Console {
        /// It goes on where the block before it ended, on the same machine.
        continues: bool,
        /// A command fails.
        fails: bool,
    },
    /// Not an example: it is shown unchanged, highlighted as this language.
    Quoted(String),
}

/// How a script is run, and which parts are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The commands that do the same are shown.
    pub commands: bool,
    /// A picture of the network at its end is shown.
    pub graph: bool,
    /// It fails with this error.
    pub fails: Option<Code>,
    /// It is run on the model only, and its commands are shown.
    pub model: bool,
    /// It is run and not shown.
    pub hidden: bool,
    /// It goes on with the script before it.
    pub continues: bool,
    /// The name of its file.
    pub file: Option<String>,
    /// Its arguments on the command line, after `--`.
    pub args: Vec<String>,
}

/// The default name of a script's file.
pub const FILE: &str = "lab.rhai";

impl Script {
    /// The name of its file.
    pub fn file(&self) -> &str {
        self.file.as_deref().unwrap_or(FILE)
    }
}

/// A block that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// The line of its opening fence, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// The fenced blocks of a text.
pub fn fences(text: &str) -> Result<Vec<Fence>, Misread> {
    let mut fences = Vec::new();
    let mut open: Option<(String, Range<usize>, String)> = None;
    for (event, range) in Parser::new_ext(text, Options::all()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                open = Some((info.to_string(), range, String::new()));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                let why = "an indented block has no kind: use a fenced block".to_owned();
                return Err(Misread { line: line_of(text, range.start), why });
            }
            Event::Text(part) => {
                if let Some((.., text)) = &mut open {
                    text.push_str(&part);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((info, range, inner)) = open.take() {
                    let line = line_of(text, range.start);
                    let kind = kind(&info).map_err(|why| Misread { line, why })?;
                    fences.push(Fence { kind, text: inner, range, line });
                }
            }
            _ => {}
        }
    }
    Ok(fences)
}

/// The number of the line in which a byte lies, from 1.
fn line_of(text: &str, byte: usize) -> usize {
    text[..byte].matches('\n').count() + 1
}

/// The kind of block of an info string.
fn kind(info: &str) -> Result<Kind, String> {
    let mut words = info.split(',').map(str::trim);
    let language = words.next().unwrap_or_default();
    let options: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    if language == "text" || options == ["quoted"] {
        return match options.iter().find(|option| **option != "quoted") {
            None => Ok(Kind::Quoted(language.to_owned())),
            Some(option) => Err(unknown(option, "text")),
        };
    }
    match language {
        "rhai" => script(&options),
        "repl" => {
            let mut continues = false;
            for option in options {
                match option {
                    "continues" => continues = true,
                    other => return Err(unknown(other, "repl")),
                }
            }
            Ok(Kind::Session { continues })
        }
        "console" => {
            let (mut continues, mut fails) = (false, false);
            for option in options {
                match option {
                    "continues" => continues = true,
                    "fails" => fails = true,
                    other => return Err(unknown(other, "console")),
                }
            }
            Ok(Kind::Console { continues, fails })
        }
        "" => Err("a fence needs a kind: `rhai`, `repl`, `console`, or `text`, which is not run".to_owned()),
        other => Err(format!("nothing runs `{other}`; write `{other},quoted` if it is not an example")),
    }
}

fn unknown(option: &str, language: &str) -> String {
    let known = match language {
        "rhai" => "`commands`, `graph`, `fails=CODE`, `model`, `hidden`, `continues`, `file=NAME` and `args=WORDS`",
        "repl" => "`continues`",
        "console" => "`continues` and `fails`",
        _ => "`quoted`",
    };
    format!("`{language}` has no option `{option}`, but {known}")
}

fn script(options: &[&str]) -> Result<Kind, String> {
    let mut script = Script::default();
    for option in options {
        match option.split_once('=') {
            Some(("fails", code)) => script.fails = Some(self::code(code)?),
            Some(("file", name)) => script.file = Some(file(name)?),
            Some(("args", words)) => script.args = words.split_whitespace().map(str::to_owned).collect(),
            Some(_) => return Err(unknown(option, "rhai")),
            None => match *option {
                "commands" => script.commands = true,
                "graph" => script.graph = true,
                "model" => script.model = true,
                "hidden" => script.hidden = true,
                "continues" => script.continues = true,
                other => return Err(unknown(other, "rhai")),
            },
        }
    }
    if script.fails.is_some() && (script.graph || script.commands) {
        return Err("a failing script has no network: `fails` cannot be combined with `graph` or `commands`".to_owned());
    }
    Ok(Kind::Script(script))
}

fn code(text: &str) -> Result<Code, String> {
    let entry = REGISTRY.iter().find(|entry| entry.code.to_string() == text);
    entry.map(|entry| entry.code).ok_or_else(|| format!("there is no error `{text}`"))
}

fn file(name: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(format!("`{name}` is not a plain file name"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_with_their_lines() {
        let text = "# A\n\n```rhai,graph,file=a.rhai\nlet x = 1;\n\n```\n\n- item\n  ```text\n  b\n  ```\n";
        let found = fences(text).expect("it can be understood");
        let script = Script { graph: true, file: Some("a.rhai".into()), ..Script::default() };
        assert_eq!(
            found.iter().map(|fence| (fence.line, fence.kind.clone(), fence.text.as_str())).collect::<Vec<_>>(),
            [(3, Kind::Script(script), "let x = 1;\n\n"), (9, Kind::Quoted("text".into()), "b\n")]
        );
        assert_eq!(&text[found[1].range.clone()], "```text\n  b\n  ```");
    }

    #[test]
    fn what_is_not_run_says_so() {
        for (text, line, part) in [
            ("```\nx\n```\n", 1, "needs a kind"),
            ("a\n\n```python\nx\n```\n", 3, "`python,quoted`"),
            ("```rhai,norun\nx\n```\n", 1, "no option `norun`"),
            ("```rhai,fails=E0999\nx\n```\n", 1, "no error `E0999`"),
            ("```rhai,file=../x\nx\n```\n", 1, "plain file name"),
            ("a\n\n    x\n", 3, "an indented block has no kind"),
        ] {
            let misread = fences(text).expect_err("it cannot be understood");
            assert_eq!(misread.line, line, "{text}");
            assert!(misread.why.contains(part), "{misread:?}");
        }
    }
}
