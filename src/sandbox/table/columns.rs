//! The columns of kubectl's tables (kubernetes' pkg/printers/internalversion/printers.go), for the types one looks at most.

use serde_json::Value;

use crate::sandbox::meta;
use crate::sandbox::types::ResourceType;

/// A column: its title and what stands in it.
pub(super) type Column = (&'static str, fn(&Value) -> Value);

/// The columns of a type.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) before_age: &'static [Column],
    pub(super) after_age: &'static [Column],
    /// With `-o wide` alone.
    pub(super) wide: &'static [Column],
}

const fn plain(before_age: &'static [Column]) -> Columns {
    Columns { before_age, after_age: &[], wide: &[] }
}

const PHASE: &[Column] = &[("Status", |object| object["status"]["phase"].clone())];
const PODS: Columns = Columns {
    before_age: &[
        ("Ready", |pod| {
            let ready =
                items(&pod["status"]["containerStatuses"]).filter(|each| each["ready"] == true).count();
            format!("{ready}/{}", items(&pod["spec"]["containers"]).count()).into()
        }),
        ("Status", |pod| {
            if meta::is_deleting(pod) { "Terminating".into() } else { pod["status"]["phase"].clone() }
        }),
        ("Restarts", |pod| {
            let restarts =
                items(&pod["status"]["containerStatuses"]).map(|each| number(&each["restartCount"]));
            restarts.sum::<i64>().to_string().into()
        }),
    ],
    after_age: &[],
    wide: &[
        ("IP", |pod| or_none(&pod["status"]["podIP"])),
        ("Node", |pod| or_none(&pod["spec"]["nodeName"])),
        ("Nominated Node", |pod| or_none(&pod["status"]["nominatedNodeName"])),
        ("Readiness Gates", |_| NONE.into()),
    ],
};
const NODES: Columns = Columns {
    before_age: &[
        ("Status", |node| {
            let ready = items(&node["status"]["conditions"]).find(|each| each["type"] == "Ready");
            match ready.map(|ready| &ready["status"]) {
                Some(status) if status == "True" => "Ready".into(),
                Some(_) => "NotReady".into(),
                None => "Unknown".into(),
            }
        }),
        ("Roles", |node| {
            let labels = node["metadata"]["labels"].as_object();
            let roles = labels.into_iter().flat_map(serde_json::Map::keys);
            let roles = roles.filter_map(|label| label.strip_prefix("node-role.kubernetes.io/"));
            joined(roles)
        }),
    ],
    after_age: &[("Version", |node| node["status"]["nodeInfo"]["kubeletVersion"].clone())],
    wide: &[
        ("Internal-IP", |node| {
            let addresses = items(&node["status"]["addresses"]);
            let internal = addresses.filter(|each| each["type"] == "InternalIP");
            joined(internal.filter_map(|each| each["address"].as_str()))
        }),
        ("External-IP", |_| NONE.into()),
        ("OS-Image", |node| or_unknown(&node["status"]["nodeInfo"]["osImage"])),
        ("Kernel-Version", |node| or_unknown(&node["status"]["nodeInfo"]["kernelVersion"])),
        ("Container-Runtime", |node| or_unknown(&node["status"]["nodeInfo"]["containerRuntimeVersion"])),
    ],
};
const DEPLOYMENTS: Columns = Columns {
    before_age: &[
        ("Ready", |it| format!("{}/{}", number(&it["status"]["readyReplicas"]), wanted(it)).into()),
        ("Up-to-date", |it| number(&it["status"]["updatedReplicas"]).into()),
        ("Available", |it| number(&it["status"]["availableReplicas"]).into()),
    ],
    after_age: &[],
    wide: TEMPLATE,
};
const REPLICA_SETS: Columns = Columns {
    before_age: &[
        ("Desired", |it| wanted(it).into()),
        ("Current", |it| number(&it["status"]["replicas"]).into()),
        ("Ready", |it| number(&it["status"]["readyReplicas"]).into()),
    ],
    after_age: &[],
    wide: TEMPLATE,
};
const STATEFUL_SETS: Columns = Columns {
    before_age: &[("Ready", |it| {
        format!("{}/{}", number(&it["status"]["readyReplicas"]), wanted(it)).into()
    })],
    after_age: &[],
    wide: TEMPLATE,
};
const TEMPLATE: &[Column] = &[
    ("Containers", |it| of_containers(it, "name")),
    ("Images", |it| of_containers(it, "image")),
    ("Selector", |it| labels(&it["spec"]["selector"]["matchLabels"])),
];
const JOBS: Columns = plain(&[
    ("Status", |job| {
        let met = |kind: &str| {
            items(&job["status"]["conditions"]).any(|each| each["type"] == kind && each["status"] == "True")
        };
        let states = ["Complete", "Failed", "Suspended"];
        states.into_iter().find(|state| met(state)).unwrap_or("Running").into()
    }),
    ("Completions", |job| {
        let wanted = job["spec"]["completions"].as_i64().unwrap_or(1);
        format!("{}/{wanted}", number(&job["status"]["succeeded"])).into()
    }),
    ("Duration", |_| "".into()),
]);
const CRON_JOBS: Columns = plain(&[
    ("Schedule", |job| job["spec"]["schedule"].clone()),
    ("Timezone", |job| or_none(&job["spec"]["timeZone"])),
    ("Suspend", |job| if job["spec"]["suspend"] == true { "True" } else { "False" }.into()),
    ("Active", |job| items(&job["status"]["active"]).count().into()),
    ("Last Schedule", |_| NONE.into()),
]);
const SERVICES: Columns = Columns {
    before_age: &[
        ("Type", |service| service["spec"]["type"].clone()),
        ("Cluster-IP", |service| or_none(&service["spec"]["clusterIP"])),
        ("External-IP", |service| match service["spec"]["type"].as_str() {
            Some("ExternalName") => or_none(&service["spec"]["externalName"]),
            Some("LoadBalancer") => "<pending>".into(),
            _ => NONE.into(),
        }),
        ("Port(s)", |service| {
            let ports = items(&service["spec"]["ports"]);
            let port =
                |port: &Value| format!("{}/{}", port["port"], port["protocol"].as_str().unwrap_or("TCP"));
            let ports: Vec<String> = ports.map(port).collect();
            joined(ports.iter().map(String::as_str))
        }),
    ],
    after_age: &[],
    wide: &[("Selector", |service| labels(&service["spec"]["selector"]))],
};
const INGRESSES: Columns = plain(&[
    ("Class", |ingress| or_none(&ingress["spec"]["ingressClassName"])),
    ("Hosts", |ingress| {
        let hosts = items(&ingress["spec"]["rules"]).filter_map(|rule| rule["host"].as_str());
        match joined(hosts) {
            none if none == NONE => "*".into(),
            hosts => hosts,
        }
    }),
    ("Address", |_| "".into()),
    ("Ports", |ingress| if ingress["spec"]["tls"].is_null() { "80" } else { "80, 443" }.into()),
]);
const API_SERVICES: Columns = plain(&[
    ("Service", |service| match &service["spec"]["service"] {
        Value::Null => "Local".into(),
        to => format!("{}/{}", to["namespace"].as_str().unwrap_or("?"), to["name"].as_str().unwrap_or("?"))
            .into(),
    }),
    ("Available", |service| match &service["status"]["conditions"][0] {
        condition if condition["status"] == "True" => "True".into(),
        condition => format!("False ({})", condition["reason"].as_str().unwrap_or("Unknown")).into(),
    }),
]);

