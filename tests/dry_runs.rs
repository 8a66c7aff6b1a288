//! A dry run stores nothing, and nor does a verb that only looks: every verb, with every value of `--dry-run` that it
//! has, whatever the names are that a server can hold, a file can claim and a command line can say.

use std::collections::BTreeMap;

use serde_json::json;

use crate::harness::fixtures::{create, documents, finalize, hold, path, without_finalizers};
use crate::harness::{Account, Lab, Nsfix};
use crate::tests;

tests! {
    Sandbox: no_dry_run_stores_anything_whatever_the_names_are;
    // Where nobody else writes, every change is nsfix's.
    RealIdle: no_dry_run_stores_anything_whatever_the_names_are_on_a_server
}

/// What the API server takes as the name of a RoleBinding: anything but `/`, `%`, `.` and `..`.
const NAMES: [&str; 9] =
    ["a#b", "a?dryRun=", "a?b&dryRun=None", "two words", "Größe", "new\nline", "..x", "--all", "';touch x;'"];

/// What a file can claim, and a command line can say.
const CLAIMS: [&str; 15] = [
    "#",
    "?",
    "x?dryRun=",
    "default/configmaps?x=",
    "/../",
    "..",
    "a/../../default",
    " ",
    "ü",
    "%2e%2e",
    "a%2f..",
    "new\nline",
    "-x",
    "$(touch x)",
    "';touch x;'",
];

/// Who runs nsfix, and what it has sent.
struct Watched {
    lab: Lab,
    /// On a real server, where the audit log tells whose request it was.
    account: Option<Account>,
    /// How much of the audit log was read.
    seen: usize,
}

impl Watched {
    fn nsfix(&self, arguments: &[&str]) -> Nsfix {
        match &self.account {
            Some(account) => account.nsfix(&self.lab, arguments),
            None => self.lab.nsfix(arguments),
        }
    }

    /// The requests since the last look that are no reads, and would be carried out; `only_reads`: all that are no reads.
    async fn meant(&mut self, only_reads: bool) -> Vec<String> {
        let sent: Vec<(String, String)> = if let Some(account) = &self.account {
            let used = account.used_since(&self.lab, &mut self.seen).await;
            used.into_iter().map(|used| (used.permission.verb, used.uri)).collect()
        } else {
            let all = self.lab.the_sandbox().requests().into_iter();
            let sent = all.filter(|each| each.user_agent.starts_with("nsfix/"));
            let sent = sent.map(|each| (each.method.to_lowercase(), each.path_and_query)).collect();
            self.lab.the_sandbox().forget_requests();
            sent
        };
        let reads = ["get", "list", "watch"];
        let writes = sent.into_iter().filter(|(verb, _)| !reads.contains(&verb.as_str()));
        let writes = writes.filter(|(_, uri)| only_reads || !uri.contains("accessreviews"));
        let meant = writes.filter(|(_, uri)| only_reads || !uri.contains("dryRun=All"));
        meant.map(|(verb, uri)| format!("{verb} {uri}")).collect()
    }

    /// Runs it, and sees that nothing came of it.
    async fn try_run(&mut self, arguments: &[&str], before: &BTreeMap<String, String>) -> i32 {
        let ran = self.nsfix(arguments).run().await;
        let code = ran.code.unwrap_or(-1);
        assert!((0..=5).contains(&code), "{arguments:?}: {ran:?}");
        let ran = ran.expect(code);
        let meant = self.meant(arguments.contains(&"--dry-run=client")).await;
        assert_eq!(meant, Vec::<String>::new(), "{arguments:?}: {ran:?}");
        let after = stored(&self.lab).await;
        assert!(after == *before, "{arguments:?}: {ran:?}\n{}", difference(before, &after));
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
        code
    }
}

impl Watched {
    /// Writes the files, and tells where they are.
    fn save(&self, documents: Vec<String>) -> Vec<String> {
        let saved = documents.into_iter().enumerate().map(|(index, document)| {
            let file = self.lab.dir().join(format!("{index}.yaml"));
            std::fs::write(&file, document).unwrap();
            file.display().to_string()
        });
        saved.collect()
    }
}

fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> String {
    let changed = after.iter().filter(|(key, version)| before.get(*key) != Some(version));
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let lines = changed
        .map(|(key, _)| format!("new or changed: {key}"))
        .chain(gone.map(|key| format!("gone: {key}")));
    lines.collect::<Vec<_>>().join("\n")
}

/// The resourceVersion of everything, but for what the server itself keeps writing.
async fn stored(lab: &Lab) -> BTreeMap<String, String> {
    let mut roots = vec!["/api/v1".to_owned()];
    let groups = lab.get("/apis").await.expect(200);
    for group in groups["groups"].as_array().unwrap() {
        let version = group["preferredVersion"]["groupVersion"].as_str().unwrap();
        roots.push(format!("/apis/{version}"));
    }
    let mut stored = BTreeMap::new();
    for root in roots {
        for each in lab.get(&root).await.json()["resources"].as_array().into_iter().flatten() {
            let name = each["name"].as_str().unwrap();
            let listed = each["verbs"].as_array().is_some_and(|verbs| verbs.contains(&json!("list")));
            let busy = ["leases", "events", "apiservices", "flowschemas", "prioritylevelconfigurations"];
            if !listed || busy.contains(&name) {
                continue;
            }
            for item in
                lab.get(&format!("{root}/{name}")).await.expect(200)["items"].as_array().into_iter().flatten()
            {
                let metadata = &item["metadata"];
                let key = format!(
                    "{root}/{name} {} {} {}",
                    metadata["namespace"], metadata["name"], metadata["uid"]
                );
                stored.insert(key, metadata["resourceVersion"].to_string());
            }
        }
    }
    stored
}

fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

/// A namespace full of names, some of them being deleted.
async fn hostile(lab: &Lab, what: &str) -> String {
    let name = Lab::unique(what);
    create(lab, &name).await;
    hold(lab, &name).await;
    let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings");
    for (index, each) in NAMES.into_iter().enumerate() {
        let finalizer = format!("example.com/hold-{}", index % 2);
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": each, "finalizers": [finalizer]},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        });
        lab.post(&bindings, &binding).await.expect(201);
    }
    lab.delete(&path(&name)).await.expect(200);
    for each in &NAMES[..6] {
        lab.delete(&format!("{bindings}/{}", encoded(each))).await.expect(200);
    }
    lab.delete(&format!("{}/configmaps/held", path(&name))).await.expect(200);
    name
}

async fn no_dry_run_stores_anything_whatever_the_names_are_on_a_server(lab: Lab) {
    let account = Account::create(&lab, "dry").await;
    let binding = json!({
        "metadata": {"name": format!("{}-admin", account.name)},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": account.name, "namespace": account.name}],
    });
    lab.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding).await.expect(201);
    account.wait_until_allowed(&lab, "anything").await;
    every_verb(Watched { lab, account: Some(account), seen: 0 }).await;
}

async fn no_dry_run_stores_anything_whatever_the_names_are(_: Lab) {
    let options = nsfix::sandbox::Options { controller: None, ..nsfix::sandbox::Options::empty() };
    every_verb(Watched { lab: Lab::sandbox(options).await, account: None, seen: 0 }).await;
}

