//! Compares the answers and the commands of dry runs with the kernel.

use netscript_tests::Sandbox;
use netscript_tests::program::{Place, finish};

/// Every word whose answer only a run knows, after statements that it needs.
const UNKNOWN: &[&str] = &[
    r#"bridge("b").up(); host.neighbours"#,
    r#"host.ping("127.0.0.1"); host.neighbours"#,
    r#"bridge("b").fdb"#,
    r#"host.filter.forward.accept().handle"#,
    r#"host.filter.forward.accept(); host.filter.forward.rules[0].handle"#,
    r#"host.filter.forward.accept().packets"#,
    r#"host.filter.forward.accept().bytes"#,
    r#"bridge("b").index"#,
    r#"bridge("b").mac"#,
    r#"bridge("b").bridge_id"#,
    r#"bridge("b").up().addrs"#,
    r#"bridge("b").up(); host.routes("local")"#,
    r#"netns("red").inode"#,
    r#"netns("red").pids"#,
    r#"netns().pid"#,
    r#"host.start("true").pid"#,
    r#"host.start("true").running"#,
    r#"host.start("true").output"#,
    r#"host.sysctl("net.ipv4.ip_forward")"#,
    r#"host.lo.capture().packets"#,
    r#"host.exec("true").ok"#,
    r#"host.ping("127.0.0.1").ok"#,
    r#"host.connect("127.0.0.1", 80).ok"#,
    r#"host.fetch("http://127.0.0.1/").ok"#,
    r#"host.traceroute("127.0.0.1")"#,
];

