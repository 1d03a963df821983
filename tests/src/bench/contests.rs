//! The contests: which ways to build the same network are compared.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::scripts::{self, DIR};
use super::{Bound, Contest, Goal, Way};

/// The programs that the ways need.
pub struct Tools {
    /// netscript itself.
    pub netscript: PathBuf,
    /// The floor program.
    pub floor: PathBuf,
    /// A Python that has pyroute2, if there is one, and mininet, if there is one.
    pub python: Option<PathBuf>,
}

/// The contests whose titles hold a word.
pub fn contests(tools: &Tools, word: &str) -> Vec<Contest> {
    let sizes = [10, 100, 1000];
    let mut contests: Vec<Contest> = sizes.iter().map(|size| lab(tools, *size)).collect();
    contests.extend([three_tier(tools), start_up(tools), teardown(tools, 100), teardown(tools, 1000)]);
    contests.extend([nat(tools), many(tools, "addresses"), many(tools, "routes")]);
    contests.retain(|contest| contest.title.contains(word));
    contests
}

/// The number of rounds when two versions are compared.
const ROUNDS: usize = 15;

/// The same contests between this netscript and an older one: its median may be at most 5 % worse.
pub fn against(tools: &Tools, old: PathBuf, word: &str) -> Vec<Contest> {
    let old = Tools { netscript: old, floor: tools.floor.clone(), python: None };
    let own = |contest: Contest, version: &str| -> Option<Way> {
        let way =
            contest.ways.into_iter().find(|way| way.name.starts_with("netscript") && !way.name.contains("unfused"))?;
        Some(Way { name: format!("{}, {version}", way.name), rounds: ROUNDS, ..way })
    };
    let pairs = contests(tools, word).into_iter().zip(contests(&old, word));
    let both = pairs.filter_map(|(new, old)| {
        let title = new.title.clone();
        let ways = vec![own(old, "the other")?, own(new, "this one")?];
        Some(Contest { title, ways, goals: vec![Goal { of: 1, by: 0, bound: Bound::AtMost(1.05) }] })
    });
    both.collect()
}

fn way(name: &str, rounds: usize, files: &[(&str, &str)], command: &[&str]) -> Way {
    let command = command.iter().map(|part| (*part).to_owned()).collect();
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Way { name: name.to_owned(), files, before: String::new(), command, rounds }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the workspace's path is text")
}

impl Tools {
    fn netscript(&self, name: &str, rounds: usize, script: &str) -> Way {
        way(name, rounds, &[("lab.rhai", script)], &[text(&self.netscript), &format!("{DIR}/lab.rhai")])
    }

    fn unfused(&self, rounds: usize, script: &str) -> Way {
        let command = ["env", "NETSCRIPT_FUSE=0", text(&self.netscript), &format!("{DIR}/lab.rhai")];
        way("netscript, unfused (`NETSCRIPT_FUSE=0`)", rounds, &[("lab.rhai", script)], &command)
    }

    fn dry_run(&self, name: &str, rounds: usize, script: &str) -> Way {
        let netscript = text(&self.netscript);
        let before = format!("{netscript} --dry-run=tutorial {DIR}/lab.rhai >{DIR}/lab.sh 2>/dev/null\n");
        Way { before, ..way(name, rounds, &[("lab.rhai", script)], &["sh", &format!("{DIR}/lab.sh")]) }
    }

    fn floor(&self, rounds: usize, what: &str, count: u32) -> Way {
        way("floor: netlink messages by hand", rounds, &[], &[text(&self.floor), what, &count.to_string()])
    }

    fn python(&self, name: &str, module: &str, rounds: usize, script: &str) -> Way {
        let python = self.python.as_deref().unwrap_or(Path::new("python3"));
        let has_it = Command::new(python).args(["-c", &format!("import {module}")]).output();
        let rounds = if has_it.is_ok_and(|output| output.status.success()) { rounds } else { 0 };
        way(name, rounds, &[("lab.py", script)], &[text(python), &format!("{DIR}/lab.py")])
    }
}

fn ip_batch(name: &str, rounds: usize, size: u32, born_in_place: bool) -> Way {
    let files = scripts::ip_batch(size, born_in_place);
    Way { files, ..way(name, rounds, &[], &["sh", &format!("{DIR}/run")]) }
}

