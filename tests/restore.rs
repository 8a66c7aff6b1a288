//! `nsfix restore`: what a backup holds comes back, and nothing else changes.

use nsfix::sandbox::{Canned, Fault, Matcher};
use serde_json::{Value, json};

use crate::harness::fixtures::{create, documents, path, terminating};
use crate::harness::{Lab, Nsfix};
use crate::orphans::orphans;
use crate::tests;

tests! {
    Controlled:
    a_backup_is_one_that_is_restored_object_by_object,
    what_an_unattended_run_has_cleared_comes_back,
    a_custom_resource_comes_back_with_its_status_its_spec_and_its_depth;
    Both:
    an_object_is_named_as_kubectl_takes_it,
    a_name_that_means_nothing_ends_it_before_the_first_write,
    several_backups_are_restored_at_once,
    a_file_cannot_lead_into_another_namespace,
    a_client_dry_run_says_what_exists;
    Sandbox:
    what_exists_is_left_alone_by_a_restore,
    a_namespace_that_somebody_else_creates_meanwhile_gets_nothing,
    a_namespace_that_is_created_anew_in_the_middle_gets_nothing_more,
    a_pipe_is_refused_at_once,
    a_lost_answer_is_looked_up,
    a_quota_is_not_taken_for_an_object_that_exists,
    a_practice_cluster_has_its_backups_elsewhere
}

async fn a_backup_is_one_that_is_restored_object_by_object(lab: Lab) {
    let name = orphans(&lab).await;
    let purged =
        lab.nsfix(&["orphans", &name, "--purge", "--yes", "-o", "json"]).run().await.expect(0).json();
    let backup = purged["items"][0]["backup"].as_str().unwrap().to_owned();
    lab.nsfix(&["restore", &backup, &format!("namespace/{name}"), "s", "--dry-run=client"])
        .run()
        .await
        .expect(0);
    lab.get(&path(&name)).await.expect(404);
    let ran = lab.nsfix(&["restore", &backup, &format!("namespace/{name}"), "s"]).run().await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} restored\nsecret/s restored\n"));
    let secret = lab.get(&format!("{}/secrets/s", path(&name))).await.expect(200);
    assert_eq!(secret["data"]["a"], "Yg==", "{secret}");
    lab.get(&format!("{}/configmaps/held", path(&name))).await.expect(404);
}

/// It has its namespaces from a list, whose items do not say what they are.
async fn what_an_unattended_run_has_cleared_comes_back(lab: Lab) {
    let name = terminating(&lab).await;
    let selector = format!("kubernetes.io/metadata.name={name}");
    let all =
        ["clear", "--all", "--older-than=0s", "--leftovers=release", "--yes", "-o=json", "-l", &selector];
    let cleared = lab.nsfix(&all).run().await.expect(0).json();
    let backup = cleared["items"][0]["backup"].as_str().unwrap();
    lab.get(&path(&name)).await.expect(404);
    let ran = lab.nsfix(&["restore", backup]).run().await.expect(0);
    assert!(ran.stdout.starts_with(&format!("namespace/{name} restored\n")), "{ran:?}");
    assert!(ran.stdout.contains("configmap/held restored\n"), "{ran:?}");
    assert_eq!(lab.get(&path(&name)).await.expect(200)["metadata"]["labels"]["team"], "blue");
}

async fn what_exists_is_left_alone_by_a_restore(lab: Lab) {
    let name = terminating(&lab).await;
    let cleared = lab.nsfix(&["clear", &name, "--yes", "--leftovers=orphan", "-o", "json"]).run().await;
    let cleared: Value = cleared.expect(0).json();
    let backup = cleared["items"][0]["backup"].as_str().unwrap();
    // The ConfigMap was abandoned and is there again as soon as its namespace is.
    let ran = lab.nsfix(&["restore", backup]).run().await.expect(0);
    assert!(ran.stderr.contains("configmap/held exists already; it was left alone"), "{ran:?}");
    let broken = lab.dir().join("broken.yaml");
    std::fs::write(&broken, "---\n{{{\n").unwrap();
    let ran = lab.nsfix(&["restore", &broken.display().to_string()]).run().await.expect(1);
    assert!(ran.stderr.contains("unable to read the backup"), "{ran:?}");
}

