//! A small name server: addresses for a few names, over UDP and TCP.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::cmsg_space;
use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
};

use super::dns::{self, LARGEST_BY_UDP, PORT, Records};
use crate::netns::Namespaces;
use netscript_net::error::{Error, Rejection, Result};
use netscript_net::op::{HostName, NetnsRef};
use netscript_net::world::ServeDns;

/// The time that a client has for a request over TCP.
const PATIENCE: Duration = Duration::from_secs(5);

/// The sockets of a name server.
pub(crate) struct Sockets {
    pub(crate) udp: UdpSocket,
    pub(crate) tcp: TcpListener,
}

/// Opens a name server's sockets in a namespace.
pub(crate) fn open(namespaces: &Namespaces, netns: &NetnsRef, server: &ServeDns) -> Result<Sockets> {
    let sockets = namespaces.within(netns, || match server.addr {
        Some(addr) => Sockets::bind(addr),
        // One socket receives both families, unless the namespace has no IPv6.
        None => Sockets::bind(Ipv6Addr::UNSPECIFIED.into()).or_else(|error| match error.kind() {
            io::ErrorKind::AddrInUse => Err(error),
            _ => Sockets::bind(Ipv4Addr::UNSPECIFIED.into()),
        }),
    });
    let refused = |error| Error::Listen { port: PORT, netns: netns.to_string(), rejection: Rejection::from(error) };
    sockets.map_err(|rejection| rejection.into_error(|| format!("enter {netns}")))?.map_err(refused)
}

impl Sockets {
    fn bind(addr: IpAddr) -> io::Result<Sockets> {
        let udp = UdpSocket::bind((addr, PORT))?;
        match addr {
            IpAddr::V4(_) => setsockopt(&udp, sockopt::Ipv4PacketInfo, &true)?,
            IpAddr::V6(_) => setsockopt(&udp, sockopt::Ipv6RecvPacketInfo, &true)?,
        }
        Ok(Sockets { udp, tcp: TcpListener::bind((addr, PORT))? })
    }
}

/// A record as a command-line argument: `NAME=ADDRESS[,ADDRESS…]`.
pub(crate) fn argument(name: &HostName, addrs: &[IpAddr]) -> String {
    let addrs: Vec<String> = addrs.iter().map(IpAddr::to_string).collect();
    format!("{name}={}", addrs.join(","))
}

fn record(argument: &str) -> Option<(HostName, Vec<IpAddr>)> {
    let (name, addrs) = argument.split_once('=')?;
    let addrs = addrs.split(',').map(|addr| addr.parse().ok()).collect::<Option<_>>()?;
    Some((HostName::parse(name)?, addrs))
}

/// Answers requests for the names in the arguments until the process ends.
pub fn resolve_forever(udp: OwnedFd, tcp: OwnedFd, arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let records: Option<Records> = arguments.map(|argument| record(&argument)).collect();
    let records = Arc::new(records.ok_or(io::ErrorKind::InvalidInput)?);
    let for_tcp = Arc::clone(&records);
    thread::Builder::new().name("tcp".to_owned()).spawn(move || by_tcp(&TcpListener::from(tcp), &for_tcp))?;
    let udp = UdpSocket::from(udp);
    loop {
        // A datagram that cannot be read or answered is ignored.
        if by_udp(&udp, &records).is_err() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Answers a datagram from the address that it was sent to. The kernel might choose another one, and the client would
/// reject the answer.
fn by_udp(socket: &UdpSocket, records: &Records) -> io::Result<()> {
    let mut control = cmsg_space!(in_pktinfo, in6_pktinfo);
    let mut buffer = [0; LARGEST_BY_UDP];
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
    let to = message.cmsgs()?.next();
    let (length, from) = (message.bytes, message.address);
    let Some(answer) = dns::answer(records, &buffer[..length], LARGEST_BY_UDP) else { return Ok(()) };
    let v4;
    let v6;
    let source = match to {
        Some(ControlMessageOwned::Ipv4PacketInfo(info)) => {
            v4 = in_pktinfo { ipi_ifindex: 0, ..info };
            Some(ControlMessage::Ipv4PacketInfo(&v4))
        }
        Some(ControlMessageOwned::Ipv6PacketInfo(info)) => {
            let link_local = Ipv6Addr::from(info.ipi6_addr.s6_addr).is_unicast_link_local();
            v6 = in6_pktinfo { ipi6_ifindex: if link_local { info.ipi6_ifindex } else { 0 }, ..info };
            Some(ControlMessage::Ipv6PacketInfo(&v6))
        }
        _ => None,
    };
    let parts = [IoSlice::new(&answer)];
    sendmsg(socket.as_raw_fd(), &parts, source.as_slice(), MsgFlags::empty(), from.as_ref())?;
    Ok(())
}

fn by_tcp(listener: &TcpListener, records: &Arc<Records>) {
    loop {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        let records = Arc::clone(records);
        // If no thread can be started, the connection is closed.
        let _ = thread::Builder::new().spawn(move || answer_over_tcp(stream, &records));
    }
}

/// Answers requests, each of which is preceded by its length (RFC 1035, section 4.2.2).
fn answer_over_tcp(mut stream: TcpStream, records: &Records) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut question = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut question)?;
        let Some(answer) = dns::answer(records, &question, u16::MAX.into()) else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
    }
}
