//! Finalizers of what stands for whole clusters and their machines, and of fleets of clusters.

use super::super::{Entry, OWNER, Owner, Runs, entry, lease, pods};

const PROVIDER: Owner = Owner {
    name: "a Cluster API infrastructure provider",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&[], "cluster.x-k8s.io/provider,control-plane=controller-manager")],
    groups: &["infrastructure.cluster.x-k8s.io"],
    ..OWNER
};
const METAL3: Owner = Owner {
    name: "Metal3 (baremetal-operator)",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(
        &["baremetal-operator-system", "openshift-machine-api"],
        "control-plane=controller-manager",
    )],
    groups: &["metal3.io"],
    ..OWNER
};
const HIVE: Owner = Owner {
    name: "Hive (hive-controllers)",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&["hive"], "control-plane=controller-manager")],
    groups: &["hive.openshift.io"],
    ..OWNER
};
const HYPERSHIFT: Owner = Owner {
    name: "HyperShift",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&["hypershift"], "app=operator")],
    groups: &["hypershift.openshift.io"],
    ..OWNER
};
const GARDENER: Owner = Owner {
    name: "Gardener",
    runs: Runs::MaybeElsewhere,
    groups: &["core.gardener.cloud", "extensions.gardener.cloud"],
    ..OWNER
};
const KUBERMATIC: Owner = Owner {
    name: "Kubermatic",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&["kubermatic"], "app.kubernetes.io/name=kubermatic-seed-controller-manager")],
    groups: &["kubermatic.k8c.io"],
    ..OWNER
};
const KARMADA: Owner = Owner {
    name: "Karmada (karmada-controller-manager)",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&["karmada-system"], "app=karmada-controller-manager")],
    groups: &["cluster.karmada.io", "work.karmada.io"],
    ..OWNER
};
const OCM: Owner = Owner {
    name: "Open Cluster Management",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&["open-cluster-management-agent"], "app=klusterlet-agent")],
    groups: &["cluster.open-cluster-management.io", "work.open-cluster-management.io"],
    ..OWNER
};
const FLEET: Owner = Owner {
    name: "Rancher Fleet (fleet-controller)",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&["cattle-fleet-system"], "app=fleet-controller")],
    groups: &["fleet.cattle.io"],
    ..OWNER
};
const KUBEFED: Owner = Owner {
    name: "KubeFed (kubefed-controller-manager)",
    workloads: &[pods(&["kube-federation-system"], "kubefed-control-plane=controller-manager")],
    groups: &["types.kubefed.io"],
    ..OWNER
};
const OPENSHIFT_INGRESS: Owner = Owner {
    name: "OpenShift (ingress-operator)",
    workloads: &[pods(&["openshift-ingress-operator"], "name=ingress-operator")],
    leases: &[lease("openshift-ingress-operator", "ingress-operator-lock")],
    groups: &["ingress.operator.openshift.io"],
    ..OWNER
};

