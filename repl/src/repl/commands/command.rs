//! A command of the REPL.

use netscript_lang::diagnostics::{Code, Description, Error, Failure};
use netscript_lang::interpreter::Interpreter;
use netscript_net::op::{NetnsName, NetnsRef};

use crate::repl::state::{Flow, Repl};

/// A command.
pub struct Command {
    /// Its name, with the colon.
    pub name: &'static str,
    /// The kind of its argument.
    pub takes: Takes,
    /// What it does, in a line.
    pub about: &'static str,
    /// Runs the command with its argument.
    pub run: fn(&mut Repl, &str) -> Result<Flow, Failure>,
}

/// The kind of a command's argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// No argument.
    Nothing,
    /// A word of the language, a type, or a command; optional.
    Topic,
    /// A namespace; optional.
    Netns,
    /// A file.
    File,
    /// A number; the default is 1.
    Count,
    /// `on` or `off`; without it, the setting is toggled.
    Switch,
}

impl Takes {
    /// The argument as help shows it.
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

impl Command {
    /// How it is written, with what it takes.
    pub fn synopsis(&self) -> String {
        format!("{}{}", self.name, self.takes.shown())
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

/// An existing namespace, by its name.
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
