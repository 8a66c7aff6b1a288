//! `nsfix sandbox`, and the sandbox behind `--sandbox`.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};

use crate::cli::SandboxOptions;
use crate::exit::Exit;
use crate::model::{Hint, ShellCommand};
use crate::output::{Failure, Terminal, table};
use crate::sandbox::{Options, Release, ReleaseError, Sandbox, Scenario, scenarios};
use crate::shutdown::Shutdown;

/// Starts a practice cluster with the named scenarios, or with the usual ones.
pub(super) async fn start(names: &[&str], port: u16, release: Release) -> Result<Sandbox> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut options = Options { address, release, ..Options::default() };
    if !names.is_empty() {
        options.scenarios = names.iter().map(|name| find(name, release)).collect::<Result<_, _>>()?;
    }
    Sandbox::start(options).await.context("unable to start the sandbox")
}

fn find(name: &str, release: Release) -> Result<&'static Scenario, Failure> {
    let scenario = scenarios::find(name).ok_or_else(|| {
        Failure::usage(format!("there is no scenario {name:?}"))
            .hint(Hint::from(ShellCommand::nsfix(["sandbox", "--list"])).text(" names them all"))
    })?;
    if scenario.since > release {
        let why = format!("scenario {name:?} takes Kubernetes {} or later", scenario.since);
        return Err(Failure::usage(why).hint(format!("the sandbox plays {release}")));
    }
    Ok(scenario)
}

fn release(version: &str) -> Result<Release, Failure> {
    version.parse().map_err(|error: ReleaseError| {
        let (oldest, newest) = (Release::OLDEST, Release::NEWEST);
        Failure::usage(error.to_string())
            .hint(format!("--kubernetes-version takes {oldest} to {newest}, for example 1.29 or v1.29.14"))
    })
}

pub(super) async fn run(options: &SandboxOptions, terminal: &Terminal, shutdown: &Shutdown) -> Result<Exit> {
    let release = options.kubernetes_version.as_deref().map_or(Ok(Release::NEWEST), release)?;
    if options.list {
        let rows: Vec<Vec<String>> = scenarios::playable(release)
            .map(|scenario| vec![scenario.name.to_owned(), scenario.about.to_owned()])
            .collect();
        terminal.data(&table::render(Some(&["NAME", "ABOUT"]), &rows))?;
        return Ok(Exit::Done);
    }
    let names: Vec<&str> = options.scenarios.iter().map(String::as_str).collect();
    let sandbox = start(&names, options.port, release).await?;
    let dir = tempfile::Builder::new().prefix("nsfix-sandbox-").tempdir();
    let dir = dir.context("unable to make a temporary directory")?;
    let kubeconfig = dir.path().join("kubeconfig");
    std::fs::write(&kubeconfig, sandbox.kubeconfig())
        .with_context(|| format!("unable to write {}", kubeconfig.display()))?;
    terminal.data(&format!("{}\n", kubeconfig.display()))?;
    terminal.note(&format!("A practice cluster is served at {}. Try, in another terminal:", sandbox.url()));
    terminal.note(&format!("  export KUBECONFIG={}", kubeconfig.display()));
    terminal.note("  kubectl get namespaces");
    terminal.note("  nsfix list-stuck");
    terminal.note("Ctrl-C ends it.");
    shutdown.wait().await;
    sandbox.shutdown().await;
    Ok(Exit::Done)
}