fn lab(tools: &Tools, size: u32) -> Contest {
    let (many, few) = match size {
        0..=10 => (15, 9),
        11..=100 => (11, 5),
        _ => (5, 1),
    };
    let script = scripts::lab(size);
    let ways = vec![
        tools.floor(many, "lab", size),
        tools.netscript("netscript", many, &script),
        tools.unfused(few, &script),
        ip_batch("`ip -batch`, peers born in place", few, size, true),
        ip_batch("`ip -batch`, in tutorial order", few, size, false),
        tools.dry_run("the tutorial's shell commands", few, &script),
        tools.python("pyroute2, peers born in place", "pyroute2", few, &scripts::pyroute2(size, true)),
        tools.python("pyroute2, in tutorial order", "pyroute2", few, &scripts::pyroute2(size, false)),
        tools.python("mininet", "mininet", few, &scripts::mininet(size)),
    ];
    let goal = |of, by, bound| Goal { of, by, bound };
    let mut goals = Vec::new();
    if size >= 100 {
        goals.push(goal(1, 0, Bound::AtMost(1.25)));
    }
    if size == 100 {
        goals.push(goal(3, 0, Bound::AtLeast(3.5)));
        goals.extend([(3, 3.0), (4, 15.0), (5, 30.0), (7, 30.0)].map(|(of, times)| goal(of, 1, Bound::AtLeast(times))));
    }
    Contest { title: format!("a bridge and {size} namespaces"), ways, goals }
}

fn three_tier(tools: &Tools) -> Contest {
    let ways = vec![
        tools.netscript("netscript", 21, scripts::THREE_TIER),
        tools.dry_run("the tutorial's shell commands", 11, scripts::THREE_TIER),
        tools.unfused(11, scripts::THREE_TIER),
    ];
    let goals = vec![Goal { of: 1, by: 0, bound: Bound::AtLeast(8.0) }];
    Contest { title: "the three-tier exercise".to_owned(), ways, goals }
}

fn start_up(tools: &Tools) -> Contest {
    let ways = vec![way("`ip -V`", 101, &[], &["ip", "-V"]), tools.netscript("netscript, an empty script", 101, "")];
    let goals = vec![Goal { of: 1, by: 0, bound: Bound::AtMost(3.0) }];
    Contest { title: "start-up".to_owned(), ways, goals }
}

fn teardown(tools: &Tools, size: u32) -> Contest {
    let rounds = if size > 100 { 5 } else { 11 };
    let netscript = text(&tools.netscript);
    let script = scripts::lab(size);
    let before = format!("{netscript} {DIR}/lab.rhai 2>/dev/null\n");
    // `ip` returns before the kernel has removed anything.
    let delete =
        "ip -all netns del\nip link del br0\nwhile ip -br link show type veth | grep -q .; do sleep 0.002; done\n";
    let files = [("lab.rhai", script.as_str()), ("down", delete)];
    let delete =
        way("`ip -all netns del`, until the kernel has finished", rounds, &files, &["sh", &format!("{DIR}/down")]);
    let down = way("netscript down", rounds, &files, &[netscript, "down", "lab"]);
    let ways = vec![Way { before: before.clone(), ..delete }, Way { before, ..down }];
    let goals = if size > 100 { vec![Goal { of: 1, by: 0, bound: Bound::AtMost(1.2) }] } else { Vec::new() };
    Contest { title: format!("taking {size} namespaces down"), ways, goals }
}

fn nat(tools: &Tools) -> Contest {
    let ways = vec![
        tools.netscript("netscript", 7, scripts::NAT_RULES),
        way("1,000 calls of iptables", 3, &[("rules", &scripts::iptables())], &["sh", &format!("{DIR}/rules")]),
        tools.unfused(3, scripts::NAT_RULES),
    ];
    let goals = vec![Goal { of: 1, by: 0, bound: Bound::AtLeast(50.0) }];
    Contest { title: "1,000 NAT rules".to_owned(), ways, goals }
}

fn many(tools: &Tools, what: &str) -> Contest {
    let (script, batch) = match what {
        "addresses" => (scripts::ADDRESSES, scripts::ip_addresses()),
        _ => (scripts::ROUTES, scripts::ip_routes()),
    };
    let ways = vec![
        tools.floor(7, what, 10_000),
        tools.netscript("netscript", 7, script),
        tools.unfused(3, script),
        way("`ip -batch`", 7, &[("batch", &batch)], &["ip", "-batch", &format!("{DIR}/batch")]),
    ];
    let goals = vec![Goal { of: 1, by: 0, bound: Bound::AtMost(3.0) }];
    Contest { title: format!("10,000 {what}"), ways, goals }
}
