//! Words accept all values that their options declare.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use netscript_stdlib::{OptionSpec, options_of, own_options_of};
use netscript_tests::program::{Place, finish};

/// Calls of each word with options, which replace `OPTIONS`. One of a word's calls must accept each value.
const CALLS: &[(&str, &[&str])] = &[
    ("accept", &["host.filter.input.accept(OPTIONS)", "host.filter6.input.accept(OPTIONS)"]),
    ("add_fdb", &["br0.add_fdb(\"02:00:00:00:00:01\", OPTIONS)"]),
    ("addr", &["br0.addr(\"10.1.0.1/24\", OPTIONS)", "br0.addr(\"fd00::1/64\", OPTIONS)"]),
    ("append_fdb", &["br0.append_fdb(\"00:00:00:00:00:00\", OPTIONS)"]),
    ("bridge", &["bridge(`b${n}`, OPTIONS)"]),
    ("connect", &["host.connect(\"127.0.0.1\", 80, OPTIONS)"]),
    ("connmark", &["host.mangle.prerouting.connmark(OPTIONS)"]),
    ("del_addr", &["br0.del_addr(\"10.1.0.1/24\", OPTIONS)", "br0.del_addr(\"fd00::1/64\", OPTIONS)"]),
    ("del_fdb", &["br0.del_fdb(\"02:00:00:00:00:01\", OPTIONS)"]),
    ("del_route", &["host.del_route(\"10.9.0.0/16\", OPTIONS)"]),
    ("del_rule", &["host.del_rule(OPTIONS)"]),
    ("dnat", &["host.nat.dnat(OPTIONS)"]),
    ("drop", &["host.filter.input.drop(OPTIONS)", "host.filter6.input.drop(OPTIONS)"]),
    ("fetch", &["host.fetch(\"http://127.0.0.1/\", OPTIONS)"]),
    ("flush_routes", &["host.flush_routes(OPTIONS)"]),
    ("route_get", &["host.route_get(\"10.0.0.1\", OPTIONS)"]),
    ("ipvlan", &["ipvlan(`b${n}`, OPTIONS)"]),
    ("jump", &["host.filter.input.jump(own, OPTIONS)", "host.filter6.input.jump(\"INPUT\", OPTIONS)"]),
    ("log", &["host.filter.input.log(OPTIONS)"]),
    ("macvlan", &["macvlan(`b${n}`, OPTIONS)"]),
    ("mark", &["host.mangle.prerouting.mark(OPTIONS)"]),
    ("masquerade", &["host.nat.masquerade(OPTIONS)"]),
    ("nexthops", &["host.route(\"10.9.0.0/16\", #{ nexthops: [OPTIONS] })"]),
    ("notrack", &["host.raw.prerouting.notrack(OPTIONS)", "host.raw6.prerouting.notrack(OPTIONS)"]),
    ("ping", &["host.ping(\"127.0.0.1\", OPTIONS)"]),
    ("redirect", &["host.nat.redirect(OPTIONS)"]),
    ("reject", &["host.filter.input.reject(OPTIONS)", "host.filter6.input.reject(OPTIONS)"]),
    ("replace_fdb", &["br0.replace_fdb(\"02:00:00:00:00:01\", OPTIONS)"]),
    ("replace_route", &["host.replace_route(\"10.9.0.0/16\", OPTIONS)"]),
    ("ret", &["host.filter.input.ret(OPTIONS)", "host.filter6.input.ret(OPTIONS)"]),
    ("route", &["host.route(\"10.9.0.0/16\", OPTIONS)"]),
    ("rule", &["host.rule(OPTIONS)"]),
    ("serve", &["host.serve(8080, \"hello\", OPTIONS)"]),
    ("serve_dns", &["host.serve_dns(#{ \"a.test\": \"10.0.0.1\" }, OPTIONS)"]),
    ("snat", &["host.nat.snat(OPTIONS)"]),
    ("sysctl", &["host.sysctl(\"net.ipv4.ip_forward\", 1, OPTIONS)"]),
    ("tcpmss", &["host.mangle.forward.tcpmss(OPTIONS)"]),
    ("traceroute", &["host.traceroute(\"127.0.0.1\", OPTIONS)"]),
    ("veth", &["veth(`b${n}`, OPTIONS)"]),
    ("vlan", &["vlan(`b${n}`, OPTIONS)"]),
    ("vrf", &["vrf(`b${n}`, OPTIONS)"]),
    ("vxlan", &["vxlan(`b${n}`, OPTIONS)"]),
];

/// Statements before the calls.
const PRELUDE: &str = "\
    let red = netns(\"red\");\n\
    let eth0 = veth(\"eth0\", \"eth1\").addr(\"10.0.0.2/24\").up();\n\
    let br0 = bridge(\"br0\").up();\n\
    let own = host.filter.chain(\"OWN\");\n\
    let n = 0;\n\
    let bad = [];\n";

/// Invalid values have codes below E0300; E0209 and E0213 concern several options.
const TRIED: &str =
    "catch (e) { if e.code < \"E0300\" && !(e.code in [\"E0209\", \"E0213\"]) { refused += 1; said = `${e}`; } }";

#[test]
fn every_declared_value_is_taken() {
    let mut script = PRELUDE.to_owned();
    let mut tried = 0;
    for (word, calls) in CALLS {
        let options = options_of(word);
        assert!(!options.is_empty(), "{word} takes no options");
        for option in own_options_of(word).1 {
            let values = values(option);
            assert!(!values.is_empty(), "{word}: {} has neither an example nor values that can be listed", option.key);
            for value in values {
                tried += 1;
                writeln!(script, "n += 1; let refused = 0; let said = \"\";").unwrap();
                for call in *calls {
                    let call = call.replace("OPTIONS", &map(&options, option, &value));
                    writeln!(script, "try {{ {call}; }} {TRIED}").unwrap();
                }
                let shown = format!("{word}: {}: {value}", option.key).replace('`', "'");
                writeln!(script, "if refused == {} {{ bad.push(`{shown}: ${{said}}`); }}", calls.len()).unwrap();
            }
        }
    }
    assert!(tried > 150, "only {tried} values");
    script.push_str("if !bad.is_empty() { throw bad.reduce(|text, line| text + \"\\n\" + line); }\n");
    let place = Place::new();
    place.write("main.rhai", &script);
    finish(&mut place.netscript(&["--dry-run", "main.rhai"])).success();
}

/// The example of an option, its default, and the values that can be listed.
fn values(option: &OptionSpec) -> BTreeSet<String> {
    let default = option.default.map(|default| default.to_string());
    let given = [option.example.to_owned()].into_iter().chain(default).chain(option.takes.values());
    given.filter(|value| !value.is_empty()).collect()
}

/// A map with the required options and one more.
fn map(options: &[&'static OptionSpec], option: &OptionSpec, value: &str) -> String {
    let needed = options.iter().filter(|other| other.needed && other.key != option.key);
    let entries = needed.map(|other| format!("{}: {}", other.key, other.example));
    let entries: Vec<String> = entries.chain([format!("{}: {value}", option.key)]).collect();
    format!("#{{ {} }}", entries.join(", "))
}

#[test]
fn every_word_with_options_is_called() {
    let called: BTreeSet<&str> = CALLS.iter().map(|(word, _)| *word).collect();
    let words = crate::examples::words();
    let with_options = words.iter().filter(|word| word.signature.contains("options: "));
    let missing: BTreeSet<&str> = with_options.map(|word| word.name()).filter(|name| !called.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
