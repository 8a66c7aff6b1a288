//! Reported shapes of trouble that the practice cluster knows as well as a control plane, and answers that it can be
//! made to give.

use nsfix::sandbox::{Canned, Fault, Matcher};
use serde_json::{Value, json};

use super::{Told, explain, explain_with, strings};
use crate::harness::Lab;
use crate::harness::fixtures::{create, path, terminating, user};
use crate::tests;

tests! {
    Controlled:
    names_that_are_shell_code_are_quoted_and_the_right_object_is_released,
    a_pod_with_ten_years_of_grace_is_given_half_a_minute,
    a_type_that_may_not_be_listed_and_holds_the_namespace_is_never_abandoned,
    an_owner_that_ran_in_the_namespace_cannot_work_there;
    Sandbox:
    an_object_that_cannot_be_read_is_named_in_either_wording,
    a_release_that_is_refused_as_invalid_is_told_before_it_is_tried,
    a_release_that_changes_nothing_is_told,
    a_claim_that_no_pod_uses_waits_for_its_controller,
    one_bad_object_elsewhere_fails_no_other_namespace_in_a_crowd
}

async fn until_reported(lab: &Lab, name: &str) {
    lab.wait_for(&path(name), |answer| answer.json()["status"]["conditions"].is_array()).await;
}

async fn names_that_are_shell_code_are_quoted_and_the_right_object_is_released(lab: Lab) {
    let name = Lab::unique("shell");
    create(&lab, &name).await;
    let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings");
    let shell = "0;echo INJECTED as $(id -un)";
    for (binding, finalizer) in
        [("a", "example.com/keep"), ("a#b", "example.com/sync"), (shell, "example.com/sync")]
    {
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"});
        let body = json!({"metadata": {"name": binding, "finalizers": [finalizer]}, "roleRef": role, "subjects": []});
        lab.post(&bindings, &body).await.expect(201);
    }
    lab.delete(&path(&name)).await.expect(200);
    until_reported(&lab, &name).await;
    let told = explain(&lab, &name).await;
    assert_eq!(told.cause("HeldObjects")["subject"], "example.com/keep");
    let ran = lab.nsfix(&["explain", &name]).run().await.expect(0);
    assert!(ran.stdout.contains(&format!("'{shell}'")) && ran.stdout.contains("'a#b'"), "{}", ran.stdout);
    let clear = ["clear", &name, "--yes", "--leftovers=release", "--patience=0s"];
    lab.nsfix(&clear).run().await.expect(0);
    lab.wait_for(&path(&name), |answer| answer.status == 404).await;
}

async fn a_pod_with_ten_years_of_grace_is_given_half_a_minute(lab: Lab) {
    let name = Lab::unique("patient");
    let node = format!("alive-{name}");
    let ready = json!([{"type": "Ready", "status": "True", "reason": "KubeletReady"}]);
    lab.post("/api/v1/nodes", &json!({"metadata": {"name": node}})).await.expect(201);
    lab.patch(&format!("/api/v1/nodes/{node}/status"), &json!({"status": {"conditions": ready}}))
        .await
        .expect(200);
    create(&lab, &name).await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "patient"},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 315_360_000, "containers": [{"name": "c", "image": "i"}]},
    });
    lab.post(&format!("{}/pods", path(&name)), &pod).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    let pod = format!("{}/pods/patient", path(&name));
    lab.wait_for(&pod, |answer| !answer.json()["metadata"]["deletionTimestamp"].is_null()).await;

    let told = explain(&lab, &name).await;
    let command = told.cause("LongGracePeriod")["command"].as_str().unwrap();
    assert!(
        command.ends_with(&format!("kubectl delete pod -n {name} --grace-period=30 --wait=false patient")),
        "{command}"
    );
    let steps = told.item["plan"].as_array().unwrap();
    assert!(steps[0]["request"].as_str().unwrap().contains("gracePeriodSeconds=30"), "{steps:#?}");
    let clear = ["clear", &name, "--yes", "--leftovers=release", "--patience=0s", "--timeout=3s"];
    lab.nsfix(&clear).run().await;
    let grace = |answer: &Value| answer["metadata"]["deletionGracePeriodSeconds"].as_i64();
    let answer = lab.get(&pod).await;
    assert!(answer.status == 404 || grace(&answer.json()).is_some_and(|grace| grace <= 30), "{answer:?}");
}

