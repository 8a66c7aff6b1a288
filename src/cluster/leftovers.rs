//! The leftovers of namespaces, type by type.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt};

use super::coverage::gap;
use super::paging::{PAGE, again_if_expired};
use super::{ApiError, Cluster, Discovered};
use crate::model::{Gap, Inventory, Leftover, ResourceType, TypeLeftovers, Unreadable};

/// How many lists are under way at once: enough to hide latency, few enough for API Priority and Fairness.
pub const LIST_CONCURRENCY: usize = 16;

/// Types whose objects are served under two groups at once (kubernetes'
/// pkg/kubeapiserver/default_storage_factory_builder.go; Ingresses until 1.21). The same uid counts once, in the group that
/// stands first.
const COHABITING: [(&str, &str); 4] = [
    ("", "events"),
    ("events.k8s.io", "events"),
    ("networking.k8s.io", "ingresses"),
    ("extensions", "ingresses"),
];

/// One object that cannot be read fails the list over all namespaces; then each namespace is listed by itself, but
/// not without end: this many of them, and no more once this many have failed and none has succeeded.
const ONE_BY_ONE: usize = 200;
const FAILURES_IN_A_ROW: usize = 5;

/// What was found of one type.
struct ListedType {
    found: Result<BTreeMap<String, TypeLeftovers>, Gap>,
    /// What the list over all namespaces was answered, where it failed and each was listed by itself.
    whole: Option<Gap>,
    /// The namespaces in which it could not be listed all the same.
    gaps: BTreeMap<String, Gap>,
}

impl From<Result<BTreeMap<String, TypeLeftovers>, Gap>> for ListedType {
    fn from(found: Result<BTreeMap<String, TypeLeftovers>, Gap>) -> Self {
        Self { found, whole: None, gaps: BTreeMap::new() }
    }
}

impl Cluster {
    /// The leftovers of namespaces, of all types that are served now.
    pub async fn look_inside(
        &self,
        namespaces: &[&str],
        keep: usize,
    ) -> Result<BTreeMap<String, Inventory>, ApiError> {
        self.list_leftovers(&self.discover().await?, namespaces, keep).await
    }

    /// Lists the leftovers of namespaces: one list per type, several types at once. A single namespace is listed by
    /// itself; several are found in one list over all namespaces, unless that turns out much larger than they
    /// are. At most `keep` objects of a type and namespace are held in memory; the counts are exact. Fails
    /// only where the server as a whole is of no use.
    pub async fn list_leftovers(
        &self,
        discovered: &Discovered,
        namespaces: &[&str],
        keep: usize,
    ) -> Result<BTreeMap<String, Inventory>, ApiError> {
        let mut inventories = self.list_leftovers_of(discovered.holding_types(), namespaces, keep).await?;
        for inventory in inventories.values_mut() {
            inventory.coverage.gaps.extend(discovered.gaps.iter().cloned());
            inventory.coverage.gaps.sort();
        }
        Ok(inventories)
    }

    /// Lists the leftovers of these types alone.
    pub async fn list_leftovers_of(
        &self,
        types: Vec<ResourceType>,
        namespaces: &[&str],
        keep: usize,
    ) -> Result<BTreeMap<String, Inventory>, ApiError> {
        let health = Mutex::new(GroupVersionAnswers::default());
        let listed: Vec<(ResourceType, ListedType)> = futures::stream::iter(types)
            .map(|ty| async {
                let found = self.leftovers_of_type(ty.clone(), namespaces, keep, &health).await?;
                Ok::<_, ApiError>((ty, found))
            })
            .buffer_unordered(LIST_CONCURRENCY)
            .try_collect()
            .await?;
        let mut inventories: BTreeMap<String, Inventory> =
            namespaces.iter().map(|name| ((*name).to_owned(), Inventory::default())).collect();
        // What the list over all namespaces shows, a list of one of them may not: an older condition stands.
        let whole = listed
            .iter()
            .filter(|(_, listed)| listed.found.is_ok() && listed.whole.is_none() && listed.gaps.is_empty());
        let looked: Arc<BTreeSet<String>> = Arc::new(whole.map(|(ty, _)| ty.to_string()).collect());
        let failed = listed
            .iter()
            .filter_map(|(ty, listed)| Some((ty.to_string(), listed.whole.as_ref()?.detail.clone())));
        let failed: Arc<BTreeMap<String, String>> = Arc::new(failed.collect());
        for (_, of_type) in listed {
            distribute(of_type, &mut inventories);
        }
        for inventory in inventories.values_mut() {
            inventory.coverage.types = Arc::clone(&looked);
            inventory.coverage.failed_lists = Arc::clone(&failed);
            count_cohabiting_once(&mut inventory.types, keep);
            inventory.types.sort_by(|a, b| a.resource.cmp(&b.resource));
            inventory.coverage.gaps.sort();
        }
        Ok(inventories)
    }

