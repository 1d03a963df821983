//! The lines of a picture: cables, tunnels, and lines from links to their parents and from ports to their bridges.
//!
//! A line that would run over a name, a route or a link that it does not belong to is drawn around everything, between
//! the rows and along the right edge. [`crossings`] lists the lines that still cross something:
//! `cargo book check` refuses such a picture.

use super::draw::{heads, rounded};
use super::facts::{Graph, LinkRef};
use super::layout::{Layout, Rect, Side};

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its class in the style sheet.
    pub class: &'static str,
    /// Its SVG path.
    pub data: String,
    /// Points along it, at short distances.
    points: Vec<(f64, f64)>,
    /// The links that it joins: namespace and place in it.
    ends: [Key; 2],
}

type Key = (usize, usize);
type Placed = (Rect, Side);

/// The distance of a line that goes around everything from the right edge, and the margin beyond the line.
const AROUND: f64 = 12.0;

/// The distance from a row at which a line that goes around runs beside it.
const BESIDE: f64 = 14.0;

/// The number of pieces into which a curve is cut to find what it crosses.
const PIECES: u8 = 60;

impl Line {
    /// Its rightmost point, with some margin.
    pub fn right(&self) -> f64 {
        self.points.iter().map(|(x, _)| x + 4.0).fold(0.0, f64::max)
    }

    /// The texts and links that it runs over, except those that it joins.
    fn crosses(&self, graph: &Graph, layout: &Layout) -> Vec<String> {
        let over = |rect: &Rect| self.points.iter().any(|point| rect.holds(*point));
        let texts = heads(graph, layout).into_iter().filter(|(rect, _)| over(rect));
        let others = layout.ports.iter().filter(|(key, (rect, _))| !self.ends.contains(key) && over(rect));
        let name = |(space, port): &Key| {
            let space = &graph.spaces[*space];
            format!("{} in {}", space.ports[*port].name, space.name)
        };
        texts.map(|(_, text)| text.to_owned()).chain(others.map(|(key, _)| name(key))).collect()
    }
}

/// Every line that runs over a text or a link, with the names of these.
pub fn crossings(graph: &Graph, layout: &Layout) -> Vec<String> {
    let told = |line: &Line| {
        let over = line.crosses(graph, layout);
        (!over.is_empty()).then(|| format!("a {} runs over {}", line.class, over.join(", ")))
    };
    cables(graph, layout).iter().filter_map(told).collect()
}

/// All lines: cables, tunnels, and lines from links to their parents and from ports to their bridges.
pub fn cables(graph: &Graph, layout: &Layout) -> Vec<Line> {
    let mut lines = Vec::new();
    for (number, space) in graph.spaces.iter().enumerate() {
        for (index, port) in space.ports.iter().enumerate() {
            let key = (number, index);
            let Some(here) = layout.ports.get(&key).copied() else { continue };
            let at = |name: &str| LinkRef { space: space.name.clone(), port: name.to_owned() };
            if let Some((other, bridge)) = port.master.as_ref().and_then(|name| found(graph, layout, &at(name))) {
                lines.push(tie(here, bridge, [key, other]));
            }
            if let Some((other, there)) = port.cable.as_ref().and_then(|place| found(graph, layout, place))
                && key < other
            {
                lines.push(joined(graph, layout, (here, there), "cable", [key, other]));
            }
            if let Some((other, there)) = port.parent.as_ref().and_then(|place| found(graph, layout, place)) {
                let inside = port.parent.as_ref().is_some_and(|place| place.space == space.name);
                let free = |(rect, side): Placed| (rect, if inside { Side::Inside } else { side });
                lines.push(joined(graph, layout, (free(here), free(there)), "upper", [key, other]));
            }
        }
    }
    lines.extend(tunnels(graph, layout));
    lines
}

fn found(graph: &Graph, layout: &Layout, place: &LinkRef) -> Option<(Key, Placed)> {
    let space = graph.spaces.iter().position(|space| space.name == place.space)?;
    let port = graph.spaces[space].ports.iter().position(|port| port.name == place.port)?;
    layout.ports.get(&(space, port)).map(|placed| ((space, port), *placed))
}

