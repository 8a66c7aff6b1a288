//! The documents are what their schemas say.

use nsfix::sandbox::{Options, scenarios};
use serde_json::{Value, json};

use crate::harness::Lab;
use crate::harness::fixtures::terminating;
use crate::tests;

tests! {
    Sandbox:
    lists_are_what_their_schema_says,
    diagnoses_are_what_their_schema_says,
    reports_are_what_their_schema_says,
    orphans_and_access_are_what_their_schemas_say,
    predictions_are_what_their_schema_says,
    policies_are_what_their_schema_says,
    the_schemas_tell_right_from_wrong
}

/// What does not fit the schema of this name in docs/schemas.
fn misfits(name: &str, document: &Value) -> Vec<String> {
    let path = format!("{}/docs/schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[track_caller]
pub fn fits(name: &str, document: &Value) {
    assert_eq!(misfits(name, document), [""; 0], "{document:#}");
}

/// A sandbox in which everything is wrong at once.
async fn everything() -> Lab {
    Lab::sandbox(Options { scenarios: scenarios::all().iter().collect(), ..Options::default() }).await
}

async fn lists_are_what_their_schema_says(empty: Lab) {
    let none = empty.nsfix(&["list-stuck", "-o", "json"]).run().await.expect(0).json();
    assert_eq!(none["items"], json!([]));
    fits("stuck-namespace-list", &none);
    let all = everything().await.nsfix(&["list-stuck", "-o", "json"]).run().await.expect(0).json();
    assert_eq!(all["items"].as_array().unwrap().len(), scenarios::all().len() - 1);
    fits("stuck-namespace-list", &all);
}

async fn diagnoses_are_what_their_schema_says(empty: Lab) {
    let none = empty.nsfix(&["explain", "nowhere", "-o", "json"]).run().await.expect(1).json();
    assert_eq!(none["items"], json!([]));
    fits("diagnosis-list", &none);
    let names: Vec<&str> = scenarios::all().iter().map(|scenario| scenario.name).collect();
    let explain = [&["explain", "-o", "json"], names.as_slice()].concat();
    let all = everything().await.nsfix(&explain).run().await.expect(0).json();
    assert_eq!(all["items"].as_array().unwrap().len(), names.len());
    fits("diagnosis-list", &all);
}

async fn predictions_are_what_their_schema_says(empty: Lab) {
    let none = empty.nsfix(&["check", "nowhere", "-o", "json"]).run().await.expect(1).json();
    assert_eq!(none["items"], json!([]));
    fits("prediction-list", &none);
    // Of every section something.
    let name = "full";
    crate::harness::fixtures::create(&empty, name).await;
    crate::harness::fixtures::hold(&empty, name).await;
    let hook = json!({
        "metadata": {"name": "guard"},
        "webhooks": [{
            "name": "guard.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"service": {"namespace": name, "name": "guard", "port": 443}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }],
    });
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    empty.post(hooks, &hook).await.expect(201);
    let ports = json!([{"port": 443}]);
    let service = json!({"metadata": {"name": "public", "labels": {
        "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }}, "spec": {"type": "LoadBalancer", "ports": ports}});
    empty.post(&format!("/api/v1/namespaces/{name}/services"), &service).await.expect(201);
    let full = empty.nsfix(&["check", name, "-o", "json"]).run().await.expect(3).json();
    for section in ["likely", "breaksOthers", "outside", "comesBack", "order"] {
        assert_ne!(full["items"][0][section], json!([]), "{section}: {full:#}");
    }
    fits("prediction-list", &full);
    let mut bad = full.clone();
    bad["items"][0]["expectation"] = json!("Fine");
    assert_ne!(misfits("prediction-list", &bad), [""; 0]);
    let explained = empty.nsfix(&["explain", name, "-o", "json"]).run().await.expect(0).json();
    fits("diagnosis-list", &explained);
}

async fn reports_are_what_their_schema_says(lab: Lab) {
    let clear = async |arguments: &[&str]| {
        let arguments = [&["clear", "-o", "json", "--yes"], arguments].concat();
        lab.nsfix(&arguments).run().await.json()
    };
    let name = terminating(&lab).await;
    for (arguments, outcome) in [
        (["default", "--leftovers=orphan"], "Refused"),
        ([&name, "--dry-run=server"], "Refused"),
        ([&name, "--leftovers=orphan"], "Cleared"),
        ([&name, "--ignore-not-found"], "Unchanged"),
    ] {
        let report = clear(&arguments).await;
        fits("repair-report", &report);
        assert_eq!(report["items"][0]["outcome"], outcome, "{report}");
    }
    fits("repair-report", &json!({"apiVersion": "nsfix/v1", "kind": "RepairReport", "items": []}));
}

async fn orphans_and_access_are_what_their_schemas_say(lab: Lab) {
    let none = lab.nsfix(&["orphans", "-o", "json"]).run().await.expect(0).json();
    assert_eq!(none["items"], json!([]));
    fits("orphan-list", &none);
    let name = terminating(&lab).await;
    lab.nsfix(&["clear", &name, "--yes", "--leftovers=orphan"]).run().await.expect(0);
    let orphans = lab.nsfix(&["orphans", "-o", "json"]).run().await.expect(0).json();
    assert!(!orphans["items"].as_array().unwrap().is_empty());
    fits("orphan-list", &orphans);
    for (arguments, code) in [
        (vec!["access", "-o", "json"], 0),
        (vec!["access", "-o", "json", "--as", "alice", "-n", "default"], 1),
    ] {
        let access = lab.nsfix(&arguments).run().await.expect(code).json();
        fits("access-report", &access);
    }
}

/// A schema that lets anything pass would pass every test above.
async fn the_schemas_tell_right_from_wrong(_: Lab) {
    let lab = everything().await;
    let list = lab.nsfix(&["list-stuck", "-o", "json"]).run().await.expect(0).json();
    let diagnosis = lab.nsfix(&["explain", "held-backup", "-o", "json"]).run().await.expect(0).json();
    for (name, good, place, wrong) in [
        ("stuck-namespace-list", &list, "/kind", json!("List")),
        ("stuck-namespace-list", &list, "/items/0/state", json!("Terminating")),
        ("stuck-namespace-list", &list, "/items/0/ageSeconds", json!("3d")),
        ("diagnosis-list", &diagnosis, "/items/0/causes/0/kind", json!("Unknown")),
        ("diagnosis-list", &diagnosis, "/items/0/plan/0/step", json!("Force")),
        ("diagnosis-list", &diagnosis, "/items/0/coverage", json!({"looked": 1})),
        ("diagnosis-list", &diagnosis, "/items/0/namespace/state", Value::Null),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = wrong;
        let misfits = misfits(name, &bad);
        let at_place = |misfit: &String| misfit.starts_with(&format!("{place}: "));
        assert!(!misfits.is_empty() && misfits.iter().all(at_place), "{place}: {misfits:?}");
    }
    // What is added later breaks nobody.
    let mut more = diagnosis.clone();
    more["items"][0]["added"] = json!(true);
    fits("diagnosis-list", &more);
}

async fn policies_are_what_their_schema_says(lab: Lab) {
    let good = json!({
        "apiVersion": "nsfix/v1", "kind": "ClearPolicy", "olderThan": "1h", "max": 3, "exclude": ["prod-*"],
        "rules": [{
            "namespaces": {"names": ["pr-*"], "selector": "env=preview"},
            "leftovers": "release",
            "release": {"finalizers": ["example.com/hold"], "onlyIfOwnerAbsent": true},
            "metadataFinalizers": ["controller.cattle.io/namespace-auth"],
            "acceptUnavailableApis": ["metrics.example.com"],
            "acceptUnlistedTypes": ["secrets"],
            "zombies": "rearm",
        }, {"namespaces": {"names": ["*"]}, "leftovers": "refuse"}],
    });
    // What the schema refuses nsfix refuses, and the other way round.
    let taken = async |policy: &Value| {
        let path = lab.dir().join("policy.yaml");
        std::fs::write(&path, policy.to_string()).unwrap();
        let path = path.display().to_string();
        let ran = lab.nsfix(&["clear", "--all", "--policy", &path, "--yes"]).run().await;
        assert!(ran.code == Some(0) || ran.code == Some(2), "{ran:?}");
        ran.code == Some(0)
    };
    fits("clear-policy", &good);
    assert!(taken(&good).await);
    for (place, wrong) in [
        ("/apiVersion", json!("nsfix/v2")),
        ("/max", json!(-1)),
        ("/exclude/0", json!("Prod")),
        ("/rules", json!([])),
        ("/rules/0/namespaces", json!({})),
        ("/rules/0/namespaces", json!({"names": ["*"], "name": "a"})),
        ("/rules/0/leftovers", json!("orphan")),
        ("/rules/0/leftovers", json!("refuse")),
        ("/rules/0/release/finalizers/0", json!("example.com/*")),
        ("/rules/0/zombies", json!("delete")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = wrong.clone();
        assert_ne!(misfits("clear-policy", &bad), [""; 0], "{place} {wrong}");
        assert!(!taken(&bad).await, "{place} {wrong}");
    }
}
