//! A script's text before it runs: what is read of it, and what it says about the run.

use std::borrow::Cow;

use rhai::{AST, ASTNode, Expr, Stmt};

/// Takes a byte order mark away, and makes a comment of a `#!` line of the same length. (Three
/// slashes would be a doc comment.)
pub(super) fn prepare(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.strip_prefix("#!") {
        Some(rest) => format!("//{}", rest.replacen('/', " ", 1)).into(),
        None => text.into(),
    }
}

/// Whether a script may take single steps back.
pub(super) fn takes_steps_back(ast: &AST) -> bool {
    let mut found = false;
    ast.walk(&mut |path| {
        found |= path.iter().any(|node| match node {
            ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => {
                matches!(call.name.as_str(), "undo" | "checkpoint")
            }
            _ => false,
        });
        !found
    });
    found
}

/// Whether a script may go on after an error: it has a `try`, or evaluates text that may have one.
pub(super) fn handles_errors(ast: &AST) -> bool {
    let mut found = false;
    ast.walk(&mut |path| {
        found |= path.iter().any(|node| match node {
            ASTNode::Stmt(Stmt::TryCatch(..)) => true,
            ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => call.name == "eval",
            _ => false,
        });
        !found
    });
    found
}
