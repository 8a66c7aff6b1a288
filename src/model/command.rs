//! Commands that a person can paste into a shell: quoted, and carrying the connection they belong to.
//!
//! Kept as words until they are shown, because how a command has to be written depends on how nsfix was started
//! ([`Invocation`]). Only `output` turns one into text.

use std::fmt::Write as _;

use super::Namespace;
use super::text::{UNBREAKABLE, is_harmful};

/// What a pod has to end unless it says otherwise (k8s.io/api core/v1: DefaultTerminationGracePeriodSeconds).
pub const SHORT_GRACE_SECONDS: u32 = 30;

/// A program that takes the connection flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Kubectl,
    Nsfix,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// The program and, when shown, the connection flags.
    Program(Program),
    /// One word; quoted where the shell would read it otherwise.
    Word(String),
    /// Shell syntax: `|`, `&&`. Never text from a server.
    Syntax(&'static str),
}

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellCommand(Vec<Piece>);

impl ShellCommand {
    fn of<W: Into<String>>(program: Program, words: impl IntoIterator<Item = W>) -> Self {
        Self(vec![Piece::Program(program)]).words(words)
    }

    /// `kubectl WORD…`
    pub fn kubectl<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self::of(Program::Kubectl, words)
    }

    /// `nsfix WORD…`, or `kubectl nsfix WORD…` where nsfix runs as kubectl's plugin.
    pub fn nsfix<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self::of(Program::Nsfix, words)
    }

    /// Another program, which takes no connection: `jq FILTER`.
    pub fn other<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self(Vec::new()).words(words)
    }

    /// The same with more words.
    #[must_use]
    pub fn words<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.0.extend(words.into_iter().map(|word| Piece::Word(word.into())));
        self
    }

    /// The same with names that came from a server, after `--` where one of them would be read as a flag.
    #[must_use]
    pub fn names<W: Into<String>>(self, names: impl IntoIterator<Item = W>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let flag = names.iter().any(|name| name.starts_with('-')).then(|| "--".to_owned());
        self.words(flag).words(names)
    }

    /// `self | next`
    #[must_use]
    pub fn pipe(self, next: Self) -> Self {
        self.join("|", next)
    }

    /// `self && next`
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        self.join("&&", next)
    }

    /// Succeeds only while this namespace, and no other of its name, is there. A deletion is not taken back.
    #[must_use]
    pub fn if_still(namespace: &Namespace) -> Self {
        Self::kubectl(["get", "namespace", "-o", "jsonpath={.metadata.uid}"])
            .names([&namespace.name])
            .pipe(Self::other(["grep", "-qx", &namespace.uid]))
    }

    /// Deletes a namespace that is being deleted, and no other of its name.
    #[must_use]
    pub fn delete_namespace_again(namespace: &Namespace) -> Self {
        Self::if_still(namespace).and(Self::kubectl(["delete", "namespace"]).names([&namespace.name]))
    }

    /// Deletes pods without waiting for their node.
    #[must_use]
    pub fn delete_pods_at_once<N: AsRef<str>>(namespace: &Namespace, names: &[N]) -> Self {
        let delete = ["delete", "pod", "-n", &namespace.name, "--grace-period=0", "--force"];
        let delete = Self::kubectl(delete).names(names.iter().map(AsRef::as_ref));
        Self::if_still(namespace).and(delete)
    }

    /// Deletes pods that are being deleted once more, with a short grace period.
    #[must_use]
    pub fn delete_pods_soon<N: AsRef<str>>(namespace: &Namespace, names: &[N]) -> Self {
        let grace = format!("--grace-period={SHORT_GRACE_SECONDS}");
        let delete = Self::kubectl(["delete", "pod", "-n", &namespace.name, &grace, "--wait=false"]);
        Self::if_still(namespace).and(delete.names(names.iter().map(AsRef::as_ref)))
    }

    fn join(mut self, syntax: &'static str, next: Self) -> Self {
        self.0.push(Piece::Syntax(syntax));
        self.0.extend(next.0);
        self
    }

    /// The command as it is pasted. Of a practice cluster that ends with nsfix only `nsfix` commands are of any
    /// use, because they start it anew; a line with kubectl becomes a comment, so that pasting it cannot reach
    /// another cluster.
    #[must_use]
    pub fn render(&self, invocation: &Invocation) -> String {
        let mut line = String::new();
        for piece in &self.0 {
            if !line.is_empty() {
                line.push(' ');
            }
            match piece {
                Piece::Word(word) => line.push_str(&quoted(word)),
                Piece::Syntax(syntax) => line.push_str(syntax),
                Piece::Program(Program::Kubectl) => line.push_str("kubectl"),
                Piece::Program(Program::Nsfix) => line.push_str(invocation.nsfix),
            }
            if let Piece::Program(program) = piece {
                for flag in invocation.flags(*program) {
                    let _ = write!(line, " {}", quoted(flag));
                }
            }
        }
        if invocation.practice.is_some() && self.0.contains(&Piece::Program(Program::Kubectl)) {
            return format!("# on the practice cluster, which is gone by now: {line}");
        }
        line
    }
}

