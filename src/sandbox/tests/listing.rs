//! Lists: forms, pages, selectors.

use serde_json::json;

use super::{METADATA_LIST, bare, create_configmap, create_namespace, get, http};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn a_table_has_a_row_for_each_object() {
    let sandbox = bare().await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let table = http(&sandbox, "GET", "/api/v1/namespaces", &[("Accept", accept)], "").await.json();
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["rows"][0]["cells"][0], "default");
    assert_eq!(table["rows"][0]["cells"][1], "Active");
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn an_unknown_media_type_is_not_acceptable() {
    let sandbox = bare().await;
    let answer = http(&sandbox, "GET", MAPS, &[("Accept", "application/xml")], "").await;
    assert_eq!(answer.code, 406);
    assert_eq!(answer.json()["reason"], "NotAcceptable");
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("only the following media types are accepted: ")
    );
}

#[tokio::test]
async fn errors_stay_statuses_whatever_form_was_asked_for() {
    let sandbox = bare().await;
    let answer = http(&sandbox, "GET", &format!("{MAPS}/none"), &[("Accept", METADATA_LIST)], "").await;
    assert_eq!(answer.code, 404);
    let status = answer.json();
    assert_eq!(
        (&status["kind"], &status["reason"], &status["code"]),
        (&json!("Status"), &json!("NotFound"), &json!(404))
    );
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-cache, private");
    assert!(!answer.header("audit-id").is_empty());
}

#[tokio::test]
async fn resource_version_zero_ignores_the_limit() {
    let sandbox = bare().await;
    for name in ["a", "b", "c"] {
        create_configmap(&sandbox.api(), "default", name, &[]);
    }
    let list = get(&sandbox, &format!("{MAPS}?limit=2&resourceVersion=0")).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    assert!(list["metadata"]["continue"].is_null());
}

#[tokio::test]
async fn with_a_selector_nobody_counts_what_remains() {
    let sandbox = bare().await;
    for name in ["a", "b", "c"] {
        create_configmap(&sandbox.api(), "default", name, &[]);
    }
    let list = get(&sandbox, &format!("{MAPS}?limit=2&labelSelector=!none")).await.json();
    assert!(list["metadata"]["continue"].is_string());
    assert!(list["metadata"]["remainingItemCount"].is_null());
}

#[tokio::test]
async fn a_broken_token_is_a_bad_request() {
    let sandbox = bare().await;
    assert_eq!(get(&sandbox, &format!("{MAPS}?limit=2&continue=zz")).await.code, 400);
}

#[tokio::test]
async fn labels_are_selected_in_all_the_usual_ways() {
    let sandbox = bare().await;
    let api = sandbox.api();
    for (name, labels) in [("a", json!({"x": "1"})), ("b", json!({"x": "2", "y": ""})), ("c", json!({}))] {
        api.create(MAPS, &json!({"metadata": {"name": name, "labels": labels}})).unwrap();
    }
    for (selector, expected) in [
        ("x=1", "a"),
        ("x==2", "b"),
        ("x!=1", "bc"),
        ("x", "ab"),
        ("!x", "c"),
        ("x in (1,2)", "ab"),
        ("x notin (1)", "bc"),
        ("x in (1, 2),y", "b"),
    ] {
        let list = api.list(&format!("{MAPS}?labelSelector={}", selector.replace(' ', "%20"))).unwrap();
        let names: String = list.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{selector}");
    }
    assert_eq!(api.get(&format!("{MAPS}?labelSelector=x%20y")).unwrap_err().code, 400);
}

#[tokio::test]
async fn events_are_the_same_objects_in_both_groups() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    let event = json!({"metadata": {"name": "e"}, "reason": "Test", "involvedObject": {"namespace": "n"}});
    api.create("/api/v1/namespaces/n/events", &event).unwrap();
    let old = api.list("/api/v1/namespaces/n/events").unwrap();
    let new = api.list("/apis/events.k8s.io/v1/namespaces/n/events").unwrap();
    assert_eq!(old[0]["metadata"]["uid"], new[0]["metadata"]["uid"]);
    assert_eq!(
        api.get("/apis/events.k8s.io/v1/namespaces/n/events/e").unwrap()["apiVersion"],
        "events.k8s.io/v1"
    );
}
