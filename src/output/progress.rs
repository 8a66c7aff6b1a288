//! A spinner on a terminal, for what takes longer than half a second.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Below that, a spinner is only a flicker.
const PATIENCE: Duration = Duration::from_millis(500);

/// A spinner that shows up late, and only on a terminal.
pub struct Progress {
    bar: ProgressBar,
    waiting: Option<tokio::task::JoinHandle<()>>,
}

impl Progress {
    /// Starts the wait for the spinner.
    #[must_use]
    pub fn start(on_terminal: bool, what: &str) -> Self {
        let bar = ProgressBar::hidden();
        if !on_terminal {
            return Self { bar, waiting: None };
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        let shown = bar.clone();
        let waiting = tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            shown.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            shown.enable_steady_tick(Duration::from_millis(120));
        });
        Self { bar, waiting: Some(waiting) }
    }

    pub fn say(&self, how_far: String) {
        self.bar.set_message(how_far);
    }

    /// Takes the spinner away.
    pub fn done(self) {
        if let Some(waiting) = self.waiting {
            waiting.abort();
        }
        self.bar.finish_and_clear();
    }
}
