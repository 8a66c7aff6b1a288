//! The values of `--leftovers`.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use strum::VariantArray;

use crate::plan::Leftovers;

impl ValueEnum for Leftovers {
    fn value_variants<'a>() -> &'a [Self] {
        Self::VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Ask => {
                ("ask", "Ask on a terminal; without one, refuse where live leftovers would be abandoned")
            }
            Self::Refuse => ("refuse", "Refuse where anything is left inside, or may be"),
            Self::Orphan => ("orphan", "Abandon whatever is left inside"),
            Self::Release => (
                "release",
                "Take finalizers off what is being deleted, delete what is live, and let the controller finish",
            ),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
