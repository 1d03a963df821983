//! Several machines that share the tests.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use super::course::{Course, Kind, TryReport};
use super::machine::GROUP;
use super::tried::Report;
use crate::groups::Group;
use crate::netscript;

/// Runs a course, whose command line is `arguments`, on its number of machines, and reports each set of tests when all
/// machines are done with it. Returns whether everything was restored.
pub fn share(course: &Course, arguments: &[String]) -> bool {
    let begun = Instant::now();
    let (sender, told) = channel();
    let machines: Vec<_> = (0..course.at_once)
        .map(|number| {
            let group = Group::make(&format!("crash-{}-{number}", std::process::id()));
            let machine = start(number, course, arguments, group.as_ref());
            let sender = sender.clone();
            std::thread::spawn(move || {
                let ended = listen(machine, &sender);
                drop(group);
                ended
            })
        })
        .collect();
    drop(sender);
    let mut sets: BTreeMap<String, (u64, Report)> = BTreeMap::new();
    let mut kinds: BTreeMap<Kind, Report> = BTreeMap::new();
    for TryReport { kind, what, report } in told {
        let (machines, sum) = sets.entry(what.clone()).or_default();
        *machines += 1;
        sum.merge(report);
        if *machines == course.at_once
            && let Some((_, sum)) = sets.remove(&what)
        {
            println!("{what}: {} of {} came back", sum.came_back, sum.tried);
            sum.wrong.iter().for_each(|wrong| println!("{wrong}"));
            kinds.entry(kind).or_default().merge(sum);
        }
    }
    let whole = machines.into_iter().all(|machine| machine.join().is_ok_and(|ended| ended));
    if !whole {
        println!("a machine did not come to its end");
    }
    for (kind, sum) in &kinds {
        println!("{}: {} of {} came back", kind.word(), sum.came_back, sum.tried);
    }
    println!("{} machines at once, {} s", course.at_once, begun.elapsed().as_secs());
    let tried: usize = kinds.values().map(|sum| sum.tried).sum();
    whole && tried > 0 && kinds.values().all(|sum| sum.wrong.is_empty())
}

/// Starts a machine, in a control group of its own if there is one, so that it sees only the groups of its own labs.
fn start(number: u64, course: &Course, arguments: &[String], group: Option<&Group>) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", r#"test "$GROUP" = "" || echo 0 >"$GROUP/cgroup.procs"; exec unshare "$@""#, "-"]);
    command
        .env(GROUP, group.map_or(Path::new(""), Group::path))
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap_or_default())
        .arg("crash-inside")
        .arg(netscript())
        .args([number, course.at_once].map(|number| number.to_string()))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a shell")
}

/// Passes on the reports of a machine; returns whether it finished.
fn listen(mut machine: Child, sender: &Sender<TryReport>) -> bool {
    let lines = machine.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
    for line in lines.map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(told) => drop(sender.send(told)),
            Err(_) => println!("{line}"),
        }
    }
    machine.wait().is_ok_and(|status| status.success())
}
