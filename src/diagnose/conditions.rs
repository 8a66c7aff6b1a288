//! Reading the namespace controller's conditions with the caution they need.
//!
//! They may be absent (the controller has not made its first pass, or does not run), late (a 409 on the
//! update is only logged), or wrong: since 1.33 they say "All content successfully removed" while any pod
//! remains (kubernetes#138208). Formats: kubernetes' pkg/controller/namespace/deletion/
//! status_condition_utils.go.

use crate::model::{Condition, Namespace, ResourceType};

const DISCOVERY: &str = "NamespaceDeletionDiscoveryFailure";
const PARSING: &str = "NamespaceDeletionGroupVersionParsingFailure";
const CONTENT: &str = "NamespaceDeletionContentFailure";
const REMAINING: &str = "NamespaceContentRemaining";
const FINALIZERS: &str = "NamespaceFinalizersRemaining";

/// Messages of the server that are safe to look for in free text, and what they mean.
const KNOWN_FAILURES: [(&str, &str); 7] = [
    ("conversion webhook for ", "a conversion webhook fails"),
    ("storage is (re)initializing", "a type's storage cannot be read"),
    ("failed calling webhook", "an admission webhook cannot be reached"),
    ("denied the request", "an admission webhook or policy refuses the deletion"),
    ("unexpected items still remain", "pods remain past their grace period"),
    ("unable to transform key", "an object in etcd cannot be decrypted"),
    ("is forbidden", "the controller may not delete some content"),
];

/// The conditions in which the namespace controller reports a failure.
pub fn failures(namespace: &Namespace) -> impl Iterator<Item = &Condition> {
    let conditions = namespace.conditions.iter();
    conditions.filter(|condition| {
        condition.status == "True" && [DISCOVERY, PARSING, CONTENT].contains(&condition.kind.as_str())
    })
}

/// How many caches of a type the controller found unfilled without being told which and why, as by 1.32 (since 1.33 a
/// colon follows, and the reason).
#[must_use]
pub fn nameless_caches(said: &str) -> usize {
    const WORDS: &str = "storage is (re)initializing";
    said.match_indices(WORDS).filter(|(at, _)| !said[at + WORDS.len()..].starts_with(':')).count()
}

/// How many errors the controller has met in content, by its own count.
pub(super) fn counted_errors(condition: &Condition) -> usize {
    let rest = condition.message.split_once("Failed to delete all resource types, ");
    let count = rest.and_then(|(_, rest)| rest.split_once(" remaining: ")?.0.parse().ok());
    count.unwrap_or(1)
}

/// The types that a message of failure names: as `example.com/v1, Kind=Widget`, by a key of etcd, as kubectl does, or in
/// `failed to read one or more secrets from the storage`.
#[must_use]
pub fn types_named<'a>(message: &str, types: &'a [ResourceType]) -> Vec<&'a ResourceType> {
    types.iter().filter(|ty| named_at(message, ty).is_some()).collect()
}

/// Of each type that a message names, what it says from there up to where it names another one.
pub(super) fn said_of_each<'m, 'a>(
    message: &'m str,
    types: &'a [ResourceType],
) -> Vec<(&'a ResourceType, &'m str)> {
    let mut named: Vec<(usize, &ResourceType)> =
        types.iter().filter_map(|ty| Some((named_at(message, ty)?, ty))).collect();
    named.sort_by_key(|(at, _)| *at);
    let ends: Vec<usize> = named.iter().skip(1).map(|(at, _)| *at).chain([message.len()]).collect();
    named.into_iter().zip(ends).map(|((at, ty), end)| (ty, &message[at..end])).collect()
}

fn named_at(message: &str, ty: &ResourceType) -> Option<usize> {
    let ResourceType { group, resource, kind, .. } = ty;
    let of_kind = message.match_indices(&format!(", Kind={kind}")).find(|(at, found)| {
        let ends = !message[at + found.len()..].starts_with(|next: char| next.is_ascii_alphanumeric());
        let before = message[..*at].rsplit(' ').next().unwrap_or_default();
        // The core group stands as `/v1` or `v1`.
        let of_group = before.rsplit_once('/').map_or("", |(of_group, _)| of_group);
        ends && of_group == group
    });
    let key = if group.is_empty() { format!("/{resource}/") } else { format!("/{group}/{resource}/") };
    of_kind
        .map(|(at, _)| at)
        // Words come first, then the key.
        .or_else(|| {
            message.find(&format!("/registry{key}")).map(|at| message[..at].rfind("unable to").unwrap_or(at))
        })
        .or_else(|| word_at(message, &format!("one or more {resource} from")).filter(|_| group.is_empty()))
        .or_else(|| (!group.is_empty()).then(|| word_at(message, &format!("{resource}.{group}")))?)
}

