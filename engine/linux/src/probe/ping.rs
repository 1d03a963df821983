//! Pings: ICMP echo requests from inside a namespace, and their answers.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::cmsg_space;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::common::{SILENCE, in_words};
use super::echo::{Echo, Packet, PacketMeaning};
use super::filter;
use crate::interrupt::Interrupt;
use crate::netns::Namespaces;
use crate::privilege::{self, CAP_NET_RAW};
use netscript_net::error::{Errno, Error, Rejection, Result};
use netscript_net::op::NetnsRef;
use netscript_net::world::{Ping, PingResult};

/// The largest IP packet, in bytes.
const LARGEST_PACKET: usize = 65_535;

/// `ip netns exec NETNS ping -c COUNT -W TIMEOUT TARGET`, without the pauses between requests.
pub(crate) fn ping(
    namespaces: &Namespaces,
    interrupt: &Interrupt,
    netns: &NetnsRef,
    target: IpAddr,
    request: &Ping,
) -> Result<PingResult> {
    let socket = namespaces
        .within(netns, || EchoSocket::open(target, request))
        .map_err(|rejection| rejection.into_error(|| format!("enter {netns}")))?
        .map_err(|error| refused(netns, request, error))?;
    let mut result = PingResult::default();
    for sequence in 1..=request.count {
        socket.ask(sequence, request.timeout, interrupt)?.count(&mut result);
    }
    Ok(result)
}

fn refused(netns: &NetnsRef, request: &Ping, error: io::Error) -> Error {
    match &request.dev {
        Some(dev) if error.raw_os_error() == Some(Errno::ENODEV.0) => {
            Error::NoSuchLink { name: dev.to_string(), netns: netns.to_string(), known: Vec::new(), elsewhere: None }
        }
        _ => {
            let rejection = Rejection::from(error);
            let doing = || format!("ping {} from {netns}", request.target);
            privilege::without(CAP_NET_RAW, rejection.errno, doing).unwrap_or_else(|| Error::Probe {
                probe: format!("the ping from {netns} to {}", request.target),
                rejection,
            })
        }
    }
}

/// The result of one request.
enum EchoResult {
    Answered {
        rtt: Duration,
        ttl: Option<u8>,
        from: IpAddr,
    },
    /// A router, or this host itself, reports an error.
    Refused {
        why: String,
        from: IpAddr,
    },
    Silence,
    NotSent(io::Error),
}

impl EchoResult {
    fn count(self, result: &mut PingResult) {
        match self {
            EchoResult::Answered { rtt, ttl, from } => {
                result.sent += 1;
                result.received += 1;
                result.rtts.push(rtt);
                result.ttl = ttl;
                result.from = Some(from);
            }
            EchoResult::Refused { why, from } => {
                result.sent += 1;
                result.error = Some(why);
                result.from = Some(from);
            }
            EchoResult::Silence => {
                result.sent += 1;
                result.error = Some(SILENCE.to_owned());
            }
            EchoResult::NotSent(error) => result.error = Some(in_words(&error)),
        }
    }
}

/// A raw ICMP socket for one target.
struct EchoSocket {
    socket: Socket,
    to: SockAddr,
    echo: Echo,
}

impl EchoSocket {
    /// Opens a socket in the calling thread's namespace.
    fn open(target: IpAddr, request: &Ping) -> io::Result<EchoSocket> {
        let (domain, protocol) = match target {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        if target.is_ipv6() {
            socket.set_recv_hoplimit_v6(true)?;
        }
        let echo = Echo { target, id: random_id(), size: request.size };
        socket.attach_filter(&filter::of(&echo))?;
        if let Some(ttl) = request.ttl {
            limit_routers(&socket, target, ttl)?;
        }
        let scope = match &request.dev {
            Some(dev) => {
                socket.bind_device(Some(dev.as_str().as_bytes()))?;
                if_nametoindex(dev.as_str())?
            }
            None => 0,
        };
        if let Some(src) = request.src {
            socket.bind(&address(src, scope))?;
        }
        Ok(EchoSocket { socket, to: address(target, scope), echo })
    }

    /// Sends a request and waits for the answer.
    fn ask(&self, sequence: u16, timeout: Duration, interrupt: &Interrupt) -> Result<EchoResult> {
        let sent = Instant::now();
        if let Err(error) = self.socket.send_to(&self.echo.request(sequence), &self.to) {
            return if interrupt.raised() { Err(Error::Interrupted) } else { Ok(EchoResult::NotSent(error)) };
        }
        let until = sent.checked_add(timeout);
        let mut buffer = vec![0; LARGEST_PACKET];
        loop {
            let ready = interrupt.wait(&[self.socket.as_fd()], until)?;
            if !ready[0] {
                return Ok(EchoResult::Silence);
            }
            let packet = match self.receive(&mut buffer) {
                Ok(packet) => packet,
                // The packet has been dropped (a bad checksum), or the error belongs to an earlier request.
                Err(_) => continue,
            };
            match self.echo.recognise(sequence, &packet) {
                PacketMeaning::Answer => {
                    return Ok(EchoResult::Answered { rtt: sent.elapsed(), ttl: packet.ttl, from: packet.from });
                }
                PacketMeaning::Refusal(why) => return Ok(EchoResult::Refused { why, from: packet.from }),
                PacketMeaning::Other => {}
            }
        }
    }

    fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Packet<'a>> {
        let mut control = cmsg_space!(i32);
        let mut parts = [IoSliceMut::new(buffer)];
        let message =
            recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
        let hop_limit = message.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::Ipv6HopLimit(limit) => u8::try_from(limit).ok(),
            _ => None,
        });
        let from = message.address.as_ref().and_then(ip_of).ok_or(io::ErrorKind::InvalidData)?;
        let len = message.bytes;
        Packet::new(from, hop_limit, &buffer[..len]).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

fn ip_of(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| Some(IpAddr::V6(address.as_sockaddr_in6()?.ip())))
}

/// Raw sockets have no ports. The scope is the link's index for a link-local address.
fn address(ip: IpAddr, scope: u32) -> SockAddr {
    match ip {
        IpAddr::V4(ip) => SocketAddr::from((ip, 0)).into(),
        IpAddr::V6(ip) => {
            let scope = if ip.is_unicast_link_local() || ip.is_multicast() { scope } else { 0 };
            SocketAddrV6::new(ip, 0, 0, scope).into()
        }
    }
}

fn limit_routers(socket: &Socket, target: IpAddr, ttl: u8) -> io::Result<()> {
    match target {
        IpAddr::V4(_) => {
            socket.set_ttl_v4(ttl.into())?;
            socket.set_multicast_ttl_v4(ttl.into())
        }
        IpAddr::V6(_) => {
            socket.set_unicast_hops_v6(ttl.into())?;
            socket.set_multicast_hops_v6(ttl.into())
        }
    }
}

/// A random id, which distinguishes a ping's answers from those of others in the namespace.
pub(super) fn random_id() -> u16 {
    let bytes = RandomState::new().build_hasher().finish().to_ne_bytes();
    u16::from_ne_bytes([bytes[0], bytes[1]])
}