/// A backup of a namespace with a ConfigMap, a Secret and a ServiceAccount, all called `k`.
fn backup(lab: &Lab, file: &str, name: &str) -> String {
    let path = lab.dir().join(file);
    let object =
        |kind: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "k", "namespace": name}});
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": "gone"}});
    let objects = [namespace, object("Secret"), object("ConfigMap"), object("ServiceAccount")];
    std::fs::write(&path, documents(&objects)).unwrap();
    path.display().to_string()
}

async fn an_object_is_named_as_kubectl_takes_it(lab: Lab) {
    let name = Lab::unique("named");
    let file = backup(&lab, "b.yaml", &name);
    let namespace = format!("ns/{name}");
    for spelling in
        ["ConfigMap/k", "cm/k", "configmaps/k", "configmap/k", "configmap.v1/k", "cm.v1./k", "CM/k"]
    {
        let ran =
            lab.nsfix(&["restore", &file, &namespace, spelling, "--dry-run=client"]).run().await.expect(0);
        let expected = format!("namespace/{name} restored (dry run)\nconfigmap/k restored (dry run)\n");
        assert_eq!(ran.stdout, expected, "{spelling}");
    }
    let ran = lab.nsfix(&["restore", &file, &namespace, "sa/k"]).run().await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} restored\nserviceaccount/k restored\n"));
    lab.get(&format!("{}/serviceaccounts/k", path(&name))).await.expect(200);
    lab.get(&format!("{}/configmaps/k", path(&name))).await.expect(404);
}

async fn a_name_that_means_nothing_ends_it_before_the_first_write(lab: Lab) {
    let name = Lab::unique("nothing");
    let file = backup(&lab, "b.yaml", &name);
    let namespace = format!("namespace/{name}");
    for spelling in ["pod/k", "cm/other", "cm.apps/k", "configmap/", "nosuch.yaml", "k/../k"] {
        let ran = lab.nsfix(&["restore", &file, &namespace, spelling]).run().await.expect(1);
        let expected =
            format!("error: {spelling:?} is no file, and not in the backup {file}; nothing was restored\n");
        assert_eq!(ran.stderr, expected);
    }
    // Nor is half of it done where the namespace is missing and was not named.
    let ran = lab.nsfix(&["restore", &file, "cm/k"]).run().await.expect(1);
    assert!(
        ran.stderr.contains(&format!("namespace {name:?} does not exist; nothing was restored")),
        "{ran:?}"
    );
    assert!(ran.stderr.contains(&format!("hint: name it as well: namespace/{name}")), "{ran:?}");
    lab.get(&path(&name)).await.expect(404);
}

async fn several_backups_are_restored_at_once(lab: Lab) {
    let (first, second) = (Lab::unique("first"), Lab::unique("second"));
    let files =
        [backup(&lab, "1.yaml", &first), backup(&lab, "2.yaml", &second), backup(&lab, "3.yaml", &second)];
    let ran = lab.nsfix(&["restore", &files[0], &files[1], &files[2]]).run().await.expect(0);
    assert!(ran.stderr.contains(&format!("namespace/{second} exists already; it was left alone")), "{ran:?}");
    for name in [&first, &second] {
        lab.get(&format!("{}/secrets/k", path(name))).await.expect(200);
    }
    // In one file only those of one namespace.
    let both = files[..2].iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<String>();
    let file = lab.dir().join("both.yaml");
    std::fs::write(&file, both).unwrap();
    let ran = lab.nsfix(&["restore", &file.display().to_string()]).run().await.expect(1);
    assert!(ran.stderr.contains(&format!("it is of several namespaces ({first}, {second})")), "{ran:?}");
}

