//! Reading a state from a [`World`](crate::world::World).

use super::{NetState, Netns, Ruleset};
use crate::error::{Error, Result};
use crate::op::{Family, NetnsRef, SysctlKey};
use crate::world::Query;

impl NetState {
    /// Reads the host and every named namespace, with those of these settings that exist. Names that do not refer to a
    /// namespace are left out.
    pub fn read(world: &mut dyn Query, sysctls: &[SysctlKey]) -> Result<NetState> {
        let names = world.netns_names()?.into_iter().map(NetnsRef::Named);
        let mut state = NetState::default();
        for netns in [NetnsRef::Host].into_iter().chain(names) {
            match Netns::read(world, &netns, sysctls) {
                Ok(contents) => drop(state.netns.insert(netns, contents)),
                Err(Error::LeftoverNetns { .. } | Error::NoSuchNetns { .. }) if netns != NetnsRef::Host => {}
                Err(error) => return Err(error),
            }
        }
        Ok(state)
    }
}

impl Netns {
    /// Reads one namespace.
    pub fn read(world: &mut dyn Query, netns: &NetnsRef, sysctls: &[SysctlKey]) -> Result<Netns> {
        let both = [Family::V4, Family::V6];
        let mut contents = Netns { links: world.links(netns)?, ..Netns::default() };
        let mut tables = Ruleset::default();
        for family in both {
            contents.routes.extend(world.routes(netns, family)?);
            contents.policy.extend(world.policy_rules(netns, family)?);
            tables.tables.extend(world.ruleset(netns, family)?.tables);
        }
        contents.ruleset = tables;
        contents.foreign = world.foreign_rules(netns)?;
        contents.neighbours = world.neighbours(netns)?;
        contents.fdb = world.fdb(netns)?;
        for key in sysctls {
            if let Ok(value) = world.sysctl(netns, key) {
                contents.sysctls.insert(key.clone(), value);
            }
        }
        Ok(contents)
    }
}
