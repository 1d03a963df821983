//! No script can crash the program, or make it hang.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use netscript_lab::wiring::of_words;
use netscript_lang::interpreter::{Form, Word, words};
use netscript_tests::Sandbox;
use netscript_tests::program::{Finished, Place, Running, finish};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

fn registered() -> Vec<Word> {
    words(of_words().engine())
}

/// A call of a word, with as many arguments as it takes.
fn call(word: &Word) -> Option<String> {
    let arguments: Vec<&str> = word.arguments().iter().map(|param| argument(&param.kind)).collect();
    let arguments = arguments.join(", ");
    let receiver = word.receiver().map(argument);
    match word.form {
        Form::Function => Some(format!("{}({arguments})", word.name)),
        // Reserved words of Rhai, which cannot be called as methods.
        Form::Method if ["print", "debug"].contains(&word.name.as_str()) => {
            Some(format!("{}({})", word.name, receiver?))
        }
        Form::Method => Some(format!("({}).{}({arguments})", receiver?, word.name)),
        Form::Property => Some(format!("({}).{}", receiver?, word.name)),
        Form::Setter | Form::Operator => None,
    }
}

/// A value of a type.
fn argument(kind: &str) -> &'static str {
    match kind {
        "integer" => "1",
        "float" => "1.5",
        "string" => "\"a\"",
        "character" => "'a'",
        "bool" => "true",
        "array" => "[1]",
        "map" => "#{}",
        "closure" => "|x| true",
        "Netns" => "host",
        "Link" => "host.lo",
        "Table" => "host.filter",
        "Chain" => "host.filter.input",
        "Rule" => "host.filter.input.accept()",
        "Process" => "host.start(\"true\")",
        "Capture" => "host.lo.capture()",
        "Checkpoint" => "checkpoint()",
        _ => "()",
    }
}

/// netscript's custom syntax.
const SYNTAX: [&str; 4] = ["print(1)", "assert(true)", "assert(1 == 1, \"fine\")", "print()"];

/// Errors of Rhai's own arithmetic, each with another message.
const ARITHMETIC: [&str; 9] = [
    "2 ** -1",
    "2 ** 9000000000000",
    "1 / 0",
    "1 % 0",
    "9223372036854775807 + 1",
    "1 << 64 << -65",
    "parse_int(\"1\", 99)",
    "(0.0 / 0.0).sign()",
    "range(1, 5, 0)",
];

/// Where a call can stand; `CALL` is replaced.
const CONTEXTS: [(&str, &str); 8] = [
    ("a closure", "[1].for_each(|i| { CALL; });"),
    ("a closure in a closure", "let f = || { let g = || { CALL }; g.call() }; f.call();"),
    ("a function", "fn f() { CALL } f();"),
    ("a switch", "switch 1 { 1 => { CALL } _ => () }"),
    ("a template string", "let text = `a ${{ CALL }} b`;"),
    ("an argument in a loop", "for i in 0..1 { let g = |x| x; g.call({ CALL }); }"),
    ("a try", "try { CALL; } catch (e) { throw e; }"),
    ("a comparer", "let a = [2, 1]; a.sort(|x, y| { CALL; x - y });"),
];

