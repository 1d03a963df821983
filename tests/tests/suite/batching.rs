//! Batches of operations: an error is that of the failing operation, at its place; all operations before it are
//! applied, and none after it.

use netscript_lang::diagnostics::{At, Errno, Error};
use netscript_linux::{Batcher, Interrupt, Kernel};
use netscript_net::op::{Bridge, IfName, LinkFlag, LinkOp, LinkSet, LinkSpec, NetnsName, NetnsOp, NetnsRef, Op, Veth};
use netscript_net::world::Apply;
use netscript_tests::Sandbox;
use netscript_tests::program::Place;

fn link(text: &str) -> IfName {
    IfName::parse(text).unwrap()
}

fn red() -> NetnsRef {
    NetnsRef::Named(NetnsName::parse("red").unwrap())
}

fn add_red() -> Op {
    Op::host(NetnsOp::Add(NetnsName::parse("red").unwrap()))
}

fn add_bridge(name: &str) -> Op {
    Op::host(LinkOp::Add(link(name), LinkSpec::Bridge(Bridge::default())))
}

fn add_pair(name: &str, peer: &str) -> Op {
    Op::host(LinkOp::Add(link(name), LinkSpec::Veth(Veth { peer: link(peer), netns: None })))
}

fn set(name: &str, change: LinkSet) -> Op {
    Op::host(LinkOp::Set(link(name), change))
}

fn up(name: &str) -> Op {
    set(name, LinkSet::Flag(LinkFlag::Up, true))
}

fn move_to_red(name: &str) -> Op {
    set(name, LinkSet::Netns(red()))
}

/// Defers operations, one per line of a script, takes the name `taken` from outside, and sends them. Returns the line
/// and the error of the failing one, and the output of `ip`.
fn with_a_stranger(ops: Vec<Op>) -> (usize, Errno, String) {
    let sandbox = Sandbox::new();
    let interrupt = Interrupt::listen().unwrap();
    let failed = sandbox.run(move || {
        let mut batcher = Batcher::new(Kernel::new(interrupt).unwrap());
        for (line, op) in ops.iter().enumerate() {
            batcher.located(Some(&At { source: "script".into(), line: line + 1, column: 1, module: false }));
            batcher.apply(std::slice::from_ref(op)).expect("it waits");
        }
        let stranger = std::process::Command::new("ip").args(["link", "add", "taken", "type", "bridge"]).status();
        assert!(stranger.is_ok_and(|status| status.success()));
        let error = batcher.flush().expect_err("the name is taken");
        assert_eq!(batcher.flush().as_ref(), Err(&error), "the error comes again");
        assert!(batcher.apply(&[add_bridge("later")]).is_err(), "nothing is done after it");
        assert!(batcher.interrupted(), "the script ends");
        let Error::Deferred { at: Some(at), error } = error else { panic!("{error:?}") };
        let Error::Refused { rejection, .. } = *error else { panic!("{error:?}") };
        (at.line, rejection.errno)
    });
    let shown = sandbox.shell(
        "ip -br link | grep -v '^lo' | sed 's/@[^ ]*//' | awk '{print $1, ($0 ~ /[<,]UP/) ? \"up\" : \"down\"}' | sort\n\
         ls /run/netns 2>/dev/null || true\n\
         for n in $(ls /run/netns 2>/dev/null); do ip -n $n -br link | grep -v '^lo' | sed 's/@[^ ]*//' | awk '{print \"in red:\", $1}'; done",
    );
    (failed.0, failed.1, shown)
}

#[test]
fn a_name_that_a_stranger_took_meanwhile_is_an_error_at_its_line() {
    let ops = vec![add_red(), add_pair("v", "c"), move_to_red("c"), add_bridge("taken"), up("v")];
    assert_eq!(with_a_stranger(ops), (4, Errno::EEXIST, "taken down\nv down\nred\nin red: c\n".to_owned()));
}

#[test]
fn an_end_that_was_born_too_early_goes_back() {
    let ops = vec![add_pair("v", "c"), add_red(), up("v"), add_bridge("taken"), move_to_red("c")];
    assert_eq!(with_a_stranger(ops), (4, Errno::EEXIST, "c down\ntaken down\nv up\nred\n".to_owned()));
}

#[test]
fn a_namespace_that_was_made_too_early_goes() {
    let ops = vec![add_pair("v", "c"), add_bridge("taken"), add_red(), move_to_red("c")];
    assert_eq!(with_a_stranger(ops), (2, Errno::EEXIST, "c down\ntaken down\nv down\n".to_owned()));
}

#[test]
fn a_pair_whose_own_name_is_taken_is_the_one_at_fault() {
    let ops = vec![add_red(), add_pair("taken", "c"), move_to_red("c"), up("taken")];
    assert_eq!(with_a_stranger(ops), (2, Errno::EEXIST, "taken down\nred\n".to_owned()));
}

