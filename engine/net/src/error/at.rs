//! Places in a script.

use std::fmt;
use std::rc::Rc;

/// A point in a script: where a token begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct At {
    /// The name of the script, under which its text is kept.
    pub source: Rc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Character in the line, from 1; 0 is the whole line.
    pub column: usize,
    /// Whether the source is a module, not the script itself or typed text.
    pub module: bool,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if self.module { write!(f, " of {}", self.source) } else { Ok(()) }
    }
}
