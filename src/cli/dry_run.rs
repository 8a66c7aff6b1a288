//! The values of `--dry-run`.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use strum::VariantArray;

use crate::model::DryRunChoice;

impl ValueEnum for DryRunChoice {
    fn value_variants<'a>() -> &'a [Self] {
        Self::VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::None => ("none", "The writes are meant"),
            Self::Client => ("client", "No write is sent; what would be sent is printed"),
            Self::Server => ("server", "Writes are sent with dryRun=All"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
