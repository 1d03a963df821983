//! The grammar of random scripts. Every loop ends, and no function calls itself or a later one, so that a script that
//! does not end is a bug.

use super::vocabulary::{KnownWord, Vocabulary};
use crate::equivalence::Rng;
use netscript_lang::interpreter::Form;

/// A script.
pub fn script(vocabulary: &Vocabulary, rng: &mut Rng) -> String {
    let mut writer =
        Writer { vocabulary, rng, lines: Vec::new(), variables: Vec::new(), functions: 0, next: 0, depth: 0 };
    writer.write();
    let mut text = writer.lines.join("\n");
    text.push('\n');
    text
}

struct Writer<'a> {
    vocabulary: &'a Vocabulary,
    rng: &'a mut Rng,
    lines: Vec<String>,
    /// The variables in scope, with their types.
    variables: Vec<(String, String)>,
    /// The number of defined functions, each with one parameter.
    functions: usize,
    next: usize,
    depth: usize,
}

/// The deepest nesting of blocks.
const DEEPEST: usize = 3;

/// An expression for the printed code of a caught error.
const CODE: &str = "if type_of(e) == \"Error\" { e.code } else { type_of(e) }";

/// Handles to begin with.
const BEGINNINGS: [(&str, &str, &str); 9] = [
    ("let n0 = netns(\"n0\");", "n0", "Netns"),
    ("let n1 = netns(\"n1\");", "n1", "Netns"),
    ("let b0 = bridge(\"b0\").up().addr(\"10.0.0.1/24\");", "b0", "Link"),
    ("let p0 = veth(\"p0\", \"q0\").up();", "p0", "Link"),
    ("let d0 = veth(\"d0\", \"e0\").addr(\"192.0.2.1/24\").addr(\"fd00::1/64\").up();", "d0", "Link"),
    ("let c0 = host.filter.chain(\"c0\");", "c0", "Chain"),
    ("let r0 = host.nat.masquerade(#{ src: \"192.168.1.0/24\" });", "r0", "Rule"),
    ("let gone = netns(\"gone\"); gone.delete();", "gone", "Netns"),
    ("let lost = bridge(\"lost\"); lost.delete();", "lost", "Link"),
];

const ODD_TEXTS: [&str; 22] = [
    "\"\"",
    "\" \"",
    "\"lo\"",
    "\"n0\"",
    "\"p0\"",
    "\"q0\"",
    "\"b0\"",
    "\"10.0.0.2\"",
    "\"10.0.0.2/24\"",
    "\"0.0.0.0/0\"",
    "\"::/0\"",
    "\"fd00::2/64\"",
    "\"fe80::1\"",
    "\"02:00:00:00:00:01\"",
    "\"ff:ff:ff:ff:ff:ff\"",
    "\"a/b\"",
    "\"x\\ny\"",
    "\"$(id)\"",
    "\"ü\"",
    "\"\\x7f\\x1b[31m\"",
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
    "\"224.0.0.1\"",
];

const ODD_NUMBERS: [&str; 16] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "24",
    "64",
    "80",
    "100",
    "1500",
    "4096",
    "65535",
    "65536",
    "2147483648",
    "9223372036854775807",
    "(-9223372036854775807 - 1)",
];

const ODD_VALUES: [&str; 16] = [
    "()",
    "true",
    "false",
    "1.5",
    "(0.0 / 0.0)",
    "1e308",
    "'x'",
    "[]",
    "#{}",
    "[[]]",
    "#{ a: 1 }",
    "|x| x",
    "host",
    "(0..3)",
    "blob(2)",
    "Fn(\"print\")",
];

