//! The integration suite: one file a feature, all against the real kernel.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod addr;
mod annotated;
mod batching;
mod capture;
mod clean_up;
mod command_line;
mod command_lists;
mod dry_run;
mod errors;
mod examples;
mod fuzz;
mod house;
mod interrupt;
mod journal;
mod link;
mod locked;
mod machines;
mod names;
mod neigh;
mod netfilter;
mod netns;
mod netns_del;
mod netns_of;
mod options;
mod ping;
mod places;
mod probes;
mod process;
mod progress;
mod read_back;
mod repl;
mod restored;
mod route;
mod route_get;
mod sandboxing;
mod settings;
mod shell;
mod show;
mod shown;
mod sturdy;
mod test_command;
mod three_ways;
mod tutorials;
mod untrusted;
