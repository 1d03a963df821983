//! Where everything is placed in a picture.
//!
//! The namespace with the most cables is in the middle. Namespaces that are connected to its bridges are below it, its
//! other neighbours above. Within a namespace, ports that lead up are along its upper edge, and those that lead down
//! along the lower one. Its bridges are in between, each a bar over its ports, with the links that have no cable.

use std::collections::{BTreeMap, VecDeque};

use super::facts::{Graph, NetnsBox, Port};

/// A character's width in the picture's font, with some margin.
pub const CHAR: f64 = 7.3;
/// A line's height.
pub const LINE: f64 = 15.0;
/// Space within boxes, and between them.
pub const PAD: f64 = 8.0;
const GAP: f64 = 18.0;
/// Height of the room for cables between two rows.
const CABLES: f64 = 54.0;

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// The middle between the left and the right edge.
    pub fn middle(&self) -> f64 {
        self.x + self.w / 2.0
    }

    /// Whether a point lies within it.
    pub fn holds(&self, (x, y): (f64, f64)) -> bool {
        x > self.x && x < self.x + self.w && y > self.y && y < self.y + self.h
    }

    fn moved(mut self, x: f64, y: f64) -> Rect {
        self.x += x;
        self.y += y;
        self
    }
}

/// The edge of its namespace at which a link is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The upper one.
    Top,
    /// None.
    Inside,
    /// The lower one.
    Bottom,
}

/// The places of everything.
#[derive(Debug, Default)]
pub struct Layout {
    /// The whole picture.
    pub size: (f64, f64),
    /// Namespaces, in the graph's order.
    pub spaces: Vec<Rect>,
    /// Links by namespace and place in it.
    pub ports: BTreeMap<(usize, usize), (Rect, Side)>,
    /// The upper and the lower edge of each row of namespaces.
    pub rows: Vec<(f64, f64)>,
}

/// The lines of text of a link.
pub fn lines(port: &Port) -> Vec<String> {
    let title = match port.kind.as_str() {
        "veth" | "loopback" => port.name.clone(),
        kind if kind == port.name => port.name.clone(),
        kind => format!("{} {kind}", port.name),
    };
    let title = if port.up { title } else { format!("{title}  down") };
    [title].into_iter().chain(port.addrs.iter().cloned()).collect()
}

/// Width of a text.
pub fn width(text: &str) -> f64 {
    let count = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
    f64::from(count) * CHAR
}

fn size(port: &Port) -> (f64, f64) {
    let lines = lines(port);
    let widest = lines.iter().map(|line| width(line)).fold(0.0, f64::max);
    let air = if port.kind == "bridge" { 4.0 * PAD } else { 2.0 * PAD };
    let count = f64::from(u16::try_from(lines.len()).unwrap_or(u16::MAX));
    (widest + air, count * LINE + PAD)
}

/// Places a network.
pub fn layout(graph: &Graph) -> Layout {
    let ranks = Ranks::of(graph);
    let boxes: Vec<Inner> = (0..graph.spaces.len()).map(|index| Inner::of(graph, index, &ranks)).collect();
    let mut layout = Layout { spaces: vec![Rect::default(); graph.spaces.len()], ..Layout::default() };
    let mut y = 1.0;
    let mut rows = Vec::new();
    for (rank, row) in ranks.rows(graph) {
        let widths: f64 = row.iter().map(|index| boxes[*index].size.0 + GAP).sum::<f64>() - GAP;
        let height = row.iter().map(|index| boxes[*index].size.1).fold(0.0, f64::max);
        rows.push((row, widths, y, height, rank));
        y += height + CABLES;
    }
    let total = rows.iter().map(|(_, width, ..)| *width).fold(0.0, f64::max);
    for (row, width, y, height, rank) in rows {
        layout.rows.push((y, y + height));
        let mut x = 1.0 + (total - width) / 2.0;
        for index in row {
            let (w, h) = boxes[index].size;
            // Rows above the middle are aligned at their lower edges.
            let y = if rank < 0 { y + height - h } else { y };
            layout.spaces[index] = Rect { x, y, w, h };
            for (port, (rect, side)) in &boxes[index].ports {
                layout.ports.insert((index, *port), (rect.moved(x, y), *side));
            }
            x += w + GAP;
        }
    }
    layout.size = (total + 2.0, y - CABLES + 1.0 + loops(graph, &ranks));
    layout
}

