//! Takes labs down in difficult conditions: programs that hide, damaged journals, things that others have removed,
//! names that are not UTF-8.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use netscript_tests::program::{family, left_of};
use netscript_tests::{patience, workspace};
use serde_json::Value;

use super::journal::Machine;

/// A name that is not UTF-8. `ip` accepts any bytes.
const ODD: &str = r"odd=$(printf 'a\377b');";

/// A script with many programs that leave the session, ignore SIGTERM, fork twice, or clear their environment. `TAG` is
/// a word that no other command line has.
const HIDING: &str = r#"
    let red = netns("red");
    let p = host.start(["sh", "-c", `
        setsid sleep 1001.TAG &
        (setsid sh -c 'sleep 1002.TAG & sleep 1003.TAG' &)
        env -i setsid -f sleep 1004.TAG
        trap '' TERM; sh -c 'trap "" TERM; sleep 1005.TAG; sleep 1006.TAG' &
        sleep 1007.TAG`]);
    let tree = red.start(["sh", "-c", "for i in $(seq 64); do setsid sleep 1008.TAG & done; exit 0"]);
    red.exec(["sh", "-c", "setsid -f sleep 1009.TAG </dev/null >/dev/null 2>&1; env -i setsid -f sleep 1010.TAG </dev/null >/dev/null 2>&1"]);
    wait_until(SECONDS, || host.exec(["pgrep", "-x", "-c", "-f", "sleep 1008.TAG"]).stdout == "64\n");
"#;

fn hiding(tag: &str) -> String {
    let seconds = patience(Duration::from_secs(20)).as_secs();
    HIDING.replace("TAG", tag).replace("SECONDS", &seconds.to_string())
}

/// How many running processes have a word in their command line, except those that search for it.
fn count(machine: &Machine, tag: &str) -> usize {
    machine.ok(&format!("pgrep -x -c -f 'sleep [0-9]+[.]{tag}' || true")).trim().parse().unwrap()
}

/// A number as a fraction of seconds for `sleep`.
fn tag(number: u32) -> String {
    format!("{}{number}", std::process::id())
}

#[test]
fn no_program_survives_the_lab() {
    let machine = Machine::new();
    let tag = tag(1);
    machine.script("lab", &hiding(&tag));
    machine.ok("netscript lab.rhai");
    assert!(count(&machine, &tag) >= 70, "{}", count(&machine, &tag));
    // A program of the same kind in another namespace is not the lab's, and must stay.
    machine.ok(&format!("setsid -f sleep 2000.{tag} </dev/null >/dev/null 2>&1"));
    let told = machine.ok("netscript down lab");
    assert_eq!(told, "the lab `lab` is down\n");
    assert_eq!(
        machine.ok(&format!("pgrep -a -x -f 'sleep [0-9]+[.]{tag}' | cut -d ' ' -f 2-")),
        format!("sleep 2000.{tag}\n")
    );
    machine.ok(&format!("pkill -x -f 'sleep 2000[.]{tag}'; test ! -e netscript; test -z \"$(ip netns list)\""));
    let groups = machine.ok("find /sys/fs/cgroup -maxdepth 4 -name 'netscript-lab:*' 2>/dev/null || true");
    let ours = groups.lines().filter(|group| fs::read_to_string(format!("{group}/cgroup.procs")).is_ok());
    assert_eq!(ours.filter(|group| group.contains(&tag)).count(), 0, "{groups}");
}

#[test]
fn no_program_survives_a_lab_that_failed() {
    let machine = Machine::new();
    let tag = tag(2);
    machine.script("lab", &(hiding(&tag) + "throw \"enough\";"));
    let told = machine.refused("netscript lab.rhai", "E0112");
    assert!(told.contains("all changes of the script have been undone"), "{told}");
    assert_eq!(count(&machine, &tag), 0);
}

