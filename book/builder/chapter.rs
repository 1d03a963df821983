//! A chapter: runs its examples, compares them with the expected output, and inserts them into the text.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fence::{Fence, Kind, Script, fences};
use crate::html;
use crate::kept::Kept;
use crate::run::{self, Outcome, Programs, Ran, Wrong};

/// How many characters of code fit in a line of the page.
const COLUMNS: usize = 84;

/// A chapter with its examples.
#[derive(Debug)]
pub struct Chapter {
    /// Its file, relative to the folder of the sources.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Its fenced blocks.
    pub fences: Vec<Fence>,
}

/// A problem, with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The chapter's file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what.trim_end())
    }
}

impl Chapter {
    /// Finds the examples of a text.
    pub fn read(path: &Path, text: &str) -> Result<Chapter, Problem> {
        let problem = |line: usize, what: String| Problem { file: path.to_owned(), line, what };
        let mut fences = fences(text).map_err(|misread| problem(misread.line, misread.why))?;
        for fence in &mut fences {
            let folder = path.parent().unwrap_or(Path::new("."));
            fence.text = with_files(folder, &fence.text).map_err(|why| problem(fence.line, why))?;
        }
        Ok(Chapter { path: path.to_owned(), text: text.to_owned(), fences })
    }

    /// Runs an example.
    pub fn run(&self, programs: &Programs, index: usize) -> Result<Outcome, Problem> {
        run::run(programs, &self.fences, index).map_err(|wrong| self.problem(index, wrong))
    }

    fn problem(&self, index: usize, wrong: Wrong) -> Problem {
        let Wrong { line, what } = wrong;
        Problem { file: self.path.clone(), line: self.fences[index].line + line, what }
    }

    /// The output of its scripts, as the expected output.
    pub fn kept(&self, outcomes: &[Outcome]) -> Kept {
        let outputs = self.scripts(outcomes).map(|(index, fence, _, ran)| {
            let title = fence.text.lines().find(|line| run::hidden(line).is_none()).unwrap_or_default();
            (title.trim_end().to_owned(), ran.kept(&run::said(&self.fences[..=index])))
        });
        Kept { outputs: outputs.collect() }
    }

    /// The differences from the expected output, or from what the chapter says.
    pub fn differences(&self, outcomes: &[Outcome], kept: &Kept) -> Vec<Problem> {
        let mut problems = self.wrong_transcripts(outcomes);
        problems.extend(self.cut_lines());
        problems.extend(self.crossed_texts(outcomes));
        let scripts = self.scripts(outcomes).count();
        for (number, (index, _, _, ran)) in self.scripts(outcomes).enumerate() {
            let wanted = kept.outputs.get(number).map_or("", |(_, output)| output);
            if let Some((_, difference)) = run::difference(wanted, &ran.kept(&run::said(&self.fences[..=index]))) {
                let what = format!("its output has changed (`cargo book bless` accepts it):\n{difference}");
                problems.push(self.problem(index, Wrong::whole(what)));
            }
        }
        if kept.outputs.len() > scripts && problems.is_empty() {
            let what = "there is expected output without a script (`cargo book bless` removes it)".to_owned();
            problems.push(Problem { file: self.path.clone(), line: 1, what });
        }
        problems
    }

    /// Lines of scripts that are longer than the page is wide. The output of programs may be longer: the page wraps it.
    fn cut_lines(&self) -> Vec<Problem> {
        let written = self.fences.iter().enumerate().filter(|(_, fence)| match &fence.kind {
            Kind::Script(script) => !script.hidden,
            Kind::Quoted(language) => !matches!(language.as_str(), "text" | "error"),
            Kind::Session { .. } | Kind::Console { .. } => false,
        });
        let long = written.flat_map(|(index, fence)| {
            let lines = fence.text.lines().enumerate();
            let lines = lines.map(|(at, line)| (at, run::hidden(line).unwrap_or(line).chars().count()));
            lines.filter(|(_, columns)| *columns > COLUMNS).map(move |(at, columns)| (index, at, columns))
        });
        let problem = |(index, at, columns): (usize, usize, usize)| {
            let what = format!("the line has {columns} characters and would be cut: {COLUMNS} fit on the page");
            self.problem(index, Wrong { line: at + 1, what })
        };
        long.map(problem).collect()
    }

    /// Pictures in which a line runs over a text.
    fn crossed_texts(&self, outcomes: &[Outcome]) -> Vec<Problem> {
        let pictures = self.scripts(outcomes).filter_map(|(index, _, _, ran)| Some((index, ran.graph.as_ref()?)));
        let crossed = pictures.flat_map(|(index, graph)| graph.crossings().into_iter().map(move |what| (index, what)));
        crossed.map(|(index, what)| self.problem(index, Wrong::whole(format!("in its picture {what}")))).collect()
    }

    fn wrong_transcripts(&self, outcomes: &[Outcome]) -> Vec<Problem> {
        let wrong = self.transcripts(outcomes).filter_map(|(index, fence, text)| {
            let said = run::said(&self.fences[..=index]);
            let (line, difference) = run::difference(&run::normal(&fence.text, &said), &run::normal(text, &said))?;
            let what = format!("its transcript differs (`cargo book bless` corrects it):\n{difference}");
            Some(self.problem(index, Wrong { line, what }))
        });
        wrong.collect()
    }

