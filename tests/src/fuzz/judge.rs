//! The result of a run, and which results are errors.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// An error as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownError {
    /// Its code.
    pub code: String,
    /// `FILE:LINE:COLUMN`; empty: it has none.
    pub place: String,
}

impl ShownError {
    /// The error in a program's output.
    pub fn of(told: &str) -> Option<ShownError> {
        let (_, after) = told.split_once("error[")?;
        let (code, rest) = after.split_once(']')?;
        let place = rest.split_once("┌─ ").map_or("", |(_, rest)| rest.lines().next().unwrap_or(""));
        Some(ShownError { code: code.to_owned(), place: place.trim().to_owned() })
    }
}

/// What happened in a dry run, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It printed that an error was caught (`#NUMBER CODE`).
    Caught(String),
    /// It met something that a dry run cannot know, and went on.
    Unknown,
    /// It printed the command of a program or a probe, which a run would start.
    Asked,
}

/// The result of a dry run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Dry {
    /// The exit status.
    pub status: i32,
    /// Its error.
    pub error: Option<ShownError>,
    /// The output.
    pub told: String,
    /// The events.
    pub events: Vec<Event>,
    /// It took too long.
    pub endless: bool,
}

/// The code of a panic.
const FAULT: &str = "E0123";

/// Codes of errors that may have no place.
const PLACELESS: [&str; 0] = [];

impl Dry {
    /// The reason why this result is an error, if it is one.
    pub fn complaint(&self) -> Option<String> {
        if self.endless {
            return Some("it does not end".to_owned());
        }
        match &self.error {
            Some(ShownError { code, .. }) if code == FAULT => Some(format!("a panic: {}", self.told)),
            Some(ShownError { code, place }) if place.is_empty() && !PLACELESS.contains(&code.as_str()) => {
                Some(format!("{code} has no place at all: {}", self.told))
            }
            _ => None,
        }
    }
}

/// Why a run may differ from its dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excuse {
    /// The dry run ended with E0601, so that nothing after it can be compared.
    Ended,
    /// The dry run had caught E0601 before they differed.
    NotSimulated,
    /// An `assert`, `print` or `wait_until` whose value only a run knows came before they differed.
    Remarked,
    /// The machine's kernel lacks something, or hides a setting in a sandbox (E0402, E0430).
    Machine,
    /// A program, a probe or a server did not start (E0403, E0405, E0703, E0704, E0705).
    Program,
}

impl Excuse {
    /// The reason in words.
    pub fn text(self) -> &'static str {
        match self {
            Excuse::Ended => "the dry run ended with E0601",
            Excuse::NotSimulated => "E0601 was caught before",
            Excuse::Remarked => "a value was unknown to `assert`, `print` or `wait_until` before",
            Excuse::Machine => "the kernel lacks something, or hides a setting (E0402, E0430)",
            Excuse::Program => "a program, a probe or a server did not start (E0403, E0405, E0703, E0704, E0705)",
        }
    }

    /// The reason why a dry run could not foresee an error of a run. `asked`: the dry run has printed a program or a
    /// probe before.
    fn of_error(script: &str, code: &str, asked: bool) -> Option<Excuse> {
        match code {
            // `wait_until` repeats an operation that the kernel does not support until the time is over.
            "E0702" if LACKED.iter().any(|word| script.contains(word)) => Some(Excuse::Machine),
            "E0402" | "E0430" => Some(Excuse::Machine),
            // Other servers, and the addresses on which one can listen, are unknown.
            "E0705" => Some(Excuse::Program),
            "E0403" | "E0405" | "E0703" | "E0704" if asked => Some(Excuse::Program),
            _ => None,
        }
    }
}

/// Kinds of links that some kernels do not have.
const LACKED: [&str; 4] = ["dummy(", "vlan(", "tun(", "vrf("];

/// The word that repeats a check for as long as there is time.
const LOOKS: &str = "wait_until(";

/// The error that only a dry run has.
const UNKNOWABLE: &str = "E0601";

/// The comparison of a run with a dry run of the same script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both have the same result.
    Equal,
    /// They differ, and may.
    Excused(Excuse),
    /// The run has an error: the reason.
    Wrong(String),
}

