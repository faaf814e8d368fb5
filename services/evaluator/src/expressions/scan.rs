//! Owns the look at an expression's text before it is parsed: the limits that keep the parser's own
//! cost bounded, and what is written for people and means something simpler to the evaluator:
//! `version("17.4")` is a number, and the names of groups have no case.

use exgate_domain::policy::Version;

use super::attributes::packed;
use super::{Mistake, NESTING_MAX, OPERATORS_MAX, TEXT_CHARS_MAX};
use crate::bundles::fold;

/// The function that makes a number of a version.
const VERSION: &str = "version";
/// Words that stand before a bracket and are no functions.
const KEYWORDS: [&str; 7] = ["else", "has", "if", "in", "is", "like", "then"];
/// The type of groups.
pub(super) const GROUP: &str = "Group";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    /// A text with its quotes.
    Text,
    Open,
    Close,
    /// `&&`, `||`, `+`, `-`, `*` and `.`
    Operator,
    /// `::`
    Path,
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    start: usize,
    text: &'a str,
}

impl Token<'_> {
    fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// An expression as it is parsed.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub(super) text: String,
    /// The groups it names.
    pub(super) groups: Vec<NamedGroup>,
    replaced: Vec<Replaced>,
    words: Vec<(usize, String)>,
}

/// A group that an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedGroup {
    /// Its name, as it is written.
    pub(crate) name: String,
    /// Where the name stands in the text, in bytes.
    pub(crate) offset: usize,
}

/// A part of the text that was written differently.
#[derive(Debug)]
struct Replaced {
    written_at: usize,
    written_bytes: usize,
    parsed_at: usize,
    parsed_bytes: usize,
}

impl Rewritten {
    /// Where in the written text a place of the parsed one is.
    pub(super) fn written_at(&self, parsed: usize) -> usize {
        let before = self.replaced.iter().rev().find(|it| it.parsed_at <= parsed);
        before.map_or(parsed, |it| {
            let into = parsed - it.parsed_at;
            match into.checked_sub(it.parsed_bytes) {
                Some(after) => it.written_at + it.written_bytes + after,
                None => it.written_at,
            }
        })
    }

    /// Where in the written text a word stands, when it stands there once.
    pub(super) fn place_of(&self, word: &str) -> Option<usize> {
        let mut places = self.words.iter().filter(|(_, it)| it == word);
        let (at, _) = places.next()?;
        places.next().is_none().then_some(*at)
    }
}

/// Checks the limits of a text, and writes it as it is parsed.
pub(super) fn rewrite(text: &str) -> Result<Rewritten, Mistake> {
    let chars = text.chars().count();
    if chars > TEXT_CHARS_MAX {
        let message = format!("{chars} characters are more than {TEXT_CHARS_MAX}");
        return Err(Mistake::new(message, "make several rules of it", None));
    }
    if text.trim().is_empty() {
        return Err(Mistake::new("the expression is empty", "write what has to hold", None));
    }
    let tokens = tokens(text)?;
    limits(&tokens)?;
    let mut out = Rewritten {
        text: String::with_capacity(text.len()),
        groups: Vec::new(),
        replaced: Vec::new(),
        words: Vec::new(),
    };
    let mut copied = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Word {
            out.words.push((token.start, token.text.to_owned()));
        }
        let rest = tokens.get(index + 1..).unwrap_or_default();
        let is_free = index
            .checked_sub(1)
            .and_then(|before| tokens.get(before))
            .is_none_or(|before| before.kind != Kind::Path && before.text != ".");
        let Some((start, end, instead)) = instead(token, rest, is_free, &mut out.groups)? else {
            continue;
        };
        out.text.push_str(text.get(copied..start).unwrap_or_default());
        out.replaced.push(Replaced {
            written_at: start,
            written_bytes: end - start,
            parsed_at: out.text.len(),
            parsed_bytes: instead.len(),
        });
        out.text.push_str(&instead);
        copied = end;
    }
    out.text.push_str(text.get(copied..).unwrap_or_default());
    Ok(out)
}

