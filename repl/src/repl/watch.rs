//! Ends the session on a signal, even while the editor waits for a key.

use std::io;
use std::thread;
use std::time::Duration;

use netscript_linux::Interrupt;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

/// The time that running statements have to stop by themselves.
const GRACE: Duration = Duration::from_secs(1);

/// Ends the process on a signal if nothing else reacts to it: the editor only waits for keys. Restores the terminal.
pub fn leave_when_told(interrupt: &Interrupt) {
    let interrupt = interrupt.clone();
    let terminal: Option<Termios> = tcgetattr(io::stdin()).ok();
    // Without a thread the session ends with the next key.
    let _ = thread::Builder::new().name("watch".to_owned()).spawn(move || {
        interrupt.wait_for_end();
        thread::sleep(GRACE);
        if let Some(terminal) = terminal {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &terminal);
        }
        std::process::exit(super::INTERRUPTED);
    });
}
