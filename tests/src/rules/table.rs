//! The table of rules: netscript's words, and the command for the same rule.

/// Words and command, or commands with `; ` between them.
pub const RULES: &[(&str, &str)] = &[
    // Addresses.
    ("filter.forward.accept(#{ src: \"10.0.0.0/24\" })", "iptables -A FORWARD -s 10.0.0.0/24 -j ACCEPT"),
    (
        "filter.forward.drop(#{ src: \"10.0.16.1/20\", dst: \"!10.0.0.0/12\" })",
        "iptables -A FORWARD -s 10.0.16.1/20 ! -d 10.0.0.0/12 -j DROP",
    ),
    (
        "filter.forward.drop(#{ src: \"0.0.0.0/0\", dst: \"10.0.0.0/8\" })",
        "iptables -A FORWARD -s 0.0.0.0/0 -d 10.0.0.0/8 -j DROP",
    ),
    (
        "filter.forward.ret(#{ src: \"!10.1.1.1\", dst: \"10.0.0.0/16\" })",
        "iptables -A FORWARD ! -s 10.1.1.1 -d 10.0.0.0/16 -j RETURN",
    ),
    (
        "filter.forward.accept(#{ src: [\"10.0.0.1\", \"10.0.0.2\"], dst: \"10.1.0.1,10.1.0.2\" })",
        "iptables -A FORWARD -s 10.0.0.1,10.0.0.2 -d 10.1.0.1,10.1.0.2 -j ACCEPT",
    ),
    ("filter.forward.drop(#{ src: \"128.0.0.0/1\" })", "iptables -A FORWARD -s 128.0.0.0/1 -j DROP"),
    ("filter6.forward.accept(#{ src: \"fd00::/64\" })", "ip6tables -A FORWARD -s fd00::/64 -j ACCEPT"),
    (
        "filter6.forward.accept(#{ src: \"fd00::1/60\", dst: \"!::1\" })",
        "ip6tables -A FORWARD -s fd00::1/60 ! -d ::1 -j ACCEPT",
    ),
    ("filter6.forward.drop(#{ src: \"::/0\", dst: \"fd00::/8\" })", "ip6tables -A FORWARD -s ::/0 -d fd00::/8 -j DROP"),
    (
        "filter6.forward.drop(#{ src: \"fd00::/7\", dst: \"fd00::/127\" })",
        "ip6tables -A FORWARD -s fd00::/7 -d fd00::/127 -j DROP",
    ),
    ("filter6.forward.drop(#{ src: [\"fd00::1\", \"fd00::2\"] })", "ip6tables -A FORWARD -s fd00::1,fd00::2 -j DROP"),
    // Links.
    ("filter.forward.drop(#{ iif: \"eth0\", oif: \"!veth+\" })", "iptables -A FORWARD -i eth0 ! -o veth+ -j DROP"),
    (
        "filter.forward.drop(#{ iif: \"!eth0\", oif: \"abcdefghijklmno\" })",
        "iptables -A FORWARD ! -i eth0 -o abcdefghijklmno -j DROP",
    ),
    ("filter.input.accept(#{ iif: \"lo\" })", "iptables -A INPUT -i lo -j ACCEPT"),
    ("filter.output.accept(#{ oif: \"!lo\" })", "iptables -A OUTPUT ! -o lo -j ACCEPT"),
    ("filter.forward.drop(#{ iif: \"+\", oif: \"!+\" })", "iptables -A FORWARD -i + ! -o + -j DROP"),
    ("filter6.forward.drop(#{ iif: \"veth+\", oif: \"eth0\" })", "ip6tables -A FORWARD -i veth+ -o eth0 -j DROP"),
    // Protocols.
    ("filter.forward.accept(#{ proto: \"tcp\" })", "iptables -A FORWARD -p tcp -j ACCEPT"),
    ("filter.forward.accept(#{ proto: \"!tcp\" })", "iptables -A FORWARD ! -p tcp -j ACCEPT"),
    ("filter.forward.accept(#{ proto: 47 })", "iptables -A FORWARD -p 47 -j ACCEPT"),
    ("filter.forward.accept(#{ proto: \"all\" })", "iptables -A FORWARD -p all -j ACCEPT"),
    ("filter.forward.accept(#{ proto: 255 })", "iptables -A FORWARD -p 255 -j ACCEPT"),
    ("filter.forward.accept(#{ proto: \"icmp\" })", "iptables -A FORWARD -p icmp -j ACCEPT"),
    ("filter6.forward.accept(#{ proto: \"icmpv6\" })", "ip6tables -A FORWARD -p icmpv6 -j ACCEPT"),
    // Ports.
    ("filter.input.accept(#{ proto: \"tcp\", dport: 22 })", "iptables -A INPUT -p tcp --dport 22 -j ACCEPT"),
    ("filter.input.accept(#{ proto: \"tcp\", dport: \"!22\" })", "iptables -A INPUT -p tcp ! --dport 22 -j ACCEPT"),
    (
        "filter.input.accept(#{ proto: \"tcp\", sport: 5, dport: 80 })",
        "iptables -A INPUT -p tcp --sport 5 --dport 80 -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"tcp\", sport: \"1:5\", dport: \"!80:90\" })",
        "iptables -A INPUT -p tcp --sport 1:5 ! --dport 80:90 -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"udp\", sport: \":5\", dport: \"8000:\" })",
        "iptables -A INPUT -p udp --sport :5 --dport 8000: -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"udp\", sport: 0, dport: 0 })",
        "iptables -A INPUT -p udp --sport 0 --dport 0 -j ACCEPT",
    ),
    ("filter.input.accept(#{ proto: \"udp\", dport: \"7:7\" })", "iptables -A INPUT -p udp --dport 7:7 -j ACCEPT"),
    ("filter.input.accept(#{ proto: \"tcp\", sport: \"!:5\" })", "iptables -A INPUT -p tcp ! --sport :5 -j ACCEPT"),
    (
        "filter.input.accept(#{ proto: \"tcp\", dport: \"0:65535\" })",
        "iptables -A INPUT -p tcp --dport 0:65535 -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"udp\", dport: \"0:65535\", sport: 9 })",
        "iptables -A INPUT -p udp --sport 9 --dport 0:65535 -j ACCEPT",
    ),
    (
        "filter6.input.accept(#{ iif: \"lo\", proto: \"tcp\", dport: \"8000:8010\" })",
        "ip6tables -A INPUT -i lo -p tcp --dport 8000:8010 -j ACCEPT",
    ),
    (
        "filter6.input.accept(#{ proto: \"udp\", sport: 53, dport: \"!53\" })",
        "ip6tables -A INPUT -p udp --sport 53 ! --dport 53 -j ACCEPT",
    ),
    // A match on a protocol without conditions.
    ("filter.input.accept(#{ proto: \"tcp\", tcp: true })", "iptables -A INPUT -p tcp -m tcp -j ACCEPT"),
    ("filter.input.accept(#{ proto: \"udp\", udp: true })", "iptables -A INPUT -p udp -m udp -j ACCEPT"),
    (
        "filter.input.accept(#{ proto: \"tcp\", tcp: true, dport: [80, 443] })",
        "iptables -A INPUT -p tcp -m tcp -m multiport --dports 80,443 -j ACCEPT",
    ),
    ("filter6.input.accept(#{ proto: \"tcp\", tcp: true })", "ip6tables -A INPUT -p tcp -m tcp -j ACCEPT"),
    ("filter6.input.accept(#{ proto: \"udp\", udp: true })", "ip6tables -A INPUT -p udp -m udp -j ACCEPT"),
    // Matches in another order.
    (
        "filter.input.accept([#{ state: \"NEW\" }, #{ proto: \"tcp\", dport: 80 }])",
        "iptables -A INPUT -m state --state NEW -p tcp --dport 80 -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"tcp\", dport: 80, state: \"NEW\" })",
        "iptables -A INPUT -p tcp --dport 80 -m state --state NEW -j ACCEPT",
    ),
    (
        "filter.input.accept([#{ comment: \"web\" }, #{ ctstate: \"NEW\", src: \"10.0.0.0/8\" }, #{ proto: \"tcp\", dport: [80, 443] }])",
        "iptables -A INPUT -m comment --comment web -s 10.0.0.0/8 -m conntrack --ctstate NEW -p tcp -m multiport --dports 80,443 -j ACCEPT",
    ),
    (
        "filter.forward.accept([#{ mark: 1 }, #{ mark: \"!2/2\" }])",
        "iptables -A FORWARD -m mark --mark 1 -m mark ! --mark 2/2 -j ACCEPT",
    ),
    (
        "nat.dnat([#{ dst_type: \"LOCAL\", chain: \"output\" }, #{ proto: \"tcp\", dport: 80, to: \"10.0.0.2:8080\" }])",
        "iptables -t nat -A OUTPUT -m addrtype --dst-type LOCAL -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080",
    ),
    (
        "filter6.input.accept([#{ ctstate: \"NEW\" }, #{ proto: \"tcp\", dport: 22 }])",
        "ip6tables -A INPUT -m conntrack --ctstate NEW -p tcp --dport 22 -j ACCEPT",
    ),
    // Lists of ports.
    (
        "filter.input.accept(#{ proto: \"tcp\", dport: [80, 443] })",
        "iptables -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"tcp\", dport: \"!80,443,8000:8010\" })",
        "iptables -A INPUT -p tcp -m multiport ! --dports 80,443,8000:8010 -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"udp\", sport: [80, \"443:445\"] })",
        "iptables -A INPUT -p udp -m multiport --sports 80,443:445 -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"sctp\", dport: [80] })",
        "iptables -A INPUT -p sctp -m multiport --dports 80 -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"tcp\", sport: [1, 2], dport: [3, 4], syn: true })",
        "iptables -A INPUT -p tcp --syn -m multiport --sports 1,2 -m multiport --dports 3,4 -j ACCEPT",
    ),
    (
        "filter6.input.accept(#{ proto: \"tcp\", dport: [80, 443] })",
        "ip6tables -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
    ),
    // Flags.
    ("filter.input.drop(#{ proto: \"tcp\", syn: true })", "iptables -A INPUT -p tcp --syn -j DROP"),
    (
        "filter.input.drop(#{ proto: \"tcp\", syn: false, state: \"NEW\" })",
        "iptables -A INPUT -p tcp ! --syn -m state --state NEW -j DROP",
    ),
    (
        "filter.input.drop(#{ proto: \"tcp\", tcp_flags: \"SYN,RST SYN\" })",
        "iptables -A INPUT -p tcp --tcp-flags SYN,RST SYN -j DROP",
    ),
    (
        "filter.input.drop(#{ proto: \"tcp\", tcp_flags: \"!ALL NONE\" })",
        "iptables -A INPUT -p tcp ! --tcp-flags ALL NONE -j DROP",
    ),
    (
        "filter.input.drop(#{ proto: \"tcp\", tcp_flags: \"ALL FIN,URG,PSH\", dport: 80 })",
        "iptables -A INPUT -p tcp --tcp-flags ALL FIN,URG,PSH --dport 80 -j DROP",
    ),
    (
        "filter6.input.drop(#{ proto: \"tcp\", syn: true, dport: 22 })",
        "ip6tables -A INPUT -p tcp --syn --dport 22 -j DROP",
    ),
    (
        "filter6.input.drop(#{ proto: \"tcp\", tcp_flags: \"!ALL NONE\", sport: \"!1:5\" })",
        "ip6tables -A INPUT -p tcp ! --tcp-flags ALL NONE ! --sport 1:5 -j DROP",
    ),
    (
        "filter6.input.accept(#{ proto: \"udp\", sport: \":5\", dport: \"8000:\" })",
        "ip6tables -A INPUT -p udp --sport :5 --dport 8000: -j ACCEPT",
    ),
    // ICMP.
    (
        "filter.input.accept(#{ icmp: \"echo-request\" })",
        "iptables -A INPUT -p icmp --icmp-type echo-request -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ proto: \"icmp\", icmp: \"!echo-reply\" })",
        "iptables -A INPUT -p icmp ! --icmp-type echo-reply -j ACCEPT",
    ),
    (
        "filter.input.accept(#{ icmp: \"network-unreachable\" })",
        "iptables -A INPUT -p icmp --icmp-type network-unreachable -j ACCEPT",
    ),
    ("filter.input.accept(#{ icmp: 3 })", "iptables -A INPUT -p icmp --icmp-type 3 -j ACCEPT"),
    ("filter.input.accept(#{ icmp: \"3/4\" })", "iptables -A INPUT -p icmp --icmp-type 3/4 -j ACCEPT"),
    ("filter.input.accept(#{ icmp: \"any\" })", "iptables -A INPUT -p icmp --icmp-type any -j ACCEPT"),
    (
        "filter6.input.accept(#{ icmp: \"echo-request\" })",
        "ip6tables -A INPUT -p icmpv6 --icmpv6-type echo-request -j ACCEPT",
    ),
    (
        "filter6.input.accept(#{ icmp: \"!neighbour-solicitation\" })",
        "ip6tables -A INPUT -p icmpv6 ! --icmpv6-type neighbour-solicitation -j ACCEPT",
    ),
    (
        "filter6.input.accept(#{ icmp: \"1/4\", proto: \"ipv6-icmp\" })",
        "ip6tables -A INPUT -p icmpv6 --icmpv6-type 1/4 -j ACCEPT",
    ),
    // Connections.
    (
        "filter.forward.accept(#{ state: \"ESTABLISHED,RELATED\" })",
        "iptables -A FORWARD -m state --state ESTABLISHED,RELATED -j ACCEPT",
    ),
    (
        "filter.forward.drop(#{ state: \"!INVALID,NEW,UNTRACKED\" })",
        "iptables -A FORWARD -m state ! --state INVALID,NEW,UNTRACKED -j DROP",
    ),
    (
        "filter6.forward.accept(#{ state: \"RELATED,ESTABLISHED\" })",
        "ip6tables -A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT",
    ),
    (
        "filter.forward.accept(#{ ctstate: \"ESTABLISHED,RELATED\" })",
        "iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    ),
    (
        "filter.forward.drop(#{ ctstate: \"!INVALID,NEW,UNTRACKED,SNAT,DNAT\" })",
        "iptables -A FORWARD -m conntrack ! --ctstate INVALID,NEW,UNTRACKED,SNAT,DNAT -j DROP",
    ),
    (
        "filter.forward.drop(#{ ctstate: [\"new\", \"invalid\"] })",
        "iptables -A FORWARD -m conntrack --ctstate NEW,INVALID -j DROP",
    ),
    (
        "filter6.forward.accept(#{ ctstate: \"RELATED,ESTABLISHED\" })",
        "ip6tables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ),
    // Marks.
    ("filter.forward.accept(#{ mark: 7 })", "iptables -A FORWARD -m mark --mark 7 -j ACCEPT"),
    ("filter.forward.accept(#{ mark: \"!0x7/0xff\" })", "iptables -A FORWARD -m mark ! --mark 0x7/0xff -j ACCEPT"),
    ("filter6.forward.accept(#{ mark: \"7/0xff\" })", "ip6tables -A FORWARD -m mark --mark 7/0xff -j ACCEPT"),
    ("filter.forward.accept(#{ connmark: 7 })", "iptables -A FORWARD -m connmark --mark 7 -j ACCEPT"),
    ("filter.forward.accept(#{ connmark: \"!7/0xff\" })", "iptables -A FORWARD -m connmark ! --mark 7/0xff -j ACCEPT"),
    ("filter6.forward.accept(#{ mark: \"!7\" })", "ip6tables -A FORWARD -m mark ! --mark 7 -j ACCEPT"),
    ("filter6.forward.accept(#{ connmark: \"7/0xff\" })", "ip6tables -A FORWARD -m connmark --mark 7/0xff -j ACCEPT"),
    // Hardware addresses and kinds of addresses.
    (
        "filter.forward.accept(#{ mac: \"02:00:00:00:00:0a\" })",
        "iptables -A FORWARD -m mac --mac-source 02:00:00:00:00:0a -j ACCEPT",
    ),
    (
        "filter6.forward.accept(#{ mac: \"!02:00:00:00:00:0a\" })",
        "ip6tables -A FORWARD -m mac ! --mac-source 02:00:00:00:00:0a -j ACCEPT",
    ),
    ("filter.forward.accept(#{ dst_type: \"LOCAL\" })", "iptables -A FORWARD -m addrtype --dst-type LOCAL -j ACCEPT"),
    (
        "filter.forward.accept(#{ dst_type: \"!LOCAL\", src_type: \"UNICAST,BROADCAST\" })",
        "iptables -A FORWARD -m addrtype ! --dst-type LOCAL --src-type UNICAST,BROADCAST -j ACCEPT",
    ),
    (
        "filter6.forward.accept(#{ dst_type: \"!local\" })",
        "ip6tables -A FORWARD -m addrtype ! --dst-type LOCAL -j ACCEPT",
    ),
    // Limits and statistics.
    ("filter.forward.accept(#{ limit: \"3/min\" })", "iptables -A FORWARD -m limit --limit 3/min -j ACCEPT"),
    (
        "filter.forward.accept(#{ limit: \"10/s\", burst: 20 })",
        "iptables -A FORWARD -m limit --limit 10/s --limit-burst 20 -j ACCEPT",
    ),
    (
        "filter.forward.accept(#{ limit: \"20000/minute\" })",
        "iptables -A FORWARD -m limit --limit 20000/minute -j ACCEPT",
    ),
    ("filter.forward.accept(#{ limit: \"1/day\" })", "iptables -A FORWARD -m limit --limit 1/day -j ACCEPT"),
    (
        "filter.forward.accept(#{ limit: \"11/hour\", burst: 7 })",
        "iptables -A FORWARD -m limit --limit 11/hour --limit-burst 7 -j ACCEPT",
    ),
    ("filter6.forward.accept(#{ limit: \"7/sec\" })", "ip6tables -A FORWARD -m limit --limit 7/sec -j ACCEPT"),
    (
        "filter.forward.accept(#{ every: 3, packet: 1 })",
        "iptables -A FORWARD -m statistic --mode nth --every 3 --packet 1 -j ACCEPT",
    ),
    (
        "filter.forward.accept(#{ every: \"!3\" })",
        "iptables -A FORWARD -m statistic --mode nth ! --every 3 --packet 0 -j ACCEPT",
    ),
    (
        "filter.forward.accept(#{ probability: 0.5 })",
        "iptables -A FORWARD -m statistic --mode random --probability 0.5 -j ACCEPT",
    ),
    (
        "filter.forward.accept(#{ probability: \"!0.333\" })",
        "iptables -A FORWARD -m statistic --mode random ! --probability 0.333 -j ACCEPT",
    ),
    (
        "filter6.forward.accept(#{ probability: 1 })",
        "ip6tables -A FORWARD -m statistic --mode random --probability 1 -j ACCEPT",
    ),
    // Comments, and much at once.
    ("filter.forward.accept(#{ comment: \"hello\" })", "iptables -A FORWARD -m comment --comment hello -j ACCEPT"),
    (
        "filter.forward.accept(#{ comment: `it's a \"good\" \\ one` })",
        "iptables -A FORWARD -m comment --comment 'it'\\''s a \"good\" \\ one' -j ACCEPT",
    ),
    ("filter6.forward.accept(#{ comment: \"ü\" })", "ip6tables -A FORWARD -m comment --comment ü -j ACCEPT"),
    (
        "filter.forward.accept(#{ src: \"10.0.0.0/8\", iif: \"eth0\", proto: \"tcp\", dport: 80, syn: true, state: \"NEW\", mark: 1, connmark: 2, mac: \"02:00:00:00:00:01\", dst_type: \"UNICAST\", limit: \"5/s\", every: 2, probability: 0.5, comment: \"all\" })",
        "iptables -A FORWARD -i eth0 -s 10.0.0.0/8 -p tcp --dport 80 --syn -m state --state NEW -m mark --mark 1 -m connmark --mark 2 -m mac --mac-source 02:00:00:00:00:01 -m addrtype --dst-type UNICAST -m limit --limit 5/s -m statistic --mode nth --every 2 --packet 0 -m statistic --mode random --probability 0.5 -m comment --comment all -j ACCEPT",
    ),
    // Verdicts.
    ("filter.input.accept()", "iptables -A INPUT -j ACCEPT"),
    ("filter.input.drop()", "iptables -A INPUT -j DROP"),
    ("filter6.output.ret()", "ip6tables -A OUTPUT -j RETURN"),
    (
        "let c = host.filter.chain(\"own\"); host.filter.input.jump(c, #{ proto: \"udp\" });",
        "iptables -N own; iptables -A INPUT -p udp -j own",
    ),
    (
        "let c = host.mangle6.chain(\"own\"); host.mangle6.input.jump(c); c.ret();",
        "ip6tables -t mangle -N own; ip6tables -t mangle -A INPUT -j own; ip6tables -t mangle -A own -j RETURN",
    ),
    ("filter.input.reject()", "iptables -A INPUT -j REJECT"),
    (
        "filter.input.reject(#{ proto: \"tcp\", reply: \"tcp-reset\" })",
        "iptables -A INPUT -p tcp -j REJECT --reject-with tcp-reset",
    ),
    (
        "filter.forward.reject(#{ reply: \"icmp-host-unreachable\" })",
        "iptables -A FORWARD -j REJECT --reject-with icmp-host-unreachable",
    ),
    (
        "filter.forward.reject(#{ reply: \"icmp-admin-prohibited\" })",
        "iptables -A FORWARD -j REJECT --reject-with icmp-admin-prohibited",
    ),
    ("filter6.forward.reject()", "ip6tables -A FORWARD -j REJECT"),
    (
        "filter6.forward.reject(#{ proto: \"tcp\", reply: \"tcp-reset\" })",
        "ip6tables -A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
    ),
    (
        "filter6.forward.reject(#{ reply: \"icmp6-adm-prohibited\" })",
        "ip6tables -A FORWARD -j REJECT --reject-with icmp6-adm-prohibited",
    ),
    ("filter.input.log()", "iptables -A INPUT -j LOG"),
    (
        "filter.input.log(#{ prefix: \"hello w: \", level: \"info\" })",
        "iptables -A INPUT -j LOG --log-prefix 'hello w: ' --log-level info",
    ),
    ("filter6.input.log(#{ prefix: \"x\", level: 3 })", "ip6tables -A INPUT -j LOG --log-prefix x --log-level 3"),
    // NAT.
    ("nat.masquerade()", "iptables -t nat -A POSTROUTING -j MASQUERADE"),
    (
        "nat.masquerade(#{ src: \"172.17.0.0/24\", oif: \"!br0\" })",
        "iptables -t nat -A POSTROUTING -s 172.17.0.0/24 ! -o br0 -j MASQUERADE",
    ),
    (
        "nat.masquerade(#{ proto: \"tcp\", to: \"1000-2000\", random: true })",
        "iptables -t nat -A POSTROUTING -p tcp -j MASQUERADE --to-ports 1000-2000 --random",
    ),
    (
        "nat.masquerade(#{ random: true, random_fully: true })",
        "iptables -t nat -A POSTROUTING -j MASQUERADE --random --random-fully",
    ),
    ("nat6.masquerade(#{ src: \"fd00::/64\" })", "ip6tables -t nat -A POSTROUTING -s fd00::/64 -j MASQUERADE"),
    (
        "nat6.masquerade(#{ proto: \"udp\", to: 1000 })",
        "ip6tables -t nat -A POSTROUTING -p udp -j MASQUERADE --to-ports 1000",
    ),
    ("nat.snat(#{ to: \"1.2.3.4\" })", "iptables -t nat -A POSTROUTING -j SNAT --to-source 1.2.3.4"),
    (
        "nat.snat(#{ proto: \"tcp\", to: \"1.2.3.4-1.2.3.9:100-200\" })",
        "iptables -t nat -A POSTROUTING -p tcp -j SNAT --to-source 1.2.3.4-1.2.3.9:100-200",
    ),
    (
        "nat.snat(#{ to: \"1.2.3.4\", random: true, persistent: true })",
        "iptables -t nat -A POSTROUTING -j SNAT --to-source 1.2.3.4 --random --persistent",
    ),
    (
        "nat.snat(#{ chain: \"input\", to: \"1.2.3.4\", random_fully: true })",
        "iptables -t nat -A INPUT -j SNAT --to-source 1.2.3.4 --random-fully",
    ),
    (
        "nat6.snat(#{ proto: \"tcp\", to: \"[fd00::1-fd00::5]:100-200\" })",
        "ip6tables -t nat -A POSTROUTING -p tcp -j SNAT --to-source [fd00::1-fd00::5]:100-200",
    ),
    ("nat6.snat(#{ to: \"fd00::1\" })", "ip6tables -t nat -A POSTROUTING -j SNAT --to-source fd00::1"),
    (
        "nat.dnat(#{ iif: \"!br0\", proto: \"tcp\", dport: 8000, to: \"172.17.0.101:8080\" })",
        "iptables -t nat -A PREROUTING ! -i br0 -p tcp --dport 8000 -j DNAT --to-destination 172.17.0.101:8080",
    ),
    (
        "nat.dnat(#{ chain: \"output\", dst_type: \"LOCAL\", proto: \"tcp\", dport: 8000, to: \"172.17.0.101:8080\" })",
        "iptables -t nat -A OUTPUT -p tcp --dport 8000 -m addrtype --dst-type LOCAL -j DNAT --to-destination 172.17.0.101:8080",
    ),
    (
        "nat.dnat(#{ proto: \"tcp\", to: \"1.2.3.4:80-90/1000\" })",
        "iptables -t nat -A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4:80-90/1000",
    ),
    ("nat.dnat(#{ proto: \"udp\", to: \":80\" })", "iptables -t nat -A PREROUTING -p udp -j DNAT --to-destination :80"),
    (
        "nat.dnat(#{ to: \"1.2.3.4-1.2.3.6\", random: true, persistent: true })",
        "iptables -t nat -A PREROUTING -j DNAT --to-destination 1.2.3.4-1.2.3.6 --random --persistent",
    ),
    ("nat6.dnat(#{ to: \"fd00::2\" })", "ip6tables -t nat -A PREROUTING -j DNAT --to-destination fd00::2"),
    (
        "nat6.dnat(#{ proto: \"tcp\", dport: 80, to: \"[fd00::2]:8080\" })",
        "ip6tables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination [fd00::2]:8080",
    ),
    (
        "nat.redirect(#{ proto: \"tcp\", dport: 80, to: 8080 })",
        "iptables -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080",
    ),
    (
        "nat.redirect(#{ chain: \"OUTPUT\", proto: \"tcp\", to: \"8080-8090\", random: true })",
        "iptables -t nat -A OUTPUT -p tcp -j REDIRECT --to-ports 8080-8090 --random",
    ),
    (
        "nat6.redirect(#{ proto: \"udp\", dport: 53, to: 5353 })",
        "ip6tables -t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353",
    ),
    ("nat.prerouting.accept(#{ dst: \"10.0.0.0/8\" })", "iptables -t nat -A PREROUTING -d 10.0.0.0/8 -j ACCEPT"),
    // Changing packets.
    ("mangle.prerouting.mark(#{ set: 7 })", "iptables -t mangle -A PREROUTING -j MARK --set-mark 7"),
    (
        "mangle.prerouting.mark(#{ set: \"0x100/0xff\", mark: 0 })",
        "iptables -t mangle -A PREROUTING -m mark --mark 0 -j MARK --set-mark 0x100/0xff",
    ),
    ("mangle6.output.mark(#{ set: \"7/0xff\" })", "ip6tables -t mangle -A OUTPUT -j MARK --set-mark 7/0xff"),
    ("mangle.prerouting.connmark(#{ set: 7 })", "iptables -t mangle -A PREROUTING -j CONNMARK --set-mark 7"),
    (
        "mangle.prerouting.connmark(#{ set: \"7/0xf\" })",
        "iptables -t mangle -A PREROUTING -j CONNMARK --set-mark 7/0xf",
    ),
    ("mangle.postrouting.connmark(#{ save: true })", "iptables -t mangle -A POSTROUTING -j CONNMARK --save-mark"),
    (
        "mangle6.prerouting.connmark(#{ restore: true, mask: \"0xff\" })",
        "ip6tables -t mangle -A PREROUTING -j CONNMARK --restore-mark --mask 0xff",
    ),
    (
        "mangle.forward.tcpmss(#{ proto: \"tcp\", syn: true, set: 1400 })",
        "iptables -t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 1400",
    ),
    (
        "mangle.forward.tcpmss(#{ proto: \"tcp\", tcp_flags: \"SYN,RST SYN\", clamp: true })",
        "iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
    ),
    (
        "mangle6.postrouting.tcpmss(#{ proto: \"tcp\", tcp_flags: \"SYN,RST SYN\", clamp: true })",
        "ip6tables -t mangle -A POSTROUTING -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
    ),
    (
        "raw.prerouting.notrack(#{ proto: \"udp\", dport: 53 })",
        "iptables -t raw -A PREROUTING -p udp --dport 53 -j CT --notrack",
    ),
    ("raw6.output.notrack()", "ip6tables -t raw -A OUTPUT -j CT --notrack"),
];

/// Words for invalid rules, and the code of the error.
pub const BAD: &[(&str, &str)] = &[
    ("filter.forward.accept(#{ source: \"10.0.0.0/8\" })", "E0208"),
    ("filter.forward.accept(#{ chain: \"input\" })", "E0208"),
    ("nat.masquerade(#{ persistent: true })", "E0208"),
    ("filter.forward.accept(#{ src: \"10.0.0.0/33\" })", "E0201"),
    ("filter.forward.accept(#{ src: \"fd00::/64\" })", "E0203"),
    ("filter6.forward.accept(#{ dst: \"10.0.0.0/8\" })", "E0203"),
    ("nat.dnat(#{ to: \"fd00::1\" })", "E0203"),
    ("nat6.snat(#{ to: \"10.0.0.1\" })", "E0203"),
    ("filter.forward.accept(#{ src: \"!0.0.0.0/0\" })", "E0213"),
    ("filter.forward.accept(#{ src: \"!10.0.0.1,10.0.0.2\" })", "E0213"),
    ("filter.forward.accept(#{ src: 5 })", "E0105"),
    ("filter.forward.accept(#{ iif: \"a/b\" })", "E0204"),
    ("filter.forward.accept(#{ iif: \"abcdefghijklmno+\" })", "E0204"),
    ("filter.output.accept(#{ iif: \"eth0\" })", "E0213"),
    ("filter.input.accept(#{ oif: \"eth0\" })", "E0213"),
    ("nat.masquerade(#{ iif: \"eth0\" })", "E0213"),
    ("nat.dnat(#{ oif: \"eth0\", to: \"1.2.3.4\" })", "E0213"),
    ("filter.forward.accept(#{ dport: 80 })", "E0213"),
    ("filter.forward.accept(#{ proto: \"!tcp\", dport: 80 })", "E0213"),
    ("filter.forward.accept(#{ proto: \"icmp\", dport: 80 })", "E0213"),
    ("filter.forward.accept(#{ dport: [80] })", "E0213"),
    ("filter.forward.accept(#{ syn: true })", "E0213"),
    ("filter.forward.accept(#{ proto: \"udp\", syn: true })", "E0213"),
    ("filter.forward.accept(#{ proto: \"tcp\", syn: true, tcp_flags: \"ALL NONE\" })", "E0213"),
    ("filter.forward.accept(#{ proto: \"tcp\", dport: 65536 })", "E0207"),
    ("filter.forward.accept(#{ proto: \"tcp\", dport: \"90:80\" })", "E0207"),
    ("filter.forward.accept(#{ proto: \"tcp\", dport: \"http\" })", "E0207"),
    ("filter.forward.accept(#{ proto: \"tcp\", dport: \"!0:65535\" })", "E0213"),
    ("filter.forward.accept(#{ proto: \"tcp\", dport: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16] })", "E0207"),
    ("filter.forward.accept(#{ proto: \"tcp\", dport: [] })", "E0207"),
    ("filter.forward.accept(#{ proto: \"tpc\" })", "E0210"),
    ("filter.forward.accept(#{ proto: 256 })", "E0210"),
    ("filter.forward.accept(#{ icmp: \"echo\" })", "E0210"),
    ("filter6.forward.accept(#{ icmp: \"source-quench\" })", "E0210"),
    ("filter6.forward.accept(#{ proto: \"icmp\", icmp: \"echo-request\" })", "E0213"),
    ("filter.forward.accept(#{ state: \"OPEN\" })", "E0210"),
    ("filter.forward.accept(#{ state: \"DNAT\" })", "E0210"),
    ("filter.forward.accept(#{ ctstate: \"OPEN\" })", "E0210"),
    ("filter.forward.accept(#{ tcp: true })", "E0213"),
    ("filter.forward.accept(#{ proto: \"udp\", tcp: true })", "E0213"),
    ("filter.forward.accept(#{ proto: \"tcp\", udp: true, dport: 80 })", "E0213"),
    ("filter.forward.accept(#{ proto: \"udp\", udp: true, tcp: true })", "E0213"),
    ("filter.forward.accept(#{ proto: \"udp\", udp: true, syn: true })", "E0213"),
    ("filter.forward.accept([#{ proto: \"tcp\" }, #{ proto: \"udp\" }])", "E0213"),
    ("filter.forward.accept([#{ at: 1 }, #{ at: 2 }])", "E0213"),
    ("filter.forward.accept([#{ proto: \"tcp\" }, 5])", "E0105"),
    ("filter.forward.accept(5)", "E0105"),
    ("nat.masquerade([\"x\"])", "E0105"),
    ("filter.forward.accept(#{ mark: -1 })", "E0210"),
    ("filter.forward.accept(#{ mark: \"0x100000000\" })", "E0210"),
    ("filter.forward.accept(#{ mac: \"02:00\" })", "E0206"),
    ("filter.output.accept(#{ mac: \"02:00:00:00:00:01\" })", "E0213"),
    ("filter6.forward.accept(#{ src_type: \"BROADCAST\" })", "E0213"),
    ("filter.forward.accept(#{ limit: \"0/s\" })", "E0210"),
    ("filter.forward.accept(#{ limit: \"3/week\" })", "E0210"),
    ("filter.forward.accept(#{ burst: 3 })", "E0213"),
    ("filter.forward.accept(#{ limit: \"3/s\", burst: 10001 })", "E0211"),
    ("filter.forward.accept(#{ limit: \"3/s\", burst: 0 })", "E0211"),
    ("filter.forward.accept(#{ every: 3, packet: 3 })", "E0211"),
    ("filter.forward.accept(#{ every: 0 })", "E0210"),
    ("filter.forward.accept(#{ packet: 0 })", "E0213"),
    ("filter.forward.accept(#{ probability: 1.5 })", "E0210"),
    ("filter.forward.accept(#{ comment: \"a\\nb\" })", "E0210"),
    ("filter.forward.accept(#{ at: 0 })", "E0211"),
    ("filter.forward.log(#{ prefix: \"123456789012345678901234567890\" })", "E0210"),
    ("filter.forward.log(#{ level: 8 })", "E0210"),
    ("filter.forward.reject(#{ reply: \"tcp-reset\" })", "E0213"),
    ("filter.forward.reject(#{ reply: \"icmp6-no-route\" })", "E0210"),
    ("mangle.forward.reject()", "E0213"),
    ("filter.forward.masquerade()", "E0213"),
    ("nat.prerouting.masquerade()", "E0213"),
    ("nat.snat(#{ chain: \"output\", to: \"1.2.3.4\" })", "E0213"),
    ("nat.dnat(#{ chain: \"forward\", to: \"1.2.3.4\" })", "E0210"),
    ("nat.dnat(#{ proto: \"tcp\" })", "E0209"),
    ("nat.dnat(#{ to: \"1.2.3.4:80\" })", "E0213"),
    ("nat.dnat(#{ to: \"1.2.3\" })", "E0202"),
    ("nat.masquerade(#{ to: 80 })", "E0213"),
    ("nat.prerouting.drop()", "E0213"),
    ("nat.forward", "E0306"),
    ("mangle.prerouting.mark(#{})", "E0209"),
    ("mangle.prerouting.connmark(#{})", "E0209"),
    ("mangle.prerouting.connmark(#{ save: true, restore: true })", "E0213"),
    ("mangle.forward.tcpmss(#{ clamp: true })", "E0213"),
    ("mangle.input.tcpmss(#{ proto: \"tcp\", clamp: true })", "E0213"),
    ("mangle.forward.tcpmss(#{ proto: \"tcp\" })", "E0209"),
    ("mangle.prerouting.notrack()", "E0213"),
    ("filter.chain(\"-x\")", "E0214"),
    ("filter.chain(\"LOG\")", "E0214"),
    ("filter.chain(\"abcdefghijklmnopqrstuvwxyz012\")", "E0214"),
    ("filter.chain_open(\"nope\")", "E0306"),
    ("filter.forward.jump(\"INPUT\")", "E0213"),
    ("filter.forward.jump(\"nope\")", "E0306"),
    ("filter.forward.jump(host.nat.output)", "E0213"),
    ("filter.forward.jump(5)", "E0105"),
    ("filter.forward.policy(\"reject\")", "E0210"),
    ("filter.forward.delete()", "E0213"),
    ("filter.forward.accept(#{ at: 2 })", "E0211"),
];
