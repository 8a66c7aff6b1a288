//! A closer look, where the first one gave reason to: Services behind webhooks, CRDs that cannot convert,
//! pods and their nodes, the owners of finalizers, and dry runs.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1 as coordination;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::request::Call;
use super::write::dry_deletion;
use super::{ApiError, Cluster, ForbiddenReads};
use crate::model::{
    Conversion, DryRunOutcome, DryRunResult, FailingCondition, Lease, Leftover, Namespace, NodeState,
    OwnerTraces, Permission, Pod, Presence, ResourceType, ServiceRef, path_segment,
};

/// Pods are looked at one by one up to here.
const MAX_PODS: usize = 100;
/// How many pods of an owner are worth naming.
const OWNER_PODS: usize = 3;
/// A webhook has ten seconds unless it says otherwise; the API server answers soon after.
const DRY_RUN_DEADLINE: Duration = Duration::from_secs(15);
/// What the API server says when something is created in a terminating namespace.
const BEING_TERMINATED: &str = "because it is being terminated";

impl Cluster {
    async fn object<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let body = self.call(Call::get(path).probing()).await?;
        self.parse(&body)
    }

    async fn items<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ApiError> {
        let mut list = self.call_json(Call::get(path).probing()).await?;
        match list["items"].take() {
            Value::Array(items) => {
                Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Whether a namespace is there.
    pub async fn presence_of(&self, namespace: &str, forbidden: &ForbiddenReads) -> Presence {
        let read =
            self.object::<core::Namespace>(&format!("/api/v1/namespaces/{}", path_segment(namespace))).await;
        forbidden.note("", "v1", "namespaces", &read);
        match read {
            Ok(namespace) if namespace.metadata.deletion_timestamp.is_some() => Presence::Terminating,
            other => presence(&other),
        }
    }

    /// Whether a Service is there, and how many endpoints of it are ready.
    pub async fn backend(
        &self,
        service: &ServiceRef,
        forbidden: &ForbiddenReads,
    ) -> (Presence, Option<usize>) {
        let ServiceRef { namespace, name } = service;
        let service_path =
            format!("/api/v1/namespaces/{}/services/{}", path_segment(namespace), path_segment(name));
        let slices_path = format!(
            "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices?limit=500&labelSelector=kubernetes.io%2Fservice-name%3D{}",
            path_segment(namespace),
            path_segment(name)
        );
        let (service, slices) = futures::join!(
            self.object::<core::Service>(&service_path),
            self.items::<EndpointSlice>(&slices_path),
        );
        forbidden.note("", "v1", "services", &service);
        forbidden.note("discovery.k8s.io", "v1", "endpointslices", &slices);
        // An ExternalName has no endpoints of its own.
        let external = service
            .as_ref()
            .is_ok_and(|service| service.spec.as_ref().is_some_and(|spec| spec.external_name.is_some()));
        let ready = slices.ok().filter(|_| !external).map(|slices| ready_endpoints(&slices));
        (presence(&service), ready)
    }

    /// How a CRD converts. `message` is what the server said of it.
    pub async fn conversion(
        &self,
        crd: &str,
        message: &str,
        forbidden: &ForbiddenReads,
    ) -> Result<Conversion, ApiError> {
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}", path_segment(crd));
        let crd = self.object::<CustomResourceDefinition>(&path).await;
        forbidden.note("apiextensions.k8s.io", "v1", "customresourcedefinitions", &crd);
        let crd = crd?;
        let service = crd.spec.conversion.and_then(|conversion| conversion.webhook);
        let service = service.and_then(|webhook| webhook.client_config).and_then(|client| client.service);
        let mut stored = crd.status.and_then(|status| status.stored_versions).unwrap_or_default();
        stored.retain(|name| crd.spec.versions.iter().any(|version| version.served && version.name == *name));
        Ok(Conversion {
            service: service.map(|service| ServiceRef { namespace: service.namespace, name: service.name }),
            stored_versions: stored,
            read_as: None,
            message: message.to_owned(),
        })
    }

    /// The pods of a namespace. The state of their nodes is yet to be looked at.
    pub async fn pods(&self, namespace: &str) -> Result<Vec<Pod>, ApiError> {
        let path = format!("/api/v1/namespaces/{}/pods?limit={MAX_PODS}", path_segment(namespace));
        let pods: Vec<core::Pod> = self.items(&path).await?;
        Ok(pods.into_iter().map(model_pod).collect())
    }

    /// Whether a node is there and ready.
    pub async fn node_state(&self, name: &str, forbidden: &ForbiddenReads) -> NodeState {
        let read = self.object::<core::Node>(&format!("/api/v1/nodes/{}", path_segment(name))).await;
        forbidden.note("", "v1", "nodes", &read);
        match read {
            Ok(node) => {
                let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
                let ready = conditions.iter().any(|each| each.type_ == "Ready" && each.status == "True");
                if ready { NodeState::Ready } else { NodeState::NotReady }
            }
            Err(error) if error.is_not_found() => NodeState::Missing,
            Err(_) => NodeState::Unknown,
        }
    }

    /// A lease. `None` where there is none.
    pub async fn lease(
        &self,
        namespace: &str,
        name: &str,
        forbidden: &ForbiddenReads,
    ) -> Result<Option<Lease>, ApiError> {
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/{}/leases/{}",
            path_segment(namespace),
            path_segment(name)
        );
        let read = self.object::<coordination::Lease>(&path).await;
        forbidden.note("coordination.k8s.io", "v1", "leases", &read);
        match read {
            Ok(lease) => Ok(lease.spec.map(|spec| Lease {
                holder: spec.holder_identity.unwrap_or_default(),
                renewed: spec.renew_time.map(|time| time.0),
                duration_seconds: spec.lease_duration_seconds.unwrap_or_default().into(),
            })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looks for pods by a label selector, in one namespace or in all.
    pub async fn owner_pods(&self, namespace: Option<&str>, selector: &str) -> OwnerTraces {
        let mut traces = OwnerTraces::default();
        let place = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
        let encoded: String = form_urlencoded::byte_serialize(selector.as_bytes()).collect();
        let path = format!("/api/v1{place}/pods?limit=50&labelSelector={encoded}");
        let place = namespace.map_or_else(|| "any namespace".to_owned(), |name| format!("namespace {name}"));
        match self.items::<core::Pod>(&path).await {
            Ok(pods) => {
                traces.looked_for.push(format!("pods with {selector} in {place}"));
                for pod in pods {
                    let phase = pod.status.and_then(|status| status.phase).unwrap_or_default();
                    if phase == "Running" && pod.metadata.deletion_timestamp.is_none() {
                        traces.running += 1;
                    }
                    if traces.pods.len() < OWNER_PODS {
                        let namespace = pod.metadata.namespace.unwrap_or_default();
                        let name = pod.metadata.name.unwrap_or_default();
                        traces.pods.push(format!("{namespace}/{name} ({phase})"));
                    }
                }
            }
            Err(error) => traces.unreadable.push(format!("pods in {place}: {}", error.detail())),
        }
        traces
    }

    /// Whether a pod, or a workload that would make one, has these labels in any namespace; `None` where not all
    /// of them could be looked at.
    pub async fn is_anywhere(&self, selector: &str) -> Option<bool> {
        let encoded: String = form_urlencoded::byte_serialize(selector.as_bytes()).collect();
        let kinds = [
            "/api/v1/pods",
            "/apis/apps/v1/deployments",
            "/apis/apps/v1/statefulsets",
            "/apis/apps/v1/daemonsets",
        ];
        let looks = kinds.map(|path| {
            let path = format!("{path}?limit=1&labelSelector={encoded}");
            async move {
                let list = self.call_json(Call::get(&path).probing()).await.ok()?;
                // What is no list is no evidence.
                let is_list = list["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
                is_list.then(|| list["items"].as_array().is_some_and(|items| !items.is_empty()))
            }
        });
        let found = futures::future::join_all(looks).await;
        if found.contains(&Some(true)) {
            return Some(true);
        }
        found.iter().all(Option::is_some).then_some(false)
    }

    /// What a leftover says in its own status of failing. A list of this one object: whoever could find it may
    /// list it, and needs no permission to get every type besides.
    pub async fn failing_conditions(&self, ty: &ResourceType, leftover: &Leftover) -> Vec<FailingCondition> {
        let name = &leftover.name;
        // A field selector has an escape of its own (apimachinery's pkg/fields/selector.go: EscapeValue).
        let escaped = name.replace('\\', r"\\").replace(',', r"\,").replace('=', r"\=");
        let selector: String =
            form_urlencoded::byte_serialize(format!("metadata.name={escaped}").as_bytes()).collect();
        let path = format!("{}?limit=1&fieldSelector={selector}", ty.path_in(&leftover.namespace));
        let object: Option<Value> =
            self.items(&path).await.ok().and_then(|items: Vec<Value>| items.into_iter().next());
        let said = object.map(|object| failures_in(&object["status"])).unwrap_or_default();
        let condition = |message| FailingCondition { object: format!("{ty}/{name}"), message };
        said.into_iter().map(condition).collect()
    }

    /// Whether a dry run would get as far as admission. Asked first, so that an account that only reports is
    /// never seen trying to write.
    async fn may_dry_run(&self, permission: Permission) -> bool {
        self.can_i(&permission).await.is_ok_and(|access| access.allowed)
    }

    /// Rehearses the finalization of a namespace.
    pub async fn dry_run_finalize(&self, namespace: &Namespace) -> Option<DryRunResult> {
        let update = Permission::new("update", "", "namespaces").subresource("finalize");
        if !self.may_dry_run(update.on_namespace(&namespace.name)).await {
            return None;
        }
        let body = namespace.without_spec_finalizers(&[crate::model::KUBERNETES_FINALIZER]);
        let path = format!("{}?fieldManager=nsfix&dryRun=All", Self::finalize_path(&namespace.name));
        let answer = self.call(Call::write(Method::PUT, &path, &body).waiting(DRY_RUN_DEADLINE)).await;
        let request = format!("PUT namespaces/{}/finalize", namespace.name);
        let finalizer = |answer: &Value| strings_at(answer, "/spec/finalizers");
        let undone = |answer: &Value| {
            finalizer(answer).into_iter().filter(|each| each == crate::model::KUBERNETES_FINALIZER).collect()
        };
        dry_run_result(request, "UPDATE", "namespaces/finalize".to_owned(), answer, undone)
    }

    /// Rehearses the deletion of a leftover.
    pub async fn dry_run_delete(&self, ty: &ResourceType, leftover: &Leftover) -> Option<DryRunResult> {
        let delete = Permission::new("delete", &ty.group, &ty.resource).within(&leftover.namespace);
        if !self.may_dry_run(delete).await {
            return None;
        }
        let path = ty.path_of(&leftover.namespace, &leftover.name);
        let (path, options) = dry_deletion(&path, json!({"preconditions": {"uid": leftover.uid}}));
        let answer = self.call(Call::write(Method::DELETE, &path, &options).waiting(DRY_RUN_DEADLINE)).await;
        dry_run_result(format!("DELETE {ty}/{}", leftover.name), "DELETE", ty.to_string(), answer, |_| {
            Vec::new()
        })
    }

    /// Rehearses taking the finalizers off a leftover.
    pub async fn dry_run_release(&self, ty: &ResourceType, leftover: &Leftover) -> Option<DryRunResult> {
        let patch = Permission::new("patch", &ty.group, &ty.resource).within(&leftover.namespace);
        if !self.may_dry_run(patch).await {
            return None;
        }
        let path =
            format!("{}?fieldManager=nsfix&dryRun=All", ty.path_of(&leftover.namespace, &leftover.name));
        let released = json!({"metadata": {"uid": leftover.uid, "finalizers": null}});
        let answer = self.call(Call::merge_patch(&path, &released).waiting(DRY_RUN_DEADLINE)).await;
        let undone = |answer: &Value| strings_at(answer, "/metadata/finalizers");
        dry_run_result(format!("PATCH {ty}/{}", leftover.name), "UPDATE", ty.to_string(), answer, undone)
    }
}

/// `None` where the answer says nothing: gone meanwhile, a conflict, not sent, or a webhook that does not
/// support dry run. `undone` finds in the answer what should be gone from it.
fn dry_run_result(
    request: String,
    operation: &str,
    resource: String,
    answer: Result<Vec<u8>, ApiError>,
    undone: impl Fn(&Value) -> Vec<String>,
) -> Option<DryRunResult> {
    let outcome = match answer {
        Ok(body) => {
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let undone = undone(&body);
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
    Some(DryRunResult { request, operation: operation.to_owned(), resource, outcome })
}

fn strings_at(object: &Value, pointer: &str) -> Vec<String> {
    let list = object.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Conditions that are False with a reason and a message, an error, a phase of failure.
fn failures_in(status: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let failing = conditions.filter_map(|condition| {
        let (reason, message) = (text(&condition["reason"]), text(&condition["message"]));
        let fails = (condition["status"] == "False" && !reason.is_empty() && !message.is_empty())
            || message.contains(BEING_TERMINATED);
        let reason = if reason.is_empty() { reason } else { format!("{reason}: ") };
        fails.then(|| format!("{reason}{message}"))
    });
    let mut said: Vec<String> = failing.collect();
    said.extend(status["error"].as_str().filter(|error| !error.is_empty()).map(str::to_owned));
    let phase = text(&status["phase"]);
    if ["fail", "error"].iter().any(|word| phase.to_ascii_lowercase().contains(word)) {
        said.push(format!("phase {phase}: {}", text(&status["message"])).trim_end_matches(": ").to_owned());
    }
    said
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

fn presence<T>(read: &Result<T, ApiError>) -> Presence {
    match read {
        Ok(_) => Presence::Present,
        Err(error) if error.is_not_found() => Presence::Missing,
        Err(_) => Presence::Unknown,
    }
}

fn ready_endpoints(slices: &[EndpointSlice]) -> usize {
    let endpoints = slices.iter().flat_map(|slice| slice.endpoints.iter().flatten());
    // Unknown counts as ready, as in kube-proxy (k8s.io/api discovery/v1 types.go).
    endpoints
        .filter(|endpoint| {
            endpoint.conditions.as_ref().is_none_or(|conditions| conditions.ready != Some(false))
        })
        .count()
}

fn model_pod(pod: core::Pod) -> Pod {
    let deleted: Option<Timestamp> = pod.metadata.deletion_timestamp.map(|time| time.0);
    Pod {
        name: pod.metadata.name.unwrap_or_default(),
        node: pod.spec.and_then(|spec| spec.node_name),
        node_state: NodeState::Unknown,
        deleted,
        grace_seconds: pod.metadata.deletion_grace_period_seconds.unwrap_or_default(),
        finalizers: pod.metadata.finalizers.unwrap_or_default(),
    }
}
