//! Finalizers of networks, gateways, tunnels and service meshes.

use super::super::{Entry, OWNER, Owner, entry};

const APP_MESH: Owner = Owner { name: "AWS App Mesh controller", groups: &["appmesh.k8s.aws"], ..OWNER };
const LATTICE: Owner = Owner {
    name: "AWS Gateway API controller (VPC Lattice)",
    groups: &["application-networking.k8s.aws"],
    ..OWNER
};
const TAILSCALE: Owner = Owner { name: "Tailscale operator", groups: &["tailscale.com"], ..OWNER };
const NGROK: Owner = Owner {
    name: "ngrok operator",
    groups: &["ngrok.k8s.ngrok.com", "ingress.k8s.ngrok.com", "bindings.k8s.ngrok.com"],
    ..OWNER
};
const CLOUDFLARE: Owner =
    Owner { name: "Cloudflare operator (adyanth)", groups: &["networking.cfargotunnel.com"], ..OWNER };
const KONG: Owner = Owner {
    name: "Kong Gateway operator",
    groups: &["gateway-operator.konghq.com", "konnect.konghq.com", "configuration.konghq.com"],
    ..OWNER
};
const OVN: Owner =
    Owner { name: "OVN-Kubernetes (ovnkube-cluster-manager)", groups: &["k8s.ovn.org"], ..OWNER };
const OPENELB: Owner = Owner { name: "OpenELB", groups: &["network.kubesphere.io"], ..OWNER };
const SRIOV: Owner =
    Owner { name: "SR-IOV network operator", groups: &["sriovnetwork.openshift.io"], ..OWNER };
const KYMA_ISTIO: Owner =
    Owner { name: "Kyma (istio-manager)", groups: &["operator.kyma-project.io"], ..OWNER };
const LIQO: Owner = Owner { name: "Liqo", groups: &["liqo.io", "*.liqo.io"], ..OWNER };

