use std::collections::{BTreeMap, HashSet};

use super::*;

fn known(finalizer: &str) -> &'static Entry {
    let places = [Place::Object, Place::NamespaceMetadata, Place::NamespaceSpec];
    places
        .into_iter()
        .find_map(|place| look_up(finalizer, "", "", place))
        .unwrap_or_else(|| panic!("{finalizer} is not known"))
}

#[test]
fn every_entry_says_everything() {
    for entry in all() {
        let texts =
            [entry.on, entry.owner.name, entry.protects, entry.if_removed, entry.remedy, entry.source];
        assert!(texts.iter().all(|text| !text.is_empty()), "{:?} leaves something out", entry.names);
        assert!(!entry.names.is_empty() && !entry.places.is_empty());
        for text in [entry.protects, entry.if_removed, entry.remedy] {
            assert!(!text.ends_with('.') && !text.contains(['\n', '<']), "{text:?} is not one plain clause");
            assert!(text.len() <= 110, "{text:?} is too long");
        }
    }
}

#[test]
fn it_knows_the_names_that_are_in_use() {
    let names: HashSet<&str> = all().iter().flat_map(|entry| entry.names).copied().collect();
    assert!(names.len() >= 385, "{} names", names.len());
    // A source is a place that somebody can open.
    for entry in all() {
        let opened = entry.source.contains('/') || entry.source.starts_with("fluxcd");
        assert!(opened || entry.source.starts_with("seen in"), "{:?}: {}", entry.names, entry.source);
    }
}

#[test]
fn no_two_entries_claim_the_same() {
    let mut seen = HashSet::new();
    for entry in all() {
        for name in entry.names {
            for place in entry.places {
                let key = (*name, format!("{place:?}"), entry.groups, entry.kinds);
                assert!(seen.insert(key), "{name} is there twice");
            }
        }
    }
}

#[test]
fn an_owner_is_described_in_one_way() {
    let mut owners = BTreeMap::new();
    for entry in all() {
        let first = owners.entry(entry.owner.name).or_insert(entry.owner);
        assert_eq!(*first, entry.owner, "two descriptions of one owner");
    }
}

#[test]
fn a_selector_that_says_little_is_tied_to_namespaces() {
    for workload in all().iter().flat_map(|entry| entry.owner.workloads) {
        let says_little = ["control-plane=controller-manager", "app=controller"].contains(&workload.selector);
        assert!(!says_little || !workload.namespaces.is_empty(), "{workload:?}");
        assert!(!workload.selector.contains(' '), "{workload:?}");
    }
}

#[test]
fn every_pattern_fits_its_example_and_no_other_entrys_name() {
    for entry in all() {
        for pattern in entry.names.iter().filter(|name| name.contains('*')) {
            let fits = |text: &&str| name::fits(pattern, text).is_some();
            assert!(entry.examples.iter().any(fits), "{pattern} has no example");
            let mut names = all().iter().flat_map(|entry| entry.names).filter(|name| !name.contains('*'));
            assert_eq!(names.find(|name| fits(name)), None, "{pattern} takes what is another's");
        }
        for example in entry.examples {
            let group = entry.groups.first().map_or("", |group| group.trim_start_matches("*."));
            let found = entry.places.iter().all(|place| look_up(example, group, "", *place) == Some(entry));
            assert!(found || entry.names == [name::OF_TYPE], "{example} is not found");
        }
    }
}

