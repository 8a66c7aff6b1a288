//! Ending on a signal: after the request in flight, with a report of what was done.

use tokio::sync::watch;

use crate::exit::Exit;

/// Announces a signal to every holder of a clone.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<Option<Exit>>);

impl Shutdown {
    /// Listens for SIGINT, SIGTERM and SIGHUP from now on. A second signal ends the process at once, for the case
    /// that the request in flight never comes back; `last` is called before.
    pub fn on_signals(last: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (sender, receiver) = watch::channel(None);
        let mut signals = signals::Signals::new()?;
        tokio::spawn(async move {
            let exit = signals.next().await;
            sender.send_replace(Some(exit));
            let exit = signals.next().await;
            last();
            std::process::exit(exit.code().into());
        });
        Ok(Self(receiver))
    }

    /// What a test announces in place of a signal.
    #[cfg(test)]
    #[cfg(feature = "sandbox")]
    pub(crate) fn announced_by(receiver: watch::Receiver<Option<Exit>>) -> Self {
        Self(receiver)
    }

    /// How to end, if a signal has come.
    #[must_use]
    pub fn requested(&self) -> Option<Exit> {
        *self.0.borrow()
    }

    /// Waits for a signal.
    pub async fn wait(&self) -> Exit {
        let mut receiver = self.0.clone();
        if let Ok(seen) = receiver.wait_for(Option::is_some).await
            && let Some(exit) = *seen
        {
            return exit;
        }
        // No signal can come any more.
        std::future::pending().await
    }
}

#[cfg(unix)]
mod signals {
    use super::Exit;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub(super) struct Signals {
        interrupt: Signal,
        terminate: Signal,
        /// `None` where it is ignored, as under nohup.
        hang_up: Option<Signal>,
    }

    impl Signals {
        pub(super) fn new() -> std::io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                // A connection that breaks in the middle of a purge would otherwise leave its namespace Active.
                hang_up: if ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) },
            })
        }

        pub(super) async fn next(&mut self) -> Exit {
            let hang_up = async {
                match &mut self.hang_up {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => Exit::Interrupted,
                _ = self.terminate.recv() => Exit::Terminated,
                _ = hang_up => Exit::HungUp,
            }
        }
    }

    /// Whether whoever started the process has asked for SIGHUP to be ignored. Only Linux says so in a file
    /// (proc_pid_status(5): SigIgn is a mask, its lowest bit SIGHUP).
    fn ignores_hang_up() -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
    }
}

#[cfg(not(unix))]
mod signals {
    use super::Exit;

    pub(super) struct Signals;

    impl Signals {
        #[allow(clippy::unnecessary_wraps)] // as on Unix
        pub(super) fn new() -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) -> Exit {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            Exit::Interrupted
        }
    }
}
