//! `--policy FILE`: reading it.

use std::path::Path;
use std::sync::Arc;

use crate::output::Failure;
use crate::plan::policy_file::ClearPolicy;

/// Reads the file. Whatever is wrong with it is wrong before the first request.
pub(super) fn read(path: &Path) -> Result<Arc<ClearPolicy>, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("unable to read the policy {shown}: {error}")))?;
    let policy = ClearPolicy::parse(&text).map_err(|error| {
        Failure::usage(format!("{shown}: {error}"))
            .hint("docs/schemas/clear-policy.json says what a policy may hold")
    })?;
    Ok(Arc::new(policy))
}
