//! The settings of xtables targets, in the layout of the kernel's structures.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::encode::octets;
use super::xt_match::{extension, text, u16_at, u32_at};
use netscript_net::op::Family;
use netscript_net::op::netfilter::{
    ConnmarkTarget, Extension, Log, LogPrefix, Masked, Mss, NatAddrs, NatOptions, NatTo, PortRange, RejectWith, Target,
};

/// The target of an extension; `None` if netscript cannot express its settings.
pub(super) fn read(family: Family, extension: &Extension) -> Option<Target> {
    let info = extension.info.as_slice();
    match (extension.name.as_str(), extension.revision, family) {
        ("REJECT", 0, _) => RejectWith::from_code(family, u32_at(info, 0)?).map(Target::Reject),
        ("LOG", 0, _) => read_log(info).map(Target::Log),
        ("MASQUERADE", 0, _) => {
            NatRange::read(family, info)?.only_ports().map(|(ports, options)| Target::Masquerade(ports, options))
        }
        ("REDIRECT", 0, _) => {
            NatRange::read(family, info)?.only_ports().map(|(ports, options)| Target::Redirect(ports, options))
        }
        ("SNAT", 0, Family::V4) | ("SNAT", 1, Family::V6) => {
            NatRange::read(family, info)?.destination().map(|(to, options)| Target::Snat(to, options))
        }
        ("DNAT", 2, _) => NatRange::read_v2(family, info)?.destination().map(|(to, options)| Target::Dnat(to, options)),
        ("MARK", 2, _) => Some(Target::Mark(Masked { value: u32_at(info, 0)?, mask: u32_at(info, 4)? })),
        ("CONNMARK", 1 | 2, _) => read_connmark(extension).map(Target::Connmark),
        ("TCPMSS", 0, _) => {
            u16_at(info, 0).map(|mss| Target::Tcpmss(if mss == TCPMSS_CLAMP { Mss::Clamp } else { Mss::Set(mss) }))
        }
        ("CT", 2, _) => read_notrack(info),
        _ => None,
    }
}

/// `struct ipt_reject_info`, linux/netfilter_ipv4/ipt_REJECT.h, and `struct ip6t_reject_info`: the
/// answer's number.
pub(super) fn reject(with: RejectWith) -> Extension {
    let mut info = with.code().to_ne_bytes().to_vec();
    info.resize(8, 0);
    extension("REJECT", 0, info)
}

/// `struct xt_log_info`, linux/netfilter/xt_LOG.h: level, flags, 30 bytes of prefix.
pub(super) fn log(log: &Log) -> Extension {
    let mut info = vec![log.level, log.flags];
    info.extend(log.prefix.iter().flat_map(|prefix| prefix.as_str().bytes()));
    info.resize(32, 0);
    extension("LOG", 0, info)
}

fn read_log(info: &[u8]) -> Option<Log> {
    let (level, flags, prefix) = (*info.first()?, *info.get(1)?, text(info.get(2..32)?));
    let prefix = (!prefix.is_empty()).then(|| LogPrefix::read(prefix));
    (flags & !0xf == 0).then_some(Log { prefix, level, flags })
}

/// The common content of all four NAT targets: `NF_NAT_RANGE_*` of linux/netfilter/nf_nat.h, addresses, ports and the
/// base port.
struct NatRange {
    flags: u32,
    min: IpAddr,
    max: IpAddr,
    ports: (u16, u16),
    base: u16,
}

const MAP_IPS: u32 = 1 << 0;
const PROTO_SPECIFIED: u32 = 1 << 1;
const PROTO_RANDOM: u32 = 1 << 2;
const PERSISTENT: u32 = 1 << 3;
const PROTO_RANDOM_FULLY: u32 = 1 << 4;
const PROTO_OFFSET: u32 = 1 << 5;

