//! The command line. Definitions only; the verbs are in [`crate::commands`].

mod access;
mod check;
mod clear;
mod dry_run;
mod examples;
mod explain;
mod finalizers;
mod format;
mod global;
mod leftovers;
mod list_stuck;
// The pages show the sandbox's flags too.
#[cfg(test)]
#[cfg(feature = "sandbox")]
mod man;
mod name;
mod namespaces;
mod orphans;
mod patience;
mod restore;
#[cfg(feature = "sandbox")]
mod sandbox;
mod version;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use crate::model::DryRunChoice;
use crate::model::is_dns_label;
pub use crate::output::Format;
pub use access::AccessOptions;
pub use check::CheckOptions;
pub use clear::{AllOptions, ClearOptions};
pub use explain::ExplainOptions;
pub use finalizers::FinalizersOptions;
use format::Formats;
pub use global::GlobalOptions;
pub use leftovers::Refusals;
pub use list_stuck::ListStuckOptions;
pub use namespaces::NamespaceOptions;
pub use orphans::OrphansOptions;
pub use patience::PatienceOption;
pub use restore::RestoreOptions;
#[cfg(feature = "sandbox")]
pub use sandbox::SandboxOptions;
pub use version::{VersionFormat, VersionOptions};

/// Repair Kubernetes namespaces that are stuck in Terminating.
///
/// Alone it says how many are stuck, and why. It finds them, shows their finalizers and why they are stuck, and ends them by a PUT to the /finalize
/// subresource with the "kubernetes" finalizer removed.
#[derive(Debug, Parser)]
#[command(name = "nsfix", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done or nothing stuck, 1 error, 2 usage or configuration, 3 stuck namespaces \
found (list-stuck --exit-code) or trouble expected (check), 4 refused by a safety rule or --yes missing, 5 partial, 129/130/143 on a signal."
)]
pub struct Cli {
    /// What to do; without it, what is stuck is told by cause.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalOptions,
}

impl Cli {
    /// Reads the process's command line, or ends the process with usage or help. Those say `kubectl nsfix` where
    /// kubectl runs nsfix as its plugin.
    #[must_use]
    pub fn of_this_process() -> Self {
        let mut definition = Self::definition(name::typed(std::env::args_os().next().as_deref()));
        let mut matches = definition.get_matches_mut();
        if contradicts_itself(&matches) {
            let message = "the argument '--backup-dir <DIR>' cannot be used with '--no-backup'";
            definition.error(ErrorKind::ArgumentConflict, message).exit();
        }
        let cli = Self::from_arg_matches_mut(&mut matches);
        let mut cli = cli.unwrap_or_else(|error| error.format(&mut definition).exit());
        if let Some(command) = &mut cli.command {
            command.take_namespaces();
        }
        cli
    }

    /// Whether nothing is meant to be written.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.command.as_ref().is_some_and(Command::is_dry_run)
    }

    /// The command line with its examples, for whoever types this.
    #[must_use]
    pub fn definition(typed: &'static str) -> clap::Command {
        examples::added_to(Self::command().bin_name(typed), typed)
    }
}

/// A directory from the environment stands back behind `--no-backup`; one that was typed contradicts it.
fn contradicts_itself(matches: &ArgMatches) -> bool {
    let Some((_, matches)) = matches.subcommand() else { return false };
    let typed = |name: &str| match matches.try_contains_id(name) {
        Ok(true) => matches.value_source(name) == Some(ValueSource::CommandLine),
        _ => false,
    };
    typed("backup_dir") && typed("no_backup")
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the namespaces that are stuck in Terminating
    ListStuck(ListStuckOptions),
    /// Say what the deletion of namespaces would do, before they are deleted: what would get stuck, break or leak
    Check(CheckOptions),
    /// Say why namespaces are stuck, and what would end them
    Explain(ExplainOptions),
    /// End namespaces that are stuck in Terminating
    Clear(Box<ClearOptions>),
    /// Find objects whose namespace does not exist, and remove them safely with --purge
    Orphans(OrphansOptions),
    /// Create a namespace and its objects again from a backup
    Restore(RestoreOptions),
    /// Show which permissions each capability needs, and which are missing
    Access(AccessOptions),
    /// Serve a practice cluster on loopback until Ctrl-C; prints the path of its kubeconfig
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxOptions),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Show what is known about finalizers: whose each is, what it protects, what is lost by removing it
    Finalizers(FinalizersOptions),
    /// Print the version
    Version(VersionOptions),
}

impl Command {
    /// kubectl's `-n NAME` is another way to write `NAME`.
    fn take_namespaces(&mut self) {
        match self {
            Self::Check(options) => options.names.append(&mut options.namespace),
            Self::Clear(options) => options.names.append(&mut options.namespace),
            Self::Explain(options) => options.names.append(&mut options.namespaces.namespace),
            Self::Orphans(options) => options.names.append(&mut options.namespaces.namespace),
            _ => {}
        }
    }

    /// Whether it is a dry run.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        let dry_run = match self {
            Self::Clear(options) => options.dry_run,
            Self::Orphans(options) => options.dry_run,
            Self::Restore(options) => options.dry_run,
            _ => DryRunChoice::None,
        };
        dry_run != DryRunChoice::None
    }
}

/// Reads `NAME`, `ns/NAME` or `namespace/NAME`.
fn parse_namespace(text: &str) -> Result<String, String> {
    let name = match text.split_once('/') {
        None => text,
        Some(("ns" | "namespace" | "namespaces", name)) => name,
        Some((kind, _)) => return Err(format!("nsfix clears namespaces, not {kind:?}")),
    };
    if is_dns_label(name) {
        return Ok(name.to_owned());
    }
    // What the API server says of such a name.
    Err("a namespace's name consists of lower case letters, digits or '-', and starts and ends with a letter or digit"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_namespace_may_be_written_as_kubectl_prints_it() {
        for text in ["rodrigo", "ns/rodrigo", "namespace/rodrigo", "namespaces/rodrigo"] {
            assert_eq!(parse_namespace(text), Ok("rodrigo".to_owned()), "{text}");
        }
        for text in ["", "a/b", "pod/rodrigo", "Rodrigo", "../kube-system", "ns/", "-a", "a?b", "ns/a/b"] {
            assert!(parse_namespace(text).is_err(), "{text:?}");
        }
    }
}
