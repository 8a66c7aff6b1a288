//! The namespace that a backup is restored into.

use anyhow::{Result, bail};

use super::Restore;
use super::contents::{Contents, ObjectId};
use crate::cli::DryRunChoice;
use crate::commands::confirm::ask_yes;
use crate::output::Failure;
use crate::shutdown::Shutdown;

/// How a namespace was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RestoreTarget {
    /// It is there and can take objects.
    Exists,
    /// It is not there; the backup holds it.
    Missing,
    /// It was not there, and this run has created it.
    Created,
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
            Err(error) if error.is_not_found() => return self.missing(contents).map(Some),
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
        Ok(Some(RestoreTarget::Exists))
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
