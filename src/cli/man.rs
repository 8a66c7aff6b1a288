//! The man pages in docs/man: one per command, made from the definition.
//!
//! `NSFIX_BLESS=1 cargo test --lib man_pages` writes them instead of comparing them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Cli, examples};

#[test]
fn the_man_pages_in_docs_are_up_to_date() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/man");
    let pages = pages();
    if std::env::var_os("NSFIX_BLESS").is_some() {
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        for (name, page) in &pages {
            std::fs::write(dir.join(name), page).unwrap();
        }
    }
    let written = std::fs::read_dir(&dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let written: BTreeMap<_, _> = written
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    let differ: BTreeSet<_> =
        pages.keys().chain(written.keys()).filter(|name| pages.get(*name) != written.get(*name)).collect();
    assert!(differ.is_empty(), "docs/man is out of date: run the tests with NSFIX_BLESS=1: {differ:?}");
}

/// Every page by the name of its file.
fn pages() -> BTreeMap<String, String> {
    let mut nsfix = Cli::command().bin_name("nsfix").disable_help_subcommand(true);
    nsfix.build();
    nsfix = unfolded(nsfix);
    let name = |command: &Command| format!("nsfix-{}", command.get_name());
    let mut pages: BTreeMap<_, _> = nsfix
        .get_subcommands()
        .map(|command| (format!("{}.1", name(command)), page(command, &name(command), &["nsfix".to_owned()])))
        .collect();
    let others: Vec<_> = nsfix.get_subcommands().map(name).collect();
    pages.insert("nsfix.1".to_owned(), page(&nsfix, "nsfix", &others));
    pages
}

/// One page. It bears no date, so that it changes when the definition does and at no other time.
fn page(command: &Command, name: &str, others: &[String]) -> String {
    let man = Man::new(command.clone().display_name(name.to_owned()));
    let mut parts = Vec::new();
    man.render_name_section(&mut parts).unwrap();
    parts.extend(synopsis(command).into_bytes());
    man.render_description_section(&mut parts).unwrap();
    if command.has_subcommands() {
        man.render_subcommands_section(&mut parts).unwrap();
    }
    man.render_options_section(&mut parts).unwrap();
    if command.get_after_help().is_some() {
        man.render_extra_section(&mut parts).unwrap();
    }
    let verb = if command.has_subcommands() { "" } else { command.get_name() };
    for section in [exit_status(verb), environment(command), files(verb), examples_of(verb)] {
        parts.extend(section.into_bytes());
    }
    let title = name.to_uppercase();
    let version = concat!("nsfix ", env!("CARGO_PKG_VERSION"));
    let head = Roff::new().control("TH", [title.as_str(), "1", "\"\"", version, "nsfix"]).render();
    let body = String::from_utf8(parts).unwrap();
    // Every part defines the apostrophe anew; the head has done so.
    let preamble = Roff::new().render();
    format!("{head}{}{}", body.replace(&preamble, "").replace(".SH EXTRA", ".SH NOTES"), see_also(others))
}

/// What `-h` folds away belongs into a page, which leaves it without a description otherwise.
fn unfolded(command: Command) -> Command {
    let verbs: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let command = command.mut_args(|option| option.hide_short_help(false));
    verbs.into_iter().fold(command, |command, verb| command.mut_subcommand(verb, unfolded))
}

/// A section of terms, each with what it means.
fn section(title: &str, terms: &[(String, String)]) -> String {
    if terms.is_empty() {
        return String::new();
    }
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, meaning) in terms {
        roff.control("TP", []).text([bold(term.clone())]).text([roman(meaning.clone())]);
    }
    roff.to_roff()
}

fn terms(terms: &[(&str, &str)]) -> Vec<(String, String)> {
    terms.iter().map(|(term, meaning)| ((*term).to_owned(), (*meaning).to_owned())).collect()
}

fn exit_status(verb: &str) -> String {
    let known: &[(&str, &[&str], &str)] = &[
        ("0", &[], "Done, or nothing is stuck."),
        ("1", &[], "An error."),
        ("2", &[], "The command line or the configuration is wrong."),
        (
            "3",
            &["", "list-stuck", "check"],
            "Stuck namespaces were found (list-stuck --exit-code), or trouble is expected (check).",
        ),
        ("4", &["", "clear", "orphans", "restore"], "A safety rule refused, or --yes is missing."),
        ("5", &["", "clear", "orphans", "restore"], "Partial: some were cleared, some were not."),
        ("129, 130, 143", &[], "Ended by SIGHUP, SIGINT or SIGTERM, after the request in flight."),
    ];
    let of_verb = known.iter().filter(|(_, verbs, _)| verbs.is_empty() || verbs.contains(&verb));
    let of_verb: Vec<(&str, &str)> = of_verb.map(|(code, _, meaning)| (*code, *meaning)).collect();
    section("EXIT STATUS", &terms(&of_verb))
}

fn environment(command: &Command) -> String {
    let mut own: Vec<(String, String)> = command
        .get_arguments()
        .filter_map(|option| {
            let name = option.get_env()?.to_str()?.to_owned();
            Some((name, format!("The default of --{}.", option.get_long()?)))
        })
        .collect();
    own.sort();
    own.dedup();
    if command.get_name() == "completion" {
        let waits = "How long a TAB waits for the cluster, for example 1s; 130ms if not set.";
        own.extend(terms(&[("NSFIX_COMPLETION_TIMEOUT", waits)]));
    }
    own.extend(terms(&[
        ("KUBECONFIG", "The kubeconfig files, as for kubectl."),
        ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxy on the way to the API server."),
        ("NO_COLOR, TERM", "No colour where NO_COLOR is set or TERM is dumb."),
    ]));
    section("ENVIRONMENT", &own)
}

fn files(verb: &str) -> String {
    let mut known = vec![("~/.kube/config", "The kubeconfig where none is named.")];
    known.push((
        "/var/run/secrets/kubernetes.io/serviceaccount",
        "The account inside a pod, where there is no kubeconfig.",
    ));
    if ["", "clear", "orphans", "restore"].contains(&verb) {
        known.push(("~/.local/state/nsfix/backups", "What was saved before it was changed."));
    }
    section("FILES", &terms(&known))
}

fn examples_of(verb: &str) -> String {
    let known: Vec<(String, String)> = examples::of(verb)
        .iter()
        .map(|(why, command)| (format!("nsfix {command}").trim_end().to_owned(), format!("{why}.")))
        .collect();
    section("EXAMPLES", &known)
}

/// As in the usage: with all the options at length, one would not find the arguments.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    Roff::new().control("SH", ["SYNOPSIS"]).text([roman(usage)]).to_roff()
}

fn see_also(others: &[String]) -> String {
    let mut words = Vec::new();
    for other in others {
        if !words.is_empty() {
            words.push(roman(", "));
        }
        words.extend([bold(other.clone()), roman("(1)")]);
    }
    Roff::new().control("SH", ["SEE ALSO"]).text(words).to_roff()
}
