//! What is served from a namespace, and who works in it.

use http::Method;
use serde_json::{Value, json};

use super::check;
use crate::harness::fixtures::{create, path};
use crate::harness::{ADMISSION_POLICIES, CACHE_SAYS_WHY, LISTS_FROM_CACHE, Lab};
use crate::tests;

tests! { RealAlone:
    a_conversion_that_fails_elsewhere_holds_here;
    BothAlone:
    an_api_that_is_served_from_here_holds_this_namespace_and_every_other;
    Both:
    a_webhook_that_is_served_from_here_is_named_with_what_it_would_refuse,
    a_guard_on_the_namespace_itself_is_found_by_rehearsal,
    an_operator_is_found_by_its_rights,
    a_volume_that_is_retained_leaks,
    explain_says_the_same_of_an_active_namespace
}

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

async fn fresh(lab: &Lab, name: &str) -> String {
    let name = Lab::unique(name);
    create(lab, &name).await;
    name
}

async fn service(lab: &Lab, namespace: &str, name: &str) {
    let body = json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 443}]}});
    lab.post(&format!("{}/services", path(namespace)), &body).await.expect(201);
}

async fn an_api_that_is_served_from_here_holds_this_namespace_and_every_other(lab: Lab) {
    let name = fresh(&lab, "apis").await;
    let api = json!({
        "metadata": {"name": "v1beta1.served.example.com"},
        "spec": {
            "group": "served.example.com", "version": "v1beta1", "groupPriorityMinimum": 100,
            "versionPriority": 100, "insecureSkipTLSVerify": true,
            "service": {"namespace": name, "name": "served", "port": 443},
        },
    });
    lab.post("/apis/apiregistration.k8s.io/v1/apiservices", &api).await.expect(201);
    let judged = |answer: &crate::harness::Answer| answer.json()["status"]["conditions"].is_array();
    lab.wait_for("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.served.example.com", judged).await;
    // Nobody answers for it yet, so that it holds every namespace already; and it is said once.
    let told = check(&lab, &name).await;
    told.expects("certain", &["UnavailableApi"]);
    assert_eq!(told.kinds("breaksOthers"), [""; 0]);
    let other = fresh(&lab, "other").await;
    check(&lab, &other).await.expects("certain", &["UnavailableApi"]);
}

/// The server fills its cache of a type from all namespaces; the controller deletes through it.
async fn a_conversion_that_fails_elsewhere_holds_here(lab: Lab) {
    let name = fresh(&lab, "beside").await;
    check(&lab, &name).await.expects_nothing();
    lab.play("dead-conversion-webhook").await;
    if !lab.since(LISTS_FROM_CACHE) {
        check(&lab, &name).await.expects_nothing();
        lab.delete(&path(&name)).await.expect(200);
        lab.wait_for(&path(&name), |answer| answer.status == 404).await;
        return;
    }
    check(&lab, &name).await.expects("certain", &["FailingConversionWebhook"]);
    lab.delete(&path(&name)).await.expect(200);
    let why = if lab.since(CACHE_SAYS_WHY) { "conversion webhook" } else { "storage is (re)initializing" };
    let said = |answer: &crate::harness::Answer| answer.text.contains(why);
    lab.wait_for(&path(&name), said).await;
    let explained = lab.nsfix(&["explain", &name, "-o", "json"]).run().await.expect(0).json();
    let causes = explained["items"][0]["namespace"]["causes"].to_string();
    assert!(causes.contains("FailingConversionWebhook"), "{causes}");
}

async fn a_webhook_that_is_served_from_here_is_named_with_what_it_would_refuse(lab: Lab) {
    let name = fresh(&lab, "webhooks").await;
    service(&lab, &name, "guard").await;
    let hook = json!({
        "metadata": {"name": name},
        "webhooks": [{
            "name": format!("{name}.example.com"), "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"service": {"namespace": name, "name": "guard", "port": 443}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["podtemplates"]}],
        }],
    });
    let hooks = format!("{ADMISSION}/validatingwebhookconfigurations");
    lab.post(&hooks, &hook).await.expect(201);
    let told = check(&lab, &name).await;
    told.expects("breaksOthers", &["FailingAdmissionWebhook"]);
    let broken = &told.item["breaksOthers"][0];
    assert!(broken["detail"].as_str().unwrap().contains("CREATE of podtemplates"), "{broken}");
    let command = broken["command"].as_str().unwrap();
    assert!(
        command.contains("| grep -qxE")
            && command.ends_with(&format!("delete validatingwebhookconfiguration {name}"))
    );
    // Nobody else is troubled by it.
    let other = fresh(&lab, "other").await;
    assert_eq!(check(&lab, &other).await.kinds("breaksOthers"), [""; 0]);
    lab.delete(&format!("{hooks}/{name}")).await.expect(200);
}

