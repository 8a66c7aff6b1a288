//! The kubeconfig of a test, and kube's own client for it.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// A kubeconfig for one user of one cluster.
pub fn kubeconfig(url: &str, ca: Option<&Path>, token: &str) -> String {
    // The sandbox, which speaks plain HTTP, knows no tokens but those it has issued.
    let user = if ca.is_some() { format!("{{token: {token}}}") } else { "{}".to_owned() };
    let ca = ca.map(|ca| format!("certificate-authority: {}", ca.display())).unwrap_or_default();
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: lab\n\
         clusters:\n- name: lab\n  cluster:\n    server: {url}\n    {ca}\n\
         users:\n- name: lab\n  user: {user}\n\
         contexts:\n- name: lab\n  context: {{cluster: lab, user: lab}}\n"
    )
}

pub(super) async fn config(kubeconfig: &str) -> Config {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.expect("a configuration");
    config.default_retry = false;
    config.proxy_url = None;
    config
}

pub(super) async fn client(kubeconfig: &str) -> Client {
    Client::try_from(config(kubeconfig).await).expect("a client")
}