/// Room below the last row for cables between neighbours in it.
fn loops(graph: &Graph, ranks: &Ranks) -> f64 {
    let last = ranks.rank.iter().copied().max().unwrap_or(0);
    let looped = ends(graph).any(|(from, to)| ranks.rank[from] == last && ranks.rank[to] == last);
    if looped { CABLES } else { 0.0 }
}

/// The namespaces that cables, and links built on others, join; each in both directions.
fn ends(graph: &Graph) -> impl Iterator<Item = (usize, usize)> {
    let number = |name: &str| graph.spaces.iter().position(|space| space.name == name);
    graph.spaces.iter().enumerate().flat_map(move |(from, space)| {
        let places = space.ports.iter().flat_map(|port| port.cable.iter().chain(&port.parent));
        let there = places.filter_map(move |place| number(&place.space)).filter(move |to| *to != from);
        there.flat_map(move |to| [(from, to), (to, from)]).collect::<Vec<_>>()
    })
}

/// The distance from a namespace to the farthest one, in cables.
fn depth(start: usize, count: usize, ends: &[(usize, usize)]) -> usize {
    let mut far: Vec<Option<usize>> = vec![None; count];
    far[start] = Some(0);
    let mut queue = VecDeque::from([(start, 0)]);
    let mut deepest = 0;
    while let Some((from, steps)) = queue.pop_front() {
        deepest = steps;
        for (_, to) in ends.iter().filter(|(one, _)| *one == from) {
            if far[*to].is_none() {
                far[*to] = Some(steps + 1);
                queue.push_back((*to, steps + 1));
            }
        }
    }
    deepest
}

/// The row of each namespace.
struct Ranks {
    rank: Vec<i32>,
    /// The namespaces in the order of the search, which begins in the middle.
    found: Vec<usize>,
}

impl Ranks {
    fn of(graph: &Graph) -> Ranks {
        let count = graph.spaces.len();
        let ends: Vec<(usize, usize)> = ends(graph).collect();
        let cables = |index: usize| ends.iter().filter(|(from, _)| *from == index).count();
        let mut order: Vec<usize> = (0..count).collect();
        // Among namespaces with equally many cables, the one nearest to the others: fewer rows, shorter cables.
        order.sort_by_key(|index| (std::cmp::Reverse(cables(*index)), depth(*index, count, &ends)));
        let (mut rank, mut found) = (vec![None; count], Vec::new());
        for start in order {
            if rank[start].is_some() {
                continue;
            }
            // An unconnected namespace is placed beside the middle.
            rank[start] = Some(0);
            let mut queue = VecDeque::from([start]);
            while let Some(from) = queue.pop_front() {
                found.push(from);
                for (to, up) in neighbours(graph, from) {
                    if rank[to].is_none() {
                        let here = rank[from].unwrap_or(0);
                        let step = if here < 0 || (here == 0 && up) { -1 } else { 1 };
                        rank[to] = Some(here + step);
                        queue.push_back(to);
                    }
                }
            }
        }
        Ranks { rank: rank.into_iter().map(Option::unwrap_or_default).collect(), found }
    }

    /// The rows from the top, each with its namespaces from the left.
    fn rows(&self, graph: &Graph) -> Vec<(i32, Vec<usize>)> {
        let mut rows: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        for index in &self.found {
            rows.entry(self.rank[*index]).or_default().push(*index);
        }
        debug_assert_eq!(rows.values().map(Vec::len).sum::<usize>(), graph.spaces.len());
        rows.into_iter().collect()
    }
}

