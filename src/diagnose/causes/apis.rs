//! APIs that do not answer, and a controller that does not report.

use std::collections::BTreeSet;

use super::words::call_trouble_of_conversion;
use crate::diagnose::conditions::items_remain;
use crate::diagnose::owners::describe_lease;
use crate::diagnose::{Cause, CauseKind, PATIENCE, age, failures};
use crate::model::{ApiService, Conversion, Facts, Gap, ShellCommand, Unreadable};

/// An aggregated API that is not available blocks every namespace, whatever it serves.
pub(super) fn unavailable_apis(facts: &Facts) -> Vec<Cause> {
    let services = facts.extensions.api_services.iter();
    let dead: Vec<&ApiService> = services.filter(|service| service.available == Some(false)).collect();
    let mut causes: Vec<Cause> = dead.iter().map(|service| dead_api(facts, service)).collect();
    // Discovery that fails without an APIService that admits to it.
    for gap in whole_group_versions(facts) {
        let known = dead.iter().any(|service| service.group == gap.group && service.version == gap.version);
        if !known && gap.why != Unreadable::Forbidden {
            let name = format!("{}.{}", gap.version, gap.group);
            causes.push(
                Cause::new(
                    CauseKind::UnavailableApi,
                    name.clone(),
                    format!("API {gap} cannot be discovered"),
                )
                .evidence([format!("asking for {gap} was answered: {}", gap.detail)])
                .evidence(stateless(gap))
                .remedy("bring its Service back, or delete the APIService if it is not needed")
                .command(ShellCommand::kubectl(["get", "apiservice", "-o", "yaml"]).names([name])),
            );
        }
    }
    let living = facts.extensions.api_services.iter().filter(|service| service.available != Some(false));
    causes.extend(living.filter_map(|service| unlistable_api(facts, service)));
    causes.extend(undeletable_apis(facts));
    causes
}

/// Objects of an aggregated API that the controller has deleted and that are there all the same: who answers for it
/// does not delete, or refuses to.
fn undeletable_apis(facts: &Facts) -> Vec<Cause> {
    let messages = failures(&facts.namespace).map(|condition| condition.message.as_str());
    let remain: BTreeSet<String> = messages.flat_map(items_remain).collect();
    if remain.is_empty() {
        return Vec::new();
    }
    let types = facts.extensions.types.iter().filter(|ty| remain.contains(&ty.to_string()));
    let served = types.filter_map(|ty| {
        let services = &facts.extensions.api_services;
        let service = services.iter().find(|each| each.group == ty.group && each.version == ty.version)?;
        Some((ty, service))
    });
    served
        .map(|(ty, ApiService { name, service: behind, .. })| {
            Cause::new(
                CauseKind::UnavailableApi,
                name.clone(),
                format!("{ty} are deleted, and are there all the same: their API does not delete them"),
            )
            .evidence([format!("APIService {name} is served by service {behind}")])
            .remedy(format!(
                "see why who answers behind service {behind} does not delete; or, if nobody needs this API any \
                 more, delete the APIService"
            ))
            .command(ShellCommand::kubectl(["get", "apiservice", "-o", "yaml"]).names([name]))
        })
        .collect()
}

/// That nothing can be abandoned in it.
fn stateless(gap: &Gap) -> Option<String> {
    gap.holds_nothing().then(|| {
        "this API stores nothing of its own: nothing can be abandoned in it, and clear may go on".to_owned()
    })
}

/// An API that is discovered, and whose lists fail: the controller cannot tell whether anything of it is inside.
fn unlistable_api(facts: &Facts, service: &ApiService) -> Option<Cause> {
    let gaps = facts.inventory.coverage.gaps.iter();
    let failed: Vec<&Gap> =
        gaps.filter(|gap| service.serves(gap) && gap.why != Unreadable::Forbidden).collect();
    let ApiService { name, group, version, service: behind, .. } = service;
    let first = failed.first()?;
    let mut evidence = vec![format!("APIService {name} is served by service {behind}")];
    evidence.extend(failed.iter().map(|gap| format!("listing {gap} was answered: {}", gap.detail)));
    if failed.iter().any(|gap| gap.detail.contains("is forbidden")) {
        evidence.push(
            "this account may list it: who answers behind the API refuses, not the API server".to_owned(),
        );
    }
    evidence.extend(stateless(first));
    evidence.extend(facts.extensions.backends.get(behind).map(|backend| backend.describe(behind)));
    Some(
        Cause::new(
            CauseKind::UnavailableApi,
            name.clone(),
            format!("API {group}/{version} is discovered, but its lists fail ({})", first.why),
        )
        .evidence(evidence)
        .remedy(format!(
            "see what is wrong with who answers behind service {behind}; or, if nobody needs this API any more, \
             delete the APIService: that unblocks every namespace at once"
        ))
        .command(ShellCommand::kubectl(["get", "apiservice", "-o", "yaml"]).names([name])),
    )
}

fn whole_group_versions(facts: &Facts) -> impl Iterator<Item = &Gap> {
    let gaps = facts.inventory.coverage.gaps.iter();
    gaps.filter(|gap| gap.resource.is_none() && !gap.version.is_empty())
}

fn dead_api(facts: &Facts, service: &ApiService) -> Cause {
    let ApiService { name, group, version, service: behind, reason, message, .. } = service;
    let mut evidence = vec![format!("APIService {name} has Available=False ({reason}): {message}")];
    if let Some(backend) = facts.extensions.backends.get(behind) {
        evidence.push(backend.describe(behind));
    }
    if let Some(gap) = whole_group_versions(facts).find(|gap| gap.group == *group && gap.version == *version)
    {
        evidence.push(format!("asking for {gap} was answered: {}", gap.detail));
        evidence.extend(stateless(gap));
    }
    Cause::new(
        CauseKind::UnavailableApi,
        name.clone(),
        format!("API {group}/{version} is unavailable ({reason})"),
    )
    .evidence(evidence)
    .remedy(format!(
        "bring service {behind} back; or, if nobody needs this API any more, delete the APIService: \
             that unblocks every namespace at once"
    ))
    .command(ShellCommand::kubectl(["delete", "apiservice"]).names([name]))
}

