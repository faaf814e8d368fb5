//! Answers of the evaluator. A row is added only when the answer differs from the last one of its
//! case, with the question as it was put; what it changes is marked in the same transaction.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use exgate_domain::case::Case;
use exgate_domain::decision::{Compliance, Decision, Reason};
use exgate_domain::ids::{DecisionId, MailboxId, ObservationDigest, OrganizationId};
use exgate_domain::policy::Access;
use exgate_proto::convert::{decode_case, decode_decision, encode_case, encode_decision};

use super::cases::{CaseKey, Marked};
use super::columns::{Columns, Named, count, guid_list, join_reasons};
use super::written::Tally;
use super::{RowKind, Store, StoreError};

/// An answer to store.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    /// The case, as it was marked when it was read.
    pub marked: &'a Marked,
    /// The question.
    pub case: &'a Case,
    /// The answer.
    pub decision: &'a Decision,
}

/// What came of storing answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecisionsStored {
    /// How many differed from the last answer.
    pub stored: u64,
    /// The mailboxes in which some device's access is another one now, sorted.
    pub access_changed: Vec<MailboxId>,
}

/// The last answer that differed from the one before, and its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDecision {
    /// Its id.
    pub id: DecisionId,
    /// When it was stored.
    pub at: Timestamp,
    /// The question as it was put.
    pub case: Case,
    /// The answer.
    pub decision: Decision,
}

/// Since when a device counts as not compliant, given what was known before and the new answer. An
/// answer that cannot tell keeps what was known, so that silence neither starts nor ends a grace
/// period.
pub fn noncompliant_since(
    before: Option<Timestamp>,
    decision: &Decision,
    now: Timestamp,
) -> Option<Timestamp> {
    match decision.compliance {
        Compliance::Compliant => None,
        Compliance::NotCompliant | Compliance::InGracePeriod => Some(before.unwrap_or(now)),
        Compliance::Unknown => before,
        Compliance::NotEvaluated => {
            before.filter(|_| decision.reasons.contains(&Reason::RecordsUnavailable))
        }
    }
}

/// A case row as it is before an answer.
struct Before {
    answer: Option<Vec<u8>>,
    access: Option<Access>,
    noncompliant_since: Option<Timestamp>,
}

impl Store {
    /// Stores answers, and says what they change.
    pub async fn put_decisions(
        &self,
        organization: &OrganizationId,
        decided: &[Decided<'_>],
        now: Timestamp,
    ) -> Result<DecisionsStored, StoreError> {
        let mut tx = self.begin().await?;
        let before = before(&mut tx, organization, decided).await?;
        let mut done = DecisionsStored::default();
        for one in decided {
            let Some(before) = before.get(&one.marked.key) else { continue };
            let step = Step { organization, one, before, now };
            let answer = step.answer();
            if before.answer.as_deref() == Some(answer.as_bytes()) {
                step.same(&mut tx).await?;
                continue;
            }
            step.differs(&mut tx, answer).await?;
            done.stored += 1;
            if before.access != Some(one.decision.access) {
                done.access_changed.push(one.marked.key.mailbox);
            }
        }
        done.access_changed.sort_unstable();
        done.access_changed.dedup();
        self.commit(tx, Tally::of(RowKind::Decision, done.stored)).await?;
        Ok(done)
    }

    /// Gets the last answer of a case that differed from the one before.
    pub async fn last_decision(
        &self,
        organization: &OrganizationId,
        key: &CaseKey,
    ) -> Result<Option<StoredDecision>, StoreError> {
        let row = sqlx::query(
            "SELECT id, decided_at, question, answer FROM decisions
             WHERE organization = ?1 AND mailbox = ?2 AND device_id = ?3
             ORDER BY number DESC LIMIT 1",
        )
        .bind(organization.as_str())
        .bind(key.mailbox.guid().as_bytes().as_slice())
        .bind(key.device_id.folded())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(read).transpose()
    }
}

/// One answer inside the transaction.
struct Step<'a> {
    organization: &'a OrganizationId,
    one: &'a Decided<'a>,
    before: &'a Before,
    now: Timestamp,
}

