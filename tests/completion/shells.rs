//! The same in real shells, with a person at the TAB key.

use std::path::Path;

use rexpect::session::{PtySession, spawn_command};

use super::PATIENT;
use crate::harness::fixtures::terminating;
use crate::harness::{Lab, Nsfix, kubeconfig};
use crate::tests;

tests! {
    Bash:
    bash_completes_commands_flags_and_their_values,
    bash_completes_at_a_terminal;
    Zsh:
    zsh_completes_at_a_terminal;
    Fish:
    fish_completes;
    Kubectl:
    kubectl_completes_its_plugin
}

/// What bash offers after these words, the last of which is being typed.
async fn completions(words: &[&str]) -> Vec<String> {
    // As bash does when somebody presses TAB.
    let script = r#"
        source /dev/stdin
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        function=$(complete -p nsfix | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" nsfix "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let source = Nsfix::new(&["completion", "bash"]).run().await.expect(0).stdout;
    let arguments: Vec<&str> = ["-c", script, "bash"].iter().chain(words).copied().collect();
    let ran = Nsfix::other("bash", &arguments).beside_nsfix().stdin(&source).run().await.expect(0);
    assert_eq!(ran.stderr, "");
    ran.stdout.lines().map(str::to_owned).collect()
}

async fn bash_completes_commands_flags_and_their_values(_: Lab) {
    assert_eq!(completions(&["nsfix", "cl"]).await, ["clear"]);
    assert_eq!(completions(&["nsfix", "list"]).await, ["list-stuck"]);
    assert_eq!(completions(&["nsfix", "clear", "--left"]).await, ["--leftovers"]);
    assert_eq!(completions(&["nsfix", "clear", "--leftovers", "re"]).await, ["refuse", "release"]);
    // bash breaks words at `=`, and replaces what is behind it.
    assert_eq!(completions(&["nsfix", "clear", "--leftovers", "=", "re"]).await, ["refuse", "release"]);
    assert_eq!(completions(&["nsfix", "--sandbox", "=", "rod"]).await, ["rodrigo"]);
}

/// A shell on a terminal of its own that has nsfix and its completions.
fn at_a_terminal(lab: &Lab, program: &str, arguments: &[&str], setup: &str) -> PtySession {
    let run = Nsfix::other(program, arguments).beside_nsfix();
    let run = run.env("KUBECONFIG", lab.kubeconfig()).env("TERM", "dumb").env("HOME", lab.dir());
    let mut command = run.env(PATIENT.0, PATIENT.1).into_command();
    command.current_dir(lab.dir());
    let mut session = spawn_command(command, Some(30_000)).unwrap();
    // Said in two halves, so that the echo of the line is not taken for its effect.
    session.send_line(&format!("{setup}; echo it-is-''ready")).unwrap();
    session.exp_string("it-is-ready").unwrap();
    session
}

/// Types this, TAB included, and sees what has become of the line by having it printed word by word.
fn completed(session: &mut PtySession, typed: &str) -> Vec<String> {
    session.send(typed).unwrap();
    // Ctrl-A goes to the beginning of the line.
    session.send("\u{1}printf '<%s>' ").unwrap();
    session.send_line("").unwrap();
    session.exp_string("<nsfix>").unwrap();
    session.send_line("echo it-is-''over").unwrap();
    let words = session.exp_string("it-is-over").unwrap();
    let words = words.split('\n').next().unwrap_or_default();
    words.split('<').filter_map(|word| Some(word.split_once('>')?.0.to_owned())).collect()
}

/// A context of a hostile name, beside the usual one.
fn hostile(lab: &Lab) -> &'static str {
    let name = "zz top;touch pwned;$(touch pwned)*";
    let text = kubeconfig(lab.url(), None, "");
    let another = format!("- name: '{name}'\n  context: {{cluster: lab, user: lab}}\n");
    std::fs::write(lab.kubeconfig(), text + &another).unwrap();
    name
}

