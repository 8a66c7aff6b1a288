//! The other controllers: what they leave in every namespace, and the finalizers they take away.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sandbox::engine::Engine;
use crate::sandbox::handlers::{DeleteOptions, Edit};
use crate::sandbox::managed_fields::Writer;
use crate::sandbox::meta;
use crate::sandbox::types::{ResourceType, built_in};

/// The node that the sandbox's own kubelet runs on; pods elsewhere are nobody's.
pub(crate) const NODE: &str = "sandbox-node";
const MANAGER: &str = "kube-controller-manager";
const TOKEN_OWNER: &str = "kubernetes.io/service-account.uid";
const PVC_PROTECTION: &str = "kubernetes.io/pvc-protection";

/// `kube-system/kube-controller-manager`: the sign that a controller manager works.
pub(crate) fn renew_lease(engine: &mut Engine) {
    let of = built_in("coordination.k8s.io", "leases");
    let now = meta::micros(Timestamp::now());
    let spec = json!({
        "holderIdentity": "sandbox_0",
        "leaseDurationSeconds": 15,
        "acquireTime": now,
        "renewTime": now,
        "leaseTransitions": 0,
    });
    let edit = edit(&of, "kube-system", MANAGER);
    let renewed = engine.update_object(&edit, |old| {
        let mut new = old.clone();
        new["spec"]["renewTime"] = spec["renewTime"].clone();
        Ok(new)
    });
    if renewed.is_err() {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": MANAGER},
            "spec": spec,
        });
        create(engine, &of, "kube-system", lease);
    }
}

/// The `default` service account and the root certificates, in every namespace that lives.
pub(crate) fn furnish_namespaces(engine: &mut Engine) {
    let (accounts, maps) = (built_in("", "serviceaccounts"), built_in("", "configmaps"));
    for namespace in engine.store.all("namespaces").iter().filter(|each| !meta::is_deleting(each)) {
        let name = meta::name(namespace);
        if engine.store.get("serviceaccounts", name, "default").is_none() {
            let account =
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
            create(engine, &accounts, name, account);
        }
        if engine.store.get("configmaps", name, "kube-root-ca.crt").is_none() {
            let map = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": "kube-root-ca.crt",
                    "annotations": {
                        "kubernetes.io/description":
                            "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
                             endpoints such as the internal service IP or kubernetes.default.svc. No other usage is \
                             guaranteed across distributions of Kubernetes clusters."
                    },
                },
                "data": {"ca.crt": "none: the sandbox speaks plain HTTP\n"},
            });
            create(engine, &maps, name, map);
        }
    }
}

/// A Secret with a token for every service account, as long as the account is there; not since 1.24.
pub(crate) fn keep_token_secrets(engine: &mut Engine) {
    if !engine.release.has_token_secrets() {
        return;
    }
    let accounts = engine.store.all("serviceaccounts");
    let secrets = engine.store.all("secrets");
    let owner = |token: &Value| token["metadata"]["annotations"][TOKEN_OWNER].clone();
    let tokens = || secrets.iter().filter(|secret| secret["type"] == "kubernetes.io/service-account-token");
    for token in tokens().filter(|token| !accounts.iter().any(|account| owner(token) == meta::uid(account))) {
        let (of, namespace, name) = (built_in("", "secrets"), meta::namespace(token), meta::name(token));
        let _ = engine.delete_object(&of, namespace, name, &DeleteOptions::at_once());
    }
    for account in accounts.iter().filter(|account| !meta::is_deleting(account)) {
        if !tokens().any(|token| owner(token) == meta::uid(account)) {
            create(engine, &built_in("", "secrets"), meta::namespace(account), token_secret(account));
        }
    }
}

fn token_secret(account: &Value) -> Value {
    let name = meta::name(account);
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": format!("{name}-token-{}", meta::name_suffix()),
            "annotations": {"kubernetes.io/service-account.name": name, TOKEN_OWNER: meta::uid(account)},
        },
        "type": "kubernetes.io/service-account-token",
        "stringData": {"token": "none: the sandbox asks nobody who they are"},
    })
}

