//! The program under other names: processes of a lab that go on when its script has ended.

use std::convert::Infallible;
use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use netscript_linux::{CAPTURE_NAME, NAME_SERVER_NAME, SERVER_NAME, answer_forever, capture_forever, resolve_forever};

/// Does what a helper does, if this process was started as one.
pub fn run() -> Option<ExitCode> {
    let mut args = env::args();
    let name = args.next()?;
    let result = match name.as_str() {
        SERVER_NAME => serve(&args.next().unwrap_or_default()).map(|never| match never {}),
        CAPTURE_NAME => capture(),
        NAME_SERVER_NAME => resolve(args),
        _ => return None,
    };
    Some(match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    })
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
