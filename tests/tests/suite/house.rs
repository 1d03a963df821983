//! The structure of the sources: which crates and files may use which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use netscript_tests::NEED_LINUX;
use serde_json::Value;

/// Our crates, and those that each may depend on. A new dependency needs a reason here.
const ARROWS: [(&str, &[&str]); 12] = [
    ("netscript-net", &[]),
    ("netscript-model", &["net"]),
    ("netscript-trace", &["net"]),
    ("netscript-dialect", &["net"]),
    ("netscript-view", &["net"]),
    // The model decides which operations may be deferred; `down --dry-run` prints commands.
    ("netscript-linux", &["dialect", "model", "net"]),
    // A dry run consists of a model and printed commands; the trace chooses routes in it.
    ("netscript-lang", &["dialect", "model", "net", "trace"]),
    // `route_get` tells which rule decided.
    ("netscript-stdlib", &["dialect", "lang", "net", "trace"]),
    // It puts the parts together for all programs.
    ("netscript-lab", &["dialect", "lang", "linux", "model", "net", "stdlib"]),
    ("netscript", &["dialect", "lab", "lang", "linux", "model", "net", "stdlib"]),
    ("netscript-book", &["dialect", "lab", "lang", "linux", "model", "net", "netscript", "stdlib", "tests", "view"]),
    ("netscript-tests", &["dialect", "lab", "lang", "linux", "model", "net", "stdlib", "trace"]),
];

/// Crates that must not depend on Linux or the script language, so that they build for any target.
const ANYWHERE: [&str; 5] =
    ["netscript-net", "netscript-model", "netscript-trace", "netscript-dialect", "netscript-view"];

fn cargo(arguments: &[&str]) -> Option<String> {
    if !Path::new(env!("CARGO")).exists() {
        netscript_tests::skip("what the crates depend on: no cargo is installed here");
        return None;
    }
    let output =
        Command::new(env!("CARGO")).current_dir(netscript_tests::workspace()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn crates_know_only_those_below_them() {
    let Some(metadata) = cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"]) else { return };
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let mut found = BTreeMap::new();
    for (package, name) in packages.iter().zip(&names) {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let dependencies = dependencies.map(|dependency| dependency["name"].as_str().unwrap());
        let ours = dependencies.filter(|dependency| names.contains(dependency));
        found.insert(*name, ours.map(|name| name.trim_start_matches("netscript-")).collect::<BTreeSet<_>>());
    }
    let wanted: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.into_iter().map(|(name, may)| (name, may.iter().copied().collect())).collect();
    for (name, dependencies) in &found {
        assert_eq!(Some(dependencies), wanted.get(name), "{name}");
    }
    assert_eq!(found.len(), wanted.len());
}

/// The crates for a web page must build without Linux, and those below the language without Rhai too.
#[test]
fn only_one_crate_needs_linux() {
    // For this machine's target: crates of other targets may not be in the offline cache.
    let tree =
        |package: &str| cargo(&["tree", "--offline", "--package", package, "--edges", "normal", "--prefix", "none"]);
    let has = |tree: &str, names: &[&str]| {
        tree.lines().find(|line| names.iter().any(|name| line.starts_with(name))).map(str::to_owned)
    };
    for package in ANYWHERE.into_iter().chain(["netscript-lang", "netscript-stdlib"]) {
        let Some(tree) = tree(package) else { return };
        assert!(tree.starts_with(package), "{tree}");
        assert_eq!(has(&tree, &NEED_LINUX), None, "{package}");
        if ANYWHERE.contains(&package) {
            assert_eq!(has(&tree, &["rhai "]), None, "{package}");
        }
    }
    let Some(tree) = tree("netscript-linux") else { return };
    assert!(has(&tree, &NEED_LINUX).is_some(), "the names are not those that `cargo tree` prints:\n{tree}");
}

/// The largest allowed circle of files in a folder of sources. It must not grow.
const LARGEST_CIRCLE: usize = 4;

#[test]
fn files_are_used_in_one_direction() {
    let folders = ["net", "model", "dialect", "view", "linux", "lang"].map(|name| format!("engine/{name}/src"));
    let folders = folders
        .into_iter()
        .chain(["stdlib/src", "stdlib/lab/src", "repl/src", "book/builder", "tests/src"].map(str::to_owned));
    for folder in folders {
        let circles = netscript_tests::circles::circles(&netscript_tests::workspace().join(&folder));
        let names = |circle: &BTreeSet<Vec<String>>| circle.iter().map(|module| module.join("::")).collect::<Vec<_>>();
        for circle in circles {
            assert!(
                circle.len() <= LARGEST_CIRCLE,
                "{folder}: {} files use each other: {:?}",
                circle.len(),
                names(&circle)
            );
        }
    }
}

/// The parts of the crate that talks to Linux, the lowest first: a file uses those of its own part and of parts below.
const LINUX: [(&str, &str); 16] = [
    (
        "the machine's calls, and the journal's format",
        "attributes crash_point descriptors interrupt journal listed lock privilege proc raw_names release socket sys",
    ),
    ("netlink", "addr fdb link neigh netfilter netns network nsid policy replay resolver route sysctl"),
    ("the store of labs", "lab"),
    ("probes", "probe"),
    ("the program under other names", "helper"),
    ("processes", "process"),
    ("one of each", "site"),
    ("doing an operation", "carry_out rename"),
    ("its inverse", "inverse"),
    ("both", "recorded"),
    ("taking steps back", "undo"),
    ("many operations together", "batch"),
    ("a lab's beginning and end", "lifetime"),
    ("beside them", "carrier facts sandbox settle"),
    ("all of it as a World", "kernel"),
    ("operations that wait", "batcher"),
];

#[test]
fn parts_of_linux_know_only_those_below_them() {
    let part = |module: &[String]| {
        let name = module.first().expect("nothing uses lib.rs");
        LINUX.iter().position(|(_, names)| names.split(' ').any(|known| known == name)).expect(name)
    };
    let uses = netscript_tests::circles::uses(&netscript_tests::workspace().join("engine/linux/src"));
    let edges = uses.iter().flat_map(|(user, used)| used.iter().map(move |used| (user, used)));
    // lib.rs lists them.
    let edges = edges.filter(|(user, _)| !user.is_empty());
    let upwards = edges.filter(|(user, used)| part(used) > part(user));
    let told = upwards.map(|(user, used)| format!("{} uses {}", user.join("::"), used.join("::")));
    assert_eq!(told.collect::<Vec<_>>(), Vec::<String>::new());
}
