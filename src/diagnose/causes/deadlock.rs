//! Owners that cannot do their work because the namespace is terminating, or because what they need went first.

use std::collections::BTreeSet;

use crate::diagnose::{Cause, CauseKind, Held};
use crate::model::{Facts, FailingCondition, TypeLeftovers};

/// Owners that say so themselves, in the status of what they hold, and owners that ran in this very namespace.
pub(super) fn deadlocks(facts: &Facts, held: &[Held]) -> Vec<Cause> {
    let namespace = facts.namespace.name.as_str();
    let failing = facts.failing_conditions.iter();
    let mut causes: Vec<Cause> = Vec::new();
    for (failing, missing) in failing.filter_map(|each| Some((each, missing(&each.message, namespace)?))) {
        let evidence = format!("its own status says: {}", failing.message);
        match causes.iter_mut().find(|cause| cause.subject == failing.object) {
            Some(known) => known.evidence.push(evidence),
            None => causes.push(deadlock(failing, &missing, evidence)),
        }
    }
    causes.extend(ran_here(facts, held));
    causes
}

fn deadlock(failing: &FailingCondition, missing: &Missing<'_>, evidence: String) -> Cause {
    let object = &failing.object;
    Cause::new(
        CauseKind::Deadlock,
        object.clone(),
        format!("the owner of {object} cannot work: {}", missing.why()),
    )
    .evidence([evidence])
    .remedy(missing.remedy())
}

/// What an owner lacks.
enum Missing<'a> {
    /// The right to create anything here.
    Creation,
    /// Something that it reads, or an account that may.
    Needed { kind: &'static str, name: Option<&'a str>, elsewhere: Option<&'a str> },
}

impl Missing<'_> {
    fn why(&self) -> String {
        match self {
            Self::Creation => "the namespace is terminating".to_owned(),
            Self::Needed { elsewhere: Some(namespace), .. } => {
                format!("{} in namespace {namespace} is missing", self.what())
            }
            Self::Needed { .. } => format!("the {} it needs went first", self.what()),
        }
    }

    fn what(&self) -> String {
        match self {
            Self::Creation => "right to create".to_owned(),
            Self::Needed { kind, name: Some(name), .. } => format!("{kind} {name}"),
            Self::Needed { kind, .. } => (*kind).to_owned(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Creation => {
                "nothing can be created here any more, so what the owner waits for will not come: clean up by hand what it stands for, and release it"
                    .to_owned()
            }
            Self::Needed { elsewhere: Some(namespace), .. } => format!(
                "create {} again in namespace {namespace}, and the owner will finish its work; else release it and \
                 clean up by hand what it stood for",
                self.what()
            ),
            Self::Needed { .. } => format!(
                "what is created here is refused, so the {} cannot come back to this namespace: give the owner \
                 what it needs from elsewhere, or release it and clean up by hand what it stood for",
                self.what()
            ),
        }
    }
}

/// How things that owners need are called in messages; the closest first.
const NEEDED: [(&str, &str); 16] = [
    ("serviceaccount", "ServiceAccount"),
    ("service account", "ServiceAccount"),
    ("clusterproviderconfig", "provider configuration"),
    ("providerconfig", "provider configuration"),
    ("provider config", "provider configuration"),
    ("secretstore", "SecretStore"),
    ("secret", "Secret"),
    ("configmap", "ConfigMap"),
    ("config map", "ConfigMap"),
    ("clusterrolebinding", "ClusterRoleBinding"),
    ("clusterrole", "ClusterRole"),
    ("rolebinding", "RoleBinding"),
    ("role", "Role"),
    ("issuer", "Issuer"),
    ("kubeconfig", "kubeconfig"),
    ("credentials", "credentials"),
];

const GONE: [&str; 14] = [
    "not found",
    "notfound",
    "not exist",
    "doesn't exist",
    "no such",
    "cannot find",
    "could not find",
    "couldn't find",
    "unable to find",
    "cannot get",
    "could not get",
    "failed to get",
    "missing",
    "forbidden",
];

