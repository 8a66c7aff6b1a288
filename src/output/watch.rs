//! What `list-stuck -w` prints: the rows of the list, and one more for each that is news.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::document::{Document, StuckNamespace, as_value};
use super::list_stuck::{left_alone_reason, row, style_of};
use super::{Format, OutputError, Style, Terminal, human_duration, table};
use crate::diagnose::{PATIENCE, State, age, reason};
use crate::model::Namespace;
use crate::plan::LeftAlone;

/// Wide enough for the names and finalizers of most; a longer one moves its own line alone.
const NAME: usize = 24;
const FINALIZERS: usize = 24;

/// What was last printed of a namespace.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    state: State,
    reason: String,
    finalizers: Vec<String>,
    left_alone: Option<LeftAlone>,
}

/// The stuck namespaces as they were last seen.
pub struct Watched<'a> {
    known: BTreeMap<String, (Namespace, Option<Shown>)>,
    format: Option<&'a Format>,
    older_than: std::time::Duration,
    /// Why nobody wants one touched.
    spared: &'a dyn Fn(&Namespace) -> Option<LeftAlone>,
    /// The columns of the table, and whether their header is still to be printed.
    widths: Vec<usize>,
    header: bool,
}

impl<'a> Watched<'a> {
    /// Nothing has been seen yet.
    #[must_use]
    pub fn new(
        format: Option<&'a Format>,
        headers: bool,
        older_than: std::time::Duration,
        spared: &'a dyn Fn(&Namespace) -> Option<LeftAlone>,
    ) -> Self {
        Self { known: BTreeMap::new(), format, older_than, spared, widths: Vec::new(), header: headers }
    }

    /// A whole list: what is not in it any longer is gone.
    pub fn replace(
        &mut self,
        namespaces: Vec<Namespace>,
        now: Timestamp,
        terminal: &Terminal,
    ) -> Result<(), OutputError> {
        let there =
            |name: &str, uid: &str| namespaces.iter().any(|each| each.name == name && each.uid == uid);
        let gone: Vec<(String, String)> = self
            .known
            .values()
            .map(|(namespace, _)| (namespace.name.clone(), namespace.uid.clone()))
            .filter(|(name, uid)| !there(name, uid))
            .collect();
        for (name, uid) in gone {
            self.gone(&name, &uid, now, terminal)?;
        }
        for namespace in namespaces {
            self.remember(namespace);
        }
        self.say_news(now, terminal)
    }

    /// One of them as it now is.
    pub fn set(
        &mut self,
        namespace: Namespace,
        now: Timestamp,
        terminal: &Terminal,
    ) -> Result<(), OutputError> {
        self.remember(namespace);
        self.say_news(now, terminal)
    }

    fn remember(&mut self, mut namespace: Namespace) {
        // Nothing will be written back, and this may run for weeks.
        namespace.json = std::sync::Arc::default();
        let shown = self.known.remove(&namespace.name).filter(|(known, _)| known.uid == namespace.uid);
        self.known.insert(namespace.name.clone(), (namespace, shown.and_then(|(_, shown)| shown)));
    }

    /// One of them is gone.
    pub fn gone(
        &mut self,
        name: &str,
        uid: &str,
        now: Timestamp,
        terminal: &Terminal,
    ) -> Result<(), OutputError> {
        if self.known.get(name).is_none_or(|(namespace, _)| namespace.uid != uid) {
            return Ok(());
        }
        match self.known.remove(name) {
            Some((namespace, Some(_))) => self.print(&namespace, now, true, terminal),
            _ => Ok(()),
        }
    }

    /// A line for each that is not as it was last shown. Time alone makes one stuck.
    pub fn say_news(&mut self, now: Timestamp, terminal: &Terminal) -> Result<(), OutputError> {
        let mut news = Vec::new();
        for (namespace, shown) in self.known.values_mut() {
            if age(namespace, now).unwrap_or_default() < self.older_than {
                continue;
            }
            let is = Shown {
                state: State::of(namespace, now),
                reason: reason(namespace),
                finalizers: [&namespace.spec_finalizers[..], &namespace.metadata_finalizers[..]].concat(),
                left_alone: (self.spared)(namespace),
            };
            if shown.as_ref() != Some(&is) {
                *shown = Some(is);
                news.push(namespace.clone());
            }
        }
        if self.widths.is_empty() {
            self.widths = widths(&news, now);
        }
        news.iter().try_for_each(|namespace| self.print(namespace, now, false, terminal))
    }

    /// When time alone will make news; `None` where it will not.
    #[must_use]
    pub fn due_in(&self, now: Timestamp) -> Option<std::time::Duration> {
        let ages = self.known.values().filter_map(|(namespace, _)| age(namespace, now));
        let ahead = ages.flat_map(|age| [PATIENCE, self.older_than].map(|at| at.checked_sub(age)));
        ahead.flatten().filter(|left| !left.is_zero()).min()
    }

    fn print(
        &mut self,
        namespace: &Namespace,
        now: Timestamp,
        gone: bool,
        terminal: &Terminal,
    ) -> Result<(), OutputError> {
        let item = || {
            let left_alone = (self.spared)(namespace);
            let item = StuckNamespace::new(namespace, None, now).left_alone(left_alone.as_ref());
            if gone { item.gone() } else { item }
        };
        let text = match self.format {
            None => self.line(namespace, now, gone, terminal),
            Some(Format::Json) => as_value(&item())?.to_string() + "\n",
            Some(Format::Yaml) => format!("---\n{}", serde_saphyr::to_string(&item())?),
            // As by kubectl: while watching, the template is given each item for itself.
            Some(Format::JsonPath(template)) => template.render(&as_value(&item())?),
            Some(format) => Document::new(vec![item()]).render(format, std::mem::take(&mut self.header))?,
        };
        terminal.data(&text)
    }

    fn line(&mut self, namespace: &Namespace, now: Timestamp, gone: bool, terminal: &Terminal) -> String {
        let mut cells = row(namespace, now);
        if gone {
            "Gone".clone_into(&mut cells[1]);
            cells[4] = format!("after {}", human_duration(age(namespace, now).unwrap_or_default()));
        } else if let Some(why) = (self.spared)(namespace) {
            cells[4] = left_alone_reason(&why, &cells[4]);
        }
        let paint = |column: usize, cell: &str| match (column, gone) {
            (1, true) => terminal.paint(Style::Good, cell),
            (1, false) => terminal.paint(style_of(cell), cell),
            _ => cell.to_owned(),
        };
        let mut text = String::new();
        if std::mem::take(&mut self.header) {
            let headers = ["NAME", "STATE", "AGE", "FINALIZERS", "REASON"].map(str::to_owned);
            text = table::aligned(&headers, &self.widths, terminal.width(), |_, cell| cell.to_owned());
        }
        text + &table::aligned(&cells, &self.widths, terminal.width(), paint)
    }
}

/// Fixed from the first rows on, because what was printed stays.
fn widths(first: &[Namespace], now: Timestamp) -> Vec<usize> {
    let mut widths = vec![NAME, "Progressing".len(), "10m".len() + 2, FINALIZERS];
    for namespace in first {
        for (width, cell) in widths.iter_mut().zip(row(namespace, now)) {
            *width = cell.chars().count().max(*width);
        }
    }
    widths
}
