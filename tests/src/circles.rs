//! Circles between the files of a crate, found by reading `use`, `crate::…`, `super::…` and `self::…` in their text.
//!
//! A name that a module only re-exports (`pub use a::B;`) counts as a use of the file that defines it. A file's unit
//! tests do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

/// A module's place in its crate: `["op", "netfilter"]`.
pub type Module = Vec<String>;

/// Which files each file uses.
pub type Uses = BTreeMap<Module, BTreeSet<Module>>;

/// The parts of a file that are needed.
struct Source {
    /// Its `use`s: whether it is a re-export, the path, and the name.
    uses: Vec<(bool, Vec<String>, String)>,
    /// The rest, without comments.
    body: String,
    /// Its modules that are files.
    children: BTreeSet<String>,
}

/// The groups of files of a crate that use each other in a circle, those of two files left out.
///
/// # Panics
///
/// If the folder of its sources cannot be read.
pub fn circles(sources: &Path) -> Vec<BTreeSet<Module>> {
    let uses = uses(sources);
    let reach: Uses = uses.keys().map(|module| (module.clone(), reached_from(&uses, module))).collect();
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for module in reach.keys() {
        let circle: BTreeSet<Module> =
            reach[module].iter().filter(|other| reach[*other].contains(module)).cloned().collect();
        if circle.len() > 2 && seen.insert(circle.clone()) {
            circles.push(circle);
        }
    }
    circles
}

/// Which files each file of a crate uses.
///
/// # Panics
///
/// If the folder of its sources cannot be read.
pub fn uses(sources: &Path) -> Uses {
    let mut files = BTreeMap::new();
    collect(sources, &mut Vec::new(), &mut files);
    files.keys().map(|module| (module.clone(), used_by(&files, module))).collect()
}

fn collect(folder: &Path, at: &mut Module, files: &mut BTreeMap<Module, Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries.map(|entry| entry.expect("the folder can be read")) {
        let path = entry.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("sources have names in UTF-8").to_owned();
        if path.is_dir() {
            at.push(stem);
            collect(&path, at, files);
            at.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut module = at.clone();
            if !["lib", "main", "mod"].contains(&stem.as_str()) {
                module.push(stem);
            }
            files.insert(module, read(&fs::read_to_string(&path).expect("a source is text")));
        }
    }
}

fn read(text: &str) -> Source {
    let tests = pattern(r"#\[cfg\(test\)\]\n(#\[[^\n]*\]\n)*mod ");
    let text = tests.split(text).next().unwrap_or_default();
    let comment = pattern(r"//[^\n]*");
    let text = comment.replace_all(text, "").into_owned();
    let a_use = pattern(r"(pub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);");
    let mut uses = Vec::new();
    for found in a_use.captures_iter(&text) {
        let tree: String = found[2].split_whitespace().collect::<Vec<_>>().join(" ");
        leaves(&tree, "", &mut |path, name| {
            uses.push((found.get(1).is_some(), path.split("::").map(str::to_owned).collect(), name.to_owned()));
        });
    }
    let children = pattern(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?mod (\w+);");
    let children = children.captures_iter(&text).map(|found| found[1].to_owned()).collect();
    Source { uses, body: a_use.replace_all(&text, "").into_owned(), children }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is right")
}

/// Each path of a tree of `use`, with the name that it gets.
fn leaves(tree: &str, before: &str, each: &mut impl FnMut(&str, &str)) {
    let tree = tree.trim();
    let Some((head, inner)) = tree.split_once('{') else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, tree.rsplit("::").next().unwrap_or(tree)));
        let path = format!("{before}{path}");
        let name =
            if name == "self" { path.trim_end_matches("::self").rsplit("::").next().unwrap_or(name) } else { name };
        each(&path, name);
        return;
    };
    // Without a closing bracket, this is text, not code.
    let Some(inner) = inner.trim_end().strip_suffix('}') else { return };
    let (mut depth, mut start) = (0, 0);
    let before = format!("{before}{}", head.trim());
    for (index, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                leaves(&inner[start..index], &before, each);
                start = index + 1;
            }
            _ => {}
        }
    }
    if !inner[start..].trim().is_empty() {
        leaves(&inner[start..], &before, each);
    }
}

fn used_by(files: &BTreeMap<Module, Source>, module: &Module) -> BTreeSet<Module> {
    let source = &files[module];
    let mut paths: Vec<Vec<String>> = Vec::new();
    for (passed_on, path, name) in &source.uses {
        // A name that is only re-exported is not used by the file itself.
        if !passed_on || pattern(&format!(r"\b{}\b", regex::escape(name))).is_match(&source.body) {
            paths.push(path.clone());
        }
    }
    let split = |path: &str| path.split("::").map(str::to_owned).collect();
    let written = pattern(r"\b(?:crate|super|self)(?:::\w+)+");
    paths.extend(written.find_iter(&source.body).map(|found| split(found.as_str())));
    for child in &source.children {
        let written = pattern(&format!(r"\b{child}::\w+"));
        paths.extend(written.find_iter(&source.body).map(|found| split(found.as_str())));
    }
    let found = paths.iter().filter_map(|path| resolve(files, module, path, 0));
    found.filter(|other| other != module).collect()
}

/// The file that defines the name of a path; `None`: another crate's name, or one of a module inside the file.
fn resolve(files: &BTreeMap<Module, Source>, from: &Module, path: &[String], depth: usize) -> Option<Module> {
    let (mut at, mut rest) = match path.first()?.as_str() {
        "crate" => (Module::new(), &path[1..]),
        "self" => (from.clone(), &path[1..]),
        "super" => {
            let up = path.iter().take_while(|part| *part == "super").count();
            // One `super` more: from a module inside the file.
            (from[..from.len().checked_sub(up)?].to_vec(), &path[up..])
        }
        first if files[from].children.contains(first) => (from.clone(), path),
        _ => return None,
    };
    while let Some(part) = rest.first() {
        at.push(part.clone());
        if !files.contains_key(&at) {
            at.pop();
            break;
        }
        rest = &rest[1..];
    }
    let Some(name) = rest.first().filter(|name| !["self", "*"].contains(&name.as_str())) else { return Some(at) };
    let source = files.get(&at)?;
    if depth < 8
        && let Some((_, path, _)) = source.uses.iter().find(|(_, _, known)| known == name)
    {
        return resolve(files, &at, path, depth + 1);
    }
    let known = pattern(&format!(r"\b{}\b", regex::escape(name))).is_match(&source.body);
    known.then_some(at)
}

fn reached_from(uses: &Uses, module: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut todo = vec![module];
    while let Some(module) = todo.pop() {
        for other in uses.get(module).into_iter().flatten() {
            if reached.insert(other.clone()) {
                todo.push(other);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::circles;

    #[test]
    fn a_circle_is_found_and_what_is_passed_on_makes_none() {
        let folder = tempfile::tempdir().expect("the disk has room");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("the folder is ours");
        write("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\npub use b::B;\n");
        write("a.rs", "use crate::B;\npub struct A(B);\n");
        write("b.rs", "use super::c::{self, C};\npub struct B(C);\n");
        write(
            "c.rs",
            "pub struct C;\n// super::a::A\n#[cfg(test)]\n#[allow(x)]\nmod tests { use super::super::a::A; }\n",
        );
        assert!(circles(folder.path()).is_empty());
        write("c.rs", "pub struct C(Option<Box<super::A>>);\n");
        let circle = circles(folder.path()).pop().expect("there is one");
        assert_eq!(circle.into_iter().collect::<Vec<_>>(), [["a"], ["b"], ["c"]]);
    }
}
