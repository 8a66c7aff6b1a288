//! `nsfix list-stuck`.

use nsfix::sandbox::{Canned, Fault, Matcher, Options};
use serde_json::{Value, json};

use crate::harness::Lab;
use crate::harness::fixtures::{create, path, terminating};
use crate::tests;

tests! {
    Both:
    a_stuck_namespace_is_listed_and_an_active_one_is_not,
    the_document_tells_spec_and_metadata_finalizers_apart,
    labels_select,
    names_are_for_scripts;
    Sandbox:
    one_request_is_enough,
    many_namespaces_come_page_by_page,
    nothing_stuck_is_said_on_stderr,
    nothing_stuck_is_still_a_document,
    the_exit_code_tells_a_script,
    the_young_are_left_out_when_asked,
    headers_can_be_left_out,
    verbose_shows_the_request,
    a_server_in_trouble_is_asked_again_only_where_it_says_so,
    text_from_the_server_cannot_steer_the_terminal,
    what_one_cluster_has_is_never_said_of_another;
    Controlled: the_reason_comes_from_the_conditions
}

/// The item of a namespace in the document.
async fn item(lab: &Lab, name: &str) -> Value {
    let document = lab.nsfix(&["list-stuck", "-o", "json"]).run().await.expect(0).json();
    assert_eq!(
        (&document["apiVersion"], &document["kind"]),
        (&json!("nsfix/v1"), &json!("StuckNamespaceList"))
    );
    let items = document["items"].as_array().unwrap();
    items.iter().find(|item| item["name"] == name).cloned().unwrap_or_default()
}

async fn a_stuck_namespace_is_listed_and_an_active_one_is_not(lab: Lab) {
    let stuck = terminating(&lab).await;
    let active = Lab::unique("active");
    create(&lab, &active).await;
    let ran = lab.nsfix(&["list-stuck"]).run().await.expect(0);
    let header = ran.stdout.lines().next().unwrap();
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        ["NAME", "STATE", "AGE", "FINALIZERS", "REASON"]
    );
    let row = ran.stdout.lines().find(|line| line.starts_with(&stuck)).unwrap();
    assert!(row.contains("Progressing") && row.contains("kubernetes"), "{row}");
    assert!(!ran.stdout.contains(&active));
}

async fn the_document_tells_spec_and_metadata_finalizers_apart(lab: Lab) {
    let name = Lab::unique("held");
    create(&lab, &name).await;
    lab.patch(&path(&name), &json!({"metadata": {"finalizers": ["example.com/meta"]}})).await.expect(200);
    lab.delete(&path(&name)).await.expect(200);
    let item = item(&lab, &name).await;
    assert_eq!(item["specFinalizers"], json!(["kubernetes"]));
    assert_eq!(item["metadataFinalizers"], json!(["example.com/meta"]));
    assert_eq!(item["state"], "Progressing");
    assert!(item["deletionTimestamp"].as_str().unwrap().ends_with('Z'));
    assert!(item["uid"].is_string() && item["ageSeconds"].is_u64() && item["conditions"].is_array());
    lab.patch(&path(&name), &json!({"metadata": {"finalizers": null}})).await.expect(200);
}

async fn labels_select(lab: Lab) {
    let name = terminating(&lab).await;
    let found = lab.nsfix(&["list-stuck", "-l", "team=blue", "-o", "name"]).run().await.expect(0);
    assert!(found.stdout.lines().any(|line| line == format!("namespace/{name}")));
    let none = lab.nsfix(&["list-stuck", "-l", "team=red", "-o", "name"]).run().await.expect(0);
    assert_eq!(none.stdout, "");
}

async fn names_are_for_scripts(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = lab.nsfix(&["list-stuck", "-o", "name"]).run().await.expect(0);
    assert!(ran.stdout.lines().all(|line| line.starts_with("namespace/")), "{ran:?}");
    assert!(ran.stdout.contains(&name));
}

