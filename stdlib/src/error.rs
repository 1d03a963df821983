//! Errors as a script sees them in `catch (e)`, and leaving a script.

use netscript_lang::interpreter::{ScriptError, Session, add_words};
use rhai::plugin::*;
use rhai::{Dynamic, Engine, EvalAltResult};

use crate::RhaiResult;

pub(crate) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<ScriptError>("Error");
    add_words(engine, exported_manifest!(words));
}

fn leave(ctx: &NativeCallContext, status: i64) -> RhaiResult<()> {
    Session::of(ctx).set_exit_status(status);
    Err(EvalAltResult::Exit(Dynamic::UNIT, Position::NONE).into())
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// The code of an error: `E` and four digits, as the index of errors lists it.
    ///
    /// ```
    /// try { link("nope"); } catch (e) { assert(e.code == "E0302"); }
    /// ```
    #[rhai_fn(get = "code", pure)]
    pub fn get_code(error: &mut ScriptError) -> String {
        error.error().code().to_string()
    }

    /// What is wrong, in a line.
    ///
    /// ```
    /// try { link("nope"); } catch (e) { assert(e.message == "no link `nope` in host"); }
    /// ```
    #[rhai_fn(get = "message", pure)]
    pub fn get_message(error: &mut ScriptError) -> String {
        error.error().describe().message
    }

    /// The kernel's error number, where the kernel refused; else `()`.
    ///
    /// ```
    /// bridge("br0");
    /// try { bridge("br0"); } catch (e) { assert(e.errno == 17); }
    /// ```
    #[rhai_fn(get = "errno", pure)]
    pub fn get_errno(error: &mut ScriptError) -> Dynamic {
        error.error().errno().map_or(Dynamic::UNIT, |errno| i64::from(errno).into())
    }

    /// The error as text.
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn to_string(error: &mut ScriptError) -> String {
        error.to_string()
    }

    /// Ends the script with success.
    ///
    /// ```
    /// exit();
    /// ```
    #[rhai_fn(name = "exit", return_raw)]
    pub fn exit_now(ctx: NativeCallContext) -> RhaiResult<()> {
        leave(&ctx, 0)
    }

    /// Ends the script with an exit status from 0 to 255, of which 0 is success.
    ///
    /// ```
    /// if args.len() > 5 { exit(3); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn exit(ctx: NativeCallContext, status: i64) -> RhaiResult<()> {
        leave(&ctx, status)
    }
}
