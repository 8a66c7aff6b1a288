//! Which release of Kubernetes the sandbox plays, and everything that depends on it.
//!
//! Which types a release serves is in `builtin.txt`. What is said here of 1.29 and later was seen on real servers
//! (the contract suite says it of them); the rest is from the sources and the changelogs.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use super::discovery::DiscoveryMode;

/// A release of Kubernetes 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    minor: u32,
    patch: u32,
}

impl Release {
    /// The oldest one that can be played.
    pub const OLDEST: Self = Self { minor: 20, patch: 0 };
    /// The newest one, and what is played unless another is asked for.
    pub const NEWEST: Self = Self { minor: 36, patch: 2 };

    /// The first one with ValidatingAdmissionPolicies that need no feature gate (KEP-3488).
    pub const ADMISSION_POLICIES: Self = Self { minor: 30, patch: 0 };

    /// 1.`minor`; none where it cannot be played.
    #[must_use]
    pub const fn of(minor: u32) -> Option<Self> {
        match minor {
            minor if minor == Self::NEWEST.minor => Some(Self::NEWEST),
            minor if minor >= Self::OLDEST.minor && minor < Self::NEWEST.minor => {
                Some(Self { minor, patch: 0 })
            }
            _ => None,
        }
    }

    /// All that can be played, the oldest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        (Self::OLDEST.minor..=Self::NEWEST.minor).filter_map(Self::of)
    }

    /// The second number.
    #[must_use]
    pub const fn minor(self) -> u32 {
        self.minor
    }

    pub(crate) fn since(self, minor: u32) -> bool {
        self.minor >= minor
    }

    /// Discovery in one document: v2beta1 is on by default since 1.27, v2 since 1.30 (KEP-3352).
    pub(crate) fn discovery(self) -> DiscoveryMode {
        match self.minor {
            ..27 => DiscoveryMode::Legacy,
            27..30 => DiscoveryMode::AggregatedV2Beta1,
            30..33 => DiscoveryMode::AggregatedBoth,
            _ => DiscoveryMode::AggregatedV2,
        }
    }

    /// Go's `metav1.Time` was written as `"creationTimestamp": null` where there was none; since 1.34 it is left out.
    pub(crate) fn writes_null_times(self) -> bool {
        !self.since(34)
    }

    /// Pods before everything else in a namespace that is being deleted (KEP-5080).
    pub(crate) fn pods_first(self) -> bool {
        self.since(33)
    }

    /// The label `kubernetes.io/metadata.name` on namespaces (KEP-2161).
    pub(crate) fn labels_namespaces(self) -> bool {
        self.since(21)
    }

    /// Until 1.23 every service account got a Secret with a token (KEP-2799).
    pub(crate) fn has_token_secrets(self) -> bool {
        !self.since(24)
    }

    /// What the availability of an APIService is judged by: its Service's EndpointSlices since 1.34, its Endpoints before.
    pub(crate) fn judges_by_slices(self) -> bool {
        self.since(34)
    }

    /// A PUT with a uid to an object that is gone: 409 before 1.34, for the uid of nothing is another one; 404 since.
    pub(crate) fn compares_uid_with_nothing(self) -> bool {
        !self.since(34)
    }

    /// A create in a terminating CRD is forbidden (403) since 1.34; before, it was a method that is not allowed (405).
    pub(crate) fn forbids_create_in_terminating_crd(self) -> bool {
        self.since(34)
    }

    /// Since 1.32 a list of one namespace, too, is answered from a cache of all of them, which one object that cannot be
    /// read keeps from filling.
    pub(crate) fn lists_from_cache(self) -> bool {
        self.since(32)
    }

    /// Why the cache does not fill is said since 1.33.
    pub(crate) fn cache_says_why(self) -> bool {
        self.since(33)
    }

    /// `managedFields` name the subresource since 1.22.
    pub(crate) fn notes_subresources(self) -> bool {
        self.since(22)
    }

    /// `v1.29.14`
    pub(crate) fn git_version(self) -> String {
        format!("v1.{}.{}", self.minor, self.patch)
    }

    /// The answer to `/version`. The sandbox calls itself what it plays, and says that it plays.
    pub(crate) fn version(self) -> Value {
        let minor = self.minor.to_string();
        let mut version = json!({"major": "1", "minor": minor});
        if self.since(33) {
            version["emulationMajor"] = "1".into();
            version["emulationMinor"] = minor.into();
            version["minCompatibilityMajor"] = "1".into();
            version["minCompatibilityMinor"] = (self.minor - 1).to_string().into();
        }
        version["gitVersion"] = format!("{}+nsfix-sandbox", self.git_version()).into();
        version["gitCommit"] = "".into();
        version["gitTreeState"] = "clean".into();
        version["buildDate"] = "1970-01-01T00:00:00Z".into();
        version["goVersion"] = "none".into();
        version["compiler"] = "rustc".into();
        version["platform"] = "sandbox".into();
        version
    }
}

impl Default for Release {
    fn default() -> Self {
        Self::NEWEST
    }
}

/// `1.29`
impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

/// Why a text names no release that can be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    #[error("{0:?} is not a Kubernetes version")]
    NoVersion(String),
    #[error("the sandbox does not play Kubernetes {0}")]
    NotPlayed(String),
}

/// `1.29`, `v1.29` or `1.29.14`; without the last number the first patch release, or of the newest the one that is known.
impl FromStr for Release {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        let number = |part: &str| -> Result<u32, ReleaseError> {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            let number = part.parse().ok().filter(|_| is_number);
            number.ok_or_else(|| ReleaseError::NoVersion(text.to_owned()))
        };
        let parts: Vec<&str> = text.strip_prefix('v').unwrap_or(text).split('.').collect();
        let (major, minor, patch) = match parts[..] {
            [major, minor] => (number(major)?, number(minor)?, None),
            [major, minor, patch] => (number(major)?, number(minor)?, Some(number(patch)?)),
            _ => return Err(ReleaseError::NoVersion(text.to_owned())),
        };
        let played = Self::of(minor).filter(|_| major == 1);
        let played = played.ok_or_else(|| ReleaseError::NotPlayed(format!("{major}.{minor}")))?;
        Ok(Self { patch: patch.unwrap_or(played.patch), ..played })
    }
}