/// Without them something is left behind that costs money, holds data or cannot be undone.
const DANGEROUS: [&str; 57] = [
    "clusters.anywhere.eks.amazonaws.com/finalizer",
    "cloudcredential.openshift.io/deprovision",
    "cnpg.io/deleteSubscription",
    "finalizers.aiven.io/delete-remote-resource",
    "finalizers.tf.contrib.fluxcd.io",
    "gateway.k8s.aws/alb",
    "infraenv.agent-install.openshift.io/ai-deprovision",
    "kubevirt.io/hyperconverged",
    "services.cloud.sap.com/sap-btp-finalizer",
    "trident.netapp.io",
    "vmoperator.vmware.com/virtualmachine",
    "workspace.app.terraform.io/finalizer",
    "acme.cert-manager.io/finalizer",
    "awscluster.infrastructure.cluster.x-k8s.io",
    "chaos-mesh/records",
    "cns.vmware.com/pvc-protection",
    "dataprotection.kubeblocks.io/finalizer",
    "gardener",
    "hive.openshift.io/deprovision",
    "ceph.rook.io/disaster-protection",
    "cephcluster.ceph.rook.io",
    "cluster.cluster.x-k8s.io",
    "cluster.x-k8s.io/machineset",
    "cnrm.cloud.google.com/finalizer",
    "composite.apiextensions.crossplane.io",
    "customresourcecleanup.apiextensions.k8s.io",
    "elbv2.k8s.aws/resources",
    "external-attacher/ebs-csi-aws-com",
    "external-provisioner.volume.kubernetes.io/finalizer",
    "finalizer.managedresource.crossplane.io",
    "finalizers.rds.services.k8s.aws/DBInstance",
    "foregroundDeleteVirtualMachine",
    "gke.networking.io/l4-netlb-v2",
    "group.ingress.k8s.aws/shop",
    "ingress.k8s.aws/resources",
    "karpenter.sh/termination",
    "kopf.zalando.org/KopfFinalizerMarker",
    "kubeadm.controlplane.cluster.x-k8s.io",
    "kubernetes.io/pv-protection",
    "kubernetes.io/pvc-protection",
    "kubevirt.io/virtualMachineControllerFinalize",
    "longhorn.io",
    "machine.cluster.x-k8s.io",
    "machine.machine.openshift.io",
    "networking.gke.io/neg-finalizer",
    "orphan",
    "pushsecret.externalsecrets.io/finalizer",
    "redisReplicationFinalizer",
    "service.k8s.aws/resources",
    "service.kubernetes.io/load-balancer-cleanup",
    "serviceoperator.azure.com/finalizer",
    "snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection",
    "tigera.io/cni-protector",
    "vaultdynamicsecret.secrets.hashicorp.com/finalizer",
    "velero.io/data-upload-download-finalizer",
    "workflows.argoproj.io/artifact-gc",
    "wrangler.cattle.io/provisioning-cluster-remove",
];

#[test]
fn what_leaves_harm_behind_is_dangerous() {
    for finalizer in DANGEROUS {
        assert!(known(finalizer).dangerous, "{finalizer} should be dangerous");
    }
}

#[test]
fn what_leaves_only_disorder_behind_is_not() {
    for finalizer in [
        "batch.kubernetes.io/job-tracking",
        "finalizer.request.ibm.com",
        "finalizers.kapp-ctrl.k14s.io/delete",
        "helm.sdk.operatorframework.io/uninstall-release",
        "kueue.x-k8s.io/resource-in-use",
        "milvus.milvus.io/finalizer",
        "ray.io/rayjob-finalizer",
        "rollouts.kruise.io/rollout",
        "scheduling.k8s.io/podgroup-protection",
        "capsule.clastix.io/resources",
        "cdi.kubevirt.io/dataVolumeFinalizer",
        "chains.tekton.dev/pipelinerun",
        "finalizers.kubesphere.io/namespaces",
        "results.tekton.dev/taskrun",
        "controller.cattle.io/namespace-auth",
        "deletion.finalizers.rabbitmqclusters.rabbitmq.com",
        "externalsecrets.external-secrets.io/ces-registry",
        "finalizer.keda.sh",
        "foregroundDeletion",
        "kubernetes.io/vac-protection",
        "operators.coreos.com/csv-cleanup",
        "resources-finalizer.argocd.argoproj.io",
        "workflows.argoproj.io/status",
        "wrangler.cattle.io/auth-prov-v2-crole",
    ] {
        assert!(!known(finalizer).dangerous, "{finalizer} should not be dangerous");
    }
}

