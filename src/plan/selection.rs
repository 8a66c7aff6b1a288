//! `clear --all`: which of the stuck namespaces are meant, and when there are too many of them.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use wildmatch::WildMatch;

use super::is_protected;
use super::policy_file::LabelSelector;
use crate::diagnose::age;
use crate::model::Namespace;

/// `nsfix/skip: "true"` on a namespace: its owner asks for it to be left alone. It is a brake, so that every value
/// but a plain no is a yes.
pub const SKIP_ANNOTATION: &str = "nsfix/skip";

/// The limits of `clear --all`.
#[derive(Clone, Debug)]
pub struct BulkLimits {
    /// Younger ones may still end by themselves.
    pub older_than: Duration,
    /// Names that are left alone; `*` and `?` as in a shell.
    pub exclude: Vec<Glob>,
    /// Only those with these labels.
    pub selector: Option<LabelSelector>,
    /// More than that to be written to at once are a sign of one common cause, which is to be mended first.
    pub max: usize,
    /// Where these limits stand, to name them.
    pub from: LimitsFrom,
}

/// Where the limits of a run stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitsFrom {
    /// On the command line.
    #[default]
    Flags,
    PolicyFile,
}

impl BulkLimits {
    /// The problem with so many namespaces that would be written to, if it is one.
    #[must_use]
    pub fn too_many(&self, count: usize) -> Option<String> {
        let max = match self.from {
            LimitsFrom::Flags => format!("--max={}", self.max),
            LimitsFrom::PolicyFile => format!("max: {} of the policy", self.max),
        };
        (count > self.max).then(|| {
            format!(
                "{count} namespaces would be written to, more than {max}: so many at once are a sign of one common cause"
            )
        })
    }
}

/// A pattern of names.
#[derive(Clone, Debug, PartialEq)]
pub struct Glob(WildMatch);

impl Glob {
    /// Whether a name fits.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

impl std::str::FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-*?".contains(&byte);
        if text.is_empty() || !text.bytes().all(fits) {
            return Err(
                "use the characters of a namespace's name, * for any of them and ? for one".to_owned()
            );
        }
        Ok(Self(WildMatch::new(text)))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a stuck namespace is left alone.
#[derive(Clone, Debug, PartialEq)]
pub enum LeftAlone {
    /// It is younger than `--older-than`.
    Young(LimitsFrom),
    /// `--exclude` names it.
    Excluded(Glob, LimitsFrom),
    /// It does not have the labels of `--selector`.
    Unselected,
    /// It has the annotation.
    Skipped,
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Young(LimitsFrom::Flags) => f.write_str("it is younger than --older-than"),
            Self::Young(LimitsFrom::PolicyFile) => f.write_str("it is younger than olderThan of the policy"),
            Self::Unselected => f.write_str("its labels do not match --selector"),
            Self::Excluded(glob, LimitsFrom::Flags) => write!(f, "--exclude={glob} names it"),
            Self::Excluded(glob, LimitsFrom::PolicyFile) => {
                write!(f, "exclude of the policy names it ({glob})")
            }
            Self::Skipped => write!(f, "it has the annotation {SKIP_ANNOTATION}"),
        }
    }
}

/// The stuck namespaces, sorted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Those to be cleared.
    pub candidates: Vec<Namespace>,
    /// Those that the cluster does not survive losing. They are never candidates, but neither are they fine.
    pub protected: Vec<Namespace>,
    /// Those that are left alone, and why.
    pub left_alone: Vec<(Namespace, LeftAlone)>,
}

/// Sorts stuck namespaces by what may be done about them.
#[must_use]
pub fn select(namespaces: Vec<Namespace>, limits: &BulkLimits, now: Timestamp) -> Selection {
    let mut selection = Selection::default();
    for namespace in namespaces.into_iter().filter(Namespace::is_terminating) {
        if let Some(why) = left_alone(&namespace, limits, now) {
            selection.left_alone.push((namespace, why));
        } else if is_protected(&namespace.name) {
            selection.protected.push(namespace);
        } else {
            selection.candidates.push(namespace);
        }
    }
    selection
}

/// Why nobody wants a namespace touched, by name or by annotation.
#[must_use]
pub fn spared(namespace: &Namespace, exclude: &[Glob], from: LimitsFrom) -> Option<LeftAlone> {
    if let Some(glob) = exclude.iter().find(|glob| glob.matches(&namespace.name)) {
        return Some(LeftAlone::Excluded(glob.clone(), from));
    }
    let skip = namespace.annotations.get(SKIP_ANNOTATION);
    skip.is_some_and(|value| !is_no(value)).then_some(LeftAlone::Skipped)
}

/// What Go's `strconv.ParseBool` takes for false, and YAML 1.1 too.
fn is_no(value: &str) -> bool {
    ["false", "f", "0", "no", "n", "off"].iter().any(|no| value.trim().eq_ignore_ascii_case(no))
}

