//! One document while it is checked: where it stands, what is found, and the checks that many keys
//! share.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::Date;
use serde_saphyr::Spanned;

use exgate_domain::ids::OrganizationId;
use exgate_domain::policy::{Organizations, Pattern, Version};
use exgate_runtime::config::Span;

use super::scalar;
use crate::bundles::compiled::Where;
use crate::bundles::diagnostic::{
    Diagnostic, Diagnostics, GroupReference, KeyReference, Position, Severity,
};
use crate::bundles::text::Read;
use crate::bundles::{Summary, fold};
use crate::expressions::{Expression, NamedGroup};

/// The most characters in a policy's name, a group or a platform.
const NAME_CHARS_MAX: usize = 100;
/// The longest grace period or check-in age: ten years.
const SPAN_MAX: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// A day as policies write it: other texts that begin with one say more than is asked for.
pub(super) struct Day(pub(super) Date);

impl FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Date::strptime("%Y-%m-%d", text).map(Self)
    }
}

/// One document while it is checked: where it stands and what is found.
pub(super) struct Check<'a> {
    path: String,
    line: u32,
    lines_before: u32,
    text: String,
    /// The keys of what was refused.
    refused: Vec<String>,
    found: &'a mut Diagnostics,
}

impl<'a> Check<'a> {
    pub(super) fn new<T>(read: &Read<T>, found: &'a mut Diagnostics) -> Self {
        let Read { path, line, lines_before, text, document: _ } = read;
        let (path, text) = (path.clone(), text.clone());
        let refused = Vec::new();
        Self { path, line: *line, lines_before: *lines_before, text, refused, found }
    }

    pub(super) fn at<T>(&self, spanned: &Spanned<T>) -> Position {
        Position::in_file(spanned.referenced, self.lines_before)
    }

    pub(super) fn refuse(
        &mut self,
        at: Position,
        key: &str,
        message: impl Into<String>,
        suggestion: &str,
    ) {
        self.refused.push(key.to_owned());
        self.say(Severity::Error, at, key, message.into(), suggestion);
    }

    /// Whether anything was refused, so that the document does not say what it is meant to say.
    pub(super) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Whether anything was refused that is written under a key of this name, wherever it stands.
    pub(super) fn has_refused_under(&self, name: &str) -> bool {
        self.refused.iter().any(|key| key.split(['.', '[']).any(|part| part == name))
    }

    /// Says that something is probably not what was meant.
    pub(super) fn warn(
        &mut self,
        at: Position,
        key: &str,
        message: impl Into<String>,
        suggestion: &str,
    ) {
        self.say(Severity::Warning, at, key, message.into(), suggestion);
    }

    fn say(
        &mut self,
        severity: Severity,
        at: Position,
        key: &str,
        message: String,
        suggestion: &str,
    ) {
        self.found.push(Diagnostic {
            path: self.path.clone(),
            line: at.line,
            column: at.column,
            key: key.to_owned(),
            message,
            suggestion: suggestion.to_owned(),
            severity,
        });
    }

    /// Where something stands, to be told of later.
    pub(super) fn place<T>(&self, spanned: &Spanned<T>) -> Where {
        Where { path: self.path.clone(), at: self.at(spanned) }
    }

    pub(super) fn summary(&self, kind: &'static str, name: &str) -> Summary {
        Summary { kind, name: name.to_owned(), path: self.path.clone(), line: self.line }
    }

    /// The document's name, which no other of its kind may have.
    pub(super) fn name(
        &mut self,
        name: &Spanned<String>,
        names: &mut HashMap<String, (String, u32)>,
    ) -> String {
        let place = self.at(name);
        self.text(place, "name", &name.value);
        let here = (self.path.clone(), place.line);
        if let Some((path, line)) = names.insert(name.value.clone(), here) {
            let message =
                format!("{:?} is the name of the policy at {path}:{line} too", name.value);
            self.refuse(place, "name", message, "write another name");
        }
        name.value.clone()
    }

