//! What is stored cannot be read, listed, converted or released.

use serde_json::{Value, json};

use super::super::explain;
use super::{gone, stuck, warned};
use crate::harness::backend::{Backend, Certificate, Reply};
use crate::harness::fixtures::{create, path};
use crate::harness::{Answer, CACHE_SAYS_WHY, LISTS_FROM_CACHE, Lab};
use crate::tests;

tests! {
    RealAlone:
    a_schema_that_was_tightened_refuses_the_release,
    a_version_that_left_the_crd_is_named_and_brought_back,
    a_secret_that_cannot_be_decrypted_holds_every_namespace_alone_and_in_a_crowd,
    a_conversion_webhook_that_says_no_is_not_one_that_is_silent
}

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Anything goes.
fn open() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

fn version(name: &str, storage: bool, schema: &Value) -> Value {
    json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": schema}})
}

/// A CRD of widgets in a group of its own, in these versions; returns its name once it is served.
async fn widgets(lab: &Lab, group: &str, versions: &[Value]) -> String {
    let name = format!("widgets.{group}");
    let names =
        json!({"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"});
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": versions},
    });
    lab.post(CRDS, &crd).await.expect(201);
    let served = versions[0]["name"].as_str().unwrap();
    lab.wait_for(&format!("/apis/{group}/{served}/namespaces/default/widgets"), |answer| {
        answer.status == 200
    })
    .await;
    name
}

async fn widget(lab: &Lab, group: &str, version: &str, namespace: &str, finalizer: Option<&str>) {
    let body = json!({
        "apiVersion": format!("{group}/{version}"), "kind": "Widget",
        "metadata": {"name": "w", "finalizers": finalizer.into_iter().collect::<Vec<_>>()},
    });
    let path = format!("/apis/{group}/{version}/namespaces/{namespace}/widgets");
    let created = |answer: &Answer| answer.status == 201;
    for _ in 0..100 {
        if created(&lab.post(&path, &body).await) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{path} takes no widget");
}

async fn a_schema_that_was_tightened_refuses_the_release(lab: Lab) {
    let group = "tight.example.com";
    let crd = widgets(&lab, group, &[version("v1", true, &open())]).await;
    create(&lab, "tight").await;
    widget(&lab, group, "v1", "tight", Some("tight.example.com/cleanup")).await;
    let schema = json!({
        "type": "object", "required": ["spec"], "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"spec": {"type": "object", "required": ["owner"], "properties": {"owner": {"type": "string"}}}},
    });
    let patch = json!({"spec": {"versions": [version("v1", true, &schema)]}});
    lab.patch(&format!("{CRDS}/{crd}"), &patch).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    stuck(&lab, "tight", "tight.example.com/cleanup").await;

    let told = explain(&lab, "tight").await;
    told.is_stuck_by(&["RejectedUpdate", "HeldObjects"]);
    let cause = told.cause("RejectedUpdate");
    assert_eq!(cause["subject"], crd);
    assert!(cause["detail"].as_str().unwrap().contains("spec: Required value"), "{cause}");
    warned(
        &told,
        "step 1 is refused by the server as things are: dry run of PATCH widgets.tight.example.com/w: ",
    );
    // The remedy works: the schema relaxed, the release goes through.
    let patch = json!({"spec": {"versions": [version("v1", true, &open())]}});
    lab.patch(&format!("{CRDS}/{crd}"), &patch).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let clear = ["clear", "tight", "--yes", "--leftovers=release", "--patience=0s"];
    lab.nsfix(&clear).run().await.expect(0);
    gone(&lab, "tight").await;
}

async fn a_version_that_left_the_crd_is_named_and_brought_back(lab: Lab) {
    let group = "left.example.com";
    let both = [version("v1", true, &open()), version("v2", false, &open())];
    let crd = widgets(&lab, group, &both).await;
    let crd_path = format!("{CRDS}/{crd}");
    create(&lab, "left").await;
    create(&lab, "beside").await;
    widget(&lab, group, "v1", "left", None).await;
    let turned = json!({"spec": {"versions": [version("v1", false, &open()), version("v2", true, &open())]}});
    lab.patch(&crd_path, &turned).await.expect(200);
    lab.patch(&format!("{crd_path}/status"), &json!({"status": {"storedVersions": ["v2"]}}))
        .await
        .expect(200);
    lab.patch(&crd_path, &json!({"spec": {"versions": [version("v2", true, &open())]}})).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    stuck(&lab, "left", "invalid group/version").await;
    let mut names = vec!["left"];
    if lab.since(LISTS_FROM_CACHE) {
        stuck(&lab, "beside", in_cache(&lab, "invalid group/version")).await;
        names.push("beside");
    } else {
        lab.delete(&path("beside")).await.expect(200);
        gone(&lab, "beside").await;
    }

    // The same alone and in a crowd, and of the namespace that holds it as of one that does not.
    let mut alone = Vec::new();
    for name in &names {
        alone.push(explain(&lab, name).await);
    }
    let crowd = lab.nsfix(&[&["explain", "-o", "json"], &names[..]].concat()).run().await.expect(0).json();
    for (index, told) in alone.iter().enumerate() {
        let cause = told.cause("UnreadableObjects");
        assert_eq!(cause["subject"], crd);
        assert!(
            cause["detail"].as_str().unwrap().ends_with("stored in version v1, which is gone"),
            "{cause}"
        );
        let causes = |item: &Value| -> Vec<(Value, Value)> {
            let causes = item["causes"].as_array().unwrap().iter();
            causes.map(|cause| (cause["kind"].clone(), cause["subject"].clone())).collect()
        };
        assert_eq!(causes(&told.item), causes(&crowd["items"][index]));
    }
    // The command works as it is printed.
    let command = alone[0].cause("UnreadableObjects")["command"].as_str().unwrap().to_owned();
    let patch = command.split("-p '").nth(1).and_then(|rest| rest.split('\'').next()).expect(&command);
    let headers = [("content-type", "application/json-patch+json")];
    lab.request(http::Method::PATCH, &crd_path, &headers, patch.as_bytes().to_vec()).await.expect(200);
    gone(&lab, "left").await;
    gone(&lab, "beside").await;
}

/// What the controller is told of a cache that does not fill: since 1.33 why.
fn in_cache<'a>(lab: &Lab, why: &'a str) -> &'a str {
    if lab.since(CACHE_SAYS_WHY) { why } else { "storage is (re)initializing" }
}

