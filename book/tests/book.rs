//! The book's examples pass its checks, and a book with wrong ones is not built.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use netscript_tests::program::{Finished, Place, as_nobody, finish};
use netscript_tests::workspace;
use regex::Regex;

/// A copy of the book that every user can read, and the programs.
struct Copy {
    place: Place,
}

impl Copy {
    fn new() -> Copy {
        let copy = Copy { place: Place::new() };
        copy.bring(Path::new(env!("CARGO_BIN_EXE_netscript-book")), "netscript-book");
        copy
    }

    /// The book of this workspace, with the scripts and programs that it shows.
    fn of_the_book() -> Copy {
        let copy = Copy::new();
        fs::create_dir(copy.place.path("book")).unwrap();
        for part in ["book.toml", "src", "ref", "theme"] {
            copy.bring(&workspace().join("book").join(part), &format!("book/{part}"));
        }
        copy.bring(&workspace().join("scripts"), "scripts");
        fs::create_dir(copy.place.path("stdlib")).unwrap();
        copy.bring(&workspace().join("stdlib/examples"), "stdlib/examples");
        copy
    }

    /// A small book with these chapters.
    fn of(chapters: &[(&str, &str)]) -> Copy {
        let copy = Copy::new();
        fs::create_dir_all(copy.place.path("book/src")).unwrap();
        copy.write("book/book.toml", "[book]\ntitle = \"A small book\"\n");
        let entry = |(name, _): &(&str, &str)| format!("- [{name}]({name}.md)\n");
        copy.write("book/src/SUMMARY.md", &chapters.iter().map(entry).collect::<String>());
        chapters.iter().for_each(|(name, text)| copy.write(&format!("book/src/{name}.md"), text));
        copy
    }

    /// Copies a file by another process, so that no program is still open for writing when it is started (ETXTBSY).
    fn bring(&self, from: &Path, name: &str) {
        let status = Command::new("cp").arg("-r").arg(from).arg(self.place.path(name)).status().unwrap();
        assert!(status.success(), "{} can be copied", from.display());
    }