    pub(super) fn text(&mut self, at: Position, key: &str, text: &str) {
        let count = text.chars().count();
        if text.trim().is_empty() {
            self.refuse(at, key, "the text is empty", "write a name");
        } else if text.trim() != text || text.chars().any(char::is_control) {
            let message = "the text starts or ends with a blank, or has a control character";
            self.refuse(at, key, message, "take it out");
        } else if count > NAME_CHARS_MAX {
            let message = format!("{count} characters are more than {NAME_CHARS_MAX}");
            self.refuse(at, key, message, "write a shorter text");
        }
    }

    pub(super) fn version(&mut self, key: &str, text: &Spanned<String>) -> Option<Version> {
        let version = text.value.parse();
        if version.is_err() {
            let message = format!("{:?} is not a version of one to four numbers", text.value);
            self.refuse(self.at(text), key, message, "write a version such as 17.4");
        }
        version.ok()
    }

    pub(super) fn span(&mut self, key: &str, text: &Spanned<String>) -> Option<SignedDuration> {
        let span: Result<Span, _> = text.value.parse();
        let span = span.ok().and_then(|span| SignedDuration::try_from(span.duration()).ok());
        if span.is_none() {
            let message = format!("{:?} is not a span of time", text.value);
            self.refuse(self.at(text), key, message, "write a span such as 14d, 12h or 1d12h");
        } else if span.is_some_and(|span| span > SPAN_MAX) {
            let message = format!("{} is longer than ten years", text.value);
            self.refuse(self.at(text), key, message, "write a shorter span");
        }
        span
    }

    /// The names of groups, each written once.
    pub(super) fn groups(&mut self, key: &str, groups: &[Spanned<String>]) -> Vec<String> {
        let mut seen = HashSet::new();
        for (index, group) in groups.iter().enumerate() {
            let (place, key) = (self.at(group), format!("{key}[{index}]"));
            self.text(place, &key, &group.value);
            if group.value.contains('*') {
                let message = format!("{:?} has a *, and groups are compared whole", group.value);
                self.refuse(place, &key, message, "write the groups one by one");
            }
            if !seen.insert(fold(&group.value)) {
                let message = format!("{:?} stands here twice", group.value);
                self.refuse(place, &key, message, "take one of them out");
            }
            self.named(&group.value, place, key);
        }
        groups.iter().map(|group| group.value.clone()).collect()
    }

    /// A key asks when a device last synchronised, which only a coordinator that reads statistics knows.
    pub(super) fn asks_last_sync(&mut self, key: &str, text: &Spanned<String>) {
        let Position { line, column } = self.at(text);
        let (path, key) = (self.path.clone(), key.to_owned());
        self.found.last_sync(KeyReference { path, line, column, key });
    }

    /// A group is named, to be looked for where groups are known.
    fn named(&mut self, group: &str, Position { line, column }: Position, key: String) {
        let (group, path) = (group.to_owned(), self.path.clone());
        self.found.group(GroupReference { group, path, line, column, key });
    }

    /// Patterns of addresses: one that no address can be is probably not meant.
    pub(super) fn addresses(&mut self, key: &str, texts: &[Spanned<String>]) -> Vec<Pattern> {
        for (index, text) in texts.iter().enumerate() {
            let name = text.value.trim();
            if !name.is_empty() && !name.contains(['@', '*']) {
                let message = format!("{name:?} is no address, so that it means nobody");
                let cure = format!("write the whole address, or {name}@*");
                self.warn(self.at(text), &format!("{key}[{index}]"), message, &cure);
            }
        }
        self.patterns(key, texts)
    }

    /// Texts in which `*` stands for any text.
    pub(super) fn patterns(&mut self, key: &str, texts: &[Spanned<String>]) -> Vec<Pattern> {
        for (index, text) in texts.iter().enumerate() {
            self.text(self.at(text), &format!("{key}[{index}]"), &text.value);
        }
        texts.iter().map(|text| Pattern::new(&text.value)).collect()
    }