/// What a message of failure says is missing, seen from this namespace.
fn missing<'a>(message: &'a str, namespace: &str) -> Option<Missing<'a>> {
    let said = message.to_ascii_lowercase();
    if said.contains("being terminated") || said.contains("namespaceterminating") {
        return Some(Missing::Creation);
    }
    // kubernetes' RBAC authorizer: the account is there, and what allowed it went first.
    if said.contains("forbidden: user") {
        let (elsewhere, _) = named("", message);
        let elsewhere = elsewhere.filter(|place| *place != namespace);
        return Some(Missing::Needed { kind: "Role or RoleBinding of its account", name: None, elsewhere });
    }
    if !GONE.iter().any(|words| said.contains(words)) {
        return None;
    }
    let mut found: Vec<(usize, &str, &'static str)> = Vec::new();
    for (words, kind) in NEEDED {
        found.extend(words_at(&said, words).map(|at| (at, words, kind)));
    }
    // In `clusterrole "x" not found` it is no role.
    found.sort_by_key(|(at, words, _)| (*at, std::cmp::Reverse(words.len())));
    let named = |(at, words, kind): &(usize, &str, &'static str)| {
        let (place, name) = named(message.get(at + words.len()..).unwrap_or_default(), message);
        (*kind, place.filter(|place| *place != namespace), name)
    };
    // Of several things the one that has a name is what is missing.
    let with_name = found.iter().map(&named).find(|(.., name)| name.is_some());
    let (kind, elsewhere, name) = with_name.or_else(|| found.first().map(&named))?;
    Some(Missing::Needed { kind, name, elsewhere })
}

/// Where a word begins, and is not in the middle of another.
fn words_at<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let found = text.match_indices(word).map(|(at, _)| at);
    found.filter(|at| !text[..*at].ends_with(|before: char| before.is_alphanumeric()))
}

/// Namespace and name in what follows: `"aws-creds" not found`, `s "aws-creds" is forbidden … in the namespace "x"`,
/// ` crossplane-system/aws-creds not found`.
fn named<'a>(rest: &'a str, message: &'a str) -> (Option<&'a str>, Option<&'a str>) {
    let quoted = |text: &'a str| text.split(['"', '\'', '`']).nth(1).filter(|name| is_name(name));
    let in_namespace = message.split_once("namespace ").and_then(|(_, after)| {
        let word = after.split([' ', ',', ';']).next().unwrap_or_default();
        let word = word.trim_matches(['"', '\'', '`', '.', ':', ')']);
        (is_name(word) && !word.contains('/')).then_some(word)
    });
    // `.aws.upbound.io "default"`, `s "x"`; but not prose, with another name further on.
    let before = rest.split(['"', '\'', '`']).next().unwrap_or_default();
    let is_near = before.len() <= 60 && before.trim().split(' ').count() <= 1;
    let name = quoted(rest).filter(|_| is_near).or_else(|| {
        let word = rest.trim_start_matches(['s', ' ', ':']).split([' ', ',', ';']).next().unwrap_or_default();
        let word = word.trim_end_matches([':', '.']);
        (word.contains(['/', '-']) && is_name(word)).then_some(word)
    });
    match name.and_then(|name| name.split_once('/')) {
        Some((namespace, name)) => (Some(namespace), Some(name)),
        None => (in_namespace, name),
    }
}

fn is_name(text: &str) -> bool {
    let valid = |each: char| each.is_ascii_lowercase() || each.is_ascii_digit() || "-./:".contains(each);
    !text.is_empty() && text.matches('/').count() < 2 && text.chars().all(valid)
}

