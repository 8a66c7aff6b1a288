//! What is stored cannot be read, listed, converted or released.

use serde_json::{Value, json};

use super::super::explain;
use super::{gone, stuck, warned};
use crate::harness::backend::{Backend, Certificate, Reply};
use crate::harness::fixtures::{create, path};
use crate::harness::{Answer, LISTS_FROM_CACHE, Lab};
use crate::tests;

tests! {
    RealAlone:
    a_schema_that_was_tightened_refuses_the_release,
    a_version_that_left_the_crd_is_named_and_brought_back,
    a_secret_that_cannot_be_decrypted_holds_every_namespace_alone_and_in_a_crowd,
    an_api_whose_lists_fail_is_named_for_every_namespace,
    an_api_that_does_not_delete_is_named,
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
        stuck(&lab, "beside", "invalid group/version").await;
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
    stuck(&lab, "beside", "unable to transform key").await;

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

/// One type, whose lists are answered according to the group: `NAME.agg.example.com`.
fn aggregated(method: &str, path: &str, _: &Value) -> Reply {
    let parts: Vec<&str> = path.split('?').next().unwrap_or_default().trim_matches('/').split('/').collect();
    let ["apis", group, version, rest @ ..] = parts.as_slice() else {
        return Reply::Text(404, "text/plain", "404 page not found".to_owned());
    };
    let group_version = format!("{group}/{version}");
    if rest.is_empty() {
        let verbs = ["get", "list", "delete", "deletecollection"];
        let things = json!({"name": "things", "singularName": "thing", "namespaced": true, "kind": "Thing", "verbs": verbs});
        let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": [things]});
        return Reply::Json(200, list);
    }
    let failure = |code: u16, reason: &str, message: &str| {
        Reply::Json(
            code,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
                                 "message": message, "code": code}),
        )
    };
    let thing = json!({"apiVersion": group_version, "kind": "Thing", "metadata": {"name": "t", "namespace": "kept", "uid": "t-1"}});
    match group.split('.').next().unwrap_or_default() {
        "broken" => failure(500, "InternalError", "no marshaller for ThingList"),
        "shut" => failure(403, "Forbidden", "things.shut.agg.example.com is forbidden: not set up"),
        "page" => Reply::Text(200, "text/html", "<html>Log in</html>".to_owned()),
        "cut" => Reply::Text(200, "application/json", "{\"kind\":\"ThingList\",\"items\":[".to_owned()),
        "kept" if method == "DELETE" => failure(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
        "kept" if rest.contains(&"kept") || rest.len() == 1 => Reply::Json(
            200,
            json!({"kind": "ThingList", "apiVersion": group_version, "metadata": {}, "items": [thing]}),
        ),
        _ => Reply::Json(
            200,
            json!({"kind": "ThingList", "apiVersion": group_version, "metadata": {}, "items": []}),
        ),
    }
}

async fn api(lab: &Lab, backend: &Backend, mode: &str) -> String {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "agg"},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": backend.port}]},
    });
    lab.post("/api/v1/namespaces/default/services", &service).await;
    let group = format!("{mode}.agg.example.com");
    let name = format!("v1.{group}");
    let body = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name},
        "spec": {"group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": true,
                 "service": {"name": "agg", "namespace": "default", "port": backend.port}},
    });
    lab.post("/apis/apiregistration.k8s.io/v1/apiservices", &body).await.expect(201);
    lab.wait_for(&format!("/apis/{group}/v1"), |answer| answer.status == 200).await;
    name
}

async fn without_api(lab: &Lab, name: &str) {
    lab.delete(&format!("/apis/apiregistration.k8s.io/v1/apiservices/{name}")).await.expect(200);
}

async fn an_api_whose_lists_fail_is_named_for_every_namespace(lab: Lab) {
    let backend = Backend::start(Certificate::Good, aggregated).await;
    for mode in ["broken", "shut", "page", "cut"] {
        let name = api(&lab, &backend, mode).await;
        create(&lab, mode).await;
        lab.delete(&path(mode)).await.expect(200);
        let reported = |answer: &Answer| answer.json()["status"]["conditions"].is_array();
        lab.wait_for(&path(mode), reported).await;
        let told = explain(&lab, mode).await;
        told.is_stuck_by(&["UnavailableApi"]);
        assert_eq!(told.cause("UnavailableApi")["subject"], name);
        told.evidence("UnavailableApi", &format!("APIService {name} is served by service default/agg"));
        assert_eq!(told.steps(), [""; 0], "what is in it is unknown");
        without_api(&lab, &name).await;
        gone(&lab, mode).await;
    }
}

async fn an_api_that_does_not_delete_is_named(lab: Lab) {
    let backend = Backend::start(Certificate::Good, aggregated).await;
    let name = api(&lab, &backend, "kept").await;
    create(&lab, "kept").await;
    lab.delete(&path("kept")).await.expect(200);
    let reported = |answer: &Answer| answer.json()["status"]["conditions"].is_array();
    lab.wait_for(&path("kept"), reported).await;
    let told = explain(&lab, "kept").await;
    let said = told.item["namespace"]["conditions"].to_string();
    if said.contains("Resource=things") {
        let cause = told.cause("UnavailableApi");
        assert_eq!(cause["subject"], name);
        assert!(cause["detail"].as_str().unwrap().starts_with("things.kept.agg.example.com"), "{cause}");
    }
    // Either way the type is named, and no pod is.
    assert!(told.item.to_string().contains("things.kept.agg.example.com"), "{:#}", told.item);
    assert!(!told.item["causes"].to_string().contains("pods remain"), "{:#}", told.item);
    without_api(&lab, &name).await;
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
