//! Prepares a script's text, and finds what it needs of the run.

use std::borrow::Cow;

use rhai::{AST, ASTNode, Expr, Stmt};

/// Removes a byte order mark, and makes a `#!` line a comment of the same length. (Three slashes would be a doc
/// comment.)
pub(super) fn prepare(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.strip_prefix("#!") {
        Some(rest) => format!("//{}", rest.replacen('/', " ", 1)).into(),
        None => text.into(),
    }
}

/// Whether a script may take single steps back.
pub(super) fn takes_steps_back(ast: &AST) -> bool {
    has(ast, |node| calls(node).is_some_and(|name| matches!(name, "undo" | "checkpoint")))
}

/// Whether a script may go on after an error: it has a `try`, or evaluates text that may have one.
pub(super) fn handles_errors(ast: &AST) -> bool {
    has(ast, |node| matches!(node, ASTNode::Stmt(Stmt::TryCatch(..))) || calls(node) == Some("eval"))
}

/// Whether a script has a `switch`.
pub(super) fn has_switch(ast: &AST) -> bool {
    has(ast, |node| matches!(node, ASTNode::Stmt(Stmt::Switch(..))))
}

/// Whether a syntax tree has such a node.
fn has(ast: &AST, wanted: impl Fn(&ASTNode) -> bool) -> bool {
    let mut found = false;
    ast.walk(&mut |path| {
        // Each node is the last of one path.
        found = path.last().is_some_and(&wanted);
        !found
    });
    found
}

/// The name of the function that a node calls.
fn calls<'a>(node: &'a ASTNode) -> Option<&'a str> {
    match node {
        ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => Some(call.name.as_str()),
        _ => None,
    }
}
