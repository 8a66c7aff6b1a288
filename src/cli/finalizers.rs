//! The options of `finalizers`.

use clap::Args;

use super::{Format, Formats};

/// Options of `finalizers`.
#[derive(Args, Debug)]
pub struct FinalizersOptions {
    /// A finalizer, or a part of its name; all of the catalogue if none is given
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Only those whose removal does harm
    #[arg(long)]
    pub dangerous: bool,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", value_parser = Formats::Names)]
    pub output: Option<Format>,
}
