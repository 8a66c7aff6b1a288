//! Reads that the first look gave reason to: Services behind webhooks, CRDs that cannot convert, pods and their
//! nodes, the owners of finalizers.

use std::pin::pin;

use futures::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::coordination::v1 as coordination;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::call::Call;
use super::paging::{List, PageBody};
use super::status::failures_in_status;
use super::{ApiError, Cluster, ForbiddenReads};
use crate::model::{
    ApiPath, Conversion, FailingCondition, Lease, Leftover, NodeState, OwnerTraces, Pod, Presence,
    ResourceType, ServiceRef,
};

/// Pods are looked at one by one up to here.
const MAX_PODS: u32 = 100;
/// As many of an owner's pods are looked at, and as many of those are named.
const MAX_OWNER_PODS: u32 = 50;
const OWNER_PODS: usize = 3;

/// An object as far as it says how it is.
#[derive(Deserialize)]
struct WithStatus {
    #[serde(default)]
    status: Value,
}

/// A collection of a type that Kubernetes itself defines.
pub(super) fn collection<K: Resource>(namespace: &str) -> ApiPath {
    ApiPath::collection(K::GROUP, K::VERSION, namespace, K::URL_PATH_SEGMENT)
}

impl Cluster {
    async fn object<K: Resource + DeserializeOwned>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<K, ApiError> {
        let body = self.call(Call::get(&collection::<K>(namespace).join(name)).probing()).await?;
        self.parse(&body)
    }

    /// The objects of the first page, which is all that is wanted of them.
    pub(super) async fn first_page<T: DeserializeOwned>(
        &self,
        path: &ApiPath,
        params: impl FnOnce(ListParams) -> ListParams,
    ) -> Result<Vec<T>, ApiError> {
        let pages = self.pages(List::of(path).with(params).probing(), |body| {
            let page: PageBody<T> = self.parse(body)?;
            page.into_page(self)
        });
        let page = pin!(pages).try_next().await?;
        Ok(page.map(|page| page.items).unwrap_or_default())
    }

    pub async fn presence_of(&self, namespace: &str, forbidden: &ForbiddenReads) -> Presence {
        let read = self.object::<core::Namespace>("", namespace).await;
        forbidden.note::<core::Namespace, _>(&read);
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
        let (service, ready) = futures::join!(
            self.object::<core::Service>(namespace, name),
            self.ready_endpoints(namespace, name, forbidden),
        );
        forbidden.note::<core::Service, _>(&service);
        // An ExternalName has no endpoints of its own.
        let external = service
            .as_ref()
            .is_ok_and(|service| service.spec.as_ref().is_some_and(|spec| spec.external_name.is_some()));
        (presence(&service), ready.filter(|_| !external))
    }

    /// From the EndpointSlices of a Service, or from its Endpoints where the server has no `discovery.k8s.io/v1` (before
    /// 1.21).
    async fn ready_endpoints(
        &self,
        namespace: &str,
        service: &str,
        forbidden: &ForbiddenReads,
    ) -> Option<usize> {
        let slices: Result<Vec<EndpointSlice>, _> = self
            .first_page(&collection::<EndpointSlice>(namespace), |params| {
                params.labels(&format!("kubernetes.io/service-name={service}"))
            })
            .await;
        forbidden.note::<EndpointSlice, _>(&slices);
        match slices {
            Ok(slices) => Some(ready_in_slices(&slices)),
            Err(error) if error.code() == Some(404) => {
                let path = collection::<core::Endpoints>(namespace);
                let named = |params: ListParams| params.fields(&format!("metadata.name={service}"));
                let endpoints: Result<Vec<core::Endpoints>, _> = self.first_page(&path, named).await;
                forbidden.note::<core::Endpoints, _>(&endpoints);
                endpoints.ok().map(|endpoints| ready_addresses(&endpoints))
            }
            Err(_) => None,
        }
    }

