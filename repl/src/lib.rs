//! What the program shares with the book's builder: its command line.

pub mod cli;
