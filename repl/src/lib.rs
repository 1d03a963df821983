//! What the program shares with the book's builder: its command line, and what runs under other
//! names.

pub mod cli;
pub mod helper;
