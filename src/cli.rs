//! The command line. Definitions only; the verbs are in [`crate::commands`].

#[cfg(test)]
#[cfg(feature = "sandbox")] // the pages show its flags too
mod man;
mod name;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::cluster::{ConnectionOptions, parse_duration};
use crate::output::document::DocumentFormat;
use crate::output::{ColorChoice, LogFormat};
use crate::plan::Leftovers;

/// Repair Kubernetes namespaces that are stuck in Terminating.
///
/// Finds them, shows their finalizers and why they are stuck, and ends them by a PUT to the /finalize
/// subresource with the "kubernetes" finalizer removed.
#[derive(Debug, Parser)]
#[command(name = "nsfix", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done or nothing stuck, 1 error, 2 usage or configuration, 3 stuck namespaces \
found (list-stuck --exit-code), 4 refused by a safety rule or --yes missing, 5 partial, 130/143 on a signal."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalOptions,
}

impl Cli {
    /// Reads the process's command line, or ends the process with usage or help. Those say `kubectl nsfix` where
    /// kubectl runs nsfix as its plugin.
    #[must_use]
    pub fn of_this_process() -> Self {
        let typed = name::typed(std::env::args_os().next().as_deref());
        let mut definition = Self::command().bin_name(typed);
        let mut matches = definition.get_matches_mut();
        Self::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut definition).exit())
    }
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub struct GlobalOptions {
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionOptions,
    /// Run against a fresh practice cluster inside this process, with this scenario or the usual ones
    #[cfg(feature = "sandbox")]
    #[arg(
        long,
        global = true,
        value_name = "SCENARIO",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with_all = ["kubeconfig", "context", "all_contexts", "cluster", "user", "server", "token"]
    )]
    pub sandbox: Option<String>,
    /// When to use colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorChoice,
    /// Show the requests on stderr; twice: also the bodies of writes
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How messages on stderr are written
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    pub log_format: LogFormat,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the namespaces that are stuck in Terminating
    ListStuck(ListStuckOptions),
    /// Say why namespaces are stuck, and what would end them
    Explain(ExplainOptions),
    /// End namespaces that are stuck in Terminating
    Clear(ClearOptions),
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
}

/// Options of `list-stuck`.
#[derive(Args, Debug)]
pub struct ListStuckOptions {
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<ListFormat>,
    /// Only those in Terminating for at least this long, for example 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub older_than: Option<Duration>,
    /// Only those with these labels, for example -l team=blue
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Print no header line
    #[arg(long)]
    pub no_headers: bool,
    /// Exit with 3 if any stuck namespace was found
    #[arg(long)]
    pub exit_code: bool,
}

/// Options of `explain`.
#[derive(Args, Debug)]
pub struct ExplainOptions {
    /// The namespaces: NAME, ns/NAME or namespace/NAME
    #[arg(required = true, value_name = "NAME", value_parser = parse_namespace)]
    pub names: Vec<String>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<DocumentFormat>,
    /// Name every leftover, however many there are
    #[arg(long)]
    pub all_objects: bool,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// A table with more columns
    Wide,
    /// A JSON document
    Json,
    /// A YAML document
    Yaml,
    /// namespace/NAME, one per line
    Name,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A JSON document
    Json,
    /// A YAML document
    Yaml,
    /// namespace/NAME of what was cleared, one per line
    Name,
}

