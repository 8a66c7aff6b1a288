//! Lists: selectors, pages, metadata.

use http::Method;

use crate::harness::fixtures::{create, hold, terminating};
use crate::harness::{Answer, Lab};
use crate::tests;

tests! { Both:
    the_server_filters_terminating_namespaces,
    other_field_selectors_are_refused,
    a_list_comes_in_pages,
    an_empty_metadata_list_has_null_items,
    a_metadata_list_holds_finalizers_and_no_content,
    an_unknown_type_is_not_found
}

const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;q=0.9";

async fn metadata(lab: &Lab, path: &str) -> Answer {
    lab.request(Method::GET, path, &[("accept", METADATA)], Vec::new()).await
}

async fn the_server_filters_terminating_namespaces(lab: Lab) {
    let stuck = terminating(&lab).await;
    let active = Lab::unique("active");
    create(&lab, &active).await;
    let list =
        lab.get("/api/v1/namespaces?fieldSelector=status.phase%3DTerminating&limit=500").await.expect(200);
    assert_eq!(list["kind"], "NamespaceList");
    let names: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect();
    assert!(names.contains(&stuck.as_str()));
    assert!(!names.contains(&active.as_str()));
    let one =
        lab.get(&format!("/api/v1/namespaces?fieldSelector=metadata.name%3D{active}")).await.expect(200);
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
}

async fn other_field_selectors_are_refused(lab: Lab) {
    let answer = lab.get("/api/v1/namespaces?fieldSelector=name%3Dx").await;
    assert_eq!(answer.status, 400);
    assert!(answer.message().contains("field label not supported: name"), "{answer:?}");
}

async fn a_list_comes_in_pages(lab: Lab) {
    let name = Lab::unique("pages");
    create(&lab, &name).await;
    for index in 0..3 {
        let body = serde_json::json!({"metadata": {"name": format!("c{index}"), "labels": {"page": "yes"}}});
        lab.post(&format!("/api/v1/namespaces/{name}/secrets"), &body).await.expect(201);
    }
    let path = format!("/api/v1/namespaces/{name}/secrets?limit=2");
    let first = metadata(&lab, &path).await.expect(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let rest = metadata(&lab, &format!("{path}&continue={token}")).await.expect(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(rest["metadata"]["continue"].as_str().unwrap_or_default(), "");
}

async fn an_empty_metadata_list_has_null_items(lab: Lab) {
    let name = Lab::unique("empty");
    create(&lab, &name).await;
    let list = metadata(&lab, &format!("/api/v1/namespaces/{name}/secrets?limit=500")).await.expect(200);
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert!(list["items"].is_null(), "{list}");
    let whole = lab.get(&format!("/api/v1/namespaces/{name}/secrets?limit=500")).await.expect(200);
    assert_eq!(whole["items"], serde_json::json!([]));
}

async fn a_metadata_list_holds_finalizers_and_no_content(lab: Lab) {
    let name = Lab::unique("meta");
    create(&lab, &name).await;
    hold(&lab, &name).await;
    let list = metadata(&lab, &format!("/api/v1/namespaces/{name}/configmaps?limit=500")).await.expect(200);
    let held =
        list["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == "held").unwrap();
    assert_eq!(held["kind"], "PartialObjectMetadata");
    assert_eq!(held["metadata"]["finalizers"][0], "example.com/hold");
    assert_eq!(held["metadata"]["namespace"], name);
    assert!(held.get("data").is_none());
}

async fn an_unknown_type_is_not_found(lab: Lab) {
    for path in ["/apis/nowhere.example.com/v1", "/apis/nowhere.example.com/v1/things", "/nowhere"] {
        let unknown = lab.get(path).await;
        assert_eq!((unknown.status, unknown.text.as_str()), (404, "404 page not found\n"), "{path}");
    }
    let unknown_type = lab.get("/apis/apps/v1/things").await;
    assert_eq!(unknown_type.status, 404);
    assert_eq!(unknown_type.message(), "the server could not find the requested resource");
}
