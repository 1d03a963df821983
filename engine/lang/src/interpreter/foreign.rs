//! Turns Rhai's errors into netscript's: with codes, what was expected, and suggestions.

use std::collections::BTreeSet;

use rhai::{Dynamic, Engine, EvalAltResult, LexError, Map, ParseErrorType, Position};

use super::words::{self, type_name};
use super::{functions, limits, slips};
use crate::diagnostics::{Code, Description, Error, Part, ScriptError, Step, did_you_mean, tokens};

/// The error of a failed run.
pub(super) fn cause(engine: &Engine, text: &str, error: &EvalAltResult) -> Error {
    if let EvalAltResult::ErrorRuntime(value, _) = error {
        return thrown(value);
    }
    if let EvalAltResult::ErrorParsing(ParseErrorType::BadInput(LexError::Runtime(why)), _) = error {
        return limits::cause(&why.into());
    }
    if takes_unknown(engine, error) {
        return Error::NotSimulated { what: UNNAMED.to_owned() };
    }
    Error::Script(Box::new(describe(engine, text, error)))
}

/// The name of an unknown answer of a dry run, where it is unknown which of several answers it was.
pub const UNNAMED: &str = "what this answers";

/// Whether Rhai's error comes from an answer that a dry run does not know. Such an answer has the type name that it
/// would have in a run, but no functions and properties: Rhai did not find one that exists in a run.
pub fn takes_unknown(engine: &Engine, error: &EvalAltResult) -> bool {
    match error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let (name, given) = parts(signature);
            is_taken(engine, name, &given)
        }
        EvalAltResult::ErrorDotExpr(message, _) => match property_of(message, UNKNOWN) {
            Some((property, kind)) => is_taken(engine, &format!("get${property}"), &[type_name(kind)]),
            None => false,
        },
        _ => false,
    }
}

/// Whether a function of this name takes values of these types.
fn is_taken(engine: &Engine, name: &str, given: &[String]) -> bool {
    let takes = |form: &Signature| {
        let mut pairs = form.params.iter().zip(given);
        form.params.len() == given.len() && pairs.all(|(param, given)| param == given || param == "value")
    };
    forms(engine, |known| known == name).iter().any(takes)
}

/// The name and the types in `name (type, type)`, the types in words that users know.
fn parts(signature: &str) -> (&str, Vec<String>) {
    let (name, given) = signature.split_once(" (").unwrap_or((signature, ")"));
    let given = given.strip_suffix(')').unwrap_or(given).split(", ");
    (name, given.filter(|part| !part.is_empty()).map(type_name).collect())
}

fn thrown(value: &Dynamic) -> Error {
    if let Some(error) = value.clone().try_cast::<ScriptError>() {
        return error.error().clone();
    }
    let message = value.to_string();
    Error::Script(Box::new(
        Description::new(Code::E0112, message, "thrown here").help("the script throws this error itself"),
    ))
}

/// A syntax error as one of netscript's.
pub(super) fn syntax(engine: &Engine, error: &ParseErrorType) -> Description {
    match error {
        ParseErrorType::VariableUndefined(name) => unknown_variable(engine, "", name),
        ParseErrorType::AssignmentToConstant(name) => constant(name),
        ParseErrorType::ExprTooDeep => {
            Description::new(Code::E0109, "the expression nests too deeply", "nested too deeply here")
                .help(format!("split it with `let`: {} levels are allowed", limits::MAX_EXPR_DEPTH))
        }
        ParseErrorType::UnexpectedEOF => {
            Description::new(Code::E0101, "the script ends in the middle of a statement", "something is missing here")
                .help("look for a bracket, a quote or a `;` that is missing")
        }
        ParseErrorType::Reserved(word) => {
            Description::new(Code::E0101, format!("`{word}` is a reserved word"), "this word cannot be used here")
                .help("choose another name")
        }
        other => {
            let message = other.to_string();
            Description::new(Code::E0101, lower_first(&message), "here").help("look at this place, and just before it")
        }
    }
}