/// The types in `unexpected items still remain in namespace: N for gvr: GROUP/VERSION, Resource=RESOURCE`: they were
/// deleted, and are there all the same.
pub(super) fn items_remain(message: &str) -> Vec<String> {
    let found = message.split("unexpected items still remain in namespace: ").skip(1);
    found
        .map(|rest| {
            let group_version = rest.split_once("for gvr: ").and_then(|(_, rest)| rest.split(", ").next());
            let group = group_version.and_then(|text| text.rsplit_once('/')).map_or("", |(group, _)| group);
            let resource = rest.split_once("Resource=").map_or("", |(_, rest)| rest);
            let resource = resource.split([',', ' ']).next().unwrap_or_default();
            if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
        })
        .collect()
}

/// Where this stands in the text, if it is not a part of a longer name.
fn word_at(text: &str, word: &str) -> Option<usize> {
    let before = |next: char| next.is_ascii_alphanumeric() || next == '.' || next == '-' || next == '/';
    let after = |next: char| next.is_ascii_alphanumeric() || next == '-' || next == '/';
    let mut found = text.match_indices(word).map(|(at, _)| at);
    found.find(|at| !text[..*at].ends_with(before) && !text[at + word.len()..].starts_with(after))
}

/// The reason in few words. Never more certain than the conditions are.
#[must_use]
pub fn reason_from_conditions(namespace: &Namespace) -> String {
    if namespace.conditions.is_empty() {
        return "the namespace controller has not reported".to_owned();
    }
    let said = |kind| {
        namespace
            .condition(kind)
            .filter(|condition| condition.status == "True")
            .map(|condition| condition.message.as_str())
    };
    let mut reasons = Vec::new();
    if let Some(message) = said(DISCOVERY).or_else(|| said(PARSING)) {
        reasons.push(discovery_reason(message));
    }
    if let Some(message) = said(CONTENT) {
        reasons.push(content_reason(message));
    }
    match (said(FINALIZERS).map(finalizers_in), said(REMAINING).map(remaining_in)) {
        (Some(finalizers), _) if !finalizers.is_empty() => {
            let counted = finalizers.iter().map(|(finalizer, count)| format!("{finalizer} ({count})"));
            reasons.push(format!("held by {}", counted.collect::<Vec<_>>().join(", ")));
        }
        (_, Some(remaining)) if !remaining.is_empty() => {
            reasons.push(format!("content remains: {}", remaining.join(", ")));
        }
        _ => {}
    }
    if reasons.is_empty() {
        return "the controller reports nothing; pods may remain".to_owned();
    }
    reasons.join("; ")
}

/// The group versions named in a discovery message, as far as its two known wordings give them away.
fn discovery_reason(message: &str) -> String {
    const STALE: &str = "stale GroupVersion discovery: ";
    const UNAVAILABLE: &str = ": the server is currently unable to handle the request";
    let word = |text: &str| text.split([',', ' ']).next().unwrap_or_default().to_owned();
    let mut groups: Vec<String> = message.split(STALE).skip(1).map(word).collect();
    let before = message.split(UNAVAILABLE).map(|text| text.rsplit([',', ' ']).next().unwrap_or_default());
    let mentions = message.matches(UNAVAILABLE).count();
    groups.extend(before.take(mentions).map(str::to_owned));
    groups.retain(|group| group.contains('/'));
    groups.dedup();
    if groups.is_empty() {
        "API discovery fails".to_owned()
    } else {
        format!("API unavailable: {}", groups.join(", "))
    }
}

fn content_reason(message: &str) -> String {
    let known = KNOWN_FAILURES.iter().find(|(text, _)| message.contains(text));
    known.map_or("some content cannot be deleted", |(_, meaning)| meaning).to_owned()
}

/// `Some content in the namespace has finalizers remaining: a.com/x in 2 resource instances, …`
pub(super) fn finalizers_in(message: &str) -> Vec<(String, u64)> {
    let (_, list) = message.split_once(": ").unwrap_or_default();
    list.split(", ")
        .filter_map(|item| item.strip_suffix(" resource instances")?.rsplit_once(" in "))
        .filter_map(|(finalizer, count)| Some((finalizer.to_owned(), count.parse().ok()?)))
        .collect()
}

/// The finalizers that the controller counts on what is inside.
#[must_use]
pub fn finalizers_remaining(namespace: &Namespace) -> Vec<String> {
    let counted = remaining_finalizers(namespace).map(|condition| finalizers_in(&condition.message));
    counted.unwrap_or_default().into_iter().map(|(finalizer, _)| finalizer).collect()
}

/// The condition that counts finalizers on content, where it counts any.
pub(super) fn remaining_finalizers(namespace: &Namespace) -> Option<&Condition> {
    namespace.condition(FINALIZERS).filter(|condition| condition.status == "True")
}

/// How many objects the controller counted, where it says so. Objects under two groups count twice there, as
/// in events and events.k8s.io, or until 1.21 in ingresses and extensions; those are left out.
pub(super) fn counted_remaining(namespace: &Namespace) -> Option<u64> {
    let condition = namespace.condition(REMAINING).filter(|condition| condition.status == "True")?;
    let (_, list) = condition.message.split_once(": ")?;
    let again = |item: &&str| {
        ["events.events.k8s.io ", "ingresses.extensions "].iter().any(|of| item.starts_with(of))
    };
    let items = list.split(", ").filter(|item| !again(item));
    items
        .map(|item| item.strip_suffix(" resource instances")?.rsplit_once(" has ")?.1.parse::<u64>().ok())
        .sum()
}

