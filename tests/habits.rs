//! What hands that know kubectl type.

use serde_json::json;

use crate::harness::fixtures::{path, terminating};
use crate::harness::{Lab, Nsfix};
use crate::tests;

tests! {
    Both:
    documents_are_picked_from_as_by_kubectl,
    templates_come_from_files_too,
    the_hint_instead_of_a_go_template_works,
    the_namespace_may_be_given_as_kubectl_has_it;
    Sandbox:
    what_a_template_cannot_mean_is_a_usage_error,
    a_list_is_sorted_by_what_a_path_finds,
    names_are_to_be_had_wherever_there_are_names,
    a_kubeconfig_list_may_name_files_that_do_not_exist,
    no_timeout_is_kubectls_zero,
    what_a_team_sets_once_comes_from_the_environment,
    the_version_is_a_verb_too,
    the_catalogue_is_at_hand
}

async fn documents_are_picked_from_as_by_kubectl(lab: Lab) {
    let name = terminating(&lab).await;
    let template =
        format!("jsonpath={{range .items[?(@.name==\"{name}\")]}}{{.name}}:{{.specFinalizers[0]}}{{end}}");
    let ran = lab.nsfix(&["list-stuck", "-o", &template]).run().await.expect(0);
    assert_eq!(ran.stdout, format!("{name}:kubernetes"));
    let explain = ["explain", &name, "-o", "jsonpath={.items[*].namespace.name}{\"\\n\"}"];
    assert_eq!(lab.nsfix(&explain).run().await.expect(0).stdout, format!("{name}\n"));
    let columns =
        ["list-stuck", "-n", &name, "-o", "custom-columns=WHO:.name,WHAT:.specFinalizers[*],NO:.no"];
    let ran = lab.nsfix(&columns).run().await.expect(0);
    let cells: Vec<&str> = ran.stdout.split_whitespace().collect();
    assert_eq!(cells, ["WHO", "WHAT", "NO", &name, "kubernetes", "<none>"]);
    let clear =
        ["clear", &name, "--leftovers=orphan", "--dry-run=server", "-o", "jsonpath={.items[0].outcome}"];
    assert_eq!(lab.nsfix(&clear).run().await.expect(0).stdout, "DryRun");
}

/// `-o go-template` is refused with what can be pasted instead.
async fn the_hint_instead_of_a_go_template_works(lab: Lab) {
    let name = terminating(&lab).await;
    let template = "go-template={{range .items}}{{.name}}{{end}}";
    for verb in [vec!["list-stuck"], vec!["explain", &name]] {
        let ran = lab.nsfix(&[&verb[..], &["-o", template]].concat()).run().await.expect(2);
        let (_, hint) = ran.stderr.split_once("instead: ").expect("a hint");
        let hint = hint.lines().next().unwrap();
        let line = format!("nsfix {} {hint}", verb.join(" "));
        let pasted = Nsfix::shell(&line).env("KUBECONFIG", lab.kubeconfig()).run().await.expect(0).stdout;
        let item = pasted.lines().find(|line| line.contains(&name)).expect("an item a line");
        assert!(serde_json::from_str::<serde_json::Value>(item).is_ok(), "{pasted}");
    }
}

