//! The command line, which the book's builder uses as well.

pub mod cli;
