//! Rule 6: no backup, no write.

use std::io;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Activity, Executor, Problem};
use crate::backup::{Backup, Backups};
use crate::cluster::ApiError;
use crate::model::{Inventory, ResourceType, gaps_with_reasons};

/// Why the objects of a type were not saved.
#[derive(Debug, thiserror::Error)]
enum SaveError {
    #[error(transparent)]
    Read(#[from] ApiError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// A backup that is on disk.
#[derive(Debug)]
pub struct Saved {
    pub path: PathBuf,
    /// The types of which it holds only what could be read.
    pub warnings: Vec<String>,
}

impl Executor<'_> {
    /// Saves a namespace and everything inside it that was seen: what a plan touches, and what it abandons.
    pub async fn save(
        &self,
        backups: &Backups,
        namespace: &Value,
        name: &str,
        inside: &Inventory,
    ) -> Result<Saved, Problem> {
        (self.on_activity)(name, Activity::Saving);
        let failed = |error: io::Error| backup_failed(backups, &error);
        let mut backup = backups.begin(name).map_err(failed)?;
        // Where that fails, what was written of it goes with it.
        let warnings = self.fill(&mut backup, namespace, name, inside, &failed).await?;
        let unknown = gaps_with_reasons(inside.coverage.unknown());
        let unknown = unknown.into_iter().map(|gaps| format!("could not look at {gaps}"));
        unknown.chain(warnings.iter().cloned()).for_each(|why| backup.add_incomplete(&why));
        Ok(Saved { path: backup.finish().map_err(failed)?, warnings })
    }

    async fn fill(
        &self,
        backup: &mut Backup,
        namespace: &Value,
        name: &str,
        inside: &Inventory,
        failed: &impl Fn(io::Error) -> Problem,
    ) -> Result<Vec<String>, Problem> {
        backup.add_namespace(namespace).map_err(failed)?;
        let mut warnings = Vec::new();
        for of_type in &inside.types {
            let (ty, mut saved) = (&of_type.resource, 0);
            if let Some(why) = self.halted() {
                return Err(Problem::new(format!("{why}; nothing was written")));
            }
            let mut add = |item: &RawValue| {
                saved += 1;
                Ok(backup.add_item(ty, item.get())?)
            };
            match self.cluster.whole_objects(ty, name, &mut add).await {
                Ok(()) if saved >= of_type.total() => {}
                Ok(()) => self.is_all(ty, name, saved).await?,
                Err(SaveError::Write(error)) => return Err(failed(error)),
                // Its list failed before, too: what was seen is saved, and the rest is known to be unknown.
                Err(SaveError::Read(error)) if of_type.at_least && saved >= of_type.total() => {
                    warnings.push(format!(
                        "the backup holds {}, the rest could not be read: {}",
                        ty.counted(saved),
                        error.detail()
                    ));
                }
                Err(SaveError::Read(error)) => {
                    return Err(Problem {
                        message: format!("unable to save {ty} before writing: {}", error.detail()),
                        hint: Some("--no-backup goes on without a backup".into()),
                    });
                }
            }
        }
        Ok(warnings)
    }
}

impl Executor<'_> {
    /// Fewer may have been read than were seen because some have gone; otherwise an answer was cut off.
    async fn is_all(&self, ty: &ResourceType, name: &str, saved: u64) -> Result<(), Problem> {
        let unable = |why: &str| Problem {
            message: format!("unable to save {ty} before writing: {why}"),
            hint: Some("--no-backup goes on without a backup".into()),
        };
        let there = self.cluster.leftovers_of(ty, name).await.map_err(|error| unable(&error.detail()))?;
        if there.len() as u64 <= saved {
            return Ok(());
        }
        Err(unable(&format!("the server sent {saved} of {}", ty.counted(there.len() as u64))))
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
