//! Modules of the standard library written in the language itself.

/// The modules that scripts can import wherever they lie, by name, and their texts.
pub const MODULES: &[(&str, &str)] = &[("lab", include_str!("modules/lab.rhai"))];
