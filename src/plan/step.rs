//! The steps of a plan: each names its request, its harm and how kubectl would do it.

use crate::diagnose::Held;
use serde_json::json;

use crate::model::{
    ApiPath, Inventory, Leftover, Namespace, ResourceType, SHORT_GRACE_SECONDS, ShellCommand, TypeLeftovers,
    counted,
};

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Give the namespace its `kubernetes` finalizer back, so that the controller cleans the content.
    Rearm,
    /// Delete the live leftovers of a type.
    DeleteObjects { resource: ResourceType },
    /// Delete these pods without waiting for their node.
    DeletePodsOnLostNode { names: Vec<String> },
    /// Delete these pods once more, with a short grace period.
    ShortenGracePeriod { names: Vec<String> },
    /// Take these finalizers off the leftovers of a type.
    ReleaseObjects { resource: ResourceType, finalizers: Vec<String> },
    /// Let the controller finish; what follows is done only if it does not.
    Wait,
    /// PUT the namespace to /finalize without these spec finalizers.
    Finalize {
        /// The spec finalizers.
        removes: Vec<String>,
    },
    /// Take a metadata finalizer off the namespace.
    RemoveMetadataFinalizer { finalizer: String },
    /// Delete a namespace that nothing holds any more.
    DeleteAgain,
}

/// The kinds of steps, by the names of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::VariantArray)]
pub enum StepKind {
    /// Wait for the controller.
    Wait,
    /// Take finalizers off leftovers.
    ReleaseObject,
    /// Delete leftovers.
    DeleteObject,
    /// Take a metadata finalizer off the namespace.
    RemoveMetadataFinalizer,
    /// Put `kubernetes` back.
    Rearm,
    /// PUT to /finalize.
    Finalize,
    /// Delete the namespace once more.
    DeleteAgain,
    /// Create the namespace of orphans and delete it at once.
    PurgeOrphan,
}

