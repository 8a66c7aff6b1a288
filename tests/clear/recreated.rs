//! A namespace that GitOps creates again at once: the new one is told by its uid.

use serde_json::{Value, json};

use super::clear;
use crate::harness::Lab;
use crate::harness::fixtures::{path, terminating};
use crate::tests;

tests! { Controlled: what_was_abandoned_and_is_inside_a_new_namespace_is_told }

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
