//! The namespace that a backup is restored into.

use anyhow::{Result, bail};

use super::Restore;
use super::contents::{Contents, ObjectId};
use crate::cli::DryRunChoice;
use crate::commands::confirm::ask_yes;
use crate::output::Failure;
use crate::shutdown::Shutdown;

/// How a namespace was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RestoreTarget {
    /// It is there and can take objects.
    Exists { uid: String },
    /// It is not there; the backup holds it.
    Missing,
    /// It was not there, and this run has created it.
    Created { uid: String },
}

impl Restore<'_> {
    /// Whether the namespace can take the objects; asks where another one of its name exists. `None` where the
    /// answer was no.
    pub(super) async fn find_target(
        &self,
        contents: &Contents,
        shutdown: &Shutdown,
    ) -> Result<Option<RestoreTarget>> {
        let name = &contents.namespace;
        let namespace = match self.cluster.namespace(name).await {
            Ok(namespace) => namespace,
            Err(error) if error.is_missing_namespace() => return self.missing(contents).map(Some),
            Err(error) => return Err(error.into()),
        };
        if namespace.is_terminating() {
            bail!("namespace {name:?} is Terminating: nothing can be created in it; nothing was restored");
        }
        let asks = !self.options.yes && self.options.dry_run == DryRunChoice::None;
        if namespace.uid != contents.uid && asks {
            let what = if contents.uid.is_empty() { "Namespace" } else { "Another namespace" };
            let question = format!("{what} {name:?} exists by now. Restore the objects into it? [y/N] ");
            if !ask_yes(self.terminal, shutdown, &question).await? {
                return Ok(None);
            }
        }
        Ok(Some(RestoreTarget::Exists { uid: namespace.uid }))
    }

    /// Why nothing more is created in the namespace: by now it is another one of the same name, or goes. A create
    /// cannot be guarded by the uid of its namespace.
    pub(super) async fn lost(&self, name: &str, target: &RestoreTarget) -> Result<(), Failure> {
        let (RestoreTarget::Exists { uid } | RestoreTarget::Created { uid }) = target else { return Ok(()) };
        let why = match self.cluster.namespace(name).await {
            Ok(namespace) if namespace.uid != *uid => "was deleted and created anew meanwhile",
            Ok(namespace) if namespace.is_terminating() => "is being deleted by now",
            Ok(_) => return Ok(()),
            Err(error) if error.is_missing_namespace() => "is gone by now",
            Err(error) => return Err(Failure::of(error)),
        };
        Err(Failure::error(format!("namespace {name:?} {why}; nothing more is restored into it"))
            .hint("if the rest is meant as well, run the command again: what exists already is left alone"))
    }

    /// Without the namespace nothing can be created in it.
    fn missing(&self, contents: &Contents) -> Result<RestoreTarget> {
        let name = &contents.namespace;
        let itself =
            ObjectId { api_version: "v1".to_owned(), kind: "Namespace".to_owned(), name: name.clone() };
        if !contents.holds_namespace {
            let file = contents.file.display();
            let message = format!(
                "namespace {name:?} does not exist, and {file} does not hold it; nothing was restored"
            );
            bail!(Failure::error(message).hint("create it first"));
        }
        if !self.selection.includes(&itself, self.type_of(&itself.api_version, &itself.kind)) {
            bail!(
                Failure::error(format!("namespace {name:?} does not exist; nothing was restored"))
                    .hint(format!("name it as well: namespace/{name}"))
            );
        }
        Ok(RestoreTarget::Missing)
    }
}
