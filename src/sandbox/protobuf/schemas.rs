//! The messages behind what kubectl creates, from the generated.proto files of k8s.io/api and k8s.io/apimachinery.
//!
//! Only the fields that kubectl's own commands fill in. A body with a field that is not here is refused, not cut.

use super::Kind::{
    ByteMap, Flag, Inline, IntOrText, Map as TextMap, Message, Messages, Number, Quantities, Text, Texts,
};
use super::{Field, Kind};

const OBJECT_META: &[Field] = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (11, "labels", TextMap),
    (12, "annotations", TextMap),
    (14, "finalizers", Texts),
];
const METADATA: Field = (1, "metadata", Message(OBJECT_META));

const NAMESPACE: &[Field] = &[METADATA, (2, "spec", Message(&[(1, "finalizers", Texts)]))];
const CONFIG_MAP: &[Field] =
    &[METADATA, (2, "data", TextMap), (3, "binaryData", ByteMap), (4, "immutable", Flag)];
const SECRET: &[Field] =
    &[METADATA, (2, "data", ByteMap), (3, "type", Text), (4, "stringData", TextMap), (5, "immutable", Flag)];
const RESOURCE_ATTRIBUTES: &[Field] = &[
    (1, "namespace", Text),
    (2, "verb", Text),
    (3, "group", Text),
    (4, "version", Text),
    (5, "resource", Text),
    (6, "subresource", Text),
    (7, "name", Text),
];
const ACCESS_REVIEW: &[Field] = &[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (1, "resourceAttributes", Message(RESOURCE_ATTRIBUTES)),
            (2, "nonResourceAttributes", Message(&[(1, "path", Text), (2, "verb", Text)])),
        ]),
    ),
];
const RULES_REVIEW: &[Field] = &[METADATA, (2, "spec", Message(&[(1, "namespace", Text)]))];
const TOKEN_REQUEST: &[Field] =
    &[METADATA, (2, "spec", Message(&[(1, "audiences", Texts), (4, "expirationSeconds", Number)]))];
const DELETE_OPTIONS: &[Field] = &[
    (1, "gracePeriodSeconds", Number),
    (2, "preconditions", Message(&[(1, "uid", Text), (2, "resourceVersion", Text)])),
    (3, "orphanDependents", Flag),
    (4, "propagationPolicy", Text),
    (5, "dryRun", Texts),
];
const EVICTION: &[Field] = &[METADATA, (2, "deleteOptions", Message(DELETE_OPTIONS))];

