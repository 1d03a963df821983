//! Answers that nobody knows: a dry run starts no program and sends no packet. The answer is a
//! handle; reading from it is an error, which `assert`, `wait_until` and `print` make a remark of.

use netscript_engine::diagnostics::{At, Error, Result};
use netscript_engine::interpreter::{ScriptError, Session, at};
use rhai::{
    Dynamic, Engine, EvalAltResult, EvalContext, Expression, ImmutableString, NativeCallContext, ParseError, Position,
};

use crate::RhaiResult;

/// What a program or a probe would answer in a real run.
#[derive(Clone, Debug)]
pub struct Unknown(Error);

impl Unknown {
    fn read<T>(&self) -> RhaiResult<T> {
        Err(self.0.clone().into())
    }
}

/// An answer as a script sees it, known or not.
pub(crate) fn answer<T>(answer: Result<T>, known: impl FnOnce(T) -> Dynamic) -> RhaiResult {
    match answer {
        Ok(answer) => Ok(known(answer)),
        Err(error @ Error::Unknowable { .. }) => Ok(Dynamic::from(Unknown(error))),
        Err(error) => Err(error.into()),
    }
}

/// What a dry run cannot know, if that is why an evaluation failed.
pub(crate) fn unknowable(error: &EvalAltResult) -> Option<String> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => unknowable(inner),
        EvalAltResult::ErrorRuntime(value, _) => match value.clone().try_cast::<ScriptError>()?.error() {
            Error::Unknowable { what } => Some(what.clone()),
            _ => None,
        },
        // A function that takes any value but this one.
        EvalAltResult::ErrorFunctionNotFound(signature, _) if signature.contains(TYPE_NAME) => {
            Some("what a program or a probe answers".to_owned())
        }
        _ => None,
    }
}

/// What Rhai calls the type, in signatures and as text.
const TYPE_NAME: &str = "(unknown in a dry run)";

pub(crate) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Unknown>(TYPE_NAME)
        .register_indexer_get(|unknown: &mut Unknown, _: &str| unknown.read::<Dynamic>())
        .register_indexer_get(|unknown: &mut Unknown, _: i64| unknown.read::<Dynamic>())
        .register_fn("+=", |_: &mut ImmutableString, unknown: Unknown| unknown.read::<()>())
        .register_fn("+", |_: ImmutableString, unknown: Unknown| unknown.read::<ImmutableString>())
        .register_fn("+", |unknown: Unknown, _: ImmutableString| unknown.read::<ImmutableString>())
        .register_fn("len", |unknown: &mut Unknown| unknown.read::<i64>())
        .register_fn("==", |unknown: Unknown, _: Dynamic| unknown.read::<bool>())
        .register_fn("!=", |unknown: Unknown, _: Dynamic| unknown.read::<bool>());
}

/// `assert` and `print` as a dry run has them: they see the error of what they are given.
pub(crate) fn register_for_dry_run(engine: &mut Engine) {
    engine.register_custom_syntax_with_state_raw("assert", one_or_two, false, assert);
    engine.register_custom_syntax_with_state_raw("print", at_most_one, false, print);
}

type Parsed = std::result::Result<Option<ImmutableString>, ParseError>;

/// `(EXPRESSION)` or `(EXPRESSION, EXPRESSION)`
fn one_or_two(symbols: &[ImmutableString], next: &str, _: &mut Dynamic) -> Parsed {
    Ok(match (symbols.len(), symbols.last().map(ImmutableString::as_str)) {
        (1, _) => Some("(".into()),
        (2, _) | (4, Some(",")) => Some("$expr$".into()),
        (3, _) if next == "," => Some(",".into()),
        (3 | 5, _) => Some(")".into()),
        _ => None,
    })
}

/// `()` or `(EXPRESSION)`
fn at_most_one(symbols: &[ImmutableString], next: &str, _: &mut Dynamic) -> Parsed {
    Ok(match (symbols.len(), symbols.last().map(ImmutableString::as_str)) {
        (1, _) => Some("(".into()),
        (2, _) if next == ")" => Some(")".into()),
        (2, _) => Some("$expr$".into()),
        (3, Some("$expr$")) => Some(")".into()),
        _ => None,
    })
}

/// The value of an expression; `None`, with a remark, if a dry run cannot know it.
fn evaluate(
    context: &mut EvalContext<'_, '_, '_, '_, '_, '_>,
    input: &Expression<'_>,
    word: &str,
) -> RhaiResult<Option<Dynamic>> {
    let what = match context.eval_expression_tree(input) {
        Ok(value) => match value.clone().try_cast::<Unknown>() {
            Some(Unknown(Error::Unknowable { what })) => what,
            Some(_) | None => return Ok(Some(value)),
        },
        Err(error) => unknowable(&error).ok_or(error)?,
    };
    let session = Session::of_evaluation(context);
    session.lab().world().located(place(context, input).as_ref());
    session.lab().world().remark(&format!("{word}: a dry run cannot know {what}"));
    Ok(None)
}

fn place(context: &EvalContext<'_, '_, '_, '_, '_, '_>, input: &Expression<'_>) -> Option<At> {
    let position = input.position();
    Some(At { source: context.source()?.into(), line: position.line()?, column: position.position().unwrap_or(0) })
}

fn assert(context: &mut EvalContext<'_, '_, '_, '_, '_, '_>, inputs: &[Expression<'_>], _: &Dynamic) -> RhaiResult {
    let Some(condition) = inputs.first() else { return Ok(Dynamic::UNIT) };
    let place = condition.position();
    let word = match inputs.get(1) {
        None => "assert".to_owned(),
        Some(message) => match context.eval_expression_tree(message) {
            Ok(message) => format!("assert {:?}", message.to_string()),
            Err(error) if unknowable(&error).is_some() => "assert".to_owned(),
            Err(error) => return Err(error),
        },
    };
    let Some(value) = evaluate(context, condition, &word)? else { return Ok(Dynamic::UNIT) };
    let error = match value.as_bool() {
        Ok(true) => return Ok(Dynamic::UNIT),
        Ok(false) => {
            let message = inputs.get(1).map(|message| context.eval_expression_tree(message)).transpose()?;
            Error::Assertion { message: message.map(|message| message.to_string()) }
        }
        Err(given) => {
            Error::WrongType { what: "the condition".into(), wanted: "true or false".into(), given: given.to_owned() }
        }
    };
    Err(placed(error, place))
}

fn placed(error: Error, place: Position) -> Box<EvalAltResult> {
    let mut error: Box<EvalAltResult> = error.into();
    error.set_position(place);
    error
}

fn print(context: &mut EvalContext<'_, '_, '_, '_, '_, '_>, inputs: &[Expression<'_>], _: &Dynamic) -> RhaiResult {
    let value = match inputs.first() {
        None => Dynamic::from(String::new()),
        Some(input) => match evaluate(context, input, "print")? {
            Some(value) => value,
            None => return Ok(Dynamic::UNIT),
        },
    };
    context.call_fn::<Dynamic>("print", (value,))
}

/// Tells the world which place of the script asks for what comes next.
pub(crate) fn locate(context: &NativeCallContext<'_>) {
    Session::of(context).lab().world().located(at(context).as_ref());
}
