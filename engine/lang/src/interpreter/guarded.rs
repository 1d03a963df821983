//! Replacements for functions of Rhai that could end the program, since an argument decides how much memory they take,
//! or a closure makes them panic. They do the same within limits.
//!
//! Rhai's limits on the size of data are not used: with them, Rhai counts the elements of an array at each method call
//! on it, so that filling an array one by one takes quadratic time.

use std::cmp::Ordering;

use rhai::plugin::*;
use rhai::{Array, Blob, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Position};

/// The longest text that a single function makes, in bytes; also of a blob.
pub const MAX_TEXT: usize = 64 << 20;

/// The longest array that a single function makes.
pub const MAX_ELEMENTS: usize = 10_000_000;

type RhaiResult<T = ()> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    engine.register_global_module(exported_module!(functions).into());
}

fn too_large(what: &str, most: usize) -> Box<EvalAltResult> {
    EvalAltResult::ErrorDataTooLarge(format!("more than {most} {what}"), Position::NONE).into()
}

/// Checks a length that a script asks for.
fn wanted(len: i64, most: usize, what: &str) -> RhaiResult<usize> {
    usize::try_from(len.max(0)).ok().filter(|len| *len <= most).ok_or_else(|| too_large(what, most))
}

fn bytes(len: i64) -> RhaiResult<usize> {
    wanted(len, MAX_TEXT, "bytes")
}

/// Pieces of a text as an array.
fn pieces<'a>(pieces: impl Iterator<Item = &'a str>) -> RhaiResult<Array> {
    collected(pieces.map(Into::into))
}

fn collected(values: impl Iterator<Item = Dynamic>) -> RhaiResult<Array> {
    let mut array = Array::new();
    for value in values {
        if array.len() == MAX_ELEMENTS {
            return Err(too_large("elements", MAX_ELEMENTS));
        }
        array.push(value);
    }
    Ok(array)
}

/// The largest number of pieces that a script asks for.
fn most(segments: i64) -> usize {
    usize::try_from(segments.max(1)).unwrap_or(usize::MAX)
}

/// Pads a text with the characters of another, over and over.
fn pad_text(string: &mut ImmutableString, len: i64, padding: &str) -> RhaiResult {
    let len = wanted(len, MAX_TEXT, "characters")?;
    let missing = len.saturating_sub(string.chars().count());
    if missing > 0 && !padding.is_empty() {
        string.make_mut().extend(padding.chars().cycle().take(missing));
    }
    Ok(())
}

/// Replaces all of `from`. An empty text stays empty, as Rhai's own does, whatever `from` is.
fn replace_text(string: &mut ImmutableString, from: &str, to: &str) -> RhaiResult {
    if string.is_empty() {
        return Ok(());
    }
    let count = string.matches(from).count();
    let longer = count.saturating_mul(to.len()).saturating_add(string.len() - count * from.len());
    if longer > MAX_TEXT && longer > string.len() {
        return Err(too_large("bytes", MAX_TEXT));
    }
    if count > 0 {
        *string = string.replace(from, to).into();
    }
    Ok(())
}

/// The order of two values by a script's closure, which returns a number below, at or above 0, or whether the first
/// value comes first.
fn compared(context: &NativeCallContext, comparer: &FnPtr, a: &Dynamic, b: &Dynamic) -> RhaiResult<Ordering> {
    let told = comparer.call_raw(context, None, [a.clone(), b.clone()])?;
    if let Ok(first) = told.as_bool() {
        return Ok(if first { Ordering::Less } else { Ordering::Greater });
    }
    let told = told.as_int().map_err(|kind| {
        EvalAltResult::ErrorMismatchOutputType("integer".to_owned(), kind.to_owned(), Position::NONE)
    })?;
    Ok(told.cmp(&0))
}

/// Merges sorted runs, whose length doubles each time. It ends whatever the closure returns.
fn merge_sort(context: &NativeCallContext, array: &mut Array, comparer: &FnPtr) -> RhaiResult {
    let mut run = 1;
    while run < array.len() {
        let mut merged = Array::with_capacity(array.len());
        for pair in array.chunks(run * 2) {
            let (mut left, mut right) = pair.split_at(run.min(pair.len()));
            while let ([a, after_a @ ..], [b, after_b @ ..]) = (left, right) {
                if compared(context, comparer, a, b)? == Ordering::Greater {
                    merged.push(b.clone());
                    right = after_b;
                } else {
                    merged.push(a.clone());
                    left = after_a;
                }
            }
            merged.extend(left.iter().chain(right).cloned());
        }
        *array = merged;
        run *= 2;
    }
    Ok(())
}

