//! `nsfix clear NAME`.

mod backup;
mod dry_run;
mod finalize;
mod half_seen;
mod meanwhile;
mod races;
mod recreated;
mod refusals;
mod scenarios;
mod signals;
mod unknown;

use std::path::PathBuf;

use crate::harness::{Lab, Ran, Test};

pub fn tests() -> Vec<Test> {
    let older = |tests: Vec<Test>| tests.into_iter().map(|test| test.also_on(&[20])).collect();
    [
        finalize::tests(),
        meanwhile::tests(),
        refusals::tests(),
        dry_run::tests(),
        backup::tests(),
        older(scenarios::tests()),
        older(races::tests()),
        recreated::tests(),
        signals::tests(),
        unknown::tests(),
        half_seen::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Clears one namespace with `--yes` and more flags.
async fn clear(lab: &Lab, name: &str, more: &[&str]) -> Ran {
    lab.nsfix(&[&["clear", name, "--yes"], more].concat()).run().await
}

fn backups(lab: &Lab) -> Vec<PathBuf> {
    let dir = lab.dir().join("state/nsfix/backups");
    std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}
