//! The policy file of unattended runs: what `clear --all --policy FILE` may do, by namespace.
//!
//! Reading it and finding the rule for a namespace is pure. A rule becomes a [`Policy`], and what that allows is
//! decided where everything is: in [`super::plan`].

mod values;

use std::sync::Arc;

use serde::Deserialize;
use serde_saphyr::Spanned;

pub use values::{Age, ApiGroup, FinalizerName, LabelSelector, TypeName};

use super::{BulkLimits, Glob, Leftovers, LimitsFrom, Policy, RuleConsent, ZombieConsent};
use crate::model::Namespace;

/// How many namespaces a run writes to unless the file says otherwise.
pub const DEFAULT_MAX: usize = 5;

/// `kind: ClearPolicy`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClearPolicy {
    /// `nsfix/v1`.
    pub api_version: ApiVersion,
    /// `ClearPolicy`.
    pub kind: Kind,
    /// Younger namespaces are left alone: they may still end by themselves.
    pub older_than: Age,
    /// Nothing is written if more namespaces than this would be written to.
    #[serde(default = "default_max")]
    pub max: usize,
    /// Names that are left alone; `*` and `?` as in a shell.
    #[serde(default)]
    pub exclude: Vec<Glob>,
    /// The first rule that matches a namespace decides. One that no rule matches is refused unless it is known
    /// to be empty.
    pub rules: Vec<Spanned<Rule>>,
}

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ApiVersion {
    /// The one there is.
    #[serde(rename = "nsfix/v1")]
    V1,
}

/// The kind of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Kind {
    /// The one there is.
    ClearPolicy,
}

/// What may be done to the namespaces it matches.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Which namespaces.
    pub namespaces: Matches,
    /// What may happen to what is still inside.
    pub leftovers: RuleLeftovers,
    /// Only with `leftovers: release`.
    #[serde(default)]
    pub release: Option<Spanned<Release>>,
    /// Metadata finalizers of the namespace itself that are removed besides the `kubernetes` spec finalizer.
    #[serde(default)]
    pub metadata_finalizers: Vec<FinalizerName>,
    /// API groups that may be unavailable, besides the stateless ones: what is stored in them is given up.
    #[serde(default)]
    pub accept_unavailable_apis: Vec<ApiGroup>,
    /// Types that this account may not list: whatever there is of them is given up.
    #[serde(default)]
    pub accept_unlisted_types: Vec<TypeName>,
    /// What happens to a zombie.
    #[serde(default)]
    pub zombies: Zombies,
}

/// Both have to hold where both are given; at least one has to be given.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Matches {
    /// Patterns of names, any of which will do; `*` and `?` as in a shell.
    #[serde(default)]
    pub names: Vec<Glob>,
    /// A label selector as kubectl takes it: `env=preview,tier!=gold`.
    #[serde(default)]
    pub selector: Option<LabelSelector>,
}

/// An unattended run never abandons live objects, so there is no `orphan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleLeftovers {
    /// Nothing may be left inside, default objects apart.
    Refuse,
    /// The finalizers that `release` names are taken off what is being deleted, what is live is deleted, and the
    /// controller finishes.
    Release,
}

/// What may be released.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// These finalizers and no others, written out in full.
    #[serde(default)]
    pub finalizers: Vec<FinalizerName>,
    /// Evidence that the owner is gone is required. That nobody could look is no evidence.
    #[serde(default)]
    pub only_if_owner_absent: bool,
}

/// What happens to a zombie: Terminating, without any finalizer, so that nothing will ever remove it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, strum::VariantArray)]
#[serde(rename_all = "camelCase")]
pub enum Zombies {
    /// It is refused and named.
    #[default]
    Report,
    /// It gets its `kubernetes` finalizer back: the controller then deletes what is inside.
    Rearm,
}

/// What is wrong with a policy file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct PolicyFileError {
    /// The line, from 1; `None` where there is none to name.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
}

fn default_max() -> usize {
    DEFAULT_MAX
}

impl ClearPolicy {
    /// Reads a policy file. Unknown fields, patterns that cannot match and rules that contradict themselves are
    /// mistakes.
    pub fn parse(text: &str) -> Result<Self, PolicyFileError> {
        let policy: Self = serde_saphyr::from_str(text).map_err(|error| values::located(&error))?;
        for rule in &policy.rules {
            rule.value.check(line_of(rule))?;
        }
        if policy.rules.is_empty() {
            let message = "rules is empty: everything would be refused".to_owned();
            return Err(PolicyFileError { line: None, message });
        }
        Ok(policy)
    }

