//! Namespaces for the tests, made by plain requests.

use http::Method;
use serde_json::{Value, json};

use super::{Answer, Lab};

/// Creates a namespace.
pub async fn create(lab: &Lab, name: &str) -> Value {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": "blue"}}});
    lab.post("/api/v1/namespaces", &body).await.expect(201)
}

/// Creates a ConfigMap that a finalizer holds.
pub async fn hold(lab: &Lab, namespace: &str) {
    let metadata = json!({"name": "held", "finalizers": ["example.com/hold"]});
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    lab.post(&format!("/api/v1/namespaces/{namespace}/configmaps"), &body).await.expect(201);
}

/// Removes that finalizer.
pub async fn release(lab: &Lab, namespace: &str) -> Answer {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/held");
    lab.patch(&path, &json!({"metadata": {"finalizers": null}})).await
}

/// A user whom a ClusterRole of the same name allows this, and nothing else.
pub async fn user(lab: &Lab, name: &str, rules: &Value) -> String {
    let name = Lab::unique(name);
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({"metadata": {"name": name}, "rules": rules});
    lab.post(&format!("{rbac}/clusterroles"), &role).await.expect(201);
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
    });
    lab.post(&format!("{rbac}/clusterrolebindings"), &binding).await.expect(201);
    name
}

/// A namespace in Terminating that the controller cannot finish, because a ConfigMap in it is held.
pub async fn terminating(lab: &Lab) -> String {
    let name = Lab::unique("stuck");
    create(lab, &name).await;
    hold(lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    name
}

pub fn path(name: &str) -> String {
    format!("/api/v1/namespaces/{name}")
}

pub fn finalize_path(name: &str) -> String {
    format!("/api/v1/namespaces/{name}/finalize")
}

/// GETs the namespace, changes it, PUTs it to /finalize; again if the controller wrote in between.
pub async fn finalize(lab: &Lab, name: &str, query: &str, change: impl Fn(&mut Value)) -> (Value, Answer) {
    loop {
        let read = lab.get(&path(name)).await.expect(200);
        let mut body = read.clone();
        change(&mut body);
        let answer = lab.send(Method::PUT, &format!("{}{query}", finalize_path(name)), &body).await;
        let raced = answer.status == 409
            && body["metadata"]["resourceVersion"] == read["metadata"]["resourceVersion"]
            && body["metadata"]["uid"] == read["metadata"]["uid"];
        if !raced {
            return (read, answer);
        }
    }
}

pub fn without_finalizers(body: &mut Value) {
    body["spec"]["finalizers"] = json!([]);
}

/// YAML documents, each of them one object as JSON: what a backup is made of.
pub fn documents(objects: &[Value]) -> String {
    let documents: Vec<String> = objects.iter().map(|object| format!("---\n{object}\n")).collect();
    documents.concat()
}
