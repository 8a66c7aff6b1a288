use super::{
    behind, causes, dead_api, dead_conversion, extensions, facts, gap, kinds, leftover, list_failed, of_type,
    webhook,
};
use crate::diagnose::CauseKind;
use crate::model::{ApiService, Presence, Unreadable, resource};

#[test]
fn an_api_nobody_has_judged_yet_is_not_dead() {
    let mut facts = facts();
    for (available, dead) in [(None, false), (Some(true), false), (Some(false), true)] {
        extensions(&mut facts).api_services = vec![ApiService { available, ..dead_api() }];
        assert_eq!(kinds(&facts).contains(&CauseKind::UnavailableApi), dead, "{available:?}");
    }
}

#[test]
fn a_group_version_that_may_not_be_discovered_is_not_dead() {
    let mut facts = facts();
    for (why, dead) in
        [(Unreadable::Forbidden, false), (Unreadable::Unavailable, true), (Unreadable::TimedOut, true)]
    {
        facts.inventory.coverage.gaps = vec![gap(None, why)];
        assert_eq!(kinds(&facts).contains(&CauseKind::UnavailableApi), dead, "{why}");
    }
    // One type of it that fails is no dead API.
    facts.inventory.coverage.gaps = vec![gap(Some("nodes"), Unreadable::Unavailable)];
    assert!(!kinds(&facts).contains(&CauseKind::UnavailableApi));
}

#[test]
fn a_dead_api_does_not_hold_what_the_controller_has_finished() {
    let mut facts = facts();
    extensions(&mut facts).api_services = vec![dead_api()];
    facts.namespace.spec_finalizers = vec!["example.com/spec".to_owned()];
    assert_eq!(kinds(&facts), [CauseKind::ForeignSpecFinalizers]);
    // What is known about the API is no riddle either.
    facts.inventory.coverage.gaps = vec![gap(None, Unreadable::Unavailable)];
    let causes = causes(&facts);
    let [own] = causes.as_slice() else { panic!("{causes:?}") };
    assert_eq!(own.kind, CauseKind::ForeignSpecFinalizers);
    assert!(own.evidence.iter().any(|line| line.contains("does not hold this namespace")), "{own:?}");
}

#[test]
fn what_the_controller_has_finished_waits_neither_for_a_conversion_nor_for_a_finalization() {
    let mut facts = facts();
    extensions(&mut facts).conversions.insert("widgets.example.com".to_owned(), dead_conversion());
    let mut guard = webhook();
    guard.rules[0].operations = vec!["UPDATE".to_owned()];
    guard.rules[0].resources = vec!["namespaces/finalize".to_owned()];
    extensions(&mut facts).admission_hooks = vec![guard];
    behind(&mut facts, Presence::Missing, None);
    assert_eq!(kinds(&facts), [CauseKind::FailingConversionWebhook, CauseKind::FailingAdmissionWebhook]);
    facts.namespace.spec_finalizers.clear();
    facts.namespace.metadata_finalizers = vec!["example.com/meta".to_owned()];
    assert_eq!(kinds(&facts), [CauseKind::NamespaceMetadataFinalizers]);
    let widgets = resource("example.com", "widgets", "Widget");
    facts.inventory.types = vec![of_type(widgets, [leftover("gear", true, &[])])];
    assert_eq!(kinds(&facts), [CauseKind::FailingConversionWebhook, CauseKind::NamespaceMetadataFinalizers]);
}

#[test]
fn an_api_that_is_discovered_and_does_not_list_is_named_with_its_service() {
    let mut facts = facts();
    let living = ApiService {
        name: "v1.agg.example.com".to_owned(),
        group: "agg.example.com".to_owned(),
        version: "v1".to_owned(),
        available: Some(true),
        ..dead_api()
    };
    extensions(&mut facts).api_services = vec![living];
    for (why, blamed) in [
        (Unreadable::Failed, true),
        (Unreadable::TimedOut, true),
        (Unreadable::NotServed, true),
        (Unreadable::Forbidden, false),
    ] {
        facts.inventory.coverage.gaps = vec![list_failed("agg.example.com", "things", why, "no marshaller")];
        let causes = causes(&facts);
        assert_eq!(causes.iter().any(|cause| cause.subject == "v1.agg.example.com"), blamed, "{why}");
        assert!(causes.iter().all(|cause| cause.kind == CauseKind::UnavailableApi), "{causes:?}");
        if blamed {
            let evidence = causes[0].evidence.join("\n");
            assert!(evidence.contains("default/guard") && evidence.contains("no marshaller"), "{evidence}");
        }
    }
}

#[test]
fn an_object_that_cannot_be_decrypted_is_named_with_its_namespace() {
    let mut facts = facts();
    let said = "Internal error occurred: unable to transform key \"/registry/secrets/rodrigo/lost\": no key";
    facts.inventory.coverage.gaps = vec![list_failed("", "secrets", Unreadable::Failed, said)];
    extensions(&mut facts).types = vec![resource("", "secrets", "Secret")];
    let causes = causes(&facts);
    let [cause] = causes.as_slice() else { panic!("{causes:?}") };
    assert_eq!((cause.kind, cause.subject.as_str()), (CauseKind::UnreadableObjects, "secrets"));
    let request = "DELETE /api/v1/namespaces/rodrigo/secrets/lost?ignoreStoreReadErrorWithClusterBreakingPotential=true";
    assert!(cause.remedy.contains(request), "{}", cause.remedy);
    assert!(cause.remedy.contains("nsfix never sends it"), "{}", cause.remedy);
    assert!(cause.detail.contains("lost in namespace rodrigo"), "{}", cause.detail);
    assert!(cause.remedy.contains("finalizers and preconditions are ignored"), "{}", cause.remedy);
}

/// With AllowUnsafeMalformedObjectDeletion, and so from 1.37 on.
#[test]
fn what_cannot_be_read_is_named_in_the_words_of_1_37_too() {
    let mut facts = facts();
    extensions(&mut facts).types =
        vec![resource("", "secrets", "Secret"), resource("example.com", "widgets", "Widget")];
    let said =
        "failed to read one or more secrets from the storage; key \"/registry/secrets/rodrigo/lost\": no key";
    facts.inventory.coverage.gaps = vec![list_failed("", "secrets", Unreadable::Failed, said)];
    let mut json = serde_json::Value::clone(&facts.namespace.json);
    let said = "Failed to delete all resource types, 2 remaining: failed to read one or more secrets from the storage, \
                storage is (re)initializing: failed to list example.com/v2, Kind=Widget: failed to read one or more \
                widgets.example.com from the storage";
    json["status"]["conditions"] =
        serde_json::json!([{"type": "NamespaceDeletionContentFailure", "status": "True", "message": said}]);
    facts.namespace = crate::model::Namespace::from_json(json).unwrap();
    let causes = causes(&facts);
    let told: Vec<(CauseKind, &str)> =
        causes.iter().map(|cause| (cause.kind, cause.subject.as_str())).collect();
    let unreadable = CauseKind::UnreadableObjects;
    assert_eq!(told, [(unreadable, "secrets"), (unreadable, "widgets.example.com")], "{causes:#?}");
    assert!(causes[0].detail.contains("lost in namespace rodrigo"), "{}", causes[0].detail);
}
