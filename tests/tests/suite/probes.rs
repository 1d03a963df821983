//! Probes and background helpers, by the program itself: what they tell of good and bad networks.

use netscript_tests::program::Place;

/// Runs a script that must succeed, and gives what it printed.
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
