//! Encodes and decodes rules without a kernel.

use super::{decode, encode};
use netscript_net::op::netfilter::{
    AddrTypes, Addrtype, ChainName, Comment, ConnmarkTarget, Conntrack, CtStates, Header, IcmpType, IfPattern, Log,
    LogPrefix, Masked, Match, Mss, Multiport, MultiportSide, NatOptions, NatTo, Negatable, Nth, PortList, PortRange,
    Probability, Proto, Rate, RejectWith, Rule, Table, TableRef, Target, TcpFlags, TcpMatch, UdpMatch,
};
use netscript_net::op::{Family, Mac, Prefix};

fn rule(table: TableRef, chain: &str, header: Header, matches: Vec<Match>, target: Target) -> Rule {
    let chain = table.chain(ChainName::parse(chain).expect("a good name"));
    Rule::new(chain, header, matches, Some(target)).expect("a good rule")
}

fn proto(proto: Proto) -> Header {
    Header { proto: Some(Negatable::plain(proto)), ..Header::default() }
}

fn ports(text: &str) -> PortRange {
    PortRange::parse(text, ':').expect("a good range")
}

/// Every match and every target, plain and inverted.
fn samples() -> Vec<Rule> {
    let mut rules = Vec::new();
    for family in [Family::V4, Family::V6] {
        let filter = TableRef::new(family, Table::Filter);
        for (header, found) in matches(family) {
            rules.push(rule(filter, "FORWARD", header, vec![found], Target::Accept));
        }
        for (table, chain, header, target) in targets(family) {
            rules.push(rule(TableRef::new(family, table), chain, header, Vec::new(), target));
        }
        let (src, dst) = match family {
            Family::V4 => ("10.1.2.3/20", "10.0.0.0/8"),
            Family::V6 => ("fd00::1/60", "fd00::/64"),
        };
        let prefix = |text| Prefix::parse(text).expect("a good prefix");
        let header = Header {
            src: Some(Negatable::new(true, prefix(src))),
            dst: Some(Negatable::plain(prefix(dst))),
            iif: Some(Negatable::plain(IfPattern::parse("eth0").expect("a good name"))),
            oif: Some(Negatable::new(true, IfPattern::parse("veth+").expect("a good name"))),
            proto: Some(Negatable::new(true, Proto::TCP)),
            fragment: (family == Family::V4).then_some(false),
        };
        rules.push(rule(filter, "FORWARD", header, Vec::new(), Target::Drop));
    }
    rules
}

fn matches(family: Family) -> Vec<(Header, Match)> {
    let mut all = Vec::new();
    let mut add = |header: &Header, found: Match| all.push((header.clone(), found));
    let (none, tcp, udp, icmp) = (Header::default(), proto(Proto::TCP), proto(Proto::UDP), proto(Proto::icmp(family)));
    for inverted in [false, true] {
        add(&tcp, Match::Tcp(TcpMatch { flags: Some(Negatable::new(inverted, TcpFlags::SYN)), ..TcpMatch::default() }));
        add(&icmp, Match::Icmp(Negatable::new(inverted, IcmpType { kind: 3, code: Some(4) })));
        add(&icmp, Match::Icmp(Negatable::new(inverted, IcmpType { kind: 128, code: None })));
        let list = PortList::new(vec![ports("80"), ports("8000:8010"), ports("443")]).expect("a good list");
        let ports = Negatable::new(inverted, list);
        for side in [MultiportSide::Source, MultiportSide::Destination, MultiportSide::Either] {
            add(&tcp, Match::Multiport(Multiport { side, ports: ports.clone() }));
        }
        add(&none, Match::Conntrack(Conntrack { states: Negatable::new(inverted, CtStates(0x1cf)), alias: inverted }));
        add(&none, Match::Mark(Negatable::new(inverted, Masked { value: 7, mask: 0xff })));
        add(&none, Match::Connmark(Negatable::new(inverted, Masked::full(7))));
        add(&none, Match::Mac(Negatable::new(inverted, Mac([2, 0, 0, 0, 0, 1]))));
        let types = Some(Negatable::new(inverted, AddrTypes(4)));
        add(&none, Match::Addrtype(Addrtype { src: None, dst: types, limit: None }));
        add(&none, Match::Nth(Negatable::new(inverted, Nth::new(3, 1).expect("one of three"))));
        add(&none, Match::Random(Negatable::new(inverted, Probability::new(0.25).expect("a quarter"))));
    }
    for (sport, dport) in
        [(Some("80"), Some("81")), (None, Some("0")), (Some("5:9"), None), (Some("7:"), Some("1:2")), (None, None)]
    {
        let (sport, dport) = (sport.map(|p| Negatable::plain(ports(p))), dport.map(|p| Negatable::plain(ports(p))));
        add(&udp, Match::Udp(UdpMatch { sport, dport }));
        add(&tcp, Match::Tcp(TcpMatch { sport, dport, flags: None }));
    }
    add(&none, Match::Limit(Rate::from_word("7/min").expect("a rate"), 9));
    add(&none, Match::Comment(Comment::new("a 'quoted' \"text\"").expect("short")));
    all
}

