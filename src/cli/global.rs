//! The options of every command.

use std::path::PathBuf;

use clap::Args;

use super::name;
use crate::cluster::ConnectionOptions;
use crate::model::Invocation;
use crate::output::{ColorChoice, LogFormat};

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
    #[arg(
        long,
        global = true,
        env = "NSFIX_COLOR",
        hide_env_values = true,
        value_enum,
        value_name = "WHEN",
        default_value_t
    )]
    pub color: ColorChoice,
    /// Show the requests on stderr; twice: also the bodies of writes
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How messages on stderr are written
    #[arg(
        long,
        global = true,
        env = "NSFIX_LOG_FORMAT",
        hide_env_values = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    pub log_format: LogFormat,
    /// Where a pod leaves a summary of how it ended; nothing is written where there is no such file
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "FILE",
        default_value = "/dev/termination-log"
    )]
    pub termination_log: PathBuf,
}

impl GlobalOptions {
    /// How this process was started, for the commands that it prints.
    #[must_use]
    pub fn invocation(&self) -> Invocation {
        Invocation {
            nsfix: name::typed(std::env::args_os().next().as_deref()),
            connection: self.connection.repeated(),
            leaves_token_out: self.connection.token.is_some(),
            #[cfg(feature = "sandbox")]
            practice: self.sandbox.as_deref().map(|scenario| match scenario {
                "" => "--sandbox".to_owned(),
                scenario => format!("--sandbox={scenario}"),
            }),
            #[cfg(not(feature = "sandbox"))]
            practice: None,
        }
    }
}
