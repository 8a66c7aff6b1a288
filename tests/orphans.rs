//! `nsfix orphans` and its purge.

use nsfix::sandbox::{Canned, Fault, Matcher};
use serde_json::json;

use crate::harness::Lab;
use crate::harness::fixtures::{create, finalize, hold, path};
use crate::tests;

tests! {
    Controlled:
    what_a_careless_finalize_left_is_found,
    a_purge_removes_orphans_and_wakes_nothing_up,
    a_purge_that_was_interrupted_is_finished_by_the_next,
    a_purge_gets_past_a_pod_on_a_lost_node,
    an_active_namespace_with_the_label_of_a_purge_is_left_alone,
    a_purge_cannot_be_rehearsed_by_the_server;
    Both:
    a_namespace_whose_deletion_is_refused_is_told_loudly;
    Sandbox:
    a_namespace_created_meanwhile_has_no_orphans,
    what_is_named_is_looked_for_there_alone,
    what_exists_is_told_and_not_looked_into,
    of_several_names_each_is_told_about,
    where_nothing_can_be_looked_at_nothing_is_known,
    a_purge_asks_first,
    a_dry_run_of_a_purge_sends_nothing,
    a_namespace_that_cannot_be_read_is_not_called_there_or_gone,
    nothing_is_created_that_may_not_be_deleted,
    a_namespace_that_stays_is_told_loudly,
    a_refused_deletion_is_tried_again,
    a_lost_answer_to_the_creation_is_not_taken_for_somebody_elses
}

/// Finalizes a namespace with a held ConfigMap and a live Secret in it, as scripts do.
pub async fn orphans(lab: &Lab) -> String {
    let name = Lab::unique("lost");
    create(lab, &name).await;
    hold(lab, &name).await;
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

async fn a_purge_gets_past_a_pod_on_a_lost_node(lab: Lab) {
    let name = lab.play_apart("lost-node").await;
    finalize(&lab, &name, "", |body| body["spec"]["finalizers"] = json!([])).await.1.expect(200);
    assert_eq!(list(&lab, &name).await, ["pods/stranded"]);
    lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(0);
    lab.get(&path(&name)).await.expect(404);
    assert_eq!(list(&lab, &name).await, Vec::<String>::new());
}

/// A namespace in Terminating with the label of a purge, held by a ConfigMap.
async fn unfinished(lab: &Lab) -> String {
    let name = Lab::unique("unfinished");
    let body = json!({"metadata": {"name": name, "labels": {"nsfix/purge": "true"}}});
    lab.post("/api/v1/namespaces", &body).await.expect(201);
    hold(lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    name
}

async fn a_purge_that_was_interrupted_is_finished_by_the_next(lab: Lab) {
    let name = unfinished(&lab).await;
    let ran = lab.nsfix(&["orphans", &name]).run().await.expect(0);
    assert!(ran.stderr.contains("No orphans found"), "{ran:?}");
    assert!(
        ran.stderr.contains(&format!("an earlier purge of namespace {name} was not finished")),
        "{ran:?}"
    );
    let ran = lab.nsfix(&["orphans", &name, "--purge", "--yes", "-o", "json"]).run().await.expect(0).json();
    let backup = std::fs::read_to_string(ran["items"][0]["backup"].as_str().unwrap()).unwrap();
    assert!(backup.contains("held"), "{backup}");
    lab.get(&path(&name)).await.expect(404);
    assert_eq!(list(&lab, &name).await, Vec::<String>::new());
}

async fn an_active_namespace_with_the_label_of_a_purge_is_left_alone(lab: Lab) {
    let name = Lab::unique("labelled");
    let body = json!({"metadata": {"name": name, "labels": {"nsfix/purge": "true"}}});
    lab.post("/api/v1/namespaces", &body).await.expect(201);
    hold(&lab, &name).await;
    let ran = lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(4);
    assert!(ran.stderr.contains("nsfix does not delete an Active namespace"), "{ran:?}");
    assert!(ran.stderr.contains(&format!("kubectl delete namespace {name}")), "{ran:?}");
    let namespace = lab.get(&path(&name)).await.expect(200);
    assert_eq!(namespace["status"]["phase"], "Active", "{namespace}");
    let ran = lab.nsfix(&["orphans", &name]).run().await.expect(0);
    assert!(ran.stderr.contains("is Active and carries the label"), "{ran:?}");
}

async fn a_purge_cannot_be_rehearsed_by_the_server(lab: Lab) {
    let name = orphans(&lab).await;
    let before = list(&lab, &name).await;
    let ran = lab.nsfix(&["orphans", &name, "--purge", "--yes", "--dry-run=server"]).run().await.expect(2);
    assert!(ran.stderr.starts_with("error: --dry-run=server is not possible with --purge"), "{ran:?}");
    lab.nsfix(&["orphans", &name, "--purge", "--yes", "--dry-run=client"]).run().await.expect(0);
    lab.get(&path(&name)).await.expect(404);
    assert_eq!(list(&lab, &name).await, before);
}

async fn nothing_is_created_that_may_not_be_deleted(lab: Lab) {
    let name = orphans(&lab).await;
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "status": {"allowed": false}});
    let reviews = Matcher::new("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
    lab.the_sandbox().inject(Fault::answer(reviews, Canned::json(201, &review)));
    lab.the_sandbox().forget_requests();
    let ran = lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(1);
    assert!(ran.stderr.contains("you are not allowed to create namespaces"), "{ran:?}");
    assert!(ran.stderr.contains("nor to delete namespaces"), "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
}

async fn a_namespace_that_stays_is_told_loudly(lab: Lab) {
    let name = orphans(&lab).await;
    let refused = Canned::status(403, "Forbidden", "a policy keeps namespaces");
    lab.the_sandbox().inject(Fault::answer(Matcher::new("DELETE", path(&name).as_str()), refused));
    let ran = lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(1);
    assert!(ran.stderr.contains("was re-created and could not be deleted"), "{ran:?}");
    assert!(ran.stderr.contains("RoleBindings included, are in force again"), "{ran:?}");
    let uid = lab.get(&path(&name)).await.expect(200)["metadata"]["uid"].as_str().unwrap().to_owned();
    let delete = format!("grep -qx {uid} && kubectl delete namespace {name}\n");
    assert!(ran.stderr.contains("hint: delete it: kubectl get") && ran.stderr.contains(&delete), "{ran:?}");
}

async fn a_namespace_whose_deletion_is_refused_is_told_loudly(lab: Lab) {
    let name = orphans(&lab).await;
    let probe = Lab::unique("probe");
    create(&lab, &probe).await;
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "keep.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "failurePolicy": "Fail", "clientConfig": {"url": "https://127.0.0.1:1/"},
            "namespaceSelector": {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [name, probe]},
            ]},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["namespaces"]}],
        }],
    });
    lab.post(hooks, &webhook).await.expect(201);
    // It is in force a moment after it is stored.
    while lab.delete(&format!("{}?dryRun=All", path(&probe))).await.status == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let ran = lab.nsfix(&["orphans", &name, "--purge", "--yes", "-o=json"]).run().await.expect(1);
    assert!(ran.stderr.contains("was re-created and could not be deleted"), "{ran:?}");
    assert!(ran.stderr.contains("keep.example.com"), "{ran:?}");
    assert!(ran.stderr.contains("RoleBindings included, are in force again"), "{ran:?}");
    let item = &ran.json()["items"][0];
    let now = lab.get(&path(&name)).await.expect(200);
    assert_eq!((&item["outcome"], &item["uid"]), (&json!("Failed"), &now["metadata"]["uid"]), "{ran:?}");
    assert_eq!(now["status"]["phase"], "Active");
    // It is Active, and a further purge does not end it.
    lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(4);
    lab.delete(&format!("{hooks}/{name}")).await.expect(200);
    for each in [&name, &probe] {
        lab.delete(&path(each)).await;
    }
}

