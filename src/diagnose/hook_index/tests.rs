use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::Config;
use serde_json::json;

use super::*;
use crate::diagnose::{Intercepted, sees};
use crate::model::{AdmissionHookKind, AdmissionRule, Leftover, Namespace, TypeLeftovers, resource};

const OPERATIONS: [&str; 5] = ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"];
const GROUPS: [&str; 4] = ["", "apps", "example.com", "*"];
const RESOURCES: [&str; 9] = [
    "configmaps",
    "deployments",
    "widgets",
    "namespaces",
    "namespaces/finalize",
    "*",
    "*/*",
    "widgets/*",
    "*/finalize",
];
const NAMES: [&str; 3] = ["a", "b", "ns"];

fn some<const N: usize>(of: [&'static str; N], least: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(of.map(str::to_owned).to_vec(), least..=2)
}

fn rules() -> impl Strategy<Value = AdmissionRule> {
    let (versions, names) = (some(["v1", "v2", "*"], 1), some(NAMES, 0));
    let scope = select(vec!["Cluster", "Namespaced", "*", ""]);
    (some(OPERATIONS, 1), some(GROUPS, 1), versions, some(RESOURCES, 1), scope, names).prop_map(
        |(operations, groups, versions, resources, scope, names)| AdmissionRule {
            operations,
            groups,
            versions,
            resources,
            scope: scope.to_owned(),
            names,
        },
    )
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::option::of(select(vec!["blue", "green"]))
        .prop_map(|team| team.map(|team| ("team".to_owned(), team.to_owned())).into_iter().collect())
}

fn selectors() -> impl Strategy<Value = LabelSelector> {
    let selectors = [
        json!({}),
        json!({"matchLabels": {}, "matchExpressions": []}),
        json!({"matchLabels": {"team": "blue"}}),
        json!({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["green"]}]}),
        json!({"matchExpressions": [{"key": "team", "operator": "Likes", "values": []}]}),
    ];
    select(selectors.to_vec()).prop_map(|selector| serde_json::from_value(selector).unwrap())
}

fn hooks() -> impl Strategy<Value = AdmissionHook> {
    let rules = proptest::collection::vec(rules(), 0..3);
    (rules, selectors(), selectors()).prop_map(|(rules, namespace_selector, object_selector)| AdmissionHook {
        kind: AdmissionHookKind::ValidatingWebhook,
        configuration: "guard".to_owned(),
        name: "guard.example.com".to_owned(),
        service: None,
        url: None,
        fails_closed: true,
        timeout_seconds: None,
        has_conditions: false,
        rules,
        namespace_selector,
        object_selector,
    })
}

fn leftovers() -> impl Strategy<Value = Leftover> {
    let finalizers = some(["example.com/hold", "example.com/two"], 0);
    (select(NAMES.to_vec()), labels(), finalizers).prop_map(|(name, labels, finalizers)| Leftover {
        name: name.to_owned(),
        namespace: "ns".to_owned(),
        uid: name.to_owned(),
        deleted: None,
        finalizers,
        labels,
        set_by: Vec::new(),
    })
}

fn inventories() -> impl Strategy<Value = Inventory> {
    let types = [
        ("", "configmaps", "ConfigMap"),
        ("apps", "deployments", "Deployment"),
        ("example.com", "widgets", "Widget"),
    ];
    let of_types = types.map(|(group, plural, kind)| {
        (proptest::collection::vec(leftovers(), 0..3), 0..3_usize).prop_map(move |(leftovers, keep)| {
            let mut of_type = TypeLeftovers::none(resource(group, plural, kind));
            for leftover in leftovers {
                of_type.add(leftover, keep);
            }
            of_type
        })
    });
    of_types.prop_map(|types| Inventory {
        types: types.into_iter().filter(|of_type| of_type.total() > 0).collect(),
        ..Inventory::default()
    })
}

/// What `sees` stands for: every request of every object, one by one.
fn intercepted<'a>(
    hook: &AdmissionHook,
    namespace: &Namespace,
    inventory: &'a Inventory,
) -> Vec<Intercepted<'a>> {
    let none = BTreeMap::new();
    let mut seen = Vec::new();
    if hook.intercepts(&finalization(&namespace.name, &namespace.labels)) {
        seen.push(Intercepted::Finalize);
    }
    for of_type in &inventory.types {
        let objects: Vec<(&str, &BTreeMap<String, String>)> = match of_type.sample.as_slice() {
            [] => vec![("", &none)],
            some => some.iter().map(|object| (object.name.as_str(), &object.labels)).collect(),
        };
        let sees = |operation: &str| {
            objects.iter().any(|(name, labels)| {
                hook.intercepts(&write(operation, &of_type.resource, name, &namespace.labels, labels))
            })
        };
        if sees(DELETE) {
            seen.push(Intercepted::Delete(of_type));
        }
        if !of_type.finalizers.is_empty() && sees(UPDATE) {
            seen.push(Intercepted::Release(of_type));
        }
    }
    seen
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_index_leaves_out_none_that_sees_anything(
        hooks in proptest::collection::vec(hooks(), 0..6),
        inventories in proptest::collection::vec(inventories(), 1..4),
        not_indexed in inventories(),
        labels in labels(),
    ) {
        let json = json!({"metadata": {"name": "ns", "uid": "u", "resourceVersion": "1", "labels": labels},
            "spec": {"finalizers": ["kubernetes"]}});
        let namespace = Namespace::from_json(json).unwrap();
        let index = HookIndex::new(&hooks, &inventories);
        for inventory in inventories.iter().chain([&not_indexed]) {
            let what = |hook| intercepted(hook, &namespace, inventory);
            let all: Vec<&AdmissionHook> = hooks.iter().filter(|hook| !what(hook).is_empty()).collect();
            let mut indexed = index.that_may_see(&hooks, inventory);
            for hook in &indexed {
                prop_assert_eq!(sees(hook, &namespace, inventory), what(hook));
            }
            indexed.retain(|hook| !what(hook).is_empty());
            // The same, in the same order.
            prop_assert!(indexed.len() == all.len() && indexed.iter().zip(&all).all(|(a, b)| std::ptr::eq(*a, *b)));
        }
    }

    #[test]
    fn a_hook_sees_the_deletion_of_an_object_as_of_its_type(hook in hooks(), object in leftovers(), labels in labels()) {
        let json = json!({"metadata": {"name": "ns", "uid": "u", "resourceVersion": "1", "labels": labels}});
        let namespace = Namespace::from_json(json).unwrap();
        let ty = resource("example.com", "widgets", "Widget");
        let mut of_type = TypeLeftovers::none(ty.clone());
        of_type.add(object.clone(), 1);
        let inventory = Inventory { types: vec![of_type], ..Inventory::default() };
        let seen = sees(&hook, &namespace, &inventory);
        let seen = seen.iter().any(|seen| matches!(seen, Intercepted::Delete(_)));
        prop_assert_eq!(crate::diagnose::sees_deletion(&hook, &namespace, &ty, &object), seen);
    }
}
