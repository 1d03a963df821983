//! The settings below `/proc/sys/net`, and the values that they accept.
//!
//! `settings.txt` lists those of Linux 5.10 to 6.18, with `*` for the name of a link. In a folder that it lists, no
//! other settings exist; about other folders nothing is known.
//!
//! After the name comes what the kernel refuses: `ro` (every value), `ro-inside` (every value in a network namespace
//! other than the machine's first) or `wo` (reading), and then bounds, those of Linux 6.18 in a new namespace. `A..B*3`
//! is up to three numbers, `int` any number of 32 bits, `address` an IPv6 address, `none` no value at all. With `~` and
//! for `seconds` these are the widest bounds: the kernel's depend on other settings, on the link, or on its
//! configuration. Without bounds nothing is known of the values.

use netscript_net::error::Errno;
use netscript_net::op::SysctlKey;

const SETTINGS: &str = include_str!("settings.txt");

/// The rest of a line of the list, parsed.
struct Setting {
    access: Access,
    values: Values,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadWrite,
    ReadOnly,
    ReadOnlyInside,
    WriteOnly,
}

#[derive(Clone, Copy)]
enum Values {
    Any,
    None,
    Address,
    Numbers { count: usize, low: i128, high: i128 },
}

/// A jiffy is 1 to 10 ms, and their number has 31 bits (`proc_dointvec_jiffies`).
const SECONDS: Values = Values::Numbers { count: 1, low: -(i32::MAX as i128) / 100, high: i32::MAX as i128 / 100 };

impl Setting {
    fn of(words: &str) -> Setting {
        let (mut access, mut values) = (Access::ReadWrite, Values::Any);
        for word in words.split_whitespace() {
            match word {
                "ro" => access = Access::ReadOnly,
                "ro-inside" => access = Access::ReadOnlyInside,
                "wo" => access = Access::WriteOnly,
                "none" => values = Values::None,
                "address" => values = Values::Address,
                "seconds" => values = SECONDS,
                "int" => values = Values::Numbers { count: 1, low: i32::MIN.into(), high: i32::MAX.into() },
                bounds => values = numbers(bounds).unwrap_or(Values::Any),
            }
        }
        Setting { access, values }
    }
}

/// `A..B`, `A..B*3`
fn numbers(bounds: &str) -> Option<Values> {
    let (bounds, count) = bounds.split_once('*').unwrap_or((bounds, "1"));
    let (low, high) = bounds.trim_start_matches('~').split_once("..")?;
    Some(Values::Numbers { count: count.parse().ok()?, low: low.parse().ok()?, high: high.parse().ok()? })
}

/// Each name of the list, with the rest of its line.
fn settings() -> impl Iterator<Item = (&'static str, &'static str)> {
    SETTINGS.lines().map(|line| line.split_once(' ').unwrap_or((line, "")))
}

/// The line of a setting: the one with its name, else the one with `*` for the link.
fn setting(path: &str) -> Option<Setting> {
    let general = general(path);
    let line = |path: &str| settings().find(|(known, _)| *known == path);
    line(path).or_else(|| line(&general)).map(|(_, words)| Setting::of(words))
}

/// The error with which the kernel refuses a value; `first`: in the machine's first network namespace.
pub(super) fn check_write(path: &str, value: &str, first: bool) -> Result<(), Errno> {
    let Some(setting) = setting(path) else { return Ok(()) };
    match (setting.access, setting.values) {
        (Access::ReadOnly, _) => Err(Errno::EACCES),
        (Access::ReadOnlyInside, _) if !first => Err(Errno::EACCES),
        (_, Values::None) => Err(Errno::EIO),
        (_, Values::Address) if value.trim().parse::<std::net::Ipv6Addr>().is_err() => Err(Errno::EIO),
        (_, Values::Any | Values::Address) => Ok(()),
        (_, Values::Numbers { count, low, high }) => {
            let mut words = words(value).take(count).peekable();
            let some = words.peek().is_some();
            let all = words.all(|word| number(word).is_some_and(|number| (low..=high).contains(&number)));
            if some && all { Ok(()) } else { Err(Errno::EINVAL) }
        }
    }
}

/// Whether a setting can be written, but not read.
pub(super) fn is_write_only(path: &str) -> bool {
    setting(path).is_some_and(|setting| setting.access == Access::WriteOnly)
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).filter(|word| !word.is_empty())
}

/// A number as the kernel reads it (`proc_get_long`), in the notation of C.
fn number(word: &str) -> Option<i128> {
    let (negative, digits) = word.strip_prefix('-').map_or((false, word), |digits| (true, digits));
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (&digits[2..], 16),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let number = i128::from(u64::from_str_radix(digits, radix).ok()?);
    Some(if negative { -number } else { number })
}

/// The first of several numbers, as `proc_dointvec` reads it.
pub(super) fn integer(value: &str) -> Option<i32> {
    i32::try_from(number(words(value).next()?)?).ok()
}

/// What is at a path below `/proc/sys`.
pub(super) enum SettingKind {
    /// A setting.
    Setting,
    /// A folder of settings.
    Folder,
    /// Neither: the folder has no such setting.
    Nothing,
    /// A folder of which nothing is known.
    Unknown,
}

/// The folders of `/proc/sys` itself (proc(5); admin-guide/sysctl in the kernel's documentation).
const ROOTS: [&str; 11] = ["abi", "crypto", "debug", "dev", "fs", "kernel", "net", "sunrpc", "user", "vm", "xen"];

/// What a path is.
pub(super) fn find(path: &str) -> SettingKind {
    let Some((root, _)) = path.split_once('/') else {
        return if ROOTS.contains(&path) { SettingKind::Folder } else { SettingKind::Nothing };
    };
    if !ROOTS.contains(&root) {
        return SettingKind::Nothing;
    }
    let path = general(path);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = SettingKind::Unknown;
    for (known, _) in settings() {
        if known == path {
            return SettingKind::Setting;
        }
        if known.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            return SettingKind::Folder;
        }
        if known.rsplit_once('/').is_some_and(|(other, _)| other == folder) {
            found = SettingKind::Nothing;
        }
    }
    found
}

/// The settings in the same folder, as they are written.
pub(super) fn beside(path: &str, key: &SysctlKey) -> Vec<String> {
    let path = general(path);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let prefix = key.as_str().rsplit_once('.').map_or("", |(prefix, _)| prefix);
    let leaves = settings().filter_map(|(known, _)| known.rsplit_once('/'));
    leaves.filter(|(other, _)| *other == folder).map(|(_, leaf)| format!("{prefix}.{leaf}")).collect()
}

/// The path with `*` for a link.
fn general(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    if let ["net", "ipv4" | "ipv6", "conf" | "neigh", link, ..] = &mut parts[..] {
        *link = "*";
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Linux 6.18 made of each when it was written to `net.ipv4.ip_forward`.
    #[test]
    fn numbers_are_read_as_the_kernel_reads_them() {
        let cases = [
            ("1", Some(1)),
            ("1\n", Some(1)),
            ("1 2", Some(1)),
            (" 1 2 3", Some(1)),
            ("-1", Some(-1)),
            ("0x10", Some(16)),
            ("010", Some(8)),
            ("", None),
            (" ", None),
            ("x", None),
            ("1x", None),
            ("+1", None),
            ("0x", None),
            ("08", None),
            ("--1", None),
            ("2147483647", Some(i32::MAX)),
            ("2147483648", None),
        ];
        for (text, number) in cases {
            assert_eq!(integer(text), number, "{text:?}");
        }
    }
}
