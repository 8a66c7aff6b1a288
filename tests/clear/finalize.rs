//! The guarded PUT to /finalize.

use nsfix::sandbox::{Canned, Fault, Matcher, Options};
use serde_json::{Value, json};

use super::{backups, clear};
use crate::harness::Lab;
use crate::harness::fixtures::{create, finalize, finalize_path, path, terminating};
use crate::tests;

tests! {
    Both:
    a_stuck_namespace_is_cleared,
    what_is_left_inside_is_warned_about_and_reported,
    several_at_once_and_one_failing_does_not_stop_the_others;
    Sandbox:
    the_body_is_what_was_read_but_for_the_finalizer,
    a_conflict_is_read_again_and_tried_again,
    conflicts_without_end_are_given_up_on,
    a_namespace_created_anew_under_the_same_name_is_left_alone,
    a_put_whose_answer_was_lost_is_looked_after,
    a_connection_that_breaks_after_the_put_is_looked_after,
    what_somebody_else_finalizes_first_is_no_force,
    the_look_before_the_last_write_is_shared,
    verbose_shows_the_body_of_the_write
}

async fn a_stuck_namespace_is_cleared(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = clear(&lab, &format!("ns/{name}"), &["--leftovers=orphan"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} finalized\n"));
    lab.get(&path(&name)).await.expect(404);
}

async fn what_is_left_inside_is_warned_about_and_reported(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = clear(&lab, &name, &["--leftovers=orphan", "-o", "json"]).await.expect(0);
    assert!(ran.stderr.contains(&format!("1 ConfigMap in namespace {name} would be orphaned")), "{ran:?}");
    assert!(ran.stderr.contains("1 ConfigMap left behind in etcd (held)"), "{ran:?}");
    let report = ran.json();
    assert_eq!(report["kind"], "RepairReport");
    let item = &report["items"][0];
    assert_eq!((&item["outcome"], &item["steps"][0]["step"]), (&json!("Cleared"), &json!("Finalize")));
    let orphans = item["orphans"].as_array().unwrap();
    let configmaps = orphans.iter().find(|orphan| orphan["resource"] == "configmaps").unwrap();
    assert!(configmaps["names"].as_array().unwrap().contains(&json!("held")));
    lab.get(&format!("{}/configmaps/held", path(&name))).await.expect(200);
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
    assert_eq!(lab.writes().len(), 2);
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
    assert_eq!(lab.writes(), Vec::<String>::new());
}

async fn a_put_whose_answer_was_lost_is_looked_after(lab: Lab) {
    let name = terminating(&lab).await;
    let lost = Canned::status(504, "Timeout", "request did not complete within requested timeout");
    lab.the_sandbox().inject(Fault::apply_then(Matcher::new("PUT", &finalize_path(&name)), lost));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} finalized\n"));
    assert_eq!(lab.writes().len(), 1);
}

async fn a_connection_that_breaks_after_the_put_is_looked_after(lab: Lab) {
    let name = terminating(&lab).await;
    lab.the_sandbox().inject(Fault::truncate(Matcher::new("PUT", &finalize_path(&name)).once()));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} finalized\n"));
}

async fn what_somebody_else_finalizes_first_is_no_force(lab: Lab) {
    let name = terminating(&lab).await;
    let (namespace, finalize) = (path(&name), finalize_path(&name));
    lab.the_sandbox().inject(Fault::before(Matcher::new("GET", &path(&name)).skip(1).once(), move |api| {
        let mut body = api.get(&namespace).unwrap();
        body["spec"]["finalizers"] = json!([]);
        api.update(&finalize, &body).unwrap();
    }));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} gone: another client has finalized it, not nsfix\n"));
    assert!(ran.stderr.contains("1 ConfigMap left behind"), "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
}

async fn verbose_shows_the_body_of_the_write(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = clear(&lab, &name, &["--leftovers=orphan", "-vv"]).await.expect(0);
    let put = format!("PUT {}?fieldManager=nsfix 200 ", finalize_path(&name));
    let (_, after) = ran.stderr.split_once(&put).unwrap_or_else(|| panic!("{ran:?}"));
    let body = after.lines().nth(1).unwrap().trim();
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["spec"]["finalizers"], json!([]));
}

/// Every namespace is asked about once more, for each type there is, before it is finalized: with hundreds of types and
/// namespaces that must not be a request for each of both.
async fn the_look_before_the_last_write_is_shared(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let mut names = Vec::new();
    for _ in 0..12 {
        names.push(terminating(&lab).await);
    }
    lab.the_sandbox().forget_requests();
    let named: Vec<&str> = names.iter().map(String::as_str).collect();
    let ran =
        lab.nsfix(&[&["clear", "--yes", "--leftovers=release"], &*named].concat()).run().await.expect(0);
    assert_eq!(ran.stdout.lines().count(), 12, "{ran:?}");
    let requests = lab.requests_of_nsfix();
    let of_type = requests.iter().filter(|request| request.contains("/deployments?")).count();
    assert!(of_type <= 6, "{of_type}");
    for name in names {
        lab.get(&path(&name)).await.expect(404);
    }
}
