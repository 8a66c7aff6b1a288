//! nsfix as a service account with exactly the roles of docs/deploy: what is allowed works, what one rule fewer
//! takes away is noticed, and nothing else is ever asked for.

use nsfix::model::Permission;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{granted_for, granted_up_to};
use crate::harness::fixtures::{create, finalize, hold, path};
use crate::harness::{Account, Lab, ORDERED_DELETION, Ran};
use crate::tests;

tests! {
    RealAlone:
    a_report_reads_what_its_role_says;
    Real:
    clearing_takes_one_verb_more,
    releasing_takes_what_its_role_says,
    purging_takes_what_its_role_says
}

/// Discovery, which `system:discovery` allows every account, and the access reviews of `system:basic-user`.
pub(super) fn is_everybodys(permission: &Permission, uri: &str) -> bool {
    let discovery = permission.resource.is_empty() && permission.verb == "get";
    let discovery = discovery
        && (uri.starts_with("/api/") || uri.starts_with("/apis/") || uri == "/api" || uri == "/apis");
    discovery || (permission.verb == "create" && permission.resource == "selfsubjectaccessreviews")
}

/// Nothing was asked for that is not granted, and everything that this capability is granted was of use.
pub(super) async fn used_is_granted(lab: &Lab, account: &Account, capability: &str) {
    let granted = granted_up_to(capability);
    let used = account.used(lab).await;
    for used in &used {
        let covered = granted.iter().any(|permission| permission.covers(&used.permission));
        let everybodys = is_everybodys(&used.permission, &used.uri);
        assert!(used.allowed && (covered || everybodys), "{capability}: {used:?}");
    }
    for permission in granted_for(capability) {
        if !is_served(lab, &permission).await {
            continue;
        }
        let of_use = used.iter().any(|used| permission.covers(&used.permission));
        assert!(of_use, "{capability} is granted {permission}, and did not use it");
    }
}

/// What an older API server does not have is of no use there.
async fn is_served(lab: &Lab, permission: &Permission) -> bool {
    if !permission.resource.contains("admissionpolic") {
        return true;
    }
    lab.get(&format!("/apis/admissionregistration.k8s.io/v1/{}", permission.resource)).await.status == 200
}

/// The role without this permission, and without the wildcards that include it; and the same with it again.
fn without(permission: &Permission, granted: &[Permission]) -> (Vec<Permission>, Vec<Permission>) {
    let without: Vec<Permission> = granted.iter().filter(|each| !each.covers(permission)).cloned().collect();
    let with = without.iter().cloned().chain([permission.clone()]).collect();
    (without, with)
}

/// Whoever runs it gets to see that this is not allowed.
fn misses(ran: &Ran, verb: &str, resource: &str) -> bool {
    let said = format!("{}{}", ran.stdout, ran.stderr);
    let in_a_list = |line: &str| {
        line.contains("could not look at") && line.split([' ', ',']).any(|word| word == resource)
    };
    (verb == "list" && said.lines().any(in_a_list))
        || said.contains(&format!("cannot {verb} resource \"{resource}\""))
        || said.contains(&format!("not allowed to {verb} {resource}"))
        || said.contains(&format!("nor to {verb} {resource}"))
}

/// Runs it with the permission, and without: only then it is missed.
async fn is_missed(
    lab: &Lab,
    account: &Account,
    granted: &[Permission],
    permission: &Permission,
    run: &[&str],
) {
    let resource = match permission.resource.as_str() {
        // What is live in the scenarios, and what is held.
        "*" if permission.verb == "delete" => "secrets".to_owned(),
        "*" => "configmaps".to_owned(),
        _ if permission.subresource.is_empty() => permission.resource.clone(),
        _ => format!("{}/{}", permission.resource, permission.subresource),
    };
    let (without, with) = without(permission, granted);
    account.allow(lab, &with).await;
    let ran = account.nsfix(lab, run).run().await;
    assert!(!misses(&ran, &permission.verb, &resource), "{permission} is granted: {ran:?}");
    account.allow(lab, &without).await;
    let ran = account.nsfix(lab, run).run().await;
    assert!(misses(&ran, &permission.verb, &resource), "{permission} is not granted: {ran:?}");
}

