//! Finalizers of pipelines, platforms for teams, observability, testing and infrastructure as code.

use super::super::{Entry, OWNER, Owner, Place, Runs, entry, pods};

const fn owner(
    name: &'static str,
    workloads: &'static [super::super::Workload],
    groups: &'static [&'static str],
) -> Owner {
    Owner { name, workloads, groups, ..OWNER }
}

const CHAINS: Owner = owner(
    "Tekton Chains",
    &[pods(&["tekton-chains", "openshift-pipelines"], "app=tekton-chains-controller")],
    &[],
);
const RESULTS: Owner = owner(
    "Tekton Results (watcher)",
    &[pods(&["tekton-pipelines", "openshift-pipelines"], "app.kubernetes.io/name=tekton-results-watcher")],
    &[],
);
const KUBESPHERE: Owner = owner(
    "KubeSphere (ks-controller-manager)",
    &[pods(&["kubesphere-system"], "app=ks-controller-manager")],
    &[],
);
const CAPSULE: Owner =
    owner("Capsule", &[pods(&["capsule-system"], "app.kubernetes.io/name=capsule")], &["capsule.clastix.io"]);
const FLAGGER: Owner = owner("Flagger", &[pods(&[], "app.kubernetes.io/name=flagger")], &["flagger.app"]);
const GRAFANA: Owner = owner(
    "Grafana operator",
    &[pods(&[], "app.kubernetes.io/name=grafana-operator")],
    &["grafana.integreatly.org"],
);
const OTEL: Owner = owner(
    "OpenTelemetry operator",
    &[pods(&[], "app.kubernetes.io/name=opentelemetry-operator")],
    &["opentelemetry.io"],
);
const PROMETHEUS: Owner = owner(
    "Prometheus operator",
    &[pods(&[], "app.kubernetes.io/name=prometheus-operator")],
    &["monitoring.coreos.com"],
);
const CHAOS_MESH: Owner = owner(
    "Chaos Mesh",
    &[pods(&["chaos-mesh"], "app.kubernetes.io/component=controller-manager")],
    &["chaos-mesh.org"],
);
const LITMUS: Owner =
    owner("Litmus (chaos-operator)", &[pods(&[], "name=chaos-operator")], &["litmuschaos.io"]);
const VELA: Owner = owner(
    "KubeVela (vela-core)",
    &[pods(&["vela-system"], "app.kubernetes.io/name=vela-core")],
    &["core.oam.dev"],
);
const CONSUL: Owner = owner(
    "Consul on Kubernetes",
    &[pods(&["consul"], "component=connect-injector")],
    &["consul.hashicorp.com"],
);
const PULUMI: Owner = owner(
    "Pulumi operator",
    &[pods(&["pulumi-kubernetes-operator"], "app.kubernetes.io/name=pulumi-kubernetes-operator")],
    &["pulumi.com"],
);
pub(super) const TERRAFORM: Owner = owner(
    "HCP Terraform operator",
    &[pods(&[], "app.kubernetes.io/name=hcp-terraform-operator")],
    &["app.terraform.io"],
);
const RUNNERS: Owner = owner(
    "Actions Runner Controller (scale sets)",
    &[pods(&["arc-systems"], "app.kubernetes.io/name=gha-rs-controller")],
    &["actions.github.com"],
);
const OLD_RUNNERS: Owner = owner(
    "Actions Runner Controller",
    &[pods(&["actions-runner-system"], "app.kubernetes.io/name=actions-runner-controller")],
    &["actions.summerwind.dev"],
);
const KSERVE: Owner =
    owner("KServe", &[pods(&["kserve"], "control-plane=kserve-controller-manager")], &["serving.kserve.io"]);
const PROFILES: Owner = owner(
    "Kubeflow (profile-controller)",
    &[pods(&["kubeflow"], "kustomize.component=profiles")],
    &["kubeflow.org"],
);
const KUEUE: Owner =
    owner("Kueue", &[pods(&["kueue-system"], "app.kubernetes.io/name=kueue")], &["kueue.x-k8s.io"]);