/// As on machines without control groups: processes are found by their environment and their parents.
#[test]
fn programs_are_found_without_control_groups() {
    let machine = Machine::new();
    machine.ok("for at in $(grep -- ' - cgroup2 ' /proc/self/mountinfo | cut -d ' ' -f 5); do
        mount -t tmpfs -o ro tmpfs $at; done");
    let tag = tag(3);
    // A process without its environment and its parents cannot be found there.
    let script = hiding(&tag)
        .replace(&format!("env -i setsid -f sleep 1004.{tag}"), "")
        .replace(&format!("env -i setsid -f sleep 1010.{tag}"), "true");
    machine.script("lab", &script);
    machine.ok("netscript lab.rhai; ! grep -q '\"cgroup\"' netscript/lab/journal");
    assert!(count(&machine, &tag) >= 68, "{}", count(&machine, &tag));
    machine.ok("netscript down lab");
    assert_eq!(count(&machine, &tag), 0);
}

#[test]
fn a_stopped_program_ends_with_what_it_started() {
    let machine = Machine::new();
    let tag = tag(4);
    let script = hiding(&tag)
        + "print(\"before\"); p.stop(); print(p.running); tree.stop(); red.exec([\"pkill\", \"-x\", \"-f\", \"sleep (1009|1010)[.]TAG\"]);"
            .replace("TAG", &tag)
            .as_str()
        + "wait_until(10, || host.exec([\"pgrep\", \"-x\", \"-c\", \"-f\", \"sleep [0-9]+[.]TAG\"]).stdout == \"0\\n\");"
            .replace("TAG", &tag)
            .as_str();
    machine.script("lab", &script);
    assert_eq!(machine.ok("netscript --rm lab.rhai"), "before\nfalse\n");
}

/// A `down` that a program of the lab runs ends neither that program nor itself, and says so.
#[test]
fn programs_that_run_down_are_spared_and_named() {
    let machine = Machine::new();
    let program = netscript_tests::netscript().display().to_string();
    machine.script(
        "lab",
        &format!("let p = host.start([\"sh\", \"-c\", \"while ! test -e go; do sleep 0.05; done; '{program}' down lab >said 2>&1; touch done; sleep 60\"]);"),
    );
    machine.ok("netscript lab.rhai; touch go; for i in $(seq 400); do test -e done && break; sleep 0.05; done");
    let said = machine.ok("cat said");
    assert!(said.contains("error[E0507]") && said.contains("is an ancestor of this netscript"), "{said}");
    machine.ok("netscript down lab; test ! -e netscript");
}

/// The user's own shell in a namespace of the lab is asked about and, with --force, lives on.
#[test]
fn a_users_shell_is_not_the_labs() {
    let machine = Machine::new();
    let tag = tag(5);
    machine.script("lab", r#"netns("red").exec("true");"#);
    machine.ok(&format!(
        "netscript lab.rhai; setsid -f ip netns exec red sleep 3000.{tag} </dev/null >/dev/null 2>&1; sleep 0.3"
    ));
    assert!(machine.refused("netscript down lab", "E0504").contains("(sleep) in the namespace `red`"));
    machine.ok("netscript down --force lab; test -z \"$(ip netns list)\"");
    assert_eq!(count(&machine, &tag), 1);
    machine.ok(&format!("pkill -x -f 'sleep 3000[.]{tag}'"));
}

#[test]
fn a_process_need_not_have_a_name_of_text() {
    let machine = Machine::new();
    machine.ok("cp $(command -v sleep) \"$(printf 'odd\\377')\"");
    machine.script("lab", r#"host.start(["sh", "-c", "exec ./odd* 1000"]);"#);
    machine.ok("netscript lab.rhai");
    let listed: Value = serde_json::from_str(&machine.ok("netscript ps --format json")).unwrap();
    let pid = u32::try_from(listed[0]["processes"][0]["pid"].as_u64().unwrap()).unwrap();
    let running = family(pid);
    assert_eq!(running.len(), 1, "{running:?}");
    machine.ok("netscript down lab");
    assert_eq!(left_of(&running, Duration::from_secs(1)), []);
}

#[test]
fn a_symbolic_link_is_no_lab() {
    let machine = Machine::new();
    machine.ok("mkdir victim netscript; echo x >victim/a; echo y >victim/journal; ln -s /run/victim netscript/evil");
    let told = machine.refused("netscript down evil", "E0541");
    assert!(told.contains("/run/netscript/evil is a symbolic link"), "{told}");
    machine.refused("netscript down --force evil", "E0541");
    machine.script("evil", r#"bridge("br0");"#);
    machine.refused("netscript evil.rhai", "E0541");
    machine.ok("netscript down --all");
    assert_eq!(
        machine.ok("ls victim; cat victim/a; ls netscript; ip -br link show type bridge"),
        "a\njournal\nx\nevil\n"
    );
    // The same of the folder of all labs, and of the files in one.
    machine.ok("rm -r netscript; ln -s /run/victim netscript");
    machine.refused("netscript evil.rhai", "E0541");
    assert_eq!(machine.ok("ls victim"), "a\njournal\n");
    machine.ok(
        "rm netscript; netscript evil.rhai; mv netscript/evil/journal whole; ln -s /run/whole netscript/evil/journal",
    );
    assert!(machine.refused("netscript down evil", "E0506").contains("it is a symbolic link"));
    machine.ok("rm netscript/evil/journal; ln -s /run/victim/a netscript/evil/1.out; mv whole netscript/evil/journal");
    machine.ok("netscript down evil; cat victim/a; ! ip link show br0 2>/dev/null");
}

#[test]
fn a_journal_that_is_not_whole_is_not_worked_off() {
    let machine = Machine::new();
    machine.script("lab", r#"netns("red"); bridge("br0"); bridge("br1"); bridge("br2");"#);
    let build = || machine.ok("netscript lab.rhai; cp netscript/lab/journal whole");
    let there = || machine.ok("ip netns list; ip -br link show type bridge | cut -d ' ' -f 1");
    build();
    let all = there();
    assert_eq!(all, "red\nbr0\nbr1\nbr2\n");
    let lines: usize = machine.ok("wc -l <whole").trim().parse().unwrap();
    let program = netscript_tests::netscript().display();
    let mut spoilt = vec![
        (": >$j".to_owned(), "it has been emptied"),
        ("rm $j".to_owned(), "it has been removed"),
        ("head -c 40 whole >$j".to_owned(), "it has been emptied"),
        ("sed 1d whole >$j".to_owned(), "its first line is damaged"),
        ("head -n -1 whole >$j".to_owned(), "its end is missing"),
        ("head -n 2 whole >$j".to_owned(), "its end is missing"),
        ("rm $j; mkfifo $j".to_owned(), "it is not a regular file"),
        ("rm $j; mknod $j c 1 5".to_owned(), "it is not a regular file"),
        ("sed 's/^{\"entry\"/{\"enrty\"/' whole >$j".to_owned(), "line 2 is damaged"),
    ];
    // Each line but the first and the last is an entry.
    spoilt.extend((2..lines).map(|line| {
        let missing = if line == lines - 1 { "entries are missing" } else { "an entry is missing before line" };
        (format!("sed {line}d whole >$j"), missing)
    }));
    for (spoil, why) in &spoilt {
        machine.ok(&format!("j=netscript/lab/journal; {spoil}"));
        let told = machine.refused(&format!("timeout 20 '{program}' down lab"), "E0506");
        assert!(told.contains(why) && told.contains("--force"), "{spoil}: {told}");
        assert!(machine.ok(&format!("timeout 20 '{program}' ps")).contains("lab  damaged"), "{spoil}");
        machine.refused("netscript lab.rhai", "E0501");
        machine.ok("netscript down --dry-run --force lab; test -e netscript/lab");
        assert_eq!(there(), all, "{spoil}");
        machine.ok("rm -f netscript/lab/journal; cp whole netscript/lab/journal");
    }
    machine.ok("netscript down lab");
    assert_eq!(there(), "");
    // With --force the rest is undone, but `down` does not report success.
    build();
    let told = machine.ok("sed 3d whole >netscript/lab/journal; netscript down --force lab");
    assert!(told.contains("an entry is missing before line 3") && !told.contains("is down"), "{told}");
    assert_eq!(there(), "br0\n");
    machine.ok("ip link del br0");
    build();
    let told = machine.ok(": >netscript/lab/journal; netscript down --force lab");
    assert!(told.contains("nothing of the lab `lab` was undone") && !told.contains("is down"), "{told}");
    assert_eq!(there(), all);
    machine.ok("test ! -e netscript");
}

/// The machine's state, which is compared before a lab is up and after it is down.
const STATE: &str = r"
    ip -o link | sed 's/ qdisc [a-z]*//'; ip -br -4 addr; ip -4 route show table all; ip rule; ip neigh show nud permanent
    iptables-save | sed '/^#/d; s/ [[][0-9:]*[]]$//'; ip6tables-save | sed /^#/d
    grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all 2>/dev/null || true
    ip netns list; ls /etc/netns; ls -d netscript 2>/dev/null || true
    pgrep -a -f '^sleep 100[01]$' | cut -d ' ' -f 2- || true";

/// The processes of a journal that are still running, by number and start time. `pgrep` would find servers of other tests.
fn still_running(journal: &[Value]) -> Vec<u64> {
    let steps = journal.iter().filter_map(|line| line["entry"]["undo"].as_array()).flatten();
    let processes = steps.map(|step| &step["process"]["process"]);
    let named = processes.filter_map(|process| Some((process["pid"].as_u64()?, process["start"].as_u64()?)));
    let runs = |(pid, start): &(u64, u64)| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name, in parentheses, may contain spaces; the start time is field 22 (proc_pid_stat(5)).
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        !fields.starts_with('Z') && fields.split(' ').nth(19).and_then(|field| field.parse().ok()) == Some(*start)
    };
    named.filter(runs).map(|(pid, _)| pid).collect()
}

/// A line of a journal `old`, written on another machine by another version, with the values of this machine. Keys and
/// texts come from `old`; numbers (namespaces, processes, indexes, times) and the header's boot, token and script come
/// from `new`, the same line of the lab's journal here. `known` gets the identities that correspond to each other: a list
/// of another length, as kernels have other routes, has no line here, and takes its identities from it.
fn on_this_machine(old: &Value, new: &Value, known: &mut BTreeMap<u64, Value>) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut value = |key: &String, value: &Value| match (key.as_str(), new.get(key)) {
                ("version", _) | (_, None) => value.clone(),
                ("boot" | "token" | "script", Some(new)) => new.clone(),
                ("cookie", Some(new)) => {
                    known.extend(value.as_u64().map(|cookie| (cookie + COOKIES, new.clone())));
                    new.clone()
                }
                (_, Some(new)) => on_this_machine(value, new, known),
            };
            old.iter().map(|(key, old)| (key.clone(), value(key, old))).collect()
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            old.iter().zip(new).map(|(old, new)| on_this_machine(old, new, known)).collect()
        }
        (Value::Array(_), Value::Array(_)) => with_known(old, known),
        (Value::Number(number), Value::Number(_)) => {
            known.extend(number.as_u64().map(|number| (number, new.clone())));
            new.clone()
        }
        // The kernel derives it from a random hardware address.
        (Value::String(old), Value::String(_)) if old.starts_with("fe80::") => new.clone(),
        _ => old.clone(),
    }
}

/// Inodes and the lab's own indexes are greater than this number.
const SMALL: u64 = 100_000;

/// Cookies are small numbers. In the map they have this added, to tell them from others.
const COOKIES: u64 = 1 << 62;

/// A value with the identities of this machine.
fn with_known(old: &Value, known: &BTreeMap<u64, Value>) -> Value {
    match old {
        Value::Object(old) => {
            let cookie =
                |old: &Value| old.as_u64().and_then(|cookie| known.get(&(cookie + COOKIES))).unwrap_or(old).clone();
            let value = |key: &String, old| if key == "cookie" { cookie(old) } else { with_known(old, known) };
            old.iter().map(|(key, old)| (key.clone(), value(key, old))).collect()
        }
        Value::Array(old) => old.iter().map(|old| with_known(old, known)).collect(),
        Value::Number(number) => {
            let found = number.as_u64().filter(|number| *number > SMALL).and_then(|number| known.get(&number));
            found.unwrap_or(old).clone()
        }
        _ => old.clone(),
    }
}

/// The same line of another journal: the entry of the same number, or the line of the same kind.
fn line_like<'a>(line: &Value, lines: &'a [Value]) -> Option<&'a Value> {
    let kind = line.as_object()?.keys().next()?;
    lines.iter().find(|other| other.get(kind).is_some_and(|other| other.get("n") == line[kind].get("n")))
}

