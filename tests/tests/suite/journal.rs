//! Labs on the machine: up, down, failed, killed, replaced, and beside other people's things.

use std::process::{Command, Output};

use netscript_tests::{Sandbox, netscript};

/// Runs `xtask crash`, which tests labs on a machine of its own.
fn crash(arguments: &[&str]) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_xtask")).args(["crash", "--at-once", "2"]).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    print!("{told}");
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_lab_taken_down_leaves_the_machine_as_before() {
    crash(&["--only", "back", "--script", "everything"]);
    crash(&["--only", "back", "--script", "single-container"]);
}

#[test]
fn a_lab_that_is_killed_can_be_taken_down() {
    crash(&["--only", "kills", "--script", "everything", "--stride", "11", "--first", "3"]);
}

#[test]
fn a_lab_that_is_interrupted_is_undone() {
    crash(&["--only", "interrupts", "--script", "everything", "--stride", "23", "--first", "5"]);
}

#[test]
fn random_labs_taken_down_leave_the_machine_as_before() {
    crash(&["--only", "random", "--script", "nothing", "--programs", "20"]);
}

#[test]
fn a_lab_whose_name_is_taken_is_undone() {
    crash(&["--only", "failures", "--script", "everything"]);
}

#[test]
fn ten_labs_at_once() {
    crash(&["--only", "together", "--script", "nothing", "--rounds", "2"]);
}

/// A machine with netscript on it.
pub(super) struct Machine(pub(super) Sandbox);

impl Machine {
    pub(super) fn new() -> Machine {
        Machine(Sandbox::new())
    }

    pub(super) fn run(&self, commands: &str) -> Output {
        self.0.try_shell(&format!("cd /run; netscript() {{ '{}' \"$@\"; }}; {commands}", netscript().display()))
    }

    /// Runs commands that must succeed, and returns both outputs.
    pub(super) fn ok(&self, commands: &str) -> String {
        let output = self.run(commands);
        let told = told(&output);
        assert!(output.status.success(), "{commands}\n{told}");
        told
    }

    /// Runs commands that must fail with an error of this code.
    pub(super) fn refused(&self, commands: &str, code: &str) -> String {
        let output = self.run(commands);
        let told = told(&output);
        assert!(!output.status.success() && told.contains(&format!("error[{code}]")), "{commands}\n{told}");
        told
    }

    pub(super) fn script(&self, name: &str, text: &str) {
        self.0.shell(&format!("cat > /run/{name}.rhai <<'END'\n{text}\nEND"));
    }
}

pub(super) fn told(output: &Output) -> String {
    [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat()
}

#[test]
fn a_lab_is_up_until_it_is_taken_down() {
    let machine = Machine::new();
    machine.script(
        "red",
        r#"let red = netns("red"); veth("v1", #{ peer: "eth0", netns: red }); red.start("sleep 1000");"#,
    );
    let up = machine.ok("netscript red.rhai");
    assert!(up.starts_with("the lab `red` is up: 1 namespace, 2 links, 1 process, in "), "{up}");
    assert!(up.contains("`netscript down red` takes it down"), "{up}");

    let listed = machine.ok("netscript ps --format json");
    let labs: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&labs[0]["name"], &labs[0]["state"]), (&"red".into(), &"up".into()), "{labs}");
    assert_eq!(labs[0]["namespaces"], serde_json::json!(["red"]));
    assert_eq!(labs[0]["processes"][0]["what"], "sleep 1000");
    assert!(machine.ok("netscript ps").contains("/run/red.rhai"));

    assert!(machine.refused("netscript red.rhai", "E0501").contains("--replace"));
    machine.ok("netscript --name other red.rhai 2>&1 || true");
    machine.ok("netscript --replace red.rhai; ip netns list | grep red");
    let commands = machine.ok("netscript down --dry-run red");
    assert!(commands.contains("ip netns del red") && commands.contains("ip link del dev v1"), "{commands}");
    machine.ok("netscript down red");
    machine.refused("netscript down red", "E0503");
    assert_eq!(machine.ok("ls /run/netns; ls -d /run/netscript 2>/dev/null || true; ip -br link show type veth"), "");
}

