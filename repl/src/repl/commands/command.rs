//! What a command is.

use netscript_lang::diagnostics::{Code, Description, Error, Failure};
use netscript_lang::interpreter::Interpreter;
use netscript_net::op::{NetnsName, NetnsRef};

use crate::repl::state::{Flow, Repl};

/// A command.
pub struct Command {
    /// Its name, with the colon.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What it does, in a line.
    pub about: &'static str,
    /// Does it.
    pub run: fn(&mut Repl, &str) -> Result<Flow, Failure>,
}

/// What a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A word of the language, a type, or a command; or nothing.
    Topic,
    /// A namespace; or nothing.
    Netns,
    /// A file.
    File,
    /// A number; nothing is 1.
    Count,
    /// `on` or `off`; nothing is the other of what it is.
    Switch,
}

impl Takes {
    /// As help writes it.
    pub fn shown(self) -> &'static str {
        match self {
            Takes::Nothing => "",
            Takes::Topic => " [WORD]",
            Takes::Netns => " [NS]",
            Takes::File => " FILE",
            Takes::Count => " [N]",
            Takes::Switch => " [on|off]",
        }
    }
}

/// An error of a command line.
pub fn wrong(message: String, help: String) -> Failure {
    Error::Script(Box::new(Description::new(Code::E0102, message, "").help(help))).into()
}

/// The value of a switch after a command.
pub fn switched(command: &str, before: bool, argument: &str) -> Result<bool, Failure> {
    match argument {
        "" => Ok(!before),
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(wrong(format!("`{other}` is neither `on` nor `off`"), format!("write `{command} on` or `off`"))),
    }
}

/// A namespace that is there, by its name.
pub fn existing(interpreter: &Interpreter, name: &str) -> Result<NetnsRef, Failure> {
    if name == "host" {
        return Ok(NetnsRef::Host);
    }
    let name = NetnsName::parse(name).map_err(Error::from)?;
    let mut lab = interpreter.session().lab();
    if lab.world().netns_names()?.contains(&name) {
        return Ok(NetnsRef::Named(name));
    }
    Err(lab.no_such_netns(name.as_str()).into())
}
