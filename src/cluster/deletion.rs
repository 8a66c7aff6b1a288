//! What is read, and rehearsed, of a namespace whose deletion is asked about.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{TryStreamExt, future};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::rbac::v1 as rbac;
use kube::api::{DeleteParams, ListParams};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::call::Call;
use super::coverage::gap;
use super::dry_run::{DRY_RUN_DEADLINE, dry_run_result};
use super::paging::{List, Page, PageBody};
use super::workloads::collection;
use super::write::only_uid;
use super::{ApiError, Cluster, Discovered};
use crate::model::{
    Account, AccountPods, ApiPath, Application, ConvertedCrd, DryRunResult, Gap, Grant, Leftover,
    LoadBalancer, Namespace, Permission, ResourceType, Right, ServiceRef, Unrehearsed, Volume,
};

const RBAC: &str = "rbac.authorization.k8s.io";
/// CRDs are large; so many fit into an answer.
const CRD_PAGE: u32 = 50;
/// So many held objects of a type are read whole.
const WHOLE_OBJECTS: u32 = 50;

impl Cluster {
    /// Whether this account may delete everything in a namespace, so that nothing has to be asked one by one.
    pub async fn may_delete_all_in(&self, namespace: &str) -> bool {
        let all = Permission::new("delete", "*", "*").within(namespace);
        self.can_i(&all).await.is_ok_and(|access| access.allowed)
    }

    /// Whether this account may delete objects of a type in a namespace.
    pub async fn may_delete(&self, ty: &ResourceType, namespace: &str) -> bool {
        let delete = Permission::new("delete", &ty.group, &ty.resource).within(namespace);
        self.can_i(&delete).await.is_ok_and(|access| access.allowed)
    }

    /// Rehearses the deletion of an object that is not being deleted yet. Nothing is stored.
    pub async fn rehearse_deletion(
        &self,
        ty: &ResourceType,
        object: &Leftover,
    ) -> Result<Option<DryRunResult>, Unrehearsed> {
        let path = ty.path_of(&object.namespace, &object.name);
        let request = format!("DELETE {ty}/{}", object.name);
        self.rehearse(&path, &object.uid, request, ty.to_string()).await
    }

    /// Rehearses the deletion of a namespace. Nothing is stored.
    pub async fn rehearse_deletion_of(
        &self,
        namespace: &Namespace,
    ) -> Result<Option<DryRunResult>, Unrehearsed> {
        let delete = Permission::new("delete", "", "namespaces").on_namespace(&namespace.name);
        if !self.can_i(&delete).await.is_ok_and(|access| access.allowed) {
            return Err(not_allowed("namespaces"));
        }
        let path = ApiPath::namespace(&namespace.name);
        let request = format!("DELETE namespaces/{}", namespace.name);
        self.rehearse(&path, &namespace.uid, request, "namespaces".to_owned()).await
    }

    async fn rehearse(
        &self,
        path: &ApiPath,
        uid: &str,
        request: String,
        resource: String,
    ) -> Result<Option<DryRunResult>, Unrehearsed> {
        let params = DeleteParams::default().preconditions(only_uid(uid)).dry_run();
        let answer = self.call_with_warnings(Call::delete(path, &params).waiting(DRY_RUN_DEADLINE)).await;
        let why = answer.as_ref().err().map(ApiError::detail);
        // Gone, or another one of its name. A 404 that does not say of what is no answer either: nothing was rehearsed.
        let outdated = answer.as_ref().is_err_and(|error| error.code() == Some(404) || error.is_conflict());
        let held_back = answer.as_ref().is_err_and(ApiError::is_not_rehearsed);
        match dry_run_result(request, "DELETE", resource.clone(), answer, |_: IgnoredAny| Vec::new()) {
            Some(result) => Ok(Some(result)),
            None => match why {
                Some(why) if held_back || why.ends_with("does not support dry run") => {
                    Err(Unrehearsed { resource, why, outdated: false })
                }
                Some(why) if outdated && resource == "namespaces" => {
                    let why = format!("it was deleted, or created anew, while it was looked at ({why})");
                    Err(Unrehearsed { resource, why, outdated })
                }
                // An object that goes meanwhile needs no rehearsal.
                _ => Ok(None),
            },
        }
    }

