//! User and group ids in a user namespace (user_namespaces(7)).

use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::libc::O_PATH;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, getegid, geteuid};

use super::obstacle::{Obstacle, Step};
use crate::sys;

/// The files with the id mappings.
const MAPS: [&str; 2] = ["uid_map", "gid_map"];

/// Makes an ordinary user root of a user namespace that has no other users.
pub(super) fn become_root() -> Result<(), Obstacle> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(Step::User.failed())?;
    // Required before an ordinary user may map a group.
    fs::write("/proc/self/setgroups", "deny").map_err(Step::Map.failed())?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1")).map_err(Step::Map.failed())?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1")).map_err(Step::Map.failed())
}

/// The calling process's folder in the current `/proc`. It keeps referring to that process when another `/proc` is
/// mounted, or when this `/proc` belongs to an outer PID namespace with other process numbers.
pub(super) fn open_own_process() -> Result<File, Obstacle> {
    OpenOptions::new().read(true).custom_flags(O_PATH).open("/proc/self").map_err(Step::Map.failed())
}

/// Enters a user namespace in which all ids are mapped to themselves. Only a process outside with this process's rights
/// may write the mappings, so a forked child stays outside for that.
pub(super) fn map_all(own_process: &File, enter: impl FnOnce() -> Result<(), Obstacle>) -> Result<(), Obstacle> {
    let maps = identical_maps().map_err(Step::Map.failed())?;
    let (entered, has_entered) = io::pipe().map_err(Step::Fork.failed())?;
    match sys::fork_alone().map_err(Step::Fork.failed())? {
        ForkResult::Child => {
            drop(has_entered);
            let written = wait_for(entered).and_then(|()| write_maps(own_process, &maps));
            let number = written.err().map_or(0, |error| error.raw_os_error().unwrap_or(nix::libc::EIO));
            std::process::exit(number)
        }
        ForkResult::Parent { child } => {
            drop(entered);
            let result = enter();
            if result.is_ok() {
                (&has_entered).write_all(b"!").map_err(Step::Fork.failed())?;
            }
            drop(has_entered);
            let ended = waitpid(child, None).map_err(Step::Fork.failed())?;
            result?;
            match ended {
                WaitStatus::Exited(_, 0) => Ok(()),
                WaitStatus::Exited(_, number) => Err(Step::Map.failed()(io::Error::from_raw_os_error(number))),
                _ => Err(Step::Map.failed()(nix::Error::ECHILD)),
            }
        }
    }
}

/// If the other end is closed without a message, there is no process to map.
fn wait_for(mut entered: PipeReader) -> io::Result<()> {
    entered.read_exact(&mut [0; 1])
}

fn write_maps(own_process: &File, maps: &[String; 2]) -> io::Result<()> {
    for (name, map) in MAPS.iter().zip(maps) {
        // A mapping must be written at once.
        fs::write(format!("/proc/self/fd/{}/{name}", own_process.as_raw_fd()), map)?;
    }
    Ok(())
}

/// The ids of the calling process's namespace, each mapped to itself.
fn identical_maps() -> io::Result<[String; 2]> {
    let read = |name| Ok::<String, io::Error>(identical(&fs::read_to_string(format!("/proc/self/{name}"))?));
    Ok([read(MAPS[0])?, read(MAPS[1])?])
}

/// Each line of a mapping contains the first id inside, the first id outside, and the count.
fn identical(map: &str) -> String {
    let fields = map.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        Some((fields.next()?, fields.nth(1)?))
    });
    fields.map(|(inside, count)| format!("{inside} {inside} {count}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::identical;

    #[test]
    fn everybody_stays_who_they_are() {
        assert_eq!(identical("         0          0 4294967295\n"), "0 0 4294967295\n");
        assert_eq!(identical("0 1000 1\n1 100000 65536\n"), "0 0 1\n1 1 65536\n");
    }
}
