//! Files part into documents by kind. `Organization` is read here; every other kind is left to the
//! evaluator, in the file as it was written: where an organization stood there are empty lines, so
//! that each line keeps its number.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment, Track};
use serde_saphyr::options::Options;
use serde_saphyr::{Error, Location, Spanned};

use exgate_domain::ids::OrganizationId;
use exgate_domain::organization::{Mode, Organization, Schedule};
use exgate_runtime::config::Span;

use super::{Diagnostic, PolicyFile, Severity};

/// The kind that is read here.
pub(super) const ORGANIZATION: &str = "Organization";

const API_VERSION: &str = "exgate/v1";
/// The deepest nesting of a document.
const DEPTH_MAX: usize = 16;
/// The most YAML nodes that aliases may unfold to in one document.
const ALIAS_EVENTS_MAX: usize = 10_000;
/// The shortest interval between two syncs.
const INTERVAL_MIN: SignedDuration = SignedDuration::from_secs(1);
/// The longest interval between two syncs: a year.
const INTERVAL_MAX: SignedDuration = SignedDuration::from_hours(365 * 24);
/// The most characters in a display name.
const DISPLAY_NAME_CHARS_MAX: usize = 200;

/// How an organization is created and changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Organization")]
pub(super) struct OrganizationDocument {
    /// Version of the document.
    #[serde(rename = "apiVersion")]
    pub(super) _api_version: ApiVersion,
    /// Kind of the document.
    #[serde(rename = "kind")]
    pub(super) _kind: OrganizationKind,
    /// Short name: 1 to 63 lower-case letters, digits and hyphens, a letter first.
    #[schemars(with = "String", regex(pattern = "^[a-z][a-z0-9-]{0,62}$"))]
    pub(super) name: Spanned<String>,
    /// Name for people.
    #[serde(default)]
    #[schemars(with = "String", length(max = 200))]
    pub(super) display_name: Option<Spanned<String>>,
    /// What exgate may do there. Without it: what it may do already, and at first only observe.
    #[serde(default)]
    #[schemars(with = "ModeWord")]
    pub(super) mode: Option<Spanned<ModeWord>>,
    /// How often it is looked at. Without it, or without one of its keys: as the coordinator is set.
    #[serde(default)]
    pub(super) schedule: ScheduleDocument,
}

/// How often an organization is looked at.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ScheduleDocument {
    /// Between two quick syncs where the server can filter devices by the time of change, such as 5m.
    #[schemars(with = "String")]
    pub(super) quick_interval: Option<Spanned<String>>,
    /// Between two quick syncs where every device has to be listed, such as 30m.
    #[schemars(with = "String")]
    pub(super) quick_interval_scan: Option<Spanned<String>>,
    /// Between two full syncs, such as 1d.
    #[schemars(with = "String")]
    pub(super) full_interval: Option<Spanned<String>>,
}

/// Version of the document format.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(super) enum ApiVersion {
    /// The only version there is.
    #[serde(rename = "exgate/v1")]
    V1,
}

/// Says that the document is an Organization.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(super) enum OrganizationKind {
    /// How an organization is created and changed.
    Organization,
}

/// What exgate may do in an organization.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum ModeWord {
    /// Look, decide and say what would be done; change nothing.
    Observe,
    /// Also carry the decisions out. Needs a full sync that succeeded.
    Enforce,
}

/// What the given files hold.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Files for the bundle.
    pub(super) files: Vec<PolicyFile>,
    /// The policies in them, by their headers.
    pub(super) policies: Vec<PolicyText>,
    /// Organizations.
    pub(super) organizations: Vec<OrganizationRead>,
    /// What is wrong with the organizations.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A policy document by its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PolicyText {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) text: String,
}

impl PolicyText {
    pub(super) fn key(&self) -> (&str, &str) {
        (&self.kind, &self.name)
    }
}

