//! Control groups of tests. Labs have theirs below the one of the program that made them. Groups belong to the whole
//! machine, and stay when a test's namespaces end.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::patience;

/// How long the kernel may take until killed programs are gone.
const EMPTYING: Duration = Duration::from_secs(10);

/// A control group below the one of this program. The processes in it are ended on drop.
pub(crate) struct Group(PathBuf);

impl Group {
    /// Makes a group, if cgroups v2 are available. Its name begins with `netscript-` like those of labs, so that
    /// netscript removes it later if this program is killed.
    pub(crate) fn make(name: &str) -> Option<Group> {
        let group = own()?.join(format!("netscript-{name}"));
        fs::create_dir(&group).is_ok().then_some(Group(group))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// The folder of the group that this program is in, of version 2.
fn own() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mounts = mounts.lines().filter(|line| line.contains(" - cgroup2 "));
    let folders = mounts.filter_map(|line| line.split(' ').nth(4)).map(|point| Path::new(point).join(own));
    folders.into_iter().find(|folder| folder.join("cgroup.procs").is_file())
}

/// Ends the processes in a group and those below it, and removes the groups.
pub(crate) fn remove(group: &Path) {
    let deadline = Instant::now() + patience(EMPTYING);
    // Linux before 5.14 has no such file.
    let kills = fs::write(group.join("cgroup.kill"), "1").is_ok();
    while !remove_empty(group) && Instant::now() < deadline {
        if !kills {
            end_processes(group);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Kills the processes in a group and those below it.
fn end_processes(group: &Path) {
    let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for pid in processes.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    below(group).iter().for_each(|below| end_processes(&group.join(below)));
}

/// Removes empty groups; returns whether all could be removed.
fn remove_empty(group: &Path) -> bool {
    for below in below(group) {
        remove_empty(&group.join(below));
    }
    fs::remove_dir(group).is_ok() || !group.exists()
}

/// The names of the groups right below one.
pub(crate) fn below(group: &Path) -> Vec<String> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    let groups = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    groups.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::process::{Command, Stdio};

    use super::Group;
    use crate::skip;

    #[test]
    fn what_is_in_a_group_ends_with_it() {
        let Some(group) = Group::make(&format!("test-{}", std::process::id())) else {
            return skip("a control group of a test's own: there is no hierarchy of version 2 to make it in");
        };
        let path = group.path().to_owned();
        let enter =
            format!("mkdir {0}/lab && echo 0 >{0}/lab/cgroup.procs && echo in && exec sleep 1000", path.display());
        let mut program = Command::new("sh").args(["-ec", &enter]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = [0; 3];
        std::io::Read::read_exact(program.stdout.as_mut().unwrap(), &mut said).unwrap();
        assert_eq!(super::below(&path), ["lab"]);
        drop(group);
        assert!(!path.exists());
        assert!(!program.wait().unwrap().success());
    }
}
