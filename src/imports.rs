//! Who may import whom: read from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every module with those that it may import. All of them stand further up, so that there is no circle.
const ROOMS: [(&str, &[&str]); 14] = [
    ("exit", &[]),
    ("model", &[]),
    ("sandbox", &[]),
    ("shutdown", &["exit"]),
    ("backup", &["model"]),
    ("cluster", &["model"]),
    ("diagnose", &["model"]),
    ("observe", &["cluster", "diagnose", "model"]),
    ("plan", &["diagnose", "model"]),
    ("execute", &["backup", "cluster", "exit", "model", "plan", "shutdown"]),
    ("output", &["cluster", "diagnose", "execute", "exit", "model", "plan"]),
    ("metrics", &["diagnose", "execute", "model", "output"]),
    ("cli", &["cluster", "metrics", "model", "output", "plan"]),
    (
        "commands",
        &[
            "backup", "cli", "cluster", "diagnose", "execute", "exit", "metrics", "model", "observe",
            "output", "plan", "sandbox", "shutdown",
        ],
    ),
];

/// Crates that only these rooms use: what is pure knows neither the command line nor the network.
const CRATES: [(&str, &[&str]); 4] = [
    ("anyhow", &["commands", "output"]),
    ("clap", &["cli", "cluster", "commands", "metrics", "output"]),
    ("tokio", &["cluster", "commands", "execute", "metrics", "output", "sandbox", "shutdown"]),
    ("hyper", &["cluster", "metrics", "sandbox"]),
];

/// A source file with the module that it is in.
struct Source {
    room: String,
    path: PathBuf,
    text: String,
}

/// Every source file but this one and those outside of the rooms. Tests may look around.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut dirs, mut sources) = (vec![root.clone()], Vec::new());
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let within = path.strip_prefix(&root).unwrap().with_extension("");
            let mut parts = within.iter().map(|part| part.to_str().unwrap());
            let (room, last) = (parts.next().unwrap().to_owned(), within.file_name().unwrap());
            if last == "tests" || last == "properties" || ["lib", "main", "imports"].contains(&room.as_str())
            {
                continue;
            }
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            sources.push(Source { room, path, text });
        }
    }
    sources
}

/// The first names behind each `crate::`, in a `use` and in the middle of a line; comments do not count.
fn imported(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let paths = code.split("crate::").skip(1);
    let name = |path: &str| {
        let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
        path[..end].to_owned()
    };
    paths
        .flat_map(|path| match path.strip_prefix('{') {
            // use crate::{a::b, c}
            Some(list) => {
                list.split(';').next().unwrap_or_default().split(',').map(|each| name(each.trim())).collect()
            }
            None => vec![name(path)],
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn nobody_imports_upwards() {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let mut wrong = Vec::new();
    for Source { room, path, text } in sources() {
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!("{} is in no room", path.display()));
            continue;
        };
        for other in imported(&text) {
            if allowed.contains_key(other.as_str()) && other != room && !may.contains(&other.as_str()) {
                wrong.push(format!("{}: {room} may not import {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_is_no_circle() {
    for (index, (room, may)) in ROOMS.iter().enumerate() {
        for other in *may {
            let above = ROOMS[..index].iter().any(|(above, _)| above == other);
            assert!(above, "{room} may import {other}, which stands below it");
        }
    }
}

#[test]
fn what_is_pure_knows_neither_the_command_line_nor_the_network() {
    let mut wrong = Vec::new();
    for Source { room, path, text } in sources() {
        for (name, may) in CRATES {
            let uses = text.contains(&format!("{name}::")) || text.contains(&format!("{name}_util::"));
            if uses && !may.contains(&room.as_str()) {
                wrong.push(format!("{}: {room} may not use {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_import_is_found_wherever_it_stands() {
    let text =
        "use crate::model::X;\nuse crate::{plan::Y, exit};\n// crate::cli\nlet a = crate::output::z();\n";
    let found: Vec<String> = imported(text).into_iter().collect();
    assert_eq!(found, ["exit", "model", "output", "plan"]);
}
