//! The program `netscript`: builds the network of containers that a script describes.

use std::process::ExitCode;

fn main() -> ExitCode {
    netscript::main()
}
