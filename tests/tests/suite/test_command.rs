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
  = help: the lab differs from what the script expects: check the condition
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
fn paths_without_tests_are_an_error() {
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
    assert!(finished.stdout.contains(r#"tests="2" failures="1" errors="0""#), "{}", finished.stdout);
    assert!(finished.stdout.contains("<failure"), "{}", finished.stdout);
}

/// An element of a report: its name, attributes, elements and text.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: std::collections::BTreeMap<String, String>,
    elements: Vec<Element>,
    text: String,
}

/// Python's XML parser, which is independent of the program's writer.
fn parsed(xml: &str) -> Element {
    fn element(value: &serde_json::Value) -> Element {
        let attributes = value[1].as_object().unwrap().iter();
        Element {
            name: value[0].as_str().unwrap().to_owned(),
            attributes: attributes.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect(),
            elements: value[2].as_array().unwrap().iter().map(element).collect(),
            text: value[3].as_str().unwrap_or_default().to_owned(),
        }
    }
    let program = "import sys, json, xml.etree.ElementTree as E\n\
                   def f(e): return [e.tag, e.attrib, [f(c) for c in e], e.text]\n\
                   print(json.dumps(f(E.fromstring(sys.argv[1].encode()))))";
    let output = std::process::Command::new("python3").args(["-c", program, xml]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    element(&serde_json::from_slice(&output.stdout).unwrap())
}

/// Jenkins' schema (`junit-10.xsd` of its xunit plugin): the required attributes of an element, the optional ones, and
/// the allowed elements in it.
fn rules(name: &str) -> (&'static [&'static str], &'static [&'static str], &'static [&'static str]) {
    match name {
        "testsuites" => (&[], &["name", "time", "tests", "failures", "errors"], &["testsuite"]),
        "testsuite" => (
            &["name", "tests", "failures", "errors"],
            &["group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"],
            &["testsuite", "properties", "testcase", "system-out", "system-err"],
        ),
        "testcase" => {
            (&["name"], &["time", "classname", "group"], &["skipped", "error", "failure", "system-out", "system-err"])
        }
        "failure" => (&[], &["type", "message"], &[]),
        "system-out" => (&[], &[], &[]),
        other => panic!("the schema has no {other}"),
    }
}

fn assert_valid(element: &Element) {
    let (needed, allowed, inside) = rules(&element.name);
    for name in needed {
        assert!(element.attributes.contains_key(*name), "{name} is missing: {element:?}");
    }
    for name in element.attributes.keys() {
        assert!(needed.contains(&name.as_str()) || allowed.contains(&name.as_str()), "{name}: {element:?}");
    }
    for part in &element.elements {
        assert!(inside.contains(&part.name.as_str()), "{} in {}", part.name, element.name);
        assert_valid(part);
    }
}

#[test]
fn junit_says_once_where_it_failed_and_why() {
    let place = labs(&[("web/a.rhai", GOOD), ("web/b.rhai", BAD), ("c.rhai", "print(1); exit(3);")]);
    let finished = test(&place, &["--format", "junit", "labs"]);
    let report = parsed(&finished.stdout);
    assert_valid(&report);
    let cases = &report.elements[0].elements;
    let named = |name: &str| cases.iter().find(|case| case.attributes["name"] == name).unwrap();
    let inside = |case: &'static str, part: &str| named(case).elements.iter().find(|inner| inner.name == part);
    assert_eq!(named("a.rhai").attributes["classname"], "labs.web");
    assert_eq!(named("c.rhai").attributes["classname"], "labs");
    assert!(inside("a.rhai", "failure").is_none());
    let failure = inside("b.rhai", "failure").unwrap();
    let message = &failure.attributes["message"];
    assert!(message.starts_with("labs/web/b.rhai:") && message.ends_with("arithmetic fails"), "{message}");
    assert_eq!(failure.attributes["type"], "E0701");
    assert!(failure.text.starts_with("error[E0701]"), "{failure:?}");
    let whole = finished.stdout.matches("error[E0701]").count();
    assert_eq!(whole, 1, "{}", finished.stdout);
    // A script that ends itself has no error.
    assert_eq!(inside("c.rhai", "failure").unwrap().attributes["message"], "[status 3]");
    assert_eq!(inside("c.rhai", "system-out").unwrap().text.trim(), "1");
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
    let limit = netscript_tests::patience(Duration::from_secs(2)).as_secs().to_string();
    let finished = test(&place, &["--timeout", &limit, "labs"]);
    assert_eq!((finished.status, finished.stderr.as_str()), (1, ""));
    assert_eq!(
        timeless(&finished.stdout).replace(&format!("after {limit} s"), "after 2 s"),
        "\
FAILED  labs/a.rhai
error[E0114]: interrupted
  ┌─ labs/a.rhai:2:1
  │
2 │ sleep(1000);
  │ ^^^^^ the script was running here
  │
  = help: run it again when you are ready
[timed out after 2 s: see --timeout]

ok      labs/b.rhai
1 passed, 1 failed"
    );
}