fn describe(engine: &Engine, text: &str, error: &EvalAltResult) -> Description {
    match error {
        EvalAltResult::ErrorParsing(error, _) => syntax(engine, error),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => unknown_function(engine, text, signature),
        EvalAltResult::ErrorVariableNotFound(name, _) => unknown_variable(engine, text, name),
        EvalAltResult::ErrorDotExpr(message, _) => dot(engine, message),
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            Description::new(Code::E0104, format!("there is no property `{name}`"), "this is not known")
        }
        EvalAltResult::ErrorIndexNotFound(index, _) => {
            Description::new(Code::E0106, format!("there is no element {index}"), "this is not there")
                .help("check with `in` first")
        }
        EvalAltResult::ErrorArrayBounds(len, index, _) => bounds("array", "elements", *len, *index),
        EvalAltResult::ErrorStringBounds(len, index, _) => bounds("string", "characters", *len, *index),
        EvalAltResult::ErrorBitFieldBounds(len, index, _) => bounds("number", "bits", *len, *index),
        EvalAltResult::ErrorArithmetic(message, _) => {
            Description::new(Code::E0107, lower_first(message), "this cannot be computed").help("check the operands")
        }
        EvalAltResult::ErrorAssignmentToConstant(name, _)
        | EvalAltResult::ErrorNonPureMethodCallOnConstant(name, _) => constant(name),
        EvalAltResult::ErrorStackOverflow(_) => Description::new(
            Code::E0109,
            format!("functions call each other more than {} deep", limits::MAX_CALL_LEVELS),
            "this call does not end",
        )
        .help("look for a recursion that never ends"),
        EvalAltResult::ErrorTooManyModules(_)
        | EvalAltResult::ErrorTooManyOperations(_)
        | EvalAltResult::ErrorTooManyVariables(_) => {
            Description::new(Code::E0109, lower_first(&plain(error)), "a limit is reached here")
        }
        EvalAltResult::ErrorDataTooLarge(what, _) => {
            Description::new(Code::E0109, format!("{what} is more than one word can make"), "a limit is reached here")
                .help("make it smaller, or in parts")
        }
        EvalAltResult::ErrorModuleNotFound(name, _) => no_module(name, ""),
        EvalAltResult::ErrorMismatchDataType(wanted, given, _)
        | EvalAltResult::ErrorMismatchOutputType(wanted, given, _) => {
            let (wanted, given) = (type_name(wanted), type_name(engine.map_type_name(given)));
            Description::new(
                Code::E0105,
                if given.is_empty() {
                    format!("expected {wanted}")
                } else {
                    format!("expected {wanted}, found {given}")
                },
                format!("not {wanted}"),
            )
            .help(slips::condition(&wanted, &given).map_or_else(|| format!("give {wanted}"), str::to_owned))
        }
        EvalAltResult::ErrorDataRace(..) => Description::new(
            Code::E0113,
            lower_first(&plain(error)),
            "its closure uses the value that it iterates over",
        )
        .help("take what the closure needs out first: `let first = list[0]; list.all(|part| part == first)`"),
        EvalAltResult::ErrorSystem(..)
        | EvalAltResult::ErrorVariableExists(..)
        | EvalAltResult::ErrorForbiddenVariable(..)
        | EvalAltResult::ErrorInFunctionCall(..)
        | EvalAltResult::ErrorInModule(..)
        | EvalAltResult::ErrorUnboundThis(..)
        | EvalAltResult::ErrorIndexingType(..)
        | EvalAltResult::ErrorFor(..)
        | EvalAltResult::ErrorTerminated(..)
        | EvalAltResult::ErrorCustomSyntax(..)
        | EvalAltResult::ErrorRuntime(..)
        | EvalAltResult::LoopBreak(..)
        | EvalAltResult::Return(..)
        | EvalAltResult::Exit(..) => Description::new(Code::E0113, lower_first(&plain(error)), "refused here"),
        // Rhai's list is open-ended.
        other => Description::new(Code::E0113, lower_first(&plain(other)), "refused here"),
    }
}

