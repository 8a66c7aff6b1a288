//! kubectl's tables: upper-case headers, three spaces between columns.

use unicode_width::UnicodeWidthStr;

use super::{Style, sanitise, text};

/// What stands between two columns.
const GAP: usize = 3;

/// How a table fits the terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fit<'a> {
    /// How wide the terminal is; `None` where nothing is cut.
    pub width: Option<usize>,
    /// The columns that may be cut, and how wide each stays at least. The first yields first.
    pub yielding: &'a [(usize, usize)],
}

/// Rows of text that become columns. Cells are sanitised here, once for every table.
#[must_use]
pub fn render(headers: Option<&[&str]>, rows: &[Vec<String>]) -> String {
    fitted(headers, rows, Fit::default(), |_, _| Style::Plain, |_, text| text.to_owned())
}

/// The same, cut to the terminal, and each cell (by its column) in the style that `style` gives it.
#[must_use]
pub fn fitted(
    headers: Option<&[&str]>,
    rows: &[Vec<String>],
    fit: Fit<'_>,
    style: impl Fn(usize, &str) -> Style,
    paint: impl Fn(Style, &str) -> String,
) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
    let header: Option<Vec<String>> =
        headers.map(|headers| headers.iter().map(|&cell| cell.to_owned()).collect());
    let mut widths: Vec<usize> = Vec::new();
    for row in header.iter().chain(&rows) {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    shrink(&mut widths, fit);
    let mut out = String::new();
    if let Some(header) = &header {
        line(&mut out, header, &widths, |_, cell| cell.to_owned());
    }
    for row in &rows {
        line(&mut out, row, &widths, |column, cell| paint(style(column, cell), cell));
    }
    out
}

/// One row of a table that goes on growing: a cell that is too long moves its own line, and the last is cut to the
/// terminal.
#[must_use]
pub fn aligned(
    cells: &[String],
    widths: &[usize],
    columns: Option<usize>,
    paint: impl Fn(usize, &str) -> String,
) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| shown(cell)).collect();
    let mut fitting: Vec<usize> = cells
        .iter()
        .zip(widths.iter().chain(std::iter::repeat(&0)))
        .map(|(cell, width)| cell.width().max(*width))
        .collect();
    if let (Some(columns), Some((last, before))) = (columns, fitting.split_last_mut()) {
        let taken: usize = before.iter().map(|width| width + GAP).sum();
        *last = (*last).min(columns.saturating_sub(taken).max(10));
    }
    let mut text = String::new();
    line(&mut text, &cells, &fitting, paint);
    text
}

fn shown(cell: &str) -> String {
    if cell.is_empty() { "<none>".to_owned() } else { sanitise(cell).into_owned() }
}

/// Takes from the columns that may be cut what the terminal lacks.
fn shrink(widths: &mut [usize], fit: Fit<'_>) {
    let Some(available) = fit.width else { return };
    let whole = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let mut excess = whole.saturating_sub(available);
    for (column, least) in fit.yielding {
        if let Some(width) = widths.get_mut(*column) {
            let taken = excess.min(width.saturating_sub(*least));
            *width -= taken;
            excess -= taken;
        }
    }
}

fn line(out: &mut String, cells: &[String], widths: &[usize], paint: impl Fn(usize, &str) -> String) {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = text::cut(cell, *width);
        out.push_str(&paint(column, &cell));
        if column + 1 < cells.len() {
            out.extend(std::iter::repeat_n(' ', width - cell.width() + GAP));
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|&cell| cell.to_owned()).collect()
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = vec![row(&["rodrigo", "Stuck", "3d"]), row(&["a-much-longer-name", "", "10s"])];
        let expected = "NAME                 STATE    AGE\n\
                        rodrigo              Stuck    3d\n\
                        a-much-longer-name   <none>   10s\n";
        assert_eq!(render(Some(&["NAME", "STATE", "AGE"]), &rows), expected);
    }

    #[test]
    fn a_tab_in_a_cell_does_not_make_a_column() {
        assert_eq!(render(None, &[row(&["a\tb", "c"])]), "a b   c\n");
    }

    #[test]
    fn what_does_not_fit_is_cut_in_the_columns_that_may_be_cut() {
        let rows = vec![row(&["a-long-name", "metadata:example.com/hold", "held by example.com/hold"])];
        let cut = |width| {
            let fit = Fit { width: Some(width), yielding: &[(2, 10), (1, 8)] };
            fitted(None, &rows, fit, |_, _| Style::Plain, |_, text| text.to_owned())
        };
        assert_eq!(cut(80), "a-long-name   metadata:example.com/hold   held by example.com/hold\n");
        assert_eq!(cut(60), "a-long-name   metadata:example.com/hold   held by example.c…\n");
        assert_eq!(cut(40), "a-long-name   metadata:exa…   held by e…\n");
        // A name is never cut.
        assert_eq!(cut(20), "a-long-name   metadat…   held by e…\n");
    }

    #[test]
    fn colour_takes_no_room() {
        let rows = vec![row(&["Stuck", "x"]), row(&["Progressing", "y"])];
        let style = |column, _: &str| if column == 0 { Style::Bad } else { Style::Plain };
        let paint =
            |style, text: &str| if style == Style::Bad { format!("<{text}>") } else { text.to_owned() };
        let table = fitted(None, &rows, Fit::default(), style, paint);
        assert_eq!(table, "<Stuck>         x\n<Progressing>   y\n");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(render(None, &[row(&["東京", "a"]), row(&["abcd", "b"])]), "東京   a\nabcd   b\n");
    }
}
