//! Taking steps back.

use netscript_lang::interpreter::{Session, add_words, at};
use netscript_net::world::Point;
use rhai::Engine;
use rhai::plugin::*;

use crate::RhaiResult;

/// A point of a run that it can be rolled back to.
#[derive(Clone, Copy, PartialEq)]
pub struct Checkpoint(Point);

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Checkpoint>("Checkpoint");
    add_words(engine, exported_manifest!(words));
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Returns the current point of the run, for `rollback`.
    ///
    /// ```
    /// let before = checkpoint();
    /// bridge("br0");
    /// rollback(before);
    /// assert("br0" !in host.links.map(|l| l.name));
    /// ```
    pub fn checkpoint(ctx: NativeCallContext) -> Checkpoint {
        Checkpoint(Session::of(&ctx).lab().checkpoint())
    }

    /// Undoes all operations since a checkpoint, the last first. Handles to objects made since the
    /// checkpoint become invalid. A namespace that was removed since then cannot be restored.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// let before = checkpoint();
    /// br0.up().addr("10.0.0.1/24");
    /// rollback(before);
    /// assert(br0.state == "down" && br0.addrs.is_empty());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn rollback(ctx: NativeCallContext, point: Checkpoint) -> RhaiResult<()> {
        Ok(Session::of(&ctx).lab().rollback(point.0, at(&ctx).as_ref())?)
    }

    /// Undoes the last word.
    ///
    /// ```
    /// let br0 = bridge("br0");
    /// br0.set_mtu(1400);
    /// undo();
    /// assert(br0.mtu == 1500);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn undo(ctx: NativeCallContext) -> RhaiResult<()> {
        Ok(Session::of(&ctx).lab().undo(at(&ctx).as_ref())?)
    }

    /// A checkpoint as text.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(point: &mut Checkpoint) -> String {
        format!("checkpoint after {} steps", point.0.0)
    }

    /// Whether two checkpoints are the same point.
    #[rhai_fn(global, name = "==", pure)]
    pub fn eq(a: &mut Checkpoint, b: Checkpoint) -> bool {
        *a == b
    }

    /// Whether two checkpoints are different points.
    #[rhai_fn(global, name = "!=", pure)]
    pub fn ne(a: &mut Checkpoint, b: Checkpoint) -> bool {
        *a != b
    }
}