async fn a_file_cannot_lead_into_another_namespace(lab: Lab) {
    let name = Lab::unique("strangers");
    create(&lab, &name).await;
    let file = lab.dir().join("b.yaml");
    let objects = [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": name}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stranger", "namespace": "default"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nowhere"}}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
    ];
    std::fs::write(&file, documents(&objects)).unwrap();
    let ran = lab.nsfix(&["restore", &file.display().to_string(), "--yes"]).run().await.expect(5);
    assert_eq!(ran.stdout, "configmap/mine restored\n");
    for why in [
        "configmap/stranger is not restored: it belongs into another namespace",
        "configmap/nowhere is not restored: it does not say its namespace",
        &format!("clusterrole/{name} is not restored: it is in no namespace"),
    ] {
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
    lab.get("/api/v1/namespaces/default/configmaps/stranger").await.expect(404);
}

async fn a_client_dry_run_says_what_exists(lab: Lab) {
    let name = Lab::unique("exists");
    let file = backup(&lab, "b.yaml", &name);
    create(&lab, &name).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "k"}});
    lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    let ran = lab.nsfix(&["restore", &file, "--dry-run=client"]).run().await.expect(0);
    assert!(ran.stderr.contains("secret/k exists already; it would be left alone"), "{ran:?}");
    assert_eq!(ran.stdout, "configmap/k restored (dry run)\nserviceaccount/k restored (dry run)\n");
}

/// A type without a status subresource, in a group that looks like Kubernetes' own, of a kind that Kubernetes has.
fn crd(group: &str) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version =
        json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("pods.{group}"),
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": group, "scope": "Namespaced", "versions": [version],
            "names": {"plural": "pods", "singular": "pod", "kind": "Pod", "listKind": "PodList"},
        },
    })
}

