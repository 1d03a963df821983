//! Pings: replies and errors, in the words of iputils.

use netscript_tests::Sandbox;
use netscript_tests::program::{Finished, Place, finish};

/// `host` 10.0.0.1 – `router` 10.0.0.254, 10.0.1.254 – `far` 10.0.1.1, in both families.
const LAB: &str = r#"
    let router = netns("router"); let far = netns("far");
    let near = veth("near", "in").addr("10.0.0.1/24").addr("fd00::1/64").up();
    near.peer.move_to(router).addr("10.0.0.254/24").addr("fd00::fe/64").up();
    let out = router.veth("out", "end").addr("10.0.1.254/24").addr("fd01::fe/64").up();
    out.peer.move_to(far).addr("10.0.1.1/24").addr("fd01::1/64").up();
    host.route("10.0.1.0/24", #{ via: "10.0.0.254" }); host.route("fd01::/64", #{ via: "fd00::fe" });
    host.route("10.0.2.0/24", #{ via: "10.0.0.254" }); host.route("fd02::/64", #{ via: "fd00::fe" });
    far.route("default", #{ via: "10.0.1.254" }); far.route("default", #{ via: "fd01::fe" });
    router.sysctl("net.ipv4.ip_forward", 1); router.sysctl("net.ipv6.conf.all.forwarding", 1);
    // Every ICMP error is sent, not only one per second.
    router.sysctl("net.ipv4.icmp_ratelimit", 0); router.sysctl("net.ipv6.icmp.ratelimit", 0);
    // A router forwards only when its link-local addresses are usable.
    wait_until(10, || host.ping("fd01::1").ok);
"#;

fn in_lab(script: &str) -> Finished {
    Place::new().sandboxed(&format!("{LAB}{script}"))
}

fn answers(script: &str) -> String {
    in_lab(script).success()
}

#[test]
fn answers_come_with_time_and_ttl() {
    let script = r#"
        host.lo.up();
        for target in ["127.0.0.1", "::1", "10.0.0.1", "10.0.0.254", "10.0.1.1", "fd01::1"] {
            let p = host.ping(target, #{ count: 3 });
            assert(p.ok && p.sent == 3 && p.received == 3 && p.rtt_ms > 0.0 && p.rtt_ms < 1000.0, `${p}`);
            print(`${target} ${p.ttl} ${p.from} ${p.error}`);
        }
    "#;
    let wanted = "127.0.0.1 64 127.0.0.1 \n::1 64 ::1 \n10.0.0.1 64 10.0.0.1 \n10.0.0.254 64 10.0.0.254 \n\
                  10.0.1.1 63 10.0.1.1 \nfd01::1 63 fd01::1 \n";
    assert_eq!(answers(script), wanted);
}

#[test]
fn every_way_to_fail_has_its_own_words() {
    let script = r#"
        fn tell(p) { print(`${p.ok} ${p.sent} ${p.from} ${p.error}`) }
        tell(host.ping("192.0.2.1")); tell(host.ping("2001:db8::1"));
        tell(host.ping("10.0.0.77", #{ timeout: 0.2 }));
        tell(host.ping("10.0.2.1")); tell(host.ping("fd02::1"));
        tell(host.ping("10.0.1.1", #{ ttl: 1 })); tell(host.ping("fd01::1", #{ ttl: 1 }));
        router.filter.forward.reject(#{ reply: "icmp-admin-prohibited" }); tell(host.ping("10.0.1.1"));
        router.filter6.forward.reject(#{ reply: "icmp6-adm-prohibited" }); tell(host.ping("fd01::1"));
        router.filter.forward.flush(); router.filter.forward.drop(); tell(host.ping("10.0.1.1", #{ timeout: 0.2 }));
        host.filter.output.drop(#{ dst: "10.0.0.254" }); tell(host.ping("10.0.0.254"));
        host.route("10.5.0.0/16", #{ kind: "blackhole" }); tell(host.ping("10.5.0.1"));
        host.route("10.6.0.0/16", #{ kind: "prohibit" }); tell(host.ping("10.6.0.1"));
        host.route("10.7.0.0/16", #{ kind: "unreachable" }); tell(host.ping("10.7.0.1"));
    "#;
    let wanted = "\
false 0  Network is unreachable
false 0  Network is unreachable
false 1  no answer
false 1 10.0.0.254 Destination Net Unreachable
false 1 fd00::fe Destination unreachable: No route
false 1 10.0.0.254 Time to live exceeded
false 1 fd00::fe Time exceeded: Hop limit
false 1 10.0.0.254 Packet filtered
false 1 fd00::fe Destination unreachable: Administratively prohibited
false 1  no answer
false 0  Operation not permitted
false 0  Invalid argument
false 0  Permission denied
false 0  No route to host
";
    assert_eq!(answers(script), wanted);
}

#[test]
fn a_neighbour_that_is_not_there_is_told_by_the_own_host() {
    let script = r#"
        let four = host.ping("10.0.0.77", #{ timeout: 8 }); print(`${four.from} ${four.error}`);
        let six = host.ping("fd00::77", #{ timeout: 8 }); print(`${six.from} ${six.error}`);
    "#;
    let wanted = "10.0.0.1 Destination Host Unreachable\nfd00::1 Destination unreachable: Address unreachable\n";
    assert_eq!(answers(script), wanted);
}

#[test]
fn the_words_are_those_of_ping() {
    let script = r#"
        router.filter.forward.reject(#{ reply: "icmp-admin-prohibited" });
        for arguments in [["10.0.2.1"], ["fd02::1"], ["-t", "1", "fd01::1"], ["10.0.1.1"], ["192.0.2.1"], ["2001:db8::1"]] {
            let options = if arguments.len() == 3 { #{ ttl: 1 } } else { #{} };
            let target = arguments[arguments.len() - 1];
            let theirs = host.exec(["ping", "-n", "-c", "1", "-W", "1"] + arguments);
            let ours = host.ping(target, options).error;
            if ours == "no answer" && !theirs.stdout.contains(ours) {
                // Errors about a missing route have a limit of their own, of one a second (ip_error, net/ipv4/route.c).
                sleep(1.5);
                ours = host.ping(target, options).error;
            }
            assert((theirs.stdout + theirs.stderr).contains(ours), `${target}: ${ours}: ${theirs}`);
        }
    "#;
    answers(script);
}

#[test]
fn options_do_what_they_say() {
    let script = r#"
        host.link("near").addr("10.0.0.9/24");
        assert(host.ping("10.0.0.254", #{ src: "10.0.0.9", size: 1400 }).ok);
        router.filter.input.drop(#{ src: "10.0.0.9" });
        assert(!host.ping("10.0.0.254", #{ src: "10.0.0.9", timeout: 0.2 }).ok);
        assert(host.ping("10.0.0.254", #{ src: "10.0.0.1" }).ok);
        assert(host.ping("10.0.0.254", #{ size: 0 }).ok && host.ping("10.0.0.254", #{ size: 60000 }).ok);
    "#;
    answers(script);
}

#[test]
fn sources_and_links_that_are_not_there_are_errors() {
    let failed = in_lab(r#"host.ping("10.0.0.254", #{ src: "192.0.2.9" })"#);
    assert!(
        failed.stderr.contains("error[E0704]")
            && failed.stderr.contains("the namespace does not have this source address"),
        "{failed:?}"
    );
    let failed = in_lab(r#"host.ping("10.0.0.254", #{ dev: "nope" })"#);
    assert!(failed.stderr.contains("error[E0302]"), "{failed:?}");
}

#[test]
fn link_local_targets_are_found_on_their_link() {
    let script = r#"
        let own = router.link("in").addrs.filter(|a| a.starts_with("fe80"))[0].split("/")[0];
        let p = host.ping(own, #{ dev: "near" });
        assert(p.ok && p.from == own, `${p}`);
    "#;
    answers(script);
}

#[test]
fn requests_that_are_answered_need_no_pause() {
    let script = r#"let start = timestamp(); assert(host.ping("10.0.1.1", #{ count: 100 }).received == 100); assert(start.elapsed < 1.0)"#;
    answers(script);
}

#[test]
fn pings_side_by_side_do_not_take_each_others_answers() {
    let machine = Sandbox::new();
    machine.shell("ip link set lo up");
    let script = r#"let p = host.ping("127.0.0.1", #{ count: 2000 }); assert(p.received == 2000);
                    let q = host.ping("127.0.0.2", #{ count: 2000 }); assert(q.received == 2000);"#;
    let runs = machine.run(move || {
        let place = Place::new();
        let children: Vec<_> = (0..4).map(|_| place.on_the_machine(script).spawn().unwrap()).collect();
        children.into_iter().map(|child| child.wait_with_output().unwrap().status.code()).collect::<Vec<_>>()
    });
    assert_eq!(runs, [Some(0); 4]);
}

#[test]
fn the_size_is_that_of_the_data() {
    let place = Place::new();
    // The kernel counts received bytes: 14 of Ethernet, 20 of IP, 8 of ICMP, and the data.
    let script = r#"
        let far = netns("far");
        let near = veth("near", "end").addr("10.0.0.1/24").up(); near.peer.move_to(far).addr("10.0.0.2/24").up();
        far.sysctl("net.ipv6.conf.all.disable_ipv6", 1); host.sysctl("net.ipv6.conf.all.disable_ipv6", 1);
        assert(host.ping("10.0.0.2").ok);
        let before = parse_int(far.exec(["sh", "-c", "tr -d '\n' < /sys/class/net/end/statistics/rx_bytes"]).stdout);
        assert(host.ping("10.0.0.2", #{ size: 100 }).ok);
        let after = parse_int(far.exec(["sh", "-c", "tr -d '\n' < /sys/class/net/end/statistics/rx_bytes"]).stdout);
        print(after - before);
    "#;
    place.write("script.rhai", script);
    assert_eq!(finish(&mut place.netscript(&["--sandbox", "script.rhai"])).success(), "142\n");
}
