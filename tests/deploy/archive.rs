//! The manifests and the chart as a release has them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use super::documents::render;
use super::{documents, text};
use crate::harness::Lab;
use crate::tests;

tests! {
    Kubectl:
    a_release_has_image_and_version_in_every_manifest,
    the_overlays_of_a_release_render_and_a_strangers_on_top_of_them,
    the_pages_of_a_release_lead_somewhere;
    Helm:
    the_chart_of_a_release_renders_what_its_overlays_do
}

const IMAGE: &str = "ghcr.io/some-one/stuck:9.8.7-rc.1";

/// What the release workflow packs for a tag, unpacked. Of a repository that is not called nsfix, and has capitals.
async fn released(lab: &Lab) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let called = |by: &str, script: &str| {
        let text = std::fs::read_to_string(root.join(by)).unwrap();
        assert!(text.contains(script), "{by} calls {script}");
    };
    called(".ci/archives", ".ci/manifests \"$tag\" \"$to\"");
    called(".github/workflows/release.yaml", ".ci/archives \"$GITHUB_REF_NAME\" dist release");
    let pack = async |to: &str| {
        let to = lab.dir().join(to);
        let mut script = Command::new(root.join(".ci/manifests"));
        script
            .arg("v9.8.7-rc.1")
            .arg(&to)
            .env("GITHUB_REPOSITORY", "Some-One/Stuck")
            .env("SOURCE_DATE_EPOCH", "1");
        let output = script.output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        to
    };
    let (to, again) = (pack("release").await, pack("again").await);
    for name in ["nsfix-v9.8.7-rc.1-manifests.tar.gz", "nsfix-9.8.7-rc.1.tgz"] {
        assert_eq!(std::fs::read(to.join(name)).unwrap(), std::fs::read(again.join(name)).unwrap(), "{name}");
        let unpacked = Command::new("tar").args(["-xzf", name]).current_dir(&to).status().await.unwrap();
        assert!(unpacked.success());
    }
    to.join("nsfix-v9.8.7-rc.1-manifests")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn images(objects: &[Value]) -> Vec<&str> {
    let jobs = objects.iter().filter(|object| text(object, "/kind") == "CronJob");
    jobs.map(|job| text(job, "/spec/jobTemplate/spec/template/spec/containers/0/image")).collect()
}

async fn a_release_has_image_and_version_in_every_manifest(lab: Lab) {
    let root = released(&lab).await;
    let unpacked = files(root.parent().unwrap());
    assert!(unpacked.len() > 40, "{unpacked:?}");
    for path in unpacked.iter().filter(|path| path.extension().is_none_or(|extension| extension != "gz")) {
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        for (n, line) in text.lines().enumerate() {
            for left in ["OWNER", "REPOSITORY", "VERSION", "latest", "0.0.0", "docs/deploy"] {
                assert!(!line.contains(left), "{}:{}: {line}", path.display(), n + 1);
            }
            let image = line.trim_start().trim_start_matches("- ").strip_prefix("image: ");
            // The name that the overlays replace; everything else says which version.
            assert!(
                image.is_none_or(|image| image == "nsfix" || image.contains([':', '{'])),
                "{}: {line}",
                path.display()
            );
        }
    }
    assert!(root.join("clear-policy.json").is_file());
}

