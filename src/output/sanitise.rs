//! Text from the server may hold anything, terminal escape sequences included.

use std::borrow::Cow;

use crate::model::{is_harmful, prefix_within};

/// What a server said may be of any length: a webhook words its refusal itself.
const LONGEST: usize = 2_000;

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

/// A sentence that may hold what a server said: harmless, and no longer than anybody reads.
#[must_use]
pub fn excerpt(text: &str) -> Cow<'_, str> {
    let kept = prefix_within(text, LONGEST);
    match text.len() - kept.len() {
        0 => sanitise(text),
        cut => Cow::Owned(format!("{}… ({cut} more bytes)", sanitise(kept))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let long = "ä".repeat(LONGEST);
        let cut = excerpt(&long);
        assert!(cut.len() < LONGEST + 30 && cut.ends_with("ä… (2000 more bytes)"), "{cut}");
        assert_eq!(excerpt("short"), "short");
    }

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
