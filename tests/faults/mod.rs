//! Random runs of `clear` against a sandbox in which things go wrong, compared with what the server holds.
//!
//! `NSFIX_FAULT_RUNS` says how many; `NSFIX_FAULT_SEED` repeats a run that failed.

mod chaos;
mod judge;
mod world;

use std::time::Instant;

use futures::StreamExt;

use crate::harness::{Lab, ended};
use crate::tests;
use chaos::Chaos;
use judge::Verdict;
use world::World;

tests! {
    Sandbox: no_fault_breaks_a_rule_and_every_report_is_true
}

const RUNS: u64 = 60;
/// More at once only makes every one slower.
const AT_ONCE: usize = 4;

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
}

async fn no_fault_breaks_a_rule_and_every_report_is_true(_: Lab) {
    let seeds = match from_env("NSFIX_FAULT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_env("NSFIX_FAULT_RUNS").unwrap_or(RUNS),
    };
    let count = seeds.end - seeds.start;
    let verdicts: Vec<Verdict> = futures::stream::iter(seeds)
        .map(|seed| async move { tokio::spawn(one(seed)).await.expect("a run") })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let broken: usize = verdicts.iter().map(|verdict| verdict.broken.len()).sum();
    let untrue: usize = verdicts.iter().map(|verdict| verdict.untrue.len()).sum();
    let most = verdicts.iter().map(|verdict| verdict.requests).max().unwrap_or_default();
    let mut outcomes = std::collections::BTreeMap::<&str, usize>::new();
    for verdict in &verdicts {
        *outcomes.entry(&verdict.outcome).or_default() += 1;
    }
    println!(
        "{count} runs: {broken} rules broken, {untrue} reports untrue, at most {most} requests; {outcomes:?}"
    );
    let failed: Vec<String> =
        verdicts.iter().filter(|verdict| !verdict.is_good()).map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{broken} rules broken, {untrue} reports untrue\n{}", failed.join("\n"));
}

/// One run: a cluster, faults and flags, all from the seed.
async fn one(seed: u64) -> Verdict {
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::new(&mut random).await;
    let chaos = Chaos::let_loose(&world, &mut random);
    let arguments = world.arguments(&mut random);
    let before = world.snapshot();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let witness = world.witness(&before);
    let ran = ended(world.lab.nsfix(&words).start()).await;
    let end = Instant::now();
    let gone_since = witness.gone_since();
    judge::judge(&judge::Case { seed, world, chaos, arguments, before, ran, end, gone_since })
}
