//! `nsfix restore`: create a namespace and its objects again from backups.

mod contents;
mod create;
mod selection;
mod target;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use super::Session;
use crate::backup::{Documents, RANKS};
use crate::cli::{DryRunChoice, RestoreOptions};
use crate::cluster::{Cluster, Discovered};
use crate::exit::Exit;
use crate::model::ResourceType;
use crate::output::acting::Acting;
use crate::output::{Failure, Terminal};
use crate::shutdown::Shutdown;
use contents::{Contents, unreadable};
use create::Restored;
use selection::ObjectSelection;
use target::RestoreTarget;

struct Restore<'a> {
    options: &'a RestoreOptions,
    cluster: &'a Cluster,
    discovered: Discovered,
    selection: ObjectSelection,
    terminal: &'a Terminal,
    acting: Acting<'a>,
}

pub(super) async fn run(
    options: &RestoreOptions,
    session: &Session,
    terminal: &Terminal,
    shutdown: &Shutdown,
) -> Result<Exit> {
    let (files, names) = options.files_and_names();
    let backups = files.iter().map(|file| Contents::read(file)).collect::<Result<Vec<Contents>>>()?;
    for backup in &backups {
        for why in &backup.bad {
            terminal.fail(&Failure::error(format!("{}: {why}", unreadable(&backup.file))));
        }
        for why in &backup.incomplete {
            terminal.warn(&format!("the backup {} is incomplete: {why}", backup.file.display()));
        }
    }
    let cluster = session.the_cluster();
    if options.dry_run == DryRunChoice::Client {
        cluster.only_read();
    }
    let selection = ObjectSelection::new(names);
    let discovered = tokio::select! {
        discovered = cluster.discover() => discovered?,
        exit = shutdown.wait() => return Ok(exit),
    };
    let acting = Acting::new(terminal, "object");
    let restore = Restore { options, cluster, discovered, selection, terminal, acting };
    restore.every_name_means_something(&backups)?;
    let mut targets = BTreeMap::new();
    for backup in &backups {
        if targets.contains_key(&backup.namespace) {
            continue;
        }
        match restore.find_target(backup, shutdown).await? {
            Some(target) => targets.insert(backup.namespace.clone(), target),
            None => return Ok(shutdown.requested().unwrap_or(Exit::Refused)),
        };
    }
    restore.acting.expect(backups.iter().map(|backup| restore.meant(backup)).sum());
    let mut exits: Vec<Exit> = backups.iter().flat_map(|each| &each.bad).map(|_| Exit::Error).collect();
    for backup in &backups {
        let Some(target) = targets.get_mut(&backup.namespace) else { continue };
        exits.extend(restore.objects_of(backup, target, shutdown).await?);
    }
    if let Some(exit) = shutdown.requested() {
        terminal.note(
            "interrupted; the same command, run again, goes on from here: what exists already is left alone",
        );
        return Ok(exit);
    }
    Ok(Exit::merge(exits))
}

impl Restore<'_> {
    /// A name that is in no backup is a mistake in the file or the name.
    fn every_name_means_something(&self, backups: &[Contents]) -> Result<()> {
        let objects = backups.iter().flat_map(|backup| &backup.objects);
        let typed = objects.map(|id| (id, self.type_of(&id.api_version, &id.kind)));
        let typed: Vec<_> = typed.collect();
        let Some(name) = self.selection.without_match(&typed).first().copied() else { return Ok(()) };
        let place = match backups {
            [backup] => format!("the backup {}", backup.file.display()),
            several => format!("any of the {} backups", several.len()),
        };
        bail!("{name:?} is no file, and not in {place}; nothing was restored")
    }

    /// How many objects of a backup are asked for.
    fn meant(&self, backup: &Contents) -> usize {
        let objects = backup.objects.iter();
        objects.filter(|id| self.selection.includes(id, self.type_of(&id.api_version, &id.kind))).count()
    }

    /// Creates what a backup holds, and returns how each ended.
    async fn objects_of(
        &self,
        backup: &Contents,
        target: &mut RestoreTarget,
        shutdown: &Shutdown,
    ) -> Result<Vec<Exit>> {
        let mut exits = Vec::new();
        // What others need comes first; the file may be larger than memory, so it is read once per rank.
        for pass in 0..RANKS {
            let documents = Documents::open(&backup.file).with_context(|| unreadable(&backup.file))?;
            for object in documents.filter_map(Result::ok).filter(|object| object.rank() == pass) {
                if shutdown.requested().is_some() {
                    return Ok(exits);
                }
                match self.one(&object, &backup.namespace, target).await? {
                    Restored::NotMeant => {}
                    Restored::Ended(exit) => exits.push(exit),
                    Restored::NoNamespace(exit) => {
                        exits.push(exit);
                        return Ok(exits);
                    }
                }
            }
        }
        Ok(exits)
    }

    fn type_of(&self, api_version: &str, kind: &str) -> Option<&ResourceType> {
        let types = self.discovered.group_versions.iter().flat_map(|each| &each.types);
        types.into_iter().find(|ty| ty.api_version() == api_version && ty.kind == kind)
    }
}
