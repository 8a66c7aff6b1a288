//! The flags, commands, causes, outcomes and exit codes that the pages name.

use clap::CommandFactory;
use nsfix::cli::Cli;
use nsfix::exit::Exit;
use serde_json::Value;

use super::page::{Block, Page, code_spans, pages, root};
use crate::harness::Lab;

/// Programs whose flags are their own business.
const OTHER_PROGRAMS: [&str; 10] =
    ["kubectl", "helm", "cargo", "jq", "kustomize", "sha256sum", "gh", "docker", "node_exporter", "knsk.sh"];

pub async fn every_flag_exists(_: Lab) {
    let mut unknown = Vec::new();
    for page in pages() {
        for (line, code) in code(&page) {
            let wrong = unknown_flags(&code);
            unknown.extend(wrong.into_iter().map(|flag| format!("{}: {flag} in {code}", page.at(line))));
        }
    }
    assert_eq!(unknown, [""; 0], "{}", unknown.join("\n"));
}

/// What stands between backticks, and the commands of fenced blocks.
fn code(page: &Page) -> Vec<(usize, String)> {
    let mut code = Vec::new();
    for block in &page.blocks {
        match block {
            Block::Prose(line, text) => code.extend(code_spans(text).map(|span| (*line, span.to_owned()))),
            Block::Fence { line, language, lines } if ["console", "sh"].contains(&language.as_str()) => {
                let prompt = if language == "console" { "$ " } else { "" };
                let commands = lines.iter().filter_map(|line| line.strip_prefix(prompt));
                code.extend(commands.map(|command| (*line, command.to_owned())));
            }
            _ => {}
        }
    }
    code
}

/// The flags in a piece of code that nsfix has not.
fn unknown_flags(code: &str) -> Vec<String> {
    let commands = code.split(['|', ';', '&']);
    commands
        .filter_map(|command| {
            let words = command.split_whitespace();
            let words: Vec<&str> = words.skip_while(|word| word.starts_with("NSFIX_")).collect();
            let first = words.first()?;
            let others = OTHER_PROGRAMS.contains(first) && !command.starts_with("cargo run -- ");
            (!others).then_some(words)
        })
        .flat_map(|words| {
            let flags = flags_of(&words);
            let used = words.iter().filter_map(|word| word.strip_prefix("--"));
            let used = used.map(|flag| flag.split(['=', '[']).next().unwrap_or_default().to_owned());
            used.filter(|flag| !flag.is_empty() && !flags.contains(flag)).collect::<Vec<_>>()
        })
        .collect()
}

/// The flags of the command that is named, or of all.
fn flags_of(words: &[&str]) -> Vec<String> {
    let mut cli = Cli::command();
    cli.build();
    let commands: Vec<_> = cli.get_subcommands().collect();
    let named = commands.iter().find(|command| words.contains(&command.get_name()));
    let commands = named.map_or(commands.clone(), |named| vec![*named]);
    let arguments = commands.into_iter().flat_map(clap::Command::get_arguments).chain(cli.get_arguments());
    arguments.filter_map(|argument| argument.get_long().map(str::to_owned)).collect()
}

/// Files and folders of the repository, and the tests that are said to be in them.
pub async fn every_file_and_test_that_is_named_exists(_: Lab) {
    let mut missing = Vec::new();
    for page in pages() {
        for (line, text) in page.prose() {
            let is_file = |span: &&str| ["src/", "tests/", "docs/"].iter().any(|dir| span.starts_with(dir));
            let is_test = |span: &&str| {
                // Metrics are called like that too.
                span.matches('_').count() > 2
                    && !span.starts_with("nsfix_")
                    && span.chars().all(|each| each == '_' || each.is_ascii_lowercase())
            };
            let mut sources = String::new();
            for file in code_spans(text).filter(is_file).filter(|span| !span.contains(' ')) {
                match std::fs::read_to_string(root().join(file)) {
                    Ok(source) => sources.push_str(&source),
                    Err(_) if root().join(file).is_dir() => {}
                    Err(_) => missing.push(format!("{}: {file}", page.at(line))),
                }
            }
            let tests = code_spans(text).filter(is_test);
            let unknown = tests.filter(|test| !sources.contains(&format!("fn {test}(")));
            missing.extend(unknown.map(|test| format!("{}: {test}", page.at(line))));
        }
    }
    assert_eq!(missing, [""; 0], "{}", missing.join("\n"));
}

pub async fn every_command_has_its_page(_: Lab) {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        let page = root().join(format!("docs/commands/{name}.md"));
        assert!(page.exists(), "there is no {}", page.display());
        assert!(readme.contains(&format!("| [`nsfix {name}")), "README.md does not list {name}");
    }
}

pub async fn every_cause_and_outcome_is_explained(_: Lab) {
    let causes = Page::read(root().join("docs/causes.md"));
    let headings = causes.anchors();
    for kind in words_of("diagnosis-list", "HeldObjects") {
        assert!(headings.contains(&kind.to_lowercase()), "docs/causes.md has no section {kind}");
    }
    let documents = std::fs::read_to_string(root().join("docs/documents.md")).unwrap();
    let words = [
        words_of("repair-report", "Cleared"),
        words_of("repair-report", "Skipped"),
        words_of("repair-report", "Finalize"),
        words_of("stuck-namespace-list", "Stuck"),
    ];
    for word in words.into_iter().flatten() {
        assert!(documents.contains(&format!("`{word}`")), "docs/documents.md does not explain {word}");
    }
}

/// The words that a schema allows where it allows this one.
fn words_of(schema: &str, one: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(format!("docs/schemas/{schema}.json"))).unwrap();
    let found = find(&serde_json::from_str(&text).unwrap(), one);
    found.unwrap_or_else(|| panic!("{schema} has no {one}"))
}

fn find(schema: &Value, one: &str) -> Option<Vec<String>> {
    match schema {
        Value::Object(fields) => fields.values().find_map(|value| find(value, one)),
        Value::Array(items) if items.iter().any(|item| item == one) => {
            Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Value::Array(items) => items.iter().find_map(|item| find(item, one)),
        _ => None,
    }
}

pub async fn every_exit_code_is_listed(_: Lab) {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, table) = readme.split_once("## Exit codes").unwrap();
    let listed: Vec<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()).collect();
    for exit in [
        Exit::Done,
        Exit::Error,
        Exit::Usage,
        Exit::StuckFound,
        Exit::Refused,
        Exit::Partial,
        Exit::Interrupted,
        Exit::Terminated,
    ] {
        let code = exit.code().to_string();
        let found = listed.iter().any(|codes| codes.split(", ").any(|each| each == code));
        assert!(found, "README.md does not list exit code {code}");
    }
}
