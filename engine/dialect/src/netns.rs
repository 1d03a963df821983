//! Namespaces: `ip netns add`, `del`, `attach`.

use super::command::{Command, Style, Tail, Word, variable};
use netscript_net::op::{NetnsOp, PidRef};

/// The file and the servers are its arguments.
const WRITE_SERVERS: &str = r#"{ echo '# Made by netscript.'; printf 'nameserver %s\n' "$@"; } > "$0""#;

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
        NetnsOp::Resolver(name, servers) => {
            let folder = format!("/etc/netns/{name}");
            let file = format!("{folder}/resolv.conf");
            match servers.as_slice() {
                [] => vec![Command::host(["rm", "-f", &file]), Command::host(["rmdir", &folder]).tolerant()],
                servers => vec![
                    Command::host(["mkdir", "-p", &folder]),
                    Command::host(["sh", "-c", WRITE_SERVERS, &file]).with(servers.iter().map(ToString::to_string)),
                ],
            }
        }
    }
}

pub(super) fn lines(op: &NetnsOp, style: Style) -> Vec<String> {
    let mut lines: Vec<String> = commands(op).iter().map(|command| command.line(style)).collect();
    match op {
        // The process exists before its namespace does.
        NetnsOp::Hold(number) => lines.push(wait_for_namespace(PidRef::Held(*number))),
        NetnsOp::Add(_)
        | NetnsOp::Del(_)
        | NetnsOp::Release(_)
        | NetnsOp::Attach(..)
        | NetnsOp::Detach(_)
        | NetnsOp::Resolver(..) => {}
    }
    lines
}

fn wait_for_namespace(pid: PidRef) -> String {
    let pid = variable(pid);
    format!("while [ \"$(readlink \"/proc/${pid}/ns/net\")\" = \"$(readlink /proc/$$/ns/net)\" ]; do sleep 0.01; done")
}
