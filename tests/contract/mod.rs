//! The contract suite: the API behaviours that nsfix relies on. It runs against the sandbox and against a
//! real control plane; where they disagree, the sandbox is wrong.

mod content;
mod controller;
mod discovery;
mod finalize;
mod lists;
mod scenarios;

use crate::harness::Test;

pub fn tests() -> Vec<Test> {
    [
        finalize::tests(),
        content::tests(),
        lists::tests(),
        discovery::tests(),
        controller::tests(),
        scenarios::tests(),
    ]
    .into_iter()
    .flatten()
    .map(|test| test.also_on(&[20, 29, 32, 33]))
    .collect()
}
