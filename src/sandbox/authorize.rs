//! Who asks, and whether they may.
//!
//! Without credentials one is `sandbox-admin`, who may do everything. Whoever impersonates somebody, or comes
//! with a token from `serviceaccounts/token`, is bound by the RBAC objects in the store. `Options::deny`
//! takes rights from everybody.

use std::sync::Arc;

use serde_json::{Value, json};

use super::meta;
use super::request::Target;
use super::store::Store;

/// An authenticated user.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: String,
    pub(crate) groups: Vec<String>,
}

impl Caller {
    /// The user without credentials.
    pub(crate) fn admin() -> Self {
        Self { user: "sandbox-admin".to_owned(), groups: vec!["system:masters".to_owned()] }
    }

    pub(crate) fn new(user: &str, mut groups: Vec<String>) -> Self {
        if let Some(account) = user.strip_prefix("system:serviceaccount:") {
            groups.push("system:serviceaccounts".to_owned());
            if let Some((namespace, _)) = account.split_once(':') {
                groups.push(format!("system:serviceaccounts:{namespace}"));
            }
        }
        groups.push("system:authenticated".to_owned());
        Self { user: user.to_owned(), groups }
    }
}

/// A right that the sandbox withholds from everybody, to show what nsfix does without it.
#[derive(Clone, Debug, Default)]
pub struct Deny {
    /// `get`, `list`, `update` …; `*` for all.
    pub verb: String,
    /// The API group, "" for the core one; `*` for all.
    pub group: String,
    /// The resource, with its subresource after a slash (`namespaces/finalize`); `*` for all.
    pub resource: String,
    /// The namespace; everywhere when it is none.
    pub namespace: Option<String>,
}

impl Deny {
    /// Withholds a verb on a resource of a group, everywhere.
    #[must_use]
    pub fn new(verb: &str, group: &str, resource: &str) -> Self {
        Self { verb: verb.into(), group: group.into(), resource: resource.into(), namespace: None }
    }

    fn covers(&self, action: &Action) -> bool {
        let fits = |rule: &str, value: &str| rule == "*" || rule == value;
        fits(&self.verb, &action.verb)
            && fits(&self.group, &action.group)
            && fits(&self.resource, &action.resource)
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == action.namespace)
    }
}

/// What is to be done, in the authorizer's words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Action {
    pub(crate) verb: String,
    pub(crate) group: String,
    /// With its subresource after a slash.
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Action {
    pub(crate) fn on(verb: &str, target: &Target) -> Self {
        let resource = match target.subresource.as_str() {
            "" => target.resource.clone(),
            sub => format!("{}/{sub}", target.resource),
        };
        let (group, namespace, name) = (target.group.clone(), target.namespace.clone(), target.name.clone());
        Self { verb: verb.to_owned(), group, resource, namespace, name }
    }

    /// The wording of a refusal (apiserver's responsewriters/errors.go).
    pub(crate) fn refusal(&self, caller: &Caller) -> String {
        let scope = match self.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        format!(
            "User {:?} cannot {} resource {:?} in API group {:?} {scope}",
            caller.user, self.verb, self.resource, self.group
        )
    }
}

/// Whether the caller may do this.
pub(crate) fn allows(store: &Store, deny: &[Deny], caller: &Caller, action: &Action) -> bool {
    !deny.iter().any(|deny| deny.covers(action))
        && (is_master(caller)
            || is_self_review(action)
            || rules(store, caller, &action.namespace).iter().any(|rule| permits(rule, action)))
}

/// What `system:basic-user` gives to everyone who is logged in.
fn is_self_review(action: &Action) -> bool {
    action.verb == "create"
        && matches!(
            action.resource.as_str(),
            "selfsubjectaccessreviews" | "selfsubjectrulesreviews" | "selfsubjectreviews"
        )
}

/// The reason that RBAC gives for a permission (plugin/pkg/auth/authorizer/rbac).
pub(crate) fn reason(store: &Store, caller: &Caller, action: &Action) -> Option<String> {
    if is_master(caller) {
        return None;
    }
    let granting = bindings(store, caller, &action.namespace).into_iter().find(|(binding, _)| {
        let rules = rules_of_role(store, &binding["roleRef"], meta::namespace(binding));
        rules.iter().any(|rule| permits(rule, action))
    });
    let (binding, subject) = granting?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, place) = match meta::namespace(&binding) {
        "" => ("ClusterRoleBinding", meta::name(&binding).to_owned()),
        namespace => ("RoleBinding", format!("{}/{namespace}", meta::name(&binding))),
    };
    let (role_kind, role) = (text(&binding["roleRef"]["kind"]), text(&binding["roleRef"]["name"]));
    let who = match text(&subject["kind"]).as_str() {
        "ServiceAccount" => format!("{}/{}", text(&subject["name"]), text(&subject["namespace"])),
        _ => text(&subject["name"]),
    };
    let subject_kind = text(&subject["kind"]);
    Some(format!("RBAC: allowed by {kind} {place:?} of {role_kind} {role:?} to {subject_kind} {who:?}"))
}

fn is_master(caller: &Caller) -> bool {
    caller.groups.iter().any(|group| group == "system:masters")
}

/// All rules that hold for the caller in the namespace ("" for the cluster's scope).
pub(crate) fn rules(store: &Store, caller: &Caller, namespace: &str) -> Vec<Value> {
    if is_master(caller) {
        return vec![json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})];
    }
    let bound = bindings(store, caller, namespace).into_iter();
    bound
        .flat_map(|(binding, _)| rules_of_role(store, &binding["roleRef"], meta::namespace(&binding)))
        .collect()
}

/// The bindings that count for the caller in the namespace, each with the subject that it is bound as.
fn bindings(store: &Store, caller: &Caller, namespace: &str) -> Vec<(Arc<Value>, Value)> {
    let mut all = store.all("clusterrolebindings.rbac.authorization.k8s.io");
    if !namespace.is_empty() {
        all.extend(store.list("rolebindings.rbac.authorization.k8s.io", namespace, None).cloned());
    }
    let bound = all.into_iter().filter_map(|binding| {
        let subjects = meta::items(&binding["subjects"]).iter();
        let subject =
            subjects.clone().find(|each| is_subject(each, caller, meta::namespace(&binding)))?.clone();
        Some((binding, subject))
    });
    bound.collect()
}

fn is_subject(subject: &Value, caller: &Caller, namespace: &str) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => name == caller.user,
        Some("Group") => caller.groups.iter().any(|group| group == name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().unwrap_or(namespace);
            caller.user == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

fn rules_of_role(store: &Store, role: &Value, namespace: &str) -> Vec<Value> {
    let name = role["name"].as_str().unwrap_or_default();
    let found = if role["kind"] == "ClusterRole" {
        store.get("clusterroles.rbac.authorization.k8s.io", "", name)
    } else {
        store.get("roles.rbac.authorization.k8s.io", namespace, name)
    };
    found.map(|role| meta::items(&role["rules"]).to_vec()).unwrap_or_default()
}

/// RBAC's matching (`pkg/apis/rbac/v1/evaluation_helpers.go`).
fn permits(rule: &Value, action: &Action) -> bool {
    let has = |field: &str, value: &str| {
        meta::strings(&rule[field]).iter().any(|&each| each == "*" || each == value)
    };
    let names = meta::strings(&rule["resourceNames"]);
    let any_subresource = action.resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    has("verbs", &action.verb)
        && has("apiGroups", &action.group)
        && (has("resources", &action.resource) || any_subresource.is_some_and(|any| has("resources", &any)))
        && (names.is_empty() || names.contains(&action.name.as_str()))
}
