//! The values that settings accept: the model's list compared with the kernel, in a new namespace.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};

use netscript_lang::diagnostics::Errno;
use netscript_model::Model;
use netscript_net::op::{NetnsName, NetnsOp, NetnsRef, Op, SysctlKey, SysctlOp};
use netscript_tests::Sandbox;
use netscript_tests::program::{Place, finish};

const LIST: &str = include_str!("../../../engine/model/src/settings.txt");

/// The kernel whose bounds the list has.
const RELEASE: (u32, u32) = (6, 18);

/// Writing 1 cannot be undone, and affects the whole machine (`nf_hooks_lwtunnel_sysctl_handler`).
const FOR_GOOD: &str = "net/netfilter/nf_hooks_lwtunnel";

/// The values to write to a setting; `bounds` is the list's entry for its values.
fn tried(bounds: &str, now: Option<&str>) -> Vec<String> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let (low, high, exact) = match bounds {
        "" | "ro" | "ro-inside" | "wo" => return texts(&[now.unwrap_or("1")]),
        "none" | "address" => return texts(&["", "x", "1", "10.0.0.1", "fd00::1"]),
        "int" => (i32::MIN.into(), i32::MAX.into(), true),
        // CONFIG_HZ is 100 to 1000.
        "seconds" => (i128::from(i32::MIN) / 100, i128::from(i32::MAX) / 100, false),
        bounds => {
            let (numbers, _) = bounds.split_once('*').unwrap_or((bounds, "1"));
            let (low, high) = numbers.trim_start_matches('~').split_once("..").unwrap();
            (low.parse::<i128>().unwrap(), high.parse::<i128>().unwrap(), !bounds.starts_with('~'))
        }
    };
    let mut tried: Vec<String> = texts(&["", " ", "x", "0x", "1x", "+1", "08"]);
    tried.extend([low - 1, high + 1].map(|number| number.to_string()));
    if exact {
        tried.extend([low, high].map(|number| number.to_string()));
        tried.extend([format!("{low} x"), format!("{high} {}", high + 1)]);
        tried.extend((low >= 0).then(|| format!("0x{high:x}")));
        tried.extend(now.map(str::to_owned));
    }
    tried
}

fn write(path: &str, value: &str) -> Option<Errno> {
    let written = OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(value.as_bytes()));
    written.err().map(|error: io::Error| Errno(error.raw_os_error().unwrap()))
}

/// The model's error for a value, in a namespace other than the machine's first.
fn foreseen(path: &str, value: &str) -> Option<Errno> {
    let red = NetnsName::parse("red").unwrap();
    let mut model = Model::new();
    model.apply(&[Op::new(NetnsRef::Host, NetnsOp::Add(red.clone()))]).unwrap();
    let write = SysctlOp::Write(SysctlKey::parse(&format!("/{path}")).unwrap(), value.to_owned());
    model.apply(&[Op::new(NetnsRef::Named(red), write)]).err().map(|(_, rejection)| rejection.errno)
}

#[test]
fn every_setting_takes_what_the_model_says() {
    if netscript_tests::kernel_release() < RELEASE {
        return netscript_tests::skip("the bounds of settings: they are those of Linux 6.18");
    }
    let (asked, wrong) = Sandbox::new().run(|| {
        let (mut asked, mut wrong) = (0, String::new());
        for line in LIST.lines() {
            let (path, what) = line.split_once(' ').unwrap_or((line, ""));
            let names: &[&str] = if path.contains('*') { &["lo", "all", "default"] } else { &[""] };
            for path in names.iter().map(|name| path.replace('*', name)) {
                let file = format!("/proc/sys/{path}");
                // A setting with a line of its own is not covered by the line with `*`.
                let own = LIST.lines().any(|other| other != line && other.split(' ').next() == Some(path.as_str()));
                if own || !fs::exists(&file).unwrap() {
                    continue;
                }
                asked += 1;
                let now = fs::read_to_string(&file).ok().map(|text| text.trim_end_matches('\n').to_owned());
                let bounds = what.rsplit(' ').next().unwrap_or("");
                let tried = tried(bounds, now.as_deref());
                for value in tried.iter().filter(|_| path != FOR_GOOD || bounds.starts_with('~')) {
                    let (met, foreseen) = (write(&file, &format!("{value}\n")), foreseen(&path, value));
                    if met != foreseen {
                        wrong.push_str(&format!("{line}, {value:?}: the kernel {met:?}, the model {foreseen:?}\n"));
                    }
                    now.as_deref().filter(|_| met.is_none()).map(|now| write(&file, &format!("{now}\n")));
                }
            }
        }
        (asked, wrong)
    });
    assert!(wrong.is_empty(), "{wrong}");
    assert!(asked > 350, "only {asked} settings are there");
}

/// A dry run has the error of a run: the same code at the same place.
#[test]
fn what_a_setting_refuses_is_refused_in_a_dry_run() {
    let place = Place::new();
    for (number, (refused, script)) in [
        (true, r#"host.sysctl("net.ipv4.route.flush");"#),
        (false, r#"host.sysctl("net.ipv4.route.flush", 1);"#),
        (true, r#"host.sysctl("net.ipv4.tcp_available_congestion_control", "reno");"#),
        (true, r#"netns("red").sysctl("net.core.rmem_max", 4096);"#),
        (true, r#"host.sysctl("net.ipv4.conf.lo.mc_forwarding", 1);"#),
        (true, r#"host.sysctl("net.ipv4.tcp_sack", 256);"#),
        (true, r#"host.sysctl("net.ipv4.tcp_rmem", "4096 0 1");"#),
        (false, r#"host.sysctl("net.ipv4.tcp_rmem", "4096 8192");"#),
        (true, r#"netns("red").sysctl("net.ipv6.conf.default.stable_secret", "x");"#),
        (false, r#"let r = netns("red"); r.sysctl("net.ipv6.conf.default.stable_secret", "fd00::1");"#),
        (true, r#"let r = netns("red"); r.sysctl("net.ipv6.conf.all.stable_secret", "fd00::1");"#),
        (false, r#"host.sysctl("net.ipv4.ip_local_reserved_ports", "");"#),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{number}.rhai");
        place.write(&name, script);
        let real = finish(&mut place.netscript(&["--sandbox", &name])).stderr;
        let dry = finish(&mut place.netscript(&["--dry-run", &name])).stderr;
        let mark = |told: &str| crate::dry_run::code_and_place(told).map(|(code, at)| (code.to_owned(), at.to_owned()));
        if mark(&real).is_some_and(|(code, _)| code == "E0307") {
            netscript_tests::skip(&format!("what `{script}` refuses: this kernel has no such setting in a namespace"));
            continue;
        }
        assert_eq!(mark(&dry), mark(&real), "{script}\ndry run: {dry}\nrun: {real}");
        assert_eq!(mark(&real).is_some(), refused, "{script}: {real}");
    }
}
