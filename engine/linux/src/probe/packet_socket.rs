//! Packet sockets: all packets of a link, in both directions, as on the wire (packet(7)).

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::cmsg_space;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, UnknownCmsg, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Socket, Type};

use super::summary::Layer;
use crate::sys::{hear_link, kind_of_link, tell_tags};
use netscript_net::op::IfName;

/// The size up to which packets are kept completely: libpcap's limit (MAXIMUM_SNAPLEN, pcap-int.h).
pub(super) const LARGEST: usize = 262_144;

/// The size of the receive queue in bytes, as far as the kernel permits.
const QUEUE: usize = 8 << 20;

/// The offset of the tag in an Ethernet frame: after the two addresses.
const TAG_OFFSET: usize = 12;

/// Hardware types of links (linux/if_arp.h).
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

/// A socket bound to a link. The kernel queues packets from the moment it is opened.
#[derive(Debug)]
pub(super) struct PacketSocket {
    socket: Socket,
    layer: Layer,
    loopback: bool,
}

/// A captured packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Captured {
    /// When it passed, since 1970.
    pub(super) time: Duration,
    /// Its original length; the data may be shorter.
    pub(super) length: usize,
    pub(super) bytes: Vec<u8>,
}

impl PacketSocket {
    /// Opens a socket on a link of the calling thread's namespace.
    pub(super) fn open(link: &IfName) -> io::Result<PacketSocket> {
        let index = if_nametoindex(link.as_str())?;
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        // Exceeding the general limit requires privilege; without it, a smaller queue is enough.
        let _ =
            setsockopt(&socket, sockopt::RcvBufForce, &QUEUE).or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &QUEUE));
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        tell_tags(&socket)?;
        hear_link(&socket, index)?;
        PacketSocket::from_open(socket)
    }

    /// A socket that was opened before, perhaps by another process.
    pub(super) fn from_fd(file: OwnedFd) -> io::Result<PacketSocket> {
        PacketSocket::from_open(file.into())
    }

    fn from_open(socket: Socket) -> io::Result<PacketSocket> {
        let kind = kind_of_link(&socket)?;
        let layer = if matches!(kind, ARPHRD_ETHER | ARPHRD_LOOPBACK) { Layer::Ethernet } else { Layer::Ip };
        Ok(PacketSocket { socket, layer, loopback: kind == ARPHRD_LOOPBACK })
    }

    pub(super) fn layer(&self) -> Layer {
        self.layer
    }

    pub(super) fn try_clone(&self) -> io::Result<OwnedFd> {
        Ok(self.socket.try_clone()?.into())
    }

    /// The next captured packet; `None`: there are no more. The buffer has room for one.
    pub(super) fn next(&self, buffer: &mut [u8]) -> io::Result<Option<Captured>> {
        loop {
            match self.receive(buffer) {
                // On `lo` each packet is captured twice, when it is sent and when it is received.
                Ok((LinkDirection::Out, _)) if self.loopback => {}
                Ok((_, packet)) => return Ok(Some(packet)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                // The link went down or was removed; packets captured before are still in the queue.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENETDOWN | libc::EINTR | libc::ENODEV)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<(LinkDirection, Captured)> {
        let mut control = cmsg_space!(libc::timespec, [u32; 5]);
        let mut parts = [IoSliceMut::new(buffer)];
        let message =
            recvmsg::<LinkAddr>(self.socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_TRUNC)?;
        let (mut time, mut tag) = (None, None);
        for message in message.cmsgs()? {
            match message {
                ControlMessageOwned::ScmTimestampns(at) => time = Some(Duration::from(at)),
                ControlMessageOwned::Unknown(unknown) => tag = tag.or_else(|| vlan_tag(&unknown)),
                _ => {}
            }
        }
        let direction = match message.address.map(|address| address.pkttype()) {
            Some(libc::PACKET_OUTGOING) => LinkDirection::Out,
            _ => LinkDirection::In,
        };
        let mut length = message.bytes;
        let mut bytes = buffer[..length.min(buffer.len())].to_vec();
        if let Some(tag) = tag.filter(|_| self.layer == Layer::Ethernet && bytes.len() >= TAG_OFFSET) {
            bytes.splice(TAG_OFFSET..TAG_OFFSET, tag);
            bytes.truncate(LARGEST);
            length += tag.len();
        }
        Ok((direction, Captured { time: time.unwrap_or_else(now), length, bytes }))
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

enum LinkDirection {
    In,
    Out,
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The VLAN tag that the kernel removed from a frame: the last two fields of `struct tpacket_auxdata`
/// (linux/if_packet.h) are its value and its protocol.
fn vlan_tag(message: &UnknownCmsg) -> Option<[u8; 4]> {
    const PACKET_AUXDATA: i32 = 8;
    const TP_STATUS_VLAN_VALID: u32 = 1 << 4;
    const TP_STATUS_VLAN_TPID_VALID: u32 = 1 << 6;
    /// The protocol of 802.1Q.
    const USUAL: u16 = 0x8100;
    let header = &message.cmsg_header;
    if (header.cmsg_level, header.cmsg_type) != (libc::SOL_PACKET, PACKET_AUXDATA) {
        return None;
    }
    let status = u32::from_ne_bytes(message.data_bytes.get(0..4)?.try_into().ok()?);
    let number = |at: usize| Some(u16::from_ne_bytes(message.data_bytes.get(at..at + 2)?.try_into().ok()?));
    if status & TP_STATUS_VLAN_VALID == 0 {
        return None;
    }
    let protocol = if status & TP_STATUS_VLAN_TPID_VALID == 0 { USUAL } else { number(18)? };
    let ([a, b], [c, d]) = (protocol.to_be_bytes(), number(16)?.to_be_bytes());
    Some([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use nix::libc::{SOL_PACKET, cmsghdr};

    use super::*;

    fn aux(status: u32, tag: u16, protocol: u16) -> UnknownCmsg {
        let data = [&status.to_ne_bytes()[..], &[0; 12], &tag.to_ne_bytes(), &protocol.to_ne_bytes()].concat();
        let cmsg_header = cmsghdr { cmsg_len: 0, cmsg_level: SOL_PACKET, cmsg_type: 8 };
        UnknownCmsg { cmsg_header, data_bytes: data }
    }

    #[test]
    fn tags_are_put_back_where_the_kernel_took_them() {
        assert_eq!(vlan_tag(&aux(1, 10, 0x8100)), None);
        assert_eq!(vlan_tag(&aux(0x10, 10, 0)), Some([0x81, 0, 0, 10]));
        assert_eq!(vlan_tag(&aux(0x50, 0x2064, 0x88a8)), Some([0x88, 0xa8, 0x20, 0x64]));
    }
}
