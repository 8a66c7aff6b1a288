//! What has been typed, as words; and which candidates fit to be put in the last one's place.

use std::ffi::OsString;

use clap_complete::engine::CompletionCandidate;

use super::shells::Asker;
use crate::model::is_harmful;

/// The characters at which bash breaks a word in two besides blanks (`COMP_WORDBREAKS`).
const BASH_BREAKS: [char; 3] = ['=', ':', '@'];

/// A command line, its first word the program.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Line {
    /// The words before the one that is completed.
    pub(super) before: Vec<String>,
    /// That word, as far as it has been typed.
    pub(super) current: String,
    /// The words behind it.
    pub(super) behind: Vec<String>,
    /// The part of the current word that bash leaves as it is.
    pub(super) kept: String,
    /// The quote that the current word begins with.
    pub(super) quote: Option<char>,
}

/// What is offered in the place of the current word.
#[derive(Debug, PartialEq)]
pub(super) struct Offer {
    pub(super) value: String,
    pub(super) help: Option<String>,
}

impl Line {
    /// The words as this shell passes them on.
    pub(super) fn typed(asker: Asker, words: Vec<OsString>) -> Self {
        let words: Vec<String> = words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let index = asker.index().unwrap_or(words.len().saturating_sub(1));
        match asker {
            Asker::Kubectl => {
                let words = std::iter::once("nsfix".to_owned()).chain(words).collect::<Vec<_>>();
                let index = words.len().saturating_sub(1).max(1);
                Self::of(words.into_iter().map(|word| vec![word]).collect(), index)
            }
            Asker::Shell(clap_complete::Shell::Bash) => {
                let (words, index) = glued(words, index);
                Self::raw(words, index)
            }
            Asker::Shell(clap_complete::Shell::Zsh) => {
                Self::raw(words.into_iter().map(|word| vec![word]).collect(), index)
            }
            Asker::Shell(_) => Self::of(words.into_iter().map(|word| vec![word]).collect(), index),
        }
    }

    /// Words with the quotes and backslashes that were typed.
    fn raw(words: Vec<Vec<String>>, index: usize) -> Self {
        let quote = words.get(index).and_then(|pieces| unquoted(pieces.last()?).1);
        let plain = |pieces: Vec<String>| pieces.iter().map(|piece| unquoted(piece).0).collect();
        Self { quote, ..Self::of(words.into_iter().map(plain).collect(), index) }
    }

    /// Words, each of them in its pieces.
    fn of(mut words: Vec<Vec<String>>, index: usize) -> Self {
        let join = |words: Vec<Vec<String>>| words.into_iter().map(|pieces| pieces.concat()).collect();
        let behind = words.split_off(words.len().min(index + 1));
        let current = if words.len() > index { words.pop() } else { None }.unwrap_or_default();
        let kept = match current.split_last() {
            // Nothing has been typed behind the break yet.
            Some((last, _)) if is_break(last) => current.concat(),
            Some((_, before)) => before.concat(),
            None => String::new(),
        };
        let current = current.concat();
        Self { before: join(words), current, behind: join(behind), kept, quote: None }
    }

    /// All words and the index of the one that is completed, as clap wants them.
    pub(super) fn words(&self) -> (Vec<OsString>, usize) {
        let words = self.before.iter().chain([&self.current]).map(OsString::from);
        (words.collect(), self.before.len())
    }

    /// The other words.
    pub(super) fn others(&self) -> impl Iterator<Item = &String> {
        self.before.iter().chain(&self.behind)
    }

    /// Of what clap has found, what is of use to a person and does no harm to a shell.
    pub(super) fn offered(&self, asker: Asker, found: Vec<CompletionCandidate>) -> Vec<Offer> {
        let mut offered: Vec<Offer> = Vec::new();
        for candidate in found {
            let Some(value) = candidate.get_value().to_str() else { continue };
            let value = without_placeholder(value);
            let is_flag = value.starts_with('-');
            // As kubectl: flags are for whoever begins to type one.
            let wanted = !value.is_empty()
                && (!is_flag || self.current.starts_with('-'))
                && !value.chars().any(is_harmful)
                && asker.can_insert(value)
                && !offered.iter().any(|offer| offer.value == value);
            if wanted {
                let help = candidate.get_help().map(ToString::to_string);
                let help = help.and_then(|help| help.lines().next().map(str::to_owned));
                offered.push(Offer { value: value.to_owned(), help });
            }
        }
        offered
    }
}

