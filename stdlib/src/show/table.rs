//! Tables that fit the terminal. A line is broken between cells, never inside an address or a name.
//!
//! A table that is too wide first gets narrower columns: a cell of several words then takes several
//! lines. If that is not enough, each row continues on lines of its own, indented, and so does the
//! head. comfy-table, which drew these tables before, breaks words instead, and cannot continue a row.

use std::collections::BTreeSet;

use rhai::{Array, Dynamic, Map};
use unicode_width::UnicodeWidthStr;

use super::wrap::wrapped;
use super::{Screen, map};

/// Columns that come first, in this order; the rest follow by name.
const FIRST: [&str; 14] =
    ["priority", "dst", "from", "to", "via", "dev", "mac", "ttl", "addr", "src", "metric", "table", "scope", "proto"];

/// Space between a cell and the next.
const GAP: usize = 2;

/// Space before the lines on which a row continues.
const INDENT: usize = 2;

/// Stands for a space where a cell must not be broken.
const NO_BREAK: char = '\u{a0}';

/// A cell, or a part of one, that must not be broken.
pub(super) fn whole(text: &str) -> String {
    text.replace(' ', &NO_BREAK.to_string())
}

/// A column of a table.
struct Column<'a> {
    head: String,
    cells: Vec<&'a str>,
    /// As wide as it is drawn.
    width: usize,
}

impl<'a> Column<'a> {
    fn new(head: &str, cells: Vec<&'a str>) -> Column<'a> {
        let head = head.to_uppercase();
        let width = cells.iter().map(|cell| cell.width()).max().unwrap_or(0).max(head.width());
        Column { head, cells, width }
    }

    /// The width below which a word would be broken.
    fn narrowest(&self) -> usize {
        let words = self.cells.iter().flat_map(|cell| cell.split(' '));
        words.map(UnicodeWidthStr::width).max().unwrap_or(0).max(self.head.width())
    }
}

/// Rows under their heads; a column without any content is left out.
pub(super) fn show(heads: &[&str], rows: &[Vec<String>], screen: Screen) -> String {
    let cells = |index: usize| rows.iter().map(|row| row[index].as_str()).collect::<Vec<_>>();
    let columns = heads.iter().enumerate().map(|(index, head)| Column::new(head, cells(index)));
    let mut columns: Vec<Column> = columns.filter(|column| column.cells.iter().any(|cell| !cell.is_empty())).collect();
    narrow(&mut columns, screen.columns());
    let parts = parts(&columns, screen.columns());
    let head = |column: &Column| column.head.clone();
    let mut text = vec![screen.head(&lines(&parts, head))];
    text.extend((0..rows.len()).map(|row| lines(&parts, |column| column.cells[row].to_owned())));
    text.join("\n")
}

/// How wide columns are beside each other.
fn total(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width).sum::<usize>() + GAP * columns.len().saturating_sub(1)
}

/// Makes columns narrower whose cells have several words, if that lets the table fit.
fn narrow(columns: &mut [Column], room: usize) {
    let least: usize = columns.iter().map(Column::narrowest).sum::<usize>() + GAP * columns.len().saturating_sub(1);
    if total(columns) > room && least <= room {
        while total(columns) > room {
            // `least` fits: some column is wider than it has to be.
            let spare = |column: &&mut Column| column.width - column.narrowest();
            let Some(widest) = columns.iter_mut().max_by_key(spare) else { return };
            widest.width -= 1;
        }
    }
    for column in columns {
        column.width = column.width.min(room.max(column.narrowest()));
    }
}

/// The columns that stand beside each other on the first line of a row, on the second, and so on.
fn parts<'c, 'a>(columns: &'c [Column<'a>], room: usize) -> Vec<&'c [Column<'a>]> {
    let mut parts = Vec::new();
    let mut start = 0;
    for end in 1..=columns.len() {
        let indent = if parts.is_empty() { 0 } else { INDENT };
        if end - start > 1 && indent + total(&columns[start..end]) > room {
            parts.push(&columns[start..end - 1]);
            start = end - 1;
        }
    }
    parts.push(&columns[start..]);
    parts
}

