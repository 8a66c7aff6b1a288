//! The options of a command that reports to Prometheus.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};

use super::push::Gateway;
use super::{Measurements, MetricsError, file};

/// Where the metrics of a run go.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Metrics")]
pub struct MetricsOptions {
    /// Write metrics for Prometheus to this file, as node_exporter's textfile collector reads them (*.prom)
    #[arg(
        long,
        env = "NSFIX_METRICS_FILE",
        hide_env_values = true,
        hide_short_help = true,
        value_name = "FILE"
    )]
    pub metrics_file: Option<PathBuf>,
    /// Push metrics to the Prometheus Pushgateway at this URL, for example http://pushgateway:9091
    #[arg(
        long,
        env = "NSFIX_PUSH_GATEWAY",
        hide_env_values = true,
        hide_short_help = true,
        value_name = "URL",
        value_parser = GatewayParser
    )]
    pub push_gateway: Option<Gateway>,
    /// Name of the cluster: a label of every metric, and part of the Pushgateway's group
    #[arg(long, value_name = "NAME", value_parser = cluster_name)]
    pub cluster_name: Option<String>,
}

impl MetricsOptions {
    /// Whether anybody wants the metrics.
    #[must_use]
    pub fn any(&self) -> bool {
        self.metrics_file.is_some() || self.push_gateway.is_some()
    }

    /// Writes the file and pushes. Neither waits for the success of the other.
    pub async fn publish(&self, measurements: &Measurements) -> Vec<MetricsError> {
        let Self { metrics_file, push_gateway, cluster_name } = self;
        let measurements = &Measurements { cluster: cluster_name.clone(), ..measurements.clone() };
        let written = metrics_file.as_ref().map(|path| file::write(path, measurements));
        let pushed = match push_gateway {
            Some(gateway) => Some(gateway.of_cluster(cluster_name.as_deref()).push(measurements).await),
            None => None,
        };
        [written, pushed].into_iter().flatten().filter_map(Result::err).collect()
    }
}

/// What can stand in a URL as it is.
fn cluster_name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if text.is_empty() || !text.bytes().all(fits) {
        return Err("use letters, digits, -, . and _".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads the URL. clap's own message about a wrong value repeats the value, and with it a password.
#[derive(Clone)]
struct GatewayParser;

impl TypedValueParser for GatewayParser {
    type Value = Gateway;

    fn parse_ref(&self, cmd: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Gateway, clap::Error> {
        value.to_string_lossy().parse().map_err(|why| {
            let message = format!("invalid value for '--push-gateway <URL>': {why}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(cmd)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        metrics: MetricsOptions,
    }

    fn parse(arguments: &[&str]) -> Result<MetricsOptions, clap::Error> {
        Line::try_parse_from([&["nsfix"], arguments].concat()).map(|line| line.metrics)
    }

    #[test]
    fn metrics_go_nowhere_unless_asked_for() {
        assert!(!parse(&[]).unwrap().any());
        assert!(parse(&["--metrics-file", "nsfix.prom"]).unwrap().any());
        assert!(parse(&["--push-gateway", "http://pushgateway:9091"]).unwrap().any());
    }

    #[test]
    fn a_wrong_url_is_a_usage_error_that_keeps_the_password_to_itself() {
        let error = parse(&["--push-gateway", "ftp://rodrigo:hunter2@pushgateway"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let said = error.to_string();
        assert!(said.contains("invalid value for '--push-gateway <URL>': "), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[tokio::test]
    async fn a_file_that_fails_does_not_keep_the_push_from_being_tried() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("missing/nsfix.prom");
        // Port 0 is nobody's.
        let options = parse(&["--push-gateway", "http://127.0.0.1:0"]).unwrap();
        let options = MetricsOptions { metrics_file: Some(file), ..options };
        let said: Vec<String> =
            options.publish(&super::super::tests::failed()).await.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("unable to write the metrics to "), "{said:?}");
        assert!(said[1].starts_with("unable to push the metrics to http://127.0.0.1:0/"), "{said:?}");
    }
}