fn targets(family: Family) -> Vec<(Table, &'static str, Header, Target)> {
    let to = |v4, v6| {
        let text = match family {
            Family::V4 => v4,
            Family::V6 => v6,
        };
        NatTo::parse(text).expect("a good target")
    };
    let (tcp, none) = (proto(Proto::TCP), Header::default());
    let options = NatOptions { random: true, random_fully: false, persistent: true };
    let random = NatOptions { random: true, random_fully: true, persistent: false };
    let chain = ChainName::parse("own").expect("a good name");
    let port_range = PortRange::parse("10-20", '-').ok();
    vec![
        (Table::Filter, "INPUT", none.clone(), Target::Return),
        (Table::Filter, "INPUT", none.clone(), Target::Jump(chain.clone())),
        (Table::Filter, "INPUT", none.clone(), Target::Goto(chain)),
        (Table::Filter, "INPUT", none.clone(), Target::Reject(RejectWith::port_unreachable(family))),
        (Table::Filter, "INPUT", none.clone(), Target::Log(Log { prefix: LogPrefix::new("a b"), level: 6, flags: 9 })),
        (Table::Nat, "POSTROUTING", tcp.clone(), Target::Masquerade(port_range, random)),
        (
            Table::Nat,
            "POSTROUTING",
            tcp.clone(),
            Target::Snat(to("1.2.3.4-1.2.3.9:5-6", "[fd00::1-fd00::5]:5-6"), options),
        ),
        (
            Table::Nat,
            "PREROUTING",
            tcp.clone(),
            Target::Dnat(to("1.2.3.4:80-90/1000", "[fd00::1]:80-90/1000"), options),
        ),
        (Table::Nat, "PREROUTING", tcp.clone(), Target::Dnat(to(":80", ":80"), NatOptions::default())),
        (
            Table::Nat,
            "OUTPUT",
            tcp.clone(),
            Target::Redirect(PortRange::parse("8080", '-').ok(), NatOptions::default()),
        ),
        (Table::Mangle, "OUTPUT", none.clone(), Target::Mark(Masked { value: 7, mask: 0xff })),
        (Table::Mangle, "OUTPUT", none.clone(), Target::Connmark(ConnmarkTarget::Set(Masked::full(7)))),
        (Table::Mangle, "OUTPUT", none.clone(), Target::Connmark(ConnmarkTarget::Save { nfmask: 1, ctmask: 2 })),
        (Table::Mangle, "OUTPUT", none.clone(), Target::Connmark(ConnmarkTarget::Restore { nfmask: 1, ctmask: 2 })),
        (Table::Mangle, "FORWARD", tcp.clone(), Target::Tcpmss(Mss::Set(1400))),
        (Table::Mangle, "FORWARD", tcp, Target::Tcpmss(Mss::Clamp)),
        (Table::Raw, "OUTPUT", none.clone(), Target::Notrack { alias: false }),
        (Table::Raw, "OUTPUT", none, Target::Notrack { alias: true }),
    ]
}

/// A rule as the kernel returns it.
fn read_back(rule: &Rule) -> Rule {
    let exprs = encode::expressions(rule).expect("it can be written");
    decode::rule(rule.chain().clone(), &exprs).0
}

#[test]
fn every_rule_comes_back_as_it_went() {
    let rules = samples();
    assert!(rules.len() > 80, "{} rules", rules.len());
    for rule in rules {
        assert_eq!(read_back(&rule), rule.as_read(), "{}", rule.text());
        assert!(rule.is_known());
    }
}

/// iptables 1.8.11 compares the protocol in the IPv4 header, older versions `meta l4proto` (nft --debug=netlink). A
/// rule that is restored needs the protocol for its extensions in either form.
#[test]
fn the_protocol_is_read_in_both_forms() {
    use super::expr::{Base, Compare, Expr, MetaKey};
    for (family, loaded) in [
        (Family::V4, Expr::Meta(MetaKey::L4proto)),
        (Family::V6, Expr::Meta(MetaKey::L4proto)),
        (Family::V4, Expr::Payload(Base::Network, 9, 1)),
        (Family::V6, Expr::Payload(Base::Network, 6, 1)),
    ] {
        let chain = TableRef::new(family, Table::Filter).chain(ChainName::parse("FORWARD").expect("a good name"));
        for (compare, text, flags) in [(Compare::Eq, "-p", 0), (Compare::Ne, "! -p", 2)] {
            let exprs = [loaded.clone(), Expr::Cmp(compare, vec![6])];
            let (rule, ..) = decode::rule(chain.clone(), &exprs);
            assert_eq!(rule.text(), format!("-A FORWARD {text} tcp"));
            assert_eq!(encode::compat(&rule), (6, flags));
        }
    }
}

