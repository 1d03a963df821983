//! System calls that need `unsafe`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

use nix::libc;

use crate::op::{IfName, TunMode};

#[allow(unsafe_code, missing_docs, reason = "the macros make the functions that call ioctl(2)")]
mod ioctl {
    use nix::libc::{c_int, ifreq};

    // linux/if_tun.h declares an `int` for both, and reads a `struct ifreq` for the first.
    nix::ioctl_write_ptr_bad!(tun_set_iff, nix::request_code_write!(b'T', 202, size_of::<c_int>()), ifreq);
    nix::ioctl_write_int_bad!(tun_set_persist, nix::request_code_write!(b'T', 203, size_of::<c_int>()));
}

/// `ip tuntap add dev NAME mode MODE`, in the calling thread's namespace. The link stays when the
/// device file is closed, or is gone with it if making it stay fails.
#[allow(unsafe_code, reason = "ioctl(2) takes a pointer")]
pub(super) fn tun_create(name: &IfName, mode: TunMode) -> io::Result<()> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    let request = tun_request(name, mode);
    // SAFETY: the file is open, and the request is a whole `struct ifreq` that outlives the call.
    unsafe { ioctl::tun_set_iff(device.as_raw_fd(), &request) }?;
    tun_persist(&device)
}

/// Lets a tun link outlive the open device file.
#[allow(unsafe_code, reason = "ioctl(2)")]
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
    for (to, from) in ifr_name.iter_mut().zip(name.as_str().bytes()) {
        *to = from as libc::c_char;
    }
    libc::ifreq { ifr_name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: flags } }
}
