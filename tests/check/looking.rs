//! How it looks: it stores nothing, asks nothing twice, and is never seen trying what it may not.

use nsfix::model::Permission;
use nsfix::sandbox::{Canned, Fault, Matcher};
use serde_json::{Value, json};

use super::check;
use crate::harness::fixtures::{create, hold, path};
use crate::harness::{Account, Lab};
use crate::tests;

tests! {
    Sandbox:
    nothing_is_asked_twice,
    one_request_of_discovery_and_one_list_per_type_whatever_the_number,
    a_webhook_that_declines_to_rehearse_is_named,
    what_has_become_another_namespace_meanwhile_cannot_be_told;
    Real:
    nothing_is_ever_sent_but_dry_runs,
    an_account_that_only_reports_never_tries_to_delete,
    an_account_of_one_namespace_says_what_it_could_not_see
}

/// The requests of nsfix.
fn requests(lab: &Lab) -> Vec<String> {
    let requests = lab.the_sandbox().requests().into_iter();
    let of_nsfix = requests.filter(|request| request.user_agent.starts_with("nsfix/"));
    of_nsfix.map(|request| format!("{} {}", request.method, request.path_and_query)).collect()
}

async fn some(lab: &Lab) -> String {
    let name = Lab::unique("some");
    create(lab, &name).await;
    hold(lab, &name).await;
    let secret = json!({"metadata": {"name": "creds"}});
    lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    name
}

async fn nothing_is_asked_twice(lab: Lab) {
    let name = some(&lab).await;
    lab.the_sandbox().forget_requests();
    check(&lab, &name).await;
    let mut sent = requests(&lab);
    sent.retain(|request| !request.contains("selfsubjectaccessreviews"));
    let count = sent.len();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), count, "{sent:#?}");
    let writes = sent.iter().filter(|request| !request.starts_with("GET "));
    assert!(writes.clone().count() >= 3, "{sent:#?}");
    assert!(writes.clone().all(|request| request.contains("dryRun=All")), "{sent:#?}");
}

async fn one_request_of_discovery_and_one_list_per_type_whatever_the_number(lab: Lab) {
    let mut names = Vec::new();
    for _ in 0..5 {
        names.push(some(&lab).await);
    }
    lab.the_sandbox().forget_requests();
    lab.nsfix(&["check", &names[0]]).run().await;
    let one = requests(&lab).iter().filter(|request| request.starts_with("GET ")).count();
    lab.the_sandbox().forget_requests();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    lab.nsfix(&[&["check"], all.as_slice()].concat()).run().await;
    let five = requests(&lab).iter().filter(|request| request.starts_with("GET ")).count();
    assert!(five <= one + 4, "{one} GETs for one, and {five} for five");
}

async fn a_webhook_that_declines_to_rehearse_is_named(lab: Lab) {
    let name = some(&lab).await;
    let said = "admission webhook \"shy.example.com\" does not support dry run";
    let deletion = Matcher::new("DELETE", &format!("{}/secrets/", path(&name)));
    lab.the_sandbox().inject(Fault::answer(deletion, Canned::status(400, "BadRequest", said)));
    let told = check(&lab, &name).await;
    let gaps = told.item["couldNotLook"].to_string();
    assert!(
        gaps.contains("the deletion of secrets") && gaps.contains("does not support dry run"),
        "{told:#?}"
    );
    assert_eq!(told.kinds("certain"), [""; 0]);
}

/// Nothing stands in the way of what was there; what is there now, nobody has seen.
async fn what_has_become_another_namespace_meanwhile_cannot_be_told(lab: Lab) {
    for (status, reason) in [(409, "Conflict"), (404, "NotFound")] {
        let name = Lab::unique("renewed");
        create(&lab, &name).await;
        check(&lab, &name).await.expects_nothing();
        let said = Canned::status(
            status,
            reason,
            "Precondition failed: UID in precondition: a, UID in object meta: b",
        );
        lab.the_sandbox().inject(Fault::answer(Matcher::new("DELETE", &path(&name)), said));
        let told = check(&lab, &name).await;
        assert_eq!((told.code, &told.item["expectation"]), (Some(1), &json!("Unknown")), "{told:#?}");
        assert!(
            told.item["couldNotLook"].to_string().contains("created anew, while it was looked at"),
            "{told:#?}"
        );
    }
}

