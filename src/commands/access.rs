//! `nsfix access`: which permissions each capability needs, and which are missing.

use anyhow::Result;

use super::Session;
use crate::cli::AccessOptions;
use crate::exit::Exit;
use crate::model::Permission;
use crate::output::Terminal;
use crate::output::document::AccessItem;
use crate::plan::capabilities;

pub(super) async fn run(options: &AccessOptions, session: &Session, terminal: &Terminal) -> Result<Exit> {
    let cluster = session.the_cluster();
    let mut items = Vec::new();
    let wanted =
        |name: &str| options.capabilities.is_empty() || options.capabilities.iter().any(|each| each == name);
    for capability in capabilities().into_iter().filter(|capability| wanted(capability.name)) {
        let reviews = capability.permissions.iter().map(|permission| async {
            let permission = limited_to(permission.clone(), &options.namespace);
            let access = cluster.can_i(&permission).await?;
            Ok::<_, crate::cluster::ApiError>((permission, access))
        });
        for (permission, access) in futures::future::try_join_all(reviews).await? {
            items.push(AccessItem::new(capability.name, &permission, access.allowed, &access.reason));
        }
    }
    let (verdict, complete) = AccessItem::verdict(&items);
    terminal.data(&AccessItem::render(items, options.output.as_ref(), terminal.width())?)?;
    if options.output.is_none() {
        terminal.note(&verdict);
    }
    Ok(if complete { Exit::Done } else { Exit::Error })
}

/// The same for one namespace, where it can be granted for one.
fn limited_to(permission: Permission, namespace: &str) -> Permission {
    match (permission.resource.as_str(), permission.verb.as_str()) {
        _ if namespace.is_empty() || !permission.namespace.is_empty() => permission,
        ("*", _) => permission.within(namespace),
        ("namespaces", "get" | "update" | "patch" | "delete") => permission.on_namespace(namespace),
        _ => permission,
    }
}
