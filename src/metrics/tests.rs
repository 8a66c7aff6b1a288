use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::*;
use crate::cli::Cli;
use crate::diagnose::Cause;
use crate::model::{Inventory, Namespace};
use clap::Parser;

/// The run that docs/metrics.md shows.
pub(super) fn cleared() -> Measurements {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let mut stuck = Stuck::default();
    stuck.add(Some(CauseKind::HeldObjects), hours(73));
    stuck.add(Some(CauseKind::HeldObjects), hours(5));
    stuck.add(Some(CauseKind::LiveObjects), hours(30));
    Measurements {
        stuck: Some(stuck),
        outcomes: Some([[Outcome::Cleared; 2].as_slice(), &[Outcome::Refused; 3]].concat()),
        orphans_left: Some(0),
        duration: Duration::from_millis(12_500),
        finished: "2026-03-01T03:00:12Z".parse().unwrap(),
        succeeded: true,
        cluster: None,
    }
}

/// A run that could not reach the cluster.
pub(super) fn failed() -> Measurements {
    Measurements {
        stuck: None,
        outcomes: None,
        orphans_left: None,
        duration: Duration::from_secs(30),
        finished: "2026-03-02T03:00:30Z".parse().unwrap(),
        succeeded: false,
        cluster: None,
    }
}

/// The names of the metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.split(['{', ' ']).next().unwrap()).collect()
}

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