/// A line between every two ends of one VXLAN.
fn tunnels(graph: &Graph, layout: &Layout) -> Vec<Line> {
    let ports = graph.spaces.iter().enumerate().flat_map(|(space, contents)| {
        contents.ports.iter().enumerate().map(move |(index, port)| ((space, index), port))
    });
    let ends: Vec<(Key, &String)> = ports.filter_map(|(key, port)| Some((key, port.tunnel.as_ref()?))).collect();
    let mut lines = Vec::new();
    for (index, (from, id)) in ends.iter().enumerate() {
        for (to, _) in ends[index + 1..].iter().filter(|(to, other)| other == id && to.0 != from.0) {
            if let (Some(here), Some(there)) = (layout.ports.get(from), layout.ports.get(to)) {
                lines.push(joined(graph, layout, (*here, *there), "tunnel", [*from, *to]));
            }
        }
    }
    lines
}

/// A line between two links: a curve, or around everything where the curve would cross something.
fn joined(graph: &Graph, layout: &Layout, ends: (Placed, Placed), class: &'static str, keys: [Key; 2]) -> Line {
    let curve = curve(ends.0, ends.1, class, keys);
    if curve.crosses(graph, layout).is_empty() {
        return curve;
    }
    let around = around(layout, ends, class, keys);
    around.filter(|line| line.crosses(graph, layout).is_empty()).unwrap_or(curve)
}

/// A line from a port to its bridge.
fn tie((port, side): Placed, (bridge, _): Placed, ends: [Key; 2]) -> Line {
    let (from, to) = match side {
        Side::Top => (port.y + port.h, bridge.y),
        Side::Inside | Side::Bottom => (port.y, bridge.y + bridge.h),
    };
    let x = port.middle();
    let points = straight(&[(x, from), (x, to)]);
    Line { class: "tie", data: format!("M{} {} V{}", rounded(x), rounded(from), rounded(to)), points, ends }
}

/// A curve from the edge of one link to that of another.
fn curve((from, from_side): Placed, (to, to_side): Placed, class: &'static str, ends: [Key; 2]) -> Line {
    let end = |rect: Rect, side: Side, other: Rect| match side {
        Side::Top => (rect.y, -1.0),
        Side::Bottom => (rect.y + rect.h, 1.0),
        Side::Inside if other.y + other.h < rect.y => (rect.y, -1.0),
        Side::Inside => (rect.y + rect.h, 1.0),
    };
    let ((y1, way1), (y2, way2)) = (end(from, from_side, to), end(to, to_side, from));
    let reach = ((y2 - y1).abs() / 2.0).max(36.0);
    let (x1, x2) = (from.middle(), to.middle());
    let (c1, c2) = (y1 + way1 * reach, y2 + way2 * reach);
    let points = (0..=PIECES).map(|piece| {
        let t = f64::from(piece) / f64::from(PIECES);
        (bezier([x1, x1, x2, x2], t), bezier([y1, c1, c2, y2], t))
    });
    let [x1, x2, c1, c2] = [x1, x2, c1, c2].map(rounded);
    let data = format!("M{x1} {} C{x1} {c1} {x2} {c2} {x2} {}", rounded(y1), rounded(y2));
    Line { class, data, points: points.collect(), ends }
}

/// One coordinate of a point on a cubic Bézier curve.
fn bezier([a, b, c, d]: [f64; 4], t: f64) -> f64 {
    let s = 1.0 - t;
    s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
}

/// A line out of the row, along it to the right edge, along that, and back into the other row. `None` for a link that
/// is at neither edge of its namespace.
fn around(layout: &Layout, (from, to): (Placed, Placed), class: &'static str, ends: [Key; 2]) -> Option<Line> {
    let (y1, beside1) = way_out(layout, from)?;
    let (y2, beside2) = way_out(layout, to)?;
    let (x1, x2) = (from.0.middle(), to.0.middle());
    let edge = layout.size.0 + AROUND;
    let corners = [(x1, y1), (x1, beside1), (edge, beside1), (edge, beside2), (x2, beside2), (x2, y2)];
    let mut data = format!("M{} {}", rounded(x1), rounded(y1));
    for (x, y) in &corners[1..] {
        data.push_str(&format!(" L{} {}", rounded(*x), rounded(*y)));
    }
    Some(Line { class, data, points: straight(&corners), ends })
}

