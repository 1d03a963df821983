//! The terminal that things are shown on.

/// The terminal that a text is laid out for.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Columns; `None`: lines may be as long as they get.
    pub width: Option<u16>,
    /// Colours are wanted.
    pub colour: bool,
}

impl Screen {
    /// A heading, in bold if colours are wanted (ECMA-48, SGR 1).
    pub(super) fn head(self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Columns that a line may have.
    pub(super) fn columns(self) -> usize {
        self.width.map_or(usize::MAX, usize::from)
    }
}
