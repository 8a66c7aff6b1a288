//! Finalizers of machines, clusters and what they are made of: addresses, credentials, registries.

use super::super::{Entry, OWNER, Owner, entry};

const FLEET: Owner = Owner {
    name: "Kubernetes Fleet (fleet-hub-agent)",
    groups: &["placement.kubernetes-fleet.io", "cluster.kubernetes-fleet.io"],
    ..OWNER
};
const SVELTOS: Owner =
    Owner { name: "Sveltos", groups: &["config.projectsveltos.io", "lib.projectsveltos.io"], ..OWNER };
const KCP: Owner = Owner { name: "kcp", groups: &["apis.kcp.io", "core.kcp.io", "cache.kcp.io"], ..OWNER };
const KAMAJI: Owner = Owner { name: "Kamaji", groups: &["kamaji.clastix.io"], ..OWNER };
const EKS_ANYWHERE: Owner = Owner { name: "EKS Anywhere", groups: &["anywhere.eks.amazonaws.com"], ..OWNER };
const ASSISTED: Owner = Owner {
    name: "OpenShift assisted-service",
    groups: &["agent-install.openshift.io", "extensions.hive.openshift.io"],
    ..OWNER
};
const METAL3_IPAM: Owner = Owner { name: "Metal3 IP address manager", groups: &["ipam.metal3.io"], ..OWNER };
const CAPI_IPAM: Owner =
    Owner { name: "Cluster API IPAM provider in-cluster", groups: &["ipam.cluster.x-k8s.io"], ..OWNER };
const CAAPH: Owner =
    Owner { name: "Cluster API add-on provider for Helm", groups: &["addons.cluster.x-k8s.io"], ..OWNER };
const CREDENTIALS: Owner =
    Owner { name: "OpenShift cloud-credential-operator", groups: &["cloudcredential.openshift.io"], ..OWNER };
const REGISTRY: Owner = Owner {
    name: "OpenShift image registry operator",
    groups: &["imageregistry.operator.openshift.io"],
    ..OWNER
};
const DNS: Owner = Owner { name: "OpenShift DNS operator", groups: &["operator.openshift.io"], ..OWNER };
const MCM: Owner =
    Owner { name: "Gardener machine-controller-manager", groups: &["machine.sapcloud.io"], ..OWNER };
const DRUID_ETCD: Owner = Owner { name: "etcd-druid", groups: &["druid.gardener.cloud"], ..OWNER };
const MACHINE_CONTROLLER: Owner =
    Owner { name: "Kubermatic machine-controller", groups: &["cluster.k8s.io"], ..OWNER };
const VM_OPERATOR: Owner =
    Owner { name: "VM Operator of vSphere", groups: &["vmoperator.vmware.com"], ..OWNER };
const OPENSTACK: Owner =
    Owner { name: "OpenStack operators (openstack-k8s-operators)", groups: &["*.openstack.org"], ..OWNER };

