//! The namespaces that a cluster does not survive losing.

/// Whether the namespace is one of Kubernetes' or OpenShift's own. The API server keeps some of them from
/// being deleted, but none of them from a PUT to /finalize (kubernetes'
/// staging/src/k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go).
#[must_use]
pub fn is_protected(name: &str) -> bool {
    matches!(name, "default" | "kube-system" | "kube-public" | "kube-node-lease")
        || name == "openshift"
        || name.starts_with("openshift-")
}
