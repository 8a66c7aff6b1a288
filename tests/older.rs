//! Servers that are older than what CI has: no discovery in one document, no EndpointSlices, no policies, Secrets with
//! tokens in every namespace. The sandbox plays them.

use nsfix::sandbox::{ControllerOptions, Fault, Matcher, Options, Release, Scenario, scenarios};
use serde_json::{Value, json};

use crate::harness::fixtures::{create, path};
use crate::harness::{Answer, Lab, Nsfix};
use crate::tests;

tests! { Sandbox:
    what_is_stuck_on_an_old_server_is_listed_with_its_reasons,
    every_scenario_is_explained_on_an_old_server_without_a_gap_of_its_own,
    a_service_that_has_endpoints_and_no_slices_has_a_backend,
    what_an_old_server_puts_into_every_namespace_is_no_content,
    an_object_in_two_groups_is_one_leftover,
    a_type_in_its_beta_version_is_released_and_restored,
    a_policy_that_is_not_served_is_no_gap_for_check_and_clear,
    a_namespace_that_goes_in_the_meantime_is_no_failure,
    a_cache_that_does_not_fill_is_explained_where_the_server_does_not_say_why,
    the_sandbox_says_which_versions_it_plays
}

const OLD: [u32; 3] = [20, 25, 29];

async fn played(minor: u32, scenarios: Vec<&'static Scenario>) -> Lab {
    let release = Release::of(minor).unwrap();
    let controller = Some(ControllerOptions::default());
    Lab::sandbox(Options { release, scenarios, controller, ..Options::default() }).await
}

/// Those that block no other namespace.
fn apart(release: Release) -> Vec<&'static Scenario> {
    scenarios::playable(release).filter(|scenario| !scenario.blocks_cluster).collect()
}

async fn what_is_stuck_on_an_old_server_is_listed_with_its_reasons(_: Lab) {
    for minor in OLD {
        let lab = played(minor, scenarios::default_set()).await;
        let listed = lab.nsfix(&["list-stuck", "-o", "wide"]).run().await.expect(0).stdout;
        for (name, reason) in [
            ("rodrigo", "metrics.k8s.io/v1beta1"),
            ("held-backup", "backups.example.com/cleanup"),
            ("configmap-finalizer", "example.com/hold"),
            ("metadata-finalizer", "controller.cattle.io/namespace-auth"),
        ] {
            let line =
                listed.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{listed}"));
            assert!(line.contains(reason), "1.{minor}: {line}");
        }
    }
}

async fn every_scenario_is_explained_on_an_old_server_without_a_gap_of_its_own(_: Lab) {
    for minor in OLD {
        let lab = played(minor, apart(Release::of(minor).unwrap())).await;
        let told = lab.nsfix(&["explain", "-o", "json"]).run().await.expect(0).json();
        let items = told["items"].as_array().unwrap();
        assert!(items.len() > 10, "{told}");
        for item in items {
            assert_eq!(item["coverage"]["couldNotLook"], json!([]), "1.{minor}: {item}");
            let kinds =
                item["causes"].as_array().unwrap().iter().map(|cause| cause["kind"].as_str().unwrap());
            let unexplained: Vec<&str> = kinds.filter(|kind| *kind == "Unexplained").collect();
            assert_eq!(unexplained, [""; 0], "1.{minor}: {item}");
        }
    }
}

async fn a_service_that_has_endpoints_and_no_slices_has_a_backend(_: Lab) {
    let lab = played(20, vec![scenarios::find("dead-delete-webhook").unwrap()]).await;
    let name = "dead-delete-webhook";
    let webhook = format!("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{name}");
    let elsewhere = json!({"namespace": "default", "name": "guard", "path": "/validate"});
    let mut hooks = lab.get(&webhook).await.expect(200);
    hooks["webhooks"][0]["clientConfig"]["service"] = elsewhere;
    lab.put(&webhook, &hooks).await.expect(200);
    let service = json!({"metadata": {"name": "guard"}, "spec": {"ports": [{"port": 443}]}});
    lab.post("/api/v1/namespaces/default/services", &service).await.expect(201);
    let evidence = async || {
        let told = lab.nsfix(&["explain", name, "-o", "json"]).run().await.expect(0).json();
        assert_eq!(told["items"][0]["coverage"]["couldNotLook"], json!([]), "{told}");
        let causes = told["items"][0]["causes"].as_array().unwrap().clone();
        let cause = causes.into_iter().find(|cause| cause["kind"] == "FailingAdmissionWebhook");
        cause.unwrap_or_else(|| panic!("{told}"))["evidence"].to_string()
    };
    assert!(evidence().await.contains("service default/guard has no ready endpoints"));
    let subset = json!({
        "addresses": [{"ip": "192.0.2.7"}], "notReadyAddresses": [{"ip": "192.0.2.8"}], "ports": [{"port": 443}],
    });
    let endpoints = json!({"metadata": {"name": "guard"}, "subsets": [subset]});
    lab.post("/api/v1/namespaces/default/endpoints", &endpoints).await.expect(201);
    assert!(evidence().await.contains("service default/guard has 1 ready endpoints"), "{}", evidence().await);
}

