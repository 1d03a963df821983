//! The reference of the command line, from clap's definitions.

use anyhow::Result;
use clap::{Arg, Command, CommandFactory};
use netscript::cli::Cli;

use super::cell;

/// Every command with its options.
pub fn command_line() -> Result<String> {
    let mut root = Cli::command();
    root.build();
    let mut text = command(&root);
    for sub in root.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        text.push_str(&command(sub));
    }
    Ok(text)
}

fn command(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut text = format!("## `{name}`\n\n{about}.\n\n```text\n{}\n```\n\n", usage.trim());
    text.push_str("| option | meaning |\n|---|---|\n");
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        text.push_str(&format!("| {} | {} |\n", cell(&shown(arg)), cell(&meaning(arg))));
    }
    if let Some(after) = command.get_after_help() {
        text.push_str(&format!("\n```text\n{after}\n```\n"));
    }
    text + "\n"
}

/// `-v`, `--verbose`; `--name NAME`; `FILE`
fn shown(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let takes = arg.get_action().takes_values();
    let values: String = names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ");
    if arg.is_positional() {
        let after = if arg.is_last_set() { "-- " } else { "" };
        let many = if arg.get_num_args().is_some_and(|range| range.max_values() > 1) { "…" } else { "" };
        return format!("`{after}{values}{many}`");
    }
    let value = match (takes, arg.is_require_equals_set()) {
        (false, _) => String::new(),
        (true, false) => format!(" {values}"),
        (true, true) if arg.get_num_args().is_some_and(|range| range.min_values() == 0) => format!("[={values}]"),
        (true, true) => format!("={values}"),
    };
    let short = arg.get_short().map(|short| format!("`-{short}`"));
    let long = arg.get_long().map(|long| format!("`--{long}{value}`"));
    short.into_iter().chain(long).collect::<Vec<_>>().join(", ")
}

/// The help, the values and the default.
fn meaning(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    if !arg.get_action().takes_values() {
        return text;
    }
    for value in arg.get_possible_values().iter().filter(|value| !value.is_hide_set()) {
        let help = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
        text.push_str(&format!("<br>`{}`{help}", value.get_name()));
    }
    let defaults: Vec<String> = arg.get_default_values().iter().map(|value| format!("`{}`", value.display())).collect();
    if !defaults.is_empty() {
        text.push_str(&format!("<br>default: {}", defaults.join(", ")));
    }
    text
}
