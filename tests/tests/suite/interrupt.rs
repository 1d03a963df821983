//! Ctrl-C ends a script at once, whatever it does, with status 130.

use std::process::Command;
use std::time::Duration;

use netscript_tests::Sandbox;
use netscript_tests::program::{Finished, Place, Running, as_nobody, family, left_of};
use nix::sys::signal::Signal;

/// Scripts that run for ever, each in another way.
const SCRIPTS: &[(&str, &str)] = &[
    ("an endless loop", "print(1); loop {}"),
    ("an endless recursion of loops", "fn f(n) { while true { f2(n) } } fn f2(n) { n + 1 } print(1); f(1)"),
    ("a sleep", "print(1); sleep(1000)"),
    ("a sleep of part of a second", "print(1); loop { sleep(0.5) }"),
    ("a sleep whose error is caught", "print(1); loop { try { sleep(1000) } catch {} }"),
    ("a wait", "print(1); wait_until(1000, || false)"),
    (
        "a ping",
        "host.lo.up(); let a = host.lo.addr(\"10.9.9.1/24\"); print(1); host.ping(\"10.9.9.1\", #{ count: 60000, timeout: 1000 }); sleep(1000)",
    ),
    (
        "a ping without an answer",
        "let v = veth(\"v\", \"w\").up().addr(\"10.9.9.1/24\"); v.peer.up(); print(1); host.ping(\"10.9.9.2\", #{ timeout: 1000 })",
    ),
    ("a program", "print(1); host.exec(\"sleep 1000\")"),
    (
        "a program that does not listen",
        "print(1); host.exec([\"sh\", \"-c\", \"trap '' INT TERM; while :; do :; done\"])",
    ),
    // Slowly: 64 MiB of output would be an error of its own (E0405).
    ("a program that writes for ever", "print(1); host.exec([\"sh\", \"-c\", \"while echo y; do sleep 0.01; done\"])"),
    ("a program's children", "print(1); host.exec([\"sh\", \"-c\", \"sleep 1000 & sleep 1000\"])"),
    (
        "a page that never comes",
        "let v = veth(\"v\", \"w\").up().addr(\"10.9.9.1/24\"); v.peer.up(); print(1); host.fetch(\"http://10.9.9.2/\", #{ timeout: 1000 })",
    ),
];

/// Enough for a busy machine, and far less than the scripts would take.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Time for a script to get from its first line to the one that waits.
const SETTLE: Duration = Duration::from_millis(100);

fn interrupt(command: &mut Command, signal: Signal, group: bool) -> Finished {
    let running = Running::start(command);
    std::thread::sleep(SETTLE);
    let family = family(running.pid());
    if group {
        running.signal_group(signal)
    } else {
        running.signal(signal)
    }
    let (finished, time) = running.finish();
    assert!(time < netscript_tests::patience(AT_ONCE), "{command:?}: {time:?}");
    let left = left_of(&family, Duration::from_secs(1));
    assert!(left.is_empty(), "{command:?}: {left:?}");
    finished
}

#[test]
fn ctrl_c_ends_everything_in_a_sandbox() {
    let place = Place::new();
    for (what, script) in SCRIPTS {
        place.write("script.rhai", script);
        for group in [true, false] {
            let finished = interrupt(&mut place.netscript(&["--sandbox", "script.rhai"]), Signal::SIGINT, group);
            assert_eq!(finished.status, 130, "{what}: {finished:?}");
            assert!(finished.stderr.contains("error[E0114]"), "{what}: {finished:?}");
        }
    }
}

#[test]
fn ctrl_c_ends_everything_outside() {
    for (what, script) in SCRIPTS {
        let finished = Sandbox::new().run(move || {
            let place = Place::new();
            place.write("script.rhai", script);
            interrupt(&mut place.netscript(&["script.rhai"]), Signal::SIGINT, false)
        });
        assert_eq!(finished.status, 130, "{what}: {finished:?}");
    }
}

#[test]
fn signals_that_ask_to_end_do_the_same() {
    let place = Place::new();
    place.write("script.rhai", "print(1); sleep(1000)");
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let finished = interrupt(&mut place.netscript(&["--sandbox", "script.rhai"]), signal, false);
        assert_eq!(finished.status, 130, "{signal}: {finished:?}");
        let finished = interrupt(as_nobody(&mut place.netscript(&["--sandbox", "script.rhai"])), signal, true);
        assert_eq!(finished.status, 130, "{signal}: {finished:?}");
    }
}
