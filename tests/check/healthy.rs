//! Healthy namespaces: one line each, and no false alarm.

use std::time::Instant;

use http::Method;
use serde_json::{Value, json};

use crate::harness::Lab;
use crate::harness::fixtures::path;
use crate::tests;

tests! { BothAlone:
    fifty_healthy_namespaces_raise_at_most_two_alarms;
    Both:
    a_healthy_namespace_is_one_line,
    what_cannot_be_told_ends_with_one
}

const COUNT: usize = 50;
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

async fn post(lab: &Lab, path: &str, body: &Value) {
    let started = Instant::now();
    loop {
        let answer = lab.post(path, body).await;
        if answer.status < 300 || answer.status == 409 {
            return;
        }
        assert!(started.elapsed().as_secs() < 60, "{path}: {answer:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// An operator in a namespace of its own, with a type, rights and a running pod. `labelled`: as its chart would.
async fn operator(lab: &Lab, index: usize) -> String {
    let group = format!("op{index}.example.net");
    let home = format!("operator-{index}");
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    });
    post(lab, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &crd).await;
    post(lab, "/api/v1/namespaces", &json!({"metadata": {"name": home}})).await;
    let resources =
        if index.is_multiple_of(2) { json!(["things", "things/finalizers"]) } else { json!(["*"]) };
    let rule =
        json!({"apiGroups": [group], "resources": resources, "verbs": ["get", "list", "update", "patch"]});
    post(lab, &format!("{RBAC}/clusterroles"), &json!({"metadata": {"name": home}, "rules": [rule]})).await;
    let binding = json!({
        "metadata": {"name": home},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": home},
        "subjects": [{"kind": "ServiceAccount", "name": "controller", "namespace": home}],
    });
    post(lab, &format!("{RBAC}/clusterrolebindings"), &binding).await;
    let pod = json!({
        "metadata": {"name": "controller-0", "labels": {"control-plane": "controller-manager"}},
        "spec": {
            "serviceAccountName": "controller", "automountServiceAccountToken": false,
            "containers": [{"name": "main", "image": "registry.example.com/operator:1"}],
        },
    });
    post(lab, &format!("{}/pods", path(&home)), &pod).await;
    let status = format!("{}/pods/controller-0/status", path(&home));
    lab.send(Method::PATCH, &status, &json!({"status": {"phase": "Running"}})).await.expect(200);
    group
}

/// What a team has in a namespace: a Helm release, a volume, a load balancer, what an operator looks after.
async fn team(lab: &Lab, name: &str, index: usize, groups: &[String]) {
    post(lab, "/api/v1/namespaces", &json!({"metadata": {"name": name, "labels": {"healthy": "yes"}}})).await;
    let base = path(name);
    let release = json!({
        "metadata": {"name": format!("sh.helm.release.v1.{name}.v1"),
            "labels": {"owner": "helm", "name": name, "status": "deployed", "version": "1"}},
        "type": "helm.sh/release.v1",
    });
    post(lab, &format!("{base}/secrets"), &release).await;
    post(lab, &format!("{base}/configmaps"), &json!({"metadata": {"name": "settings"}})).await;
    let claim = json!({
        "metadata": {"name": "data", "finalizers": ["kubernetes.io/pvc-protection"]},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "volumeName": name,
            "resources": {"requests": {"storage": "1Gi"}}},
    });
    post(lab, &format!("{base}/persistentvolumeclaims"), &claim).await;
    let volume = json!({
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "none", "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/data"}, "claimRef": {"namespace": name, "name": "data"},
            "persistentVolumeReclaimPolicy": "Delete",
        },
    });
    post(lab, "/api/v1/persistentvolumes", &volume).await;
    let balancer = json!({
        "metadata": {"name": "public", "finalizers": ["service.kubernetes.io/load-balancer-cleanup"]},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 443}]},
    });
    post(lab, &format!("{base}/services"), &balancer).await;
    let pod = json!({
        "metadata": {"name": "web"},
        "spec": {
            "nodeName": "cloud-node", "automountServiceAccountToken": false, "serviceAccountName": "default",
            "containers": [{"name": "main", "image": "registry.example.com/web:1"}],
        },
    });
    post(lab, &format!("{base}/pods"), &pod).await;
    let group = &groups[index % groups.len()];
    let thing = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Thing",
        "metadata": {"name": "thing", "finalizers": [format!("{group}/finalizer")]},
        // What an operator makes, and what it mounts: neither is needed for its deletion.
        "spec": {"writeConnectionSecretToRef": {"name": "settings"}, "template": {"secretName": "settings"}},
    });
    post(lab, &format!("/apis/{group}/v1/namespaces/{name}/things?fieldManager=manager"), &thing).await;
}

