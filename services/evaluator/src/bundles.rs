//! Owns policy files and what they mean: read, checked as a whole, and ready to decide by. A bundle
//! in which anything is wrong does not exist.

mod document;
mod text;
mod mistake;
mod diagnostic;
mod compiled;
mod check;
mod proof;
mod coverage;
mod digest;
mod cache;
mod schema;
mod places;
#[cfg(test)]
mod reference;

pub use cache::{Cache, Limits, Loaded};
pub(crate) use compiled::{Compliance, Groups, Membership, TargetedLocal, Targeting};
pub(crate) use compiled::{Origin, Where};
pub(crate) use coverage::{Coverage, Rule as CoveredRule};
pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic, GroupReference, KeyReference, Severity};
pub(crate) use diagnostic::{nearest, write_instead};
pub use digest::digest;
pub(crate) use places::Places;
pub(crate) use proof::{Proof, Test, reason_words};
pub use schema::schema;
pub(crate) use text::kind;

use exgate_domain::ids::BundleDigest;

use diagnostic::{Diagnostics, Needs};
use text::Documents;

use crate::expressions::Asked;

/// The most files in a bundle.
pub const FILES_MAX: usize = 1_000;
/// The most bytes in all files of a bundle; more would not fit into one message.
pub const BUNDLE_BYTES_MAX: usize = 3 * 1024 * 1024;

/// One policy file, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its path, as the operator named it.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// One policy of a bundle, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// `CompliancePolicy`, `AccessPolicy`, `AccessPolicyOverlay` or `PolicyTests`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Path of the file it stands in.
    pub path: String,
    /// Line at which its document starts.
    pub line: u32,
}

/// The company's policies at one moment, checked and ready to decide by.
#[derive(Debug)]
pub struct Bundle {
    digest: BundleDigest,
    bytes: usize,
    compliance: Vec<Compliance>,
    access: Vec<Targeting>,
    groups: Groups,
    asked: Asked,
    summaries: Vec<Summary>,
    warnings: Vec<Diagnostic>,
    needs: Needs,
}

impl Bundle {
    /// Reads and checks policy files, in any order, and runs the tests in them. All mistakes are reported
    /// at once; where there are none, what is probably not meant is kept as [`Bundle::warnings`].
    pub fn read(files: &[PolicyFile]) -> Result<Self, Vec<Diagnostic>> {
        let (bundle, tests) = Self::read_untested(files)?;
        let failed: Vec<_> = tests.iter().filter_map(|test| test.run(&bundle).mistake()).collect();
        if failed.is_empty() {
            return Ok(bundle);
        }
        let mut found = Diagnostics::default();
        for mistake in failed.into_iter().chain(bundle.warnings) {
            found.push(mistake);
        }
        Err(found.into_sorted())
    }

    /// As [`Bundle::read`], but leaves the tests to be run.
    pub(crate) fn read_untested(
        files: &[PolicyFile],
    ) -> Result<(Self, Vec<Test>), Vec<Diagnostic>> {
        let mut found = Diagnostics::default();
        check::limits(files, &mut found);
        let mut documents = Documents::default();
        if found.is_empty() {
            let mut sorted: Vec<_> = files.iter().collect();
            sorted.sort_by(|a, b| a.path.cmp(&b.path));
            for file in sorted {
                documents.read(file, &mut found);
            }
        }
        let checked = check::policies(documents, &mut found);
        if found.has_errors() {
            return Err(found.into_sorted());
        }
        let check::Checked { compliance, mut access, summaries, tests, .. } = checked;
        access.sort_by_key(|written| written.policy.precedence);
        let asked = asked(&compliance, &access);
        let mut groups = Groups::default();
        let access = access.into_iter();
        let access = access.map(|written| Targeting::new(written, &mut groups, &compliance));
        let bundle = Self {
            digest: digest(files),
            bytes: files.iter().map(|file| file.path.len() + file.content.len()).sum(),
            access: access.collect(),
            groups,
            asked,
            compliance,
            summaries,
            needs: found.take_needs(),
            warnings: found.into_sorted(),
        };
        Ok((bundle, tests))
    }

    /// Its name.
    pub fn digest(&self) -> BundleDigest {
        self.digest
    }

    /// How many bytes its files have.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The policies in it, by file and line.
    pub fn summaries(&self) -> &[Summary] {
        &self.summaries
    }

    /// What is probably not meant.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The places at which policies name groups.
    pub fn named_groups(&self) -> &[GroupReference] {
        &self.needs.groups
    }

    /// The places at which policies ask when a device last synchronised.
    pub fn last_sync_keys(&self) -> &[KeyReference] {
        &self.needs.last_sync
    }

    /// The access policies, the first to be asked first.
    pub(crate) fn access(&self) -> &[Targeting] {
        &self.access
    }

    /// Which of the groups that any policy names are among these.
    pub(crate) fn membership(&self, groups: &[String]) -> Membership {
        self.groups.membership(groups)
    }

    /// What its expressions ask for.
    pub(crate) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The compliance policies that apply to those whom an access policy targets.
    pub(crate) fn compliance<'a>(
        &'a self,
        targeting: &'a Targeting,
    ) -> impl Iterator<Item = &'a Compliance> {
        targeting.compliance.iter().filter_map(|place| self.compliance.get(*place))
    }
}

/// What all expressions ask for together.
fn asked(compliance: &[Compliance], access: &[compiled::Written]) -> Asked {
    let rules = compliance.iter().flat_map(|policy| &policy.rules).map(|rule| &rule.expression);
    let local = access.iter().flat_map(|written| &written.local).filter_map(|it| it.when.as_ref());
    rules.chain(local).fold(Asked::default(), |mut all, expression| {
        all.add(expression.asked());
        all
    })
}

/// A group's name in the form in which it is compared: directories ignore case.
pub(crate) fn fold(group: &str) -> String {
    group.trim().to_lowercase()
}

#[cfg(test)]
mod tests;