/// A robot's account with too narrow a role.
async fn a_type_that_may_not_be_listed_and_holds_the_namespace_is_never_abandoned(lab: Lab) {
    let name = Lab::unique("narrow");
    create(&lab, &name).await;
    let secret = json!({"metadata": {"name": "sealed", "finalizers": ["example.com/seal"]}});
    lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    let config_map = json!({"metadata": {"name": "c", "finalizers": ["example.com/hold"]}});
    lab.post(&format!("{}/configmaps", path(&name)), &config_map).await.expect(201);
    let verbs = ["get", "list", "patch", "delete"];
    let rules = json!([
        {"apiGroups": [""], "resources": ["namespaces", "configmaps", "serviceaccounts", "pods"], "verbs": verbs},
        {"apiGroups": [""], "resources": ["namespaces/finalize"], "verbs": ["update"]},
    ]);
    let user = format!("--as={}", user(&lab, "narrow", &rules).await);
    lab.delete(&path(&name)).await.expect(200);
    lab.wait_for(&path(&name), |answer| answer.text.contains("example.com/seal")).await;

    let told = explain_with(&lab, &name, &[&user]).await;
    let causes = told.item["causes"].as_array().unwrap().iter();
    let unseen = causes.filter(|cause| cause["subject"] == "example.com/seal").collect::<Vec<_>>();
    let [cause] = unseen.as_slice() else { panic!("{told:#?}") };
    assert!(cause["detail"].as_str().unwrap().contains("could not be looked at"), "{cause}");
    assert!(!told.steps().contains(&"Finalize"), "{:?}", told.steps());
    for leftovers in ["--leftovers=release", "--leftovers=refuse"] {
        let clear =
            ["clear", &name, &user, "--yes", leftovers, "--patience=0s", "--timeout=5s", "--no-backup"];
        lab.nsfix(&clear).run().await;
        lab.get(&path(&name)).await.expect(200);
        lab.get(&format!("{}/secrets/sealed", path(&name))).await.expect(200);
    }
}

async fn an_owner_that_ran_in_the_namespace_cannot_work_there(lab: Lab) {
    let name = Lab::unique("inside");
    create(&lab, &name).await;
    let held = json!({"metadata": {"name": "q", "finalizers": ["operator.grafana.com/finalizer"]}});
    lab.post(&format!("{}/configmaps", path(&name)), &held).await.expect(201);
    let account = json!({"metadata": {
        "name": "grafana-operator", "labels": {"app.kubernetes.io/name": "grafana-operator"},
        "finalizers": ["example.com/hold"],
    }});
    lab.post(&format!("{}/serviceaccounts", path(&name)), &account).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    until_reported(&lab, &name).await;
    let told = explain(&lab, &name).await;
    let cause = told.cause("Deadlock");
    assert_eq!(cause["subject"], "Grafana operator");
    told.evidence("Deadlock", "ServiceAccount grafana-operator is its own, and is in this namespace");
}

async fn an_object_that_cannot_be_read_is_named_in_either_wording(lab: Lab) {
    let name = terminating(&lab).await;
    let key = format!("/registry/secrets/{name}/lost");
    let old = format!("Internal error occurred: unable to transform key \"{key}\": no matching prefix found");
    let secrets = Matcher::new("GET", &format!("{}/secrets", path(&name)));
    let new = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "StorageReadError", "code": 500,
        "message": "failed to read one or more secrets from the storage",
        "details": {"kind": "secrets", "causes": [{"reason": "UnexpectedServerResponse", "message": "no key", "field": key}]},
    });
    for answer in [Canned::status(500, "InternalError", &old), Canned::json(500, &new)] {
        lab.the_sandbox().clear_faults();
        lab.the_sandbox().inject(Fault::answer(secrets.clone(), answer));
        let told = explain(&lab, &name).await;
        let cause = told.cause("UnreadableObjects");
        assert_eq!(cause["subject"], "secrets");
        assert!(
            cause["detail"].as_str().unwrap().contains(&format!("(lost in namespace {name})")),
            "{cause}"
        );
        let request = format!(
            "DELETE {}/secrets/lost?ignoreStoreReadErrorWithClusterBreakingPotential=true",
            path(&name)
        );
        assert!(cause["remedy"].as_str().unwrap().contains(&request), "{cause}");
        assert!(!told.steps().contains(&"Finalize"), "{:?}", told.steps());
    }
}

