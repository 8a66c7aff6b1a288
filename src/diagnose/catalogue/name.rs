//! Matching names: of finalizers and of API groups.

/// The name that knative.dev/pkg gives a finalizer when a controller does not choose one.
pub(super) const OF_TYPE: &str = "<plural>.<group>";

/// Whether a name stands for several.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains('*') || name == OF_TYPE
}

/// Whether a text that fits this name may begin like this one, by the first byte alone.
#[inline]
pub(super) fn may_begin(name: &str, text: &str) -> bool {
    let (name, text) = (name.as_bytes().first(), text.as_bytes().first());
    // OF_TYPE begins with `<`.
    name == text || matches!(name, Some(b'*' | b'<'))
}

/// Whether a text fits a pattern, in which `*` stands for one or more characters: if so, how many characters
/// of it the pattern spells out.
pub(super) fn fits(pattern: &str, text: &str) -> Option<usize> {
    rest_fits(pattern, text).then(|| pattern.len() - pattern.matches('*').count())
}

fn rest_fits(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    rest.char_indices()
        .skip(1)
        .map(|(start, _)| start)
        .chain([rest.len()])
        .any(|start| start > 0 && rest.get(start..).is_some_and(|rest| rest_fits(after, rest)))
}

/// Whether a finalizer is `<plural>.<group>` of the type, as in `triggers.eventing.knative.dev`.
pub(super) fn is_of_type(finalizer: &str, group: &str, kind: &str) -> bool {
    !kind.is_empty()
        && !group.is_empty()
        && finalizer
            .strip_suffix(group)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|plural| plural == plural_of(kind))
}

/// The plural as Kubernetes' generators form it.
fn plural_of(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if kind.ends_with(['s', 'x', 'z']) || kind.ends_with("ch") || kind.ends_with("sh") => {
            format!("{kind}es")
        }
        _ => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_or_more_characters() {
        assert_eq!(fits("group.ingress.k8s.aws/*", "group.ingress.k8s.aws/shop"), Some(22));
        assert_eq!(fits("group.ingress.k8s.aws/*", "group.ingress.k8s.aws/"), None);
        assert_eq!(fits("*.ceph.rook.io", "cephcluster.ceph.rook.io"), Some(13));
        assert_eq!(fits("*.ceph.rook.io", ".ceph.rook.io"), None);
        assert_eq!(fits("*.ceph.rook.io", "cephcluster.ceph.rook.io/x"), None);
        assert!(fits("a.*.b/*", "a.é.b.b/c").is_some());
        assert!(fits("a.*.b/*", "a.b/c").is_none());
    }

    #[test]
    fn a_name_without_a_star_fits_itself_alone() {
        assert_eq!(fits("longhorn.io", "longhorn.io"), Some(11));
        assert_eq!(fits("longhorn.io", "longhorn.io/x"), None);
    }

    #[test]
    fn the_name_of_the_type_is_recognised() {
        let group = "eventing.knative.dev";
        assert!(is_of_type("triggers.eventing.knative.dev", group, "Trigger"));
        assert!(is_of_type("eventpolicies.eventing.knative.dev", group, "EventPolicy"));
        assert!(!is_of_type("triggers.eventing.knative.dev", group, "Broker"));
        assert!(!is_of_type("triggers.eventing.knative.dev", "", "Trigger"));
        assert!(!is_of_type("triggerseventing.knative.dev", group, "Trigger"));
    }
}