const BACK: &str = "bring the operator back";

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        examples: &["kubernetes-fleet.io/work-cleanup"],
        ..entry(
            &["kubernetes-fleet.io/*"],
            "ClusterResourcePlacement, Work, MemberCluster …",
            FLEET,
            (
                "the removal of what was placed on member clusters",
                "it stays on the member clusters, and nothing manages it",
                "bring the hub agent and the member agents back",
            ),
            true,
            "Azure/fleet apis/placement/v1beta1/commons.go: FleetPrefix, WorkFinalizer …",
        )
    },
    entry(
        &[
            "clusterprofilefinalizer.projectsveltos.io",
            "clustersummaryfinalizer.projectsveltos.io",
            "profilefinalizer.projectsveltos.io",
            "config.projectsveltos.io/clusterpromotion",
        ],
        "ClusterProfile, ClusterSummary, Profile, ClusterPromotion",
        SVELTOS,
        (
            "the removal of the add-ons from managed clusters",
            "the add-ons stay in the managed clusters",
            "bring Sveltos back",
        ),
        false,
        "projectsveltos/addon-controller api/v1beta1: ClusterProfileFinalizer, ClusterSummaryFinalizer …",
    ),
    entry(
        &[
            "apis.kcp.io/apibinding-finalizer",
            "core.kcp.io/logicalcluster",
            "core.kcp.io/logicalcluster-deletion",
            "kcp.io/has-terminators",
            "cache.kcp.io/clustercachedresource",
        ],
        "APIBinding, LogicalCluster, ClusterCachedResource",
        KCP,
        (
            "the deletion of everything inside before it goes",
            "its objects stay in etcd, out of reach",
            "bring kcp back",
        ),
        true,
        "kcp-dev/kcp pkg/reconciler/apis/apibindingdeletion, pkg/reconciler/core/logicalclusterdeletion",
    ),
    Entry {
        examples: &["finalizer.kamaji.clastix.io/soot"],
        ..entry(
            &[
                "finalizer.kamaji.clastix.io",
                "finalizer.kamaji.clastix.io/*",
                "kamaji.clastix.io/TenantControlPlane",
            ],
            "TenantControlPlane, DataStore, Secret",
            KAMAJI,
            (
                "the removal of the tenant's data and users from the datastore",
                "a tenant cluster's data stay in the datastore, with its user",
                "bring Kamaji and the datastore back",
            ),
            true,
            "clastix/kamaji controllers/finalizers/tcp.go; api/v1alpha1/datastore_types.go",
        )
    },
    Entry {
        examples: &["clusters.anywhere.eks.amazonaws.com/finalizer"],
        ..entry(
            &["*.anywhere.eks.amazonaws.com/finalizer"],
            "Cluster, ControlPlaneUpgrade, MachineDeploymentUpgrade, NodeUpgrade",
            EKS_ANYWHERE,
            (
                "the deletion of the cluster's machines",
                "machines run on",
                "bring the EKS Anywhere controller and its credentials back",
            ),
            true,
            "aws/eks-anywhere controllers/cluster_controller.go: ClusterFinalizerName",
        )
    },
    Entry {
        examples: &["infraenv.agent-install.openshift.io/ai-deprovision"],
        ..entry(
            &[
                "*.agent-install.openshift.io/ai-deprovision",
                "bmac.agent-install.openshift.io/deprovision",
                "agentclassification.agent-install.openshift.io",
            ],
            "Agent, InfraEnv, AgentServiceConfig, ClusterDeployment, BareMetalHost …",
            ASSISTED,
            (
                "the removal of the host or cluster from the assisted installer",
                "hosts stay as they are installed, and their entries stay in the service",
                "bring the assisted-service back",
            ),
            true,
            "openshift/assisted-service internal/controller/controllers: AgentFinalizerName, InfraEnvFinalizerName …",
        )
    },
    entry(
        &[
            "ippool.ipam.metal3.io",
            "ipclaim.ipam.metal3.io",
            "ipaddress.ipam.metal3.io",
            "ipam.metal3.io/ipaddressclaim",
            "ipam.metal3.io/ipaddress",
        ],
        "IPPool, IPClaim, IPAddress",
        METAL3_IPAM,
        (
            "an address that a machine still uses",
            "the address may be handed out twice",
            "delete the machines that use it first",
        ),
        true,
        "metal3-io/ip-address-manager api/v1alpha1; ipam/ippool_manager.go",
    ),
    Entry {
        examples: &["ipam.cluster.x-k8s.io/ProtectAddress"],
        ..entry(
            &["ipam.cluster.x-k8s.io/*"],
            "InClusterIPPool, IPAddress, IPAddressClaim",
            CAPI_IPAM,
            (
                "an address that a machine still uses",
                "the address may be handed out twice",
                "delete the machines that use it first",
            ),
            true,
            "kubernetes-sigs/cluster-api-ipam-provider-in-cluster pkg/ipamutil/reconciler.go; internal/controllers/inclusterippool.go",
        )
    },
    entry(
        &["helmchartproxy.addons.cluster.x-k8s.io", "helmreleaseproxy.addons.cluster.x-k8s.io"],
        "HelmChartProxy, HelmReleaseProxy",
        CAAPH,
        (
            "the uninstallation of the Helm release from the workload cluster",
            "the release stays in the workload cluster",
            "bring the provider back",
        ),
        false,
        "kubernetes-sigs/cluster-api-addon-provider-helm api/v1alpha1: HelmChartProxyFinalizer, HelmReleaseProxyFinalizer",
    ),
    entry(
        &["machinedeployment.topology.cluster.x-k8s.io", "machineset.topology.cluster.x-k8s.io"],
        "MachineDeployment, MachineSet of a managed topology",
        super::clusters::CLUSTER_API,
        (
            "the removal of the templates that were made for it",
            "templates stay, nothing else",
            "bring Cluster API back",
        ),
        false,
        "kubernetes-sigs/cluster-api api/core/v1beta1: MachineDeploymentTopologyFinalizer, MachineSetTopologyFinalizer",
    ),
    entry(
        &["cloudcredential.openshift.io/deprovision"],
        "CredentialsRequest",
        CREDENTIALS,
        (
            "the removal of the user or role in the cloud",
            "the credentials stay valid in the cloud",
            "bring the operator and its root credentials back",
        ),
        true,
        "openshift/cloud-credential-operator pkg/apis/cloudcredential/v1/types_credentialsrequest.go: FinalizerDeprovision",
    ),
    entry(
        &["imageregistry.operator.openshift.io/finalizer"],
        "Config of the image registry, ImagePruner",
        REGISTRY,
        (
            "the removal of the registry's storage",
            "the bucket or volume with the images stays, and is billed",
            BACK,
        ),
        true,
        "openshift/cluster-image-registry-operator pkg/defaults/defaults.go: ImageRegistryOperatorResourceFinalizer",
    ),
    entry(
        &["dns.operator.openshift.io/dns-controller"],
        "DNS",
        DNS,
        ("the removal of the cluster's DNS pods", "they stay, nothing else", BACK),
        false,
        "openshift/cluster-dns-operator pkg/operator/controller/controller.go: DNSControllerFinalizer",
    ),
    entry(
        &[
            "machine.sapcloud.io/machine-controller-manager",
            "machine.sapcloud.io/machine-controller",
            "node.machine.sapcloud.io/machine-controller",
        ],
        "Machine, MachineClass, Secret, Node",
        MCM,
        (
            "the drain of the node and the deletion of its machine",
            "the machine runs on and is billed",
            "bring machine-controller-manager and its credentials back",
        ),
        true,
        "gardener/machine-controller-manager pkg/util/provider/machinecontroller/controller.go: MCMFinalizerName …",
    ),
    entry(
        &["druid.gardener.cloud/etcd-druid", "druid.gardener.cloud/etcd-ops-task"],
        "Etcd, EtcdOpsTask",
        DRUID_ETCD,
        (
            "the orderly end of the etcd cluster",
            "its leases, roles and volumes may stay",
            "bring etcd-druid back",
        ),
        false,
        "gardener/etcd-druid api/common/constants.go: EtcdFinalizerName, EtcdOpsTaskFinalizerName",
    ),
    entry(
        &["machine-delete-finalizer", "machine-node-delete-finalizer"],
        "Machine",
        MACHINE_CONTROLLER,
        (
            "the deletion of the machine at the cloud, and of its node",
            "the machine runs on and is billed",
            "bring machine-controller and its credentials back",
        ),
        true,
        "kubermatic/machine-controller pkg/controller/machine/controller.go: FinalizerDeleteInstance, FinalizerDeleteNode",
    ),
    Entry {
        examples: &["vmoperator.vmware.com/virtualmachine", "virtualmachine.vmoperator.vmware.com"],
        ..entry(
            &["vmoperator.vmware.com/*", "*.vmoperator.vmware.com"],
            "VirtualMachine, VirtualMachineService, VirtualMachineSnapshot …",
            VM_OPERATOR,
            (
                "the deletion of the virtual machine in vSphere",
                "the virtual machine runs on in vSphere",
                "bring the operator and vCenter back",
            ),
            true,
            "vmware-tanzu/vm-operator controllers: finalizerName, deprecatedFinalizerName",
        )
    },
    Entry {
        examples: &["openstack.org/applicationcredential"],
        ..entry(
            &["openstack.org/*"],
            "KeystoneApplicationCredential, its Secret",
            OPENSTACK,
            (
                "the revocation of the credential in OpenStack",
                "the credential stays valid",
                "bring the operator and Keystone back",
            ),
            true,
            "openstack-k8s-operators/keystone-operator internal/controller/keystoneapplicationcredential_controller.go: finalizer, acSecretFinalizer",
        )
    },
];
