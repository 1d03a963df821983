//! Journals as text.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Entry, Header, LEFT_BY_OTHERS, NetnsKey, TableHandle, Up, VERSION};

/// A line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first line.
    Lab(Header),
    /// An operation that is about to be sent.
    Entry(Entry),
    /// An entry has been undone, or its operation failed.
    Undone(u64),
    /// The handles of rules, by entry.
    Handles(Vec<(u64, u64)>),
    /// The handles of the tables in which the lab has rules.
    Tables(Vec<TableHandle>),
    /// A program of the lab ran in one of its namespaces, and may have created links there.
    Ran(NetnsKey),
    /// The script has succeeded.
    Up(Up),
}

impl Line {
    /// The line with its end.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string(self).expect("the types of a journal have text keys only");
        text.push('\n');
        text
    }
}

/// A parsed journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Its first line; `None`: the lab has not begun.
    pub header: Option<Header>,
    /// Entries that have not been undone, in order.
    pub entries: Vec<Entry>,
    /// The number of entries that the lab has written itself, including undone ones.
    pub own: u64,
    /// The number of entries that other labs have left to this one, including undone ones.
    pub left: u64,
    /// The handles of rules, by entry.
    pub handles: BTreeMap<u64, u64>,
    /// The handles of the tables in which the lab has rules.
    pub tables: Vec<TableHandle>,
    /// The lab's namespaces in which programs of the lab ran.
    pub ran: Vec<NetnsKey>,
    /// What the script made; `None`: the script has not ended.
    pub up: Option<Up>,
    /// The number of complete lines.
    pub lines: usize,
    /// Whether the last line that looked like an entry could not be read.
    pub unread: bool,
    /// The length of all complete lines in bytes; the rest is unfinished.
    pub length: usize,
    /// Its flaws in words: line numbers, from 1, that cannot be read, and missing entries.
    pub flaws: Vec<String>,
}

/// The reason why a journal cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A later version wrote it, in this format.
    Newer(u32),
    /// Its first line is missing.
    Headless,
}

impl Journal {
    /// Reads a journal.
    pub fn parse(text: &str) -> Result<Journal, Cut> {
        let mut journal = Journal::default();
        journal.read_on(text).map(|()| journal)
    }

    /// Parses the text that follows the lines already read.
    pub fn read_on(&mut self, text: &str) -> Result<(), Cut> {
        let length = text.rfind('\n').map_or(0, |end| end + 1);
        let mut undone = BTreeSet::new();
        for line in text[..length].lines() {
            self.lines += 1;
            if self.lines == 1 {
                check_version(line)?;
            }
            match serde_json::from_str(line) {
                Ok(Line::Lab(header)) => self.header = Some(header),
                Ok(Line::Entry(entry)) => {
                    self.count(entry.n);
                    self.entries.push(entry);
                }
                Ok(Line::Undone(n)) => drop(undone.insert(n)),
                Ok(Line::Handles(handles)) => self.handles.extend(handles),
                Ok(Line::Tables(tables)) => self.tables.extend(tables),
                Ok(Line::Ran(key)) => self.ran.push(key),
                Ok(Line::Up(up)) => {
                    if up.entries.is_some_and(|entries| entries > self.own) {
                        self.flaws.push(format!("entries are missing before line {}", self.lines));
                    }
                    self.up = Some(up);
                }
                Err(_) => {
                    self.flaws.push(format!("line {} is damaged", self.lines));
                    // The line may have been an entry, so its number is not reported as missing too.
                    self.unread = true;
                }
            }
        }
        self.length += length;
        self.entries.retain(|entry| !undone.contains(&entry.n));
        if self.header.is_none() && self.lines > 0 { Err(Cut::Headless) } else { Ok(()) }
    }
}

impl Journal {
    /// Counts an entry. The lab's own entries and those left by others are each numbered consecutively, so a missing
    /// number means that a line has been removed.
    fn count(&mut self, n: u64) {
        let (count, n) = match n.checked_sub(LEFT_BY_OTHERS) {
            Some(n) => (&mut self.left, n),
            None => (&mut self.own, n),
        };
        if n > *count && !self.unread {
            let missing = if n == *count + 1 { "an entry is" } else { "entries are" };
            self.flaws.push(format!("{missing} missing before line {}", self.lines));
        }
        self.unread = false;
        *count = (*count).max(n + 1);
    }
}

