//! Rules in the notation of `iptables -S`.

use super::super::{Family, Prefix};
use super::{
    Addrtype, ConnmarkTarget, Extension, Header, IfaceLimit, Log, Masked, Match, Mss, Multiport, MultiportSide,
    NatOptions, Negatable, PortRange, Rule, Target, TcpMatch,
};

/// The words of a rule, one after the other in one text.
struct RuleWords {
    text: String,
    /// The end of each word, and its origin.
    ends: Vec<(usize, From)>,
}

/// The origin of a word.
#[derive(Clone, Copy)]
enum From {
    /// iptables: it is shown unchanged.
    Iptables,
    /// The user: it is quoted where needed.
    User,
}

impl RuleWords {
    fn put(&mut self, words: &[&str]) {
        words.iter().for_each(|word| self.push(word, From::Iptables));
    }

    fn push(&mut self, word: &str, from: From) {
        self.text.push_str(word);
        self.ends.push((self.text.len(), from));
    }

    fn option<T>(&mut self, option: &str, value: &Negatable<T>, show: impl Fn(&T) -> String) {
        if value.inverted {
            self.put(&["!"]);
        }
        self.put(&[option, &show(&value.value)]);
    }

    fn user_text(&mut self, option: &str, text: &str) {
        self.put(&[option]);
        self.push(text, From::User);
    }

    fn iter(&self) -> impl Iterator<Item = (&str, From)> {
        let mut start = 0;
        self.ends.iter().map(move |(end, from)| (&self.text[std::mem::replace(&mut start, *end)..*end], *from))
    }
}

/// Writes a word in the notation of `iptables -S`: texts with characters other than letters, digits, `-` and `_` are
/// quoted (`xtables_save_string`, libxtables).
fn show(line: &mut String, word: &str, from: From) {
    match from {
        From::User if !is_simple(word) => {
            let escaped =
                word.chars().flat_map(|c| matches!(c, '"' | '\\' | '\'').then_some('\\').into_iter().chain([c]));
            line.push('"');
            line.extend(escaped);
            line.push('"');
        }
        From::User | From::Iptables => line.push_str(word),
    }
}

