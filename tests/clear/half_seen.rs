//! A list that fails after its first page: what that page showed is there, and the rest is unknown.

use nsfix::sandbox::{Canned, Fault, Matcher, Options};
use serde_json::{Value, json};

use super::{backups, clear};
use crate::harness::Lab;
use crate::harness::fixtures::{create, path};
use crate::tests;

tests! {
    Sandbox:
    what_a_page_showed_is_not_abandoned_without_consent,
    what_a_page_showed_is_at_least_so_many_wherever_it_is_counted,
    what_a_page_showed_is_saved_before_it_is_abandoned,
    what_a_page_showed_is_told_as_left_behind,
    what_a_page_showed_is_no_news_on_the_second_look,
    what_was_behind_it_is_news_on_the_second_look,
    what_a_page_showed_counts_in_every_namespace,
    what_a_cut_off_list_showed_counts,
    what_was_not_seen_is_neither_deleted_nor_released,
    what_goes_in_between_hides_nothing_on_the_second_look,
    a_backup_that_was_cut_off_is_no_backup,
    what_was_not_saved_is_not_deleted_in_a_later_round,
    a_purge_deletes_nothing_that_it_could_not_save,
    what_is_forbidden_in_many_namespaces_is_asked_about_in_the_next,
    what_was_not_asked_about_because_of_others_is_not_abandoned,
    where_a_list_of_all_takes_too_long_each_is_asked_about_before_it_ends,
    an_event_that_was_seen_under_its_other_group_is_no_news
}

/// A namespace with more objects than fit into a page of metadata, nobody to delete them, and what fails the second page.
async fn stuck() -> (Lab, String, Matcher) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let name = Lab::unique("half");
    fill(&lab, &name).await;
    let second = delete(&lab, &name).await;
    (lab, name, second)
}

async fn delete(lab: &Lab, name: &str) -> Matcher {
    lab.delete(&path(name)).await.expect(200);
    Matcher::new("GET", &format!("{}/configmaps", path(name))).query("limit=500&continue=")
}

async fn fill(lab: &Lab, name: &str) {
    create(lab, name).await;
    for index in 0..510 {
        let body = json!({"metadata": {"name": format!("map-{index:03}")}});
        lab.the_sandbox().api().create(&format!("{}/configmaps", path(name)), &body).unwrap();
    }
}

fn broken() -> Canned {
    Canned::status(500, "InternalError", "unable to decode an object")
}

/// Rule 5.
async fn what_a_page_showed_is_not_abandoned_without_consent(_: Lab) {
    let (lab, name, second) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(second, broken()));
    let ran = clear(&lab, &name, &[]).await.expect(4);
    assert!(ran.stderr.contains("still holds at least 500 live objects"), "{ran:?}");
    let ran = lab.nsfix(&["explain", &name]).run().await;
    assert!(ran.stdout.contains("at least 500 ConfigMaps (live)"), "{ran:?}");
    assert!(ran.stdout.contains("could not look at configmaps"), "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
}

async fn what_a_page_showed_is_at_least_so_many_wherever_it_is_counted(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let name = Lab::unique("half");
    fill(&lab, &name).await;
    let held = json!({"metadata": {"name": "a-held", "finalizers": ["example.com/hold"]}});
    lab.the_sandbox().api().create(&format!("{}/configmaps", path(&name)), &held).unwrap();
    lab.delete(&format!("{}/configmaps/a-held", path(&name))).await.expect(200);
    let second = delete(&lab, &name).await;
    lab.the_sandbox().inject(Fault::answer(second, broken()));
    let ran = lab.nsfix(&["explain", &name]).run().await;
    for said in [
        "at least 1 ConfigMap held by example.com/hold",
        "at least 499 objects are live",
        "held by example.com/hold (at least 1 of them)",
        "at least 495 more (--all-objects shows them)",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran:?}");
    }
    let diagnosis = lab.nsfix(&["explain", &name, "-o=json"]).run().await.json();
    let counts = &diagnosis["items"][0]["leftoverCounts"][0];
    assert_eq!((&counts["live"], &counts["atLeast"]), (&json!(499), &json!(true)), "{counts}");
    let listed = lab.nsfix(&["list-stuck", "-o=wide"]).run().await;
    let row = listed.stdout.lines().find(|line| line.starts_with(&name)).unwrap_or_default();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert!(cells.contains(&"1+") && cells.contains(&"499+"), "{listed:?}");
    let explained = lab.nsfix(&["explain", "-o=json"]).run().await.json();
    assert_eq!(explained["items"][0]["namespace"]["leftovers"]["atLeast"], true, "{explained}");
}

