//! `RepairReport`: what was done.

use serde::Serialize;

use super::{GapDocument, Item};
use crate::execute::Report;
use crate::model::Invocation;
use crate::output::sanitise;

/// One item of a `RepairReport`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repaired {
    namespace: String,
    uid: String,
    rule: Option<String>,
    outcome: String,
    message: Option<String>,
    hint: Option<String>,
    steps: Vec<StepDocument>,
    orphans: Vec<OrphansDocument>,
    could_not_look: Vec<GapDocument>,
    backup: Option<String>,
    warnings: Vec<String>,
}

impl Item for Repaired {
    const LIST_KIND: &'static str = "RepairReport";

    fn resource_name(&self) -> String {
        format!("namespace/{}", self.namespace)
    }
}

#[derive(Debug, Serialize)]
struct StepDocument {
    step: String,
    target: String,
    result: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct OrphansDocument {
    group: String,
    version: String,
    resource: String,
    kind: String,
    count: u64,
    names: Vec<String>,
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