/// A module that is not there; `word` is the word of the script that named it, as it is written.
pub(super) fn no_module(name: &str, word: &str) -> Description {
    let description = Description::new(Code::E0110, format!("there is no module {name:?}"), "not found");
    // In `name::function()`, the name is the one after `as` of an import.
    match word == name {
        true => {
            description.help(format!("give the module a name where it is imported: `import \"{name}\" as {name};`"))
        }
        false => description.help("a script's own modules are files NAME.rhai beside the script"),
    }
}

/// The error in a `catch` variable with a code, if it is one of Rhai's own errors.
pub(super) fn caught(engine: &Engine, value: &Dynamic) -> Option<ScriptError> {
    let map = value.read_lock::<Map>()?;
    let text = |key: &str| map.get(key).map(ToString::to_string);
    let (kind, message) = (text("error")?, text("message")?);
    let none = Position::NONE;
    if matches!(kind.as_str(), "ErrorInFunctionCall" | "ErrorInModule") {
        let error = match innermost(&message) {
            Some(error) => describe(engine, "", &error),
            None => Description::new(Code::E0113, lower_first(first_line(&message)), ""),
        };
        return Some(ScriptError::new(Error::Script(Box::new(error))));
    }
    let error = match (kind.as_str(), text("function"), text("variable"), text("property")) {
        ("ErrorFunctionNotFound", Some(name), ..) => EvalAltResult::ErrorFunctionNotFound(name, none),
        ("ErrorVariableNotFound", _, Some(name), _) => EvalAltResult::ErrorVariableNotFound(name, none),
        ("ErrorPropertyNotFound", _, Some(name), _) => EvalAltResult::ErrorPropertyNotFound(name, none),
        ("ErrorDotExpr", .., Some(message)) => EvalAltResult::ErrorDotExpr(message, none),
        (kind, ..) => {
            let description = Description::new(code_of(kind)?, lower_first(&message), "");
            return Some(ScriptError::new(Error::Script(Box::new(description))));
        }
    };
    Some(ScriptError::new(Error::Script(Box::new(describe(engine, "", &error)))))
}

/// The innermost error of nested calls. Rhai gives only its message, followed by a line for each call.
fn innermost(message: &str) -> Option<EvalAltResult> {
    let text = first_line(message);
    let none = Position::NONE;
    let named: [fn(String) -> EvalAltResult; 9] = [
        |name| EvalAltResult::ErrorFunctionNotFound(name, Position::NONE),
        |name| EvalAltResult::ErrorVariableNotFound(name, Position::NONE),
        |name| EvalAltResult::ErrorPropertyNotFound(name, Position::NONE),
        |name| EvalAltResult::ErrorModuleNotFound(name, Position::NONE),
        |name| EvalAltResult::ErrorIndexNotFound(name.into(), Position::NONE),
        |name| EvalAltResult::ErrorAssignmentToConstant(name, Position::NONE),
        |name| EvalAltResult::ErrorNonPureMethodCallOnConstant(name, Position::NONE),
        |name| EvalAltResult::ErrorMismatchDataType(String::new(), name, Position::NONE),
        |name| EvalAltResult::ErrorMismatchOutputType(String::new(), name, Position::NONE),
    ];
    for error in named {
        // The parts of the message before and after the name.
        let pattern = error("\u{1}".to_owned()).to_string();
        let (before, after) = pattern.split_once('\u{1}')?;
        if let Some(name) = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) {
            return Some(error(name.to_owned()));
        }
    }
    for error in [
        EvalAltResult::ErrorStackOverflow(none),
        EvalAltResult::ErrorTooManyVariables(none),
        EvalAltResult::ErrorTooManyModules(none),
    ] {
        if plain(&error) == text {
            return Some(error);
        }
    }
    if text.contains(" out of bounds: ") {
        let what = text.split(' ').nth(2).and_then(|index| index.parse().ok()).unwrap_or(0);
        let len = text.split(' ').filter_map(|word| word.parse().ok()).nth(1).unwrap_or(0);
        return Some(EvalAltResult::ErrorArrayBounds(len, what, none));
    }
    if text.starts_with("Unknown property") {
        return Some(EvalAltResult::ErrorDotExpr(text.to_owned(), none));
    }
    if text.ends_with(" too large") {
        return Some(EvalAltResult::ErrorDataTooLarge(text.trim_end_matches(" too large").to_owned(), none));
    }
    ARITHMETIC.iter().any(|word| text.contains(word)).then(|| EvalAltResult::ErrorArithmetic(text.to_owned(), none))
}

