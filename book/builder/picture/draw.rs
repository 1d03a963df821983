//! Drawing what has been placed. Colours and type come from the book's style sheet.

use svg::Document;
use svg::node::element::{Group, Path, Rectangle, Text, Title};

use super::facts::{Graph, Place, Port, Space};
use super::layout::{LINE, Layout, PAD, Rect, Side, lines};

/// How small a picture may be shown: then it scrolls, since it could not be read.
const SMALLEST: f64 = 0.68;

/// The picture as one line of SVG.
pub fn svg(graph: &Graph, layout: &Layout) -> String {
    let (width, height) = layout.size;
    let title = described(graph);
    let mut document = Document::new()
        .set("class", "lab")
        .set("viewBox", (0, 0, width.ceil(), height.ceil()))
        .set("width", width.ceil())
        .set("height", height.ceil())
        .set("style", format!("min-width:{}px", (width * SMALLEST).ceil()))
        .set("role", "img")
        .set("aria-label", title.clone())
        .add(Title::new(title));
    for rect in &layout.spaces {
        document = document.add(rectangle(*rect, "space", 8));
    }
    for cable in cables(graph, layout) {
        document = document.add(cable);
    }
    for (index, rect) in layout.spaces.iter().enumerate() {
        document = document.add(head(graph, layout, index, *rect));
    }
    for ((space, index), (rect, _)) in &layout.ports {
        document = document.add(port(&graph.spaces[*space].ports[*index], *rect));
    }
    document.to_string().replace('\n', "")
}

/// The picture in words.
fn described(graph: &Graph) -> String {
    let names: Vec<&str> = graph.spaces.iter().map(|space| space.name.as_str()).collect();
    let cables = graph.spaces.iter().flat_map(|space| &space.ports).filter(|port| port.cable.is_some()).count() / 2;
    format!("Network of {} with {cables} cables", names.join(", "))
}

/// A namespace's name and routes, below the ports along its upper edge.
fn head(graph: &Graph, layout: &Layout, index: usize, rect: Rect) -> Group {
    let at_top = layout.ports.iter().filter(|((space, _), (_, side))| *space == index && *side == Side::Top);
    let top = at_top.map(|(_, (port, _))| port.h + PAD * 1.5).fold(0.0, f64::max);
    let Space { name, routes, .. } = &graph.spaces[index];
    let mut y = rect.y + PAD + top + LINE * 0.8;
    let mut group = Group::new().add(text(rect.x + PAD, y, "name", name));
    for route in routes {
        y += LINE;
        group = group.add(text(rect.x + PAD, y, "route", route));
    }
    group
}

