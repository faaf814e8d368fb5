//! Owns what has to hold between the documents of a bundle, and the step from documents to policies.
//! Every mistake is reported; a policy with one is left out of what is returned.

mod place;
mod scalar;
mod compliance;
mod access;
mod overlay;
mod reach;
mod cases;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::bundles::compiled::{Compliance, Where, Written};
use crate::bundles::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::bundles::document::{TestDocument, TestsDocument};
use crate::bundles::proof::{TESTS_MAX, Test};
use crate::bundles::text::{Documents, Read};
use crate::bundles::{BUNDLE_BYTES_MAX, FILES_MAX, PolicyFile, Summary};
use place::Check;

/// The policies of a bundle.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) compliance: Vec<Compliance>,
    /// Where the name of each compliance policy stands.
    pub(crate) compliance_places: Vec<Where>,
    /// Access policies and what overlays make of them.
    pub(crate) access: Vec<Written>,
    pub(crate) summaries: Vec<Summary>,
    pub(crate) tests: Vec<Test>,
}

/// Tests of one document, to be read when all policies are known.
struct Tests {
    /// The policy that they stand in; none for those of all policies.
    policy: Option<String>,
    name: String,
    read: Read<Vec<TestDocument>>,
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
            severity: Severity::Error,
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
    let Documents { compliance, access, overlays, tests, spoilt } = documents;
    let mut checked = Checked::default();
    let mut names = HashMap::new();
    for read in compliance {
        let mut check = Check::new(&read, found);
        let name = check.name(&read.document.name, &mut names);
        checked.summaries.push(check.summary("CompliancePolicy", &name));
        checked.compliance_places.push(check.place(&read.document.name));
        checked.compliance.push(compliance::policy(name, read.document, &mut check));
    }
    let known: Vec<String> = names.into_keys().chain(spoilt.iter().cloned()).collect();
    let mut names = HashMap::new();
    let mut precedences = BTreeMap::new();
    let mut later = Vec::new();
    for mut read in access {
        let tests = std::mem::take(&mut read.document.tests);
        later.push(Tests::of_policy(&read.document.name.value, read.with(tests)));
        let mut check = Check::new(&read, found);
        let name = check.name(&read.document.name, &mut names);
        let precedence = &read.document.precedence;
        if let Some(other) = precedences.insert(precedence.value, name.clone()) {
            let message = format!("{} is taken by the policy {other:?}", precedence.value);
            let cure = "write another number: the lowest one decides";
            check.refuse(check.at(precedence), "precedence", message, cure);
        }
        checked.summaries.push(check.summary("AccessPolicy", &name));
        checked.access.push(access::policy(name, read.document, &known, &mut check));
    }
    let bases = checked.access.len();
    for mut read in overlays {
        let tests = std::mem::take(&mut read.document.tests);
        later.push(Tests::of_policy(&read.document.name.value, read.with(tests)));
        let mut check = Check::new(&read, found);
        let name = check.name(&read.document.name, &mut names);
        checked.summaries.push(check.summary("AccessPolicyOverlay", &name));
        let at = overlay::At { bases, known: &known, spoilt: &spoilt };
        overlay::apply(name, read.document, &mut checked.access, &at, &mut check);
    }
    later.extend(of_all(tests, &mut checked, found));
    for tests in later {
        tests.check(&mut checked, &spoilt, found);
    }
    // What nobody reaches may be the mistake's doing.
    if !found.has_errors() {
        reach::check(&checked, found);
    }
    checked.summaries.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    checked
}

/// The tests that stand in documents of their own.
fn of_all(
    documents: Vec<Read<TestsDocument>>,
    checked: &mut Checked,
    found: &mut Diagnostics,
) -> Vec<Tests> {
    let mut names = HashMap::new();
    let of_document = |mut read: Read<TestsDocument>| {
        let tests = std::mem::take(&mut read.document.tests.value);
        let later = read.with(tests);
        let mut check = Check::new(&read, found);
        let name = check.name(&read.document.name, &mut names);
        if later.document.is_empty() {
            let message = "there is no test, so that the document does nothing";
            let cure = "write a test, or take the document out";
            check.refuse(check.at(&read.document.tests), "tests", message, cure);
        }
        checked.summaries.push(check.summary("PolicyTests", &name));
        Tests { policy: None, name, read: later }
    };
    documents.into_iter().map(of_document).collect()
}

impl Tests {
    fn of_policy(name: &str, read: Read<Vec<TestDocument>>) -> Self {
        Self { policy: Some(name.to_owned()), name: name.to_owned(), read }
    }

    fn check(mut self, checked: &mut Checked, spoilt: &[String], found: &mut Diagnostics) {
        let documents = std::mem::take(&mut self.read.document);
        let mut check = Check::new(&self.read, found);
        if checked.tests.len() + documents.len() > TESTS_MAX {
            let message = format!("there are more than {TESTS_MAX} tests in all files");
            check.refuse(self.read.start(), "tests", message, "take some of them out");
            return;
        }
        let written =
            checked.access.iter().find(|it| Some(&it.policy.name) == self.policy.as_ref());
        let policies: Vec<_> = checked.access.iter().map(|it| it.policy.name.clone()).collect();
        let setting = written.map(cases::Setting::of).unwrap_or_default();
        let at = cases::At { document: &self.name, setting, policies: &policies, spoilt };
        checked.tests.extend(cases::tests(documents, &at, &mut check));
    }
}