/// `Some resources are remaining: pods. has 1 resource instances, …`
fn remaining_in(message: &str) -> Vec<String> {
    let (_, list) = message.split_once(": ").unwrap_or_default();
    list.split(", ")
        .filter_map(|item| item.strip_suffix(" resource instances")?.rsplit_once(" has "))
        .map(|(resource, count)| format!("{} ({count})", resource.trim_end_matches('.')))
        .collect()
}

/// The types of which the controller counts objects that remain, as kubectl names them: `pods`, `widgets.example.com`.
#[must_use]
pub fn remaining_types(namespace: &Namespace) -> Vec<String> {
    let condition = namespace.condition(REMAINING).filter(|condition| condition.status == "True");
    let list = condition.and_then(|condition| condition.message.split_once(": "));
    let items = list.into_iter().flat_map(|(_, list)| list.split(", "));
    items
        .filter_map(|item| item.strip_suffix(" resource instances")?.rsplit_once(" has "))
        .map(|(resource, _)| resource.trim_end_matches('.').to_owned())
        .collect()
}

/// The types that the controller could not delete because a conversion webhook fails: group and kind, and
/// what was said. `conversion webhook for example.com/v1, Kind=Widget failed: …`
#[must_use]
pub fn conversion_failures(message: &str) -> Vec<(String, String, String)> {
    let mut failures = Vec::new();
    for rest in message.split("conversion webhook for ").skip(1) {
        let Some((group_version, rest)) = rest.split_once(", Kind=") else { continue };
        let Some((kind, said)) = rest.split_once(' ') else { continue };
        let group = group_version.rsplit_once('/').map_or("", |(group, _)| group);
        failures.push((group.to_owned(), kind.to_owned(), format!("conversion webhook {said}")));
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reporting(conditions: &[(&str, &str, &str)]) -> String {
        let conditions = conditions.iter().map(|(kind, status, message)| Condition {
            kind: (*kind).to_owned(),
            status: (*status).to_owned(),
            reason: String::new(),
            message: (*message).to_owned(),
            last_transition: None,
        });
        reason_from_conditions(&Namespace {
            name: "rodrigo".to_owned(),
            uid: "u".to_owned(),
            resource_version: "1".to_owned(),
            created: None,
            deleted: None,
            labels: std::collections::BTreeMap::new(),
            annotations: std::collections::BTreeMap::new(),
            spec_finalizers: vec!["kubernetes".to_owned()],
            metadata_finalizers: Vec::new(),
            conditions: conditions.collect(),
            json: std::sync::Arc::default(),
        })
    }

    #[test]
    fn caches_without_a_name_are_counted() {
        let said = "Failed to delete all resource types, 3 remaining: storage is (re)initializing, storage is \
                    (re)initializing, storage is (re)initializing: failed to list *core.Secret: no";
        assert_eq!(nameless_caches(said), 2);
        assert_eq!(nameless_caches("storage is (re)initializing: failed to list *core.Secret: no"), 0);
    }

    #[test]
    fn absent_conditions_prove_nothing() {
        assert_eq!(reporting(&[]), "the namespace controller has not reported");
    }

    #[test]
    fn five_false_conditions_are_not_believed() {
        let message = "All content successfully removed";
        assert_eq!(
            reporting(&[(REMAINING, "False", message), (FINALIZERS, "False", "")]),
            "the controller reports nothing; pods may remain"
        );
    }

    #[test]
    fn finalizers_and_counts_are_taken_from_the_message() {
        let remaining = "Some resources are remaining: backups.example.com has 1 resource instances, \
                         configmaps. has 2 resource instances";
        let finalizers = "Some content in the namespace has finalizers remaining: \
                          backups.example.com/cleanup in 1 resource instances";
        assert_eq!(
            reporting(&[(REMAINING, "True", remaining), (FINALIZERS, "True", finalizers)]),
            "held by backups.example.com/cleanup (1)"
        );
        assert_eq!(
            reporting(&[(REMAINING, "True", remaining)]),
            "content remains: backups.example.com (1), configmaps (2)"
        );
    }

    #[test]
    fn a_dead_api_is_named_in_the_wording_of_old_and_new_controllers() {
        let new = "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of \
                   server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1";
        let old = "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of \
                   server APIs: metrics.k8s.io/v1beta1: the server is currently unable to handle the request";
        for message in [new, old] {
            assert_eq!(reporting(&[(DISCOVERY, "True", message)]), "API unavailable: metrics.k8s.io/v1beta1");
        }
    }

    #[test]
    fn free_text_is_never_taken_apart_further_than_it_can_be() {
        assert_eq!(reporting(&[(DISCOVERY, "True", "odd: text, with: commas")]), "API discovery fails");
        assert_eq!(
            reporting(&[(CONTENT, "True", "Internal error occurred: failed calling webhook \"w\": x")]),
            "an admission webhook cannot be reached"
        );
    }
}
