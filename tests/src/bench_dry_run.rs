//! Compares the time of an operation of a dry run in small and in large labs.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use netscript_dialect::Style;
use netscript_lab::wiring::Wiring;
use netscript_lang::DryRun;
use netscript_model::Model;
use netscript_net::op::Op;
use netscript_net::world::Apply;
use nix::time::{ClockId, clock_gettime};

use crate::big_lab;

/// Namespaces of the labs, ten operations each.
const SIZES: [usize; 3] = [100, 1_000, 10_000];

/// How often each is measured; the shortest time counts.
const ROUNDS: usize = 5;

/// Times of one kind of dry run.
#[derive(Debug)]
pub struct Measured {
    what: &'static str,
    /// For each size, how many operations there were and how long one took.
    per_op: Vec<(usize, Duration)>,
    /// The length of the largest lab's output, in bytes.
    printed: usize,
}

impl Measured {
    /// The time of an operation in the largest lab, divided by that in the smallest.
    pub fn ratio(&self) -> f64 {
        match &self.per_op[..] {
            [(_, first), .., (_, last)] => last.as_secs_f64() / first.as_secs_f64(),
            _ => f64::NAN,
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ops, time) in &self.per_op {
            let micros = time.as_secs_f64() * 1e6;
            writeln!(f, "{}: {ops:>7} operations, {micros:>6.2} µs each, {:>7.0} a second", self.what, 1e6 / micros)?;
        }
        write!(f, "{}: {} bytes printed; the ratio is {:.2}", self.what, self.printed, self.ratio())
    }
}

/// Times dry runs of operations alone, and of scripts that do the same operations.
pub fn measure() -> Vec<Measured> {
    vec![time("operations", |namespaces| ops(&big_lab(namespaces))), time("scripts", script)]
}

/// Measures the sizes in turn, so that other load on the machine affects all of them.
fn time(what: &'static str, run: impl Fn(usize) -> (usize, usize, Duration)) -> Measured {
    let mut per_op = vec![(0, Duration::MAX); SIZES.len()];
    let mut printed = 0;
    for _ in 0..ROUNDS {
        for (namespaces, best) in SIZES.iter().zip(&mut per_op) {
            let (count, bytes, time) = run(*namespaces);
            let each = time / u32::try_from(count).expect("the labs are small");
            *best = (count, best.1.min(each));
            printed = bytes;
        }
    }
    Measured { what, per_op, printed }
}

fn sink() -> (Rc<Cell<usize>>, impl FnMut(&str) + 'static) {
    let printed = Rc::new(Cell::new(0));
    let counter = Rc::clone(&printed);
    (printed, move |line: &str| counter.set(counter.get() + line.len() + 1))
}

fn ops(ops: &[Op]) -> (usize, usize, Duration) {
    let (printed, sink) = sink();
    let start = processor_time();
    let mut run = DryRun::new(Model::new(), Style::Plain, sink);
    run.apply(ops).unwrap_or_else(|(index, rejection)| panic!("{} fails: {rejection:?}", ops[index]));
    (ops.len(), printed.get(), processor_time() - start)
}

fn script(namespaces: usize) -> (usize, usize, Duration) {
    let (printed, sink) = sink();
    let run = DryRun::new(Model::new(), Style::Plain, sink);
    let interpreter = Wiring::of_dry_run().interpreter(Box::new(run), |_| ());
    let mut interpreter = interpreter.expect("the current folder is there");
    let text = SCRIPT.replace("NAMESPACES", &namespaces.to_string());
    let start = processor_time();
    interpreter.run("lab.rhai", &text).unwrap_or_else(|failure| panic!("{:?}", failure.error.describe()));
    (big_lab(namespaces).len(), printed.get(), processor_time() - start)
}

/// The lab of [`big_lab`].
const SCRIPT: &str = r#"
let bridge = ();
for n in 0..NAMESPACES {
    let net = n / 250;
    if n % 250 == 0 {
        bridge = bridge(`br${net}`).up().set_mtu(1500).addr(`10.${net}.0.254/24`);
    }
    let node = netns(`node${n}`);
    let port = veth(`v${n}`, `c${n}`);
    let end = port.peer.move_to(node).rename("eth0");
    port.master(bridge).up();
    end.addr(`10.${net}.0.${1 + n % 250}/24`).up();
    node.lo.up();
    node.route("default", #{ via: `10.${net}.0.254` });
}
"#;

/// The processor time of this process, which does not depend on other processes.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("every process has one").into()
}
