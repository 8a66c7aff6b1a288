//! Finalizers of application platforms, delivery tools and operators of one kind of workload.

use super::super::{Entry, OWNER, Owner, entry, pods};

const ARGO_EVENTS: Owner =
    Owner { name: "Argo Events (controller-manager)", groups: &["argoproj.io"], ..OWNER };
const KARGO: Owner = Owner { name: "Kargo", groups: &["kargo.akuity.io"], ..OWNER };
const ARGOCD_OPERATOR: Owner = Owner { name: "Argo CD operator", groups: &["argoproj.io"], ..OWNER };
const KAPP: Owner = Owner {
    name: "kapp-controller",
    workloads: &[pods(&[], "app=kapp-controller")],
    groups: &["kappctrl.k14s.io", "packaging.carvel.dev"],
    ..OWNER
};
const HELM_OPERATOR: Owner = Owner { name: "a Helm-based operator (Operator SDK)", ..OWNER };
const METACONTROLLER: Owner = Owner { name: "Metacontroller", groups: &["metacontroller.k8s.io"], ..OWNER };
const K3S_HELM: Owner = Owner { name: "K3s or RKE2 (helm-controller)", groups: &["helm.cattle.io"], ..OWNER };
const DEVWORKSPACE: Owner = Owner {
    name: "DevWorkspace operator",
    groups: &["workspace.devfile.io", "controller.devfile.io"],
    ..OWNER
};
const KRATIX: Owner = Owner { name: "Kratix", groups: &["platform.kratix.io"], ..OWNER };
const TOFU: Owner = Owner { name: "Tofu controller", groups: &["infra.contrib.fluxcd.io"], ..OWNER };
const DATADOG: Owner = Owner {
    name: "Datadog operator",
    workloads: &[pods(&[], "app.kubernetes.io/name=datadog-operator")],
    groups: &["datadoghq.com"],
    ..OWNER
};
const KRUISE: Owner = Owner {
    name: "OpenKruise (kruise-manager)",
    workloads: &[pods(&["kruise-system"], "control-plane=controller-manager")],
    groups: &["apps.kruise.io"],
    ..OWNER
};
const ROLLOUTS: Owner = Owner { name: "OpenKruise Rollouts", groups: &["rollouts.kruise.io"], ..OWNER };
const CHAOSBLADE: Owner = Owner { name: "ChaosBlade operator", groups: &["chaosblade.io"], ..OWNER };
const RAY: Owner = Owner { name: "KubeRay", groups: &["ray.io"], ..OWNER };
const AGONES: Owner = Owner {
    name: "Agones",
    workloads: &[pods(&[], "agones.dev/role=controller")],
    groups: &["agones.dev"],
    ..OWNER
};

