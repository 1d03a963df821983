//! Builds netscript's book. Every example in it is run, by the program that it is about, and what
//! comes of it is compared with what the chapter says, or with what is kept in `book/ref`.

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
