//! Completion at the cursor.

use std::collections::BTreeMap;

use netscript_lang::interpreter::{Form, Interpreter, Word};
use netscript_net::op::NetnsRef;
use netscript_stdlib::{Link, MODULES, Netns, OptionSpec, options_of};

use super::commands;
use super::context::{Context, Expected, context};
use super::lexicon::{KEYWORDS, Lexicon};
use super::receiver::Receiver;
use super::sysctl;

/// A candidate for completion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The text in the list of candidates.
    pub display: String,
    /// The text that is inserted.
    pub replacement: String,
}

impl Candidate {
    fn plain(text: impl Into<String>) -> Candidate {
        let text = text.into();
        Candidate { display: text.clone(), replacement: text }
    }

    /// The candidate of a function.
    fn call(name: &str, takes_arguments: bool) -> Candidate {
        let end = if takes_arguments { "(" } else { "()" };
        Candidate { display: format!("{name}()"), replacement: format!("{name}{end}") }
    }
}

/// The candidates to complete the end of a text, sorted, and where they begin.
pub fn complete(text: &str, interpreter: &Interpreter, lexicon: &Lexicon) -> (usize, Vec<Candidate>) {
    if text.starts_with(':') {
        return commands::complete(text, interpreter, lexicon);
    }
    let Context { start, typed, place } = context(text);
    let candidates = match place {
        Expected::Word => words(typed, interpreter, lexicon),
        Expected::Member(receiver) => members(typed, &Receiver::of(receiver, interpreter, lexicon), lexicon),
        Expected::Module(module) => functions_of(module, interpreter),
        Expected::Option(word, given) => {
            let keys = options_of(word).into_iter().map(|option| option.key).filter(|key| !given.contains(key));
            keys.map(|key| Candidate { display: key.to_owned(), replacement: format!("{key}: ") }).collect()
        }
        Expected::Value(word, key) => values(typed, word, key).unwrap_or_else(|| words(typed, interpreter, lexicon)),
        Expected::Text(word, key, receiver) => {
            texts(word, key).unwrap_or_else(|| names(receiver, interpreter, lexicon))
        }
        Expected::Name(receiver) => names(receiver, interpreter, lexicon),
        Expected::Setting(receiver) => settings(typed, receiver, interpreter, lexicon),
        Expected::Import => MODULES.iter().map(|(name, _)| Candidate::plain(*name)).collect(),
        Expected::Nothing => Vec::new(),
    };
    let mut fitting: Vec<Candidate> =
        candidates.into_iter().filter(|candidate| candidate.replacement.starts_with(typed)).collect();
    fitting.sort();
    fitting.dedup();
    (start, fitting)
}

/// An option of a word.
pub fn option(word: &str, key: &str) -> Option<&'static OptionSpec> {
    options_of(word).into_iter().find(|option| option.key == key)
}

/// The values of an option, if they can be listed and one fits.
fn values(typed: &str, word: &str, key: &str) -> Option<Vec<Candidate>> {
    let values: Vec<Candidate> = option(word, key)?.takes.values().into_iter().map(Candidate::plain).collect();
    values.iter().any(|value| value.replacement.starts_with(typed)).then_some(values)
}

/// The same inside a string, if the values are strings.
fn texts(word: &str, key: &str) -> Option<Vec<Candidate>> {
    let values = option(word, key)?.takes.values();
    let texts = values.iter().filter_map(|value| value.strip_prefix('"')?.strip_suffix('"'));
    let texts: Vec<Candidate> = texts.map(Candidate::plain).collect();
    (!texts.is_empty()).then_some(texts)
}

/// Names defined in the session, if one fits; else all words.
fn words(typed: &str, interpreter: &Interpreter, lexicon: &Lexicon) -> Vec<Candidate> {
    let own = own(interpreter);
    if !typed.is_empty() && own.iter().any(|candidate| candidate.replacement.starts_with(typed)) {
        return own;
    }
    let constants = interpreter.session().constants().into_iter().map(|(name, _)| Candidate::plain(name));
    let keywords = KEYWORDS.iter().map(|word| Candidate::plain(*word));
    own.into_iter().chain(constants).chain(keywords).chain(calls(lexicon.functions())).collect()
}

/// Variables, functions and imported modules of the session.
fn own(interpreter: &Interpreter) -> Vec<Candidate> {
    let variables = interpreter.variables().into_iter().map(|(name, _)| Candidate::plain(name));
    let functions = interpreter.functions();
    let functions = functions.iter().map(|function| Candidate::call(&function.name, !function.params.is_empty()));
    let modules = interpreter.imports().into_iter();
    let modules = modules.map(|(name, _)| Candidate { display: name.clone(), replacement: format!("{name}::") });
    variables.chain(functions).chain(modules).collect()
}

