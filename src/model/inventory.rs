//! What is still inside a namespace, and what could not be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::ResourceType;

/// An object still inside a stuck namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`.
    pub uid: String,
    /// Set: *deleting*. Unset: *live*.
    pub deleted: Option<Timestamp>,
    /// `metadata.finalizers`.
    pub finalizers: Vec<String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// Who set which finalizer, as `metadata.managedFields` has it.
    pub set_by: Vec<FinalizerSetBy>,
}

/// Who set a finalizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalizerSetBy {
    pub finalizer: String,
    /// The field manager, often the name of the controller.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// When its fields changed last.
    pub time: Option<Timestamp>,
}

/// The leftovers of one type: counts, and as many objects as were asked to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeLeftovers {
    pub resource: ResourceType,
    /// How many have a deletionTimestamp.
    pub deleting: u64,
    /// How many have none.
    pub live: u64,
    /// How many of them Kubernetes itself puts into every namespace; counted in the above too.
    pub defaults: u64,
    /// How many objects carry each finalizer.
    pub finalizers: BTreeMap<String, u64>,
    /// The first of them, in the server's order.
    pub sample: Vec<Leftover>,
    /// Whether the list failed before its end: then there may be more than is counted here.
    pub at_least: bool,
}

impl TypeLeftovers {
    /// No leftovers of this type, yet.
    #[must_use]
    pub fn none(resource: ResourceType) -> Self {
        Self {
            resource,
            deleting: 0,
            live: 0,
            defaults: 0,
            finalizers: BTreeMap::new(),
            sample: Vec::new(),
            at_least: false,
        }
    }

    /// Counts one more, and keeps it unless `keep` are kept already.
    pub fn add(&mut self, leftover: Leftover, keep: usize) {
        if leftover.deleted.is_some() {
            self.deleting += 1;
        } else {
            self.live += 1;
        }
        self.defaults += u64::from(is_default_object(&self.resource, &leftover));
        for finalizer in &leftover.finalizers {
            match self.finalizers.get_mut(finalizer) {
                Some(count) => *count += 1,
                None => {
                    self.finalizers.insert(finalizer.clone(), 1);
                }
            }
        }
        if self.sample.len() < keep {
            self.sample.push(leftover);
        }
    }

    /// How many there are besides the default objects.
    #[must_use]
    pub fn besides_defaults(&self) -> u64 {
        self.total() - self.defaults
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.deleting + self.live
    }

    /// So many of them, or at least so many.
    #[must_use]
    pub fn counted(&self, count: u64) -> String {
        at_least(self.at_least, self.resource.counted(count))
    }

    /// Whether the sample is all there is.
    #[must_use]
    pub fn is_all_kept(&self) -> bool {
        !self.at_least && self.sample.len() as u64 == self.total()
    }
}

/// A number in words, which may be larger where only a part was seen.
#[must_use]
pub fn at_least(is_part: bool, counted: String) -> String {
    if is_part { format!("at least {counted}") } else { counted }
}

/// The service accounts that Kubernetes and OpenShift put into every namespace.
const DEFAULT_ACCOUNTS: [&str; 3] = ["default", "builder", "deployer"];

/// What Kubernetes puts into every namespace, and OpenShift besides. One that somebody holds by a finalizer is
/// not meant.
fn is_default_object(ty: &ResourceType, leftover: &Leftover) -> bool {
    let name = leftover.name.as_str();
    leftover.finalizers.is_empty()
        && match (ty.group.as_str(), ty.resource.as_str()) {
            ("", "serviceaccounts") => DEFAULT_ACCOUNTS.contains(&name),
            ("", "secrets") => is_secret_of_default_account(name),
            ("", "configmaps") => ["kube-root-ca.crt", "openshift-service-ca.crt"].contains(&name),
            ("rbac.authorization.k8s.io", "rolebindings") => {
                ["system:deployers", "system:image-builders", "system:image-pullers"].contains(&name)
            }
            _ => false,
        }
}

