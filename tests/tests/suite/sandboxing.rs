//! `--sandbox`: works for all users, shows nothing of the machine's network, and leaves nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use netscript_tests::Sandbox;
use netscript_tests::program::{Finished, Place, Running, as_nobody, family, finish, left_of};
use netscript_tests::workspace;
use nix::sys::signal::Signal;

/// Runs a script in a sandbox as root and as an ordinary user, and checks that the results are equal.
fn as_both(script: &str) -> Finished {
    let place = Place::new();
    place.write("script.rhai", script);
    let root = finish(&mut place.netscript(&["--sandbox", "script.rhai"]));
    let nobody = finish(as_nobody(&mut place.netscript(&["--sandbox", "script.rhai"])));
    assert_eq!((root.status, &root.stdout), (nobody.status, &nobody.stdout), "{}{}", root.stderr, nobody.stderr);
    root
}

#[test]
fn the_labs_run_for_everyone_without_any_program() {
    let place = Place::new();
    for script in ["single-container.rhai", "intro.rhai"] {
        place.write(script, fs::read(workspace().join("scripts").join(script)).unwrap());
        for nobody in [false, true] {
            let mut command = place.netscript(&["--sandbox", script]);
            command.env_clear().env("PATH", place.path("empty"));
            if nobody {
                as_nobody(&mut command);
            }
            finish(&mut command).success();
        }
    }
}

#[test]
fn a_sandbox_has_root_and_lo_up() {
    let script = r#"
        print(host.exec("id -u").stdout);
        print(host.lo.addrs); print(host.lo.state);
        assert(host.ping("127.0.0.1").ok); assert(host.ping("::1").ok);
        print(sandboxed);
        netns("red"); print(netns_list());
        host.sysctl("net.ipv4.ip_forward", 1);
    "#;
    let stdout = as_both(script).success();
    assert_eq!(stdout, "0\n\n[\"127.0.0.1/8\", \"::1/128\"]\nunknown\ntrue\n[red]\n");
}

