//! kubectl's `--dry-run`.

/// kubectl's `--dry-run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum DryRunChoice {
    /// The writes are meant.
    None,
    /// No write is sent; what would be sent is printed.
    Client,
    /// Writes are sent with dryRun=All.
    Server,
}
