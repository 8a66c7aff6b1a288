//! Who asks for completions, how, and in which form the answer comes.

use std::fmt::Write;
use std::io;

use clap_complete::Shell;
use clap_complete::env::Shells;

use super::VARIABLE;
use super::line::{Line, Offer};

/// clap's script splits what it gets at blanks, expands `*` in it, and does not know that bash breaks words at `=`, `:`
/// and `@`. For bash 3.2 and later.
const BASH: &str = r#"_nsfix() {
    local each
    COMPREPLY=()
    while IFS= read -r each; do
        [[ -n $each ]] && COMPREPLY+=("$each")
    done < <(COMPLETE=bash _CLAP_COMPLETE_INDEX=$COMP_CWORD nsfix -- "${COMP_WORDS[@]}" 2> /dev/null < /dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2> /dev/null
    fi
}
complete -F _nsfix nsfix
"#;

/// The first TAB calls the file itself where zsh has found it in its `fpath`.
const ZSH_AUTOLOADED: &str = r#"[[ ${funcstack[1]} == _nsfix ]] && _clap_dynamic_completer_nsfix "$@"
"#;

/// Whoever asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asker {
    Shell(Shell),
    /// kubectl, for whatever shell it completes.
    Kubectl,
}

impl Asker {
    /// By the name of a shell, or the path of its program; `None` is nobody that nsfix knows.
    pub(super) fn named(name: &str) -> Option<Self> {
        if name == "kubectl" {
            return Some(Self::Kubectl);
        }
        Shell::from_shell_path(name).map(Self::Shell)
    }

    /// Which word is completed, where the shell says it.
    pub(super) fn index(self) -> Option<usize> {
        let says = matches!(self, Self::Shell(Shell::Bash | Shell::Zsh | Shell::Elvish));
        std::env::var("_CLAP_COMPLETE_INDEX").ok().filter(|_| says)?.parse().ok()
    }

    /// Whether this can be put into a command line without becoming something else there. zsh and fish quote by
    /// themselves, and for bash it is done here; elsewhere only what needs no quotes is offered.
    pub(super) fn can_insert(self, value: &str) -> bool {
        let quotes = matches!(self, Self::Shell(Shell::Bash | Shell::Zsh | Shell::Fish));
        quotes || value.chars().all(is_plain)
    }

    /// The answer.
    pub(super) fn written(self, line: &Line, offered: &[Offer]) -> String {
        let mut text = String::new();
        for Offer { value, help } in offered {
            let help = help.as_deref().map(|help| help.replace('\t', " "));
            let _ = match (self, help) {
                (Self::Shell(Shell::Bash), _) => {
                    bash_word(line, value).map_or(Ok(()), |it| writeln!(text, "{it}"))
                }
                (Self::Shell(Shell::Zsh), help) => {
                    let value = value.replace('\\', "\\\\").replace(':', "\\:");
                    let help = help.map(|help| format!(":{}", help.replace('\\', "\\\\")));
                    writeln!(text, "{value}{}", help.unwrap_or_default())
                }
                (Self::Shell(Shell::Fish | Shell::PowerShell), Some(help)) => {
                    writeln!(text, "{value}\t{help}")
                }
                _ => writeln!(text, "{value}"),
            };
        }
        if self == Self::Kubectl {
            text.push_str(directive(offered));
        }
        text
    }
}

/// cobra's directives: 4 no names of files, 2 no blank behind the word.
fn directive(offered: &[Offer]) -> &'static str {
    let unfinished = |offer: &Offer| offer.value.ends_with(['/', '=']);
    if !offered.is_empty() && offered.iter().all(unfinished) { ":6\n" } else { ":4\n" }
}

/// No shell sees anything special in these.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "@%+=:./_-".contains(character)
}

/// What bash puts in the place of the part of the word that it replaces. `None` where it cannot be written within the
/// quotes that were opened.
fn bash_word(line: &Line, value: &str) -> Option<String> {
    let rest = value.strip_prefix(line.kept.as_str())?;
    match line.quote {
        Some('\'') => (!rest.contains('\'')).then(|| rest.to_owned()),
        Some(_) => (!rest.contains(['"', '$', '`', '\\', '!'])).then(|| rest.to_owned()),
        None => {
            let escaped = |c: char| if is_plain(c) { vec![c] } else { vec!['\\', c] };
            Some(rest.chars().flat_map(escaped).collect())
        }
    }
}

/// The script that tells a shell to ask nsfix.
pub(super) fn registration(shell: Shell) -> io::Result<String> {
    if shell == Shell::Bash {
        return Ok(BASH.to_owned());
    }
    let name = shell.to_string();
    let shells = Shells::builtins();
    let completer =
        shells.completer(&name).ok_or_else(|| io::Error::other(format!("no such shell: {name}")))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "nsfix", "nsfix", "nsfix", &mut script)?;
    let mut script = String::from_utf8_lossy(&script).trim_end().to_owned() + "\n";
    if shell == Shell::Zsh {
        script.push_str(ZSH_AUTOLOADED);
    }
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_anything_to_bash() {
        let line = Line::default();
        assert_eq!(bash_word(&line, "admin@kind:1/x").as_deref(), Some("admin@kind:1/x"));
        assert_eq!(bash_word(&line, "a b;$(c)*").as_deref(), Some("a\\ b\\;\\$\\(c\\)\\*"));
        let quoted = Line { quote: Some('\''), ..Line::default() };
        assert_eq!(bash_word(&quoted, "a b").as_deref(), Some("a b"));
        assert_eq!(bash_word(&quoted, "a'b"), None);
        let quoted = Line { quote: Some('"'), ..Line::default() };
        assert_eq!(bash_word(&quoted, "a$(b)"), None);
    }

    #[test]
    fn what_does_not_quote_is_offered_plain_names_alone() {
        for asker in [Asker::Kubectl, Asker::Shell(Shell::PowerShell), Asker::Shell(Shell::Elvish)] {
            assert!(
                asker.can_insert("arn:aws:eks:eu/x_y")
                    && !asker.can_insert("a b")
                    && !asker.can_insert("a;b")
            );
        }
    }
}
