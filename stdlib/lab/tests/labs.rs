//! Labs as a program uses them: by typed calls and scripts, on threads, as root and as an ordinary user.

use std::error::Error;
use std::fs;
use std::os::unix::process::CommandExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use netscript_lab::op::{Bridge, LinkSet, LinkSpec, NetnsRef, Op};
use netscript_lab::{Code, Lab, machine};
use netscript_linux::{Interrupt, lab_names, take_own_network};

netscript_lab::tests_in_sandbox!();

type Done = Result<(), Box<dyn Error + Send + Sync>>;

/// Runs something on a thread that has a network and mounts of its own, in place of the machine's.
fn on_a_machine<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let machine = scope.spawn(|| {
            take_own_network().expect("namespaces can be made");
            work()
        });
        machine.join().unwrap_or_else(|cause| panic::resume_unwind(cause))
    })
}

fn ours(error: netscript_lab::words::Error) -> netscript_lab::Error {
    error.into()
}

/// The labs that are up.
fn names() -> netscript_lab::Result<Vec<String>> {
    lab_names().map_err(ours)
}

#[test]
fn labs_at_the_same_time_do_not_meet() {
    let all = Barrier::new(4);
    let one = |number: usize| -> Done {
        let lab = Lab::sandbox()?;
        let red = lab.add_netns("red")?;
        let (near, far) = lab.host().veth("a", &red, "b")?;
        near.addr("10.0.0.1/24")?.up()?;
        far.addr("10.0.0.2/24")?.up()?;
        lab.host().bridge(&format!("only{number}"))?;
        all.wait();
        assert_eq!(lab.netns_names()?, ["red"]);
        let links: Vec<String> = lab.host().links()?.iter().map(|link| link.name.to_string()).collect();
        assert_eq!(links, ["lo", "a", &format!("only{number}")]);
        assert!(lab.host().ping("10.0.0.2")?.ok());
        assert!(red.ping("10.0.0.1")?.ok());
        all.wait();
        Ok(())
    };
    thread::scope(|scope| {
        let labs: Vec<_> = (0..4).map(|number| scope.spawn(move || one_of(number, &one))).collect();
        labs.into_iter().for_each(|lab| lab.join().expect("each is as it should be"));
    });

    fn one_of(number: usize, one: &dyn Fn(usize) -> Done) {
        one(number).expect("nothing fails");
    }
}

#[test]
fn handles_follow_links() -> Done {
    let lab = Lab::sandbox()?;
    let red = lab.add_netns("red")?;
    let br0 = red.bridge("br0")?.addr("fd00::1/64")?.up()?;
    let (port, end) = lab.host().veth("p0", &lab.host(), "p1")?;
    port.move_to(&red)?.set(LinkSet::Name(netscript_lab::op::IfName::parse("port")?))?.master(br0)?.up()?;
    end.up()?;
    assert_eq!(port.look()?.name.as_str(), "port");
    assert_eq!(port.locate()?.0, *red.reference());
    assert_eq!(red.link("port")?.look()?.master, Some(br0.look()?.name));
    // A script sees the same, and what it does is seen.
    lab.run(
        r#"let red = netns_open("red"); assert(red.link("port").master.name == "br0"); red.link("port").rename("other")"#,
    )?;
    assert_eq!(port.look()?.name.as_str(), "other");
    red.add_link("br1", LinkSpec::Bridge(Bridge { stp: Some(true), ..Bridge::default() }))?.delete()?;
    red.delete()?;
    assert_eq!(port.look().expect_err("it went with the namespace").code(), Code::E0309);
    assert_eq!(lab.netns("red").expect_err("it is gone").code(), Code::E0303);
    Ok(())
}

