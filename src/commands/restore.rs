//! `nsfix restore`: create a namespace and its objects again from a backup.

use std::io::BufRead;

use serde_json::Value;

use super::Session;
use crate::backup::{Finalizers, creatable};
use crate::cli::{DryRunChoice, RestoreOptions};
use crate::cluster::{Cluster, Discovered, DryRun};
use crate::exit::Exit;
use crate::model::ResourceType;
use crate::output::{Failure, Terminal, sanitise};
use crate::shutdown::Shutdown;

struct Restore<'a> {
    options: &'a RestoreOptions,
    cluster: &'a Cluster,
    discovered: Discovered,
    terminal: &'a Terminal,
}

pub(super) async fn run(
    options: &RestoreOptions,
    session: &Session,
    terminal: &Terminal,
    shutdown: &Shutdown,
) -> Result<Exit, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::error(format!("unable to read the backup {}: {error}", options.file.display()))
    };
    let file = std::fs::File::open(&options.file).map_err(|error| unreadable(&error))?;
    let cluster = session.the_cluster()?;
    let restore = Restore { options, cluster, discovered: cluster.discover().await?, terminal };
    let mut exits = Vec::new();
    let mut document = String::new();
    let mut lines = std::io::BufReader::new(file).lines();
    // One document at a time: a backup may be larger than memory.
    loop {
        let line = lines.next().transpose().map_err(|error| unreadable(&error))?;
        match line {
            Some(line) if line.trim_end() != "---" => {
                document.push_str(&line);
                document.push('\n');
                continue;
            }
            _ if document.trim().is_empty() => {}
            _ => {
                if let Some(exit) = shutdown.requested() {
                    return Ok(exit);
                }
                let object: Value = serde_saphyr::from_str(&document).map_err(|error| {
                    unreadable(&error.to_string().lines().next().unwrap_or_default().to_owned())
                })?;
                exits.extend(restore.one(&object).await?);
                document.clear();
            }
        }
        if line.is_none() {
            return Ok(Exit::merge(exits));
        }
    }
}

impl Restore<'_> {
    /// Creates one object; `None` where it was not asked for.
    async fn one(&self, object: &Value) -> Result<Option<Exit>, Failure> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let (name, namespace) = (text("/metadata/name"), text("/metadata/namespace"));
        if kind.is_empty() || name.is_empty() {
            return Err(Failure::error(format!(
                "the backup {} holds something that is no Kubernetes object",
                self.options.file.display()
            )));
        }
        let label = format!("{}/{name}", kind.to_lowercase());
        let wanted = self.options.names.iter().any(|each| each == name || *each == label);
        if !(self.options.names.is_empty() || wanted) {
            return Ok(None);
        }
        let Some(ty) = self.type_of(api_version, kind) else {
            let message =
                format!("unable to restore {label}: the server has no kind {kind} in {api_version}");
            self.terminal.fail(&Failure::error(message));
            return Ok(Some(Exit::Error));
        };
        let collection = if namespace.is_empty() { ty.path() } else { ty.path_in(namespace) };
        let finalizers = if self.options.keep_finalizers { Finalizers::Keep } else { Finalizers::Drop };
        let body = creatable(object, finalizers);
        let (suffix, dry_run) = match self.options.dry_run {
            DryRunChoice::Client => {
                self.terminal.data(&format!("{} restored (dry run)\n", sanitise(&label)))?;
                return Ok(Some(Exit::Done));
            }
            DryRunChoice::Server => (" (server dry run)", DryRun::Server),
            DryRunChoice::None => ("", DryRun::None),
        };
        match self.cluster.create(&collection, &body, dry_run).await {
            Ok(()) => {
                self.terminal.data(&format!("{} restored{suffix}\n", sanitise(&label)))?;
                Ok(Some(Exit::Done))
            }
            Err(error) if error.is_conflict() => {
                self.terminal.note(&format!("{label} exists already; it was left alone"));
                Ok(Some(Exit::Done))
            }
            Err(error) if error.is_fatal() => Err(error.into()),
            Err(error) => {
                let mut failure = Failure::from(error);
                failure.message = format!("unable to restore {label}: {}", failure.message);
                self.terminal.fail(&failure);
                Ok(Some(Exit::Error))
            }
        }
    }

    fn type_of(&self, api_version: &str, kind: &str) -> Option<&ResourceType> {
        let types = self.discovered.group_versions.iter().flat_map(|each| &each.types);
        types.into_iter().find(|ty| ty.api_version() == api_version && ty.kind == kind && ty.allows("create"))
    }
}
