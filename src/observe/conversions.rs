//! Types that cannot be converted, or hold an object that cannot be read: what else the server says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, stream};

use super::Look;
use crate::cluster::{ApiError, Discovered, LIST_CONCURRENCY};
use crate::diagnose::{conversion_failures, failures, nameless_caches, types_named};
use crate::model::{ClusterExtensions, Conversion, Gap, Inventory, Namespace, ResourceType};

/// How many types that conditions name are asked about.
const NAMED_TYPES: usize = 20;

/// Types that a failure condition names, and whose lists did not fail here: the controller's requests are answered
/// from where all namespaces are together. What the list over all of them is answered is remembered, as it is
/// where several namespaces are looked at. Where a condition says that the cache of some type does not fill, and not of
/// which, all are asked about.
pub(super) async fn ask_about_named_types(
    look: &Look<'_>,
    namespaces: &[Namespace],
    inventories: &mut BTreeMap<String, Inventory>,
) {
    if inventories.len() > 1 {
        return;
    }
    let types = look.discovered.holding_types();
    let messages = namespaces.iter().flat_map(failures).map(|condition| condition.message.as_str());
    let mut named: Vec<&ResourceType> = messages
        .flat_map(|message| types_named(message, &types))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    named.truncate(NAMED_TYPES);
    if namespaces.iter().any(has_nameless_cache) {
        named = types.iter().collect();
    }
    for inventory in inventories.values_mut() {
        let failed_here = |ty: &ResourceType| {
            let name = ty.to_string();
            inventory.coverage.gaps.iter().any(|gap| gap.to_string() == name)
        };
        let asked: Vec<&ResourceType> = named.iter().copied().filter(|ty| !failed_here(ty)).collect();
        let answers = asked.iter().map(|ty| look.cluster.failed_list(ty));
        let answers: Vec<_> = stream::iter(answers).buffered(LIST_CONCURRENCY).collect().await;
        let failed: Vec<(String, String)> =
            asked.iter().zip(answers).filter_map(|(ty, said)| Some((ty.to_string(), said?))).collect();
        let types = Arc::make_mut(&mut inventory.coverage.types);
        for (name, _) in &failed {
            types.remove(name);
        }
        Arc::make_mut(&mut inventory.coverage.failed_lists).extend(failed);
    }
}

fn has_nameless_cache(namespace: &Namespace) -> bool {
    failures(namespace).any(|condition| nameless_caches(&condition.message) > 0)
}

/// Types whose lists failed over their conversion webhook, or whose deletion did: how they convert, and where
/// it works, what is there in their storage version.
pub(super) async fn convert(
    look: &Look<'_>,
    namespaces: &[Namespace],
    inventories: &mut BTreeMap<String, Inventory>,
    extensions: &mut ClusterExtensions,
) -> Result<(), ApiError> {
    for (ty, message) in unconvertible(look.discovered, namespaces, inventories) {
        let crd = ty.to_string();
        let read = look.cluster.conversion(&crd, &message, &look.forbidden).await;
        let Ok(mut conversion) = read else { continue };
        conversion.read_as = read_as_stored(look, &ty, &conversion, inventories).await?;
        extensions.conversions.insert(crd, conversion);
    }
    Ok(())
}

/// Reads a type through the versions in which it may be stored, until one shows all of it: a list in a
/// version fails if anything in it has to be converted.
async fn read_as_stored(
    look: &Look<'_>,
    ty: &ResourceType,
    conversion: &Conversion,
    inventories: &mut BTreeMap<String, Inventory>,
) -> Result<Option<String>, ApiError> {
    let names: Vec<String> = inventories.keys().cloned().collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let is_of_type = |gap: &Gap| gap.group == ty.group && gap.resource.as_ref() == Some(&ty.resource);
    if !inventories.values().any(|inventory| inventory.coverage.gaps.iter().any(is_of_type)) {
        return Ok(Some(ty.version.clone()));
    }
    for version in conversion.stored_versions.iter().filter(|version| **version != ty.version) {
        let stored = ResourceType { version: version.clone(), ..ty.clone() };
        let again = look.cluster.list_leftovers_of(vec![stored], &names, look.keep).await?;
        if again.values().any(|found| found.coverage.looked == 0) {
            continue;
        }
        for (name, found) in again {
            if let Some(inventory) = inventories.get_mut(&name) {
                inventory.replace(ty, found);
            }
        }
        return Ok(Some(version.clone()));
    }
    Ok(None)
}

/// The types in question, and what was said of each.
fn unconvertible(
    discovered: &Discovered,
    namespaces: &[Namespace],
    inventories: &BTreeMap<String, Inventory>,
) -> BTreeMap<ResourceType, String> {
    let types = discovered.holding_types();
    let mut found = BTreeMap::new();
    for gap in inventories.values().flat_map(|inventory| &inventory.coverage.gaps) {
        let ty = types.iter().find(|ty| ty.group == gap.group && Some(&ty.resource) == gap.resource.as_ref());
        if let Some(ty) = ty
            && gap.detail.contains("conversion webhook for ")
        {
            found.insert(ty.clone(), gap.detail.clone());
        }
    }
    for namespace in namespaces.iter().filter(|namespace| has_nameless_cache(namespace)) {
        let failed = inventories.get(&namespace.name).map(|inventory| &inventory.coverage.failed_lists);
        for (name, said) in failed.into_iter().flat_map(|failed| failed.iter()) {
            if let Some(ty) = types.iter().find(|ty| ty.to_string() == *name)
                && said.contains("conversion webhook for ")
            {
                found.insert(ty.clone(), said.clone());
            }
        }
    }
    for condition in namespaces.iter().flat_map(|namespace| &namespace.conditions) {
        if condition.status != "True" {
            continue;
        }
        for (group, kind, said) in conversion_failures(&condition.message) {
            if let Some(ty) = types.iter().find(|ty| ty.group == group && ty.kind == kind) {
                found.entry(ty.clone()).or_insert(said);
            }
        }
    }
    found
}
