//! What it came to in the end: whether the namespace is gone after all, and what was left behind.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::namespace::replaced;
use super::{Activity, Executor, Outcome, Problem, Report, StepResult};
use crate::cluster::ApiError;
use crate::model::{Gap, Inventory, Namespace, ResourceType, TypeLeftovers};

/// How many objects are named before the rest is only hinted at.
const NAMED: usize = 5;
/// What creates namespaces from a repository creates one again within a moment, and takes in what was left behind.
const ANOTHER_WITHIN: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
            Ok(_) => {
                let problem = replaced(&report.namespace);
                report.ended(Outcome::Refused, problem)
            }
            Err(error) if error.is_missing_namespace() => gone_after_all(report),
            Err(error) => unknown_whether_gone(report, &error),
        }
    }

    /// Rule 8: says what was left behind of what was inside before.
    pub async fn look_for_orphans(&self, before: &Inventory, report: Report) -> Report {
        (self.on_activity)(&report.namespace, Activity::LookingForOrphans);
        let (held, unknown) = self.types_to_look_at(before, &report).await;
        let keep = before.types.iter().map(|of_type| of_type.sample.len()).max().unwrap_or_default();
        let after = self.cluster.list_leftovers_of(held, &[&report.namespace], keep.max(NAMED)).await;
        self.left_behind(before, after, unknown, report).await
    }

    /// The same of a namespace that nobody has looked into. At most `keep` objects of a type are named.
    pub async fn look_for_any_orphans(&self, report: Report, keep: usize) -> Report {
        (self.on_activity)(&report.namespace, Activity::LookingForOrphans);
        let after = self.cluster.look_inside(&[&report.namespace], keep).await;
        self.left_behind(&Inventory::default(), after, Vec::new(), report).await
    }

    async fn left_behind(
        &self,
        before: &Inventory,
        after: Result<BTreeMap<String, Inventory>, ApiError>,
        unknown: Vec<Gap>,
        mut report: Report,
    ) -> Report {
        match after {
            Ok(mut after) => {
                let after = after.remove(&report.namespace).unwrap_or_default();
                report.unknown.extend(after.coverage.gaps);
                report.unknown.extend(unknown);
                report.unknown.sort();
                report.unknown.dedup();
                if after.types.is_empty() { report } else { self.orphaned(before, after.types, report).await }
            }
            Err(error) => {
                report.warnings.push(format!("could not look for orphans: {}", error.detail()));
                report.orphans.clone_from(&before.types);
                report
            }
        }
    }

    /// Nothing can have been created in a terminating namespace, so the types that were empty before still are, and those
    /// that could not be looked at may not be; with them what cannot be looked at now. Where another client has written,
    /// the name may have had other content since: then every type counts.
    async fn types_to_look_at(&self, before: &Inventory, report: &Report) -> (Vec<ResourceType>, Vec<Gap>) {
        let interfered = report.steps.iter().any(|step| step.result == StepResult::Failed);
        let gaps = &before.coverage.gaps;
        let held: Vec<ResourceType> = before.types.iter().map(|of_type| of_type.resource.clone()).collect();
        if !interfered && gaps.is_empty() {
            return (held, Vec::new());
        }
        let Ok(discovered) = self.cluster.discover().await else { return (held, gaps.clone()) };
        let was_unknown = |ty: &ResourceType| gaps.iter().any(|gap| gap.covers(ty));
        let mut types = held;
        for ty in discovered.holding_types() {
            let known = types.iter().any(|of_it| of_it.group == ty.group && of_it.resource == ty.resource);
            if !known && (interfered || was_unknown(&ty)) {
                types.push(ty);
            }
        }
        let told = |gap: &Gap| {
            types.iter().any(|ty| gap.covers(ty))
                || discovered.gaps.iter().any(|each| each.group == gap.group)
        };
        let not_served = gaps.iter().filter(|gap| !told(gap));
        let unknown = not_served.chain(&discovered.gaps).cloned().collect();
        (types, unknown)
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
