//! stderr, and on a terminal the line at its end that says what is going on.
//!
//! Whatever is written takes that line away first, on stdout as well: nothing is written over, and in the end nothing
//! of it is left.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::text;

/// Below that, a line is only a flicker.
const PATIENCE: Duration = Duration::from_millis(500);
/// Often enough to look alive, seldom enough for a slow connection.
const REDRAW_EVERY: Duration = Duration::from_millis(200);
/// The last column stays free, because some terminals wrap as soon as it is taken; and there is room for the `^C^C`
/// that a terminal echoes there.
const FREE: usize = 5;
/// Where a terminal does not say how wide it is.
const USUAL_WIDTH: usize = 80;
const ERASE: &str = "\r\u{1b}[2K";

/// What a status line says now, in so many columns; empty where there is nothing to say.
pub(super) type Render = Box<dyn Fn(usize) -> String + Send>;

/// stderr.
#[derive(Clone)]
pub(super) struct Screen(Arc<Mutex<Inner>>);

struct Inner {
    err: Box<dyn Write + Send>,
    /// The status lines with their numbers: the last one is shown.
    lines: Vec<(u64, Render)>,
    count: u64,
    /// What is on the terminal now; empty where there is none.
    drawn: String,
    /// A person reads a question, or types the answer.
    is_asking: bool,
    width: fn() -> Option<usize>,
}

/// A status line, for as long as this is held.
pub(super) struct StatusLine {
    screen: Screen,
    number: u64,
    redraws: tokio::task::JoinHandle<()>,
}

/// A question that waits for its answer: no status line is shown.
pub struct Asking(Screen);

impl Screen {
    pub(super) fn new(err: Box<dyn Write + Send>, width: fn() -> Option<usize>) -> Self {
        let (lines, drawn) = (Vec::new(), String::new());
        Self(Arc::new(Mutex::new(Inner { err, lines, count: 0, drawn, is_asking: false, width })))
    }

    /// Writes whole lines. Whatever cannot be written to stderr is lost; there is nowhere left to say so.
    pub(super) fn write_line(&self, line: &str) {
        let mut inner = self.lock();
        let shown = inner.erase();
        let _ = writeln!(inner.err, "{line}");
        if shown {
            inner.draw();
        }
    }

    /// Writes to stdout, which may be the same terminal.
    pub(super) fn beside<T>(&self, ends_line: bool, write: impl FnOnce() -> T) -> T {
        let mut inner = self.lock();
        let shown = inner.erase();
        let written = write();
        if shown && ends_line {
            inner.draw();
        }
        written
    }

    /// Writes a question. No status line is shown until its answer is there.
    pub(super) fn ask(&self, question: &str) -> io::Result<Asking> {
        let mut inner = self.lock();
        inner.erase();
        inner.is_asking = true;
        let asking = Asking(self.clone());
        inner.err.write_all(question.as_bytes())?;
        inner.err.flush()?;
        Ok(asking)
    }

    /// Shows a status line before long.
    pub(super) fn status(&self, render: Render) -> StatusLine {
        let mut inner = self.lock();
        inner.count += 1;
        let number = inner.count;
        inner.lines.push((number, render));
        let screen = self.clone();
        let redraws = tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            loop {
                screen.redraw(number);
                tokio::time::sleep(REDRAW_EVERY).await;
            }
        });
        StatusLine { screen: self.clone(), number, redraws }
    }

    /// Takes the status line away, because the process ends now.
    pub(super) fn close(&self) {
        let mut inner = self.lock();
        inner.erase();
        inner.lines.clear();
    }

    fn redraw(&self, number: u64) {
        let mut inner = self.lock();
        if inner.lines.last().is_some_and(|(last, _)| *last == number) {
            inner.draw();
        }
    }

    /// A panic while writing leaves at worst half a line behind.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether there was something to erase.
    fn erase(&mut self) -> bool {
        if self.drawn.is_empty() {
            return false;
        }
        self.drawn.clear();
        let _ = self.err.write_all(ERASE.as_bytes());
        let _ = self.err.flush();
        true
    }

    fn draw(&mut self) {
        let Some((_, render)) = self.lines.last().filter(|_| !self.is_asking) else { return };
        let width = (self.width)().unwrap_or(USUAL_WIDTH).saturating_sub(FREE);
        let line = text::cut(&render(width), width);
        if line == self.drawn {
            return;
        }
        let _ = write!(self.err, "{ERASE}{line}");
        let _ = self.err.flush();
        self.drawn = line;
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.redraws.abort();
        let mut inner = self.screen.lock();
        let was_shown = inner.lines.last().is_some_and(|(last, _)| *last == self.number);
        inner.lines.retain(|(number, _)| *number != self.number);
        if was_shown {
            inner.erase();
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.lock().is_asking = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has been written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn take(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    fn screen() -> (Screen, Written) {
        let written = Written::default();
        (Screen::new(Box::new(written.clone()), || Some(20)), written)
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_line() {
        let (screen, written) = screen();
        let status = screen.status(Box::new(|_| "at work".to_owned()));
        assert_eq!(written.take(), "", "it shows up late");
        screen.redraw(status.number);
        assert_eq!(written.take(), format!("{ERASE}at work"));
        screen.redraw(status.number);
        assert_eq!(written.take(), "", "what says the same is not written again");
        screen.write_line("news");
        assert_eq!(written.take(), format!("{ERASE}news\n{ERASE}at work"));
        drop(status);
        assert_eq!(written.take(), ERASE);
        screen.write_line("more");
        assert_eq!(written.take(), "more\n");
    }

    #[tokio::test]
    async fn a_line_never_reaches_the_end_of_the_terminal() {
        let (screen, written) = screen();
        let status = screen.status(Box::new(|_| "東京 and a long way from there".to_owned()));
        screen.redraw(status.number);
        assert_eq!(written.take(), format!("{ERASE}東京 and a lon…"));
    }

    #[tokio::test]
    async fn a_question_is_never_written_over() {
        let (screen, written) = screen();
        let status = screen.status(Box::new(|_| "at work".to_owned()));
        screen.redraw(status.number);
        written.take();
        let asking = screen.ask("Go on? ").unwrap();
        screen.redraw(status.number);
        assert_eq!(written.take(), format!("{ERASE}Go on? "));
        drop(asking);
        screen.redraw(status.number);
        assert_eq!(written.take(), format!("{ERASE}at work"));
    }

    #[tokio::test]
    async fn the_line_that_began_last_is_shown() {
        let (screen, written) = screen();
        let outer = screen.status(Box::new(|_| "outer".to_owned()));
        let inner = screen.status(Box::new(|_| "inner".to_owned()));
        screen.redraw(outer.number);
        screen.redraw(inner.number);
        assert_eq!(written.take(), format!("{ERASE}inner"));
        drop(inner);
        screen.redraw(outer.number);
        assert_eq!(written.take(), format!("{ERASE}{ERASE}outer"));
    }
}
