//! A progress line on the terminal for operations that take long. There is one terminal, and so one line.
//!
//! It appears after a second, on standard error, and only if that is a terminal. It is cleared before other output.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use netscript_lang::diagnostics::visible_line;

/// Shorter operations show no line.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time between two movements.
const STEP: Duration = Duration::from_millis(120);

static LINE: OnceLock<Mutex<Line>> = OnceLock::new();

struct Line {
    bar: ProgressBar,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The time before the line appears.
    Waiting,
    Shown,
    /// Another program uses the terminal.
    Away,
    Over,
}

/// Begins a progress line, if there is a terminal.
pub fn begin(what: &str) {
    if !io::stderr().is_terminal() || LINE.get().is_some() {
        return;
    }
    let bar =
        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(visible_line(what).into_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    if LINE.set(Mutex::new(Line { bar, state: State::Waiting })).is_ok() {
        // Without this thread only the line is missing.
        let _ = thread::Builder::new().name("progress".to_owned()).spawn(move_on);
    }
}

fn move_on() {
    thread::sleep(PATIENCE);
    while let Some(mut line) = line() {
        match line.state {
            State::Over => return,
            State::Away => {}
            State::Waiting | State::Shown => {
                line.state = State::Shown;
                line.bar.tick();
            }
        }
        drop(line);
        thread::sleep(STEP);
    }
}

fn line() -> Option<MutexGuard<'static, Line>> {
    Some(LINE.get()?.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Sets the text of the line. `text` is called only if the line may be shown.
pub fn tell(text: impl FnOnce() -> String) {
    if let Some(line) = line() {
        match line.state {
            State::Shown => line.bar.set_message(visible_line(&text()).into_owned()),
            // Setting the message would draw the line at once.
            State::Waiting | State::Away | State::Over => {}
        }
    }
}

/// Clears the line while `write` writes other output.
pub fn pausing<T>(write: impl FnOnce() -> T) -> T {
    match line() {
        Some(line) if line.state == State::Shown => line.bar.suspend(write),
        Some(_) | None => write(),
    }
}

/// Leaves the terminal to another program, or takes it back.
pub fn lend(lent: bool) {
    if let Some(mut line) = line()
        && line.state != State::Over
    {
        line.bar.reset_elapsed();
        if line.state == State::Shown {
            line.bar.finish_and_clear();
            line.bar.reset();
        }
        line.state = if lent { State::Away } else { State::Waiting };
    }
}

/// Ends the progress line.
pub fn end() {
    if let Some(mut line) = line() {
        if line.state == State::Shown {
            line.bar.finish_and_clear();
        }
        line.state = State::Over;
    }
}
