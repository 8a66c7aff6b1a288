//! Stored objects that the server cannot decode, decrypt or convert.

use super::failures;
use crate::diagnose::{Cause, CauseKind};
use crate::model::Facts;

/// What the storage layer says (apiserver's pkg/storage/etcd3 and pkg/storage/value, apiextensions-apiserver's
/// pkg/apiserver/conversion, apimachinery's pkg/runtime/error.go).
const UNREADABLE: [&str; 8] = [
    "unable to transform key",
    "StoreReadError",
    "failed to read one or more",
    "from an invalid group/version",
    "is registered for version",
    "identity transformer tried to read encrypted data",
    "no matching prefix found",
    "unable to decrypt",
];

/// Whether the server says that it cannot read what is stored.
pub(super) fn is_unreadable(said: &str) -> bool {
    UNREADABLE.iter().any(|words| said.contains(words))
}

/// One cause for each type, and one for what the controller alone has met.
pub(super) fn unreadable_objects(facts: &Facts) -> Vec<Cause> {
    let gaps = facts.inventory.coverage.gaps.iter().filter(|gap| is_unreadable(&gap.detail));
    let mut causes: Vec<Cause> = Vec::new();
    for gap in gaps {
        causes.push(
            cause(facts, &gap.to_string(), &gap.detail)
                .evidence([format!("listing {gap} was answered: {}", super::cut(&gap.detail))]),
        );
    }
    if !causes.is_empty() {
        return causes;
    }
    let conditions = failures(&facts.namespace).filter(|condition| is_unreadable(&condition.message));
    let dry_runs = facts.dry_runs.iter().filter_map(|dry_run| Some((dry_run, dry_run.outcome.said()?)));
    causes.extend(conditions.map(|condition| {
        let subject = keys(&condition.message).first().map_or("objects", |key| key.resource).to_owned();
        cause(facts, &subject, &condition.message)
            .evidence([format!("the namespace controller says: {}", condition.message)])
    }));
    causes.extend(dry_runs.filter(|(_, said)| is_unreadable(said)).map(|(dry_run, said)| {
        cause(facts, &dry_run.resource, said).evidence([format!("dry run of {}: {said}", dry_run.request)])
    }));
    causes.dedup_by(|a, b| a.subject == b.subject);
    causes
}

fn cause(facts: &Facts, subject: &str, said: &str) -> Cause {
    let keys = keys(said);
    let named = keys.first().map(|key| {
        let elsewhere = if key.namespace == facts.namespace.name { "" } else { ", elsewhere" };
        format!(" ({} in namespace {}{elsewhere})", key.name, key.namespace)
    });
    let is_version = said.contains("group/version") || said.contains("is registered for version");
    let (why, mend) = if is_version {
        (
            "stored in a version that is gone",
            "bring that version back into the CRD's list of versions, with `served: false`",
        )
    } else {
        (
            "they cannot be decrypted or decoded",
            "bring the key back into the API server's encryption configuration",
        )
    };
    let name = keys.first().map_or("NAME", |key| key.name);
    let place = keys.first().map_or("NAMESPACE", |key| key.namespace);
    Cause::new(
        CauseKind::UnreadableObjects,
        subject,
        format!("{subject} cannot be read{}: {why}", named.unwrap_or_default()),
    )
    .evidence(keys.iter().map(|key| {
        format!("{} {} in namespace {} cannot be read; it holds that namespace", key.resource, key.name, key.namespace)
    }))
    .remedy(format!(
        "{mend}; if that cannot be had, the API server's feature AllowUnsafeMalformedObjectDeletion lets {name} in \
         namespace {place} be deleted unread, with the delete option \
         ignoreStoreReadErrorWithClusterBreakingPotential: finalizers are ignored then, and what they protect stays \
         behind"
    ))
}

/// An object by its key in etcd.
struct Key<'a> {
    resource: &'a str,
    namespace: &'a str,
    name: &'a str,
}

/// `key "/registry/secrets/NAMESPACE/NAME"`; with the group before the type for custom resources.
fn keys(said: &str) -> Vec<Key<'_>> {
    let quoted = said.split("key \"").skip(1).filter_map(|rest| rest.split('"').next());
    quoted
        .filter_map(|key| {
            let mut parts = key.rsplit('/');
            let (name, namespace, resource) = (parts.next()?, parts.next()?, parts.next()?);
            (!resource.is_empty() && resource != "registry").then_some(Key { resource, namespace, name })
        })
        .collect()
}