#[export_module]
#[allow(missing_docs, reason = "Rhai documents what these stand for")]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod functions {
    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_array(array: &mut Array, len: i64, item: Dynamic) -> RhaiResult {
        let len = wanted(len, MAX_ELEMENTS, "elements")?;
        if len > array.len() {
            array.resize(len, item);
        }
        Ok(())
    }

    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_blob(blob: &mut Blob, len: i64, value: i64) -> RhaiResult {
        let len = bytes(len)?;
        if len > blob.len() {
            blob.resize(len, value as u8);
        }
        Ok(())
    }

    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_char(string: &mut ImmutableString, len: i64, character: char) -> RhaiResult {
        pad_text(string, len, character.encode_utf8(&mut [0; 4]))
    }

    #[rhai_fn(name = "pad", return_raw)]
    pub fn pad_string(string: &mut ImmutableString, len: i64, padding: &str) -> RhaiResult {
        pad_text(string, len, padding)
    }

    #[rhai_fn(name = "blob", return_raw)]
    pub fn blob_of_zeros(len: i64) -> RhaiResult<Blob> {
        Ok(vec![0; bytes(len)?])
    }

    #[rhai_fn(name = "blob", return_raw)]
    pub fn blob_of(len: i64, value: i64) -> RhaiResult<Blob> {
        Ok(vec![value as u8; bytes(len)?])
    }

    #[rhai_fn(name = "to_array", pure, return_raw)]
    pub fn blob_to_array(blob: &mut Blob) -> RhaiResult<Array> {
        collected(blob.iter().map(|byte| Dynamic::from(i64::from(*byte))))
    }

    #[rhai_fn(name = "to_chars", return_raw)]
    pub fn to_chars(string: &str) -> RhaiResult<Array> {
        collected(string.chars().map(Into::into))
    }

    #[rhai_fn(name = "split", return_raw)]
    pub fn split_space(string: &mut ImmutableString) -> RhaiResult<Array> {
        if string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        pieces(string.split_whitespace())
    }

    #[rhai_fn(name = "split", return_raw)]
    pub fn split(string: &mut ImmutableString, delimiter: &str) -> RhaiResult<Array> {
        if string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        pieces(string.split(delimiter))
    }

    #[rhai_fn(name = "split", return_raw)]
    pub fn split_n(string: &mut ImmutableString, delimiter: &str, segments: i64) -> RhaiResult<Array> {
        if segments <= 1 || string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        pieces(string.splitn(most(segments), delimiter))
    }

    #[rhai_fn(name = "split", return_raw)]
    pub fn split_char(string: &mut ImmutableString, delimiter: char) -> RhaiResult<Array> {
        pieces(string.split(delimiter))
    }

    #[rhai_fn(name = "split", return_raw)]
    pub fn split_char_n(string: &mut ImmutableString, delimiter: char, segments: i64) -> RhaiResult<Array> {
        pieces(string.splitn(most(segments), delimiter))
    }

    #[rhai_fn(name = "split_rev", return_raw)]
    pub fn split_rev(string: &mut ImmutableString, delimiter: &str) -> RhaiResult<Array> {
        if string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        pieces(string.rsplit(delimiter))
    }

    #[rhai_fn(name = "split_rev", return_raw)]
    pub fn split_rev_n(string: &mut ImmutableString, delimiter: &str, segments: i64) -> RhaiResult<Array> {
        if segments <= 1 || string.is_empty() {
            return Ok(vec![string.clone().into()]);
        }
        pieces(string.rsplitn(most(segments), delimiter))
    }

    #[rhai_fn(name = "split_rev", return_raw)]
    pub fn split_rev_char(string: &mut ImmutableString, delimiter: char) -> RhaiResult<Array> {
        pieces(string.rsplit(delimiter))
    }

    #[rhai_fn(name = "split_rev", return_raw)]
    pub fn split_rev_char_n(string: &mut ImmutableString, delimiter: char, segments: i64) -> RhaiResult<Array> {
        pieces(string.rsplitn(most(segments), delimiter))
    }

    #[rhai_fn(name = "replace", return_raw)]
    pub fn replace(string: &mut ImmutableString, from: &str, to: &str) -> RhaiResult {
        replace_text(string, from, to)
    }

    #[rhai_fn(name = "replace", return_raw)]
    pub fn replace_with_char(string: &mut ImmutableString, from: &str, to: char) -> RhaiResult {
        replace_text(string, from, to.encode_utf8(&mut [0; 4]))
    }

    #[rhai_fn(name = "replace", return_raw)]
    pub fn replace_char(string: &mut ImmutableString, from: char, to: &str) -> RhaiResult {
        replace_text(string, from.encode_utf8(&mut [0; 4]), to)
    }

    #[rhai_fn(name = "replace", return_raw)]
    pub fn replace_char_with_char(string: &mut ImmutableString, from: char, to: char) -> RhaiResult {
        replace_text(string, from.encode_utf8(&mut [0; 4]), to.encode_utf8(&mut [0; 4]))
    }

    #[rhai_fn(name = "parse_json", return_raw)]
    pub fn parse_json(json: &str) -> RhaiResult<Dynamic> {
        bytes(i64::try_from(json.len()).unwrap_or(i64::MAX))?;
        serde_json::from_str(json).map_err(|error| error.to_string().into())
    }

    #[rhai_fn(name = "sort", name = "sort_by", return_raw)]
    pub fn sort_by(context: NativeCallContext, array: &mut Array, comparer: FnPtr) -> RhaiResult {
        merge_sort(&context, array, &comparer)
    }

    #[rhai_fn(name = "order", name = "order_by", pure, return_raw)]
    pub fn order_by(context: NativeCallContext, array: &mut Array, comparer: FnPtr) -> RhaiResult<Array> {
        let mut array = array.clone();
        merge_sort(&context, &mut array, &comparer)?;
        Ok(array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The results of Rhai alone, and with the replacements.
    fn both(script: &str) -> (String, String) {
        let plain = Engine::new();
        let mut guarded = Engine::new();
        register(&mut guarded);
        let run = |engine: &Engine| match engine.eval::<Dynamic>(script) {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("error: {error}"),
        };
        (run(&plain), run(&guarded))
    }

    #[test]
    fn within_the_limits_they_do_what_rhais_own_do() {
        for text in ["", "a", "a,b,,c", ",", "  x y ", "äöü,ß", "aaa"] {
            for call in [
                "split()",
                "split(\",\")",
                "split(\"\")",
                "split(',')",
                "split(\",\", 2)",
                "split(',', 2)",
                "split(\",\", 0)",
                "split(\"\", 2)",
                "split_rev(\",\")",
                "split_rev(',')",
                "split_rev(\",\", 2)",
                "split_rev(',', 2)",
                "split_rev(\"\", 2)",
                "to_chars()",
            ] {
                let (plain, guarded) = both(&format!("let s = {text:?}; s.{call}"));
                assert_eq!(plain, guarded, "{text:?}.{call}");
            }
            for change in [
                "pad(5, 'x')",
                "pad(5, \"xy\")",
                "pad(-1, 'x')",
                "replace(\"a\", \"bc\")",
                "replace(\"a\", \"\")",
                "replace(\"\", \"-\")",
                "replace('a', \"bc\")",
                "replace(\"a\", 'b')",
                "replace('a', 'b')",
            ] {
                let (plain, guarded) = both(&format!("let s = {text:?}; s.{change}; s"));
                assert_eq!(plain, guarded, "{text:?}.{change}");
            }
        }
        for script in [
            "let a = [3, 1, 2]; a.pad(5, 9); a.pad(1, 8); a",
            "let b = blob(3, 300); b.pad(5, -1); b.to_array()",
            "blob(-1)",
            "let a = [3, 1, 2]; a.sort(|x, y| x - y); a",
            "let a = [3, 1, 2]; a.sort(|x, y| y < x); a",
            "let a = [[2, 1], [1, 1], [2, 0], [1, 0]]; a.sort_by(|x, y| x[0] - y[0]); a",
            "[5, 4, 3, 2, 1].order(|x, y| x - y)",
            "parse_json(\"{ \\\"a\\\": [1, 2.5, null, true, \\\"x\\\"] }\")",
            "parse_json(\"[\")",
        ] {
            let (plain, guarded) = both(script);
            assert_eq!(plain, guarded, "{script}");
        }
    }

    #[test]
    fn calls_that_would_end_the_program_are_errors() {
        for script in [
            "let a = [1]; a.pad(9000000000000000000, 1)",
            "blob(9000000000000000000)",
            "blob(9000000000000000000, 1)",
            "let b = blob(1); b.pad(9000000000000000000, 1)",
            "let s = \"a\"; s.pad(9000000000000000000, 'a')",
            "let s = \"a\"; s.pad(9000000000000000000, \"ab\")",
            "let s = \"a\"; s.pad(10000000, 'a'); let t = s; s.replace(\"a\", t)",
            "let s = \"a\"; s.pad(20000000, 'a'); s.split(\"\")",
            "let s = \"a\"; s.pad(20000000, 'a'); s.split('a', 9000000000000000000)",
            "let s = \"a\"; s.pad(20000000, 'a'); s.to_chars()",
            "blob(20000000).to_array()",
        ] {
            let mut engine = Engine::new();
            register(&mut engine);
            let error = *engine.eval::<Dynamic>(script).expect_err(script);
            assert!(matches!(error, EvalAltResult::ErrorDataTooLarge(..)), "{script}: {error}");
        }
    }

    #[test]
    fn a_closure_that_contradicts_itself_sorts_in_some_way() {
        let mut engine = Engine::new();
        register(&mut engine);
        let script = "let a = []; for i in 0..1000 { a.push((i * 7919) % 1000); }
            a.sort(|x, y| if (x * y) % 3 == 0 { 1 } else { -1 }); a.len()";
        assert_eq!(engine.eval::<i64>(script).expect("it ends"), 1000);
        let error = *engine.eval::<()>("let a = [1, 2]; a.sort(|x, y| x.none);").expect_err("the closure fails");
        assert!(error.to_string().contains("none"), "{error}");
    }
}
