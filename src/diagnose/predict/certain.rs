//! What is wrong now and would hold the namespace.

use super::owner;
use crate::diagnose::causes::{before_deletion, conversion_trouble, of_own_finalizers};
use crate::diagnose::{Cause, CauseKind, Intercepted, sees};
use crate::model::{
    AdmissionAttributes, AdmissionHook, AdmissionHookKind, DeletionFacts, Facts, ResourceType, ShellCommand,
};

pub(super) fn causes(facts: &Facts, deletion: &DeletionFacts) -> Vec<Cause> {
    let mut causes = before_deletion(facts);
    if facts.namespace.has_kubernetes_finalizer() {
        causes.extend(conversions_out_of_sight(facts, deletion));
    }
    causes.extend(guards_that_are_dead(facts));
    let own = of_own_finalizers(facts);
    causes.extend(own.into_iter().filter_map(|cause| own_finalizer(facts, deletion, cause)));
    causes.extend(disarmed(facts));
    let mut seen = Vec::new();
    causes.retain(|cause| {
        let key = (cause.kind, cause.subject.clone());
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
    causes.sort_by_key(|cause| cause.kind);
    causes
}

/// A finalizer of the namespace itself, unless its owner is there to take it off.
fn own_finalizer(facts: &Facts, deletion: &DeletionFacts, cause: Cause) -> Option<Cause> {
    let traces = deletion.of_cluster.namespace_owners.get(&cause.subject);
    let Some(traces) = traces else { return Some(cause) };
    if owner::runs_elsewhere(traces, &facts.namespace.name, facts.now) {
        return None;
    }
    let seen = crate::diagnose::owners::describe_traces(traces, None, &facts.namespace.name, facts.now);
    Some(cause.evidence(seen))
}

/// The server fills its cache of a type from all namespaces, and the namespace controller deletes through it: an
/// object anywhere that cannot be converted keeps it from deleting in every namespace.
fn conversions_out_of_sight(facts: &Facts, deletion: &DeletionFacts) -> Vec<Cause> {
    let crds = deletion.of_cluster.converted_crds.iter();
    let failing = crds.filter_map(|crd| Some((crd, crd.failure.as_ref()?)));
    failing
        .filter(|(crd, _)| !facts.extensions.conversions.contains_key(&crd.name))
        .map(|(crd, failure)| {
            let backend =
                crd.service.as_ref().and_then(|service| facts.extensions.backends.get_key_value(service));
            let webhook = crd.service.as_ref().map_or_else(
                || "the conversion webhook".to_owned(),
                |service| format!("service {service}, the conversion webhook,"),
            );
            let dead = backend.is_some_and(|(_, backend)| backend.is_dead());
            let (why, remedy) = conversion_trouble(failure, &webhook, dead);
            Cause::new(
                CauseKind::FailingConversionWebhook,
                crd.name.clone(),
                format!("{} cannot be converted: {why}", crd.name),
            )
            .evidence([failure.clone()])
            .evidence(backend.map(|(service, backend)| backend.describe(service)))
            .remedy(remedy)
            .command(
                ShellCommand::kubectl(["get", "crd", "-o", "jsonpath={.spec.conversion}"]).names([&crd.name]),
            )
        })
        .collect()
}

/// A webhook that sees the deletion of the namespace itself, and cannot be called.
fn guards_that_are_dead(facts: &Facts) -> Vec<Cause> {
    let hooks = facts.extensions.admission_hooks.iter();
    let guards = hooks.filter(|hook| sees_deletion_of_namespace(hook, facts));
    guards
        .filter_map(|hook| {
            let service = hook.service.as_ref()?;
            let backend = facts.extensions.backends.get(service)?;
            let certain = backend.is_dead() && hook.fails_closed && !hook.has_conditions;
            certain.then(|| {
                let AdmissionHook { kind, configuration, name, .. } = hook;
                Cause::new(
                    CauseKind::FailingAdmissionWebhook,
                    format!("{}/{configuration}", kind.resource()),
                    format!("webhook {name} has nothing behind it, which refuses the deletion of the namespace"),
                )
                .evidence([backend.describe(service)])
                .remedy(format!(
                    "bring service {service} back; or, if what it guarded is gone for good, delete the webhook \
                     configuration"
                ))
                .command(ShellCommand::kubectl(["delete", kind.resource()]).names([configuration]))
            })
        })
        .collect()
}

/// Whether admission would consult it about the deletion of the namespace.
#[must_use]
pub fn sees_deletion_of_namespace(hook: &AdmissionHook, facts: &Facts) -> bool {
    let labels = &facts.namespace.labels;
    hook.intercepts(&AdmissionAttributes {
        operation: "DELETE",
        group: "",
        version: "v1",
        resource: "namespaces",
        subresource: "",
        namespaced: false,
        name: &facts.namespace.name,
        namespace_labels: labels,
        object_labels: labels,
    })
}

/// Whether a deletion that could not be rehearsed may be refused: a webhook or policy sees it whose answer is not known.
pub(super) fn rehearsal_matters(facts: &Facts, resource: &str) -> bool {
    // What another server serves passes no admission of this one.
    let of_another = |ty: &ResourceType| {
        let mut services = facts.extensions.api_services.iter();
        services.any(|service| service.group == ty.group && service.version == ty.version)
    };
    let mut types = facts.inventory.types.iter().map(|of_type| &of_type.resource);
    if types.any(|ty| ty.to_string() == resource && of_another(ty)) {
        return false;
    }
    let may_refuse = |hook: &&AdmissionHook| match hook.kind {
        AdmissionHookKind::ValidatingPolicy | AdmissionHookKind::MutatingPolicy => true,
        // One that fails open may still say no.
        AdmissionHookKind::ValidatingWebhook | AdmissionHookKind::MutatingWebhook => {
            let dead = hook.service.as_ref().and_then(|service| facts.extensions.backends.get(service));
            !dead.is_some_and(crate::model::Backend::is_dead) || hook.has_conditions
        }
    };
    facts.extensions.admission_hooks.iter().filter(may_refuse).any(|hook| match resource {
        "namespaces" => sees_deletion_of_namespace(hook, facts),
        _ => sees(hook, &facts.namespace, &facts.inventory).iter().any(
            |seen| matches!(seen, Intercepted::Delete(of_type) if of_type.resource.to_string() == resource),
        ),
    })
}

/// Active without a finalizer: a deletion would make a zombie of it.
fn disarmed(facts: &Facts) -> Option<Cause> {
    let namespace = &facts.namespace;
    if !namespace.spec_finalizers.is_empty() || !namespace.metadata_finalizers.is_empty() {
        return None;
    }
    Some(
        Cause::new(CauseKind::Zombie, namespace.name.clone(), "no finalizer left; nothing will remove it")
            .evidence([
                "it has lost its \"kubernetes\" finalizer while it is Active: the controller would take it for done, \
                 and leave its content behind"
                    .to_owned(),
            ])
            .remedy("rearm it before it is deleted: give it its \"kubernetes\" finalizer back"),
    )
}
