//! Validation, as far as it concerns metadata and namespaces.

use serde_json::Value;

use crate::sandbox::failure::{Failure, Flaw};
use crate::sandbox::meta;
use crate::sandbox::types::ResourceType;

/// Names that stand without a domain (apimachinery's and core's standard finalizers).
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

pub(crate) fn new_object(of: &ResourceType, object: &Value) -> Result<(), Failure> {
    let name = meta::name(object);
    let mut flaws = Vec::new();
    // As if the suffix began with a letter (apimachinery's pkg/api/validation/generic.go: maskTrailingDash).
    if let Some(prefix) = object["metadata"]["generateName"].as_str().filter(|prefix| !prefix.is_empty()) {
        let masked = prefix.strip_suffix('-').map_or_else(|| prefix.to_owned(), |rest| format!("{rest}a"));
        flaws.extend(name_flaw(of, "metadata.generateName", prefix, &masked));
    }
    flaws.extend(name_flaw(of, "metadata.name", name, name));
    flaws.extend(finalizer_flaws(of, object));
    flaws.extend(event_flaw(of, object));
    report(of, name, &flaws)
}

/// pkg/apis/core/validation/events.go: an event is where its object is; in `default` if that is in no namespace.
fn event_flaw(of: &ResourceType, object: &Value) -> Option<Flaw> {
    let about = match of.resource.as_str() {
        "events" if of.group.is_empty() => &object["involvedObject"],
        "events" if of.group == "events.k8s.io" => &object["regarding"],
        _ => return None,
    };
    let about = about["namespace"].as_str().unwrap_or_default();
    let expected = if about.is_empty() { "default" } else { about };
    (meta::namespace(object) != expected).then(|| {
        Flaw::invalid("involvedObject.namespace", format!("{about:?}"), "does not match event.namespace")
    })
}

pub(crate) fn changed_object(
    of: &ResourceType,
    new: &Value,
    old: &Value,
    subresource: &str,
) -> Result<(), Failure> {
    let name = meta::name(old);
    let mut flaws = Vec::new();
    if meta::uid(new) != meta::uid(old) {
        let given = format!("{:?}", meta::uid(new));
        flaws.push(Flaw::invalid("metadata.uid", given, "field is immutable"));
    }
    if meta::is_deleting(old) {
        let known = meta::finalizers(old);
        let added: Vec<_> = meta::finalizers(new).into_iter().filter(|each| !known.contains(each)).collect();
        if !added.is_empty() {
            let list = added.iter().map(|each| format!("{each:?}")).collect::<Vec<_>>().join(", ");
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{list}}}"
            );
            flaws.push(Flaw::forbidden("metadata.finalizers", &detail));
        }
    }
    flaws.extend(finalizer_flaws(of, new));
    if of.is_namespace() && subresource == "status" {
        flaws.extend(phase_flaw(new));
    }
    report(of, name, &flaws)
}

fn report(of: &ResourceType, name: &str, flaws: &[Flaw]) -> Result<(), Failure> {
    if flaws.is_empty() { Ok(()) } else { Err(Failure::invalid(of, name, flaws)) }
}

fn phase_flaw(namespace: &Value) -> Option<Flaw> {
    let phase = namespace["status"]["phase"].as_str().unwrap_or_default();
    let (expected, state) =
        if meta::is_deleting(namespace) { ("Terminating", "not empty") } else { ("Active", "empty") };
    (phase != expected).then(|| {
        let detail = format!("may only be '{expected}' if `deletionTimestamp` is {state}");
        Flaw::invalid("status.phase", format!("{phase:?}"), &detail)
    })
}

fn name_flaw(of: &ResourceType, field: &str, given: &str, name: &str) -> Option<Flaw> {
    // RBAC names are path segments; everything else here is at least a DNS subdomain.
    if of.group == "rbac.authorization.k8s.io" || of.group == "apiregistration.k8s.io" {
        return None;
    }
    let label = of.is_namespace() || of.is("", "services");
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let good_part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|letter| plain(letter) || letter == '-')
            && part.starts_with(plain)
            && part.ends_with(plain)
    };
    let good = if label {
        name.len() <= 63 && good_part(name)
    } else {
        name.len() <= 253 && name.split('.').all(good_part)
    };
    let detail = if label {
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
         with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    } else {
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
         and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    };
    (!good).then(|| Flaw::invalid(field, format!("{given:?}"), detail))
}

fn finalizer_flaws(of: &ResourceType, object: &Value) -> Vec<Flaw> {
    // Only core's ValidateObjectMeta asks for more than a qualified name; CRDs and APIServices use
    // apimachinery's.
    let core = of.custom.is_none()
        && !["apiextensions.k8s.io", "apiregistration.k8s.io"].contains(&of.group.as_str());
    let metadata = meta::finalizers(object).into_iter().filter(|_| core).enumerate();
    let mut flaws: Vec<_> = metadata
        .filter_map(|(at, name)| finalizer_flaw(&format!("metadata.finalizers[{at}]"), name))
        .collect();
    if of.is_namespace() {
        let spec = meta::spec_finalizers(object).into_iter().enumerate();
        flaws.extend(spec.filter_map(|(at, name)| finalizer_flaw(&format!("spec.finalizers[{at}]"), name)));
    }
    flaws
}

/// pkg/apis/core/validation: a standard name, or a qualified one (`domain/name`).
fn finalizer_flaw(field: &str, name: &str) -> Option<Flaw> {
    if STANDARD_FINALIZERS.contains(&name) {
        return None;
    }
    let qualified = name.split_once('/').is_some_and(|(domain, rest)| {
        !domain.is_empty() && !rest.is_empty() && !rest.contains('/') && !name.contains(char::is_whitespace)
    });
    let detail = "name is neither a standard finalizer name nor is it fully qualified";
    (!qualified).then(|| Flaw::invalid(field, format!("{name:?}"), detail))
}
