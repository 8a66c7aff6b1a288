//! What is still inside a namespace, in words.

use crate::model::{Coverage, Inventory, TypeLeftovers};

/// `2 ConfigMaps (live), 1 Backup.example.com (deleting)`; `nothing` where nothing was found.
#[must_use]
pub fn leftovers(inventory: &Inventory) -> String {
    if inventory.is_empty() {
        return "nothing".to_owned();
    }
    inventory.types.iter().map(of_type).collect::<Vec<_>>().join(", ")
}

/// `3 ConfigMaps (2 deleting, 1 live)`.
#[must_use]
pub fn of_type(of_type: &TypeLeftovers) -> String {
    let state = match (of_type.deleting, of_type.live) {
        (_, 0) => "deleting".to_owned(),
        (0, _) => "live".to_owned(),
        (deleting, live) => format!("{deleting} deleting, {live} live"),
    };
    format!("{of_type} ({state})")
}

/// `looked at 40 of 41 types; could not look at secrets: Forbidden`.
#[must_use]
pub fn coverage(coverage: &Coverage) -> String {
    let Coverage { looked, gaps, types: _ } = coverage;
    if gaps.is_empty() {
        return format!("looked at all {looked} types");
    }
    // A group version that cannot be discovered holds an unknown number of types.
    let named: Vec<String> = gaps.iter().map(|gap| format!("{gap} ({})", gap.detail)).collect();
    format!("looked at {looked} types; could not look at {}", named.join(", "))
}
