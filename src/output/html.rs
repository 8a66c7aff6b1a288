//! `--report-file`: one page for people, with everything that it needs in it. No script, and nothing is loaded: the page
//! forbids it itself.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

use super::list_stuck::UnreadContext;
use super::{human_duration, report, sanitise};
use crate::diagnose::{Diagnosis, Held, State};
use crate::execute::{Report, StepResult};

/// A namespace on the page.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where several clusters were asked, or the server.
    cluster: String,
    name: String,
    uid: String,
    state: String,
    age: Duration,
    /// Kind and detail, the most fundamental first.
    causes: Vec<(String, String)>,
    /// What holds what, whose it is, and what is lost without it.
    held: Vec<HeldRow>,
    /// What is inside, by type.
    inside: Vec<String>,
    could_not_look: Vec<String>,
    left_alone: Option<String>,
}

#[derive(Clone, Debug)]
struct HeldRow {
    what: String,
    finalizer: String,
    owner: String,
    harm: String,
    dangerous: bool,
}

impl Entry {
    /// What a diagnosis has found.
    #[must_use]
    pub fn of(diagnosis: &Diagnosis, cluster: &str) -> Self {
        let Diagnosis { namespace, inventory, causes, held, .. } = diagnosis;
        Self {
            cluster: cluster.to_owned(),
            name: namespace.name.clone(),
            uid: namespace.uid.clone(),
            state: diagnosis.state.as_ref().map_or_else(String::new, State::to_string),
            age: diagnosis.age(),
            causes: causes.iter().map(|cause| (cause.kind.to_string(), cause.detail.clone())).collect(),
            held: held.iter().map(HeldRow::of).collect(),
            inside: inventory.types.iter().map(ToString::to_string).collect(),
            could_not_look: inventory.coverage.unknown().map(ToString::to_string).collect(),
            left_alone: None,
        }
    }

    /// The same with why nobody wants it touched.
    #[must_use]
    pub fn left_alone(self, why: Option<String>) -> Self {
        Self { left_alone: why, ..self }
    }

    fn cause(&self) -> &str {
        self.causes.first().map_or("Unknown", |(kind, _)| kind)
    }
}

