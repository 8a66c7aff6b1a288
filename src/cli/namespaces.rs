//! kubectl's options about namespaces, where a command is about namespaces anyway.

use clap::Args;

use super::parse_namespace;

/// Which namespaces are meant.
#[derive(Args, Clone, Debug, Default)]
pub struct NamespaceOptions {
    /// Only this namespace, as NAME alone would say; can be repeated
    #[arg(short, long, value_name = "NAME", value_parser = parse_namespace)]
    pub namespace: Vec<String>,
    /// All namespaces, which is the default
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
}
