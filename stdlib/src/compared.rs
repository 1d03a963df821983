//! The two sides of a comparison, told when an assertion fails.

use crate::unknown::{self, Unknown};
use netscript_engine::diagnostics::Error;
use rhai::{Dynamic, EvalAltResult, EvalContext, Expr, Expression, FnCallExpr, Position, Token};

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
        return all_of(context, parts, *position);
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
fn all_of(context: &mut EvalContext, parts: &[Expr], position: Position) -> Result<Dynamic, Box<EvalAltResult>> {
    let (mut values, mut unknown) = (Vec::with_capacity(parts.len()), None);
    for part in parts {
        let value = match evaluate(context, &Expression::from(part), &mut Vec::new()) {
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