#[test]
fn a_shared_finalizer_is_told_apart_by_the_type_it_is_on() {
    let owner = |group, kind| {
        look_up("finalizers.fluxcd.io", group, kind, Place::Object).map(|entry| entry.owner.name)
    };
    assert_eq!(owner("source.toolkit.fluxcd.io", "GitRepository"), Some("Flux (source-controller)"));
    assert_eq!(owner("kustomize.toolkit.fluxcd.io", "Kustomization"), Some("Flux (kustomize-controller)"));
    assert_eq!(owner("helm.toolkit.fluxcd.io", "HelmRelease"), Some("Flux (helm-controller)"));
    assert_eq!(owner("image.toolkit.fluxcd.io", "ImagePolicy"), Some("Flux (image-reflector-controller)"));
    assert_eq!(
        owner("image.toolkit.fluxcd.io", "ImageUpdateAutomation"),
        Some("Flux (image-automation-controller)")
    );
    assert_eq!(owner("notification.toolkit.fluxcd.io", "Alert"), Some("Flux"));
    let elsewhere =
        look_up("finalizers.fluxcd.io", "cluster.redpanda.com", "Redpanda", Place::Object).unwrap();
    assert!(elsewhere.dangerous, "whose it is, nobody knows");
}

#[test]
fn the_same_prefix_is_harmless_on_a_role_and_dangerous_on_a_cluster() {
    let dangerous =
        |finalizer, group, kind| look_up(finalizer, group, kind, Place::Object).unwrap().dangerous;
    let removes_cluster = "wrangler.cattle.io/provisioning-cluster-remove";
    assert!(dangerous(removes_cluster, "provisioning.cattle.io", "Cluster"));
    assert!(!dangerous("wrangler.cattle.io/anything", "rbac.authorization.k8s.io", "RoleBinding"));
    assert!(!dangerous("wrangler.cattle.io/auth-prov-v2-crole", "management.cattle.io", "RoleTemplate"));
}

#[test]
fn a_name_made_of_the_type_is_knatives_in_its_groups_only() {
    let look_up = |finalizer, group, kind| look_up(finalizer, group, kind, Place::Object);
    let trigger = look_up("triggers.eventing.knative.dev", "eventing.knative.dev", "Trigger").unwrap();
    assert_eq!(trigger.owner.name, "Knative");
    assert_eq!(look_up("triggers.eventing.knative.dev", "eventing.knative.dev", "Broker"), None);
    assert_eq!(look_up("widgets.example.com", "example.com", "Widget"), None);
}

#[test]
fn a_finalizer_is_known_in_its_own_place_only() {
    assert!(look_up("kubernetes", "", "Namespace", Place::NamespaceSpec).is_some());
    assert_eq!(look_up("kubernetes", "", "Namespace", Place::NamespaceMetadata), None);
    assert_eq!(look_up("kubernetes", "", "ConfigMap", Place::Object), None);
    assert!(look_up("openshift.io/origin", "", "Namespace", Place::NamespaceSpec).is_some());
    assert!(look_up("foregroundDeletion", "", "Namespace", Place::NamespaceMetadata).is_some());
    assert_eq!(look_up("longhorn.io", "", "Namespace", Place::NamespaceMetadata), None);
}

#[test]
fn the_unknown_is_not_guessed_at() {
    for finalizer in [
        "",
        "example.com/finalizer",
        "kubernetes.io/pvc-protection/x",
        "Kubernetes.io/pvc-protection",
        "group.ingress.k8s.aws/",
        "disaster-protection",
        "*",
        "*.ceph.rook.io/x",
        "backup-finalizer",
        "redisSentinelFinalizer",
    ] {
        assert_eq!(look_up(finalizer, "example.com", "Widget", Place::Object), None, "{finalizer:?}");
    }
}

/// `NSFIX_BLESS=1` writes the page instead of comparing it.
#[test]
fn the_page_in_docs_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/finalizers.md");
    if std::env::var_os("NSFIX_BLESS").is_some() {
        std::fs::write(path, markdown()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page == markdown(), "docs/finalizers.md is out of date: run the tests with NSFIX_BLESS=1");
}