/// `default-token-x7k2p`: until 1.23 a controller made one for each service account, and OpenShift `default-dockercfg-x7k2p`
/// besides. The end of the name is generated, from an alphabet without vowels.
fn is_secret_of_default_account(name: &str) -> bool {
    const ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";
    let Some((front, end)) = name.rsplit_once('-') else { return false };
    let account = front.strip_suffix("-token").or_else(|| front.strip_suffix("-dockercfg"));
    end.len() == 5
        && end.chars().all(|each| ALPHABET.contains(each))
        && account.is_some_and(|account| DEFAULT_ACCOUNTS.contains(&account))
}

/// `3 ConfigMaps`, `at least 500 ConfigMaps`
impl fmt::Display for TypeLeftovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.counted(self.total()))
    }
}

/// Why something could not be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::VariantArray)]
pub enum Unreadable {
    /// 401 or 403.
    Forbidden,
    /// 404 or 405 of a whole type.
    NotServed,
    /// 503, or a group version that discovery calls stale.
    Unavailable,
    /// No answer within the deadline.
    TimedOut,
    /// Any other failure.
    Failed,
    /// nsfix did not ask: lists of the type had failed in other namespaces.
    NotAsked,
}

/// Something that could not be looked at. Its content is unknown, never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// API group; empty for the core group.
    pub group: String,
    /// Version; empty where a whole group could not be discovered.
    pub version: String,
    /// Plural name; `None` where all the types of the group version are unknown.
    pub resource: Option<String>,
    /// The kind of failure.
    pub why: Unreadable,
    /// The server's words, or ours where it said nothing.
    pub detail: String,
}

/// kubectl's form of what is missing: `secrets`, `metrics.example.com/v1beta1`, `widgets.example.com`.
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.resource {
            Some(resource) if self.group.is_empty() => f.write_str(resource),
            Some(resource) => write!(f, "{resource}.{}", self.group),
            None if self.version.is_empty() => write!(f, "{}", self.group),
            None => f.write_str(&super::resource::group_version(&self.group, &self.version)),
        }
    }
}

/// `secrets, roles (forbidden …)`, `widgets.example.com (HTTP 500)`, `metrics.example.com/v1 (service unavailable)`.
/// What is forbidden is one phrase, however many types it is: an account with one namespace may list few.
#[must_use]
pub fn gaps_with_reasons<'a>(gaps: impl IntoIterator<Item = &'a Gap>) -> Vec<String> {
    let (forbidden, failed): (Vec<&Gap>, Vec<&Gap>) =
        gaps.into_iter().partition(|gap| gap.why == Unreadable::Forbidden);
    let names: Vec<String> = forbidden.iter().map(ToString::to_string).collect();
    // The server's words say who may not.
    let forbidden = forbidden.first().map(|first| format!("{} ({})", names.join(", "), first.detail));
    forbidden.into_iter().chain(failed.iter().map(|gap| format!("{gap} ({})", gap.detail))).collect()
}

/// API groups that store no objects of their own: they compute their answers, so that nothing can be abandoned in
/// them.
const STATELESS_GROUPS: [&str; 3] = ["metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"];

impl Gap {
    /// Whether this is a stateless API that is unavailable: it is known to hold nothing. What one may not look at
    /// is not unavailable.
    #[must_use]
    pub fn holds_nothing(&self) -> bool {
        let stateless =
            STATELESS_GROUPS.contains(&self.group.as_str()) || self.group.starts_with("subresources.");
        stateless && !matches!(self.why, Unreadable::Forbidden | Unreadable::NotAsked)
    }

    /// Whether a type may be in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let either_all = self.resource.is_none() || other.resource.is_none();
        self.group == other.group && (either_all || self.resource == other.resource)
    }

    /// Whether objects of this type are what could not be looked at, in whatever version.
    #[must_use]
    pub fn covers(&self, ty: &ResourceType) -> bool {
        self.group == ty.group && self.resource.as_ref().is_none_or(|resource| *resource == ty.resource)
    }
}

/// Which types could be looked at, and which could not and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How many types were looked at.
    pub looked: usize,
    /// `resource.group` of each, shared by all namespaces that were looked at together.
    pub types: Arc<BTreeSet<String>>,
    /// Types whose list over all namespaces failed, and what it was answered; shared in the same way. Each namespace
    /// was listed by itself then.
    pub failed_lists: Arc<BTreeMap<String, String>>,
    /// Cluster-wide types that could not be read, such as webhook configurations: they hold no objects of the namespace.
    pub around: Vec<Gap>,
    /// What could not be looked at, in a stable order.
    pub gaps: Vec<Gap>,
}

