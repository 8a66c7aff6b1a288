//! The path of a collection or an object in the API.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A path below the server's URL. There is no way to make one but segment by segment, each percent-encoded, so a
/// name is asked for as itself: names of RBAC objects may hold `#`, `?`, spaces and anything but `/` and `%`
/// (kubernetes' pkg/apis/rbac/validation/validation.go: ValidateRBACName), and a backup may hold anything at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiPath(String);

/// All but RFC 3986's unreserved characters and those that Kubernetes' own names are made of.
const NOT_IN_A_SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

impl ApiPath {
    fn new<'a>(segments: impl IntoIterator<Item = &'a str>) -> Self {
        segments.into_iter().fold(Self(String::new()), Self::join)
    }

    /// Where discovery of the core group begins: `/api`.
    #[must_use]
    pub fn core() -> Self {
        Self::new(["api"])
    }

    /// Where discovery of all other groups begins: `/apis`.
    #[must_use]
    pub fn groups() -> Self {
        Self::new(["apis"])
    }

    /// Where a group version is served. The core group has no name.
    #[must_use]
    pub fn group_version(group: &str, version: &str) -> Self {
        if group.is_empty() { Self::core().join(version) } else { Self::groups().join(group).join(version) }
    }

    /// A collection; `namespace` is empty for what is in none, and for all namespaces.
    #[must_use]
    pub fn collection(group: &str, version: &str, namespace: &str, resource: &str) -> Self {
        let root = Self::group_version(group, version);
        let root = if namespace.is_empty() { root } else { root.join("namespaces").join(namespace) };
        root.join(resource)
    }

    #[must_use]
    pub fn namespaces() -> Self {
        Self::collection("", "v1", "", "namespaces")
    }

    #[must_use]
    pub fn namespace(name: &str) -> Self {
        Self::namespaces().join(name)
    }

    /// What a finalize is PUT to.
    #[must_use]
    pub fn finalize(namespace: &str) -> Self {
        Self::namespace(namespace).join("finalize")
    }

    /// The path with one more segment.
    #[must_use]
    pub fn join(mut self, segment: &str) -> Self {
        self.0.push('/');
        self.0.extend(utf8_percent_encode(segment, NOT_IN_A_SEGMENT));
        self
    }

    /// The last segment, encoded, and the path before it.
    #[must_use]
    pub fn split_last(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// The path as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApiPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_segment_is_asked_for_as_itself() {
        let hostile = "a#b?c d/ä%2F..";
        let encoded = "a%23b%3Fc%20d%2F%C3%A4%252F..";
        assert_eq!(ApiPath::finalize(hostile).as_str(), format!("/api/v1/namespaces/{encoded}/finalize"));
        assert_eq!(
            ApiPath::collection(hostile, hostile, hostile, hostile).join(hostile).as_str(),
            format!("/apis/{encoded}/{encoded}/namespaces/{encoded}/{encoded}/{encoded}")
        );
    }

    #[test]
    fn the_last_segment_is_the_name() {
        assert_eq!(ApiPath::namespace("a/b").split_last(), ("/api/v1/namespaces", "a%2Fb"));
        assert_eq!(ApiPath::core().split_last(), ("", "api"));
    }
}
