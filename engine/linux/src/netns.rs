//! Namespaces: created and removed as by `ip netns`, and entered.
//!
//! `namespaces` has the open namespaces with their sockets, `bind` adds and removes names, and `end` waits for the end
//! of a namespace's pairs.

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
