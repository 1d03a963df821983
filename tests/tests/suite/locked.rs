//! Sandboxes are safe: programs of a script try to change the machine. They run as root, whom file permissions do not
//! stop, and as an ordinary user.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use netscript_tests::program::{Finished, Place, as_nobody, finish};
use netscript_tests::terminal::Terminal;
use netscript_tests::{Sandbox, netscript, workspace};

/// Runs a shell script by `exec` in a sandbox, with these options, as root and as nobody.
fn attack(options: &[&str], commands: &str) -> Vec<Finished> {
    let place = Place::new();
    place.write("attack.sh", commands);
    place.write("lab.rhai", "let r = host.exec([\"sh\", \"attack.sh\"]); print(r.stdout + r.stderr); exit(r.status)");
    let arguments = [&["--sandbox"], options, &["lab.rhai"]].concat();
    let root = finish(&mut place.netscript(&arguments));
    let nobody = finish(as_nobody(&mut place.netscript(&arguments)));
    vec![root, nobody]
}

/// Settings that an attack must not change, with the machine's values.
fn settings() -> Vec<(&'static str, String)> {
    let files = [
        "/proc/sys/vm/swappiness",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/panic",
        "/proc/sys/fs/file-max",
        "/proc/sys/user/max_net_namespaces",
        "/proc/irq/default_smp_affinity",
    ];
    files.iter().filter_map(|file| Some((*file, fs::read_to_string(file).ok()?))).collect()
}

