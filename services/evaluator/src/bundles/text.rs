//! Owns the way from a file's bytes to documents with positions. One mistake of shape is reported per
//! document; the others of the file are read all the same.

use serde::de::DeserializeOwned;
use serde_saphyr::options::Options;
use serde_saphyr::{Error, Location};

use crate::bundles::PolicyFile;
use crate::bundles::diagnostic::{
    Diagnostic, Diagnostics, Position, Severity, nearest, write_instead,
};
use crate::bundles::document::{
    AccessDocument, ComplianceDocument, Header, OverlayDocument, TestsDocument,
};
use crate::bundles::mistake::{self, Mistake};

/// The deepest nesting of a document.
pub(super) const DEPTH_MAX: usize = 16;
/// The most YAML nodes that aliases may unfold to in one document.
const ALIAS_EVENTS_MAX: usize = 10_000;

const API_VERSION: &str = "exgate/v1";
const KINDS: [&str; 4] = ["CompliancePolicy", "AccessPolicy", "AccessPolicyOverlay", "PolicyTests"];

/// A document whose shape is right.
#[derive(Debug)]
pub(crate) struct Read<T> {
    /// Path of its file.
    pub(crate) path: String,
    /// The line it starts at, from 1.
    pub(crate) line: u32,
    /// Lines of the file before it, which its own positions do not count.
    pub(crate) lines_before: u32,
    /// Its text.
    pub(crate) text: String,
    /// The document.
    pub(crate) document: T,
}

impl<T> Read<T> {
    /// Another part of the document, at the same place.
    pub(crate) fn with<U>(&self, document: U) -> Read<U> {
        let Self { path, line, lines_before, text, document: _ } = self;
        let (path, text) = (path.clone(), text.clone());
        Read { path, line: *line, lines_before: *lines_before, text, document }
    }

    /// The line it starts at.
    pub(crate) fn start(&self) -> Position {
        Position { line: self.line, column: 0 }
    }
}

/// All documents of a bundle whose shape is right.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub(crate) compliance: Vec<Read<ComplianceDocument>>,
    pub(crate) access: Vec<Read<AccessDocument>>,
    pub(crate) overlays: Vec<Read<OverlayDocument>>,
    pub(crate) tests: Vec<Read<TestsDocument>>,
    /// Names of policies whose shape is wrong: nobody is told that they do not exist.
    pub(crate) spoilt: Vec<String>,
}

impl Documents {
    /// Reads the documents of one file.
    pub(crate) fn read(&mut self, file: &PolicyFile, found: &mut Diagnostics) {
        let mut refuse = |line, message: &str, suggestion: &str| {
            found.push(Diagnostic {
                path: file.path.clone(),
                line,
                column: 0,
                key: String::new(),
                message: message.to_owned(),
                suggestion: suggestion.to_owned(),
                severity: Severity::Error,
            });
        };
        let text = match std::str::from_utf8(&file.content) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let good = file.content.get(..error.valid_up_to()).unwrap_or_default();
                let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
                return refuse(lines(line), "the text is not UTF-8", "save the file as UTF-8");
            }
        };
        let pieces = pieces(text);
        if pieces.is_empty() {
            return refuse(0, "the file holds no document", "take the file away or write a policy");
        }
        for piece in pieces {
            let at = Place { path: &file.path, piece: &piece };
            if let Err(diagnostic) = self.read_piece(&at) {
                found.push(*diagnostic);
            }
        }
    }

    fn read_piece(&mut self, at: &Place<'_>) -> Result<(), Box<Diagnostic>> {
        let header: Header = at.read().inspect_err(|_| self.spoilt.extend(at.name_at_sight()))?;
        let kind = header.kind.as_ref().map(|kind| kind.value.as_str()).unwrap_or_default();
        let outcome = at.check_header(&header).and_then(|()| {
            if kind == KINDS[0] {
                at.read().map(|document| self.compliance.push(at.found(document)))
            } else if kind == KINDS[1] {
                at.read().map(|document| self.access.push(at.found(document)))
            } else if kind == KINDS[2] {
                at.read().map(|document| self.overlays.push(at.found(document)))
            } else {
                at.read().map(|document| self.tests.push(at.found(document)))
            }
        });
        if outcome.is_err() {
            self.spoilt.extend(header.name.map(|name| name.value));
        }
        outcome
    }
}

/// The document of a text that has a line, as a `T`, and how many lines there are before it. None when
/// it cannot be read.
pub(super) fn document_at<T: DeserializeOwned>(text: &str, line: u32) -> Option<(T, u32)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let pieces = pieces(text).into_iter().rev();
    let mut before = pieces.skip_while(|piece| lines(piece.lines_before) >= line);
    let piece = before.next()?;
    let document = serde_saphyr::from_str_with_options(piece.text, options()).ok()?;
    Some((document, lines(piece.lines_before)))
}

/// The kind of the document that a text is; none when it does not say.
pub(crate) fn kind(text: &str) -> Option<String> {
    let header = serde_saphyr::from_str_with_options::<Header>(text, options());
    match header {
        Ok(header) => header.kind.map(|kind| kind.value),
        Err(_) => at_sight(text, "kind:"),
    }
}

