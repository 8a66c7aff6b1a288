//! What a night has cleared comes back from the volume, under the Pod Security that the namespace had.

use serde_json::{Value, json};

use super::controllers::PREVIEW;
use super::installed::Installed;
use crate::harness::Lab;
use crate::harness::fixtures::path;
use crate::tests;

tests! { RealJobs: a_backup_from_the_volume_is_restored_under_the_namespaces_pod_security }

/// A pod that waits for somebody, of a service account of its own.
fn pod(name: &str, security: &Value) -> Value {
    let mut container = json!({"name": "main", "image": "registry.example.com/app:1"});
    container["securityContext"] = security.clone();
    json!({
        "metadata": {"name": name, "finalizers": ["example.com/pod-guard"]},
        "spec": {
            "containers": [container], "serviceAccountName": "app",
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        },
    })
}

async fn a_backup_from_the_volume_is_restored_under_the_namespaces_pod_security(lab: Lab) {
    let installed = Installed::new(lab, PREVIEW).await;
    let lab = &installed.lab;
    lab.post("/api/v1/namespaces", &json!({"metadata": {"name": "pr-app"}})).await.expect(201);
    let inside = |rest: &str| format!("{}/{rest}", path("pr-app"));
    // Held as well, so that it is saved whatever the controller deletes first.
    let account = json!({"metadata": {"name": "app", "finalizers": ["example.com/hold"]}});
    lab.post(&inside("serviceaccounts"), &account).await.expect(201);
    let fits = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    lab.post(&inside("pods"), &pod("fits", &fits)).await.expect(201);
    lab.post(&inside("pods"), &pod("older", &json!({"privileged": true}))).await.expect(201);
    // From then on another one like the second would not be let in.
    let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    lab.patch(&path("pr-app"), &label).await.expect(200);
    lab.delete(&path("pr-app")).await.expect(200);
    lab.wait_for(&inside("pods/fits"), |pod| pod.json()["metadata"]["deletionTimestamp"].is_string()).await;
    installed.night("night-1").await;
    lab.get(&path("pr-app")).await.expect(404);

    let volume = std::fs::read_dir(installed.kubelet.volume("nsfix-backups")).unwrap();
    let mut files = volume.map(|entry| entry.unwrap().path().display().to_string());
    let file = files.find(|file| file.contains("pr-app")).unwrap();
    let ran = lab.nsfix(&["restore", &file]).run().await.expect(5);
    for restored in ["namespace/pr-app", "serviceaccount/app", "pod/fits"] {
        assert!(ran.stdout.contains(&format!("{restored} restored\n")), "{ran:?}");
    }
    assert!(
        ran.stderr.contains("unable to restore pod/older")
            && ran.stderr.contains("violates PodSecurity \"restricted:latest\""),
        "{ran:?}"
    );
    let back = lab.get(&path("pr-app")).await.expect(200);
    assert_eq!(back["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    lab.get(&inside("pods/fits")).await.expect(200);
    lab.get(&inside("pods/older")).await.expect(404);
}
