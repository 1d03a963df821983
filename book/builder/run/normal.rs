//! Replaces values that differ from run to run, before texts are compared.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Patterns, and their replacements.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rules = [
        // Measured times, and timestamps.
        (r"\b\d+(\.\d+)? ?(ms|µs)\b|\b\d+\.\d+ s\b", "TIME"),
        (r#"("?(rtt_ms|seconds)"?: ?)\d+(\.\d+)?"#, "${1}TIME"),
        (r"\b\d{2}:\d{2}:\d{2}(\.\d+)?\b", "CLOCK"),
        (r"\b\d+s\b", "AGE"),
        // Hardware addresses, and addresses made of them.
        (r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "MAC"),
        (r"\bfe80::[0-9a-f]{1,4}(:[0-9a-f]{1,4}){1,3}\b", "fe80::LINK"),
        (r"\b([0-9a-f]{4})\.[0-9a-f]{12}\b", "$1.MAC"),
        // Inodes of namespaces begin at 4026531840 (PROC_DYNAMIC_FIRST, fs/proc/generic.c).
        (r"\b402653[1-9]\d{3}\b", "INODE"),
        (r"(?i)\b(pids?[=:]? )\d+\b", "${1}PID"),
        // Ports that the kernel chose (net.ipv4.ip_local_port_range).
        (r":(3276[89]|327[7-9]\d|32[89]\d{2}|3[3-9]\d{3}|[45]\d{4}|60\d{3})\b", ":PORT"),
    ];
    let rule = |(pattern, with)| (Regex::new(pattern).expect("the pattern is well formed"), with);
    rules.into_iter().map(rule).collect()
});

/// A text without values that differ from run to run. Values in `said` stay.
pub fn normal(text: &str, said: &str) -> String {
    let mut text = Cow::Borrowed(text);
    for (pattern, with) in RULES.iter() {
        let replaced = pattern.replace_all(&text, |found: &Captures<'_>| {
            let whole = &found[0];
            let mut put = String::new();
            found.expand(with, &mut put);
            if said.contains(whole.trim_start_matches(':')) { whole.to_owned() } else { put }
        });
        text = Cow::Owned(replaced.into_owned());
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn what_differs_is_taken_out() {
        for (text, wanted) in [
            ("answered in 0.043 ms, ttl 64", "answered in TIME, ttl 64"),
            ("ok      web.rhai  0.33 s", "ok      web.rhai  TIME"),
            ("timed out after 2 s", "timed out after 2 s"),
            ("#{\"rtt_ms\": 0.043, \"ttl\": 64}", "#{\"rtt_ms\": TIME, \"ttl\": 64}"),
            ("mac 5e:1b:00:aa:bb:cc", "mac MAC"),
            ("fe80::5c1b:ff:fe00:1/64", "fe80::LINK/64"),
            ("8000.5e1b00aabbcc", "8000.MAC"),
            ("net:[4026532201]", "net:[INODE]"),
            ("10.0.0.1:41234 > 10.0.0.2:80 TCP", "10.0.0.1:PORT > 10.0.0.2:80 TCP"),
            ("10.0.0.1/24  \n\n", "10.0.0.1/24"),
        ] {
            assert_eq!(normal(text, ""), wanted);
        }
    }

    #[test]
    fn what_was_said_is_kept() {
        assert_eq!(normal("mac 02:00:00:00:00:01", "l.set_mac(\"02:00:00:00:00:01\")"), "mac 02:00:00:00:00:01");
        assert_eq!(normal("10.0.0.1:40000", "host.serve(40000)"), "10.0.0.1:40000");
    }
}
