//! Expectations: asserting, and waiting for what takes time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use netscript_lang::diagnostics::At;
use netscript_lang::diagnostics::Error;
use netscript_lang::interpreter::{Session, add_words, at};
use rhai::plugin::*;
use rhai::{Dynamic, Engine, EvalAltResult, EvalContext, Expression, FnPtr, ImmutableString, LexError, Token};

use crate::{RhaiResult, args, compared, unknown};

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
    // What cannot be known in a dry run becomes a comment, wherever it stands in the condition or
    // the text. A function would not be called at all; a syntax of our own sees the error.
    let begun = Rc::new(Cell::new(Position::NONE));
    remember_place(engine, &begun);
    for word in WATCHED {
        let begun = Rc::clone(&begun);
        engine.register_custom_syntax_with_state_raw(
            word,
            move |symbols, ahead, place| {
                if symbols.len() == 1 {
                    *place = numbered(begun.get());
                }
                Ok(next_symbol(symbols, ahead))
            },
            false,
            move |context, inputs, place| {
                let place = position(place);
                call_unless_unknown(context, word, inputs, place).map_err(|error| at_least_at(error, place))
            },
        );
    }
}

/// Words whose arguments may be unknown.
const WATCHED: [&str; 2] = ["assert", "print"];

/// A position as the state of custom syntax. Rhai identifies closures by the hash of their syntax
/// tree, including the state, and can only hash its own types.
fn numbered(position: Position) -> Dynamic {
    let number = |part: Option<usize>| i64::try_from(part.unwrap_or(0)).unwrap_or(0);
    Dynamic::from(number(position.line()) << 16 | number(position.position()))
}

/// What [`numbered`] made a number of.
fn position(number: &Dynamic) -> Position {
    let number = number.as_int().unwrap_or(0);
    match (u16::try_from(number >> 16), u16::try_from(number & 0xffff)) {
        (Ok(line @ 1..), Ok(column)) => Position::new(line, column),
        (Ok(_) | Err(_), _) => Position::NONE,
    }
}

/// Rhai does not give the position of custom syntax; it is taken from the preceding tokens. A parsed text
/// may be long, and this is the only place where limits are checked while parsing.
fn remember_place(engine: &mut Engine, begun: &Rc<Cell<Position>>) {
    let begun = Rc::clone(begun);
    let session = Session::of_engine(engine);
    #[allow(deprecated, reason = "Rhai marks `on_parse_token` so because it may change")]
    engine.on_parse_token(move |token, position, _| {
        if let Token::Identifier(word) | Token::Reserved(word) | Token::Custom(word) = &token
            && WATCHED.contains(&word.as_str())
        {
            begun.set(position);
        }
        match session.stop_reading() {
            Some(why) => Token::LexError(LexError::Runtime(why.to_owned()).into()),
            None => token,
        }
    });
}

/// `WORD ( EXPRESSION , … )`: what comes after the symbols so far.
fn next_symbol(symbols: &[ImmutableString], ahead: &str) -> Option<ImmutableString> {
    let symbol = match symbols.last().map(ImmutableString::as_str) {
        Some(")" | "()") => return None,
        Some("(") if ahead == ")" => ")",
        Some("(" | ",") => "$expr$",
        Some("$expr$") if ahead == "," => ",",
        Some("$expr$") => ")",
        // Rhai reads empty brackets as one token.
        Some(_) | None if ahead == "()" => "()",
        Some(_) | None => "(",
    };
    Some(symbol.into())
}

fn call_unless_unknown(context: &mut EvalContext, word: &str, inputs: &[Expression], place: Position) -> RhaiResult {
    let mut arguments = Vec::with_capacity(inputs.len());
    let mut sides = Vec::new();
    for input in inputs {
        let evaluated = if word == "assert" && arguments.is_empty() {
            compared::evaluate(context, input, &mut sides)
        } else {
            context.eval_expression_tree(input)
        };
        let what = match evaluated {
            Ok(value) => match unknown::what(&value) {
                Some(what) if word == "print" => what,
                // What an answer is, is known: no condition, and no text.
                Some(_) | None => {
                    arguments.push(value);
                    continue;
                }
            },
            Err(error) => unknown::reason(context.engine(), &error).ok_or(error)?,
        };
        let at = at_position(context, place);
        remark(&Session::of_context(context), at, &format!("{word}: a dry run cannot know {what}"));
        return Ok(Dynamic::UNIT);
    }
    if let Some(error) = compared::failure(&arguments, sides) {
        return Err(error.into());
    }
    context.call_native_fn_raw(word, false, &mut arguments.iter_mut().collect::<Vec<_>>())
}

/// The error with a place, if it has none.
fn at_least_at(mut error: Box<EvalAltResult>, place: Position) -> Box<EvalAltResult> {
    if error.position().is_none() {
        error.set_position(place);
    }
    error
}

