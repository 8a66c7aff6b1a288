//! The metrics of a run, for Prometheus. Measurements to text is pure; [`mod@file`] and [`push`] are the two ways out.
//!
//! What a run could not find out is absent, never zero: an alert must not end because nothing could be
//! read. What was read is complete: every cause and every outcome is there, zeros included, so that a
//! series exists before its first failure.

pub mod file;
mod options;
pub mod push;

pub use options::MetricsOptions;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use strum::VariantArray;

use crate::diagnose::{CauseKind, Diagnosis};
use crate::execute::Outcome;

/// In front of every metric.
const PREFIX: &str = "nsfix";
/// Without its prefix, because the file of an earlier run is searched for it too.
const LAST_SUCCESS: &str = "last_success_timestamp_seconds";
/// The cause of a namespace for which none was found.
const NO_CAUSE: &str = "Unknown";

/// Why the metrics did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The file could not be written.
    #[error("unable to write the metrics to {}: {source}", file.display())]
    Write {
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The Pushgateway could not be reached, or did not take them.
    #[error("unable to push the metrics to {gateway}: {source}")]
    Push {
        /// Its URL, without a user name and a password.
        gateway: String,
        /// What it or the network said.
        source: push::PushError,
    },
}

/// The stuck namespaces, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stuck {
    by_cause: BTreeMap<Option<CauseKind>, u64>,
    oldest: Duration,
    /// Those that are skipped or excluded: known, wanted so, and not among the others.
    left_alone: u64,
}

impl Stuck {
    /// Counts diagnosed namespaces, each by its most fundamental cause.
    #[must_use]
    pub fn of<'a>(diagnoses: impl IntoIterator<Item = &'a Diagnosis>) -> Self {
        let mut stuck = Self::default();
        for diagnosis in diagnoses {
            stuck.add(diagnosis.first_cause(), diagnosis.age());
        }
        stuck
    }

    /// The same with so many that are skipped or excluded.
    #[must_use]
    pub fn beside(self, left_alone: u64) -> Self {
        Self { left_alone, ..self }
    }

    /// Counts one namespace.
    pub fn add(&mut self, cause: Option<CauseKind>, age: Duration) {
        *self.by_cause.entry(cause).or_default() += 1;
        self.oldest = self.oldest.max(age);
    }

    fn with_cause(&self, cause: Option<CauseKind>) -> u64 {
        self.by_cause.get(&cause).copied().unwrap_or_default()
    }
}

/// The measurements of one run.
#[derive(Clone, Debug)]
pub struct Measurements {
    /// What is stuck now that the run ends; `None` where the run ended before it knew.
    pub stuck: Option<Stuck>,
    /// What became of each namespace; `None` for a command that repairs nothing.
    pub outcomes: Option<Vec<Outcome>>,
    /// How many objects this run left in etcd without a namespace; `None` for a command that repairs nothing.
    pub orphans_left: Option<u64>,
    /// How long the run took.
    pub duration: Duration,
    /// When it ended.
    pub finished: Timestamp,
    /// The name of the cluster, a label of every metric.
    pub cluster: Option<String>,
    /// Whether it came to its end and nothing failed. What a safety rule refuses has not failed.
    pub succeeded: bool,
}

impl Measurements {
    /// The text for Prometheus. The time of the last success is this run's, or else the one given.
    pub fn encode(&self, last_success: Option<Timestamp>) -> Result<String, fmt::Error> {
        let last_success = if self.succeeded { Some(self.finished) } else { last_success };
        let cluster = self.cluster.clone().map(|name| (Cow::Borrowed("cluster"), Cow::Owned(name)));
        let mut registry = Registry::with_prefix_and_labels(PREFIX, cluster.into_iter());
        registry.register_collector(Box::new(RunCollector { measurements: self.clone(), last_success }));
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// Measurements as prometheus-client asks for them. Its own families keep their labels in a hash map; here the
/// order is always the same.
#[derive(Debug)]
struct RunCollector {
    measurements: Measurements,
    last_success: Option<Timestamp>,
}

impl Collector for RunCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let Measurements { stuck, outcomes, orphans_left, duration, finished, succeeded: _, cluster: _ } =
            &self.measurements;
        if let Some(stuck) = stuck {
            encode_stuck(encoder, stuck)?;
        }
        if let Some(outcomes) = outcomes {
            encode_outcomes(encoder, outcomes)?;
        }
        if let Some(orphans) = orphans_left {
            let help = "Objects that the last run left behind in etcd without a namespace.";
            gauge(encoder, "orphans_left", help, *orphans)?;
        }
        let help = "How long the last run took.";
        gauge(encoder, "run_duration_seconds", help, duration.as_secs_f64())?;
        let help = "When the last run ended, successful or not, in Unix time.";
        gauge(encoder, "last_run_timestamp_seconds", help, finished.as_second())?;
        if let Some(at) = self.last_success {
            let help = "When the last run ended in which nothing failed, in Unix time.";
            gauge(encoder, LAST_SUCCESS, help, at.as_second())?;
        }
        Ok(())
    }
}

fn encode_stuck(encoder: &mut DescriptorEncoder<'_>, stuck: &Stuck) -> fmt::Result {
    let causes = CauseKind::VARIANTS.iter().map(|&kind| (kind.to_string(), stuck.with_cause(Some(kind))));
    let unknown = (NO_CAUSE.to_owned(), stuck.with_cause(None));
    let help =
        "Namespaces that were stuck in Terminating when the last run ended, by their most fundamental cause.";
    gauges(encoder, "stuck_namespaces", help, "cause", causes.chain([unknown]))?;
    let help = "Time since the deletion of the namespace that has been stuck longest; 0 if none is stuck.";
    gauge(encoder, "oldest_stuck_seconds", help, stuck.oldest.as_secs())?;
    let help = "Stuck namespaces that are skipped (nsfix/skip) or excluded, and counted nowhere else.";
    gauge(encoder, "left_alone_namespaces", help, stuck.left_alone)
}

fn encode_outcomes(encoder: &mut DescriptorEncoder<'_>, outcomes: &[Outcome]) -> fmt::Result {
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).map(|_| 1).sum();
    let outcomes = Outcome::VARIANTS.iter().map(|&outcome| (outcome.to_string(), count(outcome)));
    let help = "Namespaces that the last run was to clear, by what became of them.";
    gauges(encoder, "namespaces", help, "outcome", outcomes)
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: impl EncodeGaugeValue,
) -> fmt::Result {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, ConstGauge::<i64>::TYPE)?)
}

/// One gauge per value of a label.
fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    values: impl IntoIterator<Item = (String, u64)>,
) -> fmt::Result {
    let mut encoder = encoder.encode_descriptor(name, help, None, ConstGauge::<u64>::TYPE)?;
    for (value, count) in values {
        ConstGauge::new(count).encode(encoder.encode_family(&[(label, value)])?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
