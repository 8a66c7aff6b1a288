//! The steps of a plan: each names its request, its harm and how kubectl would do it.

use std::fmt;

use crate::diagnose::Held;
use crate::model::{Inventory, Namespace, ResourceType, TypeLeftovers};

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Give the namespace its `kubernetes` finalizer back, so that the controller cleans the content.
    Rearm,
    /// Delete the live leftovers of a type.
    DeleteObjects {
        /// The type.
        resource: ResourceType,
    },
    /// Delete these pods without waiting for their node.
    DeletePodsOnLostNode {
        /// Their names.
        names: Vec<String>,
    },
    /// Take these finalizers off the leftovers of a type.
    ReleaseObjects {
        /// The type.
        resource: ResourceType,
        /// The finalizers.
        finalizers: Vec<String>,
    },
    /// Let the controller finish; what follows is done only if it does not.
    Wait,
    /// PUT the namespace to /finalize without these spec finalizers.
    Finalize {
        /// The spec finalizers.
        removes: Vec<String>,
    },
    /// Take a metadata finalizer off the namespace.
    RemoveMetadataFinalizer {
        /// The finalizer.
        finalizer: String,
    },
    /// Delete a namespace that nothing holds any more.
    DeleteAgain,
}

/// The names of the documents: `ReleaseObject`, `Finalize` …
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rearm => "Rearm",
            Self::DeleteObjects { .. } | Self::DeletePodsOnLostNode { .. } => "DeleteObject",
            Self::ReleaseObjects { .. } => "ReleaseObject",
            Self::Wait => "Wait",
            Self::Finalize { .. } => "Finalize",
            Self::RemoveMetadataFinalizer { .. } => "RemoveMetadataFinalizer",
            Self::DeleteAgain => "DeleteAgain",
        })
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// To what: `namespace/rodrigo`, `3 backups.example.com`.
    pub target: String,
    /// What is lost by it, in plain words; empty where nothing is.
    pub harm: String,
    /// The request, in one line.
    pub request: String,
    /// The same with kubectl.
    pub kubectl: String,
}

fn path(namespace: &Namespace) -> String {
    format!("/api/v1/namespaces/{}", namespace.name)
}

pub(super) fn rearm(namespace: &Namespace) -> Step {
    let name = &namespace.name;
    Step {
        action: Action::Rearm,
        target: format!("namespace/{name}"),
        harm: String::new(),
        request: format!("PUT {}/finalize with spec.finalizers [kubernetes]", path(namespace)),
        kubectl: rearm_command(name),
    }
}

/// How kubectl gives a namespace its `kubernetes` finalizer back.
pub(super) fn rearm_command(name: &str) -> String {
    format!(
        "kubectl get namespace {name} -o json | jq '.spec.finalizers = [\"kubernetes\"]' | \
         kubectl replace --raw /api/v1/namespaces/{name}/finalize -f -"
    )
}

/// Live leftovers; `None` where there are none.
pub(super) fn delete(of_type: &TypeLeftovers, namespace: &Namespace) -> Option<Step> {
    let (resource, live) = (&of_type.resource, of_type.live);
    (live > 0).then(|| Step {
        action: Action::DeleteObjects { resource: resource.clone() },
        target: format!("{live} {resource}"),
        harm: format!("deletes {live} {resource} that nobody has asked to delete one by one"),
        request: format!("DELETE {}/NAME, guarded by uid", resource.path_in(&namespace.name)),
        kubectl: format!("kubectl delete {resource} --all -n {} --wait=false", namespace.name),
    })
}

/// Pods whose node will never say that they ended.
pub(super) fn delete_pods_on_lost_node(names: &[String], namespace: &Namespace) -> Step {
    let list = names.join(" ");
    Step {
        target: format!("{} pods", names.len()),
        harm: "if the node is cut off but alive, their containers go on running there".to_owned(),
        request: format!("DELETE {}/pods/NAME with gracePeriodSeconds=0, guarded by uid", path(namespace)),
        kubectl: format!("kubectl delete pod -n {} {list} --grace-period=0 --force", namespace.name),
        action: Action::DeletePodsOnLostNode { names: names.to_vec() },
    }
}

