//! Which options the words take, all of them: for completion, hints and the reference.

use crate::options::{Known, OptionSpec};
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

/// The options that a word takes, as they are declared beside it; none if it takes no options.
pub fn options_of(word: &str) -> Vec<&'static OptionSpec> {
    let mut words = FILES.iter().copied().flatten();
    words.find(|options| options.word() == word).map(|options| options.specs().collect()).unwrap_or_default()
}