const KUBE_OVN: Owner = owner(
    "Kube-OVN (kube-ovn-controller)",
    &[pods(&["kube-system"], "app=kube-ovn-controller")],
    &["kubeovn.io"],
);
const CROSSPLANE_USAGE: Owner = Owner {
    name: "Crossplane (usages)",
    runs: Runs::Cluster,
    workloads: &[pods(&["crossplane-system"], "app=crossplane")],
    groups: &["apiextensions.crossplane.io", "protection.crossplane.io"],
    ..OWNER
};

const BACK: &str = "bring the operator back";
const FAULT: &str = "the injected fault stays in pods and nodes";

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        examples: &["chains.tekton.dev/pipelinerun"],
        ..entry(
            &["chains.tekton.dev", "chains.tekton.dev/*"],
            "TaskRun, PipelineRun",
            CHAINS,
            ("the signing of what the run has built", "artifacts stay unsigned", "bring Tekton Chains back"),
            false,
            "tektoncd/chains pkg/reconciler: FinalizerName",
        )
    },
    Entry {
        examples: &["results.tekton.dev/taskrun"],
        ..entry(
            &["results.tekton.dev/*"],
            "TaskRun, PipelineRun",
            RESULTS,
            (
                "the run until its record and logs are stored",
                "its record and logs are lost",
                "bring Tekton Results and its database back",
            ),
            false,
            "tektoncd/results pkg/watcher/reconciler: FinalizerName",
        )
    },
    Entry {
        places: &[Place::NamespaceMetadata],
        ..entry(
            &["finalizers.kubesphere.io/namespaces"],
            "Namespace",
            KUBESPHERE,
            (
                "the removal of the project's roles and routers",
                "stray roles and routers, nothing else",
                "bring ks-controller-manager back",
            ),
            false,
            "kubesphere/kubesphere namespace_controller.go: finalizer",
        )
    },
    entry(
        &["capsule.clastix.io/resources"],
        "TenantResource, GlobalTenantResource",
        CAPSULE,
        (
            "the removal of what was copied into the tenant's namespaces",
            "copies stay, unmanaged",
            "bring Capsule back",
        ),
        false,
        "projectcapsule/capsule controllers/resources: finalizer",
    ),
    entry(
        &["finalizer.flagger.app"],
        "Canary",
        FLAGGER,
        (
            "the return of the service to its first state",
            "the workload may stay scaled to zero",
            "bring Flagger back",
        ),
        false,
        "fluxcd/flagger pkg/controller/finalizer.go: finalizer",
    ),
    entry(
        &["operator.grafana.com/finalizer"],
        "GrafanaDashboard, GrafanaFolder, GrafanaAlertRuleGroup …",
        GRAFANA,
        (
            "the removal from Grafana",
            "the dashboard or rule stays in Grafana",
            "bring the operator and Grafana back",
        ),
        false,
        "grafana/grafana-operator controllers: grafanaFinalizer",
    ),
    entry(
        &["opentelemetrycollector.opentelemetry.io/finalizer"],
        "OpenTelemetryCollector",
        OTEL,
        ("the removal of the collector's cluster roles", "stray cluster roles, nothing else", BACK),
        false,
        "open-telemetry/opentelemetry-operator: collectorFinalizer",
    ),
    entry(
        &["monitoring.coreos.com/status-cleanup"],
        "Prometheus, Alertmanager, PrometheusAgent, ThanosRuler",
        PROMETHEUS,
        ("the clean-up of the status of what it selects", "stale status entries, nothing else", BACK),
        false,
        "prometheus-operator/prometheus-operator pkg/k8s: StatusCleanupFinalizerName",
    ),
    entry(
        &["chaos-mesh/records"],
        "chaos experiments",
        CHAOS_MESH,
        (
            "the recovery from the injected fault",
            FAULT,
            "bring Chaos Mesh back; it recovers before it lets go",
        ),
        true,
        "chaos-mesh/chaos-mesh controllers/common: RecordFinalizer",
    ),
    entry(
        &["chaosengine.litmuschaos.io/finalizer"],
        "ChaosEngine",
        LITMUS,
        ("the end of the experiment's runner and jobs", FAULT, "bring chaos-operator back"),
        true,
        "litmuschaos/chaos-operator controllers: finalizer",
    ),
    entry(
        &["app.oam.dev/resource-tracker-finalizer"],
        "Application of KubeVela",
        VELA,
        (
            "the deletion of what the Application dispatched, on other clusters too",
            "what it dispatched stays, unmanaged",
            "bring vela-core back",
        ),
        false,
        "kubevela/pkg oam: FinalizerResourceTracker",
    ),
    entry(
        &["finalizers.consul.hashicorp.com"],
        "ServiceDefaults, ServiceIntentions and other configuration entries",
        CONSUL,
        (
            "the deletion of the configuration entry in Consul",
            "the entry stays in Consul",
            "bring Consul and its injector back",
        ),
        false,
        "hashicorp/consul-k8s control-plane/controller: FinalizerName",
    ),
    entry(
        &["finalizer.stack.pulumi.com"],
        "Stack",
        PULUMI,
        (
            "the destruction of the stack's resources in the cloud",
            "they stay in the cloud and are still billed",
            "bring the operator and its credentials back",
        ),
        true,
        "pulumi/pulumi-kubernetes-operator: pulumiFinalizer",
    ),
    entry(
        &["finalizer.app.terraform.io"],
        "Workspace, Organization",
        TERRAFORM,
        (
            "the destruction of the workspace's resources in the cloud",
            "they stay in the cloud and are still billed",
            "bring the operator and its token back",
        ),
        true,
        "seen in an operator for Terraform Cloud: organizationFinalizer",
    ),
    Entry {
        examples: &[
            "autoscalingrunnerset.actions.github.com/finalizer",
            "ephemeralrunner.actions.github.com/runner-registration-finalizer",
        ],
        ..entry(
            &["*.actions.github.com/*"],
            "AutoscalingRunnerSet, EphemeralRunner, AutoscalingListener",
            RUNNERS,
            (
                "the removal of the runner from GitHub",
                "stale runners stay registered with GitHub",
                "bring the controller and its token back",
            ),
            false,
            "actions/actions-runner-controller controllers/actions.github.com: the FinalizerName constants",
        )
    },
    entry(
        &["runner.actions.summerwind.dev"],
        "Runner",
        OLD_RUNNERS,
        (
            "the removal of the runner from GitHub",
            "a stale runner stays registered with GitHub",
            "bring the controller and its token back",
        ),
        false,
        "actions/actions-runner-controller controllers: finalizerName",
    ),
    entry(
        &["inferenceservice.finalizers"],
        "InferenceService",
        KSERVE,
        (
            "the removal of the models that were loaded for it",
            "loaded models stay in memory, nothing else",
            "bring KServe back",
        ),
        false,
        "kserve/kserve inferenceservice controller: finalizerName",
    ),
    entry(
        &["profile-finalizer"],
        "Profile",
        PROFILES,
        (
            "the removal of the profile's cloud permissions",
            "an account of the namespace keeps its permissions in the cloud",
            "bring profile-controller back",
        ),
        true,
        "kubeflow/kubeflow profile_controller.go: PROFILEFINALIZER",
    ),
    entry(
        &["kueue.x-k8s.io/managed"],
        "Pod",
        KUEUE,
        (
            "the pod until its workload has been counted",
            "the quota may be counted wrong for a while",
            "bring Kueue back",
        ),
        false,
        "kubernetes-sigs/kueue pkg/controller/jobs/pod/constants/constants.go: PodFinalizer",
    ),
    entry(
        &["kueue.x-k8s.io/resource-in-use"],
        "ClusterQueue, ResourceFlavor, Cohort …",
        KUEUE,
        (
            "a queue or flavour that workloads still use",
            "workloads lose their queue",
            "let the workloads finish first",
        ),
        false,
        "kubernetes-sigs/kueue apis/kueue/v1beta2/constants.go: ResourceInUseFinalizerName",
    ),
    entry(
        &["kubeovn.io/kube-ovn-controller"],
        "Subnet, IP, Vpc and other resources of Kube-OVN",
        KUBE_OVN,
        (
            "the return of addresses and logical switches",
            "addresses stay taken and switches stay in OVN",
            "bring kube-ovn-controller back",
        ),
        true,
        "kubeovn/kube-ovn pkg/util/const.go: KubeOVNControllerFinalizer",
    ),
    entry(
        &["usage.apiextensions.crossplane.io"],
        "Usage, ClusterUsage",
        CROSSPLANE_USAGE,
        (
            "the order in which resources that use each other are deleted",
            "a resource may go before what uses it",
            "delete what uses it first",
        ),
        true,
        "crossplane/crossplane usage reconciler: finalizer",
    ),
];
