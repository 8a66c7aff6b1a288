//! Rule 6: no backup, no write.

use std::io;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Activity, Executor, Problem};
use crate::backup::{Backup, Backups};
use crate::cluster::ApiError;
use crate::model::{Inventory, TypeLeftovers};

/// Why the objects of a type were not saved.
#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error(transparent)]
    Read(#[from] ApiError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

impl Executor<'_> {
    /// Saves a namespace and everything inside it: what a plan touches, and what it abandons.
    pub async fn save(
        &self,
        backups: &Backups,
        namespace: &Value,
        name: &str,
        inside: &Inventory,
    ) -> Result<PathBuf, Problem> {
        (self.on_activity)(name, Activity::Saving);
        let failed = |error: io::Error| backup_failed(backups, &error);
        let mut backup = backups.begin(name).map_err(failed)?;
        match self.fill(&mut backup, namespace, name, inside, &failed).await {
            Ok(()) => backup.finish().map_err(failed),
            // What was written of it goes with it.
            Err(problem) => Err(problem),
        }
    }

    async fn fill(
        &self,
        backup: &mut Backup,
        namespace: &Value,
        name: &str,
        inside: &Inventory,
        failed: &impl Fn(io::Error) -> Problem,
    ) -> Result<(), Problem> {
        backup.add_namespace(namespace).map_err(failed)?;
        for TypeLeftovers { resource: ty, .. } in &inside.types {
            if let Some(why) = self.halted() {
                return Err(Problem::new(format!("{why}; nothing was written")));
            }
            let mut add = |item: &RawValue| Ok(backup.add_item(ty, item.get())?);
            self.cluster.whole_objects(ty, name, &mut add).await.map_err(|error| match error {
                SaveError::Write(error) => failed(error),
                SaveError::Read(error) => Problem {
                    message: format!("unable to save {ty} before writing: {}", error.detail()),
                    hint: Some("--no-backup goes on without a backup".into()),
                },
            })?;
        }
        Ok(())
    }
}

fn backup_failed(backups: &Backups, error: &io::Error) -> Problem {
    Problem {
        message: format!(
            "unable to save a backup in {}: {error}; nothing was written",
            backups.dir().display()
        ),
        hint: Some("name another place with --backup-dir, or do without one with --no-backup".into()),
    }
}
