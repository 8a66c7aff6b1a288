//! `nsfix finalizers`: the catalogue at the terminal. Talks to no cluster.

use anyhow::{Result, bail};

use crate::cli::FinalizersOptions;
use crate::diagnose::catalogue;
use crate::exit::Exit;
use crate::output::{Failure, Terminal, finalizers};

pub(super) fn run(options: &FinalizersOptions, terminal: &Terminal) -> Result<Exit> {
    let name = options.name.as_deref().unwrap_or_default();
    let fitting = catalogue::fitting(name);
    // A whole name is explained; a part of one finds a list.
    let exact = !fitting.is_empty() && !name.is_empty();
    let found = if exact { fitting } else { catalogue::containing(name) };
    if found.is_empty() {
        bail!(
            Failure::error(format!("{name:?} is not in the catalogue; the effect of its removal is unknown"))
                .hint(
                    "unknown does not mean harmless: find out which controller sets it before you remove it"
                )
        );
    }
    let found: Vec<_> = found.into_iter().filter(|entry| entry.dangerous || !options.dangerous).collect();
    finalizers::print(&found, exact, options.output.as_ref(), terminal)?;
    Ok(Exit::Done)
}
