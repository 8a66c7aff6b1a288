//! The values that an argument can have, in the light of what else has been typed.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::{ArgMatches, Command, FromArgMatches};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};

use super::kinds::{EVERYWHERE, Kind, OF_VERBS};
use super::line::Line;
use super::look::Look;
use crate::backup::{default_backup_dir, practice_backup_dir};
use crate::cluster::ConnectionOptions;
use crate::diagnose::catalogue::{self, Entry, Place};
use crate::diagnose::finalizers_remaining;
use crate::model::{KUBERNETES_FINALIZER, Namespace};
use crate::plan::capabilities;
#[cfg(feature = "sandbox")]
use crate::sandbox::Release;

/// What has been typed besides the word that is completed.
pub(super) struct Typed {
    look: Look,
    /// The namespaces that were named.
    named: Vec<String>,
    /// Every word.
    words: Vec<String>,
}

impl Typed {
    pub(super) fn of(line: &Line, definition: Command, deadline: Instant) -> Arc<Self> {
        let words: Vec<String> = line.others().cloned().collect();
        // The line is not complete, so it may be wrong; what is right in it counts.
        let matches = definition.ignore_errors(true).try_get_matches_from(&words).unwrap_or_default();
        let connection = ConnectionOptions::from_arg_matches(&matches).unwrap_or_default();
        let sandbox = one(&matches, "sandbox");
        let named = matches.subcommand().map(|(_, matches)| {
            let many = |name| matches.try_get_many::<String>(name).ok().flatten().into_iter().flatten();
            many("names").chain(many("namespace")).cloned().collect()
        });
        Arc::new(Self {
            look: Look { connection, sandbox, deadline },
            named: named.unwrap_or_default(),
            words,
        })
    }

    fn values(&self, kind: Kind, current: &str) -> Vec<CompletionCandidate> {
        let plain = |names: Vec<String>| names.into_iter().map(CompletionCandidate::new).collect();
        let names = |place: fn(crate::cluster::KubeconfigNames) -> Vec<String>| {
            plain(self.look.kubeconfig().map(place).unwrap_or_default())
        };
        match kind {
            Kind::StuckNamespace => plain(self.others(self.look.namespaces(true), current)),
            Kind::Namespace => plain(self.others(self.look.namespaces(false), current)),
            Kind::Context => names(|names| names.contexts),
            Kind::Cluster => names(|names| names.clusters),
            Kind::User => names(|names| names.users),
            #[cfg(feature = "sandbox")]
            Kind::Scenario => self.scenarios(current),
            #[cfg(feature = "sandbox")]
            Kind::Release => plain(Release::all().rev().map(|release| release.to_string()).collect()),
            Kind::Backup => self.backups(current),
            Kind::OfLeftovers => self.finalizers(current, &[Place::Object], finalizers_remaining),
            Kind::OfNamespace => {
                self.finalizers(current, &[Place::NamespaceSpec, Place::NamespaceMetadata], own_finalizers)
            }
            Kind::Known => known(&[Place::Object, Place::NamespaceSpec, Place::NamespaceMetadata]),
            Kind::Capability => {
                let all = capabilities();
                let names = all.iter().map(|capability| capability.name.to_owned());
                plain(names.filter(|name| !self.words.contains(name)).collect())
            }
        }
    }

    /// The names of namespaces that have not been typed yet, in the form that was begun.
    fn others(&self, found: Vec<Namespace>, current: &str) -> Vec<String> {
        let form = ["ns/", "namespace/", "namespaces/"].into_iter().find(|form| current.starts_with(form));
        let names = found.into_iter().map(|namespace| namespace.name);
        let names = names.filter(|name| !self.named.contains(name));
        names.map(|name| format!("{}{name}", form.unwrap_or_default())).collect()
    }

    /// Those of the named namespaces, or of all that are stuck; the catalogue where they have none that fits.
    fn finalizers(
        &self,
        current: &str,
        places: &[Place],
        of: fn(&Namespace) -> Vec<String>,
    ) -> Vec<CompletionCandidate> {
        let mut found = self.look.namespaces(true);
        found.retain(|namespace| self.named.is_empty() || self.named.contains(&namespace.name));
        let mut there: Vec<String> = found.iter().flat_map(of).collect();
        there.retain(|name| name.starts_with(current) && !self.words.contains(name));
        there.sort();
        there.dedup();
        if there.is_empty() {
            return known(places);
        }
        there.into_iter().map(|name| described(&name, catalogue::fitting(&name).first().copied())).collect()
    }

