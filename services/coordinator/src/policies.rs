//! Applied documents: policy files, accepted only after the evaluator's check, and organizations.
//! All documents of one call are applied or none.
//!
//! The bundle is every policy file in force. A file with the path of one in force replaces it; one
//! whose policies all stand in newer files under other paths is superseded by them. Policies that stand in
//! no file any more are removed, which has to be asked for.

mod changes;
mod documents;
mod groups;
mod last_sync;
mod schema;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;

use exgate_domain::ids::{BundleDigest, OrganizationId};
use exgate_domain::organization::{Mode, Organization, Schedule};

use crate::store::{AppliedPolicies, Store, StoreError, folded};

pub use crate::store::{PolicyFile, StoredPolicy};
pub use groups::{NamedGroup, unknown_groups};
pub use last_sync::{KeyPlace, last_sync_unknown};
pub use schema::schema;

use changes::{bundle, changes, left_out, removed};
use documents::{OrganizationRead, Parts};

/// The most pages of policies that one bundle may have; the evaluator refuses larger ones.
const POLICIES_MAX: u32 = 100_000;

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The documents are refused.
    Error,
    /// The documents are taken, and are probably not what was meant.
    Warning,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Path of the file, as it was given.
    pub path: String,
    /// Line, from 1; 0 when it concerns the whole file.
    pub line: u32,
    /// Column, from 1; 0 when it concerns the whole line.
    pub column: u32,
    /// The key, such as `schedule.quickInterval`; may be empty.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead; may be empty.
    pub suggestion: String,
    /// How bad it is.
    pub severity: Severity,
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: warning: key: message (suggestion)`, without the parts that are not known,
    /// and without `warning` for an error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        for number in [self.line, self.column].into_iter().filter(|number| *number > 0) {
            write!(f, ":{number}")?;
        }
        if self.severity == Severity::Warning {
            f.write_str(": warning")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        if !self.suggestion.is_empty() {
            write!(f, " ({})", self.suggestion)?;
        }
        Ok(())
    }
}

/// A policy that the check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySummary {
    /// `CompliancePolicy`, `AccessPolicy`, `AccessPolicyOverlay` or `PolicyTests`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Path of the file it stands in.
    pub path: String,
    /// Line at which its document starts.
    pub line: u32,
}

/// What the evaluator says about a bundle that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The digest of the bundle.
    pub digest: BundleDigest,
    /// The policies in it.
    pub policies: Vec<PolicySummary>,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
    /// The groups that the policies name.
    pub groups: Vec<NamedGroup>,
    /// Where they ask when a device last synchronised.
    pub last_sync_keys: Vec<KeyPlace>,
}

/// A bundle that is good, and not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its digest.
    pub digest: BundleDigest,
    /// All its files.
    pub files: Vec<PolicyFile>,
    /// The groups that its policies name, each once, as it is spelled first.
    pub groups: Vec<String>,
    /// The policies in force that are not in it.
    pub removed: Vec<StoredPolicy>,
}

/// What the evaluator says about a bundle.
pub type Checked = Result<Accepted, Vec<Diagnostic>>;

/// Documents to apply.
#[derive(Debug, Clone)]
pub struct Apply<'a> {
    /// The files.
    pub files: Vec<PolicyFile>,
    /// Check and say what would change, change nothing.
    pub validate_only: bool,
    /// Remove the policies that stood in these files and stand in none any more.
    pub prune: bool,
    /// Who applies them.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

/// What became of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new.
    Created,
    /// It is different.
    Configured,
    /// It is as it was.
    Unchanged,
    /// It is in force no more.
    Removed,
}

/// One document and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppliedDocument {
    /// `CompliancePolicy`, `AccessPolicy`, `AccessPolicyOverlay`, `PolicyTests` or `Organization`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub change: Change,
}

/// What became of all documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// One per document, and one per policy that is in force no more.
    pub documents: Vec<AppliedDocument>,
    /// The digest of the bundle in force now; none when there is no policy.
    pub bundle: Option<BundleDigest>,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
    /// The groups that the policies in force name.
    pub groups: Vec<NamedGroup>,
    /// Where they ask when a device last synchronised.
    pub last_sync_keys: Vec<KeyPlace>,
}

/// Why documents are not applied. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError<E: std::error::Error + 'static> {
    /// Something is wrong with them.
    #[error("{} of the documents is wrong", .0.len())]
    Invalid(Vec<Diagnostic>),
    /// They would remove these policies, which nobody asked for.
    #[error("{} policies in force would be removed", .0.len())]
    PruneNeeded(Vec<StoredPolicy>),
    /// The evaluator could not be asked.
    #[error("the documents could not be checked")]
    Check(#[source] E),
    /// The store refused.
    #[error("the documents could not be stored")]
    Store(#[from] StoreError),
}

/// Applies documents; cheap to clone.
#[derive(Debug, Clone)]
pub struct Policies {
    store: Store,
    schedule: Schedule,
    /// One call at a time: each builds on the bundle that the one before left.
    turn: Arc<Mutex<()>>,
}

impl Policies {
    /// Keeps documents in `store`; `schedule` holds for organizations whose document says nothing.
    pub fn new(store: Store, schedule: Schedule) -> Self {
        Self { store, schedule, turn: Arc::default() }
    }

    /// Applies documents after `check` has accepted the bundle that they lead to.
    pub async fn apply<E: std::error::Error + 'static>(
        &self,
        apply: Apply<'_>,
        check: impl AsyncFnOnce(Vec<PolicyFile>) -> Result<Checked, E>,
    ) -> Result<Applied, ApplyError<E>> {
        let _turn = self.turn.lock().await;
        let Apply { files, validate_only, prune, actor, now } = apply;
        let Prepared { before, parts, organizations, after, accepted, removed } =
            self.prepare(&files, prune, check).await?;
        if !removed.is_empty() && !prune {
            return Err(ApplyError::PruneNeeded(removed));
        }
        let Accepted { digest, policies, warnings, groups, last_sync_keys } = accepted;
        let bundle = (!after.is_empty()).then_some(digest);
        let documents = changes(&before, &parts, &removed);
        let mut applied = Applied { documents, bundle, warnings, groups, last_sync_keys };
        applied.documents.extend(organizations.changes);
        if validate_only {
            return Ok(applied);
        }
        let stored = |policy: PolicySummary| {
            let PolicySummary { kind, name, path, line } = policy;
            StoredPolicy { name, kind, path, line, applied_at: now }
        };
        let policies: Vec<_> = policies.into_iter().map(stored).collect();
        let documents = AppliedPolicies {
            files: &after,
            policies: &policies,
            removed: &removed,
            bundle,
            organizations: &organizations.wanted,
            actor,
            now,
        };
        if let Some(refused) = self.store.put_documents(&documents).await? {
            let place = parts.organizations.iter().find(|read| read.organization.id == refused);
            return Err(ApplyError::Invalid(place.map(too_early).into_iter().collect()));
        }
        Ok(applied)
    }

    /// The bundle that documents would lead to; nothing is stored.
    pub async fn candidate<E: std::error::Error + 'static>(
        &self,
        files: &[PolicyFile],
        check: impl AsyncFnOnce(Vec<PolicyFile>) -> Result<Checked, E>,
    ) -> Result<Option<Candidate>, ApplyError<E>> {
        let _turn = self.turn.lock().await;
        let Prepared { after, accepted, removed, .. } = self.prepare(files, true, check).await?;
        let Accepted { digest, groups, .. } = accepted;
        let mut seen = BTreeSet::new();
        let new = groups.into_iter().map(|named| named.group);
        let groups = new.filter(|group| seen.insert(folded(group))).collect();
        Ok((!after.is_empty()).then_some(Candidate { digest, files: after, groups, removed }))
    }

    /// Reads and checks documents against all that is in force. Where they are wrong, it may be for lack
    /// of a policy that they remove, so that is told unless `prune` asks for it.
    async fn prepare<E: std::error::Error + 'static>(
        &self,
        files: &[PolicyFile],
        prune: bool,
        check: impl AsyncFnOnce(Vec<PolicyFile>) -> Result<Checked, E>,
    ) -> Result<Prepared, ApplyError<E>> {
        let before = self.store.bundle_files().await?;
        let listed = self.store.policies(None, POLICIES_MAX).await?;
        let mut parts =
            documents::read(files, &self.schedule, prune).map_err(ApplyError::Invalid)?;
        let mut organizations = self.organizations(&parts).await?;
        parts.diagnostics.append(&mut organizations.diagnostics);

        let after = bundle(&before, &listed, files, &parts);
        let checked = match after.is_empty() {
            true => Ok(empty_bundle()),
            false => check(after.clone()).await.map_err(ApplyError::Check)?,
        };
        let removed = removed(listed, &after);
        match (checked, parts.diagnostics.is_empty()) {
            (Ok(accepted), true) => {
                Ok(Prepared { before, parts, organizations, after, accepted, removed })
            }
            (Ok(_), false) => Err(ApplyError::Invalid(parts.diagnostics)),
            (Err(wrong), readable) => {
                // What cannot be read is perhaps there.
                let left_out = removed.iter().filter(|_| readable && !prune).map(left_out);
                parts.diagnostics.extend(left_out);
                parts.diagnostics.extend(wrong);
                parts.diagnostics.sort();
                Err(ApplyError::Invalid(parts.diagnostics))
            }
        }
    }

    /// Compares the organizations of the documents with what is stored.
    async fn organizations(&self, parts: &Parts) -> Result<Organizations, StoreError> {
        let mut found = Organizations::default();
        let mut seen = BTreeSet::new();
        for read in &parts.organizations {
            let OrganizationRead { organization, mode, .. } = read;
            if !seen.insert(organization.id.clone()) {
                let message = format!("organization {:?} comes twice", organization.id.as_str());
                found.diagnostics.push(read.refuse("name", &message, "take one of them out"));
                continue;
            }
            let before = self.store.organization(&organization.id).await?;
            let before = before.map(|stored| stored.organization);
            let now = before.as_ref().map_or(Mode::Observe, |before| before.mode);
            if *mode == Some(Mode::Enforce) && now != Mode::Enforce {
                let history = self.store.run_history(&organization.id).await?;
                if history.full_succeeded_at.is_none() {
                    found.diagnostics.push(too_early(read));
                }
            }
            let wanted = Organization { mode: mode.unwrap_or(now), ..organization.clone() };
            let change = match before {
                None => Change::Created,
                Some(before) if before == wanted => Change::Unchanged,
                Some(_) => Change::Configured,
            };
            let name = organization.id.to_string();
            found.changes.push(AppliedDocument {
                kind: documents::ORGANIZATION.into(),
                name,
                change,
            });
            found.wanted.push((organization.clone(), *mode));
        }
        Ok(found)
    }
}

/// Documents that were read and checked.
struct Prepared {
    /// The files in force.
    before: Vec<PolicyFile>,
    parts: Parts,
    organizations: Organizations,
    /// The files that the documents lead to.
    after: Vec<PolicyFile>,
    accepted: Accepted,
    /// The policies that stand in none of them any more.
    removed: Vec<StoredPolicy>,
}

/// What is accepted of a bundle without files, which nobody need check.
fn empty_bundle() -> Accepted {
    Accepted {
        digest: BundleDigest::of(&[]),
        policies: Vec::new(),
        warnings: Vec::new(),
        groups: Vec::new(),
        last_sync_keys: Vec::new(),
    }
}

/// The organizations of one call.
#[derive(Debug, Default)]
struct Organizations {
    wanted: Vec<(Organization, Option<Mode>)>,
    changes: Vec<AppliedDocument>,
    diagnostics: Vec<Diagnostic>,
}

fn too_early(read: &OrganizationRead) -> Diagnostic {
    let id: &OrganizationId = &read.organization.id;
    let message =
        format!("organization {:?} was never fully synced, so it cannot enforce", id.as_str());
    let cure =
        format!("leave mode out, wait for its first full sync, then run: exgate mode {id} enforce");
    read.refuse("mode", &message, &cure)
}

#[cfg(test)]
mod tests;
