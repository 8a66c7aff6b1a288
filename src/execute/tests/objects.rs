//! Writes to leftovers: what the server answers, which requests are sent, and what is concluded.

use super::*;
use crate::execute::objects::{ObjectWrite, ObjectsError, WriteCounts};
use crate::model::{ResourceType, resource};
use crate::plan::LimitsFrom;

pub(super) const CONFIGMAPS: &str = "/api/v1/namespaces/rodrigo/configmaps";
pub(super) const HOLD: &str = "example.com/hold";

pub(super) fn configmaps() -> ResourceType {
    resource("", "configmaps", "ConfigMap")
}

pub(super) fn path(name: &str) -> String {
    format!("{CONFIGMAPS}/{name}")
}

pub(super) fn hold() -> Vec<String> {
    vec![HOLD.to_owned()]
}

impl Lab {
    /// A stuck namespace with ConfigMaps that are live, and such that are being deleted, held by these finalizers.
    pub(super) async fn holding(live: &[&str], deleting: &[&str], finalizers: &[&str]) -> Self {
        let lab = Self::new().await;
        lab.create(&["kubernetes"], &[]);
        for name in live.iter().chain(deleting) {
            let body = json!({"metadata": {"name": name, "finalizers": finalizers}});
            lab.api.create(CONFIGMAPS, &body).unwrap();
        }
        for name in deleting {
            lab.api.delete(&path(name)).unwrap();
        }
        lab.api.delete(PATH).unwrap();
        lab
    }

    /// One that is being deleted, held by `example.com/hold`.
    async fn with_held() -> Self {
        Self::holding(&[], &["a"], &[HOLD]).await
    }

    pub(super) async fn writes_to(
        &self,
        write: ObjectWrite<'_>,
        only: Option<&[String]>,
        faults: impl IntoIterator<Item = Fault>,
    ) -> Result<WriteCounts, ObjectsError> {
        let namespace = self.namespace();
        self.inject(faults);
        let written = self.executor().write_objects(&configmaps(), &namespace, only, write).await;
        self.sandbox.clear_faults();
        written
    }

    /// The result of the step in words, and the methods of the requests after the list and the look at the namespace.
    async fn says(
        &self,
        write: ObjectWrite<'_>,
        faults: impl IntoIterator<Item = Fault>,
    ) -> (String, String) {
        let said = match self.writes_to(write, None, faults).await {
            Ok(counts) => {
                let (result, message) = counts.result(self.settings.dry_run);
                format!("{result}, {}: {message}", if counts.wrote { "wrote" } else { "wrote nothing" })
            }
            Err(ObjectsError::Failed(error)) => format!("failed: {}", error.detail()),
            Err(ObjectsError::Gone) => "gone".to_owned(),
            Err(ObjectsError::LeftAlone(problem)) => problem.message,
            Err(ObjectsError::Replaced) => "replaced".to_owned(),
        };
        let methods = self.methods();
        (said, methods.strip_prefix("GET GET ").unwrap_or(&methods).to_owned())
    }
}

/// Releases the one that is held, while these faults strike.
async fn releases(faults: impl IntoIterator<Item = Fault>) -> (String, String) {
    Lab::with_held().await.says(ObjectWrite::Release(&hold()), faults).await
}

/// Requests of this method for the ConfigMap `a`.
fn of_a(method: &str) -> Matcher {
    Matcher::new(method, "/api/v1/namespaces/rodrigo/configmaps/a")
}

fn is(said: &str, methods: &str) -> (String, String) {
    (said.to_owned(), methods.to_owned())
}