#[test]
fn nothing_of_the_machine_is_seen_or_changed() {
    let machine = Sandbox::new();
    machine.shell("ip link add machine0 type veth peer name machine1; ip netns add theirs; ip link set lo up");
    let state = "ip -d -o link; ip -o addr; ip route show table all; ip netns list; cat /proc/self/mountinfo; ls -la /run /etc/netns 2>&1 || true; find /run; iptables-save";
    let before = machine.shell(state);
    let stdout = machine.run(|| {
        let script = r#"
            print(host.links.map(|l| l.name)); print(netns_list());
            print(host.exec("ls /sys/class/net").stdout); print(host.exec("ls /run").stdout);
            print(host.exec("cat /proc/net/dev").stdout.contains("machine"));
            netns("red"); veth("a", "b").up(); host.nat.masquerade(#{}); host.start("sleep 1000");
            host.sysctl("net.ipv4.ip_forward", 1);
        "#;
        as_both(script).success()
    });
    // A kernel with the tunnel modules makes these in each namespace.
    let stdout: Vec<&str> = stdout.lines().filter(|line| !super::read_back::FALLBACKS.contains(line)).collect();
    assert_eq!(stdout, ["[\"lo\"]", "[]", "lo", "", "", "false"]);
    assert_eq!(machine.shell(state), before);
}

#[test]
fn namespaces_own_files_in_etc_can_be_made_and_leave_no_trace() {
    let existed = fs::exists("/etc/netns").unwrap();
    let script = r#"
        let red = netns("red");
        host.exec("mkdir -p /etc/netns/red"); host.exec(["sh", "-c", "echo nameserver 192.0.2.7 > /etc/netns/red/resolv.conf"]);
        print(red.exec("cat /etc/resolv.conf").stdout);
    "#;
    assert_eq!(as_both(script).success(), "nameserver 192.0.2.7\n\n");
    assert_eq!(fs::exists("/etc/netns").unwrap(), existed);
}

#[test]
fn the_status_is_the_scripts() {
    assert_eq!(as_both("exit(7)").status, 7);
    assert_eq!(as_both("assert(false)").status, 1);
    // The process of the script itself is the shell's parent.
    assert_eq!(as_both(r#"host.exec(["sh", "-c", "kill -KILL $PPID; sleep 10"])"#).status, 137);
}

#[test]
fn the_outer_processs_death_is_the_end_of_all() {
    let place = Place::new();
    place.write(
        "script.rhai",
        r#"host.start("sleep 1000"); netns(); netns("red").start(["sh", "-c", "trap '' TERM HUP INT; while :; do sleep 1; done"]);
           print("ready"); host.exec("sleep 1000")"#,
    );
    for nobody in [false, true] {
        let mut command = place.netscript(&["--sandbox", "script.rhai"]);
        let running = Running::start(if nobody { as_nobody(&mut command) } else { &mut command });
        std::thread::sleep(Duration::from_millis(100));
        let family = family(running.pid());
        // Outer process, first process inside, script, holder, two programs at least and the last.
        assert!(family.len() >= 7, "{family:?}");
        running.signal(Signal::SIGKILL);
        running.finish();
        let left = left_of(&family, Duration::from_secs(5));
        assert!(left.is_empty(), "nobody: {nobody}: {left:?} of {family:?}");
    }
}

#[test]
fn what_a_script_leaves_running_ends_with_it() {
    let place = Place::new();
    place.write("script.rhai", r#"host.start("sleep 1000"); netns(); print("ready"); sleep(0.3)"#);
    let running = Running::start(&mut place.netscript(&["--sandbox", "script.rhai"]));
    let family = family(running.pid());
    assert!(family.len() >= 5, "{family:?}");
    let (finished, _) = running.finish();
    assert_eq!(finished.status, 0, "{finished:?}");
    assert_eq!(left_of(&family, Duration::from_secs(5)), []);
}

#[test]
fn orphans_inside_are_let_go() {
    let script = r#"
        host.exec(["sh", "-c", "(sleep 0.05 &) ; (sleep 0.05 &)"]);
        sleep(0.3);
        print(host.exec(["sh", "-c", "grep -h State /proc/[0-9]*/status | grep -c Z"]).stdout);
    "#;
    assert_eq!(as_both(script).success(), "0\n\n");
}

#[test]
fn sandboxes_nest() {
    let place = Place::new();
    place.write("inner.rhai", "netns(\"inner\"); print(netns_list()); exit(3)");
    let program = place.program().display().to_string();
    let outer = format!(
        "netns(\"outer\"); let r = host.exec([{program:?}, \"--sandbox\", \"inner.rhai\"]); print(r.stderr); print(r.stdout); print(r.status); print(netns_list())"
    );
    place.write("outer.rhai", outer);
    for nobody in [false, true] {
        let mut command = place.netscript(&["--sandbox", "outer.rhai"]);
        let finished = finish(if nobody { as_nobody(&mut command) } else { &mut command });
        assert_eq!(finished.success(), "\n[inner]\n\n3\n[outer]\n", "nobody: {nobody}");
    }
}

#[test]
fn a_sandbox_can_be_made_in_a_user_namespace() {
    let place = Place::new();
    place.write("script.rhai", "netns(\"red\"); print(host.links.map(|l| l.name))");
    for arguments in [&["-Ur"][..], &["-Urn"], &["-Urnm"], &["-Urnmpf"]] {
        let mut command = Command::new("unshare");
        command.current_dir(place.path(""));
        command.args(arguments).arg(place.program()).arg("--sandbox").arg(place.path("script.rhai"));
        let finished = finish(as_nobody(&mut command));
        assert_eq!(finished.success(), "[\"lo\"]\n", "{arguments:?}");
    }
}

/// As `sudo -u nobody netscript …` in root's home does.
#[test]
fn the_current_folder_may_be_out_of_reach() {
    let place = Place::new();
    place.write("script.rhai", "netns(\"red\"); print(host.exec([\"pwd\"]).stdout)");
    let closed = place.path("closed");
    fs::create_dir_all(closed.join("inner")).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    for folder in [closed.clone(), closed.join("inner")] {
        let mut command = Command::new("setpriv");
        command.current_dir(folder).args(["--reuid", "nobody", "--regid", "65534", "--clear-groups", "--"]);
        command.arg(place.program()).arg("--sandbox").arg(place.path("script.rhai"));
        assert_eq!(finish(&mut command).success(), "/\n\n");
    }
}

#[test]
fn the_switch_that_forbids_it_is_named() {
    for limit in ["max_user_namespaces", "max_net_namespaces", "max_pid_namespaces", "max_mnt_namespaces"] {
        let place = Place::new();
        place.write("script.rhai", "print(1)");
        // The owner of a user namespace may limit namespaces below it; the program then runs as an ordinary user in it.
        let commands = format!(
            "echo 0 > /proc/sys/user/{limit}; exec setpriv --ambient-caps=-all --inh-caps=-all {} --sandbox {}",
            place.program().display(),
            place.path("script.rhai").display()
        );
        let finished = finish(Command::new("unshare").args([
            "-U",
            "--map-user=1000",
            "--map-group=1000",
            "--keep-caps",
            "sh",
            "-c",
            &commands,
        ]));
        assert_eq!((finished.status, finished.stdout.as_str()), (1, ""), "{limit}: {finished:?}");
        assert!(finished.stderr.contains("error[E0404]"), "{limit}: {finished:?}");
        assert!(finished.stderr.contains(&format!("user.{limit}")), "{limit}: {finished:?}");
    }
}
