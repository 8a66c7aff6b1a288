//! The finalizers of the namespace itself, and the absence of any.

use serde_json::json;

use super::{explain, stage};
use crate::harness::Lab;
use crate::harness::fixtures::{create, finalize, path};
use crate::tests;

tests! {
    Controlled:
    a_disarmed_namespace_is_to_be_rearmed,
    a_zombie_is_to_be_deleted_again,
    a_metadata_finalizer_of_the_namespace_is_told,
    a_foreign_spec_finalizer_is_told;
    Both:
    an_active_namespace_is_said_to_be_active,
    an_active_namespace_without_its_finalizer_is_warned_about
}

async fn a_disarmed_namespace_is_to_be_rearmed(lab: Lab) {
    let lab = stage(lab, "disarmed").await;
    let told = explain(&lab, "disarmed").await;
    assert_eq!(told.item["namespace"]["state"], "Zombie");
    told.has_causes(&["Zombie", "LiveObjects"]).looked_everywhere();
    told.evidence("Zombie", "deleting it once more would abandon what is inside");
    assert!(told.cause("Zombie")["remedy"].as_str().unwrap().starts_with("rearm it: "), "{told:#?}");
    assert!(!told.cause("Zombie")["command"].is_string(), "deleting it again is no remedy");
    assert_eq!(told.steps()[0], "Rearm");
    assert!(!told.steps().contains(&"DeleteAgain"), "{told:#?}");
    assert_eq!(told.leftover("secrets", "database")["deletionTimestamp"], json!(null));
}

async fn a_zombie_is_to_be_deleted_again(lab: Lab) {
    let lab = stage(lab, "zombie").await;
    let told = explain(&lab, "zombie").await;
    assert_eq!(told.item["namespace"]["state"], "Zombie");
    told.has_causes(&["Zombie"]).looked_everywhere();
    told.evidence("Zombie", "nothing is left inside");
    // Only if it is still this namespace.
    let command = told.cause("Zombie")["command"].as_str().unwrap();
    assert!(
        command.contains(" | grep -qx ") && command.ends_with(" && kubectl delete namespace zombie"),
        "{command}"
    );
    assert_eq!(told.steps(), ["DeleteAgain"]);
}

async fn a_metadata_finalizer_of_the_namespace_is_told(lab: Lab) {
    let lab = stage(lab, "metadata-finalizer").await;
    let told = explain(&lab, "metadata-finalizer").await;
    told.is_stuck_by(&["NamespaceMetadataFinalizers"]).looked_everywhere();
    let kind = "NamespaceMetadataFinalizers";
    assert_eq!(told.cause(kind)["subject"], "controller.cattle.io/namespace-auth");
    told.evidence(kind, "it stands in metadata.finalizers; a PUT to /finalize does not end the namespace");
    told.evidence(kind, "set by field manager kubectl-create (Update) at 2");
    told.evidence(kind, "owner: Rancher");
    assert_eq!(told.steps(), [""; 0], "nobody has allowed its removal");
}

async fn a_foreign_spec_finalizer_is_told(lab: Lab) {
    let lab = stage(lab, "foreign-spec-finalizer").await;
    let told = explain(&lab, "foreign-spec-finalizer").await;
    told.is_stuck_by(&["ForeignSpecFinalizers"]).looked_everywhere();
    assert_eq!(told.cause("ForeignSpecFinalizers")["subject"], "example.com/hold");
    told.evidence(
        "ForeignSpecFinalizers",
        "it stands in spec.finalizers; only a PUT to /finalize removes it",
    );
    assert_eq!(told.item["namespace"]["specFinalizers"], json!(["example.com/hold"]));
}

async fn an_active_namespace_is_said_to_be_active(lab: Lab) {
    let name = Lab::unique("active");
    create(&lab, &name).await;
    let ran = lab.nsfix(&["explain", &name]).run().await.expect(0);
    let verdict = ran.stdout.lines().next().unwrap();
    assert_eq!(verdict, format!("namespace/{name} is Active, not Terminating"));
    for absent in ["Causes", "Plan", "lost"] {
        assert!(!ran.stdout.contains(absent), "{ran:?}");
    }
    let told = explain(&lab, &name).await;
    assert_eq!(told.item["namespace"]["state"], "Active");
    assert_eq!(told.item["namespace"]["deletionTimestamp"], json!(null));
    told.has_causes(&[]);
    assert_eq!((&told.item["plan"], &told.item["warnings"]), (&json!([]), &json!([])));
}

async fn an_active_namespace_without_its_finalizer_is_warned_about(lab: Lab) {
    let name = Lab::unique("disarmed");
    create(&lab, &name).await;
    let (_, answer) = finalize(&lab, &name, "", |body| body["spec"]["finalizers"] = json!([])).await;
    answer.expect(200);
    let ran = lab.nsfix(&["explain", &name]).run().await.expect(0);
    let verdict = ran.stdout.lines().next().unwrap();
    let warning = "lost its \"kubernetes\" finalizer: deleting it would leave its content behind";
    assert_eq!(verdict, format!("namespace/{name} is Active, not Terminating; it has {warning}"));
    let told = explain(&lab, &name).await;
    let command = format!("kubectl replace --raw /api/v1/namespaces/{name}/finalize");
    assert!(told.item["warnings"][0].as_str().unwrap().contains(&command), "{}", told.item);
    assert!(ran.stdout.contains(&command), "{ran:?}");
    lab.delete(&path(&name)).await.expect(200);
}