    #[cfg(feature = "sandbox")]
    fn scenarios(&self, current: &str) -> Vec<CompletionCandidate> {
        // Several, with commas between them.
        let before = current.rfind(',').map_or("", |comma| &current[..=comma]);
        let all = crate::sandbox::scenarios::all().iter();
        let others = all.filter(|scenario| {
            !self.words.iter().any(|word| word == scenario.name)
                && !before.split(',').any(|name| name == scenario.name)
        });
        let candidate = |name: &str| CompletionCandidate::new(format!("{before}{name}"));
        others.map(|scenario| candidate(scenario.name).help(Some(scenario.about.into()))).collect()
    }

    /// The backups of the usual place, by their path or by how the file is called; and any other file.
    fn backups(&self, current: &str) -> Vec<CompletionCandidate> {
        let current_name = current.to_owned();
        let dir = std::env::var_os("NSFIX_BACKUP_DIR").map(PathBuf::from);
        let is_practice = self.look.sandbox.is_some();
        let dir =
            dir.or_else(|| if is_practice { Some(practice_backup_dir()) } else { default_backup_dir() });
        let saved = self.look.within(move || {
            let entries = dir.and_then(|dir| std::fs::read_dir(dir).ok()).into_iter().flatten().flatten();
            let paths = entries.map(|entry| entry.path());
            let saved = paths.filter(|path| path.extension().is_some_and(|end| end == "yaml"));
            let fits = |path: &PathBuf| {
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&current_name))
            };
            let mut saved: Vec<PathBuf> = saved.filter(fits).collect();
            saved.sort();
            saved
        });
        let saved = saved.unwrap_or_default().into_iter().map(CompletionCandidate::new);
        let files = PathCompleter::file().complete(OsStr::new(current));
        saved.chain(files).collect()
    }
}

fn one(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.try_get_one::<String>(name).ok().flatten().cloned()
}

/// The finalizers of the namespace itself that `--finalizer` is for.
fn own_finalizers(namespace: &Namespace) -> Vec<String> {
    let all = namespace.spec_finalizers.iter().chain(&namespace.metadata_finalizers);
    all.filter(|name| *name != KUBERNETES_FINALIZER).cloned().collect()
}

/// The finalizers of the catalogue that have one name, for these places.
fn known(places: &[Place]) -> Vec<CompletionCandidate> {
    let entries = catalogue::all().iter();
    let entries = entries.filter(|entry| entry.places.iter().any(|place| places.contains(place)));
    let names = entries.flat_map(|entry| entry.names.iter().map(move |name| (*name, entry)));
    names
        .filter(|(name, _)| !name.contains(['*', '<']) && *name != KUBERNETES_FINALIZER)
        .map(|(name, entry)| described(name, Some(entry)))
        .collect()
}

fn described(name: &str, entry: Option<&Entry>) -> CompletionCandidate {
    CompletionCandidate::new(name).help(entry.map(|entry| entry.protects.into()))
}

/// The command line with the values of its arguments.
pub(super) fn attached(command: Command, typed: &Arc<Typed>) -> Command {
    let completer = |kind: Kind| {
        let typed = Arc::clone(typed);
        ArgValueCompleter::new(move |current: &OsStr| {
            let Some(current) = current.to_str() else { return Vec::new() };
            let mut values = typed.values(kind, current);
            // A backup is found by its name as well.
            values.retain(|value| {
                kind == Kind::Backup || value.get_value().to_str().is_some_and(|it| it.starts_with(current))
            });
            values
        })
    };
    let command = EVERYWHERE
        .iter()
        .fold(command, |command, (name, kind)| command.mut_arg(name, |arg| arg.add(completer(*kind))));
    OF_VERBS.iter().fold(command, |command, (verb, name, kind)| {
        command.mut_subcommand(verb, |verb| verb.mut_arg(name, |arg| arg.add(completer(*kind))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_argument_with_a_completer_exists() {
        let look = Look { connection: ConnectionOptions::default(), sandbox: None, deadline: Instant::now() };
        let typed = Typed { look, named: Vec::new(), words: Vec::new() };
        attached(Cli::definition("nsfix"), &Arc::new(typed)).build();
    }
}
