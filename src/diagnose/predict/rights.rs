//! Whose rights say that they look after a type: how an operator is found whose labels are not known.

use std::collections::BTreeMap;

use crate::model::{Account, Grant, ResourceType, Right, is_custom_group};

/// The accounts that may update objects of this type, or types of the domain that the finalizer names, with the
/// bindings that grant it. Rights on every group say nothing of this one.
#[must_use]
pub fn accounts_for<'a>(
    grants: &'a [Grant],
    resource: &ResourceType,
    finalizer: &str,
) -> BTreeMap<&'a Account, Vec<&'a Grant>> {
    let mut found: BTreeMap<&Account, Vec<&Grant>> = BTreeMap::new();
    for grant in
        grants.iter().filter(|grant| grant.rights.iter().any(|right| looks_after(right, resource, finalizer)))
    {
        found.entry(&grant.account).or_default().push(grant);
    }
    found
}

fn looks_after(right: &Right, resource: &ResourceType, finalizer: &str) -> bool {
    let updates = right.verbs.iter().any(|verb| ["update", "patch", "*"].contains(&verb.as_str()));
    let domain = finalizer.split('/').next().unwrap_or_default();
    // Many may update ConfigMaps; few have types of the finalizer's domain.
    let custom = is_custom_group(&resource.group);
    let of_type = |group: &String| {
        custom
            && *group == resource.group
            && right.resources.iter().any(|name| names(name, &resource.resource))
    };
    let of_domain = |group: &String| is_custom_group(group) && is_within(domain, group);
    updates && right.groups.iter().any(|group| of_type(group) || of_domain(group))
}

/// Whether a right is on a group that is not Kubernetes' own, so that its holder may be an owner.
#[must_use]
pub fn is_own_right(right: &Right) -> bool {
    right.groups.iter().any(|group| is_custom_group(group))
}

/// `widgets`, `widgets/status`, `*`
fn names(pattern: &str, resource: &str) -> bool {
    let name = pattern.split('/').next().unwrap_or_default();
    name == "*" || name == resource
}

/// Whether one is the other, or a domain below it.
fn is_within(domain: &str, group: &str) -> bool {
    let below = |a: &str, b: &str| a.strip_suffix(b).is_some_and(|rest| rest.ends_with('.'));
    domain == group || below(domain, group) || below(group, domain)
}