/// Watches until the server has let it; what is allowed does not end by itself.
async fn watches(account: &Account, lab: &Lab) {
    let child = account.nsfix(lab, &["list-stuck", "-w", "-v"]).start();
    let pid = child.id().unwrap().to_string();
    let mut child = child;
    let stderr = child.stderr.take().unwrap();
    let mut lines = BufReader::new(stderr).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("it goes on");
        assert!(!line.contains("403"), "{line}");
        if line.contains("watch=true") && line.contains("200") {
            break;
        }
    }
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    child.wait().await.unwrap();
}

async fn a_report_reads_what_its_role_says(lab: Lab) {
    // Those that block the whole cluster come last, so that the controller reports on the others soon.
    let scenarios = [
        "configmap-finalizer",
        "dead-delete-webhook",
        "load-balancer",
        "lost-node",
        "held-backup",
        "dead-conversion-webhook",
        "dead-apiservice",
    ];
    for scenario in scenarios {
        lab.play(scenario).await;
    }
    let account = Account::create(&lab, "report").await;
    let granted = granted_up_to("report");
    account.allow(&lab, &granted).await;
    let listed = account.nsfix(&lab, &["list-stuck", "-o", "wide"]).run().await.expect(0);
    assert!(scenarios.iter().all(|name| listed.stdout.contains(name)), "{listed:?}");
    account.nsfix(&lab, &[&["explain"], &scenarios[..]].concat()).run().await.expect(0);
    account.nsfix(&lab, &["orphans"]).run().await.expect(0);
    account.nsfix(&lab, &["access", "report"]).run().await.expect(0);
    watches(&account, &lab).await;
    used_is_granted(&lab, &account, "report").await;

    for permission in &granted {
        if !is_served(&lab, permission).await {
            continue;
        }
        let explain = |name| vec!["explain", name];
        if permission.verb == "watch" {
            account.allow(&lab, &without(permission, &granted).0).await;
            let ran = account.nsfix(&lab, &["list-stuck", "-w"]).run().await.expect(1);
            assert!(misses(&ran, "watch", "namespaces") && ran.stderr.contains("(Forbidden)"), "{ran:?}");
            continue;
        }
        let run = match (permission.verb.as_str(), permission.resource.as_str()) {
            ("list", "namespaces") => vec!["list-stuck", "-o", "wide"],
            ("get", "customresourcedefinitions") => explain("dead-conversion-webhook"),
            ("get", "services") | ("list", "endpointslices") => explain("dead-delete-webhook"),
            ("get", "nodes") => explain("lost-node"),
            ("get", "leases") => explain("load-balancer"),
            _ => explain("configmap-finalizer"),
        };
        is_missed(&lab, &account, &granted, permission, &run).await;
    }
    let everything = Permission::new("list", "*", "*");
    account.allow(&lab, &without(&everything, &granted).0).await;
    let ran = account.nsfix(&lab, &["list-stuck", "-o", "wide"]).run().await.expect(0);
    assert!(ran.stderr.contains("could not look at ") && ran.stderr.contains("secrets"), "{ran:?}");
}

