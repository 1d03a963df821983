//! Cases in which a script and commands must make the same network.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use netscript_lang::diagnostics::Code;

use crate::{Sandbox, difference, patience, snapshot};

/// How long the two networks may take to settle: carriers, duplicate address detection.
const SETTLED_AFTER: Duration = Duration::from_secs(8);

/// How many cases run at a time; most of the time they wait.
const AT_ONCE: usize = 6;

/// A script and the commands, written by hand, that it must equal.
pub struct Case {
    /// The lines of a script.
    pub script: &'static str,
    /// The lines of a shell script.
    pub commands: &'static str,
    /// The feature that it needs, which this kernel may lack.
    pub needs: Option<Feature>,
}

/// Something that not every kernel has.
#[derive(Clone, Copy)]
pub struct Feature {
    /// A command that works only with it.
    pub probe: &'static str,
    /// Text of the error without it.
    pub named: &'static str,
}

/// A case for every kernel.
pub const fn case(script: &'static str, commands: &'static str) -> Case {
    Case { script, commands, needs: None }
}

/// A case that needs a kernel feature; without it, the script must fail with an error that names it.
pub const fn case_with(feature: Feature, script: &'static str, commands: &'static str) -> Case {
    Case { script, commands, needs: Some(feature) }
}

/// Checks every case, several at a time.
///
/// # Panics
///
/// If one fails, with the differences of each.
pub fn check(cases: &[Case]) {
    let next = Mutex::new(cases.iter());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = next.lock().ok().and_then(|mut cases| cases.next()) {
                    let checked = panic::catch_unwind(AssertUnwindSafe(|| case.check()));
                    let failure = checked.unwrap_or_else(|_| Err("it panicked, see above".to_owned()));
                    if let (Err(failure), Ok(mut failures)) = (failure, failures.lock()) {
                        failures.push(format!("== {}\n{failure}", case.script.trim()));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no case panics while it holds them");
    assert!(failures.is_empty(), "{} of {} cases fail:\n{}", failures.len(), cases.len(), failures.join("\n\n"));
}

impl Case {
    fn check(&self) -> Result<(), String> {
        match self.needs {
            Some(feature) if !Sandbox::new().try_shell(feature.probe).status.success() => self.check_error(feature),
            _ => self.check_equal(),
        }
    }

    fn check_equal(&self) -> Result<(), String> {
        let (ours, theirs) = (Sandbox::new(), Sandbox::new());
        ours.script(self.script).map_err(|description| format!("{description:?}"))?;
        theirs.shell(self.commands);
        let start = Instant::now();
        loop {
            let (left, right) = (snapshot(&ours, self.script), snapshot(&theirs, self.script));
            if left == right {
                return Ok(());
            }
            if start.elapsed() > patience(SETTLED_AFTER) {
                return Err(difference(&left, &right));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Checks that the error names the missing feature, and that the failed script leaves nothing.
    fn check_error(&self, feature: Feature) -> Result<(), String> {
        println!("this kernel lacks what `{}` needs: the error is checked instead", feature.probe);
        let sandbox = Sandbox::new();
        let Err(description) = sandbox.script(self.script) else {
            return Err(format!("it succeeds, though `{}` does not", feature.probe));
        };
        let help = description.help.unwrap_or_default();
        if description.code != Code::E0402 || !help.contains(feature.named) {
            return Err(format!("{} with the help {help:?} should name {}", description.message, feature.named));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{case, check};

    #[test]
    #[should_panic(expected = "2 of 3 cases fail")]
    fn what_differs_is_found() {
        check(&[
            case(
                r#"bridge("br0").addr("10.0.0.1/24");"#,
                "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0",
            ),
            case(
                r#"bridge("br0").addr("10.0.0.1/24");"#,
                "ip link add br0 type bridge; ip addr add 10.0.0.1/25 dev br0",
            ),
            case(r#"veth("v1", "c1");"#, "ip link add c1 type veth peer name v1; ip link set c1 up"),
        ]);
    }
}
