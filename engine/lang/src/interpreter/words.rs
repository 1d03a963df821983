//! The registered words of the language, for help, completion and error hints.

use std::collections::BTreeSet;

use rhai::{Engine, FuncInfo, FuncMetadata};

use super::functions;

/// A registered function or property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its name in scripts.
    pub name: String,
    /// How it is used.
    pub form: Form,
    /// Its parameters; the first of a method or a property is the receiver.
    pub params: Vec<Param>,
    /// The type of its result; `value` if it can be any, `nothing` if there is none.
    pub returns: String,
    /// Its documentation.
    pub docs: String,
    /// Whether it comes with Rhai.
    pub standard: bool,
}

/// How a word is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `name(a, b)`
    Function,
    /// `receiver.name(a)`
    Method,
    /// `receiver.name`
    Property,
    /// `receiver.name = a`
    Setter,
    /// `a == b`, and functions that Rhai calls implicitly, as `to_string`.
    Operator,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its type, as users know it; `value` if it can be any.
    pub kind: String,
}

impl Word {
    /// The type that a method or a property belongs to.
    pub fn receiver(&self) -> Option<&str> {
        match self.form {
            Form::Method | Form::Property | Form::Setter => self.params.first().map(|param| param.kind.as_str()),
            Form::Function | Form::Operator => None,
        }
    }

    /// The parameters in brackets.
    pub fn arguments(&self) -> &[Param] {
        match self.form {
            Form::Method | Form::Property | Form::Setter => self.params.get(1..).unwrap_or(&[]),
            Form::Function | Form::Operator => &self.params,
        }
    }

    /// The word with its parameters: `netns.ping(target, options)`, `link.peer`.
    pub fn shown(&self) -> String {
        let arguments: Vec<&str> = self.arguments().iter().map(|param| param.name.as_str()).collect();
        let receiver = self.receiver().map(str::to_lowercase).unwrap_or_default();
        match self.form {
            Form::Function | Form::Operator => format!("{}({})", self.name, arguments.join(", ")),
            Form::Method => format!("{receiver}.{}({})", self.name, arguments.join(", ")),
            Form::Property => format!("{receiver}.{}", self.name),
            Form::Setter => format!("{receiver}.{} = {}", self.name, arguments.join(", ")),
        }
    }
}

/// Every word that is registered, in the order of their names.
pub fn words(engine: &Engine) -> Vec<Word> {
    let hashed =
        |info: FuncInfo<'_>| (!is_of_unknown(info.metadata)).then(|| (info.metadata.hash, word(engine, &info)));
    let all = functions(engine, true, hashed);
    let own = functions(engine, false, hashed);
    let documented: BTreeSet<u64> =
        all.iter().filter(|(_, word)| !word.docs.is_empty()).map(|(hash, _)| *hash).collect();
    // A replacement for a function of Rhai has no documentation.
    let stands_before = |(hash, word): &(u64, Word)| word.docs.is_empty() && documented.contains(hash);
    let own: Vec<(u64, Word)> = own.into_iter().filter(|own| !stands_before(own)).collect();
    // A function of Rhai that one of netscript's replaces is left out.
    let hashes: BTreeSet<u64> = own.iter().map(|(hash, _)| *hash).collect();
    let standard = all.into_iter().filter(|word| !stands_before(word) && !hashes.contains(&word.0));
    let standard = standard.map(|(_, word)| Word { standard: true, ..word });
    let mut words: Vec<Word> = own.into_iter().map(|(_, word)| word).chain(standard).collect();
    words.sort_by(|a, b| (&a.name, a.standard, a.params.len()).cmp(&(&b.name, b.standard, b.params.len())));
    words.dedup();
    words
}

/// Whether a function exists only for answers that a dry run does not know (`Unknown<T>`), and is not a word.
pub(super) fn is_of_unknown(function: &FuncMetadata) -> bool {
    function.params_info.iter().any(|param| param.contains("Unknown<"))
}

fn word(engine: &Engine, info: &FuncInfo<'_>) -> Word {
    let metadata = info.metadata;
    let name = metadata.name.as_str();
    let by_reference = metadata.params_info.first().is_some_and(|param| param.contains("&mut "));
    let params = metadata.params_info.iter().map(|param| self::param(engine, param)).collect();
    let (name, form) = match name.split_once('$') {
        Some(("get", property)) => (property, Form::Property),
        Some(("set", property)) => (property, Form::Setter),
        Some(_) => (name, Form::Operator),
        None if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') => (name, Form::Operator),
        None if name == "to_debug" => (name, Form::Operator),
        None if by_reference => (name, Form::Method),
        None => (name, Form::Function),
    };
    Word {
        name: name.to_owned(),
        form,
        params,
        returns: type_name(engine.map_type_name(returned(&metadata.return_type))),
        docs: docs(&metadata.comments),
        standard: false,
    }
}

fn param(engine: &Engine, info: &str) -> Param {
    let (name, kind) = info.split_once(':').map_or(("value", info), |(name, kind)| (name.trim(), kind));
    let kind = kind.trim().trim_start_matches("&mut ");
    Param { name: name.to_owned(), kind: type_name(engine.map_type_name(kind)) }
}

/// The type of a function's result when it does not fail.
fn returned(kind: &str) -> &str {
    let kind = kind.trim();
    if kind == "RhaiResult" {
        return "Dynamic";
    }
    let inner = ["RhaiResult<", "RhaiResultOf<", "Result<"].iter().find_map(|prefix| kind.strip_prefix(prefix));
    match inner.and_then(|inner| inner.strip_suffix('>')) {
        Some(inner) => inner.split_once(", Box<").map_or(inner, |(value, _)| value),
        None => kind,
    }
}

/// The text of a doc comment.
pub(super) fn docs<S: AsRef<str>>(comments: &[S]) -> String {
    let lines = comments.iter().flat_map(|comment| comment.as_ref().lines());
    let lines = lines.map(|line| {
        let line = line.trim_start().trim_start_matches("///");
        line.strip_prefix(' ').unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The users' name of a type, for Rhai's or Rust's name of it.
pub(super) fn type_name(name: &str) -> String {
    let name = name.trim().trim_start_matches("&mut ");
    if name.contains("ImmutableString") {
        return "string".into();
    }
    let short = name.rsplit("::").next().unwrap_or(name).trim_end_matches('>');
    match short {
        "i64" | "INT" => "integer".into(),
        "f64" | "FLOAT" => "float".into(),
        "String" | "&str" | "str" | "string" => "string".into(),
        "bool" => "bool".into(),
        "char" => "character".into(),
        "array" | "Array" | "Vec<rhai::Dynamic" => "array".into(),
        "map" | "Map" => "map".into(),
        "()" | "" => "nothing".into(),
        "Fn" | "FnPtr" => "closure".into(),
        "?" | "Dynamic" => "value".into(),
        "ScriptError" => "Error".into(),
        other => other.to_owned(),
    }
}

/// The type of a value as users know it.
pub fn kind_of(engine: &Engine, value: &rhai::Dynamic) -> String {
    type_name(engine.map_type_name(value.type_name()))
}

#[cfg(test)]
mod tests {
    use super::returned;

    #[test]
    fn results_are_what_they_hold() {
        for (kind, wanted) in [
            ("RhaiResult<Link>", "Link"),
            ("RhaiResult", "Dynamic"),
            ("Result<Netns, Box<EvalAltResult>>", "Netns"),
            ("RhaiResult<()>", "()"),
            ("String", "String"),
        ] {
            assert_eq!(returned(kind), wanted);
        }
    }
}
