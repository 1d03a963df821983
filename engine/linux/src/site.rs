//! The data of a lab under construction. `carry_out`, `inverse`, `recorded`, `undo`, `batch` and `lifetime` work on it;
//! each of them uses only those before it.

use std::path::Path;

use crate::journal::LABS_DIR;
use crate::lab::{Store, token};
use crate::network::Network;
use crate::process::{Groups, Processes};
use crate::release::check_release;
use netscript_net::error::Result;

/// The machine from one lab's view: its networks, and the lab's processes and records.
pub(crate) struct Site {
    pub(crate) network: Network,
    pub(crate) processes: Processes,
    pub(crate) store: Store,
    /// Whether operations that remove objects of others are refused.
    pub(crate) guarded: bool,
    /// Is called with warnings.
    pub(crate) warn: fn(&str),
}

impl Site {
    /// The machine, with the calling thread's network namespace as `host`.
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

    /// Keeps the output of programs in a folder with the lab's name.
    pub(crate) fn name(&mut self, lab: &str) {
        let folder = Path::new(LABS_DIR).join(folder_name(lab));
        self.processes = Processes::new(&folder, &token(lab), Groups::default());
    }

    /// Prints a warning.
    pub(crate) fn warn(&self, text: &str) {
        (self.warn)(text);
    }
}

/// A name as one component of a path.
fn folder_name(lab: &str) -> String {
    let name = lab.replace(['/', '\0'], "_");
    if matches!(name.as_str(), "" | "." | "..") { "lab".to_owned() } else { name }
}