impl Step<'_> {
    /// What of the answer is compared: all but when to look again.
    fn answer(&self) -> ObservationDigest {
        let lasting = Decision { look_again_at: None, ..self.one.decision.clone() };
        ObservationDigest::of(&encode_decision(&lasting))
    }

    fn since(&self) -> Option<i64> {
        let since = noncompliant_since(
            self.before.noncompliant_since,
            self.one.decision,
            self.one.case.now,
        );
        since.map(Timestamp::as_millisecond)
    }

    /// The answer is the last one: only the next look moves.
    async fn same(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let Marked { key, mark } = self.one.marked;
        sqlx::query(
            "UPDATE cases SET
                 due_at = CASE WHEN mark = ?4 THEN ?5 ELSE due_at END, noncompliant_since = ?6
             WHERE organization = ?1 AND mailbox = ?2 AND device_id = ?3",
        )
        .bind(self.organization.as_str())
        .bind(key.mailbox.guid().as_bytes().as_slice())
        .bind(key.device_id.folded())
        .bind(count(*mark))
        .bind(self.one.decision.look_again_at.map(Timestamp::as_millisecond))
        .bind(self.since())
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn differs(
        &self,
        tx: &mut SqliteConnection,
        answer: ObservationDigest,
    ) -> Result<(), StoreError> {
        let Marked { key, mark } = self.one.marked;
        let decision = self.one.decision;
        let mailbox = key.mailbox.guid().into_bytes();
        let id = new_id(self.now).into_bytes();
        sqlx::query(
            "INSERT INTO decisions (id, organization, mailbox, device_id, decided_at, question, answer)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .bind(id.as_slice())
        .bind(self.organization.as_str())
        .bind(mailbox.as_slice())
        .bind(key.device_id.folded())
        .bind(self.now.as_millisecond())
        .bind(encode_case(self.one.case))
        .bind(encode_decision(decision))
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE cases SET
                 due_at = CASE WHEN mark = ?4 THEN ?5 ELSE due_at END, noncompliant_since = ?6,
                 decision = ?7, answer = ?8, access = ?9, compliance = ?10, reasons = ?11,
                 decided_at = ?12
             WHERE organization = ?1 AND mailbox = ?2 AND device_id = ?3",
        )
        .bind(self.organization.as_str())
        .bind(mailbox.as_slice())
        .bind(key.device_id.folded())
        .bind(count(*mark))
        .bind(decision.look_again_at.map(Timestamp::as_millisecond))
        .bind(self.since())
        .bind(id.as_slice())
        .bind(answer.as_bytes().as_slice())
        .bind(decision.access.name())
        .bind(decision.compliance.name())
        .bind(join_reasons(&decision.reasons))
        .bind(self.now.as_millisecond())
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO intents (organization, mailbox, revision) VALUES (?1, ?2, 1)
             ON CONFLICT (organization, mailbox) DO UPDATE SET
                 compare = compare + 1, revision = revision + ?3",
        )
        .bind(self.organization.as_str())
        .bind(mailbox.as_slice())
        .bind(self.before.access != Some(decision.access))
        .execute(tx)
        .await?;
        Ok(())
    }
}

async fn before(
    tx: &mut SqliteConnection,
    organization: &OrganizationId,
    decided: &[Decided<'_>],
) -> Result<HashMap<CaseKey, Before>, StoreError> {
    let rows = sqlx::query(
        "SELECT mailbox, device_id, answer, access, noncompliant_since FROM cases
         WHERE organization = ?1 AND mailbox IN (SELECT unhex(value) FROM json_each(?2))",
    )
    .bind(organization.as_str())
    .bind(guid_list(decided.iter().map(|one| one.marked.key.mailbox.guid())))
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| {
            let mailbox = MailboxId::new(row.guid("mailbox")?);
            let access: Option<&str> = row.try_get("access")?;
            let before = Before {
                answer: row.try_get("answer")?,
                access: access.map(Access::read).transpose()?,
                noncompliant_since: row.instant_or_none("noncompliant_since")?,
            };
            Ok((CaseKey { mailbox, device_id: row.device_id("device_id")? }, before))
        })
        .collect()
}

/// An id whose order is that of time.
fn new_id(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds))
}

pub(super) fn read(row: &SqliteRow) -> Result<StoredDecision, StoreError> {
    let damaged = |error| StoreError::damaged("decision", error);
    Ok(StoredDecision {
        id: DecisionId::new(row.guid("id")?),
        at: row.instant("decided_at")?,
        case: decode_case(row.try_get("question")?).map_err(damaged)?,
        decision: decode_decision(row.try_get("answer")?).map_err(damaged)?,
    })
}