#[test]
fn what_only_a_run_knows_is_an_error_wherever_it_is_looked_at() {
    let place = Place::new();
    let mut wrong = String::new();
    for (number, script) in UNKNOWN.iter().enumerate() {
        let (before, asked) = script.rsplit_once("; ").map_or(("", *script), |(before, asked)| (before, asked));
        let name = format!("{number}.rhai");
        let text = format!("{before};\nlet x = {asked};\nif x == 1 {{ print(\"yes\"); }} else {{ print(\"no\"); }}\n");
        place.write(&name, text.trim_start_matches(";\n"));
        let dry = finish(&mut place.netscript(&["--dry-run", &name]));
        if dry.status != 1 || !dry.stderr.contains("error[E0601]") || dry.stderr.contains("\nno\n") {
            wrong.push_str(&format!("{script}: {}\n{}{}\n", dry.status, dry.stdout, dry.stderr));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Unknown answers in places where a value of another type is needed.
const OF_ANOTHER_TYPE: &[&str] = &[
    r#"assert(host.ping("127.0.0.1"));"#,
    r#"assert(host.exec("true"), "it works");"#,
    r#"assert(true, host.exec("true"));"#,
    r#"assert(!host.ping("127.0.0.1"));"#,
    r#"assert(!host.ping("127.0.0.1").received);"#,
    r#"assert(host.connect("127.0.0.1", 80).error);"#,
    r#"assert(host.fetch("http://127.0.0.1/").body);"#,
    r#"assert(host.exec("true").stauts);"#,
    r#"assert(host.ping("127.0.0.1") && true);"#,
    r#"assert(true && host.ping("127.0.0.1").sent);"#,
    r#"assert(host.ping("127.0.0.1").ok && host.ping("127.0.0.1"));"#,
    r#"assert(host.ping("127.0.0.1") || true);"#,
    r#"assert(false || host.ping("127.0.0.1").sent);"#,
    r#"assert(host.traceroute("127.0.0.1"));"#,
    r#"assert(!host.neighbours);"#,
    r#"if host.ping("127.0.0.1") { }"#,
    r#"if !host.traceroute("127.0.0.1") { }"#,
    r#"if false || host.ping("127.0.0.1") { }"#,
    r#"if host.exec("true").stauts { }"#,
    r#"while host.exec("true") { }"#,
    r#"let p = host.ping("127.0.0.1"); for part in p { }"#,
    r#"let p = host.ping("127.0.0.1"); netns(p);"#,
    r#"let p = host.ping("127.0.0.1"); sleep(p);"#,
    r#"let p = host.ping("127.0.0.1"); p + 5;"#,
    r#"let p = host.ping("127.0.0.1"); p.nope();"#,
    r#"let p = host.traceroute("127.0.0.1"); p.nope;"#,
    r#"let p = host.traceroute("127.0.0.1"); p.push(1, 2, 3);"#,
    r#"#{} > #{}"#,
];

/// Unknown answers in places where their type is right.
const OF_THE_TYPE: &[&str] = &[
    r#"assert(host.ping("127.0.0.1").ok);"#,
    r#"assert(host.ping("127.0.0.1").ok && host.exec("true").status == 0);"#,
    r#"assert(host.exec("true").status + host.exec("false").status == 1);"#,
    r#"assert(!host.ping("127.0.0.2").ok == false);"#,
    r#"assert("ok" in host.ping("127.0.0.1"));"#,
    r#"assert(host.ping("127.0.0.1").keys().contains("ok"));"#,
    r#"assert(type_of(host.ping("127.0.0.1")) == "map" && type_of(host.neighbours) == "array");"#,
    r#"assert(host.traceroute("127.0.0.1").map(|hop| hop.addr) == ["127.0.0.1"]);"#,
    r#"assert(host.traceroute("127.0.0.1").len == 1);"#,
    r#"assert(host.traceroute("127.0.0.1").extract(0..1).filter(|hop| hop.ok).len() == 1);"#,
    r#"assert((host.traceroute("127.0.0.1") + [1]).len() == 2);"#,
    r#"assert(host.ping("127.0.0.1").nope == ());"#,
];

pub fn code_and_place(stderr: &str) -> Option<(&str, &str)> {
    let code = stderr.split_once("error[")?.1.split(']').next()?;
    Some((code, stderr.split_once("┌─ ")?.1.lines().next()?))
}

/// A dry run refuses a wrong type as a run does: same code, same place.
#[test]
fn an_unknown_answer_has_its_type() {
    let place = Place::new();
    let mut wrong = String::new();
    for (number, script) in OF_ANOTHER_TYPE.iter().chain(OF_THE_TYPE).enumerate() {
        let name = format!("{number}.rhai");
        place.write(&name, format!("host.lo.up();\n{script}"));
        let real = finish(&mut place.netscript(&["--sandbox", &name]));
        let dry = finish(&mut place.netscript(&["--dry-run", &name]));
        let refused = number < OF_ANOTHER_TYPE.len();
        let (real, dry) = (real.stderr, dry.stderr);
        if code_and_place(&dry) != code_and_place(&real) || code_and_place(&real).is_some() != refused {
            wrong.push_str(&format!("{script}\ndry run: {dry}\nrun: {real}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_nobody_can_have_learned_is_known() {
    let place = Place::new();
    place.write("known.rhai", r#"bridge("b").addr("10.0.0.1/24"); host.neigh("10.0.0.2", "02:00:00:00:00:02", "b"); assert(host.neighbours.len() == 1);"#);
    let dry = finish(&mut place.netscript(&["--dry-run", "known.rhai"]));
    assert_eq!((dry.status, dry.stdout.contains("# assert")), (0, false), "{}{}", dry.stdout, dry.stderr);
}

/// A bridge that is made again has no carrier. A run restores the address that the kernel had made; the printed
/// commands do not.
#[test]
fn the_address_of_a_bridge_that_is_made_again_is_not_known() {
    let place = Place::new();
    place.write(
        "undo.rhai",
        r#"let b = bridge("b"); b.up(); b.delete(); undo(); let n = link("b").addrs.len(); if n != 1 { exit(3); }"#,
    );
    let run = finish(&mut place.netscript(&["--sandbox", "undo.rhai"]));
    assert_eq!(run.status, 0, "{}", run.stderr);
    let dry = finish(&mut place.netscript(&["--dry-run", "undo.rhai"]));
    assert!(dry.status == 1 && dry.stderr.contains("error[E0601]"), "{}{}", dry.stdout, dry.stderr);
    assert!(dry.stderr.contains("the fe80 address that the kernel gives `b`"), "{}", dry.stderr);
}

#[test]
fn iterating_over_an_unknown_answer_is_an_error() {
    let place = Place::new();
    place.write("loop.rhai", r#"for e in bridge("b").fdb { print(e); }"#);
    let dry = finish(&mut place.netscript(&["--dry-run", "loop.rhai"]));
    assert!(dry.stderr.contains("error[E0601]"), "{}", dry.stderr);
}

#[test]
fn every_probe_of_an_assertion_is_printed() {
    let place = Place::new();
    place.write(
        "probes.rhai",
        r#"host.lo.up(); assert(host.ping("127.0.0.1", #{ dev: "lo" }).ok && host.connect("127.0.0.1", 80).ok && host.ping("::1", #{ src: "::1" }).ok);
           assert(1 == 1 && host.exec("true").ok); let v = veth("v", "w"); v.capture();"#,
    );
    let dry = finish(&mut place.netscript(&["--dry-run", "probes.rhai"]));
    for line in [
        "ping -c 1 -W 1 -I lo 127.0.0.1 || true",
        "nc -z -w 2 127.0.0.1 80 || true",
        "ping -c 1 -W 1 -I ::1 ::1 || true",
        "env true || true",
        "tcpdump -p --immediate-mode -n -i v -l & job1=$!",
    ] {
        assert!(dry.stdout.contains(line), "{line} is not in\n{}", dry.stdout);
    }
    // The second alternative is run if the first fails, also by `sh`.
    place.write(
        "either.rhai",
        r#"let d = host.exec("mkdir d"); assert(host.exec("test -e e").ok || host.exec("test -d d").ok || host.exec("rmdir d").ok);
           assert(!(1 == 2 || host.exec("false").ok)); assert(host.exec("false").ok || 1 == 1);
           let p = host.start("sleep 4331"); assert(host.exec("false").ok || { p.stop(); host.exec("test -d d").ok });"#,
    );
    let dry = finish(&mut place.netscript(&["--dry-run", "either.rhai"]));
    let lines: Vec<&str> = dry.stdout.lines().filter(|line| line.ends_with("|| true")).collect();
    assert_eq!(
        lines,
        [
            "mkdir d || true",
            "env test -e e || env test -d d || rmdir d || true",
            "env false || true",
            "env false || true",
            "env false || true",
            "kill \"$job1\" || true",
            "env test -d d || true",
        ],
    );
    let printed = std::process::Command::new("sh").args(["-c", &dry.stdout]).current_dir(place.path("")).status();
    assert!(printed.is_ok_and(|status| status.success()) && place.path("d").is_dir(), "{}", dry.stdout);
    // A part that is known to be false fails at once.
    place.write("false.rhai", r#"assert(1 == 2 && host.ping("127.0.0.1").ok);"#);
    let dry = finish(&mut place.netscript(&["--dry-run", "false.rhai"]));
    assert!(dry.stderr.contains("error[E0701]") && !dry.stdout.contains("ping"), "{}{}", dry.stdout, dry.stderr);
}

#[test]
fn a_printed_script_ends_what_it_started() {
    let place = Place::new();
    place.write("serve.rhai", r#"host.lo.up(); host.start("sleep 4321"); let p = host.start("sleep 4322"); host.start("sleep 4323"); p.stop();"#);
    let dry = finish(&mut place.netscript(&["--dry-run", "serve.rhai"]));
    assert_eq!(dry.status, 0, "{}", dry.stderr);
    let sandbox = Sandbox::new();
    std::fs::write(place.path("serve.sh"), dry.stdout).unwrap();
    let path = place.path("serve.sh").display().to_string();
    // A process that was sent a signal needs a moment to end.
    let running = "pgrep -f '^sleep 432[123]$'";
    let wait = format!("for i in $(seq 100); do {running} >/dev/null || break; sleep 0.1; done");
    let left = sandbox.shell(&format!("sh {path} >/dev/null 2>&1; {wait}; {running} || true"));
    assert_eq!(left.trim(), "");
}

#[test]
fn names_that_stand_for_nothing_are_no_hindrance() {
    let place = Place::new();
    let sandbox = Sandbox::new();
    sandbox.shell("mkdir -p /run/netns; touch /run/netns/stale; ln -s /nowhere /run/netns/dangling; ip netns add red");
    place.write("found.rhai", r#"netns_open("red").lo.up(); netns("blue");"#);
    place.write("taken.rhai", r#"netns("stale");"#);
    for options in [&["--dry-run", "--from-host"][..], &["--force", "--keep"][..]] {
        let run = |script: &str| {
            let mut command = place.netscript(options);
            command.arg(script);
            sandbox.run(move || finish(&mut command))
        };
        let found = run("found.rhai");
        assert_eq!(found.status, 0, "{options:?}: {}", found.stderr);
        let taken = run("taken.rhai");
        assert!(taken.stderr.contains("error[E0301]"), "{options:?}: {}", taken.stderr);
    }
}

/// How often an address is added and probed at once.
const TRIES: usize = 200;

#[test]
fn a_new_address_answers_the_first_probe() {
    let place = Place::new();
    let script = format!(
        r#"let red = netns("red"); let blue = netns("blue"); let v = red.veth("v", #{{ peer: "w", netns: blue }}); v.up(); v.peer.up();
           let failed = 0;
           for i in 0..{TRIES} {{
               let a = `fd00:${{i.to_hex()}}::1`; let b = `fd00:${{i.to_hex()}}::2`;
               v.addr(a + "/64"); v.peer.addr(b + "/64");
               if !blue.ping(a, #{{ timeout: 0.9 }}).ok {{ failed += 1; }}
               v.del_addr(a + "/64"); v.peer.del_addr(b + "/64");
           }}
           print(failed);"#
    );
    let run = place.sandboxed(&script);
    assert_eq!((run.status, run.stdout.as_str()), (0, "0\n"), "{}", run.stderr);
}

/// `brnf_sysctl_call_tables` accepts only numbers. Without br_netfilter, the setting does not exist.
#[test]
fn a_setting_of_bridges_takes_only_numbers() {
    let place = Place::new();
    place.write(
        "script.rhai",
        "try { host.sysctl(\"net.bridge.bridge-nf-call-iptables\", \"a/b\"); print(\"fine\"); } catch (e) { print(`code ${e.code}`); }",
    );
    let run = finish(&mut place.netscript(&["--sandbox", "script.rhai"]));
    assert!(["code E0305\n", "code E0307\n"].contains(&run.stdout.as_str()), "{run:?}");
    let dry = finish(&mut place.netscript(&["--dry-run", "script.rhai"]));
    assert!(dry.stderr.contains("code E0305\n"), "{dry:?}");
}

/// A probe over a missing or removed link fails in a dry run as in a run.
#[test]
fn a_probe_over_a_link_that_is_gone_fails_in_a_dry_run_too() {
    let place = Place::new();
    for (number, (script, code)) in [
        (r#"host.ping("127.0.0.1", #{ dev: "nosuch" });"#, "E0302"),
        (r#"let v = veth("v", "w"); v.delete(); host.ping("127.0.0.1", #{ dev: "v" });"#, "E0302"),
        (r#"let v = veth("v", "w"); v.delete(); v.capture();"#, "E0309"),
        (r#"let v = veth("v", "w"); let w = v.peer; v.delete(); w.capture();"#, "E0309"),
        (
            r#"let red = netns("red"); let v = veth("v", "w"); v.move_to(red); host.ping("127.0.0.1", #{ dev: "v" });"#,
            "E0302",
        ),
        (r#"let red = netns("red"); let v = red.veth("v", "w"); red.delete(); v.capture();"#, "E0309"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{number}.rhai");
        place.write(&name, script);
        let real = finish(&mut place.netscript(&["--sandbox", &name])).stderr;
        let dry = finish(&mut place.netscript(&["--dry-run", &name])).stderr;
        assert_eq!(code_and_place(&dry), code_and_place(&real), "{script}\ndry run: {dry}\nrun: {real}");
        assert!(real.contains(code), "{script}: {real}");
    }
}

/// The model keeps `ip_forward` under its other name, `conf.all.forwarding`.
#[test]
fn a_setting_with_two_names_is_put_back_by_the_printed_commands() {
    for value in [0, 1] {
        let place = Place::new();
        place.write("script.rhai", format!("host.sysctl(\"net.ipv4.ip_forward\", {value}); undo();"));
        let commands = finish(&mut place.netscript(&["--dry-run", "script.rhai"])).success();
        let read = "cat /proc/sys/net/ipv4/ip_forward";
        let told = Sandbox::new()
            .shell(&format!("echo {0} >/proc/sys/net/ipv4/ip_forward; {{ {commands} }} >/dev/null; {read}", 1 - value));
        assert_eq!(told.trim(), (1 - value).to_string(), "{commands}");
    }
}
