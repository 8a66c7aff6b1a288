//! The options of `access`.

use clap::Args;

use super::DocumentFormat;

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
