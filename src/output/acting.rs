//! How far a command is that writes: a status line on a terminal, and now and then a line of a JSON log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use unicode_width::UnicodeWidthStr;

use super::screen::StatusLine;
use super::{Terminal, Topic, human_duration, sanitise, text};
use crate::execute::{Activity, ObjectVerb, WaitFor};
use crate::model::counted;

/// Between two lines of a log: a run of three minutes is worth some twenty lines.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Less of a name tells nothing.
const SHORTEST_NAME: usize = 8;

/// What is under way, until this is dropped.
pub struct Acting<'a> {
    terminal: &'a Terminal,
    state: Arc<Mutex<State>>,
    _line: Option<StatusLine>,
}

struct State {
    /// What is counted: `namespace`, `object`.
    unit: &'static str,
    total: usize,
    ended: usize,
    /// What is under way by name, the one that began first in front.
    under_way: Vec<(String, Activity)>,
    logged: Instant,
}

impl<'a> Acting<'a> {
    /// Nothing has begun yet.
    #[must_use]
    pub fn new(terminal: &'a Terminal, unit: &'static str) -> Self {
        let (total, ended, under_way) = (0, 0, Vec::new());
        let state = State { unit, total, ended, under_way, logged: Instant::now() };
        let state = Arc::new(Mutex::new(state));
        let shown = Arc::clone(&state);
        let line = terminal.status(Box::new(move |width| lock(&shown).within(width)));
        Self { terminal, state, _line: line }
    }

    /// So many are meant.
    pub fn expect(&self, total: usize) {
        lock(&self.state).total += total;
    }

    /// What is being done about one of them now.
    pub fn set(&self, name: &str, activity: Activity) {
        let mut state = lock(&self.state);
        match state.under_way.iter_mut().find(|(each, _)| each == name) {
            Some((_, now)) => *now = activity,
            None => state.under_way.push((name.to_owned(), activity)),
        }
        if self.terminal.keeps_log() && state.logged.elapsed() >= LOG_EVERY {
            state.logged = Instant::now();
            let text = state.of(name);
            drop(state);
            self.terminal.note_on(Topic::namespace(name), &text);
        }
    }

    /// One of them is done with.
    pub fn ended(&self, name: &str) {
        let mut state = lock(&self.state);
        state.under_way.retain(|(each, _)| each != name);
        state.ended += 1;
    }
}

impl State {
    /// What a log says about one of them.
    fn of(&self, name: &str) -> String {
        let what = self.under_way.iter().find(|(each, _)| each == name).map(|(_, now)| words(now));
        let so_far = self.so_far().map(|so_far| format!("; {so_far}")).unwrap_or_default();
        format!("{}: {}{so_far}", self.named(name), what.unwrap_or_default())
    }

    /// What a status line says: of several the one that began first. Its name is cut before anything else is.
    fn within(&self, width: usize) -> String {
        let Some((name, now)) = self.under_way.first() else { return String::new() };
        let what = words(now);
        let Some(so_far) = self.so_far() else { return format!("{}: {what}", self.named(name)) };
        let more = match self.under_way.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let around = so_far.width() + 2 + more.len() + 2 + what.width();
        let name = text::cut(&sanitise(name), width.saturating_sub(around).max(SHORTEST_NAME));
        format!("{so_far}; {name}{more}: {what}")
    }

    /// `3 of 12 namespaces`, where there are several.
    fn so_far(&self) -> Option<String> {
        let several = self.total > 1;
        several.then(|| format!("{} of {}", self.ended, counted(self.total as u64, self.unit)))
    }

    fn named(&self, name: &str) -> String {
        let name = sanitise(name);
        if self.unit == "namespace" { format!("namespace/{name}") } else { name.into_owned() }
    }
}

fn words(activity: &Activity) -> String {
    match activity {
        Activity::Looking => "looking at what is inside".to_owned(),
        Activity::Saving => "saving what is inside".to_owned(),
        Activity::Creating => "creating".to_owned(),
        Activity::LookingForOrphans => "looking for orphans".to_owned(),
        Activity::Objects { resource, verb, done, total } => {
            let verb = match verb {
                ObjectVerb::Deleted => "deleted",
                ObjectVerb::Released => "released",
            };
            format!("{done} of {total} {} {verb}", sanitise(resource))
        }
        Activity::Waiting { what, since, limit } => {
            let what = match what {
                WaitFor::Controller => "waiting for the controller",
                WaitFor::Gone => "waiting until it is gone",
            };
            format!("{what}, {} of {}", human_duration(since.elapsed()), human_duration(*limit))
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(total: usize, ended: usize, under_way: Vec<(&str, Activity)>) -> String {
        let under_way = under_way.into_iter().map(|(name, now)| (name.to_owned(), now)).collect();
        State { unit: "namespace", total, ended, under_way, logged: Instant::now() }.within(79)
    }

    #[test]
    fn one_alone_is_not_counted() {
        let (what, since) = (WaitFor::Controller, Instant::now() - Duration::from_secs(12));
        let waiting = Activity::Waiting { what, since, limit: Duration::from_secs(180) };
        assert_eq!(state(1, 0, vec![("a", waiting)]), "namespace/a: waiting for the controller, 12s of 3m");
    }

    #[test]
    fn of_several_the_one_that_began_first_is_told() {
        let objects = |done| Activity::Objects {
            resource: "configmaps".to_owned(),
            verb: ObjectVerb::Released,
            done,
            total: 400,
        };
        assert_eq!(
            state(12, 3, vec![("a", objects(120)), ("b", objects(1))]),
            "3 of 12 namespaces; a and 1 more: 120 of 400 configmaps released"
        );
        let long = "a-name-of-more-than-forty-characters-is-long";
        assert_eq!(
            state(12, 3, vec![(long, objects(120)), ("b", objects(1))]),
            "3 of 12 namespaces; a-name-of-more-… and 1 more: 120 of 400 configmaps released"
        );
        assert_eq!(state(12, 12, vec![]), "", "nothing is under way");
    }
}
