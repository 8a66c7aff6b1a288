//! What is still inside: held, live, or on a node that does not answer.

use serde_json::{Value, json};

use super::{dry_runs, explain, explain_with, stage};
use crate::harness::{Lab, ORDERED_DELETION};
use crate::tests;

tests! {
    Controlled:
    a_custom_resource_is_traced_to_the_manager_that_holds_it,
    a_held_config_map_is_told,
    while_a_pod_remains_the_conditions_are_not_believed,
    a_pod_on_a_lost_node_is_a_ghost,
    a_load_balancer_is_marked_dangerous,
    a_pod_that_has_time_left_is_no_trouble,
    what_may_not_be_listed_is_not_called_empty
}

async fn a_custom_resource_is_traced_to_the_manager_that_holds_it(lab: Lab) {
    let lab = stage(lab, "held-backup").await;
    let told = explain(&lab, "held-backup").await;
    told.is_stuck_by(&["HeldObjects"]).looked_everywhere();
    let detail = "1 Backup.example.com held by backups.example.com/cleanup";
    assert_eq!(told.cause("HeldObjects")["detail"], detail);
    told.evidence("HeldObjects", "on nightly");
    told.evidence("HeldObjects", "set by field manager backup-operator (Update) at 2");
    let traces = told.evidence("HeldObjects", "found no pods with app.kubernetes.io/name=backup-operator");
    assert!(traces.ends_with("weak evidence, because its labels are a guess"), "{traces}");
    let finalizer = &told.leftover("backups", "nightly")["finalizers"][0];
    assert_eq!(finalizer["name"], "backups.example.com/cleanup");
    assert_eq!((&finalizer["owner"], &finalizer["dangerous"]), (&json!("backup-operator"), &json!(false)));
    assert_eq!(told.steps(), ["ReleaseObject", "Wait", "Finalize"]);
    let remedy = "bring backup-operator back, and it will finish its work";
    assert_eq!(told.cause("HeldObjects")["remedy"], remedy);
    if lab.sandbox.is_some() {
        // Nothing intercepts anything here; but validation may refuse the release.
        let [release] = dry_runs(&lab).try_into().unwrap();
        assert!(release.starts_with("PATCH ") && release.contains("/backups/nightly?"), "{release}");
    }
}

async fn a_held_config_map_is_told(lab: Lab) {
    let lab = stage(lab, "configmap-finalizer").await;
    let told = explain(&lab, "configmap-finalizer").await;
    told.is_stuck_by(&["HeldObjects"]).looked_everywhere();
    assert_eq!(told.cause("HeldObjects")["detail"], "1 ConfigMap held by example.com/hold");
    let remaining = condition(&told.item, "NamespaceContentRemaining");
    assert!(remaining["message"].as_str().unwrap().contains("configmaps. has 1 "), "{remaining}");
    let counts = json!({"group": "", "version": "v1", "resource": "configmaps", "deleting": 1, "live": 0});
    assert_eq!(told.item["leftoverCounts"], json!([counts]));
    assert_eq!(told.item["namespace"]["leftovers"], json!({"deleting": 1, "live": 0}));
}

fn condition<'a>(item: &'a Value, kind: &str) -> &'a Value {
    let mut conditions = item["namespace"]["conditions"].as_array().unwrap().iter();
    conditions.find(|condition| condition["type"] == kind).unwrap()
}

async fn while_a_pod_remains_the_conditions_are_not_believed(lab: Lab) {
    if !lab.since(ORDERED_DELETION) {
        // The conditions do not lie there.
        return;
    }
    let lab = stage(lab, "pods-first").await;
    let told = explain(&lab, "pods-first").await;
    told.is_stuck_by(&["HeldObjects", "LiveObjects"]).looked_everywhere();
    let remaining = condition(&told.item, "NamespaceContentRemaining");
    assert_eq!(
        (&remaining["status"], &remaining["message"]),
        (&json!("False"), &json!("All content successfully removed"))
    );
    assert_eq!(told.cause("HeldObjects")["detail"], "1 Pod held by example.com/pod-guard");
    told.evidence("LiveObjects", "1 Pod remains, and since Kubernetes 1.33 nothing else is deleted before");
    told.evidence(
        "LiveObjects",
        "the conditions say that all content is removed; while pods remain they are",
    );
    for (resource, name) in
        [("secrets", "web-tls"), ("deployments", "web"), ("persistentvolumeclaims", "data")]
    {
        assert_eq!(told.leftover(resource, name)["deletionTimestamp"], Value::Null, "{resource}");
    }
    let claim = &told.leftover("persistentvolumeclaims", "data")["finalizers"][0];
    assert_eq!((&claim["name"], &claim["dangerous"]), (&json!("kubernetes.io/pvc-protection"), &json!(true)));
}

