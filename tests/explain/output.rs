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
    why_what_to_do_and_what_it_costs_come_first,
    all_that_is_stuck_is_told_by_cause,
    fifty_namespaces_are_a_page,
    nothing_stuck_is_a_sentence,
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
        assert!(ran.stdout.starts_with(&format!("namespace/{name} has been terminating for ")), "{ran:?}");
    }
}

async fn why_what_to_do_and_what_it_costs_come_first(_: Lab) {
    let lab = Lab::sandbox(Options::with(scenarios::find("held-backup").unwrap())).await;
    let ran = lab.nsfix(&["explain", "held-backup"]).run().await.expect(0);
    assert_eq!(ran.stderr, "");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let why = "1 Backup.example.com held by backups.example.com/cleanup";
    assert_eq!(lines[0], format!("namespace/held-backup has been stuck for 3d: {why}"));
    assert_eq!(lines[1], "  to do: nsfix clear held-backup --leftovers=release");
    let cost = "backups.example.com/cleanup: not in the catalogue; effect of removal unknown";
    assert_eq!(lines[2], format!("  costs: {cost}"));
    let headings: Vec<&str> = lines[1..].iter().filter(|line| !line.starts_with(' ')).copied().collect();
    assert_eq!(headings, ["Better than force", "Causes", "Leftovers", "Coverage", "Plan"]);
    assert!(lines.contains(&"  looked at all 32 types"), "{ran:?}");
    assert!(lines.contains(&"  1 Backup.example.com (deleting): nightly"), "{ran:?}");
    assert!(lines.contains(&"    held by backups.example.com/cleanup, owner: backup-operator"), "{ran:?}");
    for identifier in ["HeldObjects", "ReleaseObject", "Finalize "] {
        assert!(!ran.stdout.contains(identifier), "{identifier} is a word of the documents: {ran:?}");
    }
}

async fn what_several_share_is_told_once_above(lab: Lab) {
    let (one, two) = (terminating(&lab).await, terminating(&lab).await);
    lab.play("dead-apiservice").await;
    let ran = lab.nsfix(&["explain", &one, &two, "dead-apiservice"]).run().await.expect(0);
    let (above, rest) = ran.stdout.split_once(&format!("\nnamespace/{one} has been ")).expect(&ran.stdout);
    assert!(above.starts_with("Shared causes\n  API "), "{above}");
    assert!(
        above.contains(&format!("    - behind 3 namespaces: {one}, {two}, dead-apiservice\n")),
        "{above}"
    );
    assert!(above.contains("    to do: ") && above.contains("kubectl delete apiservice v1beta1."), "{above}");
    // With all that is known of it, and nothing of it again.
    for told in ["is unavailable (", "APIService v1beta1.", "delete apiservice"] {
        assert!(above.contains(told) && !rest.contains(told), "{told}: {rest}");
    }
    assert_eq!(rest.matches("\n  v1beta1.").count(), 3, "{rest}");
    // The verdict is what each has for itself.
    assert!(rest.contains(": 1 object is live; still being deleted\n"), "{rest}");
    // Alone it is told whole.
    let ran = lab.nsfix(&["explain", &one]).run().await.expect(0);
    assert!(!ran.stdout.contains("Shared causes"), "{ran:?}");
    assert!(ran.stdout.contains("delete apiservice") && ran.stdout.contains("is unavailable ("), "{ran:?}");
    // A document tells each whole.
    let ran = lab.nsfix(&["explain", &one, &two, "-o", "json"]).run().await.expect(0);
    for item in ran.json()["items"].as_array().unwrap() {
        assert!(item["causes"][0]["detail"].as_str().unwrap().contains("is unavailable ("), "{item}");
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
    let named = |text: &str| (0..7).filter(|index| text.contains(&format!(" s{index}"))).count();
    let ran = lab.nsfix(&["explain", &name]).run().await.expect(0);
    assert_eq!(named(&ran.stdout), 5, "{ran:?}");
    assert!(ran.stdout.contains("\n  7 Secrets ("), "{ran:?}");
    assert!(ran.stdout.contains(", … 2 more (--all-objects shows them)\n"), "{ran:?}");
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

async fn all_that_is_stuck_is_told_by_cause(_: Lab) {
    let lab = Lab::sandbox(Options { scenarios: scenarios::default_set(), ..Options::default() }).await;
    let short = lab.nsfix(&[]).run().await.expect(0).stdout;
    let lines: Vec<&str> = short.lines().collect();
    assert_eq!(lines[0], "5 namespaces are stuck, by 3 causes");
    assert_eq!(*lines.last().unwrap(), "Next: nsfix explain");
    let full = lab.nsfix(&["explain"]).run().await.expect(0).stdout;
    for name in ["rodrigo", "held-backup", "configmap-finalizer", "metadata-finalizer", "zombie"] {
        assert!(short.contains(&format!(" {name} (")), "{short}");
        assert!(full.contains(&format!(" {name} (")), "{full}");
    }
    assert!(
        full.contains(
            "  by force: nsfix clear --leftovers=release configmap-finalizer held-backup rodrigo\n"
        ),
        "{full}"
    );
    assert!(
        full.contains("  better:  v1beta1.metrics.k8s.io: bring service kube-system/metrics-server back"),
        "{full}"
    );
    assert!(
        full.contains("  costs:   backups.example.com/cleanup: ")
            && full.matches("nothing is lost").count() == 1,
        "{full}"
    );
    let document = lab.nsfix(&["explain", "-o", "json"]).run().await.expect(0).json();
    assert_eq!(document["items"].as_array().unwrap().len(), 5);
}

async fn fifty_namespaces_are_a_page(lab: Lab) {
    let api = lab.the_sandbox().api();
    for index in 0..50 {
        let name = format!("held-{index:02}");
        api.create("/api/v1/namespaces", &json!({"metadata": {"name": name}})).unwrap();
        let metadata = json!({"name": "s", "finalizers": ["example.com/hold"]});
        let configmap = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        api.create(&format!("/api/v1/namespaces/{name}/configmaps"), &configmap).unwrap();
        api.delete(&format!("/api/v1/namespaces/{name}/configmaps/s")).unwrap();
        api.delete(&format!("/api/v1/namespaces/{name}")).unwrap();
    }
    for arguments in [vec![], vec!["explain"]] {
        let ran = lab.nsfix(&arguments).run().await.expect(0);
        let lines = ran.stdout.lines().count();
        assert!(lines < 25, "{lines} lines: {ran:?}");
        assert_eq!(
            ran.stdout.matches("example.com/hold").count().min(5),
            ran.stdout.matches("example.com/hold").count()
        );
        assert!(ran.stdout.contains("(50 namespaces)"), "{ran:?}");
    }
}

async fn nothing_stuck_is_a_sentence(lab: Lab) {
    for arguments in [vec![], vec!["explain"]] {
        let ran = lab.nsfix(&arguments).run().await.expect(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "No stuck namespaces found.\n"));
    }
}
