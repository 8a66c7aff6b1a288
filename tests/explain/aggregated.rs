//! Aggregated APIs whose servers misbehave.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::explain;
use super::reports::gone;
use crate::harness::backend::{Backend, Certificate, Reply};
use crate::harness::fixtures::{create, path};
use crate::harness::{Answer, ControlPlane, Lab};
use crate::tests;

tests! {
    RealAlone:
    an_api_whose_lists_fail_is_named_for_every_namespace,
    an_api_that_hangs_is_named_before_the_controller_has_said_a_word,
    an_api_that_does_not_delete_is_named;
    RealIdle:
    what_need_not_honour_a_dry_run_is_never_asked_for_one;
    Real:
    a_webhook_in_the_files_of_the_api_server_is_named_from_its_words
}

/// The writes that an API without dry runs has carried out.
static WRITES: Mutex<usize> = Mutex::new(0);

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
    let thing = json!({"apiVersion": group_version, "kind": "Thing", "metadata":
        {"name": "t", "namespace": "kept", "uid": "t-1", "resourceVersion": "1", "finalizers": ["deaf.agg.example.com/hold"]}});
    match group.split('.').next().unwrap_or_default() {
        "broken" => failure(500, "InternalError", "no marshaller for ThingList"),
        "shut" => failure(403, "Forbidden", "things.shut.agg.example.com is forbidden: not set up"),
        // It has never heard of dry runs: whatever asks for a write has it.
        "deaf" if method != "GET" => {
            *WRITES.lock().unwrap() += 1;
            Reply::Json(200, thing)
        }
        "deaf" if rest.last() == Some(&"t") => Reply::Json(200, thing),
        "hang" => Reply::Hang,
        "page" => Reply::Text(200, "text/html", "<html>Log in</html>".to_owned()),
        "cut" => Reply::Text(200, "application/json", "{\"kind\":\"ThingList\",\"items\":[".to_owned()),
        "kept" if method == "DELETE" => failure(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
        "kept" | "deaf" if rest.contains(&"kept") || rest.len() == 1 => Reply::Json(
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

async fn an_api_that_hangs_is_named_before_the_controller_has_said_a_word(lab: Lab) {
    let backend = Backend::start(Certificate::Good, aggregated).await;
    let name = api(&lab, &backend, "hang").await;
    for each in ["hang", "beside"] {
        create(&lab, each).await;
        lab.delete(&path(each)).await.expect(200);
    }
    let started = std::time::Instant::now();
    let ran = lab.nsfix(&["explain", "hang", "beside", "-o", "json"]).run().await.expect(0);
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    for item in ran.json()["items"].as_array().unwrap() {
        let causes = item["causes"].as_array().unwrap();
        assert_eq!(
            (&causes[0]["kind"], &causes[0]["subject"]),
            (&json!("UnavailableApi"), &json!(name)),
            "{item:#}"
        );
        assert!(causes[0].to_string().contains("no answer within"), "{item:#}");
        assert_eq!(item["plan"], json!([]), "what is in it is unknown");
    }
    assert!(!ran.stderr.contains("trouble"), "{ran:?}");
    let told = lab.nsfix(&["explain", "hang", "beside"]).run().await.expect(0).stdout;
    assert!(told.starts_with("Shared causes\n  API hang.agg.example.com/v1 is discovered"), "{told}");
    without_api(&lab, &name).await;
    gone(&lab, "hang").await;
    gone(&lab, "beside").await;
}

async fn what_need_not_honour_a_dry_run_is_never_asked_for_one(lab: Lab) {
    let backend = Backend::start(Certificate::Good, aggregated).await;
    let name = api(&lab, &backend, "deaf").await;
    create(&lab, "kept").await;
    // Before the deletion.
    let ran = lab.nsfix(&["check", "kept", "-o", "json"]).run().await;
    let item = ran.json()["items"][0].clone();
    let gaps = item["couldNotLook"].as_array().unwrap();
    let gap = gaps.iter().find(|gap| gap["what"] == "the deletion of things.deaf.agg.example.com");
    let gap = gap.unwrap_or_else(|| panic!("{item:#}"));
    assert!(gap["why"].as_str().unwrap().contains("need not honour a dry run"), "{gap}");
    assert_eq!(gap["mayMatter"], json!(false));
    lab.nsfix(&["explain", "kept"]).run().await.expect(0);
    // And after it, when its release is rehearsed, and all of a clear.
    lab.delete(&path("kept")).await.expect(200);
    let told = explain(&lab, "kept").await;
    assert!(told.item["plan"].to_string().contains("things.deaf.agg.example.com"), "{:#}", told.item);
    let clear = ["clear", "kept", "--dry-run=server", "--leftovers=release", "--patience=0s"];
    let ran = lab.nsfix(&clear).run().await;
    assert!(ran.stderr.contains("Warning: 1 Thing.deaf.agg.example.com: not rehearsed, "), "{ran:?}");
    assert!(ran.stderr.contains("need not honour a dry run"), "{ran:?}");
    assert_eq!(*WRITES.lock().unwrap(), 0, "a dry run was carried out");
    without_api(&lab, &name).await;
}

fn refuse(_: &str, _: &str, body: &Value) -> Reply {
    let response = json!({"uid": body["request"]["uid"], "allowed": false, "status": {"message": "sealed by the platform"}});
    Reply::Json(
        200,
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}),
    )
}

/// Admission that is configured in files is not in the API (beta since Kubernetes 1.37).
async fn a_webhook_in_the_files_of_the_api_server_is_named_from_its_words(lab: Lab) {
    let version = lab.get("/version").await.expect(200);
    let minor: u32 = version["minor"].as_str().unwrap().trim_end_matches('+').parse().unwrap();
    if minor < 36 {
        return;
    }
    let backend = Backend::start(Certificate::Good, refuse).await;
    let manifests = lab.dir().join("admission");
    std::fs::create_dir(&manifests).unwrap();
    let hook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "seal.static.k8s.io"},
        "webhooks": [{
            "name": "seal.static.k8s.io", "failurePolicy": "Fail", "sideEffects": "None", "matchPolicy": "Equivalent",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 5, "clientConfig": backend.client_config("seal"),
            "rules": [{"apiGroups": [""], "apiVersions": ["*"], "resources": ["configmaps"], "operations": ["DELETE"]}],
        }],
    });
    std::fs::write(manifests.join("seal.yaml"), hook.to_string()).unwrap();
    let configuration = json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
        "plugins": [{"name": "ValidatingAdmissionWebhook", "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "WebhookAdmissionConfiguration",
            "staticManifestsDir": manifests,
        }}],
    });
    let file = lab.dir().join("admission.yaml");
    std::fs::write(&file, configuration.to_string()).unwrap();
    let plane = ControlPlane::find().unwrap().with_api_server_flags(vec![
        format!("--admission-control-config-file={}", file.display()),
        "--feature-gates=ManifestBasedAdmissionControlConfig=true".to_owned(),
    ]);
    let lab = Lab::real(plane.clone()).await;
    create(&lab, "sealed").await;
    let settings = json!({"metadata": {"name": "settings"}});
    lab.post(&format!("{}/configmaps", path("sealed")), &settings).await.expect(201);
    // It is known before the deletion,
    let ran = lab.nsfix(&["check", "sealed", "-o", "json"]).run().await.expect(3);
    let certain = ran.json()["items"][0]["certain"][0].clone();
    assert_eq!(
        (&certain["kind"], &certain["subject"]),
        (&json!("AdmissionRefusal"), &json!("seal.static.k8s.io")),
        "{ran:?}"
    );
    // and after it.
    lab.delete(&path("sealed")).await.expect(200);
    let said = |answer: &Answer| answer.text.contains("sealed by the platform");
    lab.wait_for(&path("sealed"), said).await;
    let told = explain(&lab, "sealed").await;
    let cause = told.cause("AdmissionRefusal");
    assert_eq!(cause["subject"], "seal.static.k8s.io", "{:#}", told.item);
    told.evidence(
        "AdmissionRefusal",
        "the API lists no webhook or policy of that name: it is configured in the API server's files, or was deleted since",
    );
    assert!(cause["remedy"].as_str().unwrap().contains("ask the administrator of the API server"), "{cause}");
    plane.stop();
}
