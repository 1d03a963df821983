//! The default requests of probes, for programs that probe without a script.

use netscript_lang::diagnostics::Result;
use netscript_lang::interpreter::Session;
use netscript_net::op::NetnsRef;
use netscript_net::world::{Connect, Fetch, Ping};
use rhai::Map;

use crate::{Netns, connect, http, probe};

/// The request of `ns.ping(target)`.
pub fn ping(session: &Session, netns: &NetnsRef, target: &str) -> Result<Ping> {
    probe::request(&Netns::new(session, netns), &target.into(), &Map::new())
}

/// The request of `ns.connect(target, port)`.
pub fn connection(session: &Session, netns: &NetnsRef, target: &str, port: u16) -> Result<Connect> {
    connect::request(&Netns::new(session, netns), &target.into(), &i64::from(port).into(), &Map::new())
}

/// The request of `ns.fetch(url)`.
pub fn page(url: &str) -> Result<Fetch> {
    http::request(url, &Map::new())
}
