//! Finalizers of load balancers, in a cloud or in front of it.

use super::super::{ENTRY, Entry, OWNER, Owner, Runs, lease, pods};

pub(super) const AWS: Owner = Owner {
    name: "AWS Load Balancer Controller",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&["kube-system"], "app.kubernetes.io/name=aws-load-balancer-controller")],
    leases: &[lease("kube-system", "aws-load-balancer-controller-leader")],
    groups: &["elbv2.k8s.aws"],
};

const GKE: Owner = Owner {
    name: "GKE load balancing (ingress-gce)",
    runs: Runs::MaybeElsewhere,
    groups: &["networking.gke.io"],
    ..OWNER
};

const ENABLE_GKE: &str = "switch the cluster's HTTP load balancing add-on on again";

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["service.kubernetes.io/load-balancer-cleanup"],
        on: "Service of type LoadBalancer",
        owner: Owner {
            name: "the cloud's service controller (cloud-controller-manager)",
            runs: Runs::MaybeElsewhere,
            workloads: &[
                pods(&["kube-system"], "component=cloud-controller-manager"),
                pods(&["kube-system"], "k8s-app=cloud-controller-manager"),
            ],
            leases: &[lease("kube-system", "cloud-controller-manager")],
            ..OWNER
        },
        protects: "the deletion of the load balancer in the cloud",
        if_removed: "the load balancer stays in the cloud and is still billed",
        remedy: "bring the cloud-controller-manager back, or delete the load balancer in the cloud first",
        dangerous: true,
        source: "kubernetes staging/src/k8s.io/cloud-provider/service/helpers/helper.go; \
                 kubernetes/enhancements#992",
        ..ENTRY
    },
    Entry {
        names: &["ingress.k8s.aws/resources", "group.ingress.k8s.aws/*"],
        examples: &["group.ingress.k8s.aws/shop"],
        on: "Ingress",
        owner: AWS,
        protects: "the deletion of the ALB, its target groups and security groups",
        if_removed: "the ALB and what belongs to it stay in AWS and are still billed",
        remedy: "install the controller again, then delete the Ingress",
        dangerous: true,
        source: "kubernetes-sigs/aws-load-balancer-controller shared_constants/finalizers.go; \
                 the group's seen in issues only",
        ..ENTRY
    },
    Entry {
        names: &["service.k8s.aws/resources"],
        on: "Service of type LoadBalancer",
        owner: AWS,
        protects: "the deletion of the NLB",
        if_removed: "the NLB stays in AWS and is still billed",
        remedy: "install the controller again, then delete the Service",
        dangerous: true,
        source: "kubernetes-sigs/aws-load-balancer-controller shared_constants/finalizers.go",
        ..ENTRY
    },
    Entry {
        names: &["elbv2.k8s.aws/resources"],
        on: "TargetGroupBinding",
        owner: AWS,
        protects: "the taking of pods out of their target group",
        if_removed: "the target group still sends traffic to addresses that are gone or reused",
        remedy: "install the controller again, then delete the TargetGroupBinding",
        dangerous: true,
        source: "kubernetes-sigs/aws-load-balancer-controller targetgroupbinding_controller.go",
        ..ENTRY
    },
    Entry {
        names: &[
            "networking.gke.io/ingress-finalizer",
            "networking.gke.io/ingress-finalizer-V2",
            "networking.gke.io/neg-finalizer",
        ],
        on: "Ingress, ServiceNetworkEndpointGroup",
        owner: GKE,
        protects: "the deletion of the load balancer and its network endpoint groups",
        if_removed: "the load balancer or endpoint group stays in Google Cloud and is still billed",
        remedy: ENABLE_GKE,
        dangerous: true,
        source: "kubernetes/ingress-gce common/finalizer.go",
        ..ENTRY
    },
    Entry {
        names: &[
            "gke.networking.io/l4-ilb-v1",
            "gke.networking.io/l4-ilb-v2",
            "gke.networking.io/l4-netlb-v1",
            "gke.networking.io/l4-netlb-v2",
            "gke.networking.io/l4-netlb-v3",
        ],
        on: "Service of type LoadBalancer",
        owner: GKE,
        protects: "the deletion of the internal or external L4 load balancer",
        if_removed: "the load balancer stays in Google Cloud and is still billed",
        remedy: ENABLE_GKE,
        dangerous: true,
        source: "kubernetes/ingress-gce common/finalizer.go",
        ..ENTRY
    },
    Entry {
        names: &["networking.gke.io/service-attachment-finalizer"],
        on: "ServiceAttachment",
        owner: GKE,
        protects: "the deletion of the Private Service Connect attachment",
        if_removed: "the attachment stays in Google Cloud",
        remedy: ENABLE_GKE,
        dangerous: true,
        source: "kubernetes/ingress-gce psc/controller.go",
        ..ENTRY
    },
];