/// Options of `clear`.
#[derive(Args, Debug)]
pub struct ClearOptions {
    /// The namespaces: NAME, ns/NAME or namespace/NAME
    #[arg(required = true, value_name = "NAME", value_parser = parse_namespace)]
    pub names: Vec<String>,
    /// Answer yes to the question whether to go on
    #[arg(short, long)]
    pub yes: bool,
    /// Send nothing (client), or have the server go through it without storing anything (server)
    #[arg(
        long,
        value_enum,
        value_name = "WHERE",
        num_args = 0..=1,
        require_equals = true,
        default_value = "none",
        default_missing_value = "client"
    )]
    pub dry_run: DryRunChoice,
    /// What may happen to objects that are still inside
    #[arg(long, value_enum, value_name = "POLICY", default_value_t)]
    pub leftovers: Leftovers,
    /// Release this finalizer of leftovers although removing it does harm; can be repeated
    #[arg(long, value_name = "NAME")]
    pub release_finalizer: Vec<String>,
    /// Remove this spec or metadata finalizer of the namespace itself, besides kubernetes; can be repeated
    #[arg(long, value_name = "NAME")]
    pub finalizer: Vec<String>,
    /// Allow one of default, kube-system, kube-public, kube-node-lease, openshift-*
    #[arg(long)]
    pub allow_protected: bool,
    /// Where to save what is about to be changed [default: ~/.local/state/nsfix/backups]
    #[arg(long, value_name = "DIR", conflicts_with = "no_backup")]
    pub backup_dir: Option<PathBuf>,
    /// Save nothing before writing
    #[arg(long)]
    pub no_backup: bool,
    /// Append the report, one JSON object a line, to this file
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Wait until the namespace is gone
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        action = clap::ArgAction::Set
    )]
    pub wait: bool,
    /// How long to wait for that, for example 10s or 1m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    pub timeout: Duration,
    /// Output format of the report
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<ReportFormat>,
}

/// Options of `orphans`.
#[derive(Args, Debug)]
pub struct OrphansOptions {
    /// Only orphans of these missing namespaces
    #[arg(value_name = "NAME", value_parser = parse_namespace)]
    pub names: Vec<String>,
    /// Remove them: create each namespace, delete it at once, and empty it
    #[arg(long)]
    pub purge: bool,
    /// Answer yes to the question whether to go on
    #[arg(short, long, requires = "purge")]
    pub yes: bool,
    /// Send nothing (client)
    #[arg(long, value_enum, value_name = "WHERE", requires = "purge", default_value = "none")]
    pub dry_run: DryRunChoice,
    /// Release this finalizer although removing it does harm; can be repeated
    #[arg(long, value_name = "NAME", requires = "purge")]
    pub release_finalizer: Vec<String>,
    /// Where to save what is about to be removed [default: ~/.local/state/nsfix/backups]
    #[arg(long, value_name = "DIR", conflicts_with = "no_backup")]
    pub backup_dir: Option<PathBuf>,
    /// Save nothing before writing
    #[arg(long)]
    pub no_backup: bool,
    /// How long to wait for each namespace to be gone
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "1m")]
    pub timeout: Duration,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<DocumentFormat>,
}

impl OrphansOptions {
    /// The same format, for a report.
    #[must_use]
    pub fn report_format(&self) -> Option<ReportFormat> {
        self.output.map(|format| match format {
            DocumentFormat::Json => ReportFormat::Json,
            DocumentFormat::Yaml => ReportFormat::Yaml,
        })
    }
}

/// Options of `access`.
#[derive(Args, Debug)]
pub struct AccessOptions {
    /// Ask for this namespace alone instead of for all of them
    #[arg(short, long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub namespace: String,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<DocumentFormat>,
}

/// Options of `restore`.
#[derive(Args, Debug)]
pub struct RestoreOptions {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only objects of these names: NAME or KIND/NAME
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Keep the finalizers that the objects had
    #[arg(long)]
    pub keep_finalizers: bool,
    /// Send nothing (client), or have the server go through it without storing anything (server)
    #[arg(long, value_enum, value_name = "WHERE", default_value = "none")]
    pub dry_run: DryRunChoice,
}

/// kubectl's `--dry-run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRunChoice {
    /// The writes are meant
    None,
    /// No write is sent; what would be sent is printed
    Client,
    /// Writes are sent with dryRun=All
    Server,
}

/// Options of `sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Args, Debug)]
pub struct SandboxOptions {
    /// The scenarios to start with; the usual ones if none is named
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// List the scenarios and end
    #[arg(long)]
    pub list: bool,
    /// The port on 127.0.0.1; a free one if not given
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}

/// Reads `NAME`, `ns/NAME` or `namespace/NAME`.
fn parse_namespace(text: &str) -> Result<String, String> {
    let name = match text.split_once('/') {
        None => text,
        Some(("ns" | "namespace" | "namespaces", name)) => name,
        Some((kind, _)) => return Err(format!("nsfix clears namespaces, not {kind:?}")),
    };
    let valid = (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if valid {
        return Ok(name.to_owned());
    }
    // What the API server says of such a name (apimachinery's IsDNS1123Label).
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
