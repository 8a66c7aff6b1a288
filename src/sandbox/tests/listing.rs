//! Lists: forms, pages, selectors.

use serde_json::{Value, json};

use super::{METADATA_LIST, bare, create_configmap, create_namespace, get, http, terminating};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn an_empty_metadata_list_has_null_items() {
    let sandbox = bare().await;
    let answer = http(&sandbox, "GET", MAPS, &[("Accept", METADATA_LIST)], "").await;
    let list = answer.json();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["apiVersion"], "meta.k8s.io/v1");
    assert!(answer.text.contains("\"items\":null"), "{}", answer.text);
    assert_eq!(get(&sandbox, MAPS).await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_metadata_list_loses_the_kind_and_keeps_managed_fields() {
    let sandbox = bare().await;
    create_configmap(&sandbox.api(), "default", "c", &[]);
    let list = http(&sandbox, "GET", MAPS, &[("Accept", METADATA_LIST)], "").await.json();
    let item = &list["items"][0];
    assert_eq!(
        (&item["kind"], &item["apiVersion"]),
        (&json!("PartialObjectMetadata"), &json!("meta.k8s.io/v1"))
    );
    assert!(item["metadata"]["managedFields"].is_array());
    assert!(item["data"].is_null());
}

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
async fn a_list_is_given_in_pages() {
    let sandbox = bare().await;
    for name in ["a", "b", "c", "d", "e"] {
        create_configmap(&sandbox.api(), "default", name, &[]);
    }
    let (mut names, mut remaining, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = get(&sandbox, &format!("{MAPS}?limit=2&continue={token}")).await.json();
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].clone()));
        remaining.push(page["metadata"]["remainingItemCount"].clone());
        match page["metadata"]["continue"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    assert_eq!(remaining, [json!(3), json!(1), Value::Null]);
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
async fn namespaces_are_selected_by_phase_and_by_name_and_by_no_other_field() {
    let sandbox = bare().await;
    terminating(&sandbox.api(), "n");
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap();
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let list =
        get(&sandbox, "/api/v1/namespaces?fieldSelector=status.phase%3DTerminating&limit=500").await.json();
    assert_eq!(names(&list), ["n"]);
    let list = get(&sandbox, "/api/v1/namespaces?fieldSelector=metadata.name=default").await.json();
    assert_eq!(names(&list), ["default"]);
    let other = get(&sandbox, "/api/v1/namespaces?fieldSelector=name=default").await;
    assert_eq!((other.code, &other.json()["message"]), (400, &json!("field label not supported: name")));
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
