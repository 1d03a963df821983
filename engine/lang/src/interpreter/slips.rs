//! Help for typical mistakes of beginners.
//!
//! Each function recognizes some mistakes of people who come from the shell, Python or Rust. It returns specific help,
//! or nothing if the general help is as good.

use rhai::{LexError, ParseErrorType};

use super::switches;
use crate::diagnostics::{Code, Description, Span, Token, TokenKind, tokens};

/// The description of a syntax error that is a known mistake, and what to underline instead of the place that Rhai
/// gives.
pub(super) fn syntax(error: &ParseErrorType, text: &str, start: usize) -> Option<(Description, Option<Span>)> {
    if let Some(description) = switches::described(error) {
        return Some((description, None));
    }
    let place = Context::new(text, start);
    if let ParseErrorType::BadInput(LexError::MalformedChar(given)) = error {
        let description = wrong("a string is written in double quotes", "single quotes are for one character");
        return Some((description.help(format!("write `{given:?}`")), None));
    }
    if let ParseErrorType::BadInput(LexError::UnexpectedInput(_)) | ParseErrorType::UnknownOperator(_) = error
        && let Some(slip) = operator(&place)
    {
        return Some((slip, None));
    }
    bare_address(&place)
        .or_else(|| reserved(error, &place).map(|slip| (slip, None)))
        .or_else(|| map_without_sign(&place))
        .or_else(|| other_language(&place))
        .or_else(|| without_brackets(&place))
        .or_else(|| missing_semicolon(error, &place).map(|slip| (slip, None)))
}

fn wrong(message: impl Into<String>, label: impl Into<String>) -> Description {
    Description::new(Code::E0101, message, label)
}

/// The tokens around a place, without comments.
struct Context<'a> {
    text: &'a str,
    start: usize,
    before: Vec<Token>,
    after: Vec<Token>,
}

impl<'a> Context<'a> {
    fn new(text: &'a str, start: usize) -> Context<'a> {
        let all = tokens(text).filter(|token| token.kind != TokenKind::Comment);
        let (before, after) = all.partition(|token: &Token| token.span.end <= start);
        Context { text, start, before, after }
    }

    fn here(&self) -> Option<&'a str> {
        self.after.first().map(|token| &self.text[token.span.clone()])
    }

    /// The token `number` places back; 0 is the last one before the place.
    fn back(&self, number: usize) -> Option<(&'a str, Span)> {
        let token = self.before.iter().rev().nth(number)?;
        Some((&self.text[token.span.clone()], token.span.clone()))
    }

    fn is_word(&self, number: usize) -> bool {
        self.before.iter().rev().nth(number).is_some_and(|token| token.kind == TokenKind::Word)
    }
}

/// `10.0.0.1/24` or `fd00::1` without quotes.
fn bare_address(place: &Context) -> Option<(Description, Option<Span>)> {
    let belongs = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/');
    let start = place.text[..place.start].rfind(|c| !belongs(c)).map_or(0, |at| at + 1);
    let start = start + place.text[start..place.start].rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let len = place.text[start..].find(|c| !belongs(c)).unwrap_or(place.text.len() - start);
    let given = place.text[start..start + len].trim_end_matches([':', '.', '/']);
    let address = given.split_once('/').map_or(given, |(address, _)| address);
    address.parse::<std::net::IpAddr>().ok()?;
    let description = wrong(format!("the address {given} is not in quotes"), "an address is a string");
    Some((description.help(format!("write `\"{given}\"`")), Some(start..start + given.len())))
}

