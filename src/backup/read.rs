//! Reading a backup: one document at a time, because it may be larger than memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Lines};
use std::path::Path;

use serde_json::Value;

use super::{HEADER, end_mark};

/// Why there is no object where one should be. Each in one line.
#[derive(Debug, thiserror::Error)]
pub enum BadDocument {
    /// One document is none; those after it may be.
    #[error("document {0}: {1}")]
    Unreadable(usize, String),
    /// What follows is missing.
    #[error("it is cut off: {0}")]
    CutOff(String),
}

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
    type Item = Result<Value, BadDocument>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_text() {
            Ok(Some(text)) => {
                self.count += 1;
                Some(parse(&text).map_err(|why| BadDocument::Unreadable(self.count, why)))
            }
            Ok(None) if self.marked && !self.ended => {
                self.ended = true;
                let why = "the line that ends a backup is missing or counts otherwise";
                Some(Err(BadDocument::CutOff(why.to_owned())))
            }
            // A file that cannot be read any further ends here.
            Err(error) if !self.failed => {
                (self.marked, self.failed) = (false, true);
                Some(Err(BadDocument::CutOff(error.to_string())))
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
