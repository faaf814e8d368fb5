//! Stored facts and records become questions: all that a decision may depend on, at one instant. The
//! facts of a batch come in three statements, the records from memory.

use jiff::Timestamp;

use exgate_domain::case::{Case, MailboxFacts};
use exgate_domain::ids::OrganizationId;
use exgate_domain::observation::Mailbox;

use crate::sources::{Records, RecordsHandle, Said};
use crate::store::{CaseFacts, CaseKey, Marked, Store, StoreError};

/// A question that is due, and the mark to answer it under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCase {
    /// Which case, and how often it had been marked when it was read.
    pub marked: Marked,
    /// The question.
    pub case: Case,
}

/// Makes questions; cheap to clone.
#[derive(Debug, Clone)]
pub struct Cases {
    store: Store,
    records: RecordsHandle,
}

impl Cases {
    /// Makes them of what `store` and `records` hold.
    pub fn new(store: Store, records: RecordsHandle) -> Self {
        Self { store, records }
    }

    /// Waits until the records are as new as they can be: questions that are put before are put by what
    /// the last process knew.
    pub async fn ready(&self) {
        self.records.looked().await;
    }

    /// The questions that are due, the longest waiting first; none when nothing more is due. `after`
    /// is the last one of those that are being asked already.
    pub async fn due(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
        after: Option<&Marked>,
        limit: u32,
    ) -> Result<Vec<DueCase>, StoreError> {
        let mut after = after.cloned();
        loop {
            // Records are read first: a change after that marks its cases again.
            let records = self.records.records();
            let due = self.store.due_cases(organization, now, after.as_ref(), limit).await?;
            let Some(last) = due.last() else { return Ok(Vec::new()) };
            after = Some(last.clone());
            let keys: Vec<_> = due.iter().map(|marked| marked.key.clone()).collect();
            let mut facts = self.store.case_facts(organization, &keys).await?;
            let (mut cases, mut gone) = (Vec::with_capacity(due.len()), Vec::new());
            for marked in due {
                match facts.remove(&marked.key) {
                    Some(facts) => {
                        let case = case(organization, facts, &records, now);
                        cases.push(DueCase { marked, case });
                    }
                    None => gone.push(marked),
                }
            }
            if !gone.is_empty() {
                self.store.settle_cases(organization, &gone).await?;
            }
            if !cases.is_empty() {
                return Ok(cases);
            }
        }
    }

    /// The questions about these cases as they would be put now; those whose device or mailbox is
    /// gone are left out.
    pub async fn of(
        &self,
        organization: &OrganizationId,
        keys: &[CaseKey],
        now: Timestamp,
    ) -> Result<Vec<Case>, StoreError> {
        let found = self.with_mailboxes(organization, keys, now).await?;
        Ok(found.into_iter().map(|(case, _)| case).collect())
    }

    /// The same, each with its mailbox as it was observed.
    pub async fn with_mailboxes(
        &self,
        organization: &OrganizationId,
        keys: &[CaseKey],
        now: Timestamp,
    ) -> Result<Vec<(Case, Mailbox)>, StoreError> {
        let records = self.records.records();
        let mut facts = self.store.case_facts(organization, keys).await?;
        let cases = keys.iter().filter_map(|key| {
            let facts = facts.remove(key)?;
            let mailbox = facts.mailbox.clone();
            Some((case(organization, facts, &records, now), mailbox))
        });
        Ok(cases.collect())
    }
}

fn case(
    organization: &OrganizationId,
    facts: CaseFacts,
    records: &Records,
    now: Timestamp,
) -> Case {
    let CaseFacts { mailbox, device, last_sync_at, siblings, noncompliant_since } = facts;
    let Said { owner, management } =
        records.say(organization, &mailbox.primary_smtp, &device.device_id, now);
    Case {
        organization: organization.clone(),
        mailbox: MailboxFacts {
            id: mailbox.id,
            primary_smtp: mailbox.primary_smtp,
            display_name: mailbox.display_name,
        },
        device,
        last_sync_at,
        siblings,
        owner,
        management,
        noncompliant_since,
        now,
    }
}
