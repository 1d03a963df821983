//! Which options the words take, all of them: for completion and the reference.

use crate::options::{Known, keys_of};
use crate::{addr, connect, dns, fdb, http, link_kinds, netfilter, policy, probe, route, sysctl};

/// The files whose words take options.
const FILES: &[Known] = &[
    addr::OPTIONS,
    connect::OPTIONS,
    dns::OPTIONS,
    fdb::OPTIONS,
    http::OPTIONS,
    link_kinds::OPTIONS,
    netfilter::OPTIONS,
    policy::OPTIONS,
    probe::OPTIONS,
    route::OPTIONS,
    sysctl::OPTIONS,
];

/// The keys of the options that a word takes; none if it takes no options.
pub fn option_keys(word: &str) -> Vec<&'static str> {
    FILES.iter().find_map(|words| keys_of(words, word)).map(<[_]>::concat).unwrap_or_default()
}
