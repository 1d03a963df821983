//! Untrusted scripts: `--no-exec`, and the files that a dry run reads.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

use netscript_lab::wiring::of_words;
use netscript_lang::interpreter::{Form, Word, words};
use netscript_stdlib::outside::{OutsideEffect, declared, effects};
use netscript_tests::program::{Finished, Place, finish};

/// The words of netscript's own, without operators and conversions to text.
fn own_words() -> Vec<Word> {
    let all = words(of_words().engine()).into_iter();
    all.filter(|word| !word.standard && word.form != Form::Operator && word.name != "to_string").collect()
}

#[test]
fn every_word_declares_what_it_does_outside() {
    let registered: BTreeSet<(String, String)> =
        own_words().iter().map(|word| (word.receiver().unwrap_or("").to_owned(), word.name.clone())).collect();
    assert!(registered.len() > 100, "{registered:?}");
    let declared: BTreeSet<(String, String)> =
        declared().map(|(receiver, name)| (receiver.to_owned(), name.to_owned())).collect();
    let missing: Vec<_> = registered.difference(&declared).collect();
    let gone: Vec<_> = declared.difference(&registered).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "stdlib/src/outside.rs lacks {missing:?}; it has too many: {gone:?}"
    );
}

fn run(place: &Place, options: &[&str], script: &str) -> Finished {
    place.write("script.rhai", script);
    finish(&mut place.netscript(&[options, &["script.rhai"]].concat()))
}

#[test]
fn forbidden_words_are_those_declared() {
    // A call of each forbidden word.
    let calls = [
        ("Netns", "exec", "host.exec(\"true\");"),
        ("Netns", "start", "host.start([\"sleep\", \"1\"]);"),
        ("Netns", "shell", "host.shell();"),
        ("Link", "capture", "host.lo.capture(\"x.pcap\");"),
        ("Netns", "sysctl", "host.sysctl(\"kernel.core_pattern\", \"|/tmp/evil\");"),
    ];
    let wanted = |effect: &OutsideEffect| match effect {
        OutsideEffect::StartsProgram | OutsideEffect::WritesFile | OutsideEffect::WritesSetting => true,
        OutsideEffect::StartsNetscript | OutsideEffect::WritesResolver | OutsideEffect::ReadsProcesses => false,
    };
    for (receiver, name) in declared() {
        let refused = effects(receiver, name).unwrap().iter().any(wanted);
        assert_eq!(refused, calls.iter().any(|call| (call.0, call.1) == (receiver, name)), "{receiver}.{name}");
    }
    let place = Place::new();
    for (_, name, call) in calls {
        for options in [&["--sandbox", "--no-exec"][..], &["--dry-run", "--no-exec"]] {
            let finished = run(&place, options, call);
            assert_eq!(finished.status, 1, "{name}: {finished:?}");
            assert!(finished.stderr.contains("error[E0431]"), "{name}: {finished:?}");
            assert!(finished.stderr.contains("script.rhai:1:"), "{name}: {finished:?}");
        }
    }
    assert!(!place.path("x.pcap").exists());
}

