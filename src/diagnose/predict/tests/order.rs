use super::*;
use crate::model::Invocation;

#[test]
fn what_needs_something_goes_before_what_it_needs() {
    let mut facts = facts();
    let mut deletion = DeletionFacts::default();
    held_backup(&mut facts, &mut deletion, &json!({}));
    add(
        &mut facts,
        resource("example.com", "providerconfigs", "ProviderConfig"),
        [object("default", &["in-use.example.com"])],
    );
    let balancer = ["service.kubernetes.io/load-balancer-cleanup"];
    add(&mut facts, resource("", "services", "Service"), [object("public", &balancer)]);
    operator(&mut deletion, "shop", None);
    around(&mut deletion).has_cloud_provider = Some(true);
    extensions(&mut facts).admission_hooks.push(webhook("shop", "CREATE", "pods"));
    let order = predict(&facts, &deletion).order;
    let shown = |step: &crate::diagnose::predict::OrderStep| {
        step.command.as_ref().map(|command| command.render(&Invocation::default())).unwrap_or_default()
    };
    let commands: Vec<String> = order.iter().map(shown).collect();
    let place = |words: &str| {
        let found = commands.iter().position(|command| command.contains(words));
        found.unwrap_or_else(|| panic!("no {words} in {commands:#?}"))
    };
    let places = [
        place("kubectl delete backups.example.com -n shop --all --wait"),
        place("kubectl delete providerconfigs.example.com"),
        place("kubectl delete services -n shop --wait --timeout=5m public"),
        place("kubectl delete validatingwebhookconfiguration guard"),
        place("nsfix check shop"),
        place("kubectl delete namespace shop"),
    ];
    assert!(places.is_sorted(), "{commands:#?}");
    assert_eq!(places[5], commands.len() - 1);
    let deletes = commands.iter().filter(|command| command.contains(" delete "));
    assert!(deletes.clone().all(|command| command.contains(" | grep -q")), "{commands:#?}");
}
