//! What a control plane can do, by its version.

use super::Answer;

/// The minor version since which the namespace controller deletes pods first (KEP-5080, on by default).
pub const ORDERED_DELETION: u32 = 33;

/// The minor version since which ValidatingAdmissionPolicies are there without a feature gate.
pub const ADMISSION_POLICIES: u32 = 30;

/// The minor version since which a list of one namespace, too, is answered from a cache of all namespaces: one object
/// that cannot be read keeps every namespace.
pub const LISTS_FROM_CACHE: u32 = 33;

/// The second number of `gitVersion` (`v1.29.14+k3s1`); `minor` beside it bears a plus sign at some vendors.
pub(super) fn minor(version: &Answer) -> u32 {
    let version = version.json()["gitVersion"].as_str().expect("a version").to_owned();
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok());
    minor.unwrap_or_else(|| panic!("{version} is no version"))
}
