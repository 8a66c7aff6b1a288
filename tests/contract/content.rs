//! What happens to the objects inside.

use http::Method;
use serde_json::json;

use crate::harness::Lab;
use crate::harness::fixtures::{create, finalize, hold, path, release, terminating, without_finalizers};
use crate::tests;

tests! { Both:
    nothing_can_be_created_in_a_terminating_namespace,
    a_missing_object_is_told_from_a_missing_namespace,
    the_last_finalizer_removed_ends_it,
    a_delete_answers_with_a_status_or_for_some_types_with_the_object,
    content_of_a_terminating_namespace_can_still_be_patched,
    finalizing_leaves_content_behind,
    an_orphan_cannot_be_patched_and_its_finalizer_keeps_it,
    creating_and_deleting_the_namespace_at_once_makes_orphans_patchable,
    a_finalizer_of_an_object_that_is_not_being_deleted_just_goes,
    a_patch_is_guarded_by_resource_version,
    a_patch_is_guarded_by_uid,
    a_deletion_with_a_body_takes_its_options_from_there_alone,
    a_generated_name_begins_like_a_name,
    an_event_about_a_namespace_lives_in_default
}

fn held(name: &str) -> String {
    format!("/api/v1/namespaces/{name}/configmaps/held")
}

async fn orphan(lab: &Lab) -> String {
    let name = terminating(lab).await;
    let (_, answer) = finalize(lab, &name, "", without_finalizers).await;
    answer.expect(200);
    name
}

async fn nothing_can_be_created_in_a_terminating_namespace(lab: Lab) {
    let name = terminating(&lab).await;
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}});
    let answer = lab.post(&format!("/api/v1/namespaces/{name}/configmaps"), &body).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.message(),
        format!(
            "configmaps \"late\" is forbidden: unable to create new content in namespace {name} because it is being terminated"
        )
    );
    let cause = json!([{
        "reason": "NamespaceTerminating",
        "message": format!("namespace {name} is being terminated"),
        "field": "metadata.namespace",
    }]);
    assert_eq!(answer.json()["details"]["causes"], cause);
}

async fn a_missing_object_is_told_from_a_missing_namespace(lab: Lab) {
    let name = Lab::unique("none");
    let missing = lab.get(&held(&name)).await;
    assert_eq!((missing.status, missing.message()), (404, "configmaps \"held\" not found".to_owned()));
    assert_eq!(missing.json()["details"], json!({"name": "held", "kind": "configmaps"}));
    let list = lab.get(&format!("{}/configmaps", path(&name))).await.expect(200);
    assert_eq!(list["items"], json!([]));
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}});
    let refused = lab.post(&format!("{}/configmaps", path(&name)), &body).await;
    assert_eq!((refused.status, refused.message()), (404, format!("namespaces {name:?} not found")));
}

async fn the_last_finalizer_removed_ends_it(lab: Lab) {
    let name = Lab::unique("two");
    create(&lab, &name).await;
    hold(&lab, &name).await;
    let both = json!({"metadata": {"finalizers": ["example.com/hold", "example.com/other"]}});
    lab.patch(&held(&name), &both).await.expect(200);
    lab.delete(&held(&name)).await.expect(200);
    let one = json!({"metadata": {"finalizers": ["example.com/other"]}});
    lab.patch(&held(&name), &one).await.expect(200);
    assert_eq!(lab.get(&held(&name)).await.expect(200)["metadata"]["deletionGracePeriodSeconds"], 0);
    release(&lab, &name).await.expect(200);
    lab.get(&held(&name)).await.expect(404);
}

async fn a_delete_answers_with_a_status_or_for_some_types_with_the_object(lab: Lab) {
    let name = Lab::unique("answers");
    create(&lab, &name).await;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gone"}});
    let created = lab.post(&format!("{}/configmaps", path(&name)), &map).await.expect(201);
    let answer = lab.delete(&format!("{}/configmaps/gone", path(&name))).await.expect(200);
    assert_eq!(answer["status"], "Success");
    let details = json!({"name": "gone", "kind": "configmaps", "uid": created["metadata"]["uid"]});
    assert_eq!(answer["details"], details);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    lab.post(&format!("{}/services", path(&name)), &service).await.expect(201);
    assert_eq!(lab.delete(&format!("{}/services/s", path(&name))).await.expect(200)["kind"], "Service");
}

async fn content_of_a_terminating_namespace_can_still_be_patched(lab: Lab) {
    let name = terminating(&lab).await;
    lab.delete(&held(&name)).await.expect(200);
    release(&lab, &name).await.expect(200);
    let gone = lab.get(&held(&name)).await;
    assert_eq!((gone.status, gone.message()), (404, "configmaps \"held\" not found".to_owned()));
}

async fn finalizing_leaves_content_behind(lab: Lab) {
    let name = orphan(&lab).await;
    lab.get(&held(&name)).await.expect(200);
    let all = lab.get("/api/v1/configmaps").await.expect(200);
    let orphans =
        all["items"].as_array().unwrap().iter().filter(|item| item["metadata"]["namespace"] == name);
    assert!(orphans.count() >= 1);
    // Whoever creates the name again finds it inside.
    create(&lab, &name).await;
    lab.get(&held(&name)).await.expect(200);
}

