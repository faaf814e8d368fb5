//! Owns what has to hold between the documents of a bundle, and the step from documents to policies.
//! Every mistake is reported; a policy with one is left out of what is returned.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::SignedDuration;
use serde_saphyr::Spanned;

use exgate_domain::ids::OrganizationId;
use exgate_domain::policy::{
    AccessBySituation, AccessPolicy, CompliancePolicy, Organizations, PlatformRequirements, Version,
};
use exgate_runtime::config::Span;

use crate::bundles::diagnostic::{Diagnostic, Diagnostics, Position, nearest, write_instead};
use crate::bundles::document::{AccessDocument, AccessTable, ComplianceDocument, Requirements};
use crate::bundles::text::{Documents, Read};
use crate::bundles::{BUNDLE_BYTES_MAX, FILES_MAX, PolicyFile, Summary, fold};

/// The most characters in a policy's name, a group or a platform.
const NAME_CHARS_MAX: usize = 100;
/// The longest grace period or check-in age: ten years.
const SPAN_MAX: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// The policies of a bundle.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) compliance: Vec<CompliancePolicy>,
    pub(crate) access: Vec<AccessPolicy>,
    pub(crate) summaries: Vec<Summary>,
}

/// Checks how much there is before anything is read.
pub(crate) fn limits(files: &[PolicyFile], found: &mut Diagnostics) {
    let mut refuse = |path: &str, message: String| {
        found.push(Diagnostic {
            path: path.to_owned(),
            line: 0,
            column: 0,
            key: String::new(),
            message,
            suggestion: String::new(),
        });
    };
    if files.len() > FILES_MAX {
        refuse("bundle", format!("{} files are more than {FILES_MAX}", files.len()));
    }
    let bytes: usize = files.iter().map(|file| file.content.len()).sum();
    if bytes > BUNDLE_BYTES_MAX {
        refuse("bundle", format!("{bytes} bytes of files are more than {BUNDLE_BYTES_MAX}"));
    }
    let mut seen = HashSet::new();
    for file in files {
        if file.path.is_empty() {
            refuse("bundle", "a file has no path".to_owned());
        } else if !seen.insert(&file.path) {
            refuse(&file.path, "the file comes twice".to_owned());
        }
    }
}

/// Checks documents against each other and makes policies of them.
pub(crate) fn policies(documents: Documents, found: &mut Diagnostics) -> Checked {
    let Documents { compliance, access, spoilt } = documents;
    let mut checked = Checked::default();
    let mut names = HashMap::new();
    for read in compliance {
        let mut check = Check::new(&read, found);
        let name = check.name(&read.document.name, &mut names);
        checked.summaries.push(check.summary("CompliancePolicy", &name));
        checked.compliance.push(compliance_policy(name, read.document, check));
    }
    let known: Vec<String> = names.into_keys().chain(spoilt).collect();
    let mut names = HashMap::new();
    let mut precedences = BTreeMap::new();
    for read in access {
        let mut check = Check::new(&read, found);
        let name = check.name(&read.document.name, &mut names);
        let precedence = &read.document.precedence;
        if let Some(other) = precedences.insert(precedence.value, name.clone()) {
            let message = format!("{} is taken by the policy {other:?}", precedence.value);
            let cure = "write another number: the lowest one decides";
            check.refuse(check.at(precedence), "precedence", message, cure);
        }
        checked.summaries.push(check.summary("AccessPolicy", &name));
        checked.access.push(access_policy(name, read.document, &known, check));
    }
    checked.summaries.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    checked
}

fn compliance_policy(
    name: String,
    document: ComplianceDocument,
    mut check: Check<'_>,
) -> CompliancePolicy {
    let place = check.at(&document.platforms);
    let platforms: Vec<_> = document
        .platforms
        .value
        .listed()
        .map(|(platform, requirements)| check.platform(platform, requirements))
        .collect();
    if platforms.is_empty() {
        let message = "no platform is listed, so that no device could be compliant";
        check.refuse(place, "platforms", message, "write iOS: {}");
    }
    let last_check_in_max = document.last_check_in_max.and_then(|text| {
        let span = check.span("lastCheckInMax", &text)?;
        if span.is_zero() {
            let message = "after no time at all every check-in is too old";
            check.refuse(check.at(&text), "lastCheckInMax", message, "write a time such as 14d");
        }
        Some(span)
    });
    let grace_period = document.grace_period.and_then(|text| check.span("gracePeriod", &text));
    let grace_period = grace_period.unwrap_or(SignedDuration::ZERO);
    CompliancePolicy { name, platforms, last_check_in_max, grace_period }
}