/// The kubelet of the one node: pods that were told to stop do so well within their grace.
pub(crate) fn stop_pods(engine: &mut Engine, scaled: &dyn Fn(f64) -> Duration) {
    let of = built_in("", "pods");
    for pod in engine.store.all("pods") {
        let grace = meta::grace_seconds(&pod).unwrap_or_default();
        if pod["spec"]["nodeName"] != NODE || grace == 0 {
            continue;
        }
        let end = meta::deletion_time(&pod).unwrap_or_else(Timestamp::now);
        let told = end.as_millisecond() - grace * 1000;
        let ran = Duration::from_millis(
            u64::try_from(Timestamp::now().as_millisecond() - told).unwrap_or_default(),
        );
        if ran >= scaled(2.0) {
            let (namespace, name) = (meta::namespace(&pod), meta::name(&pod));
            let _ = engine.delete_object(&of, namespace, name, &DeleteOptions::at_once());
        }
    }
}

/// pvc-protection: a claim that no pod uses may go. In a missing namespace the update fails, and the claim
/// stays for ever.
pub(crate) fn release_volumes(engine: &mut Engine) {
    let of = built_in("", "persistentvolumeclaims");
    for claim in engine.store.all("persistentvolumeclaims") {
        if !meta::is_deleting(&claim) || !meta::finalizers(&claim).contains(&PVC_PROTECTION) {
            continue;
        }
        let (namespace, name) = (meta::namespace(&claim), meta::name(&claim));
        let used = engine.store.list("pods", namespace, None).any(|pod| {
            let volumes = meta::items(&pod["spec"]["volumes"]);
            volumes.iter().any(|volume| volume["persistentVolumeClaim"]["claimName"] == name)
        });
        if !used {
            remove_finalizers(engine, &of, &claim, &[PVC_PROTECTION]);
        }
    }
}

/// The garbage collector, as if nothing ever had dependents: `foregroundDeletion` and `orphan` go at once.
/// Looks only at what has changed since a revision.
pub(crate) fn collect_garbage(engine: &mut Engine, since: u64) {
    let changed =
        engine.store.recent(since).filter_map(|change| Some((change.key.clone(), change.after.clone()?)));
    let waiting: Vec<_> = changed
        .filter(|(_, object)| meta::is_deleting(object))
        .filter(|(_, object)| meta::finalizers(object).iter().any(|each| is_collectors(each)))
        .collect();
    for (key, object) in waiting {
        let of = engine.types.all().find(|of| of.storage_key() == key).cloned();
        if let Some(of) = of {
            remove_finalizers(engine, &of, &object, &["foregroundDeletion", "orphan"]);
        }
    }
}

fn is_collectors(finalizer: &str) -> bool {
    finalizer == "foregroundDeletion" || finalizer == "orphan"
}

fn remove_finalizers(engine: &mut Engine, of: &Arc<ResourceType>, object: &Value, gone: &[&str]) {
    let _ = engine.update_object(&edit(of, meta::namespace(object), meta::name(object)), |old| {
        let mut new = old.clone();
        let kept = meta::finalizers(old).into_iter().filter(|each| !gone.contains(each)).map(str::to_owned);
        meta::set_finalizers(&mut new, &kept.collect::<Vec<_>>());
        Ok(new)
    });
}

fn edit<'a>(of: &'a Arc<ResourceType>, namespace: &'a str, name: &'a str) -> Edit<'a> {
    Edit { of, namespace, name, subresource: "", manager: MANAGER, dry_run: false, uid_is_precondition: true }
}

/// Refusals are for the next round.
fn create(engine: &mut Engine, of: &Arc<ResourceType>, namespace: &str, object: Value) {
    let _ = engine.create_object(of, namespace, object, &Writer { manager: MANAGER, subresource: "" }, false);
}
