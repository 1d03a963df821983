//! Times how long a user waits for the first prompt, and for completion by Tab.

use std::time::{Duration, Instant};

use crate::program::Place;
use crate::terminal::{CTRL_C, Terminal};

/// How often each is measured; the median counts.
const RUNS: usize = 21;

/// The number of pairs, half of the number of links.
const PAIRS: usize = 500;

/// Typed text, and one of its completions.
const TYPED: [(&str, &str); 4] = [
    ("link(\"v49", "v499"),
    ("host.", "traceroute()"),
    ("host.lo.", "promisc()"),
    ("bridge(\"b\", #{ ", "vlan_filtering"),
];

/// A time that was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was measured.
    pub what: String,
    /// Its duration.
    pub time: Duration,
    /// The limit of the duration.
    pub limit: Duration,
}

/// Measures the first prompt and the completions.
pub fn measure() -> Vec<Measured> {
    let place = Place::new();
    let starts = (0..RUNS).map(|_| time_to_prompt(&place));
    let start = Measured {
        what: "start to prompt, in a sandbox".to_owned(),
        time: median(starts.collect()),
        limit: Duration::from_millis(20),
    };
    let mut terminal = Terminal::start(&place, &["--sandbox"], 120, &[]);
    terminal.enter(":echo off");
    terminal.enter(&format!("for i in 0..{PAIRS} {{ veth(`v${{i}}`, `w${{i}}`); }}"));
    let completions = TYPED.map(|(typed, wanted)| Measured {
        what: format!("key to completion of `{typed}` with {} links", 2 * PAIRS),
        time: median((0..RUNS).map(|_| time_to_completion(&mut terminal, typed, wanted)).collect()),
        limit: Duration::from_millis(10),
    });
    [start].into_iter().chain(completions).collect()
}

fn time_to_prompt(place: &Place) -> Duration {
    let start = Instant::now();
    let mut terminal = Terminal::start(place, &["--sandbox"], 120, &[]);
    terminal.wait_for_prompt();
    start.elapsed()
}

fn time_to_completion(terminal: &mut Terminal, typed: &str, wanted: &str) -> Duration {
    terminal.enter(":ns");
    terminal.press(typed);
    terminal.wait(typed, |terminal| terminal.line().contains(typed.trim_end()));
    let start = Instant::now();
    terminal.press("\t");
    terminal.wait_for_below(wanted);
    let time = start.elapsed();
    terminal.press(CTRL_C);
    time
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