const MACHINES: &str = "machines, networks and addresses keep running and are still billed";
const A_CLUSTER: &str = "a whole cluster keeps running in the cloud and is still billed";

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        examples: &[
            "awscluster.infrastructure.cluster.x-k8s.io",
            "vspherevm.infrastructure.cluster.x-k8s.io/ip-claim-protection",
        ],
        ..entry(
            &["*.infrastructure.cluster.x-k8s.io", "*.infrastructure.cluster.x-k8s.io/*"],
            "clusters and machines of AWS, Azure, Google Cloud, OpenStack, vSphere, Metal3 and others",
            PROVIDER,
            (
                "the end of the machines and networks in the cloud",
                MACHINES,
                "never force it; bring the provider back",
            ),
            true,
            "aws/eks-anywhere internal/thirdparty, pkg/providers/snow/api; the same in every cluster-api-provider",
        )
    },
    entry(
        &["baremetalhost.metal3.io"],
        "BareMetalHost",
        METAL3,
        (
            "the deprovisioning of the machine",
            "the machine keeps running with what is on its disk",
            "bring the baremetal-operator back",
        ),
        true,
        "metal3-io/baremetal-operator baremetalhost_types.go: BareMetalHostFinalizer",
    ),
    entry(
        &["hive.openshift.io/deprovision"],
        "ClusterDeployment",
        HIVE,
        (
            "the deprovisioning of an OpenShift cluster in the cloud",
            A_CLUSTER,
            "bring Hive and the cloud's credentials back; spec.preserveOnDelete keeps the cluster on purpose",
        ),
        true,
        "openshift/hive clusterdeployment_types.go: FinalizerDeprovision",
    ),
    Entry {
        examples: &["hypershift.openshift.io/finalizer", "hypershift.openshift.io/azure-pls-cleanup"],
        ..entry(
            &["hypershift.openshift.io/*"],
            "HostedCluster, NodePool, HostedControlPlane and what is made for them",
            HYPERSHIFT,
            (
                "the end of a hosted cluster and of its cloud resources",
                A_CLUSTER,
                "bring the HyperShift operator back",
            ),
            true,
            "openshift/hypershift, the finalizer constants of its controllers",
        )
    },
    entry(
        &["gardener", "extensions.gardener.cloud/infrastructure"],
        "Shoot, Seed, Infrastructure and what they use",
        GARDENER,
        (
            "the end of a cluster and of its infrastructure",
            A_CLUSTER,
            "bring Gardener and the cloud's credentials back",
        ),
        true,
        "gardener/gardener core/v1beta1 types: GardenerName; extensions infrastructure controller: Finalizer",
    ),
    Entry {
        examples: &["kubermatic.io/cleanup-cloud-provider", "kubermatic.k8c.io/delete-all-backups"],
        ..entry(
            &["kubermatic.io/*", "kubermatic.k8c.io/*"],
            "Cluster, EtcdBackupConfig, Seed and what they use",
            KUBERMATIC,
            (
                "the end of a user cluster's cloud resources and backups",
                "cloud resources and backups stay and are still billed",
                "bring Kubermatic's controllers back",
            ),
            true,
            "kubermatic/kubermatic, the finalizer constants of its controllers",
        )
    },
    entry(
        &[
            "karmada.io/cluster-controller",
            "karmada.io/execution-controller",
            "karmada.io/karmada-mcs-controller",
        ],
        "Cluster, Work, MultiClusterService",
        KARMADA,
        (
            "the deletion of what was sent to member clusters",
            "what it sent to member clusters keeps running there, unmanaged",
            "bring karmada-controller-manager and the member cluster back",
        ),
        true,
        "karmada-io/karmada pkg/util/constants.go, pkg/controllers/multiclusterservice",
    ),
    Entry {
        examples: &["cluster.open-cluster-management.io/manifest-work-cleanup"],
        ..entry(
            &["cluster.open-cluster-management.io/*"],
            "ManagedCluster, ManifestWork, AppliedManifestWork, add-ons",
            OCM,
            (
                "the deletion of what was applied to a managed cluster",
                "what it applied to the managed cluster stays there, unmanaged",
                "bring the klusterlet of the managed cluster back",
            ),
            true,
            "open-cluster-management-io/api and ocm: ManagedClusterFinalizer, ManifestWorkFinalizer",
        )
    },
    Entry {
        examples: &["fleet.cattle.io/bundle-finalizer"],
        ..entry(
            &["fleet.cattle.io/*"],
            "Bundle, BundleDeployment, GitRepo, Cluster, Schedule",
            FLEET,
            (
                "the deletion of what the bundle installed, on other clusters too",
                "what it installed keeps running, unmanaged",
                "bring fleet-controller back",
            ),
            false,
            "rancher/fleet internal/cmd/controller/finalize, bundle_controller.go",
        )
    },
    entry(
        &["kubefed.io/sync-controller"],
        "federated resources",
        KUBEFED,
        (
            "the deletion of what was copied to member clusters",
            "copies stay in the member clusters",
            "bring kubefed-controller-manager back",
        ),
        false,
        "kubernetes-retired/kubefed pkg/controller/sync: FinalizerSyncController",
    ),
    entry(
        &[
            "ingresscontroller.operator.openshift.io/finalizer-ingresscontroller",
            "ingress.openshift.io/default-cluster-ingress",
            "ingress.openshift.io/operator",
        ],
        "IngressController, its load balancer Service",
        OPENSHIFT_INGRESS,
        (
            "the removal of the router and its load balancer",
            "a load balancer may stay in the cloud and is still billed",
            "bring the ingress-operator back",
        ),
        true,
        "openshift/cluster-ingress-operator: IngressControllerFinalizer, ClusterIngressFinalizer",
    ),
    entry(
        &["operator.openshift.io/ingress-dns"],
        "DNSRecord",
        OPENSHIFT_INGRESS,
        (
            "the removal of the DNS record in the cloud",
            "the DNS record stays and points to nothing",
            "bring the ingress-operator and its DNS credentials back",
        ),
        true,
        "openshift/cluster-ingress-operator: DNSRecordFinalizer",
    ),
];
