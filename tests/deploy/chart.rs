//! The Helm chart renders what kustomize does, and its values are what their schema and its templates say.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::process::Command;

use super::documents::{render, typed};
use super::{documents, root, shipped_policy, text};
use crate::harness::{Lab, Ran};
use crate::tests;

tests! {
    Sandbox:
    the_values_of_the_chart_fit_their_schema_and_wrong_ones_do_not,
    every_value_of_the_chart_is_used_and_every_used_one_is_there,
    the_policy_of_the_chart_is_that_of_the_overlay;
    Helm:
    helm_renders_what_kustomize_does,
    helm_renders_what_kustomize_does_with_everything_changed,
    helm_refuses_a_wrong_value_by_its_name,
    what_the_chart_has_beyond_kustomize_is_rendered
}

fn chart() -> PathBuf {
    root().join("chart")
}

fn values() -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(chart().join("values.yaml")).unwrap()).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(&std::fs::read_to_string(chart().join("values.schema.json")).unwrap()).unwrap()
}

async fn the_values_of_the_chart_fit_their_schema_and_wrong_ones_do_not(_: Lab) {
    let schema = schema();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let values = values();
    let errors: Vec<String> = validator.iter_errors(&values).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    for (place, wrong) in [
        ("/image/tag", json!(20_250_101)),
        ("/image/tag", json!("a b")),
        ("/image/digest", json!("sha256:abc")),
        ("/clusterName", json!("a b")),
        ("/report/schedule", json!("")),
        ("/report/extraArgs", json!("--exclude=a")),
        ("/report/extraArgs", json!([1])),
        ("/clean/enabled", json!("yes")),
        ("/clean/refusals", json!("never")),
        ("/clean/policy", json!({"kind": "ClearPolicy"})),
        ("/clean/policy", json!("")),
        ("/clean/backups/size", json!("much")),
        ("/nodeSelector", json!({"a": 1})),
    ] {
        let mut changed = values.clone();
        *changed.pointer_mut(place).unwrap() = wrong;
        assert!(!validator.is_valid(&changed), "{place} of {changed}");
    }
    // A misspelt one is refused in every place.
    for place in ["", "/image", "/networkPolicy", "/report", "/clean", "/clean/backups"] {
        let mut changed = values.clone();
        changed.pointer_mut(place).unwrap()["misspelt"] = json!("a");
        assert!(!validator.is_valid(&changed), "{place}");
    }
}

/// The paths of what the schema describes and does not take apart.
fn described(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    assert!(text(schema, "/description").len() > 5, "{path} is described");
    match schema["properties"].as_object() {
        Some(properties) => {
            assert_eq!(schema["additionalProperties"], false, "{path}");
            for (name, property) in properties {
                described(property, &format!("{path}.{name}"), found);
            }
        }
        None => {
            found.insert(path.to_owned());
        }
    }
}