const BACK: &str = "bring the operator back";

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        examples: &["finalizers.appmesh.k8s.aws/aws-appmesh-resources"],
        ..entry(
            &["finalizers.appmesh.k8s.aws/*"],
            "Mesh, VirtualNode, VirtualRouter, VirtualService, VirtualGateway",
            APP_MESH,
            (
                "the removal from App Mesh and Cloud Map, members first",
                "mesh and service entries stay in AWS",
                "bring the controller and its rights in AWS back",
            ),
            true,
            "aws/aws-app-mesh-controller-for-k8s pkg/k8s/finalizers.go",
        )
    },
    entry(
        &["gateway.k8s.aws/alb", "gateway.k8s.aws/nlb"],
        "Gateway",
        super::load_balancers::AWS,
        (
            "the deletion of the ALB or NLB in AWS",
            "the load balancer is leaked, and is still billed",
            "bring the controller and its rights in AWS back, then delete the Gateway",
        ),
        true,
        "kubernetes-sigs/aws-load-balancer-controller pkg/shared_constants/finalizers.go: ALBGatewayFinalizer, NLBGatewayFinalizer",
    ),
    entry(
        &["aga.k8s.aws/resources"],
        "GlobalAccelerator",
        super::load_balancers::AWS,
        (
            "the deletion of the accelerator in AWS",
            "the accelerator is leaked, and is still billed",
            "bring the controller and its rights in AWS back",
        ),
        true,
        "kubernetes-sigs/aws-load-balancer-controller pkg/shared_constants/finalizers.go: GlobalAcceleratorFinalizer",
    ),
    entry(
        &[
            "gateway.k8s.aws/gatewayclass",
            "gateway.k8s.aws/targetgroupconfigurations",
            "gateway.k8s.aws/loadbalancerconfigurations",
            "gateway.k8s.aws/listenerruleconfigurations",
        ],
        "GatewayClass, TargetGroupConfiguration, LoadBalancerConfiguration …",
        super::load_balancers::AWS,
        (
            "settings that a Gateway still uses",
            "the Gateway loses its settings",
            "delete the Gateways that use it first",
        ),
        false,
        "kubernetes-sigs/aws-load-balancer-controller pkg/shared_constants/finalizers.go",
    ),
    entry(
        &[
            "accesslogpolicy.k8s.aws/resources",
            "gateway.k8s.aws/resources",
            "service.ki8s.aws/resources",
            "serviceexport.k8s.aws/resources",
            "serviceimport.k8s.aws/resource",
            "servicenetwork.k8s.aws/resources",
            "vpcassociationpolicies.application-networking.k8s.aws/resources",
        ],
        "Gateway, HTTPRoute, ServiceExport, AccessLogPolicy …",
        LATTICE,
        (
            "the removal from VPC Lattice",
            "services, target groups and associations stay in AWS, and are billed",
            "bring the controller and its rights in AWS back",
        ),
        true,
        "aws/aws-application-networking-k8s pkg/controllers: gatewayFinalizer, serviceFinalizer …",
    ),
    Entry {
        examples: &["tailscale.com/finalizer"],
        ..entry(
            &["tailscale.com/*"],
            "Service, Ingress, Connector, ProxyGroup, Secret …",
            TAILSCALE,
            (
                "the removal of the device from the tailnet",
                "the device stays in the tailnet, with its keys",
                "bring the operator and its OAuth client back",
            ),
            true,
            "tailscale/tailscale cmd/k8s-operator: FinalizerName, FinalizerNamePG …",
        )
    },
    entry(
        &["ngrok.com/finalizer", "k8s.ngrok.com/finalizer"],
        "Ingress, Domain, CloudEndpoint, AgentEndpoint …",
        NGROK,
        (
            "the removal of the endpoint or domain at ngrok",
            "it stays at ngrok, reserved or reachable, and is billed",
            "bring the operator and its API key back",
        ),
        true,
        "ngrok/ngrok-operator internal/util/k8s.go: FinalizerName, LegacyFinalizerName",
    ),
    entry(
        &["cfargotunnel.com/finalizer"],
        "Tunnel, ClusterTunnel, TunnelBinding",
        CLOUDFLARE,
        (
            "the removal of the tunnel and its DNS records at Cloudflare",
            "tunnel and DNS records stay at Cloudflare",
            "bring the operator and its token back",
        ),
        true,
        "adyanth/cloudflare-operator internal/controller/utils.go: tunnelFinalizer",
    ),
    Entry {
        examples: &["gateway.konghq.com/konnect-cleanup"],
        ..entry(
            &["gateway.konghq.com/*"],
            "what stands for things in Konnect; plugins and Secrets in use",
            KONG,
            ("the removal from Konnect", "it stays in Konnect", "bring the operator and its token back"),
            true,
            "Kong/gateway-operator controller/konnect/reconciler_generic.go: KonnectCleanupFinalizer; pkg/consts/konnect.go",
        )
    },
    Entry {
        examples: &["gateway-operator.konghq.com/cleanup-dataplanes"],
        ..entry(
            &["gateway-operator.konghq.com/*"],
            "Gateway, ControlPlane, DataPlane, AIGateway",
            KONG,
            (
                "the removal of data planes, network policies and webhook configurations",
                "they stay; a webhook configuration may refuse requests",
                BACK,
            ),
            false,
            "Kong/gateway-operator controller/gateway/controller_consts.go, controller/controlplane/controller_consts.go",
        )
    },
    entry(
        &["k8s.ovn.org/user-defined-network-protection"],
        "UserDefinedNetwork, ClusterUserDefinedNetwork, NetworkAttachmentDefinition",
        OVN,
        (
            "a network that pods still use",
            "pods lose their network, and it stays in OVN",
            "delete the pods that use it first",
        ),
        true,
        "ovn-org/ovn-kubernetes go-controller/pkg/clustermanager/userdefinednetwork/template/net-attach-def-template.go",
    ),
    entry(
        &[
            "finalizer.lb.kubesphere.io/v1alpha1",
            "finalizer.ipam.kubesphere.io/v1alpha1",
            "node-proxy.openelb.kubesphere.io/finalizer",
        ],
        "Service, Eip, BgpPeer",
        OPENELB,
        (
            "the return of the address, and the end of its announcement",
            "the address stays taken and announced",
            "bring OpenELB back",
        ),
        true,
        "openelb/openelb pkg/constant/constant.go: FinalizerName, IPAMFinalizerName",
    ),
    entry(
        &[
            "netattdef.finalizers.sriovnetwork.openshift.io",
            "poolconfig.finalizers.sriovnetwork.openshift.io",
            "operatorconfig.finalizers.sriovnetwork.openshift.io",
        ],
        "SriovNetwork, SriovNetworkPoolConfig, SriovOperatorConfig",
        SRIOV,
        (
            "the removal of the NetworkAttachmentDefinition or of the operator's own parts",
            "the NetworkAttachmentDefinition or the webhooks stay",
            BACK,
        ),
        false,
        "openshift/sriov-network-operator api/v1/helper.go: NETATTDEFFINALIZERNAME …",
    ),
    entry(
        &["istios.operator.kyma-project.io/istio-installation"],
        "Istio",
        KYMA_ISTIO,
        ("the removal of Istio", "Istio and its webhooks stay", BACK),
        false,
        "kyma-project/istio internal/reconciliations/istio/finalizer.go: installationFinalizer",
    ),
    Entry {
        examples: &["crdreplicator.liqo.io/operator"],
        ..entry(
            &["*.liqo.io/*"],
            "Tenant, ForeignCluster, VirtualNode, NamespaceOffloading, Configuration …",
            LIQO,
            (
                "the removal of what was offloaded to, or connected with, another cluster",
                "what was offloaded runs on in the other cluster",
                "bring Liqo and the peering back",
            ),
            true,
            "liqotech/liqo internal/crdReplicator/crdReplicator-operator.go: finalizer; pkg/liqo-controller-manager",
        )
    },
];
