//! `nsfix restore`: create a namespace and its objects again from a backup.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Session;
use super::confirm::ask_yes;
use crate::backup::{BadDocument, Documents, Finalizers, RANKS, Skipped, creatable, rank, skipped};
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
    /// The namespace that the backup is of.
    namespace: String,
    /// Whether it does not exist yet, so that a dry run cannot go through what belongs into it.
    missing: bool,
}

/// What a backup holds, as far as it has to be known before the first write.
#[derive(Default)]
struct Contents {
    namespace: String,
    uid: String,
    /// What its objects are called.
    names: BTreeSet<String>,
    /// Documents that are no objects, or cannot be read.
    bad: Vec<String>,
}

pub(super) async fn run(
    options: &RestoreOptions,
    session: &Session,
    terminal: &Terminal,
    shutdown: &Shutdown,
) -> Result<Exit, Failure> {
    let contents = read(options)?;
    for why in &contents.bad {
        terminal.fail(&unreadable(options, why));
    }
    let cluster = session.the_cluster()?;
    let mut restore = Restore {
        options,
        cluster,
        discovered: cluster.discover().await?,
        terminal,
        namespace: contents.namespace.clone(),
        missing: false,
    };
    if !contents.namespace.is_empty() && !restore.prepare_namespace(&contents, shutdown).await? {
        return Ok(Exit::Refused);
    }
    let mut exits: Vec<Exit> = contents.bad.iter().map(|_| Exit::Error).collect();
    // What others need comes first; the file may be larger than memory, so it is read once per rank.
    for pass in 0..RANKS {
        let documents = Documents::open(&options.file).map_err(|error| unreadable(options, &error))?;
        for object in documents.filter_map(Result::ok).filter(|object| rank(object) == pass) {
            if let Some(exit) = shutdown.requested() {
                return Ok(exit);
            }
            exits.extend(restore.one(&object).await?);
        }
    }
    Ok(Exit::merge(exits))
}

