//! The one way out to the terminal.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::ValueEnum;

use super::screen::{Render, Screen, StatusLine};
use super::style::{ColorChoice, Style, painted};
use super::{Asking, Failure, OutputError, Progress, excerpt, sanitise, text, traffic};
use crate::model::{Hint, Invocation, ShellCommand, Traffic};

/// How messages on stderr are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Sentences.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What a message is about: fields of a JSON log. Empty where they do not apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct Topic<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The step of its plan.
    pub step: &'a str,
    /// What became of that step, or of the namespace.
    pub outcome: &'a str,
}

impl<'a> Topic<'a> {
    /// A namespace as a whole.
    #[must_use]
    pub fn namespace(namespace: &'a str) -> Self {
        Self { namespace, ..Self::default() }
    }
}

/// Writes data to stdout and everything else to stderr.
pub struct Terminal {
    out: Mutex<Box<dyn Write + Send>>,
    screen: Screen,
    color_out: bool,
    color_err: bool,
    /// Whether a person sits in front of it: both stdin and stderr are terminals.
    pub interactive: bool,
    /// Whether a status line can be shown.
    shows_status: bool,
    width: Option<usize>,
    /// How often `-v` was given.
    pub verbosity: u8,
    format: LogFormat,
    /// Whether it is a dry run: every line of a JSON log says so.
    dry_run: bool,
    /// How nsfix was started, for the commands that it prints.
    invocation: Invocation,
    /// What is said once.
    said: Mutex<BTreeSet<String>>,
    /// Whether it was said that printed commands lack the token.
    noted_missing_token: AtomicBool,
}