#[test]
fn words_that_are_declared_harmless_do_nothing_that_is_refused() {
    let place = Place::new();
    let others = [".exec(", ".start(", ".shell(", "capture(\"", "host.sysctl(\"kernel"];
    let mut tried = 0;
    for word in crate::examples::words() {
        for (_, text) in word.examples().iter().filter(|(_, text)| !others.iter().any(|other| text.contains(other))) {
            let finished = run(&place, &["--dry-run", "--no-exec"], text);
            assert!(!finished.stderr.contains("E0431"), "{}:\n{text}{}", word.signature, finished.stderr);
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_confined_dry_run_knows_no_more_than_another() {
    let place = Place::new();
    let script = "let entries = bridge(\"b\").fdb; if entries.len() == 3 { netns(\"red\"); }";
    for options in [&["--dry-run"][..], &["--dry-run", "--no-exec"]] {
        let finished = run(&place, options, script);
        assert!(finished.status == 1 && finished.stderr.contains("error[E0601]"), "{options:?}: {finished:?}");
    }
}

#[test]
fn probes_servers_and_captures_need_no_programs() {
    let place = Place::new();
    let script = r#"
        let red = netns("red");
        let v = veth("v", #{ peer: "eth0", netns: red }).addr("10.0.0.1/24").up();
        v.peer.addr("10.0.0.2/24").up();
        red.serve(80, "hello");
        let capture = v.capture();
        print(host.ping(red).ok); print(host.fetch("http://10.0.0.2/").body); print(capture.packets.len() > 0);
        host.sysctl("net.ipv4.ip_forward", 1);
    "#;
    assert_eq!(run(&place, &["--sandbox", "--no-exec"], script).success(), "true\nhello\ntrue\n");
}

#[test]
fn tests_can_be_confined_too() {
    let place = Place::new();
    place.write("a.rhai", "host.exec(\"true\")");
    let finished = finish(&mut place.netscript(&["test", "--no-exec", "a.rhai"]));
    assert_eq!(finished.status, 1, "{finished:?}");
    assert!(finished.stdout.contains("E0431"), "{finished:?}");
}

#[test]
fn modules_come_from_the_scripts_folder_unless_others_are_allowed() {
    let place = Place::new();
    for folder in ["lab", "lab/below", "other", "secret"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    for (file, text) in [
        ("lab/beside", "fn f() { 1 }"),
        ("lab/below/deep", "fn f() { 2 }"),
        ("other/lib", "import \"../secret/x\" as x; fn f() { 3 }"),
        ("secret/x", "fn f() { 4 }"),
    ] {
        fs::write(place.path(&format!("{file}.rhai")), text).unwrap();
    }
    symlink("../secret/x.rhai", place.path("lab/link.rhai")).unwrap();
    symlink("../secret", place.path("lab/folder")).unwrap();
    let absolute = place.path("secret/x").display().to_string();
    let import = |module: &str, options: &[&str]| {
        fs::write(place.path("lab/script.rhai"), format!("import {module:?} as m; print(m::f());")).unwrap();
        finish(&mut place.netscript(&[options, &["lab/script.rhai"]].concat()))
    };
    let outside =
        ["../secret/x", "link", "folder/x", absolute.as_str(), "below/../../secret/x", "../secret/none", "/etc/none"];
    for confined in [&["--dry-run"][..], &["--sandbox", "--no-exec"], &["--dry-run", "--no-exec"]] {
        for module in ["beside", "below/deep", "./beside", "below/../beside", "lab"] {
            let finished = import(module, confined);
            // `lab` is built in, and has no `f`.
            assert_eq!(finished.status == 0, module != "lab", "{module} {confined:?}: {finished:?}");
            assert!(!finished.stderr.contains("E0432"), "{module} {confined:?}: {finished:?}");
        }
        for module in outside {
            let finished = import(module, confined);
            assert!(finished.stderr.contains("error[E0432]"), "{module} {confined:?}: {finished:?}");
            assert!(finished.stderr.contains("lab/script.rhai:1:"), "{module} {confined:?}: {finished:?}");
            assert!(!finished.stderr.contains("fn f"), "{module}: {finished:?}");
        }
        // A module from an allowed folder may import only from allowed folders.
        let other = place.path("other").display().to_string();
        let with_other = [confined, &["--allow-import", &other]].concat();
        assert!(import("../other/lib", &with_other).stderr.contains("E0432"), "{confined:?}");
        let secret = place.path("secret").display().to_string();
        let with_both = [confined, &["--allow-import", &other, "--allow-import", &secret]].concat();
        assert_eq!(import("../other/lib", &with_both).status, 0, "{confined:?}");
        assert_eq!(import("link", &with_both).status, 0, "{confined:?}");
    }
    // Without these options, imports are not restricted.
    for module in ["../secret/x", "link", "folder/x", absolute.as_str()] {
        assert_eq!(import(module, &["--sandbox"]).success(), "4\n", "{module}");
    }
}

#[test]
fn a_dry_run_starts_nothing_and_prints_programs() {
    let place = Place::new();
    let script = format!(
        "host.exec([\"touch\", \"{0}\"]); host.start([\"touch\", \"{0}\"]); host.lo.capture(\"{0}\"); host.shell(); host.serve(80, \"x\");",
        place.path("made").display()
    );
    let finished = run(&place, &["--dry-run"], &script);
    assert!(finished.stdout.contains("touch"), "{finished:?}");
    assert!(!place.path("made").exists());
}
