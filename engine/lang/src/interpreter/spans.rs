//! Finds where the parts of a call are written, by the script's syntax tree.
//!
//! Rhai gives the position of a call. [`locate`] finds that call in the tree and follows a [`Part`] into it. The tree
//! has only the positions at which things begin; an expression ends with its brackets, or with the element of the list
//! that it is in. All this happens only when an error is shown.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use crate::diagnostics::{Part, Span, Step, Underline, offset_of, tokens};

/// Finds a part of the call or the property at a position.
pub(super) fn locate(ast: &AST, text: &str, position: Position, part: &Part) -> Option<Underline> {
    let mut found = None;
    ast.walk(&mut |path| {
        if let Some(call) = Call::at(path, position) {
            found = call.part(text, part);
            return false;
        }
        true
    });
    found
}

/// The text of the script that `eval` is called with at a position, if it is written there.
pub(super) fn evaluated(ast: &AST, position: Position) -> Option<String> {
    let mut found = None;
    ast.walk(&mut |path| {
        for node in path.iter().rev().take(1) {
            let call = match node {
                ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => call,
                _ => continue,
            };
            if call.name == "eval"
                && let [Expr::StringConstant(text, at)] = &call.args[..]
                && *at == position
            {
                found = Some(text.to_string());
            }
        }
        found.is_none()
    });
    found
}

/// A call or a property in the tree.
struct Call<'a> {
    position: Position,
    /// Where the expression begins that it is called on.
    receiver: Option<Position>,
    args: &'a [Expr],
    is_method: bool,
}

impl<'a> Call<'a> {
    /// The last node of a path, if it is a call or a property at a position.
    fn at(path: &'a [ASTNode<'a>], position: Position) -> Option<Call<'a>> {
        let (last, above) = path.split_last()?;
        let (args, at): (&[Expr], Position) = match last {
            ASTNode::Expr(Expr::FnCall(call, at) | Expr::MethodCall(call, at))
            | ASTNode::Stmt(Stmt::FnCall(call, at))
                if !is_indirect(call) =>
            {
                (&call.args, *at)
            }
            ASTNode::Expr(Expr::Custom(custom, at)) => (&custom.inputs, *at),
            ASTNode::Expr(Expr::Property(_, at)) => (&[], *at),
            _ => return None,
        };
        let is_method = matches!(last, ASTNode::Expr(Expr::MethodCall(..)));
        (at == position).then(|| Call { position, receiver: receiver(last, above), args, is_method })
    }

    fn part(&self, text: &str, part: &Part) -> Option<Underline> {
        let (first, rest) = part.steps().split_first()?;
        match first {
            Step::Receiver => {
                let start = byte(text, self.receiver?)?;
                let end = start
                    + text[start..byte(text, self.position)?].trim_end().trim_end_matches(['.', '?']).trim_end().len();
                Some(Underline { span: start..end, unwritten: None })
            }
            Step::Argument(number) => follow(text, self.args.get(*number)?, rest),
            // If the receiver has no such method, the error is about the method.
            Step::Given(number) => follow(text, self.args.get(number.checked_sub(self.is_method.into())?)?, rest),
            // Options are the last argument, and so are lists of them.
            Step::Option(_) | Step::Key(_) | Step::Element(_) => follow(text, self.args.last()?, part.steps()),
        }
    }
}

/// Whether a call calls another function than it names, so that its arguments are not those of that function.
fn is_indirect(call: &FnCallExpr) -> bool {
    matches!(call.name.as_str(), "call" | "curry" | "Fn")
}

/// Where the receiver of a method or a property begins: at the left end of its chain.
fn receiver(last: &ASTNode, above: &[ASTNode]) -> Option<Position> {
    let &ASTNode::Expr(mut part) = last else { return None };
    let mut start = None;
    for node in above.iter().rev() {
        match node {
            ASTNode::Expr(whole @ (Expr::Dot(pair, ..) | Expr::Index(pair, ..)))
                if std::ptr::eq(&raw const pair.rhs, part) =>
            {
                // The index of an element is not part of the chain.
                if matches!(whole, Expr::Index(..)) && start.is_none() {
                    return None;
                }
                start = Some(begin(&pair.lhs));
                part = whole;
            }
            // In `a.b().c()`, `b()` is the left end of the tree after `a`.
            ASTNode::Expr(whole @ (Expr::Dot(pair, ..) | Expr::Index(pair, ..)))
                if std::ptr::eq(&raw const pair.lhs, part) =>
            {
                part = whole;
            }
            _ => break,
        }
    }
    start
}

/// Where an expression begins.
fn begin(expr: &Expr) -> Position {
    match expr {
        // The position of an operator call is that of the operator.
        Expr::FnCall(call, position) if call.is_operator_call() => {
            let first = call.args.iter().map(begin).filter(|at| !at.is_none());
            first.chain([*position]).min().unwrap_or(*position)
        }
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => begin(&pair.lhs),
        expr => expr.start_position(),
    }
}

/// Follows the steps into an expression, as far as it is a literal.
fn follow(text: &str, expr: &Expr, steps: &[Step]) -> Option<Underline> {
    let here = |steps: &[Step]| Some(Underline { span: extent(text, expr)?, unwritten: named(steps) });
    let Some((step, rest)) = steps.split_first() else { return here(&[]) };
    match (step, expr) {
        (Step::Key(key), Expr::Map(map, _)) => {
            let (name, _) = map.0.iter().find(|(name, _)| name.name == *key)?;
            Some(Underline { span: token(text, name.pos)?, unwritten: None })
        }
        (Step::Option(key), Expr::Map(map, _)) => {
            let (_, value) = map.0.iter().find(|(name, _)| name.name == *key)?;
            follow(text, value, rest)
        }
        (Step::Element(number), Expr::Array(elements, _)) => follow(text, elements.get(*number)?, rest),
        (Step::Receiver | Step::Argument(_) | Step::Given(_), _) => here(&[]),
        (Step::Key(_) | Step::Option(_) | Step::Element(_), _) => here(steps),
    }
}

/// The name of a path that cannot be underlined: `nexthops[1].via`.
fn named(steps: &[Step]) -> Option<String> {
    let mut name = String::new();
    for step in steps {
        match step {
            Step::Option(key) | Step::Key(key) => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(key);
            }
            Step::Element(number) => name.push_str(&format!("[{number}]")),
            Step::Receiver | Step::Argument(_) | Step::Given(_) => {}
        }
    }
    (!name.is_empty()).then_some(name)
}

/// The bytes of an expression in a list: up to the next `,` or the list's end.
fn extent(text: &str, expr: &Expr) -> Option<Span> {
    let start = byte(text, begin(expr))?;
    let rest = &text[start..];
    let mut depth = 0usize;
    let mut end = 0;
    for token in tokens(rest) {
        match &rest[token.span.clone()] {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => break,
            ")" | "]" | "}" => depth -= 1,
            "," | ";" if depth == 0 => break,
            comment if comment.starts_with("//") || comment.starts_with("/*") => continue,
            _ => {}
        }
        end = token.span.end;
        // A closure may contain commas; its first token is enough.
        if depth == 0 && rest.starts_with('|') {
            break;
        }
    }
    Some(start..start + end)
}

/// The token at a position.
fn token(text: &str, position: Position) -> Option<Span> {
    let start = byte(text, position)?;
    let first = tokens(&text[start..]).next()?;
    Some(start + first.span.start..start + first.span.end)
}

fn byte(text: &str, position: Position) -> Option<usize> {
    Some(offset_of(text, position.line()?, position.position()?))
}
