//! Writes to standard output and standard error. It survives that the reader closes them, and escapes control
//! characters.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::rc::Rc;

use netscript_lang::diagnostics::{Error, Failure, Sources, render, visible, visible_in_colour};

use crate::progress;

/// Standard output of a script. If the reader closes it (`| head`), the rest is dropped, and the script goes on.
#[derive(Clone, Default)]
pub struct Printer(Rc<RefCell<Option<io::Error>>>);

impl Printer {
    /// Prints a line: on a terminal with control characters escaped, elsewhere unchanged.
    pub fn line(&self, text: &str) {
        if io::stdout().is_terminal() { self.write(&visible(text)) } else { self.write(text) }
    }

    /// Prints text for people. Its colours stay; other control characters are escaped.
    pub fn shown(&self, text: &str) {
        self.write(&visible_in_colour(text));
    }

    /// Writes to standard output; nothing else does.
    fn write(&self, text: &str) {
        let mut broken = self.0.borrow_mut();
        if broken.is_none() {
            *broken = progress::pausing(|| {
                let mut stdout = io::stdout().lock();
                writeln!(stdout, "{text}").and_then(|()| stdout.flush()).err()
            });
        }
    }

    /// An error if something could not be written, unless because the reader closed the output.
    pub fn finish(&self) -> Result<(), Error> {
        match &*self.0.borrow() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::File {
                path: "standard output".to_owned(),
                doing: "write to".to_owned(),
                why: error.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

/// Prints a message on standard error, with control characters escaped.
pub fn tell(text: &str) {
    tell_in_colour(&visible(text));
}

/// Writes to standard error; nothing else does. The text may have colours; [`render`] has escaped the names and the
/// source in an error.
fn tell_in_colour(text: &str) {
    // A failure here cannot be reported anywhere.
    let _ = progress::pausing(|| writeln!(io::stderr().lock(), "{text}"));
}

/// Prints a warning on standard error.
pub fn warn(text: &str) {
    tell(&format!("warning: {text}"));
}

/// Shows an error on standard error, and returns its exit status.
pub fn fail(failure: &Failure, sources: &Sources, colour: bool) -> i32 {
    tell_in_colour(render(failure, sources, colour).trim_end());
    status(&failure.error)
}

/// The exit status of an error.
fn status(error: &Error) -> i32 {
    /// The status that a shell reports for a program ended by SIGINT (2).
    const INTERRUPTED: i32 = 128 + 2;
    if *error == Error::Interrupted { INTERRUPTED } else { 1 }
}

/// The width of the terminal, if standard output is one.
pub fn columns() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}