/// Rule 6.
async fn what_a_page_showed_is_saved_before_it_is_abandoned(_: Lab) {
    let (lab, name, second) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(second, broken()));
    // Whole objects come in pages of 50, so that more of them are read than were seen.
    let whole = Matcher::new("GET", &format!("{}/configmaps", path(&name))).query("limit=50&continue=");
    lab.the_sandbox().inject(Fault::answer(whole.skip(9).once(), broken()));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert!(ran.stderr.contains("the backup holds 500 ConfigMaps, the rest could not be read"), "{ran:?}");
    let saved = std::fs::read_to_string(&backups(&lab)[0]).unwrap();
    assert_eq!(saved.matches("\"name\":\"map-").count(), 500);
    // Who restores it long after has not seen what was said then.
    let ran =
        lab.nsfix(&["restore", &backups(&lab)[0].display().to_string(), "--dry-run=client"]).run().await;
    for said in ["could not look at configmaps", "holds 500 ConfigMaps, the rest could not be read"] {
        assert!(ran.stderr.contains("is incomplete: ") && ran.stderr.contains(said), "{ran:?}");
    }

    let (lab, name, second) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(second, broken()));
    let whole = Matcher::new("GET", &format!("{}/configmaps", path(&name))).query("limit=50&continue=");
    lab.the_sandbox().inject(Fault::answer(whole.skip(8), broken()));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(1);
    assert!(ran.stderr.contains("unable to save configmaps before writing"), "{ran:?}");
    assert!(backups(&lab).is_empty() && lab.writes().is_empty(), "{ran:?}");
}

/// Rule 8.
async fn what_a_page_showed_is_told_as_left_behind(_: Lab) {
    let (lab, name, second) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(second, broken()));
    let ran = clear(&lab, &name, &["--leftovers=orphan", "-o=json"]).await.expect(0);
    let item = ran.json()["items"][0].clone();
    assert_eq!(item["orphans"][0]["count"], 500, "{item}");
    assert_eq!(item["couldNotLook"][0]["resource"], "configmaps", "{item}");
    let everywhere = Matcher::new("GET", "/api/v1/configmaps").query("limit=500&continue=");
    lab.the_sandbox().inject(Fault::answer(everywhere, broken()));
    for names in [vec![], vec![name.as_str()]] {
        let ran = lab.nsfix(&[vec!["orphans"], names, vec!["-o=json"]].concat()).run().await;
        let found = ran.json();
        let of_it =
            |item: &&Value| item["resource"] == "configmaps" || item["types"][0]["resource"] == "configmaps";
        assert!(found["items"].as_array().unwrap().iter().any(|item| of_it(&item)), "{found}");
        assert_eq!(found["couldNotLook"][0]["resource"], "configmaps", "{found}");
    }
}

async fn what_a_page_showed_is_no_news_on_the_second_look(_: Lab) {
    let (lab, name, second) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(second, broken()));
    clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
}

async fn what_was_behind_it_is_news_on_the_second_look(_: Lab) {
    let (lab, name, second) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(second.once(), broken()));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(4);
    assert!(ran.stderr.contains("now it holds 10 ConfigMaps more"), "{ran:?}");
}

