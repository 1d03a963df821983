//! Namespaces of processes: by number, by symbolic links as in tutorials, and after the process has ended.

use netscript_tests::program::{Place, finish};

/// A container that is a process without a name for its namespace, joined to the host by `v1`.
const CONTAINER: &str = r#"
    let container = host.start("unshare --net sleep 100");
    wait_until(5, || netns_of(container).inode != host.inode);
    let pid = container.pid;
    host.exec(["ip", "link", "add", "v1", "type", "veth", "peer", "name", "eth0", "netns", `${pid}`]);
    fn fails(f) { try { f.call(); } catch (e) { return `${e}`; } "no error" }
"#;

fn passes(script: &str) {
    Place::new().sandboxed(&format!("{CONTAINER}{script}")).success();
}

#[test]
fn a_symbolic_link_is_a_name() {
    passes(
        r#"
        host.exec("mkdir -p /run/netns");
        host.exec(["ln", "-sf", `/proc/${pid}/ns/net`, "/run/netns/box"]);
        assert("box" in netns_list());
        let box = netns_open("box");
        assert(box.inode == netns_of(pid).inode);
        assert(box.links.map(|l| l.name) == ["lo", "eth0"]);
        assert(box.exec("ip -br link").stdout.contains("eth0@"));
        assert(link("v1").peer.netns == box);
        assert(box.link("eth0").peer.netns == host);
        assert(pid in box.pids);
        netns_detach("box");
        assert("box" !in netns_list());
        assert(container.running && netns_of(pid).links.len() == 2);
        "#,
    );
}

#[test]
fn a_link_that_dangles_is_told_and_can_be_removed() {
    passes(
        r#"
        host.exec("mkdir -p /run/netns");
        host.exec(["ln", "-sf", `/proc/${pid}/ns/net`, "/run/netns/box"]);
        host.exec("touch /run/netns/empty");
        let box = netns_open("box");
        assert(box.links.len() == 2);
        container.stop();
        for name in ["box", "empty"] {
            let netns = netns_open(name);
            let told = "error[E0303]: the name `" + name + "` does not refer to a namespace";
            for error in [
                fails(|| netns.links), fails(|| netns.inode), fails(|| netns.exec("true")), fails(|| netns.lo.up()),
                fails(|| netns.ping("127.0.0.1")), fails(|| netns.serve(80, "page")), fails(|| netns.lo.capture()),
            ] {
                assert(error == told, error);
            }
            assert(name in netns_list());
            netns_detach(name);
            assert(name !in netns_list());
            assert(fails(|| netns_open(name)) == "error[E0303]: there is no namespace `" + name + "`");
        }
        // netscript does not keep the namespace alive.
        wait_until(5, || host.links.map(|l| l.name) == ["lo"]);
        "#,
    );
}

#[test]
fn the_other_end_is_found_without_a_name() {
    passes(
        r#"
        let netns = netns_of(pid);
        assert(link("v1").peer.name == "eth0" && link("v1").peer.netns == netns);
        assert(netns.link("eth0").peer == link("v1"));
        let held = netns();
        host.exec(["ip", "link", "add", "v2", "type", "veth", "peer", "name", "eth0", "netns", `${held.pid}`]);
        assert(link("v2").peer.netns == held);
        held.delete();
        assert(host.links.map(|l| l.name) == ["lo", "v1"]);
        container.stop();
        assert(fails(|| netns.links) == `error[E0303]: there is no process ${pid}`);
        "#,
    );
}

#[test]
fn an_ended_process_has_no_namespace() {
    passes(
        r#"
        assert(fails(|| netns_of(4000000)) == "error[E0303]: there is no process 4000000");
        assert(fails(|| netns_attach("box", 4000000)).contains("No such process"));
        assert("box" !in netns_list());
        container.stop();
        assert(fails(|| netns_of(container)).contains("E0309"));
        "#,
    );
}

/// Only the machine knows which processes it has.
#[test]
fn a_dry_run_knows_no_process_by_its_number() {
    let place = Place::new();
    for call in ["netns_of(1)", "netns_attach(\"box\", 1)"] {
        place.write(
            "script.rhai",
            format!("try {{ {call}; print(\"fine\"); }} catch (e) {{ print(`code ${{e.code}}`); }}"),
        );
        let finished = finish(&mut place.netscript(&["--dry-run", "script.rhai"]));
        assert!(finished.stderr.contains("code E0601"), "{call}: {finished:?}");
    }
}

/// A removed namespace cannot be restored: neither a run nor a dry run has it after `undo`.
#[test]
fn a_removed_namespace_stays_away_when_it_is_undone() {
    let place = Place::new();
    place.write(
        "script.rhai",
        r#"
        let gone = netns("gone");
        gone.delete();
        try { undo(); print("undone"); } catch (e) { print(`undo ${e.code}`); }
        print(`left ${netns_list().len()}`);
        try { gone.sysctl("net.ipv4.ip_forward", 1); print("set"); } catch (e) { print(`set ${e.code}`); }
        "#,
    );
    let run = finish(&mut place.netscript(&["--sandbox", "script.rhai"]));
    assert_eq!((run.status, run.stdout.as_str()), (0, "undo E0507\nleft 0\nset E0303\n"), "{run:?}");
    let dry = finish(&mut place.netscript(&["--dry-run", "script.rhai"]));
    assert!(dry.stderr.contains("undo E0507\nleft 0\nset E0303\n"), "{dry:?}");
}
