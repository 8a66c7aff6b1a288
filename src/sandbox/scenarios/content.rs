//! Namespaces that are held by what is in them.

use serde_json::{Value, json};

use super::{DAY, Step, configmap, create_namespace, delete_namespace, namespace, node, remove_furnishings};

pub(super) fn held_backup() -> Vec<Step> {
    let backups = "/apis/example.com/v1/namespaces/held-backup/backups";
    let mut home = namespace("held-backup");
    home["metadata"]["labels"] = json!({"team": "payments"});
    home["metadata"]["annotations"] = json!({"example.com/contact": "payments@example.com"});
    let backup = json!({
        "apiVersion": "example.com/v1",
        "kind": "Backup",
        "metadata": {"name": "nightly"},
        "spec": {"schedule": "0 3 * * *", "bucket": "s3://payments-backups"},
    });
    let finalizers = json!({"metadata": {"finalizers": ["backups.example.com/cleanup"]}});
    let status = json!({"status": {"phase": "Ready", "lastBackup": "2024-05-01T03:00:00Z"}});
    let mut steps = vec![
        Step::post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", backup_crd()),
        Step::wait_for_crd("backups.example.com"),
        Step::post("/api/v1/namespaces?fieldManager=kubectl-create", home),
        Step::post(&format!("{backups}?fieldManager=kubectl-create"), backup),
        Step::merge(&format!("{backups}/nightly?fieldManager=backup-operator"), finalizers),
        Step::merge(&format!("{backups}/nightly/status?fieldManager=backup-operator"), status),
        Step::backdate("held-backup", 37 * DAY),
        delete_namespace("held-backup"),
        Step::delete(&format!("{backups}/nightly")),
    ];
    steps.extend(remove_furnishings("held-backup"));
    steps.extend([Step::wait_for_report("held-backup"), Step::backdate("held-backup", 3 * DAY)]);
    steps
}

fn backup_crd() -> Value {
    let schema = json!({
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {"schedule": {"type": "string"}, "bucket": {"type": "string"}},
            },
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "backups.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"plural": "backups", "singular": "backup", "kind": "Backup", "listKind": "BackupList"},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}},
            }],
        },
    })
}

pub(super) fn configmap_finalizer() -> Vec<Step> {
    held_configmap("configmap-finalizer")
}

/// A `ConfigMap` with a finalizer in a namespace that was deleted two days ago.
pub(super) fn held_configmap(name: &str) -> Vec<Step> {
    let mut steps = create_held_configmap(name);
    steps.extend(delete_held_configmap(name));
    steps
}

pub(super) fn create_held_configmap(name: &str) -> Vec<Step> {
    let path = format!("/api/v1/namespaces/{name}/configmaps?fieldManager=settings-controller");
    vec![
        create_namespace(name),
        Step::post(&path, configmap("settings", &["example.com/hold"])),
        Step::backdate(name, 12 * DAY),
    ]
}

pub(super) fn update_held_configmap(name: &str) -> Step {
    let path = format!("/api/v1/namespaces/{name}/configmaps/settings");
    Step::merge(&path, json!({"metadata": {"labels": {"touched": "yes"}}}))
}

pub(super) fn delete_held_configmap(name: &str) -> Vec<Step> {
    let mut steps =
        vec![delete_namespace(name), Step::delete(&format!("/api/v1/namespaces/{name}/configmaps/settings"))];
    steps.extend(remove_furnishings(name));
    steps.extend([Step::wait_for_report(name), Step::backdate(name, 2 * DAY)]);
    steps
}

pub(super) fn active() -> Vec<Step> {
    vec![
        create_namespace("active"),
        Step::post("/api/v1/namespaces/active/configmaps", configmap("settings", &[])),
        Step::backdate("active", 9 * DAY),
    ]
}

/// Pods cannot be created without the service account; where no controller makes it, the recipe does.
fn default_account(namespace: &str) -> Step {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    Step::post(&format!("/api/v1/namespaces/{namespace}/serviceaccounts"), account)
}

fn pod(name: &str, finalizers: &[&str], node: Option<&str>, grace: i64) -> Value {
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "containers": [{"name": "main", "image": "registry.example.com/main:1"}],
            "terminationGracePeriodSeconds": grace,
            "automountServiceAccountToken": false,
        },
    });
    if !finalizers.is_empty() {
        pod["metadata"]["finalizers"] = json!(finalizers);
    }
    if let Some(node) = node {
        pod["spec"]["nodeName"] = node.into();
    }
    pod
}

pub(super) fn pods_first() -> Vec<Step> {
    let name = "pods-first";
    let base = format!("/api/v1/namespaces/{name}");
    let labels = json!({"app": "web"});
    let template = json!({
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
    });
    // Paused and without replicas, so that no controller adds anything of its own.
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 0, "paused": true, "selector": {"matchLabels": labels}, "template": template},
    });
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "web-tls"},
        "type": "Opaque",
        "stringData": {"key": "not a real one"},
    });
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "none",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    });
    vec![
        create_namespace(name),
        default_account(name),
        Step::post(
            &format!("{base}/pods?fieldManager=pod-guard"),
            pod("guarded", &["example.com/pod-guard"], None, 30),
        ),
        Step::post(&format!("{base}/secrets"), secret),
        Step::post(&format!("/apis/apps/v1/namespaces/{name}/deployments"), deployment),
        Step::post(&format!("{base}/persistentvolumeclaims"), claim),
        Step::backdate(name, 40 * DAY),
        delete_namespace(name),
        Step::delete(&format!("{base}/pods/guarded")),
        Step::wait_for_report(name),
        Step::backdate(name, 6 * DAY),
    ]
}