fn access_policy(
    name: String,
    document: AccessDocument,
    known: &[String],
    mut check: Check<'_>,
) -> AccessPolicy {
    let organizations = check.organizations(&document.organizations);
    let included_groups = check.groups("includedGroups", &document.included_groups.value);
    let excluded_groups = check.groups("excludedGroups", &document.excluded_groups);
    if document.included_groups.value.is_empty() {
        let place = check.at(&document.included_groups);
        let message = "no group is included, so that the policy targets nobody";
        check.refuse(place, "includedGroups", message, "write the groups to target");
    }
    let included: HashSet<_> = included_groups.iter().map(|group| fold(group)).collect();
    for (index, group) in document.excluded_groups.iter().enumerate() {
        if included.contains(&fold(&group.value)) {
            let message = format!("{:?} is included too; exclusion wins", group.value);
            let cure = "take it out of one of the two lists";
            check.refuse(check.at(group), &format!("excludedGroups[{index}]"), message, cure);
        }
    }
    for (index, policy) in document.compliance_policies.iter().enumerate() {
        if !known.contains(&policy.value) {
            let near = nearest(&policy.value, known.iter().map(String::as_str));
            let message = format!("no compliance policy is named {:?}", policy.value);
            let key = format!("compliancePolicies[{index}]");
            check.refuse(check.at(policy), &key, message, &write_instead(near));
        }
    }
    let AccessTable { unmanaged, unknown, not_compliant, in_grace_period } = document.access;
    AccessPolicy {
        name,
        precedence: document.precedence.value,
        organizations,
        included_groups,
        excluded_groups,
        license_required: document.license_required,
        compliance_policies: document.compliance_policies.into_iter().map(|p| p.value).collect(),
        access: AccessBySituation {
            unmanaged: unmanaged.into(),
            unknown: unknown.into(),
            not_compliant: not_compliant.into(),
            in_grace_period: in_grace_period.into(),
        },
    }
}

/// One document while it is checked: where it stands and what is found.
struct Check<'a> {
    path: String,
    line: u32,
    lines_before: u32,
    found: &'a mut Diagnostics,
}

impl<'a> Check<'a> {
    fn new<T>(read: &Read<T>, found: &'a mut Diagnostics) -> Self {
        let Read { path, line, lines_before, .. } = read;
        Self { path: path.clone(), line: *line, lines_before: *lines_before, found }
    }

    fn at<T>(&self, spanned: &Spanned<T>) -> Position {
        Position::in_file(spanned.referenced, self.lines_before)
    }

    fn refuse(&mut self, at: Position, key: &str, message: impl Into<String>, suggestion: &str) {
        self.found.push(Diagnostic {
            path: self.path.clone(),
            line: at.line,
            column: at.column,
            key: key.to_owned(),
            message: message.into(),
            suggestion: suggestion.to_owned(),
        });
    }

    fn summary(&self, kind: &'static str, name: &str) -> Summary {
        Summary { kind, name: name.to_owned(), path: self.path.clone(), line: self.line }
    }

    /// The document's name, which no other of its kind may have.
    fn name(
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

    fn text(&mut self, at: Position, key: &str, text: &str) {
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

    fn platform(&mut self, platform: &str, document: Requirements) -> PlatformRequirements {
        let key = |name: &str| format!("platforms.{platform}.{name}");
        let minimum = document.os_minimum_version.as_ref();
        let maximum = document.os_maximum_version.as_ref();
        let os_minimum = minimum.and_then(|text| self.version(&key("osMinimumVersion"), text));
        let os_maximum = maximum.and_then(|text| self.version(&key("osMaximumVersion"), text));
        if let (Some(low), Some(high), Some(text)) = (&os_minimum, &os_maximum, maximum)
            && low > high
        {
            let message = format!("{high} is older than osMinimumVersion, which is {low}");
            let cure = "write a version that is not older";
            self.refuse(self.at(text), &key("osMaximumVersion"), message, cure);
        }
        PlatformRequirements {
            platform: platform.to_owned(),
            os_minimum,
            os_maximum,
            require_encryption: document.storage_require_encryption,
            refuse_jailbroken: document.security_block_jailbroken_devices,
        }
    }

    fn version(&mut self, key: &str, text: &Spanned<String>) -> Option<Version> {
        let version = text.value.parse();
        if version.is_err() {
            let message = format!("{:?} is not a version of one to four numbers", text.value);
            self.refuse(self.at(text), key, message, "write a version such as 17.4");
        }
        version.ok()
    }

    fn span(&mut self, key: &str, text: &Spanned<String>) -> Option<SignedDuration> {
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

    fn groups(&mut self, key: &str, groups: &[Spanned<String>]) -> Vec<String> {
        for (index, group) in groups.iter().enumerate() {
            self.text(self.at(group), &format!("{key}[{index}]"), &group.value);
        }
        groups.iter().map(|group| group.value.clone()).collect()
    }

    fn organizations(&mut self, list: &Spanned<Vec<Spanned<String>>>) -> Organizations {
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
        for (index, name) in list.value.iter().enumerate() {
            if name.value != "*" && name.value.parse::<OrganizationId>().is_err() {
                let message = format!("{:?} is not the name of an organization", name.value);
                let cure = "write lower-case letters, digits and hyphens, such as contoso";
                self.refuse(self.at(name), &format!("{key}[{index}]"), message, cure);
            }
        }
        match star {
            Some(_) => Organizations::All,
            None => {
                Organizations::Named(list.value.iter().map(|name| name.value.clone()).collect())
            }
        }
    }
}
