//! Owns how an error is shown to a person: one line, the attempt first and its causes after it.

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
}
