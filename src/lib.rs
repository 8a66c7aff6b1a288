//! nsfix repairs Kubernetes namespaces that are stuck in `Terminating`.
//!
//! The way from a cluster to an outcome:
//!
//! ```text
//! main ─ cli ─ commands ──► observe ─► facts ─► diagnose ─► plan ─► execute ──► again, or end
//!                 │         └────────────── cluster (HTTP) ────────────────┘
//!                 └──────► output (renders any of these types)
//! ```
//!
//! A pure core (`model`, `diagnose`, `plan`) between thin shells of I/O (`cluster`, `observe`, `execute` and `backup`
//! towards the API server and the disk, `output` towards the terminal, `metrics` towards Prometheus). `commands` knows
//! all of them; who else may import whom is in `imports.rs`.

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

#[cfg(test)]
mod imports;
