//! kubectl's tables: upper-case headers, three spaces between columns.

use std::io::Write;

use tabwriter::{Alignment, TabWriter};

use super::sanitise;

/// Rows of text that become columns. Cells are sanitised here, once for every table.
#[must_use]
pub fn render(headers: Option<&[&str]>, rows: &[Vec<String>]) -> String {
    let mut writer = TabWriter::new(Vec::new()).minwidth(0).padding(3).alignment(Alignment::Left);
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.collect();
        // Writing to a Vec does not fail.
        let _ = writeln!(writer, "{}", cells.join("\t"));
    };
    if let Some(headers) = headers {
        line(&mut headers.iter().map(|header| (*header).to_owned()));
    }
    for row in rows {
        line(
            &mut row
                .iter()
                .map(|cell| if cell.is_empty() { "<none>".to_owned() } else { sanitise(cell).into_owned() }),
        );
    }
    let bytes = writer.into_inner().map_err(|_| ()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = vec![
            vec!["rodrigo".to_owned(), "Stuck".to_owned(), "3d".to_owned()],
            vec!["a-much-longer-name".to_owned(), String::new(), "10s".to_owned()],
        ];
        let expected = "NAME                 STATE    AGE\n\
                        rodrigo              Stuck    3d\n\
                        a-much-longer-name   <none>   10s\n";
        assert_eq!(render(Some(&["NAME", "STATE", "AGE"]), &rows), expected);
    }

    #[test]
    fn a_tab_in_a_cell_does_not_make_a_column() {
        let rows = vec![vec!["a\tb".to_owned(), "c".to_owned()]];
        assert_eq!(render(None, &rows), "a b   c\n");
    }
}
