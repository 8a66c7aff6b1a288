//! What `orphans` prints.

use std::collections::BTreeMap;

use super::document::{Document, OrphanItem, Unread, UnreadNamespaceItem, as_value};
use super::jsonpath::Path;
use super::{Failure, Format, OutputError, Style, Terminal, inventory, sort_by, table};
use crate::cluster::PURGE_LABEL;
use crate::model::{Coverage, Hint, Inventory, Namespace, ShellCommand};

/// How much of a cell stays readable on a narrow terminal.
const LEAST_FINALIZERS: usize = 16;
const LEAST_RESOURCE: usize = 16;

#[derive(Debug, Default)]
pub struct FoundOrphans {
    /// The orphans, by the namespace that is missing.
    pub orphans: BTreeMap<String, Inventory>,
    /// The coverage, also where nothing was found.
    pub looked: Inventory,
    /// Namespaces that were asked for and exist: what is in them is no orphan.
    pub existing: Vec<String>,
    /// Namespaces in Terminating that an earlier purge created and did not finish.
    pub unfinished: Vec<Namespace>,
    /// Active namespaces with the label of a purge. Whether a purge created them is not known.
    pub active: Vec<Namespace>,
    /// Namespaces with something under their name that could not be read, and why.
    pub unreadable: Vec<(String, String)>,
}

impl FoundOrphans {
    /// Where there may be more.
    fn unread(&self) -> Vec<Unread> {
        let types = self.looked.coverage.unknown().map(|gap| Unread::Type(gap.into()));
        let namespaces = self.unreadable.iter().map(|(name, why)| {
            Unread::Namespace(UnreadNamespaceItem { namespace: name.clone(), detail: why.clone() })
        });
        types.chain(namespaces).collect()
    }
}

/// Whether objects are orphans depends on whether their namespace exists.
#[must_use]
pub fn nobody_knows(name: &str, why: &str) -> String {
    format!("could not see whether namespace {name:?} exists ({why}): what is under its name may be orphans")
}

/// Prints what was found, and what to do about it.
pub fn print(
    found: &FoundOrphans,
    format: Option<&Format>,
    sort: Option<&Path>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut items = OrphanItem::all(&found.orphans);
    if let Some(path) = sort {
        sort_by(&mut items, path, |item| as_value(item).unwrap_or_default())?;
    }
    let text = match format {
        Some(format) => {
            let document = Document::new(items).could_not_look(Some(found.unread()));
            document.render(format, true).map_err(Failure::of)?
        }
        None if items.is_empty() => String::new(),
        None => {
            let rows: Vec<Vec<String>> = items.iter().map(OrphanItem::row).collect();
            let headers = ["NAMESPACE", "RESOURCE", "NAME", "STATE", "FINALIZERS"];
            let yielding = [(4, LEAST_FINALIZERS), (1, LEAST_RESOURCE)];
            let fit = table::Fit { width: terminal.width(), yielding: &yielding };
            table::fitted(Some(&headers), &rows, fit, |_, _| Style::Plain, |_, cell| cell.to_owned())
        }
    };
    if text.is_empty() && found.unreadable.is_empty() {
        note_none(&found.looked, &found.existing, terminal);
    } else {
        terminal.data(&text).map_err(Failure::of)?;
        note_existing(&found.existing, terminal);
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
pub fn note_none(looked: &Inventory, existing: &[String], terminal: &Terminal) {
    // Where each of them exists there was nothing to look at.
    let coverage = (looked.coverage != Coverage::default()).then(|| inventory::coverage(&looked.coverage));
    let said: Vec<String> = exist(existing).into_iter().chain(coverage).collect();
    terminal.note(&format!("No orphans found; {}.", said.join("; ")));
}

/// Says of which names there cannot be any, besides those that there are some of.
pub fn note_existing(existing: &[String], terminal: &Terminal) {
    if let Some(exist) = exist(existing) {
        terminal.note(&format!("No orphans under the other names; {exist}."));
    }
}

fn exist(existing: &[String]) -> Option<String> {
    let (namespaces, exist) = match existing {
        [] => return None,
        [_] => ("namespace", "exists"),
        _ => ("namespaces", "exist"),
    };
    Some(format!("{namespaces} {} {exist}", existing.join(", ")))
}

/// `--dry-run=client` of a purge: the requests as comments, and the one command that sends them. Whether the namespace
/// that is deleted is the one that was created only nsfix checks. `creates`: the namespace is missing.
pub fn purge_script(
    terminal: &Terminal,
    name: &str,
    creates: bool,
    released: &[String],
) -> Result<(), OutputError> {
    let begin = if creates {
        format!(
            "# POST /api/v1/namespaces\n# at once DELETE /api/v1/namespaces/{name}, if it has the uid that the POST was \
             answered with\n"
        )
    } else {
        String::new()
    };
    let released = released.iter().map(|finalizer| format!("--release-finalizer={finalizer}"));
    let purge = terminal.command(&ShellCommand::nsfix(["orphans", "--purge"]).words(released).names([name]));
    terminal.data(&format!(
        "{begin}# release, delete or wait for what is inside, until the namespace is gone\n{purge}\n# namespace/{name} \
         purged (dry run)\n"
    ))
}

/// Any client can set the label, so it does not allow deleting the namespace.
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
    Hint::from("if it is not used: ").command(ShellCommand::kubectl(["delete", "namespace"]).names([name]))
}
