//! What holds for whatever the server says: it is quoted by a cause, whole.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::{causes, config_maps, dry_run_result, facts, leftover, list_failed, webhook};
use crate::diagnose::{Cause, CauseKind};
use crate::model::{
    ApiService, ClusterExtensions, Conversion, DryRunOutcome, DryRunResult, Facts, Gap, Namespace,
    Unreadable, resource,
};

/// What the parts of an API server say, known and unknown, in the middle of other text or alone.
const SAID: [&str; 14] = [
    "Internal error occurred: failed calling webhook \"guard.example.com\": failed to call webhook: Post \
     \"https://guard/x?timeout=10s\": context deadline exceeded",
    "Internal error occurred: failed calling webhook \"static.example.com\": failed to call webhook: no such host",
    "admission webhook \"guard.example.com\" denied the request: not on a Friday",
    "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'frozen' with binding 'b' denied request: no",
    "storage is (re)initializing: failed to list example.com/v2, Kind=Widget: request to convert CR from an invalid \
     group/version: example.com/v1",
    "storage is (re)initializing: failed to list *core.Secret: unable to transform key \
     \"/registry/secrets/other/lost\": no key",
    "conversion webhook for example.com/v1, Kind=Widget failed: Post \"https://c\": connection refused",
    "unexpected items still remain in namespace: rodrigo for gvr: /v1, Resource=pods",
    "unexpected items still remain in namespace: rodrigo for gvr: /v1, Resource=configmaps",
    "unexpected items still remain in namespace: rodrigo for gvr: metrics.example.com/v1beta1, Resource=things",
    "object *thing.ThingList does not implement the protobuf marshalling interface",
    "things.metrics.example.com is forbidden: User \"system:x\" cannot list resource \"things\"",
    "etcdserver: mvcc: database space exceeded",
    "something that nobody has seen before, with commas: and colons",
];

fn said() -> impl Strategy<Value = String> {
    let texts = vec(select(SAID.to_vec()), 1..4);
    texts.prop_map(|texts| match texts.as_slice() {
        [one] => (*one).to_owned(),
        some => format!("Failed to delete all resource types, {} remaining: {}", some.len(), some.join(", ")),
    })
}

fn dry_runs() -> impl Strategy<Value = Vec<DryRunResult>> {
    let outcome = prop_oneof![
        Just(DryRunOutcome::Accepted),
        Just(DryRunOutcome::Undone(vec!["example.com/hold".to_owned()])),
        Just(DryRunOutcome::NoAnswer(15)),
        said().prop_map(DryRunOutcome::Refused),
        said().prop_map(DryRunOutcome::Invalid),
        said().prop_map(DryRunOutcome::Failed),
    ];
    let place = select(vec![
        ("DELETE configmaps/a", "DELETE", "configmaps"),
        ("PATCH configmaps/a", "UPDATE", "configmaps"),
        ("PATCH widgets.example.com/w", "UPDATE", "widgets.example.com"),
        ("PUT namespaces/rodrigo/finalize", "UPDATE", "namespaces/finalize"),
    ]);
    let warnings =
        vec(select(vec!["example.com/v1 is deprecated".to_owned(), "the guard warns".to_owned()]), 0..2);
    let dry_run =
        (outcome, place, warnings).prop_map(|(outcome, (request, operation, resource), warnings)| {
            DryRunResult {
                request: request.to_owned(),
                operation: operation.to_owned(),
                resource: resource.to_owned(),
                outcome,
                warnings,
            }
        });
    vec(dry_run, 0..4)
}

fn gaps() -> impl Strategy<Value = Vec<Gap>> {
    let why = select(vec![
        Unreadable::Failed,
        Unreadable::TimedOut,
        Unreadable::Unavailable,
        Unreadable::NotServed,
    ]);
    let ty = select(vec![("", "secrets"), ("example.com", "widgets"), ("metrics.example.com", "things")]);
    let gap =
        (ty, why, said()).prop_map(|((group, resource), why, said)| list_failed(group, resource, why, &said));
    vec(gap, 0..3)
}

