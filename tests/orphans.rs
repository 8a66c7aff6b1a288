//! `nsfix orphans`, its purge, and `nsfix restore`.

use nsfix::sandbox::{Fault, Matcher};
use serde_json::{Value, json};

use crate::contract::{create, finalize, path, terminating};
use crate::harness::Lab;
use crate::tests;

tests! {
    Controlled:
    what_a_careless_finalize_left_is_found,
    a_purge_removes_orphans_and_wakes_nothing_up,
    a_purge_that_was_interrupted_is_finished_by_the_next,
    a_backup_is_one_that_is_restored_object_by_object;
    Sandbox:
    a_namespace_created_meanwhile_has_no_orphans,
    a_purge_asks_first,
    a_dry_run_of_a_purge_sends_nothing,
    what_exists_is_left_alone_by_a_restore
}

/// Finalizes a namespace with a held ConfigMap and a live Secret in it, as scripts do.
async fn orphans(lab: &Lab) -> String {
    let name = Lab::unique("lost");
    create(lab, &name).await;
    crate::contract::hold(lab, &name).await;
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}});
    lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    let (_, answer) = finalize(lab, &name, "", |body| body["spec"]["finalizers"] = json!([])).await;
    answer.expect(200);
    name
}

async fn list(lab: &Lab, name: &str) -> Vec<String> {
    let document = lab.nsfix(&["orphans", name, "-o", "json"]).run().await.expect(0).json();
    assert_eq!(document["kind"], "OrphanList");
    let items = document["items"].as_array().unwrap().iter();
    items
        .map(|item| format!("{}/{}", item["resource"].as_str().unwrap(), item["name"].as_str().unwrap()))
        .collect()
}

async fn what_a_careless_finalize_left_is_found(lab: Lab) {
    let name = orphans(&lab).await;
    let found = list(&lab, &name).await;
    assert!(found.contains(&"configmaps/held".to_owned()), "{found:?}");
    assert!(found.contains(&"secrets/s".to_owned()), "{found:?}");
    // Nothing of namespaces that are there.
    let all = lab.nsfix(&["orphans", "-o", "json"]).run().await.expect(0).json();
    assert!(all["items"].as_array().unwrap().iter().all(|item| item["namespace"] != "default"));
}

async fn a_purge_removes_orphans_and_wakes_nothing_up(lab: Lab) {
    let name = orphans(&lab).await;
    let ran = lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(0);
    assert!(ran.stdout.starts_with(&format!("namespace/{name} ")), "{ran:?}");
    lab.get(&path(&name)).await.expect(404);
    assert_eq!(list(&lab, &name).await, Vec::<String>::new());
}

async fn a_purge_that_was_interrupted_is_finished_by_the_next(lab: Lab) {
    let name = orphans(&lab).await;
    // As far as an interrupted purge may have come: the namespace is there, Active even.
    let body = json!({"metadata": {"name": name, "labels": {"nsfix/purge": "true"}}});
    lab.post("/api/v1/namespaces", &body).await.expect(201);
    lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(0);
    lab.get(&path(&name)).await.expect(404);
    assert_eq!(list(&lab, &name).await, Vec::<String>::new());
}

async fn a_backup_is_one_that_is_restored_object_by_object(lab: Lab) {
    let name = orphans(&lab).await;
    let purged =
        lab.nsfix(&["orphans", &name, "--purge", "--yes", "-o", "json"]).run().await.expect(0).json();
    let backup = purged["items"][0]["backup"].as_str().unwrap().to_owned();
    lab.nsfix(&["restore", &backup, &format!("namespace/{name}"), "s", "--dry-run=client"])
        .run()
        .await
        .expect(0);
    lab.get(&path(&name)).await.expect(404);
    let ran = lab.nsfix(&["restore", &backup, &format!("namespace/{name}"), "s"]).run().await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} restored\nsecret/s restored\n"));
    let secret = lab.get(&format!("{}/secrets/s", path(&name))).await.expect(200);
    assert_eq!(secret["data"]["a"], "Yg==", "{secret}");
    lab.get(&format!("{}/configmaps/held", path(&name))).await.expect(404);
}

async fn a_namespace_created_meanwhile_has_no_orphans(lab: Lab) {
    let name = orphans(&lab).await;
    let again = name.clone();
    lab.the_sandbox().inject(Fault::before(Matcher::new("GET", "/api/v1/secrets").once(), move |api| {
        api.create("/api/v1/namespaces", &json!({"metadata": {"name": again}})).unwrap();
    }));
    assert_eq!(list(&lab, &name).await, Vec::<String>::new());
}

async fn a_purge_asks_first(lab: Lab) {
    let name = orphans(&lab).await;
    let ran = lab.nsfix(&["orphans", &name, "--purge"]).run().await.expect(4);
    assert!(ran.stderr.contains("there is no terminal to ask on"), "{ran:?}");
    lab.get(&path(&name)).await.expect(404);
}

async fn a_dry_run_of_a_purge_sends_nothing(lab: Lab) {
    let name = orphans(&lab).await;
    lab.the_sandbox().forget_requests();
    lab.nsfix(&["orphans", &name, "--purge", "--dry-run=client"]).run().await.expect(0);
    assert!(lab.the_sandbox().requests().iter().all(|request| request.method == "GET"));
}

async fn what_exists_is_left_alone_by_a_restore(lab: Lab) {
    let name = terminating(&lab).await;
    let cleared = lab.nsfix(&["clear", &name, "--yes", "--leftovers=orphan", "-o", "json"]).run().await;
    let cleared: Value = cleared.expect(0).json();
    let backup = cleared["items"][0]["backup"].as_str().unwrap();
    // The ConfigMap was abandoned and is there again as soon as its namespace is.
    let ran = lab.nsfix(&["restore", backup]).run().await.expect(0);
    assert!(ran.stderr.contains("configmap/held exists already; it was left alone"), "{ran:?}");
    let broken = lab.dir().join("broken.yaml");
    std::fs::write(&broken, "---\n{{{\n").unwrap();
    let ran = lab.nsfix(&["restore", &broken.display().to_string()]).run().await.expect(1);
    assert!(ran.stderr.contains("unable to read the backup"), "{ran:?}");
}
