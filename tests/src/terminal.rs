//! Runs the program in a terminal, as a user sees it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pty_process::blocking::{Command, open};

use crate::program::Place;

/// Longer than anything takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// The interval at which the end of the program is polled.
const STEP: Duration = Duration::from_millis(5);

/// Enough that nothing scrolls away.
const ROWS: u16 = 2000;

/// Key sequences of xterm.
pub const UP: &str = "\u{1b}[A";
/// Ctrl-C.
pub const CTRL_C: &str = "\u{3}";
/// Ctrl-D.
pub const CTRL_D: &str = "\u{4}";
/// Ctrl-U: deletes the typed text.
pub const CTRL_U: &str = "\u{15}";

/// A terminal with a program in it.
pub struct Terminal {
    child: Child,
    /// The other side of the pseudoterminal.
    pty: Option<File>,
    screen: vt100::Parser,
    /// All output so far.
    bytes: Vec<u8>,
}

impl Terminal {
    /// Starts the program in a terminal. Its history is in the place's folder.
    ///
    /// # Panics
    ///
    /// If there are no terminals.
    pub fn start(place: &Place, args: &[&str], columns: u16, env: &[(&str, &str)]) -> Terminal {
        let (pty, pts) = open().expect("there are pseudo-terminals");
        pty.resize(pty_process::Size::new(ROWS, columns)).expect("it has a size");
        let command = Command::new(place.program())
            .args(args)
            .current_dir(place.path(""))
            .env("XDG_STATE_HOME", place.path("state"))
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .envs(env.iter().copied());
        let child = command.spawn(pts).expect("the program can be started");
        let pty = File::from(pty.as_fd().try_clone_to_owned().expect("files can be opened"));
        let size = |number: u16| number.try_into().expect("it is not 0");
        let screen = vt100::Parser::new(size(ROWS), size(columns), 0);
        Terminal { child, pty: Some(pty), screen, bytes: Vec::new() }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Presses keys.
    ///
    /// # Panics
    ///
    /// If the terminal was closed.
    pub fn press(&mut self, keys: &str) {
        self.send(keys.as_bytes());
    }

    /// Sends bytes, text or not.
    ///
    /// # Panics
    ///
    /// If the terminal was closed.
    pub fn send(&mut self, bytes: &[u8]) {
        let file = self.pty.as_mut().expect("it is not closed");
        file.write_all(bytes).expect("the terminal takes keys");
    }

    /// The text on the screen, without empty lines at its end.
    pub fn text(&self) -> String {
        self.screen.screen().contents().trim_end().to_owned()
    }

    /// Everything that the program has written so far, as the terminal got it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The screen with its colours as escape sequences.
    pub fn coloured(&self) -> String {
        self.screen.screen().contents_formatted().to_string()
    }

    /// Waits until the screen is as wanted.
    ///
    /// # Panics
    ///
    /// If it never is.
    pub fn wait(&mut self, what: &str, wanted: impl Fn(&Terminal) -> bool) {
        let deadline = Instant::now() + crate::patience(LIMIT);
        while !wanted(self) {
            if !self.look(deadline.saturating_duration_since(Instant::now())) {
                panic!("{what} does not come; the screen is\n{}", self.text());
            }
        }
    }

    /// Reads output that comes within a time; false if there is none, or the program has ended.
    fn look(&mut self, time: Duration) -> bool {
        let Some(pty) = &mut self.pty else { return false };
        let mut files = [PollFd::new(pty.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        if !poll(&mut files, timeout).is_ok_and(|ready| ready > 0) {
            return false;
        }
        let mut buffer = [0; 4096];
        // Linux returns EIO when the last program has closed the terminal.
        let count = pty.read(&mut buffer).unwrap_or(0);
        self.screen.process(&buffer[..count]);
        self.bytes.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// Waits until a text is on the screen.
    ///
    /// # Panics
    ///
    /// If it never is.
    pub fn wait_for(&mut self, text: &str) {
        self.wait(&format!("{text:?}"), |terminal| terminal.text().contains(text));
    }

    /// Waits until a text is below the line that the cursor is in.
    ///
    /// # Panics
    ///
    /// If it never is.
    pub fn wait_for_below(&mut self, text: &str) {
        let row = self.screen.screen().cursor_position().0 + 1;
        self.wait(&format!("{text:?}"), |terminal| terminal.text_from(row).contains(text));
    }

    /// Waits for an empty prompt.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub fn wait_for_prompt(&mut self) {
        self.wait("a prompt", |terminal| terminal.line().ends_with('>') && !terminal.line().contains(' '));
    }

    /// The text on the screen from a row on, with wrapped lines joined.
    fn text_from(&self, row: u16) -> String {
        let (rows, columns) = self.screen.screen().size();
        self.screen.screen().contents_between(row, 0, rows.get() - 1, columns.get()).to_string()
    }

    /// The line of the cursor.
    pub fn line(&self) -> String {
        let (row, _) = self.screen.screen().cursor_position();
        let columns = self.screen.screen().size().1.get();
        let lines: Vec<String> = self.screen.screen().rows(0, columns).collect();
        lines[usize::from(row)].trim_end().to_owned()
    }

    /// Enters one or more lines, waits for the prompt, and returns the text shown in between.
    ///
    /// # Panics
    ///
    /// If no prompt comes.
    pub fn enter(&mut self, line: &str) -> String {
        self.wait_for_prompt();
        let (before, _) = self.screen.screen().cursor_position();
        for part in line.split_inclusive('\n') {
            self.press(part.trim_end_matches('\n'));
            let last = part.trim().chars().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<String>();
            self.wait(&format!("the echo of {last:?}"), |terminal| terminal.text_from(before).contains(&last));
            self.press("\r");
        }
        self.wait("the next prompt", |terminal| {
            let row = terminal.screen.screen().cursor_position().0;
            row > before && terminal.line().ends_with('>') && !terminal.line().contains(' ')
        });
        let columns = self.screen.screen().size().1.get();
        let (after, _) = self.screen.screen().cursor_position();
        let lines: Vec<String> = self.screen.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        let typed = line.split('\n').count();
        lines[usize::from(before) + typed..usize::from(after)].join("\n")
    }

    /// Reads available output; false if there is none, or the program has ended.
    pub fn take_in(&mut self) -> bool {
        self.look(STEP)
    }

    /// Closes the terminal, as a window is closed.
    pub fn close(&mut self) {
        self.pty = None;
    }

    /// Waits for the program's end, and gives its exit status.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn status(&mut self) -> Option<i32> {
        let deadline = Instant::now() + crate::patience(LIMIT);
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end; the screen is\n{}", self.text());
            if !self.look(STEP) {
                std::thread::sleep(STEP);
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