async fn one_request_is_enough(lab: Lab) {
    terminating(&lab).await;
    lab.the_sandbox().forget_requests();
    lab.nsfix(&["list-stuck"]).run().await.expect(0);
    let paths: Vec<String> =
        lab.the_sandbox().requests().into_iter().map(|request| request.path_and_query).collect();
    assert_eq!(paths, ["/api/v1/namespaces?fieldSelector=status.phase%3DTerminating&limit=500"]);
    let agent = &lab.the_sandbox().requests()[0].user_agent;
    assert!(agent.starts_with("nsfix/"), "{agent}");
}

async fn many_namespaces_come_page_by_page(lab: Lab) {
    let api = lab.the_sandbox().api();
    for index in 0..501 {
        let name = format!("stuck-{index:03}");
        api.create("/api/v1/namespaces", &json!({"metadata": {"name": name}})).unwrap();
        api.delete(&path(&name)).unwrap();
    }
    lab.the_sandbox().forget_requests();
    let ran = lab.nsfix(&["list-stuck", "-o", "name"]).run().await.expect(0);
    assert_eq!(ran.stdout.lines().count(), 501);
    assert_eq!(lab.the_sandbox().requests().len(), 2);
}

async fn nothing_stuck_is_said_on_stderr(lab: Lab) {
    let ran = lab.nsfix(&["list-stuck", "--exit-code"]).run().await.expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "No stuck namespaces found.\n"));
}

async fn nothing_stuck_is_still_a_document(lab: Lab) {
    let ran = lab.nsfix(&["list-stuck", "-o", "json"]).run().await.expect(0);
    assert_eq!(ran.json(), json!({"apiVersion": "nsfix/v1", "kind": "StuckNamespaceList", "items": []}));
    let ran = lab.nsfix(&["list-stuck", "-o", "yaml"]).run().await.expect(0);
    assert_eq!(ran.stdout, "apiVersion: nsfix/v1\nkind: StuckNamespaceList\nitems: []\n");
}

async fn the_exit_code_tells_a_script(lab: Lab) {
    terminating(&lab).await;
    lab.nsfix(&["list-stuck", "--exit-code"]).run().await.expect(3);
    lab.nsfix(&["list-stuck", "--exit-code", "--older-than", "1h"]).run().await.expect(0);
}

async fn the_young_are_left_out_when_asked(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = lab.nsfix(&["list-stuck", "--older-than", "10m", "-o", "name"]).run().await.expect(0);
    assert_eq!(ran.stdout, "");
    let ran = lab.nsfix(&["list-stuck", "--older-than", "0s", "-o", "name"]).run().await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name}\n"));
}

async fn headers_can_be_left_out(lab: Lab) {
    let name = terminating(&lab).await;
    let ran = lab.nsfix(&["list-stuck", "--no-headers"]).run().await.expect(0);
    assert_eq!(ran.stdout.lines().count(), 1);
    assert!(ran.stdout.starts_with(&name));
}

async fn verbose_shows_the_request(lab: Lab) {
    let ran = lab.nsfix(&["list-stuck", "-v"]).run().await.expect(0);
    let line = ran.stderr.lines().next().unwrap();
    assert!(
        line.starts_with("GET /api/v1/namespaces?fieldSelector=status.phase%3DTerminating&limit=500 200 "),
        "{line}"
    );
    assert!(line.ends_with("ms"), "{line}");
}

async fn a_server_in_trouble_is_asked_again_only_where_it_says_so(lab: Lab) {
    let matcher = || Matcher::new("GET", "/api/v1/namespaces").once();
    let sandbox = lab.the_sandbox();
    sandbox.inject(Fault::answer(
        matcher(),
        Canned::text(429, "Too many requests, please try again later.").header("Retry-After", "1"),
    ));
    lab.nsfix(&["list-stuck"]).run().await.expect(0);
    sandbox.inject(Fault::answer(matcher(), Canned::text(503, "service unavailable\n")));
    let ran = lab.nsfix(&["list-stuck"]).run().await.expect(1);
    assert_eq!(ran.stderr, "Error from server: service unavailable\n");
}