#[test]
fn what_fails_is_undone_unless_it_is_to_be_kept() {
    let machine = Machine::new();
    machine.script("bad", r#"bridge("br0"); netns("red"); throw "enough";"#);
    let output = told(&machine.run("netscript bad.rhai"));
    assert!(output.contains("all changes of the script have been undone"), "{output}");
    machine.ok("! ip link show br0 2>/dev/null; test -z \"$(ip netns list)\"");

    let kept = told(&machine.run("netscript --keep bad.rhai"));
    assert!(kept.contains("the lab `bad` is kept: "), "{kept}");
    machine.ok("ip link show br0; netscript down bad; ! ip link show br0 2>/dev/null");

    machine.script("good", r#"bridge("br0"); host.sysctl("net.ipv4.ip_forward", 1);"#);
    machine.ok("sysctl -qw net.ipv4.ip_forward=0; netscript --rm good.rhai; ! ip link show br0 2>/dev/null");
    assert_eq!(machine.ok("cat /proc/sys/net/ipv4/ip_forward"), "0\n");
    machine.script("nothing", "print(host.name);");
    assert_eq!(
        machine.ok("netscript nothing.rhai; netscript ps"),
        "host\nLAB  STATE  AGE  NAMESPACES  PROCESSES  SCRIPT\n"
    );
}

#[test]
fn an_interrupted_script_is_undone() {
    let machine = Machine::new();
    machine.script("slow", r#"bridge("br0"); print("made"); sleep(30);"#);
    let program = netscript().display().to_string();
    let told = machine.ok(&format!(
        "'{program}' slow.rhai >out 2>&1 & p=$!; while ! grep -q made out 2>/dev/null; do sleep 0.05; done
         kill -INT $p; wait $p || echo \"status $?\"; cat out; ! ip link show br0 2>/dev/null"
    ));
    assert!(told.contains("status 130") && told.contains("have been undone"), "{told}");
}

#[test]
fn a_lab_that_another_netscript_works_on_is_busy() {
    let machine = Machine::new();
    machine.script("slow", r#"bridge("br0"); print("made"); sleep(30);"#);
    let program = netscript().display().to_string();
    machine.ok(&format!(
        "'{program}' slow.rhai >out 2>&1 & echo $! >pid; while ! grep -q made out 2>/dev/null; do sleep 0.05; done"
    ));
    for command in ["netscript down slow", "netscript down --force slow", "netscript slow.rhai"] {
        let told = machine.refused(command, "E0502");
        assert!(told.contains("another netscript is working on the lab `slow`"), "{told}");
    }
    machine.ok("ip link show br0; kill -INT $(cat pid); while kill -0 $(cat pid) 2>/dev/null; do sleep 0.05; done");
    machine.ok("! ip link show br0 2>/dev/null; ! test -e netscript");
}

#[test]
fn others_things_are_told_of_before_they_go() {
    let machine = Machine::new();
    machine.script("lab", r#"netns("red"); bridge("br0");"#);
    machine.ok("netscript lab.rhai; ip link add x1 type veth peer name x2; ip link set x1 netns red; ip link set x2 master br0");
    let told = machine.refused("netscript down lab", "E0504");
    assert!(told.contains("the link `x1` in the namespace `red`"), "{told}");
    assert!(told.contains("the link `x2` is a port of the lab's `br0`"), "{told}");
    machine.ok("ip link show br0; netscript down --force lab; ! ip link show br0 2>/dev/null");

    // Links stacked on a link are removed with it.
    for made in ["m1 link br0 type macvlan", "t1 type vxlan id 5 dev br0 dstport 4789"] {
        machine.ok(&format!("netscript lab.rhai; ip link add {made}"));
        let name = &made[..2];
        let told = machine.refused("netscript down lab", "E0504");
        assert!(told.contains(&format!("the link `{name}` stands on the lab's `br0`")), "{told}");
        machine.ok(&format!("ip link show {name}; ip link del {name}; netscript down lab"));
    }
    // A folder in the lab's folder is not the lab's.
    machine.ok("netscript lab.rhai; mkdir netscript/lab/theirs; netscript down lab; test -d netscript/lab/theirs");
    machine.ok("netscript ps; netscript lab.rhai; netscript down lab; rmdir netscript/lab/theirs netscript/lab");

    machine.ok("iptables -A FORWARD -s 192.0.2.1 -j DROP; ip netns add theirs; ip link add t1 type bridge");
    machine.script("greedy", r"host.filter.forward.flush();");
    assert!(machine.refused("netscript greedy.rhai", "E0505").contains("-A FORWARD -s 192.0.2.1/32 -j DROP"));
    machine.script("deleter", r#"netns_open("theirs").delete();"#);
    machine.refused("netscript deleter.rhai", "E0505");
    machine.script("remover", r#"link("t1").delete();"#);
    machine.refused("netscript remover.rhai", "E0505");
    machine.ok("ip link show t1; ip netns list | grep theirs; iptables -S FORWARD | grep 192.0.2.1");
    machine
        .ok("netscript --force remover.rhai; ! ip link show t1 2>/dev/null; netscript down remover; ip link show t1");
    machine.ok("netscript --force greedy.rhai; netscript down greedy; iptables -S FORWARD | grep 192.0.2.1");
}

#[test]
fn a_strangers_namesake_is_left_alone() {
    let machine = Machine::new();
    machine.script(
        "lab",
        r#"netns("red"); bridge("br0"); host.nat.masquerade(#{ src: "10.0.0.0/8" }); host.start("sleep 1000");"#,
    );
    machine.ok("netscript lab.rhai");
    // Somebody else removes what the lab made, and makes equal things.
    machine.ok("ip netns del red; ip netns add red; ip link del br0; ip link add br0 type bridge");
    machine.ok("iptables -t nat -F; iptables -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE");
    // The journal is changed so that the process's number seems to be reused.
    machine.ok("setsid -f sleep 1001 </dev/null >/dev/null 2>&1; p=$(pgrep -nf 'sleep 100[1]'); o=$(grep -o '\"pid\":[0-9]*' netscript/lab/journal | tail -n1)
        kill ${o#*:}; sed -i \"s/$o,/\\\"pid\\\":$p,/\" netscript/lab/journal; echo $p >other");
    machine.ok("netscript down lab; ip netns list | grep red; ip link show br0; iptables -t nat -S | grep MASQUERADE; kill $(cat other)");
}

/// `iptables-restore` makes the table anew, which gives every rule another handle.
#[test]
fn rules_are_found_after_a_restore() {
    let machine = Machine::new();
    machine.script(
        "lab",
        r#"
            host.nat.masquerade(#{ src: "10.0.0.0/8" });
            host.filter.input.accept(#{ proto: "tcp", dport: 80, comment: "it's" });
            host.filter.input.accept([#{ state: "NEW" }, #{ proto: "udp", sport: "!:5" }]);
            host.filter6.input.drop(#{ proto: "tcp", syn: true, mark: 7 });
        "#,
    );
    // Equal rules of others must all stay.
    machine.ok("iptables -A INPUT -p tcp --dport 80 -m comment --comment \"it's\" -j ACCEPT; iptables -A INPUT -i x -j DROP; ip6tables -A INPUT -i x -j DROP");
    let look = || machine.ok("iptables-save | grep -- '^-A'; ip6tables-save | grep -- '^-A'");
    let before = look();
    let restore = "iptables-save | iptables-restore; ip6tables-save | ip6tables-restore";
    machine.ok("netscript lab.rhai");
    machine.ok(restore);
    let told = machine.ok("netscript down lab");
    assert!(!told.contains("warning"), "{told}");
    assert_eq!(look(), before);
    // A rule that somebody else has removed is named.
    machine.ok("netscript lab.rhai");
    machine.ok(&format!("{restore}; ip6tables -F INPUT; ip6tables -A INPUT -i x -j DROP"));
    let told = machine.ok("netscript down lab");
    let missing = "warning: the rule `-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m mark --mark 0x7 -j DROP` of the table `filter6` has been removed by somebody else";
    assert_eq!(told.lines().filter(|line| line.contains("warning")).collect::<Vec<_>>(), [missing]);
    assert_eq!(look(), before);
}

/// `iptables -S` does not show iptables-legacy and native chains of nft: netscript warns once, as iptables does.
#[test]
fn rules_besides_those_of_iptables_are_noticed_once() {
    let machine = Machine::new();
    machine.script(
        "look",
        "print(host.filter.forward.policy); print(host.filter.rules); print(host.filter6.rules.len());",
    );
    let told = machine
        .ok("nft add table inet empty; nft add chain inet empty c '{ type filter hook input priority 5; }'
        iptables -A INPUT -i x -j DROP; netscript look.rhai");
    assert!(!told.contains("warning"), "{told}");
    machine.ok("iptables-legacy -P FORWARD DROP; nft add table inet own
        nft add chain inet own c '{ type filter hook forward priority 7; policy drop; }'; nft add rule inet own c counter");
    let told = machine.ok("netscript look.rhai");
    let warnings: Vec<&str> = told.lines().filter(|line| line.starts_with("warning:")).collect();
    let wanted = "warning: host has rules that are not among those of iptables and that netscript does not evaluate: \
        `iptables-legacy filter`, `nft inet own c  forward  priority 7  policy drop  1 rule`; \
        `iptables-legacy -S`, `ip6tables-legacy -S` and `nft list ruleset` show them";
    assert_eq!(warnings, [wanted], "{told}");
    // There is no warning for a lab's own namespaces, or for a lab that reads no rules.
    machine.script("own", "let red = netns(\"red\"); print(red.filter.rules); host.lo.up();");
    assert!(!machine.ok("netscript --rm own.rhai").contains("warning"));
    // A lab does not change them.
    machine.script("lab", "host.filter.forward.accept(#{ proto: \"tcp\", dport: 80 }); host.nat.masquerade();");
    let look = || machine.ok("iptables-legacy -S; nft list ruleset");
    let before = look();
    machine.ok("netscript lab.rhai; netscript down lab");
    assert_eq!(look(), before);
}

/// Parts that are lost with a rule cannot be made again: they are named before the rule is removed, and the rest is
/// restored.
#[test]
fn losses_are_named_before_they_happen() {
    let machine = Machine::new();
    machine.script("lab", "host.filter.input.flush();");
    machine.ok("iptables -A INPUT -i a -j DROP; nft add rule ip filter INPUT tcp dport '{ 80, 443 }' drop; iptables -A INPUT -i b -j DROP");
    let told = machine.refused("netscript lab.rhai", "E0505");
    assert!(told.contains("which cannot be restored: the set in braces would be removed with it"), "{told}");
    let told = machine.ok("netscript --force lab.rhai; netscript down lab");
    assert!(told.contains("warning: removed: `-A INPUT"), "{told}");
    let left = machine.ok("nft list chain ip filter INPUT | grep iifname");
    assert_eq!(left.matches("drop").count(), 2, "{left}");
}

#[test]
fn journals_that_cannot_be_used_say_why() {
    let machine = Machine::new();
    machine.script("lab", r#"netns("red"); bridge("br0"); bridge("br1");"#);
    machine.ok("netscript lab.rhai; cp netscript/lab/journal whole");
    machine.ok("sed -i '1s/\"version\":[0-9]*/\"version\":99/' netscript/lab/journal");
    assert!(machine.refused("netscript down lab", "E0506").contains("a later version of netscript wrote it"));
    machine.ok("sed '3s/.*/{\"entry\"/' whole >netscript/lab/journal");
    assert!(machine.refused("netscript down lab", "E0506").contains("line 3 is damaged"));
    machine.ok("ip link show br0; netscript down --force lab; ip link show br0; ! ip link show br1 2>/dev/null");
    machine.ok("ip link del br0; netscript lab.rhai; printf '{\"entry\":{\"n\":77,\"op' >>netscript/lab/journal; netscript down lab");
    machine.ok("! ip link show br0 2>/dev/null");
}

#[test]
fn without_room_for_the_journal_nothing_is_done() {
    let machine = Machine::new();
    machine.script("lab", r#"for i in 0..200 { bridge(`b${i}`); }"#);
    machine.ok("mkdir netscript; mount -t tmpfs -o size=16k tmpfs netscript");
    let told = machine.refused("netscript lab.rhai", "E0405");
    assert!(told.contains("No space left on device") && told.contains("have been undone"), "{told}");
    assert_eq!(machine.ok("ip -br link show type bridge; ls netscript"), "");
    machine.ok("mount -o remount,ro netscript");
    assert!(machine.refused("netscript lab.rhai", "E0405").contains("Read-only file system"));
    assert_eq!(machine.ok("ip -br link show type bridge; umount netscript; rmdir netscript"), "");
}

#[test]
fn a_lab_with_what_another_left_goes_on_a_full_disk() {
    let machine = Machine::new();
    for lab in ["a", "b"] {
        machine.script(lab, r#"host.sysctl("net.ipv4.ip_forward", 1);"#);
    }
    machine.ok("sysctl -qw net.ipv4.ip_forward=0; mkdir netscript; mount -t tmpfs -o size=64k tmpfs netscript");
    machine.ok("netscript a.rhai; netscript b.rhai; netscript down a");
    assert_eq!(machine.ok("cat /proc/sys/net/ipv4/ip_forward"), "1\n");
    // The last line ends at a page boundary, so that nothing more fits.
    machine.ok(r#"journal=netscript/b/journal
        printf "%$((4095 - $(stat -c %s $journal)))s\n" '{"undone":999}' >>$journal
        head -c 100000 /dev/zero >netscript/b/filler 2>/dev/null || true; test "$(stat -c %s $journal)" = 4096"#);
    machine.ok(&format!("timeout 200 '{}' down b", netscript().display()));
    assert_eq!(machine.ok("cat /proc/sys/net/ipv4/ip_forward; ls netscript"), "0\n");
}

#[test]
fn labs_that_share_settings_go_in_any_order() {
    let machine = Machine::new();
    machine.script("a", r#"host.sysctl("net.ipv4.conf.lo.rp_filter", 1);"#);
    machine.script("b", r#"host.sysctl("net.ipv4.conf.lo.rp_filter", 2);"#);
    machine.script("c", r#"host.sysctl("net.ipv4.conf.lo.rp_filter", 1);"#);
    let setting =
        |commands: &str| machine.ok(&format!("{commands} 2>/dev/null; cat /proc/sys/net/ipv4/conf/lo/rp_filter"));
    let was = setting("true");
    for order in ["a b c", "a c b", "b a c", "b c a", "c a b", "c b a"] {
        machine.ok("for lab in a b c; do netscript $lab.rhai; done");
        let labs: Vec<&str> = order.split(' ').collect();
        let youngest = |left: &[&str]| match left.iter().max() {
            Some(&"b") => "2\n".to_owned(),
            Some(_) => "1\n".to_owned(),
            None => was.clone(),
        };
        for (gone, lab) in labs.iter().enumerate() {
            assert_eq!(setting(&format!("netscript down {lab}")), youngest(&labs[gone + 1..]), "{order}: {lab}");
        }
    }
}

#[test]
fn the_tutorials_clean_up_spares_others() {
    let machine = Machine::new();
    machine.ok("ip netns add theirs; iptables -A FORWARD -s 192.0.2.1 -j DROP; ip link add cloud type bridge
        iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE");
    let look = || machine.ok("ip netns list; iptables-save | grep -- '^-[AP]'; ip -br link");
    let before = look();
    // `for ns in $(ip netns list); do ip netns del $ns; done; iptables -t nat -F; iptables -F FORWARD`
    machine.script("trap", "for name in netns_list() { netns_open(`${name}`).delete(); }");
    assert!(machine.refused("netscript trap.rhai", "E0505").contains("the namespace `theirs`"));
    machine.script("flush", "host.nat.flush();");
    assert!(machine.refused("netscript flush.rhai", "E0505").contains("-A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE"));
    machine.script("forward", "host.filter.forward.flush();");
    assert!(machine.refused("netscript forward.rhai", "E0505").contains("-A FORWARD -s 192.0.2.1/32 -j DROP"));
    assert_eq!(look(), before);
    // The tutorial's last lab is taken down without these commands.
    let lab = netscript_tests::workspace().join("scripts/demystified/three-tier.rhai");
    machine.ok(&format!("netscript '{}'; netscript down three-tier", lab.display()));
    assert_eq!(look(), before);
}

/// A namespace without a name ends with its contents, unless a process is in it.
#[test]
fn a_name_that_alone_keeps_a_namespace_is_not_taken_away() {
    let machine = Machine::new();
    machine.ok("ip netns add theirs; ip link add stranger type veth peer name far; ip netns add busy
        setsid -f ip netns exec busy sleep 60 </dev/null >/dev/null 2>&1; sleep 0.5");
    let look = || machine.ok("ip netns list | cut -d ' ' -f 1; ip -br link");
    let before = look();
    machine.script("name", r#"netns_detach("theirs");"#);
    assert!(machine.refused("netscript name.rhai", "E0505").contains("the namespace `theirs`"));
    machine.script("guest", r#"host.link("stranger").move_to(netns("mine")); netns_detach("mine");"#);
    assert!(machine.refused("netscript guest.rhai", "E0505").contains("the link `stranger` in mine"));
    assert_eq!(look(), before);
    machine.script("busy", r#"netns_detach("busy");"#);
    machine.ok("netscript busy.rhai; test ! -e /run/netns/busy; netscript down busy");
    assert_eq!(look(), before);
    machine.ok("netscript --force name.rhai; test ! -e /run/netns/theirs");
}

#[test]
fn one_thing_of_others_is_not_removed_either() {
    let machine = Machine::new();
    machine.ok("ip link add t1 type bridge; ip link set t1 up; ip addr add 10.1.0.1/24 dev t1; ip route add 10.2.0.0/16 via 10.1.0.2
        ip rule add from 10.2.0.0/16 table 77 priority 77; ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev t1
        iptables -A FORWARD -s 192.0.2.1 -j DROP; ip netns add theirs; setsid -f ip netns exec theirs sleep 60 </dev/null >/dev/null 2>&1; sleep 0.5");
    for (word, told) in [
        ("host.filter.forward.rules[0].delete()", "-A FORWARD -s 192.0.2.1/32 -j DROP"),
        (r#"host.del_route("10.2.0.0/16")"#, "the route to 10.2.0.0/16"),
        (r#"host.replace_route("10.2.0.0/16", #{ kind: "blackhole" })"#, "the route to 10.2.0.0/16"),
        (r#"link("t1").del_addr("10.1.0.1/24")"#, "the address 10.1.0.1/24 of `t1` in host"),
        (r#"host.del_rule(#{ from: "10.2.0.0/16", table: 77 })"#, "the routing rule of priority 77"),
        (r#"netns_open("theirs").delete()"#, "(sleep) in it"),
        (r#"host.lo.set_mac("02:00:00:00:00:01")"#, "the hardware address of `lo`"),
        (r#"link("t1").move_to(netns("red")); netns_open("red").delete()"#, ""),
    ] {
        machine.script("lab", &format!("{word};"));
        let output = machine.run("netscript lab.rhai");
        let told_of = self::told(&output);
        assert!(!output.status.success() && told_of.contains(told), "{word}: {told_of}");
    }
    // The lab may remove its own things, and then nothing is left of both.
    let look = || {
        machine.0.settle();
        machine.ok("ip route; ip addr show t1; ip rule")
    };
    let before = look();
    machine.script(
        "own",
        r#"
        let t1 = link("t1").addr("10.3.0.1/24");
        host.route("10.4.0.0/16", #{ via: "10.3.0.2" });
        host.replace_route("10.4.0.0/16", #{ via: "10.3.0.3" });
        host.del_route("10.4.0.0/16");
        host.rule(#{ from: "10.4.0.0/16", table: 78, priority: 78 });
        host.del_rule(#{ from: "10.4.0.0/16", table: 78, priority: 78 });
        t1.del_addr("10.3.0.1/24");
    "#,
    );
    machine.ok("netscript own.rhai; netscript down own; kill $(ip netns pids theirs)");
    assert_eq!(look(), before);
}

#[test]
fn foreign_changes_of_routes_are_seen() {
    let machine = Machine::new();
    machine.ok("ip link add t1 type bridge; ip link set t1 up; ip addr add 10.1.0.1/24 dev t1
        ip route add 10.3.0.0/16 via 10.1.0.2; ip route add blackhole 10.5.0.0/16");
    let before = machine.ok("ip route del 10.3.0.0/16; ip route; ip route add 10.3.0.0/16 via 10.1.0.2");
    // The kernel sends no message for a route that is removed with its link.
    machine.script(
        "gone",
        r#"
        host.route("10.2.0.0/16", #{ via: "10.1.0.2" });
        host.exec("ip link set t1 down");
        host.exec("ip link set t1 up");
        host.replace_route("10.3.0.0/16", #{ via: "10.1.0.3" });
        host.route("10.2.0.0/16", #{ via: "10.1.0.3" });
    "#,
    );
    machine.ok("netscript gone.rhai");
    assert!(machine.ok("ip route").contains("10.3.0.0/16 via 10.1.0.3"));
    machine.ok("netscript down gone");
    assert_eq!(machine.ok("ip route"), before);
    for (theirs, word) in [
        ("ip route add 10.6.0.0/16 via 10.1.0.2", r#"host.replace_route("10.6.0.0/16", #{ via: "10.1.0.3" })"#),
        ("ip route replace blackhole 10.5.0.0/16 metric 5", r#"host.del_route("10.5.0.0/16", #{ metric: 5 })"#),
        ("ip route change prohibit 10.5.0.0/16", r#"host.replace_route("10.5.0.0/16", #{ via: "10.1.0.3" })"#),
    ] {
        machine.script(
            "added",
            &format!("host.route(\"10.2.0.0/16\", #{{ via: \"10.1.0.2\" }});\nhost.exec(\"{theirs}\");\n{word};"),
        );
        let told = told(&machine.run("netscript added.rhai"));
        assert!(told.contains("added.rhai:3") && told.contains("the route to 10."), "{word}: {told}");
    }
    let wanted = ["10.6.0.0/16 via 10.1.0.2 dev t1", "prohibit 10.5.0.0/16", "blackhole 10.5.0.0/16 metric 5"];
    let left = machine.ok("ip route");
    assert!(wanted.iter().all(|route| left.contains(route)) && !left.contains("10.2.0.0"), "{left}");
}

#[test]
fn the_commands_of_a_dry_down_take_the_lab_down() {
    let machine = Machine::new();
    machine.ok("ip link add t1 type bridge; ip link add t2 type veth peer name t3; ip addr add 10.44.0.1/24 dev t2; ip link set t2 up
        iptables -A FORWARD -s 192.0.2.1 -j ACCEPT; sysctl -qw net.ipv4.ip_forward=0");
    machine.script(
        "lab",
        r#"
        let red = netns("red");
        let v = veth("v1", #{ peer: "eth0", netns: red }).addr("10.5.0.1/24").up();
        v.peer.addr("10.5.0.2/24").up();
        let br = bridge("br0").up();
        host.sysctl("net.ipv4.ip_forward", 1);
        host.filter.forward.policy("drop");
        host.filter.forward.accept(#{ iif: br });
        host.nat.masquerade(#{ src: "10.5.0.0/24" });
        let own = host.filter.chain("OWN");
        own.drop(#{ proto: "tcp", dport: 99, comment: "it's \"mine\"" });
        host.filter.input.jump(own);
        host.route("10.99.0.0/16", #{ via: "10.5.0.2" });
        host.route("10.98.0.0/16", #{ kind: "blackhole", table: 100 });
        host.rule(#{ from: "10.99.0.0/16", table: 100, priority: 500 });
        red.serve(80, "hello");
        link("t1").set_mtu(1400).addr("10.77.0.1/24").set_alias("it's");
        link("t2").move_to(red).rename("far");
    "#,
    );
    // A link that `ip` moves gets another index.
    let look = || {
        machine.0.settle();
        machine.ok("for link in lo t1 t2 t3; do ip addr show $link; done | sed 's/^[0-9]*: //; s/qdisc [a-z]*//'
        ip -br link | wc -l; ip route show table all; ip rule; nft list ruleset 2>&1 | sed 's/packets.*bytes [0-9]*//'
        cat /proc/sys/net/ipv4/ip_forward; ls /run/netns")
    };
    machine.ok("netscript lab.rhai; netscript down lab");
    let before = look();
    machine.ok("netscript lab.rhai; netscript down --dry-run lab >commands; sh -e commands");
    assert_eq!(look(), before);
    machine.ok("netscript down lab");
    assert_eq!(look(), before);
}

#[test]
fn a_dry_down_leaves_what_others_use() {
    let machine = Machine::new();
    machine.script(
        "older",
        r#"
        host.sysctl("net.ipv4.conf.lo.rp_filter", 1);
        host.filter.forward.policy("drop");
        host.filter.chain("OURS").drop(#{ src: "10.0.0.1" });
        host.filter.output.accept(#{ src: "10.0.0.1" });
    "#,
    );
    machine.script(
        "younger",
        r#"
        host.sysctl("net.ipv4.conf.lo.rp_filter", 2);
        host.filter.forward.policy("accept");
        host.filter.input.accept(#{ src: "10.0.0.2" });
    "#,
    );
    machine.ok("netscript older.rhai; netscript younger.rhai; iptables -A OURS -s 10.9.9.9 -j DROP");
    let commands = machine.ok("netscript down --dry-run older");
    let wanted = [
        "iptables -t filter -D OUTPUT -s 10.0.0.1/32 -j ACCEPT",
        "nft delete chain ip filter OUTPUT",
        "iptables -t filter -D OURS -s 10.0.0.1/32 -j DROP",
    ];
    assert_eq!(commands.lines().collect::<Vec<_>>(), wanted);
    let look = || machine.ok("nft list ruleset; cat /proc/sys/net/ipv4/conf/lo/rp_filter");
    machine.ok("netscript down --dry-run older >commands; sh -e commands");
    let by_hand = look();
    machine.ok("netscript down older");
    assert_eq!(look(), by_hand);
}

#[test]
fn a_down_that_cannot_be_says_what_to_do() {
    let machine = Machine::new();
    machine.script("lab", r#"bridge("br0");"#);
    machine.ok("netscript lab.rhai; chmod 755 .");
    machine.ok(&format!("cp '{}' copy; chmod 755 copy", netscript().display()));
    let told = machine.refused("setpriv --reuid 65534 --clear-groups /run/copy down lab", "E0401");
    assert!(told.contains("sudo") && !told.contains("--sandbox"), "{told}");
    assert!(machine.refused("netscript down ../lab", "E0503").contains("no lab `../lab` is up"));
    assert!(told_of(&machine, "netscript down").contains("netscript down <LAB|--all>"));
    assert!(told_of(&machine, "netscript down --all lab").contains("cannot be used with"));
    assert_eq!(machine.ok("netscript down --all; netscript down --all"), "the lab `lab` is down\nno lab is up\n");
}

fn told_of(machine: &Machine, commands: &str) -> String {
    let output = machine.run(commands);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    told(&output)
}

#[test]
fn undone_things_are_known_to_be_gone() {
    let machine = Machine::new();
    for (word, code, wanted) in [
        (r#"chain.drop(#{ src: "10.0.0.2" })"#, "E0306", "there is no chain `OWN`"),
        (r#"host.filter.input.jump(chain)"#, "E0306", "there is no chain `OWN`"),
        ("rule.delete()", "E0306", "there is no such rule"),
        ("process.pid", "E0309", "this handle refers to something that was removed"),
        ("red.lo", "E0309", "it was removed at line 6"),
        ("br.up()", "E0309", "it was removed at line 6"),
    ] {
        machine.script(
            "lab",
            &format!(
                r#"
                let before = checkpoint();
                let chain = host.filter.chain("OWN");
                let rule = chain.drop(#{{ src: "10.0.0.1" }});
                let red = netns("red"); let br = bridge("br0"); let process = red.start("sleep 1000");
                rollback(before);
                {word};
                "#
            ),
        );
        let told = machine.refused("netscript lab.rhai", code);
        assert!(told.contains(wanted), "{word}: {told}");
    }
}

#[test]
fn clean_up_goes_on_and_tells_everything() {
    let machine = Machine::new();
    machine.script(
        "lab",
        r#"bridge("br0"); host.sysctl("net.ipv4.ip_forward", 1); let red = netns("red"); red.serve(80, "x");"#,
    );
    machine.ok("sysctl -qw net.ipv4.ip_forward=0; netscript lab.rhai");
    // Neither the setting nor the journal can be written.
    machine.ok("mount --bind /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ip_forward; mount -o remount,bind,ro /proc/sys/net/ipv4/ip_forward");
    let told = machine.refused("netscript down lab", "E0507");
    assert!(told.contains("something could not be undone") && told.contains("ip_forward"), "{told}");
    machine.ok("! ip link show br0 2>/dev/null; test -z \"$(ip netns list)\"; netscript ps | grep lab");
    machine.ok("umount /proc/sys/net/ipv4/ip_forward; netscript down lab; test ! -e netscript");
    assert_eq!(machine.ok("cat /proc/sys/net/ipv4/ip_forward"), "0\n");
}

#[test]
fn a_lab_on_a_disk_that_cannot_be_written_is_not_lost() {
    let machine = Machine::new();
    machine.script("lab", r#"bridge("br0");"#);
    machine.ok("mkdir netscript; mount -t tmpfs tmpfs netscript; netscript lab.rhai; mount -o remount,ro netscript");
    let told = machine.refused("netscript down lab", "E0405");
    assert!(told.contains("Read-only file system"), "{told}");
    machine.ok("ip link show br0; netscript ps | grep 'lab  up'; mount -o remount,rw netscript; netscript down lab; ! ip link show br0 2>/dev/null");
}

#[test]
fn sessions_have_names_of_their_own() {
    let machine = Machine::new();
    machine.ok("echo 'bridge(\"b0\");' | netscript -; printf 'bridge(\"b1\")\\n' | netscript --keep; printf 'bridge(\"b2\")\\n' | netscript --keep");
    let listed = machine.ok("netscript ps --format json");
    let labs: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    assert_eq!(labs.iter().map(|lab| &lab["name"]).collect::<Vec<_>>(), ["repl", "repl-2", "stdin"]);
    // Every user may run `ps`.
    machine.ok(&format!("cp '{}' copy; chmod 755 . copy", netscript().display()));
    assert!(machine.ok("setpriv --reuid 65534 --clear-groups /run/copy ps").contains("repl-2  up"));
    machine.ok("netscript down --all; test ! -e netscript");
}

#[test]
fn steps_are_taken_back() {
    let sandbox = Sandbox::new();
    let script = r#"
        let br0 = bridge("br0");
        let before = checkpoint();
        let red = netns("red");
        let pair = veth("v1", #{ peer: "eth0", netns: red }).master(br0).up();
        br0.up().addr("10.0.0.1/24").set_mtu(1400).rename("br1");
        host.route("10.1.0.0/16", #{ dev: br0 });
        host.filter.forward.accept(#{ iif: br0 });
        host.filter.forward.policy("drop");
        rollback(before);
        assert(br0.name == "br0" && br0.state == "down" && br0.addrs.is_empty() && br0.mtu == 1500);
        assert(netns_list().is_empty() && host.links.map(|l| l.name) == ["lo", "br0"]);
        assert(host.filter.chains.is_empty() || host.filter.forward.policy == "accept");
        for gone in [red, pair] {
            try { gone.name; assert(false); } catch (e) { assert(e.code == "E0309", e.message); }
        }
        br0.delete();
        undo();
        assert(br0.name == "br0" && host.links.len() == 2);
        try { rollback(before); rollback(before); } catch (e) { assert(false, e.message); }
        undo();
        assert(host.links.len() == 1);
        try { undo(); assert(false); } catch (e) { assert(e.code == "E0508"); }
    "#;
    sandbox.script(script).unwrap();
}

/// A chain that a refused operation would have made is not taken for an existing one afterwards.
#[test]
fn a_chain_is_removed_also_after_a_refused_operation() {
    let machine = Machine::new();
    machine.ok("iptables -t nat -A POSTROUTING -j RETURN");
    let before = machine.ok("nft list ruleset");
    machine.script(
        "lab",
        r#"try { host.nat.input.accept(#{ at: 3, src: "10.0.0.0/8" }); } catch {} host.nat.input.accept(#{ iif: "br0" });"#,
    );
    machine.ok("netscript lab.rhai");
    assert_ne!(machine.ok("nft list ruleset"), before);
    machine.ok("netscript down lab");
    assert_eq!(machine.ok("nft list ruleset"), before);
}

/// A link of others that gets the name of a link of the lab's, which went with its pair, stays theirs.
#[test]
fn a_link_of_others_with_a_name_of_the_labs_stays_theirs() {
    let machine = Machine::new();
    machine.ok("ip link add theirs type bridge");
    let before = machine.ok("ip -br addr; ip route show table all");
    machine.script(
        "lab",
        r#"let pair = veth("mine", "other"); link("other").delete();
           link("theirs").rename("mine").addr("10.9.0.1/24");"#,
    );
    for fuse in ["NETSCRIPT_FUSE=1", "NETSCRIPT_FUSE=0"] {
        machine.ok(&format!("{fuse} netscript lab.rhai"));
        assert!(machine.ok("ip -br addr").contains("10.9.0.1"), "{fuse}");
        machine.ok("netscript down lab");
        assert_eq!(machine.ok("ip -br addr; ip route show table all"), before, "{fuse}");
    }
}