/// The first item of a report of `clear`.
async fn cleared(lab: &Lab, name: &str, more: &[&str]) -> Value {
    let arguments = [&["clear", name, "--yes", "--leftovers=release", "-o", "json"], more].concat();
    let report = lab.nsfix(&arguments).run().await.expect(0).json();
    assert_eq!(report["items"][0]["outcome"], "Cleared", "{report}");
    lab.get(&path(name)).await.expect(404);
    report["items"][0].clone()
}

/// A zombie keeps the Secret with the token of its service account, which is as little content as the account: what is
/// done is what is done where there is no such Secret.
async fn what_an_old_server_puts_into_every_namespace_is_no_content(_: Lab) {
    let mut done = Vec::new();
    for (minor, secrets) in [(20, 1), (36, 0)] {
        let lab = played(minor, Vec::new()).await;
        create(&lab, "n").await;
        let count = |answer: &Answer| answer.json()["items"].as_array().map_or(0, Vec::len);
        lab.wait_for(&format!("{}/secrets", path("n")), |answer| count(answer) == secrets).await;
        lab.wait_for(&format!("{}/configmaps", path("n")), |answer| count(answer) == 1).await;
        finalized(&lab, "n").await;
        lab.delete(&path("n")).await.expect(200);
        let flags = ["clear", "n", "--yes", "--no-backup", "--leftovers=refuse", "-o", "json"];
        let ran = lab.nsfix(&flags).run().await;
        let item = &ran.json()["items"][0];
        let steps = item["steps"].as_array().unwrap().iter().map(|step| step["step"].clone());
        done.push((ran.code, item["outcome"].clone(), steps.collect::<Vec<Value>>()));
    }
    assert_eq!(done[0], done[1]);
    assert_eq!(done[0].1, "Cleared");
}

/// Takes the spec finalizers away.
async fn finalized(lab: &Lab, name: &str) -> Value {
    let mut namespace = lab.get(&path(name)).await.expect(200);
    namespace["spec"]["finalizers"] = json!([]);
    lab.put(&format!("{}/finalize", path(name)), &namespace).await.expect(200);
    namespace
}

