//! PUT /finalize, and what removes a namespace.

use http::Method;
use serde_json::{Value, json};

use crate::harness::fixtures::{
    create, finalize, finalize_path, hold, path, terminating, without_finalizers,
};
use crate::harness::{GONE_IS_NOT_FOUND, Lab, MANAGED_SUBRESOURCES, NAME_LABEL};
use crate::tests;

tests! { Both:
    the_put_removes_a_terminating_namespace,
    the_put_refuses_another_uid,
    the_put_refuses_an_old_resource_version,
    the_put_without_a_resource_version_is_unconditional,
    a_dry_run_changes_nothing,
    the_body_replaces_the_metadata_and_not_the_status,
    a_minimal_body_wipes_the_metadata_finalizers_and_so_removes,
    the_writer_is_noted_in_managed_fields,
    only_a_put_is_allowed,
    the_name_in_the_body_must_be_the_name_in_the_path,
    a_spec_finalizer_must_be_qualified,
    the_main_resource_ignores_spec_finalizers,
    metadata_finalizers_hold_a_finalized_namespace_until_patched_away,
    no_finalizer_can_be_added_to_the_metadata_of_a_namespace_being_deleted,
    finalizing_an_active_namespace_makes_a_zombie_of_it,
    a_zombie_can_be_rearmed,
    a_second_delete_removes_a_zombie,
    immortal_namespaces_cannot_be_deleted
}

async fn the_put_removes_a_terminating_namespace(lab: Lab) {
    let name = terminating(&lab).await;
    let (read, answer) = finalize(&lab, &name, "", without_finalizers).await;
    let answer = answer.expect(200);
    assert_eq!((&answer["kind"], &answer["spec"]), (&json!("Namespace"), &json!({})));
    assert_eq!(answer["metadata"]["resourceVersion"], read["metadata"]["resourceVersion"], "the old one");
    let gone = lab.get(&path(&name)).await;
    assert_eq!((gone.status, gone.message()), (404, format!("namespaces {name:?} not found")));
    let late = lab.put(&finalize_path(&name), &read).await;
    if lab.since(GONE_IS_NOT_FOUND) {
        late.expect(404);
    } else {
        assert!(late.message().ends_with("UID in object meta: "), "{late:?}");
        late.expect(409);
    }
}

async fn the_put_refuses_another_uid(lab: Lab) {
    let name = terminating(&lab).await;
    let other = "11111111-2222-3333-4444-555555555555";
    let (_, answer) = finalize(&lab, &name, "", |body| {
        without_finalizers(body);
        body["metadata"]["uid"] = json!(other);
    })
    .await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.json()["reason"], "Conflict");
    assert!(
        answer.message().contains(&format!("Precondition failed: UID in precondition: {other}")),
        "{answer:?}"
    );
}

async fn the_put_refuses_an_old_resource_version(lab: Lab) {
    let name = terminating(&lab).await;
    let mut old = lab.get(&path(&name)).await.expect(200);
    lab.patch(&path(&name), &json!({"metadata": {"labels": {"changed": "yes"}}})).await.expect(200);
    without_finalizers(&mut old);
    let answer = lab.put(&finalize_path(&name), &old).await;
    assert_eq!(answer.status, 409);
    let expected = format!(
        "Operation cannot be fulfilled on namespaces {name:?}: the object has been modified; \
         please apply your changes to the latest version and try again"
    );
    assert_eq!(answer.message(), expected);
    assert_eq!(answer.json()["details"], json!({"name": name, "kind": "namespaces"}));
}

async fn the_put_without_a_resource_version_is_unconditional(lab: Lab) {
    let name = terminating(&lab).await;
    let mut old = lab.get(&path(&name)).await.expect(200);
    lab.patch(&path(&name), &json!({"metadata": {"labels": {"changed": "yes"}}})).await.expect(200);
    without_finalizers(&mut old);
    old["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    lab.put(&finalize_path(&name), &old).await.expect(200);
    lab.get(&path(&name)).await.expect(404);
}

async fn a_dry_run_changes_nothing(lab: Lab) {
    let name = terminating(&lab).await;
    let (_, answer) = finalize(&lab, &name, "?dryRun=All", without_finalizers).await;
    answer.expect(200);
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}

async fn the_body_replaces_the_metadata_and_not_the_status(lab: Lab) {
    let name = terminating(&lab).await;
    let (_, answer) = finalize(&lab, &name, "", |body| {
        body["metadata"]["labels"] = json!({"only": "this"});
        body["metadata"]["deletionTimestamp"] = Value::Null;
        body["status"] = json!({"phase": "Active"});
        body["fieldFromTheFuture"] = json!(1);
    })
    .await;
    answer.expect(200);
    let kept = lab.get(&path(&name)).await.expect(200);
    let mut labels = json!({"only": "this"});
    if lab.since(NAME_LABEL) {
        labels["kubernetes.io/metadata.name"] = json!(name);
    }
    assert_eq!(kept["metadata"]["labels"], labels);
    assert_eq!(kept["status"]["phase"], "Terminating");
    assert!(kept["metadata"]["deletionTimestamp"].is_string());
}

async fn a_minimal_body_wipes_the_metadata_finalizers_and_so_removes(lab: Lab) {
    let name = Lab::unique("minimal");
    create(&lab, &name).await;
    lab.patch(&path(&name), &json!({"metadata": {"finalizers": ["example.com/meta"]}})).await.expect(200);
    lab.delete(&path(&name)).await.expect(200);
    let body = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []},
    });
    lab.put(&finalize_path(&name), &body).await.expect(200);
    lab.get(&path(&name)).await.expect(404);
}

