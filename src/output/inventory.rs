//! What is still inside a namespace, in words.

use crate::model::{Coverage, Gap, Inventory, TypeLeftovers, gaps_with_reasons};

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

/// `looked at 40 types; could not look at secrets, roles (forbidden …); could not look at widgets.example.com (HTTP
/// 500)`. What is forbidden is one line, however many types it is.
#[must_use]
pub fn coverage(coverage: &Coverage) -> String {
    let Coverage { looked, gaps, types: _, failed_lists, around } = coverage;
    let mut said = vec![if gaps.is_empty() {
        format!("looked at all {looked} types")
    } else {
        format!("looked at {looked} types")
    }];
    said.extend(not_looked(gaps, "could not look at"));
    said.extend(not_looked(around, "could not look, around it, at"));
    said.extend(failed_lists.iter().map(|(name, answer)| {
        format!("{name} were listed in this namespace alone, because the list over all namespaces was answered: {answer}")
    }));
    said.join("; ")
}

fn not_looked(gaps: &[Gap], could_not: &str) -> Vec<String> {
    gaps_with_reasons(gaps).into_iter().map(|gaps| format!("{could_not} {gaps}")).collect()
}
