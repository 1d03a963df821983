//! The lower limit for the benchmark: builds labs with the fewest netlink messages possible, written by hand. `floor
//! lab N`, `floor addresses N`, `floor routes N`.

use std::process::ExitCode;

use netscript_tests::floor;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = arguments.get(1).and_then(|count| count.parse().ok());
    let done = match (arguments.first().map(String::as_str), count) {
        (Some("lab"), Some(count)) => floor::lab(count),
        (Some("addresses"), Some(count)) => floor::addresses(count),
        (Some("routes"), Some(count)) => floor::routes(count),
        _ => {
            eprintln!("usage: floor lab|addresses|routes NUMBER");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
