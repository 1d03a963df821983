//! Explains why a machine does not permit sandboxes, and which setting to change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::privilege::status_field;
use netscript_net::error::{Errno, Error};

/// A step of making a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `unshare(CLONE_NEWUSER)`
    User,
    /// Writing `/proc/self/uid_map` and the like.
    Map,
    /// Making all mounts read-only.
    ReadOnly,
    /// Showing a folder of the machine.
    Folder,
    /// Writing `/proc/sys/user/max_cgroup_namespaces`.
    Limit,
    /// A session keyring (session-keyring(7)).
    Keyring,
    /// Network, mount and PID namespace.
    Namespaces,
    /// A mount inside.
    Mount(&'static str),
    /// `ip link set lo up`
    Loopback,
    /// A process, a pipe, a signal mask.
    Fork,
}

/// A step that failed.
#[derive(Debug)]
pub(super) struct Obstacle {
    step: Step,
    errno: Errno,
    /// The folder of the step.
    folder: Option<PathBuf>,
}

impl Obstacle {
    /// A folder of the machine that cannot be shown.
    pub(super) fn folder<E: Into<io::Error>>(folder: &Path) -> impl FnOnce(E) -> Obstacle {
        move |error| Obstacle { folder: Some(folder.to_owned()), ..Step::Folder.failed()(error) }
    }

    fn phrase(&self) -> String {
        match &self.folder {
            Some(folder) => format!("{} `{}`", self.step.phrase(), folder.display()),
            None => self.step.phrase(),
        }
    }
}

impl Step {
    pub(super) fn failed<E: Into<io::Error>>(self) -> impl FnOnce(E) -> Obstacle {
        move |error| Obstacle {
            step: self,
            errno: Errno(error.into().raw_os_error().unwrap_or(Errno::EIO.0)),
            folder: None,
        }
    }

    fn phrase(self) -> String {
        match self {
            Step::User => "make a user namespace".to_owned(),
            Step::Map => "become root in the new user namespace".to_owned(),
            Step::ReadOnly => "make the machine's files read-only".to_owned(),
            Step::Folder => "show the folder".to_owned(),
            Step::Limit => "set the limits of the new user namespace".to_owned(),
            Step::Keyring => "begin a new session keyring".to_owned(),
            Step::Namespaces => "make a user, network, mount and PID namespace".to_owned(),
            Step::Mount(target) => format!("mount {target}"),
            Step::Loopback => "bring `lo` up".to_owned(),
            Step::Fork => "start a process".to_owned(),
        }
    }
}

/// The settings with which a machine can forbid user namespaces. `None`: it has no such setting.
#[derive(Debug, Default)]
pub(super) struct Switches {
    /// Ubuntu 23.10 and later: programs without an AppArmor profile have no rights in user namespaces.
    apparmor_restricts: Option<bool>,
    /// Debian and Arch: 0 restricts user namespaces to root.
    unprivileged_allowed: Option<bool>,
    /// The first `user.max_*_namespaces` that is 0.
    limit_of_none: Option<&'static str>,
    /// A seccomp filter, as set by container engines.
    seccomp: bool,
}

/// The limits of each kind of namespace in a sandbox (namespaces(7)).
const LIMITS: [&str; 4] = ["max_user_namespaces", "max_net_namespaces", "max_mnt_namespaces", "max_pid_namespaces"];

impl Switches {
    /// The settings for the caller: a new user namespace has its own limits.
    pub(super) fn read() -> Switches {
        Switches {
            apparmor_restricts: setting("kernel/apparmor_restrict_unprivileged_userns").map(|value| value != 0),
            unprivileged_allowed: setting("kernel/unprivileged_userns_clone").map(|value| value != 0),
            limit_of_none: LIMITS.into_iter().find(|limit| setting(&format!("user/{limit}")) == Some(0)),
            seccomp: status_field("Seccomp").is_some_and(|mode| mode != 0),
        }
    }
}

fn setting(path: &str) -> Option<i64> {
    fs::read_to_string(format!("/proc/sys/{path}")).ok()?.trim().parse().ok()
}

/// The error, with the setting that causes it, as far as can be known.
pub(super) fn explain(obstacle: &Obstacle, switches: &Switches) -> Error {
    let reason = obstacle.errno.text().map_or_else(|| obstacle.errno.to_string(), str::to_owned);
    let why = format!("cannot {}: {reason}", obstacle.phrase());
    Error::NoSandbox { why, help: help(obstacle, switches) }
}

const OR_ROOT: &str = "or run netscript as root";

