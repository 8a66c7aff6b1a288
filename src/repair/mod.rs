//! Carries a plan out: reads again before each write, guards it by uid and resourceVersion, backs up first,
//! and reports what became of each step.

mod backup;
mod finalize;
mod report;

pub use backup::{Backups, default_backup_dir};
pub use report::{Outcome, Problem, Report, StepReport, StepResult};

use std::time::Duration;

use crate::cluster::{Cluster, Discovered, DryRun};
use crate::model::Inventory;
use crate::plan::{Plan, Policy};
use crate::stop::Stop;

/// How a plan is to be carried out.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the person allows; checked again on every fresh read.
    pub policy: Policy,
    /// Whether the writes are meant.
    pub dry_run: DryRun,
    /// Where to save what is about to be changed; `None` only where the person said `--no-backup`.
    pub backups: Option<Backups>,
    /// How long to wait for the namespace to be gone after the PUT; `None` looks once and does not wait.
    pub wait: Option<Duration>,
}

/// Carries out plans on one cluster.
pub struct Repair<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// How.
    pub settings: &'a Settings,
    /// When to end early.
    pub stop: &'a Stop,
}

impl Repair<'_> {
    /// Carries the plan out. Never fails as a call: whatever happens is in the report.
    pub async fn carry_out(&self, plan: &Plan, discovered: &Discovered, before: &Inventory) -> Report {
        let mut report = Report::new(&plan.namespace.name, &plan.namespace.uid);
        report.warnings.clone_from(&plan.warnings);
        self.finalize(plan, &mut report).await;
        if report.outcome == Outcome::Cleared {
            self.look_for_orphans(discovered, before, &mut report).await;
        }
        report
    }

    /// Rule 8: says what was left behind. Nothing can have been created in a terminating namespace, so the
    /// types that were empty before still are.
    async fn look_for_orphans(&self, discovered: &Discovered, before: &Inventory, report: &mut Report) {
        let held: Vec<_> = before.types.iter().map(|of_type| of_type.resource.clone()).collect();
        let keep = before.types.iter().map(|of_type| of_type.sample.len()).max().unwrap_or_default();
        match self.cluster.take_stock_of(held, &[&report.namespace], keep).await {
            Ok(mut after) => {
                let mut after = after.remove(&report.namespace).unwrap_or_default();
                after.coverage.gaps.extend(discovered.gaps.iter().cloned());
                report.unknown = after.coverage.gaps;
                report.unknown.extend(before.coverage.gaps.iter().cloned());
                report.unknown.sort();
                report.unknown.dedup();
                report.orphans = after.types;
            }
            Err(error) => {
                report.warnings.push(format!("could not look for orphans: {}", error.detail()));
                report.orphans.clone_from(&before.types);
            }
        }
    }
}