/// An organization and where it stands.
#[derive(Debug)]
pub(super) struct OrganizationRead {
    /// As the document says; its mode is beside it.
    pub(super) organization: Organization,
    /// The mode that the document names.
    pub(super) mode: Option<Mode>,
    path: String,
    line: u32,
}

impl OrganizationRead {
    /// Says what is wrong with it.
    pub(super) fn refuse(&self, key: &str, message: &str, suggestion: &str) -> Diagnostic {
        Diagnostic {
            path: self.path.clone(),
            line: self.line,
            column: 0,
            key: key.to_owned(),
            message: message.to_owned(),
            suggestion: suggestion.to_owned(),
            severity: Severity::Error,
        }
    }
}

/// The keys that every document has.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    api_version: Option<Spanned<String>>,
    kind: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
}

/// Parts files into documents. Files that no part can be made of are refused at once.
pub(super) fn read(
    files: &[PolicyFile],
    schedule: &Schedule,
    prune: bool,
) -> Result<Parts, Vec<Diagnostic>> {
    let mut parts = Parts::default();
    let mut unreadable = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        let whole = |message: &str, suggestion: &str| Diagnostic {
            path: file.path.clone(),
            line: 0,
            column: 0,
            key: String::new(),
            message: message.to_owned(),
            suggestion: suggestion.to_owned(),
            severity: Severity::Error,
        };
        if !seen.insert(file.path.as_str()) {
            unreadable.push(whole("the file comes twice", "give it once"));
            continue;
        }
        let Ok(text) = std::str::from_utf8(&file.content) else {
            unreadable.push(whole("the text is not UTF-8", "save the file as UTF-8"));
            continue;
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if !pieces(text).iter().any(Piece::says_something) {
            if !prune {
                let cure = "write one, leave the file out, or remove what it held with --prune";
                unreadable.push(whole("the file holds no document", cure));
            }
            continue;
        }
        parts.file(&file.path, text, schedule);
    }
    if unreadable.is_empty() { Ok(parts) } else { Err(unreadable) }
}

/// The policies of files in force, by their headers.
pub(super) fn policies(files: &[PolicyFile]) -> Vec<PolicyText> {
    let texts = files.iter().filter_map(|file| std::str::from_utf8(&file.content).ok());
    texts.flat_map(pieces).filter_map(|piece| piece.policy(&piece.header().ok()?)).collect()
}

impl Parts {
    fn file(&mut self, path: &str, text: &str, schedule: &Schedule) {
        let mut rest = String::with_capacity(text.len());
        let mut policies = false;
        for piece in pieces(text) {
            let at = At { path, piece: &piece };
            let header = match piece.header() {
                Ok(header) => header,
                Err((error, key)) => {
                    self.diagnostics.push(at.mistake(&error, key));
                    continue;
                }
            };
            let kind = header.kind.as_ref().map(|kind| kind.value.as_str());
            if kind == Some(ORGANIZATION) {
                match at.organization(&header, schedule) {
                    Ok(read) => self.organizations.push(read),
                    Err(wrong) => self.diagnostics.extend(wrong),
                }
                rest.push_str(&piece.emptied());
            } else {
                policies |= piece.says_something();
                self.policies.extend(piece.policy(&header));
                rest.push_str(piece.text);
            }
        }
        if policies {
            self.files.push(PolicyFile { path: path.to_owned(), content: rest.into_bytes() });
        }
    }
}

/// The text of one document.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    /// Lines of the file before it.
    lines_before: u32,
}

/// Parts a stream at its document markers, without losing a byte.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut start_line, mut at) = (0, 0, 0);
    for (number, line) in (0_u32..).zip(text.split_inclusive('\n')) {
        if at > start && is_marker(line, "---") {
            pieces.extend(text.get(start..at).map(|text| Piece { text, lines_before: start_line }));
            (start, start_line) = (at, number);
        }
        at += line.len();
    }
    pieces.extend(text.get(start..).map(|text| Piece { text, lines_before: start_line }));
    pieces
}

