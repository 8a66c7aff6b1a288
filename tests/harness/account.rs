//! A service account on a real control plane: what it may do, and what it has done.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::Request;
use kube::client::Body;
use nsfix::model::Permission;
use serde_json::{Value, json};

use super::command::Nsfix;
use super::kubeconfig::{client, kubeconfig};
use super::lab::Lab;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// A service account of the test's own.
pub struct Account {
    /// Its namespace, and its own name.
    pub name: String,
    /// A token of it.
    pub token: String,
    kubeconfig: PathBuf,
}

/// A request of an account, as the audit log has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// What it took; without a resource for discovery and the like.
    pub permission: Permission,
    /// Whether RBAC let it pass.
    pub allowed: bool,
    pub uri: String,
}

impl Account {
    /// A namespace, a service account in it that may do nothing, and a token.
    pub async fn create(lab: &Lab, name: &str) -> Self {
        let name = Lab::unique(name);
        let metadata = json!({"metadata": {"name": name}});
        lab.post("/api/v1/namespaces", &metadata).await.expect(201);
        let accounts = format!("/api/v1/namespaces/{name}/serviceaccounts");
        lab.post(&accounts, &metadata).await.expect(201);
        let token = lab.post(&format!("{accounts}/{name}/token"), &json!({"spec": {}})).await.expect(201);
        let token = token["status"]["token"].as_str().expect("a token").to_owned();
        let kubeconfig = lab.kubeconfig_of(&name, &token);
        for (kind, binding, namespace) in
            [("ClusterRole", "clusterrolebindings", None), ("Role", "rolebindings", Some("default"))]
        {
            let place = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
            let body = json!({
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": name}],
            });
            lab.post(&format!("{RBAC}{place}/{binding}"), &body).await.expect(201);
            let role = format!("{RBAC}{place}/{}s", kind.to_lowercase());
            lab.post(&role, &json!({"metadata": {"name": name}, "rules": []})).await.expect(201);
        }
        Self { name, token, kubeconfig }
    }

    fn user(&self) -> String {
        format!("system:serviceaccount:{name}:{name}", name = self.name)
    }

    /// Allows it exactly this, and waits until the server has taken note. Only namespace `default` has a Role.
    pub async fn allow(&self, lab: &Lab, permissions: &[Permission]) {
        let rule = |permission: &Permission| {
            let slash = if permission.subresource.is_empty() { "" } else { "/" };
            let resource = format!("{}{slash}{}", permission.resource, permission.subresource);
            json!({"apiGroups": [permission.group], "resources": [resource], "verbs": [permission.verb]})
        };
        let (cluster, default): (Vec<&Permission>, Vec<&Permission>) =
            permissions.iter().partition(|permission| permission.namespace.is_empty());
        assert!(default.iter().all(|permission| permission.namespace == "default"), "{default:?}");
        for (role, permissions) in [("clusterroles", cluster), ("namespaces/default/roles", default)] {
            // The last one marks this very state, so that it is known when it is in force.
            let mut rules: Vec<Value> = permissions.into_iter().map(rule).collect();
            let mark = Lab::unique("mark");
            rules.push(json!({"apiGroups": ["mark.example.com"], "resources": [mark], "verbs": ["get"]}));
            let body = json!({"metadata": {"name": self.name}, "rules": rules});
            lab.put(&format!("{RBAC}/{role}/{}", self.name), &body).await.expect(200);
            self.wait_until_allowed(lab, &mark).await;
        }
    }

    /// Waits until it may get this, which grants it the rest.
    pub async fn wait_until_allowed(&self, lab: &Lab, mark: &str) {
        let attributes =
            json!({"verb": "get", "group": "mark.example.com", "resource": mark, "namespace": "default"});
        let review = json!({"spec": {"user": self.user(), "resourceAttributes": attributes}});
        let started = Instant::now();
        loop {
            let answer = lab.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await;
            if answer.expect(201)["status"]["allowed"] == json!(true) {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "the role is never in force");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The built binary, run as this account.
    pub fn nsfix(&self, lab: &Lab, arguments: &[&str]) -> Nsfix {
        lab.nsfix(arguments).env("KUBECONFIG", &self.kubeconfig)
    }

    /// Everything that it has asked for so far.
    pub async fn used(&self, lab: &Lab) -> Vec<Used> {
        self.used_since(lab, &mut 0).await
    }

    /// What it has asked for since this place in the audit log, which moves on.
    pub async fn used_since(&self, lab: &Lab, since: &mut usize) -> Vec<Used> {
        let mark = format!("/version?mark={}", Lab::unique("mark"));
        let client = client(&kubeconfig(lab.url(), Some(lab.ca()), &self.token)).await;
        let request = Request::get(&mark).body(Body::empty()).expect("a request");
        client.send(request).await.expect("an answer");
        let started = Instant::now();
        loop {
            let log = lab.audit_log();
            let new = &log[*since..];
            if new.contains(&mark) {
                let whole = new.rfind('\n').map_or(0, |end| end + 1);
                *since += whole;
                return self.used_in(&new[..whole]);
            }
            assert!(started.elapsed() < Duration::from_secs(60), "the audit log is never written");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn used_in(&self, log: &str) -> Vec<Used> {
        let mut used = used_by(&self.user(), log);
        used.retain(|used| !used.uri.starts_with("/version?mark="));
        used
    }
}

/// What a user has asked for, by these lines of an audit log.
pub fn used_by(user: &str, log: &str) -> Vec<Used> {
    let whole = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    whole.filter(|event| event["user"]["username"] == user).map(|event| used(&event)).collect()
}

fn used(event: &Value) -> Used {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let permission = Permission {
        verb: text("/verb"),
        group: text("/objectRef/apiGroup"),
        resource: text("/objectRef/resource"),
        subresource: text("/objectRef/subresource"),
        namespace: text("/objectRef/namespace"),
        name: text("/objectRef/name"),
    };
    let allowed = text("/annotations/authorization.k8s.io~1decision") == "allow";
    Used { permission, allowed, uri: text("/requestURI") }
}
