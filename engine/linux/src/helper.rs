//! The program under other names: processes of a lab that go on when its script has ended.

use std::convert::Infallible;
use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::probe::{answer_forever, capture_forever, resolve_forever};

/// Under this name (`argv[0]`) the program is an HTTP server: it answers every request on the
/// socket that is its standard input with the page that is its argument.
pub(crate) const SERVER_NAME: &str = "netscript-serve";

/// Under this name the program is a name server: it answers on the UDP socket that is its standard
/// input and the TCP socket that is its standard output, for the names that are its arguments.
pub(crate) const NAME_SERVER_NAME: &str = "netscript-dns";

/// Under this name the program is a capture: it writes the packets of the socket that is its
/// standard input into the file that is its standard output.
pub(crate) const CAPTURE_NAME: &str = "netscript-capture";

/// This program knows what to do under the other names.
static KNOWN: AtomicBool = AtomicBool::new(false);

/// Does what a helper does, if this process was started as one, and gives the exit status that it ends with. Programs
/// call it first of all: only those that have done so can start helpers.
pub fn run_as_helper() -> Option<i32> {
    let mut args = env::args();
    let name = args.next().unwrap_or_default();
    let result = match name.as_str() {
        SERVER_NAME => serve(&args.next().unwrap_or_default()).map(|never| match never {}),
        CAPTURE_NAME => capture(),
        NAME_SERVER_NAME => resolve(args),
        _ => {
            KNOWN.store(true, Ordering::Relaxed);
            return None;
        }
    };
    Some(match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{name}: {error}");
            1
        }
    })
}

/// Whether this program, started again under another name, is a helper.
pub(crate) fn is_known() -> bool {
    KNOWN.load(Ordering::Relaxed)
}

/// The socket listens already.
fn serve(body: &str) -> io::Result<Infallible> {
    answer_forever(TcpListener::from(handed(io::stdin())?), body)
}

/// The socket hears already, and the file has its header.
fn capture() -> io::Result<()> {
    capture_forever(handed(io::stdin())?, handed(io::stdout())?)
}

/// The sockets are open already; the arguments are the names.
fn resolve(names: impl Iterator<Item = String>) -> io::Result<()> {
    resolve_forever(handed(io::stdin())?, handed(io::stdout())?, names)
}

/// A file that was handed over in the place of a standard one.
fn handed(place: impl AsFd) -> io::Result<OwnedFd> {
    place.as_fd().try_clone_to_owned()
}
