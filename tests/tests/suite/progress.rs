//! The progress line, on a terminal made by script(1).

use std::process::{Command, Stdio};

use netscript_tests::program::{Place, finish};

/// The output of a command on a terminal.
fn on_terminal(place: &Place, args: &str) -> String {
    let command = format!("{} {args}", place.program().display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).env("TERM", "xterm");
    finish(script.current_dir(place.path("")).stdin(Stdio::null())).success()
}

const SLOW: &str = r#"print("begun"); sleep(1.2); bridge("br0"); sleep(0.4);"#;

#[test]
fn progress_is_shown_after_a_second() {
    let place = Place::new();
    place.write("slow.rhai", SLOW);
    let seen = on_terminal(&place, "--sandbox slow.rhai");
    assert!(seen.contains("1s slow.rhai"), "{seen}");
    assert!(seen.contains("make the bridge `br0` in host"), "{seen}");
    assert!(seen.ends_with("\u{1b}[2K"), "the line is taken away: {seen:?}");
    let seen = on_terminal(&place, "test slow.rhai");
    assert!(seen.contains("0 of 1 tests") && seen.ends_with("1 passed, 0 failed\r\n"), "{seen:?}");
}

#[test]
fn progress_needs_a_terminal() {
    let place = Place::new();
    place.write("slow.rhai", SLOW);
    place.write("fast.rhai", r#"print("done");"#);
    assert_eq!(on_terminal(&place, "--sandbox fast.rhai"), "done\r\n");
    assert_eq!(on_terminal(&place, "--sandbox slow.rhai 2>/dev/null"), "begun\r\n");
    let piped = finish(&mut place.netscript(&["--sandbox", "slow.rhai"]));
    assert_eq!((piped.stdout.as_str(), piped.stderr.as_str()), ("begun\n", ""));
}
