//! What an installed nsfix does beside its commands: as kubectl's plugin, and in a shell.

use crate::harness::{Lab, Nsfix, Ran};
use crate::tests;

tests! {
    Sandbox:
        started_by_kubectl_it_says_so,
        under_its_own_name_it_says_nsfix;
    Bash:
        bash_completes_a_command,
        bash_completes_a_flag_and_its_values,
        kubectl_completes_the_plugin
}

/// Runs nsfix as kubectl does: under the plugin's name.
async fn as_plugin(lab: &Lab, arguments: &[&str]) -> Ran {
    Nsfix::named(&lab.dir().join("kubectl-nsfix"), arguments).run().await
}

async fn started_by_kubectl_it_says_so(lab: Lab) {
    let help = as_plugin(&lab, &["--help"]).await.expect(0).stdout;
    assert!(help.contains("Usage: kubectl nsfix [OPTIONS] [COMMAND]"), "{help}");
    let help = as_plugin(&lab, &["clear", "--help"]).await.expect(0).stdout;
    assert!(help.contains("Usage: kubectl nsfix clear [OPTIONS] [NAME]..."), "{help}");
    let wrong = as_plugin(&lab, &["restore"]).await.expect(2).stderr;
    assert!(wrong.contains("Usage: kubectl nsfix restore <FILE>"), "{wrong}");
    // What is installed is nsfix all the same.
    let version = as_plugin(&lab, &["--version"]).await.expect(0).stdout;
    assert_eq!(version, concat!("nsfix ", env!("CARGO_PKG_VERSION"), "\n"));
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = Nsfix::new(&["completion", shell]).run().await.expect(0).stdout;
        assert_eq!(as_plugin(&lab, &["completion", shell]).await.expect(0).stdout, script, "{shell}");
    }
}

async fn under_its_own_name_it_says_nsfix(_: Lab) {
    let help = Nsfix::new(&["clear", "--help"]).run().await.expect(0).stdout;
    assert!(help.contains("Usage: nsfix clear [OPTIONS] [NAME]..."), "{help}");
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
    let ran = Nsfix::other("bash", &arguments).stdin(&source).run().await.expect(0);
    assert_eq!(ran.stderr, "");
    ran.stdout.lines().map(str::to_owned).collect()
}

async fn bash_completes_a_command(_: Lab) {
    assert_eq!(completions(&["nsfix", "cl"]).await, ["clear"]);
    assert_eq!(completions(&["nsfix", "list"]).await, ["list-stuck"]);
}

async fn bash_completes_a_flag_and_its_values(_: Lab) {
    assert_eq!(completions(&["nsfix", "clear", "--left"]).await, ["--leftovers"]);
    assert_eq!(completions(&["nsfix", "clear", "--leftovers", "re"]).await, ["refuse", "release"]);
}

/// docs/install.md has a script by which kubectl completes its plugin.
async fn kubectl_completes_the_plugin(lab: Lab) {
    let page = include_str!("../docs/install.md");
    let script = page.split("```bash\n").nth(1).and_then(|rest| rest.split("```").next());
    let script = script.expect("the page has the script");
    as_plugin(&lab, &["--version"]).await.expect(0); // kubectl-nsfix is there from now on
    let path = std::env::join_paths(
        std::iter::once(lab.dir().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let path = path.unwrap();
    for (words, offered) in [
        (vec!["cl"], "clear\n:4\n"),
        (vec!["clear", "--left"], "--leftovers\n:4\n"),
        (vec!["nonsense", "zz"], ":4\n"),
    ] {
        let arguments: Vec<&str> = ["-c", script, "bash"].into_iter().chain(words).collect();
        let ran = Nsfix::other("bash", &arguments).env("PATH", &path).run().await.expect(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (offered, ""), "{arguments:?}");
    }
}
