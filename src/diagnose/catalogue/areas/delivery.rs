//! Finalizers of continuous delivery, workflows and autoscaling.

use super::super::{ENTRY, Entry, OWNER, Owner, OwnerLease, Runs, Workload, lease, pods};

const ARGO_CD: Owner = Owner {
    name: "Argo CD (argocd-application-controller)",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&["argocd"], "app.kubernetes.io/name=argocd-application-controller")],
    groups: &["argoproj.io"],
    ..OWNER
};

const ARGO_WORKFLOWS: Owner = Owner {
    name: "Argo Workflows (workflow-controller)",
    workloads: &[
        pods(&["argo"], "app=workflow-controller"),
        pods(&["argo"], "app.kubernetes.io/name=argo-workflows-workflow-controller"),
    ],
    leases: &[lease("argo", "workflow-controller")],
    groups: &["argoproj.io"],
    ..OWNER
};

const FLUX: &str = "finalizers.fluxcd.io";
const IMAGE: &[&str] = &["image.toolkit.fluxcd.io"];
const SYSTEM: &[&str] = &["flux-system"];

const fn flux(
    name: &'static str,
    workloads: &'static [Workload],
    leases: &'static [OwnerLease],
    groups: &'static [&'static str],
) -> Owner {
    Owner { name, workloads, leases, groups, ..OWNER }
}

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &[
            "resources-finalizer.argocd.argoproj.io",
            "resources-finalizer.argocd.argoproj.io/background",
            "resources-finalizer.argocd.argoproj.io/foreground",
        ],
        on: "Application",
        owner: ARGO_CD,
        protects: "the deletion of everything that the Application installed",
        if_removed: "what it installed keeps running, unmanaged",
        remedy: "bring the controller back, or delete the Application without cascade if its resources are to stay",
        dangerous: false,
        source: "argoproj/argo-cd application_defaults.go",
        ..ENTRY
    },
    Entry {
        names: &[
            "pre-delete-finalizer.argocd.argoproj.io",
            "pre-delete-finalizer.argocd.argoproj.io/*",
            "post-delete-finalizer.argocd.argoproj.io",
            "post-delete-finalizer.argocd.argoproj.io/*",
        ],
        examples: &[
            "pre-delete-finalizer.argocd.argoproj.io/cleanup",
            "post-delete-finalizer.argocd.argoproj.io/cleanup",
        ],
        on: "Application",
        owner: ARGO_CD,
        protects: "the running of the Application's deletion hooks",
        if_removed: "its hooks do not run, and what they would have cleaned up stays",
        remedy: "bring the controller back; see why the hook's Job does not finish",
        dangerous: false,
        source: "argoproj/argo-cd application_defaults.go",
        ..ENTRY
    },
    Entry {
        names: &["workflows.argoproj.io/artifact-gc"],
        on: "Workflow",
        owner: ARGO_WORKFLOWS,
        protects: "the deletion of the workflow's artifacts",
        if_removed: "artifacts stay in the object store",
        remedy: "bring the workflow-controller back",
        dangerous: true,
        source: "argoproj/argo-workflows common.go",
        ..ENTRY
    },
    Entry {
        names: &["workflows.argoproj.io/status"],
        on: "Pod of a Workflow",
        owner: ARGO_WORKFLOWS,
        protects: "the pod until its result has been read",
        if_removed: "the workflow may take the step for failed",
        remedy: "bring the workflow-controller back",
        dangerous: false,
        source: "argoproj/argo-workflows common.go",
        ..ENTRY
    },
    Entry {
        names: &[FLUX],
        on: "GitRepository, OCIRepository, Bucket, HelmRepository, HelmChart",
        groups: &["source.toolkit.fluxcd.io"],
        owner: flux(
            "Flux (source-controller)",
            &[pods(SYSTEM, "app=source-controller")],
            &[lease("flux-system", "source-controller-leader-election")],
            &["source.toolkit.fluxcd.io"],
        ),
        protects: "the deletion of artifacts that Flux stored",
        if_removed: "stored artifacts may stay on the controller's disk",
        remedy: "bring source-controller back",
        dangerous: false,
        source: "fluxcd/source-controller",
        ..ENTRY
    },
    Entry {
        names: &[FLUX],
        on: "Kustomization",
        groups: &["kustomize.toolkit.fluxcd.io"],
        owner: flux(
            "Flux (kustomize-controller)",
            &[pods(SYSTEM, "app=kustomize-controller")],
            &[lease("flux-system", "kustomize-controller-leader-election")],
            &["kustomize.toolkit.fluxcd.io"],
        ),
        protects: "the deletion of everything that the Kustomization applied",
        if_removed: "what it applied keeps running, unmanaged",
        remedy: "bring kustomize-controller back, or suspend the Kustomization before deleting it if all is to stay",
        dangerous: false,
        source: "fluxcd/kustomize-controller",
        ..ENTRY
    },
    Entry {
        names: &[FLUX],
        on: "HelmRelease",
        groups: &["helm.toolkit.fluxcd.io"],
        owner: flux(
            "Flux (helm-controller)",
            &[pods(SYSTEM, "app=helm-controller")],
            &[lease("flux-system", "helm-controller-leader-election")],
            &["helm.toolkit.fluxcd.io"],
        ),
        protects: "the uninstalling of the Helm release",
        if_removed: "the release and its workloads stay installed",
        remedy: "bring helm-controller back, or suspend the HelmRelease before deleting it if all is to stay",
        dangerous: false,
        source: "fluxcd's finalizer; on a HelmRelease seen in redpanda-data/helm-charts#1280",
        ..ENTRY
    },
    Entry {
        names: &[FLUX],
        on: "ImageRepository, ImagePolicy",
        groups: IMAGE,
        kinds: &["ImageRepository", "ImagePolicy"],
        owner: flux(
            "Flux (image-reflector-controller)",
            &[pods(SYSTEM, "app=image-reflector-controller")],
            &[lease("flux-system", "image-reflector-controller-leader-election")],
            IMAGE,
        ),
        protects: "the end of the scanning of images",
        if_removed: "tags may stay in the controller's cache, nothing else",
        remedy: "bring image-reflector-controller back",
        dangerous: false,
        source: "fluxcd's finalizer",
        ..ENTRY
    },
    Entry {
        names: &[FLUX],
        on: "ImageUpdateAutomation",
        groups: IMAGE,
        kinds: &["ImageUpdateAutomation"],
        owner: flux(
            "Flux (image-automation-controller)",
            &[pods(SYSTEM, "app=image-automation-controller")],
            &[lease("flux-system", "image-automation-controller-leader-election")],
            IMAGE,
        ),
        protects: "the end of the updates to a Git repository",
        if_removed: "little: the controller forgets the automation later",
        remedy: "bring image-automation-controller back",
        dangerous: false,
        source: "fluxcd's finalizer",
        ..ENTRY
    },
    Entry {
        names: &[FLUX],
        on: "other resources of Flux",
        groups: &["*.toolkit.fluxcd.io"],
        owner: flux("Flux", &[pods(SYSTEM, "app.kubernetes.io/part-of=flux")], &[], &["*.toolkit.fluxcd.io"]),
        protects: "what the kind's controller has yet to clean up",
        if_removed: "depends on the kind",
        remedy: "bring the Flux controller of this kind back",
        dangerous: false,
        source: "fluxcd's finalizer",
        ..ENTRY
    },
    // Other projects build on Flux's libraries and take its finalizer with them.
    Entry {
        names: &[FLUX],
        on: "resources of other operators",
        owner: Owner {
            name: "Flux, or an operator built on its libraries",
            runs: Runs::MaybeElsewhere,
            ..OWNER
        },
        protects: "what the kind's controller has yet to clean up",
        if_removed: "depends on the kind; releases and workloads may stay",
        remedy: "bring the controller of this kind back",
        dangerous: true,
        source: "seen in redpanda-data/helm-charts#1280",
        ..ENTRY
    },
    Entry {
        names: &["finalizer.keda.sh"],
        on: "ScaledObject, ScaledJob, TriggerAuthentication, CloudEventSource",
        owner: Owner {
            name: "KEDA (keda-operator)",
            workloads: &[pods(&["keda"], "app=keda-operator")],
            leases: &[lease("keda", "operator.keda.sh")],
            groups: &["keda.sh", "eventing.keda.sh"],
            ..OWNER
        },
        protects: "the return of the workload to its original replica count",
        if_removed: "the replica count and the HPA stay as KEDA left them",
        remedy: "install KEDA again",
        dangerous: false,
        source: "kedacore/keda",
        ..ENTRY
    },
];
