//! The manifests are what the API server knows, and grant what nsfix needs.

use k8s_openapi::api::{
    batch::v1 as batch, core::v1 as core, networking::v1 as networking, rbac::v1 as rbac,
};
use nsfix::plan::capabilities;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::process::Command;

use super::{documents, granted_for, manifests, root, shipped_policy, text};
use crate::harness::Lab;
use crate::tests;

tests! {
    Sandbox:
    every_manifest_is_of_a_known_type_and_has_no_other_fields,
    the_roles_grant_what_access_says_is_needed,
    the_jobs_run_commands_that_there_are;
    Kubectl:
    kustomize_renders_them_with_one_image,
    an_overlay_moves_everything_and_breaks_nothing,
    the_example_overlay_renders
}

/// What becomes of a manifest when it goes through its type.
pub(super) fn typed(manifest: &Value) -> Value {
    fn through<T: DeserializeOwned + Serialize>(manifest: &Value) -> Value {
        let typed: T = serde_json::from_value(manifest.clone())
            .unwrap_or_else(|error| panic!("{error} in {manifest:#}"));
        serde_json::to_value(typed).unwrap()
    }
    match (text(manifest, "/apiVersion"), text(manifest, "/kind")) {
        ("v1", "Namespace") => through::<core::Namespace>(manifest),
        ("v1", "Pod") => through::<core::Pod>(manifest),
        ("v1", "ConfigMap") => through::<core::ConfigMap>(manifest),
        ("v1", "ServiceAccount") => through::<core::ServiceAccount>(manifest),
        ("v1", "PersistentVolumeClaim") => through::<core::PersistentVolumeClaim>(manifest),
        ("batch/v1", "CronJob") => through::<batch::CronJob>(manifest),
        ("networking.k8s.io/v1", "NetworkPolicy") => through::<networking::NetworkPolicy>(manifest),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => through::<rbac::ClusterRole>(manifest),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => {
            through::<rbac::ClusterRoleBinding>(manifest)
        }
        ("rbac.authorization.k8s.io/v1", "Role") => through::<rbac::Role>(manifest),
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => through::<rbac::RoleBinding>(manifest),
        other => panic!("{other:?} is no type that is expected here"),
    }
}

async fn every_manifest_is_of_a_known_type_and_has_no_other_fields(_: Lab) {
    for (file, manifest) in manifests() {
        assert_eq!(typed(&manifest), manifest, "{}", file.display());
    }
}

async fn the_roles_grant_what_access_says_is_needed(_: Lab) {
    for capability in capabilities() {
        let mut needed = capability.permissions;
        needed.sort();
        assert_eq!(granted_for(capability.name), needed, "{}", capability.name);
    }
}

/// A flag that nsfix does not know would end every run with 2.
async fn the_jobs_run_commands_that_there_are(lab: Lab) {
    let cronjobs = manifests().into_iter().filter(|(_, object)| text(object, "/kind") == "CronJob");
    for (file, cronjob) in cronjobs {
        let arguments = &cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"];
        let backups = lab.dir().join("backups");
        std::fs::create_dir_all(&backups).unwrap();
        let backups = backups.display().to_string();
        std::fs::write(lab.dir().join("policy.yaml"), shipped_policy()).unwrap();
        let arguments: Vec<String> = arguments
            .as_array()
            .unwrap()
            .iter()
            .map(|argument| {
                let argument = argument.as_str().unwrap().replace("/backups", &backups);
                argument.replace("/etc/nsfix", &lab.dir().display().to_string())
            })
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = lab.nsfix(&arguments).run().await;
        assert_eq!(ran.code, Some(0), "{}: {ran:?}", file.display());
    }
}

/// What the rendered CronJobs, and everything else, are in an overlay of one's own.
pub(super) async fn render(place: &std::path::Path) -> Vec<Value> {
    let output = Command::new("kubectl").arg("kustomize").arg(place).output().await.unwrap();
    let rendered = String::from_utf8(output.stdout).unwrap();
    let place = place.display();
    assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
    documents(&rendered)
}

/// `namespace:` and `images: name: nsfix` of whoever builds on the overlay.
async fn an_overlay_moves_everything_and_breaks_nothing(lab: Lab) {
    let copy = lab.dir().join("deploy");
    let copied = Command::new("cp").arg("-r").arg(root()).arg(&copy).status().await.unwrap();
    assert!(copied.success());
    let mine = copy.join("mine");
    std::fs::create_dir(&mine).unwrap();
    let mine_text = "resources: [../overlays/clean]\nnamespace: ops\nimages: [{name: nsfix, newName: mine/nsfix, newTag: v1}]\n";
    std::fs::write(mine.join("kustomization.yaml"), mine_text).unwrap();
    for object in render(&mine).await {
        let kind = text(&object, "/kind");
        assert_ne!(kind, "Role", "a Role of namespace default would have moved: {object}");
        if !object["metadata"]["namespace"].is_null() {
            assert_eq!(object["metadata"]["namespace"], "ops", "{object}");
        }
        for subject in object["subjects"].as_array().into_iter().flatten() {
            assert_eq!(subject["namespace"], "ops", "{object}");
        }
        if kind == "CronJob" {
            let container = &object["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
            assert_eq!(container["image"], "mine/nsfix:v1");
        }
    }
}

/// The example is what it says, and its policy is one.
async fn the_example_overlay_renders(lab: Lab) {
    let rendered = render(&root().join("overlays/example")).await;
    let find = |kind: &str, name: &str| {
        let is_it = |object: &&Value| text(object, "/kind") == kind && text(object, "/metadata/name") == name;
        rendered.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
    };
    let clean = find("CronJob", "nsfix-clean");
    let container = &clean["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(clean["spec"]["schedule"], "30 1 * * *");
    assert_eq!(container["image"], "registry.example.com/platform/nsfix:VERSION");
    assert!(container["args"].as_array().unwrap().contains(&"--cluster-name=prod-eu".into()), "{container}");
    let policy = text(find("ConfigMap", "nsfix-policy"), "/data/policy.yaml");
    let path = lab.dir().join("policy.yaml");
    std::fs::write(&path, policy).unwrap();
    lab.nsfix(&["clear", "--all", "--policy", &path.display().to_string(), "--yes"]).run().await.expect(0);
    // The report reads the same policy, so that what is left alone alerts nobody.
    let pod = &find("CronJob", "nsfix-report")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["volumeMounts"][0]["mountPath"], "/etc/nsfix");
    assert_eq!(pod["volumes"][0]["configMap"]["name"], "nsfix-policy");
    let arguments = container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
    let arguments: Vec<String> =
        arguments.map(|argument| argument.replace("/etc/nsfix", &lab.dir().display().to_string())).collect();
    assert!(arguments.iter().any(|argument| argument.starts_with("--policy=")), "{arguments:?}");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    lab.nsfix(&arguments).run().await.expect(0);
}

async fn kustomize_renders_them_with_one_image(_: Lab) {
    for (place, count) in [("install/report", 6), ("install/clean", 15), ("by-hand", 3)] {
        let rendered = render(&root().join(place)).await;
        assert_eq!(rendered.len(), count, "{place}");
        for object in rendered {
            assert_eq!(typed(&object), object, "{place}");
            if text(&object, "/kind") == "CronJob" {
                let container = "/spec/jobTemplate/spec/template/spec/containers/0/image";
                assert_eq!(text(&object, container), "ghcr.io/OWNER/REPOSITORY:VERSION", "{place}");
            }
        }
    }
}
