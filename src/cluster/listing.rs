//! The leftovers of one type, in one namespace or in several.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::coverage::gap;
use super::paging::PAGE;
use super::{ApiError, Cluster};
use crate::model::{Gap, Leftover, ResourceType, TypeLeftovers, Unreadable};

/// How many lists are under way at once: enough to hide latency, few enough for API Priority and Fairness.
pub const LIST_CONCURRENCY: usize = 16;

/// One object that cannot be read fails the list over all namespaces; then each namespace is listed by itself, but
/// not without end: this many of them, and no more once this many have failed and none has succeeded.
const ONE_BY_ONE: usize = 200;
const FAILURES_IN_A_ROW: usize = 5;
/// What one namespace forbids says little of the next: an account may have rights in a few of them.
const REFUSALS_IN_A_ROW: usize = 50;

/// The leftovers of a type by namespace.
pub(super) type ByNamespace = BTreeMap<String, TypeLeftovers>;

/// What was found of one type.
#[derive(Default)]
pub(super) struct ListedType {
    /// All there is; where there is a gap as well, what was seen before the list failed.
    pub(super) found: ByNamespace,
    /// The namespaces in which it could not be listed, or not to the end.
    pub(super) gaps: BTreeMap<String, Gap>,
    /// What the list over all namespaces was answered, where it failed and each was listed by itself.
    pub(super) whole: Option<Gap>,
}

impl ListedType {
    fn unknown(namespaces: &[&str], gap: &Gap) -> Self {
        let gaps = namespaces.iter().map(|name| ((*name).to_owned(), gap.clone())).collect();
        Self { gaps, ..Self::default() }
    }

    /// Where a list has failed, what another one has shown is there all the same.
    fn with_seen(mut self, seen: ByNamespace) -> Self {
        let seen = seen.into_iter().filter(|(name, _)| self.gaps.contains_key(name));
        for (name, of_type) in seen.collect::<Vec<_>>() {
            keep_the_larger(&mut self.found, name, of_type);
        }
        self
    }
}

fn keep_the_larger(found: &mut ByNamespace, namespace: String, of_type: TypeLeftovers) {
    if found.get(&namespace).is_none_or(|known| known.total() < of_type.total()) {
        found.insert(namespace, of_type);
    }
}

/// What a list has shown, and what has ended it before its end. What was seen is there, whatever came then.
pub(super) struct Seen {
    pub(super) found: ByNamespace,
    pub(super) end: ListEnd,
}

/// How the reading of a list has ended.
pub(super) enum ListEnd {
    /// With its last page.
    Whole,
    /// A list in each namespace is shorter, or says more.
    NotWorthIt,
    /// With an error, on whatever page.
    Failed(ApiError),
}

/// The look for the leftovers of one type.
pub(super) struct TypeLook<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) ty: &'a ResourceType,
    pub(super) namespaces: &'a [&'a str],
    /// How many objects are held in memory for each namespace.
    pub(super) keep: usize,
    pub(super) shared: &'a Shared,
}

impl TypeLook<'_> {
    /// Counts them. An error ends the whole look; a [`Gap`] is part of what was found.
    pub(super) async fn leftovers(&self) -> Result<ListedType, ApiError> {
        let Self { ty, namespaces, shared, .. } = *self;
        if let Some(gap) = shared.hangs(ty) {
            return Ok(ListedType::unknown(namespaces, &gap));
        }
        let listed = match namespaces {
            [] | [_] => self.one_by_one(None).await?,
            _ => self.all_at_once().await?,
        };
        let known_somewhere = listed.gaps.len() < namespaces.len();
        let late = listed.gaps.values().find(|gap| gap.why == Unreadable::TimedOut);
        shared.note(ty, late.filter(|_| !known_somewhere));
        Ok(listed)
    }

    /// One list over all namespaces; each by itself where that does better.
    async fn all_at_once(&self) -> Result<ListedType, ApiError> {
        let Self { ty, namespaces, shared, .. } = *self;
        let turn = shared.turn().await;
        let Seen { found, end } = twice_if_expired(|| self.list_everywhere()).await;
        drop(turn);
        let whole = match end {
            ListEnd::Whole => return Ok(ListedType { found, ..ListedType::default() }),
            ListEnd::NotWorthIt => None,
            ListEnd::Failed(error) if ends_the_look(ty, &error) => return Err(error),
            // Allowed in the namespaces, perhaps, though not everywhere.
            ListEnd::Failed(error) if error.code() == Some(403) => None,
            ListEnd::Failed(error) if may_be_one_object(&error) => Some(gap(ty, &error)),
            ListEnd::Failed(error) => {
                return Ok(ListedType::unknown(namespaces, &gap(ty, &error)).with_seen(found));
            }
        };
        Ok(self.one_by_one(whole).await?.with_seen(found))
    }

    /// Lists a type in each namespace by itself. `whole`: what the list over all of them was answered, if one object
    /// somewhere may have failed it.
    async fn one_by_one(&self, whole: Option<Gap>) -> Result<ListedType, ApiError> {
        let Self { ty, namespaces, shared, .. } = *self;
        let mut listed = ListedType::default();
        let (most, at_once) = match whole {
            Some(_) => (ONE_BY_ONE, FAILURES_IN_A_ROW),
            None => (usize::MAX, LIST_CONCURRENCY),
        };
        let asked = namespaces.iter().take(most);
        let lists = asked.map(|name| async move {
            let _turn = shared.turn().await;
            twice_if_expired(|| self.list_in(name)).await
        });
        // In their order, so that the same ones are asked about each time.
        let mut lists = pin!(futures::stream::iter(lists).buffered(at_once));
        let (mut rest_is, mut stopped) = (whole.as_ref().map(not_asked), false);
        for (index, namespace) in namespaces.iter().enumerate() {
            let next = if stopped { None } else { lists.next().await };
            let Some(Seen { found, end }) = next else {
                listed.gaps.extend(rest_is.iter().map(|gap| ((*namespace).to_owned(), gap.clone())));
                continue;
            };
            listed.found.extend(found);
            let ListEnd::Failed(error) = end else { continue };
            if ends_the_look(ty, &error) {
                return Err(error);
            }
            let gap = gap(ty, &error);
            let enough = if error.code() == Some(403) { REFUSALS_IN_A_ROW } else { FAILURES_IN_A_ROW };
            let none_succeeds = listed.gaps.len() == index && index + 1 >= enough;
            if gap.why == Unreadable::TimedOut || none_succeeds {
                rest_is = Some(not_asked(whole.as_ref().unwrap_or(&gap)));
                stopped = true;
            }
            listed.gaps.insert((*namespace).to_owned(), gap);
        }
        // Where none can be listed, each says the same for itself.
        listed.whole = whole.filter(|_| listed.gaps.len() < namespaces.len());
        Ok(listed)
    }

    async fn list_in(&self, namespace: &str) -> Seen {
        let mut counter = LeftoverCounter::new(self.ty, self.keep);
        let mut visit = |leftover| counter.add(leftover);
        let read = self.cluster.each_by_metadata_in(self.ty, namespace, &mut visit).await;
        Seen { found: counter.found, end: read.into() }
    }

    async fn list_everywhere(&self) -> Seen {
        let Self { cluster, ty, namespaces, keep, .. } = *self;
        let mut counter = LeftoverCounter::new(ty, keep);
        let wanted: HashSet<&str> = namespaces.iter().copied().collect();
        let path = ty.path();
        let mut pages = pin!(cluster.metadata_pages(&path));
        let end = loop {
            match pages.try_next().await {
                Ok(Some(page)) => {
                    // Going on costs no more requests than asking namespace by namespace.
                    let more = (namespaces.len() as u64 - 1) * u64::from(PAGE);
                    // Where the list does not say of which namespace they are, a list in each does.
                    let known = page.items.iter().all(|leftover| !leftover.namespace.is_empty());
                    let worth_it = known && (page.is_last() || page.remaining <= more);
                    page.items.into_iter().for_each(|leftover| counter.add_if_in(&wanted, leftover));
                    if !worth_it {
                        break ListEnd::NotWorthIt;
                    }
                }
                Ok(None) => break ListEnd::Whole,
                Err(error) => break ListEnd::Failed(error),
            }
        };
        Seen { found: counter.found, end }
    }
}