impl Action {
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Rearm => StepKind::Rearm,
            Self::DeleteObjects { .. }
            | Self::DeletePodsOnLostNode { .. }
            | Self::ShortenGracePeriod { .. } => StepKind::DeleteObject,
            Self::ReleaseObjects { .. } => StepKind::ReleaseObject,
            Self::Wait => StepKind::Wait,
            Self::Finalize { .. } => StepKind::Finalize,
            Self::RemoveMetadataFinalizer { .. } => StepKind::RemoveMetadataFinalizer,
            Self::DeleteAgain => StepKind::DeleteAgain,
        }
    }

    /// The type of the leftovers that it writes to, as kubectl writes it; `None` where it writes to none.
    #[must_use]
    pub fn resource(&self) -> Option<String> {
        match self {
            Self::DeleteObjects { resource } | Self::ReleaseObjects { resource, .. } => {
                Some(resource.to_string())
            }
            Self::DeletePodsOnLostNode { .. } | Self::ShortenGracePeriod { .. } => Some("pods".to_owned()),
            Self::Rearm
            | Self::Wait
            | Self::Finalize { .. }
            | Self::RemoveMetadataFinalizer { .. }
            | Self::DeleteAgain => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// To what: `namespace/rodrigo`, `3 Backups.example.com`.
    pub target: String,
    /// What is lost by it, in plain words; empty where nothing is.
    pub harm: String,
    /// The request, in one line.
    pub request: String,
    /// The same with kubectl; `None` where no command keeps what nsfix itself checks first.
    pub kubectl: Option<ShellCommand>,
}

fn path(namespace: &Namespace) -> ApiPath {
    ApiPath::namespace(&namespace.name)
}

pub(super) fn rearm(namespace: &Namespace) -> Step {
    let name = &namespace.name;
    Step {
        action: Action::Rearm,
        target: format!("namespace/{name}"),
        harm: String::new(),
        request: format!("PUT {}/finalize with spec.finalizers [kubernetes]", path(namespace)),
        kubectl: Some(put(namespace, ".spec.finalizers = [\"kubernetes\"]", true)),
    }
}

/// How kubectl gives an Active namespace its `kubernetes` finalizer back.
pub(super) fn rearm_active_command(name: &str) -> ShellCommand {
    let filter = "select(.metadata.deletionTimestamp == null) | \
                  .spec.finalizers |= ((. // []) + [\"kubernetes\"] | unique)";
    replace(name, filter.to_owned(), true)
}

/// The namespace as it is, changed by `filter`, and only if it is still this one and being deleted. The
/// resourceVersion in what was read guards the write.
fn put(namespace: &Namespace, filter: &str, finalize: bool) -> ShellCommand {
    let uid = json!(namespace.uid);
    let guard = format!("select(.metadata.uid == {uid} and .metadata.deletionTimestamp != null)");
    replace(&namespace.name, format!("{guard} | {filter}"), finalize)
}

fn replace(name: &str, filter: String, finalize: bool) -> ShellCommand {
    let read = ShellCommand::kubectl(["get", "namespace", "-o", "json"]).names([name]);
    let write = ShellCommand::kubectl(["replace"]);
    let path = ApiPath::finalize(name).to_string();
    let write = if finalize { write.words(["--raw".to_owned(), path]) } else { write };
    read.pipe(ShellCommand::other(["jq".to_owned(), filter])).pipe(write.words(["-f", "-"]))
}

/// Live leftovers; `None` where there are none.
pub(super) fn delete(of_type: &TypeLeftovers, namespace: &Namespace) -> Option<Step> {
    let (resource, live) = (&of_type.resource, of_type.live);
    (live > 0).then(|| Step {
        action: Action::DeleteObjects { resource: resource.clone() },
        target: resource.counted(live),
        harm: format!("deletes {} that nobody has asked to delete one by one", resource.counted(live)),
        request: format!("DELETE {}/NAME, guarded by uid", resource.path_in(&namespace.name)),
        kubectl: Some(ShellCommand::if_still(namespace).and(ShellCommand::kubectl([
            "delete",
            &resource.to_string(),
            "--all",
            "-n",
            &namespace.name,
            "--wait=false",
        ]))),
    })
}

/// Pods whose node will never say that they ended.
pub(super) fn delete_pods_on_lost_node(names: &[String], namespace: &Namespace) -> Step {
    Step {
        target: counted(names.len() as u64, "Pod"),
        harm: "if the node is cut off but alive, their containers go on running there".to_owned(),
        request: format!("DELETE {}/pods/NAME with gracePeriodSeconds=0, guarded by uid", path(namespace)),
        kubectl: Some(ShellCommand::delete_pods_at_once(namespace, names)),
        action: Action::DeletePodsOnLostNode { names: names.to_vec() },
    }
}

/// Pods that were given hours or years to end, on a node that will end them.
pub(super) fn shorten_grace_period(names: &[String], namespace: &Namespace) -> Step {
    Step {
        target: format!("{} pods", names.len()),
        harm: format!("what they still do is cut short: they get {SHORT_GRACE_SECONDS}s to end"),
        request: format!(
            "DELETE {}/pods/NAME with gracePeriodSeconds={SHORT_GRACE_SECONDS}, guarded by uid",
            path(namespace)
        ),
        kubectl: Some(ShellCommand::delete_pods_soon(namespace, names)),
        action: Action::ShortenGracePeriod { names: names.to_vec() },
    }
}

pub(super) fn release(of_type: &TypeLeftovers, held: &[&Held], namespace: &Namespace) -> Step {
    let resource = of_type.resource.clone();
    let finalizers: Vec<String> = held.iter().map(|held| held.finalizer.clone()).collect();
    let harm: Vec<String> = held.iter().map(|held| format!("{}: {}", held.finalizer, held.harm())).collect();
    let count = held.iter().map(|held| held.count).max().unwrap_or_default();
    let carries = |leftover: &&Leftover| leftover.finalizers.iter().any(|name| finalizers.contains(name));
    let carriers: Vec<&Leftover> = of_type.sample.iter().filter(carries).collect();
    let name = match carriers.as_slice() {
        [only] if count == 1 => only.name.as_str(),
        _ => "NAME",
    };
    Step {
        target: resource.counted(count),
        harm: harm.join("; "),
        request: format!(
            "PATCH {}/{name} without {}, guarded by uid and resourceVersion",
            resource.path_in(&namespace.name),
            finalizers.join(", ")
        ),
        kubectl: Some(release_command(of_type, &carriers, &finalizers, namespace)),
        action: Action::ReleaseObjects { resource, finalizers },
    }
}

/// How many objects are patched one by one.
const FEW: usize = 5;

fn release_command(
    of_type: &TypeLeftovers,
    carriers: &[&Leftover],
    finalizers: &[String],
    namespace: &Namespace,
) -> ShellCommand {
    let resource = of_type.resource.to_string();
    let all_known = of_type.is_all_kept() && of_type.live == 0;
    if all_known && carriers.len() <= FEW {
        let patches = carriers.iter().map(|leftover| patch(&resource, leftover, finalizers, namespace));
        if let Some(command) = patches.reduce(ShellCommand::and) {
            return command;
        }
    }
    let removes = json!(finalizers);
    let filter = format!(
        ".items |= map(select(.metadata.deletionTimestamp != null and \
         any(.metadata.finalizers[]?; IN({removes}[]))) | .metadata.finalizers -= {removes})"
    );
    let read = ShellCommand::kubectl(["get", &resource, "-n", &namespace.name, "-o", "json"]);
    let write = ShellCommand::kubectl(["replace", "-f", "-"]);
    ShellCommand::if_still(namespace)
        .and(read.pipe(ShellCommand::other(["jq".to_owned(), filter])).pipe(write))
}

/// A JSON patch that fails on another object of this name, and where the finalizers have changed.
fn patch(resource: &str, leftover: &Leftover, finalizers: &[String], namespace: &Namespace) -> ShellCommand {
    let rest: Vec<&String> = leftover.finalizers.iter().filter(|name| !finalizers.contains(name)).collect();
    let patch = json!([
        {"op": "test", "path": "/metadata/uid", "value": leftover.uid},
        {"op": "test", "path": "/metadata/finalizers", "value": leftover.finalizers},
        {"op": "replace", "path": "/metadata/finalizers", "value": rest},
    ]);
    let patch = patch.to_string();
    ShellCommand::kubectl(["patch", resource, "-n", &namespace.name, "--type=json", "-p", &patch])
        .names([&leftover.name])
}

pub(super) fn wait(namespace: &Namespace) -> Step {
    let name = &namespace.name;
    Step {
        action: Action::Wait,
        target: format!("namespace/{name}"),
        harm: String::new(),
        request: format!("GET {} until 404", path(namespace)),
        kubectl: Some(ShellCommand::kubectl([
            "wait",
            "--for=delete",
            &format!("namespace/{name}"),
            "--timeout=30s",
        ])),
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
    let known_empty = inventory.is_empty() && inventory.coverage.is_complete();
    let unconditional = !if_needed || known_empty;
    Step {
        action: Action::Finalize { removes: removes.to_vec() },
        target: format!("namespace/{name}"),
        harm: harm.join("; "),
        request: format!(
            "PUT {}/finalize without {} in spec.finalizers{condition}",
            path(namespace),
            removes.join(", ")
        ),
        kubectl: unconditional
            .then(|| put(namespace, &format!(".spec.finalizers -= {}", json!(removes)), true)),
    }
}

/// `if_needed`: as for [`finalize`].
pub(super) fn remove_metadata_finalizer(namespace: &Namespace, finalizer: &str, if_needed: bool) -> Step {
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
        harm: entry
            .map_or("not in the catalogue; effect of removal unknown", |entry| entry.if_removed)
            .to_owned(),
        request: format!("PATCH {} without {finalizer} in metadata.finalizers", path(namespace)),
        kubectl: (!if_needed)
            .then(|| put(namespace, &format!(".metadata.finalizers -= {}", json!([finalizer])), false)),
    }
}

pub(super) fn delete_again(namespace: &Namespace) -> Step {
    let name = &namespace.name;
    Step {
        action: Action::DeleteAgain,
        target: format!("namespace/{name}"),
        harm: String::new(),
        request: format!("DELETE {}, guarded by uid and resourceVersion", path(namespace)),
        kubectl: Some(ShellCommand::delete_namespace_again(namespace)),
    }
}
