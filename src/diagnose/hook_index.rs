//! Which webhooks and policies may see what has to happen in a namespace, by their rules alone: worked out once for all
//! namespaces. A large cluster has hundreds of hooks, most of them for types that are not inside.

use std::collections::BTreeMap;

use super::intercepted::{DELETE, UPDATE, finalization, write};
use crate::model::{AdmissionAttributes, AdmissionHook, Inventory, ResourceType};

/// Places in the list of hooks.
type Places = Vec<usize>;

/// The hooks by what they may see.
#[derive(Debug, Default)]
pub struct HookIndex {
    /// The finalization of a namespace.
    finalize: Places,
    /// The deletion and the release of objects of a type.
    by_type: BTreeMap<ResourceType, Places>,
}

impl HookIndex {
    /// An index of these hooks for the types that are in these inventories.
    #[must_use]
    pub fn new<'a>(hooks: &[AdmissionHook], inventories: impl IntoIterator<Item = &'a Inventory>) -> Self {
        let none = BTreeMap::new();
        let that_cover = |requests: &[AdmissionAttributes<'_>]| -> Places {
            let covers = |hook: &AdmissionHook| requests.iter().any(|each| hook.covers_some_name(each));
            (0..hooks.len()).filter(|place| covers(&hooks[*place])).collect()
        };
        let mut by_type = BTreeMap::new();
        for of_type in inventories.into_iter().flat_map(|inventory| &inventory.types) {
            let ty = &of_type.resource;
            if !by_type.contains_key(ty) {
                let requests = [DELETE, UPDATE].map(|operation| write(operation, ty, "", &none, &none));
                by_type.insert(ty.clone(), that_cover(&requests));
            }
        }
        Self { finalize: that_cover(&[finalization("", &none)]), by_type }
    }

    /// The hooks that may see something in a namespace with this inside, in their order: all besides them see nothing.
    /// `hooks` are those that the index was made of.
    #[must_use]
    pub fn that_may_see<'a>(
        &self,
        hooks: &'a [AdmissionHook],
        inventory: &Inventory,
    ) -> Vec<&'a AdmissionHook> {
        let mut places = self.finalize.clone();
        for of_type in &inventory.types {
            match self.by_type.get(&of_type.resource) {
                Some(of_type) => places.extend(of_type),
                // Nothing is known of this type.
                None => return hooks.iter().collect(),
            }
        }
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|place| hooks.get(place)).collect()
    }
}

#[cfg(test)]
mod tests;
