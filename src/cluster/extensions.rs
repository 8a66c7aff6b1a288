//! The parts of a cluster that can hold up a namespace: APIServices, CRDs, webhooks, policies.

use std::collections::BTreeSet;

use futures::{TryStreamExt, future};
use k8s_openapi::api::admissionregistration::v1 as admission;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as registration;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::coverage::Listed;
use super::paging::{List, Page, PageBody, again_if_expired};
use super::{ApiError, Cluster, Discovered};
use crate::model::{
    AdmissionHook, AdmissionHookKind, AdmissionRule, ApiService, ClusterExtensions, Gap, ResourceType,
    ServiceRef,
};

const ADMISSION: &str = "admissionregistration.k8s.io";

/// What is looked at of an object's metadata. k8s-openapi's type takes managed fields apart: most of what is sent.
#[derive(Default, Deserialize)]
struct Named {
    name: Option<String>,
}

/// Mutating webhooks are configured with the same fields, and one more that does not matter here.
#[derive(Deserialize)]
struct WebhookConfiguration {
    metadata: Option<Named>,
    webhooks: Option<Vec<admission::ValidatingWebhook>>,
}

#[derive(Deserialize)]
struct RegisteredApi {
    metadata: Option<Named>,
    spec: Option<registration::APIServiceSpec>,
    status: Option<registration::APIServiceStatus>,
}

impl Cluster {
    /// Reads what can hold up any namespace. What could not be read is among the gaps; fails only where the
    /// server as a whole is of no use.
    pub async fn extensions(&self, discovered: &Discovered) -> Result<ClusterExtensions, ApiError> {
        let (services, crds, (webhooks, no_webhooks), (policies, no_policies)) = futures::try_join!(
            self.all::<RegisteredApi>(discovered, "apiregistration.k8s.io", "apiservices"),
            self.terminating_crds(discovered),
            self.webhooks(discovered),
            self.policies(discovered),
        )?;
        let mut gaps = Vec::new();
        let services = services.or_note(&mut gaps).into_iter().filter_map(api_service);
        let api_services: Vec<ApiService> = services.collect();
        let others = api_services.iter().map(|each| format!("{}.{}", each.version, each.group)).collect();
        self.servers.note(gaps.first().map_or(Ok(others), |gap| Err(gap.detail.clone())));
        let terminating_crds = crds.or_note(&mut gaps).into_iter().collect();
        Ok(ClusterExtensions {
            api_services,
            terminating_crds,
            admission_hooks: webhooks.into_iter().chain(policies).collect(),
            gaps: gaps.into_iter().chain(no_webhooks).chain(no_policies).collect(),
            ..ClusterExtensions::default()
        })
    }

    async fn webhooks(&self, discovered: &Discovered) -> Result<(Vec<AdmissionHook>, Vec<Gap>), ApiError> {
        use AdmissionHookKind::{MutatingWebhook, ValidatingWebhook};
        let all = |resource| self.all::<WebhookConfiguration>(discovered, ADMISSION, resource);
        let (validating, mutating) =
            futures::try_join!(all("validatingwebhookconfigurations"), all("mutatingwebhookconfigurations"))?;
        let (mut hooks, mut gaps) = (Vec::new(), Vec::new());
        for (kind, read) in [(ValidatingWebhook, validating), (MutatingWebhook, mutating)] {
            hooks.extend(read.or_note(&mut gaps).into_iter().flat_map(|each| webhooks(kind, each)));
        }
        Ok((hooks, gaps))
    }