    /// An expression, compiled.
    pub(super) fn expression(&mut self, key: &str, text: &Spanned<String>) -> Option<Expression> {
        match Expression::compile(&text.value) {
            Ok(expression) => {
                if expression.asked().asks_last_sync() {
                    self.asks_last_sync(key, text);
                }
                for NamedGroup { name, offset } in expression.groups() {
                    self.named(name, self.within(text, Some(*offset)), key.to_owned());
                }
                if expression.always_holds() {
                    let message = "it asks nothing: it holds for every device";
                    self.warn(self.at(text), key, message, "take it out, or write what is meant");
                }
                Some(expression)
            }
            Err(mistake) => {
                let place = self.within(text, mistake.offset);
                let cure = match mistake.suggestion.as_str() {
                    "" => "see Expressions in docs/reference/policies.md",
                    cure => cure,
                };
                self.refuse(place, key, mistake.message, cure);
                None
            }
        }
    }

    /// Where a part of a text stands; the whole of it when that cannot be told for certain.
    fn within(&self, text: &Spanned<String>, offset: Option<usize>) -> Position {
        let place = offset.and_then(|offset| self.inside(text, offset));
        place.unwrap_or_else(|| self.at(text))
    }

    /// Where a part of a text stands, by its bytes; none when that cannot be told for certain.
    fn inside(&self, text: &Spanned<String>, offset: usize) -> Option<Position> {
        let start = self.at(text);
        let bytes = usize::try_from(text.referenced.span().byte_offset()?).ok()?;
        let (raw, indent) = (self.text.get(bytes..)?, start.column.checked_sub(1)?);
        let (line, column) = scalar::place(raw, indent, &text.value, offset)?;
        match line {
            0 => Some(Position { line: start.line, column: start.column.checked_add(column)? }),
            _ => Some(Position { line: start.line.checked_add(line)?, column: column + 1 }),
        }
    }

    /// An id of an item of a list, which no other of the list may have.
    pub(super) fn id(&mut self, key: &str, id: &Spanned<String>, seen: &mut HashSet<String>) {
        let place = self.at(id);
        self.text(place, key, &id.value);
        if !seen.insert(id.value.clone()) {
            let message = format!("{:?} is the id of a rule before it", id.value);
            self.refuse(place, key, message, "write another id");
        }
    }

    pub(super) fn organizations(&mut self, list: &Spanned<Vec<Spanned<String>>>) -> Organizations {
        let key = "organizations";
        if list.value.is_empty() {
            let message = "no organization is named, so that the policy targets nobody";
            self.refuse(self.at(list), key, message, "write [\"*\"] for every organization");
        }
        let star = list.value.iter().find(|name| name.value == "*");
        if let Some(star) = star.filter(|_| list.value.len() > 1) {
            let message = "\"*\" is every organization already";
            self.refuse(self.at(star), key, message, "write [\"*\"], or the names alone");
        }
        let mut seen = HashSet::new();
        for (index, name) in list.value.iter().enumerate() {
            if !seen.insert(&name.value) {
                let message = format!("{:?} stands here twice", name.value);
                let key = format!("{key}[{index}]");
                self.refuse(self.at(name), &key, message, "take one of them out");
            }
            if name.value != "*" && name.value.parse::<OrganizationId>().is_err() {
                let message = format!("{:?} is not the name of an organization", name.value);
                let cure = "write lower-case letters, digits and hyphens, such as contoso";
                self.refuse(self.at(name), &format!("{key}[{index}]"), message, cure);
            }
        }
        match star {
            Some(_) => Organizations::ALL,
            None => {
                Organizations::Named(list.value.iter().map(|name| name.value.clone()).collect())
            }
        }
    }
}