async fn a_custom_resource_comes_back_with_its_status_its_spec_and_its_depth(lab: Lab) {
    let name = Lab::unique("custom");
    let group = format!("{name}.k8s.io");
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    lab.post(crds, &crd(&group)).await.expect(201);
    lab.wait_for(&format!("{crds}/pods.{group}"), |answer| answer.text.contains("\"Established\"")).await;
    create(&lab, &name).await;
    let pods = format!("/apis/{group}/v1/namespaces/{name}/pods");
    // The sandbox reads JSON to a depth of 128.
    let depth = if lab.sandbox.is_some() { 50 } else { 1_000 };
    let deep = format!("{}0.1{}", "[".repeat(depth), "]".repeat(depth));
    let content = format!(
        r#""spec":{{"deep":{deep},"ephemeralContainers":[1],"nodeName":"n","number":1e-7}},"status":{{"phase":"Paid"}}"#
    );
    let body = format!(
        r#"{{"apiVersion":"{group}/v1","kind":"Pod","metadata":{{"name":"p","finalizers":["example.com/hold"]}},{content}}}"#
    );
    let headers = [("content-type", "application/json"), ("accept", "application/json")];
    loop {
        let made = lab.request(http::Method::POST, &pods, &headers, body.clone().into_bytes()).await;
        if made.status == 201 {
            break;
        }
        assert_eq!(made.status, 404, "{made:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    lab.delete(&path(&name)).await.expect(200);
    let cleared = ["clear", &name, "--yes", "--leftovers=release", "--timeout=60s", "-o=json"];
    let report = lab.nsfix(&cleared).run().await.expect(0).json();
    let backup = report["items"][0]["backup"].as_str().unwrap();
    let ran = lab
        .nsfix(&["restore", backup, &format!("ns/{name}"), &format!("pod.{group}/p")])
        .run()
        .await
        .expect(0);
    assert_eq!(ran.stdout, format!("namespace/{name} restored\npod/p restored\n"));
    let text = lab.get(&format!("{pods}/p")).await.text;
    for part in [deep.as_str(), r#""ephemeralContainers":[1]"#, r#""nodeName":"n""#, r#""phase":"Paid""#] {
        assert!(text.contains(part), "{} is not in {text}", &part[..part.len().min(40)]);
    }
    lab.delete(&path(&name)).await.expect(200);
    lab.delete(&format!("{crds}/pods.{group}")).await.expect(200);
}

async fn a_namespace_that_somebody_else_creates_meanwhile_gets_nothing(lab: Lab) {
    let name = Lab::unique("meanwhile");
    let file = backup(&lab, "b.yaml", &name);
    let again = name.clone();
    lab.the_sandbox().inject(Fault::before(Matcher::new("POST", "/api/v1/namespaces").once(), move |api| {
        api.create("/api/v1/namespaces", &json!({"metadata": {"name": again}})).unwrap();
    }));
    let ran = lab.nsfix(&["restore", &file]).run().await.expect(4);
    assert!(ran.stderr.contains("was created by another client a moment ago"), "{ran:?}");
    lab.get(&format!("{}/secrets/k", path(&name))).await.expect(404);
}

async fn a_namespace_that_is_created_anew_in_the_middle_gets_nothing_more(lab: Lab) {
    let name = Lab::unique("anew");
    let file = backup(&lab, "b.yaml", &name);
    let (namespaces, again) = ("/api/v1/namespaces", name.clone());
    // Right after the namespace was restored, somebody deletes and creates it.
    let anew = Fault::before(Matcher::new("GET", &path(&name)).skip(1).once(), move |api| {
        let gone = path(&again);
        api.delete(&gone).unwrap();
        let mut namespace = api.get(&gone).unwrap();
        namespace["spec"]["finalizers"] = json!([]);
        api.update(&format!("{gone}/finalize"), &namespace).unwrap();
        api.create(namespaces, &json!({"metadata": {"name": again}})).unwrap();
    });
    lab.the_sandbox().inject(anew);
    let ran = lab.nsfix(&["restore", &file]).run().await.expect(5);
    assert!(
        ran.stderr.contains("was deleted and created anew meanwhile; nothing more is restored"),
        "{ran:?}"
    );
    lab.get(&format!("{}/secrets/k", path(&name))).await.expect(404);
}

/// Opening one waits for whoever writes to it, without an ear for signals; and it can be read only once.
async fn a_pipe_is_refused_at_once(lab: Lab) {
    let pipe = lab.dir().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let ran = lab.nsfix(&["restore", pipe.to_str().unwrap()]).run().await.expect(1);
    assert!(ran.stderr.contains("it is no regular file"), "{ran:?}");
}

async fn a_lost_answer_is_looked_up(lab: Lab) {
    let name = Lab::unique("lost");
    let file = backup(&lab, "b.yaml", &name);
    let lost = Canned::status(504, "Timeout", "lost");
    let secrets = format!("{}/secrets", path(&name));
    lab.the_sandbox().inject(Fault::apply_then(Matcher::new("POST", &secrets).once(), lost));
    let ran = lab.nsfix(&["restore", &file]).run().await.expect(5);
    assert!(
        ran.stderr.contains("unable to restore secret/k") && ran.stderr.contains("; it exists by now"),
        "{ran:?}"
    );
}

async fn a_quota_is_not_taken_for_an_object_that_exists(lab: Lab) {
    let name = Lab::unique("quota");
    let file = backup(&lab, "b.yaml", &name);
    let conflict = Canned::status(409, "Conflict", "Operation cannot be fulfilled on resourcequotas \"q\"");
    let secrets = format!("{}/secrets", path(&name));
    lab.the_sandbox().inject(Fault::answer(Matcher::new("POST", &secrets).once(), conflict));
    let ran = lab.nsfix(&["restore", &file]).run().await.expect(5);
    assert!(
        ran.stderr.contains("unable to restore secret/k: ") && !ran.stderr.contains("exists already"),
        "{ran:?}"
    );
}

async fn a_practice_cluster_has_its_backups_elsewhere(lab: Lab) {
    let (state, temp) = (lab.dir().join("state"), lab.dir().join("tmp"));
    std::fs::create_dir(&temp).unwrap();
    let kubeconfig = lab.dir().join("practice");
    std::fs::write(&kubeconfig, lab.the_sandbox().kubeconfig()).unwrap();
    let name = terminating(&lab).await;
    let served = ["clear", &name, "--leftovers=release", "--yes"];
    let inside = ["clear", "rodrigo", "--leftovers=release", "--yes", "--sandbox=rodrigo"];
    for arguments in [&served[..], &inside[..]] {
        let run = Nsfix::new(arguments).env("XDG_STATE_HOME", &state).env("TMPDIR", &temp);
        let ran = run.env("KUBECONFIG", &kubeconfig).run().await.expect(0);
        let place = temp.join("nsfix-sandbox-backups").display().to_string();
        assert!(ran.stderr.contains(&format!("saved to {place}/")), "{ran:?}");
        assert!(!state.exists(), "{ran:?}");
    }
}
