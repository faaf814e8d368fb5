//! Policy files in force, what stands in them, and the digest of them all.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use exgate_domain::ids::{BundleDigest, OrganizationId};
use exgate_domain::organization::{Mode, Organization};

use super::audit::{self, AuditAction, AuditEntry};
use super::columns::Columns;
use super::organizations::{self, ModeStep};
use super::{Store, StoreError, bundles, sweeps};

/// A policy file, as it is part of the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its path, as the operator named it.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// A policy in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPolicy {
    /// Its name.
    pub name: String,
    /// `CompliancePolicy`, `AccessPolicy`, `AccessPolicyOverlay` or `PolicyTests`.
    pub kind: String,
    /// Path of the file it stands in.
    pub path: String,
    /// Line at which its document starts.
    pub line: u32,
    /// When that file was applied.
    pub applied_at: Timestamp,
}

/// What stands in force after documents were applied.
#[derive(Debug, Clone)]
pub struct AppliedPolicies<'a> {
    /// Every policy file, new and old.
    pub files: &'a [PolicyFile],
    /// Every policy in them; `applied_at` is set here.
    pub policies: &'a [StoredPolicy],
    /// The policies that are in force no more, as they were.
    pub removed: &'a [StoredPolicy],
    /// The digest of the files; none when there are none.
    pub bundle: Option<BundleDigest>,
    /// Organizations to create or change, and the mode of those whose document names one.
    pub organizations: &'a [(Organization, Option<Mode>)],
    /// Who applied them.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
}

impl Store {
    /// The digest of the bundle in force; none before the first policy.
    pub async fn bundle(&self) -> Result<Option<BundleDigest>, StoreError> {
        let mut connection = self.read.acquire().await?;
        bundle(&mut connection).await
    }

    /// The files of the bundle in force, by path.
    pub async fn bundle_files(&self) -> Result<Vec<PolicyFile>, StoreError> {
        let rows = sqlx::query("SELECT path, content FROM policy_files ORDER BY path")
            .fetch_all(&self.read)
            .await?;
        let read = |row: &SqliteRow| {
            Ok(PolicyFile { path: row.text("path")?, content: row.bytes("content")? })
        };
        rows.iter().map(read).collect()
    }

