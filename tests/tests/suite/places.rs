//! A table of scripts with the part that the error must underline.

use netscript_tests::program::{Place, finish};

/// Scripts that fail, with `«` and `»` around the part that must be underlined; and the beginning of the label, if the
/// part itself is written elsewhere.
const PLACES: &[(&str, &str)] = &[
    // A value, a key, and names that read the same.
    (r#"bridge("b", #{ stp: «"yes"» });"#, ""),
    (r#"bridge("yes", #{ stp: «"yes"» });"#, ""),
    (r#"bridge("spt", #{ «spt»: true });"#, ""),
    (r#"bridge("b", #{ «"s tp"»: true });"#, ""),
    (r#"«vxlan»("v", #{ remote: "192.0.2.1" });"#, ""),
    (r#"host.route("fd00::/64", #{ via: "fd00::1", src: «"10.0.0.1"» });"#, ""),
    (r#"host.route("10.9.0.0/16", #{ via: "fd00::1", src: «"fd00::1"» });"#, ""),
    (r#"host.route(«"10.0.0."», #{ via: "10.0.0." });"#, ""),
    (r#"host.route_get(«"10.0.0."»);"#, ""),
    (r#"host.route_get("10.0.0.1", #{ from: «"fd00::1"» });"#, ""),
    (r#"host.route_get("10.0.0.1", #{ oif: «"nope"» });"#, ""),
    (r#"host.route("10.9.0.0/16", #{ via: "10.0.0.1", tos: «256» });"#, ""),
    // Expressions as values.
    (r#"bridge("b", #{ priority: «1 + 70000» });"#, ""),
    (r#"bridge("b", #{ priority: «-1», stp: true });"#, ""),
    (r#"bridge("b", #{ priority: «[1, 2].len() + 70000» });"#, ""),
    (r#"bridge("b", #{ stp: «if true { 1 } else { 2 }» });"#, ""),
    (r#"veth("v", #{ peer: «bridge("b").name + "/"» });"#, ""),
    (r#"host.route("10.0.0.0/8", #{ via: «"}"» });"#, ""),
    (r#"let x = 5; bridge("b", #{ stp: «x» });"#, ""),
    (r#"let m = #{ x: [5] }; bridge("b", #{ stp: «m.x[0]» });"#, ""),
    // Lists and nested maps.
    (r#"host.filter.input.accept(#{ src: ["10.0.0.0/8", «"10.0.0.0/80"», "10.0.0.0/8"] });"#, ""),
    (r#"host.filter.input.accept(#{ proto: "tcp", dport: [80, 443, «99999»] });"#, ""),
    (r#"host.filter.input.accept(#{ state: ["NEW", «"REALTED"»] });"#, ""),
    (r#"host.filter.input.accept([#{ state: "NEW" }, #{ «prot»: "tcp" }]);"#, ""),
    (r#"host.filter.input.accept([#{ state: "NEW" }, #{ proto: «"tpc"» }]);"#, ""),
    (r#"host.filter.input.accept([#{ proto: "tcp" }, #{ dport: [80, «99999»] }]);"#, ""),
    (r#"host.filter.input.accept([#{ state: "NEW" }, «5»]);"#, ""),
    (r#"host.filter.input.jump("OUTPUT", «5»);"#, ""),
    (r#"host.route("10.9.0.0/16", #{ nexthops: [#{ via: "10.0.0.2" }, #{ via: «"10.0.0."» }] });"#, ""),
    (r#"host.route("10.9.0.0/16", #{ nexthops: [#{ via: "10.0.0.2" }, #{ «vai»: "10.0.0.2" }] });"#, ""),
    (r#"host.route("10.9.0.0/16", #{ nexthops: #{ via: «"10.0.0."» } });"#, ""),
    (r#"host.route("10.9.0.0/16", #{ nexthops: [«"10.0.0.1"»] });"#, ""),
    (r#"host.serve_dns(#{ "www.lab": "10.0.0.1", "db.lab": ["10.0.0.2", «"10.0.0"»] });"#, ""),
    (r#"host.exec(["echo", «["b"]»]);"#, ""),
    // Receivers of methods.
    (r#"let l = veth("a", "b"); l.delete(); «l».up();"#, ""),
    (r#"let l = [veth("a", "b")]; l[0].delete(); print(1); «l[0]».addr("10.0.0.1/24").up();"#, ""),
    (r#"let m = #{ l: veth("a", "b") }; m.l.delete(); «m.l».up().up();"#, ""),
    (r#"host.lo.addr("10.0.0.1/24").addr("10.0.0.2/24", #{ dad: «1» }).up();"#, ""),
    (r#"let m = #{ red: netns("red") }; m.red.bridge("b", #{ stp: «1» }).up();"#, ""),
    (r#"let m = #{ red: netns("red") }; m["red"].bridge("b", #{ «spt»: true });"#, ""),
    // Maps that are written elsewhere.
    (r#"let o = #{ spt: true }; bridge("b", «o»);"#, "in its `spt`: "),
    (r#"let o = #{ stp: 1 }; bridge("b", «o»);"#, "in its `stp`: "),
    (r#"const O = #{ spt: true }; bridge("b", «O»);"#, "in its `spt`: "),
    (r#"let c = #{ o: #{ spt: true } }; bridge("b", «c.o»);"#, "in its `spt`: "),
    (r#"let c = [#{ spt: true }]; bridge("b", «c[0]»);"#, "in its `spt`: "),
    (r#"fn o() { #{ spt: true } } bridge("b", «o()»);"#, "in its `spt`: "),
    (r#"bridge("b", «#{ stp: true } + #{ spt: 1 }»);"#, "in its `spt`: "),
    (r#"let o = #{ spt: true }; let f = || bridge("b", «o»); f.call();"#, "in its `spt`: "),
    (
        r#"let o = #{ nexthops: [#{ via: "10.0.0.1" }, #{ vai: 1 }] }; host.route("10.0.0.0/8", «o»);"#,
        "in its `nexthops[1].vai`: ",
    ),
    (
        r#"let h = [#{ via: "10.0.0.1" }, #{ vai: 1 }]; host.route("10.0.0.0/8", #{ nexthops: «h» });"#,
        "in its `[1].vai`: ",
    ),
    (r#"let m = #{ prot: "tcp" }; host.filter.input.accept([#{ state: "NEW" }, «m»]);"#, "in its `prot`: "),
    (r#"let l = [#{ state: "NEW" }, #{ prot: "tcp" }]; host.filter.input.accept(«l»);"#, "in its `[1].prot`: "),
    // Inside closures, functions, template strings, conditions.
    (r#"[5].map(|i| bridge("b", #{ stp: «i» }));"#, ""),
    (r#"["a/b"].for_each(|| { bridge(«this»); });"#, ""),
    (r#"let f = |n| bridge(n, #{ stp: «2» }); f.call("b");"#, ""),
    (r#"fn make(stp) { bridge("b", #{ stp: «stp» }) } make(5);"#, ""),
    (r#"print(`made ${bridge("b", #{ stp: «1» })}`);"#, ""),
    (r#"print(`a ${`b ${bridge("b", #{ «spt»: true })}`}`);"#, ""),
    (r#"for n in 0..1 { switch n { 0 => { if bridge("b", #{ «spt»: true }).stp { } }, _ => () } }"#, ""),
    (r#"try { link("nope"); } catch (e) { bridge("b", #{ «spt»: true }); }"#, ""),
    (r#"assert(1 == 1 && host.ping("127.0.0.1", #{ count: «0» }).ok, "it answers");"#, ""),
    (r#"bridge("a", #{ stp: true }); bridge("b", #{ stp: «5» }); bridge("c", #{ stp: 5 });"#, ""),
    (r#"veth("v1", bridge("b", #{ stp: «1» }).name); bridge("b");"#, ""),
    // Over lines, beside comments and characters of several bytes.
    (
        "host.route(\n    \"10.9.0.0/16\",\n    #{\n        via: \"10.0.0.2\", // metric: 7\n        metric: «-1»,\n    },\n);",
        "",
    ),
    ("netns(\"red\")\n    .bridge(\"b\",\n        #{ «spt»: true })\n    .up();", ""),
    (r#"bridge("b", #{ /* stp: "no" */ stp: «"yes"» });"#, ""),
    (r#"print("äöü"); bridge("b", #{ stp: «"ja, ä"» });"#, ""),
];

#[test]
fn what_is_meant_is_underlined() {
    assert!(PLACES.len() >= 30);
    let wrong: Vec<String> = PLACES.iter().filter_map(|(marked, label)| difference(marked, label)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The part that a run of a marked script underlines, if it is not the marked one.
fn difference(marked: &str, label: &str) -> Option<String> {
    let place = Place::new();
    place.write("main.rhai", marked.replace(['«', '»'], ""));
    let told = finish(&mut place.netscript(&["--dry-run", "--color", "never", "main.rhai"])).stderr;
    let shown = underlined(&told).map(|(line, start, end, _)| with_marks(marked, line, start, end));
    let labelled = underlined(&told)
        .is_some_and(|(.., text)| text.starts_with(label) && (!label.is_empty() || !text.starts_with("in its")));
    (shown.as_deref() != Some(marked) || !labelled).then(|| format!("{marked}\n{}", told.trim_end()))
}

/// The underlined part of an error: the line from 1, the first character and the one after the last from 0, and the
/// label.
fn underlined(told: &str) -> Option<(usize, usize, usize, &str)> {
    let (_, place) = told.lines().find_map(|line| line.split_once("┌─ main.rhai:"))?;
    let (line, column) = place.split_once(':')?;
    let (_, marks) =
        told.lines().filter_map(|line| line.split_once('│')).find(|(_, marks)| marks.trim_start().starts_with('^'))?;
    let length = marks.chars().filter(|c| *c == '^').count();
    let start = column.parse::<usize>().ok()?.checked_sub(1)?;
    let (_, label) = marks.split_once("^ ")?;
    Some((line.parse().ok()?, start, start + length, label))
}

/// A script without its marks, and with marks around other characters.
fn with_marks(marked: &str, line: usize, start: usize, end: usize) -> String {
    let plain = marked.replace(['«', '»'], "");
    let lines = plain.split('\n').enumerate().map(|(number, text)| {
        if number + 1 != line {
            return text.to_owned();
        }
        let part = |from: usize, to: usize| text.chars().skip(from).take(to.saturating_sub(from)).collect::<String>();
        format!("{}«{}»{}", part(0, start), part(start, end), part(end, usize::MAX))
    });
    lines.collect::<Vec<_>>().join("\n")
}