async fn the_overlays_of_a_release_render_and_a_strangers_on_top_of_them(lab: Lab) {
    let root = released(&lab).await;
    let mut rendered = 0;
    for path in files(&root).iter().filter(|path| path.ends_with("kustomization.yaml")) {
        if std::fs::read_to_string(path).unwrap().contains("kind: Component") {
            continue;
        }
        let objects = render(path.parent().unwrap()).await;
        let place = path.strip_prefix(&root).unwrap().display().to_string();
        let expected: &[&str] = match place.as_str() {
            "install/report/kustomization.yaml" => &[IMAGE],
            "install/clean/kustomization.yaml" => &[IMAGE, IMAGE],
            "base/kustomization.yaml" => &["nsfix"],
            "overlays/clean/kustomization.yaml" => &["nsfix", "nsfix"],
            "overlays/example/kustomization.yaml" => &["registry.example.com/platform/nsfix:9.8.7-rc.1"; 2],
            _ => &[],
        };
        assert_eq!(images(&objects), expected, "{place}");
        rendered += 1;
    }
    assert_eq!(rendered, 6);

    // The names of namespaces may be digits alone, and look like numbers of every kind.
    for (n, namespace) in ["platform-jobs", "12345", "0x10", "1e3"].into_iter().enumerate() {
        let mine = root.parent().unwrap().join(format!("mine-{n}"));
        std::fs::create_dir(&mine).unwrap();
        let overlay = json!({
            "resources": [format!("../{}/overlays/clean", root.file_name().unwrap().display())],
            "namespace": namespace,
            "images": [{"name": "nsfix", "newName": "mine/nsfix", "newTag": "20250101"}],
        });
        std::fs::write(mine.join("kustomization.yaml"), overlay.to_string()).unwrap();
        let objects = render(&mine).await;
        assert_eq!(images(&objects), ["mine/nsfix:20250101"; 2]);
        let is_for_events = |object: &&Value| text(object, "/metadata/name") == "nsfix-events";
        let for_events: Vec<&Value> = objects.iter().filter(is_for_events).collect();
        let [role, binding] = for_events[..] else { panic!("{for_events:?}") };
        assert_eq!((text(role, "/kind"), text(binding, "/kind")), ("ClusterRole", "ClusterRoleBinding"));
        assert_eq!(binding["roleRef"]["name"], "nsfix-events");
        let subject = json!([{"kind": "ServiceAccount", "name": "nsfix-clean", "namespace": namespace}]);
        assert_eq!(binding["subjects"], subject);
        assert!(objects.iter().any(|object| {
            text(object, "/kind") == "ServiceAccount"
                && text(object, "/metadata/name") == "nsfix-clean"
                && text(object, "/metadata/namespace") == namespace
        }));
    }
}

async fn the_pages_of_a_release_lead_somewhere(lab: Lab) {
    let root = released(&lab).await;
    let mut links = 0;
    for page in ["cronjob.md", "metrics.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let targets = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        for target in targets {
            let file = target.split('#').next().unwrap();
            let here = match file.strip_prefix("https://github.com/Some-One/Stuck/blob/v9.8.7-rc.1/") {
                Some(file) => Path::new(env!("CARGO_MANIFEST_DIR")).join(file),
                None => root.join(file),
            };
            assert!(here.exists(), "{page}: {target}");
            links += 1;
        }
        // What is to be applied is there.
        let applied = text.split(['\n', '`']).filter_map(|line| line.split_once(" apply -"));
        for (_, rest) in applied {
            let file = rest.split_whitespace().nth(1).unwrap();
            assert!(root.join(file).exists(), "{page}: {rest}");
            links += 1;
        }
    }
    assert!(links > 15, "{links}");
}

async fn the_chart_of_a_release_renders_what_its_overlays_do(lab: Lab) {
    let root = released(&lab).await;
    let chart = root.parent().unwrap().join("nsfix-9.8.7-rc.1.tgz");
    let mut helm = Command::new("helm");
    helm.args(["template", "nsfix"]).arg(&chart).args(["--namespace=nsfix", "--set=clean.enabled=true"]);
    let output = helm.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let of_helm = documents(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(images(&of_helm), [IMAGE, IMAGE]);
    // How far they are the same is the matter of the tests of the chart.
    assert_eq!(of_helm.len() + 1, render(&root.join("install/clean")).await.len());
    let shown = Command::new("helm").args(["show", "chart"]).arg(&chart).output().await.unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("\nversion: 9.8.7-rc.1") && shown.contains("appVersion: 9.8.7-rc.1"), "{shown}");
    let lint = Command::new("helm").args(["lint", "--strict"]).arg(&chart).output().await.unwrap();
    assert!(lint.status.success(), "{lint:?}");
}
