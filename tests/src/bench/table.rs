//! The table of results.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::{Bound, Contest, Goal, Measured};

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The way's name.
    pub name: String,
    /// The median of its times; `None`: it is not installed.
    pub median: Option<Duration>,
    /// The largest resident size, in KiB.
    pub memory: i64,
}

/// The rows of a contest as Markdown, and its goals with the real ratios.
pub fn report(contest: &Contest, measured: &[Vec<Measured>]) -> String {
    let rows: Vec<Row> = contest.ways.iter().zip(measured).map(|(way, runs)| row(&way.name, runs)).collect();
    let first = rows.first().and_then(|row| row.median);
    let mut text = format!("\n| {} | time | ratio | memory |\n|---|---|---|---|\n", contest.title);
    for row in &rows {
        text.push_str(&line(row, first));
    }
    for goal in &contest.goals {
        text.push_str(&told(goal, &rows));
    }
    text
}

fn row(name: &str, runs: &[Measured]) -> Row {
    let mut times: Vec<Duration> = runs.iter().map(|run| run.time).collect();
    times.sort();
    let memory = runs.iter().map(|run| run.memory).max().unwrap_or(0);
    Row { name: name.to_owned(), median: times.get(times.len() / 2).copied(), memory }
}

fn line(row: &Row, first: Option<Duration>) -> String {
    let (Some(median), Some(first)) = (row.median, first) else {
        return format!("| {} | not installed | | |\n", row.name);
    };
    let ratio = median.as_secs_f64() / first.as_secs_f64();
    format!("| {} | {} | {ratio:.2} | {:.1} MiB |\n", row.name, shown(median), row.memory as f64 / 1024.0)
}

fn shown(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 1000.0 { format!("{milliseconds:.1} ms") } else { format!("{:.2} s", milliseconds / 1000.0) }
}

fn told(goal: &Goal, rows: &[Row]) -> String {
    let (of, by) = (&rows[goal.of], &rows[goal.by]);
    let (Some(time), Some(measure)) = (of.median, by.median) else { return String::new() };
    let quotient = time.as_secs_f64() / measure.as_secs_f64();
    let (wanted, verdict) = match goal.bound {
        Bound::AtMost(limit) => (format!("at most {limit}"), goal.bound.holds(quotient)),
        Bound::AtLeast(limit) => (format!("at least {limit}"), goal.bound.holds(quotient)),
    };
    let verdict = if verdict { "met" } else { "NOT MET" };
    format!("\n- {} / {} = {quotient:.2}, {wanted}: {verdict}\n", of.name, by.name)
}

/// The machine, and the date.
pub fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name))
        .collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let date = Command::new("date").arg("+%Y-%m-%d").output().map(|output| output.stdout).unwrap_or_default();
    format!(
        "{}: {} processors ({}), Linux {}, load {} before it began. Medians; each run in a network of its own, the ways \
         in turn.\n",
        String::from_utf8_lossy(&date).trim(),
        models.len(),
        models.first().unwrap_or(&"unknown"),
        kernel.trim(),
        load.split(' ').next().unwrap_or("?"),
    )
}
