//! Reading a backup: one document at a time, because it may be larger than memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use super::{HEADER, INCOMPLETE, NotAnObject, SavedObject, end_mark};

/// The largest document that is read. The API server takes objects of about 3 MiB (etcd's limit); in a backup every
/// character may take six.
const LARGEST: usize = 64 * 1024 * 1024;

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

/// The objects of a file, in their order. Several backups, one behind the other, are read as one.
pub struct Documents {
    file: BufReader<File>,
    /// Whether nsfix wrote it with an end mark, so that one has to be there.
    marked: bool,
    ended: bool,
    failed: bool,
    /// Another backup begins here.
    begins: bool,
    /// Documents of this backup.
    count: usize,
    /// Documents of all backups in the file.
    number: usize,
    incomplete: Vec<String>,
}

impl Documents {
    /// Opens a backup. A pipe can be read only once, and opening one waits for whoever writes to it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let kind = std::fs::metadata(path)?.file_type();
        if !kind.is_file() {
            let what = if kind.is_dir() {
                "it is a directory"
            } else {
                "it is no regular file, and is read several times"
            };
            return Err(io::Error::other(what));
        }
        let file = BufReader::new(File::open(path)?);
        Ok(Self {
            file,
            marked: false,
            ended: false,
            failed: false,
            begins: false,
            count: 0,
            number: 0,
            incomplete: Vec::new(),
        })
    }

    /// What the file says, up to where it was read, that it does not hold.
    #[must_use]
    pub fn into_incomplete(self) -> Vec<String> {
        self.incomplete
    }

    /// The next line, without what ends it.
    fn next_line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        if self.file.by_ref().take(LARGEST as u64).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.len() == LARGEST {
            return Err(too_large());
        }
        line.truncate(line.trim_end_matches(['\n', '\r']).len());
        Ok(Some(line))
    }

    pub(super) fn next_text(&mut self) -> Option<Result<String, BadDocument>> {
        if self.failed {
            return None;
        }
        match self.read_text() {
            Ok(Some(text)) => {
                self.count += 1;
                self.number += 1;
                Some(Ok(text))
            }
            Ok(None) if self.marked && !self.ended => {
                self.failed = true;
                let why = "the line that ends a backup is missing or counts otherwise";
                Some(Err(BadDocument::CutOff(why.to_owned())))
            }
            Ok(None) => None,
            // A file that cannot be read any further ends here.
            Err(error) => {
                self.failed = true;
                Some(Err(BadDocument::CutOff(error.to_string())))
            }
        }
    }

    fn read_text(&mut self) -> io::Result<Option<String>> {
        let mut text = String::new();
        if self.begins {
            self.begin()?;
        }
        loop {
            let is_empty = text.trim().is_empty();
            let Some(line) = self.next_line()? else {
                return Ok((!is_empty).then_some(text));
            };
            match line.trim_end() {
                line if is_separator(line) && is_empty => text.clear(),
                line if is_separator(line) => return Ok(Some(text)),
                HEADER if is_empty => self.begin()?,
                HEADER => {
                    self.begins = true;
                    return Ok(Some(text));
                }
                end if end == end_mark(self.count + usize::from(!is_empty)) => self.ended = true,
                line if self.marked && line.starts_with(INCOMPLETE) => {
                    self.incomplete.extend(line.strip_prefix(INCOMPLETE).map(str::to_owned));
                }
                comment if comment.starts_with('#') && is_empty => {}
                _ if text.len() + line.len() >= LARGEST => return Err(too_large()),
                _ => {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        self.begins = false;
        if self.marked && !self.ended {
            return Err(io::Error::other("another backup begins before the first one has ended"));
        }
        (self.marked, self.ended, self.count) = (true, false, 0);
        Ok(())
    }
}

fn too_large() -> io::Error {
    io::Error::other(format!("a document of more than {} MiB", LARGEST / 1024 / 1024))
}

/// What stands between two YAML documents.
fn is_separator(line: &str) -> bool {
    line == "---" || line.strip_prefix("---").is_some_and(|rest| rest.trim_start().starts_with('#'))
}

impl Iterator for Documents {
    type Item = Result<SavedObject, BadDocument>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let text = match self.next_text()? {
                Ok(text) => text,
                Err(why) => return Some(Err(why)),
            };
            match parse(&text) {
                Ok(None) => {}
                Ok(Some(object)) => return Some(Ok(object)),
                Err(why) => return Some(Err(BadDocument::Unreadable(self.number, why))),
            }
        }
    }
}

/// What begins with a brace is JSON, and is read by a parser that keeps every character and digit of it. Nothing where
/// there is nothing but comments.
fn parse(text: &str) -> Result<Option<SavedObject>, String> {
    let read = |json: &str| SavedObject::parse(json).map(Some).map_err(|why: NotAnObject| first_line(&why));
    // Some editors put a byte order mark in front.
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        return read(text);
    }
    let value: Value = serde_saphyr::from_str(text).map_err(|error| first_line(&error))?;
    if value.is_null() { Ok(None) } else { read(&value.to_string()) }
}

fn first_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