/// Words of the messages of Rhai's arithmetic errors (`make_err` and `ErrorArithmetic` in its packages).
const ARITHMETIC: [&str; 13] = [
    "overflow",
    "underflow",
    "ivision by zero",
    "Arithmetic error",
    "Cannot convert to ",
    "Error parsing ",
    "Error taking the ",
    "raised to ",
    "Invalid number of digits",
    "Invalid radix",
    "Sign of NaN",
    "Time-stamp is later",
    "step value cannot be zero",
];

/// The first line of a message, without the source that Rhai appends.
fn first_line(message: &str) -> &str {
    let line = message.lines().next().unwrap_or(message);
    line.rfind(" @ '").map_or(line, |end| &line[..end])
}

/// The code of an error of Rhai's, by the name of its variant.
fn code_of(kind: &str) -> Option<Code> {
    Some(match kind {
        "ErrorParsing" => Code::E0101,
        "ErrorArrayBounds" | "ErrorStringBounds" | "ErrorBitFieldBounds" | "ErrorIndexNotFound" => Code::E0106,
        "ErrorMismatchDataType" | "ErrorMismatchOutputType" => Code::E0105,
        "ErrorArithmetic" => Code::E0107,
        "ErrorAssignmentToConstant" | "ErrorNonPureMethodCallOnConstant" => Code::E0108,
        "ErrorStackOverflow" | "ErrorTooManyVariables" | "ErrorTooManyModules" | "ErrorDataTooLarge" => Code::E0109,
        "ErrorModuleNotFound" => Code::E0110,
        kind if kind.starts_with("Error") => Code::E0113,
        _ => return None,
    })
}

fn bounds(what: &str, parts: &str, len: usize, index: i64) -> Description {
    let message = format!("index {index} is outside the {what}, which has {len} {parts}");
    Description::new(Code::E0106, message, "out of range")
        .help("the first has index 0; negative ones count from the end")
}

fn constant(name: &str) -> Description {
    Description::new(Code::E0108, format!("`{name}` cannot be changed"), "this is a constant")
        .help("use a variable of your own: `let … = …;`")
}

fn unknown_variable(engine: &Engine, text: &str, name: &str) -> Description {
    let description = Description::new(
        Code::E0103,
        format!("there is no variable `{name}`"),
        "no variable of this name is visible here",
    );
    let known = variables(text);
    let words = function_names(engine);
    match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(meant) => description.help(format!("did you mean `{meant}`?")),
        None if known.contains(name) => {
            description.help(format!("a script function sees only its own variables: pass `{name}` as an argument"))
        }
        None if words.contains(name) => description.help(format!("to call the function, write `{name}(…)`")),
        None => description.help(format!("make it first: `let {name} = …;`")),
    }
}