pub(super) fn lost_node() -> Vec<Step> {
    let name = "lost-node";
    let pods = format!("/api/v1/namespaces/{name}/pods");
    let mut steps = vec![
        Step::post("/api/v1/nodes", node("lost-node", "Unknown", "NodeStatusUnknown")),
        create_namespace(name),
        default_account(name),
        Step::post(&pods, pod("stranded", &[], Some("lost-node"), 1)),
        Step::merge(&format!("{pods}/stranded/status"), json!({"status": {"phase": "Running"}})),
        Step::backdate(name, 15 * DAY),
        delete_namespace(name),
        Step::delete(&format!("{pods}/stranded")),
    ];
    steps.extend(remove_furnishings(name));
    // Backdated first, so that the grace is over when the controller looks.
    steps.extend([Step::backdate(name, DAY), Step::wait_for_report(name)]);
    steps
}

pub(super) fn load_balancer() -> Vec<Step> {
    let name = "load-balancer";
    let services = format!("/api/v1/namespaces/{name}/services");
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "public", "finalizers": ["service.kubernetes.io/load-balancer-cleanup"]},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": "web"},
            "ports": [{"name": "https", "port": 443, "targetPort": 8443, "protocol": "TCP"}],
        },
    });
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}});
    let mut steps = vec![
        create_namespace(name),
        Step::post(&format!("{services}?fieldManager=cloud-controller-manager"), service),
        Step::merge(&format!("{services}/public/status?fieldManager=cloud-controller-manager"), status),
        Step::backdate(name, 60 * DAY),
        delete_namespace(name),
        Step::delete(&format!("{services}/public")),
    ];
    steps.extend(remove_furnishings(name));
    steps.extend([Step::wait_for_report(name), Step::backdate(name, 4 * DAY)]);
    steps
}

pub(super) fn progressing() -> Vec<Step> {
    let name = "progressing";
    let pods = format!("/api/v1/namespaces/{name}/pods");
    vec![
        Step::post("/api/v1/nodes", node("slow-node", "True", "KubeletReady")),
        create_namespace(name),
        default_account(name),
        Step::post(&pods, pod("draining", &[], Some("slow-node"), 1800)),
        Step::merge(&format!("{pods}/draining/status"), json!({"status": {"phase": "Running"}})),
        Step::post(&format!("/api/v1/namespaces/{name}/configmaps"), configmap("settings", &[])),
        Step::backdate(name, 3 * DAY),
        delete_namespace(name),
        Step::delete(&format!("{pods}/draining")),
        Step::wait_for_report(name),
    ]
}

/// The user is `system:serviceaccount:default:no-secrets-viewer`. RBAC cannot say "all but": the types are
/// named.
pub(super) fn no_secrets() -> Vec<Step> {
    let name = "no-secrets";
    let secrets = format!("/api/v1/namespaces/{name}/secrets");
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "sealed", "finalizers": ["example.com/seal"]},
        "type": "Opaque",
        "stringData": {"token": "not a real one"},
    });
    let mut steps = viewer();
    steps.extend([
        create_namespace(name),
        Step::post(&format!("{secrets}?fieldManager=seal-controller"), secret),
        Step::backdate(name, 7 * DAY),
        delete_namespace(name),
        Step::delete(&format!("{secrets}/sealed")),
    ]);
    steps.extend(remove_furnishings(name));
    steps.extend([Step::wait_for_report(name), Step::backdate(name, DAY)]);
    steps
}

/// The core types that the viewer may read.
const CORE_BUT_SECRETS: [&str; 14] = [
    "configmaps",
    "endpoints",
    "events",
    "limitranges",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "podtemplates",
    "replicationcontrollers",
    "resourcequotas",
    "serviceaccounts",
    "services",
];

/// The groups of which the viewer may read everything.
const OTHER_GROUPS: [&str; 15] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "example.com",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "storage.k8s.io",
];

fn viewer() -> Vec<Step> {
    let viewer = "no-secrets-viewer";
    let verbs = ["get", "list", "watch"];
    let rbac = "rbac.authorization.k8s.io";
    let role = json!({
        "apiVersion": format!("{rbac}/v1"),
        "kind": "ClusterRole",
        "metadata": {"name": viewer},
        "rules": [
            {"apiGroups": [""], "resources": CORE_BUT_SECRETS, "verbs": verbs},
            {"apiGroups": OTHER_GROUPS, "resources": ["*"], "verbs": verbs},
            {"apiGroups": [""], "resources": ["namespaces/finalize"], "verbs": ["update"]},
        ],
    });
    let binding = json!({
        "apiVersion": format!("{rbac}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": {"name": viewer},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": viewer},
        "subjects": [{"kind": "ServiceAccount", "name": viewer, "namespace": "default"}],
    });
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": viewer}});
    vec![
        Step::post("/api/v1/namespaces/default/serviceaccounts", account),
        Step::post(&format!("/apis/{rbac}/v1/clusterroles"), role),
        Step::post(&format!("/apis/{rbac}/v1/clusterrolebindings"), binding),
    ]
}
