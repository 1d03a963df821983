//! The expected output of examples: a file for each chapter in `book/ref`, written by `cargo book bless`.
//!
//! ```text
//! == let red = netns("red");
//!   what it printed
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The expected output of a chapter's scripts, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Each script's first line, for readers, and its output.
    pub outputs: Vec<(String, String)>,
}

/// The file with a chapter's expected output.
pub fn file(book: &Path, chapter: &Path) -> PathBuf {
    book.join("ref").join(chapter).with_extension("txt")
}

impl Kept {
    /// Reads the file; a missing one is empty.
    pub fn read(file: &Path) -> Result<Kept> {
        if !file.exists() {
            return Ok(Kept::default());
        }
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Kept::parse(&text))
    }

    fn parse(text: &str) -> Kept {
        let mut outputs: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            match (line.strip_prefix("== "), outputs.last_mut()) {
                (Some(title), _) => outputs.push((title.to_owned(), String::new())),
                (None, Some((_, output))) => {
                    output.push_str(line.strip_prefix("  ").unwrap_or(line));
                    output.push('\n');
                }
                (None, None) => {}
            }
        }
        outputs.iter_mut().for_each(|(_, output)| *output = output.trim_end().to_owned());
        Kept { outputs }
    }

    /// Writes the file; a chapter without scripts has none. True if something changed.
    pub fn write(&self, file: &Path) -> Result<bool> {
        if *self == Kept::read(file)? {
            return Ok(false);
        }
        if self.outputs.is_empty() {
            fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
        } else {
            fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))
                .and_then(|()| fs::write(file, self.text()))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(true)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (title, output) in &self.outputs {
            text.push_str(&format!("== {title}\n"));
            for line in output.lines() {
                text.push_str(format!("  {line}").trim_end());
                text.push('\n');
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_can_be_read() {
        let output = |title: &str, text: &str| (title.to_owned(), text.to_owned());
        let kept = Kept { outputs: vec![output("let a;", "1\n\n  2\n== 3"), output("b", "")] };
        assert_eq!(Kept::parse(&kept.text()), kept);
    }
}