/// One list over all of them that breaks off, and one in each where that may help.
async fn what_a_page_showed_counts_in_every_namespace(_: Lab) {
    for code in [500, 503, 403] {
        let (lab, name, second) = stuck().await;
        let other = Lab::unique("other");
        create(&lab, &other).await;
        lab.delete(&path(&other)).await.expect(200);
        let answer = || Canned::status(code, "Failure", "not now");
        let everywhere = Matcher::new("GET", "/api/v1/configmaps").query("limit=500&continue=");
        lab.the_sandbox().inject(Fault::answer(everywhere, answer()));
        lab.the_sandbox().inject(Fault::answer(second, answer()));
        let ran = lab.nsfix(&["explain", &name, &other, "-o=json"]).run().await;
        let item = ran.json()["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["namespace"]["name"] == name.as_str())
            .unwrap()
            .clone();
        assert!(item.to_string().contains("\"live\":500"), "{code}: {item}");
        assert!(item["coverage"]["couldNotLook"].to_string().contains("configmaps"), "{code}: {item}");
    }
}

/// The server counts more than it shows.
async fn what_a_cut_off_list_showed_counts(_: Lab) {
    let (lab, name, _) = stuck().await;
    let list = Matcher::new("GET", &format!("{}/configmaps", path(&name))).query("limit=500");
    let one = json!({
        "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "1", "remainingItemCount": 5},
        "items": [{"metadata": {"name": "map-000", "namespace": name, "uid": "1"}}],
    });
    lab.the_sandbox().inject(Fault::answer(list, Canned::json(200, &one)));
    let ran = clear(&lab, &name, &[]).await.expect(4);
    assert!(ran.stderr.contains("1 live object"), "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
}

/// Rule 6: a step writes to all there is of a type, and only what was seen is saved.
async fn what_was_not_seen_is_neither_deleted_nor_released(_: Lab) {
    for how in ["--dry-run=client", "--dry-run=server", "--dry-run=none"] {
        let (lab, name, second) = stuck().await;
        lab.the_sandbox().inject(Fault::answer(second.once(), broken()));
        let ran = clear(&lab, &name, &["--leftovers=release", how]).await.expect(4);
        assert!(ran.stderr.contains("whatever is in configmaps"), "{ran:?}");
        assert_eq!(lab.writes(), Vec::<String>::new());
    }
}

/// Fewer than were seen may be others than were seen.
async fn what_goes_in_between_hides_nothing_on_the_second_look(_: Lab) {
    // Fewer than were seen, and as many.
    for goes in [100, 10] {
        let (lab, name, second) = stuck().await;
        lab.the_sandbox().inject(Fault::answer(second.once(), broken()));
        let gone = name.clone();
        let last =
            Matcher::new("GET", &format!("{}/configmaps", path(&name))).query("limit=50").skip(10).once();
        lab.the_sandbox().inject(Fault::before(last, move |api| {
            for index in 0..goes {
                api.delete(&format!("{}/configmaps/map-{index:03}", path(&gone))).unwrap();
            }
        }));
        let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(4);
        let left = format!("{} ConfigMaps, and not all of them were seen", 510 - goes);
        assert!(ran.stderr.contains(&left), "{ran:?}");
    }
}

async fn a_backup_that_was_cut_off_is_no_backup(_: Lab) {
    let (lab, name, _) = stuck().await;
    let whole = Matcher::new("GET", &format!("{}/configmaps", path(&name))).query("limit=50&continue=");
    let cut = json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []});
    lab.the_sandbox().inject(Fault::answer(whole.skip(3), Canned::json(200, &cut)));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(1);
    assert!(
        ran.stderr.contains("unable to save configmaps before writing: the server sent 200 of 510"),
        "{ran:?}"
    );
    assert_eq!(lab.writes(), Vec::<String>::new());
}

/// Rule 6: default objects as well.
async fn what_was_not_saved_is_not_deleted_in_a_later_round(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let name = Lab::unique("rounds");
    create(&lab, &name).await;
    let inside = |resource: &str| format!("{}/{resource}", path(&name));
    let api = lab.the_sandbox().api();
    let _ = api.create(&inside("serviceaccounts"), &json!({"metadata": {"name": "default"}}));
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/hold"]}});
    api.create(&inside("configmaps"), &held).unwrap();
    lab.delete(&path(&name)).await.expect(200);
    lab.delete(&inside("configmaps/held")).await;
    let list = Matcher::new("GET", &inside("serviceaccounts")).query("limit=500").once();
    lab.the_sandbox().inject(Fault::answer(list, Canned::text(503, "service unavailable\n")));
    let ran = clear(&lab, &name, &["--leftovers=release"]).await.expect(4);
    assert!(ran.stderr.contains("serviceaccounts were found in namespace"), "{ran:?}");
    let writes = lab.writes();
    assert!(writes.iter().any(|write| write.contains("configmaps/held")), "{writes:?}");
    assert!(!writes.iter().any(|write| write.contains("serviceaccounts")), "{writes:?}");
}

async fn a_purge_deletes_nothing_that_it_could_not_save(_: Lab) {
    let (lab, name, second) = stuck().await;
    let mut body = lab.get(&path(&name)).await.expect(200);
    body["spec"]["finalizers"] = json!([]);
    lab.put(&format!("{}/finalize", path(&name)), &body).await.expect(200);
    lab.the_sandbox().forget_requests();
    let purge = ["orphans", &name, "--purge", "--yes"];
    let secrets = Matcher::new("GET", &format!("{}/secrets", path(&name)));
    for unreadable in [second, secrets] {
        lab.the_sandbox().inject(Fault::answer(unreadable, broken()));
        let ran = lab.nsfix(&purge).run().await.expect(4);
        let said = "could not be looked at, and what is there would be deleted without a backup";
        assert!(ran.stderr.contains(said), "{ran:?}");
        lab.nsfix(&[&purge[..], &["--dry-run=client"]].concat()).run().await.expect(4);
        lab.the_sandbox().clear_faults();
    }
    assert_eq!(lab.writes(), Vec::<String>::new());
    lab.nsfix(&purge).run().await.expect(0);
}

