//! Owns policy files and what they mean: read, checked as a whole, and ready to decide by. A bundle
//! in which anything is wrong does not exist.

mod document;
mod text;
mod mistake;
mod diagnostic;
mod check;
mod digest;
mod cache;
mod schema;

pub use cache::{Cache, Limits};
pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic};
pub use digest::digest;
pub use schema::schema;

use std::collections::HashSet;

use exgate_domain::ids::{BundleDigest, OrganizationId};
use exgate_domain::policy::{AccessPolicy, CompliancePolicy, Organizations};

use diagnostic::Diagnostics;
use text::Documents;

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
    /// `CompliancePolicy` or `AccessPolicy`.
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
    compliance: Vec<CompliancePolicy>,
    access: Vec<Targeting>,
    summaries: Vec<Summary>,
}

/// An access policy with its names resolved.
#[derive(Debug)]
pub(crate) struct Targeting {
    pub(crate) policy: AccessPolicy,
    /// Its groups as [`fold`] makes them, in the order in which they are written.
    included: Vec<String>,
    excluded: Vec<String>,
    /// Places of its compliance policies in the bundle.
    compliance: Vec<usize>,
}

impl Bundle {
    /// Reads and checks policy files, in any order. All mistakes are reported at once.
    pub fn read(files: &[PolicyFile]) -> Result<Self, Vec<Diagnostic>> {
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
        if !found.is_empty() {
            return Err(found.into_sorted());
        }
        let check::Checked { compliance, mut access, summaries } = checked;
        access.sort_by_key(|policy| policy.precedence);
        Ok(Self {
            digest: digest(files),
            bytes: files.iter().map(|file| file.path.len() + file.content.len()).sum(),
            access: access.into_iter().map(|policy| Targeting::new(policy, &compliance)).collect(),
            compliance,
            summaries,
        })
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

    /// The access policies, the first to be asked first.
    pub(crate) fn access(&self) -> &[Targeting] {
        &self.access
    }

    /// The compliance policies that apply to those whom an access policy targets.
    pub(crate) fn compliance<'a>(
        &'a self,
        targeting: &'a Targeting,
    ) -> impl Iterator<Item = &'a CompliancePolicy> {
        targeting.compliance.iter().filter_map(|place| self.compliance.get(*place))
    }
}

impl Targeting {
    fn new(policy: AccessPolicy, compliance: &[CompliancePolicy]) -> Self {
        let folded = |groups: &[String]| groups.iter().map(|group| fold(group)).collect();
        let place = |name: &String| compliance.iter().position(|policy| policy.name == *name);
        Self {
            included: folded(&policy.included_groups),
            excluded: folded(&policy.excluded_groups),
            compliance: policy.compliance_policies.iter().filter_map(place).collect(),
            policy,
        }
    }

    /// Whether the policy is for this organization.
    pub(crate) fn is_for(&self, organization: &OrganizationId) -> bool {
        match &self.policy.organizations {
            Organizations::All => true,
            Organizations::Named(names) => names.iter().any(|name| name == organization.as_str()),
        }
    }

    /// The first of the policy's included groups among these, as the policy spells it.
    pub(crate) fn included(&self, groups: &HashSet<String>) -> Option<&str> {
        first(&self.policy.included_groups, &self.included, groups)
    }

    /// The first of the policy's excluded groups among these, as the policy spells it.
    pub(crate) fn excluded(&self, groups: &HashSet<String>) -> Option<&str> {
        first(&self.policy.excluded_groups, &self.excluded, groups)
    }
}

/// A group's name in the form in which it is compared: directories ignore case.
pub(crate) fn fold(group: &str) -> String {
    group.trim().to_lowercase()
}

fn first<'a>(
    written: &'a [String],
    folded: &[String],
    groups: &HashSet<String>,
) -> Option<&'a str> {
    let mut pairs = folded.iter().zip(written);
    pairs.find(|(folded, _)| groups.contains(*folded)).map(|(_, written)| written.as_str())
}

#[cfg(test)]
mod tests;