/// Everything inside a namespace, by uid and resourceVersion.
async fn inside(lab: &Lab, name: &str) -> Vec<Value> {
    let mut found = vec![lab.get(&path(name)).await.expect(200)["metadata"]["resourceVersion"].clone()];
    for resource in ["configmaps", "secrets", "serviceaccounts"] {
        let list = lab.get(&format!("{}/{resource}", path(name))).await.expect(200);
        let items = list["items"].as_array().unwrap().iter();
        found.extend(items.map(|item| json!([item["metadata"]["uid"], item["metadata"]["resourceVersion"]])));
    }
    found
}

async fn account(lab: &Lab, name: &str, more: &[Permission]) -> Account {
    let account = Account::create(lab, name).await;
    let report = nsfix::plan::capabilities().into_iter().find(|each| each.name == "report").unwrap();
    account.allow(lab, &[report.permissions, more.to_vec()].concat()).await;
    account
}

async fn nothing_is_ever_sent_but_dry_runs(lab: Lab) {
    let name = some(&lab).await;
    let rehearse = [Permission::new("delete", "*", "*"), Permission::new("patch", "*", "*")];
    let account = account(&lab, "rehearser", &rehearse).await;
    // Its controller creates it a moment after the namespace.
    let default = format!("{}/serviceaccounts/default", path(&name));
    lab.wait_for(&default, |answer| answer.status == 200 || !lab.has_controller).await;
    let before = inside(&lab, &name).await;
    let ran = account.nsfix(&lab, &["check", &name, "-o", "json"]).run().await.expect(3);
    assert_eq!(ran.json()["items"][0]["couldNotLook"], json!([]), "{ran:?}");
    account.nsfix(&lab, &["explain", &name]).run().await.expect(0);
    assert_eq!(inside(&lab, &name).await, before);
    let used = account.used(&lab).await;
    let writes = used.iter().filter(|used| !["get", "list"].contains(&used.permission.verb.as_str()));
    let writes: Vec<_> =
        writes.filter(|used| used.permission.resource != "selfsubjectaccessreviews").collect();
    assert!(writes.iter().any(|used| used.permission.resource == "namespaces"), "{writes:?}");
    assert!(writes.iter().all(|used| used.uri.contains("dryRun=All") && used.allowed), "{writes:?}");
}

async fn an_account_that_only_reports_never_tries_to_delete(lab: Lab) {
    let name = some(&lab).await;
    let account = account(&lab, "reporter", &[]).await;
    let ran = account.nsfix(&lab, &["check", &name, "-o", "json"]).run().await.expect(3);
    let gaps = ran.json()["items"][0]["couldNotLook"].to_string();
    assert!(
        gaps.contains("the deletion of secrets") && gaps.contains("the deletion of namespaces"),
        "{ran:?}"
    );
    let used = account.used(&lab).await;
    let reads = ["get", "list"];
    let others = used.iter().filter(|used| !reads.contains(&used.permission.verb.as_str()));
    let reviews = |used: &&crate::harness::Used| used.permission.resource == "selfsubjectaccessreviews";
    assert!(others.clone().all(|used| reviews(&used)), "{used:?}");
    assert!(used.iter().all(|used| used.allowed), "{used:?}");
}

async fn an_account_of_one_namespace_says_what_it_could_not_see(lab: Lab) {
    let name = some(&lab).await;
    let alice = lab.kubeconfig_of_alice();
    let role = json!({"metadata": {"name": "owner"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    let roles = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}");
    lab.post(&format!("{roles}/roles"), &role).await.expect(201);
    let binding = json!({
        "metadata": {"name": "owner"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "owner"},
        "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}],
    });
    lab.post(&format!("{roles}/rolebindings"), &binding).await.expect(201);
    let started = std::time::Instant::now();
    let ran = loop {
        let ran = lab.nsfix(&["check", &name, "-o", "json"]).env("KUBECONFIG", &alice).run().await;
        if !ran.stdout.contains("\"items\": []") || started.elapsed().as_secs() > 30 {
            break ran;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    let item = ran.json()["items"][0].clone();
    let gaps = item["couldNotLook"].to_string();
    for unseen in ["apiservices", "validatingwebhookconfigurations", "customresourcedefinitions"] {
        assert!(gaps.contains(unseen), "{unseen}: {item:#}");
    }
    assert!(!gaps.contains("the deletion of secrets"), "{item:#}");
    assert_ne!(ran.code, Some(0), "{ran:?}");
}
