//! The look right before a write that may end the namespace: what would it abandon?

use super::namespace::{NamespaceWrite, NamespaceWriteOutcome};
use super::run::Run;
use super::shared_look::Wanted;
use super::{Outcome, Problem};
use crate::cluster::{ApiError, DryRun};
use crate::model::{Hint, Inventory, Namespace, ShellCommand, TypeLeftovers, gaps_with_reasons};
use crate::plan::{Leftovers, Policy, is_empty_for, unlisted};

/// What the look has come to.
pub(super) enum LastLook {
    /// Nothing would be abandoned, or that is what was agreed to.
    GoOn,
    /// Something is left, or unknown.
    Remains(Problem),
    /// It could not be looked.
    Failed(Problem),
    /// A signal came, or the time was over.
    Halted(String),
}

impl LastLook {
    /// What it means for the write.
    pub(super) fn into_outcome(self) -> Option<NamespaceWriteOutcome> {
        Some(match self {
            Self::GoOn => return None,
            Self::Remains(problem) => NamespaceWriteOutcome::Withheld(Outcome::Refused, problem),
            Self::Failed(problem) => NamespaceWriteOutcome::Withheld(Outcome::Failed, problem),
            Self::Halted(why) => NamespaceWriteOutcome::Halted(why),
        })
    }
}

impl Run<'_> {
    /// `release` and `refuse` abandon nothing: whatever is left or unknown right before the write ends it. For the others
    /// what was unknown is asked about once more.
    pub(super) async fn last_look(&self, write: NamespaceWrite<'_>) -> LastLook {
        let settings = self.executor.settings;
        // After a rearm the controller deletes what is inside, which is what was asked for.
        let abandons_nothing =
            write.may_end_it() && matches!(settings.policy.leftovers, Leftovers::Release | Leftovers::Refuse);
        // In a rehearsal nothing was released, so that everything is still there.
        let knows_all = self.before.coverage.is_complete();
        if !abandons_nothing && knows_all || settings.dry_run == DryRun::Server {
            return LastLook::GoOn;
        }
        // It may wait for those of other namespaces, and a list may be long.
        tokio::select! {
            biased;
            why = self.executor.until_halted() => LastLook::Halted(why),
            looked = self.look_once_more(abandons_nothing) => looked,
        }
    }

    /// Asks about everything again: types that were empty, gaps, and what the controller itself counts.
    async fn look_once_more(&self, abandons_nothing: bool) -> LastLook {
        let (name, cluster) = (&self.plan.namespace.name, self.executor.cluster);
        let failed = |error: &ApiError| {
            let problem = Problem::from(error);
            let message = format!(
                "namespace {name:?} was not finalized: unable to look at what is inside: {}",
                problem.message
            );
            LastLook::Failed(Problem { message, ..problem })
        };
        let left = match self.executor.looks.at(cluster, name, Wanted::everything()).await {
            Ok(looked) => looked.inside,
            Err(error) => return failed(&error),
        };
        if !abandons_nothing {
            return self.was_unknown(&left).map_or(LastLook::GoOn, LastLook::Remains);
        }
        let namespace = match cluster.namespace(name).await {
            Ok(namespace) => namespace,
            // Gone by now, or another one: the write itself finds that out.
            Err(error) if error.is_missing_namespace() => return LastLook::GoOn,
            Err(error) => return failed(&error),
        };
        let policy = &self.executor.settings.policy;
        if is_empty_for(&namespace, &left, policy) {
            return LastLook::GoOn;
        }
        LastLook::Remains(not_finalized(&namespace, &left, policy))
    }
}

impl Run<'_> {
    /// What could not be looked at before and can be now was neither shown nor saved: no consent covers it.
    fn was_unknown(&self, left: &Inventory) -> Option<Problem> {
        let name = &self.plan.namespace.name;
        let more = |of_type: &TypeLeftovers| {
            let ty = &of_type.resource;
            let was_unknown = self.before.coverage.unknown().any(|gap| gap.covers(ty));
            let (now, before) = (of_type.besides_defaults(), self.before.besides_defaults(ty));
            if !was_unknown || now == 0 {
                return None;
            }
            if now > before {
                return Some(format!("{} more", ty.counted(now - before)));
            }
            // As many as were seen, or fewer, may be others: some of those that were seen may have gone.
            let same_part = of_type.at_least && now == before;
            (self.before.is_seen_in_part(ty) && !same_part)
                .then(|| format!("{of_type}, and not all of them were seen"))
        };
        let found: Vec<String> = left.types.iter().filter_map(more).collect();
        (!found.is_empty()).then(|| Problem {
            message: format!(
                "namespace {name:?} was left alone: at first it could not be looked at everywhere, and now it holds {}",
                found.join(", ")
            ),
            hint: Some(
                Hint::from(ShellCommand::nsfix(["clear", name]))
                    .text(" looks at everything once more, in this namespace alone"),
            ),
        })
    }
}

/// What is left, by type and finalizer, and where something may be that was not seen.
fn not_finalized(namespace: &Namespace, left: &Inventory, policy: &Policy) -> Problem {
    let name = &namespace.name;
    let seen = left.types.iter().filter(|of_type| of_type.besides_defaults() > 0).map(|of_type| {
        let finalizers: Vec<&str> = of_type.finalizers.keys().map(String::as_str).collect();
        if finalizers.is_empty() {
            of_type.to_string()
        } else {
            format!("{of_type} held by {}", finalizers.join(", "))
        }
    });
    let gaps = left.coverage.unknown().filter(|gap| !policy.accepts(gap));
    let gaps = gaps_with_reasons(gaps).into_iter().map(|gaps| format!("whatever is in {gaps}"));
    let counted = unlisted(namespace, left, policy);
    let counted = counted.iter().map(|ty| format!("{ty}, which the controller counts and nsfix cannot list"));
    let all: Vec<String> = seen.chain(gaps).chain(counted).collect();
    Problem {
        message: format!("namespace {name:?} was not finalized: still inside: {}", all.join("; ")),
        hint: Some(
            Hint::from(ShellCommand::nsfix(["explain", name]))
                .text(" says what holds it; --leftovers=orphan would abandon it in etcd"),
        ),
    }
}