/// `tests/journal/0.1.0` has scripts, and their journals as version 0.1.0 (commit e84e22a) wrote them after `others.sh`.
#[test]
fn a_lab_of_version_0_1_0_is_taken_down() {
    let folder = workspace().join("tests/journal/0.1.0");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let parsed = |text: &str| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    for lab in ["everything", "intro", "docker-model"] {
        let machine = Machine::new();
        machine.ok(&read("others.sh"));
        machine.0.settle();
        let before = machine.ok(STATE);
        machine.script(lab, &read(&format!("{lab}.rhai")));
        machine.ok(&format!("netscript --force {lab}.rhai"));
        assert_ne!(machine.ok(STATE), before, "{lab}");

        let new = parsed(&machine.ok(&format!("cat netscript/{lab}/journal")));
        let old = parsed(&read(&format!("{lab}.journal")));
        let mut known = BTreeMap::new();
        let mut lines = Vec::new();
        // The second time, all identities are known.
        for _ in 0..2 {
            let here = |line| on_this_machine(line, line_like(line, &new).unwrap_or(line), &mut known).to_string();
            lines = old.iter().map(here).collect();
        }
        let journal = lines.join("\n");
        assert_eq!(still_running(&new).is_empty(), lab == "intro", "{lab}");
        machine
            .0
            .shell(&format!("cat >/run/netscript/{lab}/journal <<'END'\n{journal}\nEND\n: >/run/netscript/{lab}/lock"));

        assert!(machine.ok("netscript ps").contains(&format!("{lab}  up")), "{lab}");
        assert_eq!(machine.ok(&format!("netscript down {lab}")), format!("the lab `{lab}` is down\n"));
        let deadline = Instant::now() + patience(Duration::from_secs(8));
        while machine.ok(STATE) != before && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(machine.ok(STATE), before, "{lab}");
        assert_eq!(still_running(&new), [0; 0], "{lab}");
    }
}

