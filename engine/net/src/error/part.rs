//! The part of a call that an error is about.

use super::{Error, Invalid};

/// A part of a call, as a path into it: `[Option("nexthops"), Element(1), Option("via")]` is the
/// value of `via` in the second element of the value of `nexthops`.
///
/// The words of the language know the part, but not its place in the script. The interpreter finds the place in the
/// script's syntax tree when an error is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part(Vec<Step>);

/// A step from a value to one of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The receiver of a method.
    Receiver,
    /// An argument in the brackets, counted from 0.
    Argument(usize),
    /// A parameter of a function, counted from 0; a method's receiver is its first.
    Given(usize),
    /// The value of a key in a map; at the beginning of a path, in the map of options.
    Option(String),
    /// A key itself in a map; at the beginning of a path, in the map of options.
    Key(String),
    /// An element of an array, counted from 0; at the beginning of a path, in a list of option maps.
    Element(usize),
}

impl Part {
    /// A path, outermost first.
    pub fn new(steps: impl Into<Vec<Step>>) -> Part {
        Part(steps.into())
    }

    /// The receiver of a method.
    pub fn receiver() -> Part {
        Part(vec![Step::Receiver])
    }

    /// An argument in the brackets, counted from 0.
    pub fn argument(number: usize) -> Part {
        Part(vec![Step::Argument(number)])
    }

    /// The value of an option.
    pub fn option(key: impl Into<String>) -> Part {
        Part(vec![Step::Option(key.into())])
    }

    /// The path, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl Error {
    /// The error, with the part of the call that it is about, if `part` is known.
    pub fn about(self, part: Option<Part>) -> Error {
        match part {
            Some(part) => Error::In { part, error: Box::new(self) },
            None => self,
        }
    }

    /// Moves the error's part into a larger one: an error about a value becomes an error about the argument with that
    /// value. Errors that are not about a value stay unchanged.
    pub fn within(self, step: Step) -> Error {
        match self {
            Error::In { part: Part(mut steps), error } => {
                steps.insert(0, step);
                Error::In { part: Part(steps), error }
            }
            error if error.is_about_a_value() => Error::In { part: Part(vec![step]), error: Box::new(error) },
            error => error,
        }
    }

    /// Whether the error is about a value from the script, not about the work of the word.
    fn is_about_a_value(&self) -> bool {
        match self {
            Error::Invalid(Invalid::LinkName { .. })
            | Error::Invalid(Invalid::NetnsName { .. })
            | Error::Invalid(Invalid::ChainName { .. })
            | Error::Invalid(Invalid::Mac { .. })
            | Error::Invalid(Invalid::Prefix { .. })
            | Error::Invalid(Invalid::Address { .. })
            | Error::Invalid(Invalid::WrongFamily { .. })
            | Error::Invalid(Invalid::SysctlKey { .. })
            | Error::Invalid(Invalid::Port { .. })
            | Error::Invalid(Invalid::OutOfRange { .. })
            | Error::UnknownOption { .. }
            | Error::MissingOption { .. }
            | Error::OptionValue { .. }
            | Error::Invalid(Invalid::Conflict { .. })
            | Error::WrongType { .. }
            | Error::Gone { .. }
            | Error::NoSuchLink { .. }
            | Error::NoSuchNetns { .. }
            | Error::LeftoverNetns { .. }
            | Error::NoSuchProcess { .. }
            | Error::OutOfReach { .. }
            | Error::NotThere { .. }
            | Error::NoSuchSetting { .. }
            | Error::WriteOnly { .. }
            | Error::Program { .. }
            | Error::File { .. }
            | Error::Target { .. }
            | Error::Url { .. }
            | Error::Listen { .. }
            | Error::Probe { .. } => true,
            Error::In { .. }
            | Error::Refused { .. }
            | Error::Unanswered { .. }
            | Error::NoHelper { .. }
            | Error::NoTerminal
            | Error::Unreadable { .. }
            | Error::NoTest { .. }
            | Error::NotRoot { .. }
            | Error::NoCapability { .. }
            | Error::OldKernel { .. }
            | Error::StuckLink { .. }
            | Error::NoSandbox { .. }
            | Error::NotSimulated { .. }
            | Error::Assertion { .. }
            | Error::Waited { .. }
            | Error::LabUp { .. }
            | Error::LabBusy { .. }
            | Error::NoSuchLab { .. }
            | Error::ForeignContents { .. }
            | Error::Foreign { .. }
            | Error::Journal { .. }
            | Error::NotUndone { .. }
            | Error::HiddenSetting { .. }
            | Error::NotAllowed { .. }
            | Error::ImportOutside { .. }
            | Error::ImportCircle { .. }
            | Error::TooMuchMemory { .. }
            | Error::Fault { .. }
            | Error::NotALab { .. }
            | Error::NotEnded { .. }
            | Error::NoUndo { .. }
            | Error::Interrupted
            | Error::Deferred { .. }
            | Error::Script(_) => false,
        }
    }
}

/// Says which part of a call a value came from.
pub trait Within<T> {
    /// The value is an argument in the brackets, counted from 0.
    fn argument(self, number: usize) -> Result<T, Error>;

    /// The value is an element of an array, counted from 0.
    fn element(self, number: usize) -> Result<T, Error>;

    /// The value is that of an option.
    fn option(self, key: &str) -> Result<T, Error>;

    /// The error is about the key of an option.
    fn key(self, key: &str) -> Result<T, Error>;
}

impl<T, E: Into<Error>> Within<T> for Result<T, E> {
    fn argument(self, number: usize) -> Result<T, Error> {
        self.map_err(|error| error.into().within(Step::Argument(number)))
    }

    fn element(self, number: usize) -> Result<T, Error> {
        self.map_err(|error| error.into().within(Step::Element(number)))
    }

    fn option(self, key: &str) -> Result<T, Error> {
        self.map_err(|error| error.into().within(Step::Option(key.to_owned())))
    }

    fn key(self, key: &str) -> Result<T, Error> {
        self.map_err(|error| error.into().within(Step::Key(key.to_owned())))
    }
}
