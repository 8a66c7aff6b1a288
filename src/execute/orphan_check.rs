//! What it came to in the end: whether the namespace is gone after all, and what was left behind.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::shared_look::{Looked, Wanted};
use super::{Activity, Executor, Outcome, Problem, Report, StepResult};
use crate::cluster::ApiError;
use crate::model::{Gap, Inventory, Namespace, ResourceType, TypeLeftovers};

/// How many objects are named before the rest is only hinted at.
const NAMED: usize = 5;
/// What creates namespaces from a repository creates one again within a moment, and takes in what was left behind.
const ANOTHER_WITHIN: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long it is looked for what was left behind, and how much longer once a signal has come.
const LOOK_FOR: Duration = Duration::from_secs(60);
const AFTER_A_SIGNAL: Duration = Duration::from_secs(2);

impl Executor<'_> {
    /// What ended with a problem may have ended well all the same: by the controller, by another client, or by
    /// a request whose answer was lost. Looks once, so that the report says what the server holds.
    pub async fn settle(&self, mut report: Report) -> Report {
        let ended_badly = matches!(report.outcome, Outcome::Failed | Outcome::Released | Outcome::Refused);
        if !ended_badly || report.uid.is_empty() {
            return report;
        }
        match self.cluster.namespace(&report.namespace).await {
            Ok(fresh) if fresh.uid == report.uid => report,
            Ok(_) if report.wrote => {
                report.warnings.push(another_exists(&report.namespace));
                gone_after_all(report)
            }
            Ok(_) => report.another(),
            Err(error) if error.is_missing_namespace() => gone_after_all(report),
            Err(error) => unknown_whether_gone(report, &error),
        }
    }

    /// Rule 8: says what was left behind of what was inside before.
    pub async fn look_for_orphans(&self, before: &Inventory, mut report: Report) -> Report {
        (self.on_activity)(&report.namespace, Activity::LookingForOrphans);
        let wanted = wanted_after(before, &report);
        let after = self.in_time(self.look_again(&report.namespace, wanted)).await;
        let after = after.map(|(looked, not_everywhere)| {
            report.warnings.extend(not_everywhere);
            looked
        });
        self.left_behind(before, after, report).await
    }

    /// The same of a namespace that nobody has looked into. At most `keep` objects of a type are named.
    pub async fn look_for_any_orphans(&self, report: Report, keep: usize) -> Report {
        (self.on_activity)(&report.namespace, Activity::LookingForOrphans);
        let wanted = Wanted { keep, ..Wanted::everything() };
        let after = self.in_time(self.looks.at(self.cluster, &report.namespace, wanted)).await;
        self.left_behind(&Inventory::default(), after, report).await
    }

    /// Rule 12. The namespace is gone by now, so that `--timeout` does not count any more.
    async fn in_time<T>(&self, look: impl Future<Output = Result<T, ApiError>>) -> Result<T, String> {
        let signalled = async {
            self.shutdown.wait().await;
            sleep(AFTER_A_SIGNAL).await;
        };
        tokio::select! {
            biased;
            found = look => found.map_err(|error| error.detail()),
            () = signalled => Err("interrupted".to_owned()),
            () = sleep(LOOK_FOR) => Err(format!("it took longer than {}s", LOOK_FOR.as_secs())),
        }
    }

    /// Where not every type that is wanted could be found out, those that are known; then with a sentence about that.
    async fn look_again(&self, name: &str, wanted: Wanted) -> Result<(Looked, Option<String>), ApiError> {
        // Known types need no discovery, and a few of them no company.
        if !wanted.everything && wanted.unknown.is_empty() {
            return Ok((self.list_again(name, wanted).await?, None));
        }
        match self.looks.at(self.cluster, name, wanted.clone()).await {
            Ok(looked) => Ok((looked, None)),
            Err(error) => {
                let not_everywhere = format!("could not look for orphans of other types: {}", error.detail());
                Ok((self.list_again(name, wanted).await?, Some(not_everywhere)))
            }
        }
    }

    async fn list_again(&self, name: &str, wanted: Wanted) -> Result<Looked, ApiError> {
        let types = Arc::new(wanted.held.clone());
        let found = self.cluster.list_leftovers_of(wanted.held, &[name], wanted.keep).await;
        found.map(|mut found| Looked { inside: found.remove(name).unwrap_or_default(), types })
    }

    async fn left_behind(
        &self,
        before: &Inventory,
        after: Result<Looked, String>,
        mut report: Report,
    ) -> Report {
        match after {
            Ok(Looked { inside: after, types }) => {
                report.unknown.extend(not_asked_about(before, &types, &after));
                report.unknown.extend(after.coverage.gaps);
                report.unknown.sort();
                report.unknown.dedup();
                if after.types.is_empty() { report } else { self.orphaned(before, after.types, report).await }
            }
            Err(why) => {
                report.warnings.push(format!("could not look for orphans: {why}"));
                report.orphans.clone_from(&before.types);
                report.unknown.extend(before.coverage.gaps.iter().cloned());
                report
            }
        }
    }

    /// What was found under the namespace's name is orphaned, unless another namespace has the name by now.
    async fn orphaned(&self, before: &Inventory, found: Vec<TypeLeftovers>, mut report: Report) -> Report {
        let name = &report.namespace;
        match self.another(name).await {
            Ok(_) => {
                let inside = found.iter().filter_map(|of_type| came_back(of_type, before));
                let told: Vec<String> = inside
                    .map(|objects| {
                        format!("left behind by the old namespace {name:?}, and inside the new one of that name now: {objects}")
                    })
                    .collect();
                report.taken_over = !told.is_empty();
                report.warnings.extend(told);
                // What of these the old one has left cannot be told from what the new one holds.
                report.unknown.extend(before.coverage.gaps.iter().cloned());
                report.unknown.sort();
                report.unknown.dedup();
            }
            Err(error) => {
                if !error.is_missing_namespace() {
                    let what = "could not see whether there is another namespace of the name by now";
                    report.warnings.push(format!("{what}: {}", error.detail()));
                }
                report.orphans = found;
            }
        }
        report
    }
}