#[test]
fn no_setting_outside_net_can_be_written() {
    let before = settings();
    assert!(before.len() > 4, "{before:?}");
    let files: String = before.iter().map(|(file, _)| format!("{file} ")).collect();
    // Each is given the value that it has, so that a sandbox that leaks does no harm: directly; through another /proc; through the first process; after taking mounts away.
    let commands = format!(
        "bad=0
         same() {{ (v=$(cat \"$1\") && printf %s \"$v\" > \"$1\") 2>/dev/null; }}
         try() {{ for f in {files}; do if same \"$1$f\"; then echo \"WROTE $1$f\"; bad=1; fi; done; }}
         try ''
         for p in 1 $PPID $$; do try /proc/$p/root; try /proc/$p/cwd/../../../../..; done
         mkdir /tmp/p && mount -t proc proc /tmp/p 2>/dev/null && try /tmp/p/../tmp/p/..
         for m in /proc/sys /proc/irq /proc; do umount $m 2>/dev/null; umount -l $m 2>/dev/null; mount -o remount,rw $m 2>/dev/null; mount -o remount,bind,rw $m 2>/dev/null; done
         try ''
         unshare -mpf sh -c 'mount -t proc proc /proc && cat /proc/sys/vm/swappiness > /tmp/v && cat /tmp/v > /proc/sys/vm/swappiness && echo WROTE nested' 2>/dev/null
         unshare -Urmpf sh -c 'mount -t proc proc /proc && cat /proc/sys/vm/swappiness > /tmp/v && cat /tmp/v > /proc/sys/vm/swappiness && echo WROTE nested' 2>/dev/null
         mount --bind / /tmp/p 2>/dev/null && try /tmp/p
         mount --rbind / /tmp/p 2>/dev/null && try /tmp/p
         for f in /proc/[0-9]*/fd/*; do try $f/..; done
         exit $bad"
    );
    for finished in attack(&[], &commands) {
        assert!(!finished.stdout.contains("WROTE"), "{finished:?}");
        assert_eq!(finished.status, 0, "{finished:?}");
    }
    assert_eq!(settings(), before);
}

#[test]
fn settings_of_the_network_are_the_sandboxes_own() {
    let machine = fs::read_to_string("/proc/sys/net/ipv4/ip_default_ttl").unwrap();
    for finished in attack(&[], "echo 77 > /proc/sys/net/ipv4/ip_default_ttl && cat /proc/sys/net/ipv4/ip_default_ttl")
    {
        assert_eq!(finished.success(), "77\n\n");
    }
    assert_eq!(fs::read_to_string("/proc/sys/net/ipv4/ip_default_ttl").unwrap(), machine);
}

#[test]
fn no_file_of_the_machine_can_be_written() {
    let place = Place::new();
    let open = place.path("open");
    fs::create_dir(&open).unwrap();
    // Everybody may write here, so that only the sandbox prevents it.
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let victim = open.join("victim");
    fs::write(&victim, "precious").unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o666)).unwrap();
    let victim = victim.display();
    let commands = format!(
        "for f in /etc/hosts /etc/passwd /bin/sh; do (: >> $f) 2>/dev/null && echo WROTE $f; done
         for d in / /etc /usr /root /var/tmp {0}; do t=$(mktemp -p $d netscript.XXXXXX 2>/dev/null) && {{ echo WROTE $d; rm -f $t; }}; done
         echo x > {victim}; rm -f {victim}; mv {victim} {victim}2; chmod 600 {victim}
         ln {victim} {0}/hard; mkdir {0}/folder; truncate -s 0 {victim}
         mount -o remount,bind,rw / ; mount -o remount,rw / ; echo x > {victim}
         mount --bind {0} /mnt && echo x > /mnt/victim
         unshare -m sh -c 'mount -o remount,bind,rw {0}; echo x > {victim}'
         unshare -Urm sh -c 'mount -o remount,bind,rw {0}; umount /tmp; echo x > {victim}; mount -t tmpfs t /mnt && mount --bind {0} /mnt && echo x > /mnt/victim'
         true",
        open.display()
    );
    place.write("attack.sh", commands);
    place.write(
        "lab.rhai",
        format!("print(host.exec([\"sh\", \"attack.sh\"]).stdout); try {{ host.lo.capture(\"{victim}\"); }} catch (e) {{ print(e.code); }}"),
    );
    for nobody in [false, true] {
        let mut command = place.netscript(&["--sandbox", "lab.rhai"]);
        let finished = finish(if nobody { as_nobody(&mut command) } else { &mut command });
        assert_eq!(finished.success(), "\nE0405\n");
        assert_eq!(fs::read_to_string(open.join("victim")).unwrap(), "precious", "nobody: {nobody}");
        assert_eq!(fs::read_dir(&open).unwrap().count(), 1, "nobody: {nobody}");
    }
}

#[test]
fn a_sandbox_has_folders_of_its_own_to_write_in() {
    let name = "netscript-test-of-tmp";
    let commands = format!(
        "set -e; for f in /tmp /run /dev/shm /etc/netns; do test ! -e $f/{name}; echo x > $f/{name}; done; mktemp; echo done"
    );
    for finished in attack(&[], &commands) {
        assert!(finished.success().ends_with("done\n\n"));
    }
    for folder in ["/tmp", "/run", "/dev/shm"] {
        assert!(!fs::exists(format!("{folder}/{name}")).unwrap());
    }
}

#[test]
fn a_folder_can_be_handed_out() {
    let place = Place::new();
    for folder in ["out", "rest"] {
        fs::create_dir(place.path(folder)).unwrap();
        fs::set_permissions(place.path(folder), fs::Permissions::from_mode(0o777)).unwrap();
    }
    place.write(
        "lab.rhai",
        "let c = host.lo.capture(\"out/x.pcap\"); host.ping(\"127.0.0.1\"); c.stop();
         print(host.exec([\"sh\", \"-c\", \"echo x > out/y && echo 1; echo x > rest/y && echo 2; echo x > new && echo 3\"]).stdout);",
    );
    for nobody in [false, true] {
        let mut command = place.netscript(&["--sandbox", "--writable", "out", "lab.rhai"]);
        let finished = finish(if nobody { as_nobody(&mut command) } else { &mut command });
        assert_eq!(finished.success(), "1\n\n");
        assert!(fs::metadata(place.path("out/x.pcap")).unwrap().len() > 24);
        assert!(fs::read_dir(place.path("rest")).unwrap().next().is_none());
        for file in ["x.pcap", "y"] {
            fs::remove_file(place.path("out").join(file)).unwrap();
        }
    }
    for (folder, why) in [("none", "No such file"), ("lab.rhai", "not a folder"), ("/proc", "its own")] {
        let finished = finish(&mut place.netscript(&["--sandbox", "--writable", folder, "lab.rhai"]));
        assert_eq!(finished.status, 1, "{finished:?}");
        assert!(finished.stderr.contains("error[E0405]") && finished.stderr.contains(why), "{finished:?}");
    }
}

#[test]
fn the_error_says_how_a_file_can_be_written() {
    let place = Place::new();
    let finished = place.sandboxed("host.lo.capture(\"x.pcap\");");
    assert_eq!(finished.status, 1);
    assert!(finished.stderr.contains("error[E0405]") && finished.stderr.contains("--writable"), "{finished:?}");
}

#[test]
fn no_device_can_be_reached() {
    // The machine's disk, memory and log, and whatever else there is.
    let commands = "
        cd /dev; ls -1 | sort | tr '\\n' ' '
        test ! -e /dev/kmsg; test ! -e /dev/mem
        mknod /tmp/kmsg c 1 11 2>/dev/null && echo '<1>x' > /tmp/kmsg 2>/dev/null && echo WROTE
        mkdir /tmp/d; mount -t devtmpfs d /tmp/d 2>/dev/null && echo MOUNTED
        (echo x > /dev/kmsg) 2>/dev/null && echo WROTE
        umount -l /dev 2>/dev/null && test -e /dev/kmsg && echo UNCOVERED
        for n in null zero random urandom tty; do test -c /dev/$n || echo MISSING $n; done
        head -c 4 /dev/urandom >/dev/null && echo x > /dev/null && echo usable";
    for finished in attack(&[], commands) {
        let stdout = finished.success();
        let first = "fd full net null ptmx pts random shm stderr stdin stdout tty urandom zero ";
        assert_eq!(stdout, format!("{first}usable\n\n"));
    }
}

#[test]
fn no_cgroup_and_nothing_of_sys_can_be_written() {
    let commands = "
        find /sys -type f -writable 2>/dev/null | head -3 | while read f; do (cat $f > $f) 2>/dev/null && echo WROTE $f; done
        mount -o remount,rw /sys 2>/dev/null && echo REMOUNTED; mount -o remount,bind,rw /sys 2>/dev/null && echo REMOUNTED
        mkdir -p /tmp/s /tmp/c
        mount -t sysfs s /tmp/s 2>/dev/null && echo MOUNTED /sys
        mount -o ro -t sysfs s /tmp/s >/dev/null 2>&1 && { mount -o remount,bind,rw /tmp/s || mount -o remount,rw /tmp/s; } 2>/dev/null && echo REMOUNTED
        unshare -C true 2>/dev/null && echo UNSHARED
        for t in cgroup2 'cgroup -o none,name=x' debugfs tracefs securityfs configfs pstore efivarfs; do mount -t $t c /tmp/c 2>/dev/null && echo MOUNTED $t; done
        unshare -UrmC sh -c 'mount -t cgroup2 c /tmp/c && echo MOUNTED nested' 2>/dev/null
        ls /sys/class/net
        umount /sys 2>/dev/null; ls /sys/class/net; umount /sys/class; ls /sys/class";
    for finished in attack(&[], commands) {
        assert_eq!(finished.stdout, "lo\nlo\n\n", "{finished:?}");
    }
}

#[test]
fn processes_outside_are_out_of_reach() {
    let place = Place::new();
    // Started by the same shell, and so in the process group of the sandbox's outer process.
    let script = format!(
        "sleep 300 & bystander=$!
         {} --sandbox {}
         kill -0 $bystander && echo alive; kill $bystander",
        place.program().display(),
        place.path("lab.rhai").display()
    );
    place.write(
        "attack.sh",
        "for p in $(ls /proc | grep -E '^[0-9]+$'); do grep -q sleep.300 /proc/$p/cmdline && echo SEEN; done
         kill -KILL 0 & sleep 0.05
         kill -KILL 1",
    );
    place.write(
        "group.py",
        "import os, signal, ctypes
libc = ctypes.CDLL(None, use_errno=True)
for pid in [1] + [int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())]:
    try:
        os.setpgid(0, os.getpgid(pid))
        print('JOINED', pid)
    except OSError: pass
    # The sandbox's own two processes share the group of those outside.
    if open(f'/proc/{pid}/comm').read().strip().startswith('netscript') and libc.ptrace(16, pid, 0, 0) == 0:
        print('TRACED', pid)
    for what in ('fd/0', 'root/etc', 'cwd', 'ns/mnt', 'exe'):
        try:
            os.stat(f'/proc/{pid}/{what}')
            if pid == 1: print('REACHED', what)
        except OSError: pass
try:
    open('/dev/tty')
    print('TTY')
except OSError: pass
",
    );
    place.write(
        "lab.rhai",
        "print(host.exec([\"python3\", \"group.py\"]).stdout); print(host.exec([\"setsid\", \"sh\", \"attack.sh\"]).stdout);",
    );
    for nobody in [false, true] {
        let mut command = Command::new("setsid");
        command.args(["-w", "sh", "-c", &script]);
        let finished = finish(if nobody { as_nobody(&mut command) } else { &mut command });
        assert_eq!(finished.stdout.trim(), "alive", "nobody: {nobody}: {finished:?}");
    }
}

#[test]
fn keys_and_shared_memory_of_the_session_stay_outside() {
    // add_key(2) and keyctl(2) by number, for x86-64 and arm64, so that keyutils is not needed.
    const KEYS: &str = "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
add, keyctl = (248, 250) if os.uname().machine == 'x86_64' else (217, 219)
if sys.argv[1] == 'add':
    libc.syscall(keyctl, 1, None)
    key = libc.syscall(add, b'user', b'netscript-test', b'secret', 6, -3)
    os.execvp(sys.argv[2], sys.argv[2:]) if key > 0 else sys.exit('no keys')
print('found' if libc.syscall(keyctl, 10, -3, b'user', b'netscript-test', 0) > 0 else 'not found')
libc.shmget.restype = ctypes.c_int
print(libc.shmget(0x6e657473, 1, 0))
";
    let place = Place::new();
    place.write("keys.py", KEYS);
    place.write("lab.rhai", "print(host.exec([\"python3\", \"keys.py\", \"find\"]).stdout);");
    let program = place.program().display().to_string();
    // Outside the sandbox, both exist.
    let found = |command: &[&str]| {
        let mut python = Command::new("python3");
        python.current_dir(place.path("")).args(["keys.py", "add"]).args(command);
        finish(&mut python)
    };
    let made = finish(Command::new("ipcmk").args(["-M", "16"]));
    assert_eq!(made.status, 0, "{made:?}");
    assert!(found(&["python3", "keys.py", "find"]).stdout.starts_with("found"));
    let inside = found(&[program.as_str(), "--sandbox", "lab.rhai"]);
    let list = place.sandboxed("print(host.exec(\"ipcs -m\").stdout.contains(\"root\"))");
    let id = made.stdout.split_whitespace().last().unwrap().to_owned();
    assert_eq!(finish(Command::new("ipcrm").args(["-m", &id])).status, 0);
    assert_eq!(inside.success(), "not found\n-1\n\n");
    assert_eq!(list.success(), "false\n");
}

#[test]
fn no_name_server_is_left_on_the_machine() {
    let existed = fs::exists("/etc/netns").unwrap();
    let place = Place::new();
    let script = "let red = netns(\"red\"); red.resolver(\"192.0.2.7\"); print(red.exec(\"cat /etc/resolv.conf\").stdout.contains(\"192.0.2.7\"))";
    place.write("lab.rhai", script);
    for nobody in [false, true] {
        let mut command = place.netscript(&["--sandbox", "lab.rhai"]);
        let finished = finish(if nobody { as_nobody(&mut command) } else { &mut command });
        assert_eq!(finished.success(), "true\n");
    }
    assert_eq!(fs::exists("/etc/netns").unwrap(), existed);
}

#[test]
fn a_setting_that_a_sandbox_hides_has_an_error_of_its_own() {
    let place = Place::new();
    for script in
        ["print(host.sysctl(\"net.ipv6.route.gc_timeout\"))", "host.sysctl(\"net.ipv6.route.gc_timeout\", 60)"]
    {
        place.write("lab.rhai", script);
        for nobody in [false, true] {
            let mut command = place.netscript(&["--sandbox", "lab.rhai"]);
            let finished = finish(if nobody { as_nobody(&mut command) } else { &mut command });
            assert_eq!(finished.status, 1, "{finished:?}");
            assert!(finished.stderr.contains("error[E0430]"), "{finished:?}");
        }
        // Outside a sandbox, root can use it.
        let machine = Sandbox::new();
        let path = place.path("lab.rhai");
        let outside = machine.run(move || finish(Command::new(netscript()).arg("--rm").arg(path)));
        assert_eq!(outside.status, 0, "{outside:?}");
    }
    let misspelt = place.sandboxed("host.sysctl(\"net.ipv4.ip_forwrad\", 1)");
    assert!(misspelt.stderr.contains("E0307"), "{misspelt:?}");
}

#[test]
fn a_mount_that_fails_is_an_error_with_a_code() {
    let place = Place::new();
    place.write("lab.rhai", "print(1)");
    let program = place.program().display().to_string();
    // A chroot cannot make user namespaces, and its `/` is no mount.
    let finished =
        finish(Command::new("unshare").args(["-m", "chroot", "/", &program, "--sandbox"]).arg(place.path("lab.rhai")));
    assert!(finished.status == 0 || finished.stderr.contains("error[E0404]"), "{finished:?}");
    // A `/proc` that is partly covered, as in a container.
    let covered = "mount -t tmpfs t /proc/acpi 2>/dev/null || mount -t tmpfs t /proc/tty; exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"";
    let script = place.path("lab.rhai").display().to_string();
    let finished =
        finish(Command::new("unshare").args(["-m", "sh", "-c", covered, "sh", &program, "--sandbox", &script]));
    assert_eq!(finished.status, 1, "{finished:?}");
    assert!(finished.stderr.contains("error[E0404]") && finished.stderr.contains("mount /proc"), "{finished:?}");
}

/// Enters a folder as README.md says, and by chroot: in a chroot the kernel makes no user namespaces
/// (`current_chrooted`, fs/namespace.c), even if its `/` is a mount.
#[test]
fn a_folder_is_entered_by_a_mount_and_not_by_chroot() {
    let place = Place::new();
    place.write("lab.rhai", "print(sandboxed);");
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let advice = readme.lines().find(|line| line.starts_with("unshare --mount sh -c 'mount --rbind DIR")).unwrap();
    let run = format!("{} --sandbox {}", place.program().display(), place.path("lab.rhai").display());
    let enter = |how: &str| {
        // The machine's root folder serves as a folder with a system in it.
        let how = how.replace("DIR", "/mnt");
        let commands = format!("mount --rbind / /mnt && echo '{run}' | {how}");
        finish(Command::new("unshare").args(["--mount", "sh", "-c", &commands]))
    };
    let entered = enter(advice);
    assert_eq!((entered.status, entered.stdout.as_str()), (0, "true\n"), "{entered:?}");
    let entered = enter("chroot DIR sh");
    assert_eq!(entered.status, 1, "{entered:?}");
    assert!(entered.stderr.contains("error[E0404]") && entered.stderr.contains("`pivot_root`"), "{entered:?}");
}

#[test]
fn it_says_when_user_namespaces_are_forbidden_to_root_too() {
    let place = Place::new();
    place.write("lab.rhai", "print(1)");
    // Root of a user namespace whose limit forbids further ones.
    let commands = format!(
        "echo 0 > /proc/sys/user/max_user_namespaces; exec {} --sandbox {}",
        place.program().display(),
        place.path("lab.rhai").display()
    );
    let finished = finish(Command::new("unshare").args(["-Ur", "sh", "-c", &commands]));
    assert_eq!(finished.status, 1, "{finished:?}");
    assert!(finished.stderr.contains("error[E0404]"), "{finished:?}");
    assert!(finished.stderr.contains("user.max_user_namespaces"), "{finished:?}");
}

#[test]
fn users_keep_their_identity_in_a_sandbox() {
    let place = Place::new();
    place.write("lab.rhai", "print(host.exec(\"cat /proc/self/uid_map /proc/self/gid_map\").stdout)");
    let program = place.program().display().to_string();
    let script = place.path("lab.rhai").display().to_string();
    // Both for root, and for root of a user namespace with a single user.
    for (around, map) in [(&["env"][..], "0 0 4294967295"), (&["unshare", "-Ur"], "0 0 1")] {
        let mut command = Command::new(around[0]);
        let finished = finish(command.args(&around[1..]).args([&program, "--sandbox", &script]));
        let stdout = finished.success();
        let lines: Vec<String> =
            stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines[..2], [map, map], "{around:?}");
    }
}

#[test]
fn programs_of_the_network_work_inside() {
    let commands = "
        set -e
        ip netns add red; ip link add v0 type veth peer name v1 netns red; ip -n red link set v1 up
        ip netns exec red ls /sys/class/net | tr '\\n' ' '; ip netns exec red ls /sys/class/net | wc -l
        ip netns exec red sysctl -q -w net.ipv4.ip_forward=1; sysctl -n net.ipv4.ip_forward
        ip netns exec red iptables -A FORWARD -j ACCEPT; ip netns exec red iptables -S FORWARD | wc -l
        unshare -n ip -br link; unshare -m mount -t tmpfs t /mnt
        mkdir -p /etc/netns/red; echo nameserver 192.0.2.9 > /etc/netns/red/resolv.conf; ip netns exec red grep -c 192.0.2.9 /etc/resolv.conf
        ip netns del red";
    for finished in attack(&[], commands) {
        assert_eq!(finished.status, 0, "{finished:?}");
        let lines: Vec<String> =
            finished.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines[..5], ["lo v1 2", "0", "2", "lo DOWN 00:00:00:00:00:00 <LOOPBACK>", "1"], "{finished:?}");
    }
}

/// A process with a controlling terminal can insert text into its input (TIOCSTI), which the user's shell would run.
#[test]
fn no_program_gets_at_the_terminal() {
    let place = Place::new();
    place.write(
        "lab.rhai",
        r#"let word = "(exec 3<>/dev/tty) 2>/dev/null && echo reached || echo not reached";
           print("exec: " + host.exec(["sh", "-c", word]).stdout);
           let p = host.start(["sh", "-c", word]);
           wait_until(5, || p.output.contains("reached"));
           print("start: " + p.output.split("\n").filter(|l| l.contains("reached"))[0]);"#,
    );
    let mut terminal = Terminal::start(&place, &["--sandbox", "lab.rhai"], 80, &[]);
    terminal.wait_for("start: ");
    terminal.close();
    let text = terminal.text();
    assert!(text.contains("exec: not reached") && text.contains("start: not reached"), "{text}");
}