fn rectangle(rect: Rect, class: &str, radius: u32) -> Rectangle {
    Rectangle::new()
        .set("class", class)
        .set("x", rounded(rect.x))
        .set("y", rounded(rect.y))
        .set("width", rounded(rect.w))
        .set("height", rounded(rect.h))
        .set("rx", radius)
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn text(x: f64, y: f64, class: &str, content: &str) -> Text {
    Text::new(content).set("class", class).set("x", rounded(x)).set("y", rounded(y))
}

fn port(port: &Port, rect: Rect) -> Group {
    let bridge = port.kind == "bridge";
    let class = match (bridge, port.up) {
        (true, _) => "bridge",
        (false, true) => "port",
        (false, false) => "port down",
    };
    let mut group = Group::new().add(rectangle(rect, class, if bridge { 12 } else { 4 }));
    for (index, line) in lines(port).iter().enumerate() {
        let row = f64::from(u16::try_from(index).unwrap_or(u16::MAX));
        let class = if index == 0 { "link" } else { "addr" };
        group = group.add(text(rect.middle(), rect.y + PAD / 2.0 + LINE * (row + 0.78), class, line));
    }
    group
}

/// Cables, links on others, tunnels, and what ties ports to their bridges.
fn cables(graph: &Graph, layout: &Layout) -> Vec<Path> {
    let mut paths = Vec::new();
    for (number, space) in graph.spaces.iter().enumerate() {
        for (index, port) in space.ports.iter().enumerate() {
            let Some(here) = layout.ports.get(&(number, index)).copied() else { continue };
            let at = |name: &str| Place { space: space.name.clone(), port: name.to_owned() };
            if let Some(bridge) = port.master.as_ref().and_then(|name| find(graph, layout, &at(name))) {
                paths.push(tie(here, bridge));
            }
            if let Some((other, there)) = port.cable.as_ref().and_then(|place| found(graph, layout, place))
                && (number, index) < other
            {
                paths.push(curve(here, there, "cable"));
            }
            if let Some(there) = port.parent.as_ref().and_then(|place| find(graph, layout, place)) {
                let inside = port.parent.as_ref().is_some_and(|place| place.space == space.name);
                let free = |(rect, side): Placed| (rect, if inside { Side::Inside } else { side });
                paths.push(curve(free(here), free(there), "upper"));
            }
        }
    }
    paths.extend(tunnels(graph, layout));
    paths
}

type Placed = (Rect, Side);

fn found(graph: &Graph, layout: &Layout, place: &Place) -> Option<((usize, usize), Placed)> {
    let space = graph.spaces.iter().position(|space| space.name == place.space)?;
    let port = graph.spaces[space].ports.iter().position(|port| port.name == place.port)?;
    layout.ports.get(&(space, port)).map(|placed| ((space, port), *placed))
}

fn find(graph: &Graph, layout: &Layout, place: &Place) -> Option<Placed> {
    found(graph, layout, place).map(|(_, placed)| placed)
}

/// Every two ends of one VXLAN.
fn tunnels(graph: &Graph, layout: &Layout) -> Vec<Path> {
    let ports = graph.spaces.iter().enumerate().flat_map(|(space, contents)| {
        contents.ports.iter().enumerate().map(move |(index, port)| ((space, index), port))
    });
    let ends: Vec<((usize, usize), &String)> =
        ports.filter_map(|(place, port)| Some((place, port.tunnel.as_ref()?))).collect();
    let mut paths = Vec::new();
    for (index, (from, id)) in ends.iter().enumerate() {
        for (to, _) in ends[index + 1..].iter().filter(|(to, other)| other == id && to.0 != from.0) {
            if let (Some(from), Some(to)) = (layout.ports.get(from), layout.ports.get(to)) {
                paths.push(curve(*from, *to, "tunnel"));
            }
        }
    }
    paths
}

fn path(class: &str, data: String) -> Path {
    Path::new().set("class", class).set("d", data)
}

/// A port to its bridge.
fn tie((port, side): Placed, (bridge, _): Placed) -> Path {
    let (from, to) = match side {
        Side::Top => (port.y + port.h, bridge.y),
        Side::Inside | Side::Bottom => (port.y, bridge.y + bridge.h),
    };
    let x = rounded(port.middle());
    path("tie", format!("M{x} {} V{}", rounded(from), rounded(to)))
}

/// From the edge of one link to that of another.
fn curve((from, from_side): Placed, (to, to_side): Placed, class: &str) -> Path {
    let end = |rect: Rect, side: Side, other: Rect| match side {
        Side::Top => (rect.y, -1.0),
        Side::Bottom => (rect.y + rect.h, 1.0),
        Side::Inside if other.y + other.h < rect.y => (rect.y, -1.0),
        Side::Inside => (rect.y + rect.h, 1.0),
    };
    let ((y1, way1), (y2, way2)) = (end(from, from_side, to), end(to, to_side, from));
    let reach = ((y2 - y1).abs() / 2.0).max(36.0);
    let (x1, x2) = (rounded(from.middle()), rounded(to.middle()));
    let (c1, c2) = (rounded(y1 + way1 * reach), rounded(y2 + way2 * reach));
    path(class, format!("M{x1} {} C{x1} {c1} {x2} {c2} {x2} {}", rounded(y1), rounded(y2)))
}
