//! What the roles of the overlay grant against what its jobs use, by the API server's audit log, over all scenarios.

use std::collections::BTreeSet;

use nsfix::model::Permission;
use serde_json::json;

use super::capabilities::is_everybodys;
use super::controllers::PREVIEW;
use super::granted_by;
use super::installed::Installed;
use crate::harness::{AGGREGATED, Lab, used_by};
use crate::tests;

tests! { RealJobs: what_the_roles_grant_is_used_or_has_a_reason }

/// What a role grants by name and its job does not use in any scenario, and what it is granted for.
const UNUSED: [(&str, &str, &str, &str); 4] = [
    ("nsfix-report", "watch", "namespaces", "list-stuck -w, by a person with this account"),
    ("nsfix-clean", "watch", "namespaces", "the same"),
    (
        "nsfix-report",
        "get",
        "leases.coordination.k8s.io",
        "explain and orphans, by a person with this account: whether the owner of a finalizer is alive",
    ),
    (
        "nsfix-clean",
        "delete",
        "namespaces",
        "clear NAME of a person to whom nsfix-release is bound: a zombie is deleted again; a policy rearms it",
    ),
];

/// Evidence of an absent owner is looked for where a rule asks for it.
const IF_OWNER_ABSENT: &str = r#"rules:
  - namespaces: {names: ["load-balancer"]}
    leftovers: release
    release: {finalizers: [service.kubernetes.io/load-balancer-cleanup], onlyIfOwnerAbsent: true}
"#;

/// A type that the API server serves.
struct Served {
    permission: Permission,
    is_namespaced: bool,
    verbs: Vec<String>,
}

impl Served {
    fn is_of(&self, permission: &Permission) -> bool {
        self.permission.group == permission.group && self.permission.resource == permission.resource
    }
}

async fn served(lab: &Lab) -> Vec<Served> {
    let mut served = Vec::new();
    for path in ["/api", "/apis"] {
        let headers = [("accept", AGGREGATED)];
        let groups = lab.request(http::Method::GET, path, &headers, Vec::new()).await.expect(200);
        for group in groups["items"].as_array().unwrap() {
            let name = group["metadata"]["name"].as_str().unwrap_or_default();
            for resource in group["versions"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|version| version["resources"].as_array().into_iter().flatten())
            {
                let verbs = resource["verbs"].as_array().into_iter().flatten();
                served.push(Served {
                    permission: Permission::new("list", name, resource["resource"].as_str().unwrap()),
                    is_namespaced: resource["scope"] == "Namespaced",
                    verbs: verbs.map(|verb| verb.as_str().unwrap().to_owned()).collect(),
                });
            }
        }
    }
    served.sort_by(|a, b| a.permission.cmp(&b.permission));
    served.dedup_by(|a, b| a.permission == b.permission);
    served
}

/// Verb and type, of whatever namespace and name.
fn bare(permission: &Permission) -> Permission {
    Permission::new(&permission.verb, &permission.group, &permission.resource)
        .subresource(&permission.subresource)
}

/// Why `list *.*` grants the list of a type that is not used.
fn reason(served: &Served) -> Option<&'static str> {
    if !served.is_namespaced {
        return Some("of the cluster: RBAC has no wildcard for the types of namespaces alone");
    }
    if !served.verbs.iter().any(|verb| verb == "delete") {
        return Some("cannot be deleted, and so holds no namespace");
    }
    None
}

/// Whether a role's wildcard grants this verb on this type and nothing else does.
fn by_wildcard(granted: &[Permission], verb: &str, served: &Served) -> bool {
    let wanted = Permission { verb: verb.to_owned(), ..served.permission.clone() };
    let covers = |each: &&Permission| each.covers(&wanted);
    granted.iter().any(|each| each.resource == "*" && covers(&each)) && !granted.contains(&wanted)
}

/// One run of each job, over these scenarios.
async fn night(installed: &Installed, is_blocking: bool) {
    for scenario in installed.scenarios(is_blocking) {
        installed.lab.play(scenario).await;
    }
    for cronjob in ["nsfix-report", "nsfix-clean"] {
        let job = format!("{cronjob}-{}", if is_blocking { "blocked" } else { "plain" });
        // What fails would fail again.
        installed.create_job_from(cronjob, &job, |spec| spec["backoffLimit"] = json!(0)).await;
        installed.ended(&job).await;
    }
}

async fn what_the_roles_grant_is_used_or_has_a_reason(lab: Lab) {
    let installed = Installed::new(lab, &PREVIEW.replacen("rules:\n", IF_OWNER_ABSENT, 1)).await;
    night(&installed, false).await;
    // Those that block the whole cluster come last.
    night(&installed, true).await;
    let log = installed.lab.audit_log();
    let served = served(&installed.lab).await;
    let mut unused = BTreeSet::new();
    for (account, roles) in [
        ("nsfix-report", &["nsfix-report"][..]),
        ("nsfix-clean", &["nsfix-report", "nsfix-clear", "nsfix-events", "nsfix-release"]),
    ] {
        let granted: Vec<Permission> = roles.iter().flat_map(|role| granted_by(role)).collect();
        let used = used_by(&format!("system:serviceaccount:nsfix:{account}"), &log);
        for used in &used {
            let is_granted = granted.iter().any(|permission| permission.covers(&used.permission));
            let is_granted = is_granted || is_everybodys(&used.permission, &used.uri);
            assert!(used.allowed && is_granted, "{account}: {used:?}");
        }
        let used: BTreeSet<Permission> = used.iter().map(|used| bare(&used.permission)).collect();
        let is_served = |each: &Permission| {
            !each.subresource.is_empty() || served.iter().any(|served| served.is_of(each))
        };
        for permission in granted.iter().filter(|each| each.resource != "*" && is_served(each)) {
            if !used.contains(permission) {
                unused.insert((account, permission.verb.clone(), permission.target()));
            }
        }
        for verb in ["list", "get", "patch", "delete"] {
            let able = |served: &&Served| served.verbs.iter().any(|each| each == verb);
            let able = served.iter().filter(able).filter(|served| by_wildcard(&granted, verb, served));
            let is_used = |served: &&Served| {
                used.contains(&Permission { verb: verb.to_owned(), ..served.permission.clone() })
            };
            let (of_use, not): (Vec<&Served>, Vec<&Served>) = able.partition(is_used);
            println!("{account}: {verb} of every type: {} used, {} not", of_use.len(), not.len());
            // What holds a namespace may be of any type; what is looked for has to be looked for everywhere.
            let unexplained = not.iter().filter(|served| verb == "list" && reason(served).is_none());
            let unexplained: Vec<String> = unexplained.map(|served| served.permission.to_string()).collect();
            assert_eq!(unexplained, [""; 0], "{account}");
        }
        let by_name = granted.iter().filter(|each| each.resource != "*");
        let (of_use, not): (Vec<&Permission>, Vec<&Permission>) =
            by_name.partition(|each| used.contains(each));
        println!("{account}: {} granted by name and used, {} not", of_use.len(), not.len());
    }
    let explained = UNUSED.map(|(account, verb, target, _)| (account, verb.to_owned(), target.to_owned()));
    assert_eq!(unused, BTreeSet::from(explained));
}
