//! What an account must be allowed, for a plan and for each capability.

use super::{Action, Plan};
use crate::model::Permission;

impl Plan {
    /// The permissions that its writes need, and the reads that go before them, each once.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let name = &self.namespace.name;
        let on_namespace = |verb: &str| Permission::new(verb, "", "namespaces").on_namespace(name);
        // An object is read just before it is written to.
        let on_objects = |verb: &str, group: &str, resource: &str| {
            ["get", verb].map(|verb| Permission::new(verb, group, resource).within(name)).to_vec()
        };
        let mut needed: Vec<Permission> = self
            .steps
            .iter()
            .flat_map(|step| match &step.action {
                Action::Wait => Vec::new(),
                Action::Finalize { .. } | Action::Rearm => {
                    vec![on_namespace("update").subresource("finalize")]
                }
                Action::RemoveMetadataFinalizer { .. } => vec![on_namespace("patch")],
                Action::DeleteAgain => vec![on_namespace("delete")],
                Action::DeletePodsOnLostNode { .. } | Action::ShortenGracePeriod { .. } => {
                    on_objects("delete", "", "pods")
                }
                Action::DeleteObjects { resource } => {
                    on_objects("delete", &resource.group, &resource.resource)
                }
                Action::ReleaseObjects { resource, .. } => {
                    on_objects("patch", &resource.group, &resource.resource)
                }
            })
            .collect();
        needed.sort();
        needed.dedup();
        needed
    }
}

/// A thing that nsfix can do, and the least it needs for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// `report`, `clear`, `release`, `purge` or `rehearse`.
    pub name: &'static str,
    pub about: &'static str,
    /// The permissions it needs besides those of the capabilities before it.
    pub permissions: Vec<Permission>,
}

/// Every capability, from the harmless to the powerful; each needs those before it as well, but for
/// the last, which needs `report` alone. The ClusterRoles in
/// docs/deploy grant exactly this.
#[must_use]
pub fn capabilities() -> Vec<Capability> {
    let p = Permission::new;
    vec![
        Capability { name: "report", about: "list-stuck, check, explain, orphans", permissions: report() },
        Capability {
            name: "clear",
            about: "clear: the PUT to /finalize, and rearming",
            permissions: vec![
                p("update", "", "namespaces").subresource("finalize"),
                // Where the Events of namespaces live.
                p("create", "events.k8s.io", "events").within("default"),
            ],
        },
        Capability {
            name: "release",
            about: "clear --leftovers=release, --finalizer, and deleting zombies again",
            permissions: vec![
                // Every write is preceded by a fresh read of its object.
                p("get", "*", "*"),
                p("patch", "*", "*"),
                p("delete", "*", "*"),
                p("patch", "", "namespaces"),
                p("delete", "", "namespaces"),
            ],
        },
        Capability {
            name: "purge",
            about: "orphans --purge",
            permissions: vec![p("create", "", "namespaces")],
        },
        // A dry run takes the right to delete: RBAC knows no other.
        Capability {
            name: "rehearse",
            about: "check: rehearsing the deletions (dryRun=All)",
            permissions: vec![p("delete", "*", "*"), p("delete", "", "namespaces")],
        },
    ]
}

/// No `get` of everything: it would open pods/exec and nodes/proxy too, and a list shows what is needed. What
/// is listed by name is what has to remain where `list *.*` is narrowed.
fn report() -> Vec<Permission> {
    let p = Permission::new;
    let admission = "admissionregistration.k8s.io";
    vec![
        p("list", "", "namespaces"),
        p("get", "", "namespaces"),
        // list-stuck -w
        p("watch", "", "namespaces"),
        p("list", "*", "*"),
        p("list", "apiregistration.k8s.io", "apiservices"),
        p("list", "apiextensions.k8s.io", "customresourcedefinitions"),
        p("get", "apiextensions.k8s.io", "customresourcedefinitions"),
        p("list", admission, "validatingwebhookconfigurations"),
        p("list", admission, "mutatingwebhookconfigurations"),
        p("list", admission, "validatingadmissionpolicies"),
        p("list", admission, "validatingadmissionpolicybindings"),
        p("list", admission, "mutatingadmissionpolicies"),
        p("list", admission, "mutatingadmissionpolicybindings"),
        p("get", "", "services"),
        p("list", "discovery.k8s.io", "endpointslices"),
        p("list", "", "pods"),
        p("get", "", "nodes"),
        p("get", "coordination.k8s.io", "leases"),
    ]
}
