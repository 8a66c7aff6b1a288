//! `RepairReport`: what was done.

use serde::Serialize;

use super::{GapDocument, Item};
use crate::execute::Report;
use crate::model::Invocation;
use crate::output::sanitise;

/// What was done about one namespace.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Repaired {
    /// Its name.
    namespace: String,
    /// Its uid; empty where it was not found.
    uid: String,
    /// The rule of the policy file that decided about it, with its line; null without a file.
    rule: Option<String>,
    /// Cleared: it is gone. Released: what could be released was, and it is still there. Refused: a safety rule
    /// said no, and nothing was written. Failed: it did not work, or not to the end. Unchanged: there was
    /// nothing to do. DryRun: it was a rehearsal. NotBegun: a signal came first.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::outcome"))]
    outcome: String,
    /// What went wrong, or null.
    message: Option<String>,
    /// What to do next, or null.
    hint: Option<String>,
    /// What became of each step.
    steps: Vec<StepDocument>,
    /// What was left behind in etcd, by type.
    orphans: Vec<OrphansDocument>,
    /// Where orphans could not be looked for, and why.
    could_not_look: Vec<GapDocument>,
    /// The file with the namespace and its leftovers as they were; null where none was made.
    backup: Option<String>,
    /// What was warned about.
    warnings: Vec<String>,
}

impl Item for Repaired {
    const LIST_KIND: &'static str = "RepairReport";

    fn resource_name(&self) -> String {
        format!("namespace/{}", self.namespace)
    }
}

/// A step.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StepDocument {
    /// What it does.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::step_kind"))]
    step: String,
    /// To what.
    target: String,
    /// Done: carried out. Skipped: not needed any more. Failed: not carried out. DryRun: carried out without
    /// being stored.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::step_result"))]
    result: String,
    /// In words.
    message: String,
}

/// The orphans of a type.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OrphansDocument {
    /// API group; empty for the core group.
    group: String,
    /// API version.
    version: String,
    /// Plural name of the type.
    resource: String,
    /// Their kind.
    kind: String,
    /// How many there are.
    count: u64,
    /// Whether the list failed before its end, so that there may be more; left out where it did not.
    #[serde(rename = "atLeast", skip_serializing_if = "std::ops::Not::not")]
    at_least: bool,
    /// The names of the first of them.
    names: Vec<String>,
    /// Their finalizers.
    finalizers: Vec<String>,
}

impl Repaired {
    /// Describes a report; the commands in its hint are those of `invocation`.
    #[must_use]
    pub fn new(report: &Report, invocation: &Invocation) -> Self {
        let steps = report.steps.iter().map(|step| StepDocument {
            step: step.step.to_string(),
            target: step.target.clone(),
            result: step.result.to_string(),
            message: step.message.clone(),
        });
        let orphans = report.orphans.iter().map(|of_type| OrphansDocument {
            group: of_type.resource.group.clone(),
            version: of_type.resource.version.clone(),
            resource: of_type.resource.resource.clone(),
            kind: of_type.resource.kind.clone(),
            count: of_type.total(),
            at_least: of_type.at_least,
            names: of_type.sample.iter().map(|leftover| leftover.name.clone()).collect(),
            finalizers: of_type.finalizers.keys().cloned().collect(),
        });
        Self {
            namespace: report.namespace.clone(),
            uid: report.uid.clone(),
            rule: report.rule.clone(),
            outcome: report.outcome.to_string(),
            message: report.problem.as_ref().map(|problem| problem.message.clone()),
            hint: report
                .problem
                .as_ref()
                .and_then(|problem| problem.hint.as_ref())
                .map(|hint| hint.render(invocation, |text| sanitise(text).into_owned())),
            steps: steps.collect(),
            orphans: orphans.collect(),
            could_not_look: report.unknown.iter().map(GapDocument::from).collect(),
            backup: report.backup.as_ref().map(|path| path.display().to_string()),
            warnings: report.warnings.clone(),
        }
    }
}
