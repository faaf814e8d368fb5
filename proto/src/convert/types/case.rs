//! The question. The mailbox's facts lie flat in the message.

use exgate_domain::case::{Case, MailboxFacts, Management, MatchBasis, Sibling, Unmatched};
use exgate_domain::ids::MailboxId;

use crate::convert::Malformed;
use crate::convert::field::{enumeration, guid, id, instant, instant_if_any, required, to_instant};
use crate::convert::types::{access_state, to_access_state};
use crate::types::v1 as pb;
use crate::types::v1::case::Management as Wire;

impl From<Management> for Wire {
    fn from(management: Management) -> Self {
        match management {
            Management::Managed { record, basis } => Self::Managed(pb::MatchedRecord {
                record: Some((*record).into()),
                basis: pb::MatchBasis::from(basis).into(),
            }),
            Management::Unmanaged(unmatched) => {
                Self::Unmanaged(pb::Unmatched::from(unmatched).into())
            }
            Management::Unavailable { why } => Self::Unavailable(why),
        }
    }
}

impl TryFrom<Wire> for Management {
    type Error = Malformed;

    fn try_from(wire: Wire) -> Result<Self, Malformed> {
        match wire {
            Wire::Managed(matched) => managed(matched).map_err(|it| it.within("managed")),
            Wire::Unmanaged(number) => {
                let unmatched = enumeration::<pb::Unmatched, Unmatched>("unmanaged", number)?;
                Ok(Self::Unmanaged(unmatched))
            }
            Wire::Unavailable(why) => Ok(Self::Unavailable { why }),
        }
    }
}

fn managed(matched: pb::MatchedRecord) -> Result<Management, Malformed> {
    let pb::MatchedRecord { record, basis } = matched;
    let record = required("record", record)?.try_into();
    Ok(Management::Managed {
        record: Box::new(record.map_err(|it: Malformed| it.within("record"))?),
        basis: enumeration::<pb::MatchBasis, MatchBasis>("basis", basis)?,
    })
}

impl From<Sibling> for pb::Sibling {
    fn from(sibling: Sibling) -> Self {
        let Sibling { device_id, device_type, access_state, first_sync_at, last_sync_at } = sibling;
        let (access_state, access_state_text) = to_access_state(access_state);
        Self {
            device_id: device_id.into(),
            device_type,
            access_state,
            access_state_text,
            first_sync_at: first_sync_at.map(to_instant),
            last_sync_at: last_sync_at.map(to_instant),
        }
    }
}

impl TryFrom<pb::Sibling> for Sibling {
    type Error = Malformed;

    fn try_from(wire: pb::Sibling) -> Result<Self, Malformed> {
        let pb::Sibling {
            device_id,
            device_type,
            access_state: state,
            access_state_text,
            first_sync_at,
            last_sync_at,
        } = wire;
        Ok(Self {
            device_id: id("device_id", &device_id)?,
            device_type,
            access_state: access_state("access_state", state, access_state_text)?,
            first_sync_at: instant_if_any("first_sync_at", first_sync_at)?,
            last_sync_at: instant_if_any("last_sync_at", last_sync_at)?,
        })
    }
}

impl From<Case> for pb::Case {
    fn from(case: Case) -> Self {
        let Case {
            organization,
            mailbox: MailboxFacts { id: mailbox, primary_smtp, display_name },
            device,
            last_sync_at,
            siblings,
            owner,
            management,
            noncompliant_since,
            now,
        } = case;
        Self {
            organization: organization.to_string(),
            mailbox_guid: mailbox.guid().as_bytes().to_vec(),
            primary_smtp,
            display_name,
            device: Some(device.into()),
            siblings: siblings.into_iter().map(pb::Sibling::from).collect(),
            owner: owner.map(pb::User::from),
            management: Some(management.into()),
            noncompliant_since_at: noncompliant_since.map(to_instant),
            now_at: Some(to_instant(now)),
            last_sync_at: last_sync_at.map(to_instant),
        }
    }
}

impl From<&Case> for pb::Case {
    fn from(case: &Case) -> Self {
        case.clone().into()
    }
}

impl TryFrom<pb::Case> for Case {
    type Error = Malformed;

    fn try_from(wire: pb::Case) -> Result<Self, Malformed> {
        let pb::Case {
            organization,
            mailbox_guid,
            primary_smtp,
            display_name,
            device,
            siblings,
            owner,
            management,
            noncompliant_since_at,
            now_at,
            last_sync_at,
        } = wire;
        let mailbox = MailboxId::new(guid("mailbox_guid", &mailbox_guid)?);
        let device = required("device", device)?.try_into();
        let sibling = |(index, wire): (usize, pb::Sibling)| {
            wire.try_into().map_err(|it: Malformed| it.at("siblings", index))
        };
        let owner = owner.map(TryInto::try_into).transpose();
        Ok(Self {
            organization: id("organization", &organization)?,
            mailbox: MailboxFacts { id: mailbox, primary_smtp, display_name },
            device: device.map_err(|it: Malformed| it.within("device"))?,
            last_sync_at: instant_if_any("last_sync_at", last_sync_at)?,
            siblings: siblings.into_iter().enumerate().map(sibling).collect::<Result<_, _>>()?,
            owner: owner.map_err(|it: Malformed| it.within("owner"))?,
            management: required("management", management)?.try_into()?,
            noncompliant_since: instant_if_any("noncompliant_since_at", noncompliant_since_at)?,
            now: instant("now_at", required("now_at", now_at)?)?,
        })
    }
}
