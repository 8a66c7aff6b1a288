//! What became of a plan.

use std::path::PathBuf;

use super::namespace::replaced;
use crate::cluster::ApiError;
use crate::exit::Exit;
use crate::model::{Gap, Hint, Permission, TypeLeftovers, gaps_with_reasons};
use crate::plan::{Policy, Refusal, StepKind};

/// How it ended for one namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::VariantArray)]
pub enum Outcome {
    /// The namespace is gone.
    Cleared,
    /// What could be released was; the namespace is still there.
    Released,
    /// A safety rule said no; nothing was written.
    Refused,
    /// It did not work, or not to the end.
    Failed,
    /// There was nothing to do.
    Unchanged,
    /// A dry run: nothing was stored.
    DryRun,
    /// A signal came before anything was written.
    NotBegun,
}

impl Outcome {
    /// Whether the namespace is gone, whoever has ended it.
    #[must_use]
    pub fn is_gone(self) -> bool {
        matches!(self, Self::Cleared | Self::Unchanged)
    }

    /// How a run over this namespace alone ends.
    #[must_use]
    pub fn exit(self) -> Exit {
        match self {
            Self::Cleared | Self::Unchanged | Self::DryRun => Exit::Done,
            // A rule kept the rest from being done.
            Self::Refused | Self::Released => Exit::Refused,
            // The signal decides how the process ends.
            Self::Failed | Self::NotBegun => Exit::Error,
        }
    }
}

/// What became of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::VariantArray)]
pub enum StepResult {
    /// Carried out.
    Done,
    /// Not needed any more.
    Skipped,
    /// Not carried out.
    Failed,
    /// Carried out without being stored.
    DryRun,
}

/// One step, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    pub step: StepKind,
    /// `namespace/rodrigo`
    pub target: String,
    /// What became of it.
    pub result: StepResult,
    pub message: String,
}

/// What went wrong, and what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One sentence.
    pub message: String,
    /// What the person can do about it.
    pub hint: Option<Hint>,
}

impl Problem {
    /// A problem without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// A signal came before this namespace's turn.
    #[must_use]
    pub fn not_begun(namespace: &str) -> Self {
        Self::new(format!("namespace {namespace:?} was not begun: interrupted; nothing was written"))
    }

    /// A safety rule said no; what helps depends on where the consent stands.
    #[must_use]
    pub fn refused(refusal: &Refusal, policy: &Policy) -> Self {
        Self { message: refusal.to_string(), hint: Some(refusal.hint_under(policy)) }
    }

    /// Rule 6. The controller will delete all there is, and what was not seen cannot be saved before.
    #[must_use]
    pub fn unsaved<'a>(what: &str, unknown: impl Iterator<Item = &'a Gap>) -> Option<Self> {
        let unknown = gaps_with_reasons(unknown);
        (!unknown.is_empty()).then(|| Self {
            message: format!(
                "{what} left alone: {} could not be looked at, and what is there would be deleted without a backup",
                unknown.join(", ")
            ),
            hint: Some("--no-backup goes on without a backup".into()),
        })
    }

    /// Permissions that are missing before the first write, and the rules that grant them.
    #[must_use]
    pub fn not_allowed(missing: &[&Permission]) -> Self {
        let list: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let rules: Vec<String> = missing.iter().map(|permission| permission.rule()).collect();
        Self {
            message: format!("you are not allowed to {}; nothing was written", list.join(", nor to ")),
            hint: Some(format!("these RBAC rules grant it: {}", rules.join(", ")).into()),
        }
    }
}

impl From<&ApiError> for Problem {
    fn from(error: &ApiError) -> Self {
        Self { message: error.to_string(), hint: error.hint() }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        Self { message: refusal.to_string(), hint: Some(refusal.hint()) }
    }
}

/// What was done about one namespace, step by step, and what was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The namespace's name.
    pub namespace: String,
    /// Its uid; empty where it was never seen.
    pub uid: String,
    /// The rule of a policy file that has decided: `rules[0] (line 6)`.
    pub rule: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was done.
    pub steps: Vec<StepReport>,
    /// What is left in etcd without a namespace.
    pub orphans: Vec<TypeLeftovers>,
    /// The types in which orphans could not be looked for.
    pub unknown: Vec<Gap>,
    /// The file that holds what was there before.
    pub backup: Option<PathBuf>,
    /// What was warned about.
    pub warnings: Vec<String>,
    /// Why it was refused or failed.
    pub problem: Option<Problem>,
    /// Whether a write was carried out, or may have been.
    pub wrote: bool,
    /// Whether another namespace has its name by now, and was left alone.
    pub replaced: bool,
    /// Whether it was gone before this run was done with what is inside: somebody else has ended it.
    pub ended_by_others: bool,
    /// Whether something of it is inside another namespace of its name by now.
    pub taken_over: bool,
}

impl Report {
    /// Nothing done yet.
    #[must_use]
    pub fn new(namespace: &str, uid: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            uid: uid.to_owned(),
            rule: None,
            outcome: Outcome::Unchanged,
            steps: Vec::new(),
            orphans: Vec::new(),
            unknown: Vec::new(),
            backup: None,
            warnings: Vec::new(),
            problem: None,
            wrote: false,
            replaced: false,
            ended_by_others: false,
            taken_over: false,
        }
    }

    /// Whether it was looked everywhere, and nothing was left behind.
    #[must_use]
    pub fn left_nothing(&self) -> bool {
        self.orphans.is_empty() && !self.taken_over && self.unknown.iter().all(Gap::holds_nothing)
    }

    /// Adds a later round: its steps and warnings to those before, and its end in place of theirs.
    pub fn add_round(&mut self, round: Self) {
        self.steps.extend(round.steps);
        for warning in round.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        self.wrote |= round.wrote;
        self.replaced |= round.replaced;
        self.ended_by_others |= round.ended_by_others;
        self.taken_over |= round.taken_over;
        self.outcome = match round.outcome {
            Outcome::Unchanged if self.wrote => Outcome::Cleared,
            // Something was written, so that it is not a refusal of everything.
            Outcome::Refused if self.wrote => Outcome::Released,
            other => other,
        };
        self.problem = round.problem;
        (self.orphans, self.unknown) = (round.orphans, round.unknown);
    }

    /// Whether the PUT to /finalize was carried out.
    #[must_use]
    pub fn was_finalized(&self) -> bool {
        self.has_done(StepKind::Finalize)
    }

    /// Whether a step of this kind was carried out.
    #[must_use]
    pub fn has_done(&self, kind: StepKind) -> bool {
        self.steps.iter().any(|step| step.step == kind && step.result == StepResult::Done)
    }

    /// The same, refused because another namespace has the name by now.
    #[must_use]
    pub fn another(mut self) -> Self {
        self.replaced = true;
        let problem = replaced(&self.namespace);
        self.ended(Outcome::Refused, problem)
    }

    /// The same, ended with a problem.
    #[must_use]
    pub fn ended(mut self, outcome: Outcome, problem: Problem) -> Self {
        self.outcome = outcome;
        self.problem = Some(problem);
        self
    }
}
