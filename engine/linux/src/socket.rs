//! rtnetlink: a blocking socket for each namespace, and the kernel's answers.

use std::cell::Cell;
use std::io;

use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::listed::Listed;
use crate::{Outcome, raw_names};
use nix::libc::MSG_TRUNC;

use netscript_net::error::{Errno, Rejection};
use netscript_net::op::Family;

/// The attribute with the text of an extended acknowledgement (linux/netlink.h).
const NLMSGERR_ATTR_MSG: u16 = 1;

/// The length of a message's header (`struct nlmsghdr`), and of a request in an error message, with `NETLINK_CAP_ACK`.
const HEADER_LEN: usize = 16;

/// The end of the answers to a request.
#[derive(Clone, Copy, PartialEq)]
enum Until {
    /// The first answer, or an error.
    First,
    /// The acknowledgement of a change, the end of a list, or an error.
    Acknowledged,
}

/// What is kept of an answer and the bytes of its payload.
type Keep<'a, T> = dyn Fn(RouteNetlinkMessage, &[u8]) -> T + 'a;

/// A socket, for the namespace in which it was opened.
pub(crate) struct RouteSocket {
    socket: Socket,
    sequence: u32,
}

/// The buffer size for answers: the kernel puts at most 32 KiB of a list into one (`netlink_dump`).
const ANSWER: usize = 64 << 10;

thread_local! {
    /// The buffer for answers, shared by all sockets of a thread.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl RouteSocket {
    /// Opens a socket in the calling thread's namespace.
    pub(crate) fn open() -> Outcome<RouteSocket> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        // Kernels filter dumps (NETLINK_GET_STRICT_CHK) since Linux 4.20.
        socket.set_netlink_get_strict_chk(true)?;
        Ok(RouteSocket { socket, sequence: 0 })
    }

    /// The cookie of the socket's namespace, which is unique; kernels before 5.14 have none.
    pub(crate) fn cookie(&self) -> Option<u64> {
        crate::sys::netns_cookie(&self.socket).ok()
    }

    /// Sends a change and waits for its acknowledgement; `flags` are added to the flags of every request.
    pub(crate) fn change(&mut self, message: RouteNetlinkMessage, flags: u16) -> Outcome {
        self.request(message, flags | NLM_F_ACK, Until::Acknowledged, &|_, _| ()).map(drop)
    }

    /// The same with a message of this kind (`RTM_…`) as bytes.
    pub(crate) fn change_bytes(&mut self, kind: u16, payload: &[u8], flags: u16) -> Outcome {
        self.sequence += 1;
        let length = u32::try_from(HEADER_LEN + payload.len()).map_err(|_| Errno::EMSGSIZE)?;
        let mut request = length.to_ne_bytes().to_vec();
        request.extend_from_slice(&kind.to_ne_bytes());
        request.extend_from_slice(&(flags | NLM_F_ACK | NLM_F_REQUEST).to_ne_bytes());
        request.extend_from_slice(&self.sequence.to_ne_bytes());
        // The kernel's port.
        request.extend_from_slice(&0_u32.to_ne_bytes());
        request.extend_from_slice(payload);
        self.socket.send(&request, 0)?;
        self.answers(Until::Acknowledged, &|_, _| ()).map(drop)
    }

    /// Reads one object.
    pub(crate) fn get(&mut self, message: RouteNetlinkMessage) -> Outcome<Vec<RouteNetlinkMessage>> {
        self.request(message, 0, Until::First, &|answer, _| answer)
    }

    /// Reads all objects.
    pub(crate) fn dump(&mut self, message: RouteNetlinkMessage) -> Outcome<Vec<RouteNetlinkMessage>> {
        self.dump_with(message, &|answer, _| answer)
    }

    /// Reads all objects, each with the bytes of its message's payload.
    pub(crate) fn dump_listed(&mut self, message: RouteNetlinkMessage) -> Outcome<Vec<Listed<RouteNetlinkMessage>>> {
        self.dump_with(message, &|object, payload| Listed { object, message: payload.to_vec() })
    }

    fn dump_with<T>(&mut self, message: RouteNetlinkMessage, keep: &Keep<'_, T>) -> Outcome<Vec<T>> {
        // A dump that was disturbed by a change is repeated.
        const ATTEMPTS: usize = 10;
        for _ in 0..ATTEMPTS {
            match self.request(message.clone(), NLM_F_DUMP, Until::Acknowledged, keep) {
                Err(rejection) if rejection.errno == Errno::EINTR => {}
                result => return result,
            }
        }
        Err(Errno::EINTR.into())
    }

    fn request<T>(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
        until: Until,
        keep: &Keep<'_, T>,
    ) -> Outcome<Vec<T>> {
        self.sequence += 1;
        self.socket.send(&written(message, flags | NLM_F_REQUEST, self.sequence), 0)?;
        self.answers(until, keep)
    }

    fn answers<T>(&mut self, until: Until, keep: &Keep<'_, T>) -> Outcome<Vec<T>> {
        let mut buffer = BUFFER.take();
        buffer.reserve(ANSWER);
        let answers = self.answers_in(until, keep, &mut buffer);
        BUFFER.set(buffer);
        answers
    }

    fn answers_in<T>(&mut self, until: Until, keep: &Keep<'_, T>, buffer: &mut Vec<u8>) -> Outcome<Vec<T>> {
        let mut answers = Vec::new();
        let mut interrupted = false;
        loop {
            buffer.clear();
            let (length, _) = self.socket.recv_from(buffer, MSG_TRUNC)?;
            if length > buffer.len() {
                return Err(Errno::EMSGSIZE.into());
            }
            let mut rest = &buffer[..];
            while !rest.is_empty() {
                let length =
                    rest.get(..4).map_or(0, |length| u32::from_ne_bytes([length[0], length[1], length[2], length[3]]));
                let length = usize::try_from(length).unwrap_or(usize::MAX).clamp(1, rest.len());
                let bytes = &rest[..length];
                let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&raw_names::received(bytes))
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
                rest = &rest[length.next_multiple_of(4).min(rest.len())..];
                if answer.header.sequence_number != self.sequence {
                    continue;
                }
                // linux/netlink.h
                const NLM_F_DUMP_INTR: u16 = 0x10;
                interrupted |= answer.header.flags & NLM_F_DUMP_INTR != 0;
                match answer.payload {
                    NetlinkPayload::InnerMessage(message) => {
                        answers.push(keep(message, bytes.get(HEADER_LEN..).unwrap_or(&[])));
                        if until == Until::First {
                            return Ok(answers);
                        }
                    }
                    NetlinkPayload::Error(error) => match error.code {
                        None => return Ok(answers),
                        Some(code) => return Err(rejection(-code.get(), &error.header)),
                    },
                    NetlinkPayload::Done(_) if interrupted => return Err(Errno::EINTR.into()),
                    NetlinkPayload::Done(done) if done.code < 0 => return Err(Errno(-done.code).into()),
                    NetlinkPayload::Done(_) => return Ok(answers),
                    _ => {}
                }
            }
        }
    }
}

