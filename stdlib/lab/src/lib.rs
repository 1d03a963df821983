//! Networks of namespaces for Rust programs and tests: netscript, embedded.
//!
//! A [`Lab`] is a network on the real kernel, built with netscript's scripts and with typed calls. It is in a network
//! of its own ([`Lab::sandbox`]), on the machine itself with a journal ([`Lab::on_machine`]), or changes nothing
//! ([`Lab::dry_run`]). It is taken down when it is dropped. [`Netns::enter`] runs a function inside a namespace, so that a
//! test of a client and a server needs only one machine.
//!
//! ```
//! use std::io::Read;
//! use std::net::{TcpListener, TcpStream};
//!
//! use netscript_lab::Lab;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Both come before the first thread. Without `init`, `serve` fails; root needs no sandbox.
//! netscript_lab::init();
//! netscript_lab::enter_sandbox(&[])?;
//!
//! let lab = Lab::sandbox()?;
//! let red = lab.add_netns("red")?;
//! let blue = lab.add_netns("blue")?;
//! let (near, far) = red.veth("eth0", &blue, "eth0")?;
//! near.addr("10.0.0.1/24")?.up()?;
//! far.addr("10.0.0.2/24")?.up()?;
//! assert!(red.ping("10.0.0.2")?.ok());
//!
//! // A script sees the same network.
//! let run = lab.run("print(netns_list())")?;
//! assert_eq!(run.printed, "[blue, red]\n");
//!
//! // A socket belongs to the namespace that it was opened in, on any thread.
//! let server = blue.enter(|| TcpListener::bind("10.0.0.2:80"))??;
//! let mut client = red.enter(|| TcpStream::connect("10.0.0.2:80"))??;
//! drop(server.accept()?);
//! assert_eq!(client.read(&mut [0])?, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Privileges
//!
//! Root can make namespaces. An ordinary user can make them inside a user namespace, which only a process with a single thread
//! can enter. So an ordinary user's program calls [`enter_sandbox`] at the beginning of `main`. Tests run on threads, so a test
//! crate uses [`tests_in_sandbox!`], which does so before `main` (see `stdlib/examples/router.rs`). After that every lab has
//! a network of its own, and tests can run at the same time.
//!
//! # Errors
//!
//! An [`Error`] has a code, and is printed as by the program `netscript`: with the place in the script underlined, and a
//! remedy.
//!
//! # Threads
//!
//! A lab has its own thread, which runs all of its calls: the language's values are not `Send`, and a network namespace
//! belongs to a thread. Handles can be used from any thread; their calls take turns.
//!
//! # Large labs
//!
//! A namespace in use needs up to three file descriptors. The usual limit of a process is 1,024; a program whose labs have
//! hundreds of namespaces calls [`raise_descriptor_limit`] first.

mod builder;
mod error;
mod lab;
mod link;
pub mod machine;
mod netns;
mod sandbox;
mod state;
pub mod wiring;
mod worker;

pub use builder::Builder;
pub use error::{Error, Location, Result};
pub use lab::Lab;
pub use link::Link;
pub use netns::Netns;
pub use sandbox::{begin_tests, enter_sandbox, init};
pub use state::Run;

pub use netscript_linux::raise_descriptor_limit;
pub use netscript_net::error::Code;
pub use netscript_net::state::NetState;
pub use netscript_net::{op, state as net_state, world};
pub use rhai;

/// The parts of user-defined words: the session and the place of a call, and the language's handles. A word submits
/// operations with `session.lab().submit(op, at(&context))`. [`Lab`](words::Lab) is the engine's own lab, which
/// [`Lab::with`](crate::Lab::with) also passes to a function.
pub mod words {
    pub use netscript_lang::Lab;
    pub use netscript_lang::diagnostics::Error;
    pub use netscript_lang::interpreter::{Session, at};
    pub use netscript_stdlib::{Link, Netns};
}

#[doc(hidden)]
pub use ctor as __ctor;