async fn a_refused_deletion_is_tried_again(lab: Lab) {
    let name = orphans(&lab).await;
    let refused = Canned::status(500, "InternalError", "a bad moment");
    lab.the_sandbox().inject(Fault::answer(Matcher::new("DELETE", path(&name).as_str()).times(3), refused));
    lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(0);
    lab.get(&path(&name)).await.expect(404);
}

async fn a_lost_answer_to_the_creation_is_not_taken_for_somebody_elses(lab: Lab) {
    let name = orphans(&lab).await;
    let lost = Canned::status(504, "Timeout", "lost");
    // The first is the rehearsal.
    lab.the_sandbox()
        .inject(Fault::apply_then(Matcher::new("POST", "/api/v1/namespaces").skip(1).once(), lost));
    lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(0);
    lab.get(&path(&name)).await.expect(404);
}

async fn a_namespace_created_meanwhile_has_no_orphans(lab: Lab) {
    for named in [true, false] {
        let name = orphans(&lab).await;
        let again = name.clone();
        let looked_at = if named { format!("{}/secrets", path(&name)) } else { "/api/v1/secrets".to_owned() };
        lab.the_sandbox().inject(Fault::before(Matcher::new("GET", looked_at.as_str()).once(), move |api| {
            api.create("/api/v1/namespaces", &json!({"metadata": {"name": again}})).unwrap();
        }));
        let names: &[&str] = if named { &[&name] } else { &[] };
        let found = lab.nsfix(&[&["orphans", "-o", "json"], names].concat()).run().await.expect(0).json();
        let of_it = found["items"].as_array().unwrap().iter().filter(|item| item["namespace"] == *name);
        assert_eq!(of_it.count(), 0, "{found}");
    }
}

