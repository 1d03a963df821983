//! Finds the missing kernel feature if a rule was refused.

use super::expr::Expr;
use super::{NftSocket, encode, wire};
use netscript_net::error::{Errno, Rejection};
use netscript_net::op::Family;
use netscript_net::op::netfilter::{Extension, Match, NetfilterOp, Rule, Table, Target};

/// `NFTA_COMPAT_NAME`, `NFTA_COMPAT_REV` and `NFTA_COMPAT_TYPE`, linux/netfilter/nf_tables_compat.h.
const NAME: u16 = 1;
const REVISION: u16 = 2;
const TYPE: u16 = 3;

/// The refusal of every request by a kernel without nf_tables.
pub(super) fn of_nf_tables(rejection: Rejection) -> Rejection {
    match rejection.errno {
        Errno::EOPNOTSUPP | Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT | Errno::EINVAL => rejection.unsupported(
            "this kernel lacks nf_tables (CONFIG_NF_TABLES): load its module as root with `modprobe nf_tables`",
        ),
        _ => rejection,
    }
}

const NO_NAT: &str =
    "this kernel lacks chains of type `nat` in nf_tables: load their module as root with `modprobe nft_chain_nat`";

/// The module that a rule in a built-in chain needs and that the kernel may lack. With a jump, or in a user-defined
/// chain, a chain is missing instead.
fn missing_module(rule: &Rule) -> Option<String> {
    let jumps = matches!(rule.target(), Some(Target::Jump(_) | Target::Goto(_)));
    let limits = rule.matches().iter().any(|found| matches!(found, Match::Limit(..)));
    match rule.chain() {
        chain if chain.hook().is_none() || jumps => None,
        chain if chain.table.table == Table::Nat => Some(NO_NAT.to_owned()),
        _ if limits => {
            Some("this kernel lacks `limit` in nf_tables: load its module as root with `modprobe nft_limit`".to_owned())
        }
        _ => None,
    }
}

impl NftSocket {
    /// Adds the name of the missing kernel feature, if an operation was refused for that reason.
    pub(super) fn name_missing(&mut self, op: &NetfilterOp, rejection: Rejection) -> Rejection {
        let table = op.table();
        match (rejection.errno, op) {
            (Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT | Errno::ENOENT, _)
                if self.ruleset(table.family).is_err() =>
            {
                of_nf_tables(Rejection { errno: Errno::EOPNOTSUPP, ..rejection })
            }
            (Errno::ENOENT, NetfilterOp::Append(rule) | NetfilterOp::Insert(rule, _)) => {
                let what = self.missing_extension(table.family, rule).or_else(|| missing_module(rule));
                what.map_or(rejection.clone(), |what| rejection.unsupported(what))
            }
            (Errno::ENOENT, NetfilterOp::Policy(chain, _)) if chain.table.table == Table::Nat => {
                rejection.unsupported(NO_NAT)
            }
            _ => rejection,
        }
    }

    /// The xtables extension that a rule needs and the kernel lacks.
    fn missing_extension(&mut self, family: Family, rule: &Rule) -> Option<String> {
        let exprs = encode::expressions(rule).ok()?;
        exprs.iter().find_map(|expr| match expr {
            Expr::Match(extension) => self.missing(family, extension, 0),
            Expr::Target(extension) => self.missing(family, extension, 1),
            Expr::Meta(_)
            | Expr::Payload(..)
            | Expr::Mask(_)
            | Expr::Cmp(..)
            | Expr::Range(..)
            | Expr::Limit(..)
            | Expr::Counter(..)
            | Expr::Verdict(_)
            | Expr::Other(_) => None,
        })
    }

    /// Checks with the kernel whether it has an extension, a match (0) or a target (1).
    fn missing(&mut self, family: Family, extension: &Extension, kind: u32) -> Option<String> {
        let Extension { name, revision, .. } = extension;
        let attributes = [
            (NAME, wire::string(name)),
            (REVISION, revision.to_be_bytes().to_vec()),
            (TYPE, kind.to_be_bytes().to_vec()),
        ];
        let rejection = self.question(wire::GET_COMPAT, family, &attributes).err()?;
        Some(match rejection.errno {
            Errno::EOPNOTSUPP | Errno::EPROTONOSUPPORT | Errno::EINVAL => {
                "this kernel lacks the layer for iptables' extensions in nf_tables (CONFIG_NFT_COMPAT): load its module as \
                 root with `modprobe nft_compat`"
                    .to_owned()
            }
            _ => format!(
                "this kernel lacks iptables' `{name}`, revision {revision}: load its module as root with `modprobe {}`",
                module(family, name)
            ),
        })
    }
}

/// The module of an extension (`MODULE_ALIAS` in net/netfilter/xt_*.c, net/ipv4/netfilter, net/ipv6/netfilter).
fn module(family: Family, name: &str) -> String {
    match (name, family) {
        ("tcp" | "udp", _) => "xt_tcpudp".to_owned(),
        ("SNAT" | "DNAT", _) => "xt_nat".to_owned(),
        ("mark" | "MARK", _) => "xt_mark".to_owned(),
        ("connmark" | "CONNMARK", _) => "xt_connmark".to_owned(),
        // An alias: these were parts of the legacy tables up to Linux 6.1, and are parts of `xt_tcpudp` in 6.12.
        ("icmp", _) => "ipt_icmp".to_owned(),
        ("icmp6", _) => "ip6t_icmp6".to_owned(),
        ("REJECT" | "ECN" | "ah" | "rpfilter", Family::V4) => format!("ipt_{name}"),
        ("REJECT" | "ah" | "rpfilter" | "eui64" | "frag" | "hbh" | "ipv6header" | "mh" | "rt", Family::V6) => {
            format!("ip6t_{name}")
        }
        _ => format!("xt_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The refusals of `socket(AF_NETLINK, …, NETLINK_NETFILTER)` and of a request without the modules.
    #[test]
    fn a_kernel_without_nf_tables_names_the_module() {
        for errno in [Errno::EPROTONOSUPPORT, Errno::EOPNOTSUPP, Errno::EAFNOSUPPORT, Errno::EINVAL] {
            let rejection = of_nf_tables(Rejection::from(errno));
            assert!(
                rejection.unsupported.is_some_and(|unsupported| unsupported.contains("`modprobe nf_tables`")),
                "{errno}"
            );
        }
        assert_eq!(of_nf_tables(Rejection::from(Errno::EPERM)).unsupported, None);
    }

    /// The output of `modinfo -F alias` for Debian's kernels.
    #[test]
    fn extensions_are_in_these_modules() {
        for (family, name, wanted) in [
            (Family::V4, "tcp", "xt_tcpudp"),
            (Family::V6, "DNAT", "xt_nat"),
            (Family::V4, "REJECT", "ipt_REJECT"),
            (Family::V6, "REJECT", "ip6t_REJECT"),
            (Family::V4, "multiport", "xt_multiport"),
            (Family::V4, "MASQUERADE", "xt_MASQUERADE"),
        ] {
            assert_eq!(module(family, name), wanted);
        }
    }
}