/// The variables that a script's text makes, and those that always exist.
fn variables(text: &str) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = ["host", "args", "dry_run", "sandboxed"].map(str::to_owned).into();
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if matches!(word, "let" | "const" | "for")
            && let Some(name) = words.next()
        {
            known.insert(name.to_owned());
        }
    }
    known
}

fn function_names(engine: &Engine) -> BTreeSet<String> {
    functions(engine, true, |info| Some(info.metadata.name.to_string())).into_iter().collect()
}

/// A function that a script can call, as its reference writes it.
struct Signature {
    name: String,
    /// Types of the parameters as users know them.
    params: Vec<String>,
    shown: String,
}

fn forms(engine: &Engine, wanted: impl Fn(&str) -> bool) -> Vec<Signature> {
    functions(engine, true, |info| {
        let metadata = info.metadata;
        (wanted(&metadata.name) && !words::is_of_unknown(metadata)).then(|| {
            let typed = metadata.params_info.iter().map(|info| match info.split_once(':') {
                Some((name, kind)) => {
                    (name.trim().to_owned(), type_name(engine.map_type_name(kind.trim().trim_start_matches("&mut "))))
                }
                None => ("value".to_owned(), type_name(engine.map_type_name(info.trim_start_matches("&mut ")))),
            });
            let typed: Vec<(String, String)> = typed.collect();
            let method = typed.first().is_some_and(|(_, kind)| {
                matches!(kind.as_str(), "Netns" | "Link" | "Table" | "Chain" | "Rule" | "Process")
            });
            let arguments =
                |from: usize| typed[from..].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let shown = if method {
                format!("{}.{}({})", typed[0].1.to_lowercase(), metadata.name, arguments(1))
            } else {
                format!("{}({})", metadata.name, arguments(0))
            };
            Signature {
                name: metadata.name.to_string(),
                params: typed.into_iter().map(|(_, kind)| kind).collect(),
                shown,
            }
        })
    })
}

/// `signature` is `name (type, type)`, with Rhai's names of the types given.
fn unknown_function(engine: &Engine, text: &str, signature: &str) -> Description {
    let (name, given) = parts(signature);
    if let Some(property) = name.strip_prefix("get$").or_else(|| name.strip_prefix("set$")) {
        return unknown_property(engine, given.first().map_or("this value", String::as_str), property);
    }
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Description::new(
            Code::E0105,
            format!("`{name}` does not take {}", and(&given)),
            "these types cannot be combined",
        )
        .help("convert one of them, for example with `.to_string()`");
    }
    let same = forms(engine, |known| known == name);
    if same.is_empty() {
        return unknown_name(engine, text, name, &given);
    }
    let receiver = given.first().cloned().unwrap_or_default();
    let methods: Vec<&Signature> = same.iter().filter(|form| form.params.first() == Some(&receiver)).collect();
    let relevant: Vec<&Signature> = if methods.is_empty() { same.iter().collect() } else { methods };
    let shown: BTreeSet<&str> = relevant.iter().map(|form| form.shown.as_str()).collect();
    let is_method = !shown.is_empty() && shown.iter().all(|form| form.contains('.'));
    let arguments = if is_method && relevant[0].params.first() == Some(&receiver) { &given[1..] } else { &given[..] };
    let misfit = misfit(&relevant, &given).filter(|misfit| *misfit >= given.len() - arguments.len());
    let label = match (misfit, arguments) {
        (Some(misfit), _) => format!("{} is given", with_article(&given[misfit])),
        (None, []) => "no argument is given".to_owned(),
        (None, _) => format!("{} is given", and(arguments)),
    };
    let message = match arguments {
        [] => format!("`{name}` is called without arguments"),
        arguments => format!("`{name}` does not take {}", and(arguments)),
    };
    let mut description = Description::new(Code::E0105, message, label);
    description.part = misfit.map(|misfit| Part::new([Step::Given(misfit)]));
    if let Some(help) = slips::call(name, &given).or_else(|| property_called(engine, name, &given)) {
        return description.help(help);
    }
    let forms = shown.iter().take(6).map(|form| format!("`{form}`")).collect::<Vec<_>>().join(" or ");
    if is_method && relevant[0].params.first() != Some(&receiver) {
        let receiver = relevant[0].params[0].clone();
        return description.help(format!("`{name}` is a method of a {receiver}: write {forms}"));
    }
    description.help(format!("write {forms}"))
}

