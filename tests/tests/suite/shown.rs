//! Names, values and scripts are escaped: no shell runs them, and no terminal interprets them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use netscript_tests::Sandbox;
use netscript_tests::program::{Finished, Place, finish};
use netscript_tests::terminal::Terminal;

/// Names that a shell would run, each in another way, if they were not quoted or in comments.
const COMMANDS: [&str; 8] = [
    "a\ntouch OWNED\n",
    "a\r\ntouch OWNED\r\n",
    "a'\ntouch OWNED\n'",
    "$(touch OWNED)",
    "`touch OWNED`",
    "\"; touch OWNED; \"",
    "'; touch OWNED; '",
    "a\\\ntouch OWNED # \u{1b}[2J\u{b}\u{c}\u{85}\u{2028}\ntouch OWNED",
];

/// A script that puts a name into every kind of line that a dry run prints.
const EVERYWHERE: &str = r#"
    import args[1] as m;
    let n = args[0];
    let red = netns("red");
    let d = red.dummy("d0");
    try { d.set_alias(n); } catch { }
    try { netns(n); } catch { }
    try { red.link(n).up(); } catch { }
    try { red.dummy(n); } catch { }
    try { d.rename(n); } catch { }
    try { host.sysctl("net.ipv4.ip_forward", n); } catch { }
    try { host.sysctl(n, 1); } catch { }
    try { red.filter.forward.accept(#{ comment: n }); } catch { }
    try { red.filter.forward.log(#{ prefix: n }); } catch { }
    try { red.filter.chain(n); } catch { }
    try { red.addr(n); } catch { }
    try { red.fetch("http://10.0.0.1/" + n); } catch { }
    assert(host.exec(["ip", n]).ok);
    print(host.exec([n, n]).stdout);
    wait_until(1, || host.exec(["ip", n]).ok);
    red.start(["ip", n]);
    red.serve(80, n);
    try { d.capture(n); } catch { }
    m::f(n);
"#;

/// A module, whose lines in the dry run have its name in comments.
const MODULE: &str = "fn f(n) { host.exec([\"ip\", n]); assert(host.exec([\"ip\", n]).ok); }";

#[test]
fn sh_runs_nothing_but_the_printed_commands() {
    for name in COMMANDS {
        let place = Place::new();
        let tools = place.path("tools");
        fs::create_dir(&tools).unwrap();
        for tool in ["ip", "iptables", "sysctl", "python3", "tcpdump", "curl", "sleep"] {
            fs::write(tools.join(tool), "#!/bin/sh\nexit 0\n").unwrap();
            fs::set_permissions(tools.join(tool), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for tool in ["touch", "env", "sh"] {
            symlink(format!("/bin/{tool}"), tools.join(tool)).unwrap();
        }
        // No file has a name with a `/`.
        let file = format!("{name}.rhai");
        place.write(&file, EVERYWHERE);
        place.write(&format!("m{name}.rhai"), MODULE);
        for style in ["--dry-run", "--dry-run=tutorial"] {
            let module = format!("m{name}");
            let finished =
                finish(&mut place.netscript(&[style, "--annotate", &format!("./{file}"), "--", name, &module]));
            assert_eq!(finished.status, 0, "{name:?}: {finished:?}");
            assert!(finished.stdout.contains("  # "), "{name:?}: {finished:?}");
            let script = finished.stdout.strip_prefix("set -e\n").expect("it stops at the first error").to_owned();
            let mut sh = Command::new("/bin/sh");
            sh.args(["-c", &script]).current_dir(place.path("")).env("PATH", &tools);
            let ran = finish(&mut sh);
            assert!(!place.path("OWNED").exists(), "{name:?}:\n{script}\n{ran:?}");
            // Every line of the script was run.
            assert!(
                !ran.stderr.contains("yntax error") && !ran.stderr.contains("nterminated"),
                "{name:?}: {ran:?}\n{script}"
            );
        }
    }
}

#[test]
fn a_comment_of_down_is_one_too() {
    let machine = Sandbox::new();
    let place = Place::new();
    place.write("lab.rhai", "host.start([\"sh\", \"-c\", \"sleep 100\", args[0]])");
    let (up, down) = machine.run(move || {
        let up = finish(&mut place.netscript(&["--name", "x", "lab.rhai", "--", "a\ntouch OWNED\n"]));
        let printed = finish(&mut place.netscript(&["down", "x", "--dry-run"]));
        finish(&mut place.netscript(&["down", "x"])).success();
        (up, printed)
    });
    up.success();
    let printed = down.success();
    assert!(printed.contains("kill "), "{printed}");
    assert_eq!(printed.lines().count(), 1, "{printed}");
}

/// Escape sequences that set a title and clear the screen, a C1 character, and a bidirectional override.
const OBEYED: &str = "x\u{1b}]0;owned\u{7}y\u{1b}[2J\u{9b}2J\u{202e}z\u{2066}\rw";

/// The first of these in a terminal's input: ESC with its parameters, C1, or the override.
fn obeyed(bytes: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let bad = ["\u{1b}]0", "\u{1b}[2J\u{9b}", "\u{9b}", "\u{202e}", "\u{2066}", "\rw", "\u{7}y"];
    bad.into_iter().find(|bad| text.contains(bad))
}

/// Everything that a run writes to a terminal.
fn on_terminal(place: &Place, args: &[&str]) -> Vec<u8> {
    let mut terminal = Terminal::start(place, args, 200, &[]);
    let _ = terminal.status();
    while terminal.take_in() {}
    terminal.bytes().to_vec()
}

#[test]
fn no_terminal_obeys_what_others_wrote() {
    let place = Place::new();
    let scripts = [
        "throw args[0];",
        "throw #{ a: args[0] };",
        "print(args[0]);",
        "debug(args[0]);",
        "assert(false, args[0]);",
        "assert(args[0] == \"other\");",
        "netns(args[0] + \"/\");",
        "let n = netns(args[0]); n.delete(); n.delete();",
        "link(args[0]);",
        "host.dummy(\"d\").set_alias(args[0]); throw \"after\";",
        "host.exec([args[0]]);",
        "host.sysctl(\"net.ipv4.ip_forward\", args[0]);",
        "host.sysctl(\"net.\" + args[0], 1);",
        "import args[0] as m;",
        "host.addr(args[0]);",
        "host.fetch(args[0]);",
        "host.ping(args[0]);",
        "wait_until(0, || { throw args[0] });",
        "let m = #{}; m[args[0]] = 1; host.ping(\"::1\", m);",
        "host.filter.chain(args[0]);",
        "print(host.exec([\"printf\", args[0]]).stdout);",
    ];
    for script in scripts {
        place.write("script.rhai", script);
        for options in
            [&["--sandbox"][..], &["--sandbox", "-v"], &["--sandbox", "--explain"], &["--dry-run", "--annotate"]]
        {
            let written = on_terminal(&place, &[options, &["script.rhai", "--", OBEYED]].concat());
            assert_eq!(
                obeyed(&written),
                None,
                "{script} {options:?}: {}",
                String::from_utf8_lossy(&written).escape_debug()
            );
        }
    }
}

#[test]
fn no_terminal_obeys_a_scripts_text_or_its_name() {
    let place = Place::new();
    let name = format!("{OBEYED}.rhai");
    // In a string, in a comment, as a name, and where it is a syntax error.
    for text in [
        format!("throw \"{OBEYED}\";"),
        format!("let a = 1; nothing(a); // {OBEYED}"),
        format!("let {OBEYED} = 1;"),
        format!("/* {OBEYED} */ let x = ;"),
    ] {
        place.write(&name, &text);
        for args in [
            &["--sandbox"][..],
            &["--dry-run", "--annotate"],
            &["test"],
            &["test", "--format", "json"],
            &["test", "--format", "junit"],
        ] {
            let written = on_terminal(&place, &[args, &[name.as_str()]].concat());
            assert_eq!(obeyed(&written), None, "{args:?}: {}", String::from_utf8_lossy(&written).escape_debug());
        }
    }
}

#[test]
fn a_session_shows_nothing_that_is_obeyed() {
    let place = Place::new();
    place.write("bad.rhai", format!("let bad = \"{}\";", OBEYED.replace('\r', "\\r")));
    let mut terminal = Terminal::start(&place, &["--sandbox"], 200, &[]);
    for line in [
        ":load bad.rhai",
        "bad",
        "[bad, bad]",
        "#{ a: bad }",
        "[#{ a: bad }, #{ a: bad }]",
        "print(bad)",
        "throw bad",
        "dummy(\"d\").set_alias(bad)",
        "host.exec([\"printf\", bad])",
        "host.exec([\"printf\", bad]).stdout",
        "let n = netns(bad)",
        "n",
        "netns_list()",
        ":ns",
        ":dry on",
        "dummy(\"e\").set_alias(bad)",
        ":dry off",
    ] {
        terminal.enter(line);
        assert_eq!(
            obeyed(terminal.bytes()),
            None,
            "{line}: {}",
            String::from_utf8_lossy(terminal.bytes()).escape_debug()
        );
    }
}

#[test]
fn the_source_is_underlined_where_it_is_wrong() {
    let place = Place::new();
    let finished = place.sandboxed("let a = \"\u{1b}[31m\u{202e}\"; nothing(a);");
    let mark = finished.stderr.lines().find(|line| line.contains('^')).expect("something is underlined").to_owned();
    let source = finished.stderr.lines().find(|line| line.contains("nothing(a)")).expect("it is quoted").to_owned();
    let column = |line: &str, what: &str| line[..line.find(what).unwrap()].chars().count();
    assert_eq!(column(&mark, "^"), column(&source, "nothing"), "{finished:?}");
    assert!(finished.stderr.contains("script.rhai:1:19"), "{finished:?}");
    assert!(source.contains("\u{241b}[31m\u{fffd}"), "{source}");
}

#[test]
fn what_a_script_prints_into_a_pipe_is_as_it_is() {
    let place = Place::new();
    place.write("script.rhai", "print(args[0]); throw args[0]");
    let finished = finish(&mut place.netscript(&["--sandbox", "script.rhai", "--", OBEYED]));
    assert_eq!(finished.stdout, format!("{OBEYED}\n"));
    assert_eq!(obeyed(finished.stderr.as_bytes()), None, "{finished:?}");
}

#[test]
fn documents_hold_what_was_written() {
    let place = Place::new();
    place.write("a.rhai", "print(\"\\x1b]0;owned\\x07\\u202e\\u009b\"); throw 1");
    let run = |format: &str| -> Finished { finish(&mut place.netscript(&["test", "--format", format, "a.rhai"])) };
    let json = run("json").stdout;
    assert_eq!(obeyed(json.as_bytes()), None, "{json}");
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
    let output = parsed["tests"][0]["output"].as_str().unwrap();
    assert!(output.starts_with("\u{1b}]0;owned\u{7}\u{202e}\u{9b}\n"), "{output:?}");
    let junit = run("junit").stdout;
    assert_eq!(obeyed(junit.as_bytes()), None, "{junit}");
    // XML has no ESC and no BEL at all; the override is a character reference.
    assert!(junit.contains("&#x202e;"), "{junit}");
}

#[test]
fn what_is_to_be_typed_is_quoted() {
    for (lab, quoted) in [("*", "'*'"), ("$(id)", "'$(id)'"), ("a b", "'a b'"), ("plain", "plain")] {
        let machine = Sandbox::new();
        let (first, second, shown, down) = machine.run(move || {
            let place = Place::new();
            place.write("lab.rhai", "netns(\"red\")");
            let up = || finish(&mut place.netscript(&["--name", lab, "lab.rhai"]));
            let (first, second) = (up(), up());
            let shown = finish(&mut place.netscript(&["ps"]));
            (first, second, shown, finish(&mut place.netscript(&["down", lab])))
        });
        let hint = format!("`netscript down {quoted}`");
        assert!(first.status == 0 && first.stderr.contains(&hint), "{first:?}");
        assert!(second.stderr.contains("E0501") && second.stderr.contains(&hint), "{second:?}");
        assert!(shown.success().contains(lab));
        down.success();
    }
}

#[test]
fn ps_shows_names_on_one_line() {
    let machine = Sandbox::new();
    let (up, table, json, down) = machine.run(|| {
        let place = Place::new();
        place.write("lab\u{1b}[2J\u{202e}.rhai", "netns(args[0])");
        let netns = "red\u{1b}]0;x\u{7}";
        let up = finish(&mut place.netscript(&["--name", "x", "lab\u{1b}[2J\u{202e}.rhai", "--", netns]));
        let ps = |format| finish(&mut place.netscript(&["ps", "--format", format]));
        (up, ps("table"), ps("json"), finish(&mut place.netscript(&["down", "x"])))
    });
    up.success();
    let table = table.success();
    assert_eq!((table.lines().count(), obeyed(table.as_bytes())), (2, None), "{table}");
    let json = json.success();
    assert_eq!(obeyed(json.as_bytes()), None, "{json}");
    let labs: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(labs[0]["namespaces"][0], "red\u{1b}]0;x\u{7}");
    down.success();
}
