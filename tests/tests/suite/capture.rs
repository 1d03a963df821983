//! Captures, compared with what tcpdump reads.

use std::fs;
use std::path::Path;
use std::process::Command;

use netscript_tests::program::{Place, as_nobody, finish};
use netscript_tests::workspace;

/// The lines of tcpdump for a file, without times, in words that both use.
fn tcpdump(file: &Path) -> Vec<String> {
    let finished = finish(Command::new("tcpdump").args(["-n", "-t", "-r"]).arg(file));
    finished.success().lines().map(str::to_owned).collect()
}

/// Run after the intro lab: its ping, captured before and after masquerade.
const PING: &str = r#"
    let before = port.capture("before.pcap");
    let after = uplink.capture("after.pcap");
    assert(cool.ping("8.8.8.8").ok);
    let echoes = |capture| capture.packets.filter(|p| p.contains(" ICMP "));
    print(echoes.call(before));
    print(echoes.call(after));
"#;

#[test]
fn a_ping_leaves_with_the_hosts_address_after_masquerade() {
    let place = Place::new();
    let intro = fs::read_to_string(workspace().join("scripts/intro.rhai")).unwrap();
    let out = place.writing(&format!("{intro}{PING}")).success();
    let lines: Vec<&str> = out.lines().collect();
    let [.., before, after] = lines[..] else { panic!("{out}") };
    assert_eq!(before, r#"["192.168.1.11 > 8.8.8.8 ICMP echo request", "8.8.8.8 > 192.168.1.11 ICMP echo reply"]"#);
    assert_eq!(after, r#"["203.0.113.2 > 8.8.8.8 ICMP echo request", "8.8.8.8 > 203.0.113.2 ICMP echo reply"]"#);
    let asks = |file: &str, pair: &str| {
        tcpdump(&place.path(file)).iter().any(|line| line.starts_with(&format!("IP {pair}: ICMP echo request")))
    };
    assert!(asks("before.pcap", "192.168.1.11 > 8.8.8.8"));
    assert!(asks("after.pcap", "203.0.113.2 > 8.8.8.8"));
    assert!(!asks("after.pcap", "192.168.1.11 > 8.8.8.8"));
}

#[test]
fn what_the_kernel_has_seen_is_in_the_packets() {
    let script = r#"
        for round in 0..20 {
            let capture = host.lo.capture();
            host.ping("127.0.0.1", #{ count: 50 });
            assert(capture.packets.len() == 100, `${round}: ${capture.packets.len()}`);
            capture.stop();
        }
    "#;
    Place::new().sandboxed(script).success();
}

#[test]
fn it_stops_and_keeps_what_it_heard() {
    let script = r#"
        let capture = host.lo.capture("lo.pcap");
        host.ping("127.0.0.1", #{ count: 3 });
        capture.stop();
        capture.stop();
        host.ping("127.0.0.1");
        assert(capture.packets.len() == 6, `${capture.packets}`);
        assert(`${capture}` == "capture on lo");
    "#;
    let place = Place::new();
    place.writing(script).success();
    assert_eq!(tcpdump(&place.path("lo.pcap")).len(), 6);
}

#[test]
fn it_goes_on_when_netscript_has_ended() {
    let place = Place::new();
    place.write("inner.rhai", r#"host.lo.capture("lo.pcap"); host.ping("127.0.0.1");"#);
    let outer = r#"
        let inner = host.exec([args[0], "inner.rhai"]);
        assert(inner.ok, inner.stderr);
        host.ping("127.0.0.1");
        wait_until(5, || host.exec("tcpdump -n -r lo.pcap").stdout.split("\n").filter(|l| l.contains("echo")).len() == 4);
        assert(host.pids.len() >= 1);
    "#;
    place.write("script.rhai", outer);
    let program = place.program();
    finish(&mut place.netscript(&["--sandbox", "--writable", ".", "script.rhai", "--", program.to_str().unwrap()]))
        .success();
}

#[test]
fn both_families_and_protocols_are_told() {
    let script = r#"
        let red = netns("red");
        let v1 = veth("v1", #{ peer: "eth0", netns: red }).addr("fd00::1/64").addr("10.0.0.1/24").up();
        v1.peer.addr("fd00::2/64").addr("10.0.0.2/24").up();
        let capture = v1.capture();
        red.serve(80, "hello");
        host.ping("fd00::2");
        host.fetch("http://[fd00::2]/");
        host.connect("10.0.0.2", 7, #{ proto: "udp" });
        let text = "";
        for line in capture.packets { text += line + "\n"; }
        for wanted in [
            "> ff02::1:ff00:2 ICMPv6 neighbour solicitation for fd00::2\n",
            "fd00::2 > fd00::1 ICMPv6 neighbour advertisement of fd00::2\n",
            "fd00::1 > fd00::2 ICMPv6 echo request\n",
            "> [fd00::2]:80 TCP SYN\n",
            "[fd00::2]:80 > [fd00::1]:",
            "TCP SYN,ACK\n",
            "ARP who has 10.0.0.2, tell 10.0.0.1\n",
            "> 10.0.0.2:7 UDP 0 bytes\n",
            "10.0.0.2 > 10.0.0.1 ICMP Destination Port Unreachable\n",
        ] {
            assert(text.contains(wanted), `${wanted} in ${text}`);
        }
    "#;
    Place::new().sandboxed(script).success();
}

#[test]
fn an_ordinary_user_may_capture() {
    let place = Place::new();
    let path = place.write(
        "script.rhai",
        r#"let c = host.lo.capture(); host.ping("127.0.0.1"); assert(c.packets.len() == 2); c.stop();"#,
    );
    finish(as_nobody(&mut place.netscript(&["--sandbox", path.to_str().unwrap()]))).success();
}
