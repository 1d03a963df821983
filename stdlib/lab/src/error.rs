//! Errors as a program that embeds netscript sees them.

use std::fmt;

use netscript_lang::diagnostics::{self, Code, Failure, Sources, render};

/// The result of anything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error in words. `Display` shows it as the program `netscript` does: the message with its code, the
/// place in the script underlined, notes, and a remedy. `Debug` shows the same, so that the output of a test that
/// fails with `?` or `unwrap` is readable.
#[derive(Clone)]
pub struct Error(Box<Details>);

#[derive(Clone)]
struct Details {
    code: Code,
    message: String,
    notes: Vec<String>,
    help: String,
    errno: Option<i32>,
    location: Option<Location>,
    printed: String,
    text: String,
}

/// A place in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The script's name, or a module's.
    pub source: String,
    /// Line, from 1.
    pub line: usize,
    /// Character in the line, from 1; 0 is the whole line. It is where the failing word begins; the printed error may
    /// underline one of its arguments.
    pub column: usize,
}

impl Error {
    /// An error at its place in one of the scripts that have been run.
    pub(crate) fn new(failure: &Failure, sources: &Sources) -> Error {
        let description = failure.error.describe();
        let place = failure.at.as_ref();
        Error(Box::new(Details {
            code: description.code,
            help: description.help.unwrap_or_else(|| description.code.entry().remedy.to_owned()),
            message: description.message,
            notes: description.notes,
            errno: failure.error.errno(),
            location: place.map(|at| Location { source: at.source.to_string(), line: at.line, column: at.column }),
            printed: String::new(),
            text: render(failure, sources, false),
        }))
    }

    /// The same error of a script that had printed something.
    pub(crate) fn after(mut self, printed: String) -> Error {
        self.0.printed = printed;
        self
    }

    /// Its code, such as `Code::E0302`. The book explains each code; the meaning of a code never changes.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Further notes.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// The remedy.
    pub fn help(&self) -> &str {
        &self.0.help
    }

    /// The kernel's error number, if the kernel refused an operation.
    pub fn errno(&self) -> Option<i32> {
        self.0.errno
    }

    /// The place in the script. Errors of typed calls have none.
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// The script's output before the error, each line with its newline.
    pub fn printed(&self) -> &str {
        &self.0.printed
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.text.trim_end())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<diagnostics::Error> for Error {
    fn from(error: diagnostics::Error) -> Error {
        Error::new(&error.into(), &Sources::default())
    }
}

impl From<diagnostics::Invalid> for Error {
    fn from(invalid: diagnostics::Invalid) -> Error {
        diagnostics::Error::from(invalid).into()
    }
}
