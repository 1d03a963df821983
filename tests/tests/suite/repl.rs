//! The REPL, in a terminal and in a pipe.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use netscript_tests::program::{Finished, Place, as_nobody, family, finish, left_of};
use netscript_tests::terminal::{CTRL_C, CTRL_D, CTRL_U, Terminal, UP};
use netscript_tests::{Sandbox, workspace};

use crate::annotated;

const COLUMNS: u16 = 120;

fn session(place: &Place) -> Terminal {
    Terminal::start(place, &["--sandbox"], COLUMNS, &[])
}

/// A session in which commands are not shown.
fn quiet(place: &Place) -> Terminal {
    let mut terminal = session(place);
    terminal.enter(":echo off");
    terminal
}

/// A snapshot of a network by `ip`, `iptables` and `sysctl`, without values that the kernel chooses: operational
/// states, IPv6 addresses and their routes.
fn kernel(machine: &Sandbox) -> String {
    let mut seen = machine.shell("ip netns list | cut -d' ' -f1 | sort");
    for netns in ["host"].into_iter().chain(seen.clone().lines()) {
        let within = if netns == "host" { String::new() } else { format!("-n '{netns}'") };
        let ip = |args: &str| machine.shell(&format!("ip {within} {args}"));
        let links: Vec<serde_json::Value> = serde_json::from_str(&ip("-j addr show")).unwrap();
        for link in links {
            let up = link["flags"].as_array().unwrap().contains(&"UP".into());
            let addrs = link["addr_info"].as_array().unwrap().iter().filter(|addr| addr["family"] == "inet");
            let addrs: Vec<String> = addrs.map(|addr| format!("{}/{}", addr["local"], addr["prefixlen"])).collect();
            seen += &format!(
                "{netns} {} up {up} mtu {} master {} {addrs:?}\n",
                link["ifname"], link["mtu"], link["master"]
            );
        }
        seen += &ip("-4 route show table all").replace(" linkdown", "");
    }
    let rules = machine.shell("iptables-save; sysctl net.ipv4.ip_forward");
    // Times are in comments, counters in brackets.
    let lines = rules.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(" [").next().unwrap());
    lines.fold(seen, |seen, line| format!("{seen}{line}\n"))
}

fn piped(place: &Place, args: &[&str], input: &str) -> Finished {
    let mut command = place.netscript(args);
    let file = place.write("input", input);
    finish(command.env("XDG_STATE_HOME", place.path("state")).stdin(fs::File::open(file).unwrap()))
}

#[test]
fn a_lab_typed_line_by_line() {
    let place = Place::new();
    let mut terminal = session(&place);
    terminal.wait_for("a sandbox");
    // In a sandbox every line shows the commands that do the same.
    for (line, shown) in [
        ("let cool = netns(\"cool\");", "# ip netns add cool"),
        (
            "cool.ping(\"192.168.1.10\")",
            "# ip netns exec cool ping -c 1 -W 1 192.168.1.10\nnothing could be sent: Network is unreachable",
        ),
        ("cool.lo.up()", "# ip -n cool link set dev lo up\nlo  loopback  unknown  127.0.0.1/8  ::1/128  in cool"),
        (":echo off", "Commands are not shown."),
        ("let br0 = bridge(\"br0\").up()", ""),
        ("let port = veth(\"br-veth0\", \"veth0\").master(br0).up();", ""),
        (
            "port.peer.move_to(cool).addr(\"192.168.1.11/24\").up();",
            "veth0  veth  up  192.168.1.11/24  peer br-veth0 in host  in cool",
        ),
        ("wait_until(2, || br0.state == \"up\")", ""),
        ("br0.addr(\"192.168.1.10/24\", #{ broadcast: \"+\" })", "br0  bridge  up  192.168.1.10/24"),
        ("br0", "br0  bridge  up  192.168.1.10/24"),
        ("port", "br-veth0  veth  up  master br0  peer veth0 in cool"),
        ("cool.route(\"default\", #{ via: \"192.168.1.10\" });", ""),
        ("host.nat.masquerade(#{ src: \"192.168.1.0/24\" });", "-A POSTROUTING -s 192.168.1.0/24 -j MASQUERADE"),
        ("host.filter.forward.policy(\"drop\");", "FORWARD"),
        ("netns_list()", "NAMESPACE  LINKS\ncool       lo veth0"),
        ("cool.routes.filter(|r| r.family == \"ipv4\" && r.via == ()).map(|r| r.dst)", "[\"192.168.1.0/24\"]"),
        ("cool.name", "\"cool\""),
        ("cool", "cool  lo veth0"),
    ] {
        assert_eq!(terminal.enter(line), shown, "{line}");
    }
    let ping = terminal.enter("cool.ping(br0)");
    assert!(ping.starts_with("1 of 1 answered by 192.168.1.10 in ") && ping.ends_with(", ttl 64"), "{ping}");
    let tree = terminal.enter(":show");
    let wanted = "\
host
├─ lo  loopback  unknown  127.0.0.1/8  ::1/128
├─ br0  bridge  up  192.168.1.10/24
│  └─ br-veth0  veth  up  ↔ veth0 in cool
├─ route 192.168.1.0/24 dev br0 src 192.168.1.10
├─ filter
│  └─ FORWARD  policy drop
└─ nat
   └─ POSTROUTING  policy accept
      └─ -A POSTROUTING -s 192.168.1.0/24 -j MASQUERADE
cool
├─ lo  loopback  unknown  127.0.0.1/8  ::1/128
├─ veth0  veth  up  192.168.1.11/24  ↔ br-veth0 in host
├─ route default via 192.168.1.10 dev veth0
└─ route 192.168.1.0/24 dev veth0 src 192.168.1.11";
    assert_eq!(tree, wanted);
    terminal.wait_for_prompt();
    terminal.press(CTRL_D);
    assert_eq!(terminal.status(), Some(0));
}

