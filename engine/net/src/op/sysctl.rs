//! Kernel settings under `/proc/sys`.

use std::fmt;

use crate::invalid::{Invalid, Result};

/// The key of a setting, in the notation of `sysctl`: `net.ipv4.ip_forward`. In a part that contains a dot itself, such
/// as the link `eth0.10`, the dot is written as `/`. A key can also have `/` between all its parts (sysctl(8)).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct SysctlKey(String);
super::name::text_type!(SysctlKey);

impl SysctlKey {
    /// Parses a key, with dots or slashes as separators; the first separator in the key decides.
    pub fn parse(key: &str) -> Result<SysctlKey> {
        let wrong = |why: &str| Invalid::SysctlKey { given: key.to_owned(), why: why.to_owned() };
        if key.is_empty() {
            return Err(wrong("it is empty"));
        }
        if key.contains('\0') || key.chars().any(char::is_whitespace) {
            return Err(wrong("it contains white space or a NUL byte"));
        }
        let parsed = match key.find(['.', '/']) {
            Some(at) if key.as_bytes()[at] == b'/' => SysctlKey(swap_separators(key.trim_start_matches('/'))),
            _ => SysctlKey(key.to_owned()),
        };
        let path = parsed.relative_path();
        if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return Err(wrong("a part of it is empty, or a folder such as `..`"));
        }
        Ok(parsed)
    }

    /// The path below `/proc/sys`: `net/ipv4/ip_forward`.
    pub fn relative_path(&self) -> String {
        swap_separators(&self.0)
    }
}

fn swap_separators(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '.' => '/',
            '/' => '.',
            c => c,
        })
        .collect()
}

/// An operation on a kernel setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SysctlOp {
    /// `sysctl -w KEY=VALUE`
    Write(SysctlKey, String),
    /// `sysctl -e -w KEY=VALUE`: ignored if this kernel has no such setting.
    WriteIfThere(SysctlKey, String),
}

impl SysctlOp {
    /// The setting.
    pub fn key(&self) -> &SysctlKey {
        match self {
            SysctlOp::Write(key, _) | SysctlOp::WriteIfThere(key, _) => key,
        }
    }

    /// The value to write.
    pub fn value(&self) -> &str {
        match self {
            SysctlOp::Write(_, value) | SysctlOp::WriteIfThere(_, value) => value,
        }
    }
}