fn is_marker(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

impl<'a> Piece<'a> {
    fn says_something(&self) -> bool {
        self.text.lines().any(|line| {
            let line = if is_marker(line, "---") || is_marker(line, "...") {
                line.get(3..).unwrap_or_default()
            } else {
                line
            };
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        })
    }

    /// Its lines without what stands in them.
    fn emptied(&self) -> String {
        let mark = if self.text.starts_with("---") { "---" } else { "" };
        format!("{mark}{}", "\n".repeat(self.text.matches('\n').count()))
    }

    fn header(&self) -> Result<Header, (Box<Error>, String)> {
        if self.says_something() { parse(self.text) } else { Ok(Header::default()) }
    }

    fn policy(&self, header: &Header) -> Option<PolicyText> {
        let (kind, name) = (header.kind.as_ref()?, header.name.as_ref()?);
        let text = self.text.strip_prefix("---").unwrap_or(self.text).trim().to_owned();
        Some(PolicyText { kind: kind.value.clone(), name: name.value.clone(), text })
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, (Box<Error>, String)> {
    let mut track = Track::new();
    let options: Options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIAS_EVENTS_MAX },
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| {
        T::deserialize(serde_path_to_error::Deserializer::new(yaml, &mut track))
    })
    .map_err(|error| (Box::new(error), key(&track.path())))
}

/// One document and its file, while it is checked.
struct At<'a> {
    path: &'a str,
    piece: &'a Piece<'a>,
}

impl At<'_> {
    fn organization(
        &self,
        header: &Header,
        schedule: &Schedule,
    ) -> Result<OrganizationRead, Vec<Diagnostic>> {
        if let Some(version) = header.api_version.as_ref().filter(|it| it.value != API_VERSION) {
            let message = format!("unknown version {:?}", version.value);
            let cure = format!("write {API_VERSION}");
            return Err(vec![self.refuse(Some(version.referenced), "apiVersion", message, &cure)]);
        }
        let document: OrganizationDocument =
            parse(self.piece.text).map_err(|(error, key)| vec![self.mistake(&error, key)])?;
        let OrganizationDocument { name, display_name, mode, schedule: intervals, .. } = document;
        let mut wrong = Vec::new();
        let id = name.value.parse::<OrganizationId>().map_err(|error| {
            let cure = "write a name such as contoso";
            wrong.push(self.refuse(Some(name.referenced), "name", error.to_string(), cure));
        });
        if let Some(text) = &display_name
            && (text.value.chars().count() > DISPLAY_NAME_CHARS_MAX
                || text.value.chars().any(char::is_control))
        {
            let message = format!(
                "the name has more than {DISPLAY_NAME_CHARS_MAX} characters or a control character"
            );
            wrong.push(self.refuse(
                Some(text.referenced),
                "displayName",
                message,
                "write a shorter one",
            ));
        }
        let ScheduleDocument { quick_interval, quick_interval_scan, full_interval } = intervals;
        let mut interval = |name: &str, given: Option<Spanned<String>>, default| match given {
            None => default,
            Some(text) => self.interval(name, &text).unwrap_or_else(|diagnostic| {
                wrong.push(diagnostic);
                default
            }),
        };
        let schedule = Schedule {
            quick_interval: interval("quickInterval", quick_interval, schedule.quick_interval),
            quick_interval_scan: interval(
                "quickIntervalScan",
                quick_interval_scan,
                schedule.quick_interval_scan,
            ),
            full_interval: interval("fullInterval", full_interval, schedule.full_interval),
        };
        let (Ok(id), true) = (id, wrong.is_empty()) else { return Err(wrong) };
        let mode = mode.map(|mode| match mode.value {
            ModeWord::Observe => Mode::Observe,
            ModeWord::Enforce => Mode::Enforce,
        });
        let display_name = display_name.map(|text| text.value).unwrap_or_default();
        Ok(OrganizationRead {
            organization: Organization { id, display_name, mode: Mode::Observe, schedule },
            mode,
            path: self.path.to_owned(),
            line: self.line(),
        })
    }

    fn interval(&self, name: &str, text: &Spanned<String>) -> Result<SignedDuration, Diagnostic> {
        let span = text.value.parse::<Span>().ok();
        let span = span.and_then(|span| SignedDuration::try_from(span.duration()).ok());
        span.filter(|span| (INTERVAL_MIN..=INTERVAL_MAX).contains(span)).ok_or_else(|| {
            let message = format!("{:?} is not a span of 1s to 365d", text.value);
            let key = format!("schedule.{name}");
            self.refuse(Some(text.referenced), &key, message, "write a span such as 5m, 1h or 1d")
        })
    }

    /// The line at which the document itself starts.
    fn line(&self) -> u32 {
        let says = |line: &str| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#') && !is_marker(line, "---")
        };
        let skipped = self.piece.text.lines().position(says).unwrap_or_default();
        self.piece
            .lines_before
            .saturating_add(u32::try_from(skipped).unwrap_or(0))
            .saturating_add(1)
    }

    fn refuse(
        &self,
        at: Option<Location>,
        key: &str,
        message: String,
        suggestion: &str,
    ) -> Diagnostic {
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let found = at.filter(|at| at.line() > 0);
        let (line, column) = found.map_or_else(
            || (self.line(), 0),
            |at| (number(at.line()).saturating_add(self.piece.lines_before), number(at.column())),
        );
        Diagnostic {
            path: self.path.to_owned(),
            line,
            column,
            key: key.to_owned(),
            message,
            suggestion: suggestion.to_owned(),
            severity: Severity::Error,
        }
    }

    /// What the reader's error means to the one who wrote the document.
    fn mistake(&self, error: &Error, key: String) -> Diagnostic {
        let plain = error.without_snippet();
        // A key that is missing stands nowhere: the whole document lacks it.
        let missing = matches!(plain, Error::SerdeMissingField { .. });
        let at = plain.location().filter(|_| !missing);
        let (key, message, cure) = words(plain, key);
        self.refuse(at, &key, message, &cure)
    }
}

