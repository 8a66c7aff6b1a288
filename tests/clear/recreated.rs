//! A namespace that GitOps creates again at once: the new one is told by its uid.

use std::time::Duration;

use serde_json::{Value, json};

use super::clear;
use crate::harness::Lab;
use crate::harness::fixtures::{path, terminating};
use crate::orphans::orphans;
use crate::tests;

tests! { Controlled:
    what_was_abandoned_and_is_inside_a_new_namespace_is_told,
    a_namespace_that_is_created_again_a_moment_later_is_told_as_well,
    what_a_new_namespace_brings_is_no_orphan_of_a_purge
}

/// Creates the namespace as soon as the old one is gone.
async fn create_again(lab: &Lab, name: &str) -> Value {
    loop {
        let answer = lab.post("/api/v1/namespaces", &json!({"metadata": {"name": name}})).await;
        if answer.status == 201 {
            return answer.json();
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// The same after this pause, as a controller does that hears of the deletion.
async fn create_again_later(lab: &Lab, name: &str, pause: Duration) -> Value {
    lab.wait_for(&path(name), |answer| answer.status == 404).await;
    tokio::time::sleep(pause).await;
    create_again(lab, name).await
}

async fn a_namespace_that_is_created_again_a_moment_later_is_told_as_well(lab: Lab) {
    let name = terminating(&lab).await;
    let run = clear(&lab, &name, &["--leftovers=orphan", "--patience=2s", "-o=json"]);
    let later = create_again_later(&lab, &name, Duration::from_millis(200));
    let (ran, _) = tokio::join!(run, later);
    let ran = ran.expect(0);
    let item = &ran.json()["items"][0];
    assert_eq!((&item["outcome"], &item["orphans"]), (&json!("Cleared"), &json!([])), "{ran:?}");
    assert!(ran.stderr.contains("inside the new one of that name now: configmaps held"), "{ran:?}");
}

async fn what_a_new_namespace_brings_is_no_orphan_of_a_purge(lab: Lab) {
    for _ in 0..5 {
        let name = orphans(&lab).await;
        let arguments = ["orphans", &name, "--purge", "--yes", "-o=json"];
        let run = lab.nsfix(&arguments).run();
        let again = async {
            // Not before the purge has created its own.
            lab.wait_for(&path(&name), |answer| answer.status == 200).await;
            let again = create_again(&lab, &name).await;
            let secret = json!({"metadata": {"name": "new"}});
            lab.post(&format!("{}/secrets", path(&name)), &secret).await;
            again
        };
        let (ran, _) = tokio::join!(run, again);
        let item = &ran.json()["items"][0];
        assert!(!ran.stderr.contains("left behind"), "{ran:?}");
        assert_eq!(item["orphans"], json!([]), "{ran:?}");
    }
}

async fn what_was_abandoned_and_is_inside_a_new_namespace_is_told(lab: Lab) {
    for _ in 0..5 {
        let name = terminating(&lab).await;
        let run = clear(&lab, &name, &["--leftovers=orphan", "-o=json"]);
        let (ran, again) = tokio::join!(run, create_again(&lab, &name));
        let ran = ran.expect(0);
        let item = &ran.json()["items"][0];
        assert_eq!(item["outcome"], "Cleared", "{ran:?}");
        assert_ne!(item["uid"], again["metadata"]["uid"]);
        // Whoever was quicker: what was found before the new one came was an orphan then.
        if item["orphans"] != json!([]) {
            continue;
        }
        let told = format!(
            "left behind by the old namespace {name:?}, and inside the new one of that name now: configmaps held"
        );
        let warnings = item["warnings"].as_array().unwrap();
        assert!(warnings.iter().any(|warning| warning.as_str().unwrap().starts_with(&told)), "{ran:?}");
        assert!(ran.stderr.contains(&told), "{ran:?}");
        lab.get(&format!("{}/configmaps/held", path(&name))).await.expect(200);
        let now = lab.get(&path(&name)).await.expect(200);
        assert_eq!(
            (&now["metadata"]["uid"], &now["status"]["phase"]),
            (&again["metadata"]["uid"], &json!("Active"))
        );
        return;
    }
    panic!("nobody was ever quicker");
}
