//! Answers of the evaluator. A row is added only when the answer differs from the last one of its
//! case, with the question as it was put; what it changes is marked in the same transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;

use exgate_domain::case::Case;
use exgate_domain::decision::{Compliance, Decision, Reason};
use exgate_domain::ids::{DecisionId, MailboxId, ObservationDigest, OrganizationId};
use exgate_domain::policy::Access;
use exgate_proto::convert::{decode_case, decode_decision, encode_case, encode_decision};

use super::cases::{CaseKey, Marked};
use super::columns::{Columns, Named, count, guid_list, join_reasons};
use super::written::Tally;
use super::{ROWS_PER_STATEMENT_MAX, RowKind, Store, StoreError, bundles};

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
/// period: records that are too old, an owner whom nobody knows. A device that nobody asks about any more,
/// such as by a local rule, begins anew.
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
            let is_silence = |reason: &Reason| {
                matches!(reason, Reason::RecordsUnavailable | Reason::OwnerUnknown)
            };
            before.filter(|_| decision.reasons.iter().any(is_silence))
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
        let (mut same, mut different) = (Vec::new(), Vec::new());
        for one in decided {
            let Some(before) = before.get(&one.marked.key) else { continue };
            let answer = lasting(one.decision);
            if before.answer.as_deref() == Some(answer.as_bytes()) {
                same.push(Step { one, before, answer });
                continue;
            }
            different.push(Step { one, before, answer });
            done.stored += 1;
            if before.access != Some(one.decision.access) {
                done.access_changed.push(one.marked.key.mailbox);
            }
        }
        let rows = Rows { organization, now };
        for steps in same.chunks(ROWS_PER_STATEMENT_MAX) {
            rows.look_again(&mut tx, steps).await?;
        }
        for steps in different.chunks(ROWS_PER_STATEMENT_MAX) {
            rows.put(&mut tx, steps).await?;
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
        self.decision_at(organization, key, Timestamp::MAX).await
    }

    /// Gets the answer of a case that was in force at an instant.
    pub async fn decision_at(
        &self,
        organization: &OrganizationId,
        key: &CaseKey,
        at: Timestamp,
    ) -> Result<Option<StoredDecision>, StoreError> {
        let row = sqlx::query(
            "SELECT id, decided_at, question, answer FROM decisions
             WHERE organization = ?1 AND mailbox = ?2 AND device_id = ?3 AND decided_at <= ?4
             ORDER BY number DESC LIMIT 1",
        )
        .bind(organization.as_str())
        .bind(key.mailbox.guid().as_bytes().as_slice())
        .bind(key.device_id.folded())
        .bind(at.as_millisecond())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Lists stored answers in the order in which they were stored, each with its number; `after` is
    /// that of the last one of the page before.
    pub async fn decisions(
        &self,
        organization: &OrganizationId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, StoredDecision)>, StoreError> {
        let rows = sqlx::query(
            "SELECT number, id, decided_at, question, answer FROM decisions
             WHERE organization = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
        )
        .bind(organization.as_str())
        .bind(after)
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("number")?, read(row)?))).collect()
    }
}

/// What of an answer is compared: all but when to look again, and the way to it.
fn lasting(decision: &Decision) -> ObservationDigest {
    let lasting = Decision { look_again_at: None, trace: Vec::new(), ..decision.clone() };
    ObservationDigest::of(&encode_decision(&lasting))
}

/// One answer inside the transaction.
struct Step<'a> {
    one: &'a Decided<'a>,
    before: &'a Before,
    answer: ObservationDigest,
}

impl Step<'_> {
    fn mailbox(&self) -> Vec<u8> {
        self.one.marked.key.mailbox.guid().as_bytes().to_vec()
    }

    fn device_id(&self) -> String {
        self.one.marked.key.device_id.folded()
    }

    fn due_at(&self) -> Option<i64> {
        self.one.decision.look_again_at.map(Timestamp::as_millisecond)
    }

    fn since(&self) -> Option<i64> {
        let since = noncompliant_since(
            self.before.noncompliant_since,
            self.one.decision,
            self.one.case.now,
        );
        since.map(Timestamp::as_millisecond)
    }

    /// Whether the device gets another access than before.
    fn moves(&self) -> bool {
        self.before.access != Some(self.one.decision.access)
    }
}

/// Writes many answers of one organization by one statement each table.
struct Rows<'a> {
    organization: &'a OrganizationId,
    now: Timestamp,
}

