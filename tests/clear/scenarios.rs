//! Every scenario of the diagnosis, ended: namespace gone, no orphans, backup restorable.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::fixtures::path;
use crate::harness::{ADMISSION_POLICIES, Lab, ORDERED_DELETION, Ran};
use crate::tests;

tests! {
    Controlled:
    a_held_config_map_is_released,
    a_metadata_finalizer_is_removed_only_when_named,
    a_foreign_spec_finalizer_is_removed_only_when_named,
    an_empty_zombie_is_deleted_again,
    a_disarmed_namespace_with_content_is_rearmed,
    a_load_balancer_is_released_only_when_named,
    a_pod_on_a_lost_node_is_deleted_without_it,
    pods_first_is_no_trap,
    what_is_healthy_is_left_to_the_controller;
    BothAlone:
    a_custom_resource_without_its_operator_is_released,
    a_dead_api_leaves_only_the_put,
    a_dead_api_and_a_finalizer_are_both_dealt_with,
    a_dead_webhook_on_delete_stops_before_anything_is_abandoned,
    a_dead_webhook_on_update_stops_before_anything_is_abandoned,
    a_policy_that_denies_the_release_is_quoted,
    a_dead_webhook_on_finalize_is_quoted
}

async fn clear(lab: &Lab, name: &str, more: &[&str]) -> Ran {
    lab.nsfix(&[&["clear", name, "--yes"], more].concat()).run().await
}

/// `clear --leftovers=release --yes`, and everything that has to hold afterwards.
async fn ends(lab: &Lab, name: &str, more: &[&str]) -> Value {
    let more = [&["--leftovers=release", "-o", "json"], more].concat();
    let report = clear(lab, name, &more).await.expect(0).json();
    let item = &report["items"][0];
    assert_eq!(item["outcome"], "Cleared", "{item}");
    assert_eq!(item["orphans"], json!([]));
    lab.get(&path(name)).await.expect(404);
    no_orphans(lab, name).await;
    restores(lab, name, item["backup"].as_str().expect("a backup").into()).await;
    item.clone()
}

/// Counted by nsfix' own look over all namespaces.
async fn no_orphans(lab: &Lab, name: &str) {
    let orphans = lab.nsfix(&["orphans", name, "-o", "json"]).run().await.expect(0).json();
    assert_eq!(orphans["items"], json!([]), "{orphans}");
}

async fn restores(lab: &Lab, name: &str, backup: PathBuf) {
    let ran = lab.nsfix(&["restore", &backup.display().to_string()]).run().await.expect(0);
    assert!(ran.stdout.contains(&format!("namespace/{name} restored")), "{ran:?}");
    assert_eq!(lab.get(&path(name)).await.expect(200)["status"]["phase"], "Active");
}

