//! `nsfix explain`.

mod aggregated;
mod finalizers;
mod in_the_way;
mod inside;
mod looking;
mod output;
mod reports;
mod staged;
mod tenants;

use nsfix::sandbox::{Options, scenarios};
use serde_json::{Value, json};

use crate::harness::{Answer, Lab, Test};

pub fn tests() -> Vec<Test> {
    [
        aggregated::tests(),
        older(in_the_way::tests()),
        older(inside::tests()),
        older(finalizers::tests()),
        looking::tests(),
        output::tests(),
        reports::tests(),
        staged::tests(),
        tenants::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Causes are found on an old server, too.
fn older(tests: Vec<Test>) -> Vec<Test> {
    tests.into_iter().map(|test| test.also_on(&[20])).collect()
}

/// A scenario that has come about: long ago in a sandbox, just now on a control plane.
async fn stage(lab: Lab, name: &str) -> Lab {
    if lab.sandbox.is_none() {
        lab.play(name).await;
        return lab;
    }
    let scenario = scenarios::find(name).unwrap();
    let release = lab.release().expect("a release that the sandbox plays");
    Lab::sandbox(Options { release, ..Options::with(scenario) }).await
}

/// One item of a `DiagnosisList`.
#[derive(Debug)]
struct Told {
    item: Value,
    /// Whether time could be turned back, so that the namespace is old.
    old: bool,
}

/// Explains one namespace, and sees to it that nothing was written.
async fn explain(lab: &Lab, name: &str) -> Told {
    explain_with(lab, name, &[]).await
}

async fn explain_with(lab: &Lab, name: &str, more: &[&str]) -> Told {
    if let Some(sandbox) = &lab.sandbox {
        sandbox.forget_requests();
    }
    let arguments = [&["explain", name, "-o", "json"], more].concat();
    let ran = lab.nsfix(&arguments).run().await.expect(0);
    if lab.sandbox.is_some() {
        assert_eq!(lab.writes(), [""; 0], "explain wrote");
    }
    let document = ran.json();
    assert_eq!((&document["apiVersion"], &document["kind"]), (&json!("nsfix/v1"), &json!("DiagnosisList")));
    let [item] = document["items"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!(item["namespace"]["name"], name);
    let old = lab.sandbox.is_some() && item["namespace"]["ageSeconds"].as_u64().unwrap() > 3600;
    Told { item: item.clone(), old }
}

/// The dry runs of nsfix.
fn dry_runs(lab: &Lab) -> Vec<String> {
    lab.requests_of_nsfix().into_iter().filter(|request| request.contains("dryRun=All")).collect()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

impl Told {
    /// The state, and the kinds of the causes in their order. What is only young says so besides.
    #[track_caller]
    fn is_stuck_by(&self, kinds: &[&str]) -> &Self {
        let young: &[&str] = if self.old { &[] } else { &["Progressing"] };
        assert_eq!(
            self.item["namespace"]["state"],
            if self.old { "Stuck" } else { "Progressing" },
            "{self:#?}"
        );
        self.has_causes(&[kinds, young].concat())
    }

    #[track_caller]
    fn has_causes(&self, kinds: &[&str]) -> &Self {
        let causes = self.item["causes"].as_array().unwrap();
        let told: Vec<&str> = causes.iter().map(|cause| cause["kind"].as_str().unwrap()).collect();
        assert_eq!(told, kinds, "{self:#?}");
        assert_eq!(strings(&self.item["namespace"]["causes"]), kinds);
        for cause in causes {
            assert!(!cause["remedy"].as_str().unwrap().is_empty(), "{cause}");
        }
        self
    }

    #[track_caller]
    fn cause(&self, kind: &str) -> &Value {
        let mut causes = self.item["causes"].as_array().unwrap().iter();
        causes.find(|cause| cause["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {self:#?}"))
    }

    /// A piece of evidence of the first cause of this kind that begins so.
    #[track_caller]
    fn evidence(&self, kind: &str, begins: &str) -> &str {
        let evidence = strings(&self.cause(kind)["evidence"]);
        let found = evidence.iter().find(|each| each.starts_with(begins));
        found.unwrap_or_else(|| panic!("nothing begins {begins:?} in {evidence:#?}"))
    }

    #[track_caller]
    fn looked_everywhere(&self) -> &Self {
        assert!(self.item["coverage"]["looked"].as_u64().unwrap() > 25, "{self:#?}");
        assert_eq!(self.item["coverage"]["couldNotLook"], json!([]), "{self:#?}");
        self
    }

    fn steps(&self) -> Vec<&str> {
        let steps = self.item["plan"].as_array().unwrap();
        steps.iter().map(|step| step["step"].as_str().unwrap()).collect()
    }

    #[track_caller]
    fn leftover(&self, resource: &str, name: &str) -> &Value {
        let mut leftovers = self.item["leftovers"].as_array().unwrap().iter();
        let found = leftovers.find(|leftover| leftover["resource"] == resource && leftover["name"] == name);
        found.unwrap_or_else(|| panic!("no {resource} {name} in {self:#?}"))
    }
}

/// Waits until an APIService is known to be dead, in both of the places that say so.
async fn wait_for_dead_api(lab: &Lab, group: &str) {
    let judged = |answer: &Answer| {
        let conditions = answer.json()["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|each| each["type"] == "Available" && each["status"] == "False")
    };
    lab.wait_for(&format!("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.{group}"), judged).await;
    lab.wait_for(&format!("/apis/{group}/v1beta1"), |answer| answer.status == 503).await;
}
