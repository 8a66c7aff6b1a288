//! Text from a server: how much of it fits, and which characters a terminal would obey.

/// As much of the text as fits, cut between characters.
#[must_use]
pub fn prefix_within(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}

/// `1 object`, `2 objects`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `1 object is`, `2 objects are`.
#[must_use]
pub fn counted_with(count: u64, noun: &str, singular: &str, plural: &str) -> String {
    format!("{} {}", counted(count, noun), if count == 1 { singular } else { plural })
}

/// Whether a terminal obeys the character, or text is reordered or hidden by it: control characters, Unicode's
/// bidirectional controls, and characters without width or meaning (format characters, tags, private use).
#[must_use]
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{0600}'..='\u{0605}' | '\u{061c}' | '\u{06dd}' | '\u{070f}' | '\u{0890}'..='\u{0891}'
                | '\u{08e2}' | '\u{180e}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
                | '\u{e000}'..='\u{f8ff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Stands for a blank of a command at which no line is broken: a character that Unicode gives to nobody.
pub const UNBREAKABLE: char = '\u{fdd0}';

/// Whether the API server takes this as the name of a namespace (apimachinery's IsDNS1123Label).
#[must_use]
pub fn is_dns_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_or_reorders_is_harmful() {
        let hidden = "\u{ad}\u{180e}\u{2060}\u{202e}\u{9b}\u{7f}\u{e0041}\u{e000}\u{10fffd}\u{fff9}";
        assert!(hidden.chars().all(is_harmful));
        assert!(!"Größe 東京 🚀 x'".chars().any(is_harmful));
    }

    #[test]
    fn no_character_is_cut_in_two() {
        assert_eq!(prefix_within("aää", 4), "aä");
        assert_eq!(prefix_within("aää", 5), "aää");
        assert_eq!(prefix_within("aää", 99), "aää");
        assert_eq!(prefix_within("ä", 1), "");
    }
}
