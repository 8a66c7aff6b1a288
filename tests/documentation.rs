//! The commands and outputs in README.md and docs/ are what the program does.

use std::path::{Path, PathBuf};

use crate::harness::{Lab, Nsfix, Ran};
use crate::tests;

tests! { Sandbox: every_example_prints_what_it_says }

/// One command of a `console` block, and what follows it.
struct Example {
    file: PathBuf,
    line: usize,
    command: String,
    output: Vec<String>,
}

async fn every_example_prints_what_it_says(lab: Lab) {
    let mut run = 0;
    for file in pages() {
        for example in examples(&file) {
            let Some(arguments) = arguments(&example.command) else { continue };
            let ran = Nsfix::merged(&arguments)
                .env("XDG_STATE_HOME", lab.dir().join("state"))
                .env("HOME", lab.dir())
                .run()
                .await;
            check(&example, &ran);
            run += 1;
        }
    }
    assert!(run > 0, "there are no examples");
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    let docs = std::fs::read_dir(root.join("docs")).into_iter().flatten().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    pages
}

/// The `$ …` lines of the `console` blocks, each with the lines after it.
fn examples(file: &Path) -> Vec<Example> {
    let text = std::fs::read_to_string(file).unwrap();
    let (mut examples, mut inside) = (Vec::<Example>::new(), false);
    for (index, line) in text.lines().enumerate() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            line => match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => examples.push(Example {
                    file: file.to_owned(),
                    line: index + 1,
                    command: command.to_owned(),
                    output: Vec::new(),
                }),
                (None, Some(example)) => example.output.push(line.to_owned()),
                (None, None) => panic!("output without a command at {}:{}", file.display(), index + 1),
            },
        }
    }
    examples
}

/// The arguments, if it is a command of nsfix that needs no cluster.
fn arguments(command: &str) -> Option<Vec<&str>> {
    let rest = command.strip_prefix("cargo run -- ").or_else(|| command.strip_prefix("nsfix "))?;
    let arguments: Vec<&str> = rest.split_whitespace().collect();
    arguments.iter().any(|each| each.starts_with("--sandbox") || *each == "--help").then_some(arguments)
}

/// `[..]` stands for anything within a line.
fn check(example: &Example, ran: &Ran) {
    let expected: Vec<&str> = example.output.iter().map(|line| line.trim_end()).collect();
    let expected = expected.join("\n").trim_end().to_owned();
    let actual = ran.stdout.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned();
    let same = expected.lines().count() == actual.lines().count()
        && expected.lines().zip(actual.lines()).all(|(expected, actual)| fits(expected, actual));
    assert!(
        same,
        "{}:{}: $ {}\n--- the page says\n{expected}\n--- the program says\n{actual}",
        example.file.display(),
        example.line,
        example.command
    );
}

fn fits(pattern: &str, line: &str) -> bool {
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