fn is_simple(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

impl Rule {
    /// The words after the chain's name in `iptables -S`.
    fn words(&self) -> RuleWords {
        // Large enough for most rules.
        let mut words = RuleWords { text: String::with_capacity(96), ends: Vec::with_capacity(16) };
        let family = self.chain().table.family;
        header(&mut words, self.header());
        for found in self.matches() {
            match_words(&mut words, family, found);
        }
        if let Some(wanted) = self.target() {
            target_words(&mut words, wanted);
        }
        words
    }

    /// The arguments of `iptables -A CHAIN` after the chain's name.
    pub fn spec(&self) -> Vec<String> {
        self.words().iter().map(|(word, _)| word.to_owned()).collect()
    }

    /// The line of `iptables -S`: `-A CHAIN …`.
    pub fn text(&self) -> String {
        let words = self.words();
        let mut line = String::with_capacity(2 * words.text.len());
        line.push_str("-A ");
        line.push_str(self.chain().name.as_str());
        for (word, from) in words.iter() {
            line.push(' ');
            show(&mut line, word, from);
        }
        line
    }
}

fn header(words: &mut RuleWords, header: &Header) {
    let Header { src, dst, iif, oif, proto, fragment } = header;
    for (option, addr) in [("-s", src), ("-d", dst)] {
        if let Some(addr) = addr {
            words.option(option, addr, Prefix::to_string);
        }
    }
    for (option, link) in [("-i", iif), ("-o", oif)] {
        if let Some(link) = link {
            words.option(option, link, ToString::to_string);
        }
    }
    if let Some(proto) = proto {
        words.option("-p", proto, ToString::to_string);
    }
    match fragment {
        Some(true) => words.put(&["-f"]),
        Some(false) => words.put(&["!", "-f"]),
        None => {}
    }
}

fn match_words(words: &mut RuleWords, family: Family, found: &Match) {
    match found {
        Match::Tcp(TcpMatch { sport, dport, flags }) => {
            words.put(&["-m", "tcp"]);
            ports(words, sport.as_ref(), dport.as_ref());
            if let Some(flags) = flags {
                words.option("--tcp-flags", flags, |flags| flags.mask.to_string());
                words.put(&[&flags.value.set.to_string()]);
            }
        }
        Match::Udp(udp) => {
            words.put(&["-m", "udp"]);
            ports(words, udp.sport.as_ref(), udp.dport.as_ref());
        }
        Match::Icmp(kind) => {
            let (name, option) = match family {
                Family::V4 => ("icmp", "--icmp-type"),
                Family::V6 => ("icmp6", "--icmpv6-type"),
            };
            words.put(&["-m", name]);
            words.option(option, kind, |kind| kind.text(family));
        }
        Match::Multiport(Multiport { side, ports }) => {
            words.put(&["-m", "multiport"]);
            let option = match side {
                MultiportSide::Source => "--sports",
                MultiportSide::Destination => "--dports",
                MultiportSide::Either => "--ports",
            };
            words.option(option, ports, ToString::to_string);
        }
        Match::Conntrack(conntrack) => {
            let (name, option) = if conntrack.alias { ("state", "--state") } else { ("conntrack", "--ctstate") };
            words.put(&["-m", name]);
            words.option(option, &conntrack.states, ToString::to_string);
        }
        Match::Mark(mark) => {
            words.put(&["-m", "mark"]);
            words.option("--mark", mark, mark_text);
        }
        Match::Connmark(mark) => {
            words.put(&["-m", "connmark"]);
            words.option("--mark", mark, mark_text);
        }
        Match::Mac(mac) => {
            words.put(&["-m", "mac"]);
            words.option("--mac-source", mac, ToString::to_string);
        }
        Match::Addrtype(addrtype) => addrtype_words(words, addrtype),
        Match::Limit(rate, burst) => {
            words.put(&["-m", "limit", "--limit", &rate.to_string()]);
            if *burst != super::Rate::DEFAULT_BURST {
                words.put(&["--limit-burst", &burst.to_string()]);
            }
        }
        Match::Nth(nth) => {
            words.put(&["-m", "statistic", "--mode", "nth"]);
            words.option("--every", nth, |nth| nth.every().to_string());
            words.put(&["--packet", &nth.value.packet().to_string()]);
        }
        Match::Random(probability) => {
            words.put(&["-m", "statistic", "--mode", "random"]);
            words.option("--probability", probability, ToString::to_string);
        }
        Match::Comment(comment) => {
            words.put(&["-m", "comment"]);
            words.user_text("--comment", comment.as_str());
        }
        Match::Extension(Extension { name, .. }) => words.put(&["-m", name, "[unsupported]"]),
        Match::Native(names) => words.put(&[&format!("[nft {names}]")]),
    }
}

fn ports(words: &mut RuleWords, sport: Option<&Negatable<PortRange>>, dport: Option<&Negatable<PortRange>>) {
    for (option, port) in [("--sport", sport), ("--dport", dport)] {
        if let Some(port) = port {
            words.option(option, port, |range| range.text(':'));
        }
    }
}

fn addrtype_words(words: &mut RuleWords, addrtype: &Addrtype) {
    words.put(&["-m", "addrtype"]);
    for (option, types) in [("--src-type", &addrtype.src), ("--dst-type", &addrtype.dst)] {
        if let Some(types) = types {
            words.option(option, types, ToString::to_string);
        }
    }
    match addrtype.limit {
        Some(IfaceLimit::In) => words.put(&["--limit-iface-in"]),
        Some(IfaceLimit::Out) => words.put(&["--limit-iface-out"]),
        None => {}
    }
}

fn mark_text(mark: &Masked) -> String {
    match mark.mask {
        u32::MAX => format!("{:#x}", mark.value),
        mask => format!("{:#x}/{mask:#x}", mark.value),
    }
}

fn target_words(words: &mut RuleWords, target: &Target) {
    match target {
        Target::Accept => words.put(&["-j", "ACCEPT"]),
        Target::Drop => words.put(&["-j", "DROP"]),
        Target::Return => words.put(&["-j", "RETURN"]),
        Target::Jump(chain) => words.put(&["-j", chain.as_str()]),
        Target::Goto(chain) => words.put(&["-g", chain.as_str()]),
        Target::Reject(with) => words.put(&["-j", "REJECT", "--reject-with", with.word()]),
        Target::Log(log) => log_words(words, log),
        Target::Masquerade(ports, options) => to_ports(words, "MASQUERADE", *ports, *options),
        Target::Redirect(ports, options) => to_ports(words, "REDIRECT", *ports, *options),
        Target::Snat(to, options) => {
            words.put(&["-j", "SNAT", "--to-source", &to.text()]);
            nat_options(words, *options);
        }
        Target::Dnat(to, options) => {
            words.put(&["-j", "DNAT", "--to-destination", &to.text()]);
            nat_options(words, *options);
        }
        Target::Mark(Masked { value, mask }) => {
            words.put(&["-j", "MARK", "--set-xmark", &format!("{value:#x}/{mask:#x}")]);
        }
        Target::Connmark(connmark) => connmark_words(words, *connmark),
        Target::Tcpmss(Mss::Set(bytes)) => words.put(&["-j", "TCPMSS", "--set-mss", &bytes.to_string()]),
        Target::Tcpmss(Mss::Clamp) => words.put(&["-j", "TCPMSS", "--clamp-mss-to-pmtu"]),
        Target::Notrack { alias: false } => words.put(&["-j", "CT", "--notrack"]),
        Target::Notrack { alias: true } => words.put(&["-j", "NOTRACK"]),
        Target::Extension(Extension { name, .. }) => words.put(&["-j", name, "[unsupported]"]),
    }
}

fn log_words(words: &mut RuleWords, log: &Log) {
    let Log { prefix, level, flags } = log;
    words.put(&["-j", "LOG"]);
    if let Some(prefix) = prefix {
        words.user_text("--log-prefix", prefix.as_str());
    }
    if *level != Log::DEFAULT_LEVEL {
        words.put(&["--log-level", &level.to_string()]);
    }
    for (bit, option) in Log::FLAGS {
        if flags & bit != 0 {
            words.put(&[option]);
        }
    }
}

fn to_ports(words: &mut RuleWords, target: &str, ports: Option<PortRange>, options: NatOptions) {
    words.put(&["-j", target]);
    if let Some(ports) = ports {
        words.put(&["--to-ports", &ports.text('-')]);
    }
    nat_options(words, options);
}

fn nat_options(words: &mut RuleWords, options: NatOptions) {
    let NatOptions { random, random_fully, persistent } = options;
    for (on, option) in [(random, "--random"), (random_fully, "--random-fully"), (persistent, "--persistent")] {
        if on {
            words.put(&[option]);
        }
    }
}

fn connmark_words(words: &mut RuleWords, connmark: ConnmarkTarget) {
    let (option, nfmask, ctmask) = match connmark {
        ConnmarkTarget::Set(Masked { value, mask }) => {
            return words.put(&["-j", "CONNMARK", "--set-xmark", &format!("{value:#x}/{mask:#x}")]);
        }
        ConnmarkTarget::Save { nfmask, ctmask } => ("--save-mark", nfmask, ctmask),
        ConnmarkTarget::Restore { nfmask, ctmask } => ("--restore-mark", nfmask, ctmask),
    };
    let (nfmask, ctmask) = (format!("{nfmask:#x}"), format!("{ctmask:#x}"));
    words.put(&["-j", "CONNMARK", option, "--nfmask", &nfmask, "--ctmask", &ctmask]);
}
