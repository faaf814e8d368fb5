//! Text with `*` for any text, compared without case.

use std::fmt;

/// A text to look for, in which `*` stands for any text, none included. There is no other sign, so
/// that whether one pattern covers another can be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    written: String,
    /// The texts between the stars, without case; never empty.
    parts: Vec<String>,
}

impl Pattern {
    /// Takes a pattern over as it is written.
    pub fn new(written: &str) -> Self {
        let written = written.trim().to_owned();
        Self { parts: written.to_lowercase().split('*').map(str::to_owned).collect(), written }
    }

    /// Whether a text is one that the pattern means. An empty text is unknown and never matches.
    pub fn matches(&self, text: &str) -> bool {
        let text = trimmed(text);
        if text.is_empty() {
            return false;
        }
        match self.parts.as_slice() {
            [whole] if whole.is_ascii() => text.eq_ignore_ascii_case(whole),
            [whole] => text.to_lowercase() == *whole,
            [first, middle @ .., last] => starred(&text.to_lowercase(), first, middle, last),
            [] => false,
        }
    }

    /// Whether every text that the other one means is meant by this one, too.
    pub fn covers(&self, other: &Self) -> bool {
        // A star of the other one can only fall to a star of this one: no other part holds one.
        self.parts.len() == 1 && self.parts == other.parts
            || self.parts.len() > 1 && self.matches(&other.written)
    }
}

/// A text without the blanks around it, which most have none of: two bytes tell.
#[inline]
pub fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [one] if one.is_ascii_graphic() => text,
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

fn starred(text: &str, first: &str, middle: &[String], last: &str) -> bool {
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        let matches = [
            ("iPhone", "IPHONE"),
            ("iPhone*", "iPhone15C2"),
            ("*", "x"),
            ("a*b*c", "aXbYbZc"),
            ("Ölaf*", "ölafs"),
            ("ab*", "ab"),
        ];
        for (pattern, text) in matches {
            assert!(Pattern::new(pattern).matches(text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("iPhone", "iPhone1"), ("a*b", "a"), ("ab*ba", "aba"), ("*", ""), ("*x", "xy")]
        {
            assert!(!Pattern::new(pattern).matches(text), "{pattern} {text}");
        }
    }

    #[test]
    fn blanks_around_a_text_do_not_count() {
        for text in ["", "a", "ab", " a", "a\t", "\u{a0}ä\u{2003}", " ", "ä", "a b", "\u{7f}a"] {
            assert_eq!(trimmed(text), text.trim(), "{text:?}");
        }
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        let covers = |one: &str, other: &str| Pattern::new(one).covers(&Pattern::new(other));
        assert!(covers("a*", "ab*") && covers("*", "a*b") && covers("A", "a"));
        assert!(!covers("ab*", "a*") && !covers("a", "a*") && !covers("a*b", "ab*"));
    }
}
