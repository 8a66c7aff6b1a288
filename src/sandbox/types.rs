//! Which types there are: the built-in ones from a table, the custom ones from the CRDs.

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::meta;
use super::release::Release;

/// All verbs of an ordinary type, in discovery's order.
const ALL_VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// The same for custom types, in the order that is theirs.
const CUSTOM_VERBS: [&str; 8] =
    ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
/// What discovery shows of a terminating CRD (apiextensions' `customresource_discovery_controller.go`),
/// although updates and patches still work.
const TERMINATING_VERBS: [&str; 5] = ["delete", "deletecollection", "get", "list", "watch"];
/// Keeps CRDs until their custom resources are gone.
pub(crate) const CRD_CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// One version of one resource.
#[derive(Clone, Debug)]
pub(crate) struct ResourceType {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) namespaced: bool,
    pub(crate) verbs: Vec<String>,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) subresources: Vec<String>,
    /// What is known of the CRD behind it; none for built-in types.
    pub(crate) custom: Option<Custom>,
}

/// The CRD behind a custom type.
#[derive(Clone, Debug)]
pub(crate) struct Custom {
    pub(crate) storage_version: String,
    /// `spec.conversion.webhook.clientConfig`, when the strategy is Webhook.
    pub(crate) webhook: Option<Value>,
    pub(crate) terminating: bool,
    pub(crate) columns: Vec<Value>,
}

impl ResourceType {
    /// "v1" or "group/version".
    pub(crate) fn api_version(&self) -> String {
        group_version(&self.group, &self.version)
    }

    /// "configmaps" or "backups.example.com".
    pub(crate) fn group_resource(&self) -> String {
        if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }

    /// Where the objects are kept: one place for all versions, and for the two groups that events live in (until 1.21
    /// ingresses did so, too).
    pub(crate) fn storage_key(&self) -> String {
        match (self.group.as_str(), self.resource.as_str()) {
            (_, "events") => "events".to_owned(),
            ("extensions", "ingresses") => "ingresses.networking.k8s.io".to_owned(),
            _ => self.group_resource(),
        }
    }

    pub(crate) fn is(&self, group: &str, resource: &str) -> bool {
        self.group == group && self.resource == resource
    }

    pub(crate) fn is_namespace(&self) -> bool {
        self.is("", "namespaces")
    }

    pub(crate) fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|each| each == verb)
    }

    pub(crate) fn has(&self, subresource: &str) -> bool {
        self.subresources.iter().any(|each| each == subresource)
    }
}

/// "v1" or "group/version".
pub(crate) fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// All types that are served at the moment, in discovery's order.
#[derive(Debug)]
pub(crate) struct Types {
    built_in: Vec<Arc<ResourceType>>,
    custom: Vec<Arc<ResourceType>>,
}

impl Types {
    pub(crate) fn new(release: Release) -> Self {
        let served = BUILT_IN.iter().filter(|row| row.is_served_by(release));
        Self { built_in: served.map(|row| Arc::clone(&row.of)).collect(), custom: Vec::new() }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<ResourceType>> {
        self.built_in.iter().chain(&self.custom)
    }

    pub(crate) fn find(&self, group: &str, version: &str, resource: &str) -> Option<Arc<ResourceType>> {
        self.all().find(|of| of.is(group, resource) && of.version == version).cloned()
    }

    pub(crate) fn serves(&self, group: &str, version: &str) -> bool {
        self.all().any(|of| of.group == group && of.version == version)
    }

    /// Reads the custom types anew from the CRDs.
    pub(crate) fn load(&mut self, crds: &[Arc<Value>]) {
        let mut custom: Vec<_> =
            crds.iter().filter(|crd| is_established(crd)).flat_map(|crd| versions_of(crd)).collect();
        custom.sort_by(|a, b| {
            a.group
                .cmp(&b.group)
                .then_with(|| compare_versions(&a.version, &b.version))
                .then_with(|| a.resource.cmp(&b.resource))
        });
        self.custom = custom.into_iter().map(Arc::new).collect();
    }
}

/// The built-in type of this name; for the code that needs one to word an error or to find objects.
pub(crate) fn built_in(group: &str, resource: &str) -> Arc<ResourceType> {
    let found = BUILT_IN.iter().find(|row| row.of.is(group, resource));
    // The fallback is never reached: a test walks over all names that the code uses.
    Arc::clone(&found.unwrap_or(&BUILT_IN[0]).of)
}

/// A row of the table.
struct BuiltIn {
    of: Arc<ResourceType>,
    /// The minor releases that serve it.
    first: u32,
    last: u32,
}

impl BuiltIn {
    fn is_served_by(&self, release: Release) -> bool {
        (self.first..=self.last).contains(&release.minor())
    }
}

static BUILT_IN: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
    let table = include_str!("builtin.txt").lines().filter(|line| !line.starts_with('#'));
    table.filter_map(parse_row).collect()
});

