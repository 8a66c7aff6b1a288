//! What is printed, and how it ends.

use nsfix::sandbox::{Options, scenarios};
use serde_json::{Value, json};

use crate::harness::Lab;
use crate::harness::fixtures::{create, path, terminating};
use crate::tests;

tests! {
    Both:
    an_unknown_namespace_is_told_as_kubectl_tells_it,
    one_unknown_among_two_is_a_partial_success,
    the_kind_may_stand_before_the_name;
    Sandbox:
    the_verdict_comes_first_and_the_plan_last,
    a_name_that_is_given_twice_is_explained_once,
    what_several_share_is_told_once_above,
    few_leftovers_are_named_unless_all_are_wanted,
    yaml_says_what_json_says,
    text_from_the_cluster_cannot_steer_the_terminal,
    progress_is_not_printed_into_a_pipe
}

async fn an_unknown_namespace_is_told_as_kubectl_tells_it(lab: Lab) {
    let name = Lab::unique("nowhere");
    let ran = lab.nsfix(&["explain", &name]).run().await.expect(1);
    let sentence = format!("Error from server (NotFound): namespaces \"{name}\" not found\n");
    assert_eq!((ran.stdout.as_str(), ran.stderr), ("", sentence));
    let ran = lab.nsfix(&["explain", &name, "-o", "json"]).run().await.expect(1);
    assert_eq!(ran.json(), json!({"apiVersion": "nsfix/v1", "kind": "DiagnosisList", "items": []}));
}

async fn one_unknown_among_two_is_a_partial_success(lab: Lab) {
    let (name, nowhere) = (terminating(&lab).await, Lab::unique("nowhere"));
    let ran = lab.nsfix(&["explain", &nowhere, &name, "-o", "json"]).run().await.expect(5);
    let sentence = format!("Error from server (NotFound): namespaces \"{nowhere}\" not found\n");
    assert_eq!(ran.stderr, sentence);
    let document = ran.json();
    let [item] = document["items"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!(item["namespace"]["name"], name);
}

async fn the_kind_may_stand_before_the_name(lab: Lab) {
    let name = terminating(&lab).await;
    for form in [format!("ns/{name}"), format!("namespace/{name}")] {
        let ran = lab.nsfix(&["explain", &form]).run().await.expect(0);
        assert!(ran.stdout.starts_with(&format!("namespace/{name} is Progressing since ")), "{ran:?}");
    }
}

async fn the_verdict_comes_first_and_the_plan_last(_: Lab) {
    let lab = Lab::sandbox(Options::with(scenarios::find("rodrigo").unwrap())).await;
    let ran = lab.nsfix(&["explain", "rodrigo"]).run().await.expect(0);
    assert_eq!(ran.stderr, "");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let why = "1 Backup.example.com held by backups.example.com/cleanup";
    assert_eq!(lines[0], format!("namespace/rodrigo is Stuck since 3d: {why}"));
    let headings: Vec<&str> = lines[1..].iter().filter(|line| !line.starts_with(' ')).copied().collect();
    assert_eq!(headings, ["Causes", "Leftovers", "Coverage", "Plan", "Better than force"]);
    assert!(lines.contains(&"  looked at all 32 types"), "{ran:?}");
    assert!(lines.contains(&"    nightly deleting [backups.example.com/cleanup]"), "{ran:?}");
    assert!(lines.contains(&"  to carry it out: nsfix clear rodrigo --leftovers=release"), "{ran:?}");
}

async fn what_several_share_is_told_once_above(lab: Lab) {
    let (one, two) = (terminating(&lab).await, terminating(&lab).await);
    lab.play("dead-apiservice").await;
    let ran = lab.nsfix(&["explain", &one, &two, "dead-apiservice"]).run().await.expect(0);
    let (above, rest) = ran.stdout.split_once(&format!("\nnamespace/{one} is ")).expect(&ran.stdout);
    assert!(above.starts_with("Shared causes\n  UnavailableApi: API "), "{above}");
    assert!(
        above.contains(&format!("    - behind 3 namespaces: {one}, {two}, dead-apiservice\n")),
        "{above}"
    );
    assert!(above.contains("    to do: ") && above.contains("kubectl delete apiservice v1beta1."), "{above}");
    // With all that is known of it, and nothing of it again.
    for told in ["is dead (", "APIService v1beta1.", "delete apiservice"] {
        assert!(above.contains(told) && !rest.contains(told), "{told}: {rest}");
    }
    assert_eq!(rest.matches("\n  UnavailableApi: v1beta1.").count(), 3, "{rest}");
    // The verdict is what each has for itself.
    assert!(rest.contains(": 1 object is live; still being deleted\n"), "{rest}");
    // Alone it is told whole.
    let ran = lab.nsfix(&["explain", &one]).run().await.expect(0);
    assert!(!ran.stdout.contains("Shared causes"), "{ran:?}");
    assert!(ran.stdout.contains("delete apiservice") && ran.stdout.contains("is dead ("), "{ran:?}");
    // A document tells each whole.
    let ran = lab.nsfix(&["explain", &one, &two, "-o", "json"]).run().await.expect(0);
    for item in ran.json()["items"].as_array().unwrap() {
        assert!(item["causes"][0]["detail"].as_str().unwrap().contains("is dead ("), "{item}");
    }
}

async fn a_name_that_is_given_twice_is_explained_once(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = lab.nsfix(&["explain", &name, &format!("ns/{name}"), "-o", "json"]).run().await.expect(0);
    let document = ran.json();
    let [item] = document["items"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!(item["leftoverCounts"][0]["resource"], "configmaps");
}

async fn few_leftovers_are_named_unless_all_are_wanted(lab: Lab) {
    let name = Lab::unique("crowded");
    create(&lab, &name).await;
    for index in 0..7 {
        let metadata = json!({"name": format!("s{index}"), "finalizers": ["example.com/hold"]});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata});
        lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    }
    lab.delete(&path(&name)).await.expect(200);
    let named = |text: &str| (0..7).filter(|index| text.contains(&format!("\n    s{index} "))).count();
    let ran = lab.nsfix(&["explain", &name]).run().await.expect(0);
    assert_eq!(named(&ran.stdout), 5, "{ran:?}");
    assert!(ran.stdout.contains("\n  7 Secrets ("), "{ran:?}");
    assert!(ran.stdout.contains("\n    … 2 more (--all-objects shows them)\n"), "{ran:?}");
    let ran = lab.nsfix(&["explain", &name, "--all-objects"]).run().await.expect(0);
    assert_eq!(named(&ran.stdout), 7, "{ran:?}");
    assert!(!ran.stdout.contains("more (--all-objects"), "{ran:?}");
}

