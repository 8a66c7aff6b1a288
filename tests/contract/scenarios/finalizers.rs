//! Namespaces that are held by finalizers of their own, or by none at all.

use serde_json::{Value, json};

use super::{assert_gone, is_deleting, no_finalizers};
use crate::harness::Lab;
use crate::harness::fixtures::{create, finalize, hold, path, without_finalizers};
use crate::tests;

tests! { Controlled:
    a_zombie_has_no_conditions_and_a_second_delete_ends_it,
    a_disarmed_namespace_keeps_its_content_until_it_is_armed_again,
    a_metadata_finalizer_outlasts_the_put_and_goes_with_a_patch,
    a_foreign_spec_finalizer_is_left_by_the_controller_and_goes_with_the_put,
    a_healthy_namespace_goes_by_itself,
    created_and_deleted_at_once_a_namespace_takes_its_orphans_along
}

async fn a_zombie_has_no_conditions_and_a_second_delete_ends_it(lab: Lab) {
    let name = lab.play_apart("zombie").await;
    let zombie = lab.get(&path(&name)).await.expect(200);
    assert!(is_deleting(&zombie));
    assert_eq!(zombie["spec"], json!({}));
    assert_eq!(zombie["status"], json!({"phase": "Terminating"}));
    assert_eq!(zombie["metadata"]["annotations"]["example.com/owner"], "team-a");
    lab.delete(&format!("{}?dryRun=All", path(&name))).await.expect(200);
    lab.get(&path(&name)).await.expect(200);
    lab.delete(&path(&name)).await.expect(200);
    lab.get(&path(&name)).await.expect(404);
}

async fn a_disarmed_namespace_keeps_its_content_until_it_is_armed_again(lab: Lab) {
    let name = lab.play_apart("disarmed").await;
    let namespace = lab.get(&path(&name)).await.expect(200);
    assert!(is_deleting(&namespace));
    assert_eq!((&namespace["spec"], &namespace["status"]["conditions"]), (&json!({}), &Value::Null));
    for live in ["secrets/database", "configmaps/settings"] {
        assert!(!is_deleting(&lab.get(&format!("{}/{live}", path(&name))).await.expect(200)), "{live}");
    }
    let (_, armed) =
        finalize(&lab, &name, "", |body| body["spec"]["finalizers"] = json!(["kubernetes"])).await;
    assert_eq!(armed.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
    assert_gone(&lab, &name).await;
    lab.get(&format!("{}/secrets/database", path(&name))).await.expect(404);
}

async fn a_metadata_finalizer_outlasts_the_put_and_goes_with_a_patch(lab: Lab) {
    let name = lab.play_apart("metadata-finalizer").await;
    let held = lab.get(&path(&name)).await.expect(200);
    assert_eq!(held["spec"], json!({}));
    assert_eq!(held["metadata"]["finalizers"], json!(["controller.cattle.io/namespace-auth"]));
    let (_, put) = finalize(&lab, &name, "", without_finalizers).await;
    assert_eq!(put.expect(200)["metadata"]["finalizers"], json!(["controller.cattle.io/namespace-auth"]));
    // Nor does another DELETE help.
    lab.delete(&path(&name)).await.expect(200);
    lab.get(&path(&name)).await.expect(200);
    lab.patch(&path(&name), &no_finalizers()).await.expect(200);
    lab.get(&path(&name)).await.expect(404);
}

async fn a_foreign_spec_finalizer_is_left_by_the_controller_and_goes_with_the_put(lab: Lab) {
    let name = lab.play_apart("foreign-spec-finalizer").await;
    let held = lab.get(&path(&name)).await.expect(200);
    assert_eq!(held["spec"]["finalizers"], json!(["example.com/hold"]));
    // PATCH of the main resource says yes and does nothing.
    lab.patch(&path(&name), &json!({"spec": {"finalizers": null}})).await.expect(200);
    let held = lab.get(&path(&name)).await.expect(200);
    assert_eq!(held["spec"]["finalizers"], json!(["example.com/hold"]));
    let (_, put) = finalize(&lab, &name, "", without_finalizers).await;
    put.expect(200);
    lab.get(&path(&name)).await.expect(404);
}

async fn a_healthy_namespace_goes_by_itself(lab: Lab) {
    let name = lab.play_apart("active").await;
    let namespace = lab.get(&path(&name)).await.expect(200);
    assert_eq!(namespace["status"], json!({"phase": "Active"}));
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]));
    lab.delete(&path(&name)).await.expect(200);
    assert_gone(&lab, &name).await;
}

/// The purge: in a namespace that is going, orphans can be updated again and nothing new can be made.
async fn created_and_deleted_at_once_a_namespace_takes_its_orphans_along(lab: Lab) {
    let name = Lab::unique("purge");
    create(&lab, &name).await;
    hold(&lab, &name).await;
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "none",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    });
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kept"}});
    lab.post(&format!("{}/persistentvolumeclaims", path(&name)), &claim).await.expect(201);
    lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    // Disarmed before it is deleted, so that no controller touches anything.
    let (_, disarmed) = finalize(&lab, &name, "", without_finalizers).await;
    disarmed.expect(200);
    lab.delete(&path(&name)).await.expect(200);
    lab.delete(&path(&name)).await.expect(200);
    lab.get(&path(&name)).await.expect(404);
    let at = |what: &str| format!("{}/{what}", path(&name));
    for orphan in ["configmaps/held", "persistentvolumeclaims/data", "secrets/kept"] {
        lab.get(&at(orphan)).await.expect(200);
        let patched = lab.patch(&at(orphan), &no_finalizers()).await;
        assert_eq!((patched.status, patched.message()), (404, format!("namespaces {name:?} not found")));
    }
    create(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    lab.patch(&at("configmaps/held"), &no_finalizers()).await.expect(200);
    assert_gone(&lab, &name).await;
    for orphan in ["configmaps/held", "persistentvolumeclaims/data", "secrets/kept"] {
        lab.get(&at(orphan)).await.expect(404);
    }
}