async fn text_from_the_server_cannot_steer_the_terminal(lab: Lab) {
    let evil = Canned::status(500, "InternalError", "boo\u{1b}[2J\u{202e}\nerror: forged");
    lab.the_sandbox().inject(Fault::answer(Matcher::new("GET", "/api/v1/namespaces"), evil));
    let ran = lab.nsfix(&["list-stuck", "--color", "always"]).run().await.expect(1);
    assert_eq!(ran.stderr, "Error from server (InternalError): boo\\u{1b}[2J\\u{202e} error: forged\n");
}

/// Namespaces of the same names in two clusters, of which one has a dead API.
async fn what_one_cluster_has_is_never_said_of_another(lab: Lab) {
    let other = Lab::sandbox(Options { scenarios: Vec::new(), controller: None, ..Options::default() }).await;
    for each in [&lab, &other] {
        for name in ["one", "two"] {
            create(each, name).await;
            let finalizers = json!({"metadata": {"finalizers": ["example.com/meta"]}});
            each.patch(&path(name), &finalizers).await.expect(200);
            each.delete(&path(name)).await.expect(200);
        }
    }
    lab.play("dead-apiservice").await;
    let text = std::fs::read_to_string(lab.kubeconfig()).unwrap();
    let text = text
        .replace(
            "clusters:\n",
            &format!("clusters:\n- name: well\n  cluster: {{server: \"{}\"}}\n", other.url()),
        )
        .replace("contexts:\n", "contexts:\n- name: well\n  context: {cluster: well, user: lab}\n");
    let both = lab.dir().join("both");
    std::fs::write(&both, text).unwrap();
    for which in [["--all-contexts"].as_slice(), &["--context", "lab", "--context", "well"]] {
        let arguments = [["list-stuck", "-o", "wide"].as_slice(), which].concat();
        let ran = lab.nsfix(&arguments).env("KUBECONFIG", &both).run().await.expect(0);
        // What is shared is told once, above, and of its cluster.
        let shared: Vec<&str> =
            ran.stderr.lines().filter(|line| line.contains("v1beta1 is unavailable")).collect();
        let [shared] = shared.as_slice() else { panic!("{ran:?}") };
        assert!(
            shared.starts_with("Warning: context \"lab\": one cause behind 3 namespaces: API "),
            "{ran:?}"
        );
        assert!(shared.contains("--context=lab delete apiservice"), "{ran:?}");
        // In both clusters two of them have the same finalizer; these are two facts.
        let held = |context: &str| {
            format!("Warning: context {context:?}: one cause behind 2 namespaces: held by metadata finalizer")
        };
        assert_eq!(["lab", "well"].map(|each| ran.stderr.matches(&held(each)).count()), [1, 1], "{ran:?}");
        assert_eq!(ran.stderr.matches("could not look at").count(), 1, "{ran:?}");
        assert!(ran.stderr.contains("Warning: context \"lab\": could not look at "), "{ran:?}");
        // A reason is what is particular to the namespace.
        let row = |context: &str, name: &str| {
            let rows = ran.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let found = rows.filter(|row| row[0] == context && row[1] == name).collect::<Vec<_>>();
            let [row] = found.as_slice() else { panic!("{ran:?}") };
            row[8..].join(" ")
        };
        for (context, name) in [("lab", "one"), ("lab", "two"), ("well", "one"), ("well", "two")] {
            // What helps against its finalizer is a command for this one alone.
            let own = "held by metadata finalizer example.com/meta; still being deleted";
            assert_eq!(row(context, name), own, "{ran:?}");
        }
    }
}

async fn the_reason_comes_from_the_conditions(lab: Lab) {
    let name = terminating(&lab).await;
    lab.wait_for(&path(&name), |answer| answer.json()["status"]["conditions"].is_array()).await;
    assert_eq!(item(&lab, &name).await["reason"], "held by example.com/hold (1)");
}
