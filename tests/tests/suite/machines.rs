//! What differs from machine to machine: modules, and what older kernels lack. The rig (`cargo xtask rig --kernel`) has
//! kernels of its own, where modules may be loaded.

use std::process::Output;
use std::sync::Mutex;

use netscript_tests::program::{Place, finish};
use netscript_tests::{Sandbox, netscript, skip, workspace};

/// Modules are the whole machine's: one test at a time.
static MODULES: Mutex<()> = Mutex::new(());

/// Whether this kernel belongs to the tests alone, so that they may load modules.
fn is_own_kernel() -> bool {
    std::env::var_os("NETSCRIPT_OWN_KERNEL").is_some()
}

/// The modules that put links into each namespace.
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
           // One that somebody uses is a link like any other.
           let tunnel = red.link("tunl0").up();
           assert(red.links.map(|link| link.name).contains("tunl0"));"#,
    );
    machine.ok("netscript lab.rhai; ip -n red link show tunl0; netscript down lab");
    assert_eq!(machine.ok("ip netns list; ip -o link show type veth"), "");
    // What others put in is still theirs.
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
    // As it looks without the module.
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
    // The printed commands pass it over as well.
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
    // The kernel gives the number again as soon as the namespace has ended.
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