    async fn policies(&self, discovered: &Discovered) -> Result<(Vec<AdmissionHook>, Vec<Gap>), ApiError> {
        use admission::{MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding};
        use admission::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
        let (policies, bindings, mutations, mutation_bindings) = futures::try_join!(
            self.all::<ValidatingAdmissionPolicy>(discovered, ADMISSION, "validatingadmissionpolicies"),
            self.all::<ValidatingAdmissionPolicyBinding>(
                discovered,
                ADMISSION,
                "validatingadmissionpolicybindings"
            ),
            self.all::<MutatingAdmissionPolicy>(discovered, ADMISSION, "mutatingadmissionpolicies"),
            self.all::<MutatingAdmissionPolicyBinding>(
                discovered,
                ADMISSION,
                "mutatingadmissionpolicybindings"
            ),
        )?;
        let mut gaps = Vec::new();
        let bindings = bindings.or_note(&mut gaps);
        let bound: BTreeSet<String> = mutation_bindings
            .or_note(&mut gaps)
            .into_iter()
            .filter_map(|each| each.spec?.policy_name)
            .collect();
        let validating =
            policies.or_note(&mut gaps).into_iter().filter_map(|policy| bound_policy(policy, &bindings));
        let mut hooks: Vec<AdmissionHook> = validating.collect();
        hooks.extend(
            mutations.or_note(&mut gaps).into_iter().filter_map(|policy| mutating_policy(policy, &bound)),
        );
        Ok((hooks, gaps))
    }

    /// Every object of a cluster-scoped type, whole. A type that the server does not have has none.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        discovered: &Discovered,
        group: &str,
        resource: &str,
    ) -> Result<Listed<Vec<T>>, ApiError> {
        let Some(ty) = discovered.find(group, resource) else { return Ok(Listed::Found(Vec::new())) };
        // Unknown also where this version of nsfix cannot read one of them, and so cannot judge it.
        Listed::of(ty, again_if_expired(|| self.all_of(ty)).await)
    }

    async fn all_of<T: DeserializeOwned>(&self, ty: &ResourceType) -> Result<Vec<T>, ApiError> {
        let path = ty.path();
        let pages = self.pages(List::of(&path).probing().of_whole_objects(), |body| {
            let page: PageBody<T> = self.parse(body)?;
            page.into_page(self)
        });
        let add = |mut items: Vec<T>, page: Page<T>| {
            items.extend(page.items);
            future::ready(Ok(items))
        };
        pages.try_fold(Vec::new(), add).await
    }

    /// The CRDs that are being deleted, by metadata alone: their schemas are large.
    async fn terminating_crds(&self, discovered: &Discovered) -> Result<Listed<Vec<String>>, ApiError> {
        let Some(ty) = discovered.find("apiextensions.k8s.io", "customresourcedefinitions") else {
            return Ok(Listed::Found(Vec::new()));
        };
        let crds = self
            .leftovers_of(ty, "")
            .await
            .map(|crds| crds.into_iter().filter(|crd| crd.deleted.is_some()).map(|crd| crd.name).collect());
        Listed::of(ty, crds)
    }
}

impl Discovered {
    /// A type by group and resource, in the group's preferred version.
    #[must_use]
    pub fn find(&self, group: &str, resource: &str) -> Option<&ResourceType> {
        let of_group = self.group_versions.iter().filter(|each| each.group == group);
        of_group.flat_map(|each| &each.types).find(|ty| ty.resource == resource)
    }
}

/// Only the APIServices of an aggregated API server can be unavailable.
fn api_service(service: RegisteredApi) -> Option<ApiService> {
    let spec = service.spec?;
    let behind = spec.service?;
    let conditions = service.status.and_then(|status| status.conditions).unwrap_or_default();
    let available = conditions.into_iter().find(|condition| condition.type_ == "Available");
    Some(ApiService {
        name: service.metadata?.name?,
        group: spec.group.unwrap_or_default(),
        version: spec.version.unwrap_or_default(),
        service: ServiceRef { namespace: behind.namespace?, name: behind.name? },
        available: available.as_ref().map(|condition| condition.status == "True"),
        reason: available.as_ref().and_then(|condition| condition.reason.clone()).unwrap_or_default(),
        message: available.and_then(|condition| condition.message).unwrap_or_default(),
    })
}