/// Custom resources that cannot be converted. The controller fails over them in every namespace: the watch
/// cache of such a type does not fill, and its lists fail wherever the objects are.
pub(super) fn failing_conversions(facts: &Facts) -> Vec<Cause> {
    let concerned = |crd: &str| {
        facts.namespace.has_kubernetes_finalizer()
            || facts.inventory.types.iter().any(|of_type| of_type.resource.to_string() == crd)
            || facts.inventory.coverage.gaps.iter().any(|gap| gap.to_string() == crd)
    };
    let conversions = facts.extensions.conversions.iter().filter(|(crd, _)| concerned(crd));
    conversions.map(|(crd, conversion)| failing_conversion(facts, crd, conversion)).collect()
}

fn failing_conversion(facts: &Facts, crd: &str, conversion: &Conversion) -> Cause {
    let mut evidence = vec![conversion.message.clone()];
    let backend =
        conversion.service.as_ref().and_then(|service| facts.extensions.backends.get_key_value(service));
    evidence.extend(backend.map(|(service, backend)| backend.describe(service)));
    evidence.push(match &conversion.read_as {
        Some(version) => format!("they were read as {version}, the version in which they are stored"),
        None => "they cannot be read without the webhook in any version that is served".to_owned(),
    });
    let webhook = conversion.service.as_ref().map_or_else(
        || "the conversion webhook".to_owned(),
        |service| format!("service {service}, the conversion webhook,"),
    );
    let dead = backend.is_some_and(|(_, backend)| backend.is_dead());
    let (why, remedy) = conversion_trouble(&conversion.message, &webhook, dead);
    Cause::new(CauseKind::FailingConversionWebhook, crd, format!("{crd} cannot be converted: {why}"))
        .evidence(evidence)
        // Also in the version they are stored in: what a deletion writes, it writes in today's.
        .remedy(remedy)
        .command(ShellCommand::kubectl(["get", "crd", "-o", "jsonpath={.spec.conversion}"]).names([crd]))
}

/// Why a webhook does not convert, by what the server says of it, and what helps.
pub(in crate::diagnose) fn conversion_trouble(message: &str, webhook: &str, dead: bool) -> (String, String) {
    match call_trouble_of_conversion(message) {
        None if !dead => (
            "its webhook was asked and does not convert them".to_owned(),
            format!(
                "see why {webhook} does not convert these objects (its own words are above), and mend it or them; \
                 without it the objects cannot even be deleted"
            ),
        ),
        trouble => (
            // What is dead need not be described further.
            trouble.filter(|_| !dead).map_or_else(
                || "its webhook does not answer".to_owned(),
                |trouble| format!("its webhook does not answer ({trouble})"),
            ),
            format!("bring {webhook} back; without it the objects cannot even be deleted"),
        ),
    }
}

/// A CRD that is being deleted waits for the same objects as the namespace.
pub(super) fn terminating_crds(facts: &Facts) -> Vec<Cause> {
    let types = facts.inventory.types.iter();
    types
        .filter(|of_type| facts.extensions.terminating_crds.contains(&of_type.resource.to_string()))
        .map(|of_type| {
            let crd = of_type.resource.to_string();
            Cause::new(CauseKind::TerminatingCrd, crd.clone(), format!("CRD {crd} is being deleted too"))
                .evidence([format!(
                    "{} {} in this namespace",
                    of_type,
                    if of_type.total() == 1 { "remains" } else { "remain" }
                )])
                .remedy("the CRD and the namespace wait for the same objects: release those, and both go")
        })
        .collect()
}

/// A controller that is at work on many namespaces, or on requests that hang, may take this long for one pass.
const BUSY: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// No conditions after all that time. One that renews its lease is alive, and `others` may be what it works on.
pub(super) fn controller_silent(facts: &Facts, others: bool) -> Option<Cause> {
    let age = age(&facts.namespace, facts.now)?;
    if !facts.namespace.conditions.is_empty() || age < PATIENCE {
        return None;
    }
    let alive = facts.extensions.controller_lease.as_ref().is_some_and(|lease| {
        let limit = lease.duration_seconds.max(60);
        lease.renewed.is_some_and(|renewed| facts.now.duration_since(renewed).as_secs() <= limit)
    });
    if alive && others && age < BUSY {
        return None;
    }
    let lease = facts.extensions.controller_lease.as_ref();
    let seen = lease.map_or_else(
        || "no lease kube-system/kube-controller-manager was found; it may run without one".to_owned(),
        |lease| format!("kube-controller-manager: {}", describe_lease(lease, facts.now)),
    );
    Some(
        Cause::new(
            CauseKind::ControllerSilent,
            "kube-controller-manager",
            "the namespace controller has not reported",
        )
        .evidence([
            "the namespace has no conditions, which its first pass would have written".to_owned(),
            seen,
        ])
        .remedy(if alive {
            "kube-controller-manager is alive: see in its log what the namespace controller waits for"
        } else {
            "see that kube-controller-manager runs and can reach the API server; it would do all the rest"
        })
        .command(ShellCommand::kubectl([
            "get",
            "lease",
            "-n",
            "kube-system",
            "kube-controller-manager",
            "-o",
            "yaml",
        ])),
    )
}