/// Owners that ran in this namespace and of which nothing runs any more: no pod can be created here.
fn ran_here(facts: &Facts, held: &[Held]) -> Vec<Cause> {
    let mut seen = BTreeSet::new();
    let mut causes = Vec::new();
    for held in held.iter().filter(|held| !held.owner.is_empty()) {
        let Some(traces) = facts.extensions.owners.get(&held.owner) else { continue };
        // What could not be looked at may well be alive.
        if traces.running > 0 || !traces.unreadable.is_empty() || !seen.insert(&held.owner) {
            continue;
        }
        let inside = format!("{}/", facts.namespace.name);
        let pod = traces.pods.iter().find(|pod| pod.starts_with(&inside));
        let Some(trace) = pod.map(|pod| format!("pod {pod}")).or_else(|| workload_of(facts, held)) else {
            continue;
        };
        causes.push(
            Cause::new(
                CauseKind::Deadlock,
                held.owner.clone(),
                format!("{} ran in this very namespace, and cannot work here any more", held.owner),
            )
            .evidence([
                format!("{trace} is its own, and is in this namespace; no pod of it runs anywhere"),
                "no pod can be created in a namespace that is being deleted".to_owned(),
            ])
            .remedy(format!(
                "run {} from another namespace until it has finished its work; or release what it holds, and clean up \
                 by hand what that stood for",
                held.owner
            )),
        );
    }
    causes
}

/// A workload, account or lease of the owner that is still in the namespace.
fn workload_of(facts: &Facts, held: &Held) -> Option<String> {
    const KINDS: [&str; 6] =
        ["deployments", "statefulsets", "daemonsets", "replicasets", "serviceaccounts", "leases"];
    let types = facts.inventory.types.iter();
    let mut workloads = types.filter(|of_type| KINDS.contains(&of_type.resource.resource.as_str()));
    workloads.find_map(|of_type| {
        let own = of_type.sample.iter().find(|leftover| {
            is_of(held, &leftover.labels) || (held.entry.is_none() && leftover.name == held.owner)
        })?;
        Some(format!("{} {}", singular(of_type), own.name))
    })
}

fn singular(of_type: &TypeLeftovers) -> String {
    of_type.resource.kind.clone()
}

/// Whether labels are those by which the owner's pods are found.
fn is_of(held: &Held, labels: &std::collections::BTreeMap<String, String>) -> bool {
    let has = |selector: &str| {
        selector.split(',').all(|part| match part.split_once('=') {
            Some((key, value)) => labels.get(key).is_some_and(|has| has == value),
            None => labels.contains_key(part),
        })
    };
    match held.entry {
        Some(entry) => entry.owner.workloads.iter().any(|workload| has(workload.selector)),
        None => has(&format!("app.kubernetes.io/name={}", held.owner)) || has(&format!("app={}", held.owner)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_from_the_words_of_the_report() {
        for (message, why) in [
            (
                "jobs.batch \"x\" is forbidden: unable to create new content in namespace a because it is being terminated",
                "the namespace is terminating",
            ),
            (
                "cannot get credentials: cannot get credentials secret: Secret \"aws-creds\" not found",
                "the Secret aws-creds it needs went first",
            ),
            ("secrets \"aws-creds\" not found", "the Secret aws-creds it needs went first"),
            (
                "cannot get referenced ProviderConfig: ProviderConfig.aws.upbound.io \"default\" not found",
                "the provider configuration default it needs went first",
            ),
            (
                "could not get secret crossplane-system/aws-creds: not found",
                "Secret aws-creds in namespace crossplane-system is missing",
            ),
            ("configmap \"settings\" does not exist", "the ConfigMap settings it needs went first"),
            ("serviceaccounts \"cleaner\" not found", "the ServiceAccount cleaner it needs went first"),
            (
                "clusterrole.rbac.authorization.k8s.io \"edit\" not found",
                "the ClusterRole edit it needs went first",
            ),
            (
                "things.example.com is forbidden: User \"system:serviceaccount:a:b\" cannot list resource \"things\" in API group \"example.com\" in the namespace \"a\"",
                "the Role or RoleBinding of its account it needs went first",
            ),
            (
                "SecretStore \"vault\" is not ready: unable to find it",
                "the SecretStore vault it needs went first",
            ),
        ] {
            let said = missing(message, "a").map(|missing| missing.why());
            assert_eq!(said.as_deref(), Some(why), "{message}");
        }
    }

    #[test]
    fn what_lacks_nothing_is_no_deadlock() {
        for message in ["all is well", "the bucket is not empty", "secret rotation failed", "timed out"] {
            assert!(missing(message, "a").is_none(), "{message}");
        }
    }
}
