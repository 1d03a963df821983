//! Colours on the terminal.

/// The role of a text, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text without colour.
    Plain,
    /// A keyword or a command.
    Keyword,
    /// A function that exists.
    Function,
    /// A number.
    Number,
    /// A string.
    Text,
    /// Of less importance.
    Dim,
    /// The head of a table or a section.
    Head,
    /// An error or a failure.
    Bad,
}

impl Style {
    /// Parameters of the escape sequence (ECMA-48, SGR).
    fn code(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Keyword => "35",
            Style::Function => "34",
            Style::Number => "36",
            Style::Text => "32",
            Style::Dim => "2",
            Style::Head => "1",
            Style::Bad => "31",
        }
    }

    /// A text in this style.
    pub fn paint(self, text: &str) -> String {
        match self.code() {
            "" => text.to_owned(),
            code => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    /// A text in this style, if colours are wanted.
    pub fn paint_if(self, colour: bool, text: &str) -> String {
        if colour { self.paint(text) } else { text.to_owned() }
    }
}