/// The value of a key of a document whose text cannot be read as a whole.
fn at_sight(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    let value = value.split_once(" #").map_or(value, |(value, _)| value);
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

/// The text of one document.
#[derive(Debug)]
struct Piece<'a> {
    text: &'a str,
    /// Lines of the file before the text.
    lines_before: usize,
}

/// Parts a stream at its document markers. A marker at the start of a line is one even inside a
/// quoted or block scalar (YAML 1.2.2, c-forbidden).
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let marker = |line: &str, mark: &str| {
        line.strip_prefix(mark)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
    };
    let mut starts = vec![(0, 0)];
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if marker(line, "---") {
            starts.push((at, number));
        } else if marker(line, "...") {
            starts.push((at + line.len(), number + 1));
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
    let whole = starts.iter().zip(ends).filter_map(|((start, number), end)| {
        Some(Piece { text: text.get(*start..end)?, lines_before: *number })
    });
    whole.filter(|piece| piece.text.lines().any(says_something)).collect()
}

/// Whether a line is more than a marker, a comment or blank.
fn says_something(line: &str) -> bool {
    let line = line.strip_prefix("---").or_else(|| line.strip_prefix("...")).unwrap_or(line);
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// The document that is being read.
struct Place<'a> {
    path: &'a str,
    piece: &'a Piece<'a>,
}

impl Place<'_> {
    /// The first line of the document that says something.
    fn line(&self) -> u32 {
        let before = self.piece.text.lines().take_while(|line| !says_something(line)).count();
        lines(self.piece.lines_before + before + 1)
    }

    /// The name of a document whose text cannot be read as a whole.
    fn name_at_sight(&self) -> Option<String> {
        at_sight(self.piece.text, "name:")
    }

    fn found<T>(&self, document: T) -> Read<T> {
        Read {
            path: self.path.to_owned(),
            line: self.line(),
            lines_before: lines(self.piece.lines_before),
            text: self.piece.text.to_owned(),
            document,
        }
    }

    fn refuse(&self, at: Position, mistake: Mistake) -> Diagnostic {
        let Mistake { key, message, suggestion } = mistake;
        let Position { line, column } = at;
        let (path, severity) = (self.path.to_owned(), Severity::Error);
        Diagnostic { path, line, column, key, message, suggestion, severity }
    }

    fn check_header(&self, header: &Header) -> Result<(), Box<Diagnostic>> {
        let start = Position { line: self.line(), column: 0 };
        let Some(version) = &header.api_version else {
            let mistake = Mistake::new("apiVersion", "the key is missing", "write exgate/v1");
            return Err(Box::new(self.refuse(start, mistake)));
        };
        let Some(kind) = &header.kind else {
            let cure = "write CompliancePolicy, AccessPolicy, AccessPolicyOverlay or PolicyTests";
            let mistake = Mistake::new("kind", "the key is missing", cure);
            return Err(Box::new(self.refuse(start, mistake)));
        };
        let (spanned, mistake) = if version.value != API_VERSION {
            let message = format!("unknown version {:?}", version.value);
            (version, Mistake::new("apiVersion", message, "write exgate/v1"))
        } else if KINDS.contains(&kind.value.as_str()) {
            return Ok(());
        } else if kind.value == "Organization" {
            let cure = "keep it in a file of its own: the coordinator applies it";
            (kind, Mistake::new("kind", "an Organization is not a policy", cure))
        } else {
            let message = format!("unknown kind {:?}; known: {}", kind.value, KINDS.join(", "));
            (kind, Mistake::new("kind", message, write_instead(nearest(&kind.value, KINDS))))
        };
        let at = Position::in_file(spanned.referenced, lines(self.piece.lines_before));
        Err(Box::new(self.refuse(at, mistake)))
    }

    /// The word that stands at a place.
    fn word_at(&self, location: Location) -> &str {
        let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let line = number(location.line()).checked_sub(1);
        let line = line.and_then(|line| self.piece.text.lines().nth(line)).unwrap_or_default();
        word_at(line, number(location.column()))
    }

    /// Reads the document as a `T`.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Box<Diagnostic>> {
        let mut track = serde_path_to_error::Track::new();
        let read = serde_saphyr::with_deserializer_from_str_with_options(
            self.piece.text,
            options(),
            |yaml| T::deserialize(serde_path_to_error::Deserializer::new(yaml, &mut track)),
        );
        read.map_err(|error| {
            let path = track.path();
            // A key that is missing in the document stands nowhere.
            let is_missing = matches!(error.without_snippet(), Error::SerdeMissingField { .. })
                && path.iter().next().is_none();
            let place = error.location().filter(|_| !is_missing);
            let at = place.map_or_else(
                || Position { line: self.line(), column: 0 },
                |location| Position::in_file(location, lines(self.piece.lines_before)),
            );
            let written = place.map_or("", |location| self.word_at(location));
            Box::new(self.refuse(at, mistake::of(&error, &path, written)))
        })
    }
}

/// The text from a character of a line on, as far as a plain scalar of one word reaches.
fn word_at(line: &str, column: usize) -> &str {
    let start = line.char_indices().nth(column.saturating_sub(1));
    let rest = start.and_then(|(start, _)| line.get(start..)).unwrap_or_default();
    let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ',' | ']' | '}');
    rest.split(is_end).next().unwrap_or_default()
}

fn lines(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIAS_EVENTS_MAX },
        strict_booleans: true,
        with_snippet: false,
    }
}
