//! The dry runs of the tutorials' scripts print the tutorials' commands, except five differences that are listed here.

use std::collections::BTreeSet;
use std::fs;

use netscript_dialect::Style;
use netscript_tests::equivalence::printed;
use netscript_tests::workspace;

/// A difference between a script and its tutorial, and the commands concerned, as [`normal`] writes them.
struct Difference {
    why: &'static str,
    tutorial: &'static [&'static str],
    script: &'static [&'static str],
}

const DIFFERENCES: [Difference; 5] = [
    Difference {
        why: "the script asks netscript for what the reader looks up with a command",
        tutorial: &[
            "cat /etc/iproute2/rt_tables",
            "ip addr",
            "ip link",
            "ip netns",
            "ip netns exec container1 ip addr",
            "ip netns exec container1 ip link",
            "ip netns exec container1 ip route",
            "ip netns exec cool ip link show",
            "ip netns exec cool ip route show",
            "ip netns exec netns1 bash",
            "ip netns exec netns1 route -n",
            "ip netns list",
            "ip route list table local",
            "ip route list table main",
            "ip route show",
            "iptables -t nat -nL",
            "readlink /proc/$$/ns/net",
            "route -n",
        ],
        script: &[],
    },
    Difference {
        why: "the script brings along what the reader's machine has: an uplink, what is behind it, servers, names",
        tutorial: &["ip netns exec netns1 curl baidu.com"],
        script: &[
            "ip addr add 10.0.0.10/24 dev uplink",
            "ip addr add 10.0.12.15/22 dev uplink",
            "ip addr add 203.0.113.2/24 dev uplink",
            "ip link add eth0 type veth peer name uplink",
            "ip link add uplink type bridge",
            "ip link set eth0 netns host2",
            "ip link set eth0 netns internet",
            "ip link set uplink up",
            "ip netns add host2",
            "ip netns add internet",
            "ip netns exec host2 curl 10.0.12.15:8000",
            "ip netns exec host2 dnsmasq --keep-in-foreground --no-resolv --no-hosts --host-record=example.test,10.0.12.11",
            "ip netns exec host2 ip addr add 10.0.12.11/22 dev eth0",
            "ip netns exec host2 ip link set eth0 up",
            "ip netns exec host2 ip link set lo up",
            "ip netns exec host2 serve 80",
            "ip netns exec internet ip addr add 203.0.113.1/24 dev eth0",
            "ip netns exec internet ip addr add 8.8.8.8/32 dev lo",
            "ip netns exec internet ip link set eth0 up",
            "ip netns exec internet ip link set lo up",
            "ip netns exec netns1 curl example.test",
            "ip route add 8.8.8.8 via 203.0.113.1",
            "mkdir -p /etc/netns/netns1",
            "serve 8080",
            r#"sh -c { echo '# Made by netscript.'; printf 'nameserver %s\n' "$@"; } > "$0" /etc/netns/netns1/resolv.conf 10.0.12.11"#,
        ],
    },
    Difference {
        why: "forwarding is off on the reader's machine to begin with; the script makes sure of it",
        tutorial: &[],
        script: &["sysctl -w net.ipv4.ip_forward=0"],
    },
    Difference {
        why: "the script ends the servers that it started, and `netscript down` takes the lab down; the reader does it by hand",
        tutorial: &[
            "brctl delbr br0",
            "ip link del br-veth0",
            "ip link set br0 down",
            "ip netns del cool",
            "ip netns pids cool | xargs kill",
        ],
        script: &[
            "kill $job1",
            "kill $job2",
            "trap kill $jobs 2>/dev/null || true; sleep 0.1; kill $jobs 2>/dev/null || true EXIT; trap exit 143 HUP INT TERM",
        ],
    },
    Difference {
        why: "the script makes sure of more than the reader is told to try",
        tutorial: &[],
        script: &[
            "ip netns exec cool ping 192.168.1.10",
            "ip netns exec netns1 curl 172.17.0.103:8080",
            "ip netns exec netns2 curl 172.17.0.103:8080",
            "ip netns exec netns3 curl 172.17.0.101:8080",
            "ip netns exec netns3 curl 172.17.0.102:8080",
            "ping 172.17.0.101",
            "ping 8.8.8.8",
        ],
    },
];

/// The commands of a tutorial, its loop unrolled.
fn tutorial(name: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(workspace().join("tests/tutorials").join(name)).unwrap();
    let mut commands = BTreeSet::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(list) = line.strip_prefix("for i in ") else {
            commands.extend(normal(line));
            continue;
        };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "done").collect();
        for i in list.trim_end_matches("; do").split(' ') {
            commands.extend(body.iter().flat_map(|line| normal(&line.replace("$i", i))));
        }
    }
    commands
}