/// A cluster in a cloud, whose service controller runs where nobody sees it.
async fn healthy_cluster(lab: &Lab) -> Vec<String> {
    let node = json!({
        "metadata": {"name": "cloud-node"}, "spec": {"providerID": "aws:///eu-central-1a/i-0123"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    });
    post(lab, "/api/v1/nodes", &node).await;
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    lab.send(Method::PATCH, "/api/v1/nodes/cloud-node/status", &ready).await.expect(200);
    let mut groups = Vec::new();
    for index in 0..10 {
        groups.push(operator(lab, index).await);
    }
    let names: Vec<String> = (0..COUNT).map(|index| format!("team-{index}")).collect();
    for (index, name) in names.iter().enumerate() {
        team(lab, name, index, &groups).await;
    }
    names
}

async fn fifty_healthy_namespaces_raise_at_most_two_alarms(lab: Lab) {
    let names = healthy_cluster(&lab).await;
    let started = Instant::now();
    let ran = lab.nsfix(&["check", "-l", "healthy=yes", "-o", "json"]).run().await;
    let took = started.elapsed();
    let document = ran.json();
    let items = document["items"].as_array().unwrap();
    assert_eq!(items.len(), names.len());
    let count =
        |section: &str| items.iter().map(|item| item[section].as_array().unwrap().len()).sum::<usize>();
    println!(
        "{} healthy namespaces in {took:?}: {} certain, {} likely, {} broken elsewhere",
        names.len(),
        count("certain"),
        count("likely"),
        count("breaksOthers")
    );
    assert_eq!((count("certain"), count("breaksOthers")), (0, 0), "{document:#}");
    assert!(count("likely") <= 2, "{document:#}");
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

async fn a_healthy_namespace_is_one_line(lab: Lab) {
    let name = Lab::unique("healthy");
    crate::harness::fixtures::create(&lab, &name).await;
    post(&lab, &format!("{}/configmaps", path(&name)), &json!({"metadata": {"name": "settings"}})).await;
    let ran = lab.nsfix(&["check", &name]).run().await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name}: nothing would get stuck, break or leak\n"));
    assert_eq!(ran.stderr, "");
}

async fn what_cannot_be_told_ends_with_one(lab: Lab) {
    let ran = lab.nsfix(&["check", "nowhere"]).run().await.expect(1);
    assert!(ran.stderr.contains("namespaces \"nowhere\" not found"), "{ran:?}");
    let name = crate::harness::fixtures::terminating(&lab).await;
    let ran = lab.nsfix(&["check", &name]).run().await.expect(1);
    assert!(ran.stderr.contains("is being deleted already"), "{ran:?}");
    assert!(ran.stderr.contains(&format!("nsfix explain {name}")), "{ran:?}");
    lab.nsfix(&["check"]).run().await.expect(2);
    // One of Kubernetes' own is refused for ever, and no order gets around that.
    let ran = lab.nsfix(&["check", "kube-system", "-o", "json"]).run().await.expect(3);
    let item = ran.json()["items"][0].clone();
    let certain = item["certain"].to_string();
    assert!(certain.contains("the namespace is one of its own") && certain.contains("leave it"), "{item:#}");
    assert_eq!(item["order"], json!([]));
}