/// The lines of a row. One that continues with nothing but empty cells is left out.
fn lines(parts: &[&[Column]], cell: impl Fn(&Column) -> String) -> String {
    let mut lines = Vec::new();
    for (index, columns) in parts.iter().enumerate() {
        let indent = if index == 0 { 0 } else { INDENT };
        let cells: Vec<String> =
            columns.iter().map(|column| wrapped(cell(column).split(' '), " ", "", column.width)).collect();
        if index > 0 && cells.iter().all(String::is_empty) {
            continue;
        }
        let height = cells.iter().map(|cell| cell.lines().count()).max().unwrap_or(0).max(1);
        lines
            .extend((0..height).map(|at| format!("{:indent$}{}", "", line(columns, &cells, at)).trim_end().to_owned()));
    }
    lines.join("\n")
}

/// One line of cells that may have several.
fn line(columns: &[Column], cells: &[String], at: usize) -> String {
    let padded = columns.iter().zip(cells).map(|(column, cell)| {
        let text = cell.lines().nth(at).unwrap_or("").replace(NO_BREAK, " ");
        format!("{text}{:width$}", "", width = (column.width + GAP).saturating_sub(text.width()))
    });
    padded.collect::<String>()
}

/// Maps with much the same keys, a row each.
pub(super) fn of_maps(array: &Array, screen: Screen) -> String {
    let maps: Vec<Map> = array.iter().filter_map(|value| value.clone().try_cast::<Map>()).collect();
    let keys: BTreeSet<&str> = maps.iter().flat_map(Map::keys).map(|key| key.as_str()).collect();
    let first = FIRST.iter().copied().filter(|key| keys.contains(key));
    let rest = keys.iter().copied().filter(|key| !FIRST.contains(key));
    let heads: Vec<&str> = first.chain(rest).collect();
    let cell = |map: &Map, key: &str| map.get(key).map(cell).unwrap_or_default();
    let rows: Vec<Vec<String>> = maps.iter().map(|map| heads.iter().map(|key| cell(map, key)).collect()).collect();
    show(&heads, &rows, screen)
}

/// A value in a cell: what is not there and what is not so is left out.
fn cell(value: &Dynamic) -> String {
    match value.as_bool() {
        Ok(true) => "yes".to_owned(),
        Ok(false) => String::new(),
        Err(_) if value.is_unit() => String::new(),
        Err(_) if value.is_string() => value.to_string().replace('\n', " "),
        Err(_) => map::inline(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(width: u16) -> String {
        let row = |cells: [&str; 4]| cells.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rows = [row(["lo", "127.0.0.1/8 ::1/128", "", &whole("v in red")]), row(["eth0", "10.0.0.1/24", "", ""])];
        show(&["name", "addresses", "none", "peer"], &rows, Screen { width: Some(width), colour: false })
    }

    #[test]
    fn a_table_that_fits_is_drawn_once() {
        let wanted = "\
NAME  ADDRESSES            PEER
lo    127.0.0.1/8 ::1/128  v in red
eth0  10.0.0.1/24";
        assert_eq!(at(36), wanted);
    }

    #[test]
    fn cells_are_broken_between_words() {
        let wanted = "\
NAME  ADDRESSES    PEER
lo    127.0.0.1/8  v in red
      ::1/128
eth0  10.0.0.1/24";
        assert_eq!(at(27), wanted);
    }

    #[test]
    fn rows_continue_on_lines_of_their_own() {
        let wanted = "\
NAME
  ADDRESSES
  PEER
lo
  127.0.0.1/8
  ::1/128
  v in red
eth0
  10.0.0.1/24";
        assert_eq!(at(14), wanted);
        assert_eq!(at(1).lines().filter(|line| line.contains("127.0.0.1/8")).count(), 1);
    }
}
