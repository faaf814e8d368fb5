//! Scopes and the three parts of a snapshot. That pages and commit agree with each other is for their
//! reader to check; here each is only well-formed.

use exgate_domain::ids::{AgentId, Generation, MailboxId, ObservationDigest, RunId, SnapshotId};
use exgate_domain::observation::{Key, Observation, Scope};
use exgate_domain::snapshot::{Begin, Commit, Finished, Page, Resume, Step};
use exgate_domain::sync::{Completeness, Listing};

use crate::agent::v1 as pb;
use crate::agent::v1::scope::Part;
use crate::convert::field::{
    digest, enumeration, guid, id, instant, instant_if_any, required, to_instant,
};
use crate::convert::{Fault, Malformed};
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
            controller_changed,
            fell_back,
            newest_change_at,
            listings,
        } = completeness;
        Self {
            pipelines_completed,
            error_records,
            truncated,
            domain_controller,
            filtered_by_server,
            controller_changed,
            fell_back,
            newest_change_at: newest_change_at.map(to_instant),
            listings: listings.into_iter().map(pb::Listing::from).collect(),
        }
    }
}

impl TryFrom<pb::Completeness> for Completeness {
    type Error = Malformed;

    fn try_from(wire: pb::Completeness) -> Result<Self, Malformed> {
        let pb::Completeness {
            pipelines_completed,
            error_records,
            truncated,
            domain_controller,
            filtered_by_server,
            controller_changed,
            fell_back,
            newest_change_at,
            listings,
        } = wire;
        Ok(Self {
            pipelines_completed,
            error_records,
            truncated,
            domain_controller,
            filtered_by_server,
            controller_changed,
            fell_back,
            newest_change_at: instant_if_any("newest_change_at", newest_change_at)?,
            listings: listings.into_iter().map(Listing::from).collect(),
        })
    }
}

impl From<Listing> for pb::Listing {
    fn from(listing: Listing) -> Self {
        let Listing { cmdlet, calls, rows, repeats } = listing;
        Self { cmdlet, calls, rows, repeats }
    }
}

impl From<pb::Listing> for Listing {
    fn from(wire: pb::Listing) -> Self {
        let pb::Listing { cmdlet, calls, rows, repeats } = wire;
        Self { cmdlet, calls, rows, repeats }
    }
}

impl From<Finished> for pb::StepFinished {
    fn from(finished: Finished) -> Self {
        let Finished { step, proof } = finished;
        Self { step: pb::RunStep::from(step).into(), completeness: Some(proof.into()) }
    }
}

impl TryFrom<pb::StepFinished> for Finished {
    type Error = Malformed;

    fn try_from(wire: pb::StepFinished) -> Result<Self, Malformed> {
        let pb::StepFinished { step, completeness } = wire;
        let proof = Completeness::try_from(required("completeness", completeness)?);
        Ok(Self {
            step: enumeration::<pb::RunStep, Step>("step", step)?,
            proof: proof.map_err(|it| it.within("completeness"))?,
        })
    }
}

impl From<Resume> for pb::SnapshotResume {
    fn from(resume: Resume) -> Self {
        let Resume { id, pages, rows, finished } = resume;
        Self {
            snapshot_id: id.to_string(),
            page_digests: pages.iter().flat_map(|digest| *digest.as_bytes()).collect(),
            rows,
            finished: finished.map(pb::StepFinished::from),
        }
    }
}

impl TryFrom<pb::SnapshotResume> for Resume {
    type Error = Malformed;

    fn try_from(wire: pb::SnapshotResume) -> Result<Self, Malformed> {
        let pb::SnapshotResume { snapshot_id, page_digests, rows, finished } = wire;
        let (digests, rest) = page_digests.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(Malformed::new(
                "page_digests",
                Fault::Length { expected: digests.len() * 16 + 16, actual: page_digests.len() },
            ));
        }
        let finished = finished.map(Finished::try_from).transpose();
        Ok(Self {
            id: id::<SnapshotId>("snapshot_id", &snapshot_id)?,
            pages: digests.iter().map(|digest| ObservationDigest::new(*digest)).collect(),
            rows,
            finished: finished.map_err(|it| it.within("finished"))?,
        })
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
        let Page { number, observations, unchanged, digest, finished } = page;
        Self {
            number,
            observations: observations.into_iter().map(types::Observation::from).collect(),
            unchanged_keys: unchanged.into_iter().map(types::ObservationKey::from).collect(),
            page_digest: digest.as_bytes().to_vec(),
            finished: finished.map(pb::StepFinished::from),
        }
    }
}

impl TryFrom<pb::SnapshotPage> for Page {
    type Error = Malformed;

    fn try_from(wire: pb::SnapshotPage) -> Result<Self, Malformed> {
        let pb::SnapshotPage { number, observations, unchanged_keys, page_digest, finished } = wire;
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
            finished: finished
                .map(Finished::try_from)
                .transpose()
                .map_err(|it| it.within("finished"))?,
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
            completeness: required("completeness", completeness)?
                .try_into()
                .map_err(|it: Malformed| it.within("completeness"))?,
        })
    }
}
