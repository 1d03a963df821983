//! The history of earlier sessions, in the user's state folder.

use std::env;
use std::fs;
use std::path::PathBuf;

use rustyline::Editor;
use rustyline::history::DefaultHistory;

use super::editor::Assistant;

/// The file of the history; none without a home folder.
pub struct History {
    file: Option<PathBuf>,
}

impl History {
    /// The user's state folder, which is made if it is missing; none if it cannot be made.
    pub fn folder() -> Option<PathBuf> {
        let folder = History::of_user().file?.parent()?.to_owned();
        fs::create_dir_all(&folder).ok()?;
        Some(folder)
    }

    /// The user's history. (XDG Base Directory Specification: `$XDG_STATE_HOME`, or `~/.local/state`.)
    pub fn of_user() -> History {
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        let file = state.map(|state| state.join("netscript/history"));
        History { file }
    }

    /// Gives an editor the history.
    pub fn read(&self, editor: &mut Editor<Assistant, DefaultHistory>) {
        let Some(file) = &self.file else { return };
        if let Some(folder) = file.parent() {
            // Without the folder, the session has no history.
            let _ = fs::create_dir_all(folder);
        }
        if file.exists() {
            let _ = editor.load_history(file);
        } else {
            let _ = editor.save_history(file);
        }
    }

    /// Saves new lines. If the file cannot be written they are lost, which is no error.
    pub fn write(&self, editor: &mut Editor<Assistant, DefaultHistory>) {
        if let Some(file) = &self.file {
            let _ = editor.append_history(file);
        }
    }
}
