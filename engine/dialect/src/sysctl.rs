//! Kernel settings: `sysctl -w`.

use super::command::Command;
use netscript_net::op::{NetnsRef, SysctlOp};

pub(super) fn command(netns: &NetnsRef, op: &SysctlOp) -> Command {
    match op {
        SysctlOp::Write(key, value) => Command::new(netns, ["sysctl", "-w", &format!("{key}={value}")]),
        SysctlOp::WriteIfThere(key, value) => Command::new(netns, ["sysctl", "-e", "-w", &format!("{key}={value}")]),
    }
}
