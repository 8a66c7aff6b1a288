//! What is being looked at, and for how long, on a terminal.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::human_duration;
use super::screen::{Screen, StatusLine};

/// A status line for something that may take long.
pub struct Progress {
    what: Arc<Mutex<String>>,
    _line: Option<StatusLine>,
}

impl Progress {
    /// `screen` is missing where nothing can be shown.
    pub(super) fn start(screen: Option<&Screen>, what: &str) -> Self {
        let (what, began) = (Arc::new(Mutex::new(what.to_owned())), Instant::now());
        let said = Arc::clone(&what);
        let render = move |_| {
            let what = said.lock().unwrap_or_else(PoisonError::into_inner);
            format!("{what} ({})", human_duration(began.elapsed()))
        };
        Self { what, _line: screen.map(|screen| screen.status(Box::new(render))) }
    }

    /// How far it is.
    pub fn say(&self, how_far: String) {
        *self.what.lock().unwrap_or_else(PoisonError::into_inner) = how_far;
    }

    /// Takes the line away.
    pub fn done(self) {}
}