/// A candidate for each name; it takes arguments if one of its overloads does.
fn calls<'a>(words: impl Iterator<Item = &'a Word>) -> Vec<Candidate> {
    let mut names: BTreeMap<&str, bool> = BTreeMap::new();
    for word in words {
        *names.entry(&word.name).or_default() |= !word.arguments().is_empty();
    }
    names.into_iter().map(|(name, takes)| Candidate::call(name, takes)).collect()
}

/// The keys of a map, if one fits; else methods and properties as well.
fn members(typed: &str, receiver: &Receiver, lexicon: &Lexicon) -> Vec<Candidate> {
    let keys: Vec<Candidate> = receiver.keys().into_iter().map(Candidate::plain).collect();
    if !typed.is_empty() && keys.iter().any(|key| key.replacement.starts_with(typed)) {
        return keys;
    }
    let members: Vec<&Word> = lexicon.members(receiver.kind.as_deref()).collect();
    let properties = members.iter().filter(|word| word.form == Form::Property);
    let mut candidates: Vec<Candidate> = properties.map(|word| Candidate::plain(word.name.as_str())).collect();
    candidates.extend(calls(members.iter().copied().filter(|word| word.form == Form::Method)));
    candidates.extend(keys);
    candidates
}

fn functions_of(module: &str, interpreter: &Interpreter) -> Vec<Candidate> {
    let modules = interpreter.imports();
    let functions = modules.into_iter().find(|(name, _)| name == module).map(|(_, functions)| functions);
    let functions = functions.unwrap_or_default();
    functions.iter().map(|function| Candidate::call(&function.name, !function.params.is_empty())).collect()
}

/// The names of namespaces, and of the links in the receiver's namespace or, without a receiver, in the session's. If
/// it is unknown, the links of every namespace.
fn names(receiver: Option<&str>, interpreter: &Interpreter, lexicon: &Lexicon) -> Vec<Candidate> {
    let namespaces = interpreter.session().lab().world().netns_names().unwrap_or_default();
    let places = match receiver.map(|receiver| place_of(receiver, interpreter, lexicon)) {
        None => vec![interpreter.session().here()],
        Some(Some(netns)) => vec![netns],
        Some(None) => [NetnsRef::Host].into_iter().chain(namespaces.iter().cloned().map(NetnsRef::Named)).collect(),
    };
    let links = places.iter().flat_map(|netns| link_names(netns, interpreter)).map(Candidate::plain);
    namespaces.into_iter().map(|name| Candidate::plain(name.to_string())).chain(links).collect()
}

fn link_names(netns: &NetnsRef, interpreter: &Interpreter) -> Vec<String> {
    let names = interpreter.session().lab().world().link_names(netns).unwrap_or_default();
    names.into_iter().map(|name| name.to_string()).collect()
}

/// The names of settings, up to the next dot.
fn settings(typed: &str, receiver: Option<&str>, interpreter: &Interpreter, lexicon: &Lexicon) -> Vec<Candidate> {
    let netns = receiver.and_then(|receiver| place_of(receiver, interpreter, lexicon));
    let links = link_names(&netns.unwrap_or(NetnsRef::Host), interpreter);
    sysctl::beginning_with(typed, &links).into_iter().map(Candidate::plain).collect()
}

/// The namespace that an expression is, or is in; else that of an expression which it begins with: `red.filter.forward`
/// is in `red`.
fn place_of(expression: &str, interpreter: &Interpreter, lexicon: &Lexicon) -> Option<NetnsRef> {
    let shorter = || place_of(expression.rsplit_once('.')?.0.trim_end(), interpreter, lexicon);
    place_of_whole(expression, interpreter, lexicon).or_else(shorter)
}

fn place_of_whole(expression: &str, interpreter: &Interpreter, lexicon: &Lexicon) -> Option<NetnsRef> {
    let known = Receiver::of(expression, interpreter, lexicon);
    let kind = known.kind.as_deref()?;
    if !matches!(kind, "Netns" | "Link") || expression.contains('(') {
        return None;
    }
    let value = interpreter.look_up(expression)?;
    if let Some(netns) = value.read_lock::<Netns>() {
        return netns.reference().ok();
    }
    value.read_lock::<Link>().and_then(|link| link.locate().ok()).map(|(netns, _)| netns)
}
