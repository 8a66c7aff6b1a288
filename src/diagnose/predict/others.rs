//! What other namespaces need of this one: APIs, webhooks and conversions that are served from it.

use crate::diagnose::{Cause, CauseKind};
use crate::model::{
    AdmissionHook, AdmissionRule, ApiService, ConvertedCrd, DeletionFacts, Facts, ShellCommand,
};

pub(super) fn causes(facts: &Facts, deletion: &DeletionFacts) -> Vec<Cause> {
    let here = &facts.namespace.name;
    let apis = facts.extensions.api_services.iter().filter(|api| api.service.namespace == *here);
    let hooks = facts.extensions.admission_hooks.iter();
    let served_here =
        |hook: &&AdmissionHook| hook.service.as_ref().is_some_and(|service| service.namespace == *here);
    let hooks = hooks.filter(served_here).filter(|hook| hook.fails_closed && !is_of_here_alone(hook, here));
    let crds = deletion.of_cluster.converted_crds.iter();
    let crds = crds.filter_map(|crd| Some((crd, crd.service.as_ref()?)));
    let crds = crds.filter(|(_, service)| service.namespace == *here);
    let mut causes: Vec<Cause> = apis.map(api).collect();
    causes.extend(crds.map(|(crd, service)| conversion(crd, service)));
    let mut hooks: Vec<Cause> = hooks.map(|hook| webhook(facts, hook)).collect();
    // Several webhooks of one configuration are one thing to mend.
    hooks.dedup_by(|next, first| {
        let same = next.subject == first.subject;
        if same {
            first.evidence.append(&mut next.evidence);
        }
        same
    });
    causes.extend(hooks);
    causes.sort_by_key(|cause| cause.kind);
    causes
}

fn api(api: &ApiService) -> Cause {
    let ApiService { name, group, version, service, .. } = api;
    Cause::new(
        CauseKind::UnavailableApi,
        name.clone(),
        format!(
            "API {group}/{version} would be unavailable, and no namespace of the cluster could be deleted, this one included"
        ),
    )
    .evidence([format!("APIService {name} is served by service {service}, which would be deleted")])
    .remedy("delete the APIService before the namespace, or serve it from elsewhere")
    .command(served_by(&["apiservice", name], "{.spec.service.namespace}", &service.namespace).and(
        ShellCommand::kubectl(["delete", "apiservice"]).names([name]),
    ))
}

fn conversion(crd: &ConvertedCrd, service: &crate::model::ServiceRef) -> Cause {
    let name = &crd.name;
    Cause::new(
        CauseKind::FailingConversionWebhook,
        name.clone(),
        format!("{name} could not be converted: its objects could be neither read nor deleted, in any namespace"),
    )
    .evidence([format!("CRD {name} converts through service {service}, which would be deleted")])
    .remedy(
        "serve the conversion from elsewhere; or, if nobody needs the type any more, delete all of its objects and \
         then the CRD, before the namespace",
    )
    .command(ShellCommand::kubectl(["get", "crd", "-o", "jsonpath={.spec.conversion}"]).names([name]))
}

fn webhook(facts: &Facts, hook: &AdmissionHook) -> Cause {
    let AdmissionHook { kind, configuration, name, service, rules, .. } = hook;
    let service = service.as_ref().map(ToString::to_string).unwrap_or_default();
    let what = rules.iter().map(words).collect::<Vec<_>>().join("; ");
    Cause::new(
        CauseKind::FailingAdmissionWebhook,
        format!("{}/{configuration}", kind.resource()),
        format!("webhook {name} would have nothing behind it, which refuses {what}"),
    )
    .evidence([format!(
        "webhook {name} fails closed, and is served by service {service}, which would be deleted"
    )])
    .remedy("delete the webhook configuration before the namespace, or serve it from elsewhere")
    .command_if(deletion_of(facts, hook))
}

/// Deletes a webhook configuration while all of it is served from this namespace; `None` where it holds webhooks that
/// somebody else answers.
pub(super) fn deletion_of(facts: &Facts, hook: &AdmissionHook) -> Option<ShellCommand> {
    let here = &facts.namespace.name;
    let AdmissionHook { kind, configuration, .. } = hook;
    let mut beside = facts
        .extensions
        .admission_hooks
        .iter()
        .filter(|other| other.kind == *kind && other.configuration == *configuration);
    let all = beside.all(|other| other.service.as_ref().is_some_and(|service| service.namespace == *here));
    let path = "jsonpath={.webhooks[*].clientConfig.service.namespace}";
    let still = ShellCommand::kubectl(["get", kind.resource(), "-o", path])
        .names([configuration])
        .pipe(ShellCommand::other(["grep", "-qxE", &format!("{here}( {here})*")]));
    all.then(|| still.and(ShellCommand::kubectl(["delete", kind.resource()]).names([configuration])))
}

/// `CREATE, UPDATE of pods, deployments.apps`
fn words(rule: &AdmissionRule) -> String {
    const NAMED: usize = 3;
    let any = |list: &[String], all: &str| match list.len().saturating_sub(NAMED) {
        _ if list.iter().any(|each| each == "*" || each == "*/*") => all.to_owned(),
        0 => list.join(", "),
        more => {
            format!("{} and {more} more", list[..NAMED].join(", "))
        }
    };
    let operations = any(&rule.operations, "every request");
    let of = any(&rule.resources, "every type");
    let groups: Vec<&str> =
        rule.groups.iter().map(String::as_str).filter(|group| !group.is_empty() && *group != "*").collect();
    let groups = if groups.is_empty() { String::new() } else { format!(" ({})", groups.join(", ")) };
    format!("{operations} of {of}{groups}")
}

/// Whether it only ever sees this one namespace.
fn is_of_here_alone(hook: &AdmissionHook, here: &str) -> bool {
    let labels = hook.namespace_selector.match_labels.as_ref();
    labels.and_then(|labels| labels.get("kubernetes.io/metadata.name")).is_some_and(|name| name == here)
}

/// Succeeds only while this is still served from the namespace.
fn served_by(what: &[&str], path: &str, namespace: &str) -> ShellCommand {
    let get = ["get", what[0], "-o", &format!("jsonpath={path}")].map(str::to_owned);
    ShellCommand::kubectl(get)
        .names(what[1..].iter().copied())
        .pipe(ShellCommand::other(["grep", "-qx", namespace]))
}
