//! System calls that need `unsafe`: what happens between `fork` and `exec`, and what nix lacks.
#![allow(unsafe_code, reason = "the one file for calls that the compiler cannot check")]

use std::ffi::CStr;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigHandler, Signal};
use nix::unistd::{ForkResult, Pid, fork};
use socket2::Socket;

use netscript_net::op::{IfName, TunMode};

/// Runs `setup` in the new process before the program is started there. It must do with system
/// calls on what was prepared: no memory may be allocated and no lock taken, since another thread
/// may have held the allocator's lock when the process was copied.
pub(crate) fn before_start(command: &mut Command, setup: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: the callers' closures are made of system calls on prepared strings and files, all
    // of them async-signal-safe.
    unsafe { command.pre_exec(setup) };
}

/// Lets all threads take memory from one place that grows in large steps. Of its own for each thread, as
/// the C library has it, it grows by a page at a time, with a system call each.
pub fn share_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the calls set numbers, and come before the first thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TOP_PAD, 1 << 20);
    }
}

/// Lets every file of this process from `first` on be closed when a program is started. Kernels
/// before 5.11 do not know how and change nothing.
pub(crate) fn close_files_on_start(first: u32) {
    // SAFETY: close_range(2) with this flag marks descriptors and touches no memory.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// A file that becomes readable when a process ends (pidfd_open(2), Linux 5.3).
pub(crate) fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers, and returns a descriptor that nobody else owns.
    let number = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    let number = i32::try_from(number).expect("descriptors are ints");
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The number of a socket's network namespace that no other ever has (`SO_NETNS_COOKIE`, Linux 5.14).
pub(crate) fn netns_cookie(socket: impl AsFd) -> io::Result<u64> {
    let mut cookie = 0_u64;
    let mut length = u32::try_from(size_of::<u64>()).expect("eight");
    // SAFETY: the kernel writes at most `length` bytes, which `cookie` has.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(cookie) } else { Err(io::Error::last_os_error()) }
}

/// Sends a signal to the process of a file that [`open_process`] gave (Linux 5.1).
pub(crate) fn signal_process(process: impl AsFd, signal: Signal) -> io::Result<()> {
    let file = process.as_fd().as_raw_fd();
    // SAFETY: the call takes three numbers and no details of the signal.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, file, signal as i32, 0, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The user namespace that owns a namespace; EPERM if it is above the caller's.
pub(crate) fn owner_of_namespace(namespace: impl AsFd) -> io::Result<OwnedFd> {
    // `_IO(0xb7, 0x1)` of include/uapi/linux/nsfs.h
    const NS_GET_USERNS: libc::Ioctl = 0xb701;
    // SAFETY: the request takes no argument, and returns a descriptor that nobody else owns.
    let number = unsafe { libc::ioctl(namespace.as_fd().as_raw_fd(), NS_GET_USERNS) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Splits the process in two, both of which go on from here. Only a process with a single thread
/// may do so: in the copy the other threads are gone, with the locks that they held.
pub(crate) fn fork_alone() -> io::Result<ForkResult> {
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    assert_eq!(threads, 1, "a sandbox is made before the first thread is started");
    // SAFETY: this thread is the only one.
    Ok(unsafe { fork() }?)
}

/// Makes a mount and all below it read-only and without devices (mount_setattr(2), Linux 5.12).
pub(crate) fn lock_mounts(path: &CStr) -> io::Result<()> {
    const AT_RECURSIVE: libc::c_uint = 0x8000;
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NODEV,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path ends with NUL, the structure is whole, of the length that is told, and both
    // outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Leaves the keys of the caller's session behind (keyctl(2), `KEYCTL_JOIN_SESSION_KEYRING`). Where the
/// kernel has no keys, or a filter lets nobody at them, there is nothing to leave.
pub(crate) fn new_session_keyring() -> io::Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_int = 1;
    let no_name: *const libc::c_char = std::ptr::null();
    // SAFETY: without a name the kernel reads no memory.
    let result = unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, no_name) };
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        _ if result >= 0 => Ok(()),
        Some(libc::ENOSYS | libc::EPERM) => Ok(()),
        _ => Err(error),
    }
}

/// A process of ours, in a session of its own, that is to hold a new network namespace and do
/// nothing. It waits to be let go on, and ends if that never happens.
pub(crate) struct Holder {
    pid: Pid,
    go: PipeWriter,
    ready: PipeReader,
}

/// Starts a holder.
pub(crate) fn fork_holder() -> io::Result<Holder> {
    let (may_go, go) = io::pipe()?;
    let (ready, is_ready) = io::pipe()?;
    // SAFETY: the new process, a copy of this thread alone, makes system calls only, and leaves
    // through `hold`, which never returns.
    match unsafe { fork() }? {
        ForkResult::Child => hold(may_go.as_raw_fd(), go.as_raw_fd(), is_ready.as_raw_fd()),
        ForkResult::Parent { child } => Ok(Holder { pid: child, go, ready }),
    }
}

impl Holder {
    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Lets it go on. The namespace is there when this returns.
    pub(crate) fn release(mut self) -> io::Result<Pid> {
        use std::io::{Read, Write};
        self.go.write_all(b"!")?;
        let mut answer = [0; 1];
        match self.ready.read(&mut answer) {
            Ok(1) => Ok(self.pid),
            _ => Err(reap_holder(self.pid)),
        }
    }
}

/// Why a holder ended: it leaves its error number as its status.
fn reap_holder(child: Pid) -> io::Error {
    match nix::sys::wait::waitpid(child, None) {
        Ok(nix::sys::wait::WaitStatus::Exited(_, number)) => io::Error::from_raw_os_error(number),
        _ => io::Error::from_raw_os_error(libc::ECHILD),
    }
}

fn hold(may_go: i32, go: i32, ready: i32) -> ! {
    // SAFETY: system calls on numbers, and a byte on the stack. `go` is closed here so that the
    // pipe ends with the parent.
    let released = unsafe {
        let mut byte = 0_u8;
        libc::close(go);
        libc::setsid() != -1 && libc::read(may_go, (&raw mut byte).cast(), 1) == 1
    };
    let taken = if released { take_namespace() } else { Err(nix::Error::ECANCELED) };
    match taken {
        // SAFETY: system calls on numbers, and one byte of static memory. All files are closed,
        // `ready` included, whose last byte tells the parent that the namespace exists.
        Ok(()) => unsafe {
            libc::write(ready, b"!".as_ptr().cast(), 1);
            if libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) != 0 {
                // Linux before 5.9; such a process has few files.
                for file in 0..1024 {
                    libc::close(file);
                }
            }
            loop {
                libc::pause();
            }
        },
        // SAFETY: ends this process without running what the parent registered to run at exit.
        Err(error) => unsafe { libc::_exit(error as i32) },
    }
}

