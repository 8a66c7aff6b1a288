//! From facts to a diagnosis. Pure: no network, no clock, no terminal.

pub mod catalogue;
mod conditions;
mod state;

pub use conditions::reason_from_conditions;
pub use state::{PATIENCE, State, age, reason};
