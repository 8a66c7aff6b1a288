//! `nsfix check`: what it says before a deletion, and what then comes about.

mod healthy;
mod looking;
mod pasted;
mod scenarios;
mod served;

use serde_json::{Value, json};

use crate::harness::{Lab, Test};

pub fn tests() -> Vec<Test> {
    let older = |tests: Vec<Test>| tests.into_iter().map(|test| test.also_on(&[20])).collect();
    [older(scenarios::tests()), older(served::tests()), healthy::tests(), looking::tests(), pasted::tests()]
        .into_iter()
        .flatten()
        .collect()
}

/// One item of a `PredictionList`.
#[derive(Debug)]
struct Predicted {
    item: Value,
    code: Option<i32>,
}

async fn check(lab: &Lab, name: &str) -> Predicted {
    let ran = lab.nsfix(&["check", name, "-o", "json"]).run().await;
    assert!(matches!(ran.code, Some(0 | 1 | 3)), "{ran:?}");
    let document = ran.json();
    assert_eq!((&document["apiVersion"], &document["kind"]), (&json!("nsfix/v1"), &json!("PredictionList")));
    let [item] = document["items"].as_array().unwrap().as_slice() else {
        panic!("{document} {}", ran.stderr)
    };
    assert_eq!(item["namespace"]["name"], name);
    Predicted { item: item.clone(), code: ran.code }
}

impl Predicted {
    /// Kind and subject of each cause of a section.
    fn causes(&self, section: &str) -> Vec<(String, String)> {
        causes_of(&self.item[section])
    }

    /// The kinds of a section.
    fn kinds(&self, section: &str) -> Vec<String> {
        self.causes(section).into_iter().map(|(kind, _)| kind).collect()
    }

    #[track_caller]
    fn expects_nothing(&self) {
        assert_eq!((self.code, &self.item["expectation"]), (Some(0), &json!("NothingExpected")), "{self:#?}");
    }

    #[track_caller]
    fn expects(&self, section: &str, kinds: &[&str]) -> &Self {
        assert_eq!((self.code, &self.item["expectation"]), (Some(3), &json!("TroubleExpected")), "{self:#?}");
        assert_eq!(self.kinds(section), kinds, "{self:#?}");
        self
    }
}

fn causes_of(list: &Value) -> Vec<(String, String)> {
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|cause| (text(cause, "kind"), text(cause, "subject"))).collect()
}
