//! Help for commands of a shell that are typed into the REPL.

/// What to write instead of a shell command, if the line is one. `known` returns whether a name is a variable of the
/// session.
pub(super) fn instead_of(line: &str, known: impl FnOnce(&str) -> bool) -> Option<&'static str> {
    let line = line.trim().trim_end_matches(';');
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    // In a statement, such a word is followed by an operator or a bracket.
    if rest.trim_start().starts_with(['=', '(', '.', '+', '-', '*', '/', '<', '>', '!'])
        && !rest.trim_start().starts_with('-')
    {
        return None;
    }
    let instead = meant(word, rest.trim())?;
    if known(word) { None } else { Some(instead) }
}

fn meant(word: &str, rest: &str) -> Option<&'static str> {
    Some(match (word, rest) {
        ("quit" | "exit" | "logout" | "bye", "") => "`:quit` leaves the session, and so does Ctrl-D",
        ("help" | "man" | "?", _) => {
            "`:help` lists the commands, and `:help WORD` explains a word, such as `:help bridge`"
        }
        ("ls" | "dir", _) => "`:show` shows the network; `host.links` lists the links, `netns_list()` the namespaces",
        ("clear", "") => "Ctrl-L clears the screen",
        ("undo", "") => "`:undo` undoes the last line that changed the network",
        ("history", "") => "`:history` lists the lines of this session",
        ("ip", rest) => match rest.split_whitespace().find(|part| !part.starts_with('-')).unwrap_or("link") {
            part if "address".starts_with(part) => "`host.links` lists the links with their addresses",
            part if "route".starts_with(part) => "`host.routes` lists the routes",
            part if "neighbour".starts_with(part) || "neighbor".starts_with(part) => {
                "`host.neighbours` lists the neighbours"
            }
            part if "rule".starts_with(part) => "`host.ip_rules` lists the routing rules",
            "netns" => "`netns_list()` lists the namespaces, and `netns(\"red\")` makes one",
            _ => "`host.links` lists the links; `host.exec(\"ip …\")` starts the program itself",
        },
        ("ifconfig", _) => "`host.links` lists the links with their addresses",
        ("route" | "netstat", _) => "`host.routes` lists the routes",
        ("iptables" | "nft", _) => {
            "`host.filter.rules` and `host.nat.rules` list the rules; `host.exec(\"iptables …\")` starts the program itself"
        }
        ("ping", target) if !target.is_empty() => "a namespace pings: `host.ping(\"10.0.0.1\")`",
        ("cd", _) => "`:ns NAME` selects a namespace",
        ("sudo" | "cat" | "ps" | "pwd" | "tc" | "curl" | "tcpdump" | "brctl" | "sysctl", rest)
            if word == "ps" || !rest.is_empty() =>
        {
            "`host.exec(\"…\")` starts a program, and `host.shell()` a shell"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::instead_of;

    #[test]
    fn lines_of_a_shell_are_known() {
        for line in ["quit", "help", "ls", "ls -l", "ip a", "ip addr show", "ip -4 route", "exit", "ping 10.0.0.1"] {
            assert!(instead_of(line, |_| false).is_some(), "{line}");
        }
    }

    #[test]
    fn statements_are_left_alone() {
        for line in ["ip = 1", "ip(1)", "ls.len()", "help == 2", "let ls = 1", "host.ping(1)", "ping", "exit()"] {
            assert!(instead_of(line, |_| false).is_none(), "{line}");
        }
        assert!(instead_of("ls", |name| name == "ls").is_none());
    }
}
