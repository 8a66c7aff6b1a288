//! Access reviews: what may I do?

use serde_json::{Value, json};

use super::Context;
use crate::sandbox::authorize::{self, Action, Caller};
use crate::sandbox::document::Document;
use crate::sandbox::engine::Engine;
use crate::sandbox::failure::Failure;
use crate::sandbox::meta;

impl Engine {
    /// Answers a review with the same authorizer that guards the requests.
    pub(crate) fn review(&self, context: &Context<'_>) -> Result<Document, Failure> {
        let mut review = context.body()?;
        let caller = &context.caller;
        match context.of.resource.as_str() {
            "selfsubjectreviews" => {
                review["status"] = json!({"userInfo": {"username": caller.user, "groups": caller.groups}});
            }
            "tokenreviews" => {
                let token = review["spec"]["token"].as_str().unwrap_or_default();
                review["status"] = match self.tokens.get(token) {
                    Some(user) => json!({"authenticated": true, "user": {"username": user}}),
                    None => json!({"user": {}, "error": "invalid bearer token"}),
                };
            }
            "selfsubjectrulesreviews" => {
                let namespace = review["spec"]["namespace"].as_str().unwrap_or_default();
                if namespace.is_empty() {
                    return Err(Failure::bad_request("no namespace on request"));
                }
                let rules = authorize::rules(&self.store, caller, namespace);
                review["status"] =
                    json!({"resourceRules": rules, "nonResourceRules": [], "incomplete": false});
            }
            "selfsubjectaccessreviews" => review["status"] = self.verdict(caller, &review["spec"]),
            _ => {
                let user = review["spec"]["user"].as_str().unwrap_or_default();
                let groups =
                    meta::strings(&review["spec"]["groups"]).into_iter().map(str::to_owned).collect();
                review["status"] = self.verdict(&Caller::new(user, groups), &review["spec"]);
            }
        }
        review["metadata"] = json!({});
        Ok(Document::json(201, &review))
    }

    fn verdict(&self, caller: &Caller, spec: &Value) -> Value {
        let asked = &spec["resourceAttributes"];
        if !asked.is_object() {
            // Paths outside the API: everybody may read what the sandbox serves there.
            return json!({"allowed": true});
        }
        let text = |field: &str| asked[field].as_str().unwrap_or_default().to_owned();
        let resource = match text("subresource") {
            sub if sub.is_empty() => text("resource"),
            sub => format!("{}/{sub}", text("resource")),
        };
        let action = Action {
            verb: text("verb"),
            group: text("group"),
            resource,
            namespace: text("namespace"),
            name: text("name"),
        };
        let allowed = authorize::allows(&self.store, &self.deny, caller, &action);
        let mut verdict = json!({"allowed": allowed});
        if allowed && let Some(reason) = authorize::reason(&self.store, caller, &action) {
            verdict["reason"] = reason.into();
        }
        verdict
    }
}
