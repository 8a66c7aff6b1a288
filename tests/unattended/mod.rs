//! `nsfix clear --all`: nobody watches.

mod limits;
mod machines;
mod metrics;
mod nights;
mod policy;
mod trouble;

use serde_json::json;

use crate::harness::fixtures::{create, hold, path};
use crate::harness::{Lab, Ran, Test};

/// Every test of the files below.
pub fn tests() -> Vec<Test> {
    [limits::tests(), machines::tests(), metrics::tests(), nights::tests(), policy::tests(), trouble::tests()]
        .into_iter()
        .flatten()
        .collect()
}

/// So many namespaces in Terminating, each with a held ConfigMap, that share a label of the test's own.
/// Returns the selector, and their names in order.
async fn stuck(lab: &Lab, prefixes: &[&str]) -> (String, Vec<String>) {
    let run = Lab::unique("run");
    let mut names = Vec::new();
    for prefix in prefixes {
        let name = Lab::unique(prefix);
        create(lab, &name).await;
        lab.patch(&path(&name), &json!({"metadata": {"labels": {"run": run}}})).await.expect(200);
        hold(lab, &name).await;
        lab.delete(&path(&name)).await.expect(200);
        names.push(name);
    }
    (format!("run={run}"), names)
}

/// `clear --all`, of whatever age, abandoning what is inside.
async fn clear_all(lab: &Lab, selector: &str, more: &[&str]) -> Ran {
    let arguments = ["clear", "--all", "--older-than=0s", "--leftovers=orphan", "--yes", "-l", selector];
    lab.nsfix(&[&arguments, more].concat()).run().await
}

async fn is_there(lab: &Lab, name: &str) -> bool {
    lab.get(&path(name)).await.status == 200
}