/// `show` lists native chains of nft and tables of iptables-legacy beside the rules that netscript evaluates.
#[test]
fn show_lists_rules_that_are_not_evaluated() {
    let place = Place::new();
    let mut terminal = session(&place);
    let chain = "{ type filter hook forward priority 7; policy drop; }";
    let made = terminal
        .enter(&format!("host.exec([\"/usr/sbin/nft\", \"add table inet own; add chain inet own c {chain}\"]).status"));
    assert!(made.ends_with("\n0"), "{made}");
    let tree = terminal.enter(":show");
    let wanted = "└─ not evaluated by netscript\n   └─ nft inet own c  forward  priority 7  policy drop  0 rules";
    assert!(tree.ends_with(wanted), "{tree}");
}

/// The whole of the intro tutorial, as `scripts/intro.rhai` has it, in a user's first session.
#[test]
fn the_intro_tutorial_typed_line_by_line() {
    let place = Place::new();
    let mut terminal = session(&place);
    let script = fs::read_to_string(workspace().join("scripts/intro.rhai")).unwrap();
    let mut seen = String::new();
    for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let shown = terminal.enter(line);
        seen += &format!("host> {line}\n{shown}{}", if shown.is_empty() { "" } else { "\n" });
    }
    let shown = terminal.enter(":show");
    seen += &format!("host> :show\n{shown}\n");
    annotated::assert_blessed("repl/intro", &timeless(&seen));
}

/// Removes round-trip times, and the state of a link whose other end is down, which depends on when the kernel last
/// evaluated it.
fn timeless(text: &str) -> String {
    let line = |line: &str| match line.strip_suffix(" ms").and_then(|line| line.rsplit_once(' ')) {
        Some((before, _)) => format!("{before} 1.0 ms\n"),
        None => format!("{}\n", line.replace("  lowerlayerdown  ", "  down  ")),
    };
    text.lines().map(line).collect()
}

#[test]
fn tab_completes() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.enter("let cool = netns(\"cool\"); let br0 = bridge(\"br0\"); let answer = #{ colour: 1 };");
    terminal.enter("cool.veth(\"veth0\", \"c0\"); ()");
    for (typed, line) in [
        ("co\tl", "host> cool"),
        ("cool.trace\t", "host> cool.traceroute("),
        ("cool.lo.add\trs", "host> cool.lo.addrs"),
        ("veth(\"a\", \"b\").pe\t.mov\t", "host> veth(\"a\", \"b\").peer.move_to("),
        ("cool.nat.masq\t#{ sr\t", "host> cool.nat.masquerade(#{ src"),
        ("bridge(\"b\", #{ stp: true, vl\t", "host> bridge(\"b\", #{ stp: true, vlan_filtering:"),
        ("link(\"br\t", "host> link(\"br0"),
        // Links of the namespace with which the chain begins; of all namespaces if it is unknown.
        ("cool.filter.input.drop(#{ iif: \"ve\t", "host> cool.filter.input.drop(#{ iif: \"veth0"),
        ("netns_open(\"cool\").link(\"ve\t", "host> netns_open(\"cool\").link(\"veth0"),
        ("cool.sysctl(\"n\ti\t4.ip_forward\t", "host> cool.sysctl(\"net.ipv4.ip_forward"),
        ("cool.sysctl(\"net.ipv6.conf.v\tdisable_i\t", "host> cool.sysctl(\"net.ipv6.conf.veth0.disable_ipv6"),
        (":help la\t::publ\t", "host> :help lab::publish"),
        ("answer.c\t", "host> answer.colour"),
        ("netns_open(\"c\t", "host> netns_open(\"cool"),
        ("import \"\t", "host> import \"lab"),
        (":he\t", "host> :help"),
        (":ns c\t", "host> :ns cool"),
    ] {
        terminal.wait_for_prompt();
        terminal.press(typed);
        terminal.wait(typed, |terminal| terminal.line().starts_with(line));
        terminal.press(CTRL_U);
    }
    for (typed, wanted) in [
        ("bridge(\"br0\", #{ \t", &["ageing_time", "forward_delay", "stp", "vlan_filtering"][..]),
        ("cool.\t", &["exec()", "links", "lo", "ping()", "routes", "veth()"]),
    ] {
        terminal.wait_for_prompt();
        terminal.press(typed);
        for word in wanted {
            terminal.wait_for(word);
        }
        terminal.press(CTRL_C);
    }
}

