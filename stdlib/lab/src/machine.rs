//! Labs on the machine itself, which may outlive the process that builds them.

use netscript_lang::diagnostics::{Error, Result};
use netscript_linux::{Interrupt, Kernel, LabFolder, Resume, Resumed};

/// The name of a lab on the machine, and how to claim it.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    /// The name.
    pub name: String,
    /// The path of the script that builds it; empty if there is none.
    pub script: String,
    /// Whether a lab of this name that is up is taken down first.
    pub replace: bool,
    /// Whether scripts may remove foreign objects, and a replaced lab is taken down even if it holds foreign objects.
    pub force: bool,
    /// Whether `NAME-2`, `NAME-3` and so on are tried if the name is taken.
    pub or_next: bool,
}

/// A kernel whose lab outlives this process. `warn` gets messages for the user that are not errors.
pub fn begin(claim: &Claim, interrupt: Interrupt, warn: fn(&str), tell: impl FnMut(&str)) -> Result<Kernel> {
    let name = claim.name.as_str();
    let folder = match LabFolder::claim(name) {
        Err(Error::LabUp { .. } | Error::LabBusy { .. }) if claim.or_next => claim_next(name)?,
        Err(Error::LabUp { .. }) if claim.replace => {
            take_down(name, claim.force, interrupt.clone(), warn)?.iter().map(String::as_str).for_each(tell);
            LabFolder::claim(name)?
        }
        folder => folder?,
    };
    Kernel::new(interrupt)?.warning(warn).guarded(!claim.force).keep_in(folder, &claim.script)
}

/// The first of `NAME-2`, `NAME-3`, … that is free.
fn claim_next(name: &str) -> Result<LabFolder> {
    let mut number = 2_u32;
    loop {
        match LabFolder::claim(&format!("{name}-{number}")) {
            Err(Error::LabUp { .. } | Error::LabBusy { .. }) => number += 1,
            claimed => return claimed,
        }
    }
}

/// Takes a lab down that is up, or was left behind. Returns the flaws of its journal that `force`
/// ignored.
pub fn take_down(name: &str, force: bool, interrupt: Interrupt, warn: fn(&str)) -> Result<Vec<String>> {
    let how = Resume { force, dry_run: false };
    let told = |flaw: &str| format!("the journal of `{name}` was not whole: {flaw}; look for what the lab left");
    match Kernel::resume(interrupt, LabFolder::open(name)?, how)? {
        Resumed::Lab(kernel, flaws) => {
            kernel.warning(warn).down(force)?;
            Ok(flaws.iter().map(|flaw| told(flaw)).collect())
        }
        Resumed::Gone(None) => Ok(Vec::new()),
        Resumed::Gone(Some(why)) => Ok(vec![format!(
            "nothing of the lab `{name}` was undone, since its journal is of no use: {why}; look for what it left"
        )]),
    }
}
