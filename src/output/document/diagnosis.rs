//! `DiagnosisList`: everything that is known about stuck namespaces.

use serde::Serialize;

use super::{GapDocument, Item, PredictionItem, StuckNamespace};
use crate::diagnose::{Cause, Diagnosis, Held};
use crate::model::{Invocation, Leftover, TypeLeftovers};
use crate::output::sanitise;
use crate::plan::{Plan, Refusal, advice};

/// The diagnosis of one namespace.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiagnosisItem {
    /// The namespace.
    #[cfg_attr(test, schemars(extend("required" = ["leftovers", "causes"])))]
    namespace: StuckNamespace,
    /// What was looked at, and what could not be.
    coverage: CoverageDocument,
    /// Counts by type, however many leftovers are listed one by one.
    leftover_counts: Vec<CountDocument>,
    /// The objects still inside, up to 500 of a type unless --all-objects is given.
    leftovers: Vec<LeftoverDocument>,
    /// Why it is stuck, the most fundamental cause first.
    causes: Vec<CauseDocument>,
    /// What would end it without leaving anything behind; empty where a safety rule forbids it.
    plan: Vec<StepDocument>,
    /// What nsfix will not do itself.
    advice: Vec<AdviceDocument>,
    /// What goes wrong, or may, when the plan is carried out.
    warnings: Vec<String>,
    /// What its deletion would do: an item of a PredictionList. Only of an Active namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "PredictionItem"))]
    prediction: Option<PredictionItem>,
}

impl Item for DiagnosisItem {
    const LIST_KIND: &'static str = "DiagnosisList";

    fn resource_name(&self) -> String {
        self.namespace.resource_name()
    }
}

/// What was looked at, and what could not be.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct CoverageDocument {
    /// How many types were looked at.
    looked: usize,
    /// What could not be looked at, and why.
    could_not_look: Vec<GapDocument>,
}

/// The leftovers of a type, however many of them are listed one by one.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CountDocument {
    /// API group; empty for the core group.
    group: String,
    /// API version.
    version: String,
    /// Plural name of the type.
    resource: String,
    /// With a deletionTimestamp.
    deleting: u64,
    /// Without one.
    live: u64,
    /// Whether the list failed before its end, so that there may be more; left out where it did not.
    #[serde(rename = "atLeast", skip_serializing_if = "std::ops::Not::not")]
    at_least: bool,
}

/// An object still inside.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct LeftoverDocument {
    /// API group; empty for the core group.
    group: String,
    /// API version.
    version: String,
    /// Plural name of the type.
    resource: String,
    /// Its kind.
    kind: String,
    /// Its name.
    name: String,
    /// Its uid.
    uid: String,
    /// When it was deleted; null where it is live.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::time"))]
    deletion_timestamp: Option<String>,
    /// Its finalizers.
    finalizers: Vec<FinalizerDocument>,
}

/// A finalizer on a leftover.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct FinalizerDocument {
    /// The finalizer.
    name: String,
    /// The controller that put it there, where it is known.
    owner: Option<String>,
    /// What it protects, where it is known.
    protects: Option<String>,
    /// What is lost when it is removed by force.
    if_removed: String,
    /// Whether it is released only if it is named.
    dangerous: bool,
    /// What was seen of it and of its owner.
    evidence: Vec<String>,
}

/// A cause.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CauseDocument {
    /// The kind of the cause.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::cause_kind"))]
    kind: String,
    /// What it is about: an APIService, a webhook, a type, a finalizer.
    subject: String,
    /// In few words.
    detail: String,
    /// What was seen, each in one sentence.
    evidence: Vec<String>,
    /// What mends it without force.
    remedy: String,
    /// The command for that, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    command: Option<String>,
}

/// A step of the plan.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StepDocument {
    /// What it does.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::step_kind"))]
    step: String,
    /// To what.
    target: String,
    /// What is lost by it; empty where nothing is.
    harm: String,
    /// The request, in one line.
    request: String,
    /// The same with kubectl; absent where no command keeps what nsfix itself checks first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    kubectl: Option<String>,
}

/// A piece of advice.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct AdviceDocument {
    /// What, and why.
    text: String,
    /// The exact command, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
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

/// An Active namespace that has lost its `kubernetes` finalizer is worth a warning, and the command that mends
/// it.
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
            at_least: of_type.at_least,
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