/// The payload of a message, as it is sent.
pub(crate) fn payload(message: RouteNetlinkMessage) -> Vec<u8> {
    written(message, 0, 0).split_off(HEADER_LEN)
}

fn written(message: RouteNetlinkMessage, flags: u16, sequence: u32) -> Vec<u8> {
    let mut request = NetlinkMessage::from(message);
    request.header.flags = flags;
    request.header.sequence_number = sequence;
    request.finalize();
    let mut buffer = vec![0; request.buffer_len()];
    request.serialize(&mut buffer);
    raw_names::to_send(&buffer).into_owned()
}

/// A refusal with the text of its extended acknowledgement.
fn rejection(errno: i32, header: &[u8]) -> Rejection {
    Rejection::from(Errno(errno)).text(extended_text(header))
}

fn extended_text(header: &[u8]) -> Option<String> {
    let mut rest = header.get(HEADER_LEN..)?;
    while rest.len() >= 4 {
        let len = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        let kind = u16::from_ne_bytes([rest[2], rest[3]]) & 0x3fff;
        let value = rest.get(4..len)?;
        if kind == NLMSGERR_ATTR_MSG {
            return Some(String::from_utf8_lossy(value).trim_end_matches('\0').to_owned());
        }
        rest = rest.get(len.next_multiple_of(4)..)?;
    }
    None
}

/// The kernel's number of a family.
pub(crate) fn address_family(family: Family) -> AddressFamily {
    match family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

/// The family of a kernel's number; neighbours and addresses have others too.
pub(crate) fn family_of(family: AddressFamily) -> Option<Family> {
    match family {
        AddressFamily::Inet => Some(Family::V4),
        AddressFamily::Inet6 => Some(Family::V6),
        _ => None,
    }
}
