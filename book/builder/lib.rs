//! Builds netscript's book. It runs every example with netscript, and compares the output with the chapter, or with the
//! expected output in `book/ref`. Start with [`book`].

pub mod book;
pub mod chapter;
pub mod fence;
pub mod graph;
mod html;
mod kept;
mod language;
pub mod reference;
pub mod run;
mod search;