fn help(obstacle: &Obstacle, switches: &Switches) -> String {
    match (obstacle.step, obstacle.errno) {
        (Step::User | Step::Namespaces, Errno::ENOSPC | Errno::EUSERS) => match switches.limit_of_none {
            Some(limit) => format!("`user.{limit}` is 0 here; allow some: `sudo sysctl -w user.{limit}=10000`"),
            None => "the limits `user.max_*_namespaces` are reached, or sandboxes nest too deep (the kernel allows 32 user namespaces, and a sandbox takes one or two)".to_owned(),
        },
        (Step::Map, Errno::EROFS) => {
            "`/proc` is read-only here, as in a nested sandbox: no further one can be nested".to_owned()
        }
        (Step::Folder, _) => {
            "the folders of the script and of `--writable`, and the current one, must exist and be readable for this user".to_owned()
        }
        (
            Step::User
            | Step::Map
            | Step::ReadOnly
            | Step::Limit
            | Step::Keyring
            | Step::Namespaces
            | Step::Mount(_)
            | Step::Loopback,
            Errno::EPERM | Errno::EACCES,
        ) => forbidden(obstacle.step, switches),
        (Step::User, Errno::EINVAL | Errno::ENOSYS) => {
            format!("this kernel is built without user namespaces (CONFIG_USER_NS): use another, {OR_ROOT}")
        }
        (Step::Mount("/"), Errno::EINVAL) => {
            "`/` is not a mount point here, as in a chroot; enter it with `pivot_root` in place of `chroot`, or run netscript outside"
                .to_owned()
        }
        (Step::Mount(target), _) => {
            format!("a sandbox needs its own {target}; run netscript where that can be mounted")
        }
        (Step::Keyring, Errno::EDQUOT) => {
            "this user has too many keyrings: `kernel.keys.maxkeys` is the limit".to_owned()
        }
        (
            Step::User
            | Step::Map
            | Step::ReadOnly
            | Step::Limit
            | Step::Keyring
            | Step::Namespaces
            | Step::Loopback
            | Step::Fork,
            _,
        ) => {
            "this machine is short of something, or its kernel lacks namespaces: run netscript elsewhere".to_owned()
        }
    }
}

/// The setting that causes an EPERM. The order matters: the kernel checks Debian's setting first, and AppArmor permits
/// the namespace but removes its rights.
fn forbidden(step: Step, switches: &Switches) -> String {
    if switches.unprivileged_allowed == Some(false) {
        return format!(
            "this machine keeps user namespaces for root; allow them: `sudo sysctl -w kernel.unprivileged_userns_clone=1`, {OR_ROOT}"
        );
    }
    if switches.apparmor_restricts == Some(true) {
        return format!(
            "AppArmor keeps user namespaces from programs without a profile (Ubuntu); allow them: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or give netscript a profile with `userns,`, {OR_ROOT}"
        );
    }
    match step {
        Step::Map if nix::unistd::geteuid().is_root() => {
            "root without the capabilities CAP_SETUID, CAP_SETGID and CAP_SETFCAP cannot be root in there; run netscript as an ordinary user".to_owned()
        }
        Step::Mount("/proc") => "parts of /proc are covered here, as in a container, and so no new one can be mounted; run the container with `--privileged`, or with `--security-opt systempaths=unconfined`".to_owned(),
        _ if switches.seccomp => "a seccomp filter forbids it, as in a container; run the container with `--privileged`, or with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`".to_owned(),
        Step::User
        | Step::Map
        | Step::ReadOnly
        | Step::Folder
        | Step::Limit
        | Step::Keyring
        | Step::Namespaces
        | Step::Mount(_)
        | Step::Loopback
        | Step::Fork => {
            let or_root = if nix::unistd::geteuid().is_root() { "or enter a folder with `pivot_root`" } else { OR_ROOT };
            format!("a security module or a chroot forbids it: run netscript outside of that, {or_root}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help_for(step: Step, errno: Errno, switches: Switches) -> String {
        match explain(&Obstacle { step, errno, folder: None }, &switches) {
            Error::NoSandbox { help, .. } => help,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn apparmor_is_named_wherever_it_strikes() {
        for step in [Step::User, Step::Map, Step::Namespaces, Step::Mount("/"), Step::Loopback] {
            let switches = Switches { apparmor_restricts: Some(true), ..Switches::default() };
            let help = help_for(step, Errno::EPERM, switches);
            assert!(help.contains("kernel.apparmor_restrict_unprivileged_userns=0"), "{step:?}: {help}");
        }
    }

    #[test]
    fn debians_switch_is_named() {
        let switches = Switches { unprivileged_allowed: Some(false), ..Switches::default() };
        let help = help_for(Step::User, Errno::EPERM, switches);
        assert!(help.contains("kernel.unprivileged_userns_clone=1"), "{help}");
    }

    #[test]
    fn a_limit_of_none_is_named() {
        let switches = Switches { limit_of_none: Some("max_user_namespaces"), ..Switches::default() };
        let help = help_for(Step::User, Errno::ENOSPC, switches);
        assert!(help.contains("user.max_user_namespaces"), "{help}");
    }

    #[test]
    fn containers_are_told_from_machines() {
        let switches = Switches { seccomp: true, ..Switches::default() };
        assert!(help_for(Step::User, Errno::EPERM, switches).contains("seccomp=unconfined"));
        assert!(help_for(Step::Mount("/proc"), Errno::EPERM, Switches::default()).contains("systempaths=unconfined"));
        assert!(help_for(Step::User, Errno::EPERM, Switches::default()).contains("chroot"));
        assert!(help_for(Step::Mount("/"), Errno::EINVAL, Switches::default()).contains("chroot"));
    }
}
