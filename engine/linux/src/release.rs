//! The kernel's release, for features that depend on it.

use std::sync::OnceLock;

use netscript_net::error::{Error, Result};

/// A kernel's version: major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    major: u32,
    minor: u32,
}

impl Release {
    /// The oldest release that netscript is tested on.
    pub(crate) const OLDEST: Release = Release { major: 5, minor: 10 };

    /// The first release in which a link can get another index when it is moved (`IFLA_NEW_IFINDEX` in `do_setlink`;
    /// commit eeb85a14ee34, applied to net-next in April 2021, after 5.12 had been closed to it).
    const NEW_INDEX: Release = Release { major: 5, minor: 13 };

    /// `6.1.0-50-amd64` is 6.1.
    fn parse(text: &str) -> Option<Release> {
        let mut numbers = text.split(|character: char| !character.is_ascii_digit()).map(str::parse);
        Some(Release { major: numbers.next()?.ok()?, minor: numbers.next()?.ok()? })
    }
}

/// The running kernel's release, from uname(2).
fn text() -> String {
    nix::sys::utsname::uname().map_or_else(|_| String::new(), |name| name.release().to_string_lossy().into_owned())
}

/// The running kernel's version. If its release cannot be parsed, the kernel counts as new.
fn running() -> Release {
    static RUNNING: OnceLock<Release> = OnceLock::new();
    *RUNNING.get_or_init(|| Release::parse(&text()).unwrap_or(Release::NEW_INDEX))
}

/// The first two numbers of the running kernel's version.
pub fn kernel_release() -> (u32, u32) {
    let Release { major, minor } = running();
    (major, minor)
}

/// Whether a link can be given another index when it is moved.
pub(crate) fn takes_new_index() -> bool {
    running() >= Release::NEW_INDEX
}

/// Refuses to run on a kernel without features that netscript needs.
///
/// # Errors
///
/// If the kernel is too old.
pub fn check_release() -> Result<()> {
    if running() >= Release::OLDEST {
        return Ok(());
    }
    let Release { major, minor } = Release::OLDEST;
    Err(Error::OldKernel { found: text(), oldest: format!("{major}.{minor}") })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::Release;

    #[test]
    fn releases_are_read_and_ordered() {
        let of = |text| Release::parse(text).unwrap();
        assert_eq!(of("6.1.0-50-amd64"), Release { major: 6, minor: 1 });
        assert_eq!(of("6.12.117+deb13-amd64"), Release { major: 6, minor: 12 });
        assert_eq!(of("6.18.44-fc-v657"), Release { major: 6, minor: 18 });
        assert_eq!(of("5.14-rc1"), Release { major: 5, minor: 14 });
        assert!(of("5.9.16") < Release::OLDEST && of("5.10.0-32-amd64") >= Release::OLDEST);
        assert!(of("5.10.223") < Release::NEW_INDEX && of("6.1") > Release::NEW_INDEX);
        assert_eq!(Release::parse("Linux"), None);
    }
}
