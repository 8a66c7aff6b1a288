//! `nsfix access`, and the check of permissions before the first write.

use serde_json::json;

use crate::harness::Lab;
use crate::harness::fixtures::{create, path, terminating};
use crate::tests;

tests! { Both:
    an_administrator_may_do_everything,
    a_user_is_told_which_rules_are_missing,
    a_role_in_the_namespace_is_enough_for_the_put
}

async fn an_administrator_may_do_everything(lab: Lab) {
    let report = lab.nsfix(&["access", "-o", "json"]).run().await.expect(0).json();
    assert_eq!(report["kind"], "AccessReport");
    let ran = lab.nsfix(&["access", "clear"]).run().await.expect(0);
    assert_eq!(ran.stderr, "This account may clear.\n");
    let items = report["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["allowed"] == json!(true)), "{report}");
    for capability in ["report", "clear", "release", "purge"] {
        assert!(items.iter().any(|item| item["capability"] == capability), "{capability}");
    }
}

async fn a_user_is_told_which_rules_are_missing(lab: Lab) {
    let ran = lab.nsfix(&["access", "--as", "alice"]).run().await.expect(1);
    assert!(
        ran.stderr.contains("This account may not report (") && ran.stderr.contains("permissions missing)"),
        "{ran:?}"
    );
    let row = ran.stdout.lines().find(|line| line.contains("namespaces/finalize")).unwrap();
    assert!(row.contains("no"), "{ran:?}");
    assert!(
        row.contains(r#"{apiGroups: [""], resources: ["namespaces/finalize"], verbs: ["update"]}"#),
        "{row}"
    );
}

/// Rights are looked up before the first write, and a namespaced Role suffices for the PUT.
async fn a_role_in_the_namespace_is_enough_for_the_put(lab: Lab) {
    let name = Lab::unique("stuck");
    create(&lab, &name).await;
    let rules = |verbs: &[&str]| {
        json!([
            {"apiGroups": [""], "resources": ["namespaces/finalize"], "verbs": verbs},
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]},
        ])
    };
    let roles = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}");
    let role = json!({"metadata": {"name": "clearer", "finalizers": ["example.com/hold"]}, "rules": rules(&["update"])});
    lab.post(&format!("{roles}/roles"), &role).await.expect(201);
    let binding = json!({
        "metadata": {"name": "clearer", "finalizers": ["example.com/hold"]},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "clearer"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob"}],
    });
    lab.post(&format!("{roles}/rolebindings"), &binding).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    let arguments = ["clear", &name, "--yes", "--leftovers=orphan", "--as", "bob"];
    let ran = lab.nsfix(&arguments).run().await.expect(0);
    assert!(ran.stdout.contains("finalized"), "{ran:?}");
    let other = terminating(&lab).await;
    let ran =
        lab.nsfix(&["clear", &other, "--yes", "--leftovers=orphan", "--as", "bob"]).run().await.expect(1);
    assert!(ran.stderr.contains("Forbidden"), "{ran:?}");
}