pub(super) fn release(of_type: &TypeLeftovers, held: &[&Held], namespace: &Namespace) -> Step {
    let resource = of_type.resource.clone();
    let finalizers: Vec<String> = held.iter().map(|held| held.finalizer.clone()).collect();
    let harm: Vec<String> = held.iter().map(|held| format!("{}: {}", held.finalizer, held.harm())).collect();
    let count = held.iter().map(|held| held.count).max().unwrap_or_default();
    let first = of_type.sample.iter().find(|leftover| !leftover.finalizers.is_empty());
    let name = first.map_or("NAME", |leftover| leftover.name.as_str());
    let rest: Vec<&String> = first
        .into_iter()
        .flat_map(|leftover| &leftover.finalizers)
        .filter(|name| !finalizers.contains(name))
        .collect();
    let rest = if rest.is_empty() { "null".to_owned() } else { serde_json::json!(rest).to_string() };
    Step {
        target: format!("{count} {resource}"),
        harm: harm.join("; "),
        request: format!(
            "PATCH {}/{name} without {}, guarded by uid and resourceVersion",
            resource.path_in(&namespace.name),
            finalizers.join(", ")
        ),
        kubectl: format!(
            "kubectl patch {resource} {name} -n {} --type=merge -p '{{\"metadata\":{{\"finalizers\":{rest}}}}}'",
            namespace.name
        ),
        action: Action::ReleaseObjects { resource, finalizers },
    }
}

pub(super) fn wait(namespace: &Namespace) -> Step {
    let name = &namespace.name;
    Step {
        action: Action::Wait,
        target: format!("namespace/{name}"),
        harm: String::new(),
        request: format!("GET {} until 404", path(namespace)),
        kubectl: format!("kubectl wait --for=delete namespace/{name} --timeout=30s"),
    }
}

/// `if_needed`: other steps may make it superfluous, and leave nothing to abandon.
pub(super) fn finalize(
    namespace: &Namespace,
    inventory: &Inventory,
    removes: &[String],
    if_needed: bool,
) -> Step {
    let name = &namespace.name;
    let mut harm = Vec::new();
    if !if_needed && !inventory.is_empty() {
        let left: Vec<String> = inventory.types.iter().map(ToString::to_string).collect();
        harm.push(format!("abandons {} in etcd", left.join(", ")));
    }
    if !inventory.coverage.is_complete() {
        let gaps: Vec<String> = inventory.coverage.gaps.iter().map(ToString::to_string).collect();
        harm.push(format!("abandons whatever is in {}", gaps.join(", ")));
    }
    let condition = if if_needed && !inventory.is_empty() {
        ", if it is still there and nothing is left inside"
    } else {
        ""
    };
    let filter: Vec<String> = removes.iter().map(|name| format!("\"{name}\"")).collect();
    Step {
        action: Action::Finalize { removes: removes.to_vec() },
        target: format!("namespace/{name}"),
        harm: harm.join("; "),
        request: format!(
            "PUT {}/finalize without {} in spec.finalizers{condition}",
            path(namespace),
            removes.join(", ")
        ),
        kubectl: format!(
            "kubectl get namespace {name} -o json | jq '.spec.finalizers -= [{}]' | \
             kubectl replace --raw {}/finalize -f -",
            filter.join(", "),
            path(namespace)
        ),
    }
}

pub(super) fn remove_metadata_finalizer(namespace: &Namespace, finalizer: &str) -> Step {
    let name = &namespace.name;
    let entry = crate::diagnose::catalogue::look_up(
        finalizer,
        "",
        "Namespace",
        crate::diagnose::catalogue::Place::NamespaceMetadata,
    );
    Step {
        action: Action::RemoveMetadataFinalizer { finalizer: finalizer.to_owned() },
        target: format!("namespace/{name}"),
        harm: entry.map_or("nobody knows what it protects", |entry| entry.if_removed).to_owned(),
        request: format!("PATCH {} without {finalizer} in metadata.finalizers", path(namespace)),
        kubectl: format!(
            "kubectl get namespace {name} -o json | jq '.metadata.finalizers -= [\"{finalizer}\"]' | kubectl replace -f -"
        ),
    }
}

pub(super) fn delete_again(namespace: &Namespace) -> Step {
    let name = &namespace.name;
    Step {
        action: Action::DeleteAgain,
        target: format!("namespace/{name}"),
        harm: String::new(),
        request: format!("DELETE {}, guarded by uid and resourceVersion", path(namespace)),
        kubectl: format!("kubectl delete namespace {name}"),
    }
}