fn steps(item: &Value) -> Vec<&str> {
    item["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect()
}

async fn a_held_config_map_is_released(lab: Lab) {
    let name = &lab.play_apart("configmap-finalizer").await;
    let item = ends(&lab, name, &[]).await;
    assert_eq!(steps(&item)[0], "ReleaseObject");
    // The ConfigMap came back with its data, without its finalizer.
    let restored = lab.get(&format!("{}/configmaps/settings", path(name))).await.expect(200);
    assert!(restored["metadata"].get("finalizers").is_none(), "{restored}");
}

async fn a_metadata_finalizer_is_removed_only_when_named(lab: Lab) {
    let name = &lab.play_apart("metadata-finalizer").await;
    lab.wait_for(&path(name), |answer| {
        answer.json()["spec"]["finalizers"].as_array().is_none_or(Vec::is_empty)
    })
    .await;
    let ran = clear(&lab, name, &["--leftovers=release"]).await.expect(4);
    assert!(ran.stderr.contains("add --finalizer=controller.cattle.io/namespace-auth"), "{ran:?}");
    let item = ends(&lab, name, &["--finalizer=controller.cattle.io/namespace-auth"]).await;
    assert_eq!(steps(&item), ["RemoveMetadataFinalizer"]);
}

async fn a_foreign_spec_finalizer_is_removed_only_when_named(lab: Lab) {
    let name = &lab.play_apart("foreign-spec-finalizer").await;
    let finalizers = |answer: &crate::harness::Answer| answer.json()["spec"]["finalizers"].clone();
    let only_foreign = lab
        .wait_for(&path(name), |answer| finalizers(answer).as_array().is_some_and(|all| all.len() == 1))
        .await;
    let foreign = only_foreign.json()["spec"]["finalizers"][0].as_str().unwrap().to_owned();
    clear(&lab, name, &["--leftovers=release"]).await.expect(4);
    let item = ends(&lab, name, &[&format!("--finalizer={foreign}")]).await;
    assert_eq!(steps(&item), ["Finalize"]);
}

async fn an_empty_zombie_is_deleted_again(lab: Lab) {
    let name = &lab.play_apart("zombie").await;
    let item = ends(&lab, name, &[]).await;
    assert_eq!(steps(&item), ["DeleteAgain"]);
}

async fn a_disarmed_namespace_with_content_is_rearmed(lab: Lab) {
    let name = &lab.play_apart("disarmed").await;
    // Even without a policy for leftovers: nothing is abandoned by it.
    let ran = clear(&lab, name, &["-o", "json", "--timeout=60s"]).await.expect(0).json();
    assert_eq!(steps(&ran["items"][0]), ["Rearm", "Wait"]);
    lab.get(&path(name)).await.expect(404);
    no_orphans(&lab, name).await;
}

async fn a_load_balancer_is_released_only_when_named(lab: Lab) {
    let name = &lab.play_apart("load-balancer").await;
    let ran = clear(&lab, name, &["--leftovers=release", "--timeout=3s"]).await.expect(4);
    assert!(
        ran.stderr.contains("--release-finalizer=service.kubernetes.io/load-balancer-cleanup"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("which may not be abandoned"), "{ran:?}");
    let kept = lab.get(&path(name)).await.expect(200);
    assert_eq!(kept["spec"]["finalizers"], json!(["kubernetes"]));
    ends(&lab, name, &["--release-finalizer=service.kubernetes.io/load-balancer-cleanup"]).await;
}

async fn a_pod_on_a_lost_node_is_deleted_without_it(lab: Lab) {
    let name = &lab.play_apart("lost-node").await;
    let overdue = |answer: &crate::harness::Answer| {
        answer.json()["items"].as_array().is_some_and(|pods| {
            pods.iter().all(|pod| {
                let deleted = pod["metadata"]["deletionTimestamp"].as_str();
                deleted.is_some_and(|time| time.parse::<jiff::Timestamp>().unwrap() <= jiff::Timestamp::now())
            })
        })
    };
    lab.wait_for(&format!("{}/pods", path(name)), overdue).await;
    let item = ends(&lab, name, &[]).await;
    assert_eq!(steps(&item)[0], "DeleteObject");
}

async fn pods_first_is_no_trap(lab: Lab) {
    let name = &lab.play_apart("pods-first").await;
    if lab.since(ORDERED_DELETION) {
        let refused = clear(&lab, name, &[]).await.expect(4);
        assert!(refused.stderr.contains("live objects"), "{refused:?}");
    }
    ends(&lab, name, &["--timeout=60s", "--release-finalizer=kubernetes.io/pvc-protection"]).await;
}

async fn what_is_healthy_is_left_to_the_controller(lab: Lab) {
    let name = &lab.play_apart("progressing").await;
    // The pod has half an hour to end; nobody is in a hurry for it.
    let ran = clear(&lab, name, &["--leftovers=release", "--timeout=1s", "-o", "json"]).await.expect(1);
    assert_eq!(steps(&ran.json()["items"][0]), ["Wait"]);
    assert_eq!(ran.json()["items"][0]["outcome"], "Failed");
    let pod = format!("{}/pods/draining", path(name));
    lab.get(&pod).await.expect(200);
    lab.send(http::Method::DELETE, &pod, &json!({"gracePeriodSeconds": 0})).await.expect(200);
    lab.wait_for(&path(name), |answer| answer.status == 404).await;
}

async fn a_custom_resource_without_its_operator_is_released(lab: Lab) {
    let name = lab.play("held-backup").await;
    let item = ends(&lab, name, &[]).await;
    assert_eq!(item["steps"][0]["target"], "1 Backup.example.com");
}

async fn a_dead_api_leaves_only_the_put(lab: Lab) {
    let name = lab.play("dead-apiservice").await;
    // Whatever is in the API that cannot be asked must not be abandoned, until somebody says so.
    let ran = clear(&lab, name, &["--leftovers=release"]).await.expect(4);
    assert!(ran.stderr.contains("whatever is in metrics.example.com/v1beta1"), "{ran:?}");
    assert_eq!(lab.get(&path(name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
    let ran = clear(&lab, name, &["--leftovers=orphan", "-o", "json"]).await.expect(0).json();
    let item = &ran["items"][0];
    assert_eq!(steps(item).last(), Some(&"Finalize"));
    assert_eq!(item["couldNotLook"][0]["group"], "metrics.example.com");
}

async fn a_dead_api_and_a_finalizer_are_both_dealt_with(lab: Lab) {
    let name = lab.play("dead-apiservice-and-finalizer").await;
    let ran = clear(&lab, name, &["--leftovers=release", "--timeout=60s", "-o", "json"]).await.expect(4);
    let report = ran.json();
    let item = &report["items"][0];
    assert_eq!(steps(item).first(), Some(&"ReleaseObject"));
    assert!(!steps(item).contains(&"Finalize"), "{item}");
    assert_eq!(item["outcome"], "Released");
    assert_eq!(lab.get(&path(name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}

/// It fails with the server's words, and nothing is gone; after the advice is followed it works.
async fn stops_and_works_after(lab: &Lab, name: &str, words: &str, advice: &str) {
    let ran = clear(lab, name, &["--leftovers=release", "--timeout=3s"]).await.expect(1);
    assert!(ran.stderr.contains(words), "{ran:?}");
    assert_eq!(lab.get(&path(name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
    lab.delete(advice).await.expect(200);
    let started = std::time::Instant::now();
    // Admission forgets a configuration a moment after it is gone.
    loop {
        let ran = clear(lab, name, &["--leftovers=release", "--ignore-not-found", "-o", "json"]).await;
        if ran.code == Some(0) {
            break;
        }
        assert!(started.elapsed().as_secs() < 60, "{ran:?}");
    }
    lab.get(&path(name)).await.expect(404);
    no_orphans(lab, name).await;
}

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

async fn a_dead_webhook_on_delete_stops_before_anything_is_abandoned(lab: Lab) {
    let name = lab.play("dead-delete-webhook").await;
    let advice = format!("{ADMISSION}/validatingwebhookconfigurations/{name}");
    stops_and_works_after(&lab, name, "failed calling webhook", &advice).await;
}

async fn a_dead_webhook_on_update_stops_before_anything_is_abandoned(lab: Lab) {
    let name = lab.play("dead-update-webhook").await;
    let advice = format!("{ADMISSION}/validatingwebhookconfigurations/{name}");
    stops_and_works_after(&lab, name, "failed calling webhook", &advice).await;
}

async fn a_policy_that_denies_the_release_is_quoted(lab: Lab) {
    if !lab.since(ADMISSION_POLICIES) {
        return;
    }
    let name = lab.play("policy-denies-update").await;
    let advice = format!("{ADMISSION}/validatingadmissionpolicybindings/{name}");
    stops_and_works_after(&lab, name, "ValidatingAdmissionPolicy", &advice).await;
}

async fn a_dead_webhook_on_finalize_is_quoted(lab: Lab) {
    let name = lab.play("finalize-webhook").await;
    let advice = format!("{ADMISSION}/validatingwebhookconfigurations/{name}");
    stops_and_works_after(&lab, name, "failed calling webhook", &advice).await;
}