async fn the_writer_is_noted_in_managed_fields(lab: Lab) {
    let name = terminating(&lab).await;
    let (_, answer) = finalize(&lab, &name, "?fieldManager=nsfix", |body| {
        body["spec"]["finalizers"] = json!(["kubernetes", "example.com/hold"]);
    })
    .await;
    let kept = answer.expect(200);
    let entries = kept["metadata"]["managedFields"].as_array().unwrap();
    let ours = entries.iter().find(|entry| entry["manager"] == "nsfix").unwrap();
    let subresource = lab.since(MANAGED_SUBRESOURCES).then_some("finalize");
    assert_eq!((ours["operation"].as_str(), ours["subresource"].as_str()), (Some("Update"), subresource));
}

async fn only_a_put_is_allowed(lab: Lab) {
    let name = terminating(&lab).await;
    for method in [Method::GET, Method::PATCH] {
        let answer = lab.send(method, &finalize_path(&name), &json!({})).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.message(), "the server does not allow this method on the requested resource");
    }
}

async fn the_name_in_the_body_must_be_the_name_in_the_path(lab: Lab) {
    let name = terminating(&lab).await;
    let (_, answer) = finalize(&lab, &name, "", |body| body["metadata"]["name"] = json!("other")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.message(),
        format!("the name of the object (other) does not match the name on the URL ({name})")
    );
    let nameless = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {}, "spec": {}});
    assert_eq!(
        lab.put(&finalize_path(&name), &nameless).await.message(),
        format!("the name of the object ({name} based on URL) was undeterminable: name must be provided")
    );
}

async fn a_spec_finalizer_must_be_qualified(lab: Lab) {
    let name = terminating(&lab).await;
    let (_, answer) =
        finalize(&lab, &name, "", |body| body["spec"]["finalizers"] = json!(["unqualified"])).await;
    assert_eq!((answer.status, answer.json()["reason"].clone()), (422, json!("Invalid")));
}

async fn the_main_resource_ignores_spec_finalizers(lab: Lab) {
    let name = terminating(&lab).await;
    lab.patch(&path(&name), &json!({"spec": {"finalizers": []}})).await.expect(200);
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}

async fn metadata_finalizers_hold_a_finalized_namespace_until_patched_away(lab: Lab) {
    let name = Lab::unique("held");
    create(&lab, &name).await;
    lab.patch(&path(&name), &json!({"metadata": {"finalizers": ["example.com/meta"]}})).await.expect(200);
    lab.delete(&path(&name)).await.expect(200);
    let (_, answer) = finalize(&lab, &name, "", without_finalizers).await;
    answer.expect(200);
    let held = lab.get(&path(&name)).await.expect(200);
    assert_eq!(held["spec"].get("finalizers").and_then(Value::as_array).map_or(0, Vec::len), 0);
    lab.patch(&path(&name), &json!({"metadata": {"finalizers": null}})).await.expect(200);
    lab.get(&path(&name)).await.expect(404);
}

async fn no_finalizer_can_be_added_to_the_metadata_of_a_namespace_being_deleted(lab: Lab) {
    let name = terminating(&lab).await;
    let answer = lab.patch(&path(&name), &json!({"metadata": {"finalizers": ["example.com/late"]}})).await;
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.message(),
        format!(
            "Namespace {name:?} is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object \
             is being deleted, found new finalizers []string{{\"example.com/late\"}}"
        )
    );
}

/// Finalizes a namespace while it is Active, which takes its `kubernetes` finalizer away for good, and then
/// deletes it.
async fn zombie(lab: &Lab) -> String {
    let name = Lab::unique("zombie");
    create(lab, &name).await;
    hold(lab, &name).await;
    let (_, answer) = finalize(lab, &name, "", without_finalizers).await;
    answer.expect(200);
    lab.delete(&path(&name)).await.expect(200);
    name
}

async fn finalizing_an_active_namespace_makes_a_zombie_of_it(lab: Lab) {
    let name = zombie(&lab).await;
    let stored = lab.get(&path(&name)).await.expect(200);
    assert_eq!(stored["status"]["phase"], "Terminating");
    assert!(stored["spec"].get("finalizers").is_none(), "{stored}");
    // Any update, even one that changes nothing, removes it now.
    lab.patch(&path(&name), &json!({})).await.expect(200);
    lab.get(&path(&name)).await.expect(404);
}

async fn a_zombie_can_be_rearmed(lab: Lab) {
    let name = zombie(&lab).await;
    let (_, answer) =
        finalize(&lab, &name, "", |body| body["spec"]["finalizers"] = json!(["kubernetes"])).await;
    assert_eq!(answer.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}

async fn a_second_delete_removes_a_zombie(lab: Lab) {
    let name = zombie(&lab).await;
    lab.delete(&path(&name)).await.expect(200);
    lab.get(&path(&name)).await.expect(404);
}

async fn immortal_namespaces_cannot_be_deleted(lab: Lab) {
    for name in ["default", "kube-system", "kube-public"] {
        let answer = lab.delete(&path(name)).await;
        let message = format!("namespaces {name:?} is forbidden: this namespace may not be deleted");
        assert_eq!((answer.status, answer.message()), (403, message));
    }
}
