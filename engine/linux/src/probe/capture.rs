//! Captures: a link's packets, in a file for tcpdump and Wireshark.
//!
//! Two processes share a capture: the one that started it, and a helper that outlives it. Both have the socket and the
//! file, and both may take packets from the kernel and write them, one at a time, under the file's lock. So a process
//! that asks for the packets has written everything that passed before, without waiting for the other.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapParser, PcapWriter};
use pcap_file::{DataLink, PcapError};

use super::packet_socket::{Captured, LARGEST, PacketSocket};
use super::summary::{Layer, summary};
use crate::interrupt::Interrupt;
use crate::netns::Namespaces;
use crate::privilege::{self, CAP_NET_RAW};
use netscript_net::error::{Error, Rejection, Result};
use netscript_net::files;
use netscript_net::op::{IfName, NetnsRef};

/// The length of the file's header, in bytes.
const HEADER: usize = 24;

/// The size limit for listing a file's packets, in bytes.
const LARGEST_FILE: u64 = 1 << 30;

/// The number of bytes that are collected before writing.
const CHUNK: usize = 1 << 20;

/// The socket and file of a capture, as one process has them.
#[derive(Debug)]
pub(crate) struct CaptureWriter {
    socket: PacketSocket,
    file: File,
}

/// An open capture and the path of its file.
pub(crate) struct CaptureFile {
    capture: CaptureWriter,
    path: PathBuf,
}

/// Starts to capture a link. From here on, the kernel queues its packets.
pub(crate) fn open(namespaces: &Namespaces, netns: &NetnsRef, link: &IfName, path: &Path) -> Result<CaptureFile> {
    let refused = |error: io::Error| {
        let rejection = Rejection::from(error);
        let doing = || format!("capture on `{link}` in {netns}");
        privilege::without(CAP_NET_RAW, rejection.errno, doing)
            .unwrap_or_else(|| Error::Probe { probe: format!("the capture on `{link}` in {netns}"), rejection })
    };
    let socket = namespaces
        .within(netns, || PacketSocket::open(link))
        .map_err(|rejection| rejection.into_error(|| format!("enter {netns}")))?
        .map_err(refused)?;
    let cannot = cannot("write", path);
    let file = append_to(path).map_err(&cannot)?;
    let capture = CaptureWriter { socket, file };
    capture.begin().map_err(cannot)?;
    Ok(CaptureFile { capture, path: path.to_owned() })
}

fn append_to(path: &Path) -> io::Result<File> {
    files::open_with(OpenOptions::new().create(true).append(true), path)
}

fn cannot(doing: &str, path: &Path) -> impl Fn(io::Error) -> Error {
    let (path, doing) = (path.display().to_string(), doing.to_owned());
    move |error| Error::File { path: path.clone(), doing: doing.clone(), why: error.to_string() }
}

impl CaptureFile {
    /// Copies of the socket and the file for another process. The file is opened again, since a lock belongs to an open
    /// file.
    pub(crate) fn share(&self) -> Result<(OwnedFd, OwnedFd)> {
        let share = || Ok((self.capture.socket.try_clone()?, append_to(&self.path)?.into()));
        share().map_err(cannot("write", &self.path))
    }

    /// Writes the packets that have passed so far.
    pub(crate) fn drain(&self) -> Result<()> {
        self.capture.drain().map_err(cannot("write", &self.path))
    }
}

/// The packets in a capture's file, a line each.
pub(crate) fn packets(path: &Path) -> Result<Vec<String>> {
    read(path).map_err(cannot("read", path))
}

fn read(path: &Path) -> io::Result<Vec<String>> {
    let bytes = files::read_up_to(path, LARGEST_FILE)?;
    let (mut rest, parser) = PcapParser::new(&bytes).map_err(io_error)?;
    let layer = if parser.header().datalink == DataLink::ETHERNET { Layer::Ethernet } else { Layer::Ip };
    let mut lines = Vec::new();
    loop {
        match parser.next_raw_packet(rest) {
            Ok((after, packet)) => {
                lines.push(summary(layer, &packet.data));
                rest = after;
            }
            // The end, or a packet that a killed process has not finished.
            Err(PcapError::IncompleteBuffer) => return Ok(lines),
            Err(error) => return Err(io_error(error)),
        }
    }
}

/// Writes a link's packets until SIGTERM, and then the packets that have passed before it.
pub fn capture_forever(socket: OwnedFd, file: OwnedFd) -> io::Result<()> {
    let interrupt = Interrupt::listen().map_err(|error| io::Error::other(error.describe().message))?;
    let capture = CaptureWriter { socket: PacketSocket::from_fd(socket)?, file: file.into() };
    while interrupt.wait(&[capture.socket.as_fd()], None).is_ok() {
        capture.drain()?;
    }
    capture.drain()
}

impl CaptureWriter {
    /// Empties the file, which may contain an earlier capture, and writes a header.
    fn begin(&self) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(&encode(self.header(), &[])?)
    }

    fn header(&self) -> PcapHeader {
        PcapHeader {
            snaplen: u32::try_from(LARGEST).expect("it is small"),
            datalink: match self.socket.layer() {
                Layer::Ethernet => DataLink::ETHERNET,
                Layer::Ip => DataLink::RAW,
            },
            ..PcapHeader::default()
        }
    }

    /// Takes the packets from the kernel and writes them, under the lock.
    fn drain(&self) -> io::Result<()> {
        let _lock = Flock::lock(self.file.try_clone()?, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        loop {
            let packets = self.take()?;
            if packets.is_empty() {
                return Ok(());
            }
            (&self.file).write_all(&encode(self.header(), &packets)?[HEADER..])?;
        }
    }

    fn take(&self) -> io::Result<Vec<Captured>> {
        let mut buffer = vec![0; LARGEST];
        let mut packets = Vec::new();
        let mut size = 0;
        while size < CHUNK
            && let Some(packet) = self.socket.next(&mut buffer)?
        {
            size += packet.bytes.len();
            packets.push(packet);
        }
        Ok(packets)
    }
}

/// A complete file with these packets.
fn encode(header: PcapHeader, packets: &[Captured]) -> io::Result<Vec<u8>> {
    let mut writer = PcapWriter::with_header(Vec::new(), header).map_err(io_error)?;
    for packet in packets {
        let length = u32::try_from(packet.length).unwrap_or(u32::MAX);
        let data = Cow::Borrowed(packet.bytes.as_slice());
        writer.write_packet(&PcapPacket { timestamp: packet.time, orig_len: length, data }).map_err(io_error)?;
    }
    Ok(writer.into_writer())
}

fn io_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}
