//! Rules: each word makes the rule of the corresponding `iptables` command, for every version of iptables.
//!
//! Each test has a network namespace of its own. Expected values come from `iptables`, `ip6tables` and `nft`
//! themselves.

use std::process::{Command, Output};
use std::sync::OnceLock;

use netscript_lang::diagnostics::Errno;
use netscript_lang::interpreter::STACK_SIZE;
use netscript_linux::{Interrupt, Kernel};
use netscript_net::op::netfilter::{ChainName, Extension, Header, Match, NetfilterOp, Rule, Table, TableRef, Target};
use netscript_net::op::{Action, Family, Op};
use netscript_net::world::Apply;

use netscript_tests::rules::{
    BAD, RULES, Tools, bytes, docker, flushed_and_put_back, new_netns, run, script, written_by_iptables,
    written_by_netscript,
};

/// Runs `test` on a thread of its own in a new network namespace. Without root, it runs again as root of a user
/// namespace.
fn in_new_netns<F: FnOnce() + Send + 'static>(test: F) {
    if !nix::unistd::geteuid().is_root() {
        return as_root_of_a_user_namespace(std::any::type_name::<F>());
    }
    let thread = std::thread::Builder::new().stack_size(STACK_SIZE);
    let thread = thread.spawn(move || {
        new_netns();
        test();
    });
    thread.unwrap().join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// The test whose closure has this name (`suite::netfilter::TEST::{{closure}}`), in a process of its
/// own.
fn as_root_of_a_user_namespace(closure: &str) {
    let name = closure.split_once("::").and_then(|(_, path)| path.strip_suffix("::{{closure}}")).unwrap();
    let status = Command::new("unshare")
        .args(["--map-root-user", "--"])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .status()
        .expect("`unshare` of util-linux can be started");
    assert!(status.success(), "{name} as root of a user namespace: {status}");
}

/// One for all tests: each would need files to listen to signals.
fn interrupt() -> Interrupt {
    static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();
    INTERRUPT.get_or_init(|| Interrupt::listen().unwrap()).clone()
}

fn output(argv: &[&str]) -> Output {
    Command::new(argv[0]).args(&argv[1..]).output().unwrap_or_else(|error| panic!("{}: {error}", argv[0]))
}