/// Until 1.21 Ingresses were in `extensions` too.
async fn an_object_in_two_groups_is_one_leftover(_: Lab) {
    let lab = played(20, Vec::new()).await;
    create(&lab, "n").await;
    let ingress = json!({"metadata": {"name": "web", "finalizers": ["example.com/hold"]}, "spec": {}});
    lab.post("/apis/networking.k8s.io/v1/namespaces/n/ingresses", &ingress).await.expect(201);
    lab.delete(&path("n")).await.expect(200);
    let reported = |answer: &Answer| answer.json()["status"]["conditions"][4]["status"] == "True";
    let namespace = lab.wait_for(&path("n"), reported).await.json();
    let message = namespace["status"]["conditions"][3]["message"].as_str().unwrap();
    assert!(
        message.contains("ingresses.extensions") && message.contains("ingresses.networking.k8s.io"),
        "{message}"
    );
    let told = lab.nsfix(&["explain", "n", "-o", "json"]).run().await.expect(0).json();
    let [leftover] = told["items"][0]["leftovers"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!(leftover["group"], "networking.k8s.io", "the one that newer servers have, too");
    // The controller counts it twice, which is no sign that one of the two has gone.
    assert!(!told["items"][0]["causes"].to_string().contains("counted 2 objects"), "{told}");
    cleared(&lab, "n", &[]).await;
}

async fn a_type_in_its_beta_version_is_released_and_restored(_: Lab) {
    let lab = played(20, Vec::new()).await;
    create(&lab, "n").await;
    let job = json!({"metadata": {"name": "nightly", "finalizers": ["example.com/hold"]}, "spec": {"schedule": "@daily"}});
    let jobs = "/apis/batch/v1beta1/namespaces/n/cronjobs";
    lab.post(jobs, &job).await.expect(201);
    lab.delete(&path("n")).await.expect(200);
    let deleting = |answer: &Answer| answer.json()["metadata"]["deletionTimestamp"].is_string();
    lab.wait_for(&format!("{jobs}/nightly"), deleting).await;
    let item = cleared(&lab, "n", &[]).await;
    lab.nsfix(&["restore", item["backup"].as_str().unwrap()]).run().await.expect(0);
    assert_eq!(lab.get(&format!("{jobs}/nightly")).await.expect(200)["spec"]["schedule"], "@daily");
}

async fn a_policy_that_is_not_served_is_no_gap_for_check_and_clear(_: Lab) {
    for minor in OLD {
        let lab = played(minor, vec![scenarios::find("pods-first").unwrap()]).await;
        create(&lab, "n").await;
        let told = lab.nsfix(&["check", "n", "-o", "json"]).run().await.expect(0).json();
        assert_eq!(told["items"][0]["couldNotLook"], json!([]), "1.{minor}: {told}");
        let pvc = "--release-finalizer=kubernetes.io/pvc-protection";
        let item = cleared(&lab, "pods-first", &["--timeout=60s", pvc]).await;
        assert_eq!(item["orphans"], json!([]), "1.{minor}");
    }
}

/// Somebody else's PUT comes first, and then ours is a conflict before 1.34, and not found since. The end is the same.
async fn a_namespace_that_goes_in_the_meantime_is_no_failure(_: Lab) {
    for minor in [20, 33, 34, 36] {
        let release = Release::of(minor).unwrap();
        let lab = Lab::sandbox(Options { release, controller: None, ..Options::empty() }).await;
        create(&lab, "n").await;
        lab.delete(&path("n")).await.expect(200);
        let put = Matcher::new("PUT", "/api/v1/namespaces/n/finalize").once();
        lab.the_sandbox().inject(Fault::before(put, |api| {
            let mut namespace = api.get("/api/v1/namespaces/n").unwrap();
            namespace["spec"]["finalizers"] = json!([]);
            api.update("/api/v1/namespaces/n/finalize", &namespace).unwrap();
        }));
        let flags = ["clear", "n", "--yes", "--leftovers=orphan", "--timeout=20s", "-o", "json"];
        let ran = lab.nsfix(&flags).run().await.expect(0);
        let item = &ran.json()["items"][0];
        assert_eq!(
            (&item["outcome"], &item["warnings"]),
            (&json!("Unchanged"), &json!([])),
            "1.{minor}: {ran:?}"
        );
        let message = &item["steps"][0]["message"];
        assert_eq!(message, "the namespace was gone already; nothing was forced", "1.{minor}: {item}");
    }
}

/// 1.32 lists from the cache, and says nothing of why it does not fill; 1.31 does not, and nothing holds the namespace.
async fn a_cache_that_does_not_fill_is_explained_where_the_server_does_not_say_why(_: Lab) {
    for minor in [31, 32, 33] {
        let lab = played(minor, vec![scenarios::find("dead-conversion-webhook").unwrap()]).await;
        create(&lab, "n").await;
        let predicted = lab.nsfix(&["check", "n", "-o", "json"]).run().await.json();
        lab.delete(&path("n")).await.expect(200);
        if minor < 32 {
            assert_eq!(predicted["items"][0]["certain"], json!([]), "{predicted}");
            lab.wait_for(&path("n"), |answer| answer.status == 404).await;
            continue;
        }
        assert_eq!(
            predicted["items"][0]["certain"][0]["kind"], "FailingConversionWebhook",
            "1.{minor}: {predicted}"
        );
        let said = |answer: &Answer| answer.text.contains("storage is (re)initializing");
        lab.wait_for(&path("n"), said).await;
        for names in [vec!["n"], vec!["n", "dead-conversion-webhook"]] {
            let told =
                lab.nsfix(&[&["explain", "-o", "json"], &names[..]].concat()).run().await.expect(0).json();
            let items = told["items"].as_array().unwrap();
            let item = items.iter().find(|item| item["namespace"]["name"] == "n").unwrap();
            let causes = item["causes"].as_array().unwrap();
            let found = causes.iter().find(|cause| cause["kind"] == "FailingConversionWebhook");
            let found = found.unwrap_or_else(|| panic!("1.{minor}: {item}"));
            assert_eq!(found["subject"], "widgets.conversion.example.com");
            assert!(found["evidence"].to_string().contains("the namespace controller says: "), "{found}");
            assert!(causes.iter().all(|cause| cause["kind"] != "Unexplained"), "1.{minor}: {item}");
        }
    }
}

async fn the_sandbox_says_which_versions_it_plays(_: Lab) {
    for version in ["1.19", "1.99", "latest", "2.0", ""] {
        let ran = Nsfix::new(&["sandbox", "--kubernetes-version", version]).run().await.expect(2);
        assert!(ran.stderr.contains("hint: --kubernetes-version takes 1.20 to 1.36"), "{ran:?}");
    }
    let help = Nsfix::new(&["sandbox", "--help"]).run().await.expect(0).stdout;
    assert!(help.contains(&format!("{} to {}", Release::OLDEST, Release::NEWEST)), "{help}");
    let ran = Nsfix::new(&["sandbox", "--kubernetes-version=v1.29.14", "policy-denies-update"]).run().await;
    assert!(ran.stderr.contains("takes Kubernetes 1.30 or later"), "{ran:?}");
    assert_eq!(ran.code, Some(2));
    let listed =
        Nsfix::new(&["sandbox", "--list", "--kubernetes-version", "v1.25"]).run().await.expect(0).stdout;
    assert!(listed.contains("pods-first") && !listed.contains("policy-denies-update"), "{listed}");
}
