//! APIs that do not answer, and a controller that does not report.

use crate::diagnose::owners::describe_lease;
use crate::diagnose::{Cause, CauseKind, PATIENCE, age};
use crate::model::{ApiService, Facts, Gap, ShellCommand, Unreadable};

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
                .remedy("bring back who answers for it, or delete the APIService if nobody needs it")
                .command(ShellCommand::kubectl(["get", "apiservice", "-o", "yaml"]).names([name])),
            );
        }
    }
    let living = facts.extensions.api_services.iter().filter(|service| service.available != Some(false));
    causes.extend(living.filter_map(|service| unlistable_api(facts, service)));
    causes
}

/// An API that is discovered, and whose lists fail: the controller cannot tell whether anything of it is inside.
fn unlistable_api(facts: &Facts, service: &ApiService) -> Option<Cause> {
    let gaps = facts.inventory.coverage.gaps.iter();
    let failed: Vec<&Gap> =
        gaps.filter(|gap| service.serves(gap) && gap.why != Unreadable::Forbidden).collect();
    let ApiService { name, group, version, service: behind, .. } = service;
    let first = failed.first()?;
    let mut evidence = vec![format!("APIService {name} is served by service {behind}")];
    evidence
        .extend(failed.iter().map(|gap| format!("listing {gap} was answered: {}", super::cut(&gap.detail))));
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
    }
    Cause::new(CauseKind::UnavailableApi, name.clone(), format!("API {group}/{version} is dead ({reason})"))
        .evidence(evidence)
        .remedy(format!(
            "bring service {behind} back; or, if nobody needs this API any more, delete the APIService: \
             that unblocks every namespace at once"
        ))
        .command(ShellCommand::kubectl(["delete", "apiservice"]).names([name]))
}

/// Custom resources that cannot be converted. The controller stumbles over them in every namespace: the watch
/// cache of such a type does not fill, and its lists fail wherever the objects are.
pub(super) fn failing_conversions(facts: &Facts) -> Vec<Cause> {
    let concerned = |crd: &str| {
        facts.namespace.has_kubernetes_finalizer()
            || facts.inventory.types.iter().any(|of_type| of_type.resource.to_string() == crd)
            || facts.inventory.coverage.gaps.iter().any(|gap| gap.to_string() == crd)
    };
    let conversions = facts.extensions.conversions.iter().filter(|(crd, _)| concerned(crd));
    conversions
        .map(|(crd, conversion)| {
            let mut evidence = vec![conversion.message.clone()];
            if let Some(service) = &conversion.service
                && let Some(backend) = facts.extensions.backends.get(service)
            {
                evidence.push(backend.describe(service));
            }
            evidence.push(match &conversion.read_as {
                Some(version) => format!("they were read as {version}, the version in which they are stored"),
                None => "they cannot be read without the webhook in any version that is served".to_owned(),
            });
            let webhook = conversion.service.as_ref().map_or_else(
                || "the conversion webhook".to_owned(),
                |service| format!("service {service}, the conversion webhook,"),
            );
            Cause::new(
                CauseKind::FailingConversionWebhook,
                crd.clone(),
                format!("{crd} cannot be converted: its webhook does not answer"),
            )
            .evidence(evidence)
            // Also in the version they are stored in: what a deletion writes, it writes in today's.
            .remedy(format!("bring {webhook} back; without it the objects cannot even be deleted"))
            .command(ShellCommand::kubectl(["get", "crd", "-o", "jsonpath={.spec.conversion}"]).names([crd]))
        })
        .collect()
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

/// No conditions after all that time.
pub(super) fn controller_silent(facts: &Facts) -> Option<Cause> {
    let waited = age(&facts.namespace, facts.now).is_some_and(|age| age >= PATIENCE);
    if !facts.namespace.conditions.is_empty() || !waited {
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
        .remedy(
            "see that kube-controller-manager runs and can reach the API server; it would do all the rest",
        )
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