const SELECTOR: Kind = Message(&[
    (1, "matchLabels", TextMap),
    (2, "matchExpressions", Messages(&[(1, "key", Text), (2, "operator", Text), (3, "values", Texts)])),
]);
const CONTAINER: &[Field] = &[
    (1, "name", Text),
    (2, "image", Text),
    (3, "command", Texts),
    (4, "args", Texts),
    (5, "workingDir", Text),
    (
        6,
        "ports",
        Messages(&[
            (1, "name", Text),
            (2, "hostPort", Number),
            (3, "containerPort", Number),
            (4, "protocol", Text),
        ]),
    ),
    (7, "env", Messages(&[(1, "name", Text), (2, "value", Text)])),
    (8, "resources", Message(&[(1, "limits", Quantities), (2, "requests", Quantities)])),
    (13, "terminationMessagePath", Text),
    (14, "imagePullPolicy", Text),
    (20, "terminationMessagePolicy", Text),
];
const POD_TEMPLATE: &[Field] = &[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (2, "containers", Messages(CONTAINER)),
            (3, "restartPolicy", Text),
            (4, "terminationGracePeriodSeconds", Number),
            (6, "dnsPolicy", Text),
            (7, "nodeSelector", TextMap),
            (8, "serviceAccountName", Text),
            (9, "serviceAccount", Text),
            (10, "nodeName", Text),
            (19, "schedulerName", Text),
        ]),
    ),
];
const DEPLOYMENT: &[Field] = &[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (1, "replicas", Number),
            (2, "selector", SELECTOR),
            (3, "template", Message(POD_TEMPLATE)),
            (4, "strategy", Message(&[(1, "type", Text)])),
        ]),
    ),
];
const JOB_SPEC: &[Field] = &[
    (1, "parallelism", Number),
    (2, "completions", Number),
    (3, "activeDeadlineSeconds", Number),
    (4, "selector", SELECTOR),
    (6, "template", Message(POD_TEMPLATE)),
    (7, "backoffLimit", Number),
    (8, "ttlSecondsAfterFinished", Number),
];
const JOB: &[Field] = &[METADATA, (2, "spec", Message(JOB_SPEC))];
const CRON_JOB: &[Field] = &[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (1, "schedule", Text),
            (3, "concurrencyPolicy", Text),
            (4, "suspend", Flag),
            (5, "jobTemplate", Message(JOB)),
        ]),
    ),
];
const INGRESS_BACKEND: &[Field] = &[(
    4,
    "service",
    Message(&[(1, "name", Text), (2, "port", Message(&[(1, "name", Text), (2, "number", Number)]))]),
)];
const INGRESS_PATHS: &[Field] = &[(
    1,
    "http",
    Message(&[(
        1,
        "paths",
        Messages(&[(1, "path", Text), (2, "backend", Message(INGRESS_BACKEND)), (3, "pathType", Text)]),
    )]),
)];
const INGRESS: &[Field] = &[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (1, "defaultBackend", Message(INGRESS_BACKEND)),
            (2, "tls", Messages(&[(1, "hosts", Texts), (2, "secretName", Text)])),
            (3, "rules", Messages(&[(1, "host", Text), (2, "", Inline(INGRESS_PATHS))])),
            (4, "ingressClassName", Text),
        ]),
    ),
];
const RULES: Kind = Messages(&[
    (1, "verbs", Texts),
    (2, "apiGroups", Texts),
    (3, "resources", Texts),
    (4, "resourceNames", Texts),
    (5, "nonResourceURLs", Texts),
]);
const ROLE: &[Field] = &[METADATA, (2, "rules", RULES)];
const CLUSTER_ROLE: &[Field] = &[
    METADATA,
    (2, "rules", RULES),
    (3, "aggregationRule", Message(&[(1, "clusterRoleSelectors", Messages(&[(1, "matchLabels", TextMap)]))])),
];
const ROLE_BINDING: &[Field] = &[
    METADATA,
    (
        2,
        "subjects",
        Messages(&[(1, "kind", Text), (2, "apiGroup", Text), (3, "name", Text), (4, "namespace", Text)]),
    ),
    (3, "roleRef", Message(&[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)])),
];
const QUOTA: &[Field] = &[METADATA, (2, "spec", Message(&[(1, "hard", Quantities), (2, "scopes", Texts)]))];
const SERVICE: &[Field] = &[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (
                1,
                "ports",
                Messages(&[
                    (1, "name", Text),
                    (2, "protocol", Text),
                    (3, "port", Number),
                    (4, "targetPort", IntOrText),
                    (5, "nodePort", Number),
                ]),
            ),
            (2, "selector", TextMap),
            (3, "clusterIP", Text),
            (4, "type", Text),
            (5, "externalIPs", Texts),
            (7, "sessionAffinity", Text),
            (8, "loadBalancerIP", Text),
            (10, "externalName", Text),
        ]),
    ),
];
const DISRUPTION_BUDGET: &[Field] = &[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (1, "minAvailable", IntOrText),
            (2, "selector", SELECTOR),
            (3, "maxUnavailable", IntOrText),
        ]),
    ),
];
const PRIORITY_CLASS: &[Field] = &[
    METADATA,
    (2, "value", Number),
    (3, "globalDefault", Flag),
    (4, "description", Text),
    (5, "preemptionPolicy", Text),
];

const SCALED: Kind = Message(&[(1, "kind", Text), (2, "name", Text), (3, "apiVersion", Text)]);
const AUTOSCALER_V1: &[Field] = &[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (1, "scaleTargetRef", SCALED),
            (2, "minReplicas", Number),
            (3, "maxReplicas", Number),
            (4, "targetCPUUtilizationPercentage", Number),
        ]),
    ),
];
const AUTOSCALER_V2: &[Field] = &[
    METADATA,
    (
        2,
        "spec",
        Message(&[
            (1, "scaleTargetRef", SCALED),
            (2, "minReplicas", Number),
            (3, "maxReplicas", Number),
            (
                4,
                "metrics",
                Messages(&[
                    (1, "type", Text),
                    (
                        4,
                        "resource",
                        Message(&[
                            (1, "name", Text),
                            (2, "target", Message(&[(1, "type", Text), (4, "averageUtilization", Number)])),
                        ]),
                    ),
                ]),
            ),
        ]),
    ),
];

/// The message behind a kind; none for kinds that are not known here.
pub(super) fn of(api_version: &str, kind: &str) -> Option<&'static [Field]> {
    Some(match kind {
        "HorizontalPodAutoscaler" if api_version == "autoscaling/v1" => AUTOSCALER_V1,
        "HorizontalPodAutoscaler" => AUTOSCALER_V2,
        "Namespace" => NAMESPACE,
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "ServiceAccount" | "SelfSubjectReview" => &[METADATA],
        "SelfSubjectAccessReview" => ACCESS_REVIEW,
        "SelfSubjectRulesReview" => RULES_REVIEW,
        "TokenRequest" => TOKEN_REQUEST,
        "DeleteOptions" => DELETE_OPTIONS,
        "Eviction" => EVICTION,
        "Deployment" => DEPLOYMENT,
        "Job" => JOB,
        "CronJob" => CRON_JOB,
        "Ingress" => INGRESS,
        "Role" => ROLE,
        "ClusterRole" => CLUSTER_ROLE,
        "RoleBinding" | "ClusterRoleBinding" => ROLE_BINDING,
        "ResourceQuota" => QUOTA,
        "Service" => SERVICE,
        "PodDisruptionBudget" => DISRUPTION_BUDGET,
        "PriorityClass" => PRIORITY_CLASS,
        _ => return None,
    })
}
