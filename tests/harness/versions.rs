//! What a control plane can do, by its version.

use nsfix::sandbox::{Release, Scenario, scenarios};

use super::{Answer, Lab};

/// The minor version since which every namespace has the label `kubernetes.io/metadata.name`.
pub const NAME_LABEL: u32 = 21;

/// The minor version since which `managedFields` say which subresource was written to.
pub const MANAGED_SUBRESOURCES: u32 = 22;

/// The minor version since which discovery comes in one document, in which a dead API is stale.
pub const AGGREGATED_DISCOVERY: u32 = 27;

/// The minor version since which the namespace controller deletes pods first (KEP-5080, on by default).
pub const ORDERED_DELETION: u32 = 33;

/// The minor version since which ValidatingAdmissionPolicies are there without a feature gate.
pub const ADMISSION_POLICIES: u32 = 30;

/// The minor version since which a list of one namespace, too, is answered from a cache of all namespaces: one object
/// that cannot be read keeps every namespace.
pub const LISTS_FROM_CACHE: u32 = 32;

/// The minor version since which it is said why such a cache does not fill.
pub const CACHE_SAYS_WHY: u32 = 33;

/// The minor version since which the availability of an APIService is judged by EndpointSlices.
pub const JUDGED_BY_SLICES: u32 = 34;

/// The minor version since which a PUT with the uid of an object that is gone finds none; before, the uid of nothing did
/// not match.
pub const GONE_IS_NOT_FOUND: u32 = 34;

/// The minor version since which a create in a terminating CRD is forbidden; before, it was the answer to a verb that is
/// not served.
pub const CREATE_IN_TERMINATING_CRD_IS_FORBIDDEN: u32 = 34;

/// The second number of `gitVersion` (`v1.29.14+k3s1`); `minor` beside it bears a plus sign at some vendors.
pub(super) fn minor(version: &Answer) -> u32 {
    let version = version.json()["gitVersion"].as_str().expect("a version").to_owned();
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok());
    minor.unwrap_or_else(|| panic!("{version} is no version"))
}

impl Lab {
    /// Whether the API server is of Kubernetes 1.`minor` or later.
    pub fn since(&self, minor: u32) -> bool {
        self.minor >= minor
    }

    /// The release that the sandbox has to play to be as this API server is; none for one that it does not know yet.
    pub fn release(&self) -> Option<Release> {
        Release::of(self.minor)
    }

    /// The scenarios that this API server has what it takes for.
    pub fn playable(&self) -> impl Iterator<Item = &'static Scenario> + Send + use<> {
        scenarios::playable(self.release().unwrap_or(Release::NEWEST))
    }
}
