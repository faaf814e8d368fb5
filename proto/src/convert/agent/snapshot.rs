//! Scopes and the three parts of a snapshot. That pages and commit agree with each other is for their
//! reader to check; here each is only well-formed.

use exgate_domain::ids::{AgentId, Generation, MailboxId, ObservationDigest, RunId, SnapshotId};
use exgate_domain::observation::{Key, Observation, Scope};
use exgate_domain::snapshot::{Begin, Commit, Page};
use exgate_domain::sync::Completeness;

use crate::agent::v1 as pb;
use crate::agent::v1::scope::Part;
use crate::convert::Malformed;
use crate::convert::field::{digest, guid, id, instant, required, to_instant};
use crate::types::v1 as types;

impl From<Scope> for pb::Scope {
    fn from(scope: Scope) -> Self {
        let part = match scope {
            Scope::Everything => Part::Everything(pb::Everything {}),
            Scope::ChangedSince(at) => Part::ChangedSinceAt(to_instant(at)),
            Scope::Mailboxes(mailboxes) => {
                let bytes = |mailbox: MailboxId| mailbox.guid().as_bytes().to_vec();
                let mailbox_guids = mailboxes.into_iter().map(bytes).collect();
                Part::Mailboxes(pb::MailboxScope { mailbox_guids })
            }
        };
        Self { part: Some(part) }
    }
}

impl TryFrom<pb::Scope> for Scope {
    type Error = Malformed;

    fn try_from(wire: pb::Scope) -> Result<Self, Malformed> {
        let pb::Scope { part } = wire;
        match required("part", part)? {
            Part::Everything(pb::Everything {}) => Ok(Self::Everything),
            Part::ChangedSinceAt(at) => Ok(Self::ChangedSince(instant("changed_since_at", at)?)),
            Part::Mailboxes(pb::MailboxScope { mailbox_guids }) => {
                let mailbox = |(index, bytes): (usize, &Vec<u8>)| {
                    guid(&format!("mailboxes.mailbox_guids[{index}]"), bytes).map(MailboxId::new)
                };
                let mailboxes = mailbox_guids.iter().enumerate().map(mailbox);
                Ok(Self::Mailboxes(mailboxes.collect::<Result<_, _>>()?))
            }
        }
    }
}

impl From<Completeness> for pb::Completeness {
    fn from(completeness: Completeness) -> Self {
        let Completeness {
            pipelines_completed,
            error_records,
            truncated,
            domain_controller,
            filtered_by_server,
        } = completeness;
        Self {
            pipelines_completed,
            error_records,
            truncated,
            domain_controller,
            filtered_by_server,
        }
    }
}

impl From<pb::Completeness> for Completeness {
    fn from(wire: pb::Completeness) -> Self {
        let pb::Completeness {
            pipelines_completed,
            error_records,
            truncated,
            domain_controller,
            filtered_by_server,
        } = wire;
        Self {
            pipelines_completed,
            error_records,
            truncated,
            domain_controller,
            filtered_by_server,
        }
    }
}

impl From<Begin> for pb::SnapshotBegin {
    fn from(begin: Begin) -> Self {
        let Begin { id, run, organization, agent, generation, scope, domain_controller } = begin;
        Self {
            snapshot_id: id.to_string(),
            run_id: run.to_string(),
            organization: organization.to_string(),
            agent_id: agent.to_string(),
            generation: generation.get(),
            scope: Some(scope.into()),
            domain_controller,
        }
    }
}

impl TryFrom<pb::SnapshotBegin> for Begin {
    type Error = Malformed;

    fn try_from(wire: pb::SnapshotBegin) -> Result<Self, Malformed> {
        let pb::SnapshotBegin {
            snapshot_id,
            run_id,
            organization,
            agent_id,
            generation,
            scope,
            domain_controller,
        } = wire;
        let scope = required("scope", scope)?.try_into();
        Ok(Self {
            id: id::<SnapshotId>("snapshot_id", &snapshot_id)?,
            run: id::<RunId>("run_id", &run_id)?,
            organization: id("organization", &organization)?,
            agent: id::<AgentId>("agent_id", &agent_id)?,
            generation: Generation::new(generation),
            scope: scope.map_err(|it: Malformed| it.within("scope"))?,
            domain_controller,
        })
    }
}

impl From<Page> for pb::SnapshotPage {
    fn from(page: Page) -> Self {
        let Page { number, observations, unchanged, digest } = page;
        Self {
            number,
            observations: observations.into_iter().map(types::Observation::from).collect(),
            unchanged_keys: unchanged.into_iter().map(types::ObservationKey::from).collect(),
            page_digest: digest.as_bytes().to_vec(),
        }
    }
}

impl TryFrom<pb::SnapshotPage> for Page {
    type Error = Malformed;

    fn try_from(wire: pb::SnapshotPage) -> Result<Self, Malformed> {
        let pb::SnapshotPage { number, observations, unchanged_keys, page_digest } = wire;
        let observation = |(index, wire): (usize, types::Observation)| {
            Observation::try_from(wire).map_err(|it| it.at("observations", index))
        };
        let key = |(index, wire): (usize, types::ObservationKey)| {
            Key::try_from(wire).map_err(|it| it.at("unchanged_keys", index))
        };
        Ok(Self {
            number,
            observations: observations
                .into_iter()
                .enumerate()
                .map(observation)
                .collect::<Result<_, _>>()?,
            unchanged: unchanged_keys.into_iter().enumerate().map(key).collect::<Result<_, _>>()?,
            digest: ObservationDigest::new(digest("page_digest", &page_digest)?),
        })
    }
}

impl From<Commit> for pb::SnapshotCommit {
    fn from(commit: Commit) -> Self {
        let Commit { pages, rows, root, completeness } = commit;
        Self {
            pages,
            rows,
            root_digest: root.as_bytes().to_vec(),
            completeness: Some(completeness.into()),
        }
    }
}

impl TryFrom<pb::SnapshotCommit> for Commit {
    type Error = Malformed;

    fn try_from(wire: pb::SnapshotCommit) -> Result<Self, Malformed> {
        let pb::SnapshotCommit { pages, rows, root_digest, completeness } = wire;
        Ok(Self {
            pages,
            rows,
            root: ObservationDigest::new(digest("root_digest", &root_digest)?),
            completeness: required("completeness", completeness)?.into(),
        })
    }
}
