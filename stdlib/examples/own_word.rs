//! A program that runs scripts and adds its own words to them:
//! `cargo run -p netscript-lab --example own_word`

use netscript_lab::op::{AddrOp, AddrSpec, IfName, Op, Prefix};
use netscript_lab::rhai::{Engine, EvalAltResult, NativeCallContext};
use netscript_lab::words::{Netns, Session, at};
use netscript_lab::{Error, Lab};

/// The program's own data: the networks of its sites.
const SITES: [(&str, &str); 2] = [("north", "10.1.0"), ("south", "10.2.0")];

const SCRIPT: &str = r#"
    for name in ["north", "south"] {
        let site = netns(name);
        site.lo.up();
        site.loopback_of(name, 7);
        let address = address_of(name, 7);
        assert(site.ping(address).ok);
        print(`${name} answers at ${address}`);
    }
"#;

/// `address_of("north", 7)` is `"10.1.0.7"`.
fn address_of(site: &str, number: i64) -> Result<String, Box<EvalAltResult>> {
    match SITES.iter().find(|(name, _)| *name == site) {
        Some((_, network)) => Ok(format!("{network}.{number}")),
        None => Err(format!("there is no site {site:?}").into()),
    }
}

/// `netns.loopback_of("north", 7)` adds that address to the namespace's loopback
/// link. The operation has the place of the call, so that an error of the kernel
/// is shown there.
fn loopback_of(
    context: NativeCallContext<'_>,
    netns: &mut Netns,
    site: &str,
    number: i64,
) -> Result<(), Box<EvalAltResult>> {
    let address = Prefix::parse(&format!("{}/32", address_of(site, number)?))?;
    let action = AddrOp::Add(IfName::lo(), AddrSpec::new(address));
    let op = Op::new(netns.reference()?, action);
    Ok(Session::of(&context).lab().submit(op, at(&context))?)
}

fn register(engine: &mut Engine) {
    engine.register_fn("address_of", address_of);
    engine.register_fn("loopback_of", loopback_of);
}

fn main() -> Result<(), Error> {
    // This comes first: servers and captures are this program, started again under
    // another name.
    netscript_lab::init();
    // Then, before the first thread, an ordinary user enters a sandbox.
    netscript_lab::enter_sandbox(&[])?;

    let lab = Lab::builder().with_words(register).sandbox()?;
    print!("{}", lab.run_as("sites.rhai", SCRIPT)?.printed);

    // An error has its code, and shows the place in the script.
    let script = r#"netns("east").loopback_of("east", 7)"#;
    if let Err(error) = lab.run(script) {
        println!("{error}");
    }
    Ok(())
}
