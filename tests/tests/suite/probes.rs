//! Probes and background helpers of the program in working and broken networks.

use std::time::{Duration, Instant};

use netscript_tests::program::Place;

/// Runs a script that must succeed, and returns its output.
fn passes(script: &str) -> String {
    Place::new().sandboxed(script).success()
}

/// A pair between the host (10.0.0.1) and `red` (10.0.0.2).
const PAIR: &str = r#"
    let red = netns("red");
    let v1 = veth("v1", #{ peer: "eth0", netns: red }).addr("10.0.0.1/24").up();
    v1.peer.addr("10.0.0.2/24").up();
"#;

fn with_pair(script: &str) -> String {
    format!("{PAIR}{script}")
}

#[test]
fn connections_tell_what_stops_them() {
    passes(&with_pair(
        r#"
        assert(host.connect(red, 80).error == "Connection refused");
        red.serve(80, "hello");
        let open = host.connect("red", 80);
        assert(open.ok && open.error == () && open.rtt_ms > 0.0, `${open}`);
        assert(host.connect("9.9.9.9", 80).error == "Network is unreachable");
        assert(host.connect("10.0.0.9", 80, #{ timeout: 10 }).error == "No route to host");
        assert(host.connect("::1", 80).error == "Connection refused");
        red.filter.input.drop(#{});
        assert(host.connect(red, 80, #{ timeout: 0.2 }).error == "timed out");
        "#,
    ));
}

#[test]
fn a_datagram_is_refused_or_meets_silence() {
    passes(&with_pair(
        r#"
        assert(host.connect(red, 53, #{ proto: "udp" }).error == "Connection refused");
        assert(host.connect("9.9.9.9", 53, #{ proto: "udp" }).error == "Network is unreachable");
        red.filter.input.drop(#{});
        assert(host.connect(red, 53, #{ proto: "udp", timeout: 0.2 }).error == "no answer");
        "#,
    ));
}

/// Runs a script that must succeed within a short time.
fn passes_soon(script: &str) {
    let start = Instant::now();
    passes(&with_pair(script));
    assert!(start.elapsed() < netscript_tests::patience(Duration::from_secs(5)), "{:?}", start.elapsed());
}

const FAILS: &str = r#"fn fails(f) { try { f.call(); } catch (e) { return `${e}`; } "no error" }"#;

#[test]
fn a_namespace_that_was_deleted_is_told() {
    let probes = r#"
        for error in [
            fails(|| red.ping("10.0.0.1")), fails(|| red.connect("10.0.0.1", 80)), fails(|| red.serve(80, "page")),
            fails(|| red.fetch("http://10.0.0.1/")), fails(|| red.serve_dns(#{})), fails(|| red.traceroute("10.0.0.1")),
            fails(|| red.exec("true")), fails(|| red.start("true")), fails(|| red.resolver("10.0.0.1")),
        ] {
            assert(error.contains(code), error);
        }
    "#;
    passes_soon(&format!(r#"{FAILS} red.delete(); let code = "E0309"; {probes}"#));
    let probes = probes.replace(r#", fails(|| red.resolver("10.0.0.1"))"#, "");
    passes_soon(&format!(r#"{FAILS} host.exec("ip netns del red"); let code = "E0303"; {probes}"#));
}

#[test]
fn a_server_that_goes_away_is_told() {
    passes_soon(
        r#"
        let server = red.serve(80, "page");
        assert(host.fetch("http://10.0.0.2/").ok);
        server.stop();
        assert(host.fetch("http://10.0.0.2/").error == "Connection refused");
        red.serve(80, "again");
        assert(host.fetch("http://10.0.0.2/").body == "again");
        red.link("eth0").down();
        assert(host.fetch("http://10.0.0.2/", #{ timeout: 0.2 }).error != ());
        assert(host.connect(red, 80, #{ timeout: 0.2 }).error != ());
        "#,
    );
}

#[test]
fn without_ipv6_the_rest_works() {
    passes_soon(
        r#"
        for netns in [host, red] {
            netns.sysctl("net.ipv6.conf.all.disable_ipv6", 1);
            netns.sysctl("net.ipv6.conf.default.disable_ipv6", 1);
        }
        red.serve(80, "page");
        red.serve_dns(#{ "six.test": "fd00::1", "four.test": "10.0.0.2" });
        red.lo.up();
        red.resolver("10.0.0.2");
        assert(host.fetch("http://10.0.0.2/").body == "page");
        assert(red.fetch("http://four.test/").body == "page");
        for error in [
            host.ping("::1").error, host.ping("fd00::1").error, host.connect("fd00::1", 80).error,
            host.fetch("http://[::1]/").error, red.ping("six.test").error, red.fetch("http://six.test/").error,
            host.connect("fd00::1", 53, #{ proto: "udp" }).error,
        ] {
            assert(error == "Network is unreachable" || error == "Cannot assign requested address", `${error}`);
        }
        "#,
    );
}

#[test]
fn an_answer_that_is_not_http_is_an_error() {
    passes_soon(
        r#"
        red.serve_dns(#{});
        let page = host.fetch("http://10.0.0.2:53/", #{ timeout: 0.5 });
        assert(!page.ok && page.error != (), `${page}`);
        "#,
    );
}
