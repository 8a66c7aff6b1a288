//! What the namespace controller reports (`pkg/controller/namespace/deletion/status_condition_utils.go`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sandbox::crd::set_condition;

/// What one pass has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Groups and versions that could not be discovered.
    pub(crate) undiscovered: Vec<String>,
    /// Whether they were asked for one by one, and not found stale in the one document.
    pub(crate) asked_each: bool,
    /// What went wrong while deleting.
    pub(crate) errors: Vec<String>,
    /// Objects left, by `resource.group`.
    pub(crate) remaining: BTreeMap<String, usize>,
    /// Objects that hold a finalizer, by its name.
    pub(crate) finalizers: BTreeMap<String, usize>,
}

impl Findings {
    /// Writes all five conditions, in the real one's order.
    pub(crate) fn report(&self, namespace: &mut Value) {
        for (kind, good, bad) in [
            (
                "NamespaceDeletionDiscoveryFailure",
                ("ResourcesDiscovered", "All resources successfully discovered"),
                self.discovery(),
            ),
            (
                "NamespaceDeletionGroupVersionParsingFailure",
                ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
                None,
            ),
            (
                "NamespaceDeletionContentFailure",
                ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
                self.content_failure(),
            ),
            (
                "NamespaceContentRemaining",
                ("ContentRemoved", "All content successfully removed"),
                self.content(),
            ),
            (
                "NamespaceFinalizersRemaining",
                ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
                self.held(),
            ),
        ] {
            match bad {
                Some((reason, message)) => set_condition(namespace, kind, "True", reason, &message),
                None => set_condition(namespace, kind, "False", good.0, good.1),
            }
        }
    }

    fn discovery(&self) -> Option<(&'static str, String)> {
        if self.undiscovered.is_empty() {
            return None;
        }
        let mut failures: Vec<_> = self
            .undiscovered
            .iter()
            .map(|each| {
                if self.asked_each {
                    format!("{each}: the server is currently unable to handle the request")
                } else {
                    format!("{each}: stale GroupVersion discovery: {each}")
                }
            })
            .collect();
        failures.sort();
        let message = format!(
            "Discovery failed for some groups, {} failing: unable to retrieve the complete list of server APIs: {}",
            failures.len(),
            failures.join(", ")
        );
        Some(("DiscoveryFailed", message))
    }

    fn content_failure(&self) -> Option<(&'static str, String)> {
        if self.errors.is_empty() {
            return None;
        }
        let mut errors = self.errors.clone();
        errors.sort();
        let message =
            format!("Failed to delete all resource types, {} remaining: {}", errors.len(), errors.join(", "));
        Some(("ContentDeletionFailed", message))
    }

    fn content(&self) -> Option<(&'static str, String)> {
        let types: Vec<_> = self
            .remaining
            .iter()
            .map(|(each, count)| format!("{each} has {count} resource instances"))
            .collect();
        let message = format!("Some resources are remaining: {}", types.join(", "));
        (!types.is_empty()).then_some(("SomeResourcesRemain", message))
    }

    fn held(&self) -> Option<(&'static str, String)> {
        let held: Vec<_> = self
            .finalizers
            .iter()
            .map(|(each, count)| format!("{each} in {count} resource instances"))
            .collect();
        let message = format!("Some content in the namespace has finalizers remaining: {}", held.join(", "));
        (!held.is_empty()).then_some(("SomeFinalizersRemain", message))
    }
}