/// The neighbours of a namespace, in the order of its links, and whether each is placed above it.
fn neighbours(graph: &Graph, from: usize) -> Vec<(usize, bool)> {
    let space = &graph.spaces[from];
    let has_ports = space.ports.iter().any(|port| port.master.is_some());
    let number = |name: &str| graph.spaces.iter().position(|space| space.name == name);
    let mut found = Vec::new();
    for (index, port) in grouped(space) {
        let _ = index;
        for place in port.cable.iter().chain(&port.parent) {
            found.extend(number(&place.space).map(|to| (to, has_ports && port.master.is_none())));
        }
    }
    // Links of other namespaces that are built on one of its links.
    for (to, other) in graph.spaces.iter().enumerate() {
        let built = other.ports.iter().any(|port| port.parent.as_ref().is_some_and(|place| place.space == space.name));
        if built {
            found.push((to, false));
        }
    }
    found.retain(|(to, _)| *to != from);
    found
}

/// A namespace's links, those of a bridge beside each other.
fn grouped(space: &NetnsBox) -> Vec<(usize, &Port)> {
    let mut ports: Vec<(usize, &Port)> = space.ports.iter().enumerate().collect();
    let bridge = |port: &Port| {
        let name = port.master.as_ref().unwrap_or(&port.name);
        space.ports.iter().position(|port| port.name == *name)
    };
    ports.sort_by_key(|(index, port)| (bridge(port), *index));
    ports
}

/// The layout inside a namespace.
struct Inner {
    size: (f64, f64),
    ports: Vec<(usize, (Rect, Side))>,
}

/// The links of one column: a bridge with its ports, or a single link.
#[derive(Default)]
struct Group {
    inside: Vec<usize>,
    top: Vec<usize>,
    bottom: Vec<usize>,
}

impl Group {
    /// Whether it has links in one row only, and not in the lowest.
    fn stands_alone(&self) -> bool {
        self.bottom.is_empty() && (self.top.is_empty() || self.inside.is_empty())
    }

    fn has_room_for(&self, other: &Group) -> bool {
        (self.top.is_empty() || other.top.is_empty()) && (self.inside.is_empty() || other.inside.is_empty())
    }
}

impl Inner {
    fn of(graph: &Graph, index: usize, ranks: &Ranks) -> Inner {
        let space = &graph.spaces[index];
        let groups = groups(graph, index, ranks);
        let tallest = |pick: &dyn Fn(&Group) -> &Vec<usize>| {
            let ports = groups.iter().flat_map(|group| pick(group).iter());
            ports.map(|port| size(&space.ports[*port]).1).fold(0.0, f64::max)
        };
        let heights = [tallest(&|group| &group.top), tallest(&|group| &group.inside), tallest(&|group| &group.bottom)];
        let head = head(space);
        let [top, inside, bottom] = heights;
        let gap = |height: f64| if height > 0.0 { height + PAD * 1.5 } else { 0.0 };
        let (top_y, inside_y) = (PAD, PAD + gap(top) + head.1);
        let bottom_y = inside_y + gap(inside);
        let mut x = PAD;
        let mut ports = Vec::new();
        for group in &groups {
            let row = |row: &[usize]| row.iter().map(|port| size(&space.ports[*port]).0 + PAD).sum::<f64>() - PAD;
            let w = row(&group.top).max(row(&group.inside)).max(row(&group.bottom));
            let mut place = |row_of: &[usize], y: f64, side: Side| {
                let stretch = row_of.len() == 1 && space.ports[row_of[0]].kind == "bridge";
                let mut left = x + (w - row(row_of)) / 2.0;
                for port in row_of {
                    let (own, h) = size(&space.ports[*port]);
                    let rect = if stretch { Rect { x, y, w, h } } else { Rect { x: left, y, w: own, h } };
                    ports.push((*port, (rect, side)));
                    left += own + PAD;
                }
            };
            place(&group.top, top_y, Side::Top);
            place(&group.inside, inside_y, Side::Inside);
            place(&group.bottom, bottom_y, Side::Bottom);
            x += w + PAD * 1.5;
        }
        let content = if groups.is_empty() { 0.0 } else { x - PAD * 1.5 + PAD };
        let w = content.max(head.0 + 2.0 * PAD);
        let last =
            if bottom > 0.0 { bottom_y + bottom } else { bottom_y - PAD * 1.5 * f64::from(u8::from(inside > 0.0)) };
        // Along the lower edge are the links that lead down.
        centre(&mut ports, w, content);
        Inner { size: (w, last + PAD), ports }
    }
}

