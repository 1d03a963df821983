//! The program under other names: processes of a lab that go on when its script has ended.

use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::process::ExitCode;

use netscript_engine::kernel::{SERVER_NAME, answer_forever};

/// Does what a helper does, if this process was started as one.
pub fn run() -> Option<ExitCode> {
    let mut args = env::args();
    (args.next()? == SERVER_NAME).then(|| match serve(&args.next().unwrap_or_default()) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("{SERVER_NAME}: {error}");
            ExitCode::FAILURE
        }
    })
}

fn serve(body: &str) -> io::Result<std::convert::Infallible> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    answer_forever(TcpListener::from(socket), body)
}
