//! Errors that `tests/suite` cannot cause: in modules, in a session, on the command line, and of a root user without
//! capabilities.

use std::process::Command;

use netscript_tests::program::{Finished, Place, finish};

/// The standard error of `main.rhai` beside modules.
fn beside(modules: &[(&str, &str)], main: &str) -> String {
    let place = Place::new();
    std::fs::create_dir(place.path("sub")).unwrap();
    for (name, text) in modules {
        place.write(name, text);
    }
    place.write("main.rhai", main);
    let finished = finish(&mut place.netscript(&["--sandbox", "main.rhai"]));
    assert_eq!(finished.status, 1, "{finished:?}");
    finished.stderr
}

#[test]
fn a_modules_errors_have_their_place() {
    let syntax = beside(&[("bad.rhai", "let x = 1 +;\n")], "import \"bad\" as bad;");
    assert!(syntax.contains("error[E0101]") && syntax.contains("┌─ bad.rhai:1:12"), "{syntax}");
    assert!(syntax.contains("let x = 1 +;") && syntax.contains("called at main.rhai:1:8"), "{syntax}");
    let slip = beside(&[("bad.rhai", "let b = bridge(\"b\");\nb.addr(10.0.0.1/24);\n")], "import \"bad\" as bad;");
    assert!(slip.contains("┌─ bad.rhai:2:8") && slip.contains("write `\"10.0.0.1/24\"`"), "{slip}");
    let function = [("make.rhai", "fn make(stp) {\n    host.bridge(\"b\", #{ stp: stp });\n}\n")];
    let value = beside(&function, "import \"make\" as make;\nmake::make(5);");
    assert!(value.contains("┌─ make.rhai:2:30") && value.contains("called at main.rhai:2:7"), "{value}");
    let nested = [("inner.rhai", "bridge(\"a/b\");\n"), ("sub/outer.rhai", "import \"inner\" as inner;\n")];
    let nested = beside(&nested, "import \"sub/outer\" as outer;");
    assert!(nested.contains("┌─ inner.rhai:1:8") && nested.contains("called at sub/outer.rhai:1:8"), "{nested}");
}

#[test]
fn the_label_names_what_a_variable_holds() {
    for (script, wanted) in [
        ("let o = #{ via: \"10.0.0.\" }; host.route(\"10.0.0.0/8\", o);", "in its `via`: "),
        ("let o = #{ src: [\"10.0.0.0/80\"] }; host.filter.input.drop(o);", "in its `src[0]`: "),
        ("let l = [\"10.0.0.0/80\"]; host.filter.input.drop(#{ src: l });", "in its `[0]`: "),
        (
            "let h = [#{ via: \"10.0.0.1\" }, #{ vai: 1 }]; host.route(\"10.0.0.0/8\", #{ nexthops: h });",
            "in its `[1].vai`: ",
        ),
    ] {
        let told = beside(&[], script);
        assert!(told.contains(wanted), "{script}: {told}");
    }
}

/// The code of an error does not depend on how many functions it has passed.
#[test]
fn codes_are_the_same_inside_functions_and_closures() {
    let erring = [
        "nope();",
        "let x = nope;",
        "let x = \"a\".nope;",
        "[1][5];",
        "\"abc\"[7];",
        "let z = 0; 1 / z;",
        "let z = 9223372036854775807; z + 1;",
        "link(\"nope\");",
        "bridge(\"a/b\");",
        "import \"nope\" as n;",
        "let v = 1; if v { }",
        "netns(42);",
        "let m = #{ a: 1 }; m[\"b\"].c;",
        "throw \"mine\";",
    ];
    for code in erring {
        let script = format!(
            "let codes = [];\n\
             let code_of = |e| if type_of(e) == \"string\" {{ e }} else {{ e.code }};\n\
             fn direct() {{ {code} }}\n\
             fn passed_on() {{ direct() }}\n\
             try {{ {code} }} catch (e) {{ codes.push(code_of.call(e)); }}\n\
             try {{ direct(); }} catch (e) {{ codes.push(code_of.call(e)); }}\n\
             try {{ passed_on(); }} catch (e) {{ let ask = || code_of.call(e); codes.push(ask.call()); }}\n\
             try {{ [1].for_each(|x| {{ {code} }}); }} catch (e) {{ codes.push(code_of.call(e)); }}\n\
             let all = codes.len();\n\
             codes.dedup();\n\
             assert(all == 4 && codes.len() == 1, `${{codes}}`);\n\
             print(codes[0]);"
        );
        let printed = printed(&script);
        assert!(printed.starts_with("E0") || printed == "mine\n", "{code}: {printed}");
    }
}

fn printed(script: &str) -> String {
    Place::new().sandboxed(script).success().to_owned()
}

