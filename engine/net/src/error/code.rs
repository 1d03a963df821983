//! The registry of error codes, with cause and remedy of each.
//!
//! A code is never reused. `E01xx` are errors in scripts, `E02xx` invalid values, `E03xx` refusals by the kernel,
//! `E04xx` problems of the machine, `E05xx` errors of labs, `E06xx` of dry runs, `E07xx` of probes and assertions.

use std::fmt;

/// One entry of the registry.
#[derive(Debug)]
pub struct CodeEntry {
    /// The code.
    pub code: Code,
    /// Its name, in a few words.
    pub title: &'static str,
    /// The cause.
    pub cause: &'static str,
    /// The next step for the user.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($($code:ident $title:literal, $cause:literal, $remedy:literal;)*) => {
        /// The code of an error: `E` and four digits.
        #[allow(missing_docs, reason = "the registry documents each")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($code),* }

        /// Every code, in order.
        pub const REGISTRY: &[CodeEntry] = &[
            $(CodeEntry { code: Code::$code, title: $title, cause: $cause, remedy: $remedy }),*
        ];

        impl fmt::Display for Code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Code::$code => stringify!($code)),* })
            }
        }
    };
}

codes! {
    E0101 "syntax error",
        "The script is not valid Rhai: a missing bracket, a misplaced word, a string without its end.",
        "Look at the underlined place, and just before it.";
    E0102 "unknown function",
        "No function or method of this name takes a value of this type.",
        "Check the spelling; the reference lists every word.";
    E0103 "unknown variable",
        "The variable was never made with `let` or `const`, or is not visible inside this function.",
        "Check the spelling; pass values into script functions as arguments.";
    E0104 "unknown property",
        "A value of this type has no property of this name.",
        "Check the spelling; the help lists the properties that there are.";
    E0105 "wrong argument",
        "The function exists, but not for arguments of these types or this number of them.",
        "Compare with the forms that the error lists.";
    E0106 "index out of range",
        "An array, a string or a map has no element there.",
        "Check the length first with `.len()`, or the key with `in`.";
    E0107 "arithmetic error",
        "A division by zero, or a number that does not fit into 64 bits.",
        "Check the operands.";
    E0108 "cannot be changed",
        "A constant is assigned to or changed.",
        "Use a variable of your own, made with `let`.";
    E0109 "limit reached",
        "The script nests too deeply, calls itself without end, or builds a value that is too large.",
        "Look for a recursion that never ends.";
    E0110 "module not found",
        "`import` found no module of this name.",
        "Check the name; a script's own modules are looked for beside the script.";
    E0111 "cannot read the script",
        "The file is missing, is a folder, cannot be read, or is not text.",
        "Check the path.";
    E0112 "thrown by the script",
        "The script itself ended with `throw`, and nothing caught it.",
        "The message is the script's own.";
    E0113 "script error",
        "The script does something that Rhai refuses at run time.",
        "Look at the underlined place.";
    E0114 "interrupted",
        "The script was stopped with Ctrl-C or a termination signal.",
        "Run it again when you are ready.";
    E0115 "no test found",
        "A path given to `netscript test` does not exist, or is a folder without scripts.",
        "Check the path; tests are files called `*.rhai`.";
    E0120 "imports in a circle",
        "A module imports itself, or one that imports it in turn.",
        "Move what both need into a separate module.";
    E0121 "too much memory",
        "The script made netscript take more than 2 GiB of memory.",
        "Look for a loop that never ends, or for values that grow with each round.";
    E0123 "internal error",
        "An internal error in netscript. Everything that the script did has been undone, as after any error.",
        "Report it with the script and the text of the error.";

    E0201 "bad prefix",
        "The word takes an address with a prefix length, such as `10.0.0.1/24` or `fd00::1/64`.",
        "Write four numbers from 0 to 255, `/`, and a length up to 32; or an IPv6 address and a length up to 128.";
    E0202 "bad address",
        "The word takes an address, such as `10.0.0.1` or `fd00::1`.",
        "Write an address without a prefix length.";
    E0203 "wrong address family",
        "An IPv4 address was given where an IPv6 address is expected, or the other way round.",
        "Use an address of the family that the error names, or the word for the other family, such as `nat6`.";
    E0204 "bad link name",
        "The kernel takes link names of 1 to 15 bytes without `/`, `:`, `%` and white space, and not `.` or `..`.",
        "Choose a shorter or simpler name.";
    E0205 "bad namespace name",
        "The name of a namespace becomes a file name under /run/netns.",
        "Choose a name without `/` that is not empty, `.`, `..` or `host`.";
    E0206 "bad hardware address",
        "A hardware address is six two-digit hexadecimal numbers, such as `02:00:00:00:00:01`.",
        "Write six numbers with `:` between them.";
    E0207 "bad port",
        "A port is a number from 0 to 65535; a rule also takes a range such as `\"8000:8010\"` or a list.",
        "Check the number.";
    E0208 "unknown option",
        "The map of options has a key that this word does not know.",
        "Check the spelling; the help lists the options that there are.";
    E0209 "missing option",
        "The word needs an option that the map does not have.",
        "Add it.";
    E0210 "bad option value",
        "The option does not take this value.",
        "Use one of the values that the error lists.";
    E0211 "number out of range",
        "The number is smaller or larger than the kernel takes here.",
        "Use a number within the range that the error names.";
    E0212 "bad setting",
        "The key of a kernel setting is written like `net.ipv4.ip_forward`.",
        "Check the spelling against `/proc/sys`.";
    E0213 "conflicting options",
        "Two options contradict each other, or one needs another.",
        "Leave one of them out, or add what is needed.";

    E0214 "bad chain name",
        "iptables takes names of chains of 1 to 28 bytes, without white space and control characters, not beginning with `-` or `!`, and not the name of a target such as `LOG`.",
        "Choose a shorter or simpler name.";

    E0301 "exists already",
        "Something of this name, or an equal one, is there already.",
        "Choose another name, or remove what is there first.";
    E0302 "no such link",
        "The namespace has no link of this name.",
        "Check the name and the namespace; a link that was moved is now elsewhere.";
    E0303 "no such namespace",
        "There is no namespace of this name, or the process has ended.",
        "Make it with `netns(\"…\")`, or check the name with `netns_list()`.";
    E0304 "gateway not reachable",
        "The kernel takes a route only if it knows a link that leads to the gateway: an address in the gateway's network on a link that is up.",
        "Give a link an address in the gateway's network and bring it up first, or say `onlink: true`.";
    E0305 "refused by the kernel",
        "The kernel refused the operation.",
        "The note holds what the kernel said.";
    E0306 "not there",
        "The address, route, neighbour, chain or rule to remove or change does not exist.",
        "Compare it with those that the namespace has.";
    E0307 "no such setting",
        "This kernel, or this namespace, has no setting of this name.",
        "Check the spelling; some settings appear only with a kernel module or a link.";
    E0308 "in use",
        "Something still uses it: a chain that is jumped to, a link that is taken.",
        "Remove what uses it first.";
    E0309 "gone",
        "The handle refers to something that has been removed.",
        "Create it again.";

    E0401 "no privilege",
        "Only root can change networks, except in a sandbox.",
        "Run with `sudo`, or with `--sandbox`, which needs no root.";
    E0402 "missing kernel feature",
        "This kernel was built without something that the operation needs, or may not load its module.",
        "Use a kernel that has it, or load the module as root with `modprobe`.";
    E0403 "cannot start the program",
        "The program does not exist, or may not be executed.",
        "Check its name and the PATH.";
    E0404 "no sandbox",
        "The machine does not let this user make the namespaces that a sandbox is made of.",
        "Do what the error says, or run as root.";
    E0405 "cannot use the file",
        "A file or folder that netscript needs cannot be made, read or written.",
        "Check that it exists, its permissions, and that the disk is not full.";
    E0406 "no terminal",
        "A shell talks to its user through a terminal, and netscript was started without one.",
        "Run netscript in a terminal, its input and output not piped.";
    E0407 "no helper",
        "Servers, name servers and captures run as another process of the same program. This program embeds netscript, and has not made that possible.",
        "Call `netscript_lab::init()` at the beginning of `main`; in tests, put `netscript_lab::tests_in_sandbox!();` into the crate.";

    E0430 "setting not in a sandbox",
        "The kernel shows some settings of the network only to the machine's root, not in a user namespace such as a sandbox's.",
        "Try it on the machine, as root, or skip the setting when `sandboxed` is true.";
    E0431 "not allowed",
        "The run was started with `--no-exec`: scripts may start no programs, write no files and change no settings but the network's.",
        "Run it without `--no-exec` if you trust the script.";
    E0432 "import from elsewhere",
        "A dry run, and a run with `--no-exec`, imports modules from the script's folder only.",
        "Allow the folder of the module with `--allow-import DIR`.";
    E0460 "missing capability",
        "The user is root, but without a capability that the operation needs, as in a container or a service.",
        "Run it with the capability that the error names.";

    E0490 "kernel too old",
        "netscript needs Linux 5.10 or newer.",
        "Run it on a newer kernel.";
    E0491 "link could not be given back",
        "Linux before 5.13 keeps a link's index when the link moves to another namespace, but there another link has that index. The moved link would get any other index, and `netscript down` could not find it to move it back.",
        "Use Linux 5.13 or newer, or move the link into a namespace that was made for it.";

    E0501 "lab is up",
        "A lab of this name is up; it was built by this script, or by another of the same name.",
        "Take it down with `netscript down`, put the new one in its place with `--replace`, or choose another name with `--name`.";
    E0502 "lab is busy",
        "Another netscript is building this lab or taking it down.",
        "Wait until it has ended.";
    E0503 "no such lab",
        "No lab of this name is up.",
        "`netscript ps` lists the labs that are up.";
    E0504 "others' things in the lab",
        "Somebody else put links, ports or processes into the lab's namespaces and bridges. Taking the lab down would remove them.",
        "Move them out first, or remove them with `--force`.";
    E0505 "others' things",
        "The operation would remove rules, routes, links or a namespace that this lab did not make, on the machine itself.",
        "Try the script with `--sandbox`, or allow it with `--force`.";
    E0506 "journal cannot be used",
        "The record of what a lab did is damaged, was written by a later version, or belongs to another network namespace.",
        "Do what the error says.";
    E0507 "not undone",
        "Some of what a lab did could not be undone; everything else has been.",
        "Each note says what and why. `netscript down` tries again.";
    E0508 "nothing to undo",
        "Nothing has been done that could be undone.",
        "Take a `checkpoint()` before the operations to undo.";
    E0540 "processes go on",
        "A process of the lab does not end, even with SIGKILL: it waits for something in the kernel, or netscript itself was started from it.",
        "Run `netscript down` from another terminal; a process that waits for a disk or a network ends when that answers.";
    E0541 "not a lab's folder",
        "A symbolic link or a file is in /run/netscript where a lab's folder should be. netscript follows no links there, since it removes the contents of such a folder.",
        "Inspect it, and remove it.";

    E0601 "unknown in a dry run",
        "A dry run starts no programs, sends no packets and reads nothing from the machine. Their results are unknown, and so are values that only the kernel chooses, such as a link's index.",
        "Read it only when `dry_run` is false, inside an `assert`, or in a real run.";

    E0701 "assertion failed",
        "The condition of an `assert` does not hold.",
        "The lab differs from what the script expects: check the condition.";
    E0702 "timed out",
        "The condition of a `wait_until` did not hold in time.",
        "Check the condition, or wait longer.";
    E0703 "bad target",
        "A probe takes an address, a namespace or a link that has an address, or a name that the namespace's own name servers know.",
        "Give an address, or let the namespace ask a name server with `.resolver(\"…\")`.";
    E0704 "probe failed to start",
        "The kernel refused the socket that the probe needs.",
        "Look at what the kernel says, and at the options of the probe.";
    E0705 "cannot listen",
        "A server cannot have its port: something listens there already, or the address is not the namespace's own.",
        "Use another port, or stop what listens there.";
}

impl Code {
    /// Its entry in the registry.
    pub fn entry(self) -> &'static CodeEntry {
        REGISTRY.iter().find(|entry| entry.code == self).expect("every code stands in the registry")
    }
}
