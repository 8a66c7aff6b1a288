//! Steps about leftovers, and the look right before the write that may end the namespace.

use super::objects::{CONFIGMAPS, HOLD};
use super::plans::{finalize, message, release, step, steps, wait};
use super::*;
use crate::model::{Gap, Inventory, Invocation, TypeLeftovers, Unreadable, resource};
use crate::plan::{Action, Advice, Leftovers, Step};

const PODS: &str = "/api/v1/namespaces/rodrigo/pods";

fn delete() -> Step {
    let resource = resource("", "configmaps", "ConfigMap");
    Step { target: "ConfigMaps".to_owned(), ..step(Action::DeleteObjects { resource }) }
}

fn hint(report: &Report) -> String {
    let hint = report.problem.as_ref().and_then(|problem| problem.hint.clone()).unwrap();
    hint.render(&Invocation::default(), str::to_owned)
}

/// A stuck namespace with one ConfigMap that is being deleted, under `--leftovers=release`.
async fn releasing() -> Lab {
    let mut lab = Lab::holding(&[], &["a"], &[HOLD]).await;
    lab.settings.policy.leftovers = Leftovers::Release;
    lab
}

#[tokio::test]
async fn what_is_inside_right_before_the_put_ends_a_release_and_a_refusal() {
    for leftovers in [Leftovers::Release, Leftovers::Refuse] {
        let mut lab = releasing().await;
        lab.settings.policy.leftovers = leftovers;
        let report = lab.runs(vec![finalize()], []).await;
        assert_eq!((report.outcome, report.wrote, report.steps.len()), (Outcome::Refused, false, 0));
        let left =
            "namespace \"rodrigo\" was not finalized: still inside: 1 ConfigMap held by example.com/hold";
        assert_eq!(message(&report), left);
        assert!(lab.sent().iter().all(|(method, ..)| method == "GET"));
        // Nothing is left, and it is sent.
        let report = lab.runs(vec![release(), finalize()], []).await;
        assert_eq!(report.outcome, Outcome::Cleared, "{}", message(&report));
    }
    for leftovers in [Leftovers::Ask, Leftovers::Orphan] {
        let mut lab = releasing().await;
        lab.settings.policy.leftovers = leftovers;
        let report = lab.runs(vec![finalize()], []).await;
        assert_eq!((report.outcome, report.orphans.len()), (Outcome::Cleared, 1));
    }
}

/// `v1/RESOURCE` could not be looked at.
fn unknown(resource: &str) -> Inventory {
    let mut inventory = Inventory::default();
    inventory.coverage.gaps.push(Gap {
        group: String::new(),
        version: "v1".to_owned(),
        resource: Some(resource.to_owned()),
        why: Unreadable::Failed,
        detail: "no leader".to_owned(),
    });
    inventory
}

/// It was neither shown nor saved, whatever may be abandoned.
#[tokio::test]
async fn what_was_unknown_before_and_is_seen_now_ends_it() {
    for leftovers in [Leftovers::Ask, Leftovers::Orphan] {
        for (resource, said) in [("configmaps", Some("and now it holds 1 ConfigMap more")), ("secrets", None)]
        {
            let mut lab = releasing().await;
            lab.settings.policy.leftovers = leftovers;
            let plan = plan_of(lab.namespace(), vec![finalize()]);
            let report = lab.executor().run(&plan, &unknown(resource)).await;
            let outcome = if said.is_some() { Outcome::Refused } else { Outcome::Cleared };
            assert_eq!(report.outcome, outcome, "{}", message(&report));
            assert!(message(&report).ends_with(said.unwrap_or_default()), "{}", message(&report));
            assert_eq!(lab.exists(), said.is_some());
        }
    }
}

