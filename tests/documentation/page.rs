//! A page, taken apart.

use std::path::{Path, PathBuf};

/// A Markdown file.
pub struct Page {
    pub path: PathBuf,
    pub blocks: Vec<Block>,
}

/// A piece of a page; text and fences with the number of their first line.
pub enum Block {
    /// A line of text.
    Prose(usize, String),
    /// A comment on a line of its own.
    Comment(String),
    /// A fenced block.
    Fence { line: usize, language: String, lines: Vec<String> },
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and everything below docs/.
pub fn pages() -> Vec<Page> {
    let mut paths = ["README.md", "SECURITY.md"].map(|page| root().join(page)).to_vec();
    find(&root().join("docs"), &mut paths);
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

fn find(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

impl Page {
    pub fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        let mut indent = 0;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            match (&mut open, line.trim_start().strip_prefix("```")) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(Block::Fence { lines, .. }), None) => {
                    lines.push(line.get(indent..).unwrap_or_default().to_owned());
                }
                (_, Some(language)) => {
                    indent = line.len() - line.trim_start().len();
                    let (language, lines) = (language.to_owned(), Vec::new());
                    open = Some(Block::Fence { line: number, language, lines });
                }
                (_, None) => {
                    let comment = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
                    blocks.push(match comment {
                        Some(comment) => Block::Comment(comment.to_owned()),
                        None => Block::Prose(number, line.to_owned()),
                    });
                }
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", path.display());
        Self { path, blocks }
    }

    /// `docs/causes.md:7`
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.name())
    }

    /// `docs/causes.md`
    pub fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap_or(&self.path).display().to_string()
    }

    /// The lines of text.
    pub fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Prose(line, text) => Some((*line, text.as_str())),
            _ => None,
        })
    }

    /// The anchors that its headings have on GitHub.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose().filter(|(_, text)| text.starts_with('#'));
        headings.map(|(_, text)| anchor(text.trim_start_matches('#').trim())).collect()
    }
}

/// Small letters; spaces become hyphens, and what is neither letter, digit, `-` nor `_` goes.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|each| each.is_alphanumeric() || "-_ ".contains(*each));
    kept.flat_map(char::to_lowercase).map(|each| if each == ' ' { '-' } else { each }).collect()
}

/// What stands between backticks in a line.
pub fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Whether a line is what a pattern with `[..]` says.
pub fn fits(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    let parts: Vec<&str> = pattern.split("[..]").collect();
    let last = parts.len() - 1;
    for (index, part) in parts.iter().enumerate() {
        let found = match index {
            0 => rest.starts_with(part).then_some(0),
            _ if index == last => rest.ends_with(part).then(|| rest.len() - part.len()),
            _ => rest.find(part),
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    last > 0 || rest.is_empty()
}