fn types_a_line(lab: &Lab, name: &str, session: &mut PtySession) {
    let context = hostile(lab);
    let begun = &name[..name.len() - 2];
    assert_eq!(completed(session, &format!("nsfix explain {begun}\t")), ["explain", name]);
    assert_eq!(
        completed(session, &format!("nsfix --context=lab explain {begun}\t")),
        ["--context=lab", "explain", name]
    );
    assert_eq!(completed(session, "nsfix --context zz\t"), ["--context", context]);
    assert_eq!(completed(session, "nsfix --context=zz\t"), [format!("--context={context}")]);
    assert_eq!(completed(session, "nsfix clear --leftov\tref\t"), ["clear", "--leftovers", "refuse"]);
    assert!(!Path::new(&lab.dir().join("pwned")).exists());
    // A shell that is interactive takes no notice of SIGTERM.
    session.send_line("exit").unwrap();
    session.exp_eof().unwrap();
}

async fn bash_completes_at_a_terminal(lab: Lab) {
    let name = terminating(&lab).await;
    tokio::task::spawn_blocking(move || {
        let setup = "PS1='$ '; bind 'set enable-bracketed-paste off'; source <(nsfix completion bash)";
        let mut session = at_a_terminal(&lab, "bash", &["--norc", "--noprofile", "-i"], setup);
        types_a_line(&lab, &name, &mut session);
    })
    .await
    .unwrap();
}

async fn zsh_completes_at_a_terminal(lab: Lab) {
    let name = terminating(&lab).await;
    tokio::task::spawn_blocking(move || {
        let setup = "PS1='$ '; unset zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; \
                     bindkey -e; source <(nsfix completion zsh)";
        let mut session = at_a_terminal(&lab, "zsh", &["-f", "-i"], setup);
        types_a_line(&lab, &name, &mut session);
    })
    .await
    .unwrap();
}

async fn fish_completes(lab: Lab) {
    let name = terminating(&lab).await;
    let run = |line: String| {
        let script = format!("nsfix completion fish | source; complete -C {line:?}");
        let run = Nsfix::other("fish", &["--no-config", "-c", &script]).beside_nsfix();
        let run = run.env("KUBECONFIG", lab.kubeconfig()).env("HOME", lab.dir()).env(PATIENT.0, PATIENT.1);
        async { run.run().await.expect(0).stdout }
    };
    assert_eq!(run(format!("nsfix clear {}", &name[..name.len() - 1])).await, format!("{name}\n"));
    assert_eq!(run("nsfix --context=l".to_owned()).await, "--context=lab\n");
    let context = hostile(&lab);
    assert_eq!(run("nsfix --context z".to_owned()).await, format!("{context}\n"));
    let verbs = run("nsfix ".to_owned()).await;
    assert!(
        verbs.lines().any(|line| line == "clear\tEnd namespaces that are stuck in Terminating"),
        "{verbs}"
    );
}

/// kubectl asks `kubectl_complete-nsfix`, which is nsfix under that name.
async fn kubectl_completes_its_plugin(lab: Lab) {
    let name = terminating(&lab).await;
    for link in ["kubectl-nsfix", "kubectl_complete-nsfix"] {
        Nsfix::named(&lab.dir().join(link), &["--version"]).run().await.expect(0);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(lab.dir().to_owned()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(dirs).unwrap();
    for (words, expected) in [
        (vec!["cl"], "clear\n:4\n".to_owned()),
        (vec!["clear", ""], format!("{name}\n:4\n")),
        (vec!["clear", "--left"], "--leftovers\n:4\n".to_owned()),
        (vec!["clear", "-o", "jsonpath-f"], "jsonpath-file=\n:6\n".to_owned()),
        (vec!["nonsense", "zz"], ":4\n".to_owned()),
    ] {
        let arguments = [vec!["__complete", "nsfix"], words.clone()].concat();
        let run = Nsfix::other("kubectl", &arguments).env("PATH", &path).env("KUBECONFIG", lab.kubeconfig());
        let run = run.env(PATIENT.0, PATIENT.1);
        assert_eq!(run.run().await.expect(0).stdout, expected, "{words:?}");
        // As it is in the archives.
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/kubectl_complete-nsfix");
        let run = Nsfix::other(script, &words).env("PATH", &path).env("KUBECONFIG", lab.kubeconfig());
        assert_eq!(run.env(PATIENT.0, PATIENT.1).run().await.expect(0).stdout, expected, "{words:?}");
        let alone = Nsfix::named(&lab.dir().join("kubectl_complete-nsfix"), &words);
        let ran = alone.env("KUBECONFIG", lab.kubeconfig()).env(PATIENT.0, PATIENT.1).run().await.expect(0);
        assert_eq!((ran.stdout, ran.stderr.as_str()), (expected, ""), "{words:?}");
    }
}
