//! What a piece of text means, and how a terminal shows that.

use anstyle::{AnsiColor, Style as Ansi};
use clap::ValueEnum;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a piece of text means; the terminal decides how that looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// Done, healthy.
    Good,
    /// Look here.
    Caution,
    /// Wrong, or harmful.
    Bad,
    /// Less important.
    Faint,
    /// A heading.
    Strong,
}

impl Style {
    fn ansi(self) -> Ansi {
        match self {
            Self::Plain => Ansi::new(),
            Self::Good => Ansi::new().fg_color(Some(AnsiColor::Green.into())),
            Self::Caution => Ansi::new().fg_color(Some(AnsiColor::Yellow.into())),
            Self::Bad => Ansi::new().fg_color(Some(AnsiColor::Red.into())).bold(),
            Self::Faint => Ansi::new().dimmed(),
            Self::Strong => Ansi::new().bold(),
        }
    }
}

pub(super) fn painted(color: bool, style: Style, text: &str) -> String {
    if !color || style == Style::Plain {
        return text.to_owned();
    }
    let ansi = style.ansi();
    format!("{ansi}{text}{ansi:#}")
}
