//! `nsfix clear`: the guarded PUT to /finalize.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nsfix::sandbox::{Canned, Deny, Fault, Matcher, Options};
use serde_json::{Value, json};

use crate::contract::{create, finalize, finalize_path, path, terminating};
use crate::harness::{Lab, Ran};
use crate::tests;

tests! {
    Both:
    a_stuck_namespace_is_cleared,
    the_namespace_is_saved_first,
    what_is_left_inside_is_warned_about_and_reported,
    live_leftovers_need_more_than_yes,
    an_active_namespace_is_refused,
    a_protected_namespace_is_refused,
    a_name_that_does_not_exist_is_not_found,
    a_dry_run_refuses_what_the_run_refuses,
    a_young_namespace_is_not_forced_when_time_is_short,
    a_client_dry_run_sends_nothing,
    a_server_dry_run_stores_nothing,
    a_server_dry_run_deletes_nothing,
    without_a_terminal_and_without_yes_nothing_happens,
    what_the_put_would_not_end_is_refused,
    several_at_once_and_one_failing_does_not_stop_the_others;
    Sandbox:
    a_release_abandons_nothing_that_could_not_be_looked_at,
    the_body_is_what_was_read_but_for_the_finalizer,
    a_conflict_is_read_again_and_tried_again,
    conflicts_without_end_are_given_up_on,
    a_namespace_created_anew_under_the_same_name_is_left_alone,
    a_put_whose_answer_was_lost_is_looked_after,
    a_connection_that_breaks_after_the_put_is_looked_after,
    the_controller_finishing_first_is_no_force,
    without_a_place_for_the_backup_nothing_is_written,
    a_missing_permission_is_told_and_nothing_is_half_done,
    types_that_cannot_be_looked_at_are_named,
    a_protected_namespace_can_be_named_by_hand,
    verbose_shows_the_body_of_the_write,
    the_journal_grows_by_a_line_for_each_namespace
}

/// Clears one namespace with `--yes` and more flags.
async fn clear(lab: &Lab, name: &str, more: &[&str]) -> Ran {
    lab.nsfix(&[&["clear", name, "--yes"], more].concat()).run().await
}

