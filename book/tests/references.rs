//! Compares the references with other sources of the same facts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use netscript_book::reference;
use netscript_lang::interpreter::functions;
use netscript_stdlib::{MODULES, own_options_of};
use netscript_tests::{netscript, workspace};
use regex::Regex;

#[test]
fn every_registered_function_is_in_the_reference() {
    let text = reference::words().unwrap();
    let interpreter = netscript_lab::wiring::of_words();
    let registered = functions(interpreter.engine(), false, |info| {
        Some((info.metadata.name.to_string(), info.metadata.comments.join("\n"), info.metadata.hash))
    });
    // A function with the name and parameters of one of Rhai's must be listed with its limit.
    let plain = rhai::Engine::new();
    let of_rhai: BTreeSet<u64> =
        plain.collect_fn_metadata(None, |info| Some(info.metadata.hash), true).into_iter().collect();
    let limits = text.split_once("{#limits}\n").expect("the limits are listed").1.split("\n## ").next().unwrap();
    assert!(registered.len() > 150, "only {} functions are registered", registered.len());
    let mut missing = BTreeSet::new();
    let mut limited = BTreeSet::new();
    for (name, comments, hash) in &registered {
        let name = name.strip_prefix("get$").unwrap_or(name);
        let is_operator = !name.starts_with(char::is_alphabetic) || ["to_string", "to_debug"].contains(&name);
        if is_operator || name.contains('$') {
            continue;
        }
        if comments.is_empty() && of_rhai.contains(hash) {
            limited.insert(format!("`{name}`"));
            continue;
        }
        let first = comments.lines().next().unwrap_or_default().trim_start_matches("///").trim();
        if !text.contains(&format!("### `{name}` ")) || !text.contains(first) {
            missing.insert(name.to_owned());
        }
        let section = text.split_once(&format!("### `{name}` ")).map_or("", |(_, section)| section);
        let (like, own) = own_options_of(name);
        assert!(like.is_none_or(|like| section.contains(&format!("Options: those of [`{like}`](#"))), "{name}");
        for option in own {
            let row = format!("| `{}` | ", option.key);
            assert!(section.contains(&row) && section.contains(option.help()), "{name}: {row}");
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
    let listed = Regex::new("`[a-z_]+`").unwrap();
    let rows = limits.lines().filter(|line| line.starts_with("| `"));
    let listed: BTreeSet<String> =
        rows.flat_map(|row| listed.find_iter(row)).map(|name| name.as_str().to_owned()).collect();
    assert!(limited.len() >= 12, "{limited:?}");
    assert_eq!(listed, limited, "what is listed with limits is what has them");
}

#[test]
fn every_function_of_a_module_is_in_the_reference() {
    let text = reference::words().unwrap();
    let function = Regex::new(r"(?m)^fn (\w+)").unwrap();
    for (module, source) in MODULES {
        let names: Vec<&str> = function.captures_iter(source).map(|found| found.get(1).unwrap().as_str()).collect();
        assert!(!names.is_empty(), "{module}");
        for name in names {
            assert!(text.contains(&format!("### `{module}::{name}` ")), "{module}::{name}");
        }
    }
}

/// The reference must have all that `--help` of the program shows, for every command.
#[test]
fn every_option_is_in_the_reference() {
    let text = reference::command_line().unwrap();
    let help = |args: &[&str]| {
        let output = Command::new(netscript()).args(args).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let root = help(&[]);
    let (_, commands) = root.split_once("\nCommands:\n").expect("it has commands");
    let commands: Vec<&str> = commands.lines().take_while(|line| !line.is_empty()).collect();
    let names = commands.iter().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"test") && names.contains(&"down"), "{names:?}");
    let option = Regex::new(r"(?m)^ +(?:(-\w), )?(--[a-z-]+)").unwrap();
    let mut checked = 0;
    for name in [""].iter().chain(&names) {
        let help = if name.is_empty() { root.clone() } else { help(&[name]) };
        let title = format!("## `netscript {name}").trim_end().to_owned() + "`\n";
        let section = text.split_once(&title).unwrap_or_else(|| panic!("{title}")).1;
        let section = section.split("\n## ").next().unwrap();
        for found in option.captures_iter(&help) {
            for part in found.iter().skip(1).flatten() {
                assert!(section.contains(&format!("`{}", part.as_str())), "{title} {}:\n{section}", part.as_str());
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "only {checked} options");
}

/// What `:help` says in a session of the program, of every command.
#[test]
fn every_command_of_the_repl_is_in_the_reference() {
    let text = reference::repl_commands().unwrap();
    let said = Command::new("sh")
        .arg("-c")
        .arg(format!("echo :help | '{}' --sandbox", netscript().display()))
        .output()
        .unwrap();
    let help = String::from_utf8(said.stdout).unwrap();
    let commands = help.strip_prefix("Commands\n").unwrap_or_else(|| panic!("{help}"));
    let commands = commands.split_once("\nFunctions\n").unwrap().0.replace("\n                       ", " ");
    for command in commands.lines() {
        let (synopsis, about) = command.trim().split_once("  ").unwrap_or_else(|| panic!("{command}"));
        let row = format!("| `{}` | {} |\n", synopsis.replace('|', "\\|"), about.trim());
        assert!(text.contains(&row), "{row}{text}");
    }
    assert!(commands.lines().count() > 10, "{commands}");
    assert_eq!(text.lines().count(), commands.lines().count() + 2, "{text}");
}

#[test]
fn every_error_code_is_in_the_reference() {
    let text = reference::codes().unwrap();
    let source = fs::read_to_string(workspace().join("engine/net/src/error/code.rs")).unwrap();
    let entry = Regex::new(r#"(?m)^    (E\d{4}) "(.*)",$"#).unwrap();
    let entries: Vec<(&str, &str)> = entry.captures_iter(&source).map(|found| found.extract::<2>().1.into()).collect();
    assert!(entries.len() > 50, "only {} codes", entries.len());
    for (code, title) in entries {
        let section = text.split_once(&format!("### {code}: {title}\n")).unwrap_or_else(|| panic!("{code}: {title}")).1;
        let section = section.split("\n### ").next().unwrap();
        for part in ["**Why:** ", "**What to do:** "] {
            assert!(section.contains(part), "{code}: {section}");
        }
        let example = workspace().join(format!("book/src/errors/{code}.md"));
        let shown = section.contains(&format!("{{{{example errors/{code}.md}}}}"))
            && fs::read_to_string(example)
                .is_ok_and(|text| text.contains(&format!("error[{code}]")) || text.contains(&format!("fails={code}")));
        assert!(section.contains(&format!("error[{code}]")) || shown, "{code} has no example");
    }
}

#[test]
fn every_tutorial_has_its_picture() {
    let mut tutorials = 0;
    for chapter in fs::read_dir(workspace().join("book/src/tutorials")).unwrap() {
        let chapter = chapter.unwrap().path();
        let text = fs::read_to_string(&chapter).unwrap();
        let pictures = text.lines().filter(|line| line.starts_with("```rhai") && line.contains(",graph")).count();
        assert!(pictures > 0, "{} has no `graph`", chapter.display());
        tutorials += 1;
    }
    assert!(tutorials >= 5, "only {tutorials} tutorials");
}
