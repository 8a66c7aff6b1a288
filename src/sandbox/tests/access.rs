//! Who may do what.

use serde_json::json;

use super::{get, http, terminating, with_scenario};
use crate::sandbox::{Deny, Options, Sandbox};

const VIEWER: &str = "system:serviceaccount:default:no-secrets-viewer";
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

async fn denying(deny: Deny) -> Sandbox {
    Sandbox::start(Options { deny: vec![deny], controller: None, ..Options::empty() }).await.unwrap()
}

#[tokio::test]
async fn a_right_withheld_is_a_403_in_the_exact_words() {
    let sandbox = denying(Deny::new("update", "", "namespaces/finalize")).await;
    let api = sandbox.api();
    terminating(&api, "n");
    let error = api.update("/api/v1/namespaces/n/finalize", &json!({"metadata": {"name": "n"}})).unwrap_err();
    assert_eq!(error.code, 403);
    assert_eq!(
        error.message,
        "namespaces \"n\" is forbidden: User \"sandbox-admin\" cannot update resource \"namespaces/finalize\" in API \
         group \"\" in the namespace \"n\""
    );
}

#[tokio::test]
async fn an_access_review_agrees_with_it() {
    let sandbox = denying(Deny::new("list", "", "secrets")).await;
    let api = sandbox.api();
    for (resource, allowed) in [("secrets", false), ("configmaps", true)] {
        let review = json!({"spec": {"resourceAttributes": {"verb": "list", "resource": resource}}});
        assert_eq!(api.create(REVIEWS, &review).unwrap()["status"]["allowed"], allowed, "{resource}");
    }
    let error = api.list("/api/v1/secrets").unwrap_err();
    assert_eq!(
        error.message,
        "secrets is forbidden: User \"sandbox-admin\" cannot list resource \"secrets\" in API group \"\" at the cluster \
         scope"
    );
}

#[tokio::test]
async fn an_unknown_token_is_unauthorized_and_an_issued_one_is_its_account() {
    let sandbox = with_scenario("no-secrets").await;
    let expired = http(&sandbox, "GET", "/api/v1/namespaces", &[("Authorization", "Bearer old")], "").await;
    assert_eq!((expired.code, &expired.json()["message"]), (401, &json!("Unauthorized")));
    assert_eq!(expired.json()["reason"], "Unauthorized");
    let path = "/api/v1/namespaces/default/serviceaccounts/no-secrets-viewer/token";
    let request = sandbox.api().create(path, &json!({"spec": {}})).unwrap();
    let bearer = format!("Bearer {}", request["status"]["token"].as_str().unwrap());
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let who = http(&sandbox, "POST", path, &headers, "{}").await;
    assert_eq!(who.json()["status"]["userInfo"]["username"], VIEWER);
}

#[tokio::test]
async fn rights_are_checked_before_methods() {
    let sandbox = denying(Deny::new("patch", "", "*")).await;
    terminating(&sandbox.api(), "n");
    assert_eq!(http(&sandbox, "PATCH", "/api/v1/namespaces/n/finalize", &[], "{}").await.code, 403);
    assert_eq!(get(&sandbox, "/api/v1/namespaces/n/finalize").await.code, 405);
}
