//! nsfix repairs Kubernetes namespaces that are stuck in `Terminating`.
//!
//! The way through the house:
//!
//! ```text
//! main ─ cli ─ commands ──► cluster (observe) ──► facts ──► diagnose ──► plan ──► execute
//!                 └──────────────────────────► output ◄───────────────────────────┘
//! ```
//!
//! A pure core (`model`, `diagnose`, `plan`) between two thin shells of I/O (`cluster`, `execute` towards the
//! API server, `output` towards the terminal, `metrics` towards Prometheus). `commands` knows all of them; nobody
//! else imports upwards.

pub mod backup;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod diagnose;
pub mod execute;
pub mod exit;
pub mod metrics;
pub mod model;
pub mod observe;
pub mod output;
pub mod plan;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod shutdown;
