//! What is being done about a namespace right now, for whoever watches.

use std::time::Duration;

use tokio::time::Instant;

/// What is going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activity {
    Looking,
    Saving,
    /// It is being created, or an object of a backup is.
    Creating,
    /// Leftovers of a type are written to.
    Objects {
        resource: String,
        verb: ObjectVerb,
        done: usize,
        total: usize,
    },
    Waiting {
        what: WaitFor,
        since: Instant,
        /// How long it may take.
        limit: Duration,
    },
    LookingForOrphans,
}

/// What is done to leftovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectVerb {
    Deleted,
    Released,
}

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// The namespace controller is to finish.
    Controller,
    /// The last write is to show.
    Gone,
}