/// The output of a program, which must succeed without a message on standard error.
fn read(argv: &[&str]) -> String {
    let output = output(argv);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{argv:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command line as a shell does.
fn shell(line: &str) -> Result<String, String> {
    let output = output(&["sh", "-c", line]);
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

fn save(command: &str) -> String {
    let saved = read(&[&format!("{command}-save")]);
    saved.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// A snapshot of all rules by iptables, and of tables and chains by nft.
fn picture() -> String {
    format!("{}{}{}", save("iptables"), save("ip6tables"), read(&["nft", "list", "chains"]))
}

/// One row of the table, by the iptables of this machine: netscript's rules are listed, checked and deleted
/// as those of the command; those of the command are read by netscript, and put back byte by byte.
fn check(words: &str, commands: &str) -> Result<(), String> {
    let tools = Tools::default();
    written_by_netscript(&tools, words, commands)?;
    written_by_iptables(&tools, words, commands)?;
    flushed_and_put_back(&tools, commands)
}

/// The rules' lines, sorted: the tools list tables and chains in different orders.
fn rules_in(saved: &str) -> Vec<String> {
    let mut lines: Vec<String> = saved.lines().filter(|line| line.starts_with("-A ")).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn every_rule_is_that_of_its_command_and_comes_back() {
    in_new_netns(|| {
        assert!(RULES.len() >= 60, "{} rules", RULES.len());
        let halves = RULES.chunks(RULES.len().div_ceil(2));
        let threads: Vec<_> = halves
            .map(|rules| std::thread::Builder::new().stack_size(STACK_SIZE).spawn(move || failures(rules)).unwrap())
            .collect();
        let failures: Vec<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert!(failures.is_empty(), "{} of {} rules:\n{}", failures.len(), RULES.len(), failures.join("\n"));
    });
}

fn failures(rules: &[(&str, &str)]) -> Vec<String> {
    let failed = rules.iter().filter_map(|(words, command)| {
        check(words, command).err().map(|error| format!("{words}\n{command}\n{error}\n"))
    });
    failed.collect()
}

/// The rules of a whole machine: chains that jump to each other, in several tables.
#[test]
fn dockers_rules_are_read_and_come_back() {
    in_new_netns(|| {
        for (engine, rules) in docker::RULES {
            let commands: Vec<&str> = docker::commands(rules).collect();
            new_netns();
            shell(&commands.join(" && ")).unwrap();
            let tools = Tools::default();
            let mut wanted = [tools.rules("iptables").unwrap(), tools.rules("ip6tables").unwrap()].concat();
            wanted.sort();
            assert_eq!(netscript_tests::rules::read().unwrap(), wanted, "{engine}");
            let flushed = flushed_and_put_back(&tools, &commands.join("; "));
            assert!(flushed.is_ok(), "{engine}: {}", flushed.unwrap_err());
        }
    });
}

/// Rules that netscript understands and others, in a chain of iptables, with comments and counters of nft: their bytes
/// are restored, each rule at its place.
#[test]
fn rules_that_netscript_cannot_read_come_back() {
    in_new_netns(|| {
        let fill = "set -e; iptables -A INPUT -p tcp --dport 22 -j ACCEPT -c 5 300
            nft add rule ip filter INPUT ip protocol tcp counter packets 7 bytes 420 accept comment '\"of nft\"'
            nft add rule ip filter INPUT ip protocol udp counter
            nft add rule ip filter INPUT ip ttl 7 drop
            nft add rule ip filter INPUT ip ttl 8 drop
            nft add rule ip filter INPUT ip ttl 7 drop
            nft add rule ip filter INPUT quota over 5 mbytes used 3 mbytes drop
            nft add set ip filter named '{ type ipv4_addr; }'
            nft add rule ip filter INPUT ip saddr @named drop
            iptables -A INPUT -m length --length 7 -j DROP
            iptables -A INPUT -m length --length 8 -j DROP";
        shell(fill).unwrap();
        let before = bytes();
        run("let before = checkpoint(); host.filter.input.flush(); rollback(before);").unwrap();
        assert_eq!(bytes(), before);
        for at in 0..10 {
            run(&format!("let before = checkpoint(); host.filter.input.rules[{at}].delete(); rollback(before);"))
                .unwrap();
            assert_eq!(bytes(), before, "the rule at {at}");
        }
    });
}

/// A rule whose chain is gone does not prevent restoring the other rules, each at its place among foreign rules.
#[test]
fn a_rule_whose_chain_is_gone_does_not_keep_the_others_from_coming_back() {
    in_new_netns(|| {
        shell(
            "iptables -A INPUT -i a -j DROP; iptables -N own; iptables -A INPUT -j own; iptables -A INPUT -i b -j DROP",
        )
        .unwrap();
        let flush = "let before = checkpoint(); host.filter.input.flush();";
        // The target of a rule is gone, which is possible only after the rule was removed: the other rules are
        // restored.
        run(&format!("{flush} host.exec(\"iptables -X own\"); rollback(before);")).unwrap();
        assert_eq!(chain("iptables", "INPUT"), ["a", "b"].map(|name| format!("-A INPUT -i {name} -j DROP")));
        // Foreign rules that were added meanwhile stay in place.
        new_netns();
        shell("iptables -A INPUT -i a -j DROP; iptables -A INPUT -i b -j DROP; iptables -A INPUT -i c -j DROP")
            .unwrap();
        run(&format!("{flush} host.exec(\"iptables -A INPUT -i new -j DROP\"); rollback(before);")).unwrap();
        let names = ["a", "b", "c", "new"].map(|name| format!("-A INPUT -i {name} -j DROP"));
        assert_eq!(chain("iptables", "INPUT"), names);
    });
}

#[test]
fn bad_rules_say_what_is_wrong_and_leave_nothing() {
    in_new_netns(|| {
        let mut failures = Vec::new();
        for (words, code) in BAD {
            let result = run(&script(words));
            if !matches!(&result, Err(error) if error.starts_with(&format!("{code}:"))) {
                failures.push(format!("{words}: {result:?}, not {code}"));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert_eq!(rules_in(&picture()), Vec::<String>::new());
    });
}

/// The lines of a chain, without the policy.
fn chain(command: &str, name: &str) -> Vec<String> {
    let listed = shell(&format!("{command} -S {name}")).unwrap();
    listed.lines().filter(|line| line.starts_with("-A ")).map(str::to_owned).collect()
}

#[test]
fn rules_go_where_they_are_told() {
    in_new_netns(|| {
        let script = r#"
            let forward = host.filter.forward;
            forward.accept(#{ mark: 1 });
            forward.accept(#{ mark: 2, at: 1 });
            forward.accept(#{ mark: 3, at: 2 });
            forward.accept(#{ mark: 4, at: 4 });
            forward.accept(#{ src: ["10.0.0.1", "10.0.0.2"], at: 3 });
        "#;
        run(script).unwrap();
        let got = picture();
        new_netns();
        for command in [
            "-A FORWARD -m mark --mark 1",
            "-I FORWARD -m mark --mark 2",
            "-I FORWARD 2 -m mark --mark 3",
            "-I FORWARD 4 -m mark --mark 4",
            "-I FORWARD 3 -s 10.0.0.1,10.0.0.2",
        ] {
            shell(&format!("iptables {command} -j ACCEPT")).unwrap();
        }
        assert_eq!(got, picture());
        let error = run("host.filter.forward.accept(#{ at: 8 });").unwrap_err();
        assert!(error.starts_with("E0211"), "{error}");
        assert_eq!(got, picture());
    });
}

/// A table or chain that existed at the first rule may be gone at the second.
#[test]
fn tables_and_chains_removed_meanwhile_are_made_again() {
    in_new_netns(|| {
        let rules = |between: &str| {
            format!(
                r#"
                    host.nat.dnat(#{{ proto: "tcp", dport: 1, to: "10.0.0.1:1" }});
                    {between}
                    host.nat.dnat(#{{ proto: "tcp", dport: 2, to: "10.0.0.1:2" }});
                    host.nat.dnat(#{{ proto: "tcp", dport: 3, to: "10.0.0.1:3" }});
                "#
            )
        };
        run(&rules("host.exec(\"nft delete table ip nat\");")).unwrap();
        let got = picture();
        new_netns();
        for port in [2, 3] {
            shell(&format!(
                "iptables -t nat -A PREROUTING -p tcp --dport {port} -j DNAT --to-destination 10.0.0.1:{port}"
            ))
            .unwrap();
        }
        assert_eq!(got, picture());
    });
}

#[test]
fn rules_are_removed_one_by_one() {
    in_new_netns(|| {
        shell("iptables -A FORWARD -i a -j DROP; iptables -A FORWARD -i b -j DROP; iptables -A FORWARD -i a -j DROP")
            .unwrap();
        let script = r#"
            let made = host.filter.forward.drop(#{ iif: "b" });
            assert(made.handle > 0);
            host.filter.forward.rules[2].delete();
            made.delete();
            print(host.filter.forward.rules.map(|r| r.text));
            made.delete();
            try { made.delete(); } catch (e) { print(e.code); }
        "#;
        let printed = run(script).unwrap();
        assert_eq!(printed, "[\"-A FORWARD -i a -j DROP\", \"-A FORWARD -i b -j DROP\"]\nE0306\n");
        assert_eq!(chain("iptables", "FORWARD"), ["-A FORWARD -i a -j DROP"]);
    });
}

#[test]
fn chains_and_tables_are_flushed() {
    in_new_netns(|| {
        let fill = "iptables -A FORWARD -j DROP; iptables -A INPUT -j DROP; iptables -t nat -A OUTPUT -j ACCEPT; iptables -N own; iptables -A own -j DROP";
        for (script, command) in [
            ("host.filter.forward.flush();", "iptables -F FORWARD"),
            ("host.filter.output.flush();", "iptables -F OUTPUT"),
            ("host.filter.chain_open(\"own\").flush();", "iptables -F own"),
            ("host.filter.flush();", "iptables -F"),
            ("host.nat.flush();", "iptables -t nat -F"),
            ("host.mangle.flush();", "iptables -t mangle -F"),
            ("host.filter6.flush();", "ip6tables -F"),
        ] {
            new_netns();
            shell(fill).unwrap();
            shell(command).unwrap();
            let wanted = picture();
            new_netns();
            shell(fill).unwrap();
            run(script).unwrap();
            assert_eq!(picture(), wanted, "{script}");
        }
    });
}

#[test]
fn policies_are_set_and_read() {
    in_new_netns(|| {
        for (script, command) in [
            ("host.filter.forward.policy(\"drop\");", "iptables -P FORWARD DROP"),
            ("host.filter6.input.policy(\"DROP\");", "ip6tables -P INPUT DROP"),
            (
                "host.mangle.output.policy(\"drop\").policy(\"accept\");",
                "iptables -t mangle -P OUTPUT DROP; iptables -t mangle -P OUTPUT ACCEPT",
            ),
            (
                "host.filter.forward.drop(); host.filter.forward.policy(\"drop\"); host.filter.forward.accept();",
                "iptables -A FORWARD -j DROP; iptables -P FORWARD DROP; iptables -A FORWARD -j ACCEPT",
            ),
        ] {
            new_netns();
            shell(command).unwrap();
            let wanted = picture();
            new_netns();
            run(script).unwrap();
            assert_eq!(picture(), wanted, "{script}");
        }
        let printed = run(
            "host.filter.input.policy(\"drop\"); let c = host.filter.chain(\"own\"); print([host.filter.input.policy, host.filter.output.policy, c.policy]);",
        );
        assert_eq!(printed.unwrap(), "[\"drop\", \"accept\", ()]\n");
    });
}

#[test]
fn chains_of_ones_own_come_and_go() {
    in_new_netns(|| {
        let script = r#"
            let c = host.filter.chain("LOG_DROP");
            c.log(#{ prefix: "dropped: " });
            c.drop();
            host.filter.forward.jump(c, #{ iif: "eth0" });
            host.filter.input.jump("LOG_DROP");
            host.nat6.chain("x");
        "#;
        run(script).unwrap();
        let got = picture();
        new_netns();
        shell("iptables -N LOG_DROP; iptables -A LOG_DROP -j LOG --log-prefix 'dropped: '; iptables -A LOG_DROP -j DROP; iptables -A FORWARD -i eth0 -j LOG_DROP; iptables -A INPUT -j LOG_DROP; ip6tables -t nat -N x").unwrap();
        assert_eq!(got, picture());
        let script = r#"
            let c = host.filter.chain_open("LOG_DROP");
            try { c.delete(); } catch (e) { print(e.code); }
            c.flush();
            try { c.delete(); } catch (e) { print(e.code); }
            try { host.filter.chain("LOG_DROP"); } catch (e) { print(e.code); }
            try { host.filter.forward.jump("NOPE"); } catch (e) { print(e.code); }
            host.filter.flush();
            c.delete();
            try { c.delete(); } catch (e) { print(e.code); }
            try { c.drop(); } catch (e) { print(e.code); }
            print(host.filter.chains);
        "#;
        let printed = run(script).unwrap();
        assert_eq!(printed, "E0308\nE0308\nE0301\nE0306\nE0306\nE0306\n[INPUT, FORWARD, OUTPUT]\n");
        assert!(!shell("iptables -S").unwrap().contains("LOG_DROP"));
    });
}

/// An extension that the kernel lacks is named, and nothing is left half made.
#[test]
fn a_missing_extension_is_named() {
    in_new_netns(|| {
        let chain = TableRef::new(Family::V4, Table::Filter).chain(ChainName::parse("FORWARD").unwrap());
        let strange = Extension { name: "nosuch".to_owned(), revision: 7, info: vec![0; 8] };
        let rule = Rule::new(chain, Header::default(), vec![Match::Extension(strange)], None).unwrap();
        let before = picture();
        let (_, rejection) =
            Kernel::new(interrupt()).unwrap().apply(&[Op::host(NetfilterOp::Append(rule))]).unwrap_err();
        let unsupported = rejection.unsupported.unwrap();
        assert!(unsupported.contains("`nosuch`, revision 7"), "{unsupported}");
        assert_eq!(picture(), before);
    });
}

/// Rules for which netscript has no words are listed, and can be removed.
#[test]
fn rules_that_netscript_cannot_write_are_read_and_removed() {
    in_new_netns(|| {
        shell("iptables -A FORWARD -m length --length 100 -j ACCEPT; iptables -A FORWARD -p sctp --dport 5 -j DROP; iptables -t mangle -A FORWARD -j TTL --ttl-set 9; nft add rule ip filter FORWARD ct state new counter reject; nft add table inet own; nft add chain inet own c").unwrap();
        let printed =
            run("for r in host.filter.rules { print(r.text); } for r in host.mangle.rules { print(r.text); }").unwrap();
        assert_eq!(
            printed,
            "-A FORWARD -m length [unsupported] -j ACCEPT\n\
             -A FORWARD -p sctp -m sctp [unsupported] -j DROP\n\
             -A FORWARD [nft ct bitwise cmp reject]\n\
             -A FORWARD -j TTL [unsupported]\n"
        );
        run("for r in host.filter.rules { r.delete(); } for r in host.mangle.rules { r.delete(); }").unwrap();
        assert_eq!(rules_in(&picture()), Vec::<String>::new());
        assert!(picture().contains("table inet own"));
    });
}

#[test]
fn packets_and_bytes_are_counted() {
    in_new_netns(|| {
        run("host.lo.up(); host.filter.output.accept(#{ proto: \"udp\", dport: 9 }); host.filter.output.accept(#{ proto: \"tcp\" });").unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..2 {
            // 20 bytes of IPv4 header, 8 of UDP.
            socket.send_to(&[0; 72], "127.0.0.1:9").unwrap();
        }
        let script = r#"
            let rules = host.filter.output.rules;
            print([rules[0].packets, rules[0].bytes, rules[1].packets]);
            let made = host.filter.forward.drop();
            print([made.packets, made == host.filter.forward.rules[0], made.text == host.filter.forward.rules[0].text]);
        "#;
        assert_eq!(run(script).unwrap(), "[2, 200, 0]\n[0, false, true]\n");
    });
}

/// Operations before the one that fails are applied, those after it are not.
#[test]
fn an_error_among_many_operations_is_found() {
    in_new_netns(|| {
        let filter = TableRef::new(Family::V4, Table::Filter);
        let name = |name| ChainName::parse(name).unwrap();
        let rule = |chain, target| Rule::new(filter.chain(name(chain)), Header::default(), Vec::new(), Some(target));
        let forward = |target| NetfilterOp::Append(rule("FORWARD", target).unwrap());
        let ops = [
            forward(Target::Accept),
            NetfilterOp::NewChain(filter.chain(name("own"))),
            forward(Target::Jump(name("own"))),
            NetfilterOp::Insert(rule("FORWARD", Target::Drop).unwrap(), 2),
            forward(Target::Return),
            forward(Target::Jump(name("missing"))),
            forward(Target::Accept),
        ];
        let ops: Vec<Op> = ops.into_iter().map(Op::host).collect();
        let mut kernel = Kernel::new(interrupt()).unwrap();
        let (index, rejection) = kernel.apply(&ops).unwrap_err();
        assert_eq!((index, rejection.errno, rejection.unsupported), (5, Errno::ENOENT, None));
        let wanted = ["-A FORWARD -j ACCEPT", "-A FORWARD -j DROP", "-A FORWARD -j own", "-A FORWARD -j RETURN"];
        assert_eq!(chain("iptables", "FORWARD"), wanted);
        let argv: Vec<String> = ops
            .iter()
            .filter_map(|op| match &op.action {
                Action::Netfilter(op) => Some(op.argv().join(" ")),
                _ => None,
            })
            .collect();
        assert_eq!(argv[1..4], ["iptables -N own", "iptables -A FORWARD -j own", "iptables -I FORWARD 2 -j DROP"]);
    });
}

#[test]
fn long_lists_of_addresses_are_taken() {
    in_new_netns(|| {
        let script = r#"
            let all = [];
            for a in 0..100 { for b in 0..100 { all.push(`10.0.${a}.${b}`); } }
            print(host.filter.forward.drop(#{ src: all, comment: "a comment that takes up all of its 256 bytes anyway" }).len());
        "#;
        assert_eq!(run(script).unwrap(), "10000\n");
        assert_eq!(chain("iptables", "FORWARD").len(), 10_000);
    });
}

#[test]
fn handles_and_their_names_mean_the_same() {
    in_new_netns(|| {
        let script = r#"
            let br0 = bridge("br0").up().addr("192.168.1.10/24");
            host.filter.forward.accept(#{ iif: br0 });
            host.filter.forward.accept(#{ iif: "br0" });
            host.filter.forward.accept(#{ src: br0 });
            host.nat.dnat(#{ to: br0 });
            br0.rename("br1");
            host.filter.forward.accept(#{ oif: br0 });
        "#;
        run(script).unwrap();
        assert_eq!(
            chain("iptables", "FORWARD"),
            [
                "-A FORWARD -i br0 -j ACCEPT",
                "-A FORWARD -i br0 -j ACCEPT",
                "-A FORWARD -s 192.168.1.10/32 -j ACCEPT",
                "-A FORWARD -o br1 -j ACCEPT",
            ]
        );
        assert_eq!(chain("iptables -t nat", "PREROUTING"), ["-A PREROUTING -j DNAT --to-destination 192.168.1.10"]);
    });
}
