//! The recipes.

use serde_json::json;

use super::{exists, with_scenario};
use crate::sandbox::{Options, Sandbox, Step, scenarios};

#[tokio::test]
async fn every_recipe_plays_with_and_without_a_controller() {
    for scenario in scenarios::all() {
        for controller in [Options::default().controller, None] {
            let sandbox = Sandbox::start(Options { controller, ..Options::with(scenario) }).await.unwrap();
            for name in scenario.namespaces {
                let namespace = sandbox.api().get(&format!("/api/v1/namespaces/{name}")).unwrap();
                let phase = if *name == "active" { "Active" } else { "Terminating" };
                assert_eq!(namespace["status"]["phase"], phase, "{name}");
            }
            sandbox.shutdown().await;
        }
    }
}

#[tokio::test]
async fn all_recipes_fit_into_one_cluster() {
    let scenarios = scenarios::all().iter().collect();
    let sandbox = Sandbox::start(Options { scenarios, ..Options::default() }).await.unwrap();
    for name in scenarios::all().iter().flat_map(|scenario| scenario.namespaces) {
        assert!(exists(&sandbox.api(), &format!("/api/v1/namespaces/{name}")), "{name}");
    }
}

#[tokio::test]
async fn held_backup_waits_for_an_operator_that_is_gone() {
    let sandbox = with_scenario("held-backup").await;
    let api = sandbox.api();
    let namespace = api.get("/api/v1/namespaces/held-backup").unwrap();
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(namespace["metadata"]["labels"]["team"], "payments");
    let deleted: jiff::Timestamp =
        namespace["metadata"]["deletionTimestamp"].as_str().unwrap().parse().unwrap();
    let age = jiff::Timestamp::now().duration_since(deleted).as_secs();
    assert!((3 * 86_400..3 * 86_400 + 60).contains(&age), "{age}");
    let backup = api.get("/apis/example.com/v1/namespaces/held-backup/backups/nightly").unwrap();
    assert_eq!(backup["metadata"]["finalizers"], json!(["backups.example.com/cleanup"]));
    assert!(backup["metadata"]["deletionTimestamp"].is_string());
    let managers: Vec<_> = backup["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["manager"].clone())
        .collect();
    assert!(managers.contains(&json!("backup-operator")), "{managers:?}");
    assert_eq!(
        api.list("/api/v1/namespaces/held-backup/configmaps").unwrap(),
        Vec::<serde_json::Value>::new()
    );
}

#[test]
fn names_are_unique_and_can_be_found() {
    for scenario in scenarios::all() {
        assert_eq!(scenarios::find(scenario.name).unwrap().about, scenario.about);
        assert_eq!(scenarios::all().iter().filter(|each| each.name == scenario.name).count(), 1);
    }
    assert!(scenarios::find("no such thing").is_none());
}

#[test]
fn bodies_say_what_they_are_so_that_a_real_server_takes_them() {
    for step in scenarios::all().iter().flat_map(|scenario| (scenario.steps)()) {
        if let Step::Request { method: "POST" | "PUT", path, body, .. } = step {
            let body = body.unwrap();
            assert!(body["apiVersion"].is_string() && body["kind"].is_string(), "{path}");
        }
    }
}
