//! How it looks: with few requests, none of them twice, and never for longer than a deadline.

use std::time::{Duration, Instant};

use nsfix::sandbox::{Canned, DiscoveryMode, Fault, Matcher, Options, scenarios};
use serde_json::json;

use super::{dry_runs, explain, explain_with, strings};
use crate::harness::Lab;
use crate::harness::fixtures::{path, terminating};
use crate::tests;

tests! {
    Sandbox:
    nothing_is_asked_twice_whatever_is_wrong,
    a_webhook_that_declines_to_rehearse_is_not_called_a_refusal,
    two_requests_of_discovery_and_one_per_type,
    a_server_without_aggregated_discovery_is_explained_as_well,
    a_group_that_hangs_costs_one_deadline,
    a_group_of_more_types_than_are_asked_at_once_costs_one_deadline,
    a_controller_that_has_not_reported_is_silent,
    several_are_looked_at_with_one_list_per_type,
    the_reason_in_the_list_is_the_reason_of_the_diagnosis
}

async fn sandbox(name: &str) -> Lab {
    Lab::sandbox(Options::with(scenarios::find(name).unwrap())).await
}

#[track_caller]
fn none_twice(lab: &Lab, what: &str) {
    let mut requests = lab.requests_of_nsfix();
    // What an access review asks stands in its body.
    requests.retain(|request| !request.contains("selfsubjectaccessreviews"));
    let sent = requests.len();
    requests.sort();
    let mut once = requests.clone();
    once.dedup();
    assert_eq!(once.len(), sent, "{what}: {requests:#?}");
}

async fn nothing_is_asked_twice_whatever_is_wrong(_: Lab) {
    for scenario in scenarios::all() {
        let lab = Lab::sandbox(Options::with(scenario)).await;
        explain(&lab, scenario.name).await;
        none_twice(&lab, scenario.name);
    }
    // Together as well: what two namespaces have in common is looked at once.
    let lab =
        Lab::sandbox(Options { scenarios: scenarios::all().iter().collect(), ..Options::default() }).await;
    let names: Vec<&str> = scenarios::all().iter().map(|scenario| scenario.name).collect();
    lab.the_sandbox().forget_requests();
    let ran = lab.nsfix(&[&["explain", "-o", "json"], names.as_slice()].concat()).run().await.expect(0);
    assert_eq!(ran.json()["items"].as_array().unwrap().len(), names.len());
    assert_eq!(lab.writes(), [""; 0]);
    none_twice(&lab, "all of them");
}

async fn a_webhook_that_declines_to_rehearse_is_not_called_a_refusal(lab: Lab) {
    let name = terminating(&lab).await;
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "shy"},
        "webhooks": [{
            "name": "shy.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"url": "https://shy.example.com/"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}],
        }],
    });
    let webhooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    lab.post(webhooks, &webhook).await.expect(201);
    let said = "admission webhook \"shy.example.com\" does not support dry run";
    let deletion = Matcher::new("DELETE", &format!("{}/configmaps/", path(&name)));
    lab.the_sandbox().inject(Fault::answer(deletion.clone(), Canned::status(400, "BadRequest", said)));
    let told = explain(&lab, &name).await;
    assert!(dry_runs(&lab).iter().any(|sent| sent.contains("DELETE")), "{:?}", dry_runs(&lab));
    assert!(!strings(&told.item["namespace"]["causes"]).contains(&"AdmissionRefusal"), "{told:#?}");
    // One that supports dry runs, and refuses.
    lab.the_sandbox().clear_faults();
    let said = "admission webhook \"shy.example.com\" denied the request: not on a Friday";
    lab.the_sandbox().inject(Fault::answer(deletion, Canned::status(403, "Forbidden", said)));
    let told = explain(&lab, &name).await;
    assert!(told.evidence("AdmissionRefusal", "dry run of DELETE configmaps/held: ").ends_with(said));
}

async fn two_requests_of_discovery_and_one_per_type(_: Lab) {
    let lab = sandbox("configmap-finalizer").await;
    let told = explain(&lab, "configmap-finalizer").await;
    let looked = usize::try_from(told.item["coverage"]["looked"].as_u64().unwrap()).unwrap();
    let requests = lab.requests_of_nsfix();
    let inside = format!("{}/", path("configmap-finalizer"));
    let lists = requests.iter().filter(|request| {
        request.starts_with("GET ") && request.contains(&inside[..])
            || request.starts_with("GET ") && request.contains("/namespaces/configmap-finalizer/")
    });
    assert_eq!(lists.count(), looked, "{requests:#?}");
    // The namespace, /api and /apis, what can be in the way (8), pods of the owner (2), and the dry run of the
    // release with its access review (2).
    assert_eq!(requests.len(), looked + 3 + 8 + 2 + 2, "{requests:#?}");
}

async fn a_server_without_aggregated_discovery_is_explained_as_well(_: Lab) {
    let scenario = scenarios::find("dead-apiservice-and-finalizer").unwrap();
    let lab =
        Lab::sandbox(Options { discovery: Some(DiscoveryMode::Legacy), ..Options::with(scenario) }).await;
    let told = explain(&lab, scenario.name).await;
    told.is_stuck_by(&["UnavailableApi", "HeldObjects"]);
    assert_eq!(told.item["coverage"]["couldNotLook"][0]["group"], "metrics.example.com");
    assert!(told.item["coverage"]["looked"].as_u64().unwrap() > 25);
    assert!(lab.requests_of_nsfix().contains(&"GET /apis/apps/v1".to_owned()));
    none_twice(&lab, "legacy");
}

