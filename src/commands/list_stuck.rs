//! `nsfix list-stuck`: every namespace in Terminating.

mod looks;
mod watch;

use std::sync::Arc;

use anyhow::Result;
use jiff::Timestamp;

use super::session::Fleet;
use super::{VerbResult, policy_file, report_file};
use crate::cli::{GlobalOptions, ListStuckOptions};
use crate::exit::Exit;
use crate::metrics::Stuck;
use crate::model::Namespace;
use crate::output::Terminal;
use crate::output::html::Entry;
use crate::output::list_stuck::{self, FoundNamespace, Shape, SharedCauses};
use crate::plan::{self, LeftAlone, LimitsFrom};
use looks::{Look, Looks};

pub(super) async fn run(
    options: &ListStuckOptions,
    global: &GlobalOptions,
    terminal: &Arc<Terminal>,
) -> Result<VerbResult> {
    let policy = options.policy.as_deref().map(policy_file::read).transpose()?;
    let spared = |namespace: &Namespace| {
        let by_flag = plan::spared(namespace, &options.exclude, LimitsFrom::Flags);
        let of_policy = policy.as_deref().map_or(&[][..], |policy| &policy.exclude);
        by_flag.or_else(|| plan::spared(namespace, of_policy, LimitsFrom::PolicyFile))
    };
    let fleet = Fleet::of(global, terminal).await?;
    if options.watch {
        return watch::run(options, &fleet, &spared, terminal).await;
    }
    let now = Timestamp::now();
    let Looks { read, unread } = look_everywhere(&fleet, options, now, &spared, terminal).await?;
    let exits = read.iter().map(|_| Exit::Done).chain(unread.iter().map(|unread| unread.failure.exit));
    let exit = Exit::merge(exits);
    let entries: Vec<Entry> = read.iter().flat_map(entries).collect();
    let (mut found, mut shared): (Vec<FoundNamespace>, Vec<SharedCauses>) = Default::default();
    for look in read {
        found.extend(look.found);
        shared.push(look.shared);
    }
    let shape = Shape {
        format: options.output.as_ref(),
        headers: !options.no_headers,
        with_context: fleet.may_be_several(),
        asked: fleet.contexts().len(),
        unread: &unread,
        now,
    };
    list_stuck::warn(&found, &shared, &shape, terminal);
    if let Some(path) = &options.sort_by {
        list_stuck::sort(&mut found, path, &shape)?;
    }
    report_file::write(options.report_file.as_deref(), &entries, None, &unread, terminal);
    list_stuck::print(&found, &shape, terminal)?;
    let exit = match exit {
        Exit::Done if options.exit_code && !found.is_empty() => Exit::StuckFound,
        exit => exit,
    };
    Ok(VerbResult {
        // A sum without one of its parts would end an alert.
        stuck: unread.is_empty().then(|| counted(&found)),
        summary: vec![list_stuck::summary(&found, &shared, &shape)],
        ..exit.into()
    })
}

/// Looks at all clusters, and says what concerns one of several as a whole.
async fn look_everywhere(
    fleet: &Fleet<'_>,
    options: &ListStuckOptions,
    now: Timestamp,
    spared: &dyn Fn(&Namespace) -> Option<LeftAlone>,
    terminal: &Terminal,
) -> Result<Looks> {
    let mut looks = Looks::at(fleet, options, now, terminal).await?;
    for (context, first) in looks.merge_same_clusters() {
        terminal.note(&format!(
            "context {context:?} leads to the same cluster as {first:?}: what both have seen is listed once"
        ));
    }
    for unread in &looks.unread {
        terminal.fail_in(&unread.context, &unread.failure);
    }
    for found in looks.read.iter_mut().flat_map(|look| &mut look.found) {
        found.left_alone = spared(&found.namespace);
    }
    Ok(looks)
}

/// The rows of the page for people.
fn entries(look: &Look) -> impl Iterator<Item = Entry> {
    let diagnosed = look.found.iter().filter_map(|found| Some((found, found.diagnosis.as_ref()?)));
    diagnosed.map(|(found, diagnosis)| {
        let why = found.left_alone.as_ref().map(ToString::to_string);
        Entry::of(diagnosis, &look.cluster).left_alone(why)
    })
}

/// What the metrics count: whoever wants a namespace left alone wants no alert about it either.
fn counted(found: &[FoundNamespace]) -> Stuck {
    let (spared, others): (Vec<_>, Vec<_>) = found.iter().partition(|found| found.left_alone.is_some());
    let others = Stuck::of(others.into_iter().filter_map(|found| found.diagnosis.as_ref()));
    others.beside(spared.len() as u64)
}