/// `jsonpath=TEMPLATE` stands for `jsonpath=` and what follows.
fn without_placeholder(value: &str) -> &str {
    match value.split_once('=') {
        Some((name, rest)) if !rest.is_empty() && rest.chars().all(|c| c.is_ascii_uppercase()) => {
            &value[..=name.len()]
        }
        _ => value,
    }
}

fn is_break(piece: &str) -> bool {
    !piece.is_empty() && piece.chars().all(|c| BASH_BREAKS.contains(&c))
}

/// Puts together what bash breaks in two: `--context`, `=`, `lab` is one word.
fn glued(words: Vec<String>, index: usize) -> (Vec<Vec<String>>, usize) {
    let (mut glued, mut at): (Vec<Vec<String>>, usize) = (Vec::new(), 0);
    for (number, word) in words.into_iter().enumerate() {
        let follows = glued.last().and_then(|pieces| pieces.last()).is_some_and(|last| is_break(last));
        let glue = !word.is_empty() && (is_break(&word) || follows);
        match glued.last_mut() {
            Some(pieces) if glue => pieces.push(word),
            _ => glued.push(vec![word]),
        }
        if number <= index {
            at = glued.len() - 1;
        }
    }
    // The word that is about to be begun.
    if index >= 1 && glued.is_empty() {
        return (glued, index);
    }
    (glued, at)
}

/// A word without its quotes and backslashes, and the quote that is still open.
fn unquoted(word: &str) -> (String, Option<char>) {
    let (mut text, mut open) = (String::new(), None);
    let mut characters = word.chars();
    while let Some(character) = characters.next() {
        match (character, open) {
            ('\\', None | Some('"')) => text.extend(characters.next()),
            ('\'' | '"', None) => open = Some(character),
            (quote, Some(open_one)) if quote == open_one => open = None,
            _ => text.push(character),
        }
    }
    (text, open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bash(words: &[&str], index: usize) -> Line {
        let (words, index) = glued(words.iter().map(|word| (*word).to_owned()).collect(), index);
        Line::raw(words, index)
    }

    #[test]
    fn what_bash_breaks_in_two_is_one_word() {
        let line = bash(&["nsfix", "--context", "=", "a", ":", "b", "@", "c", "cl"], 8);
        assert_eq!(
            (line.before.as_slice(), line.current.as_str()),
            (["nsfix".to_owned(), "--context=a:b@c".to_owned()].as_slice(), "cl")
        );
        assert_eq!(line.kept, "");
        let line = bash(&["nsfix", "--context", "=", "a", "@", "b"], 5);
        assert_eq!((line.current.as_str(), line.kept.as_str()), ("--context=a@b", "--context=a@"));
        for nothing_yet in
            [bash(&["nsfix", "--context", "="], 2), bash(&["nsfix", "--context", "=", "clear"], 2)]
        {
            assert!(nothing_yet.kept.starts_with("--context="), "{nothing_yet:?}");
        }
        let line = bash(&["nsfix", "--context", "=", ""], 3);
        assert_eq!((line.current.as_str(), line.before.len()), ("", 2));
    }

    #[test]
    fn quotes_that_were_typed_are_no_part_of_a_word() {
        let line = bash(&["nsfix", "--context", "my\\ lab", "clear", "'ro"], 4);
        assert_eq!(line.before, ["nsfix", "--context", "my lab", "clear"]);
        assert_eq!((line.current.as_str(), line.quote), ("ro", Some('\'')));
        assert_eq!(unquoted(r#""a\"b"c'd e'"#), ("a\"bcd e".to_owned(), None));
    }

    #[test]
    fn a_placeholder_is_left_to_be_filled_in() {
        assert_eq!(without_placeholder("jsonpath=TEMPLATE"), "jsonpath=");
        assert_eq!(without_placeholder("--context=lab"), "--context=lab");
        assert_eq!(without_placeholder("--output=json"), "--output=json");
    }
}
