//! Connections: a TCP handshake, or a UDP datagram and the answer.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Instant;

use tokio::net::{TcpSocket, UdpSocket as AsyncUdpSocket};

use super::common::{SILENCE, TIMED_OUT, in_words, patience, runtime};
use crate::interrupt::Interrupt;
use crate::netns::Namespaces;
use netscript_net::error::{Error, Result};
use netscript_net::op::NetnsRef;
use netscript_net::world::{Connect, Connected, Transport};

/// `ip netns exec NETNS nc -z [-u] -w TIMEOUT TARGET PORT`
pub(crate) fn connect(
    namespaces: &Namespaces,
    interrupt: &Interrupt,
    netns: &NetnsRef,
    addr: IpAddr,
    request: &Connect,
) -> Result<Connected> {
    let target = SocketAddr::new(addr, request.port);
    let refused = |error: io::Error| Error::Probe {
        probe: format!("the connection from {netns} to {target}"),
        rejection: error.into(),
    };
    let runtime = runtime().map_err(refused)?;
    let _entered = runtime.enter();
    let socket = namespaces
        .within(netns, || ProbeSocket::new(target, request.transport))
        .map_err(|rejection| rejection.into_error(|| format!("enter {netns}")))?
        .map_err(refused)?;
    runtime.block_on(async {
        tokio::select! {
            outcome = tokio::time::timeout(patience(request.timeout), socket.reach(target)) => {
                Ok(outcome.unwrap_or_else(|_| failed(silence_of(request.transport))))
            }
            () = interrupt.until_raised() => Err(Error::Interrupted),
        }
    })
}

/// The error if nothing came back in time. Silence means less for UDP, whose servers need not answer, than for TCP.
fn silence_of(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => TIMED_OUT,
        Transport::Udp => SILENCE,
    }
}

fn failed(why: &str) -> Connected {
    Connected { rtt: None, error: Some(why.to_owned()) }
}

/// A socket of the namespace.
enum ProbeSocket {
    Tcp(TcpSocket),
    Udp(AsyncUdpSocket),
}

impl ProbeSocket {
    fn new(target: SocketAddr, transport: Transport) -> io::Result<ProbeSocket> {
        match transport {
            Transport::Tcp if target.is_ipv4() => Ok(ProbeSocket::Tcp(TcpSocket::new_v4()?)),
            Transport::Tcp => Ok(ProbeSocket::Tcp(TcpSocket::new_v6()?)),
            Transport::Udp => {
                let socket = UdpSocket::bind((any_of(target), 0))?;
                socket.set_nonblocking(true)?;
                Ok(ProbeSocket::Udp(AsyncUdpSocket::from_std(socket)?))
            }
        }
    }

    async fn reach(self, target: SocketAddr) -> Connected {
        let start = Instant::now();
        let outcome = match self {
            ProbeSocket::Tcp(socket) => socket.connect(target).await.map(drop),
            ProbeSocket::Udp(socket) => exchange(&socket, target).await,
        };
        match outcome {
            Ok(()) => Connected { rtt: Some(start.elapsed()), error: None },
            Err(error) => failed(&in_words(&error)),
        }
    }
}

/// Sends an empty datagram and waits for any answer. A connected socket receives ICMP errors too.
async fn exchange(socket: &AsyncUdpSocket, target: SocketAddr) -> io::Result<()> {
    socket.connect(target).await?;
    socket.send(&[]).await?;
    socket.recv(&mut [0; 1]).await.map(drop)
}

fn any_of(target: SocketAddr) -> IpAddr {
    match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