    /// The CRDs that convert through a webhook between several versions, page by page: their schemas are large.
    pub async fn converted_crds(&self, discovered: &Discovered) -> Result<Vec<ConvertedCrd>, Gap> {
        let Some(ty) = discovered.find("apiextensions.k8s.io", "customresourcedefinitions") else {
            return Ok(Vec::new());
        };
        let path = ty.path();
        let list = List::of(&path).with(|params| params.limit(CRD_PAGE)).probing().of_whole_objects();
        let pages = self.pages(list, |body| {
            let page: PageBody<Crd> = self.parse(body)?;
            page.into_page(self)
        });
        let add = |mut found: Vec<ConvertedCrd>, page: Page<Crd>| {
            found.extend(page.items.into_iter().filter_map(converted));
            future::ready(Ok(found))
        };
        pages.try_fold(Vec::new(), add).await.map_err(|error| gap(ty, &error))
    }

    /// What a list of a converted type in a namespace is answered by the server's cache: without a limit it does not
    /// go past it to etcd, and a name keeps it small. `None` where it works, or fails over something else.
    pub async fn conversion_failure(&self, ty: &ResourceType, namespace: &str) -> Option<String> {
        let params = ListParams::default().fields("metadata.name=nsfix-check");
        let error = self.call(Call::list(&ty.path_in(namespace), &params).probing().once()).await.err()?;
        let mut said = error.detail();
        // 1.32 does not say why the cache does not fill; a page of all namespaces, which comes from etcd, does.
        if said.ends_with("storage is (re)initializing") {
            said = self.failed_list(ty).await?;
        }
        said.contains("conversion webhook for ").then_some(said)
    }

    /// What ServiceAccounts are granted, by every binding.
    pub async fn grants(&self, discovered: &Discovered) -> Result<(Vec<Grant>, Vec<Gap>), ApiError> {
        let (cluster_roles, roles, cluster_bindings, bindings) = futures::try_join!(
            self.all::<rbac::ClusterRole>(discovered, RBAC, "clusterroles"),
            self.all::<rbac::Role>(discovered, RBAC, "roles"),
            self.all::<rbac::ClusterRoleBinding>(discovered, RBAC, "clusterrolebindings"),
            self.all::<rbac::RoleBinding>(discovered, RBAC, "rolebindings"),
        )?;
        let mut gaps = Vec::new();
        let mut rights: BTreeMap<(Option<String>, String), Arc<Vec<Right>>> = BTreeMap::new();
        for role in cluster_roles.or_note(&mut gaps) {
            let name = role.metadata.name.unwrap_or_default();
            rights.insert((None, name), Arc::new(role.rules.into_iter().flatten().map(right).collect()));
        }
        for role in roles.or_note(&mut gaps) {
            let key = (role.metadata.namespace, role.metadata.name.unwrap_or_default());
            rights.insert(key, Arc::new(role.rules.into_iter().flatten().map(right).collect()));
        }
        let mut grants = Vec::new();
        let mut add = |binding: Option<String>, namespace: Option<String>, role: rbac::RoleRef, subjects| {
            let home = namespace.clone().filter(|_| role.kind == "Role");
            let Some(rights) = rights.get(&(home, role.name)) else { return };
            let subjects: Option<Vec<rbac::Subject>> = subjects;
            let accounts = subjects.into_iter().flatten().filter(|subject| subject.kind == "ServiceAccount");
            grants.extend(accounts.map(|subject| Grant {
                account: Account {
                    namespace: subject.namespace.or_else(|| namespace.clone()).unwrap_or_default(),
                    name: subject.name,
                },
                binding: binding.clone().unwrap_or_default(),
                namespace: namespace.clone(),
                rights: Arc::clone(rights),
            }));
        };
        for binding in cluster_bindings.or_note(&mut gaps) {
            add(binding.metadata.name, None, binding.role_ref, binding.subjects);
        }
        for binding in bindings.or_note(&mut gaps) {
            add(binding.metadata.name, binding.metadata.namespace, binding.role_ref, binding.subjects);
        }
        Ok((grants, gaps))
    }

