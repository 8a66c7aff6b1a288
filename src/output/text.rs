//! Text on a terminal of a certain width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::UNBREAKABLE;

/// As much of the text as fits into so many columns, with `…` where it was cut.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut taken = 0;
    for character in text.chars() {
        let width = character.width().unwrap_or_default();
        if taken + width + 1 > columns {
            break;
        }
        taken += width;
        cut.push(character);
    }
    cut.push('…');
    cut
}

/// A command inside of a sentence that may be wrapped: it stays in one line, as it is copied.
#[must_use]
pub fn unbroken(command: &str) -> String {
    command.replace(' ', &UNBREAKABLE.to_string())
}

/// The same where nothing is wrapped any more.
#[must_use]
pub fn restored(text: &str) -> String {
    text.replace(UNBREAKABLE, " ")
}

/// Breaks a sentence between its words. The lines after the first keep `hanging` columns of indent. A word that is
/// longer than a line stays whole, because it may be what somebody copies.
#[must_use]
pub fn wrap(text: &str, columns: Option<usize>, hanging: usize) -> String {
    let Some(columns) = columns else { return restored(text) };
    let mut wrapped = String::new();
    let mut at = 0;
    // The indent of the first line stays as it is.
    let body = text.trim_start_matches(' ');
    let indent = text.len() - body.len();
    wrapped.extend(std::iter::repeat_n(' ', indent));
    at += indent;
    for (index, word) in body.split(' ').enumerate() {
        let width = visible_width(word);
        if index > 0 {
            if at + 1 + width > columns && at > hanging {
                wrapped.push('\n');
                wrapped.extend(std::iter::repeat_n(' ', hanging));
                at = hanging;
            } else {
                wrapped.push(' ');
                at += 1;
            }
        }
        wrapped.push_str(word);
        at += width;
    }
    restored(&wrapped)
}

/// How many columns a word takes, without its colour.
fn visible_width(word: &str) -> usize {
    let mut width = 0;
    let mut rest = word;
    while let Some(at) = rest.find('\u{1b}') {
        width += rest[..at].width();
        rest = rest[at..].find('m').map_or("", |end| &rest[at + end + 1..]);
    }
    width + rest.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_after_the_first_keep_their_indent() {
        assert_eq!(wrap("  - held by one, two", Some(13), 4), "  - held by\n    one, two");
        assert_eq!(wrap("  - held by one, two", None, 4), "  - held by one, two");
    }

    #[test]
    fn a_long_word_stays_whole() {
        assert_eq!(wrap("see https://example.com/a/b", Some(10), 2), "see\n  https://example.com/a/b");
    }

    #[test]
    fn a_command_in_a_sentence_stays_in_one_line() {
        let sentence = format!("to do: {} shows why it is", unbroken("nsfix explain rodrigo"));
        assert_eq!(wrap(&sentence, Some(20), 4), "to do:\n    nsfix explain rodrigo\n    shows why it is");
        assert_eq!(wrap(&sentence, None, 4), "to do: nsfix explain rodrigo shows why it is");
    }

    #[test]
    fn colour_takes_no_room() {
        assert_eq!(wrap("\u{1b}[31mab\u{1b}[0m cd", Some(5), 0), "\u{1b}[31mab\u{1b}[0m cd");
    }

    #[test]
    fn a_cut_is_seen() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("東京都", 4), "東…");
    }
}
