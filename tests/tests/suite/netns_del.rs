//! Removing a namespace waits until its links in other namespaces are gone.

use std::time::{Duration, Instant};

use netscript_tests::Sandbox;

#[test]
fn the_same_names_can_be_used_at_once() {
    let sandbox = Sandbox::new();
    let script = r#"
        for round in 0..10 {
            let spaces = [];
            for i in 0..5 {
                let space = netns(`n${i}`);
                veth(`v${i}`, #{ peer: "eth0", netns: space });
                spaces.push(space);
            }
            for space in spaces { space.delete(); }
        }
    "#;
    sandbox.script(script).unwrap();
    assert_eq!(sandbox.shell("ip -br link show type veth"), "");
}

#[test]
fn a_namespace_with_another_name_lives_on() {
    let sandbox = Sandbox::new();
    sandbox.shell(
        "ip netns add red; ip link add v1 type veth peer name c1 netns red
         touch /run/netns/crimson; mount --bind /run/netns/red /run/netns/crimson",
    );
    let start = Instant::now();
    sandbox.script(r#"netns_open("red").delete();"#).unwrap();
    assert!(start.elapsed() < netscript_tests::patience(Duration::from_secs(2)), "it waits for what does not come");
    sandbox.shell("ip link show v1; ip -n crimson link show c1");
}

#[test]
fn a_namespace_that_an_open_file_keeps_lives_on() {
    let sandbox = Sandbox::new();
    sandbox.shell(
        "ip netns add red; ip link add v1 type veth peer name c1 netns red
         sleep 20 </run/netns/red >/dev/null 2>&1 & echo $! >/run/keeper",
    );
    let start = Instant::now();
    sandbox.script(r#"netns_open("red").delete();"#).unwrap();
    assert!(start.elapsed() < netscript_tests::patience(Duration::from_secs(2)), "it waits for what does not come");
    sandbox.shell("ip link show v1; kill $(cat /run/keeper)");
}
