//! Tests the second tutorial, and labs beside containers, with a real Docker engine: `cargo xtask docker`. The engine
//! runs in namespaces of its own (`tests/rig/docker`).

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::{netscript, workspace};

/// The programs that it needs.
const NEEDED: [&str; 6] = ["dockerd", "containerd", "runc", "docker", "busybox", "unshare"];

/// Why the suite did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// It cannot run here.
    Skipped(String),
    /// Checks failed.
    Failed,
}

/// Runs the suite.
///
/// # Errors
///
/// If it cannot run here, or a check fails.
pub fn run() -> Result<(), Missed> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Missed::Skipped("it needs root".to_owned()));
    }
    let missing: Vec<&str> = NEEDED.into_iter().filter(|program| !is_there(program)).collect();
    if !missing.is_empty() {
        return Err(Missed::Skipped(format!("it needs {} (`sh .ci/setup docker`)", missing.join(", "))));
    }
    let this = std::env::current_exe().unwrap_or_default();
    let status = Command::new(workspace().join("tests/rig/docker"))
        .arg(this)
        .arg("docker-inside")
        .arg(netscript())
        .stdin(Stdio::null())
        .status();
    if status.is_ok_and(|status| status.success()) { Ok(()) } else { Err(Missed::Failed) }
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// A check; the error has what was seen instead.
type Check = fn(&Beside) -> Result<(), String>;

/// Runs all checks beside the engine; returns whether all passed.
pub fn inside(program: &Path) -> bool {
    let checks: [(&str, Check); 6] = [
        ("the tutorial's commands and ours see the same", tutorial),
        ("a name that was given is taken away, and nothing else", only_the_name),
        ("a published port works beside a lab's own rules, and after it", published_port),
        ("what a lab puts into a container is taken out again", guest),
        ("a container that ends while the lab is up", ends),
        ("a container that is started again while the lab is up", restarts),
    ];
    let beside = Beside { program: program.to_owned() };
    let mut held = true;
    for (what, check) in checks {
        match check(&beside) {
            Ok(()) => println!("ok      {what}"),
            Err(why) => {
                held = false;
                println!("FAILED  {what}\n{why}");
            }
        }
    }
    held
}

/// The machine with the engine.
struct Beside {
    program: PathBuf,
}

impl Beside {
    fn run(&self, commands: &str) -> Output {
        let text = format!(
            "cd /run; netscript() {{ timeout 60 '{}' \"$@\"; }}; pid() {{ docker inspect -f '{{{{.State.Pid}}}}' \"$1\"; }}; {commands}",
            self.program.display()
        );
        Command::new("bash").args(["-ec", &text]).output().expect("there is a shell")
    }

