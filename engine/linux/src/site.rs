//! Where a lab is built. This is plain data: what is done with it is in `carry_out`, `inverse`, `recorded`, `undo`,
//! `batch` and `lifetime`, each of which knows only those before it.

use std::path::Path;

use crate::journal::LABS_DIR;
use crate::lab::{Store, token};
use crate::network::Network;
use crate::process::{Groups, Processes};
use crate::release::check_release;
use netscript_net::error::Result;

/// The machine as one lab uses it: its networks, the lab's processes, and what the lab must remember.
pub(crate) struct Site {
    pub(crate) network: Network,
    pub(crate) processes: Processes,
    pub(crate) store: Store,
    /// What the lab did not make is removed only if that was allowed.
    pub(crate) guarded: bool,
    /// Is called with what the user should know though nothing failed.
    pub(crate) warn: fn(&str),
}

impl Site {
    /// The machine seen from the calling thread's network namespace, which becomes `host`.
    pub(crate) fn new() -> Result<Site> {
        check_release()?;
        let network = Network::new()
            .map_err(|rejection| rejection.into_error(|| "open this process's network namespace".to_owned()))?;
        Ok(Site {
            network,
            processes: Processes::new(&Path::new(LABS_DIR).join("lab"), &token("lab"), Groups::default()),
            store: Store::default(),
            guarded: false,
            warn: |_| {},
        })
    }

    /// Keeps what programs write in a folder of the lab's name.
    pub(crate) fn name(&mut self, lab: &str) {
        let folder = Path::new(LABS_DIR).join(folder_name(lab));
        self.processes = Processes::new(&folder, &token(lab), Groups::default());
    }

    /// Says what the user should know.
    pub(crate) fn warn(&self, text: &str) {
        (self.warn)(text);
    }
}

/// A name that is one component of a path.
fn folder_name(lab: &str) -> String {
    let name = lab.replace(['/', '\0'], "_");
    if matches!(name.as_str(), "" | "." | "..") { "lab".to_owned() } else { name }
}