#[test]
fn a_call_hints_at_its_arguments() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.wait_for_prompt();
    terminal.press("host.ping(");
    terminal.wait_for("host.ping(target, options)");
}

#[test]
fn a_statement_may_have_many_lines() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    assert_eq!(terminal.enter("fn twice(x) {\n  2 * x\n}"), "");
    assert_eq!(terminal.enter("[1, 2].map(\n|x| twice(x)\n)"), "[2, 4]");
    assert_eq!(terminal.enter("let text = `a\nb`;"), "");
    assert_eq!(terminal.enter("text.len()"), "3");
    // Functions, constants and imports stay for later statements.
    assert_eq!(terminal.enter("const LIMIT = 7; import \"lab\" as lab;"), "");
    assert_eq!(terminal.enter("fn over(x) { x > global::LIMIT }"), "");
    assert_eq!(terminal.enter("over(8)"), "true");
    assert_eq!(terminal.enter("lab::lan(\"br9\", \"10.9.0.0/24\", [\"a\"]).gateway"), "\"10.9.0.1\"");
}

#[test]
fn history_is_there_in_the_next_session() {
    let place = Place::new();
    let mut first = session(&place);
    first.enter("let answer = 42;");
    first.wait_for_prompt();
    first.press(CTRL_D);
    assert_eq!(first.status(), Some(0));
    let mut second = session(&place);
    second.wait_for_prompt();
    second.press(UP);
    second.wait_for("host> let answer = 42;");
    // Commands are shown in every session in a sandbox.
    second.press(CTRL_U);
    assert_eq!(second.enter("let red = netns(\"red\");"), "# ip netns add red");
}

#[test]
fn errors_underline_the_input_and_the_session_goes_on() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    let syntax = terminal.enter("let x = 1 let y");
    assert!(syntax.contains("error[E0101]") && syntax.contains("input:1:11"), "{syntax}");
    terminal.enter("fn half(x) {\n  x / 0\n}");
    let called = terminal.enter("half(1)");
    assert!(called.contains("error[E0107]") && called.contains("input:3:5"), "{called}");
    assert!(called.contains("3 │   x / 0") && called.contains("in `half`, called at input:5:1"), "{called}");
    let command = terminal.enter(":hlep");
    assert!(command.contains("did you mean `:help`?"), "{command}");
    assert_eq!(terminal.enter("1 + 1"), "2");
    terminal.wait_for_prompt();
    terminal.press("exit(3)\r");
    assert_eq!(terminal.status(), Some(3));
}

#[test]
fn statements_can_be_saved_and_run() {
    let said = "\
        let red = netns(\"red\")\n\
        let br0 = bridge(\"br0\").up().addr(\"10.0.0.1/24\")\n\
        :ns red\n\
        let pair = veth(\"v1\", \"c1\").up()\n\
        pair.addr(\"10.1.0.1/24\") // done\n\
        :ns\n\
        #{ a: pair }\n\
        fn f(n) { host.filter.forward.accept(#{ iif: n }) }\n\
        f(\"br0\")\n\
        :save saved.rhai\n";
    let (said_here, run_there) = (Sandbox::new(), Sandbox::new());
    let place = said_here.run(move || {
        let place = Place::new();
        piped(&place, &[], said).success();
        place
    });
    let typed = kernel(&said_here);
    assert!(typed.contains("-A FORWARD -i br0 -j ACCEPT"), "{typed}");
    let _place = run_there.run(move || {
        finish(&mut place.netscript(&["saved.rhai"])).success();
        place
    });
    assert_eq!(kernel(&run_there), typed);
}

