//! `nsfix restore`: what a backup holds comes back, and nothing else changes.

use serde_json::Value;

use crate::harness::Lab;
use crate::harness::fixtures::{path, terminating};
use crate::orphans::orphans;
use crate::tests;

tests! {
    Controlled:
    a_backup_is_one_that_is_restored_object_by_object;
    Sandbox:
    what_exists_is_left_alone_by_a_restore
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
