//! Diagnoses with their plans, as text or as a document.

use super::document::{DiagnosisItem, Document};
use super::{DocumentFormat, Failure, Terminal, tree};
use crate::diagnose::Diagnosis;
use crate::plan::{Plan, Refusal};

/// A diagnosis, and the plan for it or the rule that forbids one.
#[derive(Debug)]
pub struct Explained {
    /// The diagnosis.
    pub diagnosis: Diagnosis,
    /// The plan.
    pub plan: Result<Plan, Refusal>,
}

/// Prints them in their format.
pub fn print(
    explained: &[Explained],
    format: Option<DocumentFormat>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let document = || {
        let items = explained
            .iter()
            .map(|each| DiagnosisItem::new(&each.diagnosis, each.plan.as_ref(), terminal.invocation()));
        Document::new(items.collect())
    };
    let tree = |each: &Explained| {
        tree::explain(&each.diagnosis, each.plan.as_ref(), terminal.invocation(), |style, text| {
            terminal.paint(style, text)
        })
    };
    let text = match format {
        Some(format) => document().render(format)?,
        None => explained.iter().map(tree).collect::<Vec<_>>().join("\n"),
    };
    Ok(terminal.data(&text)?)
}
