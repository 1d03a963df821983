//! Kernel settings.

use netscript_lang::diagnostics::{Error, Result, Within};
use netscript_lang::interpreter::{add_words, at};
use netscript_net::op::{SysctlKey, SysctlOp};
use rhai::plugin::*;
use rhai::{Dynamic, Engine, Map};

use crate::options::{Key, Literal, Options, WordOptions, WordsWithOptions, keys};
use crate::{Netns, RhaiResult, args};

keys! {
    /// The options of `sysctl`.
    KEYS:
    /// Whether to ignore a setting that this kernel does not have, as `sysctl --ignore` does: some exist
    /// only with a module such as `br_netfilter`
    IGNORE: Key<bool> = Key::boolean("ignore").default(Literal::Bool(false));
}

const SYSCTL: WordOptions = WordOptions::new("sysctl", &[KEYS]);

/// The words of this file that take options.
pub(crate) const OPTIONS: WordsWithOptions = &[&SYSCTL];

pub(crate) fn register(engine: &mut Engine) {
    add_words(engine, exported_manifest!(words));
}

/// Settings are text; numbers and bools are written as the kernel reads them.
fn value_text(value: &Dynamic) -> Result<String> {
    if let Ok(on) = value.as_bool() {
        return Ok(if on { "1" } else { "0" }.into());
    }
    if value.is_int() { Ok(value.to_string()) } else { args::text("the value of a setting", value) }
}

#[export_module(manifest)]
#[allow(clippy::unwrap_used, reason = "the macro unwraps what it has checked")]
mod words {
    /// The value of a setting, as text.
    ///
    /// ```
    /// assert(host.sysctl("net.ipv4.ip_forward") in ["0", "1"]);
    /// ```
    #[rhai_fn(name = "sysctl", pure, return_raw)]
    pub fn sysctl_read(netns: &mut Netns, key: &str) -> RhaiResult<String> {
        let key = SysctlKey::parse(key).argument(0)?;
        let reference = netns.reference()?;
        Ok(netns.session().lab().world().sysctl(&reference, &key)?)
    }

    /// Writes a setting: a number, a string, or a bool for `1` and `0`.
    ///
    /// ```
    /// host.sysctl("net.ipv4.ip_forward", 1);
    /// assert(host.sysctl("net.ipv4.ip_forward") == "1");
    /// ```
    #[rhai_fn(name = "sysctl", pure, return_raw)]
    pub fn sysctl_write(ctx: NativeCallContext, netns: &mut Netns, key: &str, value: Dynamic) -> RhaiResult<()> {
        let key = SysctlKey::parse(key).argument(0)?;
        let value = value_text(&value).argument(1)?;
        Ok(netns.submit(SysctlOp::Write(key, value), at(&ctx))?)
    }

    /// Writes a setting, with options.
    ///
    /// ```
    /// host.sysctl("net.bridge.bridge-nf-call-iptables", 0, #{ ignore: true });
    /// ```
    #[rhai_fn(name = "sysctl", pure, return_raw)]
    pub fn sysctl_write_with(
        ctx: NativeCallContext,
        netns: &mut Netns,
        key: &str,
        value: Dynamic,
        options: Map,
    ) -> RhaiResult<()> {
        let key = SysctlKey::parse(key).argument(0)?;
        let value = value_text(&value).argument(1)?;
        let ignore = Options::new(&SYSCTL, &options)?.or_default(&IGNORE)?;
        let write = if ignore { SysctlOp::WriteIfThere(key, value) } else { SysctlOp::Write(key, value) };
        Ok(netns.submit(write, at(&ctx))?)
    }

    /// Whether a setting exists: some exist only with a module, such as `br_netfilter`.
    ///
    /// ```
    /// assert(host.has_sysctl("net.ipv4.ip_forward"));
    /// ```
    #[rhai_fn(pure, return_raw)]
    pub fn has_sysctl(netns: &mut Netns, key: &str) -> RhaiResult<bool> {
        let key = SysctlKey::parse(key).argument(0)?;
        let reference = netns.reference()?;
        match netns.session().lab().world().sysctl(&reference, &key) {
            Ok(_) => Ok(true),
            Err(Error::NoSuchSetting { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
