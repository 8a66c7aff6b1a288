//! Creating the objects of a backup, one by one.

use anyhow::Result;

use super::Restore;
use super::contents::ObjectId;
use super::target::RestoreTarget;
use crate::backup::{Finalizers, SavedObject, Skipped};
use crate::cli::DryRunChoice;
use crate::cluster::{ApiError, DryRun};
use crate::execute::Activity;
use crate::exit::Exit;
use crate::model::ResourceType;
use crate::output::{Failure, sanitise};

/// What became of one object.
pub(super) enum Restored {
    /// It was not asked for.
    NotMeant,
    /// It is done with, and how.
    Ended(Exit),
    /// The namespace could not be created, so that nothing can be created in it.
    NoNamespace(Exit),
}

impl Restore<'_> {
    /// Creates one object, if it is selected.
    pub(super) async fn one(
        &self,
        object: &SavedObject,
        namespace: &str,
        target: &mut RestoreTarget,
    ) -> Result<Restored> {
        let SavedObject { api_version, kind, .. } = object;
        let (label, ty) = (object.label(), self.type_of(api_version, kind));
        if !self.selection.includes(&ObjectId::from(object), ty) {
            return Ok(Restored::NotMeant);
        }
        self.acting.set(&label, Activity::Creating);
        let restored = self.one_that_is_meant(object, ty, &label, namespace, target).await;
        self.acting.ended(&label);
        restored
    }

    async fn one_that_is_meant(
        &self,
        object: &SavedObject,
        ty: Option<&ResourceType>,
        label: &str,
        namespace: &str,
        target: &mut RestoreTarget,
    ) -> Result<Restored> {
        let SavedObject { api_version, kind, .. } = object;
        let ended = |exit| Ok(Restored::Ended(exit));
        let Some(ty) = ty.filter(|ty| ty.allows("create")) else {
            let why = self.why_unknown(api_version, kind);
            self.terminal.fail(&Failure::error(format!("unable to restore {label}: {why}")));
            return ended(Exit::Error);
        };
        let left_out = object
            .skipped()
            .filter(|why| !(self.options.include_finished_jobs && *why == Skipped::FinishedJob));
        if let Some(why) = left_out {
            self.terminal.note(&format!("{label} is left out: {why}"));
            return ended(Exit::Done);
        }
        if let Some(why) = stranger(object, ty, namespace) {
            self.terminal.fail(&Failure::refused(format!("{label} is not restored: {why}")));
            return ended(Exit::Refused);
        }
        if let Err(failure) = self.lost(namespace, target).await {
            self.terminal.fail(&failure);
            return Ok(Restored::NoNamespace(failure.exit));
        }
        self.create(object, ty, label, target).await
    }

    fn why_unknown(&self, api_version: &str, kind: &str) -> String {
        let gap = self.discovered.gaps.iter().find(|gap| {
            api_version == gap.to_string() || api_version.starts_with(&format!("{}/", gap.group))
        });
        match gap {
            Some(gap) => format!("its API {api_version} is unavailable ({})", gap.detail),
            None => format!("the server has no kind {kind} in {api_version} that can be created"),
        }
    }

    async fn create(
        &self,
        object: &SavedObject,
        ty: &ResourceType,
        label: &str,
        target: &mut RestoreTarget,
    ) -> Result<Restored> {
        let (suffix, dry_run) = match self.options.dry_run {
            DryRunChoice::Client => return self.predict(object, ty, label, target).await,
            DryRunChoice::Server if *target == RestoreTarget::Missing && ty.namespaced => {
                self.terminal.note(&format!(
                    "{label} could not be checked by the server: its namespace does not exist yet"
                ));
                return Ok(Restored::Ended(Exit::Done));
            }
            DryRunChoice::Server => (" (server dry run)", DryRun::Server),
            DryRunChoice::None => ("", DryRun::None),
        };
        let collection = if ty.namespaced { ty.path_in(&object.namespace) } else { ty.path() };
        let finalizers = if self.options.keep_finalizers { Finalizers::Keep } else { Finalizers::Drop };
        let body = object.creatable(finalizers);
        let is_new = object.is_namespace() && *target == RestoreTarget::Missing;
        match self.cluster.create_text(&collection, body, &object.name, dry_run).await {
            Ok(uid) => {
                if is_new && dry_run == DryRun::None {
                    *target = RestoreTarget::Created { uid };
                }
                self.terminal.data(&format!("{} restored{suffix}\n", sanitise(label)))?;
                Ok(Restored::Ended(Exit::Done))
            }
            Err(error) if error.is_fatal() => Err(error.into()),
            Err(error) => Ok(self.not_created(object, ty, label, &error, is_new).await),
        }
    }

    /// `is_new`: it is the namespace, which was not there a moment ago.
    async fn not_created(
        &self,
        object: &SavedObject,
        ty: &ResourceType,
        label: &str,
        error: &ApiError,
        is_new: bool,
    ) -> Restored {
        if error.is_already_there() && is_new {
            let why =
                format!("{label} was created by another client a moment ago; nothing is restored into it");
            self.terminal.fail(&Failure::refused(why).hint("run the command again if that is meant"));
            return Restored::NoNamespace(Exit::Refused);
        }
        if error.is_already_there() {
            self.terminal.note(&format!("{label} exists already; it was left alone"));
            return Restored::Ended(Exit::Done);
        }
        if error.is_not_rehearsed() {
            self.terminal.note(&format!("{label} was not checked by the server: {}", error.detail()));
            return Restored::Ended(Exit::Done);
        }
        self.fail(object, ty, label, error).await;
        if is_new { Restored::NoNamespace(Exit::Error) } else { Restored::Ended(Exit::Error) }
    }

    /// What a run would come to, by reads alone.
    async fn predict(
        &self,
        object: &SavedObject,
        ty: &ResourceType,
        label: &str,
        target: &RestoreTarget,
    ) -> Result<Restored> {
        if matches!(target, RestoreTarget::Exists { .. }) {
            match self.cluster.preconditions(&ty.path_of(&object.namespace, &object.name)).await {
                Ok(_) => {
                    self.terminal.note(&format!("{label} exists already; it would be left alone"));
                    return Ok(Restored::Ended(Exit::Done));
                }
                Err(error) if error.is_fatal() => return Err(error.into()),
                Err(error) if error.is_not_found() => {}
                Err(error) => {
                    let detail = error.detail();
                    self.terminal.note(&format!("whether {label} exists already is unknown: {detail}"));
                }
            }
        }
        self.terminal.data(&format!("{} restored (dry run)\n", sanitise(label)))?;
        Ok(Restored::Ended(Exit::Done))
    }

    async fn fail(&self, object: &SavedObject, ty: &ResourceType, label: &str, error: &ApiError) {
        let mut failure = Failure::of(error.clone());
        failure.message = format!("unable to restore {label}: {}", failure.message);
        if error.leaves_write_unknown() && self.options.dry_run == DryRunChoice::None {
            let path = ty.path_of(&object.namespace, &object.name);
            let found = match self.cluster.preconditions(&path).await {
                Ok(_) => "it exists by now",
                Err(read) if read.is_not_found() => "it does not exist",
                Err(_) => "whether it exists is unknown",
            };
            failure.message = format!("{}; {found}", failure.message);
        }
        self.terminal.fail(&failure);
    }
}

/// Why an object is not created, where the backup of a namespace should not hold it.
fn stranger(object: &SavedObject, ty: &ResourceType, namespace: &str) -> Option<&'static str> {
    if object.is_namespace() {
        return None;
    }
    match object.namespace.as_str() {
        _ if !ty.namespaced => Some("it is in no namespace"),
        "" => Some("it does not say its namespace"),
        own if own != namespace => Some("it belongs into another namespace"),
        _ => None,
    }
}
