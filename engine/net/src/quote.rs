//! Quoting for a POSIX shell. All quoting is done here.

use crate::op::raw;

/// Quotes a word for a shell: bare if no character in it has a meaning for a shell, otherwise in single quotes.
pub fn quote(word: &str) -> String {
    if word == "!" || (!word.is_empty() && word.bytes().all(is_plain)) {
        return word.to_owned();
    }
    let bytes = raw::to_bytes(word);
    if std::str::from_utf8(&bytes).is_err() {
        // printf(1) is the only way to write such bytes: in octal.
        let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
        return format!("\"$(printf '{octal}')\"");
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"@%_+=:,./-".contains(&byte)
}

/// The first word of a command. A word that a shell would read as its grammar, an assignment or a builtin is run
/// through `env`, so that the program runs.
pub fn quote_program(word: &str) -> String {
    if BUILTINS.contains(&word) {
        return format!("env {word}");
    }
    if word.contains('=') || word == "!" || RESERVED.contains(&word) {
        return format!("'{word}'", word = word.replace('\'', r"'\''"));
    }
    quote(word)
}

/// Reserved words of the shell's grammar (POSIX.1-2017, XCU 2.4) and of common shells.
const RESERVED: &[&str] = &[
    "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select", "then", "time",
    "until", "while",
];

/// Utilities that are shell builtins (XCU 2.14, 1.7, and dash(1)) and programs as well.
const BUILTINS: &[&str] = &[
    ".", ":", "[", "alias", "bg", "break", "cd", "chdir", "command", "continue", "echo", "eval", "exec", "exit",
    "export", "false", "fc", "fg", "getopts", "hash", "jobs", "kill", "local", "printf", "pwd", "read", "readonly",
    "return", "set", "shift", "source", "test", "times", "trap", "true", "type", "ulimit", "umask", "unalias", "unset",
    "wait",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_bare() {
        for word in ["10.0.0.1/24", "veth+", "fd00::1", "--to-destination", "!", "a=b"] {
            assert_eq!(quote(word), word);
        }
        assert_eq!(quote(""), "''");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(quote("$x;\n"), "'$x;\n'");
        assert_eq!(quote("~"), "'~'");
    }

    #[test]
    fn programs_are_no_words_of_the_shell() {
        assert_eq!(quote_program("echo"), "env echo");
        assert_eq!(quote_program("if"), "'if'");
        assert_eq!(quote_program("a=b"), "'a=b'");
        assert_eq!(quote_program("curl"), "curl");
    }
}
