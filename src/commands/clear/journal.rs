//! `--journal`: what runs do, one JSON object a line, written as it happens. A pod that is replaced in the middle leaves
//! its lines, and the next run says what they tell of.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::execute::{Report, StepReport, StepResult};
use crate::model::Invocation;
use crate::output::document::Repaired;

/// A journal that has grown beyond this becomes FILE.1, in the place of the one before.
const LONGEST: u64 = 16 << 20;
/// How much of its end is read for what the last run has left undone.
const TAIL: u64 = 1 << 20;
/// How many namespaces are named.
const NAMED: usize = 10;

/// The journal of one run.
pub(super) struct Journal {
    path: PathBuf,
    /// When it began, and in which pod.
    run: String,
}

/// What a line is about.
#[derive(Serialize)]
#[serde(tag = "event", rename_all_fields = "camelCase")]
enum Event<'a> {
    /// The plans are made.
    RunBegan { namespaces: Vec<&'a str> },
    /// A step was taken.
    Step { namespace: &'a str, step: String, target: &'a str, result: String, message: &'a str },
    /// A namespace is done with.
    Report(Box<Repaired>),
    /// It came to its end.
    RunEnded { exit_code: u8, tally: &'a str },
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    run: &'a str,
    #[serde(flatten)]
    event: Event<'a>,
}

impl Journal {
    /// Opens it before anything is done that would have to stand in it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if std::fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() > LONGEST) {
            let mut before = path.as_os_str().to_owned();
            before.push(".1");
            std::fs::rename(path, before)
                .with_context(|| format!("unable to rename the journal {}", path.display()))?;
        }
        if let Err(error) = append_to(path) {
            bail!("unable to open the journal {}: {error}; nothing was written", path.display());
        }
        // In a pod that is its name.
        let pod = std::env::var("HOSTNAME").unwrap_or_default();
        let run = format!("{} {pod}", Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"));
        Ok(Self { path: path.to_owned(), run: run.trim_end().to_owned() })
    }

    pub(super) fn begin(&self, namespaces: Vec<&str>) -> Result<()> {
        self.append(Event::RunBegan { namespaces })
    }

    pub(super) fn step(&self, namespace: &str, step: &StepReport) -> Result<()> {
        let StepReport { step, target, result, message } = step;
        let (step, result) = (step.to_string(), result.to_string());
        self.append(Event::Step { namespace, step, target, result, message })
    }

    pub(super) fn report(&self, report: &Report, invocation: &Invocation) -> Result<()> {
        self.append(Event::Report(Box::new(Repaired::new(report, invocation))))
    }

    pub(super) fn end(&self, exit_code: u8, tally: &str) -> Result<()> {
        self.append(Event::RunEnded { exit_code, tally })
    }

    fn append(&self, event: Event<'_>) -> Result<()> {
        let line = Line { time: Timestamp::now().to_string(), run: &self.run, event };
        let written = serde_json::to_string(&line).map_err(io::Error::from).and_then(|line| {
            // One write, so that two at once do not mix their lines.
            append_to(&self.path)?.write_all((line + "\n").as_bytes())
        });
        written.with_context(|| format!("unable to append to the journal {}", self.path.display()))
    }

    /// What the run before this one has left undone, in a sentence. A line that cannot be read is cut short, or of
    /// somebody else's, and tells nothing.
    pub(super) fn left_undone(&self) -> Option<String> {
        let text = tail(&self.path).ok()?;
        undone(text.lines().filter_map(|line| serde_json::from_str(line).ok()))
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A line, as far as it is read again.
#[derive(Deserialize)]
struct ReadLine {
    run: String,
    event: String,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    step: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    result: String,
}

fn undone(lines: impl Iterator<Item = ReadLine>) -> Option<String> {
    let lines: Vec<ReadLine> = lines.collect();
    let run = lines.last()?.run.clone();
    let (mut states, mut ended, mut done) = (BTreeMap::new(), false, 0);
    for line in lines.into_iter().filter(|line| line.run == run) {
        match line.event.as_str() {
            "RunBegan" => {
                states.extend(line.namespaces.into_iter().map(|name| (name, "not begun".to_owned())));
            }
            "Step" if line.result == StepResult::Done.to_string() => {
                let said = format!("not finished: {} {} was done", line.step, line.target);
                states.insert(line.namespace, said);
            }
            "Report" if ["Cleared", "Unchanged", "DryRun"].contains(&line.outcome.as_str()) => {
                states.remove(&line.namespace);
                done += 1;
            }
            "Report" => {
                states.insert(line.namespace, line.outcome);
            }
            "RunEnded" => ended = true,
            _ => {}
        }
    }
    let how = match (ended, states.is_empty()) {
        (true, true) => return None,
        (true, false) => String::new(),
        (false, true) => format!(" was cut short; {done} done, nothing is known to be undone"),
        (false, false) => format!(" was cut short; {done} done;"),
    };
    let named: Vec<String> =
        states.iter().take(NAMED).map(|(name, state)| format!("{name} ({state})")).collect();
    let more = match states.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let left =
        if named.is_empty() { String::new() } else { format!(" left undone: {}{more}", named.join(", ")) };
    Some(format!("the last run ({run}){how}{left}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(lines: &[serde_json::Value]) -> Option<String> {
        undone(lines.iter().map(|line| serde_json::from_value(line.clone()).unwrap()))
    }

    fn line(run: &str, event: &str, more: &serde_json::Value) -> serde_json::Value {
        let mut line = json!({"time": "2026-01-02T02:00:00Z", "run": run, "event": event});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    }

    #[test]
    fn a_run_that_did_everything_leaves_nothing_to_tell() {
        let lines = [
            line("1", "RunBegan", &json!({"namespaces": ["a"]})),
            line("1", "Report", &json!({"namespace": "a", "outcome": "Cleared"})),
            line("1", "RunEnded", &json!({"exitCode": 0})),
        ];
        assert_eq!(told(&lines), None);
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn a_run_that_was_cut_short_tells_how_far_it_came() {
        let lines = [
            line("0", "RunBegan", &json!({"namespaces": ["old"]})),
            line("1", "RunBegan", &json!({"namespaces": ["a", "b", "c"]})),
            line("1", "Report", &json!({"namespace": "a", "outcome": "Cleared"})),
            line(
                "1",
                "Step",
                &json!({"namespace": "b", "step": "ReleaseObject", "target": "1 ConfigMap", "result": "Done"}),
            ),
        ];
        assert_eq!(
            told(&lines).unwrap(),
            "the last run (1) was cut short; 1 done; left undone: b (not finished: ReleaseObject 1 ConfigMap was \
             done), c (not begun)"
        );
    }

    #[test]
    fn what_was_refused_or_failed_is_told_by_the_next_run() {
        let lines = [
            line("1", "RunBegan", &json!({"namespaces": ["a"]})),
            line("1", "Report", &json!({"namespace": "a", "outcome": "Failed"})),
            line("1", "Report", &json!({"namespace": "b", "outcome": "Refused"})),
            line("1", "RunEnded", &json!({"exitCode": 1})),
        ];
        assert_eq!(told(&lines).unwrap(), "the last run (1) left undone: a (Failed), b (Refused)");
    }
}