/// Runs the program as root without a capability, in a network of its own.
fn without(capability: &str, script: &str, options: &str) -> String {
    let place = Place::new();
    place.write("script.rhai", script);
    let mut command = Command::new("unshare");
    let drop = format!("setpriv --bounding-set -{capability} --inh-caps -{capability}");
    command.args(["--net", "--mount", "sh", "-c"]).current_dir(place.path("."));
    command
        .arg(format!("mount -t tmpfs tmpfs /run && exec {drop} {} {options} script.rhai", place.program().display()));
    let finished = finish(&mut command);
    assert_eq!(finished.status, 1, "{command:?}: {finished:?}");
    finished.stderr
}

#[test]
fn a_capability_that_root_lacks_is_named() {
    for (capability, script, place) in [
        ("sys_admin", "bridge(\"br0\");", ""),
        ("net_admin", "bridge(\"br0\");", ""),
        ("net_raw", "host.lo.up();\nhost.ping(\"127.0.0.1\");", "script.rhai:2:6"),
        ("net_raw", "host.lo.capture();", "script.rhai:1:9"),
        ("sys_ptrace", "netns_of(1);", "script.rhai:1:1"),
        ("sys_ptrace", "netns_attach(\"box\", 1);", "script.rhai:1:1"),
    ] {
        let told = without(capability, script, "--rm --name capability");
        let wanted = format!("without CAP_{}\n", capability.to_uppercase());
        assert!(told.contains("error[E0460]") && told.contains(&wanted), "{script}: {told}");
        assert!(told.contains(place) && !told.contains("with `sudo`,"), "{script}: {told}");
    }
}

/// Process 1 of a sandbox is netscript, and not dumpable: nobody may ptrace(2) it.
#[test]
fn a_process_that_nobody_may_look_into_is_no_matter_of_sudo() {
    for (script, place) in [
        ("netns_attach(\"red\", 1);", "main.rhai:1:21"),
        ("let pid = 1;\nnetns_attach(\"red\", pid);", "main.rhai:2:21"),
        ("netns_of(1);", "main.rhai:1:10"),
    ] {
        let told = beside(&[], script);
        assert!(told.contains("error[E0305]") && told.contains(&format!("┌─ {place}\n")), "{script}: {told}");
        assert!(told.contains("process 1") && !told.contains("sudo"), "{script}: {told}");
    }
}

#[test]
fn slips_on_the_command_line_are_told() {
    let place = Place::new();
    for (line, status, wanted) in [
        ("help", 1, "`netscript --help`"),
        ("help down", 2, "`netscript down --help`"),
        ("run x.rhai", 2, "`netscript x.rhai`"),
        ("x.rhai 3", 2, "`netscript x.rhai -- 3`"),
        ("list", 1, "`netscript ps`"),
        ("stop lab", 2, "`netscript down lab`"),
    ] {
        let finished = finish(&mut place.netscript(&line.split(' ').collect::<Vec<_>>()));
        assert_eq!(finished.status, status, "{line}: {finished:?}");
        assert!(finished.stderr.contains(wanted), "{line}: {finished:?}");
    }
}

/// A session whose lines come from a file.
fn typed(place: &Place, lines: &str) -> Finished {
    let input = std::fs::File::open(place.write("lines", lines)).unwrap();
    finish(place.netscript(&["--sandbox"]).stdin(input))
}

#[test]
fn slips_in_a_session_are_told() {
    let place = Place::new();
    for (line, wanted) in [
        ("quit", "`:quit`"),
        ("help", "`:help`"),
        ("ls", "`:show`"),
        ("ip a", "`host.links`"),
        ("ip route", "`host.routes`"),
        ("netns(\"red\").links()", "`.links`"),
        ("bridge(\"br0\").addr(10.0.0.1/24)", "`\"10.0.0.1/24\"`"),
    ] {
        let finished = typed(&place, &format!("{line}\n"));
        assert_eq!(finished.status, 1, "{line}: {finished:?}");
        assert!(finished.stderr.contains(wanted), "{line}: {finished:?}");
    }
    // If there is a variable of this name, it is used.
    let variable = typed(&place, "let ls = 7;\nls\n");
    assert!(variable.success().contains('7'));
}

#[test]
fn a_session_underlines_in_earlier_lines() {
    let place = Place::new();
    let finished = typed(&place, "print(1);\nfn make(stp) {\n  bridge(\"b\", #{ stp: stp })\n}\nmake(\"x\");\n");
    assert!(finished.stderr.contains("input:3:23"), "{finished:?}");
    assert!(finished.stderr.contains("│                       ^^^ "), "{finished:?}");
}

/// Rhai gives no position for this error.
#[test]
fn a_closure_that_uses_the_list_it_goes_through_is_told_how_to_be_written() {
    let finished = Place::new().sandboxed("let list = [1, 2]; list.all(|part| part == list[0]);");
    assert_eq!(finished.status, 1, "{finished:?}");
    assert!(
        finished.stderr.contains("error[E0113]") && finished.stderr.contains("take what the closure needs out first"),
        "{finished:?}"
    );
}
