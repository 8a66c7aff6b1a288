//! The manifests are what the API server knows, and grant what nsfix needs.

use k8s_openapi::api::{
    batch::v1 as batch, core::v1 as core, networking::v1 as networking, rbac::v1 as rbac,
};
use nsfix::plan::capabilities;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::process::Command;

use super::{documents, granted_for, manifests, root, text};
use crate::harness::Lab;
use crate::tests;

tests! {
    Sandbox:
    every_manifest_is_of_a_known_type_and_has_no_other_fields,
    the_roles_grant_what_access_says_is_needed,
    the_jobs_run_commands_that_there_are;
    Kubectl:
    kustomize_renders_them_with_one_image
}

/// What becomes of a manifest when it goes through its type.
fn typed(manifest: &Value) -> Value {
    fn through<T: DeserializeOwned + Serialize>(manifest: &Value) -> Value {
        let typed: T = serde_json::from_value(manifest.clone())
            .unwrap_or_else(|error| panic!("{error} in {manifest:#}"));
        serde_json::to_value(typed).unwrap()
    }
    match (text(manifest, "/apiVersion"), text(manifest, "/kind")) {
        ("v1", "Namespace") => through::<core::Namespace>(manifest),
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
        let backups = lab.dir().join("backups").display().to_string();
        let arguments: Vec<String> = arguments
            .as_array()
            .unwrap()
            .iter()
            .map(|argument| argument.as_str().unwrap().replace("/backups", &backups))
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = lab.nsfix(&arguments).run().await;
        assert_eq!(ran.code, Some(0), "{}: {ran:?}", file.display());
    }
}

async fn kustomize_renders_them_with_one_image(_: Lab) {
    for (place, count) in [("base", 6), ("overlays/clean", 14), ("by-hand", 3)] {
        let output = Command::new("kubectl").arg("kustomize").arg(root().join(place)).output().await.unwrap();
        let rendered = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
        let rendered = documents(&rendered);
        assert_eq!(rendered.len(), count, "{place}");
        for object in rendered {
            assert_eq!(typed(&object), object, "{place}");
            if text(&object, "/kind") == "CronJob" {
                let container = "/spec/jobTemplate/spec/template/spec/containers/0/image";
                assert_eq!(text(&object, container), "ghcr.io/OWNER/nsfix:VERSION", "{place}");
            }
        }
    }
}
