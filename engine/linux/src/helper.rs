//! Helpers: this program started again under another name, for processes of a lab that outlive the script.

use std::convert::Infallible;
use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::probe::{answer_forever, capture_forever, resolve_forever};

/// The name (`argv[0]`) of an HTTP server. Its standard input is the listening socket, and its argument is the page
/// with which it answers every request.
pub(crate) const SERVER_NAME: &str = "netscript-serve";

/// The name of a name server. Its standard input is the UDP socket, its standard output the TCP socket, and its
/// arguments are the records.
pub(crate) const NAME_SERVER_NAME: &str = "netscript-dns";

/// The name of a capture. It reads packets from the socket on standard input and writes them to the file on standard
/// output.
pub(crate) const CAPTURE_NAME: &str = "netscript-capture";

/// Whether this program calls [`run_as_helper`].
static KNOWN: AtomicBool = AtomicBool::new(false);

/// Runs the helper and returns its exit status, if this process was started as one. Programs must call it first; only
/// programs that call it can start helpers.
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

/// Whether this program, started under another name, becomes a helper.
pub(crate) fn is_known() -> bool {
    KNOWN.load(Ordering::Relaxed)
}

/// The socket is listening already.
fn serve(body: &str) -> io::Result<Infallible> {
    answer_forever(TcpListener::from(handed(io::stdin())?), body)
}

/// The socket is bound already, and the file has its header.
fn capture() -> io::Result<()> {
    capture_forever(handed(io::stdin())?, handed(io::stdout())?)
}

/// The sockets are open already; the arguments are the records.
fn resolve(names: impl Iterator<Item = String>) -> io::Result<()> {
    resolve_forever(handed(io::stdin())?, handed(io::stdout())?, names)
}

/// A file that was passed as a standard stream.
fn handed(place: impl AsFd) -> io::Result<OwnedFd> {
    place.as_fd().try_clone_to_owned()
}