#[tokio::test]
async fn what_is_live_is_deleted_and_what_is_being_deleted_is_released() {
    let lab = Lab::holding(&["live"], &["a", "b"], &[HOLD, "example.com/other"]).await;
    lab.sent();
    assert_eq!(lab.says(ObjectWrite::Delete, []).await, is("Done, wrote: 1 done", "GET DELETE"));
    let deleted = lab.api.get(&path("live")).unwrap();
    assert!(deleted["metadata"]["deletionTimestamp"].is_string());
    let finalizers = hold();
    let written = lab.writes_to(ObjectWrite::Release(&finalizers), None, []).await.ok().unwrap();
    assert_eq!(written.result(DryRun::None), (StepResult::Done, "3 done".to_owned()));
    for name in ["a", "b", "live"] {
        let rest = &lab.api.get(&path(name)).unwrap()["metadata"]["finalizers"];
        assert_eq!(rest, &json!(["example.com/other"]), "{name}");
    }
    lab.sent();
    // Nothing concerns it any more: the namespace is not even looked at.
    let nothing = "Skipped, wrote nothing: nothing was left to do (0 were gone or had changed)";
    assert_eq!(lab.says(ObjectWrite::Release(&finalizers), []).await, is(nothing, "GET"));
    assert_eq!(lab.says(ObjectWrite::Delete, []).await, is(nothing, "GET"));
}

#[tokio::test]
async fn how_far_it_is_is_told_and_nothing_where_nothing_is_to_be_done() {
    let lab = Lab::holding(&[], &["a", "b"], &[HOLD]).await;
    lab.writes_to(ObjectWrite::Delete, None, []).await.ok().unwrap();
    assert_eq!(*lab.activities.borrow(), []);
    lab.writes_to(ObjectWrite::Release(&hold()), None, []).await.ok().unwrap();
    let far = |done| Activity::Objects {
        resource: "configmaps".to_owned(),
        verb: ObjectVerb::Released,
        done,
        total: 2,
    };
    assert_eq!(*lab.activities.borrow(), [far(0), far(1), far(2)]);
    lab.activities.borrow_mut().clear();
    let lab = Lab::holding(&["live"], &[], &[]).await;
    lab.writes_to(ObjectWrite::Delete, None, []).await.ok().unwrap();
    let deleted = |activity: &Activity| {
        matches!(activity, Activity::Objects { verb: ObjectVerb::Deleted, total: 1, .. })
    };
    assert!(lab.activities.borrow().iter().all(deleted));
}

#[tokio::test]
async fn only_pods_that_were_named_and_are_being_deleted_are_cut_short() {
    let lab = Lab::holding(&["live"], &["a", "b"], &[HOLD]).await;
    let named = ["live".to_owned(), "a".to_owned()];
    for (write, seconds) in [(ObjectWrite::DeleteNow, 0), (ObjectWrite::DeleteSoon, 30)] {
        lab.sent();
        let written = lab.writes_to(write, Some(&named), []).await.ok().unwrap();
        assert_eq!(written.result(DryRun::None).1, "1 done");
        let sent = lab.sent();
        let deletions: Vec<_> = sent.iter().filter(|(method, ..)| method == "DELETE").collect();
        let [(_, deleted, body)] = deletions.as_slice() else { panic!("{sent:?}") };
        assert_eq!(*deleted, path("a"));
        assert_eq!(body["gracePeriodSeconds"], json!(seconds));
        assert_eq!(body["preconditions"]["uid"], lab.api.get(&path("a")).unwrap()["metadata"]["uid"]);
    }
}

