//! Diagnoses with their plans, as text or as a document.

use super::document::{DiagnosisItem, Document, PredictionItem};
use super::list_stuck::gaps;
use super::overview::{self, Extent};
use super::{Format, OutputError, Style, Terminal, prediction, tree};
use crate::diagnose::predict::Prediction;
use crate::diagnose::{Diagnosis, common_causes};
use crate::plan::{Plan, Refusal};

/// A diagnosis, and the plan for it or the rule that forbids one.
#[derive(Debug)]
pub struct Explained {
    pub diagnosis: Diagnosis,
    pub plan: Result<Plan, Refusal>,
    /// What its deletion would do, where it is Active.
    pub prediction: Option<Prediction>,
}

/// Prints them in their format; as text each for itself, or all of them by cause.
pub fn print(
    explained: &[Explained],
    server: &str,
    format: Option<&Format>,
    extent: Option<Extent>,
    terminal: &Terminal,
) -> Result<(), OutputError> {
    let document = || {
        let items = explained.iter().map(|each| {
            let item = DiagnosisItem::new(&each.diagnosis, each.plan.as_ref(), terminal.invocation());
            item.predicted(
                each.prediction
                    .as_ref()
                    .map(|prediction| PredictionItem::new(prediction, None, server, terminal.invocation())),
            )
        });
        Document::new(items.collect())
    };
    // What is behind several of them is told once, above.
    let shared = common_causes(explained.iter().map(|each| &each.diagnosis));
    let paint = |style: Style, text: &str| terminal.paint(style, text);
    let invocation = terminal.invocation();
    let tree = |each: &Explained| {
        let mut text =
            tree::explain(&each.diagnosis, each.plan.as_ref(), &shared, invocation, terminal.width(), &paint);
        if let Some(prediction) = &each.prediction {
            text.push_str(&prediction::if_deleted(prediction, invocation, terminal.width(), &paint));
        }
        text
    };
    let text = match (format, extent) {
        (Some(format), _) => document().render(format, true)?,
        (None, Some(_)) if explained.is_empty() => {
            terminal.note("No stuck namespaces found.");
            return Ok(());
        }
        (None, Some(extent)) => {
            if let Some(warning) = gaps(explained.iter().map(|each| &each.diagnosis)) {
                terminal.warn(&warning);
            }
            overview::of(explained, extent, invocation, terminal.width(), &paint)
        }
        (None, None) => {
            let above = tree::shared(&shared, invocation, terminal.width(), &paint);
            above.into_iter().chain(explained.iter().map(tree)).collect::<Vec<_>>().join("\n")
        }
    };
    terminal.data(&text)
}
