//! A terminal of 80 columns with a program in it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::Child;
use std::time::Instant;

use anyhow::{Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pty_process::blocking::{Command, open};

use super::process::limit;

/// The width of a VT100.
const COLUMNS: u16 = 80;

/// Enough that nothing scrolls away.
const ROWS: u16 = 2000;

/// A terminal with a program in it.
pub struct Terminal {
    child: Child,
    pty: File,
    screen: vt100::Parser,
    deadline: Instant,
}

impl Terminal {
    /// Starts a program in a terminal.
    pub fn start(prepare: impl FnOnce(Command) -> Command, program: &std::path::Path) -> Result<Terminal> {
        let (pty, pts) = open()?;
        pty.resize(pty_process::Size::new(ROWS, COLUMNS))?;
        let child = prepare(Command::new(program).env("TERM", "xterm").env("NO_COLOR", "1")).spawn(pts)?;
        let pty = File::from(pty.as_fd().try_clone_to_owned()?);
        let size = |number: u16| number.try_into().expect("it is not 0");
        let screen = vt100::Parser::new(size(ROWS), size(COLUMNS), 0);
        Ok(Terminal { child, pty, screen, deadline: Instant::now() + limit() })
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        Ok(self.pty.write_all(keys.as_bytes())?)
    }

    /// Reads output until the screen is as `wanted`, or the program has ended; false if it has.
    pub fn wait(&mut self, wanted: impl Fn(&Terminal) -> bool) -> Result<bool> {
        while !wanted(self) {
            if Instant::now() > self.deadline {
                bail!("it does not go on within {} seconds; the screen is\n{}", limit().as_secs(), self.text());
            }
            if !self.look()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads available output; false if the program has closed the terminal.
    fn look(&mut self) -> Result<bool> {
        let time = self.deadline.saturating_duration_since(Instant::now());
        let mut files = [PollFd::new(self.pty.as_fd(), PollFlags::POLLIN)];
        if poll(&mut files, PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX))? == 0 {
            return Ok(true);
        }
        let mut buffer = [0; 4096];
        // Linux returns EIO when the last program has closed the terminal.
        let count = self.pty.read(&mut buffer).unwrap_or(0);
        self.screen.process(&buffer[..count]);
        Ok(count > 0)
    }

    /// The row of the cursor.
    pub fn row(&self) -> u16 {
        self.screen.screen().cursor_position().0
    }

    /// The line of the cursor.
    pub fn line(&self) -> String {
        self.screen.screen().rows(0, COLUMNS).nth(usize::from(self.row())).unwrap_or_default().trim_end().to_owned()
    }

    /// The text on the screen from a row on, with wrapped lines joined.
    pub fn text_from(&self, row: u16) -> String {
        self.screen.screen().contents_between(row, 0, ROWS - 1, COLUMNS).to_string()
    }

    /// The text on the screen, without empty lines at its end.
    pub fn text(&self) -> String {
        self.text_from(0).trim_end().to_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