async fn every_verb(mut watched: Watched) {
    let stuck = hostile(&watched.lab, "stuck").await;
    let orphaned = hostile(&watched.lab, "lost").await;
    finalize(&watched.lab, &orphaned, "", without_finalizers).await.1.expect(200);
    let zombie = Lab::unique("zombie");
    create(&watched.lab, &zombie).await;
    finalize(&watched.lab, &zombie, "", without_finalizers).await.1.expect(200);
    watched.lab.delete(&path(&zombie)).await.expect(200);
    let files = watched.save(files(&stuck));
    watched.meant(false).await;
    let before = stored(&watched.lab).await;
    let mut codes = BTreeMap::<String, u32>::new();
    for dry_run in ["--dry-run=client", "--dry-run=server"] {
        for arguments in writing(&stuck, &zombie, &orphaned, &files) {
            let verb = arguments[0].clone();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain([dry_run]).collect();
            let code = watched.try_run(&arguments, &before).await;
            // Where there is no rehearsal the value is refused.
            assert!(verb != "orphans" || code != 0 || dry_run == "--dry-run=client", "{arguments:?}");
            *codes.entry(format!("{verb} {code}")).or_default() += 1;
        }
    }
    for arguments in looking(&stuck, &zombie, &orphaned) {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let code = watched.try_run(&words, &before).await;
        *codes.entry(format!("{} {code}", words.first().unwrap_or(&"(none)"))).or_default() += 1;
    }
    println!("{codes:?}");
    let well = ["clear", "orphans", "restore", "list-stuck", "explain", "check", "access"];
    assert!(well.iter().all(|verb| codes.contains_key(&format!("{verb} 0"))), "{codes:?}");
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Every verb that writes.
fn writing(stuck: &str, zombie: &str, orphaned: &str, files: &[String]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for leftovers in ["ask", "refuse", "orphan", "release"] {
        let leftovers = format!("--leftovers={leftovers}");
        for more in [
            vec![],
            vec!["--release-finalizer=example.com/hold-0", "--finalizer=kubernetes"],
            vec!["--finalizer=a?dryRun=#/../", "-o=json"],
            vec!["--wait=false", "--timeout=1s", "--no-backup"],
        ] {
            all.push(owned(&[vec!["clear", stuck, zombie, &leftovers], more].concat()));
        }
    }
    // Without --events=false: an Event is a write too.
    let everything = ["clear", "--all", "--older-than=0s", "--leftovers=release", "--yes"];
    all.push(owned(&everything));
    all.push(owned(&["orphans", orphaned, "--purge", "--yes", "--release-finalizer=a?dryRun=#"]));
    for (index, file) in files.iter().enumerate() {
        let more = if index % 2 == 0 { vec![] } else { vec!["--keep-finalizers", "--yes"] };
        all.push(owned(&[vec!["restore", file], more].concat()));
    }
    for claim in CLAIMS {
        all.push(owned(&["restore", &files[0], claim]));
        all.push(owned(&["clear", "--yes", claim]));
        all.push(owned(&["orphans", "--purge", "--yes", claim]));
        all.push(owned(&[&everything[..], &[&format!("--selector={claim}")]].concat()));
        all.push(owned(&[&everything[..], &[&format!("--exclude={claim}")]].concat()));
    }
    all
}

/// Every verb that does not: what it rehearses is marked.
fn looking(stuck: &str, zombie: &str, orphaned: &str) -> Vec<Vec<String>> {
    let mut all = vec![owned(&["list-stuck"]), owned(&["list-stuck", "-o=wide"]), owned(&["check", "--all"])];
    all.extend([owned(&["access"]), owned(&["orphans"]), owned(&["explain", stuck, zombie])]);
    all.push(Vec::new());
    for name in [stuck, zombie, orphaned, "default"].into_iter().chain(CLAIMS) {
        all.push(owned(&["explain", name, "-o=json", "--all-objects"]));
        all.push(owned(&["check", name]));
        all.push(owned(&["orphans", name, "-o=json"]));
        all.push(owned(&["access", &format!("--namespace={name}")]));
        all.push(owned(&["list-stuck", &format!("--selector={name}")]));
    }
    all
}

/// Backups that claim what no server would hold, each with an object that could be created.
fn files(stuck: &str) -> Vec<String> {
    let object = |api_version: &str, kind: &str, namespace: &str, name: &str| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "data": {}});
    let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let good = object("v1", "ConfigMap", "fresh", "good");
    let mut files = vec![
        documents(&[namespace("fresh"), good.clone()]),
        documents(&[namespace("default"), object("v1", "ConfigMap", "default", "good")]),
        documents(&[namespace(stuck), object("v1", "ConfigMap", stuck, "good")]),
        documents(&[json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})]),
    ];
    for claim in CLAIMS.into_iter().chain(NAMES) {
        files.push(documents(&[namespace(claim), object("v1", "ConfigMap", claim, "good")]));
        files.push(documents(&[namespace("fresh"), good.clone(), object("v1", "ConfigMap", claim, "x")]));
        files.push(documents(&[
            namespace("default"),
            object("v1", "ConfigMap", "default", claim),
            object("v1", claim, "default", "x"),
            object(claim, "ConfigMap", "default", "x"),
            object("rbac.authorization.k8s.io/v1", "ClusterRole", claim, claim),
            object("rbac.authorization.k8s.io/v1", "RoleBinding", "default", claim),
        ]));
    }
    files
}
