//! The transcript of a session: the statements that were entered, and the script that they amount to.

use std::collections::BTreeSet;

use netscript_lang::diagnostics::{Token, TokenKind, tokens};
use netscript_lang::interpreter::Form;
use netscript_net::op::NetnsRef;

use super::lexicon::Lexicon;

/// Statements that were entered.
#[derive(Clone, Debug)]
pub struct TranscriptEntry {
    /// The line that they begin in.
    pub line: usize,
    /// Their text.
    pub text: String,
    /// What came of them.
    pub status: Status,
    /// Where bare words acted.
    pub here: NetnsRef,
}

/// What came of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// They did what they say.
    Worked,
    /// One of them failed.
    Failed,
    /// They were taken back.
    Undone,
    /// They worked, but with something that was taken back since.
    Orphaned,
    /// They were only tried, in a dry run.
    Rehearsed,
}

impl Status {
    /// A remark, where there is something to say.
    pub fn remark(self) -> &'static str {
        match self {
            Status::Worked => "",
            Status::Failed => "failed",
            Status::Undone => "undone",
            Status::Orphaned => "uses undone lines",
            Status::Rehearsed => "dry",
        }
    }
}

/// Notes that lines were taken back. Lines after them that name what they defined cannot be repeated
/// without them, and so are not part of the script.
pub fn undo(transcript: &mut [TranscriptEntry], lines: &[usize]) {
    let mut gone = BTreeSet::new();
    for (index, entry) in transcript.iter_mut().enumerate().skip(lines.first().copied().unwrap_or(usize::MAX)) {
        let (names, used) = defined_and_used(&entry.text);
        if lines.contains(&index) {
            entry.status = Status::Undone;
            gone.extend(names);
        } else if entry.status == Status::Worked && !used.is_disjoint(&gone) {
            entry.status = Status::Orphaned;
            gone.extend(names);
        } else if entry.status == Status::Worked {
            names.iter().for_each(|name| _ = gone.remove(name));
        }
    }
}

/// The names of the variables, functions and modules that statements define, and all other words in them.
fn defined_and_used(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut defined, mut used) = (BTreeSet::new(), BTreeSet::new());
    let mut before = "";
    for token in tokens(text).filter(|token| token.kind == TokenKind::Word) {
        let word = &text[token.span];
        let names = if matches!(before, "let" | "const" | "fn" | "as") { &mut defined } else { &mut used };
        names.insert(word.to_owned());
        before = word;
    }
    (defined, used)
}

/// A script of the statements that worked.
pub fn script(transcript: &[TranscriptEntry], lexicon: &Lexicon) -> String {
    let placed = placed_words(lexicon);
    let worked = transcript.iter().filter(|entry| entry.status == Status::Worked);
    worked.map(|entry| closed(&at_home(&entry.text, &entry.here, &placed))).collect()
}

/// Words that are functions, acting where the session is, and methods of a namespace alike.
fn placed_words(lexicon: &Lexicon) -> BTreeSet<&str> {
    let bare: BTreeSet<&str> =
        lexicon.functions().filter(|word| !word.standard).map(|word| word.name.as_str()).collect();
    let methods = lexicon.members(Some("Netns")).filter(|word| word.form == Form::Method);
    methods.map(|word| word.name.as_str()).filter(|name| bare.contains(name)).collect()
}

/// A text whose bare words act in a namespace, as one that is read on the host.
fn at_home(text: &str, here: &NetnsRef, placed: &BTreeSet<&str>) -> String {
    let Some(name) = here.name() else { return text.to_owned() };
    let tokens: Vec<Token> = tokens(text).collect();
    let sign = |index: Option<usize>| index.and_then(|i| tokens.get(i)).map_or("", |token| &text[token.span.clone()]);
    let mut moved = String::with_capacity(text.len());
    let mut end = 0;
    for (index, token) in tokens.iter().enumerate() {
        moved.push_str(&text[end..token.span.start]);
        end = token.span.end;
        let part = &text[token.span.clone()];
        let bare = !matches!(sign(index.checked_sub(1)), "." | "?." | "::" | "fn");
        if token.kind == TokenKind::Word && placed.contains(part) && bare && sign(Some(index + 1)) == "(" {
            moved.push_str(&format!("netns_open({:?}).", name.as_str()));
        }
        moved.push_str(part);
    }
    moved.push_str(&text[end..]);
    moved
}

/// Statements that others can follow.
fn closed(text: &str) -> String {
    let text = text.trim_end();
    let tokens: Vec<Token> = tokens(text).filter(|token| token.kind != TokenKind::Comment).collect();
    match tokens.last() {
        None => format!("{text}\n"),
        Some(last) if &text[last.span.clone()] == ";" || ends_in_block(text, &tokens) => format!("{text}\n"),
        Some(last) => format!("{};{}\n", &text[..last.span.end], &text[last.span.end..]),
    }
}

/// Whether the last token closes a block, and not a map.
fn ends_in_block(text: &str, tokens: &[Token]) -> bool {
    let part = |token: &Token| &text[token.span.clone()];
    if tokens.last().is_none_or(|last| part(last) != "}") {
        return false;
    }
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().rev() {
        match part(token) {
            "}" => depth += 1,
            "{" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index.checked_sub(1).is_none_or(|before| part(&tokens[before]) != "#");
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_can_be_followed() {
        assert_eq!(closed("a()"), "a();\n");
        assert_eq!(closed("a(); // b"), "a(); // b\n");
        assert_eq!(closed("a() // b"), "a(); // b\n");
        assert_eq!(closed("fn f() { }\n"), "fn f() { }\n");
        assert_eq!(closed("#{ a: #{} }"), "#{ a: #{} };\n");
    }

    #[test]
    fn lines_that_use_undone_definitions_are_not_part_of_the_script() {
        let line = |text: &str| TranscriptEntry {
            line: 1,
            text: text.to_owned(),
            status: Status::Worked,
            here: NetnsRef::Host,
        };
        let texts = ["let a = netns()", "let b = a.lo", "b.up()", "let c = 1", "let a = 2", "a + c"];
        let mut transcript: Vec<TranscriptEntry> = texts.into_iter().map(line).collect();
        undo(&mut transcript, &[0]);
        let statuses: Vec<Status> = transcript.iter().map(|entry| entry.status).collect();
        let (undone, orphaned, worked) = (Status::Undone, Status::Orphaned, Status::Worked);
        assert_eq!(statuses, [undone, orphaned, orphaned, worked, worked, worked]);
    }

    #[test]
    fn bare_words_go_where_they_acted() {
        let placed = BTreeSet::from(["veth", "link"]);
        let red = NetnsRef::Named(netscript_net::op::NetnsName::parse("red").expect("it is a name"));
        assert_eq!(at_home("veth(\"a\", \"b\")", &NetnsRef::Host, &placed), "veth(\"a\", \"b\")");
        assert_eq!(
            at_home("let v = veth(\"a\", \"b\"); host.link(\"lo\"); v.link", &red, &placed),
            "let v = netns_open(\"red\").veth(\"a\", \"b\"); host.link(\"lo\"); v.link"
        );
    }
}
