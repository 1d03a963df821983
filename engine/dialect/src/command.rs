//! A command: its words, the namespace in which it runs, and how its exit status is handled.

use std::fmt::Write as _;

use netscript_net::op::{Family, IfName, NetnsRef, PidRef};
use netscript_net::{quote, quote_program};

/// How commands inside a namespace are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// `ip -n NS …` where a tool has such an option.
    #[default]
    Plain,
    /// `ip netns exec NS ip …`, as tutorials do.
    Tutorial,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A text, quoted when it is printed.
    Text(String),
    /// The number of a process: a number, or the shell variable that holds it.
    Pid(PidRef),
    /// A word of the shell's own, such as a builtin.
    Builtin(&'static str),
    /// The number of the shell that runs the script: it lives on the host.
    Shell,
}

impl From<&str> for Word {
    fn from(text: &str) -> Word {
        Word::Text(text.to_owned())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Word {
        Word::Text(text)
    }
}

impl From<&IfName> for Word {
    fn from(name: &IfName) -> Word {
        Word::Text(name.to_string())
    }
}

/// How a command's exit status is handled, and whether the script waits for the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// A failure stops the script.
    Strict,
    /// A failure is ignored: `|| true`.
    Tolerant,
    /// The command runs in the background, and a variable holds its process number: `& p1=$!`.
    Background(PidRef),
}

/// A command, and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The namespace.
    pub netns: NetnsRef,
    /// Program and arguments.
    pub argv: Vec<Word>,
    /// How its exit status is handled.
    pub tail: Tail,
}

impl Command {
    /// A command of these words in a namespace.
    pub fn new<W: Into<Word>>(netns: &NetnsRef, argv: impl IntoIterator<Item = W>) -> Command {
        Command { netns: netns.clone(), argv: argv.into_iter().map(Into::into).collect(), tail: Tail::Strict }
    }

    pub(crate) fn host<W: Into<Word>>(argv: impl IntoIterator<Item = W>) -> Command {
        Command::new(&NetnsRef::Host, argv)
    }

    /// Adds words.
    pub(crate) fn with<W: Into<Word>>(mut self, words: impl IntoIterator<Item = W>) -> Command {
        self.argv.extend(words.into_iter().map(Into::into));
        self
    }

    /// Adds an option and its value, if there is one.
    pub(crate) fn option<W: Into<Word>>(self, key: &str, value: Option<W>) -> Command {
        match value {
            Some(value) => self.with([Word::from(key), value.into()]),
            None => self,
        }
    }

    /// Ignores its failure.
    pub(crate) fn tolerant(mut self) -> Command {
        self.tail = Tail::Tolerant;
        self
    }

    /// The command as a line of a POSIX shell script.
    pub fn line(&self, style: Style) -> String {
        let mut line = self.words(style);
        match self.tail {
            Tail::Strict => {}
            Tail::Tolerant => line.push_str(" || true"),
            Tail::Background(pid @ PidRef::Started(_)) => {
                let _ = write!(line, " & {}=$! jobs=\"$jobs $!\"", variable(pid));
            }
            Tail::Background(pid @ (PidRef::Held(_) | PidRef::Number(_))) => {
                let _ = write!(line, " & {}=$!", variable(pid));
            }
        }
        line
    }

    /// Commands as one line: each runs if the one before fails, and it is no error if all fail.
    pub fn alternatives<'a>(commands: impl IntoIterator<Item = &'a Command>, style: Style) -> String {
        let words = commands.into_iter().map(|command| command.words(style));
        words.chain(["true".to_owned()]).collect::<Vec<_>>().join(" || ")
    }

    /// The command as a person types it.
    pub fn typed(&self) -> String {
        let words = self.words(Style::Plain);
        match self.tail {
            Tail::Strict | Tail::Tolerant => words,
            Tail::Background(_) => format!("{words} &"),
        }
    }

    pub(crate) fn words(&self, style: Style) -> String {
        let takes_n = style == Style::Plain
            && matches!(self.argv.first(), Some(Word::Text(tool)) if tool == "ip" || tool == "bridge");
        let (prefix, rest): (Vec<Word>, &[Word]) = match (&self.netns, self.argv.split_first()) {
            (NetnsRef::Host, _) | (_, None) => (Vec::new(), &self.argv),
            (NetnsRef::Named(name), Some((tool, rest))) if takes_n => {
                (vec![tool.clone(), "-n".into(), name.as_str().into()], rest)
            }
            (NetnsRef::Named(name), Some(_)) => {
                (vec!["ip".into(), "netns".into(), "exec".into(), name.as_str().into()], &self.argv)
            }
            (NetnsRef::Held(number), Some(_)) => (nsenter(PidRef::Held(*number)), &self.argv),
            (NetnsRef::OfPid(pid), Some(_)) => (nsenter(PidRef::Number(*pid)), &self.argv),
        };
        let program = quoted_program(prefix.first().or(rest.first()));
        let others = prefix.iter().chain(rest).skip(1).map(quoted);
        program.into_iter().chain(others).collect::<Vec<_>>().join(" ")
    }
}

/// `nsenter --target PID --net`
fn nsenter(pid: PidRef) -> Vec<Word> {
    vec!["nsenter".into(), "--target".into(), Word::Pid(pid), "--net".into()]
}

fn quoted_program(word: Option<&Word>) -> Option<String> {
    Some(match word? {
        Word::Text(text) => quote_program(text),
        own @ (Word::Pid(_) | Word::Shell | Word::Builtin(_)) => quoted(own),
    })
}

fn quoted(word: &Word) -> String {
    match word {
        Word::Text(text) => quote(text),
        Word::Pid(PidRef::Number(number)) => number.to_string(),
        Word::Builtin(word) => (*word).to_owned(),
        Word::Shell => "$$".to_owned(),
        Word::Pid(pid @ (PidRef::Held(_) | PidRef::Started(_))) => format!("\"${}\"", variable(*pid)),
    }
}

/// The shell variable that holds the number of a process of the lab: `p1` for the holder of its
/// first unnamed namespace, `job1` for its first program.
pub fn variable(pid: PidRef) -> String {
    match pid {
        PidRef::Number(number) => format!("pid{number}"),
        PidRef::Held(number) => format!("p{number}"),
        PidRef::Started(number) => format!("job{number}"),
    }
}

/// The name or process number by which `ip` finds a namespace; for the host, the number of the shell itself.
pub(crate) fn netns_word(netns: &NetnsRef) -> Word {
    match netns {
        NetnsRef::Host => Word::Shell,
        NetnsRef::Named(name) => name.as_str().into(),
        NetnsRef::Held(number) => Word::Pid(PidRef::Held(*number)),
        NetnsRef::OfPid(pid) => Word::Pid(PidRef::Number(*pid)),
    }
}

/// `ip`, or `ip -6`: `ip` takes the family from the addresses in most commands, but not in all.
pub(crate) fn ip(netns: &NetnsRef, family: Family) -> Command {
    match family {
        Family::V4 => Command::new(netns, ["ip"]),
        Family::V6 => Command::new(netns, ["ip", "-6"]),
    }
}
