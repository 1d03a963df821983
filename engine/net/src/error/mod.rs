//! Everything that can go wrong, as facts and in words.

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
pub use errno::{Errno, Refusal};
pub use part::{Part, Step, Within};
#[cfg(feature = "rhai")]
pub use script::ScriptError;
pub use suggest::did_you_mean;

pub use crate::invalid::Invalid;
use crate::op::Op;

/// The result of anything that may fail for a reason the user should read.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that a user can cause, with the facts that explain it. Where in the script it
/// happened is added at the border to Rhai.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are named facts; `describe` tells them")]
pub enum Error {
    /// A value that no object of a network can have.
    Invalid(Invalid),
    /// A key in an option map that the word does not know.
    UnknownOption { word: String, key: String, known: Vec<String> },
    /// A key that an option map must have.
    MissingOption { word: String, key: String, example: String },
    /// A value that an option does not take.
    OptionValue { key: String, given: String, wanted: String },
    /// A value of another type than the word takes.
    WrongType { what: String, wanted: String, given: String },
    /// A handle on something that has been removed.
    Gone { what: String, removed: Option<At> },
    /// A name of a link that is not there.
    NoSuchLink { name: String, netns: String, known: Vec<String>, elsewhere: Option<String> },
    /// A name of a namespace that is not there.
    NoSuchNetns { name: String, known: Vec<String> },
    /// A name under `/run/netns` that does not refer to a namespace any more.
    LeftoverNetns { name: String },
    /// A number that no process has.
    NoSuchProcess { pid: u32 },
    /// A process that nobody here may look into.
    OutOfReach { pid: u32 },
    /// Something, named in a phrase, that is not there.
    NotThere { what: String, known: Vec<String> },
    /// The kernel, or the model of it, refused an operation.
    Refused { op: Box<Op>, refusal: Refusal, facts: Vec<String> },
    /// The kernel refused a question.
    Unanswered { question: String, refusal: Refusal },
    /// A setting that can be written, but not read.
    WriteOnly { key: String },
    /// A setting that this kernel does not have.
    NoSuchSetting { key: String, known: Vec<String> },
    /// A setting that the kernel shows only to the machine's own network.
    HiddenSetting { key: String },
    /// Something that this run may not do, put as what follows "may not".
    NotAllowed { what: String },
    /// A module outside the folders from which this run may import.
    ImportOutside { path: String, folders: Vec<String> },
    /// A program that cannot be started.
    Program { program: String, errno: Errno, netns: String },
    /// A helper that the program which embeds netscript cannot be.
    NoHelper { name: String },
    /// A shell is wanted, and there is no terminal for it.
    NoTerminal,
    /// A file that cannot be used.
    File { path: String, doing: String, why: String },
    /// A script that cannot be read.
    Unreadable { path: String, why: String },
    /// A path that means no test.
    NoTest { path: String, why: String },
    /// No privilege to change networks; `sandbox`: a network of its own would do.
    NotRoot { sandbox: bool },
    /// A kernel that lacks what netscript is made of.
    OldKernel { found: String, oldest: String },
    /// A link that this kernel could not give back after a move: it keeps the link's number, which is taken there.
    StuckLink { name: String, netns: String, index: u32 },
    /// A privileged user without some capabilities; `doing` is what they are needed for.
    NoCapability { missing: Vec<String>, doing: String },
    /// No sandbox can be made; `help` names the switch.
    NoSandbox { why: String, help: String },
    /// Something that a dry run has no way to know, put as what follows "cannot know".
    NotSimulated { what: String },
    /// An assertion that does not hold; `sides` tells what a comparison compared.
    Assertion { message: Option<String>, sides: Vec<String> },
    /// A wait that was in vain.
    Waited { seconds: f64, last: Option<String> },
    /// A target of a probe that has no address.
    Target { given: String, why: String },
    /// What `fetch` cannot ask for.
    Url { given: String, why: String },
    /// A server whose port the kernel refused.
    Listen { port: u16, netns: String, refusal: Refusal },
    /// A probe whose socket the kernel refused.
    Probe { probe: String, refusal: Refusal },
    /// A lab that is up already.
    LabUp { name: String, script: String },
    /// A lab that another process is working on.
    LabBusy { name: String },
    /// A lab that is not up.
    NoSuchLab { name: String, known: Vec<String> },
    /// What others put into a lab, and what would go with it.
    Strangers { lab: String, what: Vec<String> },
    /// An operation that would remove what the lab did not make.
    Foreign { op: String, what: Vec<String> },
    /// A journal that cannot be used.
    Journal { path: String, why: String, help: String },
    /// What stands where a lab's folder would be is none.
    NotALab { path: String, what: String },
    /// What could not be undone.
    NotUndone { what: Vec<String> },
    /// Processes that go on although they have been ended.
    NotEnded { what: Vec<String> },
    /// There is nothing that could be undone, or not like this.
    NoUndo { why: String },
    /// Modules that import each other; the files, the last of which is the first again.
    ImportCircle { files: Vec<String> },
    /// A script that made the program take more memory than this, in bytes.
    TooMuchMemory { limit: usize },
    /// A panic, and where in netscript it happened.
    Fault { what: String, place: String },
    /// Ctrl-C.
    Interrupted,
    /// An operation that waited, at a place of the script that has been passed, and then failed.
    Deferred { at: Option<At>, error: Box<Error> },
    /// An error about one part of the call that made it.
    In { part: Part, error: Box<Error> },
    /// An error of Rhai's own, put into words.
    Script(Box<Description>),
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Error {
        Error::Invalid(invalid)
    }
}

/// An error in words, ready to be printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Its entry in the registry.
    pub code: Code,
    /// What is wrong, in a line.
    pub message: String,
    /// What stands at the underlined place.
    pub label: String,
    /// What else is known.
    pub notes: Vec<String>,
    /// What to do next.
    pub help: Option<String>,
    /// The part of the call to underline; else what is called.
    pub part: Option<Part>,
}

impl Description {
    /// A description without notes and help.
    pub fn new(code: Code, message: impl Into<String>, label: impl Into<String>) -> Description {
        Description { code, message: message.into(), label: label.into(), notes: Vec::new(), help: None, part: None }
    }

    /// Adds what to do next.
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
