//! Which options the words take, all of them: for completion, hints and the reference.

use crate::options::{OptionSpec, WordOptions, WordsWithOptions};
use crate::{addr, connect, dns, fdb, http, link_kinds, netfilter, policy, probe, route, route_get, sysctl};

/// The files whose words take options.
const FILES: &[WordsWithOptions] = &[
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
    route_get::OPTIONS,
    sysctl::OPTIONS,
];

fn of(word: &str) -> Option<&'static WordOptions> {
    FILES.iter().copied().flatten().copied().find(|options| options.word() == word)
}

/// The options that a word takes, as they are declared beside it; none if it takes no options.
pub fn options_of(word: &str) -> Vec<&'static OptionSpec> {
    of(word).map(|options| options.specs().collect()).unwrap_or_default()
}

/// The same without those of another word; and that word, if it takes all that the other takes.
pub fn own_options_of(word: &str) -> (Option<&'static str>, Vec<&'static OptionSpec>) {
    of(word).map_or((None, Vec::new()), |options| (options.other(), options.own().collect()))
}