impl Writer<'_> {
    fn write(&mut self) {
        let functions = self.rng.below(3);
        for _ in 0..functions {
            self.function();
        }
        for beginning in BEGINNINGS {
            if self.rng.percent(30) {
                self.lines.push(beginning.0.to_owned());
                self.variables.push((beginning.1.to_owned(), beginning.2.to_owned()));
            }
        }
        // Most scripts would end with one of their first statements.
        let caught = self.rng.percent(60);
        for _ in 0..3 + self.rng.below(10) {
            if caught { self.caught() } else { self.statement() }
        }
    }

    /// A statement that cannot end the script; the code of its error is printed.
    fn caught(&mut self) {
        let number = self.lines.len();
        let end = format!("}} catch (e) {{ print(`#{number} ${{{CODE}}}`); }}");
        if self.rng.percent(60) {
            let name = self.fresh("v");
            let (call, returns) = self.call();
            self.lines.push(format!("let {name} = (); try {{ {name} = {call}; {end}"));
            self.variables.push((name, returns));
        } else {
            let seen = self.variables.len();
            self.lines.push("try {".to_owned());
            self.statement();
            self.lines.push(end);
            self.variables.truncate(seen);
        }
    }

    fn function(&mut self) {
        let name = self.functions;
        self.lines.push(format!("fn f{name}(x) {{"));
        self.block(vec![("x".to_owned(), "value".to_owned())]);
        let value = self.value("value", "", None);
        self.lines.push(value);
        self.lines.push("}".to_owned());
        self.functions += 1;
    }

    /// Statements of a block that sees only the given variables, like a function.
    fn block(&mut self, variables: Vec<(String, String)>) {
        let outside = std::mem::replace(&mut self.variables, variables);
        self.statements();
        self.variables = outside;
    }

    /// Statements of a block that sees all variables in scope.
    fn statements(&mut self) {
        let seen = self.variables.len();
        self.depth += 1;
        for _ in 0..1 + self.rng.below(3) {
            self.statement();
        }
        self.depth -= 1;
        self.variables.truncate(seen);
    }

    fn around(&mut self, before: String, after: &str) {
        self.lines.push(before);
        self.statements();
        self.lines.push(after.to_owned());
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    fn statement(&mut self) {
        let kind = self.rng.below(if self.depth < DEEPEST { 100 } else { 60 });
        match kind {
            0..28 => {
                let name = self.fresh("v");
                let (call, returns) = self.call();
                self.lines.push(format!("let {name} = {call};"));
                self.variables.push((name, returns));
            }
            28..50 => {
                let call = self.call().0;
                self.lines.push(format!("{call};"));
            }
            50..53 => {
                let value = self.value("value", "", None);
                self.lines.push(format!("print(`is ${{{value}}}`);"));
            }
            53..56 => {
                let (one, other) = (self.value("value", "", None), self.value("value", "", None));
                self.lines.push(format!("assert({one} == {other});"));
            }
            56..58 => {
                let name = self.fresh("v");
                let value = self.value("value", "", None);
                self.lines.push(format!("let {name} = {value};"));
                self.variables.push((name, "value".to_owned()));
            }
            58..60 => self.rare(),
            60..68 => self.example(),
            68..72 => {
                let condition = self.condition();
                self.lines.push(format!("if {condition} {{"));
                self.statements();
                if self.rng.percent(50) {
                    self.around("} else {".to_owned(), "}");
                } else {
                    self.lines.push("}".to_owned());
                }
            }
            72..77 => {
                let (name, most) = (self.fresh("i"), 1 + self.rng.below(3));
                self.around(format!("for {name} in 0..{most} {{"), "}");
            }
            77..79 => {
                let name = self.fresh("w");
                self.around(format!("let {name} = 0; while {name} < 2 {{ {name} += 1;"), "}");
            }
            79..80 => {
                let name = self.fresh("w");
                self.around(format!("let {name} = 0; loop {{ {name} += 1; if {name} > 2 {{ break; }}"), "}");
            }
            80..86 => {
                self.lines.push("try {".to_owned());
                self.statements();
                let told = *self.rng.pick(&["", "print(e.code);", "print(e.message);", "throw e;", "print(e);"]);
                let number = self.lines.len();
                self.around(format!("}} catch (e) {{ print(`#{number} ${{{CODE}}}`); {told}"), "}");
            }
            86..91 => self.closure(),
            91..94 => {
                let list = self.rng.word(&["[1, 2]", "[host]", "host.links", "netns_list()", "[]", "host.routes"]);
                let word = self.rng.word(&["for_each", "map", "filter", "some", "all", "find", "retain"]);
                let name = self.fresh("i");
                self.around(format!("let {name}l = {list}; {name}l.{word}(|{name}| {{"), "true });");
            }
            94..96 => {
                let value = self.value("value", "", None);
                self.around(format!("switch {value} {{ 1 => 2, \"lo\" => print(3), _ => {{"), "} }");
            }
            96..98 => self.import(),
            _ => {
                let seconds = self.rng.word(&["0.02", "0", "-1", "\"x\""]);
                self.around(format!("wait_until({seconds}, || {{"), "true });");
            }
        }
    }

    fn rare(&mut self) {
        let line = match self.rng.below(10) {
            0 => "throw \"own\";".to_owned(),
            1 => format!("exit({});", self.rng.below(5)),
            2 => "eval(\"let evaluated = host.links; evaluated.len()\");".to_owned(),
            3 => "sleep(0.001);".to_owned(),
            4 => "return;".to_owned(),
            5 => format!("const LIMIT = {};", self.number()),
            6 => "host.links.none.none;".to_owned(),
            7 => "import \"circle\" as circle;".to_owned(),
            8 if self.functions > 0 => {
                let function = self.rng.below(self.functions);
                format!("f{function}({});", self.value("value", "", None))
            }
            _ => format!("print({});", self.value("value", "", None)),
        };
        self.lines.push(line);
    }

    /// The example of a word, its variables in a block of their own.
    fn example(&mut self) {
        let example = self.rng.pick(&self.vocabulary.examples).clone();
        let open = self.rng.percent(70);
        if open {
            self.lines.push("{".to_owned());
        }
        self.lines.extend(example.lines().map(str::to_owned));
        if open {
            self.lines.push("}".to_owned());
        }
    }

    fn closure(&mut self) {
        let name = self.fresh("f");
        self.lines.push(format!("let {name} = |x| {{"));
        self.statements();
        self.lines.push("x };".to_owned());
        let value = self.value("value", "", None);
        self.lines.push(match self.rng.below(4) {
            0 => format!("{name}.call({value});"),
            1 => format!("[{value}].map({name});"),
            2 => format!("print({name}.curry({value}).call());"),
            _ => format!("{name}.call({name}.call({value}));"),
        });
    }

    fn import(&mut self) {
        let name = self.fresh("m");
        let module =
            self.rng.word(&["good", "good", "outer", "outer", "failing", "broken", "circle", "none", "lab", "."]);
        self.lines.push(format!("import {module:?} as {name};"));
        let value = self.value("value", "", None);
        let call = self.rng.word(&["twice", "four", "up", "make", "careful", "none"]);
        self.lines.push(format!("{name}::{call}({value});"));
    }

    fn condition(&mut self) -> String {
        match self.rng.below(4) {
            0 => "true".to_owned(),
            1 => format!("{} == {}", self.value("value", "", None), self.value("value", "", None)),
            2 => self.value("bool", "", None),
            _ => format!("host.links.len() > {}", self.rng.below(3)),
        }
    }

    /// A use of a word, and the type of its value.
    fn call(&mut self) -> (String, String) {
        let words = if self.rng.percent(88) { &self.vocabulary.own } else { &self.vocabulary.standard };
        // Prefers words for whose receiver there is a variable.
        let mut known = self.rng.pick(words);
        for _ in 0..4 {
            let has = |kind: &str| self.variables.iter().any(|(_, of)| of == kind) || kind == "Netns";
            if known.word.receiver().is_none_or(has) {
                break;
            }
            known = self.rng.pick(words);
        }
        (self.use_of(known), known.word.returns.clone())
    }

    fn use_of(&mut self, known: &KnownWord) -> String {
        let word = &known.word;
        let name = word.name.as_str();
        let receiver = word.receiver().map(|kind| self.value(kind, "", None));
        let mut arguments: Vec<String> = word
            .arguments()
            .iter()
            .map(|param| {
                let kind = if self.rng.percent(5) { "odd" } else { param.kind.as_str() };
                self.value(kind, &param.name, Some(known))
            })
            .collect();
        if self.rng.percent(2) {
            arguments.pop();
        }
        if self.rng.percent(2) {
            arguments.push(self.value("value", "", Some(known)));
        }
        match (word.form, receiver) {
            (Form::Property, Some(receiver)) => format!("{receiver}.{name}"),
            (Form::Setter, Some(receiver)) => format!("{receiver}.{name} = {}", arguments.join("")),
            (_, Some(receiver)) => format!("{receiver}.{name}({})", arguments.join(", ")),
            (_, None) => format!("{name}({})", arguments.join(", ")),
        }
    }

    /// A value of a type, for a parameter of a word.
    fn value(&mut self, kind: &str, param: &str, word: Option<&KnownWord>) -> String {
        let name = word.map_or("", |known| known.word.name.as_str());
        if param.contains("seconds") || name == "sleep" {
            return self.rng.word(&["0.001", "0", "0.01", "-1", "\"x\""]).to_owned();
        }
        match kind {
            "string" => self.text(word),
            "integer" => self.number(),
            "float" => self.rng.word(&["0.0", "0.5", "-1.5", "1e308", "(0.0 / 0.0)"]).to_owned(),
            "bool" => self.rng.word(&["true", "false"]).to_owned(),
            "character" => self.rng.word(&["'a'", "'\\n'", "'ü'"]).to_owned(),
            "array" => self.array(word),
            "map" => self.options(word),
            "closure" => self
                .rng
                .word(&["|| true", "|x| x", "|x, y| true", "|x, y| 1", "|| host.links", "|| throw 1"])
                .to_owned(),
            "nothing" => "()".to_owned(),
            "odd" => self.odd(),
            "value" => self.any(word),
            handle => self.handle(handle),
        }
    }

    fn odd(&mut self) -> String {
        match self.rng.below(3) {
            0 => self.rng.word(&ODD_VALUES).to_owned(),
            1 => self.number(),
            _ => self.rng.word(&ODD_TEXTS).to_owned(),
        }
    }

    fn number(&mut self) -> String {
        self.rng.word(&ODD_NUMBERS).to_owned()
    }

    fn text(&mut self, word: Option<&KnownWord>) -> String {
        let own = word.map_or(&[][..], |known| &known.texts[..]);
        match self.rng.below(100) {
            0..60 if !own.is_empty() => self.rng.pick(own).clone(),
            0..85 => self.rng.pick(&self.vocabulary.texts).clone(),
            _ => self.rng.word(&ODD_TEXTS).to_owned(),
        }
    }

    fn any(&mut self, word: Option<&KnownWord>) -> String {
        match self.rng.below(100) {
            0..40 if !self.variables.is_empty() => self.rng.pick(&self.variables).0.clone(),
            0..70 => self.text(word),
            70..80 => self.number(),
            80..85 => self.array(word),
            85..92 => self.odd(),
            _ => "host".to_owned(),
        }
    }

    fn array(&mut self, word: Option<&KnownWord>) -> String {
        let values: Vec<String> = (0..self.rng.below(4)).map(|_| self.text(word)).collect();
        format!("[{}]", values.join(", "))
    }

    /// Options of a word.
    fn options(&mut self, word: Option<&KnownWord>) -> String {
        let mut parts = Vec::new();
        let keys = word.map_or(&[][..], |known| &known.keys[..]);
        for _ in 0..self.rng.below(4) {
            let key = match self.rng.below(100) {
                0..95 if !keys.is_empty() => (*self.rng.pick(keys)).to_owned(),
                _ => self.rng.word(&["wrong", "via", "dev", "a"]).to_owned(),
            };
            let value = self.option_value(&key);
            if !parts.iter().any(|(known, _)| *known == key) {
                parts.push((key, value));
            }
        }
        let parts: Vec<String> = parts.into_iter().map(|(key, value)| format!("{key:?}: {value}")).collect();
        format!("#{{ {} }}", parts.join(", "))
    }

    fn option_value(&mut self, key: &str) -> String {
        if key == "timeout" || key == "interval" {
            return self.rng.word(&["0.05", "0.01", "0", "-1", "\"x\""]).to_owned();
        }
        if key == "count" {
            return self.rng.word(&["1", "2", "0", "-1", "\"x\""]).to_owned();
        }
        let usual = self.vocabulary.values.get(key);
        match (usual, self.rng.below(100)) {
            (Some(usual), 0..70) => {
                let value = self.rng.pick(usual).clone();
                // A variable of the example does not exist here.
                if value.starts_with(|c: char| c.is_lowercase()) && !["true", "false", "host"].contains(&value.as_str())
                {
                    self.any(None)
                } else {
                    value
                }
            }
            (_, 0..85) => self.any(None),
            _ => self.odd(),
        }
    }

    /// A handle: a variable, or an expression that makes one.
    fn handle(&mut self, kind: &str) -> String {
        let of_kind: Vec<String> =
            self.variables.iter().filter(|(_, of)| of == kind).map(|(name, _)| name.clone()).collect();
        if !of_kind.is_empty() && self.rng.percent(85) {
            return self.rng.pick(&of_kind).clone();
        }
        match kind {
            "Netns" => self.rng.word(&["host", "host", "netns(\"n0\")", "netns(\"n1\")", "netns()"]).to_owned(),
            "Link" => self
                .rng
                .word(&["host.lo", "link(\"lo\")", "veth(\"d1\", \"e1\")", "bridge(\"b1\")", "veth(\"p1\", \"q1\")"])
                .to_owned(),
            "Table" => {
                self.rng.word(&["host.filter", "host.nat", "host.mangle", "host.filter6", "host.raw"]).to_owned()
            }
            "Chain" => {
                self.rng.word(&["host.filter.forward", "host.nat.postrouting", "host.filter.chain(\"c1\")"]).to_owned()
            }
            "Rule" => self.rng.word(&["host.filter.input.accept()", "host.nat.masquerade()"]).to_owned(),
            "Process" => "host.start(\"sleep 1\")".to_owned(),
            "Capture" => "host.lo.capture()".to_owned(),
            _ => self.odd(),
        }
    }
}
