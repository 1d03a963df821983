//! `ns.shell()`, on a terminal that script(1) makes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use netscript_tests::program::Place;

/// A command with a terminal of its own.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: BufReader<ChildStdout>,
}

impl Terminal {
    fn run(place: &Place, command: &str) -> Terminal {
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", command, "/dev/null"])
            .current_dir(place.path(""))
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let keys = child.stdin.take().unwrap();
        let screen = BufReader::new(child.stdout.take().unwrap());
        Terminal { child, keys, screen }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// The first line that holds a text.
    fn see(&mut self, wanted: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert!(self.screen.read_line(&mut line).unwrap() > 0, "no {wanted:?} in {seen:?}");
            if line.contains(wanted) {
                return line;
            }
            seen.push_str(&line);
        }
    }

    fn status(mut self) -> Option<i32> {
        std::io::copy(&mut self.screen, &mut std::io::sink()).unwrap();
        self.child.wait().unwrap().code()
    }
}

const SCRIPT: &str = r#"
    let red = netns("red");
    print("ready");
    print(`left: ${red.shell().status}`);
    sleep(60);
"#;

#[test]
fn a_shell_runs_in_the_namespace_and_ctrl_c_works_before_and_after() {
    let place = Place::new();
    place.write("script.rhai", SCRIPT);
    let program = place.program();
    let inside = format!("{} --sandbox script.rhai", program.display());
    let mut terminal = Terminal::run(&place, &inside);
    terminal.see("ready");
    // In the shell, Ctrl-C goes to the shell: netscript goes on.
    terminal.press("ls /sys/class/net; echo $((40 + 2))\n");
    terminal.see("lo");
    terminal.see("42");
    terminal.press("sleep 50\n");
    terminal.see("sleep 50");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.press("\u{3}");
    terminal.press("exit 7\n");
    terminal.see("left: 7");
    std::thread::sleep(std::time::Duration::from_millis(100));
    terminal.press("\u{3}");
    assert_eq!(terminal.status(), Some(130));
}

#[test]
fn the_terminal_is_as_it_was_before() {
    let place = Place::new();
    place.write("script.rhai", r#"print("ready"); host.shell(); print("left");"#);
    let program = place.program();
    let command = format!("sh -c '{} --sandbox script.rhai; stty -a; echo done'", program.display());
    let mut terminal = Terminal::run(&place, &command);
    terminal.see("ready");
    terminal.press("stty -echo -isig; exit\n");
    terminal.see("left");
    let mode = terminal.see("echo");
    assert!(mode.contains(" echo "), "{mode}");
    terminal.see("done");
    assert_eq!(terminal.status(), Some(0));
}
