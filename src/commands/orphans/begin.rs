//! The one dangerous moment of a purge: the namespace is created, and must not stay Active.
//!
//! Signals wait between the POST and the DELETE: a namespace that stays is worse than a late end.

use std::time::Duration;

use super::permitted::exists;
use crate::cluster::{ApiError, Cluster, PURGE_RUN_ANNOTATION};
use crate::execute::{Outcome, Problem};
use crate::model::{ApiPath, Hint, Namespace, ShellCommand};

/// About eight seconds of trying, and less than a minute where every request hangs.
const DELETE_ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// How it began.
pub(super) enum Begun {
    /// The namespace is Terminating.
    Terminating(Box<Namespace>),
    /// It was deleted and is gone already.
    Gone {
        /// The uid of the one that was created.
        uid: String,
    },
    /// It is not.
    Ended {
        /// How the purge ends.
        outcome: Outcome,
        /// Why.
        problem: Problem,
        /// The uid of the namespace that was created, where one was.
        uid: Option<String>,
    },
}

/// Creates the namespace and deletes it at once.
pub(super) async fn begin(cluster: &Cluster, name: &str, run: &str) -> Begun {
    match create(cluster, name, run).await {
        Ok(created) => delete(cluster, created).await,
        Err((outcome, problem)) => Begun::Ended { outcome, problem, uid: None },
    }
}

async fn create(cluster: &Cluster, name: &str, run: &str) -> Result<Namespace, (Outcome, Problem)> {
    let error = match cluster.create_for_purge(name, run).await {
        Ok(created) => return Ok(created),
        Err(error) => error,
    };
    let refused = matches!(error.code(), Some(400..=499)) && !error.is_conflict();
    if refused {
        return Err((Outcome::Refused, Problem::from(&error)));
    }
    // It exists; or the answer to our own request was lost. Only the annotation tells them apart.
    match read_until_known(cluster, name).await {
        Ok(found) if is_of(&found, run) => Ok(found),
        Ok(_) => Err((Outcome::Refused, exists(name))),
        Err(read) if read.is_missing_namespace() => Err((Outcome::Failed, Problem::from(&error))),
        Err(read) => Err((
            Outcome::Failed,
            Problem {
                message: format!(
                    "creating namespace {name:?} failed ({error}), and whether it exists is unknown ({}): if it does, \
                     its old objects, RoleBindings included, are in force again",
                    read.detail()
                ),
                hint: Some(
                    Hint::from("see with ")
                        .command(ShellCommand::kubectl(["get", "namespace"]).names([name]))
                        .text("; to delete it: ")
                        .command(delete_command(name)),
                ),
            },
        )),
    }
}

/// A namespace that may have been created is not left alone because one read failed.
async fn read_until_known(cluster: &Cluster, name: &str) -> Result<Namespace, ApiError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..DELETE_ATTEMPTS {
        match cluster.namespace(name).await {
            Err(error) if !error.is_missing_namespace() => {}
            known => return known,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    cluster.namespace(name).await
}

fn is_of(namespace: &Namespace, run: &str) -> bool {
    namespace.annotations.get(PURGE_RUN_ANNOTATION).is_some_and(|found| found == run)
}

/// Deletes what this run has created, by its uid, until it is Terminating.
async fn delete(cluster: &Cluster, created: Namespace) -> Begun {
    let Namespace { name, uid, .. } = &created;
    let path = ApiPath::namespace(name);
    let mut pause = FIRST_PAUSE;
    let mut why = String::new();
    for attempt in 1..=DELETE_ATTEMPTS {
        if let Err(error) = cluster.delete_by_uid(&path, uid).await {
            why = error.to_string();
        }
        match cluster.namespace(name).await {
            Ok(found) if found.uid != *uid => {
                let problem = Problem::new(format!(
                    "namespace {name:?} was deleted and created again by another client; it was left alone"
                ));
                return Begun::Ended { outcome: Outcome::Failed, problem, uid: None };
            }
            Ok(found) if found.is_terminating() => return Begun::Terminating(Box::new(found)),
            Err(error) if error.is_missing_namespace() => return Begun::Gone { uid: uid.clone() },
            Err(error) if why.is_empty() => why = error.to_string(),
            Ok(_) | Err(_) => {}
        }
        if attempt < DELETE_ATTEMPTS {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
    let problem = Problem {
        message: format!(
            "namespace {name:?} was re-created and could not be deleted ({why}): its old objects, RoleBindings \
             included, are in force again"
        ),
        hint: Some(Hint::from("delete it: ").command(ShellCommand::delete_namespace_again(&created))),
    };
    Begun::Ended { outcome: Outcome::Failed, problem, uid: Some(uid.clone()) }
}

fn delete_command(name: &str) -> ShellCommand {
    ShellCommand::kubectl(["delete", "namespace"]).names([name])
}
