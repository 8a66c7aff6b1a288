//! `-o custom-columns=NAME:.name,AGE:.ageSeconds`, as kubectl has it.

use std::str::FromStr;

use serde_json::Value;

use super::jsonpath::{Path, Unreadable};
use super::table;

/// The columns of a table, each with the path to its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomColumns(Vec<(String, Path)>);

impl FromStr for CustomColumns {
    type Err = String;

    fn from_str(spec: &str) -> Result<Self, String> {
        let expected =
            || format!("{spec:?} is not HEADER:PATH,HEADER:PATH, for example NAME:.name,AGE:.ageSeconds");
        let columns = split(spec).into_iter().map(|column| {
            let (header, path) =
                column.split_once(':').filter(|(header, _)| !header.is_empty()).ok_or_else(expected)?;
            let path =
                Path::from_str(path).map_err(|error: Unreadable| format!("column {header}: {error}"))?;
            Ok((header.to_owned(), path))
        });
        columns.collect::<Result<_, String>>().map(Self)
    }
}

impl CustomColumns {
    /// From a file as kubectl reads it: a line of headers, and a line of paths below them.
    pub fn from_lines(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let mut words = || lines.next().unwrap_or_default().split_whitespace();
        let (headers, paths): (Vec<&str>, Vec<&str>) = (words().collect(), words().collect());
        if headers.is_empty() {
            return Err("there are no headers in the file: a line NAME AGE, and below it .name .ageSeconds"
                .to_owned());
        }
        if headers.len() != paths.len() {
            let (headers, paths) = (headers.len(), paths.len());
            return Err(format!("number of headers ({headers}) and columns ({paths}) don't match"));
        }
        let column = |(header, path): (&str, &str)| {
            let path =
                Path::from_str(path).map_err(|error: Unreadable| format!("column {header}: {error}"))?;
            Ok((header.to_owned(), path))
        };
        headers.into_iter().zip(paths).map(column).collect::<Result<_, String>>().map(Self)
    }
}

/// At the commas that are not within brackets.
fn split(spec: &str) -> Vec<&str> {
    let (mut columns, mut depth, mut begin) = (Vec::new(), 0_i32, 0);
    for (at, character) in spec.char_indices() {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                columns.push(&spec[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    columns.push(&spec[begin..]);
    columns
}

impl CustomColumns {
    /// One row for each item.
    #[must_use]
    pub fn render(&self, items: &[Value], with_headers: bool) -> String {
        let headers: Vec<&str> = self.0.iter().map(|(header, _)| header.as_str()).collect();
        let row = |item| self.0.iter().map(|(_, path)| path.cell(item).unwrap_or_default()).collect();
        let rows: Vec<Vec<String>> = items.iter().map(row).collect();
        table::render(with_headers.then_some(headers.as_slice()), &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_column_has_its_path() {
        let columns: CustomColumns = "NAME:.name,FIRST:.list[0],BOTH:.list['a','b'],NO:.no".parse().unwrap();
        let table = columns.render(&[json!({"name": "rodrigo", "list": ["x", "y"]})], true);
        assert_eq!(table, "NAME      FIRST   BOTH     NO\nrodrigo   x       <none>   <none>\n");
        let bare = columns.render(&[json!({"name": "rodrigo", "list": ["x", "y"]})], false);
        assert!(bare.starts_with("rodrigo   x"), "{bare}");
    }

    #[test]
    fn a_file_has_headers_above_their_paths() {
        let columns = CustomColumns::from_lines("NAME   FIRST\n.name  .list[0]\n").unwrap();
        let table = columns.render(&[json!({"name": "rodrigo", "list": ["x", "y"]})], true);
        assert_eq!(table, "NAME      FIRST\nrodrigo   x\n");
        for (text, why) in [("", "no headers"), ("A B\n.a", "headers (2) and columns (1) don't match")] {
            assert!(CustomColumns::from_lines(text).unwrap_err().contains(why), "{text:?}");
        }
    }

    #[test]
    fn a_column_without_a_path_is_refused() {
        for spec in ["", "NAME", "NAME:", ":.name", "A:.b,"] {
            assert!(spec.parse::<CustomColumns>().is_err(), "{spec:?}");
        }
    }
}
