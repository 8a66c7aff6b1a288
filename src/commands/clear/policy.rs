//! `--policy FILE`: which of its rules decides about a namespace, and what that allows.

use std::sync::Arc;

use super::Clear;
use crate::execute::{Report, Settings};
use crate::model::Namespace;
use crate::observe::Depth;
use crate::output::Topic;
use crate::plan::policy_file::Decided;

impl Clear<'_> {
    /// What decides about a namespace: the first rule that matches it, or the flags.
    pub(super) fn settings_for(&self, namespace: &Namespace) -> Settings {
        let Some(file) = &self.file else { return self.settings.clone() };
        let decision = file.decide(namespace);
        Settings {
            policy: decision.policy(self.settings.policy.patience),
            decided: Some(Decided { file: Arc::clone(file), index: decision.index() }),
            ..self.settings.clone()
        }
    }

    /// How close to look before a plan.
    pub(super) fn depth(&self) -> Depth {
        let asks_for_owners = match &self.file {
            Some(file) => file.asks_for_owners(),
            None => self.options.unattended.only_if_owner_absent,
        };
        if asks_for_owners { Depth::Owners } else { Depth::Close }
    }

    /// The same, with the rule of the file that has decided.
    pub(super) fn with_rule(&self, report: Report, settings: &Settings) -> Report {
        let place = settings.policy.rule.as_ref().map(|rule| rule.place.clone());
        Report { rule: place.filter(|_| self.file.is_some()), ..report }
    }

    /// Says which rule decides, for each namespace of a dry run.
    pub(super) fn show_rule(&self, namespace: &Namespace) {
        if let Some(file) = &self.file {
            let text =
                format!("namespace/{}: {} of the policy decides", namespace.name, file.decide(namespace));
            self.terminal.note_on(Topic::namespace(&namespace.name), &text);
        }
    }
}
