//! `netscript ps`

use std::process::ExitCode;

use netscript_lang::diagnostics::{Result, Sources, visible_json, visible_line};
use netscript_linux::{LabState, lab_states};
use serde_json::{Value, json};

use crate::cli::{ListFormat, PsArgs};
use crate::output::{Printer, fail};
use crate::run::exit_code;

/// Lists the labs that are up.
pub fn run(args: &PsArgs, colour: bool) -> ExitCode {
    match list(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit_code(fail(&error.into(), &Sources::default(), colour)),
    }
}

fn list(args: &PsArgs) -> Result<()> {
    let labs = lab_states()?;
    let printer = Printer::default();
    match args.format {
        ListFormat::Json => {
            printer.line(&visible_json(&format!("{:#}", Value::from_iter(labs.iter().map(as_json)))));
        }
        ListFormat::Table => table(&labs).iter().for_each(|line| printer.line(line)),
    }
    printer.finish()
}

fn as_json(lab: &LabState) -> Value {
    let processes = lab.processes.iter().map(|(pid, what)| json!({ "pid": pid, "what": what }));
    json!({
        "name": lab.name,
        "state": state(lab),
        "script": lab.script,
        "age_seconds": lab.age,
        "namespaces": lab.namespaces.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "processes": processes.collect::<Vec<_>>(),
    })
}

/// A lab's state in a word.
fn state(lab: &LabState) -> &'static str {
    match (lab.busy, lab.damaged, lab.up) {
        (true, _, _) => "busy",
        (false, true, _) => "damaged",
        (false, false, true) => "up",
        (false, false, false) => "left",
    }
}

fn table(labs: &[LabState]) -> Vec<String> {
    let head = ["LAB", "STATE", "AGE", "NAMESPACES", "PROCESSES", "SCRIPT"].map(str::to_owned);
    let rows: Vec<[String; 6]> = [head].into_iter().chain(labs.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn row(lab: &LabState) -> [String; 6] {
    let names: Vec<String> = lab.namespaces.iter().map(ToString::to_string).collect();
    let pids: Vec<String> = lab.processes.iter().map(|(pid, _)| pid.to_string()).collect();
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    [
        lab.name.clone(),
        state(lab).to_owned(),
        age(lab.age),
        or_dash(names.join(",")),
        or_dash(pids.join(",")),
        or_dash(lab.script.clone()),
    ]
    .map(|cell| visible_line(&cell).into_owned())
}

/// `5s`, `12m`, `3h`, `4d`
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}
