//! What a verb came to: for the exit code, the metrics and the pod's termination message.

use crate::execute::Report;
use crate::exit::Exit;
use crate::metrics::Stuck;
use crate::output::Failure;

/// What a verb came to.
#[derive(Debug)]
pub struct VerbResult {
    /// How the process ends.
    pub exit: Exit,
    /// What ended it early.
    pub error: Option<Failure>,
    /// What became of each namespace; `None` where nothing is repaired, or it ended before it knew.
    pub reports: Option<Vec<Report>>,
    /// What is still stuck; `None` where it was not read.
    pub stuck: Option<Stuck>,
    /// Lines for the pod's termination message.
    pub summary: Vec<String>,
}

impl VerbResult {
    /// The same, ended early.
    #[must_use]
    pub fn failed(mut self, error: Failure) -> Self {
        self.exit = error.exit;
        self.summary.push(error.message.clone());
        self.error = Some(error);
        self
    }
}

impl From<Exit> for VerbResult {
    fn from(exit: Exit) -> Self {
        Self { exit, error: None, reports: None, stuck: None, summary: Vec::new() }
    }
}

impl From<anyhow::Error> for VerbResult {
    fn from(error: anyhow::Error) -> Self {
        Self::from(Exit::Error).failed(Failure::of(error))
    }
}
