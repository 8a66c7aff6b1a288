//! `PredictionList`: what the deletion of namespaces would do.

use serde::Serialize;

use super::Item;
use super::diagnosis::CauseDocument;
use crate::diagnose::predict::Prediction;
use crate::model::Invocation;

/// One item of a `PredictionList`; also what a `DiagnosisList` says of an Active namespace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PredictionItem {
    namespace: NamespaceDocument,
    expectation: String,
    certain: Vec<CauseDocument>,
    likely: Vec<CauseDocument>,
    breaks_others: Vec<CauseDocument>,
    outside: Vec<OutsideDocument>,
    could_not_look: Vec<CouldNotLookDocument>,
    comes_back: Vec<RecreationDocument>,
    order: Vec<OrderStepDocument>,
}

impl Item for PredictionItem {
    const LIST_KIND: &'static str = "PredictionList";

    fn resource_name(&self) -> String {
        format!("namespace/{}", self.namespace.name)
    }
}

#[derive(Debug, Serialize)]
struct NamespaceDocument {
    name: String,
    uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    server: String,
}

#[derive(Debug, Serialize)]
struct OutsideDocument {
    kind: String,
    subject: String,
    fate: String,
    detail: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CouldNotLookDocument {
    what: String,
    why: String,
    may_matter: bool,
}

#[derive(Debug, Serialize)]
struct RecreationDocument {
    by: String,
    detail: String,
}

#[derive(Debug, Serialize)]
struct OrderStepDocument {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

impl PredictionItem {
    /// Describes a prediction for a namespace of this server, seen through `context` if one was named. Its commands
    /// are those of `invocation`.
    #[must_use]
    pub fn new(
        prediction: &Prediction,
        context: Option<&str>,
        server: &str,
        invocation: &Invocation,
    ) -> Self {
        let causes = |causes: &[crate::diagnose::Cause]| {
            causes.iter().map(|cause| CauseDocument::new(cause, invocation)).collect()
        };
        let outside = prediction.outside.iter().map(|each| OutsideDocument {
            kind: each.kind.to_string(),
            subject: each.subject.clone(),
            fate: each.fate.to_string(),
            detail: each.detail.clone(),
        });
        let gaps = prediction.could_not_look.iter().map(|each| CouldNotLookDocument {
            what: each.what.clone(),
            why: each.why.clone(),
            may_matter: each.may_matter,
        });
        let comes_back = prediction.comes_back.iter();
        let comes_back =
            comes_back.map(|each| RecreationDocument { by: each.by.clone(), detail: each.detail.clone() });
        let order = prediction.order.iter().map(|step| OrderStepDocument {
            text: step.text.clone(),
            command: step.command.as_ref().map(|command| command.render(invocation)),
        });
        Self {
            namespace: NamespaceDocument {
                name: prediction.namespace.name.clone(),
                uid: prediction.namespace.uid.clone(),
                context: context.map(str::to_owned),
                server: server.to_owned(),
            },
            expectation: prediction.expectation().to_string(),
            certain: causes(&prediction.certain),
            likely: causes(&prediction.likely),
            breaks_others: causes(&prediction.breaks_others),
            outside: outside.collect(),
            could_not_look: gaps.collect(),
            comes_back: comes_back.collect(),
            order: order.collect(),
        }
    }
}
