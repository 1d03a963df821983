//! A socket for messages written by hand.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::message::Messages;

/// Type of an acknowledgement or an error (linux/netlink.h).
const NLMSG_ERROR: u16 = 2;

pub(super) struct Socket {
    socket: OwnedFd,
    sequence: u32,
}

impl Socket {
    /// A socket of the namespace that the calling thread is in.
    pub(super) fn open() -> io::Result<Socket> {
        let kind = (SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute);
        Ok(Socket { socket: socket(AddressFamily::Netlink, kind.0, kind.1, kind.2)?, sequence: 0 })
    }

    /// Sends messages and waits until all have been processed.
    pub(super) fn send(&mut self, messages: &mut Messages) -> io::Result<()> {
        let (bytes, last) = messages.finish(self.sequence);
        self.sequence = last;
        send(self.socket.as_raw_fd(), bytes, MsgFlags::empty())?;
        let mut buffer = [0; 4096];
        loop {
            let length = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            let answer = &buffer[..length];
            let number =
                |at: usize| answer.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
            let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
            let (Some(NLMSG_ERROR), Some(sequence), Some(errno)) = (kind, number(8), number(16)) else { continue };
            match errno.cast_signed() {
                0 if sequence == last => return Ok(()),
                0 => {}
                errno => return Err(io::Error::from_raw_os_error(-errno)),
            }
        }
    }
}