/// The argument that fits no function with this number of parameters, if there is just one.
fn misfit(forms: &[&Signature], given: &[String]) -> Option<usize> {
    let forms: Vec<&&Signature> = forms.iter().filter(|form| form.params.len() == given.len()).collect();
    let fits = |form: &Signature, index: usize| form.params[index] == given[index] || form.params[index] == "value";
    let mut misfits = (0..given.len()).filter(|index| forms.iter().all(|form| !fits(form, *index)));
    match (forms.is_empty(), misfits.next(), misfits.next()) {
        (false, Some(misfit), None) => Some(misfit),
        _ => None,
    }
}

/// The help where a property is called as a method.
fn property_called(engine: &Engine, name: &str, given: &[String]) -> Option<String> {
    let [receiver] = given else { return None };
    let getters = forms(engine, |known| known.strip_prefix("get$") == Some(name));
    let owner = getters.iter().any(|form| form.params.first() == Some(receiver));
    owner.then(|| format!("`{name}` is a property: write `.{name}`, without brackets"))
}

fn unknown_name(engine: &Engine, text: &str, name: &str, given: &[String]) -> Description {
    let description =
        Description::new(Code::E0102, format!("there is no function `{name}`"), "no function of this name");
    let receiver = given.first();
    if let Some(help) = property_called(engine, name, given).or_else(|| slips::call(name, given)) {
        return description.help(help);
    }
    let own = script_functions(text);
    // If a function of this name has as many parameters, it is out of scope here, or was undone.
    if own.contains(name) && !arities(text, name).contains(&given.len()) {
        let (message, label) = match given.len() {
            0 => ("is called without arguments".to_owned(), "no argument is given".to_owned()),
            1 => ("does not take one argument".to_owned(), "one argument is given".to_owned()),
            number => (format!("does not take {number} arguments"), format!("{number} arguments are given")),
        };
        return Description::new(Code::E0105, format!("the script's function `{name}` {message}"), label)
            .help(format!("give it as many as `fn {name}(…)` lists"));
    }
    if given.is_empty() && variables(text).contains(name) {
        return description
            .help(format!("`{name}` is a variable; if it holds a closure, call it with `{name}.call()`"));
    }
    if let Some(help) = slips::instead_of_program(name) {
        return description.help(help);
    }
    let all = forms(engine, |known| known.starts_with(|c: char| c.is_alphabetic()) && !known.contains('$'));
    let of_receiver = all.iter().filter(|form| receiver.is_some() && form.params.first() == receiver);
    let meant = did_you_mean(name, of_receiver.map(|form| form.name.as_str()))
        .or_else(|| did_you_mean(name, own.iter().map(String::as_str)))
        .or_else(|| did_you_mean(name, all.iter().map(|form| form.name.as_str())));
    match meant {
        Some(meant) => description.help(format!("did you mean `{meant}`?")),
        None => description.help("the reference lists every word; a script's own functions are made with `fn`"),
    }
}

fn script_functions(text: &str) -> BTreeSet<String> {
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let mut known = BTreeSet::new();
    while let Some(word) = words.next() {
        if word == "fn" {
            known.extend(words.next().map(str::to_owned));
        }
    }
    known
}

