//! System calls that need `unsafe`: between `fork` and `exec`, and those that nix lacks.
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

/// Runs `setup` in the child process before exec. It may only make system calls with prepared data: it must not
/// allocate memory or take locks, since another thread may have held the allocator's lock when the process was forked.
pub(crate) fn before_start(command: &mut Command, setup: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: the callers' closures only make system calls with prepared strings and files. All of these are
    // async-signal-safe.
    unsafe { command.pre_exec(setup) };
}

/// Lets all threads allocate from one arena that grows in large steps. The C library's separate arenas for threads grow
/// by one page at a time, with a system call for each.
pub fn share_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the calls set numbers, before the first thread is started.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TOP_PAD, 1 << 20);
    }
}

/// Marks all files of this process from `first` on to be closed on exec. Kernels before 5.11 do not support that and
/// change nothing.
pub(crate) fn close_files_on_start(first: u32) {
    // SAFETY: close_range(2) with this flag marks descriptors and does not access memory.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// A file that becomes readable when a process ends (pidfd_open(2), Linux 5.3).
pub(crate) fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers, and returns a new descriptor that nobody else owns.
    let number = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    let number = i32::try_from(number).expect("descriptors are ints");
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The cookie of a socket's network namespace, which is unique (`SO_NETNS_COOKIE`, Linux 5.14).
pub(crate) fn netns_cookie(socket: impl AsFd) -> io::Result<u64> {
    let mut cookie = 0_u64;
    let mut length = u32::try_from(size_of::<u64>()).expect("eight");
    // SAFETY: the kernel writes at most `length` bytes, the size of `cookie`.
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

/// Sends a signal to a process that [`open_process`] opened (Linux 5.1).
pub(crate) fn signal_process(process: impl AsFd, signal: Signal) -> io::Result<()> {
    let file = process.as_fd().as_raw_fd();
    // SAFETY: the call takes three numbers and no signal details.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, file, signal as i32, 0, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The user namespace that owns a namespace; EPERM if it is above the caller's.
pub(crate) fn owner_of_namespace(namespace: impl AsFd) -> io::Result<OwnedFd> {
    // `_IO(0xb7, 0x1)` of include/uapi/linux/nsfs.h
    const NS_GET_USERNS: libc::Ioctl = 0xb701;
    // SAFETY: the request takes no argument, and returns a new descriptor that nobody else owns.
    let number = unsafe { libc::ioctl(namespace.as_fd().as_raw_fd(), NS_GET_USERNS) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Forks the process; both processes continue from here. Only for a process with a single thread: in the child, other
/// threads would be gone, but not the locks that they held.
pub(crate) fn fork_alone() -> io::Result<ForkResult> {
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    assert_eq!(threads, 1, "a sandbox is made before the first thread is started");
    // SAFETY: this thread is the only one.
    Ok(unsafe { fork() }?)
}

/// Makes a mount and all mounts below it read-only and without devices (mount_setattr(2), Linux 5.12).
pub(crate) fn lock_mounts(path: &CStr) -> io::Result<()> {
    const AT_RECURSIVE: libc::c_uint = 0x8000;
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NODEV,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path ends with NUL, the structure is complete and has the given length, and both outlive the call.
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

/// Replaces the session keyring by an empty one (keyctl(2), `KEYCTL_JOIN_SESSION_KEYRING`). If the kernel has no
/// keyrings, or a filter forbids access to them, this is unnecessary.
pub(crate) fn new_session_keyring() -> io::Result<()> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_int = 1;
    let no_name: *const libc::c_char = std::ptr::null();
    // SAFETY: without a name, the kernel does not read memory.
    let result = unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, no_name) };
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        _ if result >= 0 => Ok(()),
        Some(libc::ENOSYS | libc::EPERM) => Ok(()),
        _ => Err(error),
    }
}

/// A process in its own session that only holds a new network namespace. It waits to be released, and ends if the
/// parent ends first.
pub(crate) struct Holder {
    pid: Pid,
    go: PipeWriter,
    ready: PipeReader,
}

/// Starts a holder.
pub(crate) fn fork_holder() -> io::Result<Holder> {
    let (may_go, go) = io::pipe()?;
    let (ready, is_ready) = io::pipe()?;
    // SAFETY: the child process, a copy of this thread only, makes nothing but system calls, and continues in `hold`,
    // which never returns.
    match unsafe { fork() }? {
        ForkResult::Child => hold(may_go.as_raw_fd(), go.as_raw_fd(), is_ready.as_raw_fd()),
        ForkResult::Parent { child } => Ok(Holder { pid: child, go, ready }),
    }
}

impl Holder {
    /// Its process number.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Releases the holder. The namespace exists when this returns.
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

/// The error of a holder that ended: its exit status is the error number.
fn reap_holder(child: Pid) -> io::Error {
    match nix::sys::wait::waitpid(child, None) {
        Ok(nix::sys::wait::WaitStatus::Exited(_, number)) => io::Error::from_raw_os_error(number),
        _ => io::Error::from_raw_os_error(libc::ECHILD),
    }
}

fn hold(may_go: i32, go: i32, ready: i32) -> ! {
    // SAFETY: system calls with numbers, and a byte on the stack. `go` is closed here so that the pipe ends with the
    // parent.
    let released = unsafe {
        let mut byte = 0_u8;
        libc::close(go);
        libc::setsid() != -1 && libc::read(may_go, (&raw mut byte).cast(), 1) == 1
    };
    let taken = if released { take_namespace() } else { Err(nix::Error::ECANCELED) };
    match taken {
        // SAFETY: system calls with numbers, and one byte of static memory. All files are closed, including `ready`,
        // whose end tells the parent that the namespace exists.
        Ok(()) => unsafe {
            libc::write(ready, b"!".as_ptr().cast(), 1);
            if libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) != 0 {
                // For Linux before 5.9; this process has few files.
                for file in 0..1024 {
                    libc::close(file);
                }
            }
            loop {
                libc::pause();
            }
        },
        // SAFETY: ends this process without running the parent's exit handlers.
        Err(error) => unsafe { libc::_exit(error as i32) },
    }
}

fn take_namespace() -> nix::Result<()> {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the default disposition runs no code of this program; the parent's handlers would write to a pipe
        // that both processes share.
        unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
    }
    unshare(CloneFlags::CLONE_NEWNET)?;
    // In a sandbox, the parent process is not dumpable. The holder must be, so that others can open its namespace.
    nix::sys::prctl::set_dumpable(true)?;
    nix::sys::prctl::set_name(c"netscript-hold")?;
    nix::unistd::chdir(c"/")
}

/// Binds a packet socket to one link of its namespace, by index, for both directions (packet(7)).
pub(crate) fn hear_link(socket: &Socket, index: u32) -> io::Result<()> {
    let mut address = packet_address();
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = libc::c_int::try_from(index).expect("the kernel's indexes are ints");
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address is complete and has the given length, and outlives the call.
    match unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The hardware type of the link of a packet socket (linux/if_arp.h). The kernel returns an address shorter than the
/// structure, which nix treats as an error.
pub(crate) fn kind_of_link(socket: &Socket) -> io::Result<u16> {
    let mut address = packet_address();
    let mut length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the kernel writes at most the given length, and the address is initialized before.
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

/// Makes a packet socket report VLAN tags that the kernel has removed from frames (packet(7), PACKET_AUXDATA).
pub(crate) fn tell_tags(socket: &Socket) -> io::Result<()> {
    /// From linux/if_packet.h.
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

/// `ip tuntap add dev NAME mode MODE`, in the calling thread's namespace and with this index. The link outlives the
/// device file, or is removed with it if it cannot be made persistent.
pub(crate) fn tun_create(name: &IfName, mode: TunMode, index: u32) -> io::Result<()> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    let index = index.cast_signed();
    // SAFETY: the file is open, and the kernel reads an `int` that outlives the call.
    unsafe { ioctl::tun_set_ifindex(device.as_raw_fd(), &raw const index) }?;
    let request = tun_request(name, mode);
    // SAFETY: the file is open, and the request is a complete `struct ifreq` that outlives the call.
    unsafe { ioctl::tun_set_iff(device.as_raw_fd(), &request) }?;
    tun_persist(&device)
}

/// Lets a tun link outlive the open device file.
fn tun_persist(device: &File) -> io::Result<()> {
    // SAFETY: the file is open, and the argument is a number.
    unsafe { ioctl::tun_set_persist(device.as_raw_fd(), 1) }?;
    Ok(())
}

/// The request of TUNSETIFF: no header before packets, and a link that does not exist.
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
