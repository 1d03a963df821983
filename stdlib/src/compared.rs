//! The two sides of a comparison, told when an assertion fails.

use netscript_lang::diagnostics::Error;
use netscript_lang::interpreter::Session;
use netscript_net::world::Alternatives;
use rhai::{ASTFlags, BinaryExpr, Dynamic, EvalContext, Expr, Expression, FnCallExpr, Map, Position, Token};

use crate::{RhaiResult, unknown};

/// More characters of a value are not shown.
const LONGEST: usize = 200;

/// A condition's value. The sides of a comparison are evaluated once, separately, and added to `told`
/// unless they are literals. A value of another type than bool is returned like any
/// other, even if a dry run does not know it.
pub(crate) fn evaluate(context: &mut EvalContext, condition: &Expr, told: &mut Vec<String>) -> RhaiResult {
    match condition {
        Expr::And(parts, position) => all_of(context, parts, *position, told),
        Expr::Or(parts, position) => any_of(context, parts, *position, told),
        Expr::Dot(..) => match last_property(condition) {
            Some(asked) => property(context, asked, told),
            None => value(context, condition),
        },
        Expr::FnCall(call, position) if call.op_token.is_some() => operation(context, call, *position, told),
        _ => value(context, condition),
    }
}

fn value(context: &mut EvalContext, expression: &Expr) -> RhaiResult {
    context.eval_expression_tree(&Expression::from(expression))
}

fn constant(value: Dynamic, position: Position) -> Expr {
    Expr::DynamicConstant(Box::new(value), position)
}

/// `A && B`. If A is unknown, in a dry run, the assertion is assumed to hold and B is evaluated as well,
/// so that its commands are printed.
fn all_of(context: &mut EvalContext, parts: &[Expr], position: Position, told: &mut Vec<String>) -> RhaiResult {
    let (mut values, mut unknown) = (Vec::with_capacity(parts.len()), None);
    for part in parts {
        let mut of_part = Vec::new();
        let value = match evaluate(context, part, &mut of_part) {
            Err(error) if unknown::reason(context.engine(), &error).is_some() => {
                unknown.get_or_insert(error);
                continue;
            }
            value => value?,
        };
        let holds = value.as_bool();
        values.push(constant(value, part.position()));
        if holds != Ok(true) {
            told.append(&mut of_part);
            unknown = None;
            break;
        }
    }
    match unknown {
        Some(unknown) => Err(unknown),
        None => value(context, &Expr::And(Box::new(values.into_iter().collect()), position)),
    }
}

