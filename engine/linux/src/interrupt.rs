//! Interruption by Ctrl-C and other signals: a flag, and a pipe that can be polled together with other files.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::libc::{SIGHUP, SIGINT, SIGTERM};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::time::TimeSpec;
use tokio::net::unix::pipe::Receiver;

use netscript_net::error::{Error, Result};

/// Whether the user has asked to stop. Clones share one state.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    raised: Arc<AtomicBool>,
    /// Set by signals that end the session, and never reset.
    ended: Arc<AtomicBool>,
    /// Becomes readable with the first signal, until the interruption is reset.
    pipe: PipeReader,
    /// Becomes readable with the first signal that ends the session.
    end: PipeReader,
    /// The write ends of both pipes, which must stay open even without signal handlers.
    hands: [PipeWriter; 2],
}

impl Interrupt {
    /// From this call on, SIGINT, SIGTERM and SIGHUP do not end this process but set the flag. If SIGHUP is ignored, as
    /// under `nohup`, it stays ignored.
    pub fn listen() -> Result<Interrupt> {
        Interrupt::hear()
            .map_err(|error| Error::Unanswered { question: "listen for Ctrl-C".to_owned(), rejection: error.into() })
    }

    /// An interrupt that is set by [`raise`](Interrupt::raise) only, not by signals: for programs that handle signals
    /// themselves.
    pub fn by_hand() -> Result<Interrupt> {
        Interrupt::silent()
            .map_err(|error| Error::Unanswered { question: "make a pipe".to_owned(), rejection: error.into() })
    }

    fn silent() -> io::Result<Interrupt> {
        let (pipe, hand) = io::pipe()?;
        let (end, end_hand) = io::pipe()?;
        let (raised, ended) = Default::default();
        Ok(Interrupt(Arc::new(Inner { raised, ended, pipe, end, hands: [hand, end_hand] })))
    }

    fn hear() -> io::Result<Interrupt> {
        let interrupt = Interrupt::silent()?;
        let Inner { raised, ended, hands: [writer, end_writer], .. } = &*interrupt.0;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if signal == SIGHUP && is_ignored(signal) {
                continue;
            }
            if signal != SIGINT {
                signal_hook::flag::register(signal, Arc::clone(ended))?;
                signal_hook::low_level::pipe::register(signal, OwnedFd::from(end_writer.try_clone()?))?;
            }
            signal_hook::flag::register(signal, Arc::clone(raised))?;
            signal_hook::low_level::pipe::register(signal, OwnedFd::from(writer.try_clone()?))?;
        }
        Ok(interrupt)
    }

    /// Sets the flag, as Ctrl-C does.
    pub fn raise(&self) {
        let Inner { raised, hands: [hand, _], .. } = &*self.0;
        if !raised.swap(true, Ordering::Relaxed) {
            // For code that does not poll, the flag is enough.
            let _ = { hand }.write_all(b"!");
        }
    }

    /// Whether the user has asked to stop.
    pub fn raised(&self) -> bool {
        self.0.raised.load(Ordering::Relaxed)
    }

    /// Whether the session must end: the terminal was closed (SIGHUP), or somebody sent SIGTERM.
    pub fn ended(&self) -> bool {
        self.0.ended.load(Ordering::Relaxed)
    }

    /// Waits until the session must end.
    pub fn wait_for_end(&self) {
        while !self.ended() {
            let mut end = [PollFd::new(self.0.end.as_fd(), PollFlags::POLLIN)];
            // poll fails if a signal arrives; the loop checks again.
            let _ = poll(&mut end, PollTimeout::NONE);
        }
    }

    /// Resets the flag after an interruption has been handled. The end of a session is not reset.
    pub fn reset(&self) {
        if self.ended() {
            return;
        }
        self.0.raised.store(false, Ordering::Relaxed);
        self.drain();
        if self.ended() {
            self.0.raised.store(true, Ordering::Relaxed);
        }
    }

    fn drain(&self) {
        let mut bytes = [0; 64];
        while self.has_bytes() && (&self.0.pipe).read(&mut bytes).is_ok_and(|count| count == bytes.len()) {}
    }

    fn has_bytes(&self) -> bool {
        let mut pipe = [PollFd::new(self.0.pipe.as_fd(), PollFlags::POLLIN)];
        poll(&mut pipe, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// Completes when the user has asked to stop.
    pub async fn until_raised(&self) {
        let pipe = self.0.pipe.try_clone().and_then(|pipe| Receiver::from_owned_fd(pipe.into()));
        match pipe {
            Ok(pipe) => drop(pipe.readable().await),
            // Without a pipe to poll, check the flag at intervals.
            Err(_) => {
                while !self.raised() {
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    /// Waits; returns an error if the user interrupts.
    pub fn sleep(&self, time: Duration) -> Result<()> {
        self.wait(&[], Instant::now().checked_add(time)).map(drop)
    }

    /// Waits until a file is readable or at its end, and returns which files are; none at `until`. Returns an error if
    /// the user interrupts.
    pub(crate) fn wait(&self, files: &[BorrowedFd<'_>], until: Option<Instant>) -> Result<Vec<bool>> {
        let mut polled: Vec<PollFd<'_>> = files
            .iter()
            .copied()
            .chain([self.0.pipe.as_fd()])
            .map(|file| PollFd::new(file, PollFlags::POLLIN))
            .collect();
        loop {
            if self.raised() {
                return Err(Error::Interrupted);
            }
            let time_left = until.map(|until| until.saturating_duration_since(Instant::now()));
            match ppoll(&mut polled, Some(one_wait(time_left)), None) {
                Err(nix::Error::EINTR) => continue,
                Err(error) => {
                    let rejection = io::Error::from(error).into();
                    return Err(Error::Unanswered { question: "wait".to_owned(), rejection });
                }
                Ok(0) if time_left.is_none_or(|left| left > LONGEST_WAIT) => continue,
                Ok(_) => {}
            }
            let ready = |file: &PollFd<'_>| file.any().unwrap_or(false);
            let (pipe, files) = polled.split_last().expect("the pipe is always there");
            if !ready(pipe) {
                return Ok(files.iter().map(ready).collect());
            }
            // The signal handler sets the flag before it writes the byte, so the loop's head sees the flag, unless the
            // byte belongs to an interruption that has been reset.
            if !self.raised() {
                self.drain();
            }
        }
    }
}

/// The polling interval where polling the pipe is impossible.
const LOOK: Duration = Duration::from_millis(20);

/// The longest single wait; longer waits are split, so that no duration overflows.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

fn one_wait(time_left: Option<Duration>) -> TimeSpec {
    TimeSpec::from_duration(time_left.map_or(LONGEST_WAIT, |left| left.min(LONGEST_WAIT)))
}

/// Whether this process was started with a signal ignored (`SigIgn` in proc_pid_status(5)).
fn is_ignored(signal: i32) -> bool {
    let ignored = crate::privilege::status_field("SigIgn").unwrap_or(0);
    ignored & (1 << (signal - 1)) != 0
}