/// Those of the values, taken apart where the schema is.
fn given(values: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    match (values.as_object(), schema["properties"].is_object()) {
        (Some(values), true) => {
            for (name, value) in values {
                given(value, &schema["properties"][name], &format!("{path}.{name}"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

async fn every_value_of_the_chart_is_used_and_every_used_one_is_there(_: Lab) {
    let schema = schema();
    let (mut in_schema, mut in_values, mut in_templates) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    described(&schema, "", &mut in_schema);
    // Helm's own, which it puts into the values of a chart within another.
    assert!(in_schema.remove(".global"));
    given(&values(), &schema, "", &mut in_values);
    for entry in std::fs::read_dir(chart().join("templates")).unwrap() {
        let template = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for after in template.split(".Values").skip(1) {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '.').unwrap_or(after.len());
            in_templates.insert(after[..end].to_owned());
        }
    }
    assert_eq!(in_values, in_schema);
    assert_eq!(in_values, in_templates);
}

async fn the_policy_of_the_chart_is_that_of_the_overlay(_: Lab) {
    assert_eq!(text(&values(), "/clean/policy"), shipped_policy());
}

/// The objects of the chart for these values, with the namespace among them.
async fn helm(lab: &Lab, namespace: &str, values: &Value) -> Vec<Value> {
    let file = lab.dir().join("values.yaml");
    std::fs::write(&file, values.to_string()).unwrap();
    let file = file.display().to_string();
    let ran = helm_template(namespace, &["--values", &file, "--set=createNamespace=true"]).await;
    documents(&ran.expect(0).stdout)
}

async fn helm_template(namespace: &str, more: &[&str]) -> Ran {
    let mut helm = Command::new("helm");
    helm.args(["template", "nsfix"]).arg(chart()).args(["--namespace", namespace]).args(more);
    let output = helm.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// `helm uninstall` keeps the backups; for `kubectl delete -k` nothing can say so.
fn without_helms_policy(mut object: Value) -> Value {
    if ["Namespace", "PersistentVolumeClaim"].contains(&text(&object, "/kind")) {
        let metadata = object["metadata"].as_object_mut().unwrap();
        assert_eq!(metadata.remove("annotations"), Some(json!({"helm.sh/resource-policy": "keep"})));
    }
    object
}

/// Object by object, whatever their order.
fn same(mut of_helm: Vec<Value>, mut of_kustomize: Vec<Value>) {
    let key = |object: &Value| {
        ["/apiVersion", "/kind", "/metadata/namespace", "/metadata/name"]
            .map(|place| text(object, place).to_owned())
    };
    for object in &of_helm {
        assert_eq!(&typed(object), object);
    }
    of_helm = of_helm.into_iter().map(without_helms_policy).collect();
    of_helm.sort_by_key(key);
    of_kustomize.sort_by_key(key);
    let keys = |objects: &[Value]| -> Vec<[String; 4]> { objects.iter().map(key).collect() };
    assert_eq!(keys(&of_helm), keys(&of_kustomize));
    for (of_helm, of_kustomize) in of_helm.iter().zip(&of_kustomize) {
        assert_eq!(of_helm, of_kustomize);
    }
}

async fn helm_renders_what_kustomize_does(lab: Lab) {
    let report = helm(&lab, "nsfix", &json!({})).await;
    same(report, render(&root().join("install/report")).await);
    let clean = helm(&lab, "nsfix", &json!({"clean": {"enabled": true}})).await;
    same(clean, render(&root().join("install/clean")).await);
}

/// What YAML would read as something else if it were not quoted.
struct Changed {
    namespace: &'static str,
    image: (&'static str, &'static str, &'static str),
    cluster: &'static str,
    schedule: &'static str,
    arguments: &'static [&'static str],
    policy: &'static str,
}

const CHANGED: [Changed; 3] = [
    Changed {
        namespace: "platform-jobs",
        image: ("registry.example.com:5000/platform/nsfix", "v1.2.3", ""),
        cluster: "prod-eu",
        schedule: "*/15 1-3 * * 1,3",
        arguments: &["--exclude=prod-*", "--push-gateway=http://pushgateway:9091"],
        policy: "kind: ClearPolicy\nrules:\n  - namespaces: {names: [\"*\"]}\n\n    leftovers: refuse\n",
    },
    Changed {
        namespace: "12345",
        image: ("nsfix", "20250101", ""),
        cluster: "1e3",
        schedule: "@daily",
        arguments: &[
            "# no comment",
            "a: b",
            "- c",
            "\"quoted\" and 'quoted'",
            "{{ .Values }}",
            "\\ $(HOME) é",
            "yes",
        ],
        policy: "# first: 'a'\n\tkind: \"ClearPolicy\"  \n\n  # {{ template }}\nmax: 5 # é\r\nlast: line without its end",
    },
    Changed {
        namespace: "0x10",
        image: ("ghcr.io/a/b", "", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        cluster: "null",
        schedule: "0 0 29 2 *",
        arguments: &[
            "~", "null", "1.0", "&a", "*a", "!tag", "| block", "> folded", "%", "@at", "`b`", " padded ",
        ],
        policy: "   indented first\nkind: ClearPolicy\n\n\n",
    },
];

impl Changed {
    fn values(&self) -> Value {
        let (repository, tag, digest) = self.image;
        json!({
            "image": {"repository": repository, "tag": tag, "digest": digest},
            "clusterName": self.cluster,
            "report": {"schedule": self.schedule, "extraArgs": self.arguments},
            "clean": {
                "enabled": true,
                "schedule": self.schedule,
                "extraArgs": self.arguments,
                "policy": self.policy,
            },
        })
    }

    /// The same as an overlay of one's own.
    fn overlay(&self) -> Value {
        let (name, tag, digest) = self.image;
        let mut image = json!({"name": "nsfix", "newName": name});
        let (key, value) = if digest.is_empty() { ("newTag", tag) } else { ("digest", digest) };
        image[key] = json!(value);
        let cluster = format!("--cluster-name={}", self.cluster);
        let arguments = std::iter::once(cluster.as_str()).chain(self.arguments.iter().copied());
        let to = "/spec/jobTemplate/spec/template/spec/containers/0/args/-";
        let mut operations = vec![json!({"op": "replace", "path": "/spec/schedule", "value": self.schedule})];
        operations.extend(arguments.map(|argument| json!({"op": "add", "path": to, "value": argument})));
        let policy = json!([{"op": "replace", "path": "/data/policy.yaml", "value": self.policy}]);
        json!({
            "resources": ["../overlays/clean"],
            "namespace": self.namespace,
            "images": [image],
            "patches": [
                {"target": {"kind": "CronJob"}, "patch": json!(operations).to_string()},
                {"target": {"kind": "ConfigMap"}, "patch": policy.to_string()},
            ],
        })
    }
}

async fn helm_renders_what_kustomize_does_with_everything_changed(lab: Lab) {
    let copy = lab.dir().join("deploy");
    let copied = Command::new("cp").arg("-r").arg(root()).arg(&copy).status().await.unwrap();
    assert!(copied.success());
    for (n, changed) in CHANGED.iter().enumerate() {
        let mine = copy.join(format!("mine-{n}"));
        std::fs::create_dir(&mine).unwrap();
        std::fs::write(mine.join("kustomization.yaml"), changed.overlay().to_string()).unwrap();
        let of_helm = helm(&lab, changed.namespace, &changed.values()).await;
        let policy = of_helm.iter().find(|object| text(object, "/kind") == "ConfigMap").unwrap();
        assert_eq!(text(policy, "/data/policy.yaml"), changed.policy);
        same(of_helm, render(&mine).await);
    }
}

async fn helm_refuses_a_wrong_value_by_its_name(_: Lab) {
    for (set, said) in [
        ("--set=image.tag=20250101", "tag"),
        ("--set=clean.shedule=1", "shedule"),
        ("--set=clean.refusals=never", "refusals"),
        ("--set=clusterName=a b", "clusterName"),
    ] {
        let ran = helm_template("nsfix", &[set]).await;
        assert!(ran.code != Some(0) && ran.stderr.contains(said), "{set}: {ran:?}");
    }
    let old = helm_template("nsfix", &["--kube-version=1.26.0"]).await;
    assert!(old.stderr.contains("chart requires kubeVersion: >=1.27.0"), "{old:?}");
}

async fn what_the_chart_has_beyond_kustomize_is_rendered(lab: Lab) {
    let egress = json!([{"ports": [{"protocol": "TCP", "port": 9091}]}]);
    let values = json!({
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"kubernetes.io/os": "linux", "pool": "1"},
        "tolerations": [{"key": "infra", "operator": "Exists"}],
        "resources": {"limits": {"memory": "256Mi"}},
        "networkPolicy": {"egress": egress},
        "report": {"suspend": true, "activeDeadlineSeconds": 60, "timeZone": "Europe/Berlin"},
        "clean": {
            "enabled": true, "refusals": "fail", "activeDeadlineSeconds": 1_000_000,
            "backups": {"existingClaim": "mine"},
        },
    });
    let rendered = helm(&lab, "nsfix", &values).await;
    for object in &rendered {
        assert_eq!(&typed(object), object);
    }
    let find = |kind: &str, name: &str| {
        rendered.iter().find(|object| text(object, "/kind") == kind && text(object, "/metadata/name") == name)
    };
    assert_eq!(find("PersistentVolumeClaim", "nsfix-backups"), None);
    let policy = find("NetworkPolicy", "nsfix").unwrap();
    assert_eq!(policy["spec"]["egress"][2], egress[0]);
    let (report, clean) = (find("CronJob", "nsfix-report").unwrap(), find("CronJob", "nsfix-clean").unwrap());
    assert_eq!((&report["spec"]["suspend"], &clean["spec"]["suspend"]), (&json!(true), &Value::Null));
    assert_eq!(report["spec"]["timeZone"], "Europe/Berlin");
    assert_eq!(report["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"], 60);
    assert_eq!(clean["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"], 1_000_000);
    for job in [report, clean] {
        let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        for field in ["imagePullSecrets", "nodeSelector", "tolerations"] {
            assert_eq!(pod[field], values[field], "{pod}");
        }
        // A map is merged with what the chart says.
        assert_eq!(pod["containers"][0]["resources"]["limits"]["memory"], "256Mi");
    }
    let pod = &clean["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], "mine");
    assert!(pod["containers"][0]["args"].as_array().unwrap().contains(&json!("--refusals=fail")));

    let sized = json!({"clean": {"enabled": true, "backups": {"size": "20Gi", "storageClassName": "fast"}}});
    let rendered = helm(&lab, "nsfix", &sized).await;
    let claim = rendered.iter().find(|object| text(object, "/kind") == "PersistentVolumeClaim").unwrap();
    assert_eq!(claim["spec"]["storageClassName"], "fast");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "20Gi");
    // As it is installed, the namespace is there before.
    let ran = helm_template("nsfix", &["--set=networkPolicy.enabled=false"]).await.expect(0);
    let kinds: Vec<String> =
        documents(&ran.stdout).iter().map(|object| text(object, "/kind").to_owned()).collect();
    assert_eq!(kinds, ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "CronJob"]);
}