    /// Counts the leftovers of one type. An error ends the whole look; a [`Gap`] is part of what was found.
    async fn leftovers_of_type(
        &self,
        ty: ResourceType,
        namespaces: &[&str],
        keep: usize,
        health: &Mutex<GroupVersionAnswers>,
    ) -> Result<ListedType, ApiError> {
        if let Some(gap) = lock(health).hangs(&ty) {
            return Ok(Err(gap).into());
        }
        let found = again_if_expired(|| self.try_leftovers_of_type(&ty, namespaces, keep)).await;
        let found = match found {
            Ok(found) => Ok(found),
            // A 401 for one type of a group is the answer of a backend: the core group knows this account.
            Err(error) if error.is_fatal() && (ty.group.is_empty() || error.code().is_none()) => {
                return Err(error);
            }
            Err(error) if namespaces.len() > 1 && may_be_one_object(&error) => {
                let listed = self.one_by_one(&ty, namespaces, keep, gap(&ty, &error)).await?;
                lock(health).note(&ty, None);
                return Ok(listed);
            }
            Err(error) => Err(gap(&ty, &error)),
        };
        lock(health).note(&ty, found.as_ref().err());
        Ok(found.into())
    }

    /// Lists a type in each namespace by itself, because one object somewhere fails the list over all of them.
    async fn one_by_one(
        &self,
        ty: &ResourceType,
        namespaces: &[&str],
        keep: usize,
        whole: Gap,
    ) -> Result<ListedType, ApiError> {
        let (mut found, mut gaps) = (BTreeMap::new(), BTreeMap::new());
        for (index, namespace) in namespaces.iter().enumerate() {
            if index >= ONE_BY_ONE || (gaps.len() >= FAILURES_IN_A_ROW && gaps.len() == index) {
                gaps.insert((*namespace).to_owned(), whole.clone());
                continue;
            }
            match self.try_leftovers_of_type(ty, &[namespace], keep).await {
                Ok(of_namespace) => found.extend(of_namespace),
                Err(error) if error.is_fatal() && error.code().is_none() => return Err(error),
                Err(error) => {
                    gaps.insert((*namespace).to_owned(), gap(ty, &error));
                }
            }
        }
        if gaps.len() == namespaces.len() {
            // Each says the same for itself where it is alone, too.
            return Ok(ListedType { found: Ok(found), whole: None, gaps });
        }
        Ok(ListedType { found: Ok(found), whole: Some(whole), gaps })
    }

    /// What the list of a type over all namespaces is answered, where it fails over some object in one of them: the
    /// namespace controller fails over that in every namespace.
    pub async fn failed_list(&self, ty: &ResourceType) -> Option<String> {
        let path = ty.path();
        let mut pages = pin!(self.metadata_pages(&path));
        match pages.try_next().await {
            Err(error) if may_be_one_object(&error) => Some(error.detail()),
            _ => None,
        }
    }

    async fn try_leftovers_of_type(
        &self,
        ty: &ResourceType,
        namespaces: &[&str],
        keep: usize,
    ) -> Result<BTreeMap<String, TypeLeftovers>, ApiError> {
        let mut counter = LeftoverCounter::new(ty, keep);
        if namespaces.len() > 1 {
            let wanted: HashSet<&str> = namespaces.iter().copied().collect();
            let path = ty.path();
            let mut pages = pin!(self.metadata_pages(&path));
            let mut small_enough = true;
            while small_enough {
                match pages.try_next().await {
                    Ok(Some(page)) => {
                        // Going on costs no more requests than asking namespace by namespace.
                        let more = (namespaces.len() as u64 - 1) * u64::from(PAGE);
                        // Where the list does not say of which namespace they are, a list in each does.
                        let known = page.items.iter().all(|leftover| !leftover.namespace.is_empty());
                        small_enough = known && (page.is_last() || page.remaining <= more);
                        page.items.into_iter().for_each(|leftover| counter.add_if_in(&wanted, leftover));
                    }
                    Ok(None) => return Ok(counter.found),
                    // Allowed in the namespaces, perhaps, though not everywhere.
                    Err(error) if error.code() == Some(403) => break,
                    Err(error) => return Err(error),
                }
            }
            counter = LeftoverCounter::new(ty, keep);
        }
        for namespace in namespaces {
            self.each_by_metadata_in(ty, namespace, &mut |leftover| counter.add(leftover)).await?;
        }
        Ok(counter.found)
    }
}

