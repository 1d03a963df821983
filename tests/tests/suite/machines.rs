//! Differences between machines: modules, and features that older kernels lack. The rig (`cargo xtask rig --kernel`)
//! boots kernels on which modules may be loaded.

use std::process::Output;
use std::sync::Mutex;

use netscript_tests::program::{Place, finish};
use netscript_tests::{Sandbox, kernel_release, netscript, skip, workspace};

/// Modules belong to the whole machine: one test at a time.
static MODULES: Mutex<()> = Mutex::new(());

/// Whether this kernel belongs to the tests alone, so that they may load modules.
fn is_own_kernel() -> bool {
    std::env::var_os("NETSCRIPT_OWN_KERNEL").is_some()
}

/// The modules that add links to each namespace.
const TUNNELS: &str = "sit ip_gre ipip ip6_tunnel ip_vti ip6_gre ip6_vti";

fn shell(commands: &str) -> Output {
    std::process::Command::new("sh").args(["-c", commands]).output().unwrap()
}

/// A machine with netscript on it.
struct Machine(Sandbox);

impl Machine {
    fn new() -> Machine {
        Machine(Sandbox::new())
    }

    /// Runs commands, and gives both outputs and whether they succeeded.
    fn run(&self, commands: &str) -> (bool, String) {
        let program = netscript().display();
        let output = self.0.try_shell(&format!("cd /run; netscript() {{ '{program}' \"$@\"; }}; {commands}"));
        let told = [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat();
        (output.status.success(), told)
    }

    fn ok(&self, commands: &str) -> String {
        let (fine, told) = self.run(commands);
        assert!(fine, "{commands}\n{told}");
        told
    }

    fn script(&self, name: &str, text: &str) {
        self.0.shell(&format!("cat > /run/{name}.rhai <<'END'\n{text}\nEND"));
    }
}

#[test]
fn tunnel_links_that_the_kernel_makes_are_in_nobodys_way() {
    let _alone = MODULES.lock();
    if is_own_kernel() {
        assert!(shell(&format!("modprobe -a {TUNNELS}")).status.success());
    }
    let machine = Machine::new();
    let made: Vec<String> = machine
        .ok("ls /sys/class/net; ip -o link show | cut -d: -f2 | cut -d@ -f1 | tr -d ' '")
        .lines()
        .map(str::to_owned)
        .collect();
    if !made.iter().any(|link| link == "sit0" || link == "tunl0") {
        return skip("the kernel's own tunnel links: no module that makes them is loaded");
    }
    machine.script(
        "lab",
        r#"let red = netns("red"); veth("v1", #{ peer: "eth0", netns: red });
           assert(red.links.map(|link| link.name) == ["lo", "eth0"] || red.links.map(|link| link.name) == ["eth0", "lo"]);
           assert(host.links.map(|link| link.name).filter(|name| name.contains("0")) == []);
           // A tunnel link that is used counts like any other link.
           let tunnel = red.link("tunl0").up();
           assert(red.links.map(|link| link.name).contains("tunl0"));"#,
    );
    machine.ok("netscript lab.rhai; ip -n red link show tunl0; netscript down lab");
    assert_eq!(machine.ok("ip netns list; ip -o link show type veth"), "");
    // A link that somebody else added is still foreign.
    machine.ok("netscript lab.rhai; ip -n red link add br7 type bridge");
    let (fine, told) = machine.run("netscript down lab");
    assert!(!fine && told.contains("error[E0504]") && told.contains("`br7`") && !told.contains("sit0"), "{told}");
    machine.ok("netscript down --force lab");
    if is_own_kernel() {
        drop(machine);
        shell(&format!("modprobe -r {TUNNELS}"));
    }
}

#[test]
fn scripts_work_with_and_without_br_netfilter() {
    let _alone = MODULES.lock();
    let loaded = || std::path::Path::new("/proc/sys/net/bridge").is_dir();
    let test =
        || finish(Place::new().netscript(&["test", "-j", "2", "--timeout", "300"]).arg(workspace().join("scripts")));
    let before = loaded();
    if !is_own_kernel() {
        let which = if before { "without" } else { "with" };
        skip(&format!("the scripts {which} br_netfilter: modules are loaded on kernels of the rig only"));
        return;
    }
    for step in ["modprobe -r br_netfilter", "modprobe br_netfilter"] {
        assert!(shell(step).status.success(), "{step}");
        let told = test().success();
        assert!(told.ends_with(" passed, 0 failed\n"), "{step}: {told}");
    }
    if !before {
        shell("modprobe -r br_netfilter");
    }
}

#[test]
fn a_setting_of_a_module_that_is_not_loaded_is_named_or_passed_over() {
    let machine = Machine::new();
    // The state without the module.
    machine.ok("test ! -d /proc/sys/net/bridge || mount -t tmpfs none /proc/sys/net/bridge");
    machine.script("set", r#"host.sysctl("net.bridge.bridge-nf-call-iptables", 1);"#);
    let (fine, told) = machine.run("netscript set.rhai");
    assert!(!fine && told.contains("error[E0307]") && told.contains("modprobe br_netfilter"), "{told}");
    machine.script(
        "pass",
        r#"host.sysctl("net.bridge.bridge-nf-call-iptables", 1, #{ ignore: true });
           assert(!host.has_sysctl("net.bridge.bridge-nf-call-iptables"));
           assert(host.has_sysctl("net.ipv4.ip_forward"));
           host.sysctl("net.ipv4.ip_forward", 1, #{ ignore: true });"#,
    );
    machine.ok("sysctl -qw net.ipv4.ip_forward=0; netscript --rm pass.rhai");
    assert_eq!(machine.ok("sysctl -n net.ipv4.ip_forward"), "0\n", "what was written is undone");
    // The printed commands skip it as well.
    let commands = machine.ok("netscript --dry-run pass.rhai");
    assert!(commands.contains("sysctl -e -w net.bridge.bridge-nf-call-iptables=1"), "{commands}");
    machine.ok("netscript --dry-run pass.rhai >commands; sh -e commands; test $(sysctl -n net.ipv4.ip_forward) = 1");
}

#[test]
fn a_kernel_that_is_too_old_is_refused_at_the_start() {
    let machine = Machine::new();
    machine.script("lab", "print(1);");
    // The personality UNAME26 makes uname(2) tell of Linux 2.6 (setarch(8)).
    let old = format!("setarch --uname-2.6 -- '{}'", netscript().display());
    for args in ["--sandbox lab.rhai", "--force lab.rhai", "</dev/null"] {
        let (fine, told) = machine.run(&format!("{old} {args}"));
        assert!(!fine && told.contains("error[E0490]"), "{args}: {told}");
        assert!(told.contains("needs Linux 5.10 or newer, and this is 2.6."), "{args}: {told}");
    }
    assert_eq!(machine.ok("ls -d netscript 2>/dev/null || true"), "", "nothing has begun");
    // A dry run needs no kernel.
    machine.ok(&format!("{old} --dry-run lab.rhai"));
}

#[test]
fn a_later_namespace_with_the_name_and_the_number_of_the_labs_is_left_alone() {
    let machine = Machine::new();
    machine.script("lab", r#"netns("red");"#);
    machine.ok("netscript lab.rhai");
    let number = machine.ok("stat -Lc %i /run/netns/red");
    machine.ok("ip netns del red");
    // The kernel reuses the number when the namespace has ended.
    let again = machine.ok(&format!(
        "n=0; while [ $n -lt 300 ]; do ip netns add red; test $(stat -Lc %i /run/netns/red) = {} && break
         mv_to=other$n; touch /run/netns/$mv_to; mount --bind /run/netns/red /run/netns/$mv_to; ip netns del red
         sleep 0.02; n=$((n + 1)); done; test ! -e /run/netns/red || stat -Lc %i /run/netns/red",
        number.trim()
    ));
    if again != number {
        return skip("a later namespace with the number of the lab's: other programs got the number each time");
    }
    machine.ok("netscript down lab");
    assert!(machine.ok("ip netns list").starts_with("red"), "a stranger's namespace was taken for the lab's");
}

#[test]
fn a_link_of_the_host_that_moved_into_a_lab_is_given_back() {
    let machine = Machine::new();
    machine.ok("ip link add out type veth peer name far; ip addr add 10.9.0.1/24 dev out; ip link set out up");
    let before = machine.ok("ip -o link show out | cut -d: -f1,2; ip -br addr show out | tr -s ' ' | cut -d' ' -f1,3");
    machine.script(
        "lab",
        r#"let red = netns("red"); host.link("out").move_to(red).up(); assert(red.links.map(|link| link.name).contains("out"));"#,
    );
    machine.ok("netscript --force lab.rhai; ip -n red link show out; netscript down lab");
    let after = machine.ok("ip -o link show out | cut -d: -f1,2; ip -br addr show out | tr -s ' ' | cut -d' ' -f1,3");
    assert_eq!(after, before);
}

/// Before Linux 5.13, the index of a moved link cannot be chosen, so a link whose index is taken cannot be given back
/// with it.
#[test]
fn a_link_whose_number_is_taken_is_given_back_or_not_moved() {
    let machine = Machine::new();
    let number = machine.ok("ip link add out type veth peer name far; ip -o link show out | cut -d: -f1");
    let number = number.trim();
    machine.ok(&format!("ip netns add theirs; ip -n theirs link add taken index {number} type bridge"));
    let look = || machine.ok("for in in '' '-n theirs'; do ip $in -o link | cut -d: -f1,2; done");
    let before = look();
    machine.script("lab", r#"host.link("out").move_to(netns_open("theirs"));"#);
    let (fine, told) = machine.run("netscript --force lab.rhai");
    if kernel_release() < (5, 13) {
        assert!(!fine && told.contains("error[E0491]"), "{told}");
        assert!(told.contains(&format!("its number {number} is taken in theirs")), "{told}");
    } else {
        assert!(fine && look() != before, "{told}");
        machine.ok("netscript down lab");
    }
    assert_eq!(look(), before);
}

/// Asks the kernel for `IFA_PROTO` (11 in linux/if_addr.h) of a link's addresses; `ip` shows it from 6.3 on.
const PROTO: &str = r#"
import socket, struct, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.send(struct.pack("=IHHII", 24, 22, 0x301, 1, 0) + struct.pack("=BBBBI", 10, 0, 0, 0, 0))
index = socket.if_nametoindex(sys.argv[1])
done = False
while not done:
    data = s.recv(65536)
    while data:
        length, kind = struct.unpack("=IH", data[:6])
        if kind == 3:
            done = True
            break
        family, plen, flags, scope, of = struct.unpack("=BBBBI", data[16:24])
        at, found = 24, {}
        while at < length:
            alen, atype = struct.unpack("=HH", data[at:at + 4])
            found[atype] = data[at + 4:at + alen]
            at += (alen + 3) & ~3
        if of == index:
            print(socket.inet_ntop(family, found[1]), list(found.get(11, b"")))
        data = data[(length + 3) & ~3:]
"#;

#[test]
fn an_address_that_the_kernel_made_is_its_own_again_when_it_is_put_back() {
    let machine = Machine::new();
    machine.0.shell(&format!("cat >/run/proto.py <<'END'\n{PROTO}\nEND"));
    machine.ok("ip link add v1 type veth peer name c1; ip link set c1 up; ip link set v1 address 02:00:00:00:00:01 up
         for _ in $(seq 50); do ip -6 addr show dev v1 tentative | grep -q fe80 || break; sleep 0.1; done");
    let before = machine.ok("python3 proto.py v1");
    assert!(before.starts_with("fe80::ff:fe00:1 ["), "{before}");
    machine.script("lab", r##"host.link("v1").del_addr("fe80::ff:fe00:1/64");"##);
    machine.ok("netscript --force lab.rhai; netscript down lab");
    machine.ok("for _ in $(seq 50); do ip -6 addr show dev v1 | grep -q fe80 && break; sleep 0.1; done");
    assert_eq!(machine.ok("python3 proto.py v1"), before);
}

/// The state of the namespaces `host` and `red`, without numbers, temporary values, the queue that a link gets when it
/// is first up, and the kernel's tunnel links, whose modules another test may load.
fn networks(machine: &Machine) -> String {
    machine.0.settle();
    machine.ok(
        "for in in '' '-n red'; do ip $in -o addr | sed 's/^[0-9]*: //; s/ valid_lft.*//'; ip $in -o link | sed 's/^[0-9]*: //; s/@if[0-9]*:/:/; s/@[^ ]*:/:/; s/qdisc [a-z]*//'
             for family in -4 -6; do ip $in $family route show table all; done; ip $in neigh show nud permanent; done |
             grep -vE '^(erspan|gre|gretap|ip6_vti|ip6gre|ip6tnl|ip_vti|sit|tunl)0[: ]' | sort",
    )
}

/// Runs a script, and the commands of its dry run; both must make the network of another script, which renames nothing.
fn is_renamed(make: &str, rename: &str, from_the_start: &str) {
    let left = |text: &str, by_commands: bool| {
        let machine = Machine::new();
        machine.script("lab", text);
        match by_commands {
            false => machine.ok("ip link set lo up; netscript lab.rhai"),
            true => machine.ok("ip link set lo up; netscript --dry-run lab.rhai >commands; sh -e commands"),
        };
        networks(&machine)
    };
    let wanted = left(from_the_start, false);
    let text = format!("{make}\n{rename}");
    for by_commands in [false, true] {
        assert_eq!(left(&text, by_commands), wanted, "by commands: {by_commands}\n{text}");
    }
}

/// A pair with everything that is lost when a link goes down; `NAME` is its end's name.
const UPLINK: &str = r#"let red = netns("red"); red.lo.up();
    let v = veth("NAME", "c0").set_mac("02:00:00:00:00:01"); v.peer.set_mac("02:00:00:00:00:02").up();
    v.addr("10.0.0.1/24").addr("fd00::1/64", #{ dad: false }).addr("fd00::2/64", #{ dad: false }).up();
    host.route("10.9.0.0/16", #{ via: "10.0.0.2" }); host.route("fd09::/64", #{ via: "fd00::9", metric: 7 });
    host.route("10.8.0.0/16", #{ dev: v, table: 100 }); host.neigh("10.0.0.7", "02:00:00:00:00:07", v);"#;

/// Kernels before 6.2 refuse this (EBUSY): netscript and its commands take the link down for it.
#[test]
fn a_link_that_is_up_is_renamed_by_every_kernel() {
    let from_the_start = UPLINK.replace("NAME", "uplink");
    is_renamed(&UPLINK.replace("NAME", "v0"), r#"v.rename("uplink");"#, &from_the_start);
}

/// They go down and come up with it, even those that were down before.
#[test]
fn vlans_elsewhere_on_a_link_that_is_renamed_are_as_they_were() {
    if !has_kind("vlan") {
        return skip("VLANs elsewhere on a link that is renamed: the kernel makes no link of the type vlan");
    }
    let vlans = r#"
        let t = vlan("t5", #{ link: v, id: 5 }).move_to(red);
        t.addr("10.5.0.1/24").addr("fd05::1/64", #{ dad: false }).up(); vlan("t6", #{ link: v, id: 6 }).move_to(red);
        red.route("10.55.0.0/16", #{ via: "10.5.0.2" }); red.route("fd55::/64", #{ via: "fd05::2" });
        red.neigh("10.5.0.7", "02:00:00:00:00:07", t);"#;
    let made = |name: &str| UPLINK.replace("NAME", name) + vlans;
    is_renamed(&made("v0"), r#"v.rename("uplink");"#, &made("uplink"));
}

/// Whether the kernel makes links of a type.
fn has_kind(kind: &str) -> bool {
    let make = match kind {
        "tun" => "ip tuntap add dev t0 mode tun",
        "vrf" => "ip link add k0 type vrf table 10",
        "vlan" => "ip link add v0 type veth peer name c0; ip link add link v0 name k0 type vlan id 1; ip link del k0",
        _ => &format!("ip link add v0 type veth peer name c0; ip link add link v0 name k0 type {kind}"),
    };
    Machine::new().run(make).0
}

/// Scripts whose last step the kernel refuses: the types of links that are needed, the oldest kernel that refuses it,
/// and the script.
const REFUSED: &[(&[&str], (u32, u32), &str)] = &[
    (&["vlan"], OLDEST, r#"let v = veth("v0", "c0"); vlan("a", #{ link: v, id: 5 }); vlan("b", #{ link: v, id: 5 });"#),
    (&["vlan"], OLDEST, r#"vlan("a", #{ link: host.lo, id: 5 });"#),
    // Linux 5.10 accepts it.
    (&["vlan", "tun"], (6, 1), r#"let t = tun("t0"); vlan("a", #{ link: t, id: 5 });"#),
    (&["vlan"], OLDEST, r#"let a = vlan("a", #{ link: veth("v0", "c0"), id: 5 }); a.up();"#),
    (&["vlan"], OLDEST, r#"let a = vlan("a", #{ link: veth("v0", "c0"), id: 5 }); a.set_mtu(1501);"#),
    (
        &["vlan", "ipvlan"],
        OLDEST,
        r#"let i = ipvlan("i", #{ link: veth("v0", "c0") }); vlan("a", #{ link: i, id: 5 });"#,
    ),
    (
        &["ipvlan", "macvlan"],
        OLDEST,
        r#"let v = veth("v0", "c0"); ipvlan("i", #{ link: v }); macvlan("m", #{ link: v });"#,
    ),
    (
        &["ipvlan", "macvlan"],
        OLDEST,
        r#"let v = veth("v0", "c0"); macvlan("m", #{ link: v }); ipvlan("i", #{ link: v });"#,
    ),
    (
        &["ipvlan", "macvlan"],
        OLDEST,
        r#"let i = ipvlan("i", #{ link: veth("v0", "c0") }); macvlan("m", #{ link: i });"#,
    ),
    (
        &["ipvlan"],
        OLDEST,
        r#"let br0 = bridge("br0"); let i = ipvlan("i", #{ link: veth("v0", "c0") }); i.master(br0);"#,
    ),
    (&["ipvlan"], OLDEST, r#"let v = veth("v0", "c0").master(bridge("br0")); ipvlan("i", #{ link: v });"#),
    (&["ipvlan"], OLDEST, r#"let v = veth("v0", "c0"); ipvlan("i", #{ link: v }); v.master(bridge("br0"));"#),
    (&["ipvlan"], OLDEST, r#"ipvlan("i", #{ link: host.lo });"#),
    (&["ipvlan", "tun"], OLDEST, r#"let t = tun("t0"); ipvlan("i", #{ link: t });"#),
    (
        &["ipvlan"],
        OLDEST,
        r#"let v = veth("v0", "c0"); ipvlan("i", #{ link: v }).addr("10.0.0.1/24"); let j = ipvlan("j", #{ link: v }); j.addr("10.0.0.1/24");"#,
    ),
    (
        &["ipvlan"],
        OLDEST,
        r#"let v = veth("v0", "c0"); ipvlan("i", #{ link: v }).addr("fd00::1/64"); let j = ipvlan("j", #{ link: v }); j.addr("fd00::1/64");"#,
    ),
    (&["macvlan"], OLDEST, r#"macvlan("m", #{ link: host.lo });"#),
    (&["macvlan", "tun"], OLDEST, r#"let t = tun("t0"); macvlan("m", #{ link: t });"#),
    (&["macvlan"], OLDEST, r#"let v = veth("v0", "c0").master(bridge("br0")); macvlan("m", #{ link: v });"#),
    (&["macvlan"], OLDEST, r#"let v = veth("v0", "c0"); macvlan("m", #{ link: v }); v.master(bridge("br0"));"#),
    (
        &["macvlan"],
        OLDEST,
        r#"let v = veth("v0", "c0"); macvlan("m", #{ link: v, mode: "bridge" }); macvlan("n", #{ link: v, mode: "passthru" });"#,
    ),
    (&["vrf"], OLDEST, r#"let blue = vrf("blue", #{ table: 10 }); host.lo.master(blue);"#),
    (&["vrf"], OLDEST, r#"let blue = vrf("blue", #{ table: 10 }); vrf("red", #{ table: 11 }).master(blue);"#),
    (&["vrf"], OLDEST, r#"let blue = vrf("blue", #{ table: 10 }); blue.master(bridge("br0"));"#),
    (&["vrf"], OLDEST, r#"let red = netns("red"); let blue = vrf("blue", #{ table: 10 }); blue.move_to(red);"#),
    (&["vrf"], OLDEST, r#"let blue = vrf("blue", #{ table: 10 }); blue.set_mtu(1279);"#),
    (&["vrf", "vlan"], OLDEST, r#"let blue = vrf("blue", #{ table: 10 }); vlan("a", #{ link: blue, id: 5 });"#),
    (&["vrf", "macvlan"], OLDEST, r#"let blue = vrf("blue", #{ table: 10 }); macvlan("m", #{ link: blue });"#),
    (&["tun"], OLDEST, r#"let br0 = bridge("br0"); let t = tun("t0"); t.master(br0);"#),
    (&[], OLDEST, r#"let br0 = bridge("br0"); host.lo.master(br0);"#),
    (&[], OLDEST, r#"let br0 = bridge("br0"); let br1 = bridge("br1"); br1.master(br0);"#),
];

/// The oldest kernel that netscript runs on.
const OLDEST: (u32, u32) = (5, 10);

/// An operation that a dry run refuses is refused by the running kernel with the same error, to `ip` and to netscript.
#[test]
fn what_a_dry_run_refuses_the_kernel_refuses() {
    let lacking: Vec<&str> =
        ["vlan", "ipvlan", "macvlan", "tun", "vrf"].into_iter().filter(|kind| !has_kind(kind)).collect();
    let mut wrong = String::new();
    for (needs, since, script) in REFUSED {
        if let Some(kind) = needs.iter().find(|kind| lacking.contains(kind)) {
            skip(&format!("`{script}`: the kernel makes no link of the type {kind}"));
        } else if kernel_release() < *since {
            skip(&format!("`{script}`: kernels before {}.{} are not asked", since.0, since.1));
        } else if let Err(why) = is_refused(script) {
            wrong.push_str(&format!("{script}\n{why}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn is_refused(script: &str) -> Result<(), String> {
    let machine = Machine::new();
    machine.script("lab", script);
    let (fine, dry) = machine.run("netscript --dry-run lab.rhai 2>&1 >/dev/null");
    let command =
        machine.ok("netscript --dry-run lab.rhai 2>/dev/null >commands || true; sed -n 's/^# fails: //p' commands");
    let Some((command, errno)) = command.trim().rsplit_once(" (") else { return Err(format!("dry run: {dry}")) };
    let (run, told) = machine.run("netscript lab.rhai 2>&1 >/dev/null");
    // The kernel's messages depend on its version.
    let error = |told: &str| {
        let error = told.split("error[").nth(1).unwrap_or("").split("\nall changes").next().unwrap_or("").trim();
        error.lines().filter(|line| !line.contains("= the kernel says:")).collect::<String>()
    };
    if fine || run || error(&dry) != error(&told) || error(&dry).is_empty() {
        return Err(format!("dry run: {dry}run: {told}"));
    }
    // `ip` shows the errno, or the kernel's words in its place.
    let (by_ip, said) = machine.run(&format!("sh -e commands; {command} 2>&1"));
    let words =
        said.trim().trim_start_matches("RTNETLINK answers: ").trim_start_matches("Error: ").trim_end_matches('.');
    let is_same = errno.trim_end_matches(')') == words || dry.contains(words);
    if by_ip || words.is_empty() || !is_same { Err(format!("`{command}` says {said}dry run: {dry}")) } else { Ok(()) }
}

/// On Debian's 5.10 the kernel waits for ever when a VLAN and its parent are removed as one group.
#[test]
fn a_vlan_goes_with_the_link_below_it() {
    if !has_kind("vlan") {
        return skip("a VLAN that goes with the link below it: the kernel makes no link of the type vlan");
    }
    let machine = Machine::new();
    machine.script("lab", r#"let v = veth("v0", "c0").up(); vlan("a", #{ link: v, id: 5 }).up(); veth("w0", "w1");"#);
    machine.ok("netscript lab.rhai");
    machine.ok("ip link show dev a");
    let down = format!("timeout 30 {} down lab", netscript().display());
    machine.ok(&format!("{down}; timeout 5 ip link add v0 type veth peer name c0; ip link del dev v0"));
    assert_eq!(machine.ok("ip -br link show | grep -c '^[avcw]' || true").trim(), "0");
}

/// `vlan_device_event` takes VLANs down and up with the link that carries them, also those in other namespaces. The
/// state of each in the dry run is compared with the kernel's.
#[test]
fn vlans_go_up_and_down_with_their_link() {
    if !has_kind("vlan") {
        return skip("VLANs that go up and down with their link: the kernel makes no link of the type vlan");
    }
    let script = r#"
        let red = netns("red");
        let v = veth("v0", "c0"); v.peer.up();
        vlan("a", #{ link: v, id: 5 }); vlan("b", #{ link: v, id: 6 }).move_to(red);
        let up = || print(host.links.filter(|l| l.name == "a").map(|l| l.state == "up") + red.links.filter(|l| l.name == "b").map(|l| l.state == "up"));
        up.call(); v.up(); up.call(); v.down(); up.call();"#;
    let machine = Machine::new();
    machine.script("lab", script);
    let dry = machine.ok("netscript --dry-run lab.rhai 2>&1 | grep '^\\['");
    machine.ok("netscript lab.rhai");
    let shown = |up: &str| {
        let words =
            machine.ok(&format!("ip link set dev v0 {up}; ip -o link show dev a; ip -n red -o link show dev b"));
        let up = |line: &str| {
            let flags = line.split(['<', '>']).nth(1).unwrap();
            flags.split(',').any(|flag| flag == "UP")
        };
        format!("{:?}\n", words.lines().map(up).collect::<Vec<_>>())
    };
    let by_kernel = [shown("down"), shown("up"), shown("down")].concat();
    assert_eq!(dry, by_kernel);
}