impl NatRange {
    fn new(family: Family, to: NatTo, options: NatOptions) -> NatRange {
        let NatOptions { random, random_fully, persistent } = options;
        let flags = [
            (to.addrs.is_some(), MAP_IPS),
            (to.ports.is_some(), PROTO_SPECIFIED),
            (random, PROTO_RANDOM),
            (persistent, PERSISTENT),
            (random_fully, PROTO_RANDOM_FULLY),
            (to.base.is_some(), PROTO_OFFSET),
        ];
        NatRange {
            flags: flags.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag).sum(),
            min: to.addrs.map_or(family.unspecified(), NatAddrs::min),
            max: to.addrs.map_or(family.unspecified(), NatAddrs::max),
            ports: to.ports.map_or((0, 0), |ports| (ports.min(), ports.max())),
            base: to.base.unwrap_or(0),
        }
    }

    fn port_bytes(&self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.ports.0.to_be_bytes(), self.ports.1.to_be_bytes());
        [a, b, c, d]
    }

    /// For IPv4 `struct nf_nat_ipv4_multi_range_compat`: the number of ranges, which is 1, flags, two
    /// addresses, two ports. For IPv6 `struct nf_nat_range`: the same without the number.
    /// (linux/netfilter/nf_nat.h)
    fn write(&self) -> Vec<u8> {
        let mut info = match self.min {
            IpAddr::V4(_) => 1u32.to_ne_bytes().to_vec(),
            IpAddr::V6(_) => Vec::new(),
        };
        info.extend(self.flags.to_ne_bytes());
        info.extend(octets(self.min));
        info.extend(octets(self.max));
        info.extend(self.port_bytes());
        info.resize(info.len().next_multiple_of(8), 0);
        info
    }

    fn read(family: Family, info: &[u8]) -> Option<NatRange> {
        let (start, len) = match family {
            Family::V4 if u32_at(info, 0)? != 1 => return None,
            Family::V4 => (4, 4),
            Family::V6 => (0, 16),
        };
        let at = start + 4 + 2 * len;
        Some(NatRange {
            flags: u32_at(info, start)?,
            min: address(family, info.get(start + 4..)?)?,
            max: address(family, info.get(start + 4 + len..)?)?,
            ports: (be16_at(info, at)?, be16_at(info, at + 2)?),
            base: 0,
        })
    }

    /// `struct nf_nat_range2`, linux/netfilter/nf_nat.h: as for IPv6, with an IPv4 address in the first 4 of 16 bytes,
    /// and the base port.
    fn write_v2(&self) -> Vec<u8> {
        let mut info = self.flags.to_ne_bytes().to_vec();
        for addr in [self.min, self.max] {
            let mut bytes = octets(addr);
            bytes.resize(16, 0);
            info.extend(bytes);
        }
        info.extend(self.port_bytes());
        info.extend(self.base.to_be_bytes());
        info.resize(48, 0);
        info
    }

    fn read_v2(family: Family, info: &[u8]) -> Option<NatRange> {
        Some(NatRange {
            flags: u32_at(info, 0)?,
            min: address(family, info.get(4..)?)?,
            max: address(family, info.get(20..)?)?,
            ports: (be16_at(info, 36)?, be16_at(info, 38)?),
            base: be16_at(info, 40)?,
        })
    }

    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    fn options(&self) -> NatOptions {
        NatOptions {
            random: self.has(PROTO_RANDOM),
            random_fully: self.has(PROTO_RANDOM_FULLY),
            persistent: self.has(PERSISTENT),
        }
    }

    fn destination(&self) -> Option<(NatTo, NatOptions)> {
        let known = MAP_IPS | PROTO_SPECIFIED | PROTO_RANDOM | PERSISTENT | PROTO_RANDOM_FULLY | PROTO_OFFSET;
        let addrs = if self.has(MAP_IPS) { Some(NatAddrs::new(self.min, self.max)?) } else { None };
        let ports = if self.has(PROTO_SPECIFIED) { Some(PortRange::new(self.ports.0, self.ports.1)?) } else { None };
        let to = NatTo { addrs, ports, base: self.has(PROTO_OFFSET).then_some(self.base) };
        (self.flags & !known == 0).then_some((to, self.options()))
    }

    fn only_ports(&self) -> Option<(Option<PortRange>, NatOptions)> {
        let (to, options) = self.destination()?;
        // iptables sets the flag for addresses in none of these targets' rules.
        (to.addrs.is_none() && to.base.is_none()).then_some((to.ports, options))
    }
}

fn be16_at(info: &[u8], at: usize) -> Option<u16> {
    u16_at(info, at).map(u16::from_be)
}

fn address(family: Family, bytes: &[u8]) -> Option<IpAddr> {
    Some(match family {
        Family::V4 => Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(..4)?).ok()?).into(),
        Family::V6 => Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(..16)?).ok()?).into(),
    })
}