#[tokio::test]
async fn what_was_released_before_makes_it_a_release() {
    let lab = releasing().await;
    let other = "/api/v1/namespaces/rodrigo/secrets";
    let gap = Fault::answer(Matcher::new("GET", other), internal());
    let report = lab.runs(vec![release(), finalize()], [gap]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Released, true));
    let unknown = "namespace \"rodrigo\" was not finalized: still inside: whatever is in secrets (no leader)";
    assert_eq!(message(&report), unknown);
    assert_eq!(steps(&report), ["ReleaseObject Done: 1 done"]);
    // The same where it could not be looked at all.
    for (wrote, outcome) in [(true, Outcome::Released), (false, Outcome::Failed)] {
        let lab = releasing().await;
        let before = if wrote { vec![release()] } else { Vec::new() };
        let discovery = Matcher::new("GET", "/api").accept("APIGroupDiscoveryList");
        let logged_out = Canned::status(401, "Unauthorized", "Unauthorized");
        let report = lab
            .runs(before.into_iter().chain([finalize()]).collect(), [Fault::answer(discovery, logged_out)])
            .await;
        assert_eq!((report.outcome, report.wrote), (outcome, wrote));
        let unable = "namespace \"rodrigo\" was not finalized: unable to look at what is inside: You must be logged in";
        assert!(message(&report).starts_with(unable), "{}", message(&report));
    }
}

#[tokio::test]
async fn default_objects_are_not_named_among_what_is_inside() {
    let mut lab = Lab::new().await;
    lab.settings.policy.leftovers = Leftovers::Release;
    lab.create(&["kubernetes"], &[]);
    lab.api.create(CONFIGMAPS, &json!({"metadata": {"name": "kube-root-ca.crt"}})).unwrap();
    lab.api.create("/api/v1/namespaces/rodrigo/secrets", &json!({"metadata": {"name": "s"}})).unwrap();
    lab.api.delete(PATH).unwrap();
    let report = lab.runs(vec![finalize()], []).await;
    assert_eq!(message(&report), "namespace \"rodrigo\" was not finalized: still inside: 1 Secret");
    lab.api.delete("/api/v1/namespaces/rodrigo/secrets/s").unwrap();
    // Nor where they could not be looked at before.
    let mut other = Lab::new().await;
    other.settings.policy.leftovers = Leftovers::Ask;
    other.create(&["kubernetes"], &[]);
    other.api.create(CONFIGMAPS, &json!({"metadata": {"name": "kube-root-ca.crt"}})).unwrap();
    other.api.delete(PATH).unwrap();
    let plan = plan_of(other.namespace(), vec![finalize()]);
    assert_eq!(other.executor().run(&plan, &unknown("configmaps")).await.outcome, Outcome::Cleared);
    assert_eq!(lab.runs(vec![finalize()], []).await.outcome, Outcome::Cleared);
}

#[tokio::test]
async fn the_look_before_the_put_ends_with_a_signal_or_where_the_namespace_is_gone() {
    let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
    lab.settings.policy.leftovers = Leftovers::Release;
    let signal = [lab.signal_with("GET"), Fault::hang(Matcher::new("GET", "/api/v1/secrets"))];
    let report = lab.runs(vec![finalize()], signal).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::NotBegun, false));
    assert_eq!(steps(&report), ["Finalize Skipped: interrupted"]);
    assert!(lab.exists());
    let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
    lab.settings.policy.leftovers = Leftovers::Release;
    let gone = Fault::before(any("GET").once(), remove);
    let report = lab.runs(vec![finalize()], [gone]).await;
    assert_eq!((report.outcome, message(&report)), (Outcome::Unchanged, ""));
    let nothing_forced = "Finalize Skipped: the namespace was gone already; nothing was forced";
    assert_eq!((steps(&report), report.warnings), (vec![nothing_forced.to_owned()], Vec::new()));
    // Whether it is there cannot be seen.
    let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
    lab.settings.policy.leftovers = Leftovers::Release;
    let unreadable = Fault::answer(Matcher::new("GET", PATH), internal());
    let report = lab.runs(vec![finalize()], [unreadable]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Failed, false));
    assert!(
        message(&report).starts_with("namespace \"rodrigo\" was not finalized: "),
        "{}",
        message(&report)
    );
}

