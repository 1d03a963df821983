//! The roles of a [`World`]: applying operations, answering questions, running programs, sending probes, and history.
//!
//! Each role is a trait, and a World is whatever has all five. Beside each stands another trait for wrappers
//! (`Forward…`): it names the World beneath, and every method that the wrapper does not write itself is that World's.
//! Whoever implements the first kind of trait must write every method that has no obvious answer.

use std::net::IpAddr;
use std::time::Duration;

use super::{
    Alternatives, BatchError, Capture, Connect, Connected, Fetch, Fetched, Hop, Output, Ping, PingResult, Point,
    ProgramId, Serve, ServeDns, StatePart, Summary, Trace,
};
use crate::error::{At, Error, Result};
use crate::op::{Family, IfName, NetnsName, NetnsRef, Op, PidRef, PolicyRule, Route, SysctlKey};
use crate::state::{Contents, FdbRecord, ForeignRules, Link, NeighRecord, Ruleset};

/// What operations act on and questions are answered by: the kernel, or a model of it.
pub trait World: Apply + Query + Programs + Probes + History {}

impl<T: Apply + Query + Programs + Probes + History> World for T {}

/// Declares a role, and its trait for wrappers, so that each method is written once.
macro_rules! role {
    (
        $(#[$about:meta])*
        pub trait $role:ident;
        $(#[$wrapper:meta])*
        pub trait $forward:ident {
            $(#[$way_doc:meta])*
            fn $beneath:ident(&mut self) -> $way:ty;
        }
        forward |$this:ident| $world:expr;
        required { $(
            $(#[$doc:meta])*
            fn $method:ident(&mut self $(, $name:ident: $type:ty)*) $(-> $answer:ty)?;
        )* }
        provided { $(
            $(#[$default_doc:meta])*
            fn $default:ident(&mut $self:ident $(, $default_name:ident: $default_type:ty)*)
                $(-> $default_answer:ty)? $body:block
        )* }
    ) => {
        $(#[$about])*
        pub trait $role {
            $(
                $(#[$doc])*
                fn $method(&mut self $(, $name: $type)*) $(-> $answer)?;
            )*
            $(
                $(#[$default_doc])*
                #[allow(unused_variables, reason = "an answer that does not depend on the question")]
                fn $default(&mut $self $(, $default_name: $default_type)*) $(-> $default_answer)? $body
            )*
        }

        $(#[$wrapper])*
        pub trait $forward {
            $(#[$way_doc])*
            fn $beneath(&mut self) -> $way;
            $(
                $(#[$doc])*
                fn $method(&mut self $(, $name: $type)*) $(-> $answer)? {
                    let $this = self;
                    $world.$method($($name),*)
                }
            )*
            $(
                $(#[$default_doc])*
                fn $default(&mut self $(, $default_name: $default_type)*) $(-> $default_answer)? {
                    let $this = self;
                    $world.$default($($default_name),*)
                }
            )*
        }

        impl<T: $forward> $role for T {
            $(
                fn $method(&mut self $(, $name: $type)*) $(-> $answer)? {
                    $forward::$method(self $(, $name)*)
                }
            )*
            $(
                fn $default(&mut self $(, $default_name: $default_type)*) $(-> $default_answer)? {
                    $forward::$default(self $(, $default_name)*)
                }
            )*
        }
    };
}

role! {
    /// Applying operations.
    pub trait Apply;
    /// [`Apply`] for a wrapper.
    pub trait ForwardApply {
        /// The World beneath.
        fn beneath(&mut self) -> &mut dyn Apply;
    }
    forward |wrapper| wrapper.beneath();
    required {
        /// Applies operations. They may be fused and reordered as long as the end state is the same;
        /// on failure everything before the failing one is there and nothing after it.
        fn apply(&mut self, ops: &[Op]) -> Result<(), BatchError>;
        /// Whether the user has asked to stop.
        fn interrupted(&mut self) -> bool;
    }
    provided {
        /// The place of the script that asks for what comes next.
        fn located(&mut self, at: Option<&At>) {}
        /// Does now what has been waiting: operations may travel together. An error that comes late is
        /// [`Error::Deferred`], says which operation it is about, and comes again whatever is asked next.
        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
        /// Whether every operation is to be done at once from now on, since somebody handles errors; tells
        /// how that was before.
        fn at_once(&mut self, on: bool) -> Result<bool> {
            Ok(true)
        }
        /// Something that is no operation and that a reader of the commands should know.
        fn remark(&mut self, text: &str) {}
        /// Programs and probes that follow are asked in turn until one of them succeeds.
        fn alternatives(&mut self, step: Alternatives) {}
        /// What is known of things that have the name which an operation was refused because of (EEXIST).
        fn facts(&mut self, op: &Op) -> Vec<String> {
            Vec::new()
        }
    }
}

role! {
    /// Answering questions about a network.
    pub trait Query;
    /// [`Query`] for a wrapper.
    pub trait ForwardQuery {
        /// The World beneath, ready to answer.
        fn query(&mut self) -> Result<&mut dyn Query>;
    }
    forward |wrapper| wrapper.query()?;
    required {
        /// The names under `/run/netns`, sorted.
        fn netns_names(&mut self) -> Result<Vec<NetnsName>>;
        /// What identifies a namespace, and who is in it.
        fn netns_contents(&mut self, netns: &NetnsRef) -> Result<Contents>;
        /// The links of a namespace with their addresses, by index.
        fn links(&mut self, netns: &NetnsRef) -> Result<Vec<Link>>;
        /// One link, without a list of all of them being read; `None`: it is not there.
        fn link(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<Link>>;
        /// The routes of a namespace, in the kernel's order.
        fn routes(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<Route>>;
        /// The rules that choose a routing table, in order.
        fn policy_rules(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<PolicyRule>>;
        /// The neighbours of both families.
        fn neighbours(&mut self, netns: &NetnsRef) -> Result<Vec<NeighRecord>>;
        /// The forwarding tables of bridges and vxlan links.
        fn fdb(&mut self, netns: &NetnsRef) -> Result<Vec<FdbRecord>>;
        /// The chains and rules of iptables of one family.
        fn ruleset(&mut self, netns: &NetnsRef, family: Family) -> Result<Ruleset>;
        /// Rules that packets meet and that `ruleset` does not tell of.
        fn foreign_rules(&mut self, netns: &NetnsRef) -> Result<ForeignRules>;
        /// The value of a setting, without the line's end.
        fn sysctl(&mut self, netns: &NetnsRef, key: &SysctlKey) -> Result<String>;
        /// The name servers that a namespace asks; none where it has none of its own.
        fn name_servers(&mut self, netns: &NetnsRef) -> Result<Vec<IpAddr>>;
    }
    provided {
        /// Whether there is a namespace of a name under `/run/netns`.
        fn has_netns(&mut self, name: &NetnsName) -> Result<bool> {
            Ok(self.netns_names()?.contains(name))
        }
        /// The names of a namespace's links, in any order, without anything else being read.
        fn link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
            Ok(self.links(netns)?.into_iter().map(|link| link.name).collect())
        }
        /// What a link is called that may be known by another name; `None`: it is not there.
        fn link_name(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<IfName>> {
            Ok(self.link(netns, name)?.map(|link| link.name))
        }
        /// Why a part of what is answered about a namespace is not known completely, in words: what only
        /// a real kernel knows, in a dry run. `None`: it is.
        fn unknown_part(&mut self, netns: &NetnsRef, part: StatePart) -> Result<Option<String>> {
            Ok(None)
        }
    }
}

role! {
    /// Running programs, those of others and small ones of our own.
    pub trait Programs;
    /// [`Programs`] for a wrapper.
    pub trait ForwardPrograms {
        /// The World beneath, ready to run them.
        fn programs(&mut self) -> Result<&mut dyn Programs>;
    }
    forward |wrapper| wrapper.programs()?;
    required {
        /// A process's number.
        fn pid(&mut self, pid: PidRef) -> Result<u32>;
        /// Code of the program that netscript is a part of is about to run in a namespace: what was asked for is done
        /// and ready before that, and may have been changed after it.
        fn admit(&mut self, netns: &NetnsRef) -> Result<()>;
        /// Runs a program to its end.
        fn exec(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Output>;
        /// Runs the user's shell with the terminal, and gives its status.
        fn shell(&mut self, netns: &NetnsRef) -> Result<i32>;
        /// Starts a program that lives as long as the lab.
        fn start(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<ProgramId>;
        /// Whether a started program is still running.
        fn running(&mut self, program: ProgramId) -> Result<bool>;
        /// What a started program has written so far, standard output and standard error together.
        fn output(&mut self, program: ProgramId) -> Result<String>;
        /// Ends a started program: first kindly (SIGTERM), then (SIGKILL).
        fn stop(&mut self, program: ProgramId) -> Result<()>;
        /// Starts a small HTTP server of our own that lives as long as the lab.
        fn serve(&mut self, netns: &NetnsRef, server: &Serve) -> Result<ProgramId>;
        /// Starts a small name server of our own that lives as long as the lab.
        fn serve_dns(&mut self, netns: &NetnsRef, server: &ServeDns) -> Result<ProgramId>;
        /// Starts to write a link's packets into a file, as long as the lab lives. Those that pass after
        /// this returns are in it.
        fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<ProgramId>;
        /// The packets that a capture has heard until now, a line each.
        fn packets(&mut self, capture: ProgramId) -> Result<Vec<String>>;
    }
    provided {}
}

role! {
    /// Sending probes, and waiting for what they show.
    pub trait Probes;
    /// [`Probes`] for a wrapper.
    pub trait ForwardProbes {
        /// The World beneath, ready to send them.
        fn probes(&mut self) -> Result<&mut dyn Probes>;
    }
    forward |wrapper| wrapper.probes()?;
    required {
        /// Sends ICMP echo requests.
        fn ping(&mut self, netns: &NetnsRef, request: &Ping) -> Result<PingResult>;
        /// Opens a connection and closes it again.
        fn connect(&mut self, netns: &NetnsRef, request: &Connect) -> Result<Connected>;
        /// Looks who is on the way to a target.
        fn traceroute(&mut self, netns: &NetnsRef, trace: &Trace) -> Result<Vec<Hop>>;
        /// Asks an HTTP server for a page.
        fn fetch(&mut self, netns: &NetnsRef, request: &Fetch) -> Result<Fetched>;
        /// Waits; ends early, with an error, when the user interrupts.
        fn sleep(&mut self, time: Duration) -> Result<()>;
    }
    provided {
        /// Lets time pass until something may have changed; false where waiting changes nothing.
        fn wait(&mut self, time: Duration) -> Result<bool> {
            self.sleep(time).map(|()| true)
        }
    }
}

role! {
    /// What was done, kept or taken back.
    pub trait History;
    /// [`History`] for a wrapper.
    pub trait ForwardHistory {
        /// The World beneath.
        fn history(&mut self) -> &mut dyn History;
    }
    forward |wrapper| wrapper.history();
    required {}
    provided {
        /// From now on single steps may be taken back, those on the lab's own things too.
        fn keep_steps(&mut self) {}
        /// The present moment.
        fn point(&mut self) -> Point {
            Point::default()
        }
        /// Takes back everything that was done after a point, the last first. It goes on after an
        /// error, which tells what could not be undone.
        fn rollback(&mut self, point: Point) -> Result<()> {
            Err(Error::NoUndo { why: "this run keeps no journal".to_owned() })
        }
        /// The script has succeeded, and what it made stays: tells what that is. `None`: nothing that
        /// would have to be taken down.
        fn keep(&mut self) -> Result<Option<Summary>> {
            Ok(None)
        }
        /// Takes everything back, and tells whether there was anything. It goes on after an error, which
        /// tells what could not be undone.
        fn take_down(&mut self) -> Result<bool> {
            Ok(false)
        }
    }
}