impl Terminal {
    /// The process' own streams.
    #[must_use]
    pub fn standard(
        color: ColorChoice,
        verbosity: u8,
        format: LogFormat,
        dry_run: bool,
        invocation: Invocation,
    ) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        // A dumb terminal can neither colour text nor take a status line away again.
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let plain = dumb || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let wanted = |is_terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !plain,
        };
        Self {
            color_out: wanted(out.is_terminal()),
            color_err: wanted(err.is_terminal()),
            shows_status: err.is_terminal() && !dumb,
            width: width_of_stdout(),
            interactive: err.is_terminal() && io::stdin().is_terminal(),
            verbosity,
            format,
            dry_run,
            invocation,
            said: Mutex::default(),
            noted_missing_token: AtomicBool::new(false),
            out: Mutex::new(Box::new(out)),
            screen: Screen::new(Box::new(err), width_of_stderr),
        }
    }

    /// The process' stdout alone, for data.
    #[must_use]
    pub fn silent() -> Self {
        Self::standard(ColorChoice::Never, 0, LogFormat::Text, false, Invocation::default())
    }

    /// How nsfix was started, for commands that are about to be printed.
    #[must_use]
    pub fn invocation(&self) -> &Invocation {
        self.note_missing_token();
        &self.invocation
    }

    /// Says once that printed commands lack the token.
    fn note_missing_token(&self) {
        if self.invocation.leaves_token_out && !self.noted_missing_token.swap(true, Ordering::Relaxed) {
            self.note("the commands that are printed leave out --token, which is a secret; add it to them");
        }
    }

    /// A command as it can be pasted here, for a message or for data.
    #[must_use]
    pub fn command(&self, command: &ShellCommand) -> String {
        text::unbroken(&command.render(self.invocation()))
    }

    /// A hint, harmless, with its commands as they can be pasted here; for a message.
    #[must_use]
    pub fn hint(&self, hint: &Hint) -> String {
        self.hint_in(&self.invocation, hint)
    }

    pub(super) fn hint_in(&self, invocation: &Invocation, hint: &Hint) -> String {
        if hint.has_command() {
            self.note_missing_token();
        }
        hint.render_with(
            |text| sanitise(text).into_owned(),
            |command| text::unbroken(&command.render(invocation)),
        )
    }

    /// Writes data to stdout, as it is: renderers have sanitised it.
    pub fn data(&self, text: &str) -> Result<(), OutputError> {
        let write = || {
            let mut out = lock(&self.out);
            out.write_all(text::restored(text).as_bytes())?;
            out.flush()
        };
        Ok(self.screen.beside(text.ends_with('\n'), write)?)
    }

    /// Paints text that goes to stdout.
    #[must_use]
    pub fn paint(&self, style: Style, text: &str) -> String {
        painted(self.color_out, style, text)
    }

    /// How many columns stdout has; `None` where it is no terminal, and nothing has to fit.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// The same of stderr.
    #[must_use]
    pub fn width_of_messages(&self) -> Option<usize> {
        width_of_stderr().map(|width| width.max(NARROWEST))
    }

    /// Says something on stderr.
    pub fn note(&self, text: &str) {
        self.note_on(Topic::default(), text);
    }

    /// Says something on stderr about a namespace.
    pub fn note_on(&self, topic: Topic<'_>, text: &str) {
        self.message("info", topic, text, None, str::to_owned);
    }

    /// Says something that is shown in a JSON log and at `-v` alone.
    pub fn detail_on(&self, topic: Topic<'_>, text: &str) {
        if self.keeps_log() || self.verbosity > 0 {
            self.note_on(topic, text);
        }
    }

    /// Says what only a log has to hold: a step, or an outcome that stdout shows already.
    pub fn log_on(&self, topic: Topic<'_>, text: &str) {
        if self.keeps_log() {
            self.note_on(topic, text);
        }
    }

    /// Whether stderr is a JSON log, which has a line for everything.
    #[must_use]
    pub fn keeps_log(&self) -> bool {
        self.format == LogFormat::Json
    }

    /// Warns on stderr, as kubectl does.
    pub fn warn(&self, text: &str) {
        self.warn_on(Topic::default(), text);
    }

    /// Warns on stderr about a namespace.
    pub fn warn_on(&self, topic: Topic<'_>, text: &str) {
        self.message("warning", topic, text, None, |text| {
            format!("{} {text}", painted(self.color_err, Style::Caution, "Warning:"))
        });
    }

    /// Says what went wrong, and what helps.
    pub fn fail(&self, failure: &Failure) {
        self.fail_on(Topic::default(), failure);
    }

    /// Says what went wrong with the cluster of one of several contexts, and what helps there.
    pub fn fail_in(&self, context: &str, failure: &Failure) {
        let invocation = self.invocation.in_context(context);
        let hint = failure.hint.as_ref().map(|hint| self.hint_in(&invocation, hint));
        self.say_failure(Topic::default(), failure, hint.as_deref());
    }

    /// Says what went wrong with a namespace, and what helps.
    pub fn fail_on(&self, topic: Topic<'_>, failure: &Failure) {
        let hint = failure.hint.as_ref().map(|hint| self.hint(hint));
        self.say_failure(topic, failure, hint.as_deref());
    }

    fn say_failure(&self, topic: Topic<'_>, failure: &Failure, hint: Option<&str>) {
        if failure.message.is_empty() {
            return;
        }
        self.message("error", topic, &failure.message, hint, |text| {
            if text.starts_with("Error from server") {
                return text.to_owned();
            }
            format!("{} {text}", painted(self.color_err, Style::Bad, "error:"))
        });
    }

    /// Whether this text was not said before. What concerns many namespaces is said once.
    #[must_use]
    pub fn is_news(&self, text: &str) -> bool {
        lock(&self.said).insert(text.to_owned())
    }

    /// Warns about a namespace, unless the same was said about another one.
    pub fn warn_once(&self, topic: Topic<'_>, text: &str) {
        if self.is_news(text) {
            self.warn_on(topic, text);
        }
    }

    /// A status line for something that may take long.
    #[must_use]
    pub fn progress(&self, what: &str) -> Progress {
        Progress::start(self.status_screen(), what)
    }

    /// A status line that says what `render` does; `None` where there is no terminal for it.
    pub(super) fn status(&self, render: Render) -> Option<StatusLine> {
        self.status_screen().map(|screen| screen.status(render))
    }

    /// Not while requests are shown.
    fn status_screen(&self) -> Option<&Screen> {
        let shows = self.shows_status && self.verbosity == 0 && self.format == LogFormat::Text;
        shows.then_some(&self.screen)
    }

    /// Whether a person sees results as they come, in whatever order.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.status_screen().is_some()
    }

    /// Takes a status line away, because the process ends at once.
    pub fn close(&self) {
        self.screen.close();
    }

    /// Asks on stderr, without a line break. The answer is being waited for until the guard is dropped.
    pub fn ask(&self, question: &str) -> Result<Asking, OutputError> {
        Ok(self.screen.ask(&text::wrap(question, self.width_of_messages(), 0))?)
    }

    /// Shows what went over the wire: requests at `-v`, bodies of writes at `-vv`, warnings always. `context` is that
    /// of the cluster, where there are several.
    pub fn traffic(&self, context: Option<&str>, traffic: &Traffic) {
        let of = context.map(|context| format!("context {context:?}: ")).unwrap_or_default();
        match traffic {
            Traffic::Warning(text) => self.warn(&format!("{of}{text}")),
            Traffic::Exchange(exchange) if self.verbosity > 0 => {
                for line in traffic::lines(exchange, self.verbosity > 1) {
                    self.message("debug", Topic::default(), &format!("{of}{line}"), None, |text| {
                        painted(self.color_err, Style::Faint, text)
                    });
                }
            }
            Traffic::Exchange(_) => {}
        }
    }

    fn message(
        &self,
        level: &str,
        topic: Topic<'_>,
        text: &str,
        hint: Option<&str>,
        decorate: impl Fn(&str) -> String,
    ) {
        // What is copied into a search or a report is left as it is.
        let width = self.width_of_messages().filter(|_| level != "debug");
        let wrapped = |line: &str| text::wrap(line, width, FURTHER_LINES);
        // Nor is what went over the wire cut.
        let shown = if level == "debug" { sanitise } else { excerpt };
        let lines = match (self.format, hint) {
            (LogFormat::Json, _) => text::restored(&self.entry(level, topic, text, hint)),
            (LogFormat::Text, None) => wrapped(&decorate(&shown(text))),
            (LogFormat::Text, Some(hint)) => {
                let label = painted(self.color_err, Style::Strong, "hint:");
                let hint = wrapped(&format!("{label} {}", sanitise(hint)));
                format!("{}\n{hint}", wrapped(&decorate(&shown(text))))
            }
        };
        self.screen.write_line(&lines);
    }

    /// One line of a JSON log. Every key is always there, so that a reader need not test for it.
    fn entry(&self, level: &str, topic: Topic<'_>, text: &str, hint: Option<&str>) -> String {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let Topic { namespace, step, outcome } = topic;
        serde_json::json!({
            "ts": jiff::Timestamp::now().to_string(),
            "level": level,
            "namespace": said(namespace),
            "step": said(step),
            "outcome": said(outcome),
            "dryRun": self.dry_run,
            "message": text,
            "hint": hint,
        })
        .to_string()
    }
}

/// The indent of the lines that a message goes on in.
const FURTHER_LINES: usize = 2;
/// Narrower than this there is no layout that helps.
const NARROWEST: usize = 40;

fn width_of_stdout() -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(usize::from(columns).max(NARROWEST))
}

fn width_of_stderr() -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(io::stderr())?;
    Some(usize::from(columns))
}

/// A panic while writing leaves at worst half a line behind.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
