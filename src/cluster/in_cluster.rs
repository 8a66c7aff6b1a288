//! The configuration that a pod finds in itself.
//!
//! Made into a kubeconfig, so that every connection flag means the same inside a pod as outside.

use std::path::Path;

use kube::config::{AuthInfo, Cluster as ClusterEntry, Context, Kubeconfig};
use kube::config::{NamedAuthInfo, NamedCluster, NamedContext};

use super::ConfigError;

/// Where the kubelet puts what belongs to the pod's service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A kubeconfig with nothing in it but these two, and places for the flags.
pub(super) fn kubeconfig_of(cluster: ClusterEntry, user: AuthInfo) -> Kubeconfig {
    let name = "nsfix".to_owned();
    Kubeconfig {
        current_context: Some(name.clone()),
        clusters: vec![NamedCluster { name: name.clone(), cluster: Some(cluster), ..Default::default() }],
        auth_infos: vec![NamedAuthInfo { name: name.clone(), auth_info: Some(user), ..Default::default() }],
        contexts: vec![NamedContext {
            name: name.clone(),
            context: Some(Context { cluster: name.clone(), user: Some(name), ..Default::default() }),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// The kubeconfig of this pod. Both variables have to be there, as in client-go.
pub(super) fn kubeconfig() -> Result<Kubeconfig, ConfigError> {
    let (Ok(host), Ok(port)) =
        (std::env::var("KUBERNETES_SERVICE_HOST"), std::env::var("KUBERNETES_SERVICE_PORT"))
    else {
        return Err(ConfigError::Missing);
    };
    let dir = Path::new(SERVICE_ACCOUNT);
    let file = |name: &str| dir.join(name).display().to_string();
    let cluster = ClusterEntry {
        server: Some(format!("https://{}", host_and_port(&host, &port))),
        // Without one, the machine's own authorities decide, as in client-go.
        certificate_authority: dir.join("ca.crt").exists().then(|| file("ca.crt")),
        ..Default::default()
    };
    let user = AuthInfo { token_file: Some(file("token")), ..Default::default() };
    Ok(kubeconfig_of(cluster, user))
}

/// An IPv6 address needs brackets.
fn host_and_port(host: &str, port: &str) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_put_in_brackets() {
        assert_eq!(host_and_port("10.0.0.1", "443"), "10.0.0.1:443");
        assert_eq!(host_and_port("fd00::1", "6443"), "[fd00::1]:6443");
        assert_eq!(host_and_port("kubernetes.default.svc", "443"), "kubernetes.default.svc:443");
    }
}