fn unreadable(options: &RestoreOptions, why: &dyn std::fmt::Display) -> Failure {
    Failure::error(format!("unable to read the backup {}: {why}", options.file.display()))
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Reads the whole backup before anything is written. A bad document does not end the rest; a file without
/// objects, or without those that are asked for, does.
fn read(options: &RestoreOptions) -> Result<Contents, Failure> {
    let (mut contents, mut cut_off) = (Contents::default(), false);
    for document in Documents::open(&options.file).map_err(|error| unreadable(options, &error))? {
        let object = match document {
            Ok(object)
                if !text(&object, "/kind").is_empty() && !text(&object, "/metadata/name").is_empty() =>
            {
                object
            }
            Ok(_) => {
                contents.bad.push("it holds something that is no Kubernetes object".to_owned());
                continue;
            }
            Err(why) => {
                cut_off |= matches!(why, BadDocument::CutOff(_));
                contents.bad.push(why.to_string());
                continue;
            }
        };
        let name = text(&object, "/metadata/name");
        let of_namespace = text(&object, "/apiVersion") == "v1" && text(&object, "/kind") == "Namespace";
        if of_namespace && contents.namespace.is_empty() {
            name.clone_into(&mut contents.namespace);
            text(&object, "/metadata/uid").clone_into(&mut contents.uid);
        }
        contents.names.insert(name.to_owned());
    }
    if contents.names.is_empty() {
        return Err(unreadable(options, &"it holds no Kubernetes object"));
    }
    for asked in &options.names {
        let name = asked.split_once('/').map_or(asked.as_str(), |(_, name)| name);
        if !contents.names.contains(name) {
            return Err(Failure::error(format!(
                "{asked:?} is not in the backup {}; nothing was restored",
                options.file.display()
            )));
        }
    }
    if cut_off {
        return Err(unreadable(options, &contents.bad.join("; ")));
    }
    Ok(contents)
}

impl Restore<'_> {
    /// Whether the namespace can take the objects; asks where another one of its name exists.
    async fn prepare_namespace(&mut self, contents: &Contents, shutdown: &Shutdown) -> Result<bool, Failure> {
        let name = self.namespace.clone();
        match self.cluster.namespace(&name).await {
            Err(error) if error.is_not_found() => self.missing = true,
            Err(error) => return Err(error.into()),
            Ok(namespace) if namespace.is_terminating() => {
                return Err(Failure::error(format!(
                    "namespace {name:?} is Terminating: nothing can be created in it; nothing was restored"
                )));
            }
            Ok(namespace) if namespace.uid != contents.uid => {
                let asks = !self.options.yes && self.options.dry_run == DryRunChoice::None;
                let question =
                    format!("Another namespace {name:?} exists by now. Restore the objects into it? [y/N] ");
                if asks && !ask_yes(self.terminal, shutdown, &question).await? {
                    return Ok(false);
                }
            }
            Ok(_) => {}
        }
        Ok(true)
    }

    /// Whether an object was asked for: by NAME, KIND/NAME, or RESOURCE/NAME with its short form.
    fn is_wanted(&self, ty: Option<&ResourceType>, kind: &str, name: &str) -> bool {
        let short = match kind {
            "ConfigMap" => "cm",
            "Namespace" => "ns",
            "Service" => "svc",
            "ServiceAccount" => "sa",
            "Deployment" => "deploy",
            "PersistentVolumeClaim" => "pvc",
            "Pod" => "po",
            _ => "",
        };
        let names = &self.options.names;
        names.is_empty()
            || names.iter().any(|asked| match asked.split_once('/') {
                None => asked == name,
                Some((of, asked)) => {
                    let of = of.to_lowercase();
                    let resource = ty.is_some_and(|ty| ty.resource == of || ty.to_string() == of);
                    asked == name
                        && (of == kind.to_lowercase() || resource || !short.is_empty() && of == short)
                }
            })
    }

    /// Why an object is not created, where the backup of a namespace should not hold it.
    fn stranger(&self, ty: &ResourceType, namespace: &str) -> Option<&'static str> {
        let is_the_namespace = ty.group.is_empty() && ty.kind == "Namespace";
        if self.namespace.is_empty() || is_the_namespace {
            return None;
        }
        if !ty.namespaced {
            return Some("it is in no namespace");
        }
        (namespace != self.namespace).then_some("it belongs into another namespace")
    }

    /// Creates one object; `None` where it was not asked for.
    async fn one(&self, object: &Value) -> Result<Option<Exit>, Failure> {
        let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
        let (name, namespace) = (text(object, "/metadata/name"), text(object, "/metadata/namespace"));
        if kind.is_empty() || name.is_empty() {
            return Ok(None);
        }
        let label = format!("{}/{name}", kind.to_lowercase());
        let ty = self.type_of(api_version, kind);
        if !self.is_wanted(ty, kind, name) {
            return Ok(None);
        }
        let Some(ty) = ty else {
            let gap = self.discovered.gaps.iter().find(|gap| {
                api_version == gap.to_string() || api_version.starts_with(&format!("{}/", gap.group))
            });
            let why = match gap {
                Some(gap) => format!("its API {api_version} is unavailable ({})", gap.detail),
                None => format!("the server has no kind {kind} in {api_version}"),
            };
            self.terminal.fail(&Failure::error(format!("unable to restore {label}: {why}")));
            return Ok(Some(Exit::Error));
        };
        let left_out = skipped(object)
            .filter(|why| !(self.options.include_finished_jobs && *why == Skipped::FinishedJob));
        if let Some(why) = left_out {
            self.terminal.note(&format!("{label} is left out: {why}"));
            return Ok(Some(Exit::Done));
        }
        if let Some(why) = self.stranger(ty, namespace) {
            self.terminal.fail(&Failure::refused(format!("{label} is not restored: {why}")));
            return Ok(Some(Exit::Refused));
        }
        self.create(object, ty, &label, namespace).await.map(Some)
    }

    async fn create(
        &self,
        object: &Value,
        ty: &ResourceType,
        label: &str,
        namespace: &str,
    ) -> Result<Exit, Failure> {
        let collection = ty.path_in(namespace);
        let finalizers = if self.options.keep_finalizers { Finalizers::Keep } else { Finalizers::Drop };
        let body = creatable(object, finalizers);
        let (suffix, dry_run) = match self.options.dry_run {
            DryRunChoice::Client => {
                self.terminal.data(&format!("{} restored (dry run)\n", sanitise(label)))?;
                return Ok(Exit::Done);
            }
            DryRunChoice::Server if self.missing && !namespace.is_empty() => {
                self.terminal.note(&format!(
                    "{label} could not be checked by the server: its namespace does not exist yet"
                ));
                return Ok(Exit::Done);
            }
            DryRunChoice::Server => (" (server dry run)", DryRun::Server),
            DryRunChoice::None => ("", DryRun::None),
        };
        match self.cluster.create(&collection, &body, dry_run).await {
            Ok(()) => {
                self.terminal.data(&format!("{} restored{suffix}\n", sanitise(label)))?;
                Ok(Exit::Done)
            }
            Err(error) if error.is_conflict() => {
                self.terminal.note(&format!("{label} exists already; it was left alone"));
                Ok(Exit::Done)
            }
            Err(error) if error.is_fatal() => Err(error.into()),
            Err(error) => {
                let mut failure = Failure::from(error);
                failure.message = format!("unable to restore {label}: {}", failure.message);
                self.terminal.fail(&failure);
                Ok(Exit::Error)
            }
        }
    }

    fn type_of(&self, api_version: &str, kind: &str) -> Option<&ResourceType> {
        let types = self.discovered.group_versions.iter().flat_map(|each| &each.types);
        types.into_iter().find(|ty| ty.api_version() == api_version && ty.kind == kind && ty.allows("create"))
    }
}