#[test]
fn only_what_worked_is_saved() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.enter("let a = 1;");
    terminal.enter("nope()");
    terminal.enter("let b = 2");
    let history = terminal.enter(":history");
    assert_eq!(history, "   1  let a = 1;\n   2  nope()   // failed\n   3  let b = 2");
    assert_eq!(terminal.enter(":save saved.rhai"), "2 lines written to saved.rhai.");
    assert_eq!(fs::read_to_string(place.path("saved.rhai")).unwrap(), "let a = 1;\nlet b = 2;\n");
    terminal.enter(":load saved.rhai");
    assert_eq!(terminal.enter("a + b"), "3");
}

#[test]
fn ctrl_c_stops_what_runs_and_nothing_else() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.enter("let v = veth(\"v\", \"w\").up().addr(\"10.9.9.1/24\"); v.peer.up();");
    for line in [
        "print(1); loop {}",
        "print(1); sleep(1000)",
        "print(1); host.ping(\"10.9.9.2\", #{ count: 1000, timeout: 1000 })",
        "print(1); host.exec(\"sleep 1000\")",
    ] {
        terminal.wait_for_prompt();
        terminal.press(line);
        terminal.press("\r");
        terminal.wait("the line to run", |terminal| terminal.line().is_empty() && terminal.text().ends_with("\n1"));
        terminal.press(CTRL_C);
        terminal.wait("the error", |terminal| terminal.text().trim_end_matches("host>").contains("E0114"));
        terminal.wait_for_prompt();
        assert_eq!(terminal.enter("sleep(0.01); 40 + 2"), "42", "{line}");
    }
    // At the prompt, it clears the line.
    terminal.wait_for_prompt();
    terminal.press("let x = (");
    terminal.wait_for("> let x = (");
    terminal.press("\r");
    terminal.wait("the next line", |terminal| terminal.line().is_empty());
    terminal.press(CTRL_C);
    assert_eq!(terminal.enter("v.name"), "\"v\"");
}

