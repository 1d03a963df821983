//! Refuses `switch` with a list or a map as a case.
//!
//! Rhai compares the value of a `switch` with its cases by hash, and calls no registered function. A list or a map that
//! a dry run does not know would silently take another branch than in a run, so such cases are a syntax error, in runs
//! as well. Other cases are safe: a list or a map never equals a number, a text or `()`.

use rhai::{AST, Engine, LexError, ParseError, ParseErrorType, Position};

use super::text::has_switch;
use crate::diagnostics::{Code, Description, Span, TokenKind, tokens};

/// Compiles a text as Rhai does, but refuses such cases.
pub(super) fn compile(engine: &Engine, text: &str) -> Result<AST, ParseError> {
    let ast = engine.compile(text)?;
    match has_switch(&ast).then(|| list_or_map_case(text)).flatten() {
        Some(case) => Err(ParseError(Box::new(refused()), position(&text[..case.start]))),
        None => Ok(ast),
    }
}

/// A parse error that marks such a case. Rhai itself never raises one of this kind with an empty text.
fn refused() -> ParseErrorType {
    ParseErrorType::BadInput(LexError::Runtime(String::new()))
}

/// The description of the error, if it marks such a case.
pub(super) fn described(error: &ParseErrorType) -> Option<Description> {
    (*error == refused()).then(|| {
        let message = "a case of a `switch` cannot be a list or a map";
        Description::new(Code::E0101, message, "expected a number, a text, a range or `_`")
            .help("compare it in a condition: `_ if value == [] => …`, or with `if`")
    })
}

/// The position after a text. Rhai counts lines and characters with 16 bits.
fn position(before: &str) -> Position {
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    match (u16::try_from(line), u16::try_from(column)) {
        (Ok(line), Ok(column)) => Position::new(line, column),
        (Err(_), _) | (_, Err(_)) => Position::NONE,
    }
}

/// The first case of a `switch` in a text that is a list or a map.
fn list_or_map_case(text: &str) -> Option<Span> {
    let mut open: Vec<Bracket> = Vec::new();
    // The `switch`es whose arms have not begun, with the number of open brackets around each.
    let mut begun: Vec<usize> = Vec::new();
    let mut last = "";
    for token in tokens(text).filter(|token| token.kind != TokenKind::Comment) {
        let word = &text[token.span.clone()];
        let in_case = matches!(open.last(), Some(Bracket::Arms { in_case: true }));
        match word {
            "switch" if token.kind == TokenKind::Word && last != "." => begun.push(open.len()),
            "[" if in_case => return Some(token.span),
            // A map's `#` and `{` are two tokens; a raw text begins with `#` as well.
            "{" if in_case && last == "#" => return Some(token.span.start - 1..token.span.end),
            "{" if last != "#" && begun.last() == Some(&open.len()) => {
                begun.pop();
                open.push(Bracket::Arms { in_case: true });
            }
            "{" if last != "#" => open.push(Bracket::Block),
            "{" | "(" | "[" => open.push(Bracket::Other),
            "}" | ")" | "]" => {
                let closed = open.pop();
                begun.retain(|depth| *depth <= open.len());
                // After the block of an arm no comma is needed.
                if matches!(closed, Some(Bracket::Block | Bracket::Arms { .. })) {
                    set_case(&mut open, true);
                }
            }
            "," => set_case(&mut open, true),
            "if" | "=>" if in_case => set_case(&mut open, false),
            _ => {}
        }
        last = word;
    }
    None
}

enum Bracket {
    /// The arms of a `switch`; whether a case is next.
    Arms {
        in_case: bool,
    },
    /// Statements.
    Block,
    Other,
}

fn set_case(open: &mut [Bracket], next: bool) {
    if let Some(Bracket::Arms { in_case }) = open.last_mut() {
        *in_case = next;
    }
}

#[cfg(test)]
mod tests {
    use super::list_or_map_case;

    #[test]
    fn lists_and_maps_are_found_as_cases_only() {
        for (text, wanted) in [
            ("switch x { [] => 1, _ => 2 }", Some("[")),
            ("switch x { 1 => 1, #{ a: 1 } => 2 }", Some("#{")),
            ("switch x { 1 | [2] => 1 }", Some("[")),
            ("switch x { 1 => { f([1]) } [2] => 1 }", Some("[")),
            ("switch x { 1 => if a { 1 } else { 2 } [2] => 1 }", Some("[")),
            ("switch f(#{ a: [1] }) { 1 => [1], 2 => #{ a: [2] }, _ => [] }", None),
            ("switch [1] { _ if x == [] => 1, _ => 2 }", None),
            ("switch if a { 1 } else { 2 } { 1 => 2, _ => () } let b = [1];", None),
            ("switch x { 1 => switch y { 2 => [3], _ => 4 }, [5] => 6 }", Some("[")),
            ("let a = x.map(|y| { switch y { 1 => [1], _ => [2] } }); let b = [3];", None),
            ("switch x { 'a' => list[0], 0..5 => map.a, _ => f(|a, b| [a, b]) }", None),
            ("switch x { #\"[\"# => 1, _ => 2 }", None),
            ("// switch x { [] => 1 }\n#{ a: 1 }", None),
        ] {
            assert_eq!(list_or_map_case(text).map(|span| &text[span]), wanted, "{text}");
        }
    }
}