    /// The pods that run as an account.
    pub async fn account_pods(&self, account: &Account) -> AccountPods {
        let path = collection::<core::Pod>(&account.namespace);
        let selector = format!("spec.serviceAccountName={}", account.name);
        match self.first_page::<core::Pod>(&path, |params| params.fields(&selector).limit(50)).await {
            Ok(pods) => {
                let runs = |pod: &core::Pod| {
                    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
                };
                let names = pods.into_iter().filter(runs).filter_map(|pod| pod.metadata.name);
                AccountPods { running: names.collect(), unreadable: None }
            }
            Err(error) => {
                let why = format!("pods in namespace {}: {}", account.namespace, error.detail());
                AccountPods { running: Vec::new(), unreadable: Some(why) }
            }
        }
    }

    /// The Services of type LoadBalancer in a namespace.
    pub async fn load_balancers(
        &self,
        discovered: &Discovered,
        namespace: &str,
    ) -> Result<Vec<LoadBalancer>, Gap> {
        let Some(ty) = discovered.find("", "services") else { return Ok(Vec::new()) };
        let path = ty.path_in(namespace);
        let balancers = |params: ListParams| params.fields("spec.type=LoadBalancer");
        // Servers before 1.31 do not know that field, and 400 is their answer.
        let services = match self.first_page::<core::Service>(&path, balancers).await {
            Err(error) if error.code() == Some(400) => {
                self.first_page::<core::Service>(&path, |params| params.limit(1000)).await
            }
            other => other,
        };
        let services = services.map_err(|error| gap(ty, &error))?;
        Ok(services.into_iter().filter_map(load_balancer).collect())
    }

    /// The volumes that are bound to claims, by the claim's namespace.
    pub async fn volumes(&self, discovered: &Discovered) -> Result<BTreeMap<String, Vec<Volume>>, Gap> {
        let Some(ty) = discovered.find("", "persistentvolumes") else { return Ok(BTreeMap::new()) };
        let read = self.all::<core::PersistentVolume>(discovered, "", "persistentvolumes").await;
        let volumes = read.map_err(|error| gap(ty, &error))?.found()?;
        let mut found: BTreeMap<String, Vec<Volume>> = BTreeMap::new();
        for volume in volumes {
            let Some(spec) = volume.spec else { continue };
            let Some(claim) = spec.claim_ref else { continue };
            found.entry(claim.namespace.unwrap_or_default()).or_default().push(Volume {
                name: volume.metadata.name.unwrap_or_default(),
                claim: claim.name.unwrap_or_default(),
                // A volume that says nothing is retained (k8s.io/api core/v1 types.go).
                reclaim_policy: spec.persistent_volume_reclaim_policy.unwrap_or_else(|| "Retain".to_owned()),
            });
        }
        Ok(found)
    }

