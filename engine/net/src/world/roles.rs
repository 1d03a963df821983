//! The roles of a [`World`]: applying operations, answering questions, running programs, sending probes, and history.
//!
//! Each role is a trait; a World implements all five. Beside each stands a `Forward…` trait for wrappers: an
//! implementation returns the World beneath and overrides only the methods that it changes. An implementation of the
//! role itself must write every method without a default.

use std::net::IpAddr;
use std::time::Duration;

use super::{
    Alternatives, Capture, ChosenRoute, Connect, Connected, Fetch, Fetched, Hop, Output, Ping, PingResult, Point,
    ProgramId, RouteGet, Serve, ServeDns, StatePart, Summary, Trace,
};
use crate::error::{At, Errno, Error, Rejection, Result};
use crate::op::{Family, IfName, NetnsName, NetnsRef, Op, PidRef, PolicyRule, Route, SysctlKey};
use crate::state::{Contents, FdbRecord, ForeignRules, Link, NeighRecord, Ruleset};

/// Applies operations and answers questions: the kernel, or a model of it.
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
        /// Applies operations. They may be merged and reordered as long as the end state is the same. On failure,
        /// everything before the failed operation has been applied, and nothing after it; the error has its index.
        fn apply(&mut self, ops: &[Op]) -> Result<(), (usize, Rejection)>;
        /// Whether the user has asked to stop.
        fn interrupted(&mut self) -> bool;
    }
    provided {
        /// Sets the place of the script that the following requests come from.
        fn located(&mut self, at: Option<&At>) {}
        /// Applies the deferred operations. If one of them fails, the error is [`Error::Deferred`], which names the
        /// operation, and every later request returns the same error.
        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
        /// Sets whether every operation is applied at once, because the script handles errors. Returns the previous
        /// setting.
        fn at_once(&mut self, on: bool) -> Result<bool> {
            Ok(true)
        }
        /// Adds a remark for readers of the printed commands.
        fn remark(&mut self, text: &str) {}
        /// The following programs and probes are tried in turn until one of them succeeds.
        fn alternatives(&mut self, step: Alternatives) {}
        /// Facts about the existing objects with the name that an operation was refused for (EEXIST).
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
        /// One link, without reading all of them; `None`: it does not exist.
        fn link(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<Link>>;
        /// The routes of a namespace, in the kernel's order.
        fn routes(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<Route>>;
        /// Chooses the route of a packet that a namespace sends. The inner error is the kernel's for such a packet.
        fn route_get(&mut self, netns: &NetnsRef, request: &RouteGet) -> Result<Result<ChosenRoute, Errno>>;
        /// The rules that choose a routing table, in order.
        fn policy_rules(&mut self, netns: &NetnsRef, family: Family) -> Result<Vec<PolicyRule>>;
        /// The neighbours of both families.
        fn neighbours(&mut self, netns: &NetnsRef) -> Result<Vec<NeighRecord>>;
        /// The forwarding tables of bridges and vxlan links.
        fn fdb(&mut self, netns: &NetnsRef) -> Result<Vec<FdbRecord>>;
        /// The chains and rules of iptables of one family.
        fn ruleset(&mut self, netns: &NetnsRef, family: Family) -> Result<Ruleset>;
        /// Rules that apply to packets and are not in `ruleset`.
        fn foreign_rules(&mut self, netns: &NetnsRef) -> Result<ForeignRules>;
        /// The value of a setting, without its line end.
        fn sysctl(&mut self, netns: &NetnsRef, key: &SysctlKey) -> Result<String>;
        /// A namespace's own name servers; empty if it has none.
        fn name_servers(&mut self, netns: &NetnsRef) -> Result<Vec<IpAddr>>;
    }
    provided {
        /// Whether a namespace has this name under `/run/netns`.
        fn has_netns(&mut self, name: &NetnsName) -> Result<bool> {
            Ok(self.netns_names()?.contains(name))
        }
        /// The names of a namespace's links, in any order, without reading anything else.
        fn link_names(&mut self, netns: &NetnsRef) -> Result<Vec<IfName>> {
            Ok(self.links(netns)?.into_iter().map(|link| link.name).collect())
        }
        /// The name of a link that `name` may be an alternative name of; `None`: it does not exist.
        fn link_name(&mut self, netns: &NetnsRef, name: &IfName) -> Result<Option<IfName>> {
            Ok(self.link(netns, name)?.map(|link| link.name))
        }
        /// Why a part of a namespace's state is not completely known, in words: in a dry run, some of it only a real
        /// kernel knows. `None`: it is known.
        fn unknown_part(&mut self, netns: &NetnsRef, part: StatePart) -> Result<Option<String>> {
            Ok(None)
        }
    }
}

role! {
    /// Running programs: other programs, and small servers of netscript itself.
    pub trait Programs;
    /// [`Programs`] for a wrapper.
    pub trait ForwardPrograms {
        /// The World beneath, ready to run programs.
        fn programs(&mut self) -> Result<&mut dyn Programs>;
    }
    forward |wrapper| wrapper.programs()?;
    required {
        /// A process's number.
        fn pid(&mut self, pid: PidRef) -> Result<u32>;
        /// Code of the embedding program is about to run in a namespace. Before that, deferred operations are applied
        /// and links ready; after it, anything in the namespace may have changed.
        fn admit(&mut self, netns: &NetnsRef) -> Result<()>;
        /// Runs a program to its end.
        fn exec(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<Output>;
        /// Runs the user's shell on the terminal, and returns its status.
        fn shell(&mut self, netns: &NetnsRef) -> Result<i32>;
        /// Starts a program that lives as long as the lab.
        fn start(&mut self, netns: &NetnsRef, argv: &[String]) -> Result<ProgramId>;
        /// Whether a started program is still running.
        fn running(&mut self, program: ProgramId) -> Result<bool>;
        /// What a started program has written so far, standard output and standard error together.
        fn output(&mut self, program: ProgramId) -> Result<String>;
        /// Ends a started program: with SIGTERM, then with SIGKILL.
        fn stop(&mut self, program: ProgramId) -> Result<()>;
        /// Starts netscript's small HTTP server, which lives as long as the lab.
        fn serve(&mut self, netns: &NetnsRef, server: &Serve) -> Result<ProgramId>;
        /// Starts netscript's small name server, which lives as long as the lab.
        fn serve_dns(&mut self, netns: &NetnsRef, server: &ServeDns) -> Result<ProgramId>;
        /// Starts to write a link's packets into a file, as long as the lab lives. It contains every packet that passes
        /// after this method returns.
        fn capture(&mut self, netns: &NetnsRef, request: &Capture) -> Result<ProgramId>;
        /// The packets captured so far, a line each.
        fn packets(&mut self, capture: ProgramId) -> Result<Vec<String>>;
    }
    provided {}
}

role! {
    /// Sending probes, and waiting for what they show.
    pub trait Probes;
    /// [`Probes`] for a wrapper.
    pub trait ForwardProbes {
        /// The World beneath, ready to send probes.
        fn probes(&mut self) -> Result<&mut dyn Probes>;
    }
    forward |wrapper| wrapper.probes()?;
    required {
        /// Sends ICMP echo requests.
        fn ping(&mut self, netns: &NetnsRef, request: &Ping) -> Result<PingResult>;
        /// Opens a connection and closes it again.
        fn connect(&mut self, netns: &NetnsRef, request: &Connect) -> Result<Connected>;
        /// Finds the hops on the way to a target.
        fn traceroute(&mut self, netns: &NetnsRef, trace: &Trace) -> Result<Vec<Hop>>;
        /// Asks an HTTP server for a page.
        fn fetch(&mut self, netns: &NetnsRef, request: &Fetch) -> Result<Fetched>;
        /// Waits. Ends early, with an error, when the user interrupts.
        fn sleep(&mut self, time: Duration) -> Result<()>;
    }
    provided {
        /// Waits until something may have changed; false if waiting changes nothing.
        fn wait(&mut self, time: Duration) -> Result<bool> {
            self.sleep(time).map(|()| true)
        }
    }
}

role! {
    /// Keeping and undoing what was done.
    pub trait History;
    /// [`History`] for a wrapper.
    pub trait ForwardHistory {
        /// The World beneath.
        fn history(&mut self) -> &mut dyn History;
    }
    forward |wrapper| wrapper.history();
    required {}
    provided {
        /// From this point on, single steps can be undone, including those on the lab's own objects.
        fn keep_steps(&mut self) {}
        /// The current point.
        fn point(&mut self) -> Point {
            Point::default()
        }
        /// Undoes everything after a point, the last step first. Goes on after an error; the error lists what could not
        /// be undone.
        fn rollback(&mut self, point: Point) -> Result<()> {
            Err(Error::NoUndo { why: "this run keeps no journal".to_owned() })
        }
        /// The script has succeeded, and the lab stays. Returns what it consists of; `None`: there is nothing to take
        /// down.
        fn keep(&mut self) -> Result<Option<Summary>> {
            Ok(None)
        }
        /// Undoes everything, and returns whether there was anything. Goes on after an error; the error lists what
        /// could not be undone.
        fn take_down(&mut self) -> Result<bool> {
            Ok(false)
        }
    }
}