/// Compares a run with a dry run of the same script.
pub fn real(script: &str, dry: &Dry, status: i32, printed: &str, told: &str) -> Verdict {
    let error = ShownError::of(told);
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
    let code = |mark: &Option<ShownError>| mark.as_ref().map_or(String::new(), |mark| mark.code.clone());
    let (foreseen, met) = (code(&dry.error), code(&error));
    let ending = Excuse::of_error(script, &met, dry.events.contains(&Event::Asked));
    let Caught { excuse, unforeseen } = match caught(script, dry, printed, ending) {
        Ok(caught) => caught,
        Err(verdict) => return verdict,
    };
    if dry.error == error && (error.is_some() || dry.status == status) {
        return unforeseen.map_or(Verdict::Equal, Verdict::Excused);
    }
    let excuse = excuse.or((foreseen == UNKNOWABLE).then_some(Excuse::Ended)).or(ending);
    match excuse {
        Some(excuse) => Verdict::Excused(excuse),
        None => Verdict::Wrong(format!(
            "dry run {:?}, run {error:?} at all: dry: {}\nrun ({status}): {told}",
            dry.error, dry.told
        )),
    }
}

/// The comparison of caught errors.
struct Caught {
    /// Why the rest may differ.
    excuse: Option<Excuse>,
    /// The run met an error that a dry run cannot foresee.
    unforeseen: Option<Excuse>,
}

/// Compares the errors that were caught, in their order. `end` is why the run may have ended before the
/// dry run did.
fn caught(script: &str, dry: &Dry, printed: &str, end: Option<Excuse>) -> Result<Caught, Verdict> {
    let mut real = printed.lines().filter(|line| is_caught(line)).peekable();
    // Output in the closure of `wait_until` is repeated.
    let mut seen = BTreeSet::new();
    let is_again = |seen: &BTreeSet<&str>, line: &str| script.contains(LOOKS) && seen.contains(line);
    let (mut excuse, mut asked, mut unforeseen) = (None, false, None);
    'events: for event in &dry.events {
        let foreseen = match event {
            Event::Unknown => {
                excuse = excuse.or(Some(Excuse::Remarked));
                continue;
            }
            Event::Asked => {
                asked = true;
                continue;
            }
            Event::Caught(line) => line.as_str(),
        };
        while real.next_if(|met| *met != foreseen && is_again(&seen, met)).is_some() {}
        // Errors that only a run has.
        while let Some(why) =
            real.peek().filter(|met| **met != foreseen).and_then(|met| Excuse::of_error(script, code(met), asked))
        {
            (excuse, unforeseen) = (excuse.or(Some(why)), Some(why));
            if real.next().is_some_and(|met| number(met) == number(foreseen)) {
                continue 'events;
            }
        }
        if code(foreseen) == UNKNOWABLE {
            excuse = excuse.or(Some(Excuse::NotSimulated));
            real.next_if(|met| number(met) == number(foreseen));
            continue;
        }
        if real.next_if_eq(&foreseen).is_some() || is_again(&seen, foreseen) {
            seen.insert(foreseen);
            continue;
        }
        let met = real.next();
        let why = excuse.or(end.filter(|_| met.is_none()));
        return Err(why.map_or_else(|| differs(foreseen, met.unwrap_or("# nothing")), Verdict::Excused));
    }
    while real.next_if(|met| is_again(&seen, met)).is_some() {}
    // A run goes on where a dry run ends because it cannot know something.
    let ended = dry.error.as_ref().is_some_and(|mark| mark.code == UNKNOWABLE).then_some(Excuse::Ended);
    match real.next() {
        Some(met) => Err(excuse
            .or(ended)
            .or(Excuse::of_error(script, code(met), asked))
            .map_or_else(|| differs("# nothing", met), Verdict::Excused)),
        None => Ok(Caught { excuse, unforeseen }),
    }
}

fn differs(foreseen: &str, met: &str) -> Verdict {
    let (dry, real) = (code(foreseen), code(met));
    Verdict::Wrong(format!("caught in the dry run {dry}, in the run {real} at {foreseen}, {met}"))
}