    /// Lists policies by name and kind; `after` is the last one of the page before.
    pub async fn policies(
        &self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<StoredPolicy>, StoreError> {
        let (name, kind) = after.unwrap_or_default();
        let rows = sqlx::query(
            "SELECT name, kind, path, line, applied_at FROM policies
             WHERE (name, kind) > (?1, ?2) ORDER BY name, kind LIMIT ?3",
        )
        .bind(name)
        .bind(kind)
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Gets a policy by name, and the file it stands in.
    pub async fn policy(&self, name: &str) -> Result<Option<(StoredPolicy, Vec<u8>)>, StoreError> {
        let row = sqlx::query(
            "SELECT name, kind, policies.path AS path, line, policies.applied_at AS applied_at,
                    content
             FROM policies JOIN policy_files USING (path)
             WHERE name = ?1 ORDER BY kind LIMIT 1",
        )
        .bind(name)
        .fetch_optional(&self.read)
        .await?;
        row.map(|row| Ok((read(&row)?, row.bytes("content")?))).transpose()
    }

    /// Puts documents in force: all of them or none. The organization in the answer, if any, cannot
    /// enforce yet, and then nothing was changed.
    pub async fn put_documents(
        &self,
        applied: &AppliedPolicies<'_>,
    ) -> Result<Option<OrganizationId>, StoreError> {
        let mut tx = self.begin().await?;
        put_files(&mut tx, applied).await?;
        if bundle(&mut tx).await? != applied.bundle {
            put_bundle(&mut tx, applied).await?;
            bundles::prune(&mut tx, applied.now).await?;
            sweeps::begin(&mut tx, None, applied.now).await?;
        }
        for (organization, mode) in applied.organizations {
            if !put_organization(&mut tx, applied, organization, *mode).await? {
                return Ok(Some(organization.id.clone()));
            }
        }
        tx.commit().await?;
        Ok(None)
    }
}

async fn bundle(connection: &mut SqliteConnection) -> Result<Option<BundleDigest>, StoreError> {
    let digest: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT digest FROM bundle").fetch_optional(connection).await?;
    digest
        .map(|digest| BundleDigest::try_from(digest.as_slice()))
        .transpose()
        .map_err(|error| StoreError::damaged("bundle digest", error))
}

async fn put_bundle(
    tx: &mut SqliteConnection,
    applied: &AppliedPolicies<'_>,
) -> Result<(), StoreError> {
    bundles::replace(tx, applied.now).await?;
    let Some(digest) = applied.bundle else {
        sqlx::query("DELETE FROM bundle").execute(tx).await?;
        return Ok(());
    };
    sqlx::query("INSERT OR REPLACE INTO bundle (only, digest, applied_at) VALUES (1, ?1, ?2)")
        .bind(digest.as_bytes().as_slice())
        .bind(applied.now.as_millisecond())
        .execute(&mut *tx)
        .await?;
    bundles::put(tx, digest, applied.files, applied.now).await
}

async fn put_files(
    tx: &mut SqliteConnection,
    applied: &AppliedPolicies<'_>,
) -> Result<(), StoreError> {
    let rows = sqlx::query("SELECT path, content, applied_at FROM policy_files")
        .fetch_all(&mut *tx)
        .await?;
    let mut before = BTreeMap::new();
    for row in &rows {
        before.insert(row.text("path")?, (row.bytes("content")?, row.instant("applied_at")?));
    }
    sqlx::query("DELETE FROM policies").execute(&mut *tx).await?;
    sqlx::query("DELETE FROM policy_files").execute(&mut *tx).await?;
    let mut dates = BTreeMap::new();
    for PolicyFile { path, content } in applied.files {
        let same = before.get(path).filter(|(old, _)| old == content);
        let at = same.map_or(applied.now, |(_, at)| *at);
        if same.is_none() {
            let bundle = in_bundle(applied);
            let action = AuditAction::DocumentApplied;
            audited(tx, applied, action, path.clone(), bundle, None).await?;
        }
        sqlx::query("INSERT INTO policy_files (path, content, applied_at) VALUES (?1, ?2, ?3)")
            .bind(path)
            .bind(content)
            .bind(at.as_millisecond())
            .execute(&mut *tx)
            .await?;
        dates.insert(path.as_str(), at);
    }
    for StoredPolicy { name, kind, path, .. } in applied.removed {
        let subject = format!("policies/{name}");
        let detail = format!("{kind} removed from {path}   {}", in_bundle(applied));
        let action = AuditAction::DocumentApplied;
        audited(tx, applied, action, subject, detail.trim_end().to_owned(), None).await?;
    }
    for policy in applied.policies {
        let at = dates.get(policy.path.as_str()).copied().unwrap_or(applied.now);
        sqlx::query(
            "INSERT INTO policies (name, kind, path, line, applied_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .bind(&policy.name)
        .bind(&policy.kind)
        .bind(&policy.path)
        .bind(policy.line)
        .bind(at.as_millisecond())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn put_organization(
    tx: &mut SqliteConnection,
    applied: &AppliedPolicies<'_>,
    organization: &Organization,
    mode: Option<Mode>,
) -> Result<bool, StoreError> {
    let before = organizations::get(tx, &organization.id).await?;
    let plain = before.as_ref().is_none_or(|before| {
        before.display_name != organization.display_name || before.schedule != organization.schedule
    });
    if plain {
        organizations::put(tx, organization, applied.now).await?;
        let action = match before {
            None => AuditAction::OrganizationCreated,
            Some(_) => AuditAction::OrganizationChanged,
        };
        let subject = organization.id.to_string();
        let detail = in_bundle(applied);
        audited(tx, applied, action, subject, detail, Some(&organization.id)).await?;
    }
    let now = before.map_or(Mode::Observe, |before| before.mode);
    let Some(mode) = mode.filter(|mode| *mode != now) else { return Ok(true) };
    let AppliedPolicies { actor, now, .. } = *applied;
    ModeStep { organization: &organization.id, mode, actor, now }.take(tx).await
}

async fn audited(
    tx: &mut SqliteConnection,
    applied: &AppliedPolicies<'_>,
    action: AuditAction,
    subject: String,
    detail: String,
    organization: Option<&OrganizationId>,
) -> Result<(), StoreError> {
    let entry = AuditEntry {
        at: applied.now,
        actor: applied.actor.to_owned(),
        action,
        organization: organization.cloned(),
        subject,
        detail,
    };
    audit::put(tx, &entry).await
}

/// The bundle that a change is part of, for the audit.
fn in_bundle(applied: &AppliedPolicies<'_>) -> String {
    applied.bundle.map(|digest| format!("bundle {}", digest.short())).unwrap_or_default()
}

fn read(row: &SqliteRow) -> Result<StoredPolicy, StoreError> {
    Ok(StoredPolicy {
        name: row.text("name")?,
        kind: row.text("kind")?,
        path: row.text("path")?,
        line: row.try_get("line")?,
        applied_at: row.instant("applied_at")?,
    })
}