fn take_namespace() -> nix::Result<()> {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the default disposition runs no code of ours; the parent's handlers would
        // write to a pipe that both share.
        unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
    }
    unshare(CloneFlags::CLONE_NEWNET)?;
    // The process that made it, in a sandbox, lets nobody look at it; here others must find the namespace.
    nix::sys::prctl::set_dumpable(true)?;
    nix::sys::prctl::set_name(c"netscript-hold")?;
    nix::unistd::chdir(c"/")
}

/// Lets a packet socket hear one link of its namespace, by index, in both directions (packet(7)).
pub(crate) fn hear_link(socket: &Socket, index: u32) -> io::Result<()> {
    let mut address = packet_address();
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = libc::c_int::try_from(index).expect("the kernel's indexes are ints");
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address is whole, of the length that is told, and outlives the call.
    match unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The kind of the link that a packet socket hears (linux/if_arp.h). Its address is shorter than
/// the structure, which nix takes for an error.
pub(crate) fn kind_of_link(socket: &Socket) -> io::Result<u16> {
    let mut address = packet_address();
    let mut length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the kernel writes no more than the length that is told, and the address is whole before.
    match unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &raw mut length) } {
        0 => Ok(address.sll_hatype),
        _ => Err(io::Error::last_os_error()),
    }
}

fn packet_address() -> libc::sockaddr_ll {
    libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::sa_family_t,
        sll_protocol: 0,
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    }
}

/// Lets a packet socket tell the VLAN tags that the kernel has taken out of frames (packet(7),
/// PACKET_AUXDATA).
pub(crate) fn tell_tags(socket: &Socket) -> io::Result<()> {
    /// Of linux/if_packet.h.
    const PACKET_AUXDATA: libc::c_int = 8;
    let on: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    let value = (&raw const on).cast();
    // SAFETY: the option takes an int, which outlives the call.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, PACKET_AUXDATA, value, length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[allow(missing_docs, reason = "the macros make the functions that call ioctl(2)")]
mod ioctl {
    use nix::libc::{c_int, ifreq};

    // linux/if_tun.h declares an `int` for both, and reads a `struct ifreq` for the first.
    nix::ioctl_write_ptr_bad!(tun_set_iff, nix::request_code_write!(b'T', 202, size_of::<c_int>()), ifreq);
    nix::ioctl_write_int_bad!(tun_set_persist, nix::request_code_write!(b'T', 203, size_of::<c_int>()));
    nix::ioctl_write_ptr_bad!(tun_set_ifindex, nix::request_code_write!(b'T', 218, size_of::<c_int>()), c_int);
}

/// `ip tuntap add dev NAME mode MODE`, in the calling thread's namespace. The link stays when the
/// device file is closed, or is gone with it if making it stay fails.
/// It gets the index that is asked for.
pub(crate) fn tun_create(name: &IfName, mode: TunMode, index: u32) -> io::Result<()> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    let index = index.cast_signed();
    // SAFETY: the file is open, and the kernel reads an `int` that outlives the call.
    unsafe { ioctl::tun_set_ifindex(device.as_raw_fd(), &raw const index) }?;
    let request = tun_request(name, mode);
    // SAFETY: the file is open, and the request is a whole `struct ifreq` that outlives the call.
    unsafe { ioctl::tun_set_iff(device.as_raw_fd(), &request) }?;
    tun_persist(&device)
}

/// Lets a tun link outlive the open device file.
fn tun_persist(device: &File) -> io::Result<()> {
    // SAFETY: the file is open, and the argument is a number.
    unsafe { ioctl::tun_set_persist(device.as_raw_fd(), 1) }?;
    Ok(())
}

/// What TUNSETIFF is asked for: packets without a header of their own, a link that is new.
fn tun_request(name: &IfName, mode: TunMode) -> libc::ifreq {
    let kind = match mode {
        TunMode::Tun => libc::IFF_TUN,
        TunMode::Tap => libc::IFF_TAP,
    };
    let flags = (kind | libc::IFF_NO_PI | libc::IFF_TUN_EXCL) as libc::c_short;
    let mut ifr_name = [0; libc::IFNAMSIZ];
    for (to, from) in ifr_name.iter_mut().zip(netscript_net::op::raw::to_bytes(name.as_str()).iter().copied()) {
        *to = from as libc::c_char;
    }
    libc::ifreq { ifr_name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: flags } }
}
