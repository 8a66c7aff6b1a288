//! For whatever is found before: what is certain is a cause that the diagnosis names after the deletion.

use proptest::prelude::*;

use super::*;
use crate::diagnose::diagnose;
use crate::model::{Backend, Presence};

#[derive(Clone, Debug)]
struct Situation {
    dead_api: bool,
    metadata_finalizer: bool,
    spec_finalizers: u8,
    held: bool,
    hook: Option<(bool, bool, bool, &'static str, &'static str)>,
    refused: Option<&'static str>,
}

fn situations() -> impl Strategy<Value = Situation> {
    let operation = prop_oneof![Just("DELETE"), Just("UPDATE"), Just("*")];
    let of = prop_oneof![Just("configmaps"), Just("namespaces/finalize"), Just("*"), Just("*/*")];
    let hook = (any::<bool>(), any::<bool>(), any::<bool>(), operation, of);
    let refused = prop_oneof![
        Just("admission webhook \"x.example.com\" denied the request: no"),
        Just("failed calling webhook \"x.example.com\": failed to call webhook: connection refused"),
        Just("unable to transform key \"/registry/configmaps/shop/settings\": no matching prefix found"),
    ];
    (
        any::<bool>(),
        any::<bool>(),
        0..3_u8,
        any::<bool>(),
        proptest::option::of(hook),
        proptest::option::of(refused),
    )
        .prop_map(|(dead_api, metadata_finalizer, spec_finalizers, held, hook, refused)| Situation {
            dead_api,
            metadata_finalizer,
            spec_finalizers,
            held,
            hook,
            refused,
        })
}

fn before(situation: &Situation) -> Facts {
    let mut facts = facts();
    let finalizers: &[&str] = if situation.held { &["example.com/hold"] } else { &[] };
    add(&mut facts, resource("", "configmaps", "ConfigMap"), [object("settings", finalizers)]);
    let spec = ["kubernetes", "example.com/spec"];
    facts.namespace.spec_finalizers =
        spec[..usize::from(situation.spec_finalizers)].iter().map(|name| (*name).to_owned()).collect();
    if situation.metadata_finalizer {
        facts.namespace.metadata_finalizers.push("example.com/metadata".to_owned());
    }
    if situation.dead_api {
        extensions(&mut facts).api_services.push(ApiService {
            name: "v1.metrics.example.com".to_owned(),
            group: "metrics.example.com".to_owned(),
            version: "v1".to_owned(),
            service: ServiceRef { namespace: "gone".to_owned(), name: "metrics".to_owned() },
            available: Some(false),
            reason: "ServiceNotFound".to_owned(),
            message: String::new(),
        });
    }
    if let Some((dead, fails_closed, has_conditions, operation, of)) = situation.hook {
        let hook = AdmissionHook { fails_closed, has_conditions, ..webhook("guards", operation, of) };
        let present = if dead { Presence::Missing } else { Presence::Present };
        let backend = Backend { namespace: Presence::Present, service: present, ready: Some(1) };
        extensions(&mut facts).backends.insert(hook.service.clone().unwrap(), backend);
        extensions(&mut facts).admission_hooks.push(hook);
    }
    if let Some(said) = situation.refused {
        let outcome = if said.contains("webhook") {
            DryRunOutcome::Refused(said.to_owned())
        } else {
            DryRunOutcome::Failed(said.to_owned())
        };
        facts.dry_runs.push(DryRunResult {
            request: "DELETE configmaps/settings".to_owned(),
            operation: "DELETE".to_owned(),
            resource: "configmaps".to_owned(),
            outcome,
            warnings: Vec::new(),
        });
    }
    facts
}

/// The same a day after the deletion, in which nobody has mended anything.
fn after(mut facts: Facts) -> Facts {
    facts.namespace.deleted = Some("2026-01-01T00:00:00Z".parse().unwrap());
    facts.now = NOW.parse().unwrap();
    facts
}

proptest! {
    #[test]
    fn what_is_certain_is_found_afterwards(situation in situations()) {
        let facts = before(&situation);
        let certain = predict(&facts, &DeletionFacts::default()).certain;
        let found = diagnose(after(facts)).causes;
        for cause in &certain {
            let is_it = |each: &&Cause| each.kind == cause.kind && each.subject == cause.subject;
            prop_assert!(found.iter().any(|each| is_it(&each)), "{cause:#?} is not among {found:#?}");
        }
    }

    #[test]
    fn whoever_is_told_of_trouble_is_told_an_order(situation in situations()) {
        let prediction = predict(&before(&situation), &DeletionFacts::default());
        let trouble = prediction.expectation() == Expectation::TroubleExpected;
        prop_assert_eq!(trouble, !prediction.order.is_empty());
        for cause in prediction.certain.iter().chain(&prediction.likely).chain(&prediction.breaks_others) {
            prop_assert!(!cause.remedy.is_empty() && !cause.evidence.is_empty(), "{:#?}", cause);
        }
    }
}
