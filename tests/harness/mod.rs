//! What every test needs: an API to talk to, and the built binary to run.

mod account;
#[allow(dead_code)] // not the benchmark's
pub mod backend;
pub mod canned;
mod command;
#[allow(dead_code)] // not the benchmark's
pub mod fixtures;
mod kubeconfig;
#[allow(dead_code)] // not the benchmark's
mod kubelet;
mod lab;
mod plane;
mod recipe;
mod supervised;
#[allow(dead_code)] // not the benchmark's
mod versions;

#[allow(unused_imports)] // not the benchmark's
pub use account::{Account, Used, used_by};
#[allow(unused_imports)] // the benchmark's
pub use command::ended_within;
pub use command::{Nsfix, Ran, ended};
#[allow(unused_imports)] // not the benchmark's
pub use kubeconfig::kubeconfig;
#[allow(unused_imports)] // not the benchmark's
pub use kubelet::Kubelet;
pub use lab::{AGGREGATED, Answer, Lab};
#[allow(unused_imports)] // the benchmark's
pub use plane::ADMIN_TOKEN;
pub use plane::ControlPlane;
#[allow(unused_imports)] // not the benchmark's
pub use versions::{
    ADMISSION_POLICIES, AGGREGATED_DISCOVERY, CACHE_SAYS_WHY, CREATE_IN_TERMINATING_CRD_IS_FORBIDDEN,
    GONE_IS_NOT_FOUND, JUDGED_BY_SLICES, LISTS_FROM_CACHE, MANAGED_SUBRESOURCES, NAME_LABEL,
    ORDERED_DELETION,
};

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use nsfix::sandbox::{Options, Release};

/// A test that hangs is a test that fails.
pub const LIMIT: Duration = Duration::from_secs(300);

type Body = fn(Lab) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a test runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// On the sandbox, and on the control plane that all such tests share.
    Both,
    /// On the sandbox, and on a control plane of its own, because it breaks the cluster for everybody.
    BothAlone,
    /// As [`On::Both`], where a namespace controller runs.
    Controlled,
    /// On the shared control plane alone: it needs what the sandbox does not have, such as service accounts.
    Real,
    /// On a control plane of its own, with a namespace controller.
    RealAlone,
    /// On a control plane of its own, without one: every namespace that is deleted stays.
    RealIdle,
    /// On a control plane of its own that runs CronJobs and Jobs, with processes that have a pod's files.
    RealJobs,
    /// As [`On::Real`], by a process that finds a pod's files where a pod has them.
    Pod,
    /// On the sandbox alone, with bash; ignored where there is none.
    Bash,
    /// The same with zsh.
    Zsh,
    /// The same with fish.
    Fish,
    /// On the sandbox alone, with kubectl; ignored where there is none.
    Kubectl,
    /// With promtool; ignored where there is none.
    Promtool,
    /// With helm and kubectl; ignored where one of them is missing.
    Helm,
    /// On the sandbox alone: it injects faults that no real server has on offer.
    Sandbox,
}

impl On {
    /// The programs that a machine need not have.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Bash => &["bash"],
            Self::Zsh => &["zsh"],
            Self::Fish => &["fish"],
            Self::Kubectl => &["kubectl"],
            Self::Promtool => &["promtool"],
            Self::Helm => &["helm", "kubectl"],
            Self::Both
            | Self::BothAlone
            | Self::Controlled
            | Self::Real
            | Self::RealAlone
            | Self::RealIdle
            | Self::RealJobs
            | Self::Pod
            | Self::Sandbox => &[],
        }
    }
}

/// A test, by the sentence that is its function's name.
pub struct Test {
    name: String,
    on: On,
    body: Body,
    limit: Duration,
    /// The older releases that the sandbox plays it on, besides the newest.
    older: &'static [u32],
}

impl Test {
    pub fn new(module: &str, name: &str, on: On, body: Body) -> Self {
        let module = module.split_once("::").map_or(module, |(_, rest)| rest);
        Self { name: format!("{module}::{name}"), on, body, limit: LIMIT, older: &[] }
    }

    /// With another limit, for a test that has one for each of its parts.
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Also on a sandbox that plays each of these minor releases: what it says holds for all, or says since when.
    pub fn also_on(self, older: &'static [u32]) -> Self {
        Self { older, ..self }
    }

    /// One trial per place.
    pub fn trials(self, plane: Option<&ControlPlane>) -> Vec<Trial> {
        let Self { name, on, body, limit, older } = self;
        let options = move |release| Options {
            release,
            scenarios: Vec::new(),
            controller: matches!(on, On::Controlled | On::BothAlone).then(Default::default),
            ..Options::default()
        };
        let on_sandbox = |release: Release| {
            let test = move || run(limit, async move { body(Lab::sandbox(options(release)).await).await });
            Trial::test(name.clone(), test)
        };
        let mut trials = vec![on_sandbox(Release::NEWEST).with_kind("sandbox")];
        trials.extend(older.iter().map(|&minor| {
            let release = Release::of(minor).expect("a release that is played");
            on_sandbox(release).with_kind(format!("sandbox {release}"))
        }));
        if matches!(on, On::Real | On::RealAlone | On::RealIdle | On::RealJobs | On::Pod) {
            trials.clear();
        }
        let is_missing =
            |program: &&&str| std::process::Command::new(program).arg("--help").output().is_err();
        if let Some(program) = on.needs().iter().find(is_missing) {
            let without = |trial: Trial| trial.with_kind(format!("no {program}")).with_ignored_flag(true);
            return trials.into_iter().map(without).collect();
        }
        if on.needs().is_empty() && on != On::Sandbox {
            let found = plane.cloned();
            let trial = Trial::test(name, move || {
                let Some(plane) = found else { return Err("no control plane was found".into()) };
                run(limit, async move {
                    match on {
                        On::BothAlone | On::RealAlone => {
                            let alone = plane.another();
                            body(Lab::real(alone.clone()).await).await;
                            alone.stop();
                        }
                        On::RealIdle => {
                            let idle = plane.without_controller();
                            body(Lab::real(idle.clone()).await).await;
                            idle.stop();
                        }
                        On::RealJobs => {
                            let busy = plane.with_jobs();
                            body(Lab::real(busy.clone()).await).await;
                            busy.stop();
                        }
                        _ => body(Lab::real(plane).await).await,
                    }
                })
            });
            let controlled = matches!(on, On::Controlled | On::RealAlone | On::RealJobs);
            let able = plane.is_some_and(|plane| !controlled || plane.has_controller());
            let playable = !matches!(on, On::Pod | On::RealJobs) || command::pods_can_be_played();
            let kind = if playable { "real" } else { "no unshare or IPv6" };
            trials.push(trial.with_kind(kind).with_ignored_flag(!able || !playable));
        }
        trials
    }
}

fn run(limit: Duration, test: impl Future<Output = ()> + Send + 'static) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match tokio::time::timeout(limit, tokio::spawn(test)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            Err(_) => Err(format!("not done after {limit:?}").into()),
        }
    })
}

/// Waits for a condition.
pub async fn until(condition: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed().as_secs() < 60, "it never came to pass");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// `tests!(Both: a, b; Sandbox: c)` registers the test functions of a module.
#[macro_export]
macro_rules! tests {
    ($($on:ident: $($name:ident),+ $(,)?);+ $(;)?) => {
        pub fn tests() -> Vec<$crate::harness::Test> {
            vec![$($($crate::harness::Test::new(
                module_path!(),
                stringify!($name),
                $crate::harness::On::$on,
                |lab| Box::pin($name(lab)),
            )),+),+]
        }
    };
}