async fn a_guard_on_the_namespace_itself_is_found_by_rehearsal(lab: Lab) {
    if !lab.since(ADMISSION_POLICIES) {
        return;
    }
    let name = fresh(&lab, "guarded").await;
    let only = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    let policy = json!({
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"namespaceSelector": only, "resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["namespaces"],
            }]},
            "validations": [{"expression": "false", "message": "this one stays"}],
        },
    });
    let binding =
        json!({"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}});
    lab.post(&format!("{ADMISSION}/validatingadmissionpolicies"), &policy).await.expect(201);
    lab.post(&format!("{ADMISSION}/validatingadmissionpolicybindings"), &binding).await.expect(201);
    // A policy is in force a moment after it is stored.
    let started = std::time::Instant::now();
    while lab.delete(&format!("{}?dryRun=All", path(&name))).await.status == 200 {
        assert!(started.elapsed().as_secs() < 60, "the policy is never in force");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let told = check(&lab, &name).await;
    told.expects("certain", &["AdmissionRefusal"]);
    assert!(told.item["certain"][0].to_string().contains("this one stays"), "{told:#?}");
    let namespace = lab.get(&path(&name)).await.expect(200);
    assert_eq!(namespace["metadata"]["deletionTimestamp"], Value::Null);
}

/// A custom type of the test's own, and an object of it that waits for its operator.
pub(super) async fn held_custom_resource(lab: &Lab, group: &str, namespace: &str, manager: &str) {
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("buckets.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "buckets", "singular": "bucket", "kind": "Bucket", "listKind": "BucketList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    });
    lab.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &crd).await.expect(201);
    let buckets = format!("/apis/{group}/v1/namespaces/{namespace}/buckets");
    lab.wait_for(&buckets, |answer| answer.status == 200).await;
    let bucket = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Bucket",
        "metadata": {"name": "images", "finalizers": [format!("{group}/cleanup")]},
        "spec": {"credentials": {"secretRef": {"name": "creds"}}},
    });
    let started = std::time::Instant::now();
    while lab.post(&format!("{buckets}?fieldManager={manager}"), &bucket).await.status != 201 {
        assert!(started.elapsed().as_secs() < 60, "the type is never served");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

async fn an_operator_is_found_by_its_rights(lab: Lab) {
    let (name, home) = (fresh(&lab, "buckets").await, fresh(&lab, "operators").await);
    let group = format!("{}.example.org", Lab::unique("cloud"));
    held_custom_resource(&lab, &group, &name, "curl").await;
    check(&lab, &name).await.expects("likely", &["HeldObjects"]);
    // An operator that carries no label anybody knows, with rights in this namespace alone.
    let rule = json!({"apiGroups": [group], "resources": ["buckets", "buckets/status"], "verbs": ["update"]});
    let role = json!({"metadata": {"name": name}, "rules": [rule]});
    lab.post(&format!("{RBAC}/clusterroles"), &role).await.expect(201);
    let binding = json!({
        "metadata": {"name": "operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": home}],
    });
    lab.post(&format!("{RBAC}/namespaces/{name}/rolebindings"), &binding).await.expect(201);
    let pod = json!({
        "metadata": {"name": "operator-0"},
        "spec": {
            "serviceAccountName": "operator", "automountServiceAccountToken": false,
            "containers": [{"name": "main", "image": "registry.example.com/operator:1"}],
        },
    });
    lab.post(&format!("{}/pods", path(&home)), &pod).await.expect(201);
    let running = json!({"status": {"phase": "Running"}});
    let status = format!("{}/pods/operator-0/status", path(&home));
    lab.send(Method::PATCH, &status, &running).await.expect(200);
    let told = check(&lab, &name).await;
    told.expects("likely", &["Deadlock"]);
    assert!(told.item["likely"][0].to_string().contains("RoleBinding operator"), "{told:#?}");
    // With rights everywhere it can do its work.
    let everywhere = json!({
        "metadata": {"name": name}, "roleRef": binding["roleRef"], "subjects": binding["subjects"],
    });
    lab.post(&format!("{RBAC}/clusterrolebindings"), &everywhere).await.expect(201);
    check(&lab, &name).await.expects_nothing();
    // But not without the Secret that it logs in with.
    let secret = json!({"metadata": {"name": "creds"}});
    lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    let told = check(&lab, &name).await;
    told.expects("likely", &["Deadlock"]);
    assert!(told.item["likely"][0].to_string().contains("Secret creds"), "{told:#?}");
    let order = told.item["order"].to_string();
    assert!(order.find("kubectl delete buckets").unwrap() < order.find("kubectl delete namespace").unwrap());
}

async fn a_volume_that_is_retained_leaks(lab: Lab) {
    let name = fresh(&lab, "volumes").await;
    let claim = json!({
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "volumeName": name,
            "resources": {"requests": {"storage": "1Gi"}}},
    });
    lab.post(&format!("{}/persistentvolumeclaims", path(&name)), &claim).await.expect(201);
    let volume = |policy: &str| {
        json!({
            "metadata": {"name": name},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": "none", "capacity": {"storage": "1Gi"},
                "hostPath": {"path": "/data"}, "claimRef": {"namespace": name, "name": "data"},
                "persistentVolumeReclaimPolicy": policy,
            },
        })
    };
    lab.post("/api/v1/persistentvolumes", &volume("Delete")).await.expect(201);
    let told = check(&lab, &name).await;
    told.expects_nothing();
    assert_eq!(told.item["outside"][0]["fate"], "Deleted");
    let retain = json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}});
    lab.patch(&format!("/api/v1/persistentvolumes/{name}"), &retain).await.expect(200);
    let told = check(&lab, &name).await;
    assert_eq!((told.code, &told.item["outside"][0]["fate"]), (Some(3), &json!("Leaked")), "{told:#?}");
}

async fn explain_says_the_same_of_an_active_namespace(lab: Lab) {
    let name = fresh(&lab, "active").await;
    crate::harness::fixtures::hold(&lab, &name).await;
    let told = check(&lab, &name).await;
    told.expects("likely", &["HeldObjects"]);
    let explained = lab.nsfix(&["explain", &name, "-o", "json"]).run().await.expect(0).json();
    assert_eq!(explained["items"][0]["prediction"], told.item);
    let shown = lab.nsfix(&["explain", &name]).run().await.expect(0).stdout;
    assert!(shown.contains("If it were deleted: ") && shown.contains("An order that works"), "{shown}");
}
