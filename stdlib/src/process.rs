//! Programs in namespaces.

use std::fmt;

use netscript_lang::diagnostics::{Error, Within};
use netscript_lang::interpreter::{Session, add_words, at};
use netscript_net::op::PidRef;
use netscript_net::world::Output;
use netscript_net::world::ProgramId;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::unknown;
use crate::{Netns, RhaiResult, args};

/// A handle to a started program.
#[derive(Clone)]
pub struct Process {
    session: Session,
    program: ProgramId,
}

impl Process {
    pub(crate) fn new(session: &Session, program: ProgramId) -> Process {
        Process { session: session.clone(), program }
    }

    pub(crate) fn pid_ref(&self) -> PidRef {
        PidRef::Started(self.program.0)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.session.lab().world().pid(self.pid_ref()) {
            Ok(pid) => write!(f, "process {pid}"),
            Err(Error::NotSimulated { what }) => write!(f, "process (unknown in a dry run: {what})"),
            Err(_) => f.write_str("(ended)"),
        }
    }
}

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Process>("Process");
    add_words(engine, exported_manifest!(words));
}

fn result(output: Output) -> Map {
    let mut map = Map::new();
    map.insert("ok".into(), (output.status == 0).into());
    map.insert("status".into(), i64::from(output.status).into());
    map.insert("stdout".into(), String::from_utf8_lossy(&output.stdout).into_owned().into());
    map.insert("stderr".into(), String::from_utf8_lossy(&output.stderr).into_owned().into());
    map
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Runs a program to its end: `#{ ok, status, stdout, stderr }`. A string is split into words
    /// as in a shell, but no shell is started. A status other than 0 is a result, not an error. Processes that it
    /// leaves behind in one of the lab's own namespaces end with the lab; on the host they do not.
    ///
    /// ```
    /// let result = host.exec(["sh", "-c", "echo hello; exit 3"]);
    /// assert(!result.ok && result.status == 3 && result.stdout == "hello\n");
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn exec(ctx: NativeCallContext, netns: &mut Netns, command: Dynamic) -> RhaiResult {
        let argv = args::argv(&command).argument(0)?;
        netns.tell(|netns| netscript_dialect::exec(netns, &argv))?;
        let output = netns.ask(at(&ctx), |world, netns| world.exec(netns, &argv))?;
        Ok(unknown::map(output, result)?)
    }

    /// Opens the user's shell (`$SHELL`) in the namespace, on the terminal, and waits until it
    /// ends: `#{ ok, status }`. Without a terminal it is an error.
    ///
    /// ```
    /// let red = netns("red");
    /// try { red.shell(); } catch (e) { assert(e.code == "E0406"); }
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn shell(ctx: NativeCallContext, netns: &mut Netns) -> RhaiResult {
        let status = netns.ask(at(&ctx), |world, netns| world.shell(netns))?;
        Ok(unknown::map(status, |status| {
            let mut map = Map::new();
            map.insert("ok".into(), (status == 0).into());
            map.insert("status".into(), i64::from(status).into());
            map
        })?)
    }

    /// Starts a program in the background. It lives as long as the lab.
    ///
    /// ```
    /// let sleeper = host.start("sleep 100");
    /// assert(sleeper.running);
    /// sleeper.stop();
    /// assert(!sleeper.running);
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn start(ctx: NativeCallContext, netns: &mut Netns, command: Dynamic) -> RhaiResult<Process> {
        let argv = args::argv(&command).argument(0)?;
        let program = netns.ask(at(&ctx), |world, netns| world.start(netns, &argv))??;
        netns.tell(|netns| netscript_dialect::start(netns, &argv, program))?;
        Ok(Process::new(netns.session(), program))
    }

    /// Its process number.
    ///
    /// ```
    /// assert(host.start("sleep 100").pid > 1);
    /// ```
    #[rhai_fn(get = "pid", pure, return_raw)]
    pub fn get_pid(process: &mut Process) -> RhaiResult<i64> {
        Ok(i64::from(process.session.lab().world().pid(process.pid_ref())?))
    }

    /// Whether it is running.
    ///
    /// ```
    /// assert(host.start("sleep 100").running);
    /// ```
    #[rhai_fn(get = "running", pure, return_raw)]
    pub fn get_running(process: &mut Process) -> RhaiResult<bool> {
        Ok(process.session.lab().world().running(process.program)?)
    }

    /// Its output so far, standard output and standard error together.
    ///
    /// ```
    /// let greeter = host.start("echo hello");
    /// wait_until(2, || greeter.output == "hello\n");
    /// ```
    #[rhai_fn(get = "output", pure, return_raw)]
    pub fn get_output(process: &mut Process) -> RhaiResult<String> {
        Ok(process.session.lab().world().output(process.program)?)
    }

    /// Ends it and every process that it started: first with SIGTERM, then, if a process does not end, with
    /// SIGKILL.
    ///
    /// ```
    /// host.start("sleep 100").stop();
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn stop(ctx: NativeCallContext, process: &mut Process) -> RhaiResult<()> {
        let mut lab = process.session.lab();
        lab.world().located(at(&ctx).as_ref());
        Ok(lab.world().stop(process.program)?)
    }

    /// The process as text.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(process: &mut Process) -> String {
        process.to_string()
    }
}
