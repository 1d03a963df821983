//! The control group of a lab (cgroups(7), version 2), with a group below it for each of its programs. All processes
//! that a program starts are in its group, even with a new session, another environment, or a parent that has ended.
//!
//! The lab's group is below netscript's own, so that its limits apply. If no group can be created (a read-only file
//! system, a user without rights, version 1 only), the lab's processes are found by their environment.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The time that the kernel may take until a group whose processes have ended is empty.
const EMPTYING: Duration = Duration::from_secs(1);

/// The age from which an empty group counts as left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);

/// The prefix of the names of labs' groups.
const PREFIX: &str = "netscript-";

/// The groups of a lab; `None`: it has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups(Option<PathBuf>);

/// The path of a lab's group, if it can have one.
pub(crate) fn place(token: &str) -> Option<String> {
    let groups = fs::read_to_string("/proc/thread-self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mounts = fs::read("/proc/thread-self/mountinfo").ok()?;
    let mounts = String::from_utf8_lossy(&mounts).into_owned();
    let folder = mounts.lines().filter_map(mounted).find_map(|(root, point)| {
        let below = Path::new(own).strip_prefix(root).ok()?;
        Some(Path::new(point).join(below)).filter(|folder| folder.join("cgroup.procs").is_file())
    })?;
    folder.join(format!("{PREFIX}{token}")).to_str().map(str::to_owned)
}

/// Root and mount point in a line of proc_pid_mountinfo(5), for a cgroup hierarchy of version 2.
fn mounted(line: &str) -> Option<(&str, &str)> {
    let (mount, source) = line.split_once(" - ")?;
    let mut words = mount.split(' ').skip(3);
    let (root, point) = (words.next()?, words.next()?);
    source.starts_with("cgroup2 ").then_some((root, point))
}

impl Groups {
    /// The groups in a journal.
    pub(crate) fn at(place: Option<&str>) -> Groups {
        Groups(place.map(PathBuf::from))
    }

    /// Creates the group of a program. A process that writes `0` into the file moves itself there.
    pub(super) fn open(&self, program: u32) -> Option<File> {
        // Another lab may remove an empty group as left behind.
        const ATTEMPTS: u32 = 3;
        let (lab, group) = (self.0.as_ref()?, self.group(program)?);
        if !lab.exists() {
            remove_left_behind(lab.parent()?);
        }
        let open = || {
            fs::create_dir_all(&group)?;
            OpenOptions::new().write(true).open(group.join("cgroup.procs"))
        };
        (0..ATTEMPTS).find_map(|_| open().ok())
    }

    /// The processes of a program, or of all programs.
    pub(super) fn pids(&self, program: Option<u32>) -> Vec<u32> {
        self.of(program).map_or_else(Vec::new, |group| below(&group).iter().flat_map(|group| pids_in(group)).collect())
    }

    /// Kills all processes of a program, or of all programs, at once (Linux 5.14).
    pub(super) fn kill(&self, program: Option<u32>) {
        if let Some(group) = self.of(program) {
            // Older kernels have no such file; the processes are killed one by one.
            let _ = OpenOptions::new().write(true).open(group.join("cgroup.kill")).and_then(|mut file| {
                use std::io::Write;
                file.write_all(b"1")
            });
        }
    }

    /// Removes the groups, which must be empty.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let Some(group) = &self.0 else { return Ok(()) };
        let deadline = Instant::now() + EMPTYING;
        for group in below(group).iter().rev() {
            loop {
                match fs::remove_dir(group) {
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    Ok(()) | Err(_) => break,
                }
            }
        }
        Ok(())
    }

    fn of(&self, program: Option<u32>) -> Option<PathBuf> {
        match program {
            Some(program) => self.group(program),
            None => self.0.clone(),
        }
    }

    fn group(&self, program: u32) -> Option<PathBuf> {
        Some(self.0.as_ref()?.join(program.to_string()))
    }
}

/// Removes empty groups of labs that disappeared without being taken down: in a container, or on a test's machine,
/// `/run` vanishes with it, but control groups stay. A lab that is up creates an empty group again when needed.
fn remove_left_behind(folder: &Path) {
    let is_old = |entry: &fs::DirEntry| {
        let made = entry.metadata().and_then(|found| found.modified());
        made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > LEFT_BEHIND))
    };
    let groups = fs::read_dir(folder).into_iter().flatten().flatten();
    let groups = groups.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for group in groups.filter(is_old) {
        // A group with a process in it cannot be removed.
        below(&group.path()).iter().rev().for_each(|group| drop(fs::remove_dir(group)));
    }
}

/// Moves the calling process into a group. Only makes system calls. If that is refused, the process is found by its
/// environment.
pub(super) fn enter_group(group: Option<&File>) {
    if let Some(group) = group {
        let _ = nix::unistd::write(group, b"0");
    }
}

/// A group and those below it, outer ones first. Programs may have created groups too.
fn below(group: &Path) -> Vec<PathBuf> {
    let mut groups = vec![group.to_owned()];
    let mut next = 0;
    while next < groups.len() {
        let inside = fs::read_dir(&groups[next]).into_iter().flatten().flatten();
        groups
            .extend(inside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
        next += 1;
    }
    groups
}

fn pids_in(group: &Path) -> Vec<u32> {
    let listed = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    // 0 is a process that has no number in this PID namespace.
    listed.lines().filter_map(|pid| pid.parse().ok()).filter(|pid| *pid != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::mounted;

    #[test]
    fn hierarchies_of_version_2_are_found() {
        let hybrid = "42 32 0:39 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(mounted(hybrid), Some(("/", "/sys/fs/cgroup/unified")));
        assert_eq!(mounted("41 32 0:38 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu"), None);
    }
}