    /// Its file's text, with the answers in its transcripts replaced by the real ones.
    pub fn put_right(&self, outcomes: &[Outcome]) -> String {
        let mut text = self.text.clone();
        let wrong: Vec<usize> = self.wrong_transcripts(outcomes).iter().map(|problem| problem.line).collect();
        let transcripts: Vec<_> = self.transcripts(outcomes).collect();
        // From the end, because a change does not move what is before it.
        for (_, fence, transcript) in transcripts.into_iter().rev() {
            let lines = fence.line..=fence.line + fence.text.lines().count() + 1;
            if wrong.iter().any(|line| lines.contains(line)) {
                text.replace_range(fence.range.clone(), &with_text(&text, fence, transcript));
            }
        }
        text
    }

    fn transcripts<'a>(&'a self, outcomes: &'a [Outcome]) -> impl Iterator<Item = (usize, &'a Fence, &'a str)> {
        let all = self.fences.iter().zip(outcomes).enumerate();
        all.filter_map(|(index, (fence, outcome))| match outcome {
            Outcome::Transcript(text) => Some((index, fence, text.as_str())),
            Outcome::Script(_) | Outcome::AsWritten => None,
        })
    }

    fn scripts<'a>(&'a self, outcomes: &'a [Outcome]) -> impl Iterator<Item = (usize, &'a Fence, &'a Script, &'a Ran)> {
        let all = self.fences.iter().zip(outcomes).enumerate();
        all.filter_map(|(index, (fence, outcome))| match (&fence.kind, outcome) {
            (Kind::Script(script), Outcome::Script(ran)) => Some((index, fence, script, &**ran)),
            _ => None,
        })
    }

    /// The text with its examples as they are shown.
    pub fn rendered(&self, outcomes: &[Outcome]) -> String {
        let mut text = String::with_capacity(self.text.len() * 4);
        let mut end = 0;
        for (fence, outcome) in self.fences.iter().zip(outcomes) {
            text.push_str(&self.text[end..fence.range.start]);
            text.push_str(&shown(fence, outcome));
            end = fence.range.end;
        }
        text.push_str(&self.text[end..]);
        text
    }
}

/// A block with another text between its fences.
fn with_text(chapter: &str, fence: &Fence, text: &str) -> String {
    let block = &chapter[fence.range.clone()];
    let start = chapter[..fence.range.start].rfind('\n').map_or(0, |end| end + 1);
    let indent = " ".repeat(chapter[start..fence.range.start].chars().count());
    let (first, last) = (block.lines().next().unwrap_or_default(), block.trim_end().lines().last().unwrap_or_default());
    let lines: String = text.lines().map(|line| format!("{indent}{line}").trim_end().to_owned() + "\n").collect();
    let end = if block.ends_with('\n') { "\n" } else { "" };
    format!("{first}\n{lines}{last}{end}")
}

/// A text with lines such as `{{#include ../../scripts/intro.rhai}}` replaced by the files.
fn with_files(folder: &Path, text: &str) -> Result<String, String> {
    let mut whole = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
            None => whole.push_str(line),
            Some(name) => {
                let path = folder.join(name.trim());
                let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                whole.push_str(text.trim_end());
                whole.push('\n');
            }
        }
    }
    Ok(whole)
}

/// An example as it is shown, on one line.
fn shown(fence: &Fence, outcome: &Outcome) -> String {
    match (&fence.kind, outcome) {
        (Kind::Script(script), Outcome::Script(ran)) if script.hidden => {
            picture(ran).map_or_else(String::new, |svg| figure("rhai", &svg))
        }
        (Kind::Script(script), Outcome::Script(ran)) => example(fence, script, ran),
        (Kind::Script(_), Outcome::AsWritten | Outcome::Transcript(_)) => String::new(),
        (Kind::Session { .. }, _) => figure("repl", &html::block("session", &html::session(&fence.text))),
        (Kind::Console { .. }, _) => figure("console", &html::block("console", &html::console(&fence.text))),
        (Kind::Quoted(language), _) => figure("quoted", &html::block("quoted", &quoted(language, &fence.text))),
    }
}

fn picture(ran: &Ran) -> Option<String> {
    ran.graph.as_ref().map(|graph| format!("<div class=\"picture\">{}</div>", graph.svg()))
}

fn quoted(language: &str, text: &str) -> String {
    match language {
        "rhai" => html::coloured(text.trim_end()),
        "error" => html::output(text),
        _ => html::escape(text.trim_end()),
    }
}

fn figure(class: &str, inside: &str) -> String {
    format!("<div class=\"example {class}\">{inside}</div>\n")
}

fn example(fence: &Fence, script: &Script, ran: &Ran) -> String {
    let mut parts = Vec::new();
    if let Some(name) = &script.file {
        parts.push(format!("<div class=\"file\">{}</div>", html::escape(name)));
    }
    parts.push(html::block("script", &html::script(&fence.text)));
    if !ran.output.trim().is_empty() {
        parts.push(html::block("output", &html::output(&ran.output)));
    }
    parts.extend(picture(ran));
    if let Some(commands) = &ran.commands {
        let commands = html::block("commands", &html::commands(commands));
        parts.push(match script.model {
            true => commands,
            false => format!("<details class=\"commands\"><summary>The same in commands</summary>{commands}</details>"),
        });
    }
    figure("rhai", &parts.concat())
}
