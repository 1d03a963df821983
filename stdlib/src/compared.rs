//! The two sides of a comparison, told when an assertion fails.

use crate::unknown::{self, Unknown};
use netscript_engine::diagnostics::Error;
use rhai::{
    ASTFlags, BinaryExpr, Dynamic, EvalAltResult, EvalContext, Expr, Expression, FnCallExpr, Map, Position, Token,
};

/// More characters of a value are not shown.
const LONGEST: usize = 200;

/// A condition's value. Where it is a comparison, its sides are evaluated once, on their own, and
/// told in words where they are no literals.
pub(crate) fn evaluate(
    context: &mut EvalContext,
    condition: &Expression,
    told: &mut Vec<String>,
) -> Result<Dynamic, Box<EvalAltResult>> {
    if let Expr::And(parts, position) = &**condition {
        return all_of(context, parts, *position, told);
    }
    if let Some((result, ok)) = asks_if_ok(condition) {
        return evaluate_ok(context, &result, ok, told);
    }
    let Some((call, position)) = comparison(condition) else {
        return context.eval_expression_tree(condition);
    };
    let mut sides = Vec::new();
    for (side, expression) in ["left", "right"].iter().zip(&call.args) {
        let value = context.eval_expression_tree(&Expression::from(expression))?;
        if !expression.is_constant() {
            told.push(format!("the {side} side is {}", shown(context, &value)));
        }
        sides.push(Expr::DynamicConstant(Box::new(value), expression.position()));
    }
    let known = Expr::FnCall(Box::new(FnCallExpr { args: sides.into_iter().collect(), ..call.clone() }), position);
    context.eval_expression_tree(&Expression::from(&known))
}

/// `A && B`. Where A is not known, in a dry run, the assertion is taken to hold and B is asked as well,
/// so that what it stands for is printed.
fn all_of(
    context: &mut EvalContext,
    parts: &[Expr],
    position: Position,
    told: &mut Vec<String>,
) -> Result<Dynamic, Box<EvalAltResult>> {
    let (mut values, mut unknown) = (Vec::with_capacity(parts.len()), None);
    for part in parts {
        let mut of_part = Vec::new();
        let value = match evaluate(context, &Expression::from(part), &mut of_part) {
            Ok(value) if value.is::<Unknown>() => {
                unknown.get_or_insert(Ok(value));
                continue;
            }
            Err(error) if unknown::reason(&error).is_some() => {
                unknown.get_or_insert(Err(error));
                continue;
            }
            value => value?,
        };
        let holds = value.as_bool();
        values.push(Expr::DynamicConstant(Box::new(value), part.position()));
        if holds != Ok(true) {
            told.append(&mut of_part);
            unknown = None;
            break;
        }
    }
    match unknown {
        Some(unknown) => unknown,
        None => {
            let known = Expr::And(Box::new(values.into_iter().collect()), position);
            context.eval_expression_tree(&Expression::from(&known))
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

/// What stands before `.ok`, and the property itself.
fn asks_if_ok(condition: &Expr) -> Option<(Expr, &Expr)> {
    let Expr::Dot(pair, flags, position) = condition else { return None };
    if let Expr::Property(name, _) = &pair.rhs {
        return (name.2 == "ok").then(|| (pair.lhs.clone(), &pair.rhs));
    }
    let (rhs, ok) = asks_if_ok(&pair.rhs)?;
    let pair = BinaryExpr { lhs: pair.lhs.clone(), rhs };
    Some((Expr::Dot(Box::new(pair), *flags, *position), ok))
}

/// The `.ok` of a result, and what the result says where that is false.
fn evaluate_ok(
    context: &mut EvalContext,
    result: &Expr,
    ok: &Expr,
    told: &mut Vec<String>,
) -> Result<Dynamic, Box<EvalAltResult>> {
    let value = context.eval_expression_tree(&Expression::from(result))?;
    told.extend(value.read_lock::<Map>().map_or_else(Vec::new, |map| why_not(&map)));
    let lhs = Expr::DynamicConstant(Box::new(value), result.position());
    let asked = Expr::Dot(Box::new(BinaryExpr { lhs, rhs: ok.clone() }), ASTFlags::empty(), ok.position());
    context.eval_expression_tree(&Expression::from(&asked))
}

/// What the result of a probe or of a program says.
fn why_not(result: &Map) -> Vec<String> {
    let text = |key: &str| Some(result.get(key)?.to_string()).filter(|text| !text.trim().is_empty());
    let error = text("error").map(|error| format!("the probe's error: {error}"));
    let status = text("status").map(|status| format!("the status is {status}"));
    let stderr = text("stderr").map(|said| format!("it said: {}", said.trim_end()));
    error.or(status).into_iter().chain(stderr).collect()
}

fn comparison<'a>(condition: &'a Expression) -> Option<(&'a FnCallExpr, Position)> {
    let Expr::FnCall(call, position) = &**condition else { return None };
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
    (compares && call.args.len() == 2).then_some((call, *position))
}

fn shown(context: &mut EvalContext, value: &Dynamic) -> String {
    let text = context.call_native_fn_raw("to_debug", false, &mut [&mut value.clone()]);
    let text = text.ok().and_then(|text| text.into_string().ok()).unwrap_or_else(|| format!("{value:?}"));
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
