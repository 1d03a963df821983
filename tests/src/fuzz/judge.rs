//! What a run came to, and what of it must not happen.

use serde::{Deserialize, Serialize};

/// An error as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its code.
    pub code: String,
    /// `FILE:LINE:COLUMN`; empty: it has none.
    pub place: String,
}

impl Mark {
    /// The error in what a program told.
    pub fn of(told: &str) -> Option<Mark> {
        let (_, after) = told.split_once("error[")?;
        let (code, rest) = after.split_once(']')?;
        let place = rest.split_once("┌─ ").map_or("", |(_, rest)| rest.lines().next().unwrap_or(""));
        Some(Mark { code: code.to_owned(), place: place.trim().to_owned() })
    }
}

/// What a dry run came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Dry {
    /// The exit status.
    pub status: i32,
    /// Its error.
    pub error: Option<Mark>,
    /// The error as it is shown.
    pub told: String,
    /// What was printed of errors that were caught (`#NUMBER CODE`), until it met something that a dry
    /// run cannot know, or asked for a probe or a program.
    pub caught: Vec<String>,
    /// It met something that a dry run cannot know, and went on.
    pub unknown: bool,
    /// It asked for a probe or a program.
    pub asked: bool,
    /// It took too long.
    pub endless: bool,
}

/// The code of a panic.
const FAULT: &str = "E0123";

/// Errors that come before a script begins have no place; so has one of these.
const PLACELESS: [&str; 0] = [];

impl Dry {
    /// What must not happen.
    pub fn complaint(&self) -> Option<String> {
        if self.endless {
            return Some("it does not end".to_owned());
        }
        match &self.error {
            Some(Mark { code, .. }) if code == FAULT => Some(format!("a panic: {}", self.told)),
            Some(Mark { code, place }) if place.is_empty() && !PLACELESS.contains(&code.as_str()) => {
                Some(format!("{code} has no place at all: {}", self.told))
            }
            _ => None,
        }
    }
}

/// Errors that a dry run cannot foresee: what the machine lacks (E04), settings that a kernel does
/// not have (E0307), and what probes and programs answer (E07).
const UNFORESEEN: [&str; 3] = ["E04", "E0307", "E07"];

/// Errors of a dry run alone.
const UNKNOWABLE: [&str; 3] = ["E0601", "E0508", "E0702"];

/// What comes of a run beside a dry run of the same script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both come to the same.
    Equal,
    /// They may differ: the dry run met something that it cannot know.
    Excused,
    /// What must not happen.
    Wrong(String),
}

/// A run that is none, beside a dry run of the same script.
pub fn real(script: &str, dry: &Dry, status: i32, printed: &str, told: &str) -> Verdict {
    let error = Mark::of(told);
    if told.contains("panicked at") || error.as_ref().is_some_and(|mark| mark.code == FAULT) {
        return Verdict::Wrong(format!("a panic: {told}"));
    }
    // A script's own status has eight bits.
    if !(0..=2).contains(&status) && !script.contains("exit(") {
        return Verdict::Wrong(format!("exit status {status}: {told}"));
    }
    if let Some(mark) = error.as_ref().filter(|mark| mark.place.is_empty()) {
        return Verdict::Wrong(format!("{} has no place at all: {told}", mark.code));
    }
    let met = error.as_ref().map_or("", |mark| mark.code.as_str());
    match caught(dry, printed) {
        Verdict::Wrong(_)
            if is_unforeseen(met)
                && printed.lines().filter(|line| line.starts_with('#')).count() < dry.caught.len() =>
        {
            return Verdict::Excused;
        }
        Verdict::Equal => {}
        other => return other,
    }
    let foreseen = dry.error.as_ref().map_or("", |mark| mark.code.as_str());
    let excused =
        dry.unknown || is_unknowable(foreseen) || is_unforeseen(met) || (dry.asked && script.contains("catch"));
    if excused {
        return Verdict::Excused;
    }
    if dry.error == error && (error.is_some() || dry.status == status) {
        return Verdict::Equal;
    }
    Verdict::Wrong(format!("dry run {:?}, run {error:?} at all: dry: {}\nrun ({status}): {told}", dry.error, dry.told))
}

