//! Standard output and standard error, which may have been closed at the other end.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::rc::Rc;

use netscript_lang::diagnostics::{Error, Failure, Sources, render, visible, visible_in_colour};

use crate::progress;

/// What a script prints. When the reader has gone (`| head`), the rest goes nowhere and the
/// script still builds what it is to build.
#[derive(Clone, Default)]
pub struct Printer(Rc<RefCell<Option<io::Error>>>);

impl Printer {
    /// Prints a line: on a terminal so that it cannot be obeyed, elsewhere as it is.
    pub fn line(&self, text: &str) {
        if io::stdout().is_terminal() { self.write(&visible(text)) } else { self.write(text) }
    }

    /// Prints what people read, with the colours that are in it, and with nothing else that a terminal
    /// would obey.
    pub fn shown(&self, text: &str) {
        self.write(&visible_in_colour(text));
    }

    /// The one place that writes to standard output.
    fn write(&self, text: &str) {
        let mut broken = self.0.borrow_mut();
        if broken.is_none() {
            *broken = progress::pausing(|| {
                let mut stdout = io::stdout().lock();
                writeln!(stdout, "{text}").and_then(|()| stdout.flush()).err()
            });
        }
    }

    /// An error if something could not be written for another reason than that the reader went.
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

/// Tells something on standard error, with nothing in it that a terminal would obey.
pub fn tell(text: &str) {
    tell_in_colour(&visible(text));
}

/// The one place that writes to standard error. The colours of an error are its own; its names and its source
/// have been made safe by [`render`].
fn tell_in_colour(text: &str) {
    // There is nowhere left to say that this failed.
    let _ = progress::pausing(|| writeln!(io::stderr().lock(), "{text}"));
}

/// Tells something on standard error that the user should know, though nothing failed.
pub fn warn(text: &str) {
    tell(&format!("warning: {text}"));
}

/// Shows an error on standard error, and gives the exit status that goes with it.
pub fn fail(failure: &Failure, sources: &Sources, colour: bool) -> i32 {
    tell_in_colour(render(failure, sources, colour).trim_end());
    status(&failure.error)
}

/// The exit status that goes with an error.
fn status(error: &Error) -> i32 {
    /// As a shell tells of a program that SIGINT (2) ended.
    const INTERRUPTED: i32 = 128 + 2;
    if *error == Error::Interrupted { INTERRUPTED } else { 1 }
}

/// The width of the terminal that standard output is.
pub fn columns() -> Option<u16> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0)
}
