//! Finalizers of custom resources that stand for something in a cloud.

use super::super::{ENTRY, Entry, OWNER, Owner, Runs, lease, pods};

const CROSSPLANE_PROVIDER: Owner = Owner {
    name: "a Crossplane provider",
    workloads: &[pods(&["crossplane-system"], "pkg.crossplane.io/provider")],
    ..OWNER
};

const CROSSPLANE: Owner = Owner {
    name: "Crossplane",
    workloads: &[pods(&["crossplane-system"], "app=crossplane")],
    leases: &[lease("crossplane-system", "crossplane-leader-election-core")],
    groups: &["apiextensions.crossplane.io", "pkg.crossplane.io"],
    ..OWNER
};

const ACK: Owner = Owner {
    name: "AWS Controllers for Kubernetes (ACK)",
    runs: Runs::MaybeElsewhere,
    groups: &["*.services.k8s.aws", "services.k8s.aws"],
    ..OWNER
};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["finalizer.managedresource.crossplane.io"],
        on: "managed resources",
        owner: CROSSPLANE_PROVIDER,
        protects: "the deletion of the resource in the cloud",
        if_removed: "the resource stays in the cloud, unmanaged and still billed",
        remedy: "bring the provider and its credentials back, or set deletionPolicy to Orphan if it is to stay",
        dangerous: true,
        source: "crossplane/crossplane-runtime",
        ..ENTRY
    },
    Entry {
        names: &["in-use.crossplane.io"],
        on: "ProviderConfig",
        owner: CROSSPLANE_PROVIDER,
        protects: "the credentials that managed resources still need",
        if_removed: "managed resources can no longer delete what they stand for in the cloud",
        remedy: "delete the managed resources that use it first",
        dangerous: true,
        source: "crossplane/crossplane-runtime",
        ..ENTRY
    },
    Entry {
        names: &[
            "composite.apiextensions.crossplane.io",
            "finalizer.apiextensions.crossplane.io",
            "defined.apiextensions.crossplane.io",
            "offered.apiextensions.crossplane.io",
        ],
        on: "composite resources, claims, CompositeResourceDefinition",
        owner: CROSSPLANE,
        protects: "the deletion of the resources that were composed",
        if_removed: "composed resources stay behind with no owner, in the cloud too",
        remedy: "bring Crossplane back",
        dangerous: true,
        source: "crossplane/crossplane",
        ..ENTRY
    },
    Entry {
        names: &["lock.pkg.crossplane.io"],
        on: "Lock",
        owner: CROSSPLANE,
        protects: "the record of the installed packages",
        if_removed: "Crossplane loses track of its packages, and so of the providers that delete in the cloud",
        remedy: "bring Crossplane back",
        dangerous: true,
        source: "crossplane/crossplane",
        ..ENTRY
    },
    Entry {
        names: &["cnrm.cloud.google.com/finalizer"],
        on: "Google Cloud resources of Config Connector",
        owner: Owner {
            name: "Config Connector (cnrm-controller-manager)",
            runs: Runs::MaybeElsewhere,
            workloads: &[pods(&["cnrm-system"], "cnrm.cloud.google.com/component=cnrm-controller-manager")],
            groups: &["*.cnrm.cloud.google.com"],
            ..OWNER
        },
        protects: "the deletion of the resource in Google Cloud",
        if_removed: "the resource stays in Google Cloud and is still billed",
        remedy: "bring Config Connector back",
        dangerous: true,
        source: "GoogleCloudPlatform/k8s-config-connector",
        ..ENTRY
    },
    Entry {
        names: &["cnrm.cloud.google.com/deletion-defender"],
        on: "Google Cloud resources of Config Connector",
        owner: Owner {
            name: "Config Connector (cnrm-deletiondefender)",
            runs: Runs::MaybeElsewhere,
            workloads: &[pods(&["cnrm-system"], "cnrm.cloud.google.com/component=cnrm-deletiondefender")],
            groups: &["*.cnrm.cloud.google.com"],
            ..OWNER
        },
        protects: "resources in Google Cloud from going when a CRD is uninstalled",
        if_removed: "nobody decides any more whether the resource in Google Cloud goes or stays",
        remedy: "bring Config Connector back",
        dangerous: true,
        source: "GoogleCloudPlatform/k8s-config-connector",
        ..ENTRY
    },
    Entry {
        names: &["finalizers.*.services.k8s.aws/*"],
        examples: &["finalizers.s3.services.k8s.aws/Bucket"],
        on: "AWS resources of ACK",
        owner: ACK,
        protects: "the deletion of the resource in AWS",
        if_removed: "the resource stays in AWS and is still billed",
        remedy: "bring the service's ACK controller back, or set its deletion policy to retain if it is to stay",
        dangerous: true,
        source: "aws-controllers-k8s/runtime; the names seen in issues",
        ..ENTRY
    },
    Entry {
        names: &["finalizers.services.k8s.aws/FieldExport"],
        on: "FieldExport",
        owner: ACK,
        protects: "the end of an export of a resource's field to a ConfigMap or Secret",
        if_removed: "what was exported stays; whether more is lost is not known for certain",
        remedy: "bring the service's ACK controller back",
        dangerous: true,
        source: "aws-controllers-k8s/runtime",
        ..ENTRY
    },
    Entry {
        names: &["serviceoperator.azure.com/finalizer"],
        on: "Azure resources of Azure Service Operator",
        owner: Owner {
            name: "Azure Service Operator",
            workloads: &[pods(
                &["azureserviceoperator-system", "capz-system"],
                "control-plane=controller-manager",
            )],
            groups: &["resources.azure.com"],
            ..OWNER
        },
        protects: "the deletion of the resource in Azure",
        if_removed: "the resource stays in Azure and is still billed",
        remedy: "bring the operator back, or set reconcile-policy to detach-on-delete if it is to stay",
        dangerous: true,
        source: "Azure/azure-service-operator",
        ..ENTRY
    },
];