/// A reserved word of Rhai, used as a name, as a key of a map, or alone.
fn reserved(error: &ParseErrorType, place: &Context) -> Option<Description> {
    let here = place.here()?;
    match error {
        ParseErrorType::Reserved(sign) if sign == "#" => {
            Some(wrong("`#` begins no comment", "here").help("a comment begins with `//`; a map with `#{`"))
        }
        ParseErrorType::Reserved(word) if word == "var" => {
            Some(wrong("`var` is a reserved word", "this word cannot be used here").help("make a variable with `let`"))
        }
        ParseErrorType::VariableExpected | ParseErrorType::FnMissingName | ParseErrorType::PropertyExpected
            if is_reserved(here) =>
        {
            Some(of_reserved(here).help(format!("choose another name, such as `{here}1`")))
        }
        ParseErrorType::MissingToken(token, _) if token == "}" && is_reserved(here) => {
            let help = match here {
                "in" => "the option for the incoming link is called `iif`; any other key `in` is written `\"in\": …`"
                    .to_owned(),
                _ => format!("put it in quotes: `\"{here}\": …`"),
            };
            Some(of_reserved(here).help(help))
        }
        _ => None,
    }
}

fn of_reserved(word: &str) -> Description {
    wrong(format!("`{word}` is a reserved word"), "this word cannot be used here")
}

/// Words that cannot be names (rhai.rs, "Keywords"), beside those that Rhai's error calls reserved.
fn is_reserved(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "let",
        "const",
        "if",
        "else",
        "switch",
        "do",
        "while",
        "until",
        "loop",
        "for",
        "in",
        "continue",
        "break",
        "return",
        "throw",
        "try",
        "catch",
        "import",
        "export",
        "as",
        "private",
        "fn",
        "this",
        "true",
        "false",
        "is",
        "var",
        "static",
        "match",
        "case",
        "public",
        "protected",
        "super",
        "new",
        "use",
        "module",
        "package",
        "unless",
        "when",
        "where",
        "exit",
        "goto",
        "default",
        "void",
        "null",
        "nil",
        "spawn",
        "thread",
        "go",
        "sync",
        "async",
        "await",
        "yield",
        "shared",
        "with",
        "global",
        "Fn",
        "call",
        "curry",
        "is_shared",
        "is_def_var",
        "is_def_fn",
        "type_of",
        "print",
        "debug",
        "eval",
        "assert",
    ];
    WORDS.contains(&word)
}

/// `{ key: … }`
fn map_without_sign(place: &Context) -> Option<(Description, Option<Span>)> {
    let key = place.before.last()?;
    let (bracket, span) = place.back(1)?;
    let is_key = matches!(key.kind, TokenKind::Word | TokenKind::Text);
    let opens = bracket == "{" && place.back(2).is_none_or(|(sign, _)| sign != "#");
    if !(is_key && opens && place.here()?.starts_with(':')) {
        return None;
    }
    let key = &place.text[key.span.clone()];
    Some((wrong("a map begins with `#{`", "this begins a block").help(format!("write `#{{ {key}: … }}`")), Some(span)))
}

/// Words of other languages.
fn other_language(place: &Context) -> Option<(Description, Option<Span>)> {
    let (word, span) = place.back(0)?;
    let here = place.after.first().map(|token| token.span.clone());
    let (word, span, instead) = match (instead_of(word), place.here().and_then(instead_of)) {
        (Some(instead), _) => (word, span, instead),
        (None, Some(instead)) => (place.here()?, here?, instead),
        (None, None) => return None,
    };
    Some((
        wrong(format!("`{word}` is not a word of this language"), "this is another language's word").help(instead),
        Some(span),
    ))
}

fn instead_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "def" | "func" | "function" => "define a function with `fn`",
        "elif" | "elsif" | "elseif" => "write `else if`",
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!` in front of it",
        "mut" => "write `let` alone: every variable can be changed",
        "echo" => "write `print(…)`",
        "ip" | "iptables" | "nft" | "tc" | "sysctl" => instead_of_program(word)?,
        "sudo" => "start netscript itself with `sudo`; start a program with `host.exec(\"…\")`",
        _ => return None,
    })
}