fn backups(lab: &Lab) -> Vec<PathBuf> {
    let dir = lab.dir().join("state/nsfix/backups");
    std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// The writes that reached the sandbox from the binary. An access review or a dry run stores nothing.
pub fn writes(lab: &Lab) -> Vec<String> {
    let requests = lab.the_sandbox().requests().into_iter();
    let of_nsfix =
        requests.filter(|request| request.user_agent.starts_with("nsfix/") && request.method != "GET");
    let stores = |path: &str| !path.contains("selfsubjectaccessreviews") && !path.contains("dryRun=All");
    let of_nsfix = of_nsfix.filter(|request| stores(&request.path_and_query));
    of_nsfix.map(|request| format!("{} {}", request.method, request.path_and_query)).collect()
}

async fn a_stuck_namespace_is_cleared(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = clear(&lab, &format!("ns/{name}"), &["--leftovers=orphan"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} finalized\n"));
    lab.get(&path(&name)).await.expect(404);
}

async fn the_namespace_is_saved_first(lab: Lab) {
    let name = terminating(&lab).await;
    let read = lab.get(&path(&name)).await.expect(200);
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    let [backup] = backups(&lab).try_into().unwrap();
    assert!(ran.stderr.contains(&backup.display().to_string()), "{ran:?}");
    let text = std::fs::read_to_string(&backup).unwrap();
    let saved: Value = serde_json::from_str(text.split("---\n").nth(1).unwrap()).unwrap();
    assert_eq!(saved["metadata"]["uid"], read["metadata"]["uid"]);
    assert_eq!(saved["metadata"]["labels"], read["metadata"]["labels"]);
    assert_eq!(saved["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
}

async fn what_is_left_inside_is_warned_about_and_reported(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = clear(&lab, &name, &["--leftovers=orphan", "-o", "json"]).await.expect(0);
    assert!(ran.stderr.contains(&format!("1 configmaps in namespace {name} would be orphaned")), "{ran:?}");
    assert!(ran.stderr.contains("1 configmaps left behind in etcd (held)"), "{ran:?}");
    let report = ran.json();
    assert_eq!(report["kind"], "RepairReport");
    let item = &report["items"][0];
    assert_eq!((&item["outcome"], &item["steps"][0]["step"]), (&json!("Cleared"), &json!("Finalize")));
    let orphans = item["orphans"].as_array().unwrap();
    let configmaps = orphans.iter().find(|orphan| orphan["resource"] == "configmaps").unwrap();
    assert!(configmaps["names"].as_array().unwrap().contains(&json!("held")));
    lab.get(&format!("{}/configmaps/held", path(&name))).await.expect(200);
}

async fn live_leftovers_need_more_than_yes(lab: Lab) {
    let name = Lab::unique("live");
    create(&lab, &name).await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "held", "finalizers": ["example.com/hold"]},
        "spec": {"containers": [{"name": "c", "image": "example.com/none"}]},
    });
    lab.post(&format!("{}/pods", path(&name)), &pod).await.expect(201);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alive"}});
    lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    let ran = clear(&lab, &name, &[]).await.expect(4);
    assert!(ran.stderr.contains("live objects that nobody has asked to delete"), "{ran:?}");
    assert!(ran.stderr.contains("--leftovers=orphan"), "{ran:?}");
    lab.get(&path(&name)).await.expect(200);
    assert!(backups(&lab).is_empty());
}

async fn an_active_namespace_is_refused(lab: Lab) {
    let name = Lab::unique("active");
    let before = create(&lab, &name).await;
    let ran = clear(&lab, &name, &["--leftovers=orphan", "--allow-protected"]).await.expect(4);
    assert!(ran.stderr.contains(&format!("namespace {name:?} is Active, not Terminating")), "{ran:?}");
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"], before["spec"]);
}

async fn a_protected_namespace_is_refused(lab: Lab) {
    let name = Lab::unique("openshift-lab");
    create(&lab, &name).await;
    crate::contract::hold(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(4);
    assert!(ran.stderr.contains("is protected"), "{ran:?}");
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}

async fn a_name_that_does_not_exist_is_not_found(lab: Lab) {
    let name = Lab::unique("gone");
    let ran = clear(&lab, &name, &[]).await.expect(1);
    let expected = format!("Error from server (NotFound): namespaces {name:?} not found\n");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", expected.as_str()));
    let ran = clear(&lab, &name, &["--ignore-not-found"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} already gone\n"));
}

/// A rehearsal ends as the real run would.
async fn a_dry_run_refuses_what_the_run_refuses(lab: Lab) {
    let name = terminating(&lab).await;
    for how in ["--dry-run=client", "--dry-run=server"] {
        let ran = lab.nsfix(&["clear", &name, how]).run().await.expect(4);
        assert!(ran.stderr.contains("live object"), "{ran:?}");
        assert!(!ran.stdout.contains("cleared"), "{ran:?}");
    }
    clear(&lab, &name, &[]).await.expect(4);
    lab.get(&path(&name)).await.expect(200);
}

/// The patience before a write does not depend on --timeout: a shorter one makes nothing more forceful.
async fn a_young_namespace_is_not_forced_when_time_is_short(lab: Lab) {
    let name = terminating(&lab).await;
    for hurry in ["--timeout=1s", "--wait=false"] {
        let nsfix = lab.nsfix(&["clear", &name, "--yes", "--leftovers=orphan", hurry]);
        let ran = nsfix.env("NSFIX_PATIENCE", "90s").run().await.expect(4);
        assert!(ran.stderr.contains("waiting up to"), "{ran:?}");
        assert!(ran.stderr.contains("the controller may still be at work, and it was not forced"), "{ran:?}");
        assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
    }
}

/// Of a type that this account may not list it is unknown what is inside, to the very end.
async fn a_release_abandons_nothing_that_could_not_be_looked_at(_: Lab) {
    let deny = vec![Deny::new("list", "", "secrets")];
    let lab = Lab::sandbox(Options { deny, controller: None, ..Options::empty() }).await;
    let name = terminating(&lab).await;
    let ran = clear(&lab, &name, &["--leftovers=release"]).await.expect(4);
    assert!(ran.stderr.contains("whatever is in secrets"), "{ran:?}");
    assert!(ran.stderr.contains("--leftovers=orphan"), "{ran:?}");
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
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
        assert_eq!(writes(&lab), Vec::<String>::new());
    }
}

async fn a_server_dry_run_stores_nothing(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = lab.nsfix(&["clear", &name, "--leftovers=orphan", "--dry-run=server"]).run().await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} cleared (server dry run)\n"));
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
    assert!(backups(&lab).is_empty());
    if lab.sandbox.is_some() {
        assert_eq!(writes(&lab), Vec::<String>::new());
        let put = format!("{}?fieldManager=nsfix&dryRun=All", finalize_path(&name));
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

async fn without_a_terminal_and_without_yes_nothing_happens(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = lab.nsfix(&["clear", &name]).stdin("y\n").run().await.expect(4);
    assert!(ran.stderr.contains("there is no terminal to ask on"), "{ran:?}");
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}

async fn what_the_put_would_not_end_is_refused(lab: Lab) {
    let name = Lab::unique("held");
    create(&lab, &name).await;
    lab.patch(&path(&name), &json!({"metadata": {"finalizers": ["example.com/meta"]}})).await.expect(200);
    let (_, answer) = finalize(&lab, &name, "", |body| {
        body["spec"]["finalizers"] = json!(["kubernetes", "example.com/hold"]);
    })
    .await;
    answer.expect(200);
    crate::contract::hold(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(4);
    let expected = "is also held by spec finalizer example.com/hold, metadata finalizer example.com/meta";
    assert!(ran.stderr.contains(expected), "{ran:?}");
    let kept = lab.get(&path(&name)).await.expect(200);
    let all = ["kubernetes", "example.com/hold"];
    assert_eq!(kept["spec"]["finalizers"], json!(all), "{kept}");
}

async fn several_at_once_and_one_failing_does_not_stop_the_others(lab: Lab) {
    let active = Lab::unique("active");
    create(&lab, &active).await;
    let (one, two) = (terminating(&lab).await, terminating(&lab).await);
    let ran = lab.nsfix(&["clear", "--yes", "--leftovers=orphan", &one, &active, &two]).run().await.expect(5);
    assert_eq!(ran.stdout, format!("namespace/{one} finalized\nnamespace/{two} finalized\n"));
    lab.get(&path(&active)).await.expect(200);
}

async fn the_body_is_what_was_read_but_for_the_finalizer(lab: Lab) {
    let name = terminating(&lab).await;
    // A server of the future.
    let (_, answer) = finalize(&lab, &name, "", |body| {
        body["metadata"]["fieldFromTheFuture"] = json!({"a": [1, null, "x"]});
        body["spec"]["another"] = json!(true);
    })
    .await;
    answer.expect(200);
    let mut expected = lab.get(&path(&name)).await.expect(200);
    assert_eq!(
        (&expected["spec"]["another"], &expected["metadata"]["fieldFromTheFuture"]["a"][2]),
        (&json!(true), &json!("x"))
    );
    lab.the_sandbox().forget_requests();
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    let requests = lab.the_sandbox().requests();
    let put = requests.iter().find(|request| request.method == "PUT").unwrap_or_else(|| panic!("{ran:?}"));
    expected["spec"]["finalizers"] = json!([]);
    assert_eq!(serde_json::from_str::<Value>(&put.body).unwrap(), expected);
}

async fn a_conflict_is_read_again_and_tried_again(lab: Lab) {
    let name = terminating(&lab).await;
    let namespace = path(&name);
    lab.the_sandbox().inject(Fault::before(Matcher::new("PUT", &finalize_path(&name)).once(), move |api| {
        api.patch(&namespace, &json!({"metadata": {"labels": {"changed": "meanwhile"}}})).unwrap();
    }));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} finalized\n"));
    assert_eq!(writes(&lab).len(), 2);
    assert_eq!(backups(&lab).len(), 1);
}

async fn conflicts_without_end_are_given_up_on(lab: Lab) {
    let name = terminating(&lab).await;
    let conflict = Canned::status(409, "Conflict", "the object has been modified");
    lab.the_sandbox().inject(Fault::answer(Matcher::new("PUT", &finalize_path(&name)), conflict));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(1);
    assert!(ran.stderr.contains("after 6 attempts"), "{ran:?}");
    assert_eq!(ran.stdout, "");
}

async fn a_namespace_created_anew_under_the_same_name_is_left_alone(lab: Lab) {
    let name = terminating(&lab).await;
    let (namespace, finalize) = (path(&name), finalize_path(&name));
    let again = name.clone();
    // Between the look and the fresh read.
    lab.the_sandbox().inject(Fault::before(Matcher::new("GET", &path(&name)).skip(1).once(), move |api| {
        let mut body = api.get(&namespace).unwrap();
        body["spec"]["finalizers"] = json!([]);
        if api.update(&finalize, &body).is_ok() {
            api.create("/api/v1/namespaces", &json!({"metadata": {"name": again}})).unwrap();
            api.delete(&namespace).unwrap();
        }
    }));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(4);
    assert!(ran.stderr.contains("another one of the same name"), "{ran:?}");
    assert_eq!(writes(&lab), Vec::<String>::new());
}

async fn a_put_whose_answer_was_lost_is_looked_after(lab: Lab) {
    let name = terminating(&lab).await;
    let lost = Canned::status(504, "Timeout", "request did not complete within requested timeout");
    lab.the_sandbox().inject(Fault::apply_then(Matcher::new("PUT", &finalize_path(&name)), lost));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} finalized\n"));
    assert_eq!(writes(&lab).len(), 1);
}

async fn a_connection_that_breaks_after_the_put_is_looked_after(lab: Lab) {
    let name = terminating(&lab).await;
    lab.the_sandbox().inject(Fault::truncate(Matcher::new("PUT", &finalize_path(&name)).once()));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} finalized\n"));
}

async fn the_controller_finishing_first_is_no_force(lab: Lab) {
    let name = terminating(&lab).await;
    let (namespace, finalize) = (path(&name), finalize_path(&name));
    lab.the_sandbox().inject(Fault::before(Matcher::new("GET", &path(&name)).skip(1).once(), move |api| {
        let mut body = api.get(&namespace).unwrap();
        body["spec"]["finalizers"] = json!([]);
        api.update(&finalize, &body).unwrap();
    }));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert_eq!(
        ran.stdout,
        format!("namespace/{name} gone: the controller finished it, nothing was forced\n")
    );
    assert_eq!(writes(&lab), Vec::<String>::new());
}

async fn without_a_place_for_the_backup_nothing_is_written(lab: Lab) {
    let name = terminating(&lab).await;
    let file = lab.dir().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let ran = clear(&lab, &name, &["--leftovers=orphan", "--backup-dir", &file.display().to_string()])
        .await
        .expect(1);
    assert!(ran.stderr.contains("unable to save a backup"), "{ran:?}");
    assert_eq!(writes(&lab), Vec::<String>::new());
    clear(&lab, &name, &["--leftovers=orphan", "--no-backup"]).await.expect(0);
}

async fn a_missing_permission_is_told_and_nothing_is_half_done(_: Lab) {
    let deny = vec![Deny::new("update", "", "namespaces/finalize")];
    let lab = Lab::sandbox(Options { deny, controller: None, ..Options::empty() }).await;
    let name = terminating(&lab).await;
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(1);
    assert!(ran.stderr.contains("you are not allowed to update namespaces/finalize in namespace"), "{ran:?}");
    assert_eq!(ran.stdout, "");
}

async fn types_that_cannot_be_looked_at_are_named(_: Lab) {
    let deny = vec![Deny::new("list", "", "secrets")];
    let lab = Lab::sandbox(Options { deny, controller: None, ..Options::empty() }).await;
    let name = terminating(&lab).await;
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert!(ran.stderr.contains("Warning: could not look at secrets ("), "{ran:?}");
    assert!(ran.stderr.contains("Warning: could not look for orphans in secrets ("), "{ran:?}");
}

async fn a_protected_namespace_can_be_named_by_hand(lab: Lab) {
    let name = "openshift-lab";
    create(&lab, name).await;
    crate::contract::hold(&lab, name).await;
    lab.delete(&path(name)).await.expect(200);
    clear(&lab, name, &["--leftovers=orphan", "--allow-protected"]).await.expect(0);
    lab.get(&path(name)).await.expect(404);
}

async fn verbose_shows_the_body_of_the_write(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = clear(&lab, &name, &["--leftovers=orphan", "-vv"]).await.expect(0);
    let put = format!("PUT {}?fieldManager=nsfix 200 ", finalize_path(&name));
    let (_, after) = ran.stderr.split_once(&put).unwrap_or_else(|| panic!("{ran:?}"));
    let body = after.lines().nth(1).unwrap().trim();
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["spec"]["finalizers"], json!([]));
}

async fn the_journal_grows_by_a_line_for_each_namespace(lab: Lab) {
    let journal = lab.dir().join("journal");
    let file = journal.display().to_string();
    let (one, two) = (terminating(&lab).await, terminating(&lab).await);
    for name in [&one, &two] {
        clear(&lab, name, &["--leftovers=orphan", "--journal", &file]).await.expect(0);
    }
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<&str> = lines.iter().map(|line| line["namespace"].as_str().unwrap()).collect();
    assert_eq!(told, [one, two]);
    assert!(lines.iter().all(|line| line["outcome"] == "Cleared"), "{text}");
}