#[test]
fn a_function_runs_inside_a_namespace() -> Done {
    let lab = Lab::sandbox()?;
    let red = lab.add_netns("red")?;
    red.bridge("inside")?;
    lab.run(r#"netns_open("red").resolver("192.0.2.53")"#)?;
    let here = std::env::current_dir()?;
    let look = || (fs::read_to_string("/etc/resolv.conf").unwrap_or_default(), std::env::current_dir().ok());
    let (resolv_conf, folder) = red.enter(look)?;
    assert!(resolv_conf.ends_with("nameserver 192.0.2.53\n"), "{resolv_conf}");
    assert_eq!(folder, Some(here));
    // What it borrows may be the caller's, and what programs do that it starts is in there too.
    let mut links = Vec::new();
    red.enter(|| links = names_of(Path::new("/proc/thread-self/net/dev")))?;
    assert!(links.contains(&"inside".to_owned()), "{links:?}");
    let links = lab.host().enter(|| names_of(Path::new("/proc/thread-self/net/dev")))?;
    assert_eq!(links, ["lo"]);
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| red.enter(|| panic!("inside"))));
    let cause = panicked.expect_err("it panics");
    assert_eq!(cause.downcast_ref::<&str>(), Some(&"inside"));
    // It may have changed anything.
    red.enter(|| Command::new("true").status().is_ok_and(|status| status.success()).then_some(())).map(drop)?;
    Ok(())
}

fn names_of(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

#[test]
fn what_a_lab_started_ends_with_it_also_by_a_panic() {
    let pids = Arc::new(std::sync::Mutex::new(String::new()));
    let theirs = Arc::clone(&pids);
    let panicked = panic::catch_unwind(AssertUnwindSafe(move || {
        let lab = Lab::sandbox().expect("namespaces can be made");
        let script = r#"print(netns("red").start("sleep 1000").pid); print(netns().pid); print(netns().pid);"#;
        *theirs.lock().expect("nobody panics with it") = lab.run(script).expect("it is right").printed;
        panic!("as a test that fails");
    }));
    assert!(panicked.is_err());
    let pids = pids.lock().expect("nobody panics with it").clone();
    assert_eq!(pids.lines().count(), 3);
    for pid in pids.lines() {
        assert!(!Path::new("/proc").join(pid).exists(), "{pid} goes on");
    }
}

#[test]
fn errors_say_where_and_what_to_do() -> Done {
    let lab = Lab::sandbox()?;
    let script = "print(\"before\");\nhost.route(\"default\", #{ via: \"10.0.0.1\" });";
    let error = lab.run_as("lab.rhai", script).expect_err("no link leads there");
    assert_eq!(error.code(), Code::E0304);
    assert_eq!(error.errno(), Some(101));
    assert_eq!(error.printed(), "before\n");
    let place = error.location().expect("it has one");
    assert_eq!((place.source.as_str(), place.line, place.column), ("lab.rhai", 2, 6));
    assert_eq!(error.message(), "cannot add the IPv4 default route in host: Network is unreachable");
    assert!(error.help().contains("a link an address in the gateway's network"), "{}", error.help());
    let shown = error.to_string();
    assert!(shown.contains("2 │ host.route(") && shown.contains("^^^^^^^^^^ no link leads to this gateway"), "{shown}");
    assert_eq!(format!("{error:?}"), shown);
    let typed = lab.host().route("default", "10.0.0.1").expect_err("no link leads there");
    assert_eq!((typed.code(), typed.location()), (Code::E0304, None));
    assert_eq!(lab.add_netns("a/b").expect_err("it is a path").code(), Code::E0205);
    assert_eq!(lab.run_file("/no/such.rhai").expect_err("it is not there").code(), Code::E0111);
    assert_eq!(lab.run("exit(3)")?.status, 3);
    // The lab goes on after an error, and after a panic in a function.
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| lab.with(|_| -> Result<(), _> { panic!("in there") })));
    assert!(panicked.is_err());
    lab.add_netns("red")?;
    assert_eq!(lab.state()?.netns.len(), 2);
    Ok(())
}

