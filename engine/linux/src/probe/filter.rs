//! The filter of a ping's socket. Without it, the socket would receive every ICMP packet of the namespace, and a busy
//! neighbour's packets would leave no room for the answer.

use std::net::IpAddr;

use nix::libc::{BPF_ABS, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_LDX, BPF_MSH, BPF_RET};
use socket2::SockFilter;

use super::echo::Echo;

/// The ICMP types of echo replies and, among other packets, of errors.
const REPLY_V4: u32 = 0;
const ERRORS_V4: [u32; 3] = [3, 11, 12];
/// ICMPv6 numbers errors below 128.
const REPLY_V6: u32 = 129;
const INFORMATIONAL_V6: u32 = 128;

/// Offset of an echo's id in the ICMP header.
const ID: u32 = 4;

const WHOLE: u32 = u32::MAX;
const NOTHING: u32 = 0;

/// A filter (BPF, linux/filter.h) that passes replies with this ping's id, and all errors.
pub(super) fn of(echo: &Echo) -> Vec<SockFilter> {
    let id = u32::from(echo.id);
    match echo.target {
        // Packets begin with the IP header; its length goes to X.
        IpAddr::V4(_) => vec![
            step(BPF_LDX | BPF_B | BPF_MSH, 0),
            step(BPF_LD | BPF_B | BPF_IND, 0),
            jump(BPF_JEQ, ERRORS_V4[0], 5, 0),
            jump(BPF_JEQ, ERRORS_V4[1], 4, 0),
            jump(BPF_JEQ, ERRORS_V4[2], 3, 0),
            jump(BPF_JEQ, REPLY_V4, 0, 3),
            step(BPF_LD | BPF_H | BPF_IND, ID),
            jump(BPF_JEQ, id, 0, 1),
            step(BPF_RET | BPF_K, WHOLE),
            step(BPF_RET | BPF_K, NOTHING),
        ],
        // Packets begin with the ICMP header.
        IpAddr::V6(_) => vec![
            step(BPF_LD | BPF_B | BPF_ABS, 0),
            jump(BPF_JGE, INFORMATIONAL_V6, 0, 3),
            jump(BPF_JEQ, REPLY_V6, 0, 3),
            step(BPF_LD | BPF_H | BPF_ABS, ID),
            jump(BPF_JEQ, id, 0, 1),
            step(BPF_RET | BPF_K, WHOLE),
            step(BPF_RET | BPF_K, NOTHING),
        ],
    }
}

fn step(code: u32, value: u32) -> SockFilter {
    instruction(code, 0, 0, value)
}

/// Skips `if_so` instructions if the comparison holds, otherwise `if_not`.
fn jump(comparison: u32, value: u32, if_so: u8, if_not: u8) -> SockFilter {
    instruction(BPF_JMP | comparison | BPF_K, if_so, if_not, value)
}

fn instruction(code: u32, if_so: u8, if_not: u8, value: u32) -> SockFilter {
    SockFilter::new(u16::try_from(code).expect("BPF's codes have 16 bits"), if_so, if_not, value)
}