#[test]
fn every_word_works_in_every_place() {
    let place = Place::new();
    let mut calls: Vec<String> = registered().iter().filter_map(call).collect();
    assert!(calls.len() > 300, "only {} words", calls.len());
    calls.extend(SYNTAX.into_iter().chain(ARITHMETIC).map(str::to_owned));
    calls.retain(|call| !["shell", "exit"].iter().any(|word| call.contains(&format!("{word}("))));
    let mut wrong = Vec::new();
    // A call has the same result in every context: success, or an error of the same code.
    let alone = outcomes(&place, "alone", &calls, "CALL;");
    for (number, (what, context)) in CONTEXTS.iter().enumerate() {
        let there = outcomes(&place, &format!("context{number}"), &calls, context);
        for (call, (alone, there)) in calls.iter().zip(alone.iter().zip(&there)) {
            if there.is_empty() || alone != there {
                wrong.push(format!("{call} in {what}: {there}, alone: {alone}"));
            }
        }
    }
    // In a module.
    for (number, call) in SYNTAX.iter().enumerate() {
        place
            .write(&format!("module{number}.rhai"), format!("fn f() {{ let g = || {{ {call} }}; g.call() }}\n{call};"));
        place.write("script.rhai", format!("import \"module{number}\" as m; m::f();"));
        let finished = finish(&mut place.netscript(&["--dry-run", "script.rhai"]));
        if finished.status != 0 {
            wrong.push(format!("{call} in a module: {}", finished.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The result of each call in a context. All are in one script, each in a `try`.
fn outcomes(place: &Place, name: &str, calls: &[String], context: &str) -> Vec<String> {
    let functions = context.starts_with("fn ");
    let mut script = String::new();
    for (number, call) in calls.iter().enumerate() {
        let run = context.replace("CALL", call).replace("f()", &format!("f{number}()"));
        let (define, run) = if functions {
            run.rsplit_once("} ").map_or(("", run.as_str()), |(a, b)| (a, b))
        } else {
            ("", run.as_str())
        };
        if functions {
            script.push_str(&format!("{define}}}\n"));
        }
        script.push_str(&format!(
            "try {{ {run} print(\"{number} fine\"); }} catch (e) {{ print(`{number} ${{if type_of(e) == \"string\" {{ e }} else {{ e.code }}}}`); }}\n"
        ));
    }
    let file = format!("{name}.rhai");
    place.write(&file, script);
    let finished = finish(&mut place.netscript(&["--dry-run", &file]));
    assert_eq!(finished.status, 0, "{name}: {}", finished.stderr);
    let mut told = vec![String::new(); calls.len()];
    for line in finished.stderr.lines() {
        let Some((number, what)) = line.split_once(' ') else { continue };
        if let Some(told) = number.parse::<usize>().ok().and_then(|number| told.get_mut(number)) {
            *told = what.to_owned();
        }
    }
    told
}

fn dry(place: &Place, script: &str) -> Finished {
    place.write("script.rhai", script);
    finish(&mut place.netscript(&["--dry-run", "script.rhai"]))
}

#[test]
fn modules_that_import_each_other_are_an_error_that_shows_the_circle() {
    let place = Place::new();
    place.write("selfimp.rhai", "import \"selfimp\" as s;");
    place.write("a.rhai", "import \"b\" as b;");
    place.write("b.rhai", "import \"a\" as a;");
    fs::create_dir(place.path("deep")).unwrap();
    for (name, shown) in [
        ("selfimp", "selfimp.rhai imports itself"),
        ("a", "a.rhai imports b.rhai imports a.rhai"),
        ("deep/../a", "a.rhai imports b.rhai imports a.rhai"),
    ] {
        let finished = dry(&place, &format!("\nimport {name:?} as s;"));
        assert_eq!(finished.status, 1, "{finished:?}");
        assert!(finished.stderr.contains("error[E0120]"), "{finished:?}");
        assert!(finished.stderr.contains(shown), "{finished:?}");
    }
    // Importing a module twice is not a circle.
    place.write("c.rhai", "fn one() { 1 }");
    place.write("d.rhai", "import \"c\" as c; fn two() { import \"c\" as c; c::one() + c::one() }");
    assert_eq!(dry(&place, "import \"c\" as c; import \"d\" as d; assert(d::two() == 2);").status, 0);
}

/// Scripts that exceed limits, and the limits that each may reach first: recursion takes stack and memory, and the
/// build decides which of the two is reached first.
const GREEDY: [(&str, &[&str]); 8] = [
    ("netns(\"red\"); let a = [1]; a.pad(9000000000000000000, 1);", &["E0109"]),
    ("netns(\"red\"); blob(9000000000000000000);", &["E0109"]),
    ("netns(\"red\"); let s = \"a\"; s.pad(60000000, 'a'); let t = s; s.replace(\"a\", t);", &["E0109"]),
    ("netns(\"red\"); let s = \"aaaaaaaa\"; loop { s += s; }", &["E0121"]),
    ("netns(\"red\"); let a = []; loop { a.push(blob(10000000)); }", &["E0121"]),
    ("netns(\"red\"); let s = \"eval(s)\"; eval(s)", &["E0109", "E0121"]),
    ("netns(\"red\"); fn f(n) { f(n + 1) } f(0);", &["E0109"]),
    ("netns(\"red\"); fn f() { eval(\"f()\") } f();", &["E0109", "E0121"]),
];

#[test]
fn a_script_that_wants_too_much_fails_and_is_undone() {
    for (script, codes) in GREEDY {
        let (finished, left) = Sandbox::new().run(move || {
            let place = Place::new();
            let finished = finish(&mut place.on_the_machine(script));
            (finished, fs::read_dir("/run/netns").map_or(0, |entries| entries.count()))
        });
        assert_eq!((finished.status, left), (1, 0), "{script}: {finished:?}");
        let met = codes.iter().any(|code| finished.stderr.contains(&format!("error[{code}]")));
        assert!(met, "{script}: {finished:?}");
        assert!(!finished.stderr.contains("panicked"), "{script}: {finished:?}");
    }
}

/// The error of a text that evaluates itself does not grow with the square of its depth.
#[test]
fn an_error_in_deeply_nested_evals_stays_small() {
    let place = Place::new();
    let script = "let d = 0; let s = \"d += 1; if d > 1500 { nope(); } eval(s)\"; eval(s)";
    let finished = dry(&place, script);
    assert!(finished.stderr.contains("error[E0102]"), "{finished:?}");
    assert!(finished.stderr.len() < 5_000, "{}", finished.stderr.len());
}

/// Scripts that print a line, and then spend long in one function of Rhai, or take much memory.
const LONG: [&str; 3] = [
    "print(1); let a = []; for i in 0..2000000 { a.push(i); } a.sort(|x, y| y - x); loop {}",
    "print(1); let s = \"1;\"; for i in 0..23 { s += s; } eval(s); loop {}",
    "print(1); let a = []; loop { a.push(1); if a.len() > 1000000 { a.clear(); } }",
];

#[test]
fn a_script_that_is_busy_stops_when_it_is_told_to() {
    let place = Place::new();
    for script in LONG {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            place.write("script.rhai", script);
            let running = Running::start(&mut place.netscript(&["--sandbox", "script.rhai"]));
            std::thread::sleep(Duration::from_millis(300));
            running.signal(signal);
            let (finished, time) = running.finish();
            assert_eq!(finished.status, 130, "{script}: {finished:?}");
            assert!(time < Duration::from_secs(10), "{script}: {time:?}");
        }
    }
}

#[test]
fn sorting_ends_whatever_the_closure_returns() {
    let place = Place::new();
    let finished = dry(
        &place,
        "let a = []; for i in 0..1000 { a.push((i * 7919) % 1000); }
         a.sort(|x, y| if (x * y) % 3 == 0 { 1 } else { -1 });
         assert(a.len() == 1000);
         let b = [3, 1, 2]; b.sort(|x, y| x - y); assert(b == [1, 2, 3]);
         try { b.sort(|x, y| x.nothing); assert(false); } catch (e) { assert(e.code != \"E0701\"); }",
    );
    assert_eq!(finished.status, 0, "{finished:?}");
    assert!(!finished.stderr.contains("panicked"), "{finished:?}");
}

fn fifo(path: &Path) {
    mkfifo(path, Mode::from_bits_truncate(0o644)).unwrap();
}

/// Runs a command that must end within a short time.
fn soon(command: &mut Command) -> Finished {
    let start = Instant::now();
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut limited = Command::new("timeout");
    limited.arg("--signal=KILL").arg("20").arg(program).args(arguments);
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    let finished = finish(limited.stdin(std::process::Stdio::null()));
    assert!(start.elapsed() < Duration::from_secs(19), "{command:?} hangs");
    finished
}

#[test]
fn a_fifo_or_a_device_in_the_place_of_a_file_is_an_error() {
    let place = Place::new();
    fifo(&place.path("fifo.rhai"));
    place.write("script.rhai", "import \"fifo\" as f;");
    for (arguments, code) in [
        (&["--dry-run", "fifo.rhai"][..], "E0111"),
        (&["--dry-run", "/dev/zero"], "E0111"),
        (&["--dry-run", "script.rhai"], "E0111"),
        (&["--sandbox", "-i", "fifo.rhai"], "E0111"),
        (&["test", "fifo.rhai"], "E0115"),
    ] {
        let finished = soon(&mut place.netscript(arguments));
        assert_eq!(finished.status, 1, "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(&format!("error[{code}]")), "{arguments:?}: {finished:?}");
    }
    // A pipe from a shell is accepted as a script.
    let script = format!("{} --dry-run <(echo 'netns(\"red\");')", place.program().display());
    let finished = finish(Command::new("bash").arg("-c").arg(script));
    assert!(finished.success().contains("ip netns add red"));
}

#[test]
fn a_file_that_is_too_large_is_no_script_and_no_module() {
    let place = Place::new();
    let large = fs::File::create(place.path("large.rhai")).unwrap();
    large.set_len(100_000_000).unwrap();
    place.write("script.rhai", "import \"large\" as l;");
    for script in ["large.rhai", "script.rhai"] {
        let finished = soon(&mut place.netscript(&["--dry-run", script]));
        assert!(finished.stderr.contains("error[E0111]") && finished.stderr.contains("64 MiB"), "{finished:?}");
    }
}

#[test]
fn odd_files_in_place_of_labs_and_namespaces_are_skipped_or_reported() {
    Sandbox::new().run(|| {
        let place = Place::new();
        fs::create_dir_all("/run/netscript/odd").unwrap();
        fs::create_dir_all("/run/netscript/zero").unwrap();
        fs::create_dir_all("/run/netns").unwrap();
        fifo(Path::new("/run/netscript/odd/journal"));
        std::os::unix::fs::symlink("/dev/zero", "/run/netscript/zero/journal").unwrap();
        fifo(Path::new("/run/netns/pipe"));
        fs::create_dir("/run/netns/folder").unwrap();
        assert_eq!(soon(&mut place.netscript(&["ps"])).status, 0);
        let finished = soon(&mut place.netscript(&["down", "odd"]));
        assert!(finished.stderr.contains("error[E0506]"), "{finished:?}");
        let finished = soon(&mut place.netscript(&["down", "zero"]));
        assert!(finished.stderr.contains("error[E0506]"), "{finished:?}");
        place.write("good.rhai", "let red = netns(\"red\"); host.lo.up(); host.sysctl(\"net.ipv4.ip_forward\", 1);");
        let finished = soon(&mut place.netscript(&["good.rhai"]));
        assert_eq!(finished.status, 0, "{finished:?}");
        assert_eq!(soon(&mut place.netscript(&["down", "good"])).status, 0);
        place.write("use.rhai", "netns_open(\"pipe\").lo.up();");
        let finished = soon(&mut place.netscript(&["use.rhai"]));
        assert_eq!(finished.status, 1, "{finished:?}");
        fs::create_dir_all("/etc/netns/red").unwrap();
        fifo(Path::new("/etc/netns/red/resolv.conf"));
        place.write("resolver.rhai", "let red = netns(\"red\"); print(red.resolver);");
        assert_eq!(soon(&mut place.netscript(&["resolver.rhai"])).status, 1);
        fifo(&place.path("packets.pcap"));
        place.write("capture.rhai", "host.lo.up(); host.lo.capture(\"packets.pcap\");");
        let finished = soon(&mut place.netscript(&["capture.rhai"]));
        assert!(finished.stderr.contains("error[E0405]"), "{finished:?}");
    });
}

#[test]
fn a_program_that_writes_without_end_is_an_error() {
    let place = Place::new();
    let finished = place.sandboxed("host.exec(\"yes\");");
    assert!(finished.status == 1 && finished.stderr.contains("error[E0405]"), "{finished:?}");
}

/// Whether a server on the loopback answers with its page within some time.
fn asks(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    sent.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains("hello")
}

#[test]
fn a_server_outlives_its_limit_of_descriptors_and_clients_that_say_nothing() {
    Sandbox::new().run(|| {
        let place = Place::new();
        place.write("web.rhai", "host.lo.up(); host.serve(8080, \"hello\");");
        // As many descriptors as a shell with a low hard limit gives.
        let command = format!("ulimit -Hn 64; ulimit -Sn 64; exec {} web.rhai", place.program().display());
        let finished = finish(Command::new("bash").current_dir(place.path("")).arg("-c").arg(command));
        assert_eq!(finished.status, 0, "{finished:?}");
        assert!(asks(8080));
        let mut silent: Vec<TcpStream> =
            (0..100).filter_map(|_| TcpStream::connect(("127.0.0.1", 8080)).ok()).collect();
        assert_eq!(silent.len(), 100);
        silent.iter_mut().for_each(|stream| drop(stream.write_all(b"GET / HT")));
        // The server waits some seconds for the rest of a header, then closes the connection.
        silent[0].set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let waited = Instant::now();
        let closed = silent[0].read_to_end(&mut Vec::new());
        assert!(closed.is_ok() && waited.elapsed() < Duration::from_secs(20), "a half-sent header is kept: {closed:?}");
        drop(silent);
        std::thread::sleep(Duration::from_secs(1));
        assert!(asks(8080), "the server is gone");
        assert_eq!(finish(&mut place.netscript(&["down", "web"])).status, 0);
    });
}

#[test]
fn six_hundred_namespaces_fit_into_a_soft_limit_of_1024() {
    Sandbox::new().run(|| {
        let place = Place::new();
        place.write(
            "many.rhai",
            "for i in 0..600 { let n = netns(`n${i}`); n.lo.up(); n.filter.input.accept(#{ iif: \"lo\" }); }
             assert(host.exec([\"sh\", \"-c\", \"ulimit -Sn\"]).stdout == \"1024\\n\");",
        );
        let command = format!("ulimit -Sn 1024; exec {} --rm many.rhai", place.program().display());
        let finished = finish(Command::new("bash").current_dir(place.path("")).arg("-c").arg(command));
        assert_eq!(finished.status, 0, "{finished:?}");
    });
}
