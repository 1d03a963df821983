//! Namespaces: `ip netns add`, `del`, `attach`.

use super::{Command, Style, Tail, Word, variable};
use crate::op::{NetnsOp, PidRef};

pub(super) fn commands(op: &NetnsOp) -> Vec<Command> {
    match op {
        NetnsOp::Add(name) => vec![Command::host(["ip", "netns", "add", name.as_str()])],
        NetnsOp::Del(name) => vec![Command::host(["ip", "netns", "del", name.as_str()])],
        NetnsOp::Hold(number) => {
            let mut command = Command::host(["unshare", "--net", "sleep", "infinity"]);
            command.tail = Tail::Background(PidRef::Held(*number));
            vec![command]
        }
        NetnsOp::Release(number) => vec![Command::host([Word::Builtin("kill"), Word::Pid(PidRef::Held(*number))])],
        NetnsOp::Attach(name, pid) => {
            vec![Command::host(["ip", "netns", "attach", name.as_str()]).with([Word::Pid(*pid)])]
        }
        NetnsOp::Detach(name) => {
            let path = format!("/run/netns/{name}");
            vec![Command::host(["umount", &path]), Command::host(["rm", &path])]
        }
    }
}

pub(super) fn lines(op: &NetnsOp, style: Style) -> Vec<String> {
    let mut lines: Vec<String> = commands(op).iter().map(|command| command.line(style)).collect();
    match op {
        // The process is there before its namespace is.
        NetnsOp::Hold(number) => lines.push(wait_for_namespace(PidRef::Held(*number))),
        NetnsOp::Add(_) | NetnsOp::Del(_) | NetnsOp::Release(_) | NetnsOp::Attach(..) | NetnsOp::Detach(_) => {}
    }
    lines
}

fn wait_for_namespace(pid: PidRef) -> String {
    let pid = variable(pid);
    format!("while [ \"$(readlink \"/proc/${pid}/ns/net\")\" = \"$(readlink /proc/$$/ns/net)\" ]; do sleep 0.01; done")
}
