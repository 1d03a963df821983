//! The effects of each word outside of the network. A registered word that is missing here
//! fails a test (`tests/tests/suite/untrusted.rs`). The table must agree with what `--no-exec`
//! refuses (`Confined` in the engine).

/// An effect of a word outside of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutsideEffect {
    /// It starts a program of the machine's.
    StartsProgram,
    /// It starts netscript again, as a server or a capture.
    StartsNetscript,
    /// It can write a file whose path the script chooses.
    WritesFile,
    /// It writes the file of a namespace's name servers, `/etc/netns/NAME/resolv.conf`.
    WritesResolver,
    /// It writes kernel settings, of which those outside `net.` are the machine's.
    WritesSetting,
    /// It reads the processes of the machine under `/proc`.
    ReadsProcesses,
}

use OutsideEffect::{ReadsProcesses, StartsNetscript, StartsProgram, WritesFile, WritesResolver, WritesSetting};

/// The type that words belong to (empty for functions without a receiver), their effects, and their names.
/// No word reads files: modules are imported by a statement of the language, not by a word.
const DECLARED: &[(&str, &[OutsideEffect], &str)] = &[
    (
        "",
        &[],
        "assert bridge checkpoint dummy exit ipvlan link macvlan netns netns_detach netns_list netns_open nth_addr",
    ),
    ("", &[], "print rollback show sleep table tap tun undo veth vlan vrf vxlan wait_until"),
    ("", &[ReadsProcesses], "netns_attach netns_of"),
    ("Netns", &[StartsProgram], "exec shell start"),
    ("Netns", &[StartsNetscript], "serve serve_dns"),
    ("Netns", &[WritesResolver], "resolver"),
    ("Netns", &[WritesSetting], "sysctl"),
    ("Netns", &[ReadsProcesses], "pid pids"),
    (
        "Netns",
        &[],
        "bridge connect del_neigh del_route del_rule delete dummy fetch filter filter6 flush_routes has_sysctl inode",
    ),
    ("Netns", &[], "ip_rules ipvlan link links lo macvlan mangle mangle6 name nat nat6 neigh neighbours ping raw raw6"),
    (
        "Netns",
        &[],
        "replace_neigh replace_route route route_get routes rule show tap traceroute tun veth vlan vrf vxlan",
    ),
    ("Link", &[StartsNetscript, WritesFile], "capture"),
    (
        "Link",
        &[],
        "add_fdb addr addrs alias append_fdb arp bridge_id del_addr del_fdb delete down fdb hairpin index kind mac master",
    ),
    (
        "Link",
        &[],
        "mode move_to mtu name netns nomaster options peer ports promisc rename replace_fdb set_alias set_mac set_mtu state stp up",
    ),
    ("Process", &[], "output pid running stop"),
    ("Capture", &[], "packets stop"),
    ("Table", &[], "chain chain_open chains dnat flush forward input masquerade name output postrouting prerouting"),
    ("Table", &[], "redirect rules snat"),
    (
        "Chain",
        &[],
        "accept connmark delete dnat drop flush jump log mark masquerade name notrack policy redirect reject",
    ),
    ("Chain", &[], "ret rules snat tcpmss"),
    ("Rule", &[], "bytes delete handle packets text"),
    ("Error", &[], "code errno message"),
];

/// The effects of a word outside of the network; `None` if the word is not declared.
pub fn effects(receiver: &str, name: &str) -> Option<&'static [OutsideEffect]> {
    let declares = |(of, _, names): &&(&str, &[OutsideEffect], &str)| {
        *of == receiver && names.split_whitespace().any(|declared| declared == name)
    };
    DECLARED.iter().find(declares).map(|(_, effects, _)| *effects)
}

/// Every word that is declared: the type that it belongs to, and its name.
pub fn declared() -> impl Iterator<Item = (&'static str, &'static str)> {
    DECLARED.iter().flat_map(|(receiver, _, names)| names.split_whitespace().map(|name| (*receiver, name)))
}
