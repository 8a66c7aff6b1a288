//! What it came to in the end: whether the namespace is gone after all, and what was left behind.

use super::objects::{CONFIGMAPS, configmaps};
use super::*;
use crate::model::{Gap, Inventory, Unreadable};

const SECRETS: &str = "/api/v1/namespaces/rodrigo/secrets";

/// A report that ended so.
fn ended(lab: &Lab, outcome: Outcome, wrote: bool) -> Report {
    let uid = if lab.exists() { lab.namespace().uid } else { "gone".to_owned() };
    Report { wrote, ..Report::new(NAME, &uid).ended(outcome, Problem::new("no")) }
}

fn message(report: &Report) -> Option<&str> {
    report.problem.as_ref().map(|problem| problem.message.as_str())
}

#[tokio::test]
async fn only_what_ended_badly_is_looked_at_once_more() {
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    for (outcome, looks) in [
        (Outcome::Failed, 1),
        (Outcome::Released, 1),
        (Outcome::Refused, 1),
        (Outcome::Cleared, 0),
        (Outcome::Unchanged, 0),
        (Outcome::DryRun, 0),
        (Outcome::NotBegun, 0),
    ] {
        let report = ended(&lab, outcome, false);
        assert_eq!(lab.executor().settle(report.clone()).await, report);
        assert_eq!(lab.sent().len(), looks, "{outcome}");
        // It was never seen.
        let report = Report { uid: String::new(), ..report };
        assert_eq!(lab.executor().settle(report.clone()).await, report);
        assert_eq!(lab.sent().len(), 0, "{outcome}");
    }
}

#[tokio::test]
async fn what_is_gone_after_all_is_said_to_be_gone() {
    for (wrote, outcome) in [(true, Outcome::Cleared), (false, Outcome::Unchanged)] {
        let lab = Lab::new().await;
        let report = lab.executor().settle(ended(&lab, Outcome::Failed, wrote)).await;
        assert_eq!((report.outcome, message(&report)), (outcome, None));
        assert_eq!(report.warnings, ["no; but the namespace is gone by now"]);
    }
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    let (wrote, did_not) = (ended(&lab, Outcome::Failed, true), ended(&lab, Outcome::Failed, false));
    replace(&lab.api);
    let report = lab.executor().settle(wrote).await;
    assert_eq!(report.outcome, Outcome::Cleared);
    let another = "namespace \"rodrigo\" is gone; another one of the same name exists by now";
    assert_eq!(report.warnings, [another, "no; but the namespace is gone by now"]);
    let report = lab.executor().settle(did_not).await;
    assert_eq!(report.outcome, Outcome::Refused);
    assert!(message(&report).unwrap().contains("another one of the same name by now"));
}

#[tokio::test]
async fn what_cannot_be_seen_is_called_unknown_once() {
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    lab.inject([Fault::answer(any("GET"), internal())]);
    let report = lab.executor().settle(ended(&lab, Outcome::Failed, true)).await;
    assert_eq!(report.outcome, Outcome::Failed);
    let told = "no; whether the namespace is gone is unknown: Error from server (InternalError): no leader";
    assert_eq!(message(&report), Some(told));
    let again = lab.executor().settle(report.clone()).await;
    assert_eq!(again, report);
}

impl Lab {
    /// A namespace with ConfigMaps and one Secret, which is finalized; what was inside before, of ConfigMaps alone.
    async fn abandoned(count: usize) -> (Self, Inventory, Report) {
        let lab = Self::new().await;
        lab.create(&["kubernetes"], &[]);
        for index in 0..count {
            lab.api.create(CONFIGMAPS, &json!({"metadata": {"name": format!("c{index}")}})).unwrap();
        }
        lab.api.create(SECRETS, &json!({"metadata": {"name": "s"}})).unwrap();
        lab.api.delete(PATH).unwrap();
        let before = lab.cluster.list_leftovers_of(vec![configmaps()], &[NAME], 10).await.unwrap();
        let report = ended(&lab, Outcome::Cleared, true);
        remove(&lab.api);
        lab.sent();
        (lab, before[NAME].clone(), report)
    }
}

