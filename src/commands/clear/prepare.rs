//! From names, or from `--all`, to plans. Reads only.

use std::collections::HashSet;

use anyhow::Result;
use jiff::Timestamp;

use super::{Clear, Seen};
use crate::cluster::NamespaceQuery;
use crate::commands::look_again::KEEP;
use crate::diagnose::{Cause, CommonCause, Diagnosis, common_causes, diagnose};
use crate::execute::{Outcome, Problem, Report};
use crate::model::{Hint, Inventory, Namespace, ShellCommand};
use crate::observe::{Depth, observe};
use crate::output::Topic;
use crate::plan::{BulkLimits, LeftAlone, LimitsFrom, Plan, Selection, check, plan, select};

/// A namespace on its way.
pub(super) enum Prepared {
    /// What would be done to it.
    Planned(Box<Plan>, Inventory),
    /// It ends here.
    Ended(Box<Report>),
}

impl Prepared {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Planned(plan, _) => &plan.namespace.name,
            Self::Ended(report) => &report.namespace,
        }
    }
}

/// All of them, with what was learnt on the way.
pub(super) struct Preparation {
    pub(super) namespaces: Vec<Prepared>,
    /// What was diagnosed; `None` where a signal came first, or the time was over.
    pub(super) seen: Option<Vec<Seen>>,
    /// Whether so many would be written to that nothing was.
    pub(super) stopped: bool,
    /// How many are skipped or excluded.
    pub(super) left_alone: u64,
    /// For the pod's termination message.
    pub(super) summary: Vec<String>,
}

impl Preparation {
    /// It ended before anything was known.
    pub(super) fn ended(names: &[String], report: fn(&str) -> Report) -> Self {
        let namespaces = names.iter().map(|name| Prepared::ended(report(name))).collect();
        Self { namespaces, seen: None, stopped: false, left_alone: 0, summary: Vec::new() }
    }
}

impl Prepared {
    pub(super) fn ended(report: Report) -> Self {
        Self::Ended(Box::new(report))
    }
}