#[track_caller]
fn refused(told: &Told, said: &str) {
    let warnings = strings(&told.item["warnings"]);
    let refused = warnings.iter().find(|warning| warning.contains("is refused by the server as things are"));
    let refused = refused.unwrap_or_else(|| panic!("{warnings:#?}"));
    assert!(refused.starts_with("step ") && refused.contains(said), "{refused}");
}

async fn a_release_that_is_refused_as_invalid_is_told_before_it_is_tried(lab: Lab) {
    let name = terminating(&lab).await;
    let held = format!("{}/configmaps/held", path(&name));
    let said = "ConfigMap \"held\" is invalid: data[owner]: Required value";
    lab.the_sandbox()
        .inject(Fault::answer(Matcher::new("PATCH", &held), Canned::status(422, "Invalid", said)));
    let told = explain(&lab, &name).await;
    let detail = told.cause("RejectedUpdate")["detail"].as_str().unwrap();
    assert!(detail.contains("data[owner]: Required value"), "{detail}");
    refused(&told, said);
}

async fn a_release_that_changes_nothing_is_told(lab: Lab) {
    let name = terminating(&lab).await;
    let held = format!("{}/configmaps/held", path(&name));
    let object = lab.get(&held).await.expect(200);
    lab.the_sandbox().inject(Fault::answer(Matcher::new("PATCH", &held), Canned::json(200, &object)));
    let told = explain(&lab, &name).await;
    told.evidence(
        "AdmissionRefusal",
        "dry run of PATCH configmaps/held: 200, and example.com/hold is still there",
    );
    refused(&told, "200, and example.com/hold is still there");
}

async fn a_claim_that_no_pod_uses_waits_for_its_controller(lab: Lab) {
    let name = Lab::unique("claim");
    create(&lab, &name).await;
    let claim = json!({
        "metadata": {"name": "data", "finalizers": ["kubernetes.io/pvc-protection"]},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    let claims = format!("{}/persistentvolumeclaims", path(&name));
    lab.post(&claims, &claim).await.expect(201);
    // Nobody plays the namespace controller here.
    lab.delete(&format!("{claims}/data")).await.expect(200);
    lab.delete(&path(&name)).await.expect(200);
    let told = explain(&lab, &name).await;
    let cause = told.cause("HeldObjects");
    assert!(cause["detail"].as_str().unwrap().ends_with(", and no pod uses them"), "{cause}");
    assert!(
        cause["remedy"].as_str().unwrap().contains("persistentvolumeclaim-protection controller"),
        "{cause}"
    );
}

async fn one_bad_object_elsewhere_fails_no_other_namespace_in_a_crowd(lab: Lab) {
    let (bad, good) = (terminating(&lab).await, terminating(&lab).await);
    let said =
        format!("Internal error occurred: unable to transform key \"/registry/secrets/{bad}/lost\": no key");
    for place in ["/api/v1/secrets".to_owned(), format!("{}/secrets", path(&bad))] {
        let answer = Canned::status(500, "InternalError", &said);
        lab.the_sandbox().inject(Fault::answer(Matcher::new("GET", &place), answer));
    }
    let alone = explain(&lab, &good).await;
    let crowd = lab.nsfix(&["explain", "-o", "json", &bad, &good]).run().await.expect(0).json();
    let kinds = |item: &Value| item["namespace"]["causes"].clone();
    assert_eq!(kinds(&crowd["items"][1]), kinds(&alone.item));
    assert_eq!(crowd["items"][1]["coverage"]["couldNotLook"], json!([]));
    assert!(kinds(&crowd["items"][0]).to_string().contains("UnreadableObjects"), "{}", crowd["items"][0]);
}