/// How nsfix was started, as far as a command that continues its work has to repeat it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// `nsfix`, or `kubectl nsfix`.
    pub nsfix: &'static str,
    /// The connection flags that were given: `--context lab`. Both programs know them by the same names.
    pub connection: Vec<String>,
    /// Whether `--token` was given, which is a secret that no printed command repeats.
    pub leaves_token_out: bool,
    /// The flag that starts the practice cluster, where this is one inside the process.
    pub practice: Option<String>,
}

impl Default for Invocation {
    fn default() -> Self {
        Self { nsfix: "nsfix", connection: Vec::new(), leaves_token_out: false, practice: None }
    }
}

impl Invocation {
    /// The same for a cluster that one of several contexts leads to.
    #[must_use]
    pub fn in_context(&self, context: &str) -> Self {
        let mut invocation = self.clone();
        invocation.connection.retain(|flag| !flag.starts_with("--context="));
        invocation.connection.push(format!("--context={context}"));
        invocation
    }

    fn flags(&self, program: Program) -> impl Iterator<Item = &String> {
        let practice = self.practice.iter().filter(move |_| program == Program::Nsfix);
        practice.chain(&self.connection)
    }
}

/// What the person can do about something: text, and commands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint(Vec<HintPart>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum HintPart {
    Text(String),
    Command(ShellCommand),
}

impl Hint {
    /// The same, and then this text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(HintPart::Text(text.into()));
        self
    }

    /// The same, and then this command.
    #[must_use]
    pub fn command(mut self, command: ShellCommand) -> Self {
        self.0.push(HintPart::Command(command));
        self
    }

    /// Whether there is a command in it.
    #[must_use]
    pub fn has_command(&self) -> bool {
        self.0.iter().any(|part| matches!(part, HintPart::Command(_)))
    }

    /// The hint as it is shown. `sanitise` makes its text harmless; commands are so already.
    #[must_use]
    pub fn render(&self, invocation: &Invocation, sanitise: impl Fn(&str) -> String) -> String {
        self.render_with(sanitise, |command| command.render(invocation))
    }

    /// The same with a say in how its commands are shown.
    #[must_use]
    pub fn render_with(
        &self,
        text: impl Fn(&str) -> String,
        command: impl Fn(&ShellCommand) -> String,
    ) -> String {
        let parts = self.0.iter().map(|part| match part {
            HintPart::Text(said) => text(said),
            HintPart::Command(line) => command(line),
        });
        parts.collect()
    }
}

impl<T: Into<String>> From<T> for Hint {
    fn from(text: T) -> Self {
        Self::default().text(text)
    }
}

impl From<ShellCommand> for Hint {
    fn from(command: ShellCommand) -> Self {
        Self::default().command(command)
    }
}

