//! The integration tests: what a user or an operator would notice.
//!
//! Tests run against the sandbox and, where its binaries are found, against a real control plane. Without
//! them the real half is reported as ignored.

// A test says what went wrong by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
// Everything here is seen by this binary alone.
#![allow(unreachable_pub)]

mod harness;

mod access;
mod check;
mod clear;
mod completion;
mod connection;
mod contexts;
mod contract;
mod deploy;
mod discovery;
mod documentation;
mod dry_runs;
mod explain;
mod faults;
mod habits;
mod kubectl;
mod list_stuck;
mod narrow;
mod older;
mod orphans;
mod packaging;
mod printed;
mod progress;
mod restore;
mod schemas;
mod terminal;
mod unattended;
mod watch;

use std::process::ExitCode;

use harness::{ControlPlane, Test};

const THREADS_PER_CORE: usize = 3;

fn main() -> ExitCode {
    let mut arguments = libtest_mimic::Arguments::from_args();
    // Most of a test is waiting: for nsfix, for the controller, for time to pass.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    arguments.test_threads.get_or_insert(THREADS_PER_CORE * cores);
    let tests: Vec<Test> = [
        // Those that take longest come first, so that the rest runs beside them.
        printed::pasted::tests(),
        printed::tests(),
        check::tests(),
        dry_runs::tests(),
        faults::tests(),
        access::tests(),
        clear::tests(),
        completion::all(),
        connection::tests(),
        contexts::tests(),
        contract::tests(),
        deploy::tests(),
        discovery::tests(),
        explain::tests(),
        habits::tests(),
        schemas::tests(),
        terminal::tests(),
        progress::tests(),
        documentation::tests(),
        kubectl::tests(),
        list_stuck::tests(),
        narrow::tests(),
        older::tests(),
        orphans::tests().into_iter().map(|test| test.also_on(&[25])).collect(),
        packaging::tests(),
        restore::tests(),
        unattended::tests(),
        watch::tests(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let plane = ControlPlane::find();
    if plane.is_none() && !arguments.list {
        println!(
            "skipped: every test on a real control plane. No etcd and kube-apiserver in KUBEBUILDER_ASSETS or \
             /usr/local/kubebuilder/bin; docs/contributing.md says how to get them."
        );
    }
    let trials = tests.into_iter().flat_map(|test| test.trials(plane.as_ref())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(plane) = &plane {
        plane.stop();
    }
    conclusion.exit_code()
}
