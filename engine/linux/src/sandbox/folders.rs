//! The machine's folders in a sandbox.

use std::path::PathBuf;

/// The machine's folders that a sandbox shows although it has its own `/tmp`, `/run` and `/dev`, and those in which it
/// may write.
#[derive(Clone, Debug, Default)]
pub struct SandboxFolders {
    /// Folders that must be visible, such as the script's. The current folder always is.
    pub visible: Vec<PathBuf>,
    /// Folders in which programs may write. They must exist.
    pub writable: Vec<PathBuf>,
}