/// The numbers of parameters of the functions of a name that a text defines.
fn arities(text: &str, name: &str) -> Vec<usize> {
    let all: Vec<&str> = tokens(text).map(|token| &text[token.span]).filter(|token| !token.starts_with("/")).collect();
    let defined = all.windows(3).enumerate().filter(|(_, words)| **words == ["fn", name, "("]).map(|(at, _)| at + 3);
    let arity = |from: usize| {
        let parameters = all[from..].iter().take_while(|token| **token != ")");
        parameters.filter(|token| token.starts_with(|c: char| c.is_alphabetic() || c == '_')).count()
    };
    defined.map(arity).collect()
}

/// The property and the type that Rhai names in an error message, which begins with `begins`.
fn property_of<'a>(message: &'a str, begins: &str) -> Option<(&'a str, &'a str)> {
    let mut quoted = message.strip_prefix(begins)?.split('\'').skip(1).step_by(2);
    Some((quoted.next()?, quoted.next()?))
}

/// A property that is read.
const UNKNOWN: &str = "Unknown property";

/// A property that is assigned.
const NOT_WRITABLE: &str = "No writable property";

fn dot(engine: &Engine, message: &str) -> Description {
    if let Some((property, kind)) = property_of(message, UNKNOWN) {
        return unknown_property(engine, &type_name(kind), property);
    }
    match property_of(message, NOT_WRITABLE) {
        Some((property, kind)) => read_only_property(engine, &type_name(kind), property),
        None => Description::new(Code::E0104, lower_first(message), "not known here"),
    }
}

fn read_only_property(engine: &Engine, kind: &str, property: &str) -> Description {
    let of_kind = |form: &Signature| form.params.first().is_some_and(|first| first == kind);
    let is_setter = |name: &str| name == property || name.strip_prefix("set_") == Some(property);
    let setter = forms(engine, is_setter).into_iter().find(of_kind);
    let readable = forms(engine, |name| name.strip_prefix("get$") == Some(property)).iter().any(of_kind);
    let message = format!("the property `{property}` of {} cannot be assigned", with_article(kind));
    let description = Description::new(Code::E0104, message, "this cannot be assigned");
    match setter {
        Some(setter) => description.help(format!("call the method instead: `{}`", setter.shown)),
        None if readable => description.help("this property can only be read"),
        None => unknown_property(engine, kind, property),
    }
}

fn unknown_property(engine: &Engine, kind: &str, property: &str) -> Description {
    let description = Description::new(
        Code::E0104,
        format!("{} has no property `{property}`", with_article(kind)),
        "this property is not known",
    );
    let known: BTreeSet<String> = forms(engine, |name| name.starts_with("get$"))
        .into_iter()
        .filter(|form| form.params.first().is_some_and(|first| first == kind))
        .map(|form| form.name["get$".len()..].to_owned())
        .collect();
    let methods: BTreeSet<String> = forms(engine, |name| name == property)
        .into_iter()
        .filter(|form| form.params.first().is_some_and(|first| first == kind))
        .map(|form| form.shown)
        .collect();
    if let Some(method) = methods.first() {
        return description.help(format!("`{property}` is a method: write `{method}`"));
    }
    match did_you_mean(property, known.iter().map(String::as_str)) {
        Some(meant) => description.help(format!("did you mean `{meant}`?")),
        None if known.is_empty() => description,
        None => {
            let list = known.iter().map(|name| format!("`.{name}`")).collect::<Vec<_>>().join(", ");
            description.help(format!("{} has {list}", with_article(kind)))
        }
    }
}

fn with_article(kind: &str) -> String {
    match kind {
        "nothing" | "this value" => kind.to_owned(),
        kind if kind.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {kind}"),
        kind => format!("a {kind}"),
    }
}

fn and(kinds: &[String]) -> String {
    let kinds: Vec<String> = kinds.iter().map(|kind| with_article(kind)).collect();
    match kinds.split_last() {
        None => "no arguments".into(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// The message of an error without its position.
fn plain(error: &EvalAltResult) -> String {
    let text = error.to_string();
    text.rfind(" (line ").map_or(text.clone(), |end| text[..end].to_owned())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}