async fn an_orphan_cannot_be_patched_and_its_finalizer_keeps_it(lab: Lab) {
    let name = orphan(&lab).await;
    // For a moment the server may not have heard of its own deletion (the admission plugin's informer).
    let touch = json!({"metadata": {"labels": {"touched": "yes"}}});
    let mut answer = lab.patch(&held(&name), &touch).await;
    while answer.status == 200 {
        answer = lab.patch(&held(&name), &touch).await;
    }
    assert_eq!((answer.status, answer.message()), (404, format!("namespaces {name:?} not found")));
    assert_eq!(answer.json()["details"]["kind"], "namespaces");
    lab.delete(&held(&name)).await.expect(200);
    let kept = lab.get(&held(&name)).await.expect(200);
    assert!(kept["metadata"]["deletionTimestamp"].is_string());
}

async fn creating_and_deleting_the_namespace_at_once_makes_orphans_patchable(lab: Lab) {
    let name = orphan(&lab).await;
    create(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    lab.delete(&held(&name)).await.expect(200);
    release(&lab, &name).await.expect(200);
    lab.get(&held(&name)).await.expect(404);
}

async fn a_finalizer_of_an_object_that_is_not_being_deleted_just_goes(lab: Lab) {
    let name = Lab::unique("alive");
    create(&lab, &name).await;
    hold(&lab, &name).await;
    release(&lab, &name).await.expect(200);
    assert!(lab.get(&held(&name)).await.expect(200)["metadata"].get("finalizers").is_none());
}

async fn a_patch_is_guarded_by_resource_version(lab: Lab) {
    let name = Lab::unique("alive");
    create(&lab, &name).await;
    hold(&lab, &name).await;
    let read = lab.get(&held(&name)).await.expect(200);
    lab.patch(&held(&name), &json!({"data": {"a": "b"}})).await.expect(200);
    let (uid, old) = (&read["metadata"]["uid"], &read["metadata"]["resourceVersion"]);
    let patch = json!({"metadata": {"uid": uid, "resourceVersion": old, "finalizers": null}});
    assert_eq!(lab.patch(&held(&name), &patch).await.status, 409);
    // It comes before the uid, which would be 422 by itself.
    let patch = json!({"metadata": {"uid": "11111111-2222-3333-4444-555555555555", "resourceVersion": old}});
    assert_eq!(lab.patch(&held(&name), &patch).await.status, 409);
}

async fn a_patch_is_guarded_by_uid(lab: Lab) {
    let name = Lab::unique("alive");
    create(&lab, &name).await;
    hold(&lab, &name).await;
    let patch = json!({"metadata": {"uid": "11111111-2222-3333-4444-555555555555", "finalizers": null}});
    let answer = lab.patch(&held(&name), &patch).await;
    assert!(answer.status == 409 || answer.status == 422, "{answer:?}");
}

/// As client-go names Events, but not as a server generates them.
async fn a_generated_name_begins_like_a_name(lab: Lab) {
    let configmap = |prefix: &str| json!({"metadata": {"generateName": prefix}});
    let answer = lab.post("/api/v1/namespaces/default/configmaps", &configmap("lab.")).await;
    assert_eq!(answer.status, 422);
    assert!(answer.message().contains("metadata.generateName: Invalid value: \"lab.\""), "{answer:?}");
    let made = lab.post("/api/v1/namespaces/default/configmaps", &configmap("lab-")).await.expect(201);
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("lab-") && name.len() == "lab-".len() + 5, "{name}");
    lab.delete(&format!("/api/v1/namespaces/default/configmaps/{name}")).await.expect(200);
}

async fn an_event_about_a_namespace_lives_in_default(lab: Lab) {
    let name = terminating(&lab).await;
    let event = |namespace: &str| {
        json!({
            "metadata": {"generateName": format!("{name}-"), "namespace": namespace},
            "regarding": {"apiVersion": "v1", "kind": "Namespace", "name": name},
            "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reason": "Test", "action": "Test",
            "note": "seen", "reportingController": "lab", "reportingInstance": "lab",
        })
    };
    let events = |namespace: &str| format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    lab.post(&events("default"), &event("default")).await.expect(201);
    let answer = lab.post(&events("kube-public"), &event("kube-public")).await;
    assert_eq!(answer.status, 422, "{answer:?}");
}

/// Whoever puts dryRun into the URL of a DELETE with a body deletes (apiserver's
/// pkg/endpoints/handlers/delete.go: DeleteResource).
async fn a_deletion_with_a_body_takes_its_options_from_there_alone(lab: Lab) {
    let name = Lab::unique("bodies");
    create(&lab, &name).await;
    hold(&lab, &name).await;
    let dry = json!({"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]});
    lab.send(Method::DELETE, &held(&name), &dry).await.expect(200);
    lab.delete(&format!("{}?dryRun=All", held(&name))).await.expect(200);
    assert_eq!(lab.get(&held(&name)).await.expect(200)["metadata"].get("deletionTimestamp"), None);
    let meant = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
    lab.send(Method::DELETE, &format!("{}?dryRun=All", held(&name)), &meant).await.expect(200);
    assert!(lab.get(&held(&name)).await.expect(200)["metadata"]["deletionTimestamp"].is_string());
}
