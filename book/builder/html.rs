//! Examples as HTML. Each piece is one line, so that Markdown lets it through as it is.

use netscript_lang::diagnostics::{Token, TokenKind, tokens};

use crate::language::is_keyword;
use crate::run;

/// Escapes a text for HTML. Line ends are escaped too, so that the result is one line.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A block of code, which the page's own highlighter ignores.
pub fn block(class: &str, code: &str) -> String {
    format!("<pre class=\"{class}\"><code class=\"nohighlight hljs\">{code}</code></pre>")
}

fn span(class: &str, text: &str) -> String {
    format!("<span class=\"{class}\">{}</span>", escape(text))
}

/// A highlighted script, whose hidden lines can be unfolded.
pub fn script(text: &str) -> String {
    let mut html = String::new();
    let mut shown = String::new();
    let mut covered = String::new();
    for line in text.split_inclusive('\n') {
        match run::hidden(line.trim_end_matches('\n')) {
            Some(code) => {
                html.push_str(&coloured(&std::mem::take(&mut shown)));
                covered.push_str(&format!("{code}\n"));
            }
            None => {
                html.push_str(&boring(&std::mem::take(&mut covered)));
                shown.push_str(line);
            }
        }
    }
    html.push_str(&coloured(&shown));
    html.push_str(&boring(&covered));
    html.trim_end_matches("&#10;").to_owned()
}

fn boring(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!("<span class=\"boring\">{}</span>", coloured(code)) }
}

/// A highlighted script.
pub fn coloured(text: &str) -> String {
    let tokens: Vec<Token> = tokens(text).collect();
    let mut html = String::with_capacity(text.len() * 2);
    let mut end = 0;
    for (index, token) in tokens.iter().enumerate() {
        html.push_str(&escape(&text[end..token.span.start]));
        end = token.span.end;
        let part = &text[token.span.clone()];
        let called = tokens.get(index + 1).is_some_and(|next| text[next.span.clone()].starts_with('('));
        html.push_str(&match class(token.kind, part, called) {
            Some(class) => span(class, part),
            None => escape(part),
        });
    }
    html.push_str(&escape(&text[end..]));
    html
}

/// The class of a token; the page's themes have colours for these names.
fn class(kind: TokenKind, part: &str, called: bool) -> Option<&'static str> {
    match kind {
        TokenKind::Word if matches!(part, "true" | "false") => Some("hljs-literal"),
        TokenKind::Word if is_keyword(part) => Some("hljs-keyword"),
        TokenKind::Word if called => Some("hljs-title"),
        TokenKind::Number => Some("hljs-number"),
        TokenKind::Text => Some("hljs-string"),
        TokenKind::Comment => Some("hljs-comment"),
        TokenKind::Word | TokenKind::Sign => None,
    }
}

/// A session of the REPL, with the typed text emphasized.
pub fn session(text: &str) -> String {
    by_line(text, |line| {
        let end = run::prompt(line)?;
        Some(format!("{}{}", span("prompt", &line[..end]), coloured(&line[end..])))
    })
}

/// Commands and their output, with the typed text emphasized.
pub fn console(text: &str) -> String {
    by_line(text, |line| Some(format!("{}{}", span("prompt", "$ "), span("typed", line.strip_prefix("$ ")?))))
}

/// Commands of a printed script, with comments dimmed.
pub fn commands(text: &str) -> String {
    by_line(text, |line| line.trim_start().starts_with('#').then(|| span("hljs-comment", line)))
}

/// Output; the first line of an error is emphasized.
pub fn output(text: &str) -> String {
    by_line(text, |line| {
        let (head, rest) = line.split_once(": ").filter(|(head, _)| head.starts_with("error["))?;
        Some(format!("{}{}", span("error", &format!("{head}:")), escape(&format!(" {rest}"))))
    })
}

fn by_line(text: &str, special: impl Fn(&str) -> Option<String>) -> String {
    let lines = text.trim_end().lines().map(|line| special(line).unwrap_or_else(|| escape(line)));
    lines.collect::<Vec<_>>().join("&#10;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_have_colours() {
        assert_eq!(
            script("let a = netns(\"<\"); // b\n# a.lo.up();\n"),
            "<span class=\"hljs-keyword\">let</span> a = <span class=\"hljs-title\">netns</span>(\
             <span class=\"hljs-string\">&quot;&lt;&quot;</span>); <span class=\"hljs-comment\">// b</span>&#10;\
             <span class=\"boring\">a.lo.<span class=\"hljs-title\">up</span>();&#10;</span>"
        );
    }

    #[test]
    fn a_piece_is_one_line() {
        assert!(!console("$ ip link\n\n1: lo\n").contains('\n'));
        assert!(!output("a\n\nb").contains('\n'));
    }
}
