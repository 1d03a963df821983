//! Moving a whole process into a sandbox, before its first thread.

use std::fs;
use std::process;

use netscript_lang::diagnostics::Error as Facts;
use netscript_linux::{SandboxFolders, may_change_networks, may_make_namespaces, privilege_missing, run_as_helper};

use crate::error::Result;

/// Lets this program run as a helper. Labs start servers, name servers and captures as this program under another
/// name. Call it first in `main`; in a helper process it does not return. Without it the
/// words `serve`, `serve_dns` and `capture` fail with E0407. [`tests_in_sandbox!`](crate::tests_in_sandbox) does the same.
pub fn init() {
    if let Some(ended) = run_as_helper() {
        process::exit(ended);
    }
}

/// Moves this process into a sandbox if it has no right to make namespaces, so that [`Lab::sandbox`](crate::Lab::sandbox)
/// works for ordinary users. Call it before the first thread is started, preferably in `main` right after [`init`].
///
/// The calling process stays outside, waits, and ends with the status of its copy, which continues in the sandbox: a user
/// namespace of its own, in which it is root, with its own mounts, processes and network. The machine's files are
/// read-only there, except its own `/tmp`, `/run` and `/dev`, and the given folders.
///
/// # Errors
///
/// If the process already has several threads, or the machine does not allow sandboxes (E0404): the error says what to do.
pub fn enter_sandbox(writable: &[&str]) -> Result<()> {
    if may_change_networks() {
        return Ok(());
    }
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(Facts::NoSandbox {
            why: format!("this process has {threads} threads, and only one with a single thread can enter a user namespace"),
            help: "call `netscript_lab::enter_sandbox` at the beginning of `main`, or, in tests, put `netscript_lab::tests_in_sandbox!();` into the crate".to_owned(),
        }
        .into());
    }
    let writable = writable.iter().map(Into::into).collect();
    Ok(netscript_linux::enter_sandbox(&SandboxFolders { visible: Vec::new(), writable })?)
}

/// Whether this thread can take a network of its own.
pub(crate) fn check() -> Result<()> {
    if may_make_namespaces() {
        return Ok(());
    }
    let facts = match privilege_missing(true) {
        Facts::NotRoot { .. } => Facts::NoSandbox {
            why: "this process is an ordinary user's, and has not entered a sandbox".to_owned(),
            help: "call `netscript_lab::enter_sandbox` at the beginning of `main`, or, in tests, put `netscript_lab::tests_in_sandbox!();` into the crate; root needs no sandbox".to_owned(),
        },
        missing => missing,
    };
    Err(facts.into())
}

/// What [`tests_in_sandbox!`](crate::tests_in_sandbox) does before `main`.
#[doc(hidden)]
pub fn begin_tests(writable: &[&str]) {
    init();
    if let Err(error) = enter_sandbox(writable) {
        // The tests that need a sandbox fail with what to do.
        eprintln!("{error}");
    }
}

/// Lets the tests of a crate use labs, also without root. Write it once in a test crate (a file of `tests/`, or the root of a
/// library under `#[cfg(test)]`), outside of any function. Before `main`, and so before the threads of the tests, it
/// calls [`init`] and [`enter_sandbox`]. As root it makes no sandbox, since each lab has one of its own.
///
/// ```
/// netscript_lab::tests_in_sandbox!();
/// # fn main() {}
/// ```
///
/// In the sandbox of an ordinary user the machine's files are read-only. Tests that write outside of `/tmp` name the folders:
///
/// ```
/// netscript_lab::tests_in_sandbox!(writable = ["."]);
/// # fn main() {}
/// ```
///
/// A constructor counts as unsafe code: it is allowed in a crate with `#![deny(unsafe_code)]`, but not in one with
/// `#![forbid(unsafe_code)]`.
#[macro_export]
macro_rules! tests_in_sandbox {
    () => { $crate::tests_in_sandbox!(writable = []); };
    (writable = [$($folder:expr),* $(,)?]) => {
        $crate::__ctor::declarative::ctor! {
            #[ctor(unsafe, anonymous)]
            fn enter_the_sandbox_before_main() {
                $crate::begin_tests(&[$($folder),*]);
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use netscript_linux::may_make_namespaces;

    use crate::{Code, Lab};

    /// These tests are not prepared for by the macro.
    #[test]
    fn who_is_not_prepared_is_told_what_to_do() {
        const NOBODY: u32 = 65_534;
        if !may_make_namespaces() {
            let error = Lab::sandbox().expect_err("nobody may make namespaces");
            assert_eq!(error.code(), Code::E0404);
            assert!(error.help().contains("tests_in_sandbox!"), "{error}");
            let error = super::enter_sandbox(&[]).expect_err("tests run on threads");
            assert!(error.message().contains("threads"), "{error}");
            assert_eq!(Lab::on_machine("lab").expect_err("it is root's").code(), Code::E0401);
            println!("was told");
            return;
        }
        let lab = Lab::sandbox().expect("root needs no preparation");
        let error = lab.run(r#"netns("web").serve(80, "hello")"#).expect_err("nobody has called `init`");
        assert_eq!(error.code(), Code::E0407, "{error}");
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/errors/E0407.md");
        if let Ok(page) = std::fs::read_to_string(page) {
            assert!(page.contains(&format!("```error,quoted\n{error}\n```")), "{error}");
        }

        let copy = std::env::temp_dir().join(format!("netscript-lab-unit-tests-{}", std::process::id()));
        let program = std::env::current_exe().expect("a test is a file");
        let copied = Command::new("install").args(["-m", "755"]).args([&program, &copy]).status();
        assert!(copied.is_ok_and(|status| status.success()));
        let mut again = Command::new(&copy);
        again.args(["--nocapture", "who_is_not_prepared"]).current_dir("/").uid(NOBODY).gid(NOBODY);
        let output = again.output();
        let _ = std::fs::remove_file(&copy);
        let output = output.expect("it is there");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && told.contains("was told"), "{told}");
    }
}