fn centre(ports: &mut [(usize, (Rect, Side))], w: f64, content: f64) {
    for (_, (rect, _)) in ports {
        rect.x += (w - content).max(0.0) / 2.0;
    }
}

/// The size of a namespace's name and routes.
pub fn head(space: &NetnsBox) -> (f64, f64) {
    let widest = space.routes.iter().map(|route| width(route)).fold(width(&space.name) * 1.15, f64::max);
    let count = f64::from(u16::try_from(space.routes.len()).unwrap_or(u16::MAX));
    (widest, LINE * (count + 1.0) + PAD)
}

fn groups(graph: &Graph, index: usize, ranks: &Ranks) -> Vec<Group> {
    let space = &graph.spaces[index];
    let mut groups: Vec<Group> = Vec::new();
    let mut bridge = None;
    for (place, port) in grouped(space) {
        let owner = port.master.clone().unwrap_or_else(|| port.name.clone());
        if bridge.as_ref() != Some(&owner) {
            groups.push(Group::default());
            bridge = Some(owner);
        }
        let Some(group) = groups.last_mut() else { continue };
        match side(graph, index, port, ranks) {
            Side::Top => group.top.push(place),
            Side::Inside => group.inside.push(place),
            Side::Bottom => group.bottom.push(place),
        }
    }
    stacked(groups)
}

/// Moves links that would have a column of their own into columns with room.
fn stacked(groups: Vec<Group>) -> Vec<Group> {
    let (alone, mut columns): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(Group::stands_alone);
    for group in alone {
        let room = columns.iter_mut().filter(|column| column.has_room_for(&group));
        match room.min_by_key(|column| column.top.len() + column.inside.len()) {
            Some(column) => {
                column.top.extend(group.top);
                column.inside.extend(group.inside);
            }
            None => columns.push(group),
        }
    }
    columns
}

/// The edge at which a link is placed: the one towards the other end of its cable.
fn side(graph: &Graph, index: usize, port: &Port, ranks: &Ranks) -> Side {
    match leads_to(graph, index, port) {
        Some(other) if ranks.rank[other] < ranks.rank[index] => Side::Top,
        Some(_) => Side::Bottom,
        None if port.master.is_some() => Side::Bottom,
        None => Side::Inside,
    }
}

/// The other namespace that a link is joined to: by a cable, by a tunnel, or because one is built on the other.
fn leads_to(graph: &Graph, index: usize, port: &Port) -> Option<usize> {
    let here = &graph.spaces[index].name;
    let number = |name: &str| graph.spaces.iter().position(|space| space.name == name);
    let places = port.cable.iter().chain(port.parent.iter().filter(|place| place.space != *here));
    let built_on_it = |upper: &Port| {
        let parent = upper.parent.as_ref();
        parent.is_some_and(|place| place.space == *here && place.port == port.name)
    };
    let other_end = |other: &Port| other.tunnel.is_some() && other.tunnel == port.tunnel;
    let joined = |space: &NetnsBox| space.ports.iter().any(|other| built_on_it(other) || other_end(other));
    let elsewhere = || graph.spaces.iter().position(|space| space.name != *here && joined(space));
    places.filter_map(|place| number(&place.space)).next().or_else(elsewhere)
}
