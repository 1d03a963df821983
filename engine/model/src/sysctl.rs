//! Kernel settings that routes and addresses depend on (net/ipv4/devinet.c, net/ipv6/addrconf.c).

use super::data::ids::{DevId, NetnsId};
use super::settings::{self, SettingKind};
use super::{Model, Outcome};
use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, NetnsRef, SysctlKey, SysctlOp};

/// A setting below `net.ipv4.conf` or `net.ipv6.conf`.
struct Conf<'a> {
    family: Family,
    whose: Whose<'a>,
    setting: &'a str,
}

#[derive(Clone, Copy)]
enum Whose<'a> {
    All,
    Default,
    Link(&'a str),
}

impl<'a> Conf<'a> {
    fn of(path: &'a str) -> Option<Conf<'a>> {
        let mut parts = path.split('/');
        let (net, family, conf) = (parts.next()?, parts.next()?, parts.next()?);
        let family = match (net, family) {
            ("net", "ipv4") => Family::V4,
            ("net", "ipv6") => Family::V6,
            _ => return None,
        };
        if family == Family::V4 && conf == "ip_forward" && parts.next().is_none() {
            return Some(Conf { family, whose: Whose::All, setting: "forwarding" });
        }
        let (whose, setting) = (parts.next()?, parts.next()?);
        let whose = match whose {
            "all" => Whose::All,
            "default" => Whose::Default,
            link => Whose::Link(link),
        };
        (conf == "conf" && parts.next().is_none()).then_some(Conf { family, whose, setting })
    }

    /// The name below `conf`.
    fn key(&self) -> Option<SysctlKey> {
        let name = match self.whose {
            Whose::All => "all",
            Whose::Default => "default",
            Whose::Link(name) => name,
        };
        SysctlKey::parse(&format!("/net/{}/conf/{name}/{}", family_folder(self.family), self.setting)).ok()
    }

    /// Whether writing it for `all` writes it for every link.
    fn spreads(&self) -> bool {
        matches!((self.family, self.setting), (_, "forwarding") | (Family::V6, "disable_ipv6"))
    }
}

impl Model {
    pub(super) fn apply_sysctl(&mut self, netns: &NetnsRef, op: &SysctlOp) -> Outcome {
        match (op, self.write_sysctl(netns, op)) {
            (SysctlOp::WriteIfThere(..), Err(rejection))
                if rejection.missing.is_none() && rejection.errno == Errno::ENOENT =>
            {
                Ok(())
            }
            (SysctlOp::Write(..) | SysctlOp::WriteIfThere(..), written) => written,
        }
    }

    fn write_sysctl(&mut self, netns: &NetnsRef, op: &SysctlOp) -> Outcome {
        let on_host = *netns == NetnsRef::Host;
        let netns = self.netns_id(netns)?;
        let (key, value) = (op.key(), op.value());
        let path = key.relative_path();
        match settings::find(&path) {
            SettingKind::Folder => return Err(Errno::EISDIR.into()),
            SettingKind::Nothing => return Err(Errno::ENOENT.into()),
            SettingKind::Setting | SettingKind::Unknown => self.check_neighbour_link(netns, &path)?,
        }
        let conf = Conf::of(&path);
        let link = conf.as_ref().map_or(Ok(None), |conf| self.link_of(netns, conf))?;
        settings::check_write(&path, value, on_host)?;
        let Some((conf, number)) = conf.zip(settings::integer(value)) else {
            match op {
                SysctlOp::Write(..) => {
                    drop(self.netns_mut(netns).sysctls.insert(key.clone(), value.trim_end_matches('\n').to_owned()))
                }
                // Whether the kernel has it is unknown.
                SysctlOp::WriteIfThere(..) => drop(self.netns_mut(netns).sysctls.remove(key)),
            }
            return Ok(());
        };
        self.remember(netns, &conf, number);
        let on = number != 0;
        match (conf.family, conf.setting) {
            (Family::V6, "forwarding") => self.write_forwarding6(netns, conf.whose, link, on),
            (Family::V6, "disable_ipv6") => self.write_disable6(netns, conf.whose, link, on),
            _ => {}
        }
        Ok(())
    }

    /// The link of a setting, which must exist and have the protocol.
    fn link_of(&self, netns: NetnsId, conf: &Conf) -> Outcome<Option<DevId>> {
        let Whose::Link(name) = conf.whose else { return Ok(None) };
        let found = IfName::parse(name).ok().and_then(|name| self.netns(netns).links.get(&name).copied());
        let runs = |id: &DevId| match conf.family {
            Family::V4 => self.has_ipv4(*id),
            Family::V6 => self.has_ipv6(*id),
        };
        found.filter(runs).map(Some).ok_or_else(|| Errno::ENOENT.into())
    }

    /// A setting of `neigh/LINK` exists only with the link.
    fn check_neighbour_link(&self, netns: NetnsId, path: &str) -> Outcome {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["net", "ipv4" | "ipv6", "neigh", link, _] if link != "default" => {
                let found = IfName::parse(link).is_ok_and(|name| self.netns(netns).links.contains_key(&name));
                if found { Ok(()) } else { Err(Errno::ENOENT.into()) }
            }
            _ => Ok(()),
        }
    }

    /// For a setting that does not exist, as far as that is known: the settings in the same folder.
    pub fn missing_setting(&self, netns: &NetnsRef, key: &SysctlKey) -> Outcome<Option<Vec<String>>> {
        let netns = self.netns_id(netns)?;
        let path = key.relative_path();
        let mut linked = true;
        let there = match settings::find(&path) {
            SettingKind::Nothing => false,
            SettingKind::Folder => return Err(Errno::EISDIR.into()),
            SettingKind::Setting | SettingKind::Unknown => {
                linked = self.check_neighbour_link(netns, &path).is_ok()
                    && Conf::of(&path).is_none_or(|conf| self.link_of(netns, &conf).is_ok());
                linked
            }
        };
        // Without the link the folder does not exist either.
        Ok((!there).then(|| if linked { settings::beside(&path, key) } else { Vec::new() }))
    }