#[test]
fn a_part_of_a_pair_that_fails_is_the_one_at_fault() {
    let rename = set("v", LinkSet::Name(link("taken")));
    let ops = vec![add_red(), add_pair("v", "c"), move_to_red("c"), rename, up("taken")];
    assert_eq!(with_a_stranger(ops), (4, Errno::EEXIST, "taken down\nv down\nred\nin red: c\n".to_owned()));
}

#[test]
fn a_bridge_that_would_come_up_last_is_up_at_a_failure() {
    let join = set("v", LinkSet::Master(Some(link("br0"))));
    let far_up = Op::new(red(), LinkOp::Set(link("c"), LinkSet::Flag(LinkFlag::Up, true)));
    let ops = vec![
        add_red(),
        add_bridge("br0"),
        up("br0"),
        add_pair("v", "c"),
        move_to_red("c"),
        join,
        up("v"),
        far_up,
        add_bridge("taken"),
    ];
    assert_eq!(with_a_stranger(ops), (9, Errno::EEXIST, "br0 up\ntaken down\nv up\nred\nin red: c\n".to_owned()));
}

#[test]
fn an_error_that_can_be_foreseen_comes_at_its_line() {
    let finished = Place::new().sandboxed(
        "let red = netns(\"red\");\nveth(\"v\", \"c\").peer.move_to(red);\nbridge(\"v\");\nprint(\"not reached\");\n",
    );
    assert_eq!((finished.status, finished.stdout.as_str()), (1, ""), "{finished:?}");
    assert!(finished.stderr.contains("script.rhai:3:8"), "{finished:?}");
    assert!(finished.stderr.contains("made at line 2"), "{finished:?}");
}

#[test]
fn a_script_that_handles_errors_gets_them() {
    let script = "fn make() { bridge(\"br0\"); bridge(\"br0\") }\n\
                  try { make() } catch (e) { print(e.code) }\n\
                  assert(host.links.map(|l| l.name) == [\"lo\", \"br0\"]);";
    assert_eq!(Place::new().sandboxed(script).success(), "E0301\n");
    let imported = "import \"careful\" as careful;\ncareful::make_twice(\"br0\");";
    let place = Place::new();
    place.write(
        "careful.rhai",
        "fn make_twice(name) { bridge(name); try { bridge(name) } catch { print(\"caught\") } }",
    );
    assert_eq!(place.sandboxed(imported).success(), "caught\n");
}

#[test]
fn waiting_for_a_closure_hears_its_errors() {
    let script = "let tries = 0;\n\
                  wait_until(5, || { tries += 1; if tries == 1 { bridge(\"lo\"); } true });\n\
                  assert(tries == 2);\n\
                  wait_until(5, || { netns(\"red\"); true });\n\
                  print(netns_list());";
    assert_eq!(Place::new().sandboxed(script).success(), "[red]\n");
}

#[test]
fn rules_of_the_host_are_there_when_anything_looks() {
    let script = "fn ports() { let t = host.exec(\"iptables-save -t nat\").stdout.split(\"dport \"); t.shift(); t.map(|l| l.split(\" \")[0].parse_int()) }\n\
                  for n in 1..5 { host.nat.dnat(#{ proto: \"tcp\", dport: n, to: \"10.0.0.2\" }); }\n\
                  print(ports());\n\
                  for n in 5..7 { host.nat.dnat(#{ proto: \"tcp\", dport: n, to: \"10.0.0.2\" }); }\n\
                  host.exec(\"iptables -t nat -D PREROUTING 1\");\n\
                  for n in 7..9 { host.nat.dnat(#{ proto: \"tcp\", dport: n, to: \"10.0.0.2\" }); }\n\
                  host.nat.prerouting.rules[0].delete();\n\
                  print(ports());\n";
    assert_eq!(Place::new().sandboxed(script).success(), "[1, 2, 3, 4]\n[3, 4, 5, 6, 7, 8]\n");
}

#[test]
fn programs_and_questions_see_everything_before_them() {
    let script = "let red = netns(\"red\");\n\
                  let v = veth(\"v\", \"c\").addr(\"10.0.0.1/24\").up();\n\
                  v.peer.move_to(\"red\").rename(\"eth0\").addr(\"10.0.0.2/24\").up();\n\
                  red.route(\"default\", #{ via: \"10.0.0.1\" });\n\
                  print(red.exec(\"ip -o route show default\").stdout);\n\
                  assert(red.link(\"eth0\").addrs.len() > 0);\n\
                  assert(host.link(\"v\").master == ());\n\
                  assert(red.ping(\"10.0.0.1\").ok);\n\
                  host.exec(\"ip link add br9 type bridge\");\n\
                  bridge(\"br8\");\n\
                  assert(host.links.map(|l| l.name).filter(|n| n.starts_with(\"br\")) == [\"br9\", \"br8\"]);\n";
    let printed = Place::new().sandboxed(script).success();
    assert!(printed.starts_with("default via 10.0.0.1 dev eth0"), "{printed}");
}