async fn a_secret_that_cannot_be_decrypted_holds_every_namespace_alone_and_in_a_crowd(lab: Lab) {
    create(&lab, "sealed").await;
    create(&lab, "beside").await;
    for name in ["lost", "readable"] {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
        lab.post("/api/v1/namespaces/sealed/secrets", &secret).await.expect(201);
    }
    let key = "/registry/secrets/sealed/lost";
    lab.put_into_etcd(key, "k8s:enc:aescbc:v1:key1:0123456789abcdef0123456789abcdef").await;
    stuck(&lab, "sealed", "unable to transform key").await;
    if !lab.since(LISTS_FROM_CACHE) {
        let told = explain(&lab, "sealed").await;
        let detail = &told.cause("UnreadableObjects")["detail"];
        assert!(detail.as_str().unwrap().contains("lost in namespace sealed"), "{detail}");
        lab.delete(&path("beside")).await.expect(200);
        gone(&lab, "beside").await;
        lab.delete_from_etcd(key).await;
        gone(&lab, "sealed").await;
        return;
    }
    // From now on the cache that the controller deletes through does not fill, for any namespace.
    lab.wait_for("/api/v1/namespaces/beside/secrets", |answer| answer.status != 200).await;
    stuck(&lab, "beside", in_cache(&lab, "unable to transform key")).await;

    let told = explain(&lab, "sealed").await;
    let cause = told.cause("UnreadableObjects");
    assert_eq!(cause["subject"], "secrets");
    assert!(cause["detail"].as_str().unwrap().contains("(lost in namespace sealed)"), "{cause}");
    let remedy = cause["remedy"].as_str().unwrap();
    let request =
        "DELETE /api/v1/namespaces/sealed/secrets/lost?ignoreStoreReadErrorWithClusterBreakingPotential=true";
    assert!(remedy.contains(request) && remedy.contains("Warning: finalizers"), "{remedy}");
    assert_eq!(told.steps(), [""; 0], "nothing unread is abandoned");
    let alone = explain(&lab, "beside").await;
    let crowd = lab.nsfix(&["explain", "-o", "json", "sealed", "beside"]).run().await.expect(0).json();
    for item in [&alone.item, &crowd["items"][1]] {
        let causes = item["causes"].as_array().unwrap();
        let cause = causes
            .iter()
            .find(|cause| cause["kind"] == "UnreadableObjects")
            .unwrap_or_else(|| panic!("{item:#}"));
        assert!(cause["detail"].as_str().unwrap().contains("lost in namespace sealed, elsewhere"), "{cause}");
    }
    // With it out of the way, everything ends.
    lab.delete_from_etcd(key).await;
    gone(&lab, "sealed").await;
    gone(&lab, "beside").await;
}

fn refuse_to_convert(_: &str, _: &str, body: &Value) -> Reply {
    let response = json!({"uid": body["request"]["uid"], "convertedObjects": [],
                          "result": {"status": "Failed", "message": "no colour in v2"}});
    Reply::Json(
        200,
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": response}),
    )
}

async fn a_conversion_webhook_that_says_no_is_not_one_that_is_silent(lab: Lab) {
    let backend = Backend::start(Certificate::Good, refuse_to_convert).await;
    let group = "stubborn.example.com";
    let versions = [version("v1", true, &open()), version("v2", false, &open())];
    let crd = widgets(&lab, group, &versions).await;
    create(&lab, "stubborn").await;
    widget(&lab, group, "v1", "stubborn", None).await;
    let conversion = json!({
        "strategy": "Webhook",
        "webhook": {"clientConfig": backend.client_config("convert"), "conversionReviewVersions": ["v1"]},
    });
    let patch = json!({"spec": {"conversion": conversion, "preserveUnknownFields": false,
                                "versions": [version("v1", false, &open()), version("v2", true, &open())]}});
    lab.patch(&format!("{CRDS}/{crd}"), &patch).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    stuck(&lab, "stubborn", "conversion webhook").await;
    let told = explain(&lab, "stubborn").await;
    let cause = told.cause("FailingConversionWebhook");
    assert_eq!(cause["subject"], crd);
    let detail = cause["detail"].as_str().unwrap();
    assert!(detail.ends_with("its webhook was asked and does not convert them"), "{cause}");
    assert!(cause["evidence"].to_string().contains("no colour in v2"), "{cause}");
}