async fn a_pod_on_a_lost_node_is_a_ghost(lab: Lab) {
    let lab = stage(lab, "lost-node").await;
    let told = explain(&lab, "lost-node").await;
    told.is_stuck_by(&["PodsOnLostNode"]).looked_everywhere();
    told.evidence(
        "PodsOnLostNode",
        "pod stranded was on node lost-node, which is not ready; it had 1s to end",
    );
    // Only if it is still this namespace.
    let command = told.cause("PodsOnLostNode")["command"].as_str().unwrap();
    let delete = " && kubectl delete pod -n lost-node --grace-period=0 --force stranded";
    assert!(command.ends_with(delete), "{command}");
    assert_eq!(told.steps(), ["DeleteObject", "Wait", "Finalize"]);
}

async fn a_load_balancer_is_marked_dangerous(lab: Lab) {
    let lab = stage(lab, "load-balancer").await;
    let told = explain(&lab, "load-balancer").await;
    told.is_stuck_by(&["HeldObjects"]).looked_everywhere();
    let finalizer = &told.leftover("services", "public")["finalizers"][0];
    assert_eq!(finalizer["dangerous"], true);
    assert_eq!(finalizer["ifRemoved"], "the load balancer stays in the cloud and is still billed");
    let traces = told.evidence("HeldObjects", "found no pods with component=cloud-controller-manager");
    assert!(traces.ends_with("weak evidence, because it may run outside the cluster"), "{traces}");
    // It is not released unless it is named.
    assert_eq!(told.steps(), [""; 0]);
}

async fn a_pod_that_has_time_left_is_no_trouble(lab: Lab) {
    let lab = stage(lab, "progressing").await;
    let told = explain(&lab, "progressing").await;
    assert_eq!(told.item["namespace"]["state"], "Progressing");
    told.evidence("Progressing", "it was deleted ");
    told.evidence("Progressing", "pod draining has until 2");
    told.looked_everywhere();
}

async fn what_may_not_be_listed_is_not_called_empty(lab: Lab) {
    let lab = stage(lab, "no-secrets").await;
    let viewer = ["--as", "system:serviceaccount:default:no-secrets-viewer"];
    let told = explain_with(&lab, "no-secrets", &viewer).await;
    let gaps = told.item["coverage"]["couldNotLook"].as_array().unwrap();
    let gap = gaps.iter().find(|gap| gap["resource"] == "secrets").unwrap();
    assert_eq!(
        (&gap["group"], &gap["version"], &gap["why"]),
        (&json!(""), &json!("v1"), &json!("Forbidden"))
    );
    assert!(gap["detail"].as_str().unwrap().contains("cannot list resource \"secrets\""), "{gap}");
    assert_eq!(told.item["leftovers"], json!([]));
    // The controller has seen what could not be looked at.
    told.is_stuck_by(&["HeldObjects"]);
    let detail = "1 object held by example.com/seal, which could not be looked at";
    assert_eq!(told.cause("HeldObjects")["detail"], detail);
    told.evidence(
        "HeldObjects",
        "the namespace controller says: Some content in the namespace has finalizers",
    );
    // On a control plane that others use, there are more types that may not be listed.
    let evidence = told.cause("HeldObjects")["evidence"].to_string();
    assert!(evidence.contains("could not look at ") && evidence.contains("secrets"), "{evidence}");
    let ran = lab.nsfix(&[&["explain", "no-secrets"], viewer.as_slice()].concat()).run().await.expect(0);
    assert!(ran.stdout.contains("could not look at secrets"), "{ran:?}");
    assert!(!ran.stdout.contains("nothing was found\n"), "{ran:?}");
    assert!(!ran.stdout.contains("empty;"), "{ran:?}");
    // The administrator sees it.
    let told = explain(&lab, "no-secrets").await;
    told.is_stuck_by(&["HeldObjects"]);
    told.leftover("secrets", "sealed");
}
