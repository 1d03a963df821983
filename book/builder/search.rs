//! Adds the parts of compound words to the search index.
//!
//! To mdBook, everything between two spaces is a word, so that `net.ipv4.ip_forward` is found only by its beginning,
//! and `error[E0304]:` cannot be found by its code. So the index is made again from the texts in mdBook's index, with
//! the parts as words too.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use elasticlunr::{Index, IndexBuilder};
use serde_json::Value;

/// The fields of a section, in the order in which they are given to the index.
const FIELDS: [&str; 3] = ["title", "body", "breadcrumbs"];

/// The longest word; longer ones are left out.
const LONGEST: usize = 80;

/// The text before the JSON in the file.
const BEFORE: &str = "JSON.parse('";
const AFTER: &str = "')";

/// Makes the index of a built book again.
pub fn improve(output: &Path) -> Result<()> {
    let file = index_file(output)?;
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let improved = improved(&text).with_context(|| format!("{} is not as expected", file.display()))?;
    fs::write(&file, improved).with_context(|| format!("cannot write {}", file.display()))
}

/// The index file, whose name contains a hash of its content.
fn index_file(output: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(output).with_context(|| format!("cannot read {}", output.display()))?;
    let is_index = |name: &str| name.starts_with("searchindex") && name.ends_with(".js");
    let mut paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    match paths.find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_index)) {
        Some(path) => Ok(path),
        None => bail!("mdBook wrote no search index into {}", output.display()),
    }
}

fn improved(text: &str) -> Result<String> {
    let start = text.find(BEFORE).context("it holds no JSON")? + BEFORE.len();
    let end = text.rfind(AFTER).context("its JSON has no end")?;
    // mdBook escapes these characters in the text between single quotes.
    let json = text[start..end].replace("\\'", "'").replace("\\\\", "\\");
    let mut content: Value = serde_json::from_str(&json).context("its JSON cannot be read")?;
    let index = again(&content["index"])?;
    content["index"] = serde_json::to_value(index)?;
    let json = serde_json::to_string(&content)?.replace('\\', "\\\\").replace('\'', "\\'");
    Ok(format!("{}{json}{}", &text[..start], &text[end..]))
}

fn again(index: &Value) -> Result<Index> {
    let docs = index["documentStore"]["docs"].as_object().context("it holds no texts")?;
    let builder = FIELDS
        .iter()
        .fold(IndexBuilder::new(), |builder, field| builder.add_field_with_tokenizer(field, Box::new(&tokens)));
    let mut again = builder.build();
    for (number, doc) in docs {
        again.add_doc(number, FIELDS.map(|field| doc[field].as_str().unwrap_or_default()));
    }
    Ok(again)
}

/// The words of a text as mdBook finds them, and after each its parts.
fn tokens(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty());
    let lower = words.map(str::to_lowercase).filter(|word| word.len() <= LONGEST);
    lower.flat_map(|word| [parts(&word), vec![word]].concat()).collect()
}

/// The parts of a compound word. `_` belongs to a part, as in `ip_forward`.
fn parts(word: &str) -> Vec<String> {
    let parts = word.trim_matches(|c| !in_part(c)).split(|c| !in_part(c));
    let parts: Vec<String> = parts.filter(|part| part.len() > 1).map(str::to_owned).collect();
    if parts.len() > 1 { parts } else { Vec::new() }
}

fn in_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn words_have_parts() {
        assert_eq!(tokens("A (net.ipv4.ip_forward)"), ["a", "net", "ipv4", "ip_forward", "(net.ipv4.ip_forward)"]);
        assert_eq!(tokens("error[E0304]: no"), ["error", "e0304", "error[e0304]:", "no"]);
        assert_eq!(tokens("masquerade."), ["masquerade."]);
    }

    /// Whether the index has a word, in elasticlunr.js's tree with a level for each letter.
    fn holds(index: &Value, word: &str) -> bool {
        let root = &index["index"]["body"]["root"];
        let node = word.chars().fold(root, |node, letter| &node[letter.to_string().as_str()]);
        node["docs"].as_object().is_some_and(|docs| !docs.is_empty())
    }

    #[test]
    fn an_index_is_made_again_with_the_parts() {
        let builder = FIELDS.iter().fold(IndexBuilder::new(), |builder, field| builder.add_field(field));
        let mut index = builder.build();
        index.add_doc("0", ["It's a title", "Say net.ipv4.ip_forward = \"1\"", "Chapter"]);
        assert!(!holds(&serde_json::to_value(&index).unwrap(), "ip_forward"));
        let json = serde_json::json!({ "doc_urls": ["a.html"], "index": index }).to_string();
        let text = format!("window.search = {BEFORE}{}{AFTER};", json.replace('\\', "\\\\").replace('\'', "\\'"));
        let improved = improved(&text).unwrap();
        let json = improved.split_once(BEFORE).unwrap().1.rsplit_once(AFTER).unwrap().0;
        let json = json.replace("\\'", "'").replace("\\\\", "\\");
        let content: Value = serde_json::from_str(&json).unwrap();
        assert!(holds(&content["index"], "ip_forward") && holds(&content["index"], "net.ipv4.ip_forward"));
        assert_eq!(content["index"]["documentStore"]["docs"]["0"]["title"], "It's a title");
        assert_eq!(content["doc_urls"][0], "a.html");
    }
}