async fn a_group_that_hangs_costs_one_deadline(_: Lab) {
    let lab = sandbox("configmap-finalizer").await;
    lab.the_sandbox().inject(Fault::hang(Matcher::new("GET", "/apis/apps/v1/")));
    let started = Instant::now();
    let told = explain_with(&lab, "configmap-finalizer", &["--request-timeout=4s"]).await;
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(4) && took < Duration::from_secs(8), "{took:?}");
    let gaps = told.item["coverage"]["couldNotLook"].as_array().unwrap();
    assert_eq!(gaps.len(), 5, "{gaps:#?}");
    assert!(gaps.iter().all(|gap| gap["why"] == "TimedOut" && gap["group"] == "apps"), "{gaps:#?}");
    // No cause accounts for it, and it is one fact.
    told.is_stuck_by(&["HeldObjects", "Unexplained"]);
    told.evidence("Unexplained", "listing controllerrevisions.apps, daemonsets.apps");
}

async fn a_group_of_more_types_than_are_asked_at_once_costs_one_deadline(lab: Lab) {
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let group = "many.example.com";
    for index in 0..40 {
        let (plural, kind) = (format!("t{index}s"), format!("T{index}"));
        let schema = json!({"openAPIV3Schema": {"type": "object"}});
        let names = json!({"plural": plural, "singular": format!("t{index}"), "kind": kind, "listKind": format!("{kind}List")});
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": schema});
        let spec = json!({"group": group, "scope": "Namespaced", "names": names, "versions": [version]});
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")}, "spec": spec,
        });
        lab.post(crds, &crd).await.expect(201);
    }
    let last = format!("/apis/{group}/v1/namespaces/default/t39s");
    lab.wait_for(&last, |answer| answer.status == 200).await;
    let name = terminating(&lab).await;
    lab.the_sandbox().inject(Fault::hang(Matcher::new("GET", &format!("/apis/{group}/v1/"))));
    let started = Instant::now();
    let told = explain_with(&lab, &name, &["--request-timeout=4s"]).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    let gaps = told.item["coverage"]["couldNotLook"].as_array().unwrap();
    assert_eq!(gaps.len(), 40, "{gaps:#?}");
    assert!(gaps.iter().all(|gap| gap["why"] == "TimedOut" && gap["group"] == group), "{gaps:#?}");
    told.leftover("configmaps", "held");
}

async fn a_controller_that_has_not_reported_is_silent(_: Lab) {
    let scenario = scenarios::find("configmap-finalizer").unwrap();
    let lab = Lab::sandbox(Options { controller: None, ..Options::with(scenario) }).await;
    let told = explain(&lab, scenario.name).await;
    told.is_stuck_by(&["ControllerSilent", "HeldObjects"]).looked_everywhere();
    told.evidence("ControllerSilent", "the namespace has no conditions, which its first pass would have");
    told.evidence("ControllerSilent", "no lease kube-system/kube-controller-manager was found; it may run");

    let micro = "%Y-%m-%dT%H:%M:%S.%6fZ";
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "kube-controller-manager"},
        "spec": {"holderIdentity": "master-0", "leaseDurationSeconds": 15,
                 "renewTime": (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(600)).strftime(micro).to_string()},
    });
    lab.post("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases", &lease).await.expect(201);
    let told = explain(&lab, scenario.name).await;
    let renewed = told.evidence("ControllerSilent", "kube-controller-manager: its lease was renewed 60");
    assert!(renewed.ends_with("s ago by master-0"), "{renewed}");
}

async fn several_are_looked_at_with_one_list_per_type(_: Lab) {
    let lab = Lab::sandbox(Options::default()).await;
    let names = ["held-backup", "configmap-finalizer", "zombie"];
    lab.the_sandbox().forget_requests();
    let ran = lab.nsfix(&[&["explain", "-o", "json"], names.as_slice()].concat()).run().await.expect(0);
    let items = ran.json()["items"].as_array().unwrap().clone();
    let told: Vec<&str> = items.iter().map(|item| item["namespace"]["name"].as_str().unwrap()).collect();
    assert_eq!(told, names, "in the order in which they were named");
    let requests = lab.requests_of_nsfix();
    assert!(requests.contains(&"GET /api/v1/configmaps?limit=500".to_owned()), "{requests:#?}");
    assert!(
        !requests.iter().any(|request| request.contains("/namespaces/held-backup/configmaps")),
        "{requests:#?}"
    );
    none_twice(&lab, "three");
}

async fn the_reason_in_the_list_is_the_reason_of_the_diagnosis(_: Lab) {
    // Of more than ten, explain would tell the causes alone.
    let some = scenarios::all().iter().take(10).collect();
    let lab = Lab::sandbox(Options { scenarios: some, ..Options::default() }).await;
    lab.the_sandbox().forget_requests();
    let list = lab.nsfix(&["list-stuck", "-o", "wide"]).run().await.expect(0).stdout;
    let asked = lab.requests_of_nsfix();
    none_twice(&lab, "list-stuck -o wide");
    let looked = asked.iter().filter(|request| request.starts_with("GET /api/v1/secrets?"));
    assert_eq!(looked.collect::<Vec<_>>(), ["GET /api/v1/secrets?limit=500"]);
    assert!(!asked.iter().any(|request| request.contains("/secrets/") || request.ends_with("/secrets")));

    let stuck: Vec<&str> = list.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    assert!((8..=10).contains(&stuck.len()), "{stuck:?}");
    let told = lab.nsfix(&[&["explain"], stuck.as_slice()].concat()).run().await.expect(0).stdout;
    for name in stuck {
        let verdict = told.lines().find(|line| line.starts_with(&format!("namespace/{name} ")));
        let verdict = verdict.unwrap_or_else(|| panic!("{name} is not in {told}"));
        let reason = verdict.split_once(": ").unwrap().1;
        let row = list.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        assert!(!reason.is_empty() && row.ends_with(reason), "{reason:?} is not in {row:?}");
    }
}
