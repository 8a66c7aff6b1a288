//! `nsfix version`, with kubectl's words for its fields.

use anyhow::Result;

use crate::cli::{VersionFormat, VersionOptions};
use crate::exit::Exit;
use crate::output::Terminal;

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn run(options: &VersionOptions, terminal: &Terminal) -> Result<Exit> {
    let text = match options.output {
        None => format!("nsfix {VERSION}\n"),
        Some(VersionFormat::Json) => {
            format!("{{\n  \"clientVersion\": {{\n    \"gitVersion\": \"v{VERSION}\"\n  }}\n}}\n")
        }
        Some(VersionFormat::Yaml) => format!("clientVersion:\n  gitVersion: v{VERSION}\n"),
    };
    terminal.data(&text)?;
    Ok(Exit::Done)
}