/// The point where a link's line begins, and the height at which it can run beside the link's row.
fn way_out(layout: &Layout, (rect, side): Placed) -> Option<(f64, f64)> {
    let (top, bottom) = layout.rows.iter().copied().find(|(top, bottom)| rect.y >= *top && rect.y < *bottom)?;
    match side {
        Side::Top => Some((rect.y, top - BESIDE)),
        Side::Bottom => Some((rect.y + rect.h, bottom + BESIDE)),
        Side::Inside => None,
    }
}

/// Points along straight lines from corner to corner.
fn straight(corners: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let piece = |pair: &[(f64, f64)]| {
        let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
        (0..=PIECES).map(move |piece| {
            let t = f64::from(piece) / f64::from(PIECES);
            (x1 + (x2 - x1) * t, y1 + (y2 - y1) * t)
        })
    };
    corners.windows(2).flat_map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::super::facts::{NetnsBox, Port};
    use super::super::layout::layout;
    use super::*;

    fn port(name: &str, cable: Option<(&str, &str)>) -> Port {
        let cable = cable.map(|(space, port)| LinkRef { space: space.to_owned(), port: port.to_owned() });
        let (name, kind) = (name.to_owned(), "veth".to_owned());
        Port { name, kind, up: true, addrs: Vec::new(), master: None, cable, parent: None, tunnel: None }
    }

    fn space(name: &str, ports: Vec<Port>) -> NetnsBox {
        NetnsBox { name: name.to_owned(), ports, routes: vec!["default via 192.0.2.1".to_owned()] }
    }

    /// The VXLAN chapter's network: two machines on a router, a tunnel between them, a container on each.
    fn overlay() -> Graph {
        let machine = |name: &str, leg: &str, container: &str| {
            let bridge = Port { kind: "bridge".to_owned(), ..port("br0", None) };
            let tunnel = Port { tunnel: Some("42".to_owned()), master: Some("br0".to_owned()), ..port("vx42", None) };
            let inner = Port { master: Some("br0".to_owned()), ..port("port", Some((container, "eth0"))) };
            space(name, vec![port("eth0", Some(("router", leg))), bridge, tunnel, inner])
        };
        let legs = vec![port("leg1", Some(("one", "eth0"))), port("leg2", Some(("two", "eth0")))];
        Graph {
            spaces: vec![
                space("box1", vec![port("eth0", Some(("one", "port")))]),
                space("box2", vec![port("eth0", Some(("two", "port")))]),
                machine("one", "leg1", "box1"),
                space("router", legs),
                machine("two", "leg2", "box2"),
            ],
        }
    }

    #[test]
    fn no_line_runs_over_a_text() {
        let graph = overlay();
        assert_eq!(crossings(&graph, &layout(&graph)), Vec::<String>::new());
    }

    /// A tunnel from the middle to a namespace two rows below, with a row of three between them.
    #[test]
    fn a_line_that_would_cross_something_goes_around() {
        let tunnel = || Port { tunnel: Some("7".to_owned()), ..port("vx7", None) };
        let legs = ["b", "x", "y"].map(|name| port(&format!("to-{name}"), Some((name, "up"))));
        let leaf = |name: &str| space(name, vec![port("up", Some(("a", &format!("to-{name}"))))]);
        let graph = Graph {
            spaces: vec![
                space("a", legs.into_iter().chain([tunnel()]).collect()),
                space("b", vec![port("up", Some(("a", "to-b"))), port("down", Some(("c", "up")))]),
                leaf("x"),
                leaf("y"),
                space("c", vec![port("up", Some(("b", "down"))), tunnel()]),
            ],
        };
        let layout = layout(&graph);
        assert_eq!(crossings(&graph, &layout), Vec::<String>::new());
        let lines = cables(&graph, &layout);
        let tunnel = lines.iter().find(|line| line.class == "tunnel").expect("there is one");
        assert!(tunnel.right() > layout.size.0, "{}", tunnel.data);
    }
}