    /// How a CRD converts. `message` is what the server said of it.
    pub async fn conversion(
        &self,
        crd: &str,
        message: &str,
        forbidden: &ForbiddenReads,
    ) -> Result<Conversion, ApiError> {
        let crd = self.object::<CustomResourceDefinition>("", crd).await;
        forbidden.note::<CustomResourceDefinition, _>(&crd);
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
        let path = collection::<core::Pod>(namespace);
        let pods: Vec<core::Pod> = self.first_page(&path, |params| params.limit(MAX_PODS)).await?;
        Ok(pods.into_iter().map(model_pod).collect())
    }

    /// Whether a node is there and ready.
    pub async fn node_state(&self, name: &str, forbidden: &ForbiddenReads) -> NodeState {
        let read = self.object::<core::Node>("", name).await;
        forbidden.note::<core::Node, _>(&read);
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
        let read = self.object::<coordination::Lease>(namespace, name).await;
        forbidden.note::<coordination::Lease, _>(&read);
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
        let path = collection::<core::Pod>(namespace.unwrap_or_default());
        let place = namespace.map_or_else(|| "any namespace".to_owned(), |name| format!("namespace {name}"));
        let pods = self.first_page(&path, |params| params.labels(selector).limit(MAX_OWNER_PODS));
        match pods.await {
            Ok(pods) => {
                traces.looked_for.push(format!("pods with {selector} in {place}"));
                for pod in pods {
                    let pod: core::Pod = pod;
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
        let kinds = [
            collection::<core::Pod>(""),
            collection::<apps::Deployment>(""),
            collection::<apps::StatefulSet>(""),
            collection::<apps::DaemonSet>(""),
        ];
        let looks = kinds.iter().map(|path| async move {
            let found = self.first_page(path, |params| params.labels(selector).limit(1)).await;
            found.ok().map(|found: Vec<IgnoredAny>| !found.is_empty())
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
        let path = ty.path_in(&leftover.namespace);
        let selector = format!("metadata.name={escaped}");
        let found = self.first_page(&path, |params| params.fields(&selector).limit(1)).await;
        let object: Option<WithStatus> = found.ok().and_then(|found| found.into_iter().next());
        let said = object.map(|object| failures_in_status(&object.status)).unwrap_or_default();
        let condition = |message| FailingCondition { object: format!("{ty}/{name}"), message };
        said.into_iter().map(condition).collect()
    }
}

fn presence<T>(read: &Result<T, ApiError>) -> Presence {
    match read {
        Ok(_) => Presence::Present,
        Err(error) if error.is_not_found() => Presence::Missing,
        Err(_) => Presence::Unknown,
    }
}

fn ready_in_slices(slices: &[EndpointSlice]) -> usize {
    let endpoints = slices.iter().flat_map(|slice| slice.endpoints.iter().flatten());
    // Unknown counts as ready, as in kube-proxy (k8s.io/api discovery/v1 types.go).
    endpoints
        .filter(|endpoint| {
            endpoint.conditions.as_ref().is_none_or(|conditions| conditions.ready != Some(false))
        })
        .count()
}

fn ready_addresses(endpoints: &[core::Endpoints]) -> usize {
    let subsets = endpoints.iter().flat_map(|endpoints| endpoints.subsets.iter().flatten());
    subsets.map(|subset| subset.addresses.as_ref().map_or(0, Vec::len)).sum()
}

fn model_pod(pod: core::Pod) -> Pod {
    let deleted: Option<Timestamp> = pod.metadata.deletion_timestamp.map(|time| time.0);
    Pod {
        name: pod.metadata.name.unwrap_or_default(),
        // What it would have, where nobody has asked it to go yet.
        grace_seconds: pod
            .metadata
            .deletion_grace_period_seconds
            .or(pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds))
            .unwrap_or_default(),
        claims: claims(pod.spec.as_ref()),
        node: pod.spec.and_then(|spec| spec.node_name),
        node_state: NodeState::Unknown,
        deleted,
        finalizers: pod.metadata.finalizers.unwrap_or_default(),
    }
}

fn claims(spec: Option<&core::PodSpec>) -> Vec<String> {
    let volumes = spec.and_then(|spec| spec.volumes.as_ref()).into_iter().flatten();
    let claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    claims.map(|claim| claim.claim_name.clone()).collect()
}