/// A namespace that is named is looked at by itself: a large cluster has hundreds of thousands of other objects.
async fn what_is_named_is_looked_for_there_alone(lab: Lab) {
    let name = orphans(&lab).await;
    lab.the_sandbox().forget_requests();
    assert!(list(&lab, &name).await.contains(&"secrets/s".to_owned()));
    let of_it = format!("/namespaces/{name}");
    let asked = lab.the_sandbox().requests().into_iter().map(|request| request.path_and_query);
    // Discovery has no parameters, and a list has a limit.
    let elsewhere: Vec<String> =
        asked.filter(|asked| asked.contains('?') && !asked.contains(&of_it)).collect();
    assert_eq!(elsewhere, Vec::<String>::new());
}

async fn what_exists_is_told_and_not_looked_into(lab: Lab) {
    let name = Lab::unique("there");
    create(&lab, &name).await;
    lab.the_sandbox().forget_requests();
    let ran = lab.nsfix(&["orphans", &name]).run().await.expect(0);
    assert_eq!(ran.stderr, format!("No orphans found; namespace {name} exists.\n"));
    let asked: Vec<String> =
        lab.the_sandbox().requests().into_iter().map(|request| request.path_and_query).collect();
    assert_eq!(asked, [path(&name)]);
    let ran = lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(0);
    assert_eq!(ran.stderr, format!("No orphans found; namespace {name} exists.\n"));
}

async fn of_several_names_each_is_told_about(lab: Lab) {
    let (orphaned, there) = (orphans(&lab).await, Lab::unique("there"));
    create(&lab, &there).await;
    let names = ["orphans", &orphaned, &there, &orphaned];
    let told = format!("No orphans under the other names; namespace {there} exists.\n");
    let ran = lab.nsfix(&[&names[..], &["-o=json"]].concat()).run().await.expect(0);
    assert_eq!(ran.stderr, told);
    let document = ran.json();
    assert_eq!(document["couldNotLook"], json!([]));
    let uids = document["items"].as_array().unwrap().iter().map(|item| item["uid"].to_string());
    let uids: Vec<String> = uids.collect();
    let once: std::collections::BTreeSet<&String> = uids.iter().collect();
    assert_eq!(once.len(), uids.len(), "{ran:?}");
    let ran = lab.nsfix(&[&names[..], &["--purge", "--yes"]].concat()).run().await.expect(0);
    assert!(ran.stderr.contains(&told), "{ran:?}");
    lab.get(&path(&there)).await.expect(200);
}

/// No orphan in nothing that was looked at is not none.
async fn where_nothing_can_be_looked_at_nothing_is_known(lab: Lab) {
    let name = orphans(&lab).await;
    let broken = Canned::status(500, "InternalError", "not today");
    let secrets = Matcher::new("GET", &format!("{}/secrets", path(&name)));
    lab.the_sandbox().inject(Fault::answer(secrets, broken.clone()));
    let list = lab.nsfix(&["orphans", &name, "-o=json"]).run().await.expect(0).json();
    let gap =
        json!({"group": "", "version": "v1", "resource": "secrets", "why": "Failed", "detail": "not today"});
    assert_eq!(list["couldNotLook"], json!([gap]));
    lab.the_sandbox().inject(Fault::answer(Matcher::new("GET", "/").query("limit="), broken));
    let ran = lab.nsfix(&["orphans", &name]).run().await.expect(1);
    assert!(ran.stderr.contains("could not look for orphans in"), "{ran:?}");
    lab.nsfix(&["orphans", &name, "--purge", "--yes"]).run().await.expect(1);
    assert_eq!(lab.writes(), Vec::<String>::new());
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

async fn a_namespace_that_cannot_be_read_is_not_called_there_or_gone(lab: Lab) {
    let name = orphans(&lab).await;
    let broken = Canned::status(500, "InternalError", "a bad moment");
    lab.the_sandbox().inject(Fault::answer(Matcher::new("GET", path(&name).as_str()), broken));
    let told = format!("could not see whether namespace {name:?} exists (a bad moment)");
    let ran = lab.nsfix(&["orphans", &name]).run().await.expect(1);
    assert!(ran.stderr.contains(&told) && !ran.stderr.contains("No orphans found"), "{ran:?}");
    let list = lab.nsfix(&["orphans", &name, "-o=json"]).run().await.expect(1).json();
    assert_eq!(list["couldNotLook"], json!([{"namespace": name, "detail": "a bad moment"}]));
    for how in ["--dry-run=none", "--dry-run=client"] {
        let ran = lab.nsfix(&["orphans", &name, "--purge", "--yes", how]).run().await.expect(1);
        assert!(ran.stderr.contains(&told) && ran.stderr.contains("nothing was written"), "{ran:?}");
    }
    assert_eq!(lab.writes(), Vec::<String>::new());
}