const BACK: &str = "bring the operator back";

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        groups: &["argoproj.io"],
        ..entry(
            &["eventbus-controller", "eventsource-controller", "sensor-controller"],
            "EventBus, EventSource, Sensor",
            ARGO_EVENTS,
            (
                "the removal of what was made for it",
                "the bus's volumes or a source's registration may stay",
                "bring Argo Events back",
            ),
            false,
            "argoproj/argo-events pkg/reconciler: finalizerName",
        )
    },
    entry(
        &["kargo.akuity.io/finalizer"],
        "Project, Stage, Promotion, Freight …",
        KARGO,
        (
            "the clean-up in other resources of Kargo",
            "what was approved or subscribed may stay, nothing else",
            "bring Kargo back",
        ),
        false,
        "akuity/kargo api/v1alpha1/labels.go: FinalizerName",
    ),
    entry(
        &["argoproj.io/finalizer"],
        "ArgoCD",
        ARGOCD_OPERATOR,
        (
            "the removal of cluster roles and labels of the instance",
            "stray cluster roles, nothing else",
            BACK,
        ),
        false,
        "argoproj-labs/argocd-operator common/keys.go: ArgoCDDeletionFinalizer",
    ),
    entry(
        &[
            "finalizers.kapp-ctrl.k14s.io/delete",
            "finalizers.packageinstall.packaging.carvel.dev/delete",
            "finalizers.packagerepository.packaging.carvel.dev/delete",
            "finalizers.packaging.carvel.dev/delete",
        ],
        "App, PackageInstall, PackageRepository",
        KAPP,
        (
            "the deletion of what the app or package installed",
            "it stays, and nothing manages it",
            "bring kapp-controller and the ServiceAccount of the app back",
        ),
        false,
        "carvel-dev/kapp-controller pkg/app, pkg/packageinstall, pkg/pkgrepository: deleteFinalizerName",
    ),
    entry(
        &["helm.sdk.operatorframework.io/uninstall-release", "uninstall-helm-release"],
        "custom resources of Helm-based operators",
        HELM_OPERATOR,
        ("the uninstallation of the Helm release behind it", "the release and its objects stay", BACK),
        false,
        "operator-framework/operator-sdk internal/helm/controller/reconcile.go: uninstallFinalizer, uninstallFinalizerLegacy",
    ),
    Entry {
        examples: &[
            "metacontroller.io/compositecontroller-shops",
            "metacontroller.io/decoratorcontroller-shops",
        ],
        ..entry(
            &["metacontroller.io/compositecontroller-*", "metacontroller.io/decoratorcontroller-*"],
            "parents of a CompositeController or DecoratorController",
            METACONTROLLER,
            (
                "the finalize hook of whoever wrote the controller",
                "what the hook would have cleaned up stays",
                "bring Metacontroller and the hook's service back",
            ),
            true,
            "metacontroller/metacontroller pkg/controller/composite/controller.go, pkg/controller/decorator/controller.go",
        )
    },
    Entry {
        examples: &["wrangler.cattle.io/on-helm-chart-remove"],
        groups: &["helm.cattle.io"],
        ..entry(
            &["wrangler.cattle.io/on-helm-chart-*"],
            "HelmChart",
            K3S_HELM,
            (
                "the uninstallation of the chart",
                "the chart's objects stay",
                "bring the helm-controller of K3s or RKE2 back",
            ),
            false,
            "k3s-io/helm-controller pkg/controllers/chart/chart.go: on-helm-chart-remove",
        )
    },
    Entry {
        examples: &["storage.controller.devfile.io"],
        ..entry(
            &["*.controller.devfile.io", "controller.devfile.io/async-storage"],
            "DevWorkspace, DevWorkspaceRouting",
            DEVWORKSPACE,
            (
                "the clean-up of the workspace's files, roles and routes",
                "its files stay on the shared volume, and its roles stay",
                BACK,
            ),
            false,
            "devfile/devworkspace-operator pkg/constants/finalizers.go: StorageCleanupFinalizer …",
        )
    },
    Entry {
        examples: &["kratix.io/delete-workflows", "finalizers.workplacement.kratix.io/repo-cleanup"],
        ..entry(
            &["kratix.io/*", "finalizers.workplacement.kratix.io/*"],
            "Promise, what was requested of it, Work, WorkPlacement, Destination",
            KRATIX,
            (
                "the delete pipelines of the promise, and the removal from destinations",
                "what the promise made stays, perhaps in a cloud",
                "bring Kratix and the destination back",
            ),
            true,
            "syntasso/kratix internal/controller: runDeleteWorkflowsFinalizer, repoCleanupWorkPlacementFinalizer …",
        )
    },
    entry(
        &["finalizers.tf.contrib.fluxcd.io"],
        "Terraform",
        TOFU,
        (
            "the destruction of what Terraform or OpenTofu made",
            "it stays in the cloud and is billed",
            "bring the controller, its state and its credentials back",
        ),
        true,
        "flux-iac/tofu-controller api/v1alpha1/terraform_types.go: TerraformFinalizer",
    ),
    Entry {
        examples: &["workspace.app.terraform.io/finalizer"],
        ..entry(
            &["*.app.terraform.io/finalizer", "finalizer.workspace.app.terraform.io"],
            "Workspace, Project, AgentPool, Module …",
            super::tools::TERRAFORM,
            (
                "the removal from HCP Terraform, as the deletion policy says",
                "it stays in HCP Terraform; agents and tokens stay valid",
                "bring the operator and its token back",
            ),
            true,
            "hashicorp/hcp-terraform-operator internal/controller/consts.go: workspaceFinalizer, agentPoolFinalizer …",
        )
    },
    entry(
        &[
            "finalizer.agent.datadoghq.com",
            "finalizer.datadoghq.com/datadogagentinternal",
            "finalizer.datadoghq.com/csi-driver",
        ],
        "DatadogAgent, DatadogAgentInternal, DatadogCSIDriver",
        DATADOG,
        (
            "the removal of the agent's cluster roles and APIService",
            "stray cluster roles and an APIService that nobody serves",
            BACK,
        ),
        false,
        "DataDog/datadog-operator internal/controller: datadogAgentFinalizer …",
    ),
    entry(
        &[
            "finalizer.monitor.datadoghq.com",
            "finalizer.slo.datadoghq.com",
            "finalizer.datadoghq.com/dashboard",
            "finalizer.datadoghq.com/genericresource",
        ],
        "DatadogMonitor, DatadogSLO, DatadogDashboard, DatadogGenericResource",
        DATADOG,
        (
            "the removal from Datadog",
            "the monitor or dashboard stays in Datadog",
            "bring the operator and its API key back",
        ),
        false,
        "DataDog/datadog-operator internal/controller: datadogMonitorFinalizer, datadogSLOFinalizer …",
    ),
    entry(
        &[
            "apps.kruise.io/deletion-protection",
            "apps.kruise.io/ephemeralcontainers-cleanup",
            "kruise.io/node-pod-probe-cleanup",
        ],
        "SidecarSet, EphemeralJob, PodProbeMarker …",
        KRUISE,
        (
            "the clean-up in pods and NodePodProbes",
            "probes and ephemeral containers stay, nothing else",
            "bring OpenKruise back",
        ),
        false,
        "openkruise/kruise apis/apps/defaults/v1alpha1.go: ProtectionFinalizer; pkg/controller: EphemeralContainerFinalizer",
    ),
    Entry {
        examples: &["rollouts.kruise.io/rollout", "progressing.rollouts.kruise.io/shop"],
        ..entry(
            &[
                "rollouts.kruise.io/*",
                "progressing.rollouts.kruise.io*",
                "finalizer.rollouts.kruise.io/batch-release",
            ],
            "Rollout, BatchRelease, TrafficRouting, Deployment",
            ROLLOUTS,
            (
                "the return of traffic and workload to one version",
                "the workload may stay half rolled out",
                "bring OpenKruise Rollouts back",
            ),
            false,
            "openkruise/rollouts pkg/util/constant.go: KruiseRolloutFinalizer, CanaryDeploymentFinalizer …",
        )
    },
    entry(
        &["finalizer.chaosblade.io"],
        "ChaosBlade",
        CHAOSBLADE,
        ("the end of the injected fault", "the injected fault stays in pods and nodes", BACK),
        true,
        "chaosblade-io/chaosblade-operator pkg/controller/chaosblade/controller.go: chaosbladeFinalizer",
    ),
    entry(
        &["ray.io/gcs-ft-redis-cleanup-finalizer", "ray.io/rayjob-finalizer", "ray.io/rayservice-finalizer"],
        "RayCluster, RayJob, RayService",
        RAY,
        (
            "the end of the job, and the removal of its keys from Redis",
            "the job runs on in a shared cluster; keys stay in Redis",
            "bring KubeRay back",
        ),
        false,
        "ray-project/kuberay ray-operator/controllers/ray/utils/constant.go: GCSFaultToleranceRedisCleanupFinalizer, RayJobStopJobFinalizer",
    ),
    entry(
        &["agones.dev/controller"],
        "GameServer",
        AGONES,
        (
            "the pod of the game server goes first",
            "its pod may run on for a while, nothing else",
            "bring Agones back",
        ),
        false,
        "googleforgames/agones pkg/apis/agones/v1/gameserver.go: FinalizerName",
    ),
];
