//! The command line: options, exit statuses, and kinds of files as scripts.

use std::io::Write;
use std::process::{Command, Stdio};

use netscript_tests::Sandbox;
use netscript_tests::program::{Finished, Place, as_nobody, finish};

/// Runs with these arguments; `script.rhai` holds `script`.
fn run(script: impl AsRef<[u8]>, args: &[&str]) -> Finished {
    let place = Place::new();
    place.write("script.rhai", script);
    finish(&mut place.netscript(args))
}

fn sandboxed(script: impl AsRef<[u8]>) -> Finished {
    run(script, &["--sandbox", "script.rhai"])
}

fn with_input(args: &[&str], input: &[u8]) -> Finished {
    let place = Place::new();
    let mut command = place.netscript(args);
    let file = place.write("input", input);
    finish(command.stdin(std::fs::File::open(file).unwrap()))
}

#[test]
fn help_shows_examples_and_statuses() {
    let help = run("", &["--help"]).success();
    for wanted in ["--sandbox", "--verbose", "--color", "Examples:", "sudo netscript lab.rhai", "130"] {
        assert!(help.contains(wanted), "{wanted}: {help}");
    }
}

#[test]
fn version_is_that_of_the_package() {
    assert_eq!(run("", &["--version"]).success(), format!("netscript {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for args in [&["-i"][..], &["--no-such"], &["a.rhai", "b.rhai"], &["--color", "blue", "a.rhai"]] {
        let finished = run("", args);
        assert_eq!((finished.status, finished.stdout.as_str()), (2, ""), "{args:?}: {finished:?}");
        assert!(finished.stderr.contains("--help"), "{}", finished.stderr);
    }
}

#[test]
fn the_exit_status_is_the_scripts() {
    for (script, status) in [
        ("", 0),
        ("exit()", 0),
        ("exit(0)", 0),
        ("exit(7)", 7),
        ("exit(255)", 255),
        ("assert(false)", 1),
        ("let", 1),
        ("throw 3", 1),
    ] {
        let finished = sandboxed(script);
        assert_eq!(finished.status, status, "{script}: {finished:?}");
        assert_eq!(finished.stdout, "", "{script}");
        assert_eq!(finished.stderr.is_empty(), status != 1, "{script}: {finished:?}");
    }
}

#[test]
fn arguments_are_the_scripts() {
    let out =
        run("print(args); fn f() { args.len() } print(f())", &["--sandbox", "script.rhai", "--", "-v", "a b", ""]);
    assert_eq!(out.success(), "[\"-v\", \"a b\", \"\"]\n3\n");
}

#[test]
fn standard_input_is_a_script() {
    assert_eq!(with_input(&["--sandbox", "-"], b"print(1 + 1)").success(), "2\n");
    let failed = with_input(&["--sandbox", "-"], b"\n\nnope()");
    assert!(failed.stderr.contains("<stdin>:3:1"), "{}", failed.stderr);
}

#[test]
fn verbose_tells_each_step() {
    let finished = run("netns(\"red\")", &["--sandbox", "-v", "script.rhai"]);
    assert_eq!(finished.stderr, "+ make the namespace `red`\n");
    assert_eq!(finished.success(), "");
}

#[test]
fn scripts_may_have_windows_line_ends_and_a_byte_order_mark() {
    assert_eq!(sandboxed("print(1);\r\n// x\r\nprint(2);\r\n").success(), "1\n2\n");
    assert_eq!(sandboxed("\u{feff}print(3)").success(), "3\n");
    assert_eq!(sandboxed("#!/usr/bin/env netscript\nprint(4)").success(), "4\n");
}

#[test]
fn what_is_no_script_is_told() {
    for (bytes, why) in [(&b"print(\0)"[..], "NUL"), (b"\xff\xfe", "UTF-8"), (&[0x7f, b'E', b'L', b'F', 0], "NUL")] {
        let finished = sandboxed(bytes);
        assert_eq!(finished.status, 1);
        assert!(finished.stderr.contains("error[E0111]") && finished.stderr.contains(why), "{finished:?}");
    }
    for (path, why) in [("missing.rhai", "no such file"), ("empty", "folder"), ("script.rhai/x", "not a folder")] {
        let finished = run("", &["--sandbox", path]);
        assert_eq!(finished.status, 1);
        assert!(finished.stderr.contains("error[E0111]") && finished.stderr.contains(why), "{finished:?}");
        assert!(finished.stderr.contains(path), "{finished:?}");
    }
}

#[test]
fn a_file_without_end_is_refused() {
    let finished = run("", &["--sandbox", "/dev/zero"]);
    assert_eq!(finished.status, 1);
    assert!(finished.stderr.contains("error[E0111]") && finished.stderr.contains("it is a device"), "{finished:?}");
}

#[test]
fn a_script_the_user_may_not_read_is_told() {
    let place = Place::new();
    let path = place.write("script.rhai", "");
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let finished = finish(as_nobody(&mut place.netscript(&["--sandbox", "script.rhai"])));
    assert!(finished.stderr.contains("error[E0111]") && finished.stderr.contains("permission denied"), "{finished:?}");
}

#[test]
fn without_root_both_ways_out_are_named() {
    let place = Place::new();
    place.write("script.rhai", "print(1)");
    let mut nobody = place.netscript(&["script.rhai"]);
    // Root of a user namespace has no rights in the machine's network.
    let mut elsewhere = Command::new("unshare");
    elsewhere.arg("-Ur").arg(place.program()).arg(place.path("script.rhai"));
    for command in [as_nobody(&mut nobody), as_nobody(&mut elsewhere)] {
        let finished = finish(command);
        assert_eq!((finished.status, finished.stdout.as_str()), (1, ""), "{command:?}: {finished:?}");
        for wanted in ["error[E0401]", "sudo", "--sandbox"] {
            assert!(finished.stderr.contains(wanted), "{wanted}: {finished:?}");
        }
    }
    // Root's number without root's capabilities: `sudo` would not help.
    let mut powerless = Command::new("setpriv");
    powerless.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(place.program()).arg(place.path("script.rhai"));
    let finished = finish(&mut powerless);
    assert!(finished.stderr.contains("error[E0460]: cannot change networks without CAP_SYS_ADMIN and CAP_NET_ADMIN"));
}

#[test]
fn colours_come_as_asked_for() {
    let colour = |args: &[&str], no_color: Option<&str>| {
        let place = Place::new();
        place.write("script.rhai", "nope()");
        let mut command = place.netscript(&["--sandbox", "script.rhai"]);
        command.args(args).env_remove("NO_COLOR");
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        finish(&mut command).stderr.contains("\u{1b}[")
    };
    assert!(!colour(&[], None), "standard error is no terminal");
    assert!(!colour(&["--color", "never"], None));
    assert!(colour(&["--color", "always"], None));
    assert!(colour(&["--color", "always"], Some("1")), "what is asked for goes before NO_COLOR");
}

#[test]
fn a_reader_that_goes_away_does_no_harm() {
    let place = Place::new();
    place.write("script.rhai", "for i in 0..20000 { print(\"a line that fills the pipe\") } exit(5)");
    let mut command = place.netscript(&["--sandbox", "script.rhai"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_full_disk_is_told() {
    let place = Place::new();
    place.write("script.rhai", "print(1)");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let finished = finish_with_stdout(place.netscript(&["--sandbox", "script.rhai"]).stdout(full));
    assert!(finished.stderr.contains("error[E0405]"), "{finished:?}");
    assert_eq!(finished.status, 1);
}

/// Like `finish`, but standard output goes where the command says.
fn finish_with_stdout(command: &mut Command) -> Finished {
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    Finished {
        status: output.status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn modules_lie_beside_the_script() {
    let place = Place::new();
    std::fs::create_dir(place.path("lib")).unwrap();
    place.write("lib/twice.rhai", "fn twice(x) { 2 * x }");
    place.write("lib/script.rhai", "import \"twice\" as t; print(t::twice(4));");
    assert_eq!(finish(&mut place.netscript(&["--sandbox", "lib/script.rhai"])).success(), "8\n");
}

#[test]
fn a_recursion_without_end_is_an_error_in_every_build() {
    let finished = sandboxed("fn f(x) { f(x + 1) } f(0)");
    assert_eq!(finished.status, 1);
    assert!(finished.stderr.contains("error[E0109]"), "{finished:?}");
}

#[test]
fn constants_are_seen_in_functions_and_closures() {
    let script = r#"
        fn links() { host.links.len() }
        print(links()); print((|| host.links.len()).call()); print((|x| args.len() + x).call(1));
        print([1].map(|x| sandboxed)); wait_until(1, || host.lo.state == "unknown");
        let f = || { let g = || host.name; g.call() }; print(f.call());
    "#;
    assert_eq!(sandboxed(script).success(), "1\n1\n1\n[true]\nhost\n");
}

#[test]
fn a_script_can_be_piped_in() {
    let place = Place::new();
    let mut command = place.netscript(&["--sandbox", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"print(sandboxed)").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"true\n");
}

/// `--explain` prints the same commands as the dry run.
#[test]
fn explain_tells_the_commands_as_they_take_effect() {
    let script = "let red = netns(\"red\");\nveth(\"v1\", \"c1\").peer.move_to(red).up();";
    let told = run(script, &["--sandbox", "--explain", "--color", "never", "script.rhai"]);
    assert_eq!(told.status, 0, "{told:?}");
    let commands: Vec<&str> = told.stderr.lines().filter_map(|line| line.strip_prefix("+ ")).collect();
    let wanted = [
        "ip netns add red",
        "ip link add dev v1 type veth peer name c1",
        "ip link set dev c1 netns red",
        "ip -n red link set dev c1 up",
    ];
    assert_eq!(commands, wanted);
}

/// A dry run with --from-host begins with the network that `ip` and `iptables` made.
#[test]
fn a_dry_run_from_the_host_begins_with_what_is_there() {
    let place = Place::new();
    place.write(
        "script.rhai",
        r#"
            assert(link("br0").mtu == 1400 && link("br0").addrs.contains("10.9.0.1/24"));
            assert(host.routes.some(|r| r.dst == "10.8.0.0/16" && r.via == "10.9.0.2"));
            assert(host.ip_rules.some(|r| r.priority == 77 && r.table == 100));
            assert(host.filter.forward.rules.map(|r| r.text) == ["-A FORWARD -i br0 -j ACCEPT"]);
            assert(netns_open("red").link("c1").peer.name == "v1");
            netns_open("red").link("c1").addr("10.9.0.3/24");
            host.route("10.7.0.0/16", #{ via: "10.9.0.9" });
            bridge("br0");
        "#,
    );
    let program = place.program();
    let script = place.path("script.rhai");
    let sandbox = Sandbox::new();
    sandbox.shell(
        "ip link add br0 mtu 1400 type bridge; ip addr add 10.9.0.1/24 dev br0; ip link set br0 up
         ip route add 10.8.0.0/16 via 10.9.0.2; ip rule add priority 77 table 100
         iptables -A FORWARD -i br0 -j ACCEPT
         ip netns add red; ip link add v1 type veth peer name c1 netns red",
    );
    let before = sandbox.shell("{ ip addr; ip -n red addr; } | sed 's, tentative,,'");
    let finished = sandbox
        .run(move || finish(Command::new(program).args(["--dry-run", "--from-host", "--color", "never"]).arg(script)));
    let wanted = "set -e\nip -n red addr add 10.9.0.3/24 dev c1\nip route add 10.7.0.0/16 via 10.9.0.9\n\
                  # fails: ip link add dev br0 type bridge (File exists)\n";
    assert_eq!((finished.status, finished.stdout.as_str()), (1, wanted), "{}", finished.stderr);
    assert!(finished.stderr.contains("error[E0301]"), "{}", finished.stderr);
    assert_eq!(sandbox.shell("{ ip addr; ip -n red addr; } | sed 's, tentative,,'"), before);
}