impl Clear<'_> {
    /// Observes all that are meant together, and plans.
    pub(super) async fn prepare(&self) -> Result<Preparation> {
        match &self.settings.limits {
            None => self.prepare_named().await,
            Some(limits) => self.prepare_all(limits).await,
        }
    }

    async fn prepare_named(&self) -> Result<Preparation> {
        let mut names = self.options.names.clone();
        let mut named = HashSet::new();
        names.retain(|name| named.insert(name.clone()));
        let reads = futures::future::join_all(names.iter().map(|name| self.cluster.namespace(name))).await;
        let mut eligible = Vec::new();
        let mut prepared: Vec<Option<Prepared>> = Vec::new();
        for (name, read) in names.iter().zip(reads) {
            let ended = |report: Report| Some(Prepared::ended(report));
            prepared.push(match read {
                Err(error) if error.is_fatal() => return Err(error.into()),
                Err(error) if error.is_missing_namespace() && self.options.ignore_not_found => {
                    ended(Report::new(name, ""))
                }
                Err(error) => ended(Report::new(name, "").ended(Outcome::Failed, Problem::from(&error))),
                Ok(namespace) => {
                    if let Err(refusal) = check(&namespace, &self.settings.policy) {
                        let report = Report::new(name, &namespace.uid);
                        let problem = Problem::refused(&refusal, &self.settings.policy);
                        ended(report.ended(Outcome::Refused, problem))
                    } else {
                        eligible.push(namespace);
                        None
                    }
                }
            });
        }
        let diagnoses = self.diagnose_all(eligible, self.depth()).await?;
        let seen = Some(diagnoses.iter().map(|diagnosis| Seen::of(diagnosis, self.cluster)).collect());
        let mut planned = diagnoses.into_iter().map(|diagnosis| self.planned(diagnosis));
        let namespaces = prepared.into_iter().filter_map(|each| each.or_else(|| planned.next())).collect();
        Ok(Preparation { namespaces, seen, stopped: false, left_alone: 0, summary: Vec::new() })
    }

    async fn prepare_all(&self, limits: &BulkLimits) -> Result<Preparation> {
        let selector = self.options.unattended.selector.as_ref().map(ToString::to_string);
        let query = NamespaceQuery { terminating: true, selector };
        let stuck = self.cluster.namespaces(&query).await?;
        let selection = select(stuck, limits, Timestamp::now());
        self.report_left_alone(&selection);
        let spared =
            |(_, why): &&(Namespace, LeftAlone)| matches!(why, LeftAlone::Excluded(..) | LeftAlone::Skipped);
        let left_alone = selection.left_alone.iter().filter(spared).count() as u64;
        let many = selection.candidates.len() > limits.max;
        // Those that are protected are looked at as well, so that it is known why they are stuck.
        let all: Vec<Namespace> = selection.candidates.into_iter().chain(selection.protected).collect();
        for namespace in &all {
            self.show_rule(namespace);
        }
        let mut diagnoses = self.diagnose_all(all, if many { self.overview() } else { self.depth() }).await?;
        let common = common_causes(&diagnoses);
        // One cause behind many is said once, before anything else.
        for common in &common {
            self.terminal.warn(&self.terminal.hint(&common.warning()));
        }
        let summary = common.iter().map(CommonCause::sentence).collect();
        let seen = Some(diagnoses.iter().map(|diagnosis| Seen::of(diagnosis, self.cluster)).collect());
        if many && limits.too_many(self.would_write(&diagnoses)).is_none() {
            diagnoses = self.look_closer(diagnoses).await?;
        }
        let too_many = limits.too_many(self.would_write(&diagnoses));
        let namespaces = diagnoses.into_iter().map(|diagnosis| match (self.planned(diagnosis), &too_many) {
            (Prepared::Planned(plan, _), Some(message)) => {
                let report = Report::new(&plan.namespace.name, &plan.namespace.uid);
                let report = report.ended(Outcome::Refused, too_many_problem(message, &common, limits.from));
                Prepared::ended(self.with_rule(report, &self.settings_for(&plan.namespace)))
            }
            (prepared, _) => prepared,
        });
        let namespaces = namespaces.collect();
        Ok(Preparation { namespaces, seen, stopped: too_many.is_some(), left_alone, summary })
    }

    /// Enough to count what would be written to.
    fn overview(&self) -> Depth {
        if self.depth() == Depth::Owners { Depth::Owners } else { Depth::Overview }
    }

    /// How many of them have a plan that writes.
    fn would_write(&self, diagnoses: &[Diagnosis]) -> usize {
        let plan = |diagnosis| plan(diagnosis, &self.settings_for(&diagnosis.namespace).policy);
        diagnoses.iter().filter(|diagnosis| plan(diagnosis).is_ok_and(|plan| plan.writes())).count()
    }

    /// Looks again at those that would be written to; what the others are refused for was seen already.
    async fn look_closer(&self, diagnoses: Vec<Diagnosis>) -> Result<Vec<Diagnosis>> {
        let planned =
            |diagnosis: &Diagnosis| plan(diagnosis, &self.settings_for(&diagnosis.namespace).policy).is_ok();
        let (planned, mut rest): (Vec<_>, Vec<_>) = diagnoses.into_iter().partition(planned);
        let namespaces = planned.into_iter().map(|diagnosis| diagnosis.namespace).collect();
        rest.extend(self.diagnose_all(namespaces, self.depth()).await?);
        rest.sort_by(|a, b| a.namespace.name.cmp(&b.namespace.name));
        Ok(rest)
    }

    fn report_left_alone(&self, selection: &Selection) {
        for (namespace, why) in &selection.left_alone {
            let topic = Topic::namespace(&namespace.name);
            let text = format!("namespace/{} is left alone: {why}", namespace.name);
            if matches!(why, LeftAlone::Young(_)) {
                self.terminal.detail_on(topic, &text);
            } else {
                self.terminal.note_on(topic, &text);
            }
        }
    }

    async fn diagnose_all(&self, namespaces: Vec<Namespace>, depth: Depth) -> Result<Vec<Diagnosis>> {
        if namespaces.is_empty() {
            return Ok(Vec::new());
        }
        let progress = self.terminal.progress("taking stock of what is inside");
        let observed = observe(self.cluster, namespaces, KEEP, depth).await;
        progress.done();
        Ok(observed?.into_iter().map(diagnose).collect())
    }

    fn planned(&self, diagnosis: Diagnosis) -> Prepared {
        let settings = self.settings_for(&diagnosis.namespace);
        match plan(&diagnosis, &settings.policy) {
            Ok(plan) => Prepared::Planned(Box::new(plan), diagnosis.inventory),
            Err(refusal) => {
                let report = Report::new(&diagnosis.namespace.name, &diagnosis.namespace.uid);
                let report = report.ended(Outcome::Refused, Problem::refused(&refusal, &settings.policy));
                Prepared::ended(self.with_rule(report, &settings))
            }
        }
    }
}

fn too_many_problem(message: &str, common: &[CommonCause], from: LimitsFrom) -> Problem {
    let raise = match from {
        LimitsFrom::Flags => "if all of them are meant, raise --max",
        LimitsFrom::PolicyFile => "if all of them are meant, raise max in the policy",
    };
    let hint = match common.first() {
        Some(CommonCause { cause: Cause { command: Some(command), .. }, .. }) => {
            Hint::from("mend that first (").command(command.clone()).text(format!("); or, {raise}"))
        }
        Some(_) => format!("mend that first; or, {raise}").into(),
        None => Hint::from(ShellCommand::nsfix(["list-stuck", "-o", "wide"]))
            .text(format!(" shows why each is stuck; {raise}")),
    };
    Problem { message: format!("{message}; nothing was written"), hint: Some(hint) }
}
