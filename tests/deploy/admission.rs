//! The API server takes the manifests, and Pod Security `restricted` takes their pods.

use http::Method;
use serde_json::{Value, json};

use super::{manifests, text};
use crate::harness::{Answer, Lab};
use crate::tests;

tests! { Real:
    the_server_takes_every_manifest,
    their_pods_are_restricted_ones_and_no_field_too_many
}

/// Puts names of the test's own in the place of `nsfix…`.
fn renamed(manifest: &Value, unique: &str) -> Value {
    let text = manifest.to_string();
    let names = [
        "\"name\":\"nsfix",
        "\"namespace\":\"nsfix",
        "\"serviceAccountName\":\"nsfix",
        "\"containerName\":\"nsfix",
    ];
    let renamed = names.iter().fold(text, |text, name| text.replace(name, &name.replace("nsfix", unique)));
    serde_json::from_str(&renamed).unwrap()
}

/// Applies an object, and has the server refuse unknown fields.
pub(super) async fn apply(lab: &Lab, object: &Value) -> Answer {
    let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind").to_lowercase());
    let prefix = if api_version == "v1" { "/api/v1".to_owned() } else { format!("/apis/{api_version}") };
    let plural =
        if kind.ends_with('y') { format!("{}ies", kind.trim_end_matches('y')) } else { format!("{kind}s") };
    let place = match text(object, "/metadata/namespace") {
        "" => String::new(),
        namespace => format!("/namespaces/{namespace}"),
    };
    let name = text(object, "/metadata/name");
    let path = format!("{prefix}{place}/{plural}/{name}?fieldManager=test&fieldValidation=Strict");
    let headers = [("content-type", "application/apply-patch+yaml"), ("accept", "application/json")];
    lab.request(Method::PATCH, &path, &headers, object.to_string().into_bytes()).await
}

async fn the_server_takes_every_manifest(lab: Lab) {
    let unique = Lab::unique("nsfix-applied");
    let (namespaces, rest): (Vec<Value>, Vec<Value>) = manifests()
        .into_iter()
        .map(|(_, manifest)| renamed(&manifest, &unique))
        .partition(|manifest| text(manifest, "/kind") == "Namespace");
    for manifest in namespaces.iter().chain(&rest) {
        let applied = apply(&lab, manifest).await;
        assert_eq!(applied.status, 201, "{manifest:#}: {}", applied.text);
    }
    // A role that is bound to nobody would look the same up to here.
    let user = format!("system:serviceaccount:{unique}:{unique}-clean");
    let finalize = json!({"verb": "update", "resource": "namespaces", "subresource": "finalize"});
    let event =
        json!({"verb": "create", "group": "events.k8s.io", "resource": "events", "namespace": "default"});
    let list = json!({"verb": "list", "group": "any.example.com", "resource": "things"});
    for (attributes, allowed) in [
        (list, true),
        (finalize, true),
        (event, true),
        (json!({"verb": "get", "resource": "pods", "subresource": "exec", "namespace": "default"}), false),
        (json!({"verb": "delete", "resource": "namespaces", "name": "default"}), false),
    ] {
        let review = json!({"spec": {"user": user, "resourceAttributes": attributes}});
        let mut answer = Value::Null;
        for _ in 0..100 {
            answer =
                lab.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await.expect(201);
            if answer["status"]["allowed"] == json!(allowed) {
                break;
            }
            // A role is in force a moment after it is stored.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(answer["status"]["allowed"], json!(allowed), "{answer}");
    }
}

async fn their_pods_are_restricted_ones_and_no_field_too_many(lab: Lab) {
    let unique = Lab::unique("nsfix-restricted");
    let renamed: Vec<Value> = manifests().iter().map(|(_, manifest)| renamed(manifest, &unique)).collect();
    let namespace = renamed.iter().find(|manifest| text(manifest, "/kind") == "Namespace").unwrap();
    apply(&lab, namespace).await.expect(201);
    let pods = format!("/api/v1/namespaces/{unique}/pods?dryRun=All");
    let mut seen = 0;
    for cronjob in renamed.iter().filter(|manifest| text(manifest, "/kind") == "CronJob") {
        let template = &cronjob["spec"]["jobTemplate"]["spec"]["template"];
        let mut pod = json!({"metadata": template["metadata"], "spec": template["spec"]});
        pod["metadata"]["generateName"] = json!("job-");
        lab.post(&pods, &pod).await.expect(201);
        for (place, field) in [
            ("/spec/securityContext", "runAsNonRoot"),
            ("/spec/securityContext", "seccompProfile"),
            ("/spec/containers/0/securityContext", "allowPrivilegeEscalation"),
            ("/spec/containers/0/securityContext", "capabilities"),
        ] {
            let mut softer = pod.clone();
            softer.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(field).unwrap();
            let refused = lab.post(&pods, &softer).await;
            assert_eq!(refused.status, 403, "{field}: {}", refused.text);
            assert!(
                refused.message().contains("violates PodSecurity \"restricted:latest\""),
                "{}",
                refused.text
            );
            assert!(refused.message().contains(field), "{}", refused.text);
        }
        seen += 1;
    }
    assert_eq!(seen, 2);
}
