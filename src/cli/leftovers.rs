//! The values of `--leftovers`, `--zombies` and `--refusals`.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use strum::VariantArray;

use crate::plan::Leftovers;
use crate::plan::policy_file::Zombies;

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

impl ValueEnum for Zombies {
    fn value_variants<'a>() -> &'a [Self] {
        Self::VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Report => ("report", "Refuse and name them"),
            Self::Rearm => {
                ("rearm", "Give them their finalizer back, so that the controller deletes what is inside")
            }
        };
        Some(PossibleValue::new(name).help(help))
    }
}

/// What refusals come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Refusals {
    /// Exit with 4 or 5.
    #[default]
    Fail,
    /// Exit with 0: the report, the metrics and the Events tell of them.
    Ignore,
}
