//! Namespaces: made and removed as `ip netns` does it, and entered.
//!
//! `namespaces` has those in use with their sockets, `bind` gives and takes names, and `end` waits for what ends
//! with a namespace.

mod bind;
mod end;
mod namespaces;
mod open_netns;
mod paths;
mod prefetch;
mod users;

pub(crate) use bind::{bind, unbind};
pub(crate) use end::{Ending, del};
pub(crate) use namespaces::{BLOCK, Namespaces};
pub(crate) use open_netns::{enter, enter_mounts};
pub(crate) use paths::{NETNS_ETC_DIR, names, ns_of_pid, path_of, pids_by_netns, pids_in};
