//! Text from the server may hold anything, terminal escape sequences included.

use std::borrow::Cow;

use crate::model::is_harmful;

/// Makes text from the server harmless on a terminal: control characters and the characters that reorder
/// text (Unicode's bidirectional controls) are shown as `\u{…}`. Newlines and tabs become spaces.
#[must_use]
pub fn sanitise(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => safe.push(' '),
            harmful if is_harmful(harmful) => safe.extend(harmful.escape_unicode()),
            harmless => safe.push(harmless),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_is_shown_instead_of_obeyed() {
        assert_eq!(sanitise("\u{1b}[2Jboo"), "\\u{1b}[2Jboo");
        assert_eq!(sanitise("a\nb\tc\r"), "a b c\\u{d}");
    }

    #[test]
    fn text_cannot_be_reordered() {
        assert_eq!(sanitise("abc\u{202e}cba"), "abc\\u{202e}cba");
    }

    #[test]
    fn ordinary_text_of_any_language_is_left_alone() {
        assert!(matches!(sanitise("Größe 東京 🚀"), Cow::Borrowed(_)));
    }
}
