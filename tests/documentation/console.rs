//! The `console` blocks.

use std::collections::HashMap;

use futures::StreamExt;
use http::Method;
use nsfix::sandbox::{Options, scenarios};
use serde_json::Value;

use super::page::{Block, Page, fits, pages};
use crate::harness::{Lab, Nsfix};

/// Not run: it would run this test.
const ALL_TESTS: &str = "cargo test";
/// How many pages are played at once.
const CONCURRENCY: usize = 4;

/// A command and what it prints, with the number of its line.
struct Example {
    line: usize,
    command: String,
    output: Vec<String>,
}

pub async fn every_example_prints_what_it_says(_: Lab) {
    let checked = futures::stream::iter(pages()).map(check).buffer_unordered(CONCURRENCY);
    let checked: Vec<(usize, Vec<String>)> = checked.collect().await;
    let wrong: Vec<String> = checked.iter().flat_map(|(_, wrong)| wrong).cloned().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(checked.iter().any(|(run, _)| *run > 0), "there are no examples");
}

/// How many examples were run, and what is wrong with them.
async fn check(page: Page) -> (usize, Vec<String>) {
    let mut lab = Lab::sandbox(Options::default()).await;
    let home = tempfile::tempdir().unwrap();
    // The tests ask for nothing but Rust.
    let has_jq = std::process::Command::new("jq").arg("--version").output().is_ok();
    let (mut run, mut wrong, mut right) = (0, Vec::new(), HashMap::new());
    for block in &page.blocks {
        match block {
            Block::Comment(text) => set_the_stage(&mut lab, text).await,
            Block::Fence { line, language, lines } if language == "console" => {
                for example in examples(&page, *line, lines) {
                    if example.command == ALL_TESTS || (example.command.contains("| jq ") && !has_jq) {
                        continue;
                    }
                    let command = example.command.replace("cargo run -- ", "nsfix ");
                    let ran =
                        Nsfix::shell(&command).env("KUBECONFIG", lab.kubeconfig()).env("HOME", home.path());
                    // As long as the pages promise, so that the controller of the practice cluster comes first.
                    let ran = ran.env("NSFIX_PATIENCE", "90s");
                    let printed = ran.run().await.stdout;
                    run += 1;
                    if !is_printed(&example.output, &printed) {
                        wrong.push(difference(&page, &example, &printed));
                        right.insert(example.line, blessed(&printed, &home.path().display().to_string()));
                    }
                }
            }
            _ => {}
        }
    }
    if std::env::var_os("NSFIX_BLESS").is_some() && !right.is_empty() {
        bless(&page, &right);
        wrong.clear();
    }
    (run, wrong)
}

/// `sandbox: rodrigo,zombie without controller`, `before: DELETE /api/v1/…`
async fn set_the_stage(lab: &mut Lab, comment: &str) {
    if let Some(wanted) = comment.strip_prefix("sandbox: ") {
        let (names, controller) = match wanted.strip_suffix(" without controller") {
            Some(names) => (names, None),
            None => (wanted, Options::default().controller),
        };
        let named = names.split(',').map(|name| scenarios::find(name).unwrap_or_else(|| panic!("no {name}")));
        *lab = Lab::sandbox(Options { scenarios: named.collect(), controller, ..Options::default() }).await;
    } else if let Some(request) = comment.strip_prefix("before: ") {
        let mut parts = request.splitn(3, ' ');
        let method: Method = parts.next().unwrap().parse().unwrap();
        let path = parts.next().unwrap();
        let body = parts.next().map_or(Value::Null, |body| serde_json::from_str(body).unwrap());
        let answer = lab.send(method, path, &body).await;
        assert!(answer.status < 300, "{request}: {answer:?}");
    }
}

fn examples(page: &Page, line: usize, lines: &[String]) -> Vec<Example> {
    let mut examples = Vec::<Example>::new();
    for (index, text) in lines.iter().enumerate() {
        let line = line + 1 + index;
        match (text.strip_prefix("$ "), examples.last_mut()) {
            (Some(command), _) => {
                examples.push(Example { line, command: command.to_owned(), output: Vec::new() });
            }
            (None, Some(example)) => example.output.push(text.trim_end().to_owned()),
            (None, None) => panic!("{}: output without a command", page.at(line)),
        }
    }
    for example in &mut examples {
        while example.output.last().is_some_and(String::is_empty) {
            example.output.pop();
        }
    }
    examples
}

/// A line `[...]` stands for any number of lines.
fn is_printed(expected: &[String], printed: &str) -> bool {
    let printed: Vec<&str> = printed.trim_end().lines().map(str::trim_end).collect();
    let parts: Vec<&[String]> = expected.split(|line| line == "[...]").collect();
    let same = |part: &[String], lines: &[&str]| {
        part.len() == lines.len() && part.iter().zip(lines).all(|(pattern, line)| fits(pattern, line))
    };
    if let [all] = parts.as_slice() {
        return same(all, &printed);
    }
    let mut rest = printed.as_slice();
    for (index, part) in parts.iter().enumerate() {
        let Some(room) = rest.len().checked_sub(part.len()) else { return false };
        let places = match index {
            0 => 0..=0,
            _ if index + 1 == parts.len() => room..=room,
            _ => 0..=room,
        };
        let Some(at) = places.into_iter().find(|at| same(part, &rest[*at..at + part.len()])) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

fn difference(page: &Page, example: &Example, printed: &str) -> String {
    let Example { line, command, output } = example;
    format!(
        "{}: $ {command}\n--- the page says\n{}\n--- the program says\n{printed}",
        page.at(*line),
        output.join("\n")
    )
}

/// `NSFIX_BLESS=1` writes what was printed into the page.
fn bless(page: &Page, right: &HashMap<usize, String>) {
    let text = std::fs::read_to_string(&page.path).unwrap();
    let (mut written, mut skipping) = (String::new(), false);
    for (index, line) in text.lines().enumerate() {
        skipping &= !(line == "```" || line.starts_with("$ "));
        if !skipping {
            written.push_str(line);
            written.push('\n');
        }
        if let Some(output) = right.get(&(index + 1)) {
            written.push_str(output);
            skipping = true;
        }
    }
    std::fs::write(&page.path, written).unwrap();
}

/// What is different each time becomes `[..]`.
fn blessed(printed: &str, home: &str) -> String {
    let ends_word = |each: char| each.is_whitespace() || "\"',()".contains(each);
    let mut blessed = String::new();
    for piece in printed.replace(home, "[..]").split_inclusive(ends_word) {
        let word = piece.trim_end_matches(ends_word);
        let end = &piece[word.len()..];
        let milliseconds = word.strip_suffix("ms").is_some_and(|number| number.parse::<u32>().is_ok());
        let is_uid = word.len() == 36 && word.matches('-').count() == 4;
        match word.split_once("-20") {
            _ if milliseconds => blessed.push_str("[..]ms"),
            _ if is_uid || word.parse::<jiff::Timestamp>().is_ok() => blessed.push_str("[..]"),
            Some((file, _)) if word.ends_with("Z.yaml") => {
                blessed.push_str(file);
                blessed.push_str("-[..].yaml");
            }
            _ => blessed.push_str(word),
        }
        blessed.push_str(end);
    }
    blessed
}
