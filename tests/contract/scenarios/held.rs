//! What holds a namespace is in it.

use serde_json::Value;

use super::{failing_condition, is_deleting};
use crate::harness::Lab;
use crate::harness::fixtures::path;
use crate::tests;

tests! { Controlled:
    a_held_configmap_is_counted_and_so_is_its_finalizer,
    a_service_waits_for_its_load_balancer_to_be_removed
}

async fn a_held_configmap_is_counted_and_so_is_its_finalizer(lab: Lab) {
    let name = lab.play_apart("configmap-finalizer").await;
    assert_eq!(
        failing_condition(&lab, &name, "NamespaceContentRemaining").await,
        "Some resources are remaining: configmaps. has 1 resource instances"
    );
    assert_eq!(
        failing_condition(&lab, &name, "NamespaceFinalizersRemaining").await,
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    );
    let map = lab.get(&format!("{}/configmaps/settings", path(&name))).await.expect(200);
    assert!(is_deleting(&map));
    assert_eq!(map["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(setters(&map, "example.com/hold"), ["settings-controller"]);
}

async fn a_service_waits_for_its_load_balancer_to_be_removed(lab: Lab) {
    let name = lab.play_apart("load-balancer").await;
    let finalizer = "service.kubernetes.io/load-balancer-cleanup";
    assert_eq!(
        failing_condition(&lab, &name, "NamespaceContentRemaining").await,
        "Some resources are remaining: services. has 1 resource instances"
    );
    assert_eq!(
        failing_condition(&lab, &name, "NamespaceFinalizersRemaining").await,
        format!(
            "Some content in the namespace has finalizers remaining: {finalizer} in 1 resource instances"
        )
    );
    let service = lab.get(&format!("{}/services/public", path(&name))).await.expect(200);
    assert!(is_deleting(&service));
    assert_eq!(service["status"]["loadBalancer"]["ingress"][0]["ip"], "203.0.113.7");
    assert_eq!(setters(&service, finalizer), ["cloud-controller-manager"]);
}

/// The managers that set a finalizer, by `managedFields`.
pub(super) fn setters(object: &Value, finalizer: &str) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let key = format!("v:{finalizer:?}");
    let set = entries.iter().filter(|entry| {
        let fields = &entry["fieldsV1"]["f:metadata"]["f:finalizers"];
        fields.get(&key).is_some_and(Value::is_object) && entry["fieldsType"] == "FieldsV1"
    });
    set.map(|entry| entry["manager"].as_str().unwrap_or_default().to_owned()).collect()
}
