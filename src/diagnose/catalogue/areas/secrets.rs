//! Finalizers of secrets, certificates and credentials.

use super::super::{ENTRY, Entry, OWNER, Owner, Place, lease, pods};

const CERT_MANAGER: Owner = Owner {
    name: "cert-manager",
    workloads: &[pods(
        &["cert-manager"],
        "app.kubernetes.io/name=cert-manager,app.kubernetes.io/component=controller",
    )],
    leases: &[lease("kube-system", "cert-manager-controller")],
    groups: &["cert-manager.io", "acme.cert-manager.io"],
    ..OWNER
};

const ESO: Owner = Owner {
    name: "External Secrets Operator",
    workloads: &[pods(&["external-secrets"], "app.kubernetes.io/name=external-secrets")],
    groups: &["external-secrets.io", "generators.external-secrets.io"],
    ..OWNER
};

const VAULT: Owner = Owner {
    name: "Vault Secrets Operator",
    workloads: &[pods(
        &["vault-secrets-operator-system", "vault-secrets-operator"],
        "app.kubernetes.io/name=vault-secrets-operator",
    )],
    groups: &["secrets.hashicorp.com"],
    ..OWNER
};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["acme.cert-manager.io/finalizer", "finalizer.acme.cert-manager.io"],
        on: "Challenge",
        owner: CERT_MANAGER,
        protects: "the removal of the DNS record or HTTP solver of a challenge",
        if_removed: "the DNS TXT record stays in the zone",
        remedy: "bring cert-manager and the issuer's DNS credentials back",
        dangerous: true,
        source: "cert-manager/cert-manager acme/v1/const.go",
        ..ENTRY
    },
    Entry {
        names: &[
            "externalsecrets.external-secrets.io/externalsecret-cleanup",
            "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup",
        ],
        on: "ExternalSecret, ClusterExternalSecret",
        owner: ESO,
        protects: "the deletion of the Secrets or ExternalSecrets made from it",
        if_removed: "Secrets or ExternalSecrets made from it stay in the cluster",
        remedy: "bring the operator back",
        dangerous: false,
        source: "external-secrets/external-secrets",
        ..ENTRY
    },
    Entry {
        names: &["externalsecrets.external-secrets.io/ces-*"],
        examples: &["externalsecrets.external-secrets.io/ces-registry"],
        places: &[Place::NamespaceMetadata],
        on: "Namespace",
        owner: ESO,
        protects: "the namespace until a ClusterExternalSecret has taken its ExternalSecret out",
        if_removed: "an ExternalSecret may stay in the namespace",
        remedy: "delete the ClusterExternalSecret, or take the namespace out of its selector",
        dangerous: false,
        source: "seen in external-secrets/external-secrets#5426",
        ..ENTRY
    },
    Entry {
        names: &["pushsecret.externalsecrets.io/finalizer"],
        on: "PushSecret",
        owner: ESO,
        protects: "the deletion of the secret that was pushed to a remote store",
        if_removed: "the secret stays in the remote store",
        remedy: "bring the operator back",
        dangerous: true,
        source: "external-secrets/external-secrets",
        ..ENTRY
    },
    Entry {
        names: &["secretstore.externalsecrets.io/finalizer"],
        on: "SecretStore, ClusterSecretStore",
        owner: ESO,
        protects: "the access to a remote store that PushSecrets still need to delete from it",
        if_removed: "secrets stay in the remote store",
        remedy: "delete the PushSecrets that use the store first",
        dangerous: true,
        source: "external-secrets/external-secrets",
        ..ENTRY
    },
    Entry {
        names: &["generatorstate.externalsecrets.io/finalizer"],
        on: "GeneratorState",
        owner: ESO,
        protects: "the withdrawal of a credential that was generated",
        if_removed: "the credential stays valid in the remote system",
        remedy: "bring the operator back",
        dangerous: true,
        source: "external-secrets/external-secrets",
        ..ENTRY
    },
    Entry {
        names: &[
            "vaultdynamicsecret.secrets.hashicorp.com/finalizer",
            "vaultpkisecrets.secrets.hashicorp.com/finalizer",
        ],
        on: "VaultDynamicSecret, VaultPKISecret",
        owner: VAULT,
        protects: "the revocation of leases and certificates in Vault",
        if_removed: "credentials or certificates stay valid until they expire",
        remedy: "bring the operator back, or revoke the lease or certificate in Vault first",
        dangerous: true,
        source: "hashicorp/vault-secrets-operator",
        ..ENTRY
    },
    Entry {
        names: &[
            "vaultauth.secrets.hashicorp.com/finalizer",
            "vaultconnection.secrets.hashicorp.com/finalizer",
            "vaultstaticsecret.secrets.hashicorp.com/finalizer",
            "hcpvaultsecretsapp.secrets.hashicorp.com/finalizer",
        ],
        on: "VaultAuth, VaultConnection, VaultStaticSecret, HCPVaultSecretsApp",
        owner: VAULT,
        protects: "the withdrawal of the operator's Vault tokens",
        if_removed: "tokens may stay valid until they expire",
        remedy: "bring the operator back, or revoke the token in Vault first",
        dangerous: true,
        source: "hashicorp/vault-secrets-operator",
        ..ENTRY
    },
];
