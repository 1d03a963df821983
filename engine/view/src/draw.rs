//! Draws a laid-out network as SVG. Colours and fonts come from the book's style sheet.

use svg::Document;
use svg::node::element::{Group, Path, Rectangle, Text, Title};

use super::lines::{Line, cables};

use super::facts::{Graph, NetnsBox, Port};
use super::layout::{LINE, Layout, PAD, Rect, Side, lines, width};

/// The smallest scale that can be read; below it, the picture scrolls.
const SMALLEST: f64 = 0.68;

/// The picture as one line of SVG.
pub fn svg(graph: &Graph, layout: &Layout) -> String {
    let cables = cables(graph, layout);
    let (width, height) = (cables.iter().map(Line::right).fold(layout.size.0, f64::max), layout.size.1);
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
    for cable in &cables {
        document = document.add(Path::new().set("class", cable.class).set("d", cable.data.as_str()));
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
    let mut group = Group::new();
    for (line, (x, y, content)) in head_lines(graph, layout, index, rect).into_iter().enumerate() {
        group = group.add(text(x, y, if line == 0 { "name" } else { "route" }, content));
    }
    group
}

/// The rectangles that the texts of namespaces take, with the texts.
pub fn heads<'g>(graph: &'g Graph, layout: &Layout) -> Vec<(Rect, &'g str)> {
    let spaces = layout.spaces.iter().enumerate();
    let lines = spaces.flat_map(|(index, rect)| head_lines(graph, layout, index, *rect));
    // A name is wider than other text.
    let around = |(x, y, text)| (Rect { x, y: y - LINE * 0.75, w: width(text) * 1.1, h: LINE * 0.95 }, text);
    lines.map(around).collect()
}

/// Where the lines of a namespace's name and routes begin.
fn head_lines<'g>(graph: &'g Graph, layout: &Layout, index: usize, rect: Rect) -> Vec<(f64, f64, &'g str)> {
    let at_top = layout.ports.iter().filter(|((space, _), (_, side))| *space == index && *side == Side::Top);
    let top = at_top.map(|(_, (port, _))| port.h + PAD * 1.5).fold(0.0, f64::max);
    let NetnsBox { name, routes, .. } = &graph.spaces[index];
    let mut y = rect.y + PAD + top + LINE * 0.8;
    let mut lines = vec![(rect.x + PAD, y, name.as_str())];
    for route in routes {
        y += LINE;
        lines.push((rect.x + PAD, y, route.as_str()));
    }
    lines
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

pub fn rounded(number: f64) -> f64 {
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