    /// The rule that decides about a namespace: the first that matches it.
    #[must_use]
    pub fn decide(&self, namespace: &Namespace) -> Decision<'_> {
        let found = self.rules.iter().enumerate().find(|(_, rule)| rule.value.namespaces.holds(namespace));
        Decision { rule: found.map(|(index, rule)| (index, line_of(rule), &rule.value)) }
    }

    /// What holds the run back, besides the labels of `--selector`.
    #[must_use]
    pub fn limits(&self, selector: Option<LabelSelector>) -> BulkLimits {
        BulkLimits {
            older_than: self.older_than.0,
            exclude: self.exclude.clone(),
            selector,
            max: self.max,
            from: LimitsFrom::PolicyFile,
        }
    }

    /// Whether some rule asks whether the owner of a finalizer is gone.
    #[must_use]
    pub fn asks_for_owners(&self) -> bool {
        let releases = self.rules.iter().filter_map(|rule| rule.value.release.as_ref());
        releases.into_iter().any(|release| release.value.only_if_owner_absent)
    }
}

fn line_of<T>(spanned: &Spanned<T>) -> u32 {
    u32::try_from(spanned.referenced.line()).unwrap_or(u32::MAX)
}

impl Rule {
    fn check(&self, line: u32) -> Result<(), PolicyFileError> {
        let wrong =
            |line, message: &str| Err(PolicyFileError { line: Some(line), message: message.to_owned() });
        if self.namespaces.names.is_empty() && self.namespaces.selector.is_none() {
            return wrong(line, "namespaces names none: give names (\"*\" for all), a selector, or both");
        }
        match (&self.release, self.leftovers) {
            (Some(release), RuleLeftovers::Refuse) => {
                wrong(line_of(release), "release has no effect with leftovers: refuse")
            }
            _ => Ok(()),
        }
    }
}

impl Matches {
    fn holds(&self, namespace: &Namespace) -> bool {
        (self.names.is_empty() || self.names.iter().any(|glob| glob.matches(&namespace.name)))
            && self.selector.as_ref().is_none_or(|selector| selector.matches(&namespace.labels))
    }
}

/// Which rule decides about a namespace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision<'a> {
    /// Its index, its line and the rule; `None` where none matches.
    rule: Option<(usize, u32, &'a Rule)>,
}

impl Decision<'_> {
    /// The rule's index in `rules`.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        self.rule.map(|(index, ..)| index)
    }

    /// What the rule allows; without one nothing but what is known to be empty is cleared.
    #[must_use]
    pub fn policy(&self, patience: std::time::Duration) -> Policy {
        let base = Policy {
            leftovers: Leftovers::Refuse,
            patience,
            deletes_no_namespace: true,
            ..Policy::default()
        };
        let Some((_, _, rule)) = self.rule else {
            return Policy {
                rule: Some(RuleConsent { place: self.to_string(), ..RuleConsent::default() }),
                ..base
            };
        };
        let Rule {
            namespaces: _,
            leftovers,
            release,
            metadata_finalizers,
            accept_unavailable_apis,
            accept_unlisted_types,
            zombies,
        } = rule;
        let release = release.as_ref().map(|release| release.value.clone()).unwrap_or_default();
        Policy {
            leftovers: match leftovers {
                RuleLeftovers::Refuse => Leftovers::Refuse,
                RuleLeftovers::Release => Leftovers::Release,
            },
            release_finalizers: release.finalizers.iter().map(ToString::to_string).collect(),
            rule: Some(RuleConsent {
                place: self.to_string(),
                by_flags: false,
                only_if_owner_absent: release.only_if_owner_absent,
                metadata_finalizers: metadata_finalizers.iter().map(ToString::to_string).collect(),
                unavailable_apis: accept_unavailable_apis.iter().map(ToString::to_string).collect(),
                unlisted_types: accept_unlisted_types.iter().map(ToString::to_string).collect(),
                zombies: match zombies {
                    Zombies::Report => ZombieConsent::Report,
                    Zombies::Rearm => ZombieConsent::Rearm,
                },
            }),
            ..base
        }
    }
}

/// A policy file, and which of its rules has decided about a namespace.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The file.
    pub file: Arc<ClearPolicy>,
    /// The index of the rule.
    pub index: Option<usize>,
}

impl Decided {
    /// Why the namespace as it is now is left alone: its labels may have changed meanwhile.
    #[must_use]
    pub fn changed(&self, fresh: &Namespace) -> Option<String> {
        let now = self.file.decide(fresh);
        (now.index() != self.index).then(|| {
            format!("namespace/{} is left alone: {now} of the policy decides about it by now", fresh.name)
        })
    }
}

/// `rules[0] (line 6)`
impl std::fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rule {
            Some((index, line, _)) => write!(f, "rules[{index}] (line {line})"),
            None => f.write_str("no rule"),
        }
    }
}

#[cfg(test)]
mod tests;