fn webhooks(
    kind: AdmissionHookKind,
    configuration: WebhookConfiguration,
) -> impl Iterator<Item = AdmissionHook> {
    let name = configuration.metadata.unwrap_or_default().name.unwrap_or_default();
    configuration.webhooks.unwrap_or_default().into_iter().map(move |hook| AdmissionHook {
        kind,
        configuration: name.clone(),
        name: hook.name,
        service: hook.client_config.service.map(service_ref),
        url: hook.client_config.url,
        fails_closed: hook.failure_policy.as_deref() != Some("Ignore"),
        timeout_seconds: hook.timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok()),
        has_conditions: hook.match_conditions.is_some_and(|conditions| !conditions.is_empty()),
        rules: hook.rules.unwrap_or_default().into_iter().map(rule).collect(),
        namespace_selector: hook.namespace_selector.unwrap_or_default(),
        object_selector: hook.object_selector.unwrap_or_default(),
    })
}

fn service_ref(service: admission::ServiceReference) -> ServiceRef {
    ServiceRef { namespace: service.namespace, name: service.name }
}

fn rule(rule: admission::RuleWithOperations) -> AdmissionRule {
    AdmissionRule {
        operations: rule.operations.unwrap_or_default(),
        groups: rule.api_groups.unwrap_or_default(),
        versions: rule.api_versions.unwrap_or_default(),
        resources: rule.resources.unwrap_or_default(),
        scope: rule.scope.unwrap_or_default(),
        names: Vec::new(),
    }
}

/// A policy does nothing until it is bound, and only a binding that denies refuses anything.
fn bound_policy(
    policy: admission::ValidatingAdmissionPolicy,
    bindings: &[admission::ValidatingAdmissionPolicyBinding],
) -> Option<AdmissionHook> {
    let name = policy.metadata.name?;
    let denies = bindings.iter().map(|binding| &binding.spec).any(|spec| {
        spec.policy_name == name && spec.validation_actions.iter().any(|action| action == "Deny")
    });
    let spec = policy.spec.filter(|_| denies)?;
    let fails_closed = spec.failure_policy.as_deref() != Some("Ignore");
    let matches = spec.match_constraints.unwrap_or_default();
    Some(policy_hook(AdmissionHookKind::ValidatingPolicy, name, fails_closed, matches))
}

fn mutating_policy(
    policy: admission::MutatingAdmissionPolicy,
    bound: &BTreeSet<String>,
) -> Option<AdmissionHook> {
    let name = policy.metadata.name.filter(|name| bound.contains(name))?;
    let spec = policy.spec?;
    let fails_closed = spec.failure_policy.as_deref() != Some("Ignore");
    let matches = spec.match_constraints.unwrap_or_default();
    Some(policy_hook(AdmissionHookKind::MutatingPolicy, name, fails_closed, matches))
}

fn policy_hook(
    kind: AdmissionHookKind,
    name: String,
    fails_closed: bool,
    matches: admission::MatchResources,
) -> AdmissionHook {
    let rules = matches.resource_rules.unwrap_or_default().into_iter().map(|named| AdmissionRule {
        operations: named.operations.unwrap_or_default(),
        groups: named.api_groups.unwrap_or_default(),
        versions: named.api_versions.unwrap_or_default(),
        resources: named.resources.unwrap_or_default(),
        scope: named.scope.unwrap_or_default(),
        names: named.resource_names.unwrap_or_default(),
    });
    let selector = |selector: Option<LabelSelector>| selector.unwrap_or_default();
    AdmissionHook {
        kind,
        configuration: name.clone(),
        name,
        service: None,
        url: None,
        fails_closed,
        timeout_seconds: None,
        // What a policy does is always decided by its expressions.
        has_conditions: true,
        rules: rules.collect(),
        namespace_selector: selector(matches.namespace_selector),
        object_selector: selector(matches.object_selector),
    }
}
