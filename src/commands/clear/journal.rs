//! `--journal`: every report as one line of JSON, appended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::execute::Report;
use crate::model::Invocation;
use crate::output::document::Repaired;

/// Whether it can be written to, before anything is done that would have to stand in it.
pub(super) fn check(path: &Path) -> Result<()> {
    match open(path) {
        Ok(_) => Ok(()),
        Err(error) => bail!("unable to open the journal {}: {error}; nothing was written", path.display()),
    }
}

pub(super) fn append(path: &Path, report: &Report, invocation: &Invocation) -> Result<()> {
    let written =
        serde_json::to_string(&Repaired::new(report, invocation)).map_err(io::Error::from).and_then(|line| {
            // One write, so that two at once do not mix their lines.
            open(path)?.write_all((line + "\n").as_bytes())
        });
    written.with_context(|| format!("unable to append to the journal {}", path.display()))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
