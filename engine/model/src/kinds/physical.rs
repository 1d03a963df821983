//! Hardware, and links of kinds that netscript does not know.

use super::behaviour::{
    Behaviour, Below, Carrier, ETHERNET_MAX_MTU, ETHERNET_MIN_MTU, Facts, Fdb, Ipv6, OperStateRule, Origin,
};
use crate::Model;
use netscript_net::op::NetnsRef;
use netscript_net::state::LinkType;

pub(super) struct Physical;

impl Behaviour for Physical {
    fn facts(&self) -> Facts {
        Facts {
            origin: Origin::Hardware,
            below: Below::Nothing,
            master: None,
            handler: None,
            takes_handler: true,
            ethernet: true,
            carries_vlans: true,
            movable: true,
            ends_with_birthplace: false,
            carrier: Carrier::Always,
            state: OperStateRule::Carrier,
            mac_settable: true,
            mac_validated: true,
            mac_borrowed: false,
            mac_zero: false,
            mtu: (ETHERNET_MIN_MTU, ETHERNET_MAX_MTU),
            fdb: Fdb::ORDINARY,
            one_neighbour: false,
            ipv6: Ipv6::LinkLocal,
            multicast6: true,
        }
    }

    fn describe(&self, _model: &Model, _seen_from: &NetnsRef) -> LinkType {
        LinkType::Physical
    }
}
