//! The smaller parts, each by itself.

use serde_json::json;

use crate::sandbox::request::{Route, Target, decode, route};
use crate::sandbox::types::{built_in, compare_versions};
use crate::sandbox::{meta, protobuf};

fn target(path: &str) -> Target {
    match route(path) {
        Route::Target(target) => target,
        other => panic!("{path} is {other:?}"),
    }
}

#[test]
fn a_namespace_is_inside_itself_and_its_subresources_are_no_resources() {
    let finalize = target("/api/v1/namespaces/n/finalize");
    assert_eq!((finalize.namespace.as_str(), finalize.name.as_str()), ("n", "n"));
    assert_eq!((finalize.resource.as_str(), finalize.subresource.as_str()), ("namespaces", "finalize"));
    let pods = target("/api/v1/namespaces/n/pods");
    assert_eq!((pods.namespace.as_str(), pods.resource.as_str(), pods.name.as_str()), ("n", "pods", ""));
    assert_eq!(target("/api/v1/namespaces").namespace, "");
}

#[test]
fn paths_of_groups_are_taken_apart() {
    let backup = target("/apis/example.com/v1/namespaces/n/backups/b/status");
    assert_eq!((backup.group.as_str(), backup.version.as_str()), ("example.com", "v1"));
    assert_eq!((backup.name.as_str(), backup.subresource.as_str()), ("b", "status"));
    assert_eq!(route("/apis/apps"), Route::Group("apps".to_owned()));
    assert_eq!(route("/healthz"), Route::Other);
}

#[test]
fn percent_encoding_is_undone() {
    assert_eq!(decode("a%3Db+c%zz", true), "a=b c%zz");
    assert_eq!(decode("a+b", false), "a+b");
}

#[test]
fn versions_are_ordered_as_kubernetes_orders_them() {
    let mut versions = ["foo", "v1alpha1", "v1", "v10", "v2beta2", "v2", "v2beta1"];
    versions.sort_by(|a, b| compare_versions(a, b));
    assert_eq!(versions, ["v10", "v2", "v1", "v2beta2", "v2beta1", "v1alpha1", "foo"]);
}

#[test]
fn the_types_that_the_code_names_are_in_the_table() {
    for (group, resource) in [
        ("", "namespaces"),
        ("", "pods"),
        ("", "configmaps"),
        ("", "secrets"),
        ("", "serviceaccounts"),
        ("", "persistentvolumeclaims"),
        ("coordination.k8s.io", "leases"),
    ] {
        assert!(built_in(group, resource).is(group, resource), "{resource}");
    }
}

#[test]
fn uids_look_like_uids_and_differ() {
    let (a, b) = (meta::new_uid(), meta::new_uid());
    assert_ne!(a, b);
    assert_eq!(a.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert_eq!(&a[14..15], "4");
}

#[test]
fn kubectls_protobuf_becomes_json() {
    // `kubectl create namespace demo`, as kubectl 1.32 sends it.
    let mut body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x1c".to_vec();
    body.extend(b"\x0a\x14\x0a\x04demo\x12\x00\x1a\x00\x22\x00\x2a\x00\x32\x008\x00B\x00\x12\x00\x1a\x02\x0a\x00\x1a\x00\x22\x00");
    let expected = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}});
    assert_eq!(protobuf::to_json(&body), Some(expected));
    assert_eq!(protobuf::to_json(b"k8s\0\x0a\xff"), None);
    assert_eq!(protobuf::to_json(b"{}"), None);
}
