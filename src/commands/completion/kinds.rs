//! What can be completed where: each argument with the kind of its values.

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    StuckNamespace,
    Namespace,
    Context,
    Cluster,
    User,
    #[cfg(feature = "sandbox")]
    Scenario,
    /// A version of Kubernetes that the sandbox plays.
    #[cfg(feature = "sandbox")]
    Release,
    Backup,
    /// A finalizer of what is inside the namespace.
    OfLeftovers,
    /// A finalizer of the namespace itself.
    OfNamespace,
    /// One of the catalogue.
    Known,
    Capability,
}

/// The arguments of every command.
pub(super) const EVERYWHERE: &[(&str, Kind)] = &[
    ("context", Kind::Context),
    ("cluster", Kind::Cluster),
    ("user", Kind::User),
    #[cfg(feature = "sandbox")]
    ("sandbox", Kind::Scenario),
];

/// The arguments of one command.
pub(super) const OF_VERBS: &[(&str, &str, Kind)] = &[
    ("list-stuck", "namespace", Kind::StuckNamespace),
    ("list-stuck", "exclude", Kind::StuckNamespace),
    ("explain", "names", Kind::StuckNamespace),
    ("explain", "namespace", Kind::StuckNamespace),
    ("clear", "names", Kind::StuckNamespace),
    ("clear", "namespace", Kind::StuckNamespace),
    ("clear", "exclude", Kind::StuckNamespace),
    ("clear", "release_finalizer", Kind::OfLeftovers),
    ("clear", "finalizer", Kind::OfNamespace),
    ("check", "names", Kind::Namespace),
    ("check", "namespace", Kind::Namespace),
    ("access", "capabilities", Kind::Capability),
    ("access", "namespace", Kind::Namespace),
    // Which namespaces have left orphans takes a list of every type to say.
    ("orphans", "release_finalizer", Kind::Known),
    ("restore", "file", Kind::Backup),
    ("restore", "rest", Kind::Backup),
    #[cfg(feature = "sandbox")]
    ("sandbox", "scenarios", Kind::Scenario),
    #[cfg(feature = "sandbox")]
    ("sandbox", "kubernetes_version", Kind::Release),
    ("finalizers", "name", Kind::Known),
];