fn at_position(context: &EvalContext, position: Position) -> Option<At> {
    let source = context.source()?;
    let module = Session::of_context(context).is_module(source);
    Some(At { source: source.into(), line: position.line()?, column: position.position().unwrap_or(0), module })
}

fn remark(session: &Session, at: Option<At>, text: &str) {
    let mut lab = session.lab();
    lab.world().located(at.as_ref());
    lab.world().remark(text);
}

/// Time between two evaluations of a condition.
const STEP: Duration = Duration::from_millis(10);

fn pause(ctx: &NativeCallContext, seconds: &Dynamic) -> RhaiResult<()> {
    let time = Duration::from_secs_f64(args::seconds("a time", seconds)?);
    let session = Session::of(ctx);
    let mut lab = session.lab();
    lab.world().located(at(ctx).as_ref());
    Ok(lab.world().sleep(time)?)
}

/// In a dry run no time passes, and only the script itself changes a condition. After this
/// many evaluations the condition is assumed never to hold.
const MOST_LOOKS: u32 = 1000;

/// Calls a closure until it returns true.
fn wait(ctx: &NativeCallContext, condition: &FnPtr, session: &Session, start: Instant, limit: f64) -> RhaiResult<()> {
    let mut looks = 0;
    loop {
        let last = match condition.call_within_context::<bool>(ctx, ()) {
            Ok(true) => return Ok(()),
            Ok(false) => None,
            // A closure that does not return a bool will not return one later.
            Err(error)
                if matches!(
                    *error,
                    EvalAltResult::ErrorTerminated(..) | EvalAltResult::ErrorMismatchOutputType(..)
                ) =>
            {
                return Err(error);
            }
            Err(error) if let Some(what) = unknown::reason(ctx.engine(), &error) => {
                remark(session, at(ctx), &format!("wait_until: a dry run cannot know {what}"));
                return Ok(());
            }
            Err(error) => Some(error.to_string()),
        };
        let waited = start.elapsed().max(STEP * looks);
        if waited.as_secs_f64() >= limit || looks == MOST_LOOKS {
            return Err(Error::Waited { seconds: limit, last }.into());
        }
        if !session.lab().world().wait(STEP)? {
            looks += 1;
        }
    }
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Fails the script unless the condition is true.
    ///
    /// ```
    /// assert(1 + 1 == 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn assert(condition: bool) -> RhaiResult<()> {
        if condition { Ok(()) } else { Err(Error::Assertion { message: None, sides: Vec::new() }.into()) }
    }

    /// Fails the script with a message unless the condition is true.
    ///
    /// ```
    /// assert(1 + 1 == 2, "arithmetic works");
    /// ```
    #[rhai_fn(name = "assert", return_raw)]
    pub fn assert_with(condition: bool, message: &str) -> RhaiResult<()> {
        if condition {
            Ok(())
        } else {
            Err(Error::Assertion { message: Some(message.to_owned()), sides: Vec::new() }.into())
        }
    }

    /// Repeats the closure until it returns true. If it has not after this many seconds, that is an error.
    /// An error inside the closure counts as false.
    ///
    /// ```
    /// let start = 0;
    /// wait_until(2, || { start += 1; start > 3 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn wait_until(ctx: NativeCallContext, seconds: Dynamic, condition: FnPtr) -> RhaiResult<()> {
        let limit = args::seconds("the time to wait", &seconds)?;
        let session = Session::of(&ctx);
        let start = Instant::now();
        // An error inside the closure must come before its end.
        let before = session.lab().at_once(true)?;
        let result = wait(&ctx, &condition, &session, start, limit);
        session.lab().at_once(before)?;
        result
    }

    /// Waits for this many seconds; fractions are allowed.
    ///
    /// ```
    /// sleep(0.01);
    /// ```
    #[rhai_fn(name = "sleep", return_raw)]
    pub fn sleep_for(ctx: NativeCallContext, seconds: Dynamic) -> RhaiResult<()> {
        pause(&ctx, &seconds)
    }

    /// Waits for this many seconds.
    ///
    /// ```
    /// sleep(0);
    /// ```
    // Rhai has a word of its own for whole numbers, which would go before the one above.
    #[rhai_fn(name = "sleep", return_raw)]
    pub fn sleep_whole(ctx: NativeCallContext, seconds: i64) -> RhaiResult<()> {
        pause(&ctx, &Dynamic::from(seconds))
    }

    /// Waits for this many seconds; fractions are allowed.
    ///
    /// ```
    /// sleep(0.01);
    /// ```
    #[rhai_fn(name = "sleep", return_raw)]
    pub fn sleep_float(ctx: NativeCallContext, seconds: f64) -> RhaiResult<()> {
        pause(&ctx, &Dynamic::from(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_as_it_was() {
        for at in [Position::NONE, Position::new(1, 0), Position::new(1, 1), Position::new(u16::MAX, u16::MAX)] {
            assert_eq!(position(&numbered(at)), at);
        }
    }
}
