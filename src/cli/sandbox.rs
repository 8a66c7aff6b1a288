//! The options of `sandbox`.

use clap::Args;

/// Options of `sandbox`.
#[derive(Args, Debug)]
pub struct SandboxOptions {
    /// The scenarios to start with; the usual ones if none is named
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// List the scenarios and end
    #[arg(long)]
    pub list: bool,
    /// The version of Kubernetes that it plays, 1.20 to 1.36; the newest if not given
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<String>,
    /// The port on 127.0.0.1; a free one if not given
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}
