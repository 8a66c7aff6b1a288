//! What `orphans` prints.

use std::collections::BTreeMap;

use super::document::{Document, OrphanItem};
use super::{DocumentFormat, Failure, Terminal, inventory, table};
use crate::cluster::PURGE_LABEL;
use crate::model::{Hint, Inventory, Namespace, ShellCommand};

/// What was found.
#[derive(Debug)]
pub struct FoundOrphans {
    /// The orphans, by the namespace that is missing.
    pub orphans: BTreeMap<String, Inventory>,
    /// The coverage, also where nothing was found.
    pub looked: Inventory,
    /// Namespaces in Terminating that an earlier purge created and did not finish.
    pub unfinished: Vec<Namespace>,
    /// Active namespaces with the label of a purge. Whether a purge created them nobody can tell.
    pub active: Vec<Namespace>,
}

/// Prints what was found, and what to do about it.
pub fn print(
    found: &FoundOrphans,
    format: Option<DocumentFormat>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let items = OrphanItem::all(&found.orphans);
    let text = match format {
        Some(format) => Document::new(items).render(format)?,
        None if items.is_empty() => String::new(),
        None => {
            let rows: Vec<Vec<String>> = items.iter().map(OrphanItem::row).collect();
            table::render(Some(&["NAMESPACE", "RESOURCE", "NAME", "STATE", "FINALIZERS"]), &rows)
        }
    };
    if text.is_empty() {
        note_none(&found.looked, terminal);
    } else {
        terminal.data(&text)?;
    }
    for Namespace { name, .. } in &found.unfinished {
        let purge = terminal.command(&ShellCommand::nsfix(["orphans", name, "--purge"]));
        terminal.warn(&format!("an earlier purge of namespace {name} was not finished: {purge}"));
    }
    for Namespace { name, .. } in &found.active {
        let hint = terminal.hint(&how_to_delete(name));
        terminal.warn(&format!("{}; {hint}", left_active(name)));
    }
    Ok(())
}

/// Says that there are none, and where it was looked.
pub fn note_none(looked: &Inventory, terminal: &Terminal) {
    terminal.note(&format!("No orphans found; {}.", inventory::coverage(&looked.coverage)));
}

/// `--dry-run=client` of a purge: what would be sent, as a script. `creates`: the namespace is missing.
pub fn purge_script(terminal: &Terminal, name: &str, creates: bool) -> Result<(), Failure> {
    let first = if creates {
        let create = ShellCommand::kubectl(["create", "namespace"]).names([name]);
        let delete = ShellCommand::kubectl(["delete", "namespace", "--wait=false"]).names([name]);
        format!(
            "# POST /api/v1/namespaces, then at once DELETE /api/v1/namespaces/{name}\n{}\n",
            terminal.command(&create.and(delete))
        )
    } else {
        String::new()
    };
    let clear = terminal.command(&ShellCommand::nsfix(["clear", "--leftovers=release"]).names([name]));
    Ok(terminal.data(&format!("{first}{clear}\n# namespace/{name} purged (dry run)\n"))?)
}

/// The label may have been set by anybody, so it is not taken as leave to delete.
#[must_use]
pub fn left_active(name: &str) -> String {
    format!(
        "namespace {name:?} is Active and carries the label {PURGE_LABEL}: if an interrupted purge left it, its \
         old objects, RoleBindings included, are in force again; nsfix does not delete an Active namespace that \
         this run did not create"
    )
}

/// How to delete an Active namespace by hand.
#[must_use]
pub fn how_to_delete(name: &str) -> Hint {
    Hint::from("if nobody uses it: ").command(ShellCommand::kubectl(["delete", "namespace"]).names([name]))
}