fn parse_row(line: &str) -> Option<BuiltIn> {
    let (columns, releases) = line.rsplit_once(' ')?;
    let (first, last) = releases.split_once('-')?;
    let minor = |end: &str, open: u32| match end.strip_prefix("1.") {
        Some(minor) => minor.parse().ok(),
        None => Some(open),
    };
    Some(BuiltIn {
        of: Arc::new(parse_type(columns)?),
        first: minor(first, 0)?,
        last: minor(last, u32::MAX)?,
    })
}

fn parse_type(line: &str) -> Option<ResourceType> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [api_version, resource, kind, scope, verbs, short_names, categories, subresources] = columns[..]
    else {
        return None;
    };
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let list = |cell: &str| -> Vec<String> {
        if cell == "-" { Vec::new() } else { cell.split(',').map(str::to_owned).collect() }
    };
    let verbs = if verbs == "*" { ALL_VERBS.map(str::to_owned).to_vec() } else { list(verbs) };
    Some(ResourceType {
        group: group.to_owned(),
        version: version.to_owned(),
        resource: resource.to_owned(),
        singular: kind.to_lowercase(),
        kind: kind.to_owned(),
        list_kind: format!("{kind}List"),
        namespaced: scope == "N",
        verbs,
        short_names: list(short_names),
        categories: list(categories),
        subresources: list(subresources),
        custom: None,
    })
}

fn is_established(crd: &Value) -> bool {
    meta::items(&crd["status"]["conditions"])
        .iter()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

fn versions_of(crd: &Value) -> Vec<ResourceType> {
    let spec = &crd["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list =
        |value: &Value| -> Vec<String> { meta::strings(value).into_iter().map(str::to_owned).collect() };
    let versions = meta::items(&spec["versions"]);
    let storage = versions.iter().find(|version| version["storage"] == true);
    let terminating = meta::is_deleting(crd);
    let verbs: &[&str] = if terminating { &TERMINATING_VERBS } else { &CUSTOM_VERBS };
    let webhook = &spec["conversion"];
    let webhook = (webhook["strategy"] == "Webhook").then(|| webhook["webhook"]["clientConfig"].clone());
    let served = versions.iter().filter(|version| version["served"] == true);
    served
        .map(|version| ResourceType {
            group: text(&spec["group"]),
            version: text(&version["name"]),
            resource: text(&names["plural"]),
            singular: text(&names["singular"]),
            kind: text(&names["kind"]),
            list_kind: names["listKind"]
                .as_str()
                .map_or_else(|| format!("{}List", text(&names["kind"])), str::to_owned),
            namespaced: spec["scope"] == "Namespaced",
            verbs: verbs.iter().map(|&verb| verb.to_owned()).collect(),
            short_names: list(&names["shortNames"]),
            categories: list(&names["categories"]),
            subresources: if version["subresources"]["status"].is_object() {
                vec!["status".to_owned()]
            } else {
                vec![]
            },
            custom: Some(Custom {
                storage_version: storage.map(|version| text(&version["name"])).unwrap_or_default(),
                webhook: webhook.clone(),
                terminating,
                columns: meta::items(&version["additionalPrinterColumns"]).to_vec(),
            }),
        })
        .collect()
}

/// Best version first: v2, v1, v2beta1, v1alpha1, then everything else by name (apimachinery's
/// `version.CompareKubeAwareVersionStrings`).
pub(crate) fn compare_versions(a: &str, b: &str) -> Ordering {
    match (kube_version(a), kube_version(b)) {
        (Some(a), Some(b)) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// (stability, major, minor) of v1, v1beta2 …
fn kube_version(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (major, rest) = rest.split_at(digits);
    let major = major.parse().ok()?;
    if rest.is_empty() {
        return Some((2, major, 0));
    }
    let (stability, minor) = if let Some(minor) = rest.strip_prefix("beta") {
        (1, minor)
    } else {
        (0, rest.strip_prefix("alpha")?)
    };
    Some((stability, major, minor.parse().ok()?))
}