    fn write(&self, name: &str, text: &str) {
        self.place.write(name, text);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    fn command(&self, task: &[&str]) -> Command {
        let mut command = Command::new(self.path("netscript-book"));
        command.current_dir(self.path("")).args(task).args(["--book", "book", "--netscript", "netscript"]);
        command
    }

    fn run(&self, task: &[&str]) -> Finished {
        finish(&mut self.command(task))
    }

    /// Changes a chapter, and returns the reported problems.
    fn broken(&self, name: &str, from: &str, to: &str) -> String {
        let file = format!("book/src/{name}.md");
        let text = fs::read_to_string(self.path(&file)).unwrap();
        assert!(text.contains(from), "{text}");
        self.write(&file, &text.replacen(from, to, 1));
        let finished = self.run(&["build"]);
        self.write(&file, &text);
        assert_ne!(finished.status, 0, "{finished:?}");
        finished.stderr
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn every_example_is_right_for_an_ordinary_user() {
    let copy = Copy::of_the_book();
    let mut command = copy.command(&["check"]);
    let finished = finish(if is_root() { as_nobody(&mut command) } else { &mut command });
    assert_eq!(finished.status, 0, "{}", finished.stderr);
    assert!(finished.stdout.ends_with("All is right.\n"), "{finished:?}");
}

#[test]
fn a_broken_example_of_the_book_is_found_at_its_place() {
    let copy = Copy::of_the_book();
    let file = copy.path("book/src/first-lab.md");
    let text = fs::read_to_string(&file).unwrap();
    let fence = text.lines().position(|line| line.starts_with("```rhai")).expect("it has a script");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(fence + 1, "assert(1 == 2);");
    fs::write(&file, lines.join("\n")).unwrap();
    let finished = copy.run(&["check", "first-lab"]);
    assert_eq!(finished.status, 1);
    let place = format!("book/src/first-lab.md:{}: it fails:\nerror[E0701]", fence + 2);
    assert!(finished.stderr.starts_with(&place), "{place}\n{}", finished.stderr);
}

const CHAPTER: &str = "\
# Everything

```rhai,graph,commands,file=cable.rhai
let red = netns(\"red\");
# let blue = netns(\"blue\");
veth(\"v1\", #{ peer: \"c1\", netns: red }).up().addr(\"10.0.0.1/24\");
print(\"first\");
```

```rhai,continues
print(red.links.len());
```

```rhai,fails=E0304
host.route(\"default\", #{ via: \"10.0.0.1\" });
```

```rhai,model
bridge(\"br0\");
```

```console
$ sudo netscript --name lab cable.rhai
first
the lab `lab` is up: 2 namespaces, 2 links, in 5 ms; `netscript down lab` takes it down
$ ip netns list | grep --count red
1
```

```repl
host> let red = netns(\"red\");
# ip netns add red
host> fn twice(x) {
  2 * x
}
host> twice(red.links.len())
2
```

```repl,continues
host> red.ping(\"127.0.0.1\").error
# ip netns exec red ping -c 1 -W 1 127.0.0.1
\"Network is unreachable\"
```

```text
as it is
```
";

#[test]
fn every_kind_of_example_is_shown() {
    let copy = Copy::of(&[("all", CHAPTER)]);
    let blessed = copy.run(&["bless"]);
    assert_eq!(blessed.status, 0, "{}", blessed.stderr);
    let kept = fs::read_to_string(copy.path("book/ref/all.txt")).unwrap();
    for wanted in [
        "== let red = netns(\"red\");\n  first\n",
        "  -- commands\n  set -e\n  ip netns add red\n  ip netns add blue\n",
        "  -- picture\n  host\n    v1 veth 10.0.0.1/24 to c1 in red\n",
        "== print(red.links.len());\n  2\n",
        "  error[E0304]",
        "  ip link add dev br0 type bridge\n",
    ] {
        assert!(kept.contains(wanted), "{wanted}:\n{kept}");
    }
    let built = copy.run(&["build", "--output", "built"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    let html = fs::read_to_string(copy.path("built/all.html")).unwrap();
    for wanted in [
        "<span class=\"hljs-keyword\">let</span> red",
        "<span class=\"boring\">",
        "ip netns add blue",
        "viewBox",
        "error[E0304]",
        "as it is",
        "10.0.0.1/24</text>",
    ] {
        assert!(html.to_lowercase().contains(&wanted.to_lowercase()), "{wanted}");
    }
}

#[test]
fn whatever_is_broken_is_found_at_its_place() {
    let copy = Copy::of(&[("all", CHAPTER)]);
    assert_eq!(copy.run(&["bless"]).status, 0);
    for (from, to, line, what) in [
        ("print(\"first\")", "print(\"other\")", 3, "its output has changed"),
        ("\"10.0.0.1/24\");\nprint", "\"10.0.0.1/99\");\nprint", 6, "error[E0201]"),
        ("veth(\"v1\"", "veth(\"v2\"", 3, "v2 veth 10.0.0.1/24"),
        ("print(red.links.len())", "print(blau)", 11, "error[E0103]"),
        ("fails=E0304", "fails=E0301", 14, "must fail with E0301"),
        ("bridge(\"br0\")", "bridge(\"br1\")", 18, "its output has changed"),
        (
            "$ ip netns list | grep --count red\n1",
            "$ ip netns list | grep --count red\n3",
            27,
            "its transcript differs",
        ),
        ("$ ip netns list", "$ rm file", 26, "`rm` is not among the programs"),
        ("twice(red.links.len())\n2", "twice(red.links.len())\n4", 37, "its transcript differs"),
        ("\"Network is unreachable\"", "\"no answer\"", 43, "its transcript differs"),
        ("```text", "```", 46, "a fence needs a kind"),
    ] {
        let said = copy.broken("all", from, to);
        let place = format!("book/src/all.md:{line}: ");
        assert!(
            said.lines().any(|said| said.starts_with(&place)) && said.contains(what),
            "{from}: {place}{what}\n{said}"
        );
    }
    assert_eq!(copy.run(&["build"]).status, 0);
}

#[test]
fn blessing_puts_answers_right() {
    let copy = Copy::of(&[("all", CHAPTER)]);
    let wrong =
        CHAPTER.replace("count red\n1", "count red\n\nmany").replace("len())\n2\n", "len())\n").replace("5 ms", "7 ms");
    assert!(wrong.len() != CHAPTER.len());
    copy.write("book/src/all.md", &wrong);
    assert_eq!(copy.run(&["bless"]).status, 0);
    assert_eq!(copy.run(&["check"]).status, 0);
    let right = fs::read_to_string(copy.path("book/src/all.md")).unwrap();
    let measured = Regex::new(r"\d+ ms").unwrap();
    assert_eq!(measured.replace_all(&right, "5 ms"), CHAPTER);
}

#[test]
fn a_chapter_that_is_missing_is_named() {
    let copy = Copy::of(&[("all", CHAPTER)]);
    copy.write("book/src/SUMMARY.md", "- [All](all.md)\n- [Gone](gone.md)\n");
    let finished = copy.run(&["check"]);
    assert_eq!(finished.stderr, "book/src/SUMMARY.md:2: there is no chapter gone.md\n");
    assert!(!copy.path("book/src/gone.md").exists());
}
