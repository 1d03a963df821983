//! Networks of namespaces for Rust programs and tests: netscript, embedded.
//!
//! A [`Lab`] is a network on the real kernel. It is built by scripts of netscript's language and by typed calls, is in a network
//! of its own ([`Lab::sandbox`]), on the machine itself with a journal ([`Lab::on_machine`]), or touches nothing
//! ([`Lab::dry_run`]); what it made goes when it is dropped. [`Netns::enter`] runs a function inside a namespace, so that a
//! test of a client and a server needs no machine but its own.
//!
//! ```
//! use std::io::Read;
//! use std::net::{TcpListener, TcpStream};
//!
//! use netscript_lab::Lab;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Root needs neither; an ordinary user needs both, before the first thread.
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
//! // A socket belongs to the namespace that it was opened in, wherever it is used.
//! let server = blue.enter(|| TcpListener::bind("10.0.0.2:80"))??;
//! let mut client = red.enter(|| TcpStream::connect("10.0.0.2:80"))??;
//! drop(server.accept()?);
//! assert_eq!(client.read(&mut [0])?, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Who may run it
//!
//! Namespaces can be made by root, and by anybody inside a user namespace, which only a process with a single thread can enter.
//! So an ordinary user's program calls [`enter_sandbox`] at the beginning of `main`, and a test crate, whose tests run on
//! threads, has [`tests_in_sandbox!`] in it, which does so before `main` (`stdlib/examples/router.rs` is one). After that every lab has a network of its own, and tests
//! that run at the same time do not meet.
//!
//! # Errors
//!
//! An [`Error`] has a code, and shows itself as the program `netscript` would: with the place in the script underlined, and what
//! to do next.
//!
//! # Threads
//!
//! A lab has a thread of its own, to which everything that is done with it is sent: the language's values are not `Send`, and a
//! network of one's own is a thread's. Handles can be used from any thread; they take turns.
//!
//! # Large labs
//!
//! A namespace in use takes up to three open files. A process may have 1,024 in most sessions; a program whose labs have hundreds of
//! namespaces calls [`raise_descriptor_limit`] first.

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
pub use error::{Error, Place, Result};
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

/// What words of one's own are made of: the session and the place of a call, and the language's handles. A word submits
/// operations by `session.lab().submit(op, at(&context))`. [`Lab`](words::Lab) is the engine's own, which
/// [`Lab::with`](crate::Lab::with) gives to a function as well.
pub mod words {
    pub use netscript_lang::Lab;
    pub use netscript_lang::diagnostics::Error;
    pub use netscript_lang::interpreter::{Session, at};
    pub use netscript_stdlib::{Link, Netns};
}

#[doc(hidden)]
pub use ctor as __ctor;
