//! Shrinks a script that fails for as long as it still fails.

use netscript_lang::diagnostics::tokens;

/// Leaves out lines, many at a time, then fewer; then parts of lines.
pub fn shrink(text: &str, tries: usize, fails: impl Fn(&str) -> bool) -> String {
    let mut left = tries;
    let mut fails = |text: &str| {
        left = left.saturating_sub(1);
        left > 0 && fails(text)
    };
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let lines = without(lines, "\n", &mut fails);
    let text = lines.join("\n");
    let parts: Vec<String> = tokens(&text).map(|token| text[token.span].to_owned()).collect();
    // Some scripts depend on their white space.
    let joined = parts.join(" ");
    if fails(&joined) { without(parts, " ", &mut fails).join(" ") } else { text }
}

/// Leaves out parts as long as what is left fails.
fn without(parts: Vec<String>, between: &str, fails: &mut impl FnMut(&str) -> bool) -> Vec<String> {
    let mut smallest = parts;
    let mut chunk = smallest.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        while at < smallest.len() {
            let mut candidate = smallest.clone();
            candidate.drain(at..(at + chunk).min(candidate.len()));
            if fails(&candidate.join(between)) {
                smallest = candidate;
            } else {
                at += chunk;
            }
        }
        chunk /= 2;
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_goes() {
        let text = "let a = 1;\nfor i in 0..3 {\nlet b = f(bad, 2);\n}\nlet c = 3;\n";
        assert_eq!(shrink(text, 1000, |text| text.contains("bad")), "bad");
    }
}