#[tokio::test]
async fn what_has_changed_since_it_was_listed_is_left_as_it_is() {
    let skipped = "Skipped, wrote nothing: nothing was left to do (1 were gone or had changed)";
    let delete = |api: &Api| drop(api.delete(&path("a")));
    let drop_finalizers = |api: &Api| drop(api.patch(&path("a"), &json!({"metadata": {"finalizers": null}})));
    // Somebody has deleted it meanwhile.
    let lab = Lab::holding(&["a"], &[], &[HOLD]).await;
    let deleted = Fault::before(of_a("GET").once(), delete);
    assert_eq!(lab.says(ObjectWrite::Delete, [deleted]).await, is(skipped, "GET"));
    // It is gone.
    let gone = Fault::before(of_a("GET").once(), drop_finalizers);
    assert_eq!(releases([gone]).await, is(skipped, "GET"));
    let gone = Fault::before(of_a("PATCH").once(), drop_finalizers);
    assert_eq!(releases([gone]).await, is(skipped, "GET PATCH"));
    // Its owner has taken this finalizer off.
    let lab = Lab::holding(&[], &["a"], &[HOLD, "example.com/other"]).await;
    let released = Fault::before(of_a("GET").once(), |api| {
        api.patch(&path("a"), &json!({"metadata": {"finalizers": ["example.com/other"]}})).unwrap();
    });
    assert_eq!(lab.says(ObjectWrite::Release(&hold()), [released]).await, is(skipped, "GET"));
    // It is another one, which nobody deletes.
    let uid = |uid: &str| {
        let metadata = json!({"name": "a", "uid": uid, "resourceVersion": "1", "finalizers": [HOLD]});
        Canned::json(200, &json!({"metadata": metadata}))
    };
    assert_eq!(releases([Fault::answer(of_a("GET"), uid("other"))]).await, is(skipped, "GET"));
    let lab = Lab::with_held().await;
    let same = lab.api.get(&path("a")).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    let live = Fault::answer(of_a("GET"), uid(&same));
    assert_eq!(lab.says(ObjectWrite::Release(&hold()), [live]).await, is(skipped, "GET"));
}

#[tokio::test]
async fn a_conflict_or_a_lost_answer_is_read_again() {
    let done = "Done, wrote: 1 done";
    let conflict_once = Fault::answer(of_a("PATCH").once(), conflict());
    assert_eq!(releases([conflict_once]).await, is(done, "GET PATCH GET PATCH"));
    let broken = Fault::truncate(of_a("GET").once());
    assert_eq!(releases([broken]).await, is(done, "GET GET PATCH"));
    // It was carried out, and so the object is gone.
    let lost = Fault::apply_then(of_a("PATCH").once(), timeout());
    assert_eq!(releases([lost]).await, is(done, "GET PATCH GET"));
    let not_applied = Fault::answer(of_a("PATCH").once(), timeout());
    assert_eq!(releases([not_applied]).await, is(done, "GET PATCH GET PATCH"));
    let gave_up =
        "1 failed, the first: configmaps/a: gave up after 5 attempts; the last: the object has been modified";
    let always = Fault::answer(of_a("PATCH"), conflict());
    let attempts = ["GET PATCH"; 5].join(" ");
    assert_eq!(releases([always]).await, is(&format!("Failed, wrote nothing: 0 done, {gave_up}"), &attempts));
}

#[tokio::test]
async fn what_fails_is_named_and_what_may_have_been_written_is_not_called_unwritten() {
    let failed =
        |why: &str| format!("Failed, wrote nothing: 0 done, 1 failed, the first: configmaps/a: {why}");
    for (method, methods) in [("GET", "GET"), ("PATCH", "GET PATCH")] {
        let fault = Fault::answer(of_a(method), internal());
        assert_eq!(releases([fault]).await, is(&failed("no leader"), methods));
        let forbidden =
            r#"configmaps "a" is forbidden: User "u" cannot patch resource "configmaps" in API group """#;
        let fault = Fault::answer(of_a(method), Canned::status(403, "Forbidden", forbidden));
        assert_eq!(releases([fault]).await, is(&failed(forbidden), methods));
    }
    // The namespace is missing; the object need not be.
    for (method, methods) in [("GET", "GET"), ("PATCH", "GET PATCH")] {
        let fault = Fault::answer(of_a(method), not_found());
        assert_eq!(releases([fault]).await, is(&failed("namespaces \"rodrigo\" not found"), methods));
    }
    let lost = |why: &str| {
        let failed =
            "Failed, wrote: 0 done, 1 failed, the first: configmaps/a: the answer was lost, and then:";
        format!("{failed} {why}")
    };
    let forbidden = r#"User "u" cannot get resource "configmaps" in API group """#;
    for (canned, why) in [(internal(), "no leader"), (Canned::status(403, "Forbidden", forbidden), forbidden)]
    {
        let faults =
            [Fault::answer(of_a("PATCH").once(), timeout()), Fault::answer(of_a("GET").skip(1), canned)];
        assert_eq!(releases(faults).await, is(&lost(why), "GET PATCH GET"));
    }
    let (said, methods) = releases([Fault::answer(of_a("PATCH"), timeout())]).await;
    assert!(said.starts_with(&lost("gave up after 5 attempts; the last: Timeout")), "{said}");
    assert_eq!(methods, ["GET PATCH"; 5].join(" "));
}

