//! Namespaces made by netscript and by `ip netns` are the same, and each can use the other's.

use netscript_tests::Sandbox;
use netscript_tests::program::{Place, finish};

/// The visible properties of names of namespaces: permissions, owners, kinds of files, and mount propagation, without
/// numbers that differ from run to run.
const APPEARANCE: &str = r#"
    cd /run
    for file in netns netns/red netns/blue; do stat -f -c '%n %T' $file; stat -c '%n %a %u %g %F %s' $file; done
    grep /run/netns /proc/self/mountinfo | sed -E 's/^[0-9]+ [0-9]+ [0-9:]+ //; s/net:\[[0-9]+\]/NET/; s/(shared|master):[0-9]+/\1:N/g' | sort
    umount netns/red; stat -c '%n %a %u %g %F %s' netns/red
    ip netns list 2>/dev/null | sed 's/ (id.*//' | sort
"#;

/// Runs a script on the test's own machine, without `--sandbox`.
fn netscript(machine: &Sandbox, script: &str) -> String {
    let script = script.to_owned();
    machine.run(move || {
        let place = Place::new();
        finish(&mut place.on_the_machine(&script)).success()
    })
}

fn by_netscript() -> Sandbox {
    let machine = Sandbox::new();
    netscript(&machine, r#"netns("red"); netns("blue")"#);
    machine
}

fn by_ip() -> Sandbox {
    let machine = Sandbox::new();
    machine.shell("ip netns add red; ip netns add blue");
    machine
}

#[test]
fn namespaces_look_like_those_of_ip() {
    assert_eq!(by_netscript().shell(APPEARANCE), by_ip().shell(APPEARANCE));
}

#[test]
fn namespaces_look_like_those_of_ip_after_one_has_been_removed() {
    let ours = by_netscript();
    netscript(&ours, r#"netns_open("red").delete(); netns("red")"#);
    let theirs = by_ip();
    theirs.shell("ip netns del red; ip netns add red");
    assert_eq!(ours.shell(APPEARANCE), theirs.shell(APPEARANCE));
    netscript(&ours, r#"netns_open("red").delete(); netns_open("blue").delete()"#);
    theirs.shell("ip netns del red; ip netns del blue");
    let rest = "ls -la /run/netns | tail -n +2 | cut -c1-10; grep -c /run/netns /proc/self/mountinfo";
    assert_eq!(ours.shell(rest), theirs.shell(rest));
}

#[test]
fn a_run_directory_that_ip_has_made_is_used_as_it_is() {
    let machine = by_ip();
    let before = machine.shell("grep -c /run/netns /proc/self/mountinfo");
    netscript(&machine, r#"netns("green").delete()"#);
    assert_eq!(machine.shell("grep -c /run/netns /proc/self/mountinfo"), before);
}

#[test]
fn ips_verbs_work_on_ours() {
    let machine = by_netscript();
    assert_eq!(machine.shell("ip netns list | sort"), "blue\nred\n");
    // With modules for tunnels the kernel puts links of its own into each new namespace.
    assert_eq!(machine.shell("ip netns exec red ip -o link | wc -l"), machine.shell("unshare -n ip -o link | wc -l"));
    assert_eq!(machine.shell("ip netns exec red sh -c 'ip netns identify $$'").trim(), "red");
    assert_eq!(
        machine.shell("ip netns exec red sleep 1000 & sleep 0.2; test $(ip netns pids red) = $!; kill $!; echo same"),
        "same\n"
    );
    assert_eq!(machine.shell("ip netns set red 7; ip netns list-id | grep -c 'nsid 7'").trim(), "1");
    machine.shell("ip netns del red");
    assert_eq!(machine.shell("ip netns list"), "blue\n");
    assert_eq!(machine.shell("ls /run/netns"), "blue\n");
}

#[test]
fn our_verbs_work_on_ips() {
    let machine = by_ip();
    let script = r#"
        print(netns_list().len());
        let red = netns_open("red");
        print(red.name); print(red.links.map(|l| l.name)); print(red.pids);
        print(red.exec(["readlink", "/proc/self/ns/net"]).stdout == `net:[${red.inode}]` + "\n");
        red.delete();
        print(netns_list());
    "#;
    assert_eq!(netscript(&machine, script), "2\nred\n[\"lo\"]\n[]\ntrue\n[blue]\n");
    assert_eq!(machine.shell("ls /run/netns"), "blue\n");
    assert_eq!(machine.shell("grep -c netns/red /proc/self/mountinfo || true").trim(), "0");
}

#[test]
fn a_name_that_is_there_is_not_made_again() {
    let machine = by_ip();
    let inode = machine.shell("stat -c %i /run/netns/red");
    let stdout =
        netscript(&machine, r#"try { netns("red") } catch (e) { print(e.code) } print(netns_open("red").inode)"#);
    assert_eq!(stdout, format!("E0301\n{inode}"));
}

#[test]
fn other_mount_namespaces_see_what_is_made_and_removed() {
    let machine = by_netscript();
    // Like a service: it has its own mounts, but receives those made in shared folders.
    machine.shell("unshare -m --propagation unchanged sleep 1000 >/dev/null 2>&1 & echo $! > /run/other; sleep 0.2");
    let names = "grep -o 'netns/[a-z]*' /proc/$(cat /run/other)/mountinfo | sort";
    assert_eq!(machine.shell(names), "netns/blue\nnetns/red\n");
    netscript(&machine, r#"netns_open("red").delete(); netns("green")"#);
    assert_eq!(machine.shell(names), "netns/blue\nnetns/green\n");
    machine.shell("kill $(cat /run/other)");
}

#[test]
fn a_running_processs_namespace_can_be_named_and_unnamed() {
    let machine = Sandbox::new();
    machine.shell("unshare -n sleep 1000 >/dev/null 2>&1 & echo $! > /run/other; sleep 0.2");
    let pid = machine.shell("cat /run/other").trim().to_owned();
    netscript(&machine, &format!(r#"netns_attach("box", {pid})"#));
    assert_eq!(machine.shell("ip netns pids box").trim(), pid);
    assert_eq!(machine.shell("ip netns identify $(cat /run/other)").trim(), "box");
    assert_eq!(
        machine.shell("stat -c %i /run/netns/box"),
        machine.shell("stat -L -c %i /proc/$(cat /run/other)/ns/net")
    );
    netscript(&machine, r#"netns_detach("box")"#);
    assert_eq!(machine.shell("ip netns list; ls /run/netns; kill -0 $(cat /run/other)"), "");
    machine.shell("kill $(cat /run/other)");
}

#[test]
fn a_namespace_that_cannot_be_named_leaves_nothing() {
    let machine = Sandbox::new();
    let script = r#"for name in ["", ".", "..", "a/b", "host"] { try { netns(name); print("made") } catch (e) { print(e.code) } }
                    try { netns_attach("box", 999999999) } catch (e) { print(e.code) }"#;
    assert_eq!(netscript(&machine, script).matches("E0").count(), 6);
    assert_eq!(machine.shell("ls -A /run/netns 2>/dev/null || true"), "");
}
