//! Programs in namespaces, run to their end and in the background, and namespaces without a name.

use std::fs;
use std::time::Duration;

use netscript_tests::Sandbox;
use netscript_tests::program::{Place, finish, left_of, seen};

fn sandboxed(script: &str) -> String {
    Place::new().sandboxed(script).success()
}

/// Runs a script on the test's own machine, without `--sandbox`.
fn on(machine: &Sandbox, script: &str) -> String {
    let script = script.to_owned();
    machine.run(move || {
        let place = Place::new();
        finish(&mut place.on_the_machine(&script)).success()
    })
}

#[test]
fn a_program_leaves_its_status_and_both_outputs() {
    let script = r#"
        print(host.exec(["sh", "-c", "echo out; echo err >&2; exit 3"]));
        print(host.exec("true").ok); print(host.exec("sh -c 'kill -KILL $$'").status);
        print(host.exec("echo 'a  b' \"c d\" e\\ f").stdout);
        print(host.exec(["readlink", "/proc/self/fd/0"]).stdout);
        print(host.exec(["sh", "-c", "ls /proc/self/fd | wc -l"]).stdout);
    "#;
    let wanted = "#{\"ok\": false, \"status\": 3, \"stderr\": \"err\\n\", \"stdout\": \"out\\n\"}\n\
                  true\n137\na  b c d e f\n\n/dev/null\n\n4\n\n";
    assert_eq!(sandboxed(script), wanted);
}

#[test]
fn large_outputs_come_whole() {
    let script = r#"
        let r = host.exec(["sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x & head -c 5000000 /dev/zero | tr '\\0' y >&2; wait"]);
        print(r.stdout.len()); print(r.stderr.len());
    "#;
    assert_eq!(sandboxed(script), "5000000\n5000000\n");
}

#[test]
fn what_a_program_leaves_behind_is_not_waited_for() {
    let script = r#"
        let start = timestamp();
        print(host.exec(["sh", "-c", "sleep 1000 & echo done"]).stdout);
        assert(start.elapsed < 5.0);
    "#;
    assert_eq!(sandboxed(script), "done\n\n");
}

#[test]
fn a_program_that_cannot_be_started_is_an_error() {
    let script = r#"
        let red = netns("red");
        for program in [["no-such-program"], ["/etc"], ["/etc/passwd"], ["/no/such"]] {
            for ns in [host, red] {
                try { ns.exec(program) } catch (e) { print(`${e.code} ${e.errno}`) }
                try { ns.start(program) } catch (e) { print(`${e.code} ${e.errno}`) }
            }
        }
        print(host.exec(["sh", "-c", "ls /run/netscript/*/*.out 2>/dev/null | wc -l"]).stdout);
    "#;
    let wanted = ["E0403 2\n", "E0403 13\n", "E0403 13\n", "E0403 2\n"].map(|line| line.repeat(4)).concat() + "0\n\n";
    assert_eq!(sandboxed(script), wanted);
}

#[test]
fn a_program_finds_what_ip_netns_exec_would_give_it() {
    let machine = Sandbox::new();
    // This machine has an `/etc` of its own, so that the real one does not change.
    machine.shell(
        "mkdir -p /run/etc/up /run/etc/work; mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work none /etc
         mkdir -p /etc/netns/red; echo 'nameserver 192.0.2.53' > /etc/netns/red/resolv.conf; ip netns add red
         ip -n red link add inner type veth peer name other",
    );
    let questions = "ls /sys/class/net; cat /etc/resolv.conf; readlink /proc/self/ns/net; \
                     stat -f -c %T /sys; ip netns identify $$; awk '{print $2}' /proc/net/dev | wc -l";
    let theirs = machine.shell(&format!("ip netns exec red sh -c \"{}\"", questions.replace('$', "\\$")));
    let ours = on(&machine, &format!("print(netns_open(\"red\").exec([\"sh\", \"-c\", \"{questions}\"]).stdout)"));
    assert!(theirs.contains("inner") && theirs.contains("192.0.2.53") && theirs.contains("red"), "{theirs}");
    assert_eq!(ours, theirs + "\n");
    // None of the program's mounts is seen outside.
    assert_eq!(machine.shell("grep -c resolv.conf /proc/self/mountinfo || true").trim(), "0");
}

