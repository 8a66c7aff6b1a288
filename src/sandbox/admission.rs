//! Admission: `NamespaceLifecycle`, webhooks (which never answer here), and validating policies.

use serde_json::{Value, json};

use super::crd::call_failure;
use super::failure::Failure;
use super::meta;
use super::selector::selects;
use super::store::Store;
use super::types::ResourceType;

/// Namespaces that `NamespaceLifecycle` never lets go.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// What is about to happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a> {
    /// CREATE, UPDATE or DELETE
    pub(crate) operation: &'static str,
    pub(crate) of: &'a ResourceType,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) dry_run: bool,
}

type Object<'a> = Option<&'a Value>;

/// The first round: `NamespaceLifecycle`, then the mutating webhooks.
pub(crate) fn mutate(
    store: &Store,
    what: &Attributes<'_>,
    new: Object<'_>,
    old: Object<'_>,
) -> Result<(), Failure> {
    lifecycle(store, what)?;
    webhooks(store, what, new, old, "mutatingwebhookconfigurations")
}

/// The second round, after validation: policies, then the validating webhooks.
pub(crate) fn validate(
    store: &Store,
    what: &Attributes<'_>,
    new: Object<'_>,
    old: Object<'_>,
) -> Result<(), Failure> {
    policies(store, what, new, old)?;
    webhooks(store, what, new, old, "validatingwebhookconfigurations")
}

/// apiserver's pkg/admission/plugin/namespace/lifecycle.
fn lifecycle(store: &Store, what: &Attributes<'_>) -> Result<(), Failure> {
    let Attributes { operation, of, namespace, name, .. } = *what;
    if of.is_namespace() {
        if operation == "DELETE" && IMMORTAL.contains(&name) {
            return Err(Failure::forbidden(of, name, "this namespace may not be deleted"));
        }
        return Ok(());
    }
    if operation == "DELETE" || namespace.is_empty() || of.group == "authorization.k8s.io" {
        return Ok(());
    }
    let Some(found) = store.get("namespaces", "", namespace) else {
        return Err(Failure::no_namespace(namespace));
    };
    if operation == "CREATE" && found["status"]["phase"] == "Terminating" {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        return Err(Failure::forbidden(of, name, &why).because(json!({
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        })));
    }
    Ok(())
}

/// Admission's own configuration passes unhindered, so that a wrong one can be mended.
fn is_exempt(of: &ResourceType) -> bool {
    of.group == "admissionregistration.k8s.io"
}

fn webhooks(
    store: &Store,
    what: &Attributes<'_>,
    new: Object<'_>,
    old: Object<'_>,
    kind: &str,
) -> Result<(), Failure> {
    if is_exempt(what.of) {
        return Ok(());
    }
    for configuration in store.all(&format!("{kind}.admissionregistration.k8s.io")) {
        for webhook in meta::items(&configuration["webhooks"]) {
            if concerns(store, what, webhook, "rules", new, old)? {
                call(store, what, webhook)?;
            }
        }
    }
    Ok(())
}

/// Calls a webhook, which always fails: there is nobody in the sandbox to answer.
fn call(store: &Store, what: &Attributes<'_>, webhook: &Value) -> Result<(), Failure> {
    let name = webhook["name"].as_str().unwrap_or_default();
    let has_effects = !["None", "NoneOnDryRun"].iter().any(|none| webhook["sideEffects"] == *none);
    if what.dry_run && has_effects {
        return Err(Failure::bad_request(format!("admission webhook {name:?} does not support dry run")));
    }
    if webhook["failurePolicy"] == "Ignore" {
        return Ok(());
    }
    let timeout = webhook["timeoutSeconds"].as_u64().unwrap_or(10);
    let why = call_failure(store, &webhook["clientConfig"], timeout);
    Err(Failure::internal(&format!("failed calling webhook {name:?}: failed to call webhook: {why}")))
}

/// Whether rules and selectors of a webhook or a policy select this.
fn concerns(
    store: &Store,
    what: &Attributes<'_>,
    hook: &Value,
    rules: &str,
    new: Object<'_>,
    old: Object<'_>,
) -> Result<bool, Failure> {
    if !meta::items(&hook[rules]).iter().any(|rule| covers(rule, what)) {
        return Ok(false);
    }
    if !matches_namespace(store, what, &hook["namespaceSelector"], new)? {
        return Ok(false);
    }
    let selector = &hook["objectSelector"];
    let fits = |object: &Value| selects(selector, &object["metadata"]["labels"]);
    Ok(is_empty(selector) || new.is_some_and(fits) || old.is_some_and(fits))
}

