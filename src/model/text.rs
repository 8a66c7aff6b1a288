//! Text that has to fit into so many bytes.

/// As much of the text as fits, cut between characters.
#[must_use]
pub fn prefix_within(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_is_cut_in_two() {
        assert_eq!(prefix_within("aää", 4), "aä");
        assert_eq!(prefix_within("aää", 5), "aää");
        assert_eq!(prefix_within("aää", 99), "aää");
        assert_eq!(prefix_within("ä", 1), "");
    }
}
