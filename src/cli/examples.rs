//! The examples of every help, also those of the man pages.

use std::fmt::Write;

/// What is shown below the options: why, and the command without the program's name.
pub(super) type Example = (&'static str, &'static str);

/// Where the options are that `-h` leaves out.
const FOLDED: &str = "How to reach the cluster (--context, --kubeconfig, --token, …) is shown by --help.";

/// The examples of a verb; `""` is nsfix itself.
pub(super) fn of(verb: &str) -> &'static [Example] {
    match verb {
        "" => &[
            ("What is stuck, by cause", ""),
            ("Why, and what would end it", "explain rodrigo"),
            ("End it without leaving anything behind", "clear rodrigo --leftovers=release"),
            ("End it now", "clear rodrigo --yes"),
        ],
        "list-stuck" => &[
            ("Every namespace in Terminating", "list-stuck"),
            ("With the causes and what is inside", "list-stuck -o wide"),
            ("The oldest last", "list-stuck --sort-by=.ageSeconds"),
            ("Until Ctrl-C: what gets stuck, and what goes", "list-stuck -w"),
            ("Names for a script", "list-stuck -o name --older-than 1h"),
            ("Columns of one's own", "list-stuck -o custom-columns=NAME:.name,REASON:.reason"),
        ],
        "check" => &[
            ("Before kubectl delete namespace", "check shop"),
            ("All namespaces of a team", "check -l team=blue"),
            (
                "Those that would not go",
                "check --all -o jsonpath='{.items[?(@.expectation!=\"NothingExpected\")].namespace.name}'",
            ),
        ],
        "explain" => &[
            ("All that are stuck, by cause, and what helps", "explain"),
            ("Why one is stuck", "explain rodrigo"),
            ("For a script", "explain rodrigo -o jsonpath='{.items[0].causes[*].kind}'"),
        ],
        "clear" => &[
            ("See the plan, and be asked", "clear rodrigo"),
            ("Without a question", "clear rodrigo --yes"),
            ("Without leaving anything behind", "clear rodrigo --leftovers=release --yes"),
            ("The requests, and none of them sent", "clear rodrigo --dry-run=client"),
            ("Unattended", "clear --all --older-than 1h --leftovers=release --yes"),
        ],
        "orphans" => &[
            ("What an earlier finalize left behind", "orphans"),
            ("Remove what is left of one namespace", "orphans rodrigo --purge"),
        ],
        "restore" => &[
            ("Create the namespace and its objects again", "restore rodrigo-20260101-120000.yaml"),
            ("One object alone", "restore rodrigo-20260101-120000.yaml configmap/settings"),
        ],
        "access" => &[
            ("What this account may do", "access"),
            ("What a ServiceAccount may do", "access clear --as system:serviceaccount:ops:nsfix"),
        ],
        "sandbox" => &[
            ("A practice cluster for kubectl and nsfix", "sandbox"),
            ("With one kind of trouble", "sandbox dead-apiservice"),
            ("Which kinds there are", "sandbox --list"),
            ("As an older Kubernetes", "sandbox --kubernetes-version 1.25"),
        ],
        "completion" => &[("For bash", "completion bash > ~/.local/share/bash-completion/completions/nsfix")],
        "finalizers" => &[
            (
                "What one of them protects, and what is lost by force",
                "finalizers kubernetes.io/pvc-protection",
            ),
            ("Those of an operator", "finalizers rook"),
            ("All of them", "finalizers"),
        ],
        "version" => &[("The version", "version")],
        _ => &[],
    }
}

/// The definition with the examples of each verb below its options.
pub(super) fn added_to(definition: clap::Command, typed: &str) -> clap::Command {
    let with = |command: clap::Command, verb: &str| {
        let rest = command.get_after_help().map(|rest| format!("\n\n{rest}")).unwrap_or_default();
        let examples = text(verb, typed);
        command.after_help(format!("{examples}\n{FOLDED}{rest}")).after_long_help(format!("{examples}{rest}"))
    };
    let verbs: Vec<String> =
        definition.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let definition = verbs.into_iter().fold(definition, |definition, verb| {
        definition.mut_subcommand(&verb, |command| with(command, &verb))
    });
    with(definition, "")
}

fn text(verb: &str, typed: &str) -> String {
    let mut text = "Examples:\n".to_owned();
    for (why, command) in of(verb) {
        let _ = writeln!(text, "  # {why}\n  {}", format!("{typed} {command}").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_help_has_examples_that_can_be_typed() {
        let nsfix = Cli::command();
        let verbs = nsfix.get_subcommands().map(clap::Command::get_name);
        for verb in verbs.chain([""]) {
            let examples = super::of(verb);
            assert!(!examples.is_empty(), "{verb} has no example");
            for (_, example) in examples {
                // None of them has more to a shell than quotes and a file to write to.
                let typed = example.split(" > ").next().unwrap().replace('\'', "");
                let mut words: Vec<String> = vec!["nsfix".to_owned()];
                words.extend(typed.split(' ').filter(|word| !word.is_empty()).map(str::to_owned));
                assert!(verb.is_empty() || words[1] == verb, "{example}");
                Cli::command()
                    .try_get_matches_from(&words)
                    .unwrap_or_else(|error| panic!("{example}: {error}"));
            }
        }
    }

    #[test]
    fn the_connection_is_folded_away_until_it_is_asked_for() {
        let mut nsfix = Cli::definition("kubectl nsfix");
        nsfix.build();
        for verb in nsfix.get_subcommands().filter(|verb| verb.get_name() != "help") {
            let mut verb = verb.clone();
            let (short, long) = (verb.render_help().to_string(), verb.render_long_help().to_string());
            assert!(!short.contains("--kubeconfig <") && short.contains("shown by --help"), "{short}");
            assert!(long.contains("Connection options:") && long.contains("--kubeconfig <FILE>"), "{long}");
            assert!(short.contains("Examples:\n  # ") && short.contains("  kubectl nsfix "), "{short}");
        }
    }
}