/// `bridge "br0"`
fn without_brackets(place: &Context) -> Option<(Description, Option<Span>)> {
    let is_text = place.after.first()?.kind == TokenKind::Text;
    let (word, _) = place.back(0)?;
    if !(is_text && place.is_word(0) && !is_reserved(word)) {
        return None;
    }
    let given = place.here()?;
    Some((wrong("a word's arguments are given in brackets", "here").help(format!("write `{word}({given})`")), None))
}

fn operator(place: &Context) -> Option<Description> {
    let sign = place.here()?;
    let (plus, name) = (sign.starts_with("++") || sign.starts_with("--"), place.back(0)?.0);
    plus.then(|| {
        wrong(format!("there is no `{}`", &sign[..2]), "here").help(format!("write `{name} {}= 1`", &sign[..1]))
    })
}

fn missing_semicolon(error: &ParseErrorType, place: &Context) -> Option<Description> {
    let ParseErrorType::MissingToken(token, _) = error else { return None };
    let (_, last) = place.back(0)?;
    let new_line = place.text[last.end..place.start].contains('\n');
    (token == ";" && new_line).then(|| {
        let line = place.text[..last.end].lines().count();
        wrong("a `;` is missing", "a new statement begins here").help(format!("end line {line} with `;`"))
    })
}

/// Help for a call of a function that has the name of a program.
pub(super) fn instead_of_program(name: &str) -> Option<&'static str> {
    Some(match name {
        "ip" => {
            "use the words of the language instead of `ip`, such as `bridge(\"br0\")`, `link.addr(…)` and `host.route(…)`; start the program itself with `host.exec(\"ip …\")`"
        }
        "nft" | "nftables" | "iptables" | "ip6tables" | "ebtables" => {
            "make rules in tables, such as `host.filter.forward.accept(#{ … })` and `host.nat.masquerade(#{ … })`; start a program with `host.exec(\"nft …\")`"
        }
        "tc" | "qdisc" | "netem" | "tbf" | "delay" | "loss" | "rate" => {
            "the language has no queueing disciplines: start the program, such as `netns.exec(\"tc qdisc add dev eth0 root netem delay 50ms\")`"
        }
        "ls" | "cat" | "grep" | "echo" | "ifconfig" | "brctl" | "ss" | "netstat" | "tcpdump" | "curl" => {
            "start a program with `netns.exec(\"…\")`"
        }
        "printf" | "println" => "write `print(…)`",
        "sleep_ms" | "wait" => "write `sleep(seconds)`",
        _ => return None,
    })
}

/// Help for arguments that a word does not take, where beginners often give them.
pub(super) fn call(name: &str, given: &[String]) -> Option<String> {
    let first = given.first().map(String::as_str);
    match (name, first) {
        ("assert", Some("map")) => Some("a probe returns a map: use its `.ok`, as in `assert(a.ping(b).ok)`".into()),
        (_, Some("Chain")) if matches!(name, "insert" | "append" | "add" | "prepend" | "add_rule" | "rule" | "push") => {
            Some("make a rule with the method of its verdict: `chain.accept(#{ … })`, `chain.drop(#{ … })`; with the option `at: 1` it becomes the first".into())
        }
        ("map" | "filter" | "for_each" | "reduce" | "len" | "to_array" | "collect" | "contains", Some("range")) => Some(format!(
            "a range has no `{name}`: make an array first, `let list = []; for i in 0..10 {{ list.push(i); }}`, or use `for` instead"
        )),
        (_, Some("nothing")) => Some(format!(
            "`{name}` cannot be called on `()`: words such as `trim`, `push` and `sort` change a value in place and return `()`; call them in a statement of their own, and use the value after it"
        )),
        _ => None,
    }
}

/// Help for a condition that is a map instead of a bool.
pub(super) fn condition(wanted: &str, given: &str) -> Option<&'static str> {
    (wanted == "bool" && given == "map")
        .then_some("a probe returns a map: use its `.ok`, as in `if a.ping(b).ok { … }`")
}
