//! Breaking lines between words.

use unicode_width::UnicodeWidthStr;

/// Parts that follow each other, put into lines of so many columns. A part is never broken: one
/// that is longer than a line has a line of its own. Lines after the first begin with `hang`.
pub fn wrapped<'a>(parts: impl IntoIterator<Item = &'a str>, gap: &str, hang: &str, columns: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    for part in parts {
        if text.is_empty() {
            text.push_str(part);
            used = part.width();
        } else if used + gap.width() + part.width() <= columns {
            text.push_str(gap);
            text.push_str(part);
            used += gap.width() + part.width();
        } else {
            text.push('\n');
            text.push_str(hang);
            text.push_str(part);
            used = hang.width() + part.width();
        }
    }
    text
}

/// Paragraphs of a documentation, their lines joined and broken again at so many columns. An
/// item of a list begins a line; indented lines are left alone.
pub fn paragraphs(text: &str, columns: usize) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let mut joins = false;
    for line in text.lines() {
        let starts = line.is_empty() || line.starts_with("- ") || line.starts_with(' ') || line.starts_with('|');
        match blocks.last_mut() {
            Some(last) if joins && !starts => {
                last.push(' ');
                last.push_str(line);
            }
            _ => blocks.push(line.to_owned()),
        }
        joins = !line.is_empty() && !line.starts_with([' ', '|']);
    }
    let block = |block: String| match block.starts_with([' ', '|']) {
        true => block,
        false => wrapped(block.split(' '), " ", if block.starts_with("- ") { "  " } else { "" }, columns),
    };
    blocks.into_iter().map(block).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_whole() {
        assert_eq!(wrapped(["aa", "bb", "cc"], "  ", "    ", 6), "aa  bb\n    cc");
        assert_eq!(wrapped(["longer-than-a-line", "b"], " ", "", 5), "longer-than-a-line\nb");
        assert_eq!(wrapped(["漢字", "a"], " ", "", 5), "漢字\na");
    }

    #[test]
    fn paragraphs_are_joined_and_broken() {
        assert_eq!(paragraphs("one two\nthree\n\n- four five\n- six", 9), "one two\nthree\n\n- four\n  five\n- six");
        assert_eq!(paragraphs("one\ntwo\n    as it is written\nthree", 20), "one two\n    as it is written\nthree");
    }
}
