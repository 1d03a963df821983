//! Compares the routes that the kernel chooses with those that the trace predicts.

use std::net::IpAddr;

use netscript_net::error::Errno;
use netscript_net::op::{Family, IfName, NetnsRef};
use netscript_net::state::{LinkType, Netns};
use netscript_net::world::{ChosenRoute, RouteGet, World};
use netscript_trace::{Neighbours, read_routing};

use super::rng::Rng;
use crate::kernel_release;

/// How many packets each namespace is asked about.
const PACKETS: usize = 24;

/// Addresses that random networks do not contain, or that are special.
const OTHERS: [&str; 14] = [
    "8.8.8.8",
    "10.9.0.1",
    "127.0.0.1",
    "127.9.9.9",
    "224.0.0.5",
    "239.1.1.1",
    "255.255.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "2001:db8::1",
    "::1",
    "fe80::1",
    "ff02::1",
    "ff05::2",
];

/// What comparing routes came to.
#[derive(Clone, Debug, Default)]
pub struct RoutesCompared {
    /// The number of packets.
    pub asked: usize,
    /// How often the trace did not know, by what.
    pub unknown: Vec<String>,
    /// A line for each disagreement.
    pub differences: Vec<String>,
}

impl RoutesCompared {
    /// Adds the results of another comparison.
    pub fn add(&mut self, other: RoutesCompared) {
        self.asked += other.asked;
        self.unknown.extend(other.unknown);
        self.differences.extend(other.differences);
    }
}

/// Asks about packets in each namespace.
pub(super) fn compare(world: &mut dyn World, places: &[NetnsRef]) -> RoutesCompared {
    let mut compared = RoutesCompared::default();
    for (number, netns) in places.iter().enumerate() {
        // The namespace may have been removed.
        let Ok(mut contents) = read_routing(world, netns) else { continue };
        let mut rng = Rng::new(number as u64 + contents.routes.len() as u64 * 1000);
        for _ in 0..PACKETS {
            let packet = packet(&mut rng, &contents);
            let Ok(mut answer) = world.route_get(netns, &packet) else { continue };
            compared.asked += 1;
            if route_get(&contents, &packet).is_ok_and(|lookup| !agree(&packet, &lookup.answer, &answer)) {
                // An IPv6 address may have become ready meanwhile.
                let (Ok(again), Ok(known)) = (world.route_get(netns, &packet), read_routing(world, netns)) else {
                    continue;
                };
                (answer, contents) = (again, known);
            }
            match route_get(&contents, &packet) {
                Err(unknown) => compared.unknown.push(unknown),
                Ok(lookup) if agree(&packet, &lookup.answer, &answer) => {}
                Ok(lookup) => {
                    let line = format!("route in {netns}: {packet:?}: trace {:?}, kernel {answer:?}", lookup.answer);
                    compared.differences.push(line);
                }
            }
        }
    }
    compared
}

type Answer = Result<ChosenRoute, Errno>;

/// Whether two answers are the same. The error for a source address that is not the namespace's own was EINVAL before
/// it became ENETUNREACH.
fn agree(packet: &RouteGet, predicted: &Answer, kernel: &Answer) -> bool {
    let renumbered = packet.src.is_some() && kernel_release() < (6, 18);
    let about_source = [Errno::EINVAL, Errno::ENETUNREACH];
    match (predicted, kernel) {
        (Err(predicted), Err(kernel)) if renumbered => {
            predicted == kernel || (about_source.contains(predicted) && about_source.contains(kernel))
        }
        (predicted, kernel) => predicted == kernel,
    }
}

fn route_get<'a>(contents: &'a Netns, packet: &RouteGet) -> Result<netscript_trace::Lookup<'a>, String> {
    netscript_trace::route_get(contents, packet, Neighbours::Known)
}

fn packet(rng: &mut Rng, contents: &Netns) -> RouteGet {
    let own: Vec<IpAddr> = contents.links.iter().flat_map(|link| &link.addrs).map(|addr| addr.local.addr()).collect();
    let mut targets: Vec<IpAddr> = OTHERS.iter().filter_map(|text| text.parse().ok()).collect();
    targets.extend(&own);
    for route in &contents.routes {
        targets.push(route.dst.addr());
        targets.push(next(route.dst.addr()));
        targets.extend(route.nexthops.iter().filter_map(|hop| hop.via));
    }
    let dst = *rng.pick(&targets);
    let sources = if rng.percent(20) { targets } else { own };
    let same: Vec<IpAddr> = sources.into_iter().filter(|addr| Family::of(*addr) == Family::of(dst)).collect();
    // VRFs are not traced.
    let plain = |link: &&netscript_net::state::Link| !matches!(link.kind, LinkType::Vrf(_)) && link.master.is_none();
    let links: Vec<IfName> = contents.links.iter().filter(plain).map(|link| link.name.clone()).collect();
    let with_ports = rng.percent(30);
    RouteGet {
        dst,
        src: (!same.is_empty() && rng.percent(30)).then(|| *rng.pick(&same)),
        oif: (!links.is_empty() && rng.percent(25)).then(|| rng.pick(&links).clone()),
        mark: *rng.pick(&[0, 0, 0, 1, 2, 7, 256]),
        tos: *rng.pick(&[0, 0, 0, 8, 16, 252]),
        ipproto: with_ports.then(|| *rng.pick(&[6, 17])),
        sport: (with_ports && rng.percent(50)).then(|| *rng.pick(&[9, 1000, 1500])),
        dport: (with_ports && rng.percent(70)).then(|| *rng.pick(&[53, 80, 443])),
    }
}

/// The next address.
fn next(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(addr) => IpAddr::V4((addr.to_bits().wrapping_add(1)).into()),
        IpAddr::V6(addr) => IpAddr::V6((addr.to_bits().wrapping_add(1)).into()),
    }
}
