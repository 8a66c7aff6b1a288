use std::time::Duration;

use serde_json::json;

use super::*;

const PREVIEW: &str = r#"
apiVersion: nsfix/v1
kind: ClearPolicy
olderThan: 1h
max: 3
exclude: ["prod-*"]
rules:
  - namespaces: {names: ["pr-*"], selector: "env=preview,!keep"}
    leftovers: release
    release:
      finalizers: [example.com/hold]
      onlyIfOwnerAbsent: true
    metadataFinalizers: [controller.cattle.io/namespace-auth]
    acceptUnavailableApis: [metrics.example.com]
    acceptUnlistedTypes: [secrets]
    zombies: rearm
  - namespaces: {names: ["*"]}
    leftovers: refuse
"#;

fn namespace(name: &str, labels: &serde_json::Value) -> Namespace {
    let metadata = json!({"name": name, "uid": "u", "resourceVersion": "1", "labels": labels});
    Namespace::from_json(json!({"metadata": metadata, "spec": {}})).unwrap()
}

fn mistake(from: &str, to: &str) -> String {
    assert!(PREVIEW.contains(from), "{from}");
    ClearPolicy::parse(&PREVIEW.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = ClearPolicy::parse(PREVIEW).unwrap();
    let decided = |name: &str, labels| policy.decide(&namespace(name, &labels)).to_string();
    assert_eq!(decided("pr-1", json!({"env": "preview"})), "rules[0] (line 8)");
    assert_eq!(decided("pr-1", json!({"env": "preview", "keep": ""})), "rules[1] (line 17)");
    assert_eq!(decided("pr-1", json!({})), "rules[1] (line 17)");
    assert_eq!(decided("web", json!({"env": "preview"})), "rules[1] (line 17)");
}

#[test]
fn a_rule_allows_what_it_says_and_nothing_else() {
    let policy = ClearPolicy::parse(PREVIEW).unwrap();
    let preview = policy.decide(&namespace("pr-1", &json!({"env": "preview"}))).policy(Duration::ZERO);
    assert_eq!(preview.leftovers, Leftovers::Release);
    assert_eq!(preview.release_finalizers, ["example.com/hold"]);
    assert!(!preview.allow_protected && preview.finalizers.is_empty());
    let rule = preview.rule.unwrap();
    assert!(rule.only_if_owner_absent && rule.zombies == ZombieConsent::Rearm);
    assert_eq!(rule.metadata_finalizers, ["controller.cattle.io/namespace-auth"]);
    let rest = policy.decide(&namespace("web", &json!({}))).policy(Duration::ZERO);
    let place = "rules[1] (line 17)".to_owned();
    assert_eq!(rest.leftovers, Leftovers::Refuse);
    assert_eq!(rest.rule, Some(RuleConsent { place, ..RuleConsent::default() }));
}

#[test]
fn what_no_rule_matches_is_refused() {
    let only_pr = PREVIEW.replace("names: [\"*\"]", "names: [\"none\"]");
    let policy = ClearPolicy::parse(&only_pr).unwrap();
    let web = namespace("web", &json!({}));
    let decision = policy.decide(&web);
    assert_eq!((decision.index(), decision.to_string().as_str()), (None, "no rule"));
    assert_eq!(decision.policy(Duration::ZERO).leftovers, Leftovers::Refuse);
}

#[test]
fn a_mistake_is_told_with_its_line() {
    let mut wrong = Vec::new();
    for (from, to, said) in [
        ("nsfix/v1", "nsfix/v2", "line 2: unknown variant `nsfix/v2`, expected one of nsfix/v1"),
        ("olderThan: 1h", "olderThan: soon", "line 4: olderThan \"soon\": use a number with a unit"),
        ("olderThan: 1h\n", "", "missing field `olderThan`"),
        ("max: 3", "max: -1", "line 5: "),
        ("prod-*", "Prod", "line 6: \"Prod\": use the characters of a namespace's name"),
        (
            "leftovers: release",
            "leftovers: orphan",
            "line 9: unknown variant `orphan`, expected one of refuse, release",
        ),
        ("finalizers: [", "finaliser: [", "line 11: unknown field `finaliser`"),
        (
            "example.com/hold",
            "\"example.com/*\"",
            "line 11: \"example.com/*\": a finalizer has to be written out in full",
        ),
        (
            "env=preview,",
            "env=preview,,",
            "line 8: \"env=preview,,!keep\": a label selector must not be empty",
        ),
        ("[metrics.example.com]", "[\"*\"]", "line 14: \"*\": an API group has to be written out in full"),
        ("zombies: rearm", "zombies: delete", "line 16: unknown variant `delete`"),
        ("{names: [\"*\"]}", "{}", "line 17: namespaces names none"),
    ] {
        let error = mistake(from, to);
        if !error.contains(said) {
            wrong.push(format!("{to}: {error}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let error = mistake("leftovers: release", "leftovers: refuse");
    assert!(error.starts_with("line 11: release has no effect with leftovers: refuse"), "{error}");
    let error = ClearPolicy::parse("apiVersion: nsfix/v1\nkind: ClearPolicy\nolderThan: 1h\nrules: []\n")
        .unwrap_err();
    assert!(error.to_string().contains("rules is empty"), "{error}");
}

#[test]
fn selectors_are_read_as_kubectl_reads_them() {
    let labels = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let here = labels(&[("env", "preview"), ("example.com/team", "blue")]);
    for (selector, holds) in [
        ("env=preview", true),
        ("env==preview", true),
        ("env!=preview", false),
        ("env in (preview, staging)", true),
        ("env notin (preview)", false),
        ("example.com/team", true),
        ("!example.com/team", false),
        ("env=preview,example.com/team in (red,blue),!keep", true),
    ] {
        assert_eq!(selector.parse::<LabelSelector>().unwrap().matches(&here), holds, "{selector}");
    }
    for selector in
        ["", "a b", "env in preview", "env=(a)", "-env=a", "a,,b", "env in (a b)", "/a", "A/a", "a b/a"]
    {
        assert!(selector.parse::<LabelSelector>().is_err(), "{selector}");
    }
}

#[test]
fn a_file_that_says_no_maximum_has_the_documented_one() {
    assert_eq!(ClearPolicy::parse(PREVIEW).unwrap().limits(None).max, 3);
    assert_eq!(ClearPolicy::parse(&PREVIEW.replace("max: 3\n", "")).unwrap().limits(None).max, 5);
}

#[test]
fn owners_are_asked_for_only_where_a_rule_wants_to_know() {
    let asks = |text: &str| ClearPolicy::parse(text).unwrap().asks_for_owners();
    assert!(asks(PREVIEW));
    assert!(!asks(&PREVIEW.replace("onlyIfOwnerAbsent: true", "onlyIfOwnerAbsent: false")));
}

#[test]
fn a_namespace_that_another_rule_decides_about_by_now_is_left_alone() {
    let file = Arc::new(ClearPolicy::parse(PREVIEW).unwrap());
    let index_of = |name: &str, labels| file.decide(&namespace(name, &labels)).index();
    assert_eq!(index_of("pr-1", json!({"env": "preview"})), Some(0));
    assert_eq!(index_of("web", json!({})), Some(1));
    let decided = Decided { file: Arc::clone(&file), index: Some(0) };
    assert_eq!(decided.changed(&namespace("pr-1", &json!({"env": "preview"}))), None);
    assert_eq!(
        decided.changed(&namespace("pr-1", &json!({}))).unwrap(),
        "namespace/pr-1 is left alone: rules[1] (line 17) of the policy decides about it by now"
    );
}

#[test]
fn a_selector_is_sent_to_the_server_as_it_was_written() {
    for selector in
        ["env=preview", "env!=preview", "env in (a,b)", "env notin (a)", "team", "!team", "a=b,!c"]
    {
        assert_eq!(selector.parse::<LabelSelector>().unwrap().to_string(), selector);
    }
}
