//! `--patience`, of every verb that may force something.

use std::time::Duration;

use clap::Args;

use crate::model::parse_duration;

/// How long nothing is forced.
#[derive(Args, Debug)]
pub struct PatienceOption {
    /// How long the controller has a namespace with content for itself before anything is forced
    #[arg(
        long,
        env = "NSFIX_PATIENCE",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = parse_duration,
        default_value = "90s"
    )]
    pub patience: Duration,
}
