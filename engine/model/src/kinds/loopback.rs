//! `lo`, which every namespace has (drivers/net/loopback.c).

use super::behaviour::{Behaviour, Below, Carrier, Facts, Fdb, Ipv6, OperStateRule, Origin};
use crate::Model;
use netscript_net::op::NetnsRef;
use netscript_net::state::LinkType;

pub(super) struct Loopback;

impl Behaviour for Loopback {
    fn facts(&self) -> Facts {
        Facts {
            origin: Origin::Kernel,
            below: Below::Nothing,
            master: None,
            handler: None,
            takes_handler: false,
            ethernet: false,
            carries_vlans: false,
            movable: false,
            ends_with_birthplace: false,
            carrier: Carrier::Always,
            state: OperStateRule::Unknown,
            mac_settable: true,
            mac_validated: true,
            mac_borrowed: false,
            mac_zero: false,
            mtu: (0, 0),
            fdb: Fdb::ORDINARY,
            one_neighbour: true,
            ipv6: Ipv6::Loopback,
            multicast6: false,
        }
    }

    fn describe(&self, _model: &Model, _seen_from: &NetnsRef) -> LinkType {
        LinkType::Loopback
    }
}
