//! `--policy FILE`: reading it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::output::Failure;
use crate::plan::policy_file::ClearPolicy;

/// A ConfigMap, where policies are kept, holds one MiB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Reads the file. Whatever is wrong with it is wrong before the first request.
pub(super) fn read(path: &Path) -> Result<Arc<ClearPolicy>, Failure> {
    let shown = path.display();
    let text = text_of(path)
        .map_err(|error| Failure::usage(format!("unable to read the policy {shown}: {error}")))?;
    let policy = ClearPolicy::parse(&text).map_err(|error| {
        Failure::usage(format!("{shown}: {error}"))
            .hint("docs/schemas/clear-policy.json says what a policy may hold")
    })?;
    Ok(Arc::new(policy))
}

/// The text, which may come through a pipe. What has no end is no policy.
fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST {
        return Err(io::Error::other(format!("it is larger than {} MiB", LARGEST / 1024 / 1024)));
    }
    Ok(text)
}
