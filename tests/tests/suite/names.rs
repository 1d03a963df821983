//! Names of hosts: resolvers, our own name server, and probes that look names up.

use netscript_tests::program::{Place, as_nobody, finish};

/// `red` (10.0.0.2) and `world` (10.0.0.1, 8.8.8.8 on its `lo`), which has a name server.
const WORLD: &str = r#"
    let red = netns("red");
    let world = netns("world");
    red.lo.up();
    let eth0 = red.veth("eth0", #{ peer: "w0", netns: world }).addr("10.0.0.2/24").up();
    eth0.peer.addr("10.0.0.1/24").up();
    world.lo.addr("8.8.8.8/32").up();
    let names = world.serve_dns(#{
        "example.test": "8.8.8.8",
        "Two.Test": ["10.0.0.1", "8.8.8.8", "fd00::8"],
        "six.test": "fd00::1",
        "world.test": world,
    });
"#;

fn passes(script: &str) -> String {
    Place::new().sandboxed(&format!("{WORLD}{script}")).success()
}

#[test]
fn a_name_is_looked_up_by_the_namespaces_own_server() {
    passes(
        r#"
        world.serve(80, "page");
        red.resolver("8.8.8.8");
        // The server must answer from the address that was asked, which is not the nearest one.
        assert(red.fetch("http://example.test/").error == "Could not resolve host: example.test");
        red.route("default", #{ via: "10.0.0.1" });
        assert(red.fetch("http://example.test/").body == "page");
        assert(red.fetch("http://EXAMPLE.test.:80/").ok);
        assert(red.ping("example.test").from == "8.8.8.8");
        assert(red.connect("two.test", 80).ok);
        assert(red.connect("world.test", 81).error == "Connection refused");
        assert(red.traceroute("two.test")[0].addr == "10.0.0.1");
        assert(red.ping("six.test").error == "Network is unreachable");
        assert(red.ping("other.test").error == "Could not resolve host: other.test");
        assert(red.connect("other.test", 80).error == "Could not resolve host: other.test");
        "#,
    );
}

#[test]
fn a_silent_server_takes_no_longer_than_the_probe_may() {
    passes(
        r#"
        red.resolver("10.0.0.1");
        world.filter.input.drop(#{ proto: "udp" });
        let start = timestamp();
        assert(red.ping("example.test", #{ timeout: 0.4 }).error == "Could not resolve host: example.test");
        assert(start.elapsed < 1.0, `${start.elapsed}`);
        names.stop();
        world.filter.input.flush();
        let start = timestamp();
        assert(red.fetch("http://example.test/").error == "Could not resolve host: example.test");
        assert(start.elapsed < 1.0, `${start.elapsed}`);
        "#,
    );
}

#[test]
fn the_next_server_is_asked_when_one_does_not_answer() {
    passes(
        r#"
        red.resolver(["10.0.0.3", "10.0.0.1"]);
        assert(red.resolver == ["10.0.0.3", "10.0.0.1"]);
        assert(red.ping("two.test", #{ timeout: 4 }).ok);
        "#,
    );
}

#[test]
fn programs_ask_the_same_server() {
    passes(
        r#"
        red.resolver(world);
        assert(red.exec("getent ahostsv4 example.test").stdout.starts_with("8.8.8.8 "));
        assert(red.exec("getent ahostsv6 six.test").stdout.starts_with("fd00::1 "));
        assert(!red.exec("getent ahosts other.test").ok);
        assert(red.exec("cat /etc/resolv.conf").stdout .ends_with("\nnameserver 10.0.0.1\n"));
        "#,
    );
}

#[test]
fn localhost_needs_no_server() {
    let script = r#"
        let red = netns("red");
        assert(red.fetch("http://localhost:8080/").error == "Network is unreachable");
        red.lo.up();
        red.serve(8080, "page");
        assert(red.fetch("http://localhost:8080/").body == "page");
        assert(red.ping("localhost").ok);
    "#;
    Place::new().sandboxed(script).success();
}

#[test]
fn a_resolver_goes_with_its_namespace() {
    let script = r#"
        let red = netns("red").resolver("8.8.8.8").resolver("9.9.9.9");
        assert(red.resolver == ["9.9.9.9"]);
        red.delete();
        assert(host.exec("ls -A /etc/netns").stdout == "");
        assert(netns("red").resolver == []);
        host.exec(["sh", "-c", "mkdir /etc/netns/blue; echo nameserver 10.0.0.9 > /etc/netns/blue/resolv.conf"]);
        let blue = netns("blue");
        assert(blue.resolver == ["10.0.0.9"]);
        try { blue.resolver("8.8.8.8"); throw "taken over"; } catch (e) { assert(e.code == "E0301", `${e}`); }
        blue.delete();
        assert(host.exec("cat /etc/netns/blue/resolv.conf").stdout == "nameserver 10.0.0.9\n");
    "#;
    Place::new().sandboxed(script).success();
}

#[test]
fn an_ordinary_user_may_resolve_names() {
    let place = Place::new();
    let script = format!(
        r#"{WORLD} red.resolver(world); assert(red.ping("two.test").ok); print(red.exec("getent ahostsv4 two.test").ok);"#
    );
    place.write("script.rhai", script);
    assert_eq!(finish(as_nobody(&mut place.netscript(&["--sandbox", "script.rhai"]))).success(), "true\n");
}

/// Programs use TCP only for long answers, so this query is made by hand.
#[test]
fn the_server_answers_by_tcp_too() {
    let ask = r#"
import socket, struct, sys
q = b'\0\7\1\0\0\1\0\0\0\0\0\0' + b'\3two\4test\0' + b'\0\1\0\1'
s = socket.create_connection(('10.0.0.1', 53), 5)
s.sendall(struct.pack('>H', len(q)) + q)
n = struct.unpack('>H', s.recv(2))[0]
a = s.recv(n)
print(n == len(a), a[:2] == q[:2], struct.unpack('>H', a[6:8])[0])
"#;
    let place = Place::new();
    place.write("ask.py", ask);
    let script = format!(
        r#"{WORLD} let asked = red.exec("python3 ask.py"); assert(asked.stdout == "True True 2\n", `${{asked}}`);"#
    );
    place.sandboxed(&script).success();
}