/// The errors that were caught, in their order.
fn caught(dry: &Dry, printed: &str) -> Verdict {
    let mut real = printed.lines().filter(|line| line.starts_with('#'));
    let code = |line: &str| line.split_once(' ').map_or(String::new(), |(_, code)| code.to_owned());
    for foreseen in &dry.caught {
        let met = real.next().unwrap_or("# nothing");
        if is_unknowable(&code(foreseen)) || is_unforeseen(&code(met)) {
            return Verdict::Excused;
        }
        if met != foreseen {
            return Verdict::Wrong(format!(
                "caught in the dry run {}, in the run {} at {foreseen}, {met}",
                code(foreseen),
                code(met)
            ));
        }
    }
    // Where a dry run ends since it cannot know something, a run goes on.
    let ended = dry.error.as_ref().is_some_and(|mark| is_unknowable(&mark.code));
    match real.next() {
        Some(met) if !ended && !dry.unknown && !dry.asked && !is_unforeseen(&code(met)) => {
            Verdict::Wrong(format!("caught in the run alone {} at {met}", code(met)))
        }
        Some(_) => Verdict::Excused,
        None => Verdict::Equal,
    }
}

fn is_unforeseen(code: &str) -> bool {
    UNFORESEEN.iter().any(|kind| code.starts_with(kind))
}

fn is_unknowable(code: &str) -> bool {
    UNKNOWABLE.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dry(caught: &[&str], told: &str) -> Dry {
        let caught = caught.iter().map(|line| (*line).to_owned()).collect();
        Dry {
            status: i32::from(!told.is_empty()),
            error: Mark::of(told),
            told: told.to_owned(),
            caught,
            ..Dry::default()
        }
    }

    #[test]
    fn what_differs_is_found() {
        let at = |code: &str, place: &str| format!("error[{code}]: x\n  ┌─ {place}\n");
        let judged = |dry: &Dry, status, printed, told: &str| real("", dry, status, printed, told);
        let wrong = |verdict| matches!(verdict, Verdict::Wrong(_));
        assert_eq!(judged(&dry(&[], ""), 0, "", ""), Verdict::Equal);
        let failed = dry(&[], &at("E0304", "a:1:1"));
        assert_eq!(judged(&failed, 1, "", &at("E0304", "a:1:1")), Verdict::Equal);
        assert!(wrong(judged(&failed, 1, "", &at("E0304", "a:1:2"))));
        assert!(wrong(judged(&failed, 1, "", &at("E0305", "a:1:1"))));
        assert!(wrong(judged(&failed, 0, "", "")));
        assert_eq!(judged(&failed, 1, "", &at("E0403", "a:1:1")), Verdict::Excused);
        assert!(wrong(judged(&dry(&[], ""), 101, "", "")));
        assert!(wrong(judged(&dry(&[], ""), 1, "", "error[E0304]: x\n")));
        assert_eq!(judged(&dry(&["#1 E0301"], ""), 0, "#1 E0301\n", ""), Verdict::Equal);
        assert!(wrong(judged(&dry(&["#1 E0301"], ""), 0, "", "")));
        assert!(wrong(judged(&dry(&["#1 E0301"], ""), 0, "#1 E0302\n", "")));
        assert!(wrong(judged(&dry(&[], ""), 0, "#1 E0302\n", "")));
        let ended = dry(&["#1 E0105"], &at("E0601", "a:2:1"));
        assert_eq!(judged(&ended, 1, "#1 E0105\n#1 E0105\n", &at("E0105", "a:3:1")), Verdict::Excused);
        assert_eq!(judged(&dry(&["#1 E0601", "#2 E0301"], ""), 0, "", ""), Verdict::Excused);
    }
}
