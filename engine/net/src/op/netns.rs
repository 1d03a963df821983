//! Namespaces: `ip netns add`, `del`, `attach`.

use std::fmt;
use std::net::IpAddr;

use super::NetnsName;

/// A reference to a namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum NetnsRef {
    /// The namespace that the script runs in.
    Host,
    /// The namespace bound to `/run/netns/NAME`.
    Named(NetnsName),
    /// The lab's n-th namespace without a name, held by a process of netscript.
    Held(u32),
    /// The namespace of a running process.
    OfPid(u32),
}

impl NetnsRef {
    /// The name under `/run/netns`, if it has one.
    pub fn name(&self) -> Option<&NetnsName> {
        match self {
            NetnsRef::Named(name) => Some(name),
            NetnsRef::Host | NetnsRef::Held(_) | NetnsRef::OfPid(_) => None,
        }
    }
}

impl From<NetnsName> for NetnsRef {
    fn from(name: NetnsName) -> NetnsRef {
        NetnsRef::Named(name)
    }
}

impl fmt::Display for NetnsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetnsRef::Host => f.write_str("host"),
            NetnsRef::Named(name) => name.fmt(f),
            NetnsRef::Held(number) => write!(f, "netns#{number}"),
            NetnsRef::OfPid(pid) => write!(f, "netns of process {pid}"),
        }
    }
}

impl fmt::Debug for NetnsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A reference to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum PidRef {
    /// A process number.
    Number(u32),
    /// The holder of the lab's n-th namespace without a name.
    Held(u32),
    /// The lab's n-th program.
    Started(u32),
}

/// An operation on namespaces themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetnsOp {
    /// `ip netns add NAME`
    Add(NetnsName),
    /// `ip netns del NAME`; complete when the other ends of its pairs are gone.
    Del(NetnsName),
    /// `unshare --net sleep infinity &`, the lab's n-th
    Hold(u32),
    /// Ends the process that holds the lab's n-th namespace without a name.
    Release(u32),
    /// `ip netns attach NAME PID`
    Attach(NetnsName, PidRef),
    /// `umount /run/netns/NAME` and `rm /run/netns/NAME`: the namespace stays.
    Detach(NetnsName),
    /// `echo nameserver ADDRESS > /etc/netns/NAME/resolv.conf`; without servers, the file is removed.
    Resolver(NetnsName, Vec<IpAddr>),
}
