//! Values, tables and networks as readable text: `show()`, `table(list)`, `print(list)`,
//! and the output of the REPL.
//!
//! `value` decides how a value is shown; `table`, `map` and `tree` lay out the kinds that need
//! more than a line; `wrap` breaks lines. Everything takes a [`Screen`].

mod map;
mod screen;
mod table;
mod tree;
mod value;
mod wrap;

use netscript_lang::diagnostics::Result;
use netscript_lang::interpreter::{Session, add_words};
use netscript_net::op::NetnsRef;
use netscript_net::state::{NetState, Netns as Contents};
use netscript_net::world::World;
use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use crate::{Netns, RhaiResult};

pub use screen::Screen;
pub use value::{show, state_of, text};
pub use wrap::{paragraphs, wrapped};

/// Every namespace as a tree: its links, addresses, peers, ports, routes and rules.
pub fn network(session: &Session, screen: Screen) -> Result<String> {
    let mut lab = session.lab();
    for name in lab.world().netns_names()? {
        ask_for_carriers(lab.world(), &NetnsRef::Named(name))?;
    }
    ask_for_carriers(lab.world(), &NetnsRef::Host)?;
    let state = NetState::read(lab.world(), &[])?;
    let trees: Vec<String> = state.netns.iter().map(|(name, netns)| tree::draw(name, netns, screen)).collect();
    Ok(trees.join("\n"))
}

/// One namespace as a tree.
pub fn namespace(session: &Session, netns: &NetnsRef, screen: Screen) -> Result<String> {
    let mut lab = session.lab();
    ask_for_carriers(lab.world(), netns)?;
    let contents = Contents::read(lab.world(), netns, &[])?;
    Ok(tree::draw(netns, &contents, screen))
}

/// Asks for each link by its name: the kernel then deals with what it has put off about the link's carrier
/// (`linkwatch_sync_dev`), which a list does not make it do. A link may be gone by then.
fn ask_for_carriers(world: &mut dyn World, netns: &NetnsRef) -> Result<()> {
    for name in world.link_names(netns)? {
        world.link(netns, &name)?;
    }
    Ok(())
}

/// Where a script prints: without colours, since a text may be compared or go to a file.
fn screen(session: &Session) -> Screen {
    Screen { width: session.columns(), colour: false }
}

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// The whole network as text: every namespace with its links, addresses, peers, ports, routes
    /// and rules, as a tree. The REPL's `:show` prints the same.
    ///
    /// ```
    /// let br0 = bridge("br0").addr("10.0.0.1/24").up();
    /// assert(show().contains("br0  bridge"));
    /// print(show());
    /// ```
    #[rhai_fn(name = "show", return_raw)]
    pub fn show_all(ctx: NativeCallContext) -> RhaiResult<String> {
        let session = Session::of(&ctx);
        Ok(network(&session, screen(&session))?)
    }

    /// One namespace as text, as a tree.
    ///
    /// ```
    /// let red = netns("red");
    /// assert(show(red) == "red\n└─ lo  loopback  down");
    /// ```
    #[rhai_fn(name = "show", pure, return_raw)]
    pub fn show_netns(netns: &mut Netns) -> RhaiResult<String> {
        let session = netns.session().clone();
        Ok(namespace(&session, &netns.reference()?, screen(&session))?)
    }

    /// A list as text: routes, addresses, links, namespaces and other lists of maps as a table that
    /// fits the terminal, anything else with an element on each line.
    ///
    /// ```
    /// let red = netns("red");
    /// red.lo.up();
    /// assert(table(netns_list()) == "NAMESPACE  LINKS\nred        lo");
    /// print(table(red.routes));
    /// ```
    #[rhai_fn(name = "table", return_raw)]
    pub fn table_of(ctx: NativeCallContext, list: Array) -> RhaiResult<String> {
        Ok(value::rows_of(&list, screen(&Session::of(&ctx)))?)
    }

    /// A map as text, with a key on each line.
    ///
    /// ```
    /// assert(table(#{ name: "br0", mtu: 1500 }) == "mtu:   1500\nname:  \"br0\"");
    /// ```
    #[rhai_fn(name = "table")]
    pub fn table_of_map(map: Map) -> String {
        map::lines(&map, 0)
    }

    /// Prints a list. A list of maps (routes, rules of `ip`, neighbours) is printed as by `table`, any
    /// other as a script writes it, with links and namespaces by their names.
    ///
    /// ```
    /// print(host.routes);
    /// print(host.links);
    /// print([1, 2]);
    /// ```
    #[rhai_fn(name = "print", return_raw)]
    pub fn print_list(ctx: NativeCallContext, list: Array) -> RhaiResult<ImmutableString> {
        if !list.is_empty() && list.iter().all(Dynamic::is_map) {
            return Ok(value::rows_of(&list, screen(&Session::of(&ctx)))?.into());
        }
        // Rhai's own word for the same.
        ctx.call_native_fn("to_string", (list,))
    }
}
