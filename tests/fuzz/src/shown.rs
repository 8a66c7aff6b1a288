//! Text of a server on its way to a terminal, a shell and a page of HTML: in conditions, names, finalizers, answers.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use nsfix::diagnose::{Diagnosis, diagnose};
use nsfix::model::{
    ClusterExtensions, DryRunOutcome, DryRunResult, Facts, Gap, Inventory, Invocation, Namespace,
    ShellCommand, UNBREAKABLE, Unreadable, is_harmful,
};
use nsfix::output::{html, sanitise};
use nsfix::plan::{Policy, plan};
use serde_json::json;

/// Never written by nsfix itself.
const TAG: &str = "<zq";

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    assert!(!sanitise(&text).chars().any(is_harmful), "{text:?}");
    in_a_shell(&text);
    let parts: Vec<&str> = text.splitn(5, '\u{0}').collect();
    let part = |index: usize| format!("{TAG}{}", parts.get(index).copied().unwrap_or_default());
    let diagnosis = diagnosed(part);
    for (_, message) in [("condition", part(0)), ("dry run", part(1)), ("gap", part(2))] {
        // Rule 15: what a server says of a failure stands in a cause, or in the coverage.
        let quoted =
            diagnosis.causes.iter().flat_map(|cause| &cause.evidence).any(|line| line.contains(&message));
        let covered = diagnosis.inventory.coverage.gaps.iter().any(|gap| gap.detail.contains(&message));
        assert!(quoted || covered, "{message:?} is dropped: {:?}", diagnosis.causes);
    }
    let _ = plan(&diagnosis, &Policy::default()).map_err(|refusal| refusal.to_string());
    let page = html::page(&[html::Entry::of(&diagnosis, &part(4))], None, &[], diagnosis.now);
    assert!(!page.contains(TAG), "{page}");
});

/// A printed line is read by a shell as the words that it was made of.
fn in_a_shell(text: &str) {
    // No argument of a process holds a NUL.
    let words: Vec<String> = text.split('\u{0}').map(str::to_owned).collect();
    let line = ShellCommand::other(words.clone()).render(&Invocation::default());
    // What nsfix would take for its own is written as $'…', which shlex does not know.
    let escaped = |character| is_harmful(character) && character != '\u{0}' || character == UNBREAKABLE;
    if !text.chars().any(escaped) {
        assert_eq!(shlex::split(&line), Some(words), "{line}");
    }
}

fn diagnosed(part: impl Fn(usize) -> String) -> Diagnosis {
    let namespace = json!({
        "metadata": {
            "name": "rodrigo", "uid": "u", "resourceVersion": "1", "deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": [part(3)], "labels": {"a": part(3)},
        },
        "spec": {"finalizers": ["kubernetes", part(4)]},
        "status": {"conditions": [
            {"type": "NamespaceDeletionContentFailure", "status": "True", "message": part(0)},
        ]},
    });
    let mut inventory = Inventory::default();
    inventory.coverage.gaps.push(Gap {
        group: "example.com".to_owned(),
        version: "v1".to_owned(),
        resource: Some("widgets".to_owned()),
        why: Unreadable::Failed,
        detail: part(2),
    });
    let dry_run = DryRunResult {
        request: "PATCH widgets.example.com/w".to_owned(),
        operation: "UPDATE".to_owned(),
        resource: "widgets.example.com".to_owned(),
        outcome: DryRunOutcome::Refused(part(1)),
        warnings: Vec::new(),
    };
    diagnose(Facts {
        now: "2026-01-02T00:00:00Z".parse().unwrap(),
        namespace: Namespace::from_json(namespace).unwrap(),
        inventory,
        extensions: Arc::new(ClusterExtensions::default()),
        pods: Vec::new(),
        all_pods_known: true,
        dry_runs: vec![dry_run],
        failing_conditions: Vec::new(),
    })
}