fn is_empty(selector: &Value) -> bool {
    selector.as_object().is_none_or(serde_json::Map::is_empty)
}

/// pkg/admission/plugin/webhook/predicates/rules: group, version, resource with its subresource, operation,
/// scope.
fn covers(rule: &Value, what: &Attributes<'_>) -> bool {
    let has = |field: &str, value: &str| {
        meta::strings(&rule[field]).iter().any(|&each| each == "*" || each == value)
    };
    let Attributes { of, subresource, operation, .. } = *what;
    let resource = meta::strings(&rule["resources"]).into_iter().any(|each| {
        let (name, sub) = each.split_once('/').unwrap_or((each, ""));
        (name == "*" || name == of.resource) && (sub == "*" || sub == subresource)
    });
    let scope = match rule["scope"].as_str() {
        Some("Namespaced") => of.namespaced,
        Some("Cluster") => !of.namespaced,
        _ => true,
    };
    has("apiGroups", &of.group)
        && has("apiVersions", &of.version)
        && resource
        && has("operations", operation)
        && scope
}

/// The labels that count: of the namespace around the object; of a namespace itself, its own. Those of a
/// namespace under a subresource come from the cache, hence the old ones.
fn matches_namespace(
    store: &Store,
    what: &Attributes<'_>,
    selector: &Value,
    new: Object<'_>,
) -> Result<bool, Failure> {
    if is_empty(selector) {
        return Ok(true);
    }
    if what.of.is_namespace()
        && what.subresource.is_empty()
        && let Some(new) = new
    {
        return Ok(selects(selector, &new["metadata"]["labels"]));
    }
    let name = if what.of.is_namespace() { what.name } else { what.namespace };
    if name.is_empty() {
        return Ok(true);
    }
    let namespace = store.get("namespaces", "", name).ok_or_else(|| Failure::no_namespace(name))?;
    Ok(selects(selector, &namespace["metadata"]["labels"]))
}

/// `ValidatingAdmissionPolicies` that are bound. Of CEL the sandbox knows the word `false` alone; any other
/// expression counts as true.
fn policies(store: &Store, what: &Attributes<'_>, new: Object<'_>, old: Object<'_>) -> Result<(), Failure> {
    if is_exempt(what.of) {
        return Ok(());
    }
    for binding in store.all("validatingadmissionpolicybindings.admissionregistration.k8s.io") {
        let name = binding["spec"]["policyName"].as_str().unwrap_or_default();
        let policy = store.get("validatingadmissionpolicies.admissionregistration.k8s.io", "", name);
        let Some(policy) = policy else { continue };
        if !meta::strings(&binding["spec"]["validationActions"]).contains(&"Deny") {
            continue;
        }
        if !concerns(store, what, &policy["spec"]["matchConstraints"], "resourceRules", new, old)? {
            continue;
        }
        // The namespace is fetched for every policy that matches an object in one, and its absence is an
        // error.
        if what.of.namespaced && store.get("namespaces", "", what.namespace).is_none() {
            return Err(Failure::no_namespace(what.namespace));
        }
        if let Some(failed) =
            meta::items(&policy["spec"]["validations"]).iter().find(|each| each["expression"] == "false")
        {
            return Err(denial(what, name, meta::name(&binding), failed));
        }
    }
    Ok(())
}

/// pkg/admission/plugin/policy/validating/dispatcher.go: a Forbidden in words, with the code of its reason.
fn denial(what: &Attributes<'_>, policy: &str, binding: &str, validation: &Value) -> Failure {
    let message = validation["message"].as_str().unwrap_or("failed expression: false");
    let why =
        format!("ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {message}");
    let (code, reason) = match validation["reason"].as_str() {
        Some("Forbidden") => (403, "Forbidden"),
        Some("Unauthorized") => (401, "Unauthorized"),
        Some("RequestEntityTooLarge") => (413, "RequestEntityTooLarge"),
        _ => (422, "Invalid"),
    };
    let failure = Failure::forbidden(what.of, what.name, &why).because(json!({"message": why}));
    Failure { code, reason: Some(reason), ..failure }
}