async fn templates_come_from_files_too(lab: Lab) {
    let name = terminating(&lab).await;
    let file = |file: &str, text: &str| {
        let path = lab.dir().join(file);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let template = file("template", "{range .items[*]}{.name}{\"\\n\"}{end}");
    let columns = file("columns", "WHO    WHAT\n.name  .specFinalizers[0]\n");
    let of = |format: String| lab.nsfix(&["list-stuck", "-n", &name, "-o", &format]).run();
    let ran = of(format!("jsonpath-file={template}")).await.expect(0);
    assert_eq!(ran.stdout, format!("{name}\n"));
    let ran = of(format!("custom-columns-file={columns}")).await.expect(0);
    let cells: Vec<&str> = ran.stdout.split_whitespace().collect();
    assert_eq!(cells, ["WHO", "WHAT", &name, "kubernetes"]);
    let ran = of("jsonpath-as-json={.items[*].name}".to_owned()).await.expect(0);
    assert_eq!(ran.stdout, format!("[\n    \"{name}\"\n]\n"));
}

async fn the_namespace_may_be_given_as_kubectl_has_it(lab: Lab) {
    let (name, other) = (terminating(&lab).await, terminating(&lab).await);
    let listed = lab.nsfix(&["list-stuck", "-A", "-o", "name"]).run().await.expect(0).stdout;
    assert!(listed.contains(&name) && listed.contains(&other), "{listed}");
    let one = lab.nsfix(&["list-stuck", "-n", &name, "-o", "name"]).run().await.expect(0).stdout;
    assert_eq!(one, format!("namespace/{name}\n"));
    let explained = lab.nsfix(&["explain", "-n", &name, "-o", "name"]).run().await.expect(0).stdout;
    assert_eq!(explained, format!("namespace/{name}\n"));
    for dry_run in ["--dry-run", "--dry-run=server"] {
        let would = ["clear", "-n", &name, "--leftovers=orphan", dry_run, "-o", "name"];
        assert_eq!(
            lab.nsfix(&would).run().await.expect(0).stdout,
            format!("namespace/{name}\n"),
            "{dry_run}"
        );
    }
    lab.nsfix(&["access", "-A", "report"]).run().await.expect(0);
    let cleared = lab.nsfix(&["clear", "-n", &name, "--yes", "--leftovers=orphan", "-o", "name"]).run().await;
    assert_eq!(cleared.expect(0).stdout, format!("namespace/{name}\n"));
    lab.get(&path(&other)).await.expect(200);
}

async fn what_a_template_cannot_mean_is_a_usage_error(lab: Lab) {
    let cases = [
        ("jsonpath={.items", "not closed"),
        ("jsonpath={.items[?(@.a && @.b)]}", "&&"),
        ("custom-columns=NAME", "HEADER:PATH"),
        ("go-template={{.items}}", "not supported"),
        ("go-template-file=/x", "not supported"),
        ("jsonpath-file=/nonexistent", "unable to read /nonexistent"),
        ("custom-columns-file", "the name of a file is missing"),
        ("table", "no such format"),
    ];
    for (format, why) in cases {
        let ran = lab.nsfix(&["list-stuck", "-o", format]).run().await.expect(2);
        assert!(ran.stderr.contains(why), "{format}: {ran:?}");
    }
    let ran = lab.nsfix(&["explain", "rodrigo", "-o", "wide"]).run().await.expect(2);
    assert!(ran.stderr.contains("no such format") && ran.stderr.contains("jsonpath=TEMPLATE"), "{ran:?}");
    terminating(&lab).await;
    let ran = lab.nsfix(&["list-stuck", "--sort-by", ".size"]).run().await.expect(2);
    assert!(ran.stderr.contains("couldn't find any field with path \"{.size}\""), "{ran:?}");
    assert!(ran.stderr.contains("--sort-by=.name"), "{ran:?}");
}

async fn a_list_is_sorted_by_what_a_path_finds(_: Lab) {
    let run = |path: &'static str| async move {
        let ran = Nsfix::new(&["--sandbox", "list-stuck", "--no-headers", "--sort-by", path]);
        let ran = ran.run().await.expect(0).stdout;
        ran.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect::<Vec<_>>()
    };
    let by_age = run(".ageSeconds").await;
    assert_eq!(by_age.last().map(String::as_str), Some("zombie"), "{by_age:?}");
    let by_name = run("{.name}").await;
    assert!(by_name.is_sorted(), "{by_name:?}");
}

async fn names_are_to_be_had_wherever_there_are_names(lab: Lab) {
    let name = terminating(&lab).await;
    lab.nsfix(&["clear", &name, "--yes", "--leftovers=orphan"]).run().await.expect(0);
    let orphans = lab.nsfix(&["orphans", "-o", "name"]).run().await.expect(0).stdout;
    assert!(orphans.lines().any(|line| line == "configmap/held"), "{orphans}");
    let checked = lab.nsfix(&["check", "default", "-o", "name"]).run().await.stdout;
    assert_eq!(checked, "namespace/default\n");
}

