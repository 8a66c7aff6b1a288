//! From names, or from `--all`, to plans. Reads only.

use jiff::Timestamp;

use super::{Clear, Seen};
use crate::cluster::NamespaceQuery;
use crate::commands::look_again::KEEP;
use crate::diagnose::{Cause, CommonCause, Diagnosis, common_causes, diagnose};
use crate::execute::{Outcome, Problem, Report};
use crate::model::{Hint, Inventory, Namespace, ShellCommand};
use crate::observe::{Depth, observe};
use crate::output::{Failure, Topic};
use crate::plan::{BulkLimits, LeftAlone, Plan, Selection, check, is_protected, plan, select};

/// A namespace on its way.
pub(super) enum Prepared {
    /// What would be done to it.
    Planned(Box<Plan>, Inventory),
    /// It ends here.
    Ended(Box<Report>),
}

impl Prepared {
    pub(super) fn ended(report: Report) -> Self {
        Self::Ended(Box::new(report))
    }
}

impl Clear<'_> {
    /// Observes all that are meant together, and plans.
    pub(super) async fn look(&self) -> Result<Vec<Prepared>, Failure> {
        match self.options.unattended.limits() {
            None => self.prepare_named().await,
            Some(limits) => self.prepare_all(&limits).await,
        }
    }

    async fn prepare_named(&self) -> Result<Vec<Prepared>, Failure> {
        let mut names = self.options.names.clone();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let reads = futures::future::join_all(names.iter().map(|name| self.cluster.namespace(name))).await;
        let mut eligible = Vec::new();
        let mut looked: Vec<Option<Prepared>> = Vec::new();
        for (name, read) in names.iter().zip(reads) {
            let ended = |report: Report| Some(Prepared::ended(report));
            looked.push(match read {
                Err(error) if error.is_fatal() => return Err(error.into()),
                Err(error) if error.is_not_found() && self.options.ignore_not_found => {
                    ended(Report::new(name, ""))
                }
                Err(error) => ended(Report::new(name, "").ended(Outcome::Failed, Problem::from(&error))),
                Ok(namespace) => {
                    if let Err(refusal) = check(&namespace, &self.settings.policy) {
                        let report = Report::new(name, &namespace.uid);
                        ended(report.ended(Outcome::Refused, Problem::from(&refusal)))
                    } else {
                        eligible.push(namespace);
                        None
                    }
                }
            });
        }
        let diagnoses = self.diagnose_all(eligible, Depth::Close).await?;
        let mut planned = diagnoses.into_iter().map(|diagnosis| self.planned(diagnosis));
        Ok(looked.into_iter().filter_map(|each| each.or_else(|| planned.next())).collect())
    }

    async fn prepare_all(&self, limits: &BulkLimits) -> Result<Vec<Prepared>, Failure> {
        let selector = self.options.unattended.selector.clone();
        let query = NamespaceQuery { terminating: true, selector };
        let stuck = self.cluster.namespaces(&query).await?;
        let selection = select(stuck, limits, Timestamp::now());
        self.report_left_alone(&selection);
        let too_many = selection.too_many(limits);
        let depth = if too_many.is_some() { Depth::Overview } else { Depth::Close };
        // Those that are protected are looked at as well, so that it is known why they are stuck.
        let all = selection.candidates.into_iter().chain(selection.protected).collect();
        let diagnoses = self.diagnose_all(all, depth).await?;
        let common = common_causes(&diagnoses);
        // One cause behind many is said once, before anything else.
        for common in &common {
            self.terminal.warn(&self.terminal.hint(&common.warning()));
            self.terminal.summarise(&common.sentence());
        }
        let looked = diagnoses.into_iter().map(|diagnosis| match &too_many {
            Some(message) if !is_protected(&diagnosis.namespace.name) => {
                let report = Report::new(&diagnosis.namespace.name, &diagnosis.namespace.uid);
                Prepared::ended(report.ended(Outcome::Refused, too_many_problem(message, &common)))
            }
            _ => self.planned(diagnosis),
        });
        Ok(looked.collect())
    }

    fn report_left_alone(&self, selection: &Selection) {
        for (namespace, why) in &selection.left_alone {
            let topic = Topic::namespace(&namespace.name);
            let text = format!("namespace/{} is left alone: {why}", namespace.name);
            if *why == LeftAlone::Young {
                self.terminal.detail_on(topic, &text);
            } else {
                self.terminal.note_on(topic, &text);
            }
        }
    }

    async fn diagnose_all(
        &self,
        namespaces: Vec<Namespace>,
        depth: Depth,
    ) -> Result<Vec<Diagnosis>, Failure> {
        if namespaces.is_empty() {
            return Ok(Vec::new());
        }
        let progress = self.terminal.progress("taking stock of what is inside");
        let observed = observe(self.cluster, namespaces, KEEP, depth).await;
        progress.done();
        let diagnoses: Vec<Diagnosis> = observed?.into_iter().map(diagnose).collect();
        self.seen.borrow_mut().extend(diagnoses.iter().map(|diagnosis| Seen {
            name: diagnosis.namespace.name.clone(),
            cause: diagnosis.first_cause(),
            age: diagnosis.age(),
        }));
        Ok(diagnoses)
    }

    fn planned(&self, diagnosis: Diagnosis) -> Prepared {
        match plan(&diagnosis, &self.settings.policy) {
            Ok(plan) => Prepared::Planned(Box::new(plan), diagnosis.inventory),
            Err(refusal) => {
                let report = Report::new(&diagnosis.namespace.name, &diagnosis.namespace.uid);
                Prepared::ended(report.ended(Outcome::Refused, Problem::from(&refusal)))
            }
        }
    }
}

fn too_many_problem(message: &str, common: &[CommonCause]) -> Problem {
    let hint = match common.first() {
        Some(CommonCause { cause: Cause { command: Some(command), .. }, .. }) => {
            Hint::from("mend that first (")
                .command(command.clone())
                .text("); or, if all of them are meant, raise --max")
        }
        Some(_) => "mend that first; or, if all of them are meant, raise --max".into(),
        None => Hint::from(ShellCommand::nsfix(["list-stuck", "-o", "wide"]))
            .text(" shows why each is stuck; if all of them are meant, raise --max"),
    };
    Problem { message: format!("{message}; nothing was written"), hint: Some(hint) }
}