#[tokio::test]
async fn a_finalizer_that_is_put_back_is_not_released() {
    let lab = Lab::holding(&[], &["a"], &[HOLD, "example.com/other"]).await;
    let unchanged = Fault::answer(of_a("PATCH"), Canned::json(200, &lab.api.get(&path("a")).unwrap()));
    let (said, methods) = lab.says(ObjectWrite::Release(&hold()), [unchanged]).await;
    assert_eq!(methods, "GET PATCH");
    let why = "the server accepted the change and kept finalizer example.com/hold: a mutating webhook or policy puts it back";
    assert_eq!(said, format!("Failed, wrote nothing: 0 done, 1 failed, the first: configmaps/a: {why}"));
}

#[tokio::test]
async fn the_namespace_is_looked_at_between_the_list_and_the_first_write() {
    let read = || Matcher::new("GET", PATH).skip(1);
    let lab = Lab::with_held().await;
    let namespace = lab.namespace();
    let look = |faults: Vec<Fault>| async {
        let (lab, finalizers) = (Lab::with_held().await, hold());
        lab.says(ObjectWrite::Release(&finalizers), faults).await
    };
    let mut other = serde_json::Value::clone(&namespace.json);
    other["metadata"]["uid"] = json!("another");
    for json in [&other] {
        let fault = Fault::answer(read(), Canned::json(200, json));
        assert_eq!(look(vec![fault]).await, is("replaced", "GET GET"));
    }
    assert_eq!(look(vec![Fault::answer(read(), not_found())]).await, is("gone", "GET GET"));
    assert_eq!(look(vec![Fault::answer(read(), internal())]).await, is("failed: no leader", "GET GET"));
    // The same one, which nobody deletes any more.
    let mut active = serde_json::Value::clone(&namespace.json);
    active["metadata"].as_object_mut().unwrap().remove("deletionTimestamp");
    let fault = Fault::answer(read(), Canned::json(200, &active));
    assert_eq!(lab.says(ObjectWrite::Release(&hold()), [fault]).await, is("replaced", "GET GET"));
    let mut lab = Lab::with_held().await;
    lab.settings.limits = Some(BulkLimits {
        older_than: Duration::from_secs(3_600),
        exclude: Vec::new(),
        selector: None,
        max: 1,
        from: LimitsFrom::Flags,
    });
    let young = "namespace/rodrigo is left alone: it is younger than --older-than";
    assert_eq!(lab.says(ObjectWrite::Release(&hold()), []).await, is(young, "GET GET"));
}

#[tokio::test]
async fn a_list_is_begun_anew_only_where_it_broke_off_or_expired() {
    let list = || Matcher::new("GET", CONFIGMAPS).accept("List");
    let expired = || Canned::status(410, "Expired", "too old");
    for (fault, said, lists) in [
        (Fault::truncate(list().times(2)), "1 done", 3),
        (Fault::answer(list().times(2), expired()), "1 done", 3),
        (Fault::truncate(list()), "the answer of the server", 3),
        // Each is asked for without the token once more.
        (Fault::answer(list(), expired()), "too old", 6),
        (Fault::answer(list(), internal()), "no leader", 1),
    ] {
        let lab = Lab::with_held().await;
        let finalizers = hold();
        let written = lab.writes_to(ObjectWrite::Release(&finalizers), None, [fault]).await;
        let told = match written {
            Ok(counts) => counts.result(DryRun::None).1,
            Err(ObjectsError::Failed(error)) => error.detail(),
            Err(_) => String::new(),
        };
        assert!(told.starts_with(said), "{told}");
        assert_eq!(lab.sent().iter().filter(|(_, path, _)| path == CONFIGMAPS).count(), lists, "{said}");
    }
}
