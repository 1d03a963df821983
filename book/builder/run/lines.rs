//! Problems of an example, with the line.

/// A problem of an example.
#[derive(Debug)]
pub struct Wrong {
    /// The line within the block, from 1; 0 is the opening fence.
    pub line: usize,
    /// What.
    pub what: String,
}

impl Wrong {
    /// A problem of the whole block.
    pub fn whole(what: impl Into<String>) -> Wrong {
        Wrong { line: 0, what: what.into() }
    }
}

impl From<anyhow::Error> for Wrong {
    fn from(error: anyhow::Error) -> Wrong {
        Wrong::whole(format!("{error:#}"))
    }
}

/// Whether this kernel leaves a bridge that came up before its ports in the state `unknown`, as Linux 5.10 and 6.1 do.
/// Later ones give it a carrier with its first port.
fn keeps_bridges_unknown() -> bool {
    netscript_linux::kernel_release() < (6, 12)
}

/// A text with the state `unknown` of bridges replaced by `up`, and with columns of any width.
fn without_states_of_bridges(text: &str) -> String {
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    words.map(|line| line.replace("bridge unknown", "bridge up") + "\n").collect()
}

/// The first line in which two texts differ, from 1, and a message with both lines.
pub fn difference(wanted: &str, got: &str) -> Option<(usize, String)> {
    if wanted == got || (keeps_bridges_unknown() && without_states_of_bridges(wanted) == without_states_of_bridges(got))
    {
        return None;
    }
    let (wanted, got): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), got.lines().collect());
    let same = wanted.iter().zip(&got).take_while(|(wanted, got)| wanted == got).count();
    let around = |lines: &[&str]| match &lines[same.min(lines.len())..] {
        [] => "    (nothing)".to_owned(),
        rest => rest.iter().take(8).map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"),
    };
    Some((same + 1, format!("  the book says\n{}\n  netscript says\n{}", around(&wanted), around(&got))))
}