fn gap(group: &str, version: &str, resource: Option<&str>) -> Gap {
    Gap {
        group: group.to_owned(),
        version: version.to_owned(),
        resource: resource.map(str::to_owned),
        why: Unreadable::Failed,
        detail: "no leader".to_owned(),
    }
}

fn found(report: &Report) -> Vec<String> {
    report.orphans.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_is_left_behind_is_looked_for_in_the_types_that_held_something() {
    let (lab, before, report) = Lab::abandoned(2).await;
    let report = lab.executor().look_for_orphans(&before, report).await;
    assert_eq!(found(&report), ["2 ConfigMaps"]);
    assert_eq!(report.warnings, [""; 0]);
    assert_eq!(*lab.activities.borrow(), [Activity::LookingForOrphans]);
    // One list, and one look whether there is another of that name.
    assert_eq!(lab.methods(), "GET GET");
    // Nothing is left of them.
    for name in ["c0", "c1"] {
        lab.api.delete(&format!("{CONFIGMAPS}/{name}")).unwrap();
    }
    let report = lab.executor().look_for_orphans(&before, ended(&lab, Outcome::Cleared, true)).await;
    assert_eq!((found(&report), lab.methods()), (Vec::new(), "GET".to_owned()));
}

#[tokio::test]
async fn where_a_step_failed_every_type_is_looked_at() {
    let (lab, before, mut report) = Lab::abandoned(1).await;
    let step = |result| StepReport {
        step: crate::plan::StepKind::Finalize,
        target: String::new(),
        result,
        message: String::new(),
    };
    report.steps = vec![step(StepResult::Done), step(StepResult::Skipped)];
    let looked = lab.executor().look_for_orphans(&before, report.clone()).await;
    assert_eq!(found(&looked), ["1 ConfigMap"]);
    report.steps.push(step(StepResult::Failed));
    let looked = lab.executor().look_for_orphans(&before, report.clone()).await;
    assert_eq!(found(&looked), ["1 ConfigMap", "1 Secret"]);
    // Discovery fails as well: those that are known are looked at.
    let logged_out = Canned::status(401, "Unauthorized", "Unauthorized");
    lab.inject([Fault::answer(Matcher::new("GET", "/api").accept("APIGroupDiscoveryList"), logged_out)]);
    let looked = lab.executor().look_for_orphans(&before, report).await;
    assert_eq!(found(&looked), ["1 ConfigMap"]);
}

#[tokio::test]
async fn what_was_unknown_before_is_looked_for_as_well() {
    let (lab, mut before, report) = Lab::abandoned(1).await;
    before.coverage.gaps = vec![gap("", "v1", Some("secrets"))];
    let looked = lab.executor().look_for_orphans(&before, report.clone()).await;
    assert_eq!(found(&looked), ["1 ConfigMap", "1 Secret"]);
    assert_eq!(looked.unknown, []);
    // One whose type nobody serves any more, and one that is unavailable still.
    let service = json!({
        "metadata": {"name": "v1.idle.example.com"},
        "spec": {"group": "idle.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": true, "service": {"namespace": "default", "name": "nobody"}},
    });
    lab.api.create("/apis/apiregistration.k8s.io/v1/apiservices", &service).unwrap();
    before.coverage.gaps =
        vec![gap("gone.example.com", "v1", Some("widgets")), gap("idle.example.com", "v1", None)];
    let looked = lab.executor().look_for_orphans(&before, report.clone()).await;
    assert_eq!(found(&looked), ["1 ConfigMap"]);
    let unknown: Vec<String> = looked.unknown.iter().map(ToString::to_string).collect();
    assert_eq!(unknown, ["widgets.gone.example.com", "idle.example.com/v1"]);
    // Discovery itself fails: all of it stays unknown.
    let logged_out = Canned::status(401, "Unauthorized", "Unauthorized");
    lab.inject([Fault::answer(Matcher::new("GET", "/api").accept("APIGroupDiscoveryList"), logged_out)]);
    let looked = lab.executor().look_for_orphans(&before, report).await;
    assert_eq!(looked.unknown, before.coverage.gaps);
}

/// The types that were unknown are asked about once for all that end at the same time, not once for each.
#[tokio::test]
async fn namespaces_that_end_together_share_a_look() {
    let (lab, mut before, report) = Lab::abandoned(1).await;
    before.coverage.gaps = vec![gap("", "v1", Some("secrets"))];
    let executor = lab.executor();
    let ended = (0..10).map(|index| {
        let namespace = if index == 5 { report.namespace.clone() } else { format!("other-{index}") };
        executor.look_for_orphans(&before, Report { namespace, ..report.clone() })
    });
    let looked = futures::future::join_all(ended).await;
    assert_eq!(found(&looked[5]), ["1 ConfigMap", "1 Secret"]);
    assert!(looked.iter().enumerate().all(|(index, report)| index == 5 || found(report).is_empty()));
    let lists: Vec<String> = lab.sent().into_iter().map(|(_, path, _)| path).collect();
    let of_secrets = lists.iter().filter(|path| path.ends_with("/secrets")).count();
    assert_eq!(of_secrets, 2, "{lists:?}");
    assert!(!lists.iter().any(|path| path.ends_with("/services")), "{lists:?}");
    // What one of them asks about is unknown to that one alone.
    let mut services = before.clone();
    services.coverage.gaps[0].resource = Some("services".to_owned());
    lab.inject([Fault::answer(Matcher::new("GET", "/api/v1/services"), internal())]);
    lab.inject([Fault::answer(Matcher::new("GET", "/api/v1/namespaces/other/services"), internal())]);
    lab.inject([Fault::answer(Matcher::new("GET", &format!("{PATH}/services")), internal())]);
    let other = Report { namespace: "other".to_owned(), ..report.clone() };
    let (first, of_secrets, of_services) = futures::join!(
        executor.look_for_orphans(&before, report.clone()),
        executor.look_for_orphans(&before, report.clone()),
        executor.look_for_orphans(&services, other),
    );
    assert_eq!((first.unknown, of_secrets.unknown), (Vec::new(), Vec::new()));
    assert_eq!(of_services.unknown.iter().map(ToString::to_string).collect::<Vec<_>>(), ["services"]);
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_neither_empty_nor_left() {
    let (lab, before, report) = Lab::abandoned(1).await;
    lab.inject([Fault::answer(Matcher::new("GET", CONFIGMAPS), internal())]);
    let looked = lab.executor().look_for_orphans(&before, report.clone()).await;
    assert_eq!(found(&looked), [""; 0]);
    assert_eq!(looked.unknown.iter().map(ToString::to_string).collect::<Vec<_>>(), ["configmaps"]);
    lab.sandbox.clear_faults();
    // Nothing at all is answered.
    let logged_out = Canned::status(401, "Unauthorized", "Unauthorized");
    lab.inject([Fault::answer(Matcher::new("GET", CONFIGMAPS), logged_out)]);
    let looked = lab.executor().look_for_orphans(&before, report.clone()).await;
    assert_eq!(looked.orphans, before.types);
    assert_eq!(looked.warnings, ["could not look for orphans: Unauthorized"]);
    lab.sandbox.clear_faults();
    // Whether another namespace has the name.
    lab.inject([Fault::answer(Matcher::new("GET", PATH).skip(1), internal())]);
    let looked = lab.executor().look_for_orphans(&before, report).await;
    assert_eq!(found(&looked), ["1 ConfigMap"]);
    let told = "could not see whether there is another namespace of the name by now: no leader";
    assert_eq!(looked.warnings, [told]);
}

/// Rule 12. What was inside before is told then, and that nobody has looked.
#[tokio::test]
async fn a_signal_ends_the_look_for_what_was_left_behind() {
    let (lab, before, report) = Lab::abandoned(1).await;
    lab.inject([Fault::hang(Matcher::new("GET", CONFIGMAPS))]);
    lab.signal.send_replace(Some(Exit::Interrupted));
    for any in [false, true] {
        let executor = lab.executor();
        let looked = if any {
            executor.look_for_any_orphans(report.clone(), 5).await
        } else {
            executor.look_for_orphans(&before, report.clone()).await
        };
        assert_eq!(looked.warnings, ["could not look for orphans: interrupted"]);
        assert_eq!(looked.orphans.len(), usize::from(!any));
    }
}

#[tokio::test]
async fn what_came_back_with_another_namespace_of_that_name_is_named() {
    for (count, new, named) in [
        (1, 0, "configmaps c0"),
        (1, 1, "configmaps c0, …"),
        (5, 0, "configmaps c0, c1, c2, c3, c4"),
        (6, 0, "configmaps c0, c1, c2, c3, c4, …"),
    ] {
        let (lab, before, report) = Lab::abandoned(count).await;
        lab.create(&["kubernetes"], &[]);
        for index in 0..new {
            lab.api.create(CONFIGMAPS, &json!({"metadata": {"name": format!("n{index}")}})).unwrap();
        }
        let report = lab.executor().look_for_orphans(&before, report).await;
        assert_eq!(found(&report), [""; 0]);
        let told = format!(
            "left behind by the old namespace \"rodrigo\", and inside the new one of that name now: {named}"
        );
        assert_eq!((report.warnings, report.taken_over), (vec![told], true));
    }
    // What of an unknown type the old one has left cannot be told from what the new one holds.
    let (lab, mut before, report) = Lab::abandoned(1).await;
    before.coverage.gaps = vec![gap("", "v1", Some("secrets"))];
    lab.create(&["kubernetes"], &[]);
    let report = lab.executor().look_for_orphans(&before, report).await;
    assert_eq!(report.unknown, before.coverage.gaps);
    // All that is inside is new.
    let (lab, before, report) = Lab::abandoned(1).await;
    lab.api.delete(&format!("{CONFIGMAPS}/c0")).unwrap();
    lab.create(&["kubernetes"], &[]);
    lab.api.create(CONFIGMAPS, &json!({"metadata": {"name": "new"}})).unwrap();
    let report = lab.executor().look_for_orphans(&before, report).await;
    assert_eq!((found(&report), report.warnings), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn another_namespace_is_given_a_moment_to_be_created() {
    // It is looked for within a second, which a busy machine may take for one look.
    let mut looks = String::new();
    for _ in 0..5 {
        let (mut lab, before, report) = Lab::abandoned(1).await;
        lab.settings.policy.patience = Duration::from_secs(60);
        let second = Matcher::new("GET", PATH).skip(2).once();
        lab.inject([Fault::before(second, |api: &Api| create(api, &["kubernetes"], &[]))]);
        let looked = lab.executor().look_for_orphans(&before, report).await;
        looks = lab.methods();
        if looks == "GET GET GET" {
            assert_eq!((found(&looked), looked.warnings.len()), (Vec::new(), 1));
            break;
        }
    }
    assert_eq!(looks, "GET GET GET");
    // Nobody has patience, or it is over.
    let (mut lab, before, report) = Lab::abandoned(1).await;
    let looked = lab.executor().look_for_orphans(&before, report.clone()).await;
    assert_eq!((found(&looked).len(), lab.methods()), (1, "GET GET".to_owned()));
    lab.settings.policy.patience = Duration::from_secs(60);
    lab.settings.wait = None;
    let looked = lab.executor().look_for_orphans(&before, report.clone()).await;
    assert_eq!((found(&looked).len(), lab.methods()), (1, "GET GET".to_owned()));
    lab.settings.wait = Some(Duration::from_secs(60));
    lab.inject([lab.signal_with("GET")]);
    let looked = lab.executor().look_for_orphans(&before, report).await;
    assert_eq!((found(&looked).len(), lab.methods()), (1, "GET GET".to_owned()));
}
