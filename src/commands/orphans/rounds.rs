//! Empties a namespace in Terminating: observe, plan, execute, again until it is gone or time is up.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::purge::Purge;
use crate::commands::look_again::{Gone, diagnose_again};
use crate::diagnose::Diagnosis;
use crate::execute::{Activity, Executor, Outcome, Problem, Report, Saved, Settings, StepReport};
use crate::model::{Hint, Inventory, Namespace, ShellCommand};
use crate::observe::Depth;
use crate::output::{Topic, report as show};
use crate::plan::{Plan, Refusal, plan};

/// A round that has to wait looks again after this at the latest: a pod's grace may have ended.
const LONGEST_ROUND: Duration = Duration::from_secs(10);
/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(500);

impl Purge<'_> {
    /// Goes on until the namespace is gone, nothing more is allowed, or time is up. What `saved` does not cover is
    /// saved before the first write.
    pub(super) async fn rounds(&self, namespace: Namespace, saved: &Inventory, report: &mut Report) {
        let deadline = Instant::now() + self.options.timeout;
        let mut saved = saved.clone();
        loop {
            let Some((diagnosis, plan)) = self.look(&namespace, report).await else { return };
            self.warn(&plan, report);
            if let Err(problem) =
                self.save_the_rest(&namespace, &diagnosis.inventory, &mut saved, report).await
            {
                (report.outcome, report.problem) = (Outcome::Failed, Some(problem));
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let settings =
                Settings { backups: None, wait: Some(left.min(LONGEST_ROUND)), ..self.settings.clone() };
            let on_step = |namespace: &str, step: &StepReport| show::step(self.terminal, namespace, step);
            let on_activity = |namespace: &str, activity| self.acting.set(namespace, activity);
            let executor = Executor {
                cluster: self.cluster,
                settings: &settings,
                looks: &self.looks,
                shutdown: self.shutdown,
                deadline: Some(deadline),
                on_step: &on_step,
                on_activity: &on_activity,
            };
            let done = executor.run(&plan, &diagnosis.inventory).await;
            // What the plan warns about was said before.
            for warning in done.warnings.iter().filter(|warning| !report.warnings.contains(warning)) {
                if !plan.warnings.contains(warning) {
                    self.terminal.warn_on(Topic::namespace(&namespace.name), warning);
                }
            }
            let wrote = done.wrote;
            report.add_round(done);
            let ended = !matches!(report.outcome, Outcome::Failed | Outcome::Released);
            // What is held by finalizers without consent to release stays held.
            let held = &diagnosis.held;
            let stuck =
                !wrote && !held.is_empty() && !held.iter().any(|held| settings.policy.may_release(held));
            let out_of_time = Instant::now() + PAUSE >= deadline;
            if ended || stuck || out_of_time || executor.halted().is_some() {
                return;
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                _ = self.shutdown.wait() => {}
            }
        }
    }

    /// A diagnosis and a plan of the namespace as it is now; `None` where the report says how it ended.
    async fn look(&self, namespace: &Namespace, report: &mut Report) -> Option<(Diagnosis, Plan)> {
        self.acting.set(&namespace.name, Activity::Looking);
        let mut failed = |outcome, problem| (report.outcome, report.problem) = (outcome, Some(problem));
        let diagnosis = match diagnose_again(self.cluster, &namespace.name, &namespace.uid, Depth::Close)
            .await
        {
            Ok(diagnosis) => diagnosis,
            Err(Gone::Missing) => {
                (report.outcome, report.problem) = (Outcome::Cleared, None);
                return None;
            }
            Err(Gone::Replaced) => {
                let problem = Problem::new(format!(
                    "namespace {:?} is gone; another one of the same name exists by now, and was left alone",
                    namespace.name
                ));
                failed(Outcome::Failed, problem);
                return None;
            }
            Err(Gone::Unknown(error)) => {
                failed(Outcome::Failed, Problem::from(&error));
                return None;
            }
        };
        match plan(&diagnosis, &self.settings.policy) {
            Ok(plan) => Some((diagnosis, plan)),
            Err(refusal) => {
                let mut problem = Problem::from(&refusal);
                if matches!(refusal, Refusal::Remains { .. }) {
                    // What helps `clear` is not what a purge is for.
                    let explain = ShellCommand::nsfix(["explain", &namespace.name]);
                    problem.hint = Some(Hint::from(explain).text(" says what holds it"));
                }
                failed(Outcome::Failed, problem);
                None
            }
        }
    }

    fn warn(&self, plan: &Plan, report: &Report) {
        for warning in plan.warnings.iter().filter(|warning| !report.warnings.contains(warning)) {
            self.terminal.warn_on(Topic::namespace(&plan.namespace.name), warning);
        }
    }

    /// Said at once, and in the report.
    pub(super) fn also_warn(&self, report: &mut Report, warnings: Vec<String>) {
        for warning in &warnings {
            self.terminal.warn_on(Topic::namespace(&report.namespace), warning);
        }
        report.warnings.extend(warnings);
    }

    /// What the first look could not list may be listed now.
    async fn save_the_rest(
        &self,
        namespace: &Namespace,
        inside: &Inventory,
        saved: &mut Inventory,
        report: &mut Report,
    ) -> Result<(), Problem> {
        let Some(backups) = &self.backups else { return Ok(()) };
        let known: BTreeMap<_, u64> = saved
            .types
            .iter()
            .map(|of_type| (of_type.resource.to_string(), of_type.besides_defaults()))
            .collect();
        let grown = inside.types.iter().any(|of_type| {
            // Kubernetes has put its own into the namespace that was created for this.
            let here = of_type.besides_defaults();
            here > 0 && known.get(&of_type.resource.to_string()).is_none_or(|total| *total < here)
        });
        if !grown && report.backup.is_some() {
            return Ok(());
        }
        let on_activity = |name: &str, activity| self.acting.set(name, activity);
        let Saved { path, warnings } =
            self.executor(&on_activity).save(backups, &namespace.json, &namespace.name, inside).await?;
        // It is listed by name: what is in the file is this namespace's if it is still there.
        if let Ok(fresh) = self.cluster.namespace(&namespace.name).await
            && fresh.uid != namespace.uid
        {
            // Nothing of it is worth keeping.
            let _ = std::fs::remove_file(&path);
            return Err(Problem::new(format!(
                "namespace {:?} is gone; another one of the same name exists by now, and was left alone",
                namespace.name
            )));
        }
        self.also_warn(report, warnings);
        if let Some(before) = report.backup.replace(path) {
            report.warnings.push(format!("what was found at first is saved in {}", before.display()));
            let name = &namespace.name;
            let text = format!("namespace/{name} saved to {}", before.display());
            self.terminal.note_on(Topic::namespace(name), &text);
        }
        *saved = inside.clone();
        Ok(())
    }
}
