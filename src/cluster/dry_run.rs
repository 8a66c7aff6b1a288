//! Dry runs: what the server would answer to a write, admission included.

use std::time::Duration;

use kube::api::DeleteParams;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;

use super::call::Call;
use super::write::only_uid;
use super::{ApiError, Cluster, DryRun};
use crate::model::{
    ApiPath, DryRunOutcome, DryRunResult, KUBERNETES_FINALIZER, Leftover, Namespace, ResourceType,
};

/// A webhook has ten seconds unless it says otherwise; the API server answers soon after.
pub(super) const DRY_RUN_DEADLINE: Duration = Duration::from_secs(15);
/// All dry runs of one namespace together; a webhook that hangs costs each of them its deadline.
const ALL_DRY_RUNS: Duration = Duration::from_secs(25);

/// What is read of an answer: never the whole object, which may be nested deeper than JSON is read here.
#[derive(Deserialize)]
struct Released {
    #[serde(default)]
    metadata: FinalizerList,
}

#[derive(Deserialize)]
struct Finalized {
    #[serde(default)]
    spec: FinalizerList,
}

#[derive(Default, Deserialize)]
struct FinalizerList {
    #[serde(default)]
    finalizers: Vec<String>,
}

impl Cluster {
    /// Done when the dry runs of one namespace have had their time.
    pub async fn dry_runs_are_over(&self) {
        tokio::time::sleep(ALL_DRY_RUNS).await;
    }

    /// Rehearses the finalization of a namespace.
    pub async fn dry_run_finalize(&self, namespace: &Namespace) -> Option<DryRunResult> {
        let body = namespace.without_spec_finalizers(&[KUBERNETES_FINALIZER]);
        let call = Call::replace(&ApiPath::finalize(&namespace.name), &body, DryRun::Server);
        let answer = self.call_with_warnings(call.waiting(DRY_RUN_DEADLINE)).await;
        let request = format!("PUT namespaces/{}/finalize", namespace.name);
        let undone = |answer: Finalized| {
            answer.spec.finalizers.into_iter().filter(|each| each == KUBERNETES_FINALIZER).collect()
        };
        dry_run_result(request, "UPDATE", "namespaces/finalize".to_owned(), answer, undone)
    }

    /// Rehearses the deletion of a leftover.
    pub async fn dry_run_delete(&self, ty: &ResourceType, leftover: &Leftover) -> Option<DryRunResult> {
        let path = ty.path_of(&leftover.namespace, &leftover.name);
        let params = DeleteParams::default().preconditions(only_uid(&leftover.uid)).dry_run();
        let answer = self.call_with_warnings(Call::delete(&path, &params).waiting(DRY_RUN_DEADLINE)).await;
        let undone = |_: IgnoredAny| Vec::new();
        dry_run_result(format!("DELETE {ty}/{}", leftover.name), "DELETE", ty.to_string(), answer, undone)
    }

    /// Rehearses taking the finalizers off a leftover.
    pub async fn dry_run_release(&self, ty: &ResourceType, leftover: &Leftover) -> Option<DryRunResult> {
        let path = ty.path_of(&leftover.namespace, &leftover.name);
        let released = json!({"metadata": {"uid": leftover.uid, "finalizers": null}});
        let call = Call::merge_patch(&path, &released, DryRun::Server);
        let answer = self.call_with_warnings(call.waiting(DRY_RUN_DEADLINE)).await;
        let undone = |answer: Released| answer.metadata.finalizers;
        dry_run_result(format!("PATCH {ty}/{}", leftover.name), "UPDATE", ty.to_string(), answer, undone)
    }
}

/// `None` where the answer says nothing: gone meanwhile, a conflict, not sent, or a webhook that does not
/// support dry run. `undone` finds in the answer what should be gone from it.
pub(super) fn dry_run_result<T: DeserializeOwned>(
    request: String,
    operation: &str,
    resource: String,
    answer: Result<(Vec<u8>, Vec<String>), ApiError>,
    undone: impl FnOnce(T) -> Vec<String>,
) -> Option<DryRunResult> {
    let mut warnings = Vec::new();
    let outcome = match answer {
        Ok((body, said)) => {
            warnings = said;
            let undone = serde_json::from_slice(&body).map(undone).unwrap_or_default();
            if undone.is_empty() { DryRunOutcome::Accepted } else { DryRunOutcome::Undone(undone) }
        }
        Err(error) if error.detail().ends_with("does not support dry run") => return None,
        Err(error) if is_of_admission(&error) => DryRunOutcome::Refused(error.detail()),
        Err(ApiError::TimedOut { after, .. }) => DryRunOutcome::NoAnswer(after.as_secs()),
        Err(error) => match error.code() {
            Some(401 | 404 | 409) | None => return None,
            // The account may do it, so that it is an admission plugin that refuses.
            Some(403) => DryRunOutcome::Refused(error.detail()),
            Some(422) => DryRunOutcome::Invalid(error.detail()),
            Some(_) => DryRunOutcome::Failed(error.detail()),
        },
    };
    Some(DryRunResult { request, operation: operation.to_owned(), resource, outcome, warnings })
}

/// The wordings of apiserver's pkg/admission/plugin/webhook/errors/statuserror.go and
/// pkg/admission/plugin/policy/validating/dispatcher.go.
fn is_of_admission(error: &ApiError) -> bool {
    let said = error.detail();
    [
        "admission webhook ",
        "failed calling webhook ",
        "failed to call webhook",
        "ValidatingAdmissionPolicy ",
        "MutatingAdmissionPolicy ",
    ]
    .iter()
    .any(|words| said.contains(words))
}
