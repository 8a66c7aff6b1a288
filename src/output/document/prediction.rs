//! `PredictionList`: what the deletion of namespaces would do.

use serde::Serialize;

use super::Item;
use super::diagnosis::CauseDocument;
use crate::diagnose::predict::Prediction;
use crate::model::Invocation;

/// What the deletion of one namespace would do. A DiagnosisList has the same of an Active namespace.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PredictionItem {
    /// The namespace.
    namespace: NamespaceDocument,
    /// NothingExpected: nothing would get stuck, break or leak. TroubleExpected: something would. Unknown:
    /// nothing was found, and not everything could be looked at.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::expectation"))]
    expectation: String,
    /// What holds now, and would hold the namespace.
    certain: Vec<CauseDocument>,
    /// What would probably hold it.
    likely: Vec<CauseDocument>,
    /// What would be broken elsewhere in the cluster.
    breaks_others: Vec<CauseDocument>,
    /// What happens outside of the cluster.
    outside: Vec<OutsideDocument>,
    /// What could not be looked at or rehearsed. Unknown, never empty.
    could_not_look: Vec<CouldNotLookDocument>,
    /// What would make objects of the namespace again.
    comes_back: Vec<RecreationDocument>,
    /// An order of deletion that works; empty where no trouble is expected.
    order: Vec<OrderStepDocument>,
}

impl Item for PredictionItem {
    const LIST_KIND: &'static str = "PredictionList";

    fn resource_name(&self) -> String {
        format!("namespace/{}", self.namespace.name)
    }
}

/// The namespace, and the cluster that it is in.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct NamespaceDocument {
    /// Its name.
    name: String,
    /// Its uid.
    uid: String,
    /// The kubeconfig context it was seen through; absent where none was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    context: Option<String>,
    /// Host and port of the API server.
    server: String,
}

/// Something outside of the cluster.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OutsideDocument {
    /// What it is.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::outside_kind"))]
    kind: String,
    /// The object that stands for it.
    subject: String,
    /// Deleted: for good. Leaked: it stays, and nothing in the cluster knows of it any more.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::fate"))]
    fate: String,
    /// In one sentence.
    detail: String,
}

/// Something that could not be looked at.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct CouldNotLookDocument {
    /// What.
    what: String,
    /// Why, in one sentence.
    why: String,
    /// Whether something may be there that would hold the namespace.
    may_matter: bool,
}

/// Something that applies objects from elsewhere.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RecreationDocument {
    /// What it is.
    by: String,
    /// What it would do, and what to do about it.
    detail: String,
}

/// A step.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OrderStepDocument {
    /// What, and why here.
    text: String,
    /// The command, where one does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    command: Option<String>,
}

impl PredictionItem {
    /// Describes a prediction for a namespace of this server, seen through `context` if one was named. Its
    /// commands
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