/// The commands of a script's dry run.
fn dry_run(script: &str) -> BTreeSet<String> {
    let lines = printed(&workspace().join("scripts").join(script), Style::Tutorial).unwrap();
    lines.iter().filter(|line| *line != "set -e").flat_map(|line| normal(line)).collect()
}

/// A command in one spelling of several; none for a comment.
fn normal(line: &str) -> Vec<String> {
    let line = line.trim().trim_end_matches(" || true");
    if line.starts_with('#') || line.is_empty() {
        return Vec::new();
    }
    // Both mark background programs, and the tutorials have comments after commands.
    let line = line.split(" & job").next().unwrap_or(line);
    let line = line.split("  #").next().unwrap_or(line).trim_end().trim_end_matches(" &");
    let mut words = shlex::split(line).unwrap();
    let netns: Vec<String> = if words.starts_with(&["ip", "netns", "exec"].map(str::to_owned)) {
        words.drain(..4).collect()
    } else {
        Vec::new()
    };
    let spelled = spell(words);
    spelled.into_iter().map(|words| [netns.clone(), words].concat().join(" ")).collect()
}

fn spell(words: Vec<String>) -> Vec<Vec<String>> {
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found == word);
    let own = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let last = words.last().cloned().unwrap_or_default();
    if is(0, "python3") {
        // `-c PROGRAM ADDRESS PORT PAGE`
        return vec![own(&format!("serve {}", words[4]))];
    }
    match words[0].as_str() {
        "./webserver" => vec![own("serve 8080")],
        "ping" => vec![own(&format!("ping {last}"))],
        "traceroute" => vec![own(&format!("traceroute {last}"))],
        "curl" => {
            let page = last.trim_start_matches("http://").trim_end_matches('/').replace("localhost", "127.0.0.1");
            vec![own(&format!("curl {page}"))]
        }
        // Several settings at once
        "sysctl" => words[2..].iter().map(|setting| own(&format!("sysctl -w {setting}"))).collect(),
        "iptables" => vec![own(&words.join(" ").replace(" -m tcp", ""))],
        "ip" => vec![spell_ip(&words)],
        _ => vec![words],
    }
}

/// `dev` and `name` may be left out before the name of a link, and `local` before an address; `up` may be the first or
/// the last word.
fn spell_ip(words: &[String]) -> Vec<String> {
    let link = words.get(1).is_some_and(|word| word == "link");
    let mut spelled: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let next = match word.as_str() {
            "dev" if link => continue,
            "name" if link && at == 3 => continue,
            "local" if at == 3 => continue,
            "delete" => "del",
            "brd" => "broadcast",
            word => word,
        };
        spelled.push(next.to_owned());
    }
    if let Some(at) = spelled.iter().position(|word| link && word == "up") {
        let up = spelled.remove(at);
        spelled.push(up);
    }
    // Either end of a pair may come first.
    if let [_, _, add, one, _, _, _, _, other] = &mut spelled[..]
        && add == "add"
        && one > other
    {
        std::mem::swap(one, other);
    }
    spelled
}

#[test]
fn tutorials_and_dry_runs_are_the_same_commands() {
    let pairs = [
        ("1-single-container.txt", "single-container.rhai"),
        ("3-intro.txt", "intro.rhai"),
        ("5-docker-model.txt", "docker-model.rhai"),
    ];
    let mut named: Vec<(&str, &str)> = Vec::new();
    for Difference { why: _, tutorial, script } in &DIFFERENCES {
        named.extend(tutorial.iter().map(|command| ("-", *command)));
        named.extend(script.iter().map(|command| ("+", *command)));
    }
    let mut wrong = String::new();
    let mut met: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (text, script) in pairs {
        let (wanted, found) = (tutorial(text), dry_run(script));
        assert!(wanted.len() > 10 && found.len() > 10, "{text}");
        for (sign, command) in wanted
            .difference(&found)
            .map(|command| ("-", command))
            .chain(found.difference(&wanted).map(|command| ("+", command)))
        {
            match named.iter().find(|difference| **difference == (sign, command.as_str())) {
                Some(difference) => drop(met.insert(*difference)),
                None => wrong.push_str(&format!("{script}: {sign} {command}\n")),
            }
        }
    }
    for (sign, command) in named.iter().filter(|difference| !met.contains(*difference)) {
        wrong.push_str(&format!("it is no difference any more: {sign} {command}\n"));
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(DIFFERENCES.iter().all(|difference| !difference.why.is_empty()));
}