#[test]
fn a_started_program_can_be_watched_and_stopped() {
    let script = r#"
        let p = netns("red").start(["sh", "-c", "echo one; echo two >&2; exec sleep 1000"]);
        wait_until(5, || p.output.contains("two"));
        print(p.output); print(p.running); print(netns_open("red").pids == [p.pid]);
        p.stop(); print(p.running); p.stop();
        let q = host.start("true"); wait_until(5, || !q.running); q.stop();
        try { q.pid } catch (e) { print(e.code) }
        let stubborn = host.start(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]);
        wait_until(5, || stubborn.output.contains("ready"));
        let start = timestamp(); stubborn.stop(); print(stubborn.running); assert(start.elapsed < 5.0);
        let zombies = || host.exec(["sh", "-c", "grep -h State /proc/[0-9]*/status | grep -c Z"]).stdout;
        wait_until(5, || zombies.call() == "0\n"); print(zombies.call());
    "#;
    assert_eq!(sandboxed(script), "one\ntwo\n\ntrue\ntrue\nfalse\nE0309\nfalse\n0\n\n");
}

#[test]
fn a_started_program_outlives_netscript() {
    let machine = Sandbox::new();
    let stdout = on(
        &machine,
        r#"let p = netns("red").start(["sh", "-c", "sleep 0.5; echo late; exec sleep 1000"]); print(p.pid); print(netns_open("red").inode)"#,
    );
    let mut lines = stdout.lines();
    let (pid, inode): (u32, _) = (lines.next().unwrap().parse().unwrap(), lines.next().unwrap().to_owned());
    let program = seen(pid).unwrap();
    assert_eq!(program.session, pid, "a session of its own");
    assert_eq!(fs::read_link(format!("/proc/{pid}/ns/net")).unwrap().to_str(), Some(&*format!("net:[{inode}]")));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(machine.shell("cat /run/netscript/lab*/1.out"), "late\n");
    assert_eq!(seen(pid).map(|now| now.started), Some(program.started), "it is still there");
    for file in 0..3 {
        let target = fs::read_link(format!("/proc/{pid}/fd/{file}")).unwrap();
        assert!(!target.to_string_lossy().starts_with("pipe:"), "{file}: {target:?}");
    }
    machine.shell(&format!("kill {pid}"));
    assert_eq!(left_of(&[program], Duration::from_secs(5)), []);
}

#[test]
fn a_second_run_does_not_write_over_the_output_of_the_first() {
    let machine = Sandbox::new();
    let script = r#"let p = host.start(["sh", "-c", "echo $$; exec sleep 1000"]); wait_until(5, || p.output != ""); print(p.output == `${p.pid}` + "\n"); print(p.pid)"#;
    for _ in 0..2 {
        let stdout = on(&machine, script);
        let (same, pid) = stdout.trim().split_once('\n').unwrap();
        assert_eq!(same, "true");
        machine.shell(&format!("kill {pid}"));
    }
}

#[test]
fn a_namespace_without_a_name_is_held_by_a_process() {
    let machine = Sandbox::new();
    let script = r#"
        let a = netns(); let b = netns();
        print(a.pid); print(a.inode); print(a.inode != b.inode && a.inode != host.inode);
        print(netns_list().len()); print(a.links.map(|l| l.name));
        print(a.exec(["readlink", "/proc/self/ns/net"]).stdout == `net:[${a.inode}]` + "\n");
        print(netns_of(a.pid).inode == a.inode); print(a.pids == [a.pid]);
        let p = b.pid; b.delete(); print(host.exec(["kill", "-0", `${p}`]).ok);
    "#;
    let stdout = on(&machine, script);
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines[2..], ["true", "0", "[\"lo\"]", "true", "true", "true", "false"]);
    // It outlives netscript, and holds no other open files.
    let pid: u32 = lines[0].parse().unwrap();
    let holder = seen(pid).unwrap();
    assert_eq!(holder.session, pid);
    assert_eq!(fs::read_link(format!("/proc/{pid}/ns/net")).unwrap().to_str(), Some(&*format!("net:[{}]", lines[1])));
    assert_eq!(fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(), 0);
    machine.shell(&format!("kill {pid}"));
    assert_eq!(left_of(&[holder], Duration::from_secs(5)), []);
}
