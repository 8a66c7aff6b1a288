//! Random runs of `clear`, `orphans --purge` and `restore` against a sandbox in which things go wrong, compared with what the server holds.
//!
//! `NSFIX_FAULT_RUNS` says how many, `NSFIX_FAULT_FROM` from which seed on; `NSFIX_FAULT_SEED` repeats a run that failed.

mod chaos;
mod judge;
mod purge;
mod restore;
mod world;

use std::ops::Range;
use std::time::Instant;

use futures::StreamExt;

use crate::harness::{LIMIT, Lab, On, Test, ended};
use chaos::Chaos;
use judge::Verdict;
use world::World;

pub fn tests() -> Vec<Test> {
    let runs = seeds().count().try_into().expect("not so many");
    let name = "no_fault_breaks_a_rule_and_every_report_is_true";
    let test = Test::new(module_path!(), name, On::Sandbox, |lab| {
        Box::pin(no_fault_breaks_a_rule_and_every_report_is_true(lab))
    });
    vec![test.within(LIMIT * runs)]
}

const RUNS: u64 = 60;
/// More at once only makes every one slower.
const AT_ONCE: usize = 4;

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn seeds() -> Range<u64> {
    if let Some(seed) = from_env("NSFIX_FAULT_SEED") {
        return seed..seed + 1;
    }
    let first = from_env("NSFIX_FAULT_FROM").unwrap_or_default();
    first..first + from_env("NSFIX_FAULT_RUNS").unwrap_or(RUNS)
}

async fn no_fault_breaks_a_rule_and_every_report_is_true(_: Lab) {
    let verdicts: Vec<Verdict> = futures::stream::iter(seeds())
        .map(|seed| async move {
            let run = tokio::time::timeout(LIMIT, tokio::spawn(one(seed))).await;
            run.unwrap_or_else(|_| panic!("seed {seed} is not done after {LIMIT:?}")).expect("a run")
        })
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
        "{} runs: {broken} rules broken, {untrue} reports untrue, at most {most} requests; {outcomes:?}",
        verdicts.len()
    );
    if verdicts.len() == 1 {
        println!("{}", verdicts[0]);
    }
    let failed: Vec<String> =
        verdicts.iter().filter(|verdict| !verdict.is_good()).map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{broken} rules broken, {untrue} reports untrue\n{}", failed.join("\n"));
}

/// One run: a cluster, faults and flags, all from the seed.
async fn one(seed: u64) -> Verdict {
    let mut random = fastrand::Rng::with_seed(seed);
    match random.u8(0..6) {
        0 => return purge::one(seed, &mut random).await,
        1 => return restore::one(seed, &mut random).await,
        _ => {}
    }
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
