//! `netscript test`.

use std::fs;
use std::time::Duration;

use netscript_tests::program::{Finished, Place, Running, as_nobody, family, finish, left_of};
use nix::sys::signal::Signal;

/// A folder `labs` with these scripts.
fn labs(scripts: &[(&str, &str)]) -> Place {
    let place = Place::new();
    for (name, text) in scripts {
        let path = place.path("labs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        place.write(&format!("labs/{name}"), text);
    }
    place
}

fn test(place: &Place, args: &[&str]) -> Finished {
    finish(&mut place.netscript(&[&["test"], args].concat()))
}

const GOOD: &str = r#"netns("red"); print("not shown");"#;
const BAD: &str = "print(\"shown\");\nassert(1 == 2, \"arithmetic fails\");";

/// The output with the times taken out.
fn timeless(output: &str) -> String {
    let line = |line: &str| match line.strip_suffix(" s") {
        Some(rest) => rest.rsplit_once(' ').unwrap().0.trim_end().to_owned(),
        None => line.to_owned(),
    };
    output.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn folders_are_searched_and_failures_shown_in_full() {
    let place = labs(&[("b.rhai", GOOD), ("deep/er/a.rhai", BAD), ("c.rhai", GOOD), ("notes.txt", "")]);
    let finished = test(&place, &["labs"]);
    assert_eq!((finished.status, finished.stderr.as_str()), (1, ""));
    assert_eq!(
        timeless(&finished.stdout),
        "\
ok      labs/b.rhai
ok      labs/c.rhai
FAILED  labs/deep/er/a.rhai
shown
error[E0701]: assertion failed: arithmetic fails
  ┌─ labs/deep/er/a.rhai:2:1
  │
2 │ assert(1 == 2, \"arithmetic fails\");
  │ ^^^^^^ this is false
  │
  = help: the lab is not as the script expects: look at what the condition asks
[status 1]

2 passed, 1 failed"
    );
}

#[test]
fn each_has_a_network_of_its_own_and_may_leave_it_as_it_is() {
    let script = r#"assert(netns_list().is_empty()); netns("red").start("sleep 100"); sleep(0.2);"#;
    let place = labs(&[("a.rhai", script), ("b.rhai", script), ("c.rhai", script)]);
    assert!(test(&place, &["-j", "3", "labs"]).success().ends_with("3 passed, 0 failed\n"));
}

#[test]
fn an_ordinary_user_may_test() {
    let place = labs(&[("a.rhai", GOOD)]);
    let finished = finish(as_nobody(&mut place.netscript(&["test", "labs/a.rhai"])));
    assert!(finished.success().ends_with("1 passed, 0 failed\n"));
}

#[test]
fn what_means_no_test_is_an_error() {
    let place = labs(&[("notes.txt", "")]);
    for path in ["labs", "nowhere", "labs/*.rhai"] {
        let finished = test(&place, &[path]);
        assert_eq!((finished.status, finished.stdout.as_str()), (1, ""));
        assert!(finished.stderr.contains(&format!("error[E0115]: there is no test at {path}")), "{}", finished.stderr);
    }
    assert_eq!(test(&place, &[]).status, 2);
    assert_eq!(test(&place, &["-j", "0", "labs"]).status, 2);
}

#[test]
fn json_holds_everything() {
    let place = labs(&[("a.rhai", GOOD), ("b.rhai", BAD)]);
    let finished = test(&place, &["--format", "json", "labs"]);
    assert_eq!(finished.status, 1);
    let report: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((&report["passed"], &report["failed"]), (&1.into(), &1.into()));
    assert_eq!(report["tests"][0]["name"], "labs/a.rhai");
    assert_eq!(report["tests"][0]["output"], "not shown\n");
    assert_eq!(report["tests"][1]["passed"], false);
    assert!(report["tests"][1]["output"].as_str().unwrap().contains("arithmetic fails"));
}

#[test]
fn junit_counts_failures() {
    let place = labs(&[("a.rhai", GOOD), ("b.rhai", BAD)]);
    let finished = test(&place, &["--format", "junit", "labs"]);
    assert_eq!(finished.status, 1);
    assert!(finished.stdout.starts_with("<?xml"), "{}", finished.stdout);
    assert!(finished.stdout.contains(r#"tests="2" skipped="0" failures="1" errors="0""#), "{}", finished.stdout);
    assert!(finished.stdout.contains("<failure"), "{}", finished.stdout);
}

#[test]
fn an_interrupt_ends_all() {
    let slow = r#"host.start("sleep 300"); sleep(300);"#;
    let place = labs(&[("a.rhai", GOOD), ("b.rhai", slow), ("c.rhai", slow)]);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let running = Running::start(&mut place.netscript(&["test", "-j", "2", "labs"]));
        std::thread::sleep(Duration::from_millis(300));
        let family = family(running.pid());
        assert!(family.len() > 4, "{family:?}");
        running.signal(signal);
        let (finished, time) = running.finish();
        assert_eq!(finished.status, 130, "{finished:?}");
        assert!(time < netscript_tests::patience(Duration::from_secs(1)), "{time:?}");
        assert_eq!(left_of(&family, Duration::from_secs(2)), []);
    }
}

#[test]
fn a_script_called_test_can_be_run() {
    let place = Place::new();
    place.write("test", "print(7)");
    for args in [["--sandbox", "test"], ["./test", "--sandbox"]] {
        assert_eq!(finish(&mut place.netscript(&args)).success(), "7\n");
    }
}

#[test]
fn a_test_that_takes_too_long_is_ended_and_tells_where_it_was() {
    let place = labs(&[("a.rhai", "netns(\"red\");\nsleep(1000);"), ("b.rhai", GOOD)]);
    let finished = test(&place, &["--timeout", "2", "labs"]);
    assert_eq!((finished.status, finished.stderr.as_str()), (1, ""));
    assert_eq!(
        timeless(&finished.stdout),
        "\
FAILED  labs/a.rhai
error[E0114]: interrupted
  ┌─ labs/a.rhai:2:1
  │
2 │ sleep(1000);
  │ ^^^^^ the script was here
  │
  = help: run it again when you are ready
[not done after 2 s: see --timeout]

ok      labs/b.rhai
1 passed, 1 failed"
    );
}