impl Coverage {
    /// Whether everything that can hold a namespace was looked at.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unknown().next().is_none()
    }

    /// What could not be looked at, in the namespace and around it.
    pub fn all_gaps(&self) -> impl Iterator<Item = &Gap> {
        self.gaps.iter().chain(&self.around)
    }

    /// The gaps in which something may be.
    pub fn unknown(&self) -> impl Iterator<Item = &Gap> {
        self.gaps.iter().filter(|gap| !gap.holds_nothing())
    }
}

/// What is still inside one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The types that have leftovers, ordered by group and resource.
    pub types: Vec<TypeLeftovers>,
    /// What was looked at.
    pub coverage: Coverage,
}

impl Inventory {
    /// How many leftovers are being deleted.
    #[must_use]
    pub fn deleting(&self) -> u64 {
        self.types.iter().map(|of_type| of_type.deleting).sum()
    }

    /// How many leftovers have no deletionTimestamp.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.types.iter().map(|of_type| of_type.live).sum()
    }

    /// Whether there may be more live leftovers than were seen in a list that failed before its end.
    #[must_use]
    pub fn live_is_part(&self) -> bool {
        self.types.iter().any(|of_type| of_type.at_least && of_type.live > 0)
    }

    /// Whether there may be more leftovers than were seen.
    #[must_use]
    pub fn is_part(&self) -> bool {
        self.types.iter().any(|of_type| of_type.at_least)
    }

    /// How many live leftovers there are besides the default objects, most of which are live until the end.
    #[must_use]
    pub fn live_besides_defaults(&self) -> u64 {
        self.types.iter().map(|of_type| of_type.live.saturating_sub(of_type.defaults)).sum()
    }

    /// Whether nothing but default objects was found in what could be looked at.
    #[must_use]
    pub fn holds_only_defaults(&self) -> bool {
        self.types.iter().all(|of_type| of_type.besides_defaults() == 0)
    }

    /// How many leftovers of a type there are.
    #[must_use]
    pub fn count(&self, group: &str, resource: &str) -> u64 {
        let same = |of_type: &&TypeLeftovers| {
            of_type.resource.group == group && of_type.resource.resource == resource
        };
        self.types.iter().filter(same).map(TypeLeftovers::total).sum()
    }

    /// How many leftovers of a type were found, in whatever version, besides the default objects.
    #[must_use]
    pub fn besides_defaults(&self, ty: &ResourceType) -> u64 {
        let same = |of_type: &&TypeLeftovers| of_type.resource.has_the_objects_of(ty);
        self.types.iter().filter(same).map(TypeLeftovers::besides_defaults).sum()
    }

    /// Whether only some of the leftovers of a type were seen.
    #[must_use]
    pub fn is_seen_in_part(&self, ty: &ResourceType) -> bool {
        self.types.iter().any(|of_type| of_type.at_least && of_type.resource.is_same_in_any_version(ty))
    }

    /// Takes over what was found of a type on a second look, in place of what the first one found.
    pub fn replace(&mut self, ty: &ResourceType, found: Self) {
        self.types.retain(|of_type| !of_type.resource.is_same_in_any_version(ty));
        let gaps = self.coverage.gaps.len();
        self.coverage.gaps.retain(|gap| gap.resource.is_none() || !gap.covers(ty));
        self.coverage.looked += gaps - self.coverage.gaps.len();
        Arc::make_mut(&mut self.coverage.types).insert(ty.to_string());
        self.types.extend(found.types);
        self.types.sort_by(|a, b| a.resource.cmp(&b.resource));
    }

    /// Whether nothing was found in what could be looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.iter().all(|of_type| of_type.total() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::is_secret_of_default_account;

    #[test]
    fn secrets_of_default_accounts_have_a_generated_end() {
        for of_default in ["default-token-x7k2p", "builder-token-bcdfg", "deployer-dockercfg-22222"] {
            assert!(is_secret_of_default_account(of_default), "{of_default}");
        }
        for other in
            ["default-token", "default-token-prod1", "default-token-x7k2", "app-token-x7k2p", "default-x7k2p"]
        {
            assert!(!is_secret_of_default_account(other), "{other}");
        }
    }
}