#[test]
fn a_closed_terminal_leaves_nothing() {
    for line in ["", "sleep(1000)"] {
        let place = Place::new();
        let mut terminal = quiet(&place);
        terminal.enter("let red = netns(); let p = red.start(\"sleep 1000\");");
        terminal.wait_for_prompt();
        terminal.press(line);
        terminal.press("\r");
        let family = family(terminal.pid());
        assert!(family.len() > 3, "{family:?}");
        terminal.close();
        let left = left_of(&family, Duration::from_secs(10));
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_signal_ends_it_at_the_prompt() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.wait_for_prompt();
    let pid = nix::unistd::Pid::from_raw(terminal.pid().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(terminal.status(), Some(130));
}

#[test]
fn a_pipe_needs_no_prompt_and_stops_at_the_first_error() {
    let place = Place::new();
    let done =
        piped(&place, &["--sandbox"], "let red = netns(\"red\");\nred\n  .name\n\n// nothing\nfn f() {\n 7\n}\nf()\n");
    assert_eq!(done.stderr, "");
    assert_eq!(done.success(), "\"red\"\n7\n");
    let failed = piped(&place, &["--sandbox"], "print(1)\nnope()\nprint(2)\n");
    assert_eq!((failed.status, failed.stdout.as_str()), (1, "1\n"), "{failed:?}");
    assert!(failed.stderr.contains("error[E0102]") && failed.stderr.contains("input:2:1"), "{failed:?}");
    let unfinished = piped(&place, &["--sandbox"], "let x = (1 +");
    assert!(unfinished.status == 1 && unfinished.stderr.contains("error[E0101]"), "{unfinished:?}");
    assert_eq!(piped(&place, &["--sandbox"], "exit(4)\nprint(1)").status, 4);
}

#[test]
fn statements_follow_a_script() {
    let place = Place::new();
    place.write("lab.rhai", "let red = netns(\"red\");\nfn f(n) {\n  n.links.len() / 0\n}\n");
    let done = piped(&place, &["--sandbox", "-i", "lab.rhai"], "red.name");
    assert_eq!(done.success(), "\"red\"\n");
    // An error in a function of the script is shown there.
    let failed = piped(&place, &["--sandbox", "-i", "lab.rhai"], "f(red)");
    assert!(failed.stderr.contains("lab.rhai:3:17"), "{failed:?}");
}

#[test]
fn unprivileged_users_get_a_sandbox_and_a_note() {
    let place = Place::new();
    let mut command = place.netscript(&[]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let file = place.write("input", "print(sandboxed); netns(\"red\").name");
    let finished = finish(as_nobody(&mut command).stdin(fs::File::open(file).unwrap()));
    assert!(finished.stderr.contains("this is a sandbox"), "{finished:?}");
    assert_eq!(finished.success(), "true\n\"red\"\n");
}

#[test]
fn narrow_terminals_and_wide_characters() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place, &["--sandbox"], 40, &[]);
    terminal.enter(":echo off");
    assert_eq!(terminal.enter("\"漢字\".len()"), "2");
    // A Chinese character takes two columns.
    assert_eq!(terminal.enter("let ns = #{ \"é漢\": 1, b: 2 }; ns"), "b:    2\né漢:  1");
    terminal.enter("let t = \"twenty bytes of text\";");
    let list = terminal.enter("[t, t]");
    assert_eq!(list, "[\n  \"twenty bytes of text\",\n  \"twenty bytes of text\",\n]");
    let error = terminal.enter("\"漢字\" + nope");
    assert!(error.contains("│ \"漢字\" + nope\n  │          ^^^^ "), "{error}");
}

#[test]
fn colours_come_as_asked_for() {
    let coloured = |args: &[&str], env: &[(&str, &str)]| {
        let place = Place::new();
        let mut terminal = Terminal::start(&place, args, COLUMNS, env);
        terminal.enter("let x = \"text\";");
        terminal.coloured().contains("[32m")
    };
    assert!(coloured(&["--sandbox"], &[]));
    assert!(!coloured(&["--sandbox"], &[("NO_COLOR", "1")]));
    assert!(!coloured(&["--sandbox", "--color", "never"], &[]));
    assert!(coloured(&["--sandbox", "--color", "always"], &[("NO_COLOR", "1")]));
}

#[test]
fn every_line_can_be_undone() {
    let machine = Sandbox::new();
    let (_place, mut terminal) = machine.run(|| {
        let place = Place::new();
        let terminal = Terminal::start(&place, &[], COLUMNS, &[]);
        (place, terminal)
    });
    let at_first = kernel(&machine);
    let lines = [
        "let cool = netns(\"cool\"); ()",
        "cool.lo.set_mtu(1400); cool.lo.addr(\"10.9.9.9/32\"); ()",
        "let br0 = bridge(\"br0\").up(); ()",
        "br0.addr(\"192.168.1.10/24\"); ()",
        "let port = veth(\"br-veth0\", \"veth0\").master(br0).up(); ()",
        "port.peer.move_to(cool).addr(\"192.168.1.11/24\").up(); ()",
        "cool.route(\"default\", #{ via: \"192.168.1.10\" })",
        "host.sysctl(\"net.ipv4.ip_forward\", 1)",
        "host.nat.masquerade(#{ src: \"192.168.1.0/24\" }); ()",
        "host.filter.forward.policy(\"drop\"); ()",
    ];
    for line in lines {
        let before = kernel(&machine);
        assert_eq!(terminal.enter(line), "", "{line}");
        let done = kernel(&machine);
        assert_ne!(done, before, "{line}");
        let undone = terminal.enter(":undo");
        assert!(undone.contains(&format!("undone: {line}")), "{undone}");
        assert_eq!(kernel(&machine), before, "{line}");
        // Handles mean what they did before.
        assert_eq!(terminal.enter(line), "", "{line}");
        assert_eq!(kernel(&machine), done, "{line}");
    }
    terminal.enter(":undo 10");
    assert_eq!(kernel(&machine), at_first);
    assert!(terminal.enter("cool").contains("error[E0103]"));
    assert!(terminal.enter(":undo 1").contains("0 lines changed the network"));
}

/// Definitions of lines that are not undone stay.
#[test]
fn undo_takes_back_what_the_line_did_and_defined_and_no_more() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.enter("let red = netns(\"red\"); let n = 1; ()");
    terminal.enter("n = 2; let v = red.veth(\"v\", \"w\"); fn gone() { 1 } ()");
    terminal.enter("fn twice(x) { 2 * x }");
    terminal.enter("let five = 5;");
    terminal.enter("import \"lab\" as lab;");
    terminal.enter("let lo = red.lo; v.name");
    assert!(terminal.enter(":undo").contains("undone: n = 2;"));
    assert_eq!(terminal.enter("twice(five)"), "10");
    assert_eq!(terminal.enter("lo"), "lo  loopback  down  in red");
    assert_eq!(terminal.enter("lab::internet().netns.name"), "\"internet\"");
    // The line changed it, and no later one did.
    assert_eq!(terminal.enter("n"), "1");
    assert!(terminal.enter("v").contains("error[E0103]"));
    assert!(terminal.enter("gone()").contains("error[E0102]"));
    terminal.enter("n = 3; red.lo.up(); ()");
    terminal.enter("n = 4");
    terminal.enter(":undo");
    assert_eq!(terminal.enter("n"), "4");
    // A line with the name of something undone is not part of the script.
    let history = terminal.enter(":history");
    assert!(history.contains("let lo = red.lo; v.name   // uses undone lines"), "{history}");
    assert!(history.contains("let five = 5;\n"), "{history}");
    // Two at once: `internet` goes with the first.
    terminal.enter(":undo 2");
    assert!(terminal.enter("red").contains("error[E0103]"));
    assert_eq!(terminal.enter("twice(five)"), "10");
    assert_eq!(terminal.enter("netns_list()"), "[]");
}

