//! Builds the tests and the program so that they start in every root.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::workspace;

/// A program of tests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tests {
    /// Its name: `suite`, `netscript-linux`.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// The folder in which cargo starts it, that of its package.
    pub folder: PathBuf,
}

/// The built programs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Built {
    /// netscript.
    pub netscript: PathBuf,
    /// The tests of the whole workspace.
    pub tests: Vec<Tests>,
}

/// How it is built.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// The libraries that it is linked with.
    pub sysroot: PathBuf,
    /// cargo's profile.
    pub profile: String,
    /// cargo's target directory.
    pub target: PathBuf,
}

/// Builds everything.
///
/// # Errors
///
/// If something does not build; cargo has printed what.
pub fn build(how: &BuildOptions) -> Result<Built, String> {
    let tests = cargo(how, &["test", "--workspace", "--no-run"])?;
    let program = cargo(how, &["build", "--workspace", "--bins"])?;
    let netscript = program
        .iter()
        .filter(|message| message["target"]["name"] == "netscript")
        .find_map(|message| message["executable"].as_str());
    let built = Built {
        netscript: netscript.ok_or("cargo does not say where the program is")?.into(),
        tests: tests.iter().filter_map(read).collect(),
    };
    let text = serde_json::to_string(&built).map_err(|error| error.to_string())?;
    std::fs::write(list(how), text).map_err(|error| format!("{}: {error}", list(how).display()))?;
    Ok(built)
}

/// The programs of the last build.
///
/// # Errors
///
/// If nothing has been built yet.
pub fn last(how: &BuildOptions) -> Result<Built, String> {
    let text = std::fs::read_to_string(list(how)).map_err(|error| format!("nothing is built yet: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", list(how).display()))
}

/// The file that lists what was built.
fn list(how: &BuildOptions) -> PathBuf {
    how.target.join("rig.json")
}

/// Runs cargo, and gives its messages.
fn cargo(how: &BuildOptions, arguments: &[&str]) -> Result<Vec<Value>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let libraries = how.sysroot.join("usr/lib/x86_64-linux-gnu");
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace())
        .args(arguments)
        .args(["--locked", "--message-format", "json-render-diagnostics", "--profile", &how.profile])
        .arg("--target-dir")
        .arg(&how.target)
        .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", how.sysroot.join("cc"))
        .env("LIBNFTNL_LIB_DIR", &libraries)
        .env("LIBMNL_LIB_DIR", &libraries);
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        return Err("it does not build".to_owned());
    }
    Ok(output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// The program of tests in a message of cargo.
fn read(message: &Value) -> Option<Tests> {
    if message["profile"]["test"] != true {
        return None;
    }
    let manifest = Path::new(message["manifest_path"].as_str()?);
    Some(Tests {
        name: message["target"]["name"].as_str()?.to_owned(),
        program: message["executable"].as_str()?.into(),
        folder: manifest.parent()?.to_owned(),
    })
}
