//! What probes ask for when no option is given: for programs that probe without a script.

use netscript_lang::diagnostics::Result;
use netscript_lang::interpreter::Session;
use netscript_net::op::NetnsRef;
use netscript_net::world::{Connect, Fetch, Ping};
use rhai::Map;

use crate::{Netns, connect, http, probe};

/// What `ns.ping(target)` asks for.
pub fn ping(session: &Session, netns: &NetnsRef, target: &str) -> Result<Ping> {
    probe::request(&Netns::new(session, netns), &target.into(), &Map::new())
}

/// What `ns.connect(target, port)` asks for.
pub fn connection(session: &Session, netns: &NetnsRef, target: &str, port: u16) -> Result<Connect> {
    connect::request(&Netns::new(session, netns), &target.into(), &i64::from(port).into(), &Map::new())
}

/// What `ns.fetch(url)` asks for.
pub fn page(url: &str) -> Result<Fetch> {
    http::request(url, &Map::new())
}