async fn a_kubeconfig_list_may_name_files_that_do_not_exist(lab: Lab) {
    let name = terminating(&lab).await;
    let missing = lab.dir().join("missing");
    let list = std::env::join_paths([missing.clone(), lab.kubeconfig().to_owned(), missing.clone()]).unwrap();
    let ran = lab.nsfix(&["list-stuck", "-o", "name"]).env("KUBECONFIG", &list).run().await.expect(0);
    assert!(ran.stdout.contains(&name), "{ran:?}");
    let ran = lab.nsfix(&["list-stuck"]).env("KUBECONFIG", &missing).run().await.expect(2);
    assert!(ran.stderr.contains("missing"), "{ran:?}");
}

async fn no_timeout_is_kubectls_zero(lab: Lab) {
    let name = terminating(&lab).await;
    for zero in ["0", "0s"] {
        let ran = lab.nsfix(&["list-stuck", "-o", "name", "--request-timeout", zero]).run().await.expect(0);
        assert!(ran.stdout.contains(&name), "{ran:?}");
    }
}

async fn what_a_team_sets_once_comes_from_the_environment(lab: Lab) {
    let name = terminating(&lab).await;
    let dir = lab.dir().join("team");
    let clear = ["clear", &name, "--yes", "--leftovers=orphan", "-o", "json"];
    let ran = lab.nsfix(&clear).env("NSFIX_BACKUP_DIR", &dir).run().await.expect(0);
    let backup = ran.json()["items"][0]["backup"].clone();
    assert!(backup.as_str().unwrap().starts_with(dir.to_str().unwrap()), "{backup}");
    let other = terminating(&lab).await;
    let clear = ["clear", &other, "--yes", "--leftovers=orphan", "-o", "json", "--no-backup"];
    let ran = lab.nsfix(&clear).env("NSFIX_BACKUP_DIR", &dir).run().await.expect(0);
    assert_eq!(ran.json()["items"][0]["backup"], json!(null));
    let both = ["clear", &other, "--no-backup", "--backup-dir", "x"];
    assert!(lab.nsfix(&both).run().await.expect(2).stderr.contains("cannot be used with"));
    let ran = lab.nsfix(&["explain", "nobody"]).env("NSFIX_LOG_FORMAT", "json").run().await.expect(1);
    assert!(ran.stderr.starts_with('{'), "{ran:?}");
}

async fn the_version_is_a_verb_too(lab: Lab) {
    let verb = lab.nsfix(&["version"]).run().await.expect(0).stdout;
    assert_eq!(verb, lab.nsfix(&["--version"]).run().await.expect(0).stdout);
    assert_eq!(verb, lab.nsfix(&["version", "--client"]).run().await.expect(0).stdout);
    let json = lab.nsfix(&["version", "-o", "json"]).run().await.expect(0).json();
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    assert_eq!(json["clientVersion"]["gitVersion"], version);
    let yaml = lab.nsfix(&["version", "-oyaml"]).run().await.expect(0).stdout;
    assert_eq!(yaml, format!("clientVersion:\n  gitVersion: {version}\n"));
}

async fn the_catalogue_is_at_hand(lab: Lab) {
    let one = lab.nsfix(&["finalizers", "kubernetes.io/pvc-protection"]).run().await.expect(0).stdout;
    assert!(
        one.contains("protects:    a claim that a pod still uses") && one.contains("--release-finalizer"),
        "{one}"
    );
    let by_pattern =
        lab.nsfix(&["finalizers", "external-attacher/ebs-csi-aws-com"]).run().await.expect(0).stdout;
    assert!(by_pattern.contains("detaching"), "{by_pattern}");
    let part = lab.nsfix(&["finalizers", "rook", "-o", "name"]).run().await.expect(0).stdout;
    assert!(part.lines().any(|line| line == "ceph.rook.io/disaster-protection"), "{part}");
    let ran = lab.nsfix(&["finalizers", "example.com/nobody-knows"]).run().await.expect(1);
    assert!(ran.stderr.contains("unknown") && ran.stdout.is_empty(), "{ran:?}");
    let all = lab.nsfix(&["finalizers", "-o", "json"]).run().await.expect(0).json();
    assert!(all["items"].as_array().unwrap().len() > 100);
    crate::schemas::fits("finalizer-list", &all);
    assert_eq!(lab.the_sandbox().requests().len(), 0, "no cluster is asked");
}