#[test]
fn the_page_shows_what_a_run_prints() {
    let page = page("metrics.md");
    let (_, example) = page.split_once("```text\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    assert_eq!(example, cleared().encode(None).unwrap());
}

#[test]
fn the_page_explains_every_metric() {
    let (page, text) = (page("metrics.md"), cleared().encode(None).unwrap());
    for name in names(&text) {
        let explained = |line: &str| {
            line.starts_with(&format!("| `{name}`")) || line.starts_with(&format!("| `{name}{{"))
        };
        assert!(page.lines().any(explained), "{name}");
    }
}

#[test]
fn every_cause_and_every_outcome_is_there_although_nothing_happened() {
    let nothing = Measurements { stuck: Some(Stuck::default()), outcomes: Some(Vec::new()), ..cleared() };
    let text = nothing.encode(None).unwrap();
    for kind in CauseKind::VARIANTS {
        assert!(
            text.contains(&format!("\nnsfix_stuck_namespaces{{cause=\"{kind}\"}} 0\n")),
            "{kind}: {text}"
        );
    }
    for outcome in Outcome::VARIANTS {
        assert!(
            text.contains(&format!("\nnsfix_namespaces{{outcome=\"{outcome}\"}} 0\n")),
            "{outcome}: {text}"
        );
    }
    assert!(text.contains("\nnsfix_oldest_stuck_seconds 0\n"), "{text}");
}

#[test]
fn a_namespace_counts_once_by_its_most_fundamental_cause() {
    let json = serde_json::json!({
        "metadata": {"name": "rodrigo", "uid": "u", "resourceVersion": "1", "deletionTimestamp": "2026-01-01T00:00:00Z"},
    });
    let cause = |kind| Cause {
        kind,
        subject: String::new(),
        detail: String::new(),
        evidence: Vec::new(),
        remedy: String::new(),
        command: None,
    };
    let diagnosis = Diagnosis {
        now: "2026-01-02T00:00:00Z".parse().unwrap(),
        namespace: Namespace::from_json(json).unwrap(),
        state: None,
        causes: vec![cause(CauseKind::UnavailableApi), cause(CauseKind::HeldObjects)],
        inventory: Inventory::default(),
        held: Vec::new(),
        pods_on_lost_node: Vec::new(),
        pods_with_long_grace: Vec::new(),
        tried: Vec::new(),
        dry_runs: Vec::new(),
    };
    let text = Measurements { stuck: Some(Stuck::of([&diagnosis])), ..cleared() }.encode(None).unwrap();
    for line in [
        "stuck_namespaces{cause=\"UnavailableApi\"} 1",
        "stuck_namespaces{cause=\"HeldObjects\"} 0",
        "oldest_stuck_seconds 86400",
    ] {
        assert!(text.contains(&format!("\nnsfix_{line}\n")), "{line}: {text}");
    }
}

#[test]
fn a_namespace_without_a_cause_is_counted_as_well() {
    let mut stuck = Stuck::default();
    stuck.add(None, Duration::from_secs(60));
    let text = Measurements { stuck: Some(stuck), ..cleared() }.encode(None).unwrap();
    assert!(text.contains("\nnsfix_stuck_namespaces{cause=\"Unknown\"} 1\n"), "{text}");
    assert!(text.contains("\nnsfix_oldest_stuck_seconds 60\n"), "{text}");
}

#[test]
fn what_was_not_looked_at_is_absent_and_not_zero() {
    let text = failed().encode(None).unwrap();
    assert_eq!(
        names(&text),
        BTreeSet::from(["nsfix_last_run_timestamp_seconds", "nsfix_run_duration_seconds"])
    );
}

#[test]
fn a_success_is_its_own_last_success() {
    let earlier: Timestamp = "2026-02-28T03:00:00Z".parse().unwrap();
    let line = |at: Timestamp| format!("\nnsfix_last_success_timestamp_seconds {}\n", at.as_second());
    assert!(cleared().encode(Some(earlier)).unwrap().contains(&line(cleared().finished)));
    assert!(failed().encode(Some(earlier)).unwrap().contains(&line(earlier)));
}

/// Prometheus' rule file, as far as docs/deploy/alerts.yaml uses it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(rename = "for", default)]
    _for: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn rules() -> Vec<Rule> {
    let rules: Rules = serde_saphyr::from_str(&page("deploy/alerts.yaml")).unwrap();
    assert!(rules.groups.iter().all(|group| !group.name.is_empty()));
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

#[test]
fn alerts_ask_for_metrics_and_labels_that_exist() {
    let text = cleared().encode(None).unwrap();
    let known = names(&text);
    let mut asked = BTreeSet::new();
    for Rule { alert, expr, .. } in rules() {
        for word in expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("nsfix") {
                assert!(known.contains(word), "{alert}: {word}");
                asked.insert(word.to_owned());
            }
        }
        // Every other piece stands between quotes.
        for value in expr.split('"').skip(1).step_by(2).flat_map(|values| values.split('|')) {
            assert!(text.contains(&format!("=\"{value}\"}}")), "{alert}: {value}");
        }
    }
    let silent: Vec<_> = known.iter().filter(|name| !asked.contains(**name)).collect();
    // Each of the others matters to somebody on call.
    assert_eq!(silent, [&"nsfix_left_alone_namespaces", &"nsfix_run_duration_seconds"]);
}

#[test]
fn every_alert_says_what_is_wrong_and_which_command_to_run() {
    let page = page("metrics.md");
    for Rule { alert, labels, annotations, .. } in rules() {
        assert!(alert.starts_with("Nsfix"), "{alert}");
        assert!(page.contains(&format!("| `{alert}`")), "{alert} is not in docs/metrics.md");
        assert!(["critical", "warning"].contains(&labels["severity"].as_str()), "{alert}: {labels:?}");
        for field in ["summary", "description", "runbook"] {
            assert!(!annotations[field].is_empty(), "{alert}: {field}");
        }
        // Between backquotes.
        let commands: Vec<&str> = annotations["runbook"].split('`').skip(1).step_by(2).collect();
        assert!(!commands.is_empty(), "{alert} names no command");
        for command in commands {
            let line = command.replace("NAME", "rodrigo");
            assert!(Cli::try_parse_from(line.split_whitespace()).is_ok(), "{alert}: {command}");
        }
    }
}

#[test]
fn the_name_of_the_cluster_is_a_label_of_every_metric() {
    let text = Measurements { cluster: Some("prod-eu".to_owned()), ..cleared() }.encode(None).unwrap();
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(samples.iter().all(|line| line.contains("cluster=\"prod-eu\"")), "{text}");
    assert!(!cleared().encode(None).unwrap().contains("cluster="));
}