fn around() -> impl Strategy<Value = ClusterExtensions> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(hook, api, conversion, judged)| {
            let mut around = ClusterExtensions {
                types: vec![
                    resource("", "secrets", "Secret"),
                    resource("", "pods", "Pod"),
                    resource("", "configmaps", "ConfigMap"),
                    resource("example.com", "widgets", "Widget"),
                    resource("metrics.example.com", "things", "Thing"),
                ],
                ..ClusterExtensions::default()
            };
            around.admission_hooks.extend(hook.then(webhook));
            around.api_services.extend(api.then(|| ApiService {
                available: judged.then_some(false),
                version: "v1".to_owned(),
                name: "v1.metrics.example.com".to_owned(),
                ..super::dead_api()
            }));
            let message = SAID[6].to_owned();
            let failing = Conversion { message, ..super::dead_conversion() };
            around.conversions.extend(conversion.then(|| ("widgets.example.com".to_owned(), failing)));
            around
        },
    )
}

fn whatever() -> impl Strategy<Value = Facts> {
    let conditions = vec((any::<bool>(), said()), 0..3);
    (conditions, dry_runs(), gaps(), around(), any::<bool>()).prop_map(
        |(conditions, dry_runs, gaps, around, held)| {
            let mut facts = facts();
            let mut json = serde_json::Value::clone(&facts.namespace.json);
            let kinds = ["NamespaceDeletionContentFailure", "NamespaceDeletionDiscoveryFailure"];
            let conditions = conditions.into_iter().zip(kinds).map(|((fails, said), kind)| {
                json!({"type": kind, "status": if fails { "True" } else { "False" }, "message": said})
            });
            json["status"]["conditions"] = conditions.collect();
            facts.namespace = Namespace::from_json(json).unwrap();
            let finalizers: &[&str] = if held { &["example.com/hold"] } else { &[] };
            facts.inventory.types = vec![config_maps([leftover("a", true, finalizers)])];
            facts.inventory.coverage.gaps = gaps;
            facts.extensions = Arc::new(around);
            facts.dry_runs = dry_runs;
            facts
        },
    )
}

fn is_quoted(causes: &[Cause], said: &str) -> bool {
    causes.iter().flat_map(|cause| &cause.evidence).any(|evidence| evidence.contains(said))
}

proptest! {
    #[test]
    fn nothing_that_the_server_says_is_dropped(facts in whatever()) {
        let causes = causes(&facts);
        for condition in facts.namespace.conditions.iter().filter(|condition| condition.status == "True") {
            prop_assert!(is_quoted(&causes, &condition.message), "{}: {causes:#?}", condition.message);
        }
        for gap in &facts.inventory.coverage.gaps {
            prop_assert!(is_quoted(&causes, &gap.detail), "{gap}: {causes:#?}");
        }
        for dry_run in &facts.dry_runs {
            for said in dry_run.quote().into_iter().chain(dry_run.warnings.clone()) {
                prop_assert!(is_quoted(&causes, &said), "{said}: {causes:#?}");
            }
        }
        // What is explained says how to mend it.
        prop_assert!(causes.iter().all(|cause| !cause.remedy.is_empty()), "{causes:#?}");
    }
}

#[test]
fn of_two_errors_in_one_condition_the_second_is_not_dropped() {
    let mut facts = facts();
    let said = format!("Failed to delete all resource types, 2 remaining: {}, {}", SAID[2], SAID[12]);
    let mut json = serde_json::Value::clone(&facts.namespace.json);
    json["status"]["conditions"] =
        json!([{"type": "NamespaceDeletionContentFailure", "status": "True", "message": said}]);
    facts.namespace = Namespace::from_json(json).unwrap();
    super::extensions(&mut facts).admission_hooks = vec![webhook()];
    assert_eq!(super::kinds(&facts), [CauseKind::AdmissionRefusal, CauseKind::Unexplained]);
}

#[test]
fn a_warning_without_a_cause_to_go_with_is_shown_verbatim() {
    let mut facts = facts();
    facts.dry_runs = vec![DryRunResult { warnings: vec!["mind the gap".to_owned()], ..dry_run_result(None) }];
    let causes = causes(&facts);
    let [cause] = causes.as_slice() else { panic!("{causes:?}") };
    assert_eq!((cause.kind, cause.detail.as_str()), (CauseKind::Unexplained, "mind the gap"));
}
