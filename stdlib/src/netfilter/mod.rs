//! NAT and filtering: tables, chains and rules of iptables and ip6tables.
//!
//! A rule is a verb with a map of matches: [`mod@matches`] reads the matches, [`targets`] the verb's
//! own options.

mod chain;
mod keys;
mod matches;
mod rule;
mod table;
mod targets;
mod value;

use rhai::Engine;

pub use chain::Chain;
pub use rule::Rule;
pub use table::Table;

pub(crate) use targets::OPTIONS;

pub(crate) fn register(engine: &mut Engine) {
    table::register(engine);
    chain::register(engine);
    targets::register(engine);
    rule::register(engine);
}
