//! Reading a backup: one document at a time, because it may be larger than memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Lines};
use std::path::Path;

use serde_json::Value;

use super::{HEADER, end_mark};

/// The documents of a file, in their order.
pub struct Documents {
    lines: Lines<BufReader<File>>,
    /// Whether nsfix wrote it with an end mark, so that one has to be there.
    marked: bool,
    ended: bool,
    failed: bool,
    count: usize,
}

impl Documents {
    /// Opens a backup.
    pub fn open(path: &Path) -> io::Result<Self> {
        let lines = BufReader::new(File::open(path)?).lines();
        Ok(Self { lines, marked: false, ended: false, failed: false, count: 0 })
    }

    fn next_text(&mut self) -> io::Result<Option<String>> {
        let mut text = String::new();
        loop {
            let Some(line) = self.lines.next().transpose()? else {
                return Ok((!text.trim().is_empty()).then_some(text));
            };
            match line.trim_end() {
                "---" if text.trim().is_empty() => text.clear(),
                "---" => return Ok(Some(text)),
                HEADER => self.marked = true,
                end if end == end_mark(self.count + usize::from(!text.trim().is_empty())) => {
                    self.ended = true;
                }
                comment if comment.starts_with('#') && text.trim().is_empty() => {}
                _ => {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
        }
    }
}

impl Iterator for Documents {
    /// An object; or why a document is none, in one line.
    type Item = Result<Value, String>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_text() {
            Ok(Some(text)) => {
                self.count += 1;
                Some(parse(&text).map_err(|why| format!("document {}: {why}", self.count)))
            }
            Ok(None) if self.marked && !self.ended => {
                self.ended = true;
                Some(Err(
                    "it is cut off: the line that ends a backup is missing or counts otherwise".to_owned()
                ))
            }
            // A file that cannot be read any further ends here.
            Err(error) if !self.failed => {
                (self.marked, self.failed) = (false, true);
                Some(Err(format!("it is cut off: {error}")))
            }
            Ok(None) | Err(_) => None,
        }
    }
}

/// What begins with a brace is JSON, and is read by a parser that keeps every character and digit of it.
fn parse(text: &str) -> Result<Value, String> {
    let first_line =
        |error: &dyn std::fmt::Display| error.to_string().lines().next().unwrap_or_default().to_owned();
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| first_line(&error));
    }
    serde_saphyr::from_str(text).map_err(|error| first_line(&error))
}