async fn clearing_takes_one_verb_more(lab: Lab) {
    let account = Account::create(&lab, "clear").await;
    let granted = granted_up_to("clear");
    account.allow(&lab, &granted).await;
    let clear = |name: &str, leftovers: &str| {
        let leftovers = format!("--leftovers={leftovers}");
        account.nsfix(&lab, &["clear", name, "--yes", "--events", &leftovers]).run()
    };
    let refused = lab.play_apart("configmap-finalizer").await;
    clear(&refused, "refuse").await.expect(4);
    let cleared = lab.play_apart("configmap-finalizer").await;
    clear(&cleared, "orphan").await.expect(0);
    let events = lab.get("/apis/events.k8s.io/v1/namespaces/default/events").await.expect(200);
    let about = |name: &str| {
        events["items"].as_array().unwrap().iter().any(|event| event["regarding"]["name"] == name)
    };
    assert!(about(&refused) && about(&cleared), "{events}");
    used_is_granted(&lab, &account, "clear").await;

    let run = ["clear", &refused, "--yes", "--events", "--leftovers=orphan", "--dry-run=server"];
    let put = Permission::new("update", "", "namespaces").subresource("finalize");
    is_missed(&lab, &account, &granted, &put, &run).await;
    lab.get(&path(&refused)).await.expect(200);
    let event = Permission::new("create", "events.k8s.io", "events").within("default");
    let run = ["clear", &refused, "--yes", "--events", "--leftovers=refuse"];
    is_missed(&lab, &account, &granted, &event, &run).await;
}

async fn releasing_takes_what_its_role_says(lab: Lab) {
    let account = Account::create(&lab, "release").await;
    let granted = granted_up_to("release");
    account.allow(&lab, &granted).await;
    let metadata = "--finalizer=controller.cattle.io/namespace-auth";
    for (scenario, flag) in [
        ("configmap-finalizer", "--leftovers=release"),
        ("pods-first", "--leftovers=release"),
        ("metadata-finalizer", metadata),
        ("zombie", "--leftovers=refuse"),
        ("disarmed", "--leftovers=orphan"),
    ] {
        if !lab.has_controller && scenario == "disarmed" {
            continue;
        }
        let name = lab.play_apart(scenario).await;
        let ran = account.nsfix(&lab, &["clear", &name, "--yes", flag]).run().await;
        assert_eq!(ran.code, Some(0), "{scenario}: {ran:?}");
    }
    used_is_granted(&lab, &account, "release").await;

    let name = lab.play_apart("configmap-finalizer").await;
    let live = lab.play_apart("pods-first").await;
    let held = lab.play_apart("metadata-finalizer").await;
    let zombie = lab.play_apart("zombie").await;
    let dry = |name, flag| vec!["clear", name, "--yes", "--dry-run=server", flag];
    for permission in granted_for("release") {
        if permission.verb == "delete" && permission.resource == "*" && !lab.since(ORDERED_DELETION) {
            // Nothing stays live there beside a pod.
            continue;
        }
        let run = match (permission.verb.as_str(), permission.resource.as_str()) {
            ("patch", "namespaces") => dry(&held, metadata),
            ("delete", "namespaces") => dry(&zombie, "--leftovers=refuse"),
            ("delete", _) => dry(&live, "--leftovers=release"),
            _ => dry(&name, "--leftovers=release"),
        };
        is_missed(&lab, &account, &granted, &permission, &run).await;
    }
}

async fn purging_takes_what_its_role_says(lab: Lab) {
    let account = Account::create(&lab, "purge").await;
    let granted = granted_up_to("purge");
    let lost = async || {
        let name = Lab::unique("lost");
        create(&lab, &name).await;
        hold(&lab, &name).await;
        lab.delete(&path(&name)).await.expect(200);
        let (_, answer) =
            finalize(&lab, &name, "", |body: &mut Value| body["spec"]["finalizers"] = json!([])).await;
        answer.expect(200);
        name
    };
    if lab.has_controller {
        account.allow(&lab, &granted).await;
        let name = lost().await;
        account.nsfix(&lab, &["orphans", &name, "--purge", "--yes"]).run().await.expect(0);
        lab.get(&path(&name)).await.expect(404);
        used_is_granted(&lab, &account, "purge").await;
    }
    let name = lost().await;
    for permission in granted_for("purge") {
        let (without, _) = without(&permission, &granted);
        account.allow(&lab, &without).await;
        let ran = account.nsfix(&lab, &["orphans", &name, "--purge", "--yes"]).run().await.expect(1);
        assert!(misses(&ran, &permission.verb, &permission.resource), "{ran:?}");
    }
}
