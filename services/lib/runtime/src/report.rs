//! Owns how an error is shown to a person: one line, the attempt first and its causes after it; and how
//! any text is that others wrote.

use std::borrow::Cow;
use std::error::Error;

/// The error and its chain of sources in one line, `attempt: cause: cause of the cause`.
///
/// A source that its parent already repeats word for word is not shown twice, and a source with
/// several lines is folded into one.
#[must_use]
pub fn report(error: &(dyn Error + 'static)) -> String {
    let mut line = fold(&error.to_string());
    let mut next = error.source();
    while let Some(cause) = next {
        let text = fold(&cause.to_string());
        if !text.is_empty() && !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        next = cause.source();
    }
    line
}

fn fold(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A text of somebody else as one line of a terminal: what would steer it is written out.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if steers(letter) { out.extend(letter.escape_debug()) } else { out.push(letter) }
    }
    Cow::Owned(out)
}

fn steers(letter: char) -> bool {
    letter.is_control()
        // Ends of lines and paragraphs, and what turns the direction of the text.
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn chain(texts: &[&'static str]) -> Layer {
        let (first, rest) = texts.split_first().unwrap();
        let source = (!rest.is_empty()).then(|| Box::new(chain(rest)));
        Layer { text: first, source }
    }

    #[test]
    fn a_report_is_one_line_from_attempt_to_cause() {
        let cases: [(&[&'static str], &str); 4] = [
            (&["attach refused"], "attach refused"),
            (&["attach refused", "no route", "timed out"], "attach refused: no route: timed out"),
            (&["write failed: disk full", "disk full"], "write failed: disk full"),
            (&["parse failed", "line 1\n  |\n1 | x\n"], "parse failed: line 1 | 1 | x"),
        ];
        for (texts, expected) in cases {
            assert_eq!(report(&chain(texts)), expected);
        }
    }

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        assert_eq!(one_line("\u{1b}[31mred\n\u{202e}"), "\\u{1b}[31mred\\n\\u{202e}");
        for text in ["Köln \"ä\" \\ a\u{308} '", ""] {
            assert!(matches!(one_line(text), Cow::Borrowed(same) if same == text));
        }
    }
}