impl Executor<'_> {
    /// The namespace that somebody has created again, looked for as long as there is patience.
    async fn another(&self, name: &str) -> Result<Namespace, ApiError> {
        let patience = self.settings.wait.map_or(Duration::ZERO, |_| self.settings.policy.patience);
        let until = Instant::now() + patience.min(ANOTHER_WITHIN);
        loop {
            match self.cluster.namespace(name).await {
                Err(error)
                    if error.is_missing_namespace() && Instant::now() < until && self.halted().is_none() => {}
                known => return known,
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Nothing can have been created in a terminating namespace, so the types that were empty before still are, and those
/// that could not be looked at may not be. Where another client has written, the name may have had other content
/// since: then every type counts.
fn wanted_after(before: &Inventory, report: &Report) -> Wanted {
    let keep = before.types.iter().map(|of_type| of_type.sample.len()).max().unwrap_or_default();
    Wanted {
        everything: report.ended_by_others
            || report.steps.iter().any(|step| step.result == StepResult::Failed),
        held: before.types.iter().map(|of_type| of_type.resource.clone()).collect(),
        unknown: before.coverage.gaps.clone(),
        keep: keep.max(NAMED),
    }
}

/// What was unknown before and is not served any more still is.
fn not_asked_about(before: &Inventory, asked: &[ResourceType], after: &Inventory) -> Vec<Gap> {
    let is_told = |gap: &&Gap| {
        asked.iter().any(|ty| gap.covers(ty)) || after.coverage.gaps.iter().any(|each| each.overlaps(gap))
    };
    before.coverage.gaps.iter().filter(|gap| !is_told(gap)).cloned().collect()
}

/// The objects of a type that were there before, by name; `None` where none was.
fn came_back(found: &TypeLeftovers, before: &Inventory) -> Option<String> {
    let known = before.types.iter().flat_map(|of_type| &of_type.sample);
    let known: HashSet<&str> = known.map(|leftover| leftover.uid.as_str()).collect();
    let back = found.sample.iter().filter(|leftover| known.contains(leftover.uid.as_str()));
    let names: Vec<&str> = back.map(|leftover| leftover.name.as_str()).collect();
    let more = found.total() > names.len() as u64 || names.len() > NAMED;
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| format!("{} {shown}{}", found.resource, if more { ", …" } else { "" }))
}

pub(super) fn another_exists(name: &str) -> String {
    format!("namespace {name:?} is gone; another one of the same name exists by now")
}

fn gone_after_all(mut report: Report) -> Report {
    report.outcome = if report.wrote { Outcome::Cleared } else { Outcome::Unchanged };
    if let Some(Problem { message, .. }) = report.problem.take() {
        report.warnings.push(format!("{message}; but the namespace is gone by now"));
    }
    report
}

fn unknown_whether_gone(mut report: Report, error: &ApiError) -> Report {
    let unknown = "whether the namespace is gone";
    if let Some(problem) = &mut report.problem
        && !problem.message.contains(unknown)
    {
        problem.message = format!("{}; {unknown} is unknown: {error}", problem.message);
    }
    report
}
