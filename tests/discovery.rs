//! Taking stock whatever the server's discovery is like.

use nsfix::sandbox::{Canned, DiscoveryMode, Fault, Matcher, Options};
use serde_json::json;

use crate::harness::fixtures::{create, path, terminating};
use crate::harness::{Lab, Ran};
use crate::tests;

tests! {
    Sandbox:
    a_server_with_beta_discovery_is_understood,
    a_server_without_aggregated_discovery_is_asked_group_by_group,
    a_type_without_metadata_lists_is_read_whole,
    pages_that_expire_are_counted_once,
    events_under_two_groups_are_counted_once,
    a_type_is_asked_for_once,
    a_group_that_hangs_costs_its_deadline_once;
    BothAlone: a_dead_api_is_unknown_and_not_empty
}

async fn lab(discovery: DiscoveryMode) -> Lab {
    Lab::sandbox(Options { discovery: Some(discovery), controller: None, ..Options::empty() }).await
}

/// A look at what is inside, without a write.
async fn look(lab: &Lab, name: &str) -> Ran {
    lab.nsfix(&["clear", name, "--dry-run=client", "--leftovers=orphan", "-o", "json"]).run().await.expect(0)
}

fn finds_the_config_map(ran: &Ran) {
    assert!(ran.stderr.contains("1 ConfigMap in namespace"), "{ran:?}");
    assert!(!ran.stderr.contains("could not look"), "{ran:?}");
}

async fn a_server_with_beta_discovery_is_understood(_: Lab) {
    let lab = lab(DiscoveryMode::AggregatedV2Beta1).await;
    let name = terminating(&lab).await;
    finds_the_config_map(&look(&lab, &name).await);
}

async fn a_server_without_aggregated_discovery_is_asked_group_by_group(_: Lab) {
    let lab = lab(DiscoveryMode::Legacy).await;
    let name = terminating(&lab).await;
    finds_the_config_map(&look(&lab, &name).await);
    let asked = lab.the_sandbox().requests();
    assert!(asked.iter().any(|request| request.path_and_query == "/apis/apps/v1"));
}

async fn a_type_without_metadata_lists_is_read_whole(lab: Lab) {
    let name = terminating(&lab).await;
    lab.the_sandbox().inject(Fault::no_metadata(&format!("{}/configmaps", path(&name))));
    // The fault strikes whoever asks for metadata, plain JSON beside it or not.
    finds_the_config_map(&look(&lab, &name).await);
}

async fn pages_that_expire_are_counted_once(lab: Lab) {
    let api = lab.the_sandbox().api();
    let many = Lab::unique("many");
    create(&lab, &many).await;
    for index in 0..501 {
        let body = json!({"metadata": {"name": format!("s{index}"), "finalizers": ["example.com/hold"]}});
        api.create(&format!("{}/secrets", path(&many)), &body).unwrap();
    }
    api.delete(&path(&many)).unwrap();
    let expired = Canned::status(410, "Expired", "The provided continue parameter is too old");
    let pages = Matcher::new("GET", &format!("{}/secrets", path(&many))).query("continue=").once();
    lab.the_sandbox().inject(Fault::answer(pages, expired));
    let ran = look(&lab, &many).await;
    assert!(ran.stderr.contains("501 Secrets in namespace"), "{ran:?}");
}

async fn events_under_two_groups_are_counted_once(lab: Lab) {
    let name = Lab::unique("twice");
    create(&lab, &name).await;
    let event = json!({
        "metadata": {"name": "e", "finalizers": ["example.com/hold"]},
        "involvedObject": {"kind": "Namespace", "name": name, "namespace": name},
        "reason": "Test", "message": "m", "type": "Normal",
    });
    lab.post(&format!("{}/events", path(&name)), &event).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    let ran = look(&lab, &name).await;
    assert_eq!(ran.stderr.matches(" Event").count(), 1, "{ran:?}");
    assert!(ran.stderr.contains("1 Event in namespace"), "{ran:?}");
}

async fn a_type_is_asked_for_once(lab: Lab) {
    let name = terminating(&lab).await;
    lab.the_sandbox().forget_requests();
    look(&lab, &name).await;
    let mut paths: Vec<String> =
        lab.the_sandbox().requests().into_iter().map(|request| request.path_and_query).collect();
    let all = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all, "some were asked twice");
    let lists = paths
        .iter()
        .filter(|each| each.starts_with(&format!("{}/", path(&name))) || each.contains("/namespaces/"));
    // Besides one list per type and the namespace: /api and /apis, and what can be in the way.
    let in_the_way = [
        "apiservices",
        "customresourcedefinitions",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    ];
    for resource in in_the_way {
        assert!(paths.iter().any(|each| each.ends_with(&format!("/{resource}?limit=500"))), "{resource}");
    }
    assert_eq!(all, lists.count() + 2 + in_the_way.len(), "{paths:?}");
}

async fn a_group_that_hangs_costs_its_deadline_once(lab: Lab) {
    let name = terminating(&lab).await;
    lab.the_sandbox().inject(Fault::hang(Matcher::new("GET", "/apis/apps/v1/")));
    let ran = lab
        .nsfix(&[
            "clear",
            &name,
            "--leftovers=orphan",
            "--dry-run=client",
            "--request-timeout=1s",
            "-o",
            "json",
            "-v",
        ])
        .run()
        .await
        .expect(0);
    // deployments, replicasets, daemonsets, statefulsets, controllerrevisions
    assert_eq!(ran.stderr.matches("Warning: could not look at").count(), 5, "{ran:?}");
    assert!(ran.stderr.contains("could not look at deployments.apps (no answer within 1s)"));
    let hung: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("GET /apis/apps/v1/")).collect();
    assert_eq!(hung.len(), 5, "each is asked once: {hung:?}");
}

async fn a_dead_api_is_unknown_and_not_empty(lab: Lab) {
    let name = lab.play("dead-apiservice").await;
    lab.wait_for("/apis/metrics.example.com/v1beta1", |answer| answer.status == 503).await;
    let ran = lab.nsfix(&["clear", name, "--dry-run=client", "--leftovers=orphan"]).run().await.expect(0);
    assert!(
        ran.stderr.contains("Warning: could not look at metrics.example.com/v1beta1 (service unavailable)"),
        "{ran:?}"
    );
    // `refuse` takes unknown for what it is.
    let ran = lab.nsfix(&["clear", name, "--yes", "--leftovers=refuse"]).run().await.expect(4);
    assert!(ran.stderr.contains("could not be looked at completely"), "{ran:?}");
}
