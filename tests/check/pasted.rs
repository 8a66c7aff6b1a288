//! The order that is printed works: pasted line by line, it ends without anything stuck, broken or leaked.

use std::time::Duration;

use serde_json::{Value, json};

use super::{check, served};
use crate::harness::fixtures::{create, path};
use crate::harness::{Lab, Nsfix, Ran};
use crate::tests;

tests! { Controlled:
    a_pasted_order_ends_the_namespace_and_leaves_nothing_behind
}

const HOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// What the operator and the cloud do: whatever is being deleted is let go.
async fn look_after(lab: &Lab, objects: &[String]) {
    loop {
        for object in objects {
            let read = lab.get(object).await;
            if read.status == 200 && read.json()["metadata"]["deletionTimestamp"].is_string() {
                lab.patch(object, &json!({"metadata": {"finalizers": null}})).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// An operator that looks after a bucket in its own namespace, a load balancer, and a webhook for everybody.
async fn staged(lab: &Lab) -> (String, Vec<String>) {
    let name = Lab::unique("shop");
    create(lab, &name).await;
    let group = format!("{}.example.org", Lab::unique("cloud"));
    served::held_custom_resource(lab, &group, &name, "bucket-operator").await;
    let labels = json!({"app": "bucket-operator"});
    let pod = json!({
        "metadata": {"name": "bucket-operator-0", "labels": labels},
        "spec": {"automountServiceAccountToken": false, "containers": [{"name": "main", "image": "registry.example.com/op:1"}]},
    });
    lab.post(&format!("{}/pods", path(&name)), &pod).await.expect(201);
    let status = format!("{}/pods/bucket-operator-0/status", path(&name));
    lab.patch(&status, &json!({"status": {"phase": "Running"}})).await.expect(200);
    let balancer = json!({
        "metadata": {"name": "public", "finalizers": ["service.kubernetes.io/load-balancer-cleanup"]},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 443}]},
    });
    let services = format!("{}/services", path(&name));
    lab.post(&services, &balancer).await.expect(201);
    lab.post(&services, &json!({"metadata": {"name": "guard"}, "spec": {"ports": [{"port": 443}]}}))
        .await
        .expect(201);
    let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["podtemplates"]});
    let hook = json!({
        "metadata": {"name": name},
        "webhooks": [{
            "name": format!("{name}.example.com"), "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"service": {"namespace": name, "name": "guard", "port": 443}}, "rules": [rule],
        }],
    });
    lab.post(HOOKS, &hook).await.expect(201);
    let objects =
        vec![format!("/apis/{group}/v1/namespaces/{name}/buckets/images"), format!("{services}/public")];
    (name, objects)
}

async fn a_pasted_order_ends_the_namespace_and_leaves_nothing_behind(lab: Lab) {
    if std::process::Command::new("kubectl").arg("version").arg("--client").output().is_err() {
        return;
    }
    let (name, objects) = staged(&lab).await;
    let told = check(&lab, &name).await;
    assert_eq!(told.code, Some(3), "{told:#?}");
    told.expects("breaksOthers", &["FailingAdmissionWebhook"]);
    let order = told.item["order"].as_array().unwrap();
    let commands: Vec<&str> = order.iter().filter_map(|step| step["command"].as_str()).collect();
    assert_eq!(commands.len(), 5, "{order:#?}");
    let pasted = async {
        for command in &commands {
            let ran = paste(&lab, command).await;
            assert_eq!(ran.code, Some(0), "{command}: {ran:?}");
        }
    };
    tokio::select! {
        () = pasted => {}
        () = look_after(&lab, &objects) => {}
    }
    lab.wait_for(&path(&name), |answer| answer.status == 404).await;
    lab.get(&format!("{HOOKS}/{name}")).await.expect(404);
    for object in objects {
        lab.get(&object).await.expect(404);
    }
    // A second time it does nothing: the namespace, or what is served from it, is another by then.
    create(&lab, &name).await;
    for command in commands.iter().filter(|command| command.contains("kubectl")) {
        let ran = paste(&lab, command).await;
        assert_ne!(ran.code, Some(0), "{command}: {ran:?}");
    }
    assert_eq!(lab.get(&path(&name)).await.expect(200)["metadata"]["deletionTimestamp"], Value::Null);
}

/// As in a shell that finds kubectl and this nsfix.
async fn paste(lab: &Lab, command: &str) -> Ran {
    Nsfix::shell(command).env("KUBECONFIG", lab.kubeconfig()).env("HOME", lab.dir()).run().await
}
