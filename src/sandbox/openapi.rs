//! The paths outside the resources: version, health, and as much of `OpenAPI` as kubectl insists on.

use serde_json::{Map, Value, json};

use super::document::Document;
use super::release::Release;
use super::types::{Types, group_version};

/// Answers `/version`, `/healthz` and the like; none for unknown paths.
pub(crate) fn other(release: Release, types: &Types, path: &str) -> Option<Document> {
    match path.trim_end_matches('/') {
        "/version" => Some(Document::json(200, &release.version())),
        "/healthz" | "/readyz" | "/livez" => Some(Document::text(200, "ok")),
        "/openapi/v3" => Some(Document::json(200, &index(types))),
        "" => {
            let paths = json!([
                "/api",
                "/api/v1",
                "/apis",
                "/healthz",
                "/livez",
                "/openapi/v3",
                "/readyz",
                "/version"
            ]);
            Some(Document::json(200, &json!({"paths": paths})))
        }
        path => {
            let place = path.strip_prefix("/openapi/v3/")?;
            let group_version = place.strip_prefix("apis/").or_else(|| place.strip_prefix("api/"))?;
            let (group, version) = group_version.split_once('/').unwrap_or(("", group_version));
            types
                .serves(group, version)
                .then(|| Document::json(200, &document(release, types, group, version)))
        }
    }
}

fn index(types: &Types) -> Value {
    let mut paths = Map::new();
    for of in types.all() {
        let place = if of.group.is_empty() { "api" } else { "apis" };
        let path = format!("{place}/{}", group_version(&of.group, &of.version));
        paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash=sandbox")}));
    }
    json!({"paths": paths})
}

/// No schemas, but the PATCH of each type with its parameters: kubectl reads from it that the server itself
/// checks the fields, and then does not ask for schemas.
fn document(release: Release, types: &Types, group: &str, version: &str) -> Value {
    let mut paths = Map::new();
    let parameters = json!([
        {"name": "dryRun", "in": "query", "schema": {"type": "string"}},
        {"name": "fieldManager", "in": "query", "schema": {"type": "string"}},
        {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}},
    ]);
    for of in types.all().filter(|of| of.group == group && of.version == version) {
        let place = if group.is_empty() { "/api" } else { "/apis" };
        let scope = if of.namespaced { "/namespaces/{namespace}" } else { "" };
        let key = format!("{place}/{}{scope}/{}/{{name}}", of.api_version(), of.resource);
        let kind = json!({"group": group, "version": version, "kind": of.kind});
        let patch = json!({
            "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": kind,
        });
        paths.insert(key, json!({"patch": patch}));
    }
    let info = json!({"title": "nsfix sandbox", "version": release.git_version()});
    json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}})
}