pub(super) fn of(of: &ResourceType) -> Columns {
    match (of.group.as_str(), of.resource.as_str()) {
        ("", "namespaces" | "persistentvolumeclaims" | "persistentvolumes") => plain(PHASE),
        ("", "pods") => PODS,
        ("", "nodes") => NODES,
        ("", "configmaps") => plain(&[("Data", |map| size(&map["data"]))]),
        ("", "secrets") => {
            plain(&[("Type", |secret| secret["type"].clone()), ("Data", |secret| size(&secret["data"]))])
        }
        ("", "services") => SERVICES,
        ("apps", "deployments") => DEPLOYMENTS,
        ("apps", "replicasets") => REPLICA_SETS,
        ("apps", "statefulsets") => STATEFUL_SETS,
        ("batch", "jobs") => JOBS,
        ("batch", "cronjobs") => CRON_JOBS,
        ("networking.k8s.io", "ingresses") => INGRESSES,
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            plain(&[("Role", |binding| {
                let role = &binding["roleRef"];
                format!("{}/{}", role["kind"].as_str().unwrap_or("?"), role["name"].as_str().unwrap_or("?"))
                    .into()
            })])
        }
        ("apiregistration.k8s.io", _) => API_SERVICES,
        _ => Columns::default(),
    }
}

const NONE: &str = "<none>";

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// `spec.replicas`, one where it is not said.
fn wanted(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

fn size(map: &Value) -> Value {
    map.as_object().map_or(0, serde_json::Map::len).into()
}

fn or_none(value: &Value) -> Value {
    if value.is_null() { NONE.into() } else { value.clone() }
}

fn or_unknown(value: &Value) -> Value {
    if value.is_null() { "<unknown>".into() } else { value.clone() }
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    let texts: Vec<&str> = texts.collect();
    if texts.is_empty() { NONE.into() } else { texts.join(",").into() }
}

fn labels(map: &Value) -> Value {
    let pairs = map.as_object().into_iter().flatten();
    let pairs: Vec<String> =
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    joined(pairs.iter().map(String::as_str))
}

fn of_containers(object: &Value, field: &str) -> Value {
    let containers = items(&object["spec"]["template"]["spec"]["containers"]);
    joined(containers.filter_map(|container| container[field].as_str()))
}