/// Key, message and suggestion of a reader's error.
#[expect(clippy::wildcard_enum_match_arm, reason = "the reader's enum, which may grow")]
fn words(error: &Error, key: String) -> (String, String, String) {
    match error {
        Error::AliasError { error, .. } => words(error, key),
        Error::SerdeUnknownField { field, expected, .. } => {
            let message = format!("unknown key {field:?}; known: {}", expected.join(", "));
            (key, message, nearest(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            let message = format!("unknown value {variant:?}; known: {}", expected.join(", "));
            (key, message, nearest(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => {
            (under(&key, field), "the key is missing".to_owned(), String::new())
        }
        Error::DuplicateMappingKey { key: Some(twice), .. } => {
            let cure = "take one of them out".to_owned();
            (under(&key, twice), "the key stands here twice".to_owned(), cure)
        }
        Error::NullIntoString { .. } => {
            let cure = "write a value or take the key out".to_owned();
            (key, "the key has no value".to_owned(), cure)
        }
        other => {
            let text = other.to_string();
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            (key, message.to_owned(), String::new())
        }
    }
}

fn nearest(written: &str, known: &[&'static str]) -> String {
    let folded = written.to_lowercase();
    let near = known
        .iter()
        .map(|name| (strsim::osa_distance(&folded, &name.to_lowercase()), *name))
        .min()
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1));
    near.map(|(_, name)| format!("write {name}")).unwrap_or_default()
}

/// The path as an operator writes it, without the reader's own steps into a value.
fn key(path: &Path) -> String {
    path.iter().fold(String::new(), |text, segment| match segment {
        Segment::Map { key } if key == "value" => text,
        Segment::Map { key } => under(&text, key),
        Segment::Seq { index } => format!("{text}[{index}]"),
        Segment::Enum { .. } | Segment::Unknown => text,
    })
}

fn under(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