impl HeldRow {
    fn of(held: &Held) -> Self {
        Self {
            what: held.counted(),
            finalizer: held.finalizer.clone(),
            owner: match (held.owner.as_str(), held.owner_absent) {
                ("", _) => "unknown".to_owned(),
                (owner, true) => format!("{owner} (gone)"),
                (owner, false) => owner.to_owned(),
            },
            harm: held.harm().to_owned(),
            dangerous: held.is_dangerous(),
        }
    }
}

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}\
h1{margin-bottom:.2rem}table{border-collapse:collapse;width:100%;margin:.8rem 0 2rem}\
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #8885}\
th{white-space:nowrap}code{font-size:.92em;overflow-wrap:anywhere}ul{margin:0;padding-left:1.1rem}\
.bad{color:#c0262d}.good{color:#1a7f37}.faint{opacity:.7}details{margin:.2rem 0}\
@media(prefers-color-scheme:dark){.bad{color:#ff7b72}.good{color:#56d364}}";

/// The page. `reports` are those of a run that clears, `unread` what a run over several clusters could not look at.
#[must_use]
pub fn page(
    entries: &[Entry],
    reports: Option<&[Report]>,
    unread: &[UnreadContext],
    now: Timestamp,
) -> String {
    let mut html = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
    html += "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Stuck namespaces</title>\n";
    let _ = writeln!(html, "<style>{STYLE}</style>\n</head>\n<body>\n<h1>Stuck namespaces</h1>");
    let said = match reports {
        Some(reports) => report::tally(reports),
        None => crate::model::counted(entries.len() as u64, "stuck namespace"),
    };
    let at = now.strftime("%Y-%m-%d %H:%M UTC");
    let _ = writeln!(html, "<p>{}<br><span class=\"faint\">nsfix, {at}</span></p>", escape(&said));
    html += &clusters(unread);
    if !entries.is_empty() {
        html += &by_cause(entries);
        html += &namespaces(entries, reports);
    }
    html += &others(entries, reports);
    html += "</body>\n</html>\n";
    html
}

/// In front of all that was found: a page that looks quiet may be one that could not look.
fn clusters(unread: &[UnreadContext]) -> String {
    if unread.is_empty() {
        return String::new();
    }
    let said =
        |unread: &UnreadContext| format!("<span class=\"bad\">{}</span>", escape(&unread.failure.message));
    format!("<h2>Clusters that could not be looked at</h2>\n{}\n", list(unread.iter().map(said)))
}

fn by_cause(entries: &[Entry]) -> String {
    let mut causes: BTreeMap<&str, (usize, Duration)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.left_alone.is_none()) {
        let (count, oldest) = causes.entry(entry.cause()).or_default();
        *count += 1;
        *oldest = entry.age.max(*oldest);
    }
    let mut html = String::from("<h2>By cause</h2>\n<table><tr><th>Cause<th>Namespaces<th>Oldest</tr>\n");
    for (cause, (count, oldest)) in causes {
        let _ = writeln!(html, "<tr><td>{}<td>{count}<td>{}</tr>", escape(cause), human_duration(oldest));
    }
    html + "</table>\n"
}

fn namespaces(entries: &[Entry], reports: Option<&[Report]>) -> String {
    let done = if reports.is_some() { "<th>What was done" } else { "" };
    let mut html = format!(
        "<h2>Namespaces</h2>\n<table><tr><th>Namespace<th>Age<th>Causes<th>Held by, and what is lost without it{done}</tr>\n"
    );
    let mut ordered: Vec<&Entry> = entries.iter().collect();
    ordered.sort_by(|a, b| (a.cause(), b.age, &a.name).cmp(&(b.cause(), a.age, &b.name)));
    for entry in ordered {
        html += &row(entry, reports);
    }
    html + "</table>\n"
}

fn row(entry: &Entry, reports: Option<&[Report]>) -> String {
    let mut html =
        format!("<tr><td><b>{}</b><br><span class=\"faint\">{}", escape(&entry.name), escape(&entry.cluster));
    if let Some(why) = &entry.left_alone {
        let _ = write!(html, "<br>left alone: {}", escape(why));
    }
    let _ = write!(
        html,
        "</span><td>{}<br><span class=\"faint\">{}</span><td>",
        human_duration(entry.age),
        escape(&entry.state)
    );
    html += &list(
        entry.causes.iter().map(|(kind, detail)| format!("<b>{}</b>: {}", escape(kind), escape(detail))),
    );
    html += "<td>";
    html += &list(entry.held.iter().map(|held| {
        let HeldRow { what, finalizer, owner, harm, dangerous } = held;
        let class = if *dangerous { " class=\"bad\"" } else { "" };
        format!(
            "{}: <code>{}</code> of {}<br><span{class}>{}</span>",
            escape(what),
            escape(finalizer),
            escape(owner),
            escape(harm)
        )
    }));
    html += &folded("inside", &entry.inside);
    html += &folded("could not look at", &entry.could_not_look);
    if let Some(reports) = reports {
        html += "<td>";
        let report = reports.iter().find(|report| report.namespace == entry.name && report.uid == entry.uid);
        html += &report.map_or_else(|| "<span class=\"faint\">nothing</span>".to_owned(), what_was_done);
    }
    html + "</tr>\n"
}

fn what_was_done(report: &Report) -> String {
    let class = if report.problem.is_none() { "good" } else { "bad" };
    let mut html = format!("<b class=\"{class}\">{}</b>", report.outcome);
    if let Some(problem) = &report.problem {
        let _ = write!(html, "<br>{}", escape(&problem.message));
    }
    if let Some(rule) = &report.rule {
        let _ = write!(html, "<br><span class=\"faint\">{} of the policy</span>", escape(rule));
    }
    let steps = report.steps.iter().filter(|step| step.result != StepResult::Skipped);
    html += &list(steps.map(|step| {
        let result = step.result.to_string().to_lowercase();
        escape(&format!("{} {}: {result} ({})", step.step, step.target, step.message))
    }));
    html += &list(report.orphans.iter().map(|of_type| {
        format!("<span class=\"bad\">{} left behind in etcd</span>", escape(&of_type.to_string()))
    }));
    if let Some(backup) = &report.backup {
        let _ = write!(
            html,
            "<span class=\"faint\">saved to <code>{}</code></span>",
            escape(&backup.display().to_string())
        );
    }
    html
}

/// Reports of namespaces that nobody has diagnosed: they did not exist, or could not be read.
fn others(entries: &[Entry], reports: Option<&[Report]>) -> String {
    let known = |report: &&Report| entries.iter().any(|entry| entry.name == report.namespace);
    let rows: Vec<String> = reports
        .into_iter()
        .flatten()
        .filter(|report| !known(report))
        .map(|report| {
            format!("<tr><td><b>{}</b><td>{}</tr>\n", escape(&report.namespace), what_was_done(report))
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("<h2>Not looked into</h2>\n<table>{}</table>\n", rows.concat())
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.map(|item| format!("<li>{item}</li>")).collect();
    if items.is_empty() { String::new() } else { format!("<ul>{}</ul>", items.concat()) }
}

fn folded(what: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items = list(items.iter().map(|item| escape(item)));
    format!("<details><summary>{what}</summary>{items}</details>")
}

/// For the text of an element. What would reorder it, or hide in it, is shown.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in sanitise(text).chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_server_says_is_text() {
        let hostile = "<script>alert(1)</script>\"'&\u{202e}\u{7}";
        assert_eq!(escape(hostile), "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\u{202e}\\u{7}");
        let entry = Entry {
            cluster: hostile.to_owned(),
            name: hostile.to_owned(),
            uid: String::new(),
            state: hostile.to_owned(),
            age: Duration::from_secs(60),
            causes: vec![(hostile.to_owned(), hostile.to_owned())],
            held: vec![HeldRow {
                what: hostile.to_owned(),
                finalizer: hostile.to_owned(),
                owner: hostile.to_owned(),
                harm: hostile.to_owned(),
                dangerous: true,
            }],
            inside: vec![hostile.to_owned()],
            could_not_look: vec![hostile.to_owned()],
            left_alone: Some(hostile.to_owned()),
        };
        let mut done = Report::new(hostile, "");
        done.rule = Some(hostile.to_owned());
        done.backup = Some(hostile.into());
        done.problem = Some(crate::execute::Problem::new(hostile));
        let unread = UnreadContext {
            context: hostile.to_owned(),
            why: None,
            failure: crate::output::Failure::error(hostile),
        };
        let html = page(&[entry], Some(&[done]), &[unread], Timestamp::UNIX_EPOCH);
        assert!(!html.contains("<script") && !html.contains('\u{202e}') && !html.contains('\u{7}'), "{html}");
        assert!(html.contains("&lt;script&gt;"));
    }
}