/// Puts what was found of a type where it belongs. Of most types there is nothing in most namespaces.
fn distribute(ListedType { found, gaps, .. }: ListedType, inventories: &mut BTreeMap<String, Inventory>) {
    match found {
        Err(gap) => inventories.values_mut().for_each(|each| each.coverage.gaps.push(gap.clone())),
        Ok(by_namespace) => {
            for inventory in inventories.values_mut() {
                inventory.coverage.looked += 1;
            }
            for (name, of_type) in by_namespace {
                if let Some(inventory) = inventories.get_mut(&name).filter(|_| !gaps.contains_key(&name)) {
                    inventory.types.push(of_type);
                }
            }
            for (name, gap) in gaps {
                if let Some(inventory) = inventories.get_mut(&name) {
                    inventory.coverage.looked -= 1;
                    inventory.coverage.gaps.push(gap);
                }
            }
        }
    }
}

/// Whether a list may have failed over one object in it, so that another list succeeds.
fn may_be_one_object(error: &ApiError) -> bool {
    matches!(error.code(), Some(429 | 500))
}

/// How the group versions have answered so far. Once a type has not answered within the deadline, and no other
/// of its group version has either, the rest is not asked: a group that hangs costs its deadline once, however
/// many types it has.
#[derive(Default)]
struct GroupVersionAnswers(HashMap<(String, String), Answers>);

#[derive(Default)]
struct Answers {
    answered: bool,
    timed_out: Option<String>,
}

impl GroupVersionAnswers {
    fn note(&mut self, ty: &ResourceType, gap: Option<&Gap>) {
        let answers = self.0.entry((ty.group.clone(), ty.version.clone())).or_default();
        match gap {
            Some(gap) if gap.why == Unreadable::TimedOut => answers.timed_out = Some(gap.detail.clone()),
            _ => answers.answered = true,
        }
    }

    fn hangs(&self, ty: &ResourceType) -> Option<Gap> {
        let answers = self.0.get(&(ty.group.clone(), ty.version.clone()))?;
        let said = answers.timed_out.as_ref().filter(|_| !answers.answered)?;
        Some(Gap {
            group: ty.group.clone(),
            version: ty.version.clone(),
            resource: Some(ty.resource.clone()),
            why: Unreadable::TimedOut,
            detail: format!("not asked: the rest of its group gave {said}"),
        })
    }
}

fn lock(health: &Mutex<GroupVersionAnswers>) -> MutexGuard<'_, GroupVersionAnswers> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts the objects of one type by namespace.
struct LeftoverCounter<'a> {
    ty: &'a ResourceType,
    keep: usize,
    found: BTreeMap<String, TypeLeftovers>,
}

impl<'a> LeftoverCounter<'a> {
    fn new(ty: &'a ResourceType, keep: usize) -> Self {
        // Cohabiting objects are told apart by uid, so all of them are kept until that is done.
        let keep = if is_cohabiting(ty) { usize::MAX } else { keep };
        Self { ty, keep, found: BTreeMap::new() }
    }

    fn add(&mut self, leftover: Leftover) {
        if let Some(of_type) = self.found.get_mut(&leftover.namespace) {
            of_type.add(leftover, self.keep);
            return;
        }
        let mut of_type = TypeLeftovers::none(self.ty.clone());
        let namespace = leftover.namespace.clone();
        of_type.add(leftover, self.keep);
        self.found.insert(namespace, of_type);
    }

    fn add_if_in(&mut self, wanted: &HashSet<&str>, leftover: Leftover) {
        if wanted.contains(leftover.namespace.as_str()) {
            self.add(leftover);
        }
    }
}

fn is_cohabiting(ty: &ResourceType) -> bool {
    rank(ty).is_some()
}

fn rank(ty: &ResourceType) -> Option<usize> {
    COHABITING.iter().position(|each| *each == (ty.group.as_str(), ty.resource.as_str()))
}

/// Drops the objects that a second group serves under the same uid.
pub(super) fn count_cohabiting_once(types: &mut Vec<TypeLeftovers>, keep: usize) {
    types.sort_by(|a, b| a.resource.cmp(&b.resource));
    let mut cohabiting: Vec<_> =
        types.iter_mut().filter_map(|of_type| Some((rank(&of_type.resource)?, of_type))).collect();
    cohabiting.sort_by_key(|(rank, _)| *rank);
    let mut seen = HashSet::new();
    for (_, of_type) in cohabiting {
        let mut once = TypeLeftovers::none(of_type.resource.clone());
        for leftover in std::mem::take(&mut of_type.sample) {
            if seen.insert(leftover.uid.clone()) {
                once.add(leftover, keep);
            }
        }
        *of_type = once;
    }
    types.retain(|of_type| of_type.total() > 0);
}