/// Whether a printed line reports a caught error: `#NUMBER CODE`.
pub(super) fn is_caught(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn code(line: &str) -> &str {
    line.split_once(' ').map_or("", |(_, code)| code)
}

fn number(line: &str) -> &str {
    line.split_once(' ').map_or(line, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dry(caught: &[&str], told: &str) -> Dry {
        let events = caught.iter().map(|line| Event::Caught((*line).to_owned())).collect();
        Dry {
            status: i32::from(!told.is_empty()),
            error: ShownError::of(told),
            told: told.to_owned(),
            events,
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
        assert_eq!(judged(&failed, 1, "", &at("E0402", "a:1:1")), Verdict::Excused(Excuse::Machine));
        assert!(wrong(judged(&dry(&[], ""), 101, "", "")));
        assert!(wrong(judged(&dry(&[], ""), 1, "", "error[E0304]: x\n")));
        assert_eq!(judged(&dry(&["#1 E0301"], ""), 0, "#1 E0301\n", ""), Verdict::Equal);
        assert!(wrong(judged(&dry(&["#1 E0301"], ""), 0, "", "")));
        assert!(wrong(judged(&dry(&["#1 E0301"], ""), 0, "#1 E0302\n", "")));
        assert!(wrong(judged(&dry(&[], ""), 0, "#1 E0302\n", "")));
        let ended = dry(&["#1 E0105"], &at("E0601", "a:2:1"));
        assert_eq!(judged(&ended, 1, "#1 E0105\n#1 E0105\n", &at("E0105", "a:3:1")), Verdict::Excused(Excuse::Ended));
        let caught = dry(&["#1 E0601", "#2 E0301"], "");
        assert_eq!(judged(&caught, 0, "", ""), Verdict::Excused(Excuse::NotSimulated));
        assert_eq!(judged(&caught, 0, "#2 E0301\n", ""), Verdict::Equal);
        assert_eq!(judged(&caught, 0, "#1 E0306\n#2 E0301\n", ""), Verdict::Equal);
        assert_eq!(judged(&dry(&["#2 E0301"], ""), 0, "#1 E0402\n#2 E0301\n", ""), Verdict::Excused(Excuse::Machine));
        assert_eq!(judged(&dry(&["#2 E0301"], ""), 0, "#2 E0402\n", ""), Verdict::Excused(Excuse::Machine));
        assert_eq!(judged(&dry(&["#2 E0301"], ""), 1, "", &at("E0402", "a:1:1")), Verdict::Excused(Excuse::Machine));
    }

    #[test]
    fn a_condition_is_looked_at_as_often_as_there_is_time_for() {
        let three = dry(&["#1 E0301", "#1 E0301", "#1 E0301", "#2 E0702"], "");
        let judged = |script, printed| real(script, &three, 0, printed, "");
        assert_eq!(judged("wait_until(", "#1 E0301\n#2 E0702\n"), Verdict::Equal);
        assert_eq!(judged("wait_until(", "#1 E0301\n#1 E0301\n#1 E0301\n#1 E0301\n#2 E0702\n"), Verdict::Equal);
        assert!(matches!(judged("wait_until(", "#2 E0702\n"), Verdict::Wrong(_)));
        assert!(matches!(judged("", "#1 E0301\n#2 E0702\n"), Verdict::Wrong(_)));
    }

    #[test]
    fn an_assertion_may_fail_in_the_run_alone_only_after_what_a_dry_run_cannot_know() {
        let failed = "error[E0701]: x\n  ┌─ a:1:1\n";
        assert!(matches!(real("", &Dry::default(), 1, "", failed), Verdict::Wrong(_)));
        let after = |event| Dry { events: vec![event], ..Dry::default() };
        assert_eq!(real("", &after(Event::Unknown), 1, "", failed), Verdict::Excused(Excuse::Remarked));
        let refused = failed.replace("E0701", "E0704");
        assert_eq!(real("", &after(Event::Asked), 1, "", &refused), Verdict::Excused(Excuse::Program));
        assert!(matches!(real("", &after(Event::Asked), 1, "", failed), Verdict::Wrong(_)));
        assert!(matches!(real("", &Dry::default(), 1, "", &refused), Verdict::Wrong(_)));
        assert_eq!(real("", &after(Event::Unknown), 0, "", ""), Verdict::Equal);
    }
}