/// `count` namespaces with a Secret each, in the order of their names.
async fn several(lab: &Lab, count: usize) -> Vec<String> {
    let base = Lab::unique("several");
    let mut names = Vec::new();
    for index in 0..count {
        let name = format!("{base}-{index}");
        create(lab, &name).await;
        lab.post(&format!("{}/secrets", path(&name)), &json!({"metadata": {"name": "s"}})).await.expect(201);
        lab.delete(&path(&name)).await.expect(200);
        names.push(name);
    }
    names
}

/// An account may have rights in the last of them alone.
async fn what_is_forbidden_in_many_namespaces_is_asked_about_in_the_next(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let names = several(&lab, 8).await;
    let forbidden = |place: String, path: &str| {
        let message = format!(
            "secrets is forbidden: User \"alice\" cannot list resource \"secrets\" in API group \"\" {place}"
        );
        Fault::answer(Matcher::new("GET", path), Canned::status(403, "Forbidden", &message))
    };
    lab.the_sandbox().inject(forbidden("at the cluster scope".to_owned(), "/api/v1/secrets"));
    for name in &names[..7] {
        lab.the_sandbox()
            .inject(forbidden(format!("in the namespace {name:?}"), &format!("{}/secrets", path(name))));
    }
    let words: Vec<&str> = names.iter().map(String::as_str).collect();
    let ran = lab.nsfix(&[&["clear", "--yes"], &words[..]].concat()).run().await.expect(5);
    assert!(ran.stderr.contains("1 live object"), "{ran:?}");
    assert_eq!(lab.get(&path(&names[7])).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}

/// After a few failures in a row a type is not asked about in the rest; before a last write it is.
async fn what_was_not_asked_about_because_of_others_is_not_abandoned(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let names = several(&lab, 8).await;
    lab.the_sandbox().inject(Fault::answer(Matcher::new("GET", "/api/v1/secrets"), broken()));
    for name in &names[..7] {
        lab.the_sandbox()
            .inject(Fault::answer(Matcher::new("GET", &format!("{}/secrets", path(name))), broken()));
    }
    let words: Vec<&str> = names.iter().map(String::as_str).collect();
    let ran = lab.nsfix(&[&["explain", "-o=json"], &words[..]].concat()).run().await.expect(0);
    let gaps = &ran.json()["items"][7]["coverage"]["couldNotLook"];
    assert_eq!(gaps[0]["why"], "NotAsked", "{gaps}");
    let ran = lab.nsfix(&[&["clear", "--yes"], &words[..]].concat()).run().await.expect(5);
    assert!(ran.stderr.contains("now it holds 1 Secret more"), "{ran:?}");
    assert_eq!(lab.get(&path(&names[7])).await.expect(200)["spec"]["finalizers"], json!(["kubernetes"]));
}

async fn where_a_list_of_all_takes_too_long_each_is_asked_about_before_it_ends(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let names = several(&lab, 3).await;
    lab.the_sandbox().inject(Fault::hang(Matcher::new("GET", "/api/v1/secrets")));
    let words: Vec<&str> = names.iter().map(String::as_str).collect();
    let hurry = ["clear", "--yes", "--request-timeout=1s"];
    let ran = lab.nsfix(&[&hurry[..], &words[..]].concat()).run().await.expect(4);
    assert_eq!(ran.stderr.matches("now it holds 1 Secret more").count(), 3, "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
}

async fn an_event_that_was_seen_under_its_other_group_is_no_news(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let name = Lab::unique("event");
    create(&lab, &name).await;
    let event = json!({
        "metadata": {"name": "e"}, "involvedObject": {"kind": "Namespace", "name": name, "namespace": name},
        "reason": "Test", "message": "m", "type": "Normal",
    });
    lab.post(&format!("{}/events", path(&name)), &event).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    let core = Matcher::new("GET", &format!("{}/events", path(&name))).query("limit=500").once();
    lab.the_sandbox().inject(Fault::answer(core, broken()));
    clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
}
