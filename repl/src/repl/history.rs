//! What was typed in earlier sessions, in the user's state folder.

use std::env;
use std::fs;
use std::path::PathBuf;

use rustyline::Editor;
use rustyline::history::DefaultHistory;

use super::editor::Assistant;

/// The file of the history; none where there is no home.
pub struct History {
    file: Option<PathBuf>,
}

impl History {
    /// The folder of the user's own, made if it is not there; none where it cannot be.
    pub fn folder() -> Option<PathBuf> {
        let folder = History::of_user().file?.parent()?.to_owned();
        fs::create_dir_all(&folder).ok()?;
        Some(folder)
    }

    /// The user's own. (XDG Base Directory Specification: `$XDG_STATE_HOME`, or `~/.local/state`.)
    pub fn of_user() -> History {
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        let file = state.map(|state| state.join("netscript/history"));
        History { file }
    }

    /// Gives an editor what was typed before.
    pub fn read(&self, editor: &mut Editor<Assistant, DefaultHistory>) {
        let Some(file) = &self.file else { return };
        if let Some(folder) = file.parent() {
            // Without a folder there is a session without history.
            let _ = fs::create_dir_all(folder);
        }
        if file.exists() {
            let _ = editor.load_history(file);
        } else {
            let _ = editor.save_history(file);
        }
    }

    /// Keeps what is new. It is lost where the file cannot be written, which is no reason to stop.
    pub fn write(&self, editor: &mut Editor<Assistant, DefaultHistory>) {
        if let Some(file) = &self.file {
            let _ = editor.append_history(file);
        }
    }
}
