//! Where `nsfix clear` refuses, and what it then says.

use nsfix::sandbox::{Canned, Deny, Fault, Matcher, Options};
use serde_json::json;

use super::{backups, clear};
use crate::harness::Lab;
use crate::harness::fixtures::{create, finalize, hold, path, terminating};
use crate::tests;

tests! {
    Both:
    live_leftovers_need_more_than_yes,
    an_active_namespace_is_refused,
    a_protected_namespace_is_refused,
    a_name_that_does_not_exist_is_not_found,
    a_young_namespace_is_not_forced_when_time_is_short,
    without_a_terminal_and_without_yes_nothing_happens,
    what_the_put_would_not_end_is_refused;
    Sandbox:
    a_release_abandons_nothing_that_could_not_be_looked_at,
    a_missing_permission_is_told_and_nothing_is_half_done,
    what_the_server_refuses_is_no_way_out_and_is_quoted_in_part,
    types_that_cannot_be_looked_at_are_named,
    a_right_that_is_withdrawn_is_not_asked_for_a_hundred_times,
    what_a_namespace_lists_is_in_it_whatever_is_said_of_it,
    the_first_look_ends_with_the_time,
    the_last_look_ends_with_the_time,
    a_protected_namespace_can_be_named_by_hand
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
    hold(&lab, &name).await;
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

/// The patience before a write does not depend on --timeout: a shorter one makes nothing more forceful.
async fn a_young_namespace_is_not_forced_when_time_is_short(lab: Lab) {
    let name = terminating(&lab).await;
    for hurry in ["--timeout=2s", "--wait=false"] {
        let nsfix = lab.nsfix(&["clear", &name, "--yes", "--leftovers=orphan", hurry]);
        let ran = nsfix.env("NSFIX_PATIENCE", "90s").run().await.expect(4);
        assert_eq!(ran.stderr.contains("waiting up to"), hurry != "--wait=false", "{ran:?}");
        assert!(ran.stderr.contains("the controller may still be at work, and it was not forced"), "{ran:?}");
        assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
    }
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
    hold(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(4);
    let expected = "is also held by spec finalizer example.com/hold, metadata finalizer example.com/meta";
    assert!(ran.stderr.contains(expected), "{ran:?}");
    let kept = lab.get(&path(&name)).await.expect(200);
    let all = ["kubernetes", "example.com/hold"];
    assert_eq!(kept["spec"]["finalizers"], json!(all), "{kept}");
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

async fn a_missing_permission_is_told_and_nothing_is_half_done(_: Lab) {
    let deny = vec![Deny::new("update", "", "namespaces/finalize")];
    let lab = Lab::sandbox(Options { deny, controller: None, ..Options::empty() }).await;
    let name = terminating(&lab).await;
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(1);
    assert!(ran.stderr.contains("you are not allowed to update namespaces/finalize in namespace"), "{ran:?}");
    assert_eq!(ran.stdout, "");
}

/// A webhook words its refusal itself, at any length. A command that it will refuse is not recommended.
async fn what_the_server_refuses_is_no_way_out_and_is_quoted_in_part(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let name = terminating(&lab).await;
    let said = format!("admission webhook \"w.example.com\" denied the request: {}", "x".repeat(100_000));
    let denied = Canned::status(403, "Forbidden", &said);
    for method in ["DELETE", "PATCH"] {
        let matcher = Matcher::new(method, &format!("{}/configmaps", path(&name)));
        lab.the_sandbox().inject(Fault::answer(matcher, denied.clone()));
    }
    let ran = lab.nsfix(&["explain", &name]).run().await.expect(0);
    let to_do = ran.stdout.lines().nth(1).unwrap();
    assert!(to_do.starts_with("  to do: ") && !to_do.contains("clear"), "{to_do}");
    let cleared = clear(&lab, &name, &["--leftovers=release"]).await.expect(1);
    let error = cleared.stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(error.starts_with(&format!("error: namespace {name:?}: unable to ")), "{error}");
    assert!(cleared.stderr.contains("hint: "), "{cleared:?}");
    for line in ran.stdout.lines().chain(cleared.stderr.lines()) {
        assert!(line.len() < 3000, "{} bytes: {}", line.len(), &line[..200]);
    }
    assert!(ran.stdout.contains("more bytes)") && cleared.stderr.contains("more bytes)"), "{cleared:?}");
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
    hold(&lab, name).await;
    lab.delete(&path(name)).await.expect(200);
    clear(&lab, name, &["--leftovers=orphan", "--allow-protected"]).await.expect(0);
    lab.get(&path(name)).await.expect(404);
}

/// Whoever may not release one of a hundred objects may not release the others either.
async fn a_right_that_is_withdrawn_is_not_asked_for_a_hundred_times(lab: Lab) {
    let name = Lab::unique("withdrawn");
    create(&lab, &name).await;
    let maps = format!("{}/configmaps", path(&name));
    for index in 0..100 {
        let metadata = json!({"name": format!("c{index}"), "finalizers": ["example.com/hold"]});
        lab.post(&maps, &json!({"metadata": metadata})).await.expect(201);
    }
    lab.delete(&path(&name)).await.expect(200);
    let patches = || lab.writes().into_iter().filter(|write| write.starts_with("PATCH")).count();
    let refuse = |times: u32, said: &str| {
        let patch = Matcher::new("PATCH", &maps).times(times);
        lab.the_sandbox().inject(Fault::answer(patch, Canned::status(403, "Forbidden", said)));
    };
    // What a policy says of some objects says nothing of the others.
    refuse(20, "configmaps \"c1\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: no");
    let ran = clear(&lab, &name, &["--leftovers=release"]).await.expect(1);
    // The dry run takes one of the refusals.
    assert!(ran.stderr.contains("81 done, 19 failed"), "{ran:?}");
    let before = patches();
    refuse(
        1000,
        "configmaps \"c1\" is forbidden: User \"a\" cannot patch resource \"configmaps\" in API group \"\" in the \
         namespace \"n\"",
    );
    let ran = clear(&lab, &name, &["--leftovers=release"]).await.expect(1);
    assert!(ran.stderr.contains("not begun (10 in a row were refused)"), "{ran:?}");
    assert!((10..20).contains(&(patches() - before)), "{}", patches() - before);
}

/// A careless API server leaves `metadata.namespace` out, or says another one.
async fn what_a_namespace_lists_is_in_it_whatever_is_said_of_it(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    for said in [json!({"name": "a"}), json!({"name": "a", "namespace": "elsewhere"})] {
        let (one, two) = (terminating(&lab).await, terminating(&lab).await);
        let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": "1", "continue": null}, "items": [{"metadata": said}]});
        for listed in [format!("{}/secrets", path(&one)), "/api/v1/secrets".to_owned()] {
            let matcher = Matcher::new("GET", &listed);
            lab.the_sandbox().inject(Fault::answer(matcher, Canned::json(200, &list)));
        }
        let explained = lab.nsfix(&["explain", &one]).run().await.expect(0);
        assert!(explained.stdout.contains("1 Secret"), "{explained:?}");
        let ran = clear(&lab, &one, &["--leftovers=refuse"]).await.expect(4);
        assert!(ran.stderr.contains("1 Secret"), "{ran:?}");
        if said["namespace"].is_null() {
            let wide = lab.nsfix(&["explain", &one, &two]).run().await.expect(0);
            assert!(wide.stdout.contains("1 Secret"), "{wide:?}");
            let orphans = lab.nsfix(&["orphans"]).run().await.expect(0);
            assert!(orphans.stderr.contains("leaves the namespaces of its objects out"), "{orphans:?}");
        }
    }
}

/// What is inside is looked at in its time, too.
async fn the_first_look_ends_with_the_time(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let name = Lab::unique("slow");
    create(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    lab.the_sandbox()
        .inject(Fault::hang(Matcher::new("GET", &format!("/apis/apps/v1/namespaces/{name}/deployments"))));
    for wait in ["--wait", "--wait=false"] {
        let flags = ["--leftovers=orphan", "--timeout=1s", "-o=json", wait];
        let ran = clear(&lab, &name, &flags).await.expect(1);
        let said =
            "the time of --timeout was over before everything inside was looked at; nothing was written";
        assert!(ran.stderr.contains(said), "{ran:?}");
        assert_eq!(ran.json()["items"][0]["outcome"], "Failed");
    }
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}

/// It may have to wait for the look of other namespaces, and a list may be slow.
async fn the_last_look_ends_with_the_time(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let name = Lab::unique("empty");
    create(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    let slow = Matcher::new("GET", &format!("/apis/apps/v1/namespaces/{name}/deployments")).skip(1);
    lab.the_sandbox().inject(Fault::hang(slow));
    let ran = clear(&lab, &name, &["--leftovers=refuse", "--timeout=2s"]).await.expect(1);
    assert!(ran.stderr.contains("the time of --timeout is over"), "{ran:?}");
    assert_eq!(lab.get(&path(&name)).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}