    /// Stores a written value. The settings that follow it are updated, or forgotten where it is uncertain whether they
    /// do.
    fn remember(&mut self, netns: NetnsId, conf: &Conf, number: i32) {
        let value = number.to_string();
        let before = self.known(netns, conf).map(str::to_owned);
        if conf.spreads() && matches!(conf.whose, Whose::All) {
            let (changed, certain) = match conf.family {
                // The kernel calls inet_forward_change only if the value changes.
                Family::V4 => (before.as_ref() != Some(&value), before.is_some()),
                Family::V6 => (true, true),
            };
            let others = |path: &str| Conf::of(path).is_some_and(|other| other.same_setting(conf));
            self.netns_mut(netns).sysctls.retain(|key, known| {
                if changed && others(&key.relative_path()) && *known != value {
                    known.clone_from(&value);
                    return certain;
                }
                true
            });
        }
        if let Some(key) = conf.key() {
            self.netns_mut(netns).sysctls.insert(key, value);
        }
    }

    /// The name under which the model keeps a setting: some have two, as `ip_forward` and `conf.all.forwarding`.
    pub fn name_of_setting(key: &SysctlKey) -> SysctlKey {
        Conf::of(&key.relative_path()).and_then(|conf| conf.key()).unwrap_or_else(|| key.clone())
    }

    fn known(&self, netns: NetnsId, conf: &Conf) -> Option<&str> {
        let same = |other: &Conf| other.same_setting(conf) && other.whose.is(conf.whose);
        let sysctls = &self.netns(netns).sysctls;
        let mut found =
            sysctls.iter().filter(|(key, _)| Conf::of(&key.relative_path()).is_some_and(|other| same(&other)));
        found.next().map(|(_, value)| value.as_str())
    }

    fn links_of(&self, netns: NetnsId) -> Vec<DevId> {
        self.netns(netns).links.values().copied().collect()
    }

    /// `addrconf_fixup_forwarding`
    fn write_forwarding6(&mut self, netns: NetnsId, whose: Whose, link: Option<DevId>, on: bool) {
        if !matches!(whose, Whose::Link(_)) {
            self.netns_mut(netns).default_forwarding6 = on;
        }
        let links = if matches!(whose, Whose::All) { self.links_of(netns) } else { link.into_iter().collect() };
        for link in links {
            self.set_forwarding6(link, on);
        }
    }

    /// `addrconf_disable_ipv6`
    fn write_disable6(&mut self, netns: NetnsId, whose: Whose, link: Option<DevId>, on: bool) {
        if !matches!(whose, Whose::Link(_)) {
            self.netns_mut(netns).default_disable6 = on;
        }
        let links = if matches!(whose, Whose::All) { self.links_of(netns) } else { link.into_iter().collect() };
        for link in links {
            self.set_disable6(link, on);
        }
    }

    /// Drops the settings of a link that is removed or loses a protocol.
    pub(super) fn forget_settings(&mut self, id: DevId, family: Family) {
        let (netns, name) = (self.netns_of(id), self.device(id).name.clone());
        let of_link = |path: &str| {
            Conf::of(path).is_some_and(|conf| conf.family == family && conf.whose.is(Whose::Link(name.as_str())))
        };
        self.netns_mut(netns).sysctls.retain(|key, _| !of_link(&key.relative_path()));
    }

    /// Renames the settings of a renamed link.
    pub(super) fn rename_settings(&mut self, id: DevId, from: &IfName) {
        let (netns, to) = (self.netns_of(id), self.device(id).name.clone());
        let renamed = |key: &SysctlKey| {
            let path = key.relative_path();
            let conf = Conf::of(&path).filter(|conf| conf.whose.is(Whose::Link(from.as_str())))?;
            SysctlKey::parse(&format!("/net/{}/conf/{to}/{}", family_folder(conf.family), conf.setting)).ok()
        };
        let sysctls = std::mem::take(&mut self.netns_mut(netns).sysctls);
        self.netns_mut(netns).sysctls =
            sysctls.into_iter().map(|(key, value)| (renamed(&key).unwrap_or(key), value)).collect();
    }

    /// Whether a setting can be written, but not read.
    pub fn is_write_only(&self, key: &SysctlKey) -> bool {
        settings::is_write_only(&key.relative_path())
    }

    /// The value of a setting that a script wrote.
    pub fn read_sysctl(&self, netns: &NetnsRef, key: &SysctlKey) -> Outcome<Option<String>> {
        let netns = self.netns_id(netns)?;
        let path = key.relative_path();
        Ok(match Conf::of(&path) {
            Some(conf) => self.known(netns, &conf).map(str::to_owned),
            None => self.netns(netns).sysctls.get(key).cloned(),
        })
    }
}

impl Conf<'_> {
    fn same_setting(&self, other: &Conf) -> bool {
        (self.family, self.setting) == (other.family, other.setting)
    }
}

impl Whose<'_> {
    fn is(self, other: Whose) -> bool {
        match (self, other) {
            (Whose::All, Whose::All) | (Whose::Default, Whose::Default) => true,
            (Whose::Link(link), Whose::Link(other)) => link == other,
            (Whose::All | Whose::Default | Whose::Link(_), _) => false,
        }
    }
}

fn family_folder(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}