impl From<Result<(), ApiError>> for ListEnd {
    fn from(read: Result<(), ApiError>) -> Self {
        read.map_or_else(Self::Failed, |()| Self::Whole)
    }
}

/// Reads a whole list once more where its snapshot has expired and the server gave no token to go on with.
pub(super) async fn twice_if_expired<F: Future<Output = Seen>>(read: impl Fn() -> F) -> Seen {
    match read().await {
        Seen { found, end: ListEnd::Failed(error) } if error.code() == Some(410) => {
            let mut again = read().await;
            if let ListEnd::Failed(_) = again.end {
                for (name, of_type) in found {
                    keep_the_larger(&mut again.found, name, of_type);
                }
            }
            again
        }
        seen => seen,
    }
}

/// What is known of a namespace that was not asked about.
fn not_asked(other: &Gap) -> Gap {
    let detail = format!("not asked: in other namespaces it was answered: {}", other.detail);
    Gap { why: Unreadable::NotAsked, detail, ..other.clone() }
}

/// A 401 for one type of a group is the answer of a backend: the core group knows this account.
fn ends_the_look(ty: &ResourceType, error: &ApiError) -> bool {
    error.is_fatal() && (ty.group.is_empty() || error.code().is_none())
}

/// Whether a list may have failed over one object in it, so that another list succeeds.
pub(super) fn may_be_one_object(error: &ApiError) -> bool {
    matches!(error.code(), Some(429 | 500))
}

/// What the lists of one look have in common: how many are under way, and how the group versions have answered so
/// far. Once a type has not answered within the deadline, and no other of its group version has either, the rest is not
/// asked: a group that hangs costs its deadline once, however many types it has.
pub(super) struct Shared {
    answers: Mutex<HashMap<(String, String), Answers>>,
    turns: Semaphore,
}

impl Default for Shared {
    fn default() -> Self {
        Self { answers: Mutex::default(), turns: Semaphore::new(LIST_CONCURRENCY) }
    }
}

#[derive(Default)]
struct Answers {
    answered: bool,
    timed_out: Option<String>,
}

impl Shared {
    /// Waits until there is room for another list. `None` never comes: nobody closes it.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// `late`: the gap, where nobody has answered in time.
    fn note(&self, ty: &ResourceType, late: Option<&Gap>) {
        let mut health = self.lock();
        let answers = health.entry((ty.group.clone(), ty.version.clone())).or_default();
        match late {
            Some(gap) => answers.timed_out = Some(gap.detail.clone()),
            None => answers.answered = true,
        }
    }

    fn hangs(&self, ty: &ResourceType) -> Option<Gap> {
        let health = self.lock();
        let answers = health.get(&(ty.group.clone(), ty.version.clone()))?;
        let said = answers.timed_out.as_ref().filter(|_| !answers.answered)?;
        Some(Gap {
            group: ty.group.clone(),
            version: ty.version.clone(),
            resource: Some(ty.resource.clone()),
            why: Unreadable::TimedOut,
            detail: format!("not asked: the rest of its group gave {said}"),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Answers>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        let keep = if ty.is_cohabiting() { usize::MAX } else { keep };
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