/// If nothing compares the protocol as iptables does, it is derived from extensions that require one.
#[test]
fn the_protocol_of_extensions_is_derived() {
    use super::expr::Expr;
    use netscript_net::op::netfilter::Extension;
    let chain = TableRef::new(Family::V4, Table::Filter).chain(ChainName::parse("INPUT").expect("a good name"));
    let extension = |name: &str, info: &[u8]| Extension { name: name.to_owned(), revision: 0, info: info.to_vec() };
    for (expr, proto) in [
        (Expr::Match(extension("sctp", &[])), 132),
        (Expr::Match(extension("icmp", &[8, 0, 255, 0])), 1),
        (Expr::Match(extension("length", &[])), 0),
        // REJECT with a TCP reset (7), and with a port unreachable (3).
        (Expr::Target(extension("REJECT", &[7, 0, 0, 0])), 6),
        (Expr::Target(extension("REJECT", &[3, 0, 0, 0])), 0),
        (Expr::Target(extension("TCPMSS", &[0xff, 0xff])), 6),
    ] {
        let (rule, ..) = decode::rule(chain.clone(), &[expr, Expr::Other("lookup".into())]);
        assert_eq!(encode::compat(&rule), (proto, 0), "{}", rule.text());
    }
}

/// iptables writes "not up to 5" as "above 5" and reads it as a range.
#[test]
fn ports_not_up_to_one_come_back_as_a_range() {
    let dport = Some(Negatable::new(true, ports(":5")));
    let tcp = Match::Tcp(TcpMatch { dport, ..TcpMatch::default() });
    let filter = TableRef::new(Family::V4, Table::Filter);
    let given = rule(filter, "FORWARD", proto(Proto::TCP), vec![tcp], Target::Accept);
    let read = read_back(&given);
    assert_eq!(read, given.as_read());
    assert_eq!(read.text(), "-A FORWARD -p tcp -m tcp --dport 6:65535 -j ACCEPT");
}

#[test]
fn strange_bytes_are_kept_and_never_panic() {
    use super::expr::{Base, Compare, Expr, MetaKey};
    let chain = TableRef::new(Family::V4, Table::Filter).chain(ChainName::parse("FORWARD").expect("a good name"));
    for len in 0..80 {
        for (name, revision) in
            [("tcp", 0), ("udp", 0), ("icmp", 0), ("multiport", 1), ("conntrack", 3), ("statistic", 0), ("weird", 9)]
        {
            let info = vec![0xff; len];
            let extension = netscript_net::op::netfilter::Extension { name: name.into(), revision, info };
            let exprs = [Expr::Match(extension), Expr::Cmp(Compare::Lt, vec![0xff; len])];
            let (rule, ..) = decode::rule(chain.clone(), &exprs);
            assert!(!rule.text().is_empty());
        }
        for name in ["REJECT", "LOG", "MASQUERADE", "SNAT", "DNAT", "REDIRECT", "MARK", "CONNMARK", "TCPMSS", "CT"] {
            for revision in 0..3 {
                let extension =
                    netscript_net::op::netfilter::Extension { name: name.into(), revision, info: vec![0xff; len] };
                let (rule, ..) = decode::rule(chain.clone(), &[Expr::Target(extension)]);
                assert!(!rule.text().is_empty());
            }
        }
        for loaded in [
            Expr::Meta(MetaKey::Iifname),
            Expr::Meta(MetaKey::L4proto),
            Expr::Meta(MetaKey::Mark),
            Expr::Payload(Base::Network, 12, 4),
            Expr::Payload(Base::Transport, 0, 4),
            Expr::Payload(Base::Transport, 2, 2),
        ] {
            for compare in [Compare::Eq, Compare::Ge] {
                let exprs = [loaded.clone(), Expr::Mask(vec![0xfe; len]), Expr::Cmp(compare, vec![0xff; len])];
                decode::rule(chain.clone(), &exprs);
                decode::rule(chain.clone(), &[loaded.clone(), Expr::Cmp(compare, vec![1; len])]);
            }
        }
    }
    let weird = netscript_net::op::netfilter::Extension { name: "weird".into(), revision: 9, info: vec![1, 2, 3] };
    let (rule, ..) =
        decode::rule(chain, &[Expr::Match(weird.clone()), Expr::Counter(1, 2), Expr::Other("masq".into())]);
    assert_eq!(rule.text(), "-A FORWARD -m weird [unsupported] [nft masq]");
    assert!(!rule.is_known());
    assert_eq!(encode::expressions(&rule), Err("masq".to_owned()));
}