impl Rows<'_> {
    fn organization(&self) -> String {
        self.organization.as_str().to_owned()
    }

    /// The answers are the last ones: only the next look moves. Every row is there already, so that
    /// the insertion always conflicts.
    async fn look_again(
        &self,
        tx: &mut SqliteConnection,
        steps: &[Step<'_>],
    ) -> Result<(), StoreError> {
        let mut statement = QueryBuilder::<Sqlite>::new(
            "INSERT INTO cases (organization, mailbox, device_id, mark, due_at, noncompliant_since) ",
        );
        statement.push_values(steps, |mut values, step| {
            values
                .push_bind(self.organization())
                .push_bind(step.mailbox())
                .push_bind(step.device_id())
                .push_bind(count(step.one.marked.mark))
                .push_bind(step.due_at())
                .push_bind(step.since());
        });
        statement.push(
            " ON CONFLICT (organization, mailbox, device_id) DO UPDATE SET
                  due_at = CASE WHEN mark = excluded.mark THEN excluded.due_at ELSE due_at END,
                  noncompliant_since = excluded.noncompliant_since",
        );
        execute(tx, statement, steps.len()).await
    }

    /// The answers differ: each is a row, its case shows it, and its mailbox is to be compared.
    async fn put(&self, tx: &mut SqliteConnection, steps: &[Step<'_>]) -> Result<(), StoreError> {
        let ids: Vec<_> = steps.iter().map(|_| new_id(self.now).into_bytes().to_vec()).collect();
        self.put_decisions(tx, steps, &ids).await?;
        self.put_cases(tx, steps, &ids).await?;
        let mut statement =
            QueryBuilder::<Sqlite>::new("INSERT INTO intents (organization, mailbox, revision) ");
        statement.push_values(steps, |mut values, step| {
            values
                .push_bind(self.organization())
                .push_bind(step.mailbox())
                .push_bind(i64::from(step.moves()));
        });
        statement.push(
            " ON CONFLICT (organization, mailbox) DO UPDATE SET
                  compare = compare + 1, revision = revision + excluded.revision",
        );
        execute(tx, statement, steps.len()).await
    }

    async fn put_decisions(
        &self,
        tx: &mut SqliteConnection,
        steps: &[Step<'_>],
        ids: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let mut bundles = HashMap::new();
        for step in steps {
            let digest = step.one.decision.bundle;
            if let Entry::Vacant(unknown) = bundles.entry(digest) {
                unknown.insert(bundles::number(tx, digest).await?);
            }
        }
        let mut statement = QueryBuilder::<Sqlite>::new(
            "INSERT INTO decisions (id, organization, mailbox, device_id, decided_at, question,
                                    answer, bundle) ",
        );
        statement.push_values(steps.iter().zip(ids), |mut values, (step, id)| {
            let Decided { case, decision, .. } = step.one;
            values
                .push_bind(id.clone())
                .push_bind(self.organization())
                .push_bind(step.mailbox())
                .push_bind(step.device_id())
                .push_bind(self.now.as_millisecond())
                .push_bind(encode_case(case))
                .push_bind(encode_decision(decision))
                .push_bind(bundles.get(&decision.bundle).copied().flatten());
        });
        execute(tx, statement, steps.len()).await
    }

    /// Every row is there already, so that the insertion always conflicts. Since when something is decided
    /// stays where other policies say the same of the device.
    async fn put_cases(
        &self,
        tx: &mut SqliteConnection,
        steps: &[Step<'_>],
        ids: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let mut statement = QueryBuilder::<Sqlite>::new(
            "INSERT INTO cases (organization, mailbox, device_id, mark, due_at, noncompliant_since,
                                decision, answer, access, compliance, reasons, decided_at) ",
        );
        statement.push_values(steps.iter().zip(ids), |mut values, (step, id)| {
            let decision = step.one.decision;
            values
                .push_bind(self.organization())
                .push_bind(step.mailbox())
                .push_bind(step.device_id())
                .push_bind(count(step.one.marked.mark))
                .push_bind(step.due_at())
                .push_bind(step.since())
                .push_bind(id.clone())
                .push_bind(step.answer.as_bytes().to_vec())
                .push_bind(decision.access.name())
                .push_bind(decision.compliance.name())
                .push_bind(join_reasons(&decision.reasons))
                .push_bind(self.now.as_millisecond());
        });
        statement.push(
            " ON CONFLICT (organization, mailbox, device_id) DO UPDATE SET
                  due_at = CASE WHEN mark = excluded.mark THEN excluded.due_at ELSE due_at END,
                  noncompliant_since = excluded.noncompliant_since, decision = excluded.decision,
                  answer = excluded.answer, access = excluded.access,
                  compliance = excluded.compliance, reasons = excluded.reasons,
                  decided_at = CASE WHEN access = excluded.access
                                     AND compliance = excluded.compliance
                                     AND reasons = excluded.reasons
                               THEN decided_at ELSE excluded.decided_at END",
        );
        execute(tx, statement, steps.len()).await
    }
}

/// Runs a statement with so many rows; only those of the full length are worth keeping prepared.
async fn execute(
    tx: &mut SqliteConnection,
    mut statement: QueryBuilder<Sqlite>,
    rows: usize,
) -> Result<(), StoreError> {
    statement.build().persistent(rows == ROWS_PER_STATEMENT_MAX).execute(tx).await?;
    Ok(())
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