#[tokio::test]
async fn a_step_that_fails_keeps_the_put_from_being_sent() {
    let failing = || Fault::answer(Matcher::new("PATCH", CONFIGMAPS), internal());
    let lab = releasing().await;
    let report = lab.runs(vec![release(), finalize()], [failing()]).await;
    assert_eq!((report.outcome, report.wrote, report.steps.len()), (Outcome::Failed, false, 1));
    let why = "0 done, 1 failed, the first: configmaps/a: no leader";
    assert_eq!(message(&report), format!("namespace \"rodrigo\": unable to release ConfigMaps: {why}"));
    assert_eq!(hint(&report), "nsfix explain rodrigo says what holds it");
    let lab = Lab::holding(&["a"], &[], &[]).await;
    let unlisted = Fault::answer(Matcher::new("GET", CONFIGMAPS), internal());
    let (plan, before) = (lab.plan(vec![delete(), finalize()]), lab.inside().await);
    lab.inject([unlisted]);
    let report = lab.executor().run(&plan, &before).await;
    assert_eq!(message(&report), "namespace \"rodrigo\": unable to delete ConfigMaps: no leader");
    // What the server has said in the dry run already is what helps.
    let lab = releasing().await;
    let (mut plan, before) = (lab.plan(vec![release(), finalize()]), lab.inside().await);
    lab.inject([failing()]);
    plan.advice = vec![Advice { text: "mend the webhook".to_owned(), command: None }];
    assert_eq!(hint(&lab.executor().run(&plan, &before).await), "nsfix explain rodrigo says what holds it");
    plan.is_refused = true;
    assert_eq!(hint(&lab.executor().run(&plan, &before).await), "mend the webhook");
    let command = Some(crate::model::ShellCommand::kubectl(["get", "pods"]));
    plan.advice = vec![Advice { text: "mend the webhook".to_owned(), command }];
    assert_eq!(hint(&lab.executor().run(&plan, &before).await), "mend the webhook: kubectl get pods");
}

#[tokio::test]
async fn leftovers_of_another_namespace_are_not_written_to() {
    let look = || Matcher::new("GET", PATH).skip(1).once();
    let lab = releasing().await;
    let report = lab.runs(vec![release(), wait()], [Fault::before(look(), replace)]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Refused, false));
    assert!(message(&report).contains("another one of the same name"), "{}", message(&report));
    assert!(steps(&report)[0].starts_with("ReleaseObject Failed: "));
    let lab = releasing().await;
    let report = lab.runs(vec![release(), finalize()], [Fault::before(look(), remove)]).await;
    assert_eq!(report.outcome, Outcome::Unchanged);
    assert_eq!(steps(&report)[0], "ReleaseObject Skipped: the namespace was gone already");
    // Another one had the name meanwhile, and has gone without its content.
    let twice = |api: &Api| {
        replace(api);
        api.create("/api/v1/namespaces/rodrigo/secrets", &json!({"metadata": {"name": "s"}})).unwrap();
        api.delete(PATH).unwrap();
        remove(api);
    };
    let lab = releasing().await;
    let report = lab.runs(vec![release(), finalize()], [Fault::before(look(), twice)]).await;
    let left: Vec<String> = report.orphans.iter().map(ToString::to_string).collect();
    assert_eq!(left, ["1 ConfigMap", "1 Secret"]);
}

#[tokio::test]
async fn pods_are_found_among_the_types_by_group_and_name() {
    for (action, seconds) in [
        (Action::DeletePodsOnLostNode { names: vec!["p".to_owned()] }, 0),
        (Action::ShortenGracePeriod { names: vec!["p".to_owned()] }, 30),
    ] {
        let lab = Lab::new().await;
        lab.create(&["kubernetes"], &[]);
        let spec = json!({"nodeName": "n", "containers": [{"name": "c", "image": "i"}]});
        let pod = json!({"metadata": {"name": "p", "finalizers": [HOLD]}, "spec": spec});
        lab.api.create(PODS, &pod).unwrap();
        lab.api.delete(&format!("{PODS}/p")).unwrap();
        lab.api.delete(PATH).unwrap();
        let mut before = lab.inside().await;
        before.types =
            [("", "configmaps", "ConfigMap"), ("metrics.k8s.io", "pods", "PodMetrics"), ("", "pods", "Pod")]
                .map(|(group, ty, kind)| TypeLeftovers::none(resource(group, ty, kind)))
                .to_vec();
        let plan = lab.plan(vec![step(action)]);
        lab.sent();
        lab.executor().run(&plan, &before).await;
        let sent = lab.sent();
        let deletion = sent.iter().find(|(method, ..)| method == "DELETE");
        let Some((_, path, body)) = deletion else { panic!("{sent:?}") };
        assert_eq!((path.as_str(), &body["gracePeriodSeconds"]), (&*format!("{PODS}/p"), &json!(seconds)));
        // There are none.
        before.types.truncate(2);
        lab.executor().run(&plan, &before).await;
        assert!(lab.sent().iter().all(|(method, path, _)| method == "GET" && !path.contains("pods")));
    }
}