/// What is parsed in place of a part of the text.
fn instead(
    token: &Token<'_>,
    rest: &[Token<'_>],
    is_free: bool,
    groups: &mut Vec<NamedGroup>,
) -> Result<Option<(usize, usize, String)>, Mistake> {
    if token.kind != Kind::Word || !is_free {
        return Ok(None);
    }
    match (token.text, rest) {
        (VERSION, [open, rest @ ..]) if open.text == "(" => match rest {
            [text, close, ..] if text.kind == Kind::Text && close.text == ")" => {
                let number = quoted(text.text).and_then(Version::read).and_then(packed);
                let number = number.ok_or_else(|| {
                    let message = format!("{} is not a version that can be compared", text.text);
                    let cure = "write one to four numbers, such as version(\"17.4\")";
                    Mistake::new(message, cure, Some(text.start))
                })?;
                Ok(Some((token.start, close.end(), number.to_string())))
            }
            _ => {
                let message = "version() takes one text";
                let cure = "write it with quotes, such as version(\"17.4\")";
                Err(Mistake::new(message, cure, Some(token.start)))
            }
        },
        // The library has functions that read texts whenever they run; none of them is for policies.
        (name, [open, ..]) if open.text == "(" && !KEYWORDS.contains(&name) => {
            let message = format!("{name} is not a function");
            let cure = "the only function is version(\"17.4\")";
            Err(Mistake::new(message, cure, Some(token.start)))
        }
        (GROUP, [path, text, ..]) if path.kind == Kind::Path && text.kind == Kind::Text => {
            let name = quoted(text.text).ok_or_else(|| {
                let cure = "write the name without \\, or the group's id";
                Mistake::new("a \\ stands in the name of a group", cure, Some(text.start))
            })?;
            groups.push(NamedGroup { name: name.to_owned(), offset: text.start });
            Ok(Some((text.start, text.end(), format!("\"{}\"", fold(name)))))
        }
        (_, _) => Ok(None),
    }
}

/// A text without its quotes; none when something in it is escaped.
fn quoted(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains('\\')).then_some(inside)
}

/// The limits that keep the parser from going too deep.
fn limits(tokens: &[Token<'_>]) -> Result<(), Mistake> {
    let (mut depth, mut deeper, mut operators) = (0_usize, 0, 0);
    for token in tokens {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Word if token.text == "if" => deeper += 1,
            Kind::Operator => operators += 1,
            Kind::Word | Kind::Text | Kind::Path | Kind::Other => {}
        }
        if depth + deeper > NESTING_MAX {
            let message = format!("it is nested deeper than {NESTING_MAX}");
            return Err(Mistake::new(message, "make several rules of it", Some(token.start)));
        }
        if operators > OPERATORS_MAX {
            let message = format!("it has more than {OPERATORS_MAX} operators");
            let cure = "make several rules of it, or write a list: [\"a\", \"b\"].contains(...)";
            return Err(Mistake::new(message, cure, Some(token.start)));
        }
    }
    Ok(())
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, Mistake> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(first) = rest.chars().next()
    {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (kind, bytes) = token(rest, first).ok_or_else(|| {
            let message = "the text that starts here has no end";
            Mistake::new(message, "close it with a \"", Some(at))
        })?;
        tokens.push(Token { kind, start: at, text: rest.get(..bytes).unwrap_or_default() });
        at += bytes;
    }
    Ok(tokens)
}

/// Kind and length of the token at the start; none when it is a text without an end.
fn token(rest: &str, first: char) -> Option<(Kind, usize)> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    Some(match first {
        '"' => (Kind::Text, text_bytes(rest)?),
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        '+' | '-' | '*' | '.' => (Kind::Operator, 1),
        _ if rest.starts_with("&&") || rest.starts_with("||") => (Kind::Operator, 2),
        _ if rest.starts_with("::") => (Kind::Path, 2),
        letter if word(letter) => {
            (Kind::Word, rest.find(|letter| !word(letter)).unwrap_or(rest.len()))
        }
        other => (Kind::Other, other.len_utf8()),
    })
}

/// Length of the text at the start with both its quotes.
fn text_bytes(rest: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (index, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_parsed_text_are_those_of_the_written_one() {
        let text = "principal in Group::\"Köln Ä\" && resource.osVersion >= version(\"17\") && x";
        let rewritten = rewrite(text).unwrap();
        assert_eq!(
            rewritten.text,
            "principal in Group::\"köln ä\" && resource.osVersion >= 17000000000000000 && x"
        );
        let group = NamedGroup { name: "Köln Ä".to_owned(), offset: text.find('"').unwrap() };
        assert_eq!(rewritten.groups, [group]);
        for word in ["principal", "resource", "x"] {
            let place = rewritten.text.find(word).unwrap();
            assert_eq!(rewritten.written_at(place), text.find(word).unwrap(), "{word}");
        }
        let number = rewritten.text.find("17000").unwrap();
        assert_eq!(rewritten.written_at(number + 3), text.find("version(").unwrap());
    }

    #[test]
    fn texts_and_comments_are_not_looked_into() {
        let text = r#"resource.model == "version(1) \" ((((" // Group::"X" (((("#;
        let rewritten = rewrite(text).unwrap();
        assert_eq!(rewritten.text, text);
        assert!(rewritten.groups.is_empty());
    }
}
