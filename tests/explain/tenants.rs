//! An account that has one namespace, and nothing around it.

use serde_json::json;

use super::{Told, explain_with, strings};
use crate::harness::Lab;
use crate::harness::fixtures::{create, hold, path};
use crate::tests;

tests! {
    Controlled:
    a_tenant_is_told_in_one_line_what_it_may_not_see_and_what_it_may_do,
    what_is_around_the_namespace_is_never_abandoned_in_it
}

const AS: &str = "--as=tenant-alice";

/// A namespace that is being deleted, in which alice may see and release ConfigMaps, roles and their bindings.
async fn tenant(lab: &Lab) -> String {
    let name = Lab::unique("tenant");
    create(lab, &name).await;
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}");
    // Held, so that they outlive the controller's first pass.
    let metadata = json!({"name": "tenant", "finalizers": ["example.com/hold"]});
    let verbs = ["get", "list", "patch", "delete"];
    let rules = json!([
        {"apiGroups": ["", "rbac.authorization.k8s.io"], "resources": ["configmaps", "roles", "rolebindings"], "verbs": verbs},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    ]);
    lab.post(&format!("{rbac}/roles"), &json!({"metadata": metadata, "rules": rules})).await.expect(201);
    let binding = json!({
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "tenant-alice"}],
    });
    lab.post(&format!("{rbac}/rolebindings"), &binding).await.expect(201);
    hold(lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    lab.wait_for(&path(&name), |answer| answer.text.contains("SomeFinalizersRemain")).await;
    name
}

fn forbidden(told: &Told) -> Vec<&str> {
    let gaps = told.item["coverage"]["couldNotLook"].as_array().unwrap().iter();
    gaps.filter(|gap| gap["why"] == "Forbidden").map(|gap| gap["resource"].as_str().unwrap()).collect()
}

async fn a_tenant_is_told_in_one_line_what_it_may_not_see_and_what_it_may_do(lab: Lab) {
    let name = tenant(&lab).await;
    let told = explain_with(&lab, &name, &[AS]).await;
    assert!(forbidden(&told).len() > 20, "{:?}", forbidden(&told));
    assert_eq!(told.leftover("configmaps", "held")["finalizers"][0]["name"], "example.com/hold");
    assert!(told.steps().contains(&"ReleaseObject"), "{:?}", told.steps());
    // Nothing is finalized over what it may not see.
    assert!(!told.steps().contains(&"Finalize"), "{:?}", told.steps());

    let ran = lab.nsfix(&["explain", &name, AS]).run().await.expect(0);
    assert!(ran.stdout.contains("until that is mended the namespace stays\n"), "{}", ran.stdout);
    let lines =
        ran.stdout.lines().filter(|line| line.contains("secrets") && line.contains("daemonsets.apps"));
    // Once under Coverage, once as a warning of the plan.
    assert_eq!(lines.count(), 2, "{}", ran.stdout);
    let warnings = ran.stdout.lines().filter(|line| line.trim_start().starts_with("Warning:"));
    assert!(warnings.count() <= 3, "{}", ran.stdout);
}

async fn what_is_around_the_namespace_is_never_abandoned_in_it(lab: Lab) {
    let name = tenant(&lab).await;
    let told = explain_with(&lab, &name, &[AS]).await;
    // It may not list them, and that is said; but nothing of the namespace is in them.
    assert!(forbidden(&told).contains(&"apiservices"), "{:?}", forbidden(&told));
    for warning in strings(&told.item["warnings"]) {
        let around = warning.contains("apiservices") || warning.contains("customresourcedefinitions");
        assert!(!around || warning.ends_with("a cause that lies there cannot be seen"), "{warning}");
    }
    let clear = ["clear", &name, AS, "--yes", "--leftovers=release", "--patience=0s", "--timeout=20s"];
    let ran = lab.nsfix(&clear).run().await;
    assert!(!ran.stderr.contains("whatever is in apiservices"), "{ran:?}");
    lab.get(&format!("{}/configmaps/held", path(&name))).await.expect(404);
}
