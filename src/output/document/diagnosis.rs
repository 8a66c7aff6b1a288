//! `DiagnosisList`: everything that is known about stuck namespaces.

use serde::Serialize;

use super::{GapDocument, Item, PredictionItem, StuckNamespace};
use crate::diagnose::{Cause, Diagnosis, Held};
use crate::model::{Invocation, Leftover, TypeLeftovers};
use crate::output::sanitise;
use crate::plan::{Plan, Refusal, advice};

/// One item of a `DiagnosisList`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosisItem {
    namespace: StuckNamespace,
    coverage: CoverageDocument,
    leftover_counts: Vec<CountDocument>,
    leftovers: Vec<LeftoverDocument>,
    causes: Vec<CauseDocument>,
    plan: Vec<StepDocument>,
    advice: Vec<AdviceDocument>,
    warnings: Vec<String>,
    /// What its deletion would do; only of an Active namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    prediction: Option<PredictionItem>,
}

impl Item for DiagnosisItem {
    const LIST_KIND: &'static str = "DiagnosisList";

    fn resource_name(&self) -> String {
        self.namespace.resource_name()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CoverageDocument {
    looked: usize,
    could_not_look: Vec<GapDocument>,
}

/// Exact, however many leftovers are listed one by one.
#[derive(Debug, Serialize)]
struct CountDocument {
    group: String,
    version: String,
    resource: String,
    deleting: u64,
    live: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LeftoverDocument {
    group: String,
    version: String,
    resource: String,
    kind: String,
    name: String,
    uid: String,
    deletion_timestamp: Option<String>,
    finalizers: Vec<FinalizerDocument>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FinalizerDocument {
    name: String,
    owner: Option<String>,
    protects: Option<String>,
    if_removed: String,
    dangerous: bool,
    evidence: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct CauseDocument {
    kind: String,
    subject: String,
    detail: String,
    evidence: Vec<String>,
    remedy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

#[derive(Debug, Serialize)]
struct StepDocument {
    step: String,
    target: String,
    harm: String,
    request: String,
    /// Absent where no command keeps what nsfix itself checks first.
    #[serde(skip_serializing_if = "Option::is_none")]
    kubectl: Option<String>,
}

#[derive(Debug, Serialize)]
struct AdviceDocument {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

impl DiagnosisItem {
    /// Describes a diagnosis, and the plan for it where there is one. Its commands are those of `invocation`.
    #[must_use]
    pub fn new(diagnosis: &Diagnosis, plan: Result<&Plan, &Refusal>, invocation: &Invocation) -> Self {
        let Diagnosis { causes, inventory, held, .. } = diagnosis;
        let steps = plan.into_iter().flat_map(|plan| &plan.steps);
        let advice = advice(causes).into_iter();
        Self {
            namespace: StuckNamespace::diagnosed(diagnosis, None),
            coverage: CoverageDocument {
                looked: inventory.coverage.looked,
                could_not_look: inventory.coverage.all_gaps().map(GapDocument::from).collect(),
            },
            leftover_counts: inventory.types.iter().map(CountDocument::from).collect(),
            leftovers: inventory
                .types
                .iter()
                .flat_map(|of_type| {
                    of_type.sample.iter().map(move |leftover| leftover_document(of_type, leftover, held))
                })
                .collect(),
            causes: causes.iter().map(|cause| CauseDocument::new(cause, invocation)).collect(),
            plan: steps
                .map(|step| StepDocument {
                    step: step.action.kind().to_string(),
                    target: step.target.clone(),
                    harm: step.harm.clone(),
                    request: step.request.clone(),
                    kubectl: step.kubectl.as_ref().map(|command| command.render(invocation)),
                })
                .collect(),
            advice: advice
                .map(|each| AdviceDocument {
                    text: each.text.clone(),
                    command: each.command.as_ref().map(|command| command.render(invocation)),
                })
                .collect(),
            warnings: plan.map_or_else(
                |refusal| disarmed_warning(refusal, invocation).into_iter().collect(),
                |plan| plan.warnings.clone(),
            ),
            prediction: None,
        }
    }

    /// The same with what its deletion would do.
    #[must_use]
    pub fn predicted(self, prediction: Option<PredictionItem>) -> Self {
        Self { prediction, ..self }
    }
}

/// An Active namespace that has lost its `kubernetes` finalizer is worth a warning, and the command that mends it.
fn disarmed_warning(refusal: &Refusal, invocation: &Invocation) -> Option<String> {
    matches!(refusal, Refusal::NotTerminating { disarmed: true, .. })
        .then(|| refusal.hint().render(invocation, |text| sanitise(text).into_owned()))
}

fn leftover_document(of_type: &TypeLeftovers, leftover: &Leftover, held: &[Held]) -> LeftoverDocument {
    let finalizers = leftover.finalizers.iter().filter_map(|name| {
        let held = held.iter().find(|held| held.resource == of_type.resource && held.finalizer == *name)?;
        Some(FinalizerDocument {
            name: name.clone(),
            owner: (!held.owner.is_empty()).then(|| held.owner.clone()),
            protects: held.entry.map(|entry| entry.protects.to_owned()),
            if_removed: held.harm().to_owned(),
            dangerous: held.is_dangerous(),
            evidence: held.evidence.clone(),
        })
    });
    LeftoverDocument {
        group: of_type.resource.group.clone(),
        version: of_type.resource.version.clone(),
        resource: of_type.resource.resource.clone(),
        kind: of_type.resource.kind.clone(),
        name: leftover.name.clone(),
        uid: leftover.uid.clone(),
        deletion_timestamp: leftover.deleted.map(|time| time.to_string()),
        finalizers: finalizers.collect(),
    }
}

impl From<&TypeLeftovers> for CountDocument {
    fn from(of_type: &TypeLeftovers) -> Self {
        Self {
            group: of_type.resource.group.clone(),
            version: of_type.resource.version.clone(),
            resource: of_type.resource.resource.clone(),
            deleting: of_type.deleting,
            live: of_type.live,
        }
    }
}

impl CauseDocument {
    pub(super) fn new(cause: &Cause, invocation: &Invocation) -> Self {
        Self {
            kind: cause.kind.to_string(),
            subject: cause.subject.clone(),
            detail: cause.detail.clone(),
            evidence: cause.evidence.clone(),
            remedy: cause.remedy.clone(),
            command: cause.command.as_ref().map(|command| command.render(invocation)),
        }
    }
}
