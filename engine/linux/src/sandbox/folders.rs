//! The folders that a sandbox shows.

use std::path::PathBuf;

/// Which of the machine's folders a sandbox shows at their places although it has its own `/tmp`,
/// `/run` and `/dev`, and in which of the machine's folders it may write.
#[derive(Clone, Debug, Default)]
pub struct SandboxFolders {
    /// Folders that must be seen, such as the script's. The current folder always is.
    pub visible: Vec<PathBuf>,
    /// Folders in which programs may write. They must exist.
    pub writable: Vec<PathBuf>,
}