/// The version has the same place in every version of the format.
fn check_version(line: &str) -> Result<(), Cut> {
    let value: Option<serde_json::Value> = serde_json::from_str(line).ok();
    match value.and_then(|value| value["lab"]["version"].as_u64()) {
        Some(version) if version > u64::from(VERSION) => Err(Cut::Newer(u32::try_from(version).unwrap_or(u32::MAX))),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Undo;
    use netscript_net::op::NetnsName;

    fn header() -> Line {
        Line::Lab(Header {
            version: VERSION,
            name: "red".into(),
            script: "red.rhai".into(),
            started: 1,
            boot: "boot".into(),
            host: NetnsKey { inode: 1, cookie: 1 },
            base: 100_000,
            token: "red:1".into(),
            cgroup: None,
        })
    }

    fn entry(n: u64) -> Line {
        let name = NetnsName::parse("red").expect("it is a name");
        let undo = vec![Undo::Netns { name, key: NetnsKey { inode: 2, cookie: 3 }, attached: false }];
        Line::Entry(Entry { n, at: n, op: "make the namespace `red`".into(), undo })
    }

    #[test]
    fn what_is_written_is_read() {
        let text: String = [header(), entry(0), entry(1), Line::Undone(0)].iter().map(Line::text).collect();
        let journal = Journal::parse(&text).expect("it is whole");
        assert_eq!(journal.entries.iter().map(|entry| entry.n).collect::<Vec<_>>(), [1]);
        assert_eq!((journal.length, journal.flaws), (text.len(), vec![]));
    }

    #[test]
    fn it_can_be_read_bit_by_bit() {
        let lines = [header(), entry(0), entry(1), Line::Undone(0), entry(2), Line::Undone(2)].map(|line| line.text());
        let text = lines.concat();
        for cut in 0..=text.len() {
            let mut journal = Journal::default();
            let first = journal.read_on(&text[..cut]);
            let rest = journal.read_on(&text[journal.length..]);
            assert_eq!((first, rest), (Ok(()), Ok(())));
            assert_eq!(Ok(journal), Journal::parse(&text), "cut at {cut}");
        }
    }

    #[test]
    fn what_others_left_is_numbered_apart() {
        let own = [header(), entry(0), entry(1)].map(|line| line.text()).concat();
        let left = |text: &str| Journal::parse(text).map(|journal| journal.left);
        assert_eq!(left(&own), Ok(0));
        let others = [entry(LEFT_BY_OTHERS), Line::Undone(LEFT_BY_OTHERS)].map(|line| line.text()).concat();
        assert_eq!(left(&(own + others.as_str())), Ok(1));
    }

    #[test]
    fn a_torn_last_line_was_never_sent() {
        let whole = [header(), entry(0)].map(|line| line.text()).concat();
        let torn = format!("{whole}{}", &entry(1).text()[..20]);
        let journal = Journal::parse(&torn).expect("it has a header");
        assert_eq!((journal.entries.len(), journal.length), (1, whole.len()));
    }

    #[test]
    fn damage_and_later_versions_are_told() {
        let damaged = format!("{}{{\"entry\"\n{}", header().text(), entry(1).text());
        let flaws = |text: &str| Journal::parse(text).map(|journal| journal.flaws);
        assert_eq!(flaws(&damaged), Ok(vec!["line 2 is damaged".to_owned()]));
        let whole = [header(), entry(0), entry(1), entry(2), Line::Undone(1)].map(|line| line.text());
        assert_eq!(flaws(&whole.concat()), Ok(vec![]));
        for removed in 1..=2 {
            let mut lines = whole.clone();
            lines[removed].clear();
            assert_eq!(flaws(&lines.concat()), Ok(vec![format!("an entry is missing before line {}", removed + 1)]));
        }
        let up = Line::Up(Up { made: Vec::new(), entries: Some(2) }).text();
        assert_eq!(flaws(&[header().text(), entry(0).text(), entry(1).text(), up.clone()].concat()), Ok(vec![]));
        let cut = [header().text(), entry(0).text(), up].concat();
        assert_eq!(flaws(&cut), Ok(vec!["entries are missing before line 3".to_owned()]));
        assert_eq!(Journal::parse("{\"lab\":{\"version\":9,\"else\":1}}\n"), Err(Cut::Newer(9)));
        assert_eq!(Journal::parse(&entry(1).text()), Err(Cut::Headless));
        assert_eq!(Journal::parse(""), Ok(Journal::default()));
    }
}