const PASTED: &str = "let red = netns(\"red\");\nlet blue = netns(\"blue\")\n:ns red\nfn twice(x) {\n    2 * x\n}\n\
                      // A remark.\nveth(\"v\", \"w\")\n    .up()\n    .name\n:ns\n\n\
                      let answer = twice(20)\n    + 2;\nif answer == 42 {\n    print(\"right\");\n}\nelse {\n}\nanswer";

/// Checks the definitions and the output of `PASTED`.
fn assert_pasted(mut terminal: Terminal) {
    terminal.wait("the last result", |terminal| terminal.text().contains("\n42\n") && terminal.line() == "host>");
    let seen = terminal.text();
    assert!(seen.contains("\"v\"\n") && seen.contains("right\n") && !seen.contains("error"), "{seen}");
    let history = terminal.enter(":history");
    let wanted = "   1  let red = netns(\"red\");
   2  let blue = netns(\"blue\")
   3  fn twice(x) {
   4      2 * x
   5  }
   6  // A remark.
   7  veth(\"v\", \"w\")
   8      .up()
   9      .name
  10  let answer = twice(20)
  11      + 2;
  12  if answer == 42 {
  13      print(\"right\");
  14  }
  15  else {
  16  }
  17  answer";
    assert_eq!(history, wanted);
    assert_eq!(terminal.enter("netns_list()"), "NAMESPACE  LINKS\nblue       lo\nred        lo v w");
}

#[test]
fn a_paste_is_run_as_its_statements() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.wait_for_prompt();
    // As a terminal sends it in bracketed paste mode, with its own line ends.
    terminal.press(&format!("\u{1b}[200~{}\u{1b}[201~", PASTED.replace('\n', "\r")));
    terminal.wait("the pasted text", |terminal| terminal.line().ends_with("answer"));
    terminal.press("\r");
    assert_pasted(terminal);
}

#[test]
fn no_line_of_those_that_arrive_at_once_is_lost() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.wait_for_prompt();
    // Without bracketed paste, lines are fast keystrokes. An expression that continues in the next line cannot be told
    // from a complete one.
    let lines = "let a = 1;\rlet b = 2\rfn sum(x, y) {\rx + y\r}\r:json on\r:json off\rsum(a, b) + 97\r";
    terminal.press(lines);
    terminal.wait("the last result", |terminal| terminal.text().contains("\n100\n") && terminal.line() == "host>");
    assert_eq!(terminal.enter("[a, b]"), "[1, 2]");
}

#[test]
fn a_failing_statement_of_a_paste_does_not_swallow_those_after_it() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.wait_for_prompt();
    terminal.press("\u{1b}[200~let a = 1;\nnope();\nlet b = a + 40;\nb + 1\u{1b}[201~");
    terminal.wait("the pasted text", |terminal| terminal.line().ends_with("b + 1"));
    terminal.press("\r");
    terminal.wait("the last result", |terminal| terminal.text().contains("\n42\n"));
    assert!(terminal.text().contains("error[E0102]"), "{}", terminal.text());
}

