//! What must be certain before a purge writes: that this account may finish what it begins.

use crate::cluster::Cluster;
use crate::execute::{Outcome, Problem};
use crate::model::{Inventory, Permission};

/// Why nothing may be written; `None` where nothing stands against it. A namespace that was created and cannot be
/// deleted puts old RoleBindings in force again, so a doubt is enough.
pub(super) async fn refusal(
    cluster: &Cluster,
    name: &str,
    run: &str,
    inside: &Inventory,
) -> Option<(Outcome, Problem)> {
    // As in `clear`: what this account may not do has failed; a safety rule refuses.
    if let Some(problem) = missing(cluster, name, inside).await {
        return Some((Outcome::Failed, problem));
    }
    let error = cluster.rehearse_create_for_purge(name, run).await.err()?;
    if error.is_conflict() {
        return Some((Outcome::Refused, exists(name)));
    }
    let refused = matches!(error.code(), Some(400..=499)) && error.code() != Some(429);
    let outcome = if refused { Outcome::Refused } else { Outcome::Failed };
    let message =
        format!("creating namespace {name:?} was rehearsed, and failed: {error}; nothing was written");
    Some((outcome, Problem { message, hint: error.hint() }))
}

pub(super) fn exists(name: &str) -> Problem {
    Problem::new(format!("namespace {name:?} exists by now, and not for this purge; nothing was written"))
}

async fn missing(cluster: &Cluster, name: &str, inside: &Inventory) -> Option<Problem> {
    let needed = needed(name, inside);
    let reviews = needed.iter().map(|permission| cluster.can_i(permission));
    let mut missing = Vec::new();
    for (permission, answer) in needed.iter().zip(futures::future::join_all(reviews).await) {
        match answer {
            Ok(access) if access.allowed => {}
            Ok(_) => missing.push(permission),
            Err(error) => {
                return Some(Problem {
                    message: format!(
                        "unable to see whether you are allowed to {permission}: {}; nothing was written",
                        error.detail()
                    ),
                    hint: error.hint(),
                });
            }
        }
    }
    (!missing.is_empty()).then(|| Problem::not_allowed(&missing))
}

/// What creating, deleting and emptying takes.
fn needed(name: &str, inside: &Inventory) -> Vec<Permission> {
    let on_namespace = |verb: &str| Permission::new(verb, "", "namespaces").on_namespace(name);
    let mut needed = vec![
        Permission::new("create", "", "namespaces"),
        on_namespace("get"),
        on_namespace("delete"),
        on_namespace("update").subresource("finalize"),
    ];
    for of_type in &inside.types {
        let ty = &of_type.resource;
        let verbs = ["get", "list", "patch", "delete"];
        needed.extend(verbs.map(|verb| Permission::new(verb, &ty.group, &ty.resource).within(name)));
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creating_and_deleting_are_asked_about_even_where_nothing_was_found() {
        let asked: Vec<String> = needed("x", &Inventory::default()).iter().map(ToString::to_string).collect();
        assert!(asked.contains(&"create namespaces".to_owned()), "{asked:?}");
        assert!(asked.contains(&"delete namespaces in namespace x".to_owned()), "{asked:?}");
    }
}
