//! All errors, as facts ([`Error`]) and in words ([`Description`]).

mod at;
mod blame;
mod code;
mod describe;
mod errno;
mod part;
mod refused;
mod remedy;
#[cfg(feature = "rhai")]
mod script;
mod suggest;

pub use at::At;
pub use blame::missing_part;
pub use code::{Code, CodeEntry, REGISTRY};
pub use errno::Errno;
pub use part::{Part, Step, Within};
#[cfg(feature = "rhai")]
pub use script::ScriptError;
pub use suggest::did_you_mean;

pub use crate::invalid::Invalid;
use crate::op::Op;
pub use crate::rejection::Rejection;

/// The result of an action that may fail with an error for the user.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that a user can cause, with the facts that explain it. Its place in the script is added when it is passed
/// to Rhai.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are named facts; `describe` tells them")]
pub enum Error {
    /// An invalid value.
    Invalid(Invalid),
    /// A key that is not an option of the word.
    UnknownOption { word: String, key: String, known: Vec<String> },
    /// A missing option.
    MissingOption { word: String, key: String, example: String },
    /// A value that an option does not accept.
    OptionValue { key: String, given: String, wanted: String },
    /// A value of the wrong type.
    WrongType { what: String, wanted: String, given: String },
    /// A handle on something that has been removed.
    Gone { what: String, removed: Option<At> },
    /// A link that does not exist.
    NoSuchLink { name: String, netns: String, known: Vec<String>, elsewhere: Option<String> },
    /// A namespace that does not exist.
    NoSuchNetns { name: String, known: Vec<String> },
    /// A name under `/run/netns` that does not refer to a namespace.
    LeftoverNetns { name: String },
    /// A process that does not exist.
    NoSuchProcess { pid: u32 },
    /// A process whose namespace cannot be opened from here.
    OutOfReach { pid: u32 },
    /// Any other object that does not exist; `what` is a phrase for it.
    NotThere { what: String, known: Vec<String> },
    /// An operation that the kernel, or the model of it, refused.
    Refused { op: Box<Op>, rejection: Rejection, facts: Vec<String> },
    /// A question that the kernel refused; `question` is the text after "cannot".
    Unanswered { question: String, rejection: Rejection },
    /// A setting that can be written but not read.
    WriteOnly { key: String },
    /// A setting that this kernel does not have.
    NoSuchSetting { key: String, known: Vec<String> },
    /// A setting that the kernel shows only in the machine's own network namespace.
    HiddenSetting { key: String },
    /// Something that this run may not do; `what` is the text after "may not".
    NotAllowed { what: String },
    /// A module outside the folders from which this run may import.
    ImportOutside { path: String, folders: Vec<String> },
    /// A program that could not be started.
    Program { program: String, errno: Errno, netns: String },
    /// A helper that the embedding program does not provide.
    NoHelper { name: String },
    /// A shell was requested without a terminal.
    NoTerminal,
    /// A file that cannot be used.
    File { path: String, doing: String, why: String },
    /// A script that cannot be read.
    Unreadable { path: String, why: String },
    /// A path without tests.
    NoTest { path: String, why: String },
    /// Missing privilege to change networks; `sandbox`: a sandbox would do.
    NotRoot { sandbox: bool },
    /// A kernel that is too old.
    OldKernel { found: String, oldest: String },
    /// A link that must not be moved: its index is taken in the target namespace, and this kernel would give it another
    /// one, by which it could not be found again.
    StuckLink { name: String, netns: String, index: u32 },
    /// Missing capabilities of a privileged user; `doing` is what they are needed for.
    NoCapability { missing: Vec<String>, doing: String },
    /// A sandbox that cannot be created; `help` says how to allow it.
    NoSandbox { why: String, help: String },
    /// Something that a dry run does not simulate; `what` is the text after "cannot know".
    NotSimulated { what: String },
    /// A failed assertion; `sides` are the values of a comparison.
    Assertion { message: Option<String>, sides: Vec<String> },
    /// A wait that timed out.
    Waited { seconds: f64, last: Option<String> },
    /// A probe's target without an address.
    Target { given: String, why: String },
    /// A URL that `fetch` does not support.
    Url { given: String, why: String },
    /// A server whose port the kernel refused to open.
    Listen { port: u16, netns: String, rejection: Rejection },
    /// A probe whose socket the kernel refused to open.
    Probe { probe: String, rejection: Rejection },
    /// A lab that is up already.
    LabUp { name: String, script: String },
    /// A lab that another process is working on.
    LabBusy { name: String },
    /// A lab that is not up.
    NoSuchLab { name: String, known: Vec<String> },
    /// Objects of others in a lab, which would be removed with it.
    ForeignContents { lab: String, what: Vec<String> },
    /// An operation that would remove objects that the lab did not create.
    Foreign { op: String, what: Vec<String> },
    /// A journal that cannot be used.
    Journal { path: String, why: String, help: String },
    /// A file or link where a lab's folder should be.
    NotALab { path: String, what: String },
    /// Steps that could not be undone.
    NotUndone { what: Vec<String> },
    /// Processes that are still running after SIGKILL.
    NotEnded { what: Vec<String> },
    /// Nothing can be undone; `why` is the reason.
    NoUndo { why: String },
    /// Modules that import each other; the last of `files` is the first one again.
    ImportCircle { files: Vec<String> },
    /// A script that used more memory than this limit, in bytes.
    TooMuchMemory { limit: usize },
    /// A panic, and its place in netscript's source.
    Fault { what: String, place: String },
    /// An interruption by Ctrl-C.
    Interrupted,
    /// A deferred operation that failed; `at` is its place in the script.
    Deferred { at: Option<At>, error: Box<Error> },
    /// An error about one part of its call.
    In { part: Part, error: Box<Error> },
    /// An error of Rhai, in words.
    Script(Box<Description>),
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Error {
        Error::Invalid(invalid)
    }
}

/// An error in words, ready to print.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Its code, which is a key of the registry.
    pub code: Code,
    /// One line that says what is wrong.
    pub message: String,
    /// The text at the underlined place.
    pub label: String,
    /// Further facts.
    pub notes: Vec<String>,
    /// The next step for the user.
    pub help: Option<String>,
    /// The part of the call to underline; `None`: its name.
    pub part: Option<Part>,
}

impl Description {
    /// A description without notes and help.
    pub fn new(code: Code, message: impl Into<String>, label: impl Into<String>) -> Description {
        Description { code, message: message.into(), label: label.into(), notes: Vec::new(), help: None, part: None }
    }

    /// Adds help.
    pub fn help(mut self, help: impl Into<String>) -> Description {
        self.help = Some(help.into());
        self
    }

    /// Adds a note.
    pub fn note(mut self, note: impl Into<String>) -> Description {
        self.notes.push(note.into());
        self
    }

    /// Underlines a part of the call.
    pub fn part(mut self, part: Part) -> Description {
        self.part = Some(part);
        self
    }
}