/// Tables, trees and help fit the width of the terminal.
#[test]
fn screens_fit_the_terminal() {
    // All typed lines fit the narrow screen, including the prompt.
    for columns in [80, 45] {
        let place = Place::new();
        let mut terminal = Terminal::start(&place, &["--sandbox"], columns, &[]);
        terminal.enter(":echo off");
        let mut seen = String::new();
        for line in [
            "let red = netns(\"red\"); ()",
            "let v = veth(\"v\", \"w\").up(); ()",
            "v.addr(\"10.0.0.1/24\"); ()",
            "v.addr(\"fd00::1/64\"); ()",
            "v.peer.move_to(red).rename(\"eth0\"); ()",
            "let e = red.link(\"eth0\"); ()",
            "e.addr(\"10.0.0.2/24\").up(); ()",
            "red.lo.up(); ()",
            "red.route(\"default\", #{ via: v })",
            "let fwd = host.filter.forward; ()",
            "fwd.drop(#{ iif: v }); ()",
            "wait_until(9, || v.state == \"up\")",
            "host.links",
            "let ipv4 = |r| r.family == \"ipv4\"; ()",
            "red.routes.filter(ipv4)",
            "red.ip_rules",
            "netns_list()",
            ":show",
            ":help masquerade",
            ":help Chain",
            ":help :undo",
        ] {
            let shown = terminal.enter(line);
            let wide = |line: &&str| line.chars().count() > usize::from(columns) && !line.starts_with("    ");
            assert_eq!(shown.lines().find(wide), None, "{line}");
            seen += &format!("host> {line}\n{shown}{}", if shown.is_empty() { "" } else { "\n" });
        }
        annotated::assert_blessed(&format!("repl/columns-{columns}"), &seen);
    }
}

#[test]
fn a_place_in_a_module_is_named() {
    let place = Place::new();
    let input = "import \"lab\" as lab;\nlab::lan(\"br0\", \"10.9.0.0/24\", [\"a\"]);\nbridge(\"br0\")\n";
    let in_module = piped(&place, &["--sandbox"], input);
    assert!(in_module.stderr.contains("`br0` exists in host, made at line "), "{in_module:?}");
    assert!(in_module.stderr.contains(" of lab\n"), "{in_module:?}");
    let typed = piped(&place, &["--sandbox"], "bridge(\"br0\")\nbridge(\"br0\")\n");
    assert!(typed.stderr.contains("made at line 1\n"), "{typed:?}");
    // Lines of the session's first script are not typed lines.
    place.write("lab.rhai", "bridge(\"br0\");\n");
    let loaded = piped(&place, &["--sandbox", "-i", "lab.rhai"], "bridge(\"br0\")\n");
    assert!(loaded.stderr.contains("made at line 1 of lab.rhai\n"), "{loaded:?}");
}

/// With the shells' own files, which set prompts of their own.
#[test]
fn a_shell_says_where_it_is() {
    let place = Place::new();
    place.write(".bashrc", "PS1='mine> '\n");
    let home = place.path("").display().to_string();
    for (shell, prompt) in [("/bin/sh", "[repl: red] # "), ("/bin/bash", "[repl: red] ")] {
        let mut terminal = Terminal::start(&place, &["--sandbox"], COLUMNS, &[("SHELL", shell), ("HOME", &home)]);
        terminal.enter("let red = netns(\"red\"); ()");
        terminal.wait_for_prompt();
        terminal.press("red.shell()\r");
        terminal.wait(prompt, |terminal| terminal.line().starts_with(prompt.trim_end()));
        assert!(!terminal.text().contains("mine>"), "{}", terminal.text());
        terminal.press("exit 3\r");
        terminal.wait("the prompt", |terminal| terminal.line() == "host>");
        terminal.press(CTRL_D);
    }
}

#[test]
fn a_failed_line_leaves_nothing() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.enter("let red = netns(\"red\"); let n = 1; ()");
    let before = terminal.enter(":show");
    let failed =
        terminal.enter("n = 2; let v = red.veth(\"v\", \"w\"); v.up(); v.move_to(host).addr(\"300.1.1.1/24\")");
    assert!(failed.contains("error[E0"), "{failed}");
    assert_eq!(terminal.enter(":show"), before);
    assert_eq!(terminal.enter("n"), "1");
    assert!(terminal.enter("v").contains("error[E0103]"));
    assert_eq!(terminal.enter("red.veth(\"v\", \"w\").up(); ()"), "");
}

#[test]
fn a_dry_run_changes_nothing() {
    let place = Place::new();
    let mut terminal = quiet(&place);
    terminal.enter("let red = netns(\"red\"); let x = 1; ()");
    terminal.enter(":dry on");
    terminal.wait_for_prompt();
    assert_eq!(terminal.line(), "dry:host>");
    assert_eq!(
        terminal.enter("let v = red.veth(\"v\", \"w\").up(); ()"),
        "ip -n red link add dev v type veth peer name w\nip -n red link set dev v up"
    );
    assert_eq!(terminal.enter("red.links.len()"), "3");
    terminal.press("loop {}\r");
    std::thread::sleep(Duration::from_millis(200));
    terminal.press(CTRL_C);
    terminal.wait_for("E0114");
    terminal.enter("let x = 2;");
    terminal.enter(":dry off");
    assert_eq!(terminal.enter("red.links.len() + x"), "2");
    assert!(terminal.enter("v").contains("error[E0103]"));
    let history = terminal.enter(":history");
    assert!(history.contains("red.links.len()   // dry"), "{history}");
    terminal.enter(":save saved.rhai");
    assert!(!fs::read_to_string(place.path("saved.rhai")).unwrap().contains("veth"));
}

