//! Expectations: asserting, and waiting for what takes time.

use std::time::{Duration, Instant};

use netscript_engine::diagnostics::Error;
use netscript_engine::interpreter::Session;
use rhai::plugin::*;
use rhai::{Dynamic, Engine, EvalAltResult, FnPtr};

use crate::{RhaiResult, args, unknown};

pub(crate) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(words).into());
}

/// Time between two looks at a condition.
const STEP: Duration = Duration::from_millis(10);

fn pause(ctx: &NativeCallContext, seconds: &Dynamic) -> RhaiResult<()> {
    unknown::locate(ctx);
    let time = Duration::from_secs_f64(args::seconds("a time", seconds)?);
    Ok(Session::of(ctx).lab().world().sleep(time)?)
}

#[export_module]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// Fails the script unless the condition is true.
    ///
    /// ```
    /// assert(1 + 1 == 2);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn assert(condition: bool) -> RhaiResult<()> {
        if condition { Ok(()) } else { Err(Error::Assertion { message: None }.into()) }
    }

    /// Fails the script with a message unless the condition is true.
    ///
    /// ```
    /// assert(1 + 1 == 2, "arithmetic works");
    /// ```
    #[rhai_fn(name = "assert", return_raw)]
    pub fn assert_with(condition: bool, message: &str) -> RhaiResult<()> {
        if condition { Ok(()) } else { Err(Error::Assertion { message: Some(message.to_owned()) }.into()) }
    }

    /// Waits until the closure gives true, for so many seconds at most; then it is an error.
    /// An error inside the closure counts as "not yet".
    ///
    /// ```
    /// let start = 0;
    /// wait_until(2, || { start += 1; start > 3 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn wait_until(ctx: NativeCallContext, seconds: Dynamic, condition: FnPtr) -> RhaiResult<()> {
        let limit = args::seconds("the time to wait", &seconds)?;
        let session = Session::of(&ctx);
        let start = Instant::now();
        loop {
            let last = match condition.call_within_context::<bool>(&ctx, ()) {
                Ok(true) => return Ok(()),
                Ok(false) => None,
                Err(error) if matches!(*error, EvalAltResult::ErrorTerminated(..)) => return Err(error),
                Err(error) => match unknown::unknowable(&error) {
                    Some(what) => {
                        let remark = format!("wait_until {limit} s: a dry run cannot know {what}");
                        session.lab().world().remark(&remark);
                        return Ok(());
                    }
                    None => Some(error.to_string()),
                },
            };
            if start.elapsed().as_secs_f64() >= limit {
                return Err(Error::Waited { seconds: limit, last }.into());
            }
            session.lab().world().sleep(STEP)?;
        }
    }

    /// Waits for so many seconds, whole or not.
    ///
    /// ```
    /// sleep(0.01);
    /// ```
    #[rhai_fn(name = "sleep", return_raw)]
    pub fn sleep_for(ctx: NativeCallContext, seconds: Dynamic) -> RhaiResult<()> {
        pause(&ctx, &seconds)
    }

    /// Waits for so many seconds.
    ///
    /// ```
    /// sleep(0);
    /// ```
    // Rhai has a word of its own for whole numbers, which would go before the one above.
    #[rhai_fn(name = "sleep", return_raw)]
    pub fn sleep_whole(ctx: NativeCallContext, seconds: i64) -> RhaiResult<()> {
        pause(&ctx, &Dynamic::from(seconds))
    }

    /// Waits for so many seconds, whole or not.
    ///
    /// ```
    /// sleep(0.01);
    /// ```
    #[rhai_fn(name = "sleep", return_raw)]
    pub fn sleep_float(ctx: NativeCallContext, seconds: f64) -> RhaiResult<()> {
        pause(&ctx, &Dynamic::from(seconds))
    }
}
