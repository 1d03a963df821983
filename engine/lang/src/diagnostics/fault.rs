//! Makes errors of panics: a bug in netscript must not end the program, leave a lab behind, or show users text that
//! only developers understand.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use super::{Error, Result};

thread_local! {
    /// Where the last panic of this thread happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on a panic prints nothing; [`catch`] reports it.
pub fn keep_quiet() {
    panic::set_hook(Box::new(remember));
}

fn remember(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    // A thread that is ending has dropped its PLACE.
    let _ = PLACE.try_with(|last| last.replace(place));
}

/// Calls a function, and makes an error of a panic in it.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|cause| error(&*cause))
}

/// The error of a panic's cause.
pub fn error(cause: &(dyn std::any::Any + Send)) -> Error {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
    let place = PLACE.with(|last| last.take()).unwrap_or_else(|| "an unknown place".to_owned());
    Error::Fault { what: text, place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Code;

    #[test]
    fn a_panic_becomes_an_error_that_tells_what_to_send() {
        let error = catch(|| panic!("number {}", 1)).map(|()| 0).expect_err("it panics");
        let description = error.describe();
        assert_eq!(description.code, Code::E0123);
        assert!(description.notes.iter().any(|note| note.contains("number 1")), "{description:?}");
        assert!(description.help.is_some_and(|help| help.contains("/issues")));
    }
}
