//! Tables.

use std::collections::BTreeSet;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use netscript_engine::diagnostics::Result;
use rhai::{Array, Dynamic, Map};

use super::super::style::Style;
use super::{Screen, map};

/// Columns that come first, in this order; the rest follow by name.
const FIRST: [&str; 14] =
    ["priority", "dst", "from", "to", "via", "dev", "mac", "ttl", "addr", "src", "metric", "table", "scope", "proto"];

/// Columns between a cell and the next.
const GAP: u16 = 2;

/// Rows under their heads; a column without any content is left out.
pub fn show(heads: &[&str], rows: Vec<Vec<String>>, screen: Screen) -> Result<String> {
    let used: Vec<usize> = (0..heads.len()).filter(|index| rows.iter().any(|row| !row[*index].is_empty())).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let head = |index: &usize| heads[*index].to_uppercase();
    table.set_header(used.iter().map(head).collect::<Vec<_>>());
    for row in rows {
        table.add_row(used.iter().map(|index| row[*index].clone()).collect::<Vec<_>>());
    }
    if let Some(width) = screen.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        for (column, index) in table.column_iter_mut().zip(&used) {
            let head = u16::try_from(heads[*index].len()).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(head.saturating_add(GAP))));
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    let text: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    let (head, body) = text.split_first().map_or((String::new(), &[][..]), |(head, body)| (head.clone(), body));
    let head = Style::Head.paint_if(screen.colour, &head);
    Ok([&[head][..], body].concat().join("\n"))
}

/// Maps with much the same keys, a row each.
pub fn of_maps(array: &Array, screen: Screen) -> Result<String> {
    let maps: Vec<Map> = array.iter().filter_map(|value| value.clone().try_cast::<Map>()).collect();
    let keys: BTreeSet<&str> = maps.iter().flat_map(Map::keys).map(|key| key.as_str()).collect();
    let first = FIRST.iter().copied().filter(|key| keys.contains(key));
    let rest = keys.iter().copied().filter(|key| !FIRST.contains(key));
    let heads: Vec<&str> = first.chain(rest).collect();
    let cell = |map: &Map, key: &str| map.get(key).map(cell).unwrap_or_default();
    let rows = maps.iter().map(|map| heads.iter().map(|key| cell(map, key)).collect()).collect();
    show(&heads, rows, screen)
}

/// A value in a cell: what is not there and what is not so is left out.
fn cell(value: &Dynamic) -> String {
    match value.as_bool() {
        Ok(true) => "yes".to_owned(),
        Ok(false) => String::new(),
        Err(_) if value.is_unit() => String::new(),
        Err(_) if value.is_string() => value.to_string(),
        Err(_) => map::inline(value),
    }
}
