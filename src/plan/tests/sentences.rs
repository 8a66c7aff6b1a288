//! What a plan and a refusal say: a person acts on these words alone.

use super::*;
use crate::model::{DryRunOutcome, DryRunResult, Hint, Invocation, Permission};
use crate::plan::{RuleConsent, capabilities};

fn said(hint: &Hint) -> String {
    hint.render(&Invocation::default(), str::to_owned)
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn in_file(refusal: &Refusal) -> String {
    let consent = RuleConsent { place: "rules[0] (line 6)".to_owned(), ..RuleConsent::default() };
    said(&refusal.hint_under(&Policy { rule: Some(consent), ..Policy::default() }))
}

fn stuck() -> Namespace {
    namespace("rodrigo", true, &["kubernetes"], &[])
}

/// Secrets, so many that are being deleted, each held by these.
fn secrets(count: usize, finalizers: &[&str]) -> Inventory {
    let mut of_type = TypeLeftovers::none(resource("", "secrets", "Secret"));
    for index in 0..count {
        let (name, finalizers) = (format!("s{index}"), strings(finalizers));
        of_type
            .add(Leftover { name, finalizers, deleted: Some(jiff::Timestamp::UNIX_EPOCH), ..leftover() }, 20);
    }
    Inventory { types: vec![of_type], coverage: Coverage { looked: 1, ..Coverage::default() } }
}

fn with_gap(mut inventory: Inventory) -> Inventory {
    inventory.coverage.gaps.push(Gap {
        group: "example.com".to_owned(),
        version: "v1".to_owned(),
        resource: Some("widgets".to_owned()),
        why: Unreadable::Failed,
        detail: "no".to_owned(),
    });
    inventory
}

fn step_of(plan: &Plan, kind: &str) -> Step {
    plan.steps.iter().find(|step| step.action.kind().to_string() == kind).cloned().unwrap()
}

fn command(step: &Step) -> String {
    step.kubectl.as_ref().map(|command| command.render(&Invocation::default())).unwrap_or_default()
}

#[test]
fn finalizers_of_the_namespace_are_answered_by_flags_or_by_the_file() {
    let name = || "rodrigo".to_owned();
    let one =
        Refusal::NothingToFinalize { name: name(), foreign: strings(&["a.com/x"]), metadata: Vec::new() };
    assert!(said(&one.hint()).starts_with("the controller that put the finalizer there has to remove it"));
    assert!(said(&one.hint()).ends_with("add --finalizer=a.com/x"), "{}", said(&one.hint()));
    let several: [(&[&str], &[&str]); 3] = [
        (&["a.com/x"], &["b.com/y"]),
        (&["a.com/x", "a.com/z"], &["b.com/y"]),
        (&[], &["b.com/y", "b.com/z"]),
    ];
    for (foreign, metadata) in several {
        let (foreign, metadata) = (strings(foreign), strings(metadata));
        let hint = said(&Refusal::NothingToFinalize { name: name(), foreign, metadata }.hint());
        assert!(hint.starts_with("the controllers that put them there"), "{hint}");
    }
    let none = Refusal::NothingToFinalize { name: name(), foreign: Vec::new(), metadata: Vec::new() };
    assert!(said(&none.hint()).ends_with("kubectl delete namespace rodrigo"), "{}", said(&none.hint()));
    let held = |foreign: &[&str], metadata: &[&str]| Refusal::HeldBesides {
        name: name(),
        foreign: strings(foreign),
        metadata: strings(metadata),
    };
    let both = held(&["a.com/x"], &["b.com/y"]);
    assert_eq!(
        both.to_string(),
        "namespace \"rodrigo\" is also held by spec finalizer a.com/x, metadata finalizer b.com/y; removing \
         \"kubernetes\" alone would abandon what is inside and not end it"
    );
    // A policy can give up metadata finalizers alone.
    assert!(
        in_file(&held(&[], &["b.com/y"]))
            .contains("write b.com/y into metadataFinalizers of rules[0] (line 6)")
    );
    for refusal in [both, held(&["a.com/x"], &[]), one] {
        assert!(
            in_file(&refusal)
                .starts_with("no policy removes a foreign spec finalizer: nsfix explain rodrigo")
        );
    }
}

#[test]
fn what_a_policy_can_do_about_a_refusal_is_said_of_the_policy() {
    let protected = Refusal::Protected { name: "kube-system".to_owned() };
    assert!(in_file(&protected).starts_with("no policy clears it"));
    assert!(said(&protected.hint()).contains("--allow-protected"));
    let zombie = |left: &[&str], unknown: &[&str]| Refusal::Zombie {
        name: "rodrigo".to_owned(),
        left: strings(left),
        unknown: strings(unknown),
    };
    assert!(in_file(&zombie(&[], &[])).starts_with("zombies: rearm in rules[0] (line 6)"));
    for (left, unknown, told) in [
        (&[][..], &[][..], "nothing will remove it"),
        (&["1 Secret"], &[], "still holds 1 Secret"),
        (&[], &["widgets.example.com"], "could not be looked at completely (not at widgets.example.com)"),
        (&["1 Secret"], &["a"], "still holds 1 Secret, and could not be looked at completely (not at a)"),
    ] {
        let text = zombie(left, unknown).to_string();
        assert!(text.ends_with(&format!("it has no finalizer left, and {told}")), "{text}");
    }
}

#[test]
fn what_stays_is_answered_by_what_keeps_it() {
    let remains = |finalizers: &[&str], unproven: &[&str]| Refusal::Remains {
        name: "rodrigo".to_owned(),
        remains: strings(&["1 Secret"]),
        finalizers: strings(finalizers),
        unproven: strings(unproven),
    };
    let hint = |finalizers: &[&str], unproven: &[&str]| said(&remains(finalizers, unproven).hint());
    assert!(hint(&[], &[]).starts_with("mend what keeps it from being listed"));
    assert!(hint(&[], &["a.com/x"]).starts_with("--only-if-owner-absent keeps a.com/x"));
    for unproven in [&[][..], &["b.com/y"]] {
        let hint = hint(&["a.com/x"], unproven);
        assert!(hint.contains("add --release-finalizer=a.com/x; --leftovers=orphan abandons it"), "{hint}");
    }
    let file = |finalizers: &[&str], unproven: &[&str]| in_file(&remains(finalizers, unproven));
    assert!(file(&[], &[]).contains("acceptUnavailableApis or acceptUnlistedTypes of rules[0] (line 6)"));
    assert!(file(&["a.com/x"], &[]).ends_with("write a.com/x into release.finalizers of rules[0] (line 6)"));
    assert!(!file(&[], &["a.com/x"]).contains("release.finalizers"));
}

#[test]
fn a_put_says_what_it_abandons_and_under_which_condition() {
    let finalize = |inventory: &Inventory, leftovers| {
        step_of(&plan_for(&stuck(), inventory, &policy(leftovers)).unwrap(), "Finalize")
    };
    let abandons = finalize(&secrets(2, &["example.com/x"]), Leftovers::Orphan);
    assert_eq!(abandons.harm, "abandons 2 Secrets in etcd");
    assert!(command(&abandons).contains(".spec.finalizers -= [\"kubernetes\"]"), "{}", command(&abandons));
    assert!(!abandons.request.contains("if it is still there"));
    let unknown = finalize(&with_gap(Inventory::default()), Leftovers::Orphan);
    assert_eq!(unknown.harm, "abandons whatever is in widgets.example.com");
    // After a release it depends on what is left, and no line of kubectl can ask for that.
    let after = finalize(&secrets(1, &["example.com/x"]), Leftovers::Release);
    assert_eq!((after.harm.as_str(), command(&after).as_str()), ("", ""));
    assert!(after.request.ends_with("if it is still there and nothing is left inside"), "{}", after.request);
    let empty = finalize(&Inventory::default(), Leftovers::Release);
    assert!(!empty.request.contains("if it is") && !command(&empty).is_empty(), "{empty:?}");
}

#[test]
fn a_release_names_the_object_where_it_is_one_and_patches_few_one_by_one() {
    let release = |inventory: &Inventory| {
        step_of(&plan_for(&stuck(), inventory, &policy(Leftovers::Release)).unwrap(), "ReleaseObject")
    };
    let one = release(&secrets(1, &["example.com/x", "example.com/y"]));
    assert!(one.request.contains("/secrets/s0 without example.com/x, example.com/y"), "{}", one.request);
    assert!(command(&one).contains("\"value\":[]"), "{}", command(&one));
    let five = release(&secrets(5, &["example.com/x"]));
    assert!(five.request.contains("/secrets/NAME without"), "{}", five.request);
    assert_eq!(command(&five).matches("kubectl patch").count(), 5);
    let six = release(&secrets(6, &["example.com/x"]));
    assert!(command(&six).contains("jq") && !command(&six).contains("kubectl patch"), "{}", command(&six));
    // What is live is not patched; and of what was not kept the names are unknown.
    let mut some_live = secrets(2, &["example.com/x"]);
    some_live.types[0].add(Leftover { name: "live".to_owned(), ..leftover() }, 20);
    assert!(command(&release(&some_live)).contains("jq"));
    let mut not_all_kept = secrets(2, &["example.com/x"]);
    not_all_kept.types[0].sample.truncate(1);
    let not_all_kept = release(&not_all_kept);
    assert!(command(&not_all_kept).contains("jq"));
    assert!(not_all_kept.request.contains("/secrets/NAME without"), "{}", not_all_kept.request);
}

#[test]
fn pods_come_first_and_what_is_live_is_deleted_before_it_is_released() {
    let mut inventory = leftovers(false);
    for (group, ty, kind) in [("", "pods", "Pod"), ("example.com", "pods", "Pod")] {
        let mut of_type = TypeLeftovers::none(resource(group, ty, kind));
        of_type.add(Leftover { finalizers: Vec::new(), ..leftover() }, 10);
        inventory.types.push(of_type);
    }
    let plan = plan_for(&stuck(), &inventory, &policy(Leftovers::Release)).unwrap();
    let steps: Vec<(String, &str)> =
        plan.steps.iter().map(|step| (step.action.kind().to_string(), step.target.as_str())).collect();
    let steps: Vec<(&str, &str)> = steps.iter().map(|(kind, target)| (kind.as_str(), *target)).collect();
    assert_eq!(
        steps[..4],
        [
            ("DeleteObject", "1 Pod"),
            ("DeleteObject", "1 Secret"),
            ("ReleaseObject", "1 Secret"),
            ("DeleteObject", "1 Pod.example.com"),
        ]
    );
}

#[test]
fn a_plan_says_which_step_the_server_has_refused_already() {
    let mut diagnosis = diagnosis(stuck(), leftovers(false));
    let dry_run = |operation: &str, resource: &str, outcome| DryRunResult {
        operation: operation.to_owned(),
        resource: resource.to_owned(),
        request: format!("{operation} {resource}/s"),
        outcome,
        warnings: Vec::new(),
    };
    let warnings = |diagnosis: &Diagnosis| plan(diagnosis, &policy(Leftovers::Release)).unwrap();
    assert!(!warnings(&diagnosis).is_refused);
    let no = || DryRunOutcome::Refused("no".to_owned());
    for (operation, resource, step) in [
        ("DELETE", "secrets", "step 1"),
        ("UPDATE", "secrets", "step 2"),
        ("UPDATE", "namespaces/finalize", "step 4"),
    ] {
        diagnosis.dry_runs = vec![dry_run(operation, resource, no())];
        let plan = warnings(&diagnosis);
        assert!(plan.is_refused, "{operation} {resource}");
        let told = format!("{step} is refused by the server as things are");
        assert!(plan.warnings.iter().any(|warning| warning.starts_with(&told)), "{:?}", plan.warnings);
    }
    // Of another type, or what no step does.
    for (operation, resource) in [("DELETE", "configmaps"), ("UPDATE", "configmaps"), ("CREATE", "secrets")] {
        diagnosis.dry_runs = vec![dry_run(operation, resource, no())];
        let plan = warnings(&diagnosis);
        assert!(
            !plan.is_refused && plan.warnings.iter().all(|warning| !warning.contains("step ")),
            "{plan:?}"
        );
    }
    diagnosis.dry_runs = vec![dry_run("DELETE", "secrets", DryRunOutcome::NoAnswer(5))];
    let plan = warnings(&diagnosis);
    assert!(!plan.is_refused);
    assert!(
        plan.warnings.iter().any(|warning| warning.starts_with("step 1 was rehearsed without an answer"))
    );
}

#[test]
fn a_plan_needs_the_rights_of_its_steps_and_a_role_those_of_its_verbs() {
    let plan = plan_for(&stuck(), &leftovers(false), &policy(Leftovers::Release)).unwrap();
    let within = |verb: &str| Permission::new(verb, "", "secrets").within("rodrigo");
    let finalize =
        Permission::new("update", "", "namespaces").on_namespace("rodrigo").subresource("finalize");
    let needed = plan.permissions();
    for permission in [within("get"), within("delete"), within("patch"), finalize] {
        assert!(needed.contains(&permission), "{permission:?} is missing in {needed:?}");
    }
    assert_eq!(needed.len(), 4);
    let report = &capabilities()[0];
    assert_eq!(report.name, "report");
    for permission in [Permission::new("watch", "", "namespaces"), Permission::new("list", "*", "*")] {
        assert!(report.permissions.contains(&permission), "{permission:?}");
    }
}

#[test]
fn what_would_be_orphaned_is_warned_about_unless_it_is_released() {
    let warnings = |leftovers_are: Leftovers| {
        plan_for(&stuck(), &secrets(2, &["example.com/x"]), &policy(leftovers_are)).unwrap().warnings
    };
    let told =
        "2 Secrets in namespace rodrigo would be orphaned: they stay in etcd and come back with the name";
    assert!(warnings(Leftovers::Orphan).contains(&told.to_owned()), "{:?}", warnings(Leftovers::Orphan));
    assert!(warnings(Leftovers::Release).iter().all(|warning| !warning.contains("orphaned")));
    // A zombie is rearmed: the controller deletes what is inside.
    let zombie = namespace("rodrigo", true, &[], &[]);
    let plan = plan_for(&zombie, &leftovers(false), &policy(Leftovers::Ask)).unwrap();
    assert!(plan.warnings.iter().all(|warning| !warning.contains("orphaned")), "{:?}", plan.warnings);
    assert!(plan.writes());
    assert_eq!(plan.removes(), Vec::<&str>::new());
    let finalized = plan_for(&stuck(), &Inventory::default(), &policy(Leftovers::Ask)).unwrap();
    assert_eq!(finalized.removes(), ["kubernetes"]);
    let inside = plan_for(&zombie, &leftovers(false), &policy(Leftovers::Refuse)).unwrap_err();
    assert!(inside.to_string().ends_with("still holds 1 Secret"), "{inside}");
}

#[test]
fn patience_is_over_when_it_is_over() {
    let mut young = diagnosis(stuck(), leftovers(false));
    let patience = crate::diagnose::PATIENCE;
    let policy = Policy { patience, ..policy(Leftovers::Ask) };
    let over = young.namespace.deleted.unwrap() + jiff::SignedDuration::try_from(patience).unwrap();
    for (now, waits) in [(over - jiff::SignedDuration::from_secs(1), true), (over, false)] {
        young.now = now;
        assert_eq!(plan(&young, &policy).unwrap().waits_first, waits, "{now}");
    }
}

#[test]
fn what_helps_against_several_causes_is_advised_once() {
    use crate::diagnose::{Cause, CauseKind};
    let cause = |kind, subject: &str, remedy: &str| Cause {
        kind,
        subject: subject.to_owned(),
        detail: String::new(),
        evidence: Vec::new(),
        remedy: remedy.to_owned(),
        command: None,
    };
    let causes = [
        cause(CauseKind::HeldObjects, "a.com/x", "bring the owner back"),
        cause(CauseKind::HeldObjects, "b.com/y", "bring the owner back"),
        cause(CauseKind::HeldObjects, "a.com/x", "bring the owner back"),
        cause(CauseKind::UnavailableApi, "v1.c.com", "mend it"),
        cause(CauseKind::Zombie, "rodrigo", ""),
        cause(CauseKind::Progressing, "rodrigo", "wait"),
        cause(CauseKind::LiveObjects, "leftovers", "get them out of the way"),
    ];
    let texts: Vec<String> = crate::plan::advice(&causes).into_iter().map(|advice| advice.text).collect();
    assert_eq!(texts, ["a.com/x, b.com/y: bring the owner back", "v1.c.com: mend it"]);
}

#[test]
fn what_does_harm_is_kept_with_the_flag_that_releases_it() {
    let dangerous = "service.kubernetes.io/load-balancer-cleanup";
    let plan =
        plan_for(&stuck(), &secrets(1, &["example.com/x", dangerous]), &policy(Leftovers::Release)).unwrap();
    let told = plan.warnings.iter().find(|warning| warning.contains("keeps finalizer")).unwrap();
    assert!(
        told.starts_with(&format!("1 Secret keeps finalizer {dangerous}, because removing it does harm: ")),
        "{told}"
    );
    assert!(told.ends_with(&format!("add --release-finalizer={dangerous}")), "{told}");
}