fn left_alone(namespace: &Namespace, limits: &BulkLimits, now: Timestamp) -> Option<LeftAlone> {
    if age(namespace, now).is_none_or(|age| age < limits.older_than) {
        return Some(LeftAlone::Young(limits.from));
    }
    if limits.selector.as_ref().is_some_and(|selector| !selector.matches(&namespace.labels)) {
        return Some(LeftAlone::Unselected);
    }
    spared(namespace, &limits.exclude, limits.from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-01-02T00:00:00Z";

    fn stuck(name: &str, since: &str, annotations: &serde_json::Value) -> Namespace {
        Namespace::from_json(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": name, "uid": name, "resourceVersion": "1",
                "deletionTimestamp": since, "annotations": annotations,
            },
            "spec": {"finalizers": ["kubernetes"]},
        }))
        .unwrap()
    }

    #[test]
    fn a_label_that_was_taken_away_meanwhile_holds_the_run_back() {
        let limits = BulkLimits { selector: Some("team=blue".parse().unwrap()), ..limits(&[]) };
        let mut namespace = stuck("a", "2026-01-01T00:00:00Z", &json!({}));
        let now = NOW.parse().unwrap();
        assert_eq!(left_alone(&namespace, &limits, now), Some(LeftAlone::Unselected));
        namespace.labels.insert("team".to_owned(), "blue".to_owned());
        assert_eq!(left_alone(&namespace, &limits, now), None);
    }

    fn limits(exclude: &[&str]) -> BulkLimits {
        let exclude = exclude.iter().map(|glob| glob.parse().unwrap()).collect();
        BulkLimits {
            older_than: Duration::from_secs(3600),
            exclude,
            selector: None,
            max: 2,
            from: LimitsFrom::Flags,
        }
    }

    fn selected(namespaces: Vec<Namespace>, exclude: &[&str]) -> Selection {
        select(namespaces, &limits(exclude), NOW.parse().unwrap())
    }

    fn old(name: &str) -> Namespace {
        stuck(name, "2026-01-01T00:00:00Z", &json!({}))
    }

    #[test]
    fn only_the_old_ones_that_nobody_spares_are_candidates() {
        let young = stuck("young", "2026-01-01T23:30:00Z", &json!({}));
        let skipped = stuck("skipped", "2026-01-01T00:00:00Z", &json!({"nsfix/skip": "true"}));
        let unskipped = stuck("unskipped", "2026-01-01T00:00:00Z", &json!({"nsfix/skip": "false"}));
        let all = vec![old("team-a"), young, skipped, unskipped, old("plain"), old("kube-system")];
        let selection = selected(all, &["team-*"]);
        let names = |list: &[Namespace]| list.iter().map(|each| each.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&selection.candidates), ["unskipped", "plain"]);
        assert_eq!(names(&selection.protected), ["kube-system"]);
        let why: Vec<_> =
            selection.left_alone.iter().map(|(each, why)| format!("{}: {why}", each.name)).collect();
        assert_eq!(
            why,
            [
                "team-a: --exclude=team-* names it",
                "young: it is younger than --older-than",
                "skipped: it has the annotation nsfix/skip",
            ]
        );
    }

    #[test]
    fn every_value_of_the_brake_but_a_plain_no_holds() {
        let skipped = |value: &str| {
            let namespace = stuck("a", "2026-01-01T00:00:00Z", &json!({ SKIP_ANNOTATION: value }));
            spared(&namespace, &[], LimitsFrom::Flags) == Some(LeftAlone::Skipped)
        };
        for yes in ["true", "True", "TRUE", "yes", "1", "on", "", "until friday"] {
            assert!(skipped(yes), "{yes:?}");
        }
        for no in ["false", "False", " false ", "no", "0", "off"] {
            assert!(!skipped(no), "{no:?}");
        }
    }

    #[test]
    fn an_hour_old_is_old_enough_for_an_hour() {
        let since = |since: &str| stuck("a", since, &json!({}));
        assert_eq!(selected(vec![since("2026-01-01T23:00:00Z")], &[]).candidates.len(), 1);
        assert!(selected(vec![since("2026-01-01T23:00:01Z")], &[]).candidates.is_empty());
    }

    #[test]
    fn a_future_deletion_is_not_old() {
        let future = stuck("future", "2026-01-03T00:00:00Z", &json!({}));
        assert!(selected(vec![future], &[]).candidates.is_empty());
    }

    #[test]
    fn too_many_is_told_in_the_words_of_where_the_limit_stands() {
        let limits = limits(&[]);
        assert_eq!(limits.too_many(2), None);
        assert!(limits.too_many(3).unwrap().contains("3 namespaces would be written to, more than --max=2:"));
        let in_file = BulkLimits { from: LimitsFrom::PolicyFile, ..limits };
        assert!(in_file.too_many(3).unwrap().contains("more than max: 2 of the policy:"));
    }

    #[test]
    fn what_cannot_be_a_name_is_no_pattern() {
        for text in ["", "Team-*", "a b", "[ab]", "a,b"] {
            assert!(text.parse::<Glob>().is_err(), "{text:?}");
        }
    }
}
