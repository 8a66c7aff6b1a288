//! Which of the things that have to happen to end a namespace a webhook or policy gets to see.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::model::{
    AdmissionAttributes, AdmissionHook, Inventory, Leftover, Namespace, ResourceType, TypeLeftovers,
};

type Labels = BTreeMap<String, String>;

/// Something that has to happen.
#[derive(Clone, Copy, Debug, PartialEq)]
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

    fn is_seen_by(&self, hook: &AdmissionHook, namespace: &Namespace, scope: &Scope) -> bool {
        let labels = &namespace.labels;
        let (of_type, operation) = match self {
            Self::Finalize => return scope.sees(hook, &finalization(&namespace.name, labels)),
            Self::Delete(of_type) => (of_type, DELETE),
            Self::Release(of_type) => (of_type, UPDATE),
        };
        let sees = |name: &str, object: &Labels| {
            scope.sees(hook, &write(operation, &of_type.resource, name, labels, object))
        };
        match of_type.sample.as_slice() {
            [] => sees("", &Labels::new()),
            some => some.iter().any(|leftover| sees(&leftover.name, &leftover.labels)),
        }
    }
}

pub(super) const DELETE: &str = "DELETE";
pub(super) const UPDATE: &str = "UPDATE";

/// The PUT to /finalize.
pub(super) fn finalization<'a>(name: &'a str, labels: &'a Labels) -> AdmissionAttributes<'a> {
    AdmissionAttributes {
        operation: UPDATE,
        group: "",
        version: "v1",
        resource: "namespaces",
        subresource: "finalize",
        namespaced: false,
        name,
        namespace_labels: labels,
        object_labels: labels,
    }
}

/// A write to an object in a namespace.
pub(super) fn write<'a>(
    operation: &'a str,
    ty: &'a ResourceType,
    name: &'a str,
    namespace_labels: &'a Labels,
    object_labels: &'a Labels,
) -> AdmissionAttributes<'a> {
    AdmissionAttributes {
        operation,
        group: &ty.group,
        version: &ty.version,
        resource: &ty.resource,
        subresource: "",
        namespaced: true,
        name,
        namespace_labels,
        object_labels,
    }
}

/// Whether the hook's selector takes the namespace in: looked at once, and only where a rule covers a request.
#[derive(Default)]
struct Scope(OnceCell<bool>);

impl Scope {
    /// [`AdmissionHook::intercepts`], for requests of one namespace.
    fn sees(&self, hook: &AdmissionHook, request: &AdmissionAttributes<'_>) -> bool {
        hook.covers(request)
            && *self.0.get_or_init(|| hook.selects_namespace(request.namespace_labels))
            && hook.selects_object(request.object_labels)
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
    let scope = Scope::default();
    all.filter(|each| each.is_seen_by(hook, namespace, &scope)).collect()
}

/// Whether this hook sees the deletion of one object.
#[must_use]
pub fn sees_deletion(
    hook: &AdmissionHook,
    namespace: &Namespace,
    ty: &ResourceType,
    object: &Leftover,
) -> bool {
    hook.intercepts(&write(DELETE, ty, &object.name, &namespace.labels, &object.labels))
}