/// A word as a shell reads it back: bare, in single quotes, or, where it holds what a terminal would obey, in
/// bash's and zsh's `$'…'`.
fn quoted(word: &str) -> String {
    let is_harmful = |character| is_harmful(character) || character == UNBREAKABLE;
    if word.chars().any(|character| character == '\n' || character == '\t' || is_harmful(character)) {
        let mut quoted = String::from("$'");
        for character in word.chars() {
            match character {
                '\'' | '\\' => quoted.extend(['\\', character]),
                // Byte by byte, because \u means something only in a UTF-8 locale.
                _ if is_harmful(character) || !character.is_ascii() => {
                    for byte in character.to_string().bytes() {
                        let _ = write!(quoted, "\\x{byte:02x}");
                    }
                }
                _ => quoted.push(character),
            }
        }
        return quoted + "'";
    }
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    // A tilde or an equals sign at the start means something to some shells.
    if !word.is_empty() && word.bytes().all(bare) && !word.starts_with('=') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab() -> Invocation {
        let connection = ["--context", "my lab"].map(str::to_owned).to_vec();
        Invocation { connection, ..Invocation::default() }
    }

    #[test]
    fn words_from_a_server_are_quoted_for_the_shell() {
        let evil = "0;echo INJECTED as $(id -un)";
        let command = ShellCommand::kubectl(["delete", "rolebinding", "-n", "c13b"]).names([evil]);
        assert_eq!(
            command.render(&Invocation::default()),
            "kubectl delete rolebinding -n c13b '0;echo INJECTED as $(id -un)'"
        );
    }

    #[test]
    fn bash_reads_every_word_back_as_it_was() {
        let words = [
            "plain",
            "",
            "it's",
            "a b",
            "a#b",
            "$HOME",
            "`id`",
            "*",
            "~",
            "-x",
            "a\nb",
            "a\tb\\",
            "\u{9b}31m",
            "\u{202e}x'y",
            "\u{7f}",
            "Größe",
            "!!",
            "=a",
            "a\u{1b}[2J0",
            "a\u{fdd0}b",
            "東\u{1}京",
        ];
        for word in words {
            let output = std::process::Command::new("bash")
                .args(["-c", &format!("printf %s {}", quoted(word))])
                .output();
            // Where there is no bash there is nothing to ask.
            let Ok(output) = output else { return };
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{}", quoted(word));
            assert!(!quoted(word).chars().any(is_harmful), "{word:?}");
        }
    }

    #[test]
    fn a_name_that_looks_like_a_flag_stands_behind_two_dashes() {
        let command = ShellCommand::kubectl(["delete", "role"]).names(["-x", "y"]);
        assert_eq!(command.render(&Invocation::default()), "kubectl delete role -- -x y");
    }

    #[test]
    fn both_programs_carry_the_connection() {
        let jq = ShellCommand::other(["jq", ".a"]);
        let read = ShellCommand::kubectl(["get", "ns", "n", "-o", "json"]);
        let write = ShellCommand::kubectl(["replace", "--raw", "/x", "-f", "-"]);
        let line = read.pipe(jq).pipe(write).render(&lab());
        assert_eq!(
            line,
            "kubectl --context 'my lab' get ns n -o json | jq .a | kubectl --context 'my lab' replace --raw /x -f -"
        );
        let plugin = Invocation { nsfix: "kubectl nsfix", ..lab() };
        assert_eq!(
            ShellCommand::nsfix(["explain", "n"]).render(&plugin),
            "kubectl nsfix --context 'my lab' explain n"
        );
    }

    #[test]
    fn one_of_several_contexts_takes_the_place_of_what_was_given() {
        let given = Invocation { connection: vec!["--context=a".to_owned()], ..Invocation::default() };
        let explain = ShellCommand::nsfix(["explain", "n"]);
        assert_eq!(explain.render(&given.in_context("b")), "nsfix --context=b explain n");
    }

    #[test]
    fn nothing_about_a_practice_cluster_can_reach_another_one() {
        let practice = Invocation { practice: Some("--sandbox=rodrigo".to_owned()), ..Invocation::default() };
        assert!(ShellCommand::kubectl(["delete", "ns", "n"]).render(&practice).starts_with("# "));
        assert_eq!(
            ShellCommand::nsfix(["clear", "rodrigo"]).render(&practice),
            "nsfix --sandbox=rodrigo clear rodrigo"
        );
    }
}