/// MASQUERADE and REDIRECT, which choose the address themselves.
pub(super) fn to_ports(name: &str, family: Family, ports: Option<PortRange>, options: NatOptions) -> Extension {
    let to = NatTo { addrs: None, ports, base: None };
    extension(name, 0, NatRange::new(family, to, options).write())
}

pub(super) fn snat(family: Family, to: NatTo, options: NatOptions) -> Extension {
    let revision = match family {
        Family::V4 => 0,
        Family::V6 => 1,
    };
    extension("SNAT", revision, NatRange::new(family, to, options).write())
}

pub(super) fn dnat(to: NatTo, options: NatOptions) -> Extension {
    // Without an address, the bytes are the same for both families.
    let family = to.addrs.map_or(Family::V4, |addrs| Family::of(addrs.min()));
    extension("DNAT", 2, NatRange::new(family, to, options).write_v2())
}

/// `struct xt_mark_tginfo2`, linux/netfilter/xt_mark.h: mark, mask.
pub(super) fn mark(mark: Masked) -> Extension {
    extension("MARK", 2, [mark.value.to_ne_bytes(), mark.mask.to_ne_bytes()].concat())
}

/// `struct xt_connmark_tginfo2`, linux/netfilter/xt_connmark.h: mark, masks of the connection's and
/// the packet's mark, direction and width of a shift, mode (set 0, save 1, restore 2).
pub(super) fn connmark(connmark: ConnmarkTarget) -> Extension {
    let (value, ctmask, nfmask, mode) = match connmark {
        ConnmarkTarget::Set(Masked { value, mask }) => (value, mask, u32::MAX, 0),
        ConnmarkTarget::Save { nfmask, ctmask } => (0, ctmask, nfmask, 1),
        ConnmarkTarget::Restore { nfmask, ctmask } => (0, ctmask, nfmask, 2),
    };
    let mut info = [value, ctmask, nfmask].map(u32::to_ne_bytes).concat();
    info.extend([0, 0, mode, 0]);
    extension("CONNMARK", 2, info)
}

/// Revision 1 has no shift: the mode follows the masks.
fn read_connmark(extension: &Extension) -> Option<ConnmarkTarget> {
    let info = extension.info.as_slice();
    let (value, ctmask, nfmask) = (u32_at(info, 0)?, u32_at(info, 4)?, u32_at(info, 8)?);
    let mode = match extension.revision {
        1 => *info.get(12)?,
        _ => (info.get(12..14)? == [0, 0]).then_some(*info.get(14)?)?,
    };
    match mode {
        0 => Some(ConnmarkTarget::Set(Masked { value, mask: ctmask })),
        1 => Some(ConnmarkTarget::Save { nfmask, ctmask }),
        2 => Some(ConnmarkTarget::Restore { nfmask, ctmask }),
        _ => None,
    }
}

/// `XT_TCPMSS_CLAMP_PMTU`, linux/netfilter/xt_TCPMSS.h.
const TCPMSS_CLAMP: u16 = 0xffff;

/// `struct xt_tcpmss_info`, linux/netfilter/xt_TCPMSS.h: the size in bytes.
pub(super) fn tcpmss(mss: Mss) -> Extension {
    let size = match mss {
        Mss::Set(bytes) => bytes,
        Mss::Clamp => TCPMSS_CLAMP,
    };
    let mut info = size.to_ne_bytes().to_vec();
    info.resize(8, 0);
    extension("TCPMSS", 0, info)
}

/// `struct xt_ct_target_info_v1`, linux/netfilter/xt_CT.h, 72 bytes, of which only the flags are
/// set: `XT_CT_NOTRACK` 1, `XT_CT_NOTRACK_ALIAS` 2.
pub(super) fn notrack(alias: bool) -> Extension {
    let mut info = (if alias { 3u16 } else { 1 }).to_ne_bytes().to_vec();
    info.resize(72, 0);
    extension("CT", 2, info)
}

fn read_notrack(info: &[u8]) -> Option<Target> {
    match u16_at(info, 0)? {
        1 => Some(Target::Notrack { alias: false }),
        3 => Some(Target::Notrack { alias: true }),
        _ => None,
    }
}
