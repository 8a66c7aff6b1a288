//! Rendering. Everything that a person or a script gets to see goes through [`Terminal`]: data to stdout, all
//! else to stderr. The renderers themselves are pure: types in, text out.

pub mod acting;
mod age;
mod columns;
pub mod consent;
pub mod document;
pub mod explain;
mod failure;
pub mod finalizers;
mod format;
pub mod html;
pub mod inventory;
pub mod jsonpath;
mod lines;
pub mod list_stuck;
pub mod orphans;
pub mod overview;
pub mod prediction;
mod progress;
pub mod report;
mod sanitise;
mod screen;
mod sort;
mod style;
pub mod table;
mod terminal;
mod termination;
pub mod text;
mod traffic;
mod tree;
pub mod watch;
mod words;

pub use age::human_duration;
pub use columns::CustomColumns;
pub use failure::{Failure, OutputError};
pub use format::Format;
pub use progress::Progress;
pub use sanitise::{excerpt, sanitise};
pub use screen::Asking;
pub use sort::sort_by;
pub use style::{ColorChoice, Style};
pub use terminal::{LogFormat, Terminal, Topic};
pub use termination::write_termination_message;