/// Each line has the script of a lab, and commands that are run before the lab is taken down.
const REMOVED: &[(&str, &str)] = &[
    (r#"let r = host.filter.forward.accept(#{ src: "10.0.0.1" }); r.delete();"#, "nft delete table ip filter"),
    (r#"host.filter.forward.accept(#{ src: "10.0.0.1" });"#, "nft delete table ip filter"),
    (r#"host.filter.forward.accept(#{ src: "10.0.0.1" });"#, "iptables -F"),
    (r#"host.filter.forward.policy("drop");"#, "nft delete table ip filter"),
    (r#"let own = host.filter.chain("OWN"); own.drop(); host.filter.input.jump(own);"#, "iptables -F; iptables -X"),
    (r#"let own = host.filter.chain("OWN"); own.delete();"#, "nft delete table ip filter"),
    (r#"let own = host.filter.chain("OWN"); host.filter.input.jump(own).delete();"#, "iptables -X OWN"),
    (r#"host.filter.forward.flush();"#, "nft delete table ip filter"),
    (r#"host.filter.output.flush();"#, "iptables -X THEIRS"),
    (r#"bridge("br0").up().addr("10.6.0.1/24");"#, "ip link del br0"),
    (r#"let v = veth("v1", #{ peer: "eth0", netns: netns("red") });"#, "ip netns del red"),
    (
        r#"link("t1").addr("10.7.0.1/24"); host.route("10.8.0.0/16", #{ via: "10.7.0.2" });"#,
        "ip addr del 10.7.0.1/24 dev t1",
    ),
    (r#"host.route("10.8.0.0/16", #{ via: "10.1.0.2" });"#, "ip route del 10.8.0.0/16"),
    (r#"host.route("10.8.0.0/16", #{ kind: "blackhole", table: 100 });"#, "ip route flush table 100"),
    (r#"host.del_route("10.9.0.0/16");"#, "ip addr flush dev t1"),
    (r#"host.del_route("10.9.0.0/16");"#, "ip link set t1 down"),
    (r#"host.del_route("10.9.0.0/16");"#, "ip link del t1"),
    (r#"host.replace_route("10.9.0.0/16", #{ kind: "blackhole" });"#, "ip addr flush dev t1"),
    (r#"host.del_route("fd09::/64");"#, "sysctl -qw net.ipv6.conf.t1.disable_ipv6=1"),
    (r#"link("t1").del_addr("fd01::1/64");"#, "sysctl -qw net.ipv6.conf.t1.disable_ipv6=1"),
    (r#"link("t1").del_addr("10.1.0.1/24");"#, "ip link del t1"),
    (r#"host.rule(#{ from: "10.2.0.0/16", table: 78 });"#, "ip rule del from 10.2.0.0/16"),
    (
        r#"host.rule(#{ from: "10.2.0.0/16", table: 78, priority: 5 }); host.del_rule(#{ from: "10.2.0.0/16", table: 78 });"#,
        "true",
    ),
    (r#"host.neigh("10.1.0.7", "02:00:00:00:00:07", link("t1"));"#, "ip neigh del 10.1.0.7 dev t1"),
    (r#"host.del_neigh("10.1.0.9", link("t1"));"#, "ip link set t1 down"),
    (r#"link("t3").master(link("t1"));"#, "ip link del t1"),
    (r#"link("t3").master(link("t1")).hairpin(true);"#, "ip link set t3 nomaster"),
    (r#"link("t5").hairpin(true);"#, "ip link set t5 nomaster"),
    (r#"link("t2").move_to(netns("red"));"#, "ip netns del red; sleep 0.3"),
    (r#"link("t2").move_to(netns("red"));"#, "ip -n red link del t2"),
    (r#"link("t2").delete();"#, "true"),
    (r#"macvlan("m1", #{ link: "t2" }).up();"#, "ip link del t2"),
    (r#"link("m0").delete();"#, "ip link del t4"),
    (r#"link("t1").rename("t9").set_alias("x").set_mtu(1400);"#, "ip link del t9"),
    (r#"host.sysctl("net.ipv4.conf.t1.rp_filter", 1);"#, "ip link del t1"),
    (r#"netns("red").resolver("10.0.0.1");"#, "rm -r /etc/netns/red"),
    (r#"netns_attach("box", netns());"#, "ip netns del box"),
    (
        r#"let ns = netns(); netns_attach("box", ns); link("t2").move_to(ns);"#,
        "kill $(ip netns pids box); ip netns del box; sleep 0.3",
    ),
    (r#"netns_detach("busy");"#, "kill $(cat busy); sleep 0.2"),
    (r#"host.start("sleep 1000");"#, "kill $(pgrep -P 1 -x sleep) 2>/dev/null || true"),
];

/// Things that are not the lab's, for a script to change.
const OTHERS: &str = "
    ip link add t1 type bridge; ip link set t1 up; ip addr add 10.1.0.1/24 dev t1; ip -6 addr add fd01::1/64 dev t1 nodad
    ip link add t2 type veth peer name t2peer; ip link add t3 type veth peer name t3peer
    ip link add t4 type veth peer name t4peer; ip link add m0 link t4 type macvlan mode bridge
    ip link add t5 type veth peer name t5peer; ip link add sbr type bridge; ip link set t5 master sbr
    ip route add 10.9.0.0/16 via 10.1.0.2; ip -6 route add fd09::/64 via fd01::2
    ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev t1
    iptables -A FORWARD -s 192.0.2.1 -j DROP; iptables -N THEIRS; iptables -A OUTPUT -s 192.0.2.2 -j THEIRS
    ip netns add busy; setsid -f ip netns exec busy sh -c 'echo $$ >busy; exec sleep 600' </dev/null >/dev/null 2>&1
    for i in $(seq 200); do test -s busy && break; sleep 0.05; done";

/// Things that are gone already count as undone.
#[test]
fn things_removed_by_others_do_not_stop_down() {
    let mut failed = Vec::new();
    for (script, removal) in REMOVED {
        let machine = Machine::new();
        machine.ok(OTHERS);
        machine.script("lab", script);
        let up = machine.run("netscript --force lab.rhai");
        assert!(up.status.success(), "{script}: {}", super::journal::told(&up));
        machine.ok(removal);
        let down = machine.run("netscript down lab && test ! -e netscript");
        if !down.status.success() {
            failed.push(format!("{script}\n{removal}\n{}", super::journal::told(&down)));
        }
        machine.run(
            "kill $(cat busy) 2>/dev/null; for ns in $(ip netns list | cut -d ' ' -f 1); do ip netns del $ns; done",
        );
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// A table that others have removed is not made again by undoing.
#[test]
fn tables_removed_by_others_are_not_made_again() {
    let machine = Machine::new();
    machine.ok("iptables -A FORWARD -s 192.0.2.1 -j DROP");
    machine.script(
        "lab",
        r#"let own = host.filter.chain("OWN"); own.delete(); host.filter.forward.accept(#{ src: "10.0.0.1" }).delete();
           host.filter.forward.policy("drop");"#,
    );
    machine.ok("netscript lab.rhai; nft delete table ip filter; netscript down lab");
    assert_eq!(machine.ok("nft list ruleset"), "");
}

#[test]
fn what_a_lab_made_is_its_own() {
    let machine = Machine::new();
    machine.ok("sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
        ip link add t1 type bridge; ip link set t1 up; ip addr add 10.1.0.1/24 dev t1; ip -6 addr add fd01::1/64 dev t1 nodad
        ip link add t2 type veth peer name t3; ip link set t2 master t1; ip link set t2 up; ip link set t3 up");
    let look = || {
        machine.0.settle();
        machine.ok("ip route show table all | sort; ip rule; ip addr; ip neigh show nud permanent; bridge fdb show dev t2 | grep 00:05 || true")
    };
    let before = look();
    for script in [
        r#"host.route("10.9.0.0/16", #{ kind: "blackhole", table: 100 }); host.flush_routes(#{ table: 100 });"#,
        r#"host.route("10.9.0.0/16", #{ via: "10.1.0.2", table: 100 }); host.flush_routes(#{ table: 100 });"#,
        r#"host.route("fd09::/64", #{ via: "fd01::2", table: 100 }); host.flush_routes(#{ table: 100 });"#,
        r#"host.rule(#{ from: "0.0.0.0/0", table: 78, priority: 9 }); host.del_rule(#{ table: 78, priority: 9 });"#,
        r#"host.rule(#{ fwmark: "0xff/0xf0", table: 78 }); host.del_rule(#{ fwmark: "0xff/0xf0", table: 78 });"#,
        r#"link("t1").addr("10.9.0.1/24").rename("t9").del_addr("10.9.0.1/24");"#,
        r#"link("t1").addr("fd07::1/64").rename("t9").del_addr("fd07::1/64");"#,
        r#"let t = link("t1"); host.neigh("10.1.0.7", "02:00:00:00:00:07", t); t.rename("t9"); host.del_neigh("10.1.0.7", t);"#,
        r#"let t = link("t2"); link("t1").add_fdb("02:00:00:00:00:05", #{ dev: t }); t.rename("t9"); link("t1").del_fdb("02:00:00:00:00:05", #{ dev: t });"#,
    ] {
        machine.script("lab", script);
        machine.ok("netscript lab.rhai; netscript down lab");
        assert_eq!(look(), before, "{script}");
    }
    // Other people's things beside it are not the lab's.
    machine.ok("ip route add blackhole 10.8.0.0/16 table 100; ip addr add 10.9.0.1/24 dev t1");
    machine.script(
        "lab",
        r#"host.route("10.9.0.0/16", #{ kind: "blackhole", table: 100 }); host.flush_routes(#{ table: 100 });"#,
    );
    let told = machine.refused("netscript lab.rhai", "E0505");
    assert!(told.contains("the route to 10.8.0.0/16") && !told.contains("the route to 10.9.0.0"), "{told}");
    machine.script("lab", r#"link("t1").rename("t9").del_addr("10.9.0.1/24");"#);
    machine.refused("netscript lab.rhai", "E0505");
}

/// Routing rules of others with any action and any match are protected, and are restored as they were.
#[test]
fn routing_rules_of_others_are_restored_whole() {
    let machine = Machine::new();
    let rules = || machine.ok("ip -4 -d -j rule; ip -6 -d -j rule");
    for rule in [
        "to 10.8.0.0/16 prohibit",
        "to 10.8.0.0/16 blackhole",
        "nop",
        "not from 10.8.0.0/16 goto 32766",
        "iif lo tos 0x10 ipproto tcp sport 80 dport 1000-2000 uidrange 0-0 table 77",
        "table main suppress_prefixlength 0",
        "table main suppress_ifgroup 7",
    ] {
        for (family, option) in [("-4", ""), ("-6", r#", family: "ipv6""#)] {
            let rule = if family == "-6" { rule.replace("10.8.0.0/16", "2001:db8::/32") } else { rule.to_owned() };
            machine.ok(&format!("ip {family} rule add priority 9 {rule}"));
            let before = rules();
            machine.script("lab", &format!("host.del_rule(#{{ priority: 9{option} }});"));
            machine.refused("netscript lab.rhai", "E0505");
            assert_eq!(rules(), before, "{rule}");
            machine.ok("netscript --force lab.rhai");
            assert_ne!(rules(), before, "{rule}");
            machine.ok("netscript down lab");
            assert_eq!(rules(), before, "{rule}");
            machine.ok(&format!("ip {family} rule del priority 9"));
        }
    }
}

/// A link's name, its alias and the name of a namespace are bytes.
#[test]
fn names_need_not_be_text() {
    let machine = Machine::new();
    let before = |commands: &str| machine.ok(&format!("{ODD} {commands}"));
    before(
        "ip link add \"$odd\" type veth peer name oddpeer; ip link add plain type bridge; ip link set plain alias \"$(printf 'x\\376y')\"; mkdir -p netns; touch \"netns/$odd\"",
    );
    let look = || machine.ok("ip -d link | od -c");
    let is = look();
    machine.script(
        "lab",
        r#"
        print(host.links.map(|l| l.name)); print(link("plain").alias);
        netns("red"); bridge("br0").up();
        let odd = host.links.filter(|l| l.name == "a\\xffb")[0];
        odd.set_mtu(1400).addr("10.9.0.1/24");
        host.sysctl("net.ipv4.ip_forward", 1);
        link("plain").set_alias("mine");
        odd.rename("fine"); odd.move_to(netns("blue"));
    "#,
    );
    let told = machine.ok("netscript lab.rhai");
    assert!(told.contains(r#""a\\xffb", "plain"]"#) && told.contains("x\\xfey"), "{told}");
    // Its hardware address and the index of a moved link are random: both come back.
    machine.ok("netscript down lab");
    assert_eq!(look(), is);
    // Removing such a link without --force is refused.
    machine.script("lab", r#"netns("red"); bridge("br0");"#);
    before("netscript lab.rhai; ip link set \"$odd\" netns red");
    assert!(machine.refused("netscript down lab", "E0504").contains(r"the link `a\xffb` in the namespace `red`"));
    before(
        "ip -n red link set \"$odd\" netns $$; ip link add \"$(printf 'v\\377')\" type veth peer name v2; ip link set v2 master br0",
    );
    assert!(machine.refused("netscript down lab", "E0504").contains("the link `v2` is a port"));
    before("ip link set v2 nomaster; ip link set \"$(printf 'v\\377')\" master br0");
    assert!(machine.refused("netscript down lab", "E0504").contains(r"the link `v\xff` is a port of the lab's `br0`"));
    before("ip link show \"$odd\"; ip link set \"$(printf 'v\\377')\" nomaster; netscript down lab");
    machine.script("remover", r#"host.links.filter(|l| l.name == "a\\xffb")[0].delete();"#);
    assert!(machine.refused("netscript remover.rhai", "E0505").contains(r"the veth `a\xffb` in host"));
    before(
        "netscript --force remover.rhai; ! ip link show \"$odd\" 2>/dev/null; netscript down remover; ip link show \"$odd\"",
    );
}

/// Names of chains and links and comments in rules are bytes, too.
#[test]
fn rules_need_not_be_text() {
    let machine = Machine::new();
    machine.ok(&format!("{ODD} iptables -N \"$odd\"; iptables -A \"$odd\" -s 192.0.2.1 -m comment --comment \"$(printf 'x\\376y')\" -j DROP
        iptables -A FORWARD -j \"$odd\"; iptables -A FORWARD -i \"$(printf 'e\\375')\" -j ACCEPT"));
    let look = || machine.ok("iptables -S | od -c");
    let before = look();
    machine.script("flush", "host.filter.flush();");
    let told = machine.refused("netscript flush.rhai", "E0505");
    assert!(told.contains(r"-j a\xffb") && told.contains(r"-i e\xfd"), "{told}");
    machine.script("odd", r#"for c in host.filter.chains { if c.name == "a\\xffb" { c.flush(); } }"#);
    let told = machine.refused("netscript odd.rhai", "E0505");
    assert!(told.contains(r#"-A a\xffb -s 192.0.2.1/32 -m comment --comment "x\xfey" -j DROP"#), "{told}");
    machine.ok("netscript --force flush.rhai; test \"$(iptables -S | grep -c -a -- '^-A')\" = 0");
    machine.ok("netscript down flush");
    assert_eq!(look(), before);
}

#[test]
fn a_lab_tells_what_it_has() {
    let machine = Machine::new();
    let up = |script: &str| {
        machine.script("lab", script);
        machine.ok("netscript lab.rhai").split(", in ").next().unwrap().to_owned()
    };
    assert_eq!(
        up(r#"netns_attach("box", netns());"#),
        "the lab `lab` is up: 1 namespace, 1 process".replace(", 1 process", "")
    );
    machine.ok("netscript down lab");
    assert_eq!(
        up(r#"netns("a").delete(); netns("a"); let r = host.filter.forward.accept(#{ src: "10.0.0.1" }); r.delete();"#),
        "the lab `lab` is up: 1 namespace"
    );
    assert!(machine.ok("netscript ps").contains("  a           -"), "{}", machine.ok("netscript ps"));
    assert_eq!(
        machine.ok("netscript down --dry-run lab"),
        "nft delete chain ip filter FORWARD\nnft delete table ip filter\nip netns del a\n"
    );
    machine.ok("netscript down lab");
    assert_eq!(
        up(
            r#"host.filter.forward.accept(#{ src: "10.0.0.1" }); host.filter.forward.accept(#{ src: "10.0.0.2" }).delete();"#
        ),
        "the lab `lab` is up: 1 rule"
    );
    machine.ok("netscript down lab");
}

/// A dry `down` prints no commands for things that are gone.
#[test]
fn a_dry_down_passes_over_what_is_gone() {
    let machine = Machine::new();
    machine.ok("ip link add t1 type bridge; ip link set t1 up; ip addr add 10.1.0.1/24 dev t1");
    machine.script(
        "lab",
        r#"
        netns("red"); bridge("br0"); link("t1").addr("10.7.0.1/24");
        host.route("10.9.0.0/16", #{ kind: "blackhole", table: 100 });
        host.route("10.8.0.0/16", #{ via: "10.1.0.2" }); host.del_route("10.8.0.0/16");
        host.rule(#{ from: "10.2.0.0/16", table: 78, priority: 7 });
        host.neigh("10.1.0.7", "02:00:00:00:00:07", link("t1"));
        host.filter.forward.policy("drop"); host.filter.forward.accept(#{ src: "10.0.0.1" });
        host.start("sleep 1000");
    "#,
    );
    machine.ok("netscript lab.rhai");
    assert!(machine.ok("netscript down --dry-run lab | wc -l").trim().parse::<u32>().unwrap() >= 10);
    machine.ok("ip netns del red; ip link del br0; ip addr del 10.7.0.1/24 dev t1; ip route flush table 100; ip rule del priority 7
        ip neigh del 10.1.0.7 dev t1; nft delete table ip filter; kill $(grep -o '\"pid\":[0-9]*' netscript/lab/journal | tail -n 1 | cut -d : -f 2); sleep 0.2");
    assert_eq!(machine.ok("netscript down --dry-run lab"), "");
    machine.ok("netscript down lab");
}

/// `/etc/netns` exists afterwards only if it did before.
#[test]
fn the_folder_of_name_servers_is_restored() {
    let machine = Machine::new();
    for name in ["a", "b"] {
        machine.script(name, &format!(r#"netns("{name}").resolver("10.0.0.1");"#));
    }
    let etc = || machine.ok("ls -d /etc/netns /etc/netns/* 2>/dev/null || true");
    machine.ok("umount /etc/netns; rmdir /etc/netns");
    assert_eq!(etc(), "");
    machine.ok("netscript a.rhai; netscript down a");
    assert_eq!(etc(), "");
    machine.ok("netscript a.rhai; netscript b.rhai; netscript down a");
    assert_eq!(etc(), "/etc/netns\n/etc/netns/b\n");
    machine.ok("netscript down b");
    assert_eq!(etc(), "");
    machine.ok("mkdir -p /etc/netns/a; netscript a.rhai; netscript b.rhai; netscript down b; netscript down a");
    assert_eq!(etc(), "/etc/netns\n/etc/netns/a\n");
    machine.ok("rmdir /etc/netns/a; netscript a.rhai; netscript down a");
    assert_eq!(etc(), "/etc/netns\n");
}

#[test]
fn another_lab_is_named() {
    let machine = Machine::new();
    machine.script("one", r#"netns("red"); bridge("br0");"#);
    machine.script("two", r#"netns("red");"#);
    machine.script("three", r#"bridge("br0");"#);
    machine.ok("netscript one.rhai");
    assert!(machine.refused("netscript two.rhai", "E0301").contains("the lab `one` made the namespace `red`"));
    assert!(machine.refused("netscript three.rhai", "E0301").contains("the lab `one` made the link `br0`"));
    machine.script("two", r#"let red = netns_open("red"); veth("v1", #{ peer: "x1", netns: red }).master(host.link("br0")); red.start("sleep 1000");"#);
    machine.ok("netscript two.rhai");
    let told = machine.refused("netscript down one", "E0504");
    for wanted in [
        "(sleep) of the lab `two` in the namespace `red`",
        "the link `x1` of the lab `two` in the namespace `red`",
        "the link `v1` of the lab `two` is a port of the lab's `br0`",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    machine.ok("netscript down two; netscript down one");
}

/// `down` would end itself before it is finished.
#[test]
fn a_lab_is_not_taken_down_by_its_own_program() {
    let machine = Machine::new();
    let program = netscript_tests::netscript().display().to_string();
    let down = format!("sleep 0.5; '{program}' down lab >told 2>&1; echo $? >status");
    machine.script("lab", &format!(r#"netns("red"); host.start(["sh", "-c", "{down}"]);"#));
    machine.ok("netscript lab.rhai; while ! test -s status; do sleep 0.05; done");
    let told = machine.ok("cat told status");
    let why = "(sh) is an ancestor of this netscript";
    assert!(told.contains("error[E0507]") && told.contains(why) && told.ends_with("1\n"), "{told}");
    machine.ok("netscript down lab; test -z \"$(ip netns list)\"; ! test -e netscript");
}

/// A process outside the lab, with a network of its own, plays the container.
#[test]
fn a_borrowed_namespace_only_loses_its_name() {
    let machine = Machine::new();
    machine.ok(
        "setsid -f unshare -n sh -c 'echo $$ >pid; ip link set lo up; exec sleep 1000' </dev/null >/dev/null 2>&1
        for i in $(seq 200); do test -s pid && break; sleep 0.05; done
        ip link add c1 type veth peer name eth0 netns $(cat pid); ip link set c1 up; ip addr add 10.3.0.1/24 dev c1
        nsenter -n -t $(cat pid) sh -c 'ip addr add 10.3.0.2/24 dev eth0; ip link set eth0 up'; sleep 0.5",
    );
    machine.script("lab", r#"let box = netns_attach("box", parse_int(host.exec("cat pid").stdout.trimmed())); assert(box.links.len() == 2);"#.replace(".stdout.trimmed()", ".stdout.split(\"\\n\")[0]").as_str());
    let look =
        || machine.ok("nsenter -n -t $(cat pid) ip -4 -o addr; ip -4 -o addr; ping -c 1 -W 2 10.3.0.2 >/dev/null");
    let before = look();
    let start = Instant::now();
    machine.ok("netscript lab.rhai; ip netns list | grep box; netscript down lab; test -z \"$(ip netns list)\"; kill -0 $(cat pid)");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(look(), before);
    // A container that ends while the lab is up.
    machine.ok("netscript lab.rhai; kill $(cat pid); sleep 0.3; netscript down lab; test -z \"$(ip netns list)\"; test ! -e netscript");
}

/// The kernel makes a link-local address of the hardware address that a port lends to its bridge.
#[test]
fn a_bridge_of_others_keeps_no_address_of_a_port() {
    let machine = Machine::new();
    machine.ok("ip link add sbr type bridge; ip link set sbr up");
    let look = || machine.ok("ip -6 -o addr show dev sbr | awk '{ print $4 }'");
    let before = look();
    for (mac, steps) in [
        ("02:00:00:00:00:07", r#"v.set_mac("02:00:00:00:00:07").master(sbr).up();"#),
        ("02:00:00:00:00:08", r#"v.master(sbr).set_mac("02:00:00:00:00:08").up();"#),
    ] {
        let made = format!("fe80::ff:fe00:{}/64", &mac[16..]);
        let wait = format!(r#"wait_until(20, || host.exec("ip -6 addr show dev sbr").stdout.contains("{made}"));"#);
        let script = format!(
            r#"let v = veth("v0", "v1"); v.peer.up(); let sbr = host.link("sbr"); {steps} sbr.down().up(); {wait}"#
        );
        machine.script("lab", &script);
        machine.ok("netscript lab.rhai; netscript down lab; ! ip link show v0");
        assert_eq!(look(), before, "{steps}");
    }
}
