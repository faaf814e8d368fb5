//! Owns the escape of strings inside CLIXML: `_xHHHH_` per UTF-16 code unit
//! ([MS-PSRP] 2.2.5.3.2).
//! Invariant: `decode(encode(text)) == text` for every string; a lone surrogate, which no
//! Rust string can hold, decodes to U+FFFD.

use std::{borrow::Cow, fmt::Write};

use crate::xml;

/// Length of one escape, `_xHHHH_`.
const ESCAPE_BYTES: usize = 7;

/// Replaces the escapes; borrows when there is none.
pub(super) fn decode(text: Cow<'_, str>) -> Cow<'_, str> {
    match find_escape(&text, 0) {
        None => text,
        Some(first) => Cow::Owned(decode_from(&text, first)),
    }
}

fn decode_from(text: &str, first: (usize, u16)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let mut next = Some(first);
    while let Some((at, unit)) = next {
        out.push_str(text.get(done..at).unwrap_or_default());
        done = at + ESCAPE_BYTES;
        next = find_escape(text, done);
        let low = next.filter(|(low_at, low)| {
            *low_at == done && matches!(unit, 0xD800..0xDC00) && matches!(low, 0xDC00..0xE000)
        });
        let units = [unit, low.map_or(0, |(_, low)| low)];
        let units = if low.is_some() { &units[..] } else { units.get(..1).unwrap_or_default() };
        out.extend(char::decode_utf16(units.iter().copied()).map(|c| c.unwrap_or('\u{FFFD}')));
        if low.is_some() {
            done += ESCAPE_BYTES;
            next = find_escape(text, done);
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// The next escape at or behind `from`: its offset and its code unit.
fn find_escape(text: &str, from: usize) -> Option<(usize, u16)> {
    let mut at = from;
    loop {
        at += text.get(at..)?.find('_')?;
        let escape = text.as_bytes().get(at..at + ESCAPE_BYTES);
        if let Some(&[b'_', b'x', a, b, c, d, b'_']) = escape
            && let Some(unit) = [a, b, c, d].into_iter().try_fold(0u16, |unit, digit| {
                let digit = char::from(digit).to_digit(16)?;
                Some((unit << 4) | u16::try_from(digit).ok()?)
            })
        {
            return Some((at, unit));
        }
        at += 1;
    }
}

/// Appends `text` escaped for CLIXML and for XML.
///
/// Escaped are control characters, surrogates and the underscore before an `x`, as PowerShell
/// does, and the two code points no XML document may hold (XML 1.0, 2.2).
pub(super) fn encode_into(text: &str, out: &mut String) {
    let mut plain = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let escaped = match char {
            '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}' => true,
            '\u{10000}'.. => true,
            '_' => matches!(chars.peek(), Some((_, 'x' | 'X'))),
            _ => false,
        };
        if escaped {
            xml::escape_into(text.get(plain..at).unwrap_or_default(), out);
            plain = at + char.len_utf8();
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                _ = write!(out, "_x{unit:04X}_");
            }
        }
    }
    xml::escape_into(text.get(plain..).unwrap_or_default(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        let mut out = String::new();
        encode_into(text, &mut out);
        out
    }

    #[test]
    fn escapes_follow_the_specification() {
        for (text, wire) in [
            ("plain", "plain"),
            ("a\r\nb", "a_x000D__x000A_b"),
            ("_x", "_x005F_x"),
            ("_X", "_x005F_X"),
            ("_y_", "_y_"),
            ("_x0041_", "_x005F_x0041_"),
            ("\u{1F600}", "_xD83D__xDE00_"),
            ("\u{7F}\u{80}\u{A0}", "_x007F__x0080_\u{A0}"),
            ("a<b>&\"'", "a&lt;b&gt;&amp;&quot;'"),
            ("iPhone\u{A7}1", "iPhone\u{A7}1"),
        ] {
            assert_eq!(encoded(text), wire);
            let xml_free = wire
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&amp;", "&");
            assert_eq!(decode(Cow::Owned(xml_free)), text);
        }
    }

    #[test]
    fn odd_escapes_are_read_leniently() {
        for (wire, text) in [
            ("_x00e9_", "\u{E9}"),
            ("_xD83D_x", "\u{FFFD}x"),
            ("_xDE00__xD83D_", "\u{FFFD}\u{FFFD}"),
            ("_xD83D__xD83D__xDE00_", "\u{FFFD}\u{1F600}"),
            ("_x00G0_", "_x00G0_"),
            ("_x004", "_x004"),
            ("__x0041_", "_A"),
            ("_x0041_x0042_", "Ax0042_"),
            ("_\u{E9}\u{E9}\u{E9}\u{E9}", "_\u{E9}\u{E9}\u{E9}\u{E9}"),
        ] {
            assert_eq!(decode(Cow::Borrowed(wire)), text, "{wire}");
        }
    }

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(decode(Cow::Borrowed("no_escape_here")), Cow::Borrowed(_)));
    }
}