/// `A || B`. Where A is not known, in a dry run, B is asked as well, and what both stand for is printed as alternatives.
fn any_of(context: &mut EvalContext, parts: &[Expr], position: Position, told: &mut Vec<String>) -> RhaiResult {
    let tell = |context: &EvalContext, step| Session::of_context(context).lab().world().alternatives(step);
    tell(context, Alternatives::Begin);
    let (mut values, mut unknown) = (Vec::with_capacity(parts.len()), None);
    let mut failed = None;
    for part in parts {
        tell(context, Alternatives::Next);
        match evaluate(context, part, told) {
            Ok(value) => {
                let holds = value.as_bool();
                values.push(constant(value, part.position()));
                if holds == Ok(true) {
                    // Whatever the others answer.
                    unknown = None;
                }
                if holds != Ok(false) {
                    break;
                }
            }
            Err(error) if unknown::reason(context.engine(), &error).is_some() => {
                unknown.get_or_insert(error);
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    tell(context, Alternatives::End);
    // A run may not come to what fails.
    match unknown.or(failed) {
        Some(error) => Err(error),
        None => value(context, &Expr::Or(Box::new(values.into_iter().collect()), position)),
    }
}

/// `A == B`, `!A`, `A + B`. Where an operand is not known, in a dry run, the others are asked as well, so that
/// what they stand for is printed.
fn operation(context: &mut EvalContext, call: &FnCallExpr, position: Position, told: &mut Vec<String>) -> RhaiResult {
    let (mut operands, mut unknown) = (Vec::with_capacity(call.args.len()), None);
    for (index, operand) in call.args.iter().enumerate() {
        let evaluated = match operand {
            operand if call.op_token == Some(Token::Bang) => evaluate(context, operand, told),
            Expr::FnCall(inner, at) if inner.op_token.is_some() => operation(context, inner, *at, &mut Vec::new()),
            operand => value(context, operand),
        };
        let value = match evaluated {
            Err(error) if unknown::reason(context.engine(), &error).is_some() => {
                unknown.get_or_insert(error);
                continue;
            }
            value => value?,
        };
        if compares(call) && !operand.is_constant() {
            let side = ["left", "right"][index];
            told.push(format!("the {side} side is {}", shown(context, &value)));
        }
        operands.push(constant(value, operand.position()));
    }
    match unknown {
        Some(unknown) => Err(unknown),
        None => {
            let known = FnCallExpr { args: operands.into_iter().collect(), ..call.clone() };
            value(context, &Expr::FnCall(Box::new(known), position))
        }
    }
}

/// The error of an assertion that does not hold; none if it does, or is not called as it should be.
pub(crate) fn failure(arguments: &[Dynamic], sides: Vec<String>) -> Option<Error> {
    let message = match arguments {
        [_] => None,
        [_, message] => Some(message.clone().into_string().ok()?),
        _ => return None,
    };
    let holds = arguments.first()?.as_bool().ok()?;
    (!holds && !sides.is_empty()).then_some(Error::Assertion { message, sides })
}

/// The last property of a chain.
struct Asked<'a> {
    /// What stands before it.
    of: Expr,
    property: &'a Expr,
    name: &'a str,
    flags: ASTFlags,
}

fn last_property(condition: &Expr) -> Option<Asked<'_>> {
    let Expr::Dot(pair, flags, position) = condition else { return None };
    if let Expr::Property(name, _) = &pair.rhs {
        return Some(Asked { of: pair.lhs.clone(), property: &pair.rhs, name: &name.2, flags: *flags });
    }
    let asked = last_property(&pair.rhs)?;
    let pair = BinaryExpr { lhs: pair.lhs.clone(), rhs: asked.of };
    Some(Asked { of: Expr::Dot(Box::new(pair), *flags, *position), ..asked })
}

/// A property as a condition. If the `.ok` of a result is false, the result's error is added to `told`.
fn property(context: &mut EvalContext, asked: Asked, told: &mut Vec<String>) -> RhaiResult {
    let result = value(context, &asked.of)?;
    // What is no bool is none whatever the answer is.
    if let Some(sample) = unknown::sample(&result, asked.name).filter(|sample| !sample.is_bool()) {
        return Ok(sample);
    }
    if asked.name == "ok" {
        told.extend(result.read_lock::<Map>().map_or_else(Vec::new, |map| why_not(&map)));
    }
    let pair = BinaryExpr { lhs: constant(result, asked.of.position()), rhs: asked.property.clone() };
    value(context, &Expr::Dot(Box::new(pair), asked.flags, asked.property.position()))
}

/// What the result of a probe or of a program says.
fn why_not(result: &Map) -> Vec<String> {
    let text = |key: &str| Some(result.get(key)?.to_string()).filter(|text| !text.trim().is_empty());
    let error = text("error").map(|error| format!("the probe's error: {error}"));
    let status = text("status").map(|status| format!("the status is {status}"));
    let stderr = text("stderr").map(|said| format!("it said: {}", said.trim_end()));
    error.or(status).into_iter().chain(stderr).collect()
}

fn compares(call: &FnCallExpr) -> bool {
    let compares = matches!(
        call.op_token,
        Some(
            Token::EqualsTo
                | Token::NotEqualsTo
                | Token::LessThan
                | Token::LessThanEqualsTo
                | Token::GreaterThan
                | Token::GreaterThanEqualsTo
        )
    );
    compares && call.args.len() == 2
}

fn shown(context: &mut EvalContext, value: &Dynamic) -> String {
    let text = context.call_native_fn_raw("to_debug", false, &mut [&mut value.clone()]);
    let text = text.ok().and_then(|text| text.into_string().ok()).unwrap_or_else(|| format!("{value:?}"));
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
