//! `--report-file`: the page of a run. That it cannot be written is said, and changes nothing about how the run ends.

use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;

use crate::cluster::Cluster;
use crate::execute::Report;
use crate::output::Terminal;
use crate::output::html::{Entry, page};
use crate::output::list_stuck::UnreadContext;

/// How a cluster is called on the page.
pub(super) fn cluster_name(cluster: &Cluster) -> &str {
    cluster.context.as_deref().unwrap_or(&cluster.server)
}

/// Replaces the file as a whole: nobody reads half of it.
pub(super) fn write(
    path: Option<&Path>,
    entries: &[Entry],
    reports: Option<&[Report]>,
    unread: &[UnreadContext],
    terminal: &Terminal,
) {
    let Some(path) = path else { return };
    if let Err(error) = replace(path, &page(entries, reports, unread, Timestamp::now())) {
        terminal.warn(&format!("unable to write the report to {}: {error}", path.display()));
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("not a regular file"));
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // For its owner alone: it names what is in the namespaces.
    let mut temporary = tempfile::Builder::new().prefix(".nsfix-").suffix(".tmp").tempfile_in(dir)?;
    temporary.write_all(text.as_bytes())?;
    temporary.persist(path)?;
    Ok(())
}