#[test]
fn json_and_times() {
    let place = Place::new();
    let out =
        piped(&place, &["--sandbox"], ":json on\n#{ a: [1, 2.5, true, (), \"x\"] };\nhost.lo\n:time\n1;\n").success();
    let (values, _) = out.split_once("The time of").unwrap();
    let mut values = serde_json::Deserializer::from_str(values.split_once('\n').unwrap().1).into_iter();
    let map: serde_json::Value = values.next().unwrap().unwrap();
    assert_eq!(map, serde_json::json!({ "a": [1, 2.5, true, null, "x"] }));
    let link: serde_json::Value = values.next().unwrap().unwrap();
    assert_eq!((&link["name"], &link["kind"]), (&"lo".into(), &"loopback".into()));
    assert!(out.trim_end().ends_with(" ms)"), "{out}");
}

#[test]
fn help_shows_the_example_of_every_word() {
    let words = crate::examples::words();
    let names: std::collections::BTreeSet<&str> = words
        .iter()
        .filter(|word| !word.needs_no_example())
        .map(|word| word.name())
        .filter(|name| !name.contains('$'))
        .collect();
    let input: String = names.iter().map(|name| format!(":help {name}\n")).collect();
    let place = Place::new();
    let help = piped(&place, &["--sandbox"], &input).success();
    let mut missing = Vec::new();
    for word in words.iter().filter(|word| names.contains(word.name())) {
        for (_, example) in word.examples() {
            let shown: String = example.lines().map(|line| format!("    {line}\n")).collect();
            if !help.contains(shown.trim_end()) {
                missing.push(format!("{}:\n{shown}", word.signature));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn help_lists_and_explains() {
    let place = Place::new();
    let help = piped(&place, &["--sandbox"], ":help\n").success();
    for wanted in [":save FILE", "Functions", "Netns", "masquerade", "wait_until"] {
        assert!(help.contains(wanted), "{wanted}: {help}");
    }
    let link = piped(&place, &["--sandbox"], ":help Link\n:help :ns\n/// Adds one.\nfn more(x) { x + 1 }\n:help more")
        .success();
    assert!(link.contains("link.move_to(netns)") && link.contains("Moves the link into a namespace."), "{link}");
    assert!(link.contains(":ns [NS]") && link.contains("more(x)\n  Adds one."), "{link}");
    let unknown = piped(&place, &["--sandbox"], ":help masqerade");
    assert!(unknown.stderr.contains("did you mean `masquerade`?"), "{unknown:?}");
}

#[test]
fn every_word_with_options_says_which() {
    let words = crate::examples::words();
    let with_options = words.iter().filter(|word| word.signature.contains("options: Map"));
    let silent: Vec<&str> =
        with_options.map(|word| word.name()).filter(|name| netscript_stdlib::options_of(name).is_empty()).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn on_the_machine_the_lab_stays_if_that_is_wanted() {
    for (args, answer, stays) in
        [(&[][..], "y\r", true), (&[], "n\r", false), (&["--rm"], "", false), (&["--keep"], "", true)]
    {
        // A network that plays the machine's.
        let machine = Sandbox::new();
        let args: Vec<&str> = args.to_vec();
        let left = machine.run(move || {
            let place = Place::new();
            let mut terminal = Terminal::start(&place, &args, COLUMNS, &[]);
            terminal.wait_for("the machine's own network");
            terminal.enter("let red = netns(\"red\"); ()");
            terminal.wait_for_prompt();
            terminal.press(CTRL_D);
            if !answer.is_empty() {
                terminal.wait_for("[y/N]");
                terminal.press(answer);
            }
            assert_eq!(terminal.status(), Some(0), "{}", terminal.text());
            std::path::Path::new("/run/netns/red").exists()
        });
        assert_eq!(left, stays, "{answer:?}");
    }
}

#[test]
fn bytes_that_are_no_text_end_nothing() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place, &["--sandbox"], 80, &[]);
    terminal.wait_for_prompt();
    terminal.enter("let x = 40;");
    for bytes in [&b"\xff\r"[..], b"let y = \"caf\xe9\"\r"] {
        terminal.send(bytes);
        terminal.wait_for_below("not UTF-8");
        terminal.press(CTRL_U);
    }
    assert!(terminal.enter("x + 2").contains("42"), "{}", terminal.text());
}
