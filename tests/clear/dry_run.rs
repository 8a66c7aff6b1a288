//! A dry run stores nothing and ends as the real run would.

use serde_json::json;

use super::{backups, clear};
use crate::harness::Lab;
use crate::harness::fixtures::{create, finalize_path, path, terminating};
use crate::tests;

tests! {
    Both:
    a_dry_run_refuses_what_the_run_refuses,
    a_client_dry_run_sends_nothing,
    a_server_dry_run_stores_nothing,
    a_server_dry_run_deletes_nothing,
    a_dry_run_does_not_say_that_something_was_released,
    a_dry_run_does_not_wait_where_the_run_would_not
}

/// A rehearsal ends as the real run would.
async fn a_dry_run_refuses_what_the_run_refuses(lab: Lab) {
    let name = terminating(&lab).await;
    for how in ["--dry-run=client", "--dry-run=server"] {
        let ran = lab.nsfix(&["clear", &name, how]).run().await.expect(4);
        assert!(ran.stderr.contains("live object"), "{ran:?}");
        assert!(!ran.stdout.contains("cleared") && !ran.stdout.contains("replace --raw"), "{ran:?}");
    }
    // The controller has its time first, and what is inside then decides.
    for how in ["--dry-run=client", "--dry-run=server"] {
        let ran = lab.nsfix(&["clear", &name, "--yes", "--patience=1h", how]).run().await.expect(4);
        assert!(ran.stderr.contains("and it was not forced") && !ran.stdout.contains("cleared"), "{ran:?}");
    }
    let young = ["clear", &name, "--yes", "--patience=1h", "--timeout=2h", "--dry-run=client"];
    let ran = lab.nsfix(&young).run().await.expect(0);
    assert!(ran.stdout.contains("kubectl wait") && !ran.stdout.contains("replace --raw"), "{ran:?}");
    clear(&lab, &name, &[]).await.expect(4);
    lab.get(&path(&name)).await.expect(200);
}

async fn a_client_dry_run_sends_nothing(lab: Lab) {
    let name = terminating(&lab).await;
    let before = lab.get(&path(&name)).await.expect(200);
    let ran = lab.nsfix(&["clear", &name, "--leftovers=orphan", "--dry-run=client"]).run().await.expect(0);
    let command = format!("kubectl replace --raw {} -f -\n", finalize_path(&name));
    let (before_it, last) = ran.stdout.split_once(&command).unwrap_or_else(|| panic!("{ran:?}"));
    assert_eq!(last, format!("# namespace/{name} cleared (dry run)\n"));
    let uid = before["metadata"]["uid"].as_str().unwrap();
    let line = before_it.lines().last().unwrap();
    assert!(line.contains(&format!(".metadata.uid == \"{uid}\"")), "{ran:?}");
    assert!(line.contains(r#".spec.finalizers -= ["kubernetes"]"#), "{ran:?}");
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"], before["spec"]);
    if lab.sandbox.is_some() {
        assert_eq!(lab.writes(), Vec::<String>::new());
    }
}

async fn a_server_dry_run_stores_nothing(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = lab.nsfix(&["clear", &name, "--leftovers=orphan", "--dry-run=server"]).run().await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} cleared (server dry run)\n"));
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
    assert!(backups(&lab).is_empty());
    if lab.sandbox.is_some() {
        assert_eq!(lab.writes(), Vec::<String>::new());
        let put = format!("{}?dryRun=All&fieldManager=nsfix", finalize_path(&name));
        assert!(lab.the_sandbox().requests().iter().any(|request| request.path_and_query == put));
    }
}

async fn a_server_dry_run_deletes_nothing(lab: Lab) {
    // A zombie is ended by deleting it again.
    let name = lab.play_apart("zombie").await;
    let ran = lab.nsfix(&["clear", &name, "--dry-run=server"]).run().await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} cleared (server dry run)\n"));
    lab.get(&path(&name)).await.expect(200);
}

/// Part of it may be released, and the rest keeps the namespace.
async fn a_dry_run_does_not_say_that_something_was_released(lab: Lab) {
    let name = Lab::unique("partly");
    create(&lab, &name).await;
    for (config_map, finalizer) in
        [("a", "example.com/hold"), ("b", "service.kubernetes.io/load-balancer-cleanup")]
    {
        let held = json!({"metadata": {"name": config_map, "finalizers": [finalizer]}});
        lab.post(&format!("{}/configmaps", path(&name)), &held).await.expect(201);
    }
    lab.delete(&path(&name)).await.expect(200);
    for (how, said) in [("client", "# "), ("server", "")] {
        let how = format!("--dry-run={how}");
        let ran = lab.nsfix(&["clear", &name, "--leftovers=release", &how]).run().await.expect(4);
        let line = format!("{said}namespace/{name} would be released, but still be there");
        assert!(ran.stdout.lines().any(|it| it.starts_with(&line)), "{ran:?}");
    }
}

/// Without waiting, the run ends when what it may release is released.
async fn a_dry_run_does_not_wait_where_the_run_would_not(lab: Lab) {
    let name = terminating(&lab).await;
    let clear = async |how: &str| {
        let release =
            ["clear", &name, "--yes", "--leftovers=release", "--release-finalizer=example.com/hold", how];
        lab.nsfix(&release).run().await
    };
    for how in ["--dry-run=client", "--dry-run=server"] {
        clear(how).await.expect(0);
        let release =
            ["clear", &name, "--yes", "--leftovers=release", "--release-finalizer=example.com/hold"];
        let ran = lab.nsfix(&[&release[..], &["--wait=false", how]].concat()).run().await.expect(4);
        assert!(ran.stderr.contains("would not be waited for, and not be forced"), "{ran:?}");
    }
    clear("--wait=false").await.expect(4);
}
