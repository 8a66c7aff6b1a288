use super::*;

#[test]
fn a_status_keeps_kubectls_wording() {
    let body = br#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound",
        "message":"namespaces \"x\" not found","details":{"name":"x","kind":"namespaces"},"code":404}"#;
    let error = ApiError::from_answer("h:1", 404, body);
    assert_eq!(error.to_string(), "Error from server (NotFound): namespaces \"x\" not found");
    assert!(error.is_not_found());
}

#[test]
fn only_a_right_that_is_missing_is_one() {
    let refused = |message: &str| {
        let body = serde_json::json!({"kind": "Status", "reason": "Forbidden", "message": message});
        ApiError::from_answer("h:1", 403, body.to_string().as_bytes())
    };
    let by_rbac = refused(
        "backups.example.com is forbidden: User \"x\" cannot list resource \"backups\" in API group \"example.com\" in \
         the namespace \"a\": RBAC: role.rbac.authorization.k8s.io \"r\" not found",
    );
    assert_eq!(by_rbac.forbidden_resource(), Some(("backups", "example.com")));
    assert!(by_rbac.is_missing_right());
    let by_webhook = refused("admission webhook \"w\" denied the request: you cannot touch this resource");
    assert!(!by_webhook.is_missing_right());
}

#[test]
fn a_404_that_names_nothing_says_nothing_about_an_object() {
    let status = |details: &str| {
        let body = format!(r#"{{"kind":"Status","reason":"NotFound","message":"no","details":{details}}}"#);
        ApiError::from_answer("h:1", 404, body.as_bytes())
    };
    let of_namespace = status(r#"{"name":"x","kind":"namespaces"}"#);
    assert!(of_namespace.is_not_found() && of_namespace.is_missing_namespace());
    let of_object = status(r#"{"name":"x","kind":"pods"}"#);
    assert!(of_object.is_not_found() && !of_object.is_missing_namespace());
    let of_path = [status("{}"), ApiError::from_answer("h:1", 404, b"404 page not found")];
    assert!(of_path.iter().all(|error| !error.is_not_found() && !error.is_missing_namespace()));
}

#[test]
fn objects_that_cannot_be_read_are_named_from_the_details() {
    let body = br#"{"kind":"Status","status":"Failure","message":"failed to read one or more secrets from the storage",
        "reason":"StorageReadError","details":{"kind":"secrets","causes":[{"reason":"UnexpectedServerResponse",
        "message":"StorageError: corrupt object, Code: 7, Key: /registry/secrets/a/b, AdditionalErrorMsg: no key",
        "field":"/registry/secrets/a/b"}]},"code":500}"#;
    let said = ApiError::from_answer("h:1", 500, body).detail();
    let wanted = "failed to read one or more secrets from the storage; key \"/registry/secrets/a/b\": no key";
    assert_eq!(said, wanted);
}

#[test]
fn a_text_answer_of_the_aggregator_counts_as_unavailable() {
    let error = ApiError::from_answer("h:1", 503, b"service unavailable\n");
    assert_eq!(error.to_string(), "Error from server: service unavailable");
    assert_eq!(error.unreadable(), Unreadable::Unavailable);
}

#[test]
fn a_login_page_is_called_no_kubernetes() {
    let error = ApiError::from_answer("h:1", 403, b"<html><body>Log in</body></html>");
    assert!(matches!(error, ApiError::NotKubernetes { .. }), "{error}");
}

#[test]
fn only_answers_that_were_lost_leave_a_write_unknown() {
    assert!(ApiError::from_answer("h:1", 504, b"{}").leaves_write_unknown());
    assert!(!ApiError::from_answer("h:1", 409, b"{}").leaves_write_unknown());
}
