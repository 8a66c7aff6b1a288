//! What applies objects to the namespace from elsewhere, and would make them again.

use std::collections::BTreeSet;

use crate::model::{DeletionFacts, Facts};

/// Something that makes objects again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recreation {
    /// `Argo CD application argocd/shop`
    pub by: String,
    /// What it would do, and what to do about it, in one sentence.
    pub detail: String,
}

pub(super) fn recreations(facts: &Facts, deletion: &DeletionFacts) -> Vec<Recreation> {
    let name = &facts.namespace.name;
    let mut found: BTreeSet<Recreation> = BTreeSet::new();
    for application in deletion.of_cluster.applications.get(name).into_iter().flatten() {
        let makes = match (application.automated, application.creates_namespace) {
            (true, true) => "makes the namespace and its objects again by itself",
            (true, false) => "makes its objects again by itself as soon as the namespace is back",
            (false, _) => "makes its objects again at the next sync",
        };
        found.insert(Recreation {
            by: application.title.clone(),
            detail: format!("{makes}: delete it first, or take the namespace out of what it applies"),
        });
    }
    let samples = facts.inventory.types.iter().flat_map(|of_type| &of_type.sample);
    let labels = samples.map(|leftover| &leftover.labels).chain([&facts.namespace.labels]);
    for labels in labels {
        let get = |key: &str| labels.get(key).filter(|value| !value.is_empty());
        for (kind, group) in [("Kustomization", "kustomize"), ("HelmRelease", "helm")] {
            let of = |what: &str| get(&format!("{group}.toolkit.fluxcd.io/{what}"));
            if let (Some(name), Some(home)) = (of("name"), of("namespace")) {
                found.insert(Recreation {
                    by: format!("Flux {kind} {home}/{name}"),
                    detail: "makes its objects again: suspend or delete it first".to_owned(),
                });
            }
        }
        if let (Some(owner), Some(home)) = (get("olm.owner"), get("olm.owner.namespace")) {
            found.insert(Recreation {
                by: format!("OLM {} {home}/{owner}", get("olm.owner.kind").map_or("owner", String::as_str)),
                detail:
                    "makes its objects again: delete the Subscription and the ClusterServiceVersion first"
                        .to_owned(),
            });
        }
        if get("owner").is_some_and(|owner| owner == "helm")
            && get("status").is_some_and(|is| is == "deployed")
            && let Some(release) = get("name")
        {
            found.insert(Recreation {
                by: format!("Helm release {release}"),
                detail: "does not come back by itself; `helm uninstall` also removes what it made outside of the \
                         namespace (webhooks, ClusterRoles), which the deletion of the namespace leaves behind"
                    .to_owned(),
            });
        }
    }
    found.into_iter().collect()
}
