//! Removes steps from scripts, after which their assertions must fail.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::table::is_assertion;
use super::{Asserted, Proof};
use crate::program::{Finished, Place, finish};

/// Runs each claim's script without the claim's step, and reports the claims whose own assertion did not fail.
pub fn take_out_steps(claims: &[&Asserted], at_once: usize) -> Vec<String> {
    let place = Place::new();
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = std::iter::from_fn(|| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            Some((number, claims.get(number)?))
        });
        mine.filter_map(|(number, claim)| claim.fails_without_its_step(&place, number).err()).collect::<Vec<String>>()
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("it does not panic")).collect()
    })
}

impl Asserted {
    /// The step that the claim depends on.
    pub fn step(&self) -> Option<&str> {
        match &self.claim.proof {
            Proof::Asserts { without, .. } => without.as_deref(),
            Proof::Test(_) => None,
        }
    }

    /// The setting that the step writes and this kernel does not have.
    pub fn missing_setting(&self) -> Option<&str> {
        match &self.claim.proof {
            Proof::Asserts { setting: Some(setting), .. } => {
                let path = Path::new("/proc/sys").join(setting.replace('.', "/"));
                (!path.exists()).then_some(setting)
            }
            Proof::Asserts { setting: None, .. } | Proof::Test(_) => None,
        }
    }

    fn fails_without_its_step(&self, place: &Place, number: usize) -> Result<(), String> {
        let text = fs::read_to_string(&self.script).map_err(|error| error.to_string())?;
        let script = self.without_its_step(&text).map_err(|error| format!("{}: {error}", self.claim.says))?;
        let name = format!("script{number}.rhai");
        place.write(&name, script);
        let finished = finish(&mut place.netscript(&["--sandbox", &name]));
        let failed = ["E0701", "E0702"].iter().any(|code| finished.stderr.contains(&format!("error[{code}]")));
        let here = self.lines.iter().any(|line| finished.stderr.contains(&format!("{name}:{line}:")));
        if finished.status == 1 && failed && here {
            return Ok(());
        }
        let Finished { status, stderr, .. } = finished;
        let (says, step) = (&self.claim.says, self.step().unwrap_or_default());
        Err(format!("{says}\n    does not fail without {step}\n    but ends with {status}\n{stderr}"))
    }

    /// The script without the nearest such step before the claim's assertion, and without the other
    /// assertions, which might fail before. Its lines keep their numbers.
    fn without_its_step(&self, script: &str) -> Result<String, String> {
        let step = self.step().ok_or("it names no step")?;
        let last = self.lines.iter().max().ok_or("it names no line")?;
        let start: usize = script.split_inclusive('\n').take(last - 1).map(str::len).sum();
        let at =
            script[..start].rfind(step).ok_or_else(|| format!("{step} is not in the script before line {last}"))?;
        let rest = [&script[..at], &"\n".repeat(step.matches('\n').count()), &script[at + step.len()..]].concat();
        let other = |(i, line): (usize, &str)| is_assertion(line) && !self.lines.contains(&(i + 1));
        let lines = rest.lines().enumerate();
        Ok(lines.map(|(i, line)| if other((i, line)) { "\n".to_owned() } else { format!("{line}\n") }).collect())
    }
}