    /// Whether any node names a cloud provider, whose controllers may run where the cluster does not show them.
    pub async fn has_cloud_provider(&self) -> Result<bool, ApiError> {
        let nodes: Vec<core::Node> =
            self.first_page(&collection::<core::Node>(""), |params| params.limit(50)).await?;
        let provider =
            |node: &core::Node| node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref()).is_some();
        Ok(nodes.iter().any(provider))
    }

    /// Argo CD's Applications, by the namespace that they apply objects to.
    pub async fn applications(
        &self,
        discovered: &Discovered,
    ) -> Result<BTreeMap<String, Vec<Application>>, Gap> {
        let Some(ty) = discovered.find("argoproj.io", "applications") else { return Ok(BTreeMap::new()) };
        let read = self.all::<Value>(discovered, "argoproj.io", "applications").await;
        let applications = read.map_err(|error| gap(ty, &error))?.found()?;
        let mut found: BTreeMap<String, Vec<Application>> = BTreeMap::new();
        for application in applications {
            for namespace in namespaces_of(&application) {
                found.entry(namespace).or_default().push(model_application(&application));
            }
        }
        Ok(found)
    }

    /// The first objects of a type in a namespace, whole.
    pub async fn first_objects(&self, ty: &ResourceType, namespace: &str) -> Result<Vec<Value>, Gap> {
        let path = ty.path_in(namespace);
        let objects = self.first_page(&path, |params| params.limit(WHOLE_OBJECTS)).await;
        objects.map_err(|error| gap(ty, &error))
    }
}

/// An account that only reports is never seen trying to write.
#[must_use]
pub fn not_allowed(resource: &str) -> Unrehearsed {
    Unrehearsed {
        resource: resource.to_owned(),
        why: format!("this account is not allowed to delete {resource}, so that it was not rehearsed"),
        outdated: false,
    }
}

/// A CRD without its schemas.
#[derive(Deserialize)]
struct Crd {
    metadata: CrdMeta,
    spec: CrdSpec,
}

#[derive(Deserialize)]
struct CrdMeta {
    name: String,
}

#[derive(Deserialize)]
struct CrdSpec {
    #[serde(default)]
    versions: Vec<IgnoredAny>,
    #[serde(default)]
    conversion: Value,
}

fn converted(crd: Crd) -> Option<ConvertedCrd> {
    // With one version there is nothing to convert.
    if crd.spec.conversion["strategy"] != "Webhook" || crd.spec.versions.len() < 2 {
        return None;
    }
    let service = &crd.spec.conversion["webhook"]["clientConfig"]["service"];
    let text = |key: &str| service[key].as_str().map(str::to_owned);
    let service = text("namespace").zip(text("name"));
    Some(ConvertedCrd {
        name: crd.metadata.name,
        service: service.map(|(namespace, name)| ServiceRef { namespace, name }),
        failure: None,
    })
}

fn right(rule: rbac::PolicyRule) -> Right {
    Right {
        groups: rule.api_groups.unwrap_or_default(),
        resources: rule.resources.unwrap_or_default(),
        verbs: rule.verbs,
    }
}

fn load_balancer(service: core::Service) -> Option<LoadBalancer> {
    (service.spec?.type_.as_deref() == Some("LoadBalancer")).then_some(())?;
    let ingress = service.status.and_then(|status| status.load_balancer).and_then(|status| status.ingress);
    let addresses = ingress.into_iter().flatten().filter_map(|ingress| ingress.hostname.or(ingress.ip));
    Some(LoadBalancer { service: service.metadata.name?, addresses: addresses.collect() })
}

/// Where an Application applies objects to, by its destination and by what it has applied.
fn namespaces_of(application: &Value) -> std::collections::BTreeSet<String> {
    let destination = application.pointer("/spec/destination/namespace").and_then(Value::as_str);
    let resources = application.pointer("/status/resources").and_then(Value::as_array);
    let applied = resources.into_iter().flatten().filter_map(|resource| resource["namespace"].as_str());
    destination.into_iter().chain(applied).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn model_application(application: &Value) -> Application {
    let text = |pointer: &str| application.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let policy = &application["spec"]["syncPolicy"];
    let options = policy["syncOptions"].as_array();
    Application {
        title: format!("Argo CD application {}/{}", text("/metadata/namespace"), text("/metadata/name")),
        automated: policy["automated"].is_object(),
        creates_namespace: options.into_iter().flatten().any(|option| option == "CreateNamespace=true"),
    }
}
