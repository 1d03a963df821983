//! `show()`, `table(…)` and `print(list)`, compared with `ip` and `iptables`.

use netscript_tests::Sandbox;
use netscript_tests::program::{Place, finish};

const NETWORK: &str = "
    ip netns add red
    ip link add v type veth peer name eth0 netns red
    ip addr add 10.0.0.1/24 dev v; ip link set v up
    ip -n red addr add 10.0.0.2/24 dev eth0; ip -n red link set eth0 up
    ip -n red route add default via 10.0.0.1
    ip netns exec red iptables -A INPUT -p tcp -m tcp --dport 80 -j DROP";

fn said(machine: &Sandbox, args: &[&str], script: &str) -> String {
    let (args, script): (Vec<String>, String) = (args.iter().map(ToString::to_string).collect(), script.to_owned());
    machine.run(move || {
        let place = Place::new();
        place.write("look.rhai", &script);
        let args: Vec<&str> = args.iter().map(String::as_str).chain(["look.rhai"]).collect();
        let finished = finish(&mut place.netscript(&args));
        assert_eq!(finished.status, 0, "{finished:?}");
        // A dry run prints to standard error, since its commands are on standard output.
        if args.contains(&"--dry-run") { finished.stderr } else { finished.stdout }
    })
}

/// Whether a line has all these words.
fn has_line(text: &str, words: &[&str]) -> bool {
    text.lines().any(|line| {
        let line: Vec<&str> = line.split_whitespace().collect();
        words.iter().all(|word| line.contains(word))
    })
}

#[test]
fn tables_and_trees_say_what_ip_says() {
    let machine = Sandbox::new();
    machine.shell(NETWORK);
    let script = "let red = netns_open(\"red\");\nprint(red.routes);\nprint(\"--\");\nprint(table(red.links));\n\
                  print(\"--\");\nprint(show(red));\nprint(\"--\");\nprint(show());";
    let text = said(&machine, &[], script);
    let parts: Vec<&str> = text.split("--\n").collect();
    let [routes, links, tree, whole] = parts[..] else { panic!("{text}") };
    let listed: Vec<serde_json::Value> = serde_json::from_str(&machine.shell("ip -n red -j -4 route")).unwrap();
    assert_eq!(listed.len(), 2);
    for route in &listed {
        let words: Vec<&str> = ["dst", "gateway", "dev"].iter().filter_map(|key| route[*key].as_str()).collect();
        assert!(has_line(routes, &words) && has_line(tree, &words), "{words:?}\n{text}");
    }
    for line in machine.shell("ip -n red -br -4 addr").lines().filter(|line| !line.starts_with("lo ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = words[0].split('@').next().unwrap();
        assert!(has_line(links, &[name, words[2]]) && has_line(tree, &[name, words[2]]), "{line}\n{text}");
    }
    for rule in machine.shell("ip netns exec red iptables -S INPUT").lines().filter(|line| line.starts_with("-A")) {
        assert!(tree.contains(rule), "{rule}\n{tree}");
    }
    assert!(whole.ends_with(tree.trim_start()), "{whole}");
}

#[test]
fn routing_rules_are_shown_as_ip_shows_them() {
    let machine = Sandbox::new();
    machine.shell(
        "ip rule add priority 5 not from 10.0.0.0/24 to 10.1.0.0/16 tos 0x10 fwmark 7 iif lo oif eth9 uidrange 0-0 \
             ipproto tcp sport 80 dport 1000-2000 table 100
         ip rule add priority 6 fwmark 1/3 table main suppress_prefixlength 0
         ip rule add priority 7 to 10.9.0.0/16 prohibit; ip rule add priority 8 blackhole; ip rule add priority 9 unreachable
         ip rule add priority 10 goto 32766; ip rule add priority 11 nop; ip rule add priority 12 realms 3 table 9",
    );
    let text = said(&machine, &[], "print(show(host));");
    let listed = machine.shell("ip rule");
    let own: Vec<&str> =
        listed.lines().filter(|line| !["0:", "32766:", "32767:"].iter().any(|p| line.starts_with(p))).collect();
    assert_eq!(own.len(), 8);
    for rule in own {
        // The program does not know realms.
        let rule =
            rule.split_whitespace().collect::<Vec<_>>().join(" ").replace("realms 3", "…").replace(" [detached]", "");
        assert!(joined(&text).contains(&rule), "{rule}\n{text}");
    }
    assert_eq!(text.matches("rule ").count(), 8, "{text}");
}

/// A text without its line breaks and lines of a tree.
fn joined(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.chars().all(|c| "├─└│".contains(c)));
    words.collect::<Vec<_>>().join(" ")
}

/// A dry run shows the same tables as a run.
#[test]
fn a_dry_run_shows_its_model() {
    let script = "let red = netns(\"red\");\nred.lo.up();\nred.bridge(\"d0\").addr(\"10.0.0.1/24\");\n\
                  red.filter.input.drop(#{ src: \"10.0.0.9\" });\nprint(show(red));\nprint(table(red.links));\nprint(table(netns_list()));\nprint(red.links);";
    let real = said(&Sandbox::new(), &[], script);
    assert!(real.contains("d0  bridge  down  10.0.0.1/24") && real.contains("-s 10.0.0.9/32 -j DROP"), "{real}");
    assert_eq!(said(&Sandbox::new(), &["--dry-run"], script), real);
}

#[test]
fn plain_lists_are_printed_as_they_are_written() {
    let machine = Sandbox::new();
    let script = "print([1, \"a\"]); print([]); print(host.links); print(table([1, \"a\"])); print(table(#{ b: 1 }));";
    assert_eq!(said(&machine, &[], script), "[1, \"a\"]\n[]\n[lo]\n1\na\nb:  1\n");
    // A list in a template string is plain text.
    assert_eq!(said(&machine, &[], "print(`${[1, 2]}`);"), "[1, 2]\n");
}
