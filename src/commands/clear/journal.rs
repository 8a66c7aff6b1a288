//! `--journal`: every report as one line of JSON, appended.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::execute::Report;
use crate::model::Invocation;
use crate::output::Failure;
use crate::output::document::Repaired;

/// Whether it can be written to, before anything is done that would have to stand in it.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    OpenOptions::new().create(true).append(true).open(path).map(drop).map_err(|error| {
        Failure::error(format!("unable to open the journal {}: {error}; nothing was written", path.display()))
    })
}

pub(super) fn append(path: &Path, report: &Report, invocation: &Invocation) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::error(format!("unable to append to the journal {}: {error}", path.display()))
    };
    let mut line =
        serde_json::to_string(&Repaired::new(report, invocation)).map_err(|error| failed(&error))?;
    line.push('\n');
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| failed(&error))?;
    // One write, so that two at once do not mix their lines.
    file.write_all(line.as_bytes()).map_err(|error| failed(&error))
}