#[test]
fn servers_and_captures_are_this_program_again() -> Done {
    let lab = Lab::sandbox()?;
    let (red, blue) = (lab.add_netns("red")?, lab.add_netns("blue")?);
    let (near, far) = red.veth("eth0", &blue, "eth0")?;
    near.addr("10.0.0.1/24")?.up()?;
    far.addr("10.0.0.2/24")?.up()?;
    lab.run(r#"netns_open("red").serve(80, "hello"); netns_open("blue").resolver("10.0.0.1");"#)?;
    lab.run(r#"netns_open("red").serve_dns(#{ "web.test": "10.0.0.1" })"#)?;
    let page = blue.fetch("http://web.test/")?;
    assert!(page.ok(), "{page:?}");
    assert_eq!(page.body, b"hello");
    assert!(blue.connect("10.0.0.1", 80)?.ok());
    assert_eq!(blue.connect("10.0.0.1", 81)?.error.as_deref(), Some("Connection refused"));
    let script = r#"
        let capture = netns_open("blue").link("eth0").capture();
        netns_open("blue").ping("10.0.0.1");
        print(capture.packets.filter(|line| line.contains("echo request")).len());
    "#;
    assert_eq!(lab.run(script)?.printed, "1\n");
    Ok(())
}

#[test]
fn on_the_machine_a_lab_goes_unless_it_is_kept() {
    on_a_machine(|| -> Done {
        let lab = Lab::on_machine("test")?;
        lab.add_netns("red")?;
        lab.host().set_sysctl("net.ipv4.ip_forward", 1)?;
        assert_eq!(names()?, ["test"]);
        let again = Lab::on_machine("test").expect_err("it is being built");
        assert_eq!(again.code(), Code::E0502);
        drop(lab);
        assert!(!fs::exists("/run/netns/red")?);
        assert_eq!(fs::read_to_string("/proc/sys/net/ipv4/ip_forward")?, "0\n");

        let lab = Lab::on_machine("test")?;
        lab.add_netns("red")?;
        let kept = lab.keep()?.expect("there is a namespace");
        assert_eq!(kept.made, [("namespace".to_owned(), 1)]);
        assert!(fs::exists("/run/netns/red")?);
        assert_eq!(Lab::on_machine("test").expect_err("it is up").code(), Code::E0501);
        Lab::builder().replace().on_machine("test")?.take_down()?;
        assert!(!fs::exists("/run/netns/red")? && names()?.is_empty());

        let lab = Lab::on_machine("test")?;
        lab.add_netns("red")?;
        lab.keep()?;
        machine::take_down("test", false, Interrupt::by_hand().map_err(ours)?, |_| ()).map_err(ours)?;
        assert!(!fs::exists("/run/netns/red")?);
        Ok(())
    })
    .expect("nothing fails");
}

#[test]
fn a_dry_run_touches_nothing_and_knows_the_commands() -> Done {
    let lab = Lab::dry_run()?;
    let red = lab.add_netns("red")?;
    red.bridge("br0")?.addr("10.0.0.1/24")?.up()?;
    red.route("10.1.0.0/16", "10.0.0.2")?;
    assert_eq!(lab.state()?.netns.len(), 2);
    let commands = [
        "set -e",
        "ip netns add red",
        "ip -n red link add dev br0 type bridge",
        "ip -n red addr add 10.0.0.1/24 dev br0",
        "ip -n red link set dev br0 up",
        "ip -n red route add 10.1.0.0/16 via 10.0.0.2",
    ];
    assert_eq!(lab.commands(), commands);
    assert_eq!(red.enter(|| ()).expect_err("there is none").code(), Code::E0601);
    assert!(!fs::exists("/run/netns/red")?);
    Ok(())
}

#[test]
fn a_run_can_be_heard_confined_and_stopped() -> Done {
    let (lines, ops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = |counter: &Arc<AtomicUsize>| {
        let counter = Arc::clone(counter);
        move || {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    };
    let (line, op) = (count(&lines), count(&ops));
    let builder = Lab::builder().confined().on_print(move |_| line()).on_op(move |_: &Op| op());
    let lab = builder.sandbox()?;
    lab.run(r#"netns("red"); print(1); print(2);"#)?;
    assert_eq!((lines.load(Ordering::Relaxed), ops.load(Ordering::Relaxed)), (2, 1));
    assert_eq!(lab.run(r#"host.exec("true")"#).expect_err("it may not").code(), Code::E0431);
    let begun = Instant::now();
    let stopped = thread::scope(|scope| {
        let run = scope.spawn(|| lab.run("print(0); sleep(60)"));
        while lines.load(Ordering::Relaxed) < 3 {
            thread::sleep(Duration::from_millis(5));
        }
        lab.interrupt();
        run.join().expect("it does not panic")
    });
    assert_eq!(stopped.expect_err("it was stopped").code(), Code::E0114);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(lab.run("print(3)")?.printed, "3\n");
    assert_eq!(lab.netns("red")?.reference(), &NetnsRef::Named(netscript_lab::op::NetnsName::parse("red")?));
    Ok(())
}

/// Runs a program as a user without any rights.
fn as_nobody(program: &Path, prepare: impl FnOnce(&mut Command) -> &mut Command) -> std::io::Result<Output> {
    const NOBODY: u32 = 65_534;
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    // A copy that everybody can read; made by another process, so that no thread has it open for writing when it starts.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let copy = std::env::temp_dir().join(format!("netscript-lab-{}-{number}", std::process::id()));
    let copied = Command::new("install").args(["-m", "755"]).args([program, &copy]).status()?;
    assert!(copied.success());
    let output = prepare(Command::new(&copy).current_dir("/").uid(NOBODY).gid(NOBODY)).output();
    fs::remove_file(&copy)?;
    output
}

#[test]
fn the_book_shows_what_the_example_prints_for_everybody() -> Done {
    let tests = std::env::current_exe()?;
    let program = tests.ancestors().nth(2).expect("tests lie in a folder of `target`").join("examples/own_word");
    if std::env::var_os(AGAIN).is_some() || !program.exists() {
        println!("`cargo test` builds the examples; this run has been asked for less");
        return Ok(());
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/embedding.md");
    let page = fs::read_to_string(page)?;
    let as_root = Command::new(&program).output()?;
    let as_nobody = as_nobody(&program, |command| command)?;
    for output in [as_root, as_nobody] {
        let printed = String::from_utf8(output.stdout)?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(page.contains(&format!("```text\n{}```\n", printed)), "{printed}");
    }
    Ok(())
}

/// Set where these tests are run again.
const AGAIN: &str = "NETSCRIPT_LAB_TESTS_AGAIN";

/// An ordinary user's process enters a sandbox before `main`, in which all of this must go as well.
#[test]
fn an_ordinary_user_can_do_the_same() -> Done {
    if std::env::var_os(AGAIN).is_some() {
        return Ok(());
    }
    let output = as_nobody(&std::env::current_exe()?, |again| again.env(AGAIN, "1"))?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("12 passed"), "{told}");
    Ok(())
}

/// Names mean different things in two labs, so a handle of one is refused by the other.
#[test]
fn handles_belong_to_one_lab() -> Done {
    let (one, other) = (Lab::sandbox()?, Lab::sandbox()?);
    let (a, b) = (one.add_netns("a")?, one.add_netns("b")?);
    let elsewhere = other.add_netns("b")?;
    let refused = |error: Option<netscript_lab::Error>| {
        let error = error.expect("it is refused");
        assert_eq!(error.code(), Code::E0213, "{error}");
        assert!(error.message().ends_with("belongs to another lab"), "{error}");
    };
    refused(a.veth("v0", &elsewhere, "v1").err());
    let (near, _) = a.veth("v0", &b, "v1")?;
    refused(near.move_to(&elsewhere).err());
    refused(near.master(elsewhere.bridge("br0")?).err());
    assert_eq!(elsewhere.links()?.len(), 2);
    Ok(())
}