    /// Runs commands that must succeed.
    fn ok(&self, commands: &str) -> Result<String, String> {
        let output = self.run(commands);
        let told = [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat();
        if output.status.success() { Ok(told) } else { Err(format!("{commands}\n{told}")) }
    }

    fn script(&self, name: &str, text: &str) {
        std::fs::write(format!("/run/{name}.rhai"), text).expect("/run is the rig's");
    }

    /// A snapshot of the machine, with Docker's rules and the container's network.
    fn look(&self) -> Result<String, String> {
        self.ok(
            "nft list ruleset 2>/dev/null | sed 's/packets [0-9]* bytes [0-9]*//'; ip -o addr | sed 's/ valid_lft.*//; s/ tentative//'; ip route; ip rule
             ls /run/netns; ls -d /etc/netns /run/netscript 2>/dev/null || true; sysctl net.ipv4.ip_forward
             docker ps --format '{{.Names}} {{.Ports}}' | sort
             for c in $(docker ps -q); do nsenter -n -t $(pid $c) sh -c 'ip -o addr | sed \"s/ valid_lft.*//\"; ip route'; done",
        )
    }

    /// Checks that the snapshots before and after a lab are equal.
    fn unchanged(&self, lab: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        let before = self.look()?;
        lab()?;
        let after = self.look()?;
        if before == after { Ok(()) } else { Err(format!("before:\n{before}\nafter:\n{after}")) }
    }
}

fn same(what: &str, one: &str, other: &str) -> Result<(), String> {
    if one.trim() == other.trim() { Ok(()) } else { Err(format!("{what}:\n{one}\nand\n{other}")) }
}

/// `tests/tutorials/2-docker-namespaces.txt`
fn tutorial(beside: &Beside) -> Result<(), String> {
    // Its commands, word for word where they need no terminal.
    let theirs = beside.ok(
        r#"mkdir -p /var/run/netns; ln -sf /proc/$(pid box)/ns/net /var/run/netns/box
           ip netns | cut -d ' ' -f 1
           ip netns exec box ip -j addr | jq -r '.[].ifname' 2>/dev/null || ip netns exec box ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/'
           ip netns exec box ip -o -4 addr show eth0 | sed 's/.* inet \([^ ]*\) .*/\1/'
           nsenter --target $(pid box) --net ip link show >/dev/null
           far=$(ip netns exec box cat /sys/class/net/eth0/iflink)
           ip -o link | sed -n "s/^$far: \([^@]*\)@.* master \([^ ]*\) .*/\1 \2/p"
           rm /var/run/netns/box"#,
    )?;
    beside.script(
        "tutorial",
        r#"
        let box = netns_attach("box", parse_int(args[0]));
        for name in netns_list() { print(name); }
        for l in box.links { print(l.name); }
        let eth0 = box.link("eth0");
        print(eth0.addrs.filter(|a| !(":" in a))[0]);
        let far = eth0.peer;
        print(`${far.name} ${far.master.name}`);
        assert(far.netns == host && far in host.link("docker0").ports);
        assert(netns_of(parse_int(args[0])).links.map(|l| l.name) == box.links.map(|l| l.name));
        let captures = [far.capture(), eth0.capture()];
        assert(box.ping("172.17.0.1").ok);
        for capture in captures {
            assert(capture.packets.some(|p| "> 172.17.0.1 ICMP echo request" in p), `${capture.packets}`);
            capture.stop();
        }
        netns_detach("box");
        assert("box" !in netns_list());
        "#,
    );
    beside.unchanged(|| {
        let ours =
            beside.ok("netscript tutorial.rhai -- $(pid box) 2>/dev/null; netscript down tutorial >/dev/null 2>&1")?;
        same("the tutorial's commands and ours", &theirs, &ours)
    })
}

fn only_the_name(beside: &Beside) -> Result<(), String> {
    beside
        .script("name", r#"netns_attach("box", parse_int(args[0])); assert(netns_open("box").ping("172.17.0.1").ok);"#);
    beside.unchanged(|| {
        let up = beside.ok("netscript name.rhai -- $(pid box)")?;
        if !up.starts_with("the lab `name` is up: changes to this machine") {
            return Err(format!("the container's namespace is not the lab's: {up}"));
        }
        beside.ok("ip netns list | grep -q box")?;
        same("", "the lab `name` is down", &beside.ok("netscript down name")?)?;
        beside.ok("kill -0 $(pid box); ping -c 1 -W 2 172.17.0.2 >/dev/null").map(drop)
    })
}

fn published_port(beside: &Beside) -> Result<(), String> {
    beside.ok("docker run -d -p 8080:80 --name web busybox httpd -f -p 80 -h /www >/dev/null")?;
    beside.script(
        "web",
        r#"
        let web = netns_attach("web", parse_int(args[0]));
        // A client in a network of its own, behind the host.
        let client = netns("client");
        let v = veth("v1", #{ peer: "eth0", netns: client }).addr("10.77.0.1/24").up();
        v.peer.addr("10.77.0.2/24").up();
        client.route("default", #{ via: "10.77.0.1" });
        host.filter.forward.accept(#{ iif: v, at: 1 });
        host.filter.forward.accept(#{ oif: v, at: 1 });
        host.nat.dnat(#{ proto: "tcp", dport: 9090, dst: "10.77.0.1", to: "172.17.0.3:80" });
        wait_until(5, || host.fetch("http://172.17.0.3/").status == 200);
        assert(client.fetch("http://10.77.0.1:8080/").body == "a page\n", "Docker's published port");
        assert(client.fetch("http://10.77.0.1:9090/").body == "a page\n", "the lab's own");
        assert(web.ping("172.17.0.2").ok);
        "#,
    );
    beside.unchanged(|| {
        beside.ok("netscript web.rhai -- $(pid web); netscript down web")?;
        beside.ok("wget -q -T 5 -O - http://127.0.0.1:8080/ 2>/dev/null || busybox wget -q -T 5 -O - http://127.0.0.1:8080/")
            .and_then(|page| same("the page after the lab", "a page", &page))
    })?;
    beside.ok("docker rm -f web >/dev/null").map(drop)
}

const GUEST: &str = r#"
    let box = netns_attach("box", parse_int(args[0]));
    box.link("eth0").addr("10.88.0.2/24").set_mtu(1400);
    box.route("10.89.0.0/16", #{ via: "10.88.0.1" });
    box.filter.input.accept(#{ src: "10.88.0.0/24" });
    veth("v1", #{ peer: "extra", netns: box }).up();
    box.sysctl("net.ipv4.conf.all.rp_filter", 1);
    let server = box.start("sleep 1000");
"#;

fn guest(beside: &Beside) -> Result<(), String> {
    beside.script("guest", GUEST);
    beside.unchanged(|| {
        beside.ok(
            "netscript guest.rhai -- $(pid box); nsenter -n -t $(pid box) ip link show extra; netscript down guest",
        )?;
        beside.ok("kill -0 $(pid box); ! pgrep -x -f 'sleep 1000'").map(drop)
    })
}

fn ends(beside: &Beside) -> Result<(), String> {
    beside.script("guest", GUEST);
    beside.unchanged(|| {
        beside
            .ok("docker run -d --name short busybox /bin/sleep 600 >/dev/null; netscript guest.rhai -- $(pid short)")?;
        beside.ok("docker rm -f short >/dev/null")?;
        same("", "the lab `guest` is down", &beside.ok("netscript down guest")?)
    })
}

fn restarts(beside: &Beside) -> Result<(), String> {
    beside.script("guest", GUEST);
    beside.unchanged(|| {
        beside
            .ok("docker run -d --name again busybox /bin/sleep 600 >/dev/null; netscript guest.rhai -- $(pid again)")?;
        beside.ok("docker restart -t 0 again >/dev/null")?;
        same("", "the lab `guest` is down", &beside.ok("netscript down guest")?)?;
        beside
            .ok("nsenter -n -t $(pid again) ping -c 1 -W 2 172.17.0.1 >/dev/null; docker rm -f again >/dev/null")
            .map(drop)
    })
}
