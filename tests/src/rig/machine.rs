//! The machines of the rig: a release's user space, on this kernel or on the release's own.

use clap::ValueEnum;

/// A Debian release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Release {
    /// Debian 11: glibc 2.31, iptables 1.8.7, iproute2 5.9.
    Bullseye,
    /// Debian 12: iptables 1.8.9, iproute2 6.1.
    Bookworm,
    /// Debian 13: iptables 1.8.11, iproute2 6.15.
    Trixie,
}

/// A kernel that a release has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kernel {
    /// Debian 11's.
    #[value(name = "5.10")]
    V5_10,
    /// Debian 12's.
    #[value(name = "6.1")]
    V6_1,
    /// Debian 13's.
    #[value(name = "6.12")]
    V6_12,
}

/// A user space, and the kernel below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its user space.
    pub release: Release,
    /// Its kernel; without one it is the running kernel.
    pub kernel: Option<Kernel>,
}

impl Release {
    /// All of them, the oldest first.
    pub const ALL: [Release; 3] = [Release::Bullseye, Release::Bookworm, Release::Trixie];

    /// Its name in Debian's archive.
    pub fn name(self) -> &'static str {
        match self {
            Release::Bullseye => "bullseye",
            Release::Bookworm => "bookworm",
            Release::Trixie => "trixie",
        }
    }

    /// Its name for users.
    pub fn title(self) -> &'static str {
        match self {
            Release::Bullseye => "Debian 11",
            Release::Bookworm => "Debian 12",
            Release::Trixie => "Debian 13",
        }
    }
}

impl Kernel {
    /// All of them, the oldest first.
    pub const ALL: [Kernel; 3] = [Kernel::V5_10, Kernel::V6_1, Kernel::V6_12];

    /// The first two numbers of its version.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::V5_10 => "5.10",
            Kernel::V6_1 => "6.1",
            Kernel::V6_12 => "6.12",
        }
    }

    /// The release that it is the kernel of.
    pub fn release(self) -> Release {
        match self {
            Kernel::V5_10 => Release::Bullseye,
            Kernel::V6_1 => Release::Bookworm,
            Kernel::V6_12 => Release::Trixie,
        }
    }
}

impl Machine {
    /// A release on the running kernel.
    pub fn root(release: Release) -> Machine {
        Machine { release, kernel: None }
    }

    /// A kernel with the user space of its own release.
    pub fn booted(kernel: Kernel) -> Machine {
        Machine { release: kernel.release(), kernel: Some(kernel) }
    }

    /// A name for its files.
    pub fn name(self) -> String {
        match self.kernel {
            Some(kernel) => format!("{}-{}", self.release.name(), kernel.name()),
            None => self.release.name().to_owned(),
        }
    }
}
