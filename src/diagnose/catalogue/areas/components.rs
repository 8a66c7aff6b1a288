//! Finalizers of the components of platforms.

use super::super::{Entry, OWNER, Owner, entry, pods};

const BTP: Owner = Owner { name: "SAP BTP service operator", groups: &["services.cloud.sap.com"], ..OWNER };
const KYMA_SERVERLESS: Owner =
    Owner { name: "Kyma (serverless-operator)", groups: &["operator.kyma-project.io"], ..OWNER };
const ODLM: Owner =
    Owner { name: "IBM operand-deployment-lifecycle-manager", groups: &["operator.ibm.com"], ..OWNER };
const OPEN_DATA_HUB: Owner = Owner { name: "Open Data Hub operator", groups: &["*.opendatahub.io"], ..OWNER };
const COMPLIANCE: Owner =
    Owner { name: "Compliance operator", groups: &["compliance.openshift.io"], ..OWNER };
const HYPERCONVERGED: Owner = Owner {
    name: "HyperConverged Cluster operator (KubeVirt)",
    workloads: &[pods(&[], "name=hyperconverged-cluster-operator")],
    groups: &["hco.kubevirt.io"],
    ..OWNER
};
const SSP: Owner = Owner { name: "SSP operator (KubeVirt)", groups: &["ssp.kubevirt.io"], ..OWNER };
const CDI_OPERATOR: Owner =
    Owner { name: "KubeVirt CDI (cdi-operator)", groups: &["cdi.kubevirt.io"], ..OWNER };
const MULTICLUSTERHUB: Owner =
    Owner { name: "multiclusterhub-operator", groups: &["operator.open-cluster-management.io"], ..OWNER };
const LOGGING: Owner = Owner { name: "Logging operator", groups: &["logging.banzaicloud.io"], ..OWNER };
const KMM: Owner = Owner { name: "Kernel Module Management", groups: &["kmm.sigs.x-k8s.io"], ..OWNER };

const BACK: &str = "bring the operator back";

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        &["services.cloud.sap.com/sap-btp-finalizer"],
        "ServiceInstance, ServiceBinding",
        BTP,
        (
            "the deletion of the service or binding in SAP BTP",
            "the service runs on in SAP BTP and is billed",
            "bring the operator and its credentials back",
        ),
        true,
        "SAP/sap-btp-service-operator api/common/common.go: FinalizerName",
    ),
    entry(
        &["serverless-operator.kyma-project.io/deletion-hook"],
        "Serverless",
        KYMA_SERVERLESS,
        ("the removal of the module", "the module's parts stay", BACK),
        false,
        "kyma-project/serverless components/operator/api/v1alpha1/serverless_types.go: Finalizer",
    ),
    entry(
        &[
            "finalizer.request.ibm.com",
            "finalizer.registry.ibm.com",
            "finalizer.config.ibm.com",
            "finalizer.bindinfo.ibm.com",
        ],
        "OperandRequest, OperandRegistry, OperandConfig, OperandBindInfo",
        ODLM,
        (
            "the removal of the operators and operands that were requested",
            "they stay, and nothing manages them",
            "bring operand-deployment-lifecycle-manager back",
        ),
        false,
        "IBM/operand-deployment-lifecycle-manager api/v1alpha1: RequestFinalizer, RegistryFinalizer …",
    ),
    entry(
        &["dscinitialization.opendatahub.io/finalizer", "platform.opendatahub.io/finalizer"],
        "DSCInitialization, components",
        OPEN_DATA_HUB,
        ("the removal of the platform's parts", "they stay, nothing else", BACK),
        false,
        "opendatahub-io/opendatahub-operator internal/controller: finalizerName",
    ),
    entry(
        &[
            "scan.finalizers.compliance.openshift.io",
            "suite.finalizers.compliance.openshift.io",
            "profilebundle.finalizers.compliance.openshift.io",
        ],
        "ComplianceScan, ComplianceSuite, ProfileBundle",
        COMPLIANCE,
        ("the removal of the scan's results and schedules", "results and schedules stay, nothing else", BACK),
        false,
        "ComplianceAsCode/compliance-operator pkg/apis/compliance/v1alpha1: ScanFinalizer, SuiteFinalizer, ProfileBundleFinalizer",
    ),
    entry(
        &["kubevirt.io/hyperconverged"],
        "HyperConverged",
        HYPERCONVERGED,
        (
            "virtual machines and volumes, which must be gone before it goes",
            "KubeVirt is torn down under running virtual machines",
            "delete the virtual machines first",
        ),
        true,
        "kubevirt/hyperconverged-cluster-operator controllers/hyperconverged/hyperconverged_controller.go: FinalizerName",
    ),
    entry(
        &["ssp.kubevirt.io/finalizer", "finalize.ssp.kubevirt.io"],
        "SSP",
        SSP,
        ("the removal of templates, boot sources and webhooks", "they stay, nothing else", BACK),
        false,
        "kubevirt/ssp-operator internal/controllers/ssp_controller.go: finalizerName, oldFinalizerName",
    ),
    entry(
        &["operator.cdi.kubevirt.io"],
        "CDI",
        CDI_OPERATOR,
        ("the removal of CDI's cluster-wide parts", "its webhooks, APIService and cluster roles stay", BACK),
        false,
        "kubevirt/containerized-data-importer pkg/operator/controller/controller.go: finalizerName",
    ),
    entry(
        &["finalizer.operator.open-cluster-management.io"],
        "MultiClusterHub",
        MULTICLUSTERHUB,
        (
            "the removal of the hub's parts in order",
            "webhooks, APIServices and components of the hub stay",
            BACK,
        ),
        false,
        "stolostron/multiclusterhub-operator controllers/multiclusterhub_controller.go: hubFinalizer",
    ),
    entry(
        &[
            "fluentdconfig.logging.banzaicloud.io/finalizer",
            "syslogngconfig.logging.banzaicloud.io/finalizer",
            "telemetrycontroller.logging.banzaicloud.io/finalizer",
        ],
        "Logging, FluentdConfig, SyslogNGConfig",
        LOGGING,
        (
            "the removal of what was made for it elsewhere",
            "collectors and their configuration may stay",
            BACK,
        ),
        false,
        "kube-logging/logging-operator controllers/logging: FluentdConfigFinalizer, SyslogNGConfigFinalizer …",
    ),
    Entry {
        examples: &["kmm.node.kubernetes.io/module-finalizer"],
        ..entry(
            &["kmm.node.kubernetes.io/*"],
            "Module, NodeModulesConfig, Pod, Node",
            KMM,
            (
                "the unloading of the kernel module",
                "the kernel module stays loaded until the node restarts",
                "bring Kernel Module Management back",
            ),
            false,
            "kubernetes-sigs/kernel-module-management internal/constants/constants.go: ModuleFinalizer …",
        )
    },
];
