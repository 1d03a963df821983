//! What happens to a packet in a [`NetState`](netscript_net::state::NetState). So far it chooses a packet's route:
//! [`route_get`].
//!
//! Where the state does not determine what the kernel does, the answer says what is unknown. Functions of the kernel
//! are named beside the code that follows them (Linux 6.12).

mod lookup;
mod policy;
mod read;
mod source;
mod v4;
mod v6;

pub use lookup::{Lookup, Neighbours, route_get};
pub use read::read_routing;