async fn yaml_says_what_json_says(_: Lab) {
    let lab = Lab::sandbox(Options::with(scenarios::find("pods-first").unwrap())).await;
    let json = lab.nsfix(&["explain", "pods-first", "-o", "json"]).run().await.expect(0).json();
    let yaml = lab.nsfix(&["explain", "pods-first", "-o", "yaml"]).run().await.expect(0).stdout;
    assert!(yaml.starts_with("apiVersion: nsfix/v1\nkind: DiagnosisList\nitems:\n"), "{yaml}");
    let yaml: Value = serde_saphyr::from_str(&yaml).unwrap();
    let ageless = |mut document: Value| {
        document["items"][0]["namespace"]["ageSeconds"].take();
        // The second may turn between the two.
        let text = document.to_string().replace("renewed 1s ago", "renewed 0s ago");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(ageless(yaml), ageless(json));
}

async fn text_from_the_cluster_cannot_steer_the_terminal(lab: Lab) {
    let name = terminating(&lab).await;
    let conditions = json!([{
        "type": "NamespaceDeletionContentFailure", "status": "True", "reason": "ContentDeletionFailed",
        "message": "boo\u{1b}[2J\u{202e}", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]);
    lab.patch(&format!("{}/status", path(&name)), &json!({"status": {"conditions": conditions}}))
        .await
        .expect(200);
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "evil"},
        "webhooks": [{
            "name": "evil.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"service": {"namespace": "default", "name": "gone\u{1b}[2J\u{202e}"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}],
        }],
    });
    lab.post("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", &webhook)
        .await
        .expect(201);
    let ran = lab.nsfix(&["explain", &name, "--color", "always"]).run().await.expect(0);
    assert!(!ran.stdout.contains("\u{1b}[2J") && !ran.stdout.contains('\u{202e}'), "{ran:?}");
    assert!(ran.stdout.contains("\\u{1b}[2J\\u{202e}"), "{ran:?}");
}

async fn progress_is_not_printed_into_a_pipe(lab: Lab) {
    let name = terminating(&lab).await;
    let slow = nsfix::sandbox::Matcher::new("GET", "/apis/apps/v1/");
    let delay = std::time::Duration::from_millis(700);
    lab.the_sandbox().inject(nsfix::sandbox::Fault::delay(slow, delay));
    let ran = lab.nsfix(&["explain", &name]).run().await.expect(0);
    assert_eq!(ran.stderr, "");
}
