//! Which of the things that have to happen to end a namespace a webhook or policy gets to see.

use std::collections::BTreeMap;

use crate::model::{AdmissionAttributes, AdmissionHook, Inventory, Namespace, TypeLeftovers};

/// Something that has to happen.
#[derive(Clone, Copy, Debug)]
pub enum Intercepted<'a> {
    /// The finalization of the namespace.
    Finalize,
    /// The deletion of leftovers of a type.
    Delete(&'a TypeLeftovers),
    /// Taking finalizers off leftovers of a type.
    Release(&'a TypeLeftovers),
}

impl Intercepted<'_> {
    /// In few words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Finalize => "the finalization of the namespace".to_owned(),
            Self::Delete(of_type) => format!("the deletion of {}", of_type.resource),
            Self::Release(of_type) => format!("the release of {}", of_type.resource),
        }
    }

    fn is_seen_by(&self, hook: &AdmissionHook, namespace: &Namespace) -> bool {
        let labels = &namespace.labels;
        let (of_type, operation) = match self {
            Self::Finalize => {
                return hook.intercepts(&AdmissionAttributes {
                    operation: "UPDATE",
                    group: "",
                    version: "v1",
                    resource: "namespaces",
                    subresource: "finalize",
                    namespaced: false,
                    name: &namespace.name,
                    namespace_labels: labels,
                    object_labels: labels,
                });
            }
            Self::Delete(of_type) => (of_type, "DELETE"),
            Self::Release(of_type) => (of_type, "UPDATE"),
        };
        let none = BTreeMap::new();
        let attempt = |name, object_labels| AdmissionAttributes {
            operation,
            group: &of_type.resource.group,
            version: &of_type.resource.version,
            resource: &of_type.resource.resource,
            subresource: "",
            namespaced: true,
            name,
            namespace_labels: labels,
            object_labels,
        };
        match of_type.sample.as_slice() {
            [] => hook.intercepts(&attempt("", &none)),
            some => some.iter().any(|leftover| hook.intercepts(&attempt(&leftover.name, &leftover.labels))),
        }
    }
}

/// What of all that has to happen this hook sees.
#[must_use]
pub fn sees<'a>(
    hook: &AdmissionHook,
    namespace: &Namespace,
    inventory: &'a Inventory,
) -> Vec<Intercepted<'a>> {
    let types = inventory.types.iter().flat_map(|of_type| {
        let release = (!of_type.finalizers.is_empty()).then_some(Intercepted::Release(of_type));
        std::iter::once(Intercepted::Delete(of_type)).chain(release)
    });
    // What metadata finalizers alone hold has been finalized; a zombie may have to be rearmed.
    let finalize = !namespace.spec_finalizers.is_empty() || namespace.is_zombie();
    let all = finalize.then_some(Intercepted::Finalize).into_iter().chain(types);
    all.filter(|each| each.is_seen_by(hook, namespace)).collect()
}
