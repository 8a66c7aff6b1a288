//! The catalogue as a page: docs/finalizers.md.

use std::collections::BTreeMap;

use super::{Area, Entry, Owner, Runs, areas::AREAS};

const INTRODUCTION: &str = "\
# Finalizers

<!-- Written by `NSFIX_BLESS=1 cargo test catalogue` from src/diagnose/catalogue/. Do not edit. -->

What nsfix knows about finalizers: who owns each one, what it protects, and what is lost when it is removed by
force. The safe way is always to let the owner remove it; the column *instead* says how.

- A finalizer marked **dangerous** is never released by a wildcard. Removing it can lose data, or leave
  something behind that runs, is billed, or lets somebody in. It has to be named.
- A finalizer that is not listed is unknown, which does not mean harmless.
- `*` stands for one or more characters. `<plural>.<group>` is made of the object's own type.
- *Source* says where the name was read: a repository on GitHub, and the file or constant in it. What is lost, and what to do instead, is partly our own reading of
  what the owner does. Corrections are welcome.
";

const OWNERS: &str = "
## Owners

How nsfix looks for the owners. Finding nothing proves little: pods can carry other labels, leader election
can be off, and an owner that may run elsewhere need not have pods here at all.

| owner | runs | pods (usual namespaces) | Leases | API groups |
|---|---|---|---|---|
";

/// The whole catalogue as a Markdown page, sorted by name within each area.
#[must_use]
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    for area in AREAS {
        page.push_str(&section(area));
    }
    page.push_str(OWNERS);
    let owners = AREAS.iter().flat_map(|area| area.entries).map(|entry| (entry.owner.name, entry.owner));
    for owner in owners.collect::<BTreeMap<_, _>>().values() {
        page.push_str(&owner_row(owner));
    }
    page
}

fn section(area: &Area) -> String {
    let mut entries: Vec<_> = area.entries.iter().collect();
    entries.sort_by_key(|entry| (entry.names, entry.on));
    let rows: String = entries.into_iter().map(entry_row).collect();
    format!(
        "\n## {}\n\n| finalizer | on | owner | protects | if removed by force | instead | source |\n\
         |---|---|---|---|---|---|---|\n{rows}",
        area.title
    )
}

fn entry_row(entry: &Entry) -> String {
    let mark = if entry.dangerous { "<br>**dangerous**" } else { "" };
    let only_on = if entry.groups.is_empty() { String::new() } else { format!(" ({})", codes(entry.groups)) };
    row(&[
        format!("{}{mark}", codes_with(entry.names, "<br>")),
        format!("{}{only_on}", entry.on),
        entry.owner.name.to_owned(),
        entry.protects.to_owned(),
        entry.if_removed.to_owned(),
        entry.remedy.to_owned(),
        entry.source.to_owned(),
    ])
}

fn owner_row(owner: &Owner) -> String {
    let runs = match owner.runs {
        Runs::ControlPlane => "in the control plane",
        Runs::Cluster => "in the cluster",
        Runs::MaybeElsewhere => "perhaps elsewhere",
    };
    let workloads = owner.workloads.iter().map(|workload| match workload.namespaces {
        [] => code(workload.selector),
        namespaces => format!("{} ({})", code(workload.selector), namespaces.join(", ")),
    });
    let leases = owner.leases.iter().map(|lease| code(&format!("{}/{}", lease.namespace, lease.name)));
    row(&[
        owner.name.to_owned(),
        runs.to_owned(),
        workloads.collect::<Vec<_>>().join("<br>"),
        leases.collect::<Vec<_>>().join("<br>"),
        codes(owner.groups),
    ])
}

fn row(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn codes(texts: &[&str]) -> String {
    codes_with(texts, ", ")
}

fn codes_with(texts: &[&str], between: &str) -> String {
    texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(between)
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
