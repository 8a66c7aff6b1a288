//! Whatever stands in a policy file. One that is accepted decides about any namespace, and never more than it says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nsfix::model::Namespace;
use nsfix::plan::policy_file::ClearPolicy;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let policy = match ClearPolicy::parse(text) {
        Ok(policy) => policy,
        Err(why) => {
            assert!(!why.to_string().is_empty());
            return;
        }
    };
    for name in ["rodrigo", "pr-1", "kube-system", "0"] {
        let namespace = json!({
            "metadata": {
                "name": name, "uid": "u", "resourceVersion": "1", "deletionTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"team": "payments"},
            },
            "spec": {"finalizers": ["kubernetes"]},
        });
        let namespace = Namespace::from_json(namespace).unwrap();
        let decision = policy.decide(&namespace);
        let of_it = decision.policy(std::time::Duration::ZERO);
        // No rule abandons what is live: that is for a person to say.
        assert_ne!(of_it.leftovers, nsfix::plan::Leftovers::Orphan, "{text}");
        assert!(decision.index().is_none_or(|index| index < policy.rules.len()));
    }
    let _ = (policy.limits(None), policy.asks_for_owners());
});
