//! Unattended runs: the manifests under docs/deploy, the permissions that they grant, and a pod's own
//! configuration.

mod admission;
mod alerts;
mod archive;
mod audited;
mod capabilities;
mod chart;
mod controllers;
mod documents;
mod in_cluster;
mod installed;
mod nightly;
mod taken_back;

use std::path::{Path, PathBuf};

use nsfix::model::Permission;
use nsfix::plan::capabilities;
use serde_json::Value;

use crate::harness::{LIMIT, Test};

pub fn tests() -> Vec<Test> {
    [
        alerts::tests(),
        archive::tests(),
        chart::tests(),
        documents::tests(),
        admission::tests(),
        capabilities::tests(),
        nightly::tests(),
        // Nights, and the minute until a schedule begins.
        [controllers::tests(), audited::tests(), taken_back::tests()]
            .into_iter()
            .flatten()
            .map(|test| test.within(2 * LIMIT))
            .collect(),
        in_cluster::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy")
}

/// The manifests, each with the file that it is in. Kustomize's own files, Prometheus' and the chart's are none.
fn manifests() -> Vec<(PathBuf, Value)> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    assert!(found.len() > 10, "{found:?}");
    found
}

fn collect(dir: &Path, found: &mut Vec<(PathBuf, Value)>) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "chart" {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml")
            && !["kustomization.yaml", "alerts.yaml", "alerts-test.yaml"].contains(&name.as_str())
            && !path.components().any(|part| part.as_os_str() == "example")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(documents(&text).into_iter().map(|document| (path.clone(), document)));
        }
    }
}

/// The documents of a YAML stream.
fn documents(text: &str) -> Vec<Value> {
    let mut parts = vec![String::new()];
    for line in text.lines() {
        if line == "---" {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.extend([line, "\n"]);
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts
        .map(|part| serde_saphyr::from_str(part).unwrap_or_else(|error| panic!("{error} in {part}")))
        .collect()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What the ClusterRole or Role of this name grants.
fn granted_by(role: &str) -> Vec<Permission> {
    let manifests = manifests();
    let is_it =
        |object: &&Value| text(object, "/kind").ends_with("Role") && text(object, "/metadata/name") == role;
    let role =
        manifests.iter().map(|(_, object)| object).find(is_it).unwrap_or_else(|| panic!("no role {role}"));
    let names = |rule: &Value, field: &str| -> Vec<String> {
        rule[field].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let mut granted = Vec::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in names(rule, "apiGroups") {
            for target in names(rule, "resources") {
                let (resource, subresource) = target.split_once('/').unwrap_or((&target, ""));
                granted.extend(names(rule, "verbs").into_iter().map(|verb| {
                    let permission = Permission::new(&verb, &group, resource).subresource(subresource);
                    permission.within(text(role, "/metadata/namespace"))
                }));
            }
        }
    }
    granted.sort();
    granted
}

/// What a capability needs besides those before it, as the manifests grant it.
fn granted_for(capability: &str) -> Vec<Permission> {
    let mut granted = granted_by(&format!("nsfix-{capability}"));
    if capability == "clear" {
        // As a ClusterRole: kustomize would move a Role of namespace default.
        granted.extend(granted_by("nsfix-events").into_iter().map(|each| each.within("default")));
    }
    granted.sort();
    granted
}

/// The same with all those before it.
fn granted_up_to(capability: &str) -> Vec<Permission> {
    let mut granted = Vec::new();
    for each in capabilities() {
        granted.extend(granted_for(each.name));
        if each.name == capability {
            return granted;
        }
    }
    panic!("no capability {capability}");
}

/// The policy of the clean overlay.
fn shipped_policy() -> String {
    let manifests = manifests();
    let is_it = |(_, object): &&(PathBuf, Value)| text(object, "/metadata/name") == "nsfix-policy";
    let (_, policy) = manifests.iter().find(is_it).expect("a policy");
    text(policy, "/data/policy.yaml").to_owned()
}
