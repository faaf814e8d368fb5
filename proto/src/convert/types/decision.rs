//! The answer. It always has a reason.

use exgate_domain::decision::{Compliance, Decision, Outcome, Tried};
use exgate_domain::ids::{BundleDigest, MailboxId};
use exgate_domain::policy::Access;

use crate::convert::field::{
    digest, enumeration, enumerations, guid, id, instant_if_any, to_instant,
};
use crate::convert::{Fault, Malformed};
use crate::types::v1 as pb;

impl From<Tried> for pb::Tried {
    fn from(tried: Tried) -> Self {
        let Tried { policy, rule, outcome, detail } = tried;
        Self { policy, rule, outcome: pb::Outcome::from(outcome).into(), detail }
    }
}

impl TryFrom<pb::Tried> for Tried {
    type Error = Malformed;

    fn try_from(wire: pb::Tried) -> Result<Self, Malformed> {
        let pb::Tried { policy, rule, outcome, detail } = wire;
        let outcome = enumeration::<pb::Outcome, Outcome>("outcome", outcome)?;
        Ok(Self { policy, rule, outcome, detail })
    }
}

impl From<Decision> for pb::Decision {
    fn from(decision: Decision) -> Self {
        let Decision {
            mailbox,
            device_id,
            access,
            compliance,
            reasons,
            policy,
            trace,
            bundle,
            look_again_at,
        } = decision;
        Self {
            mailbox_guid: mailbox.guid().as_bytes().to_vec(),
            device_id: device_id.into(),
            access: pb::Access::from(access).into(),
            compliance: pb::Compliance::from(compliance).into(),
            reasons: reasons.into_iter().map(|reason| pb::Reason::from(reason).into()).collect(),
            policy,
            trace: trace.into_iter().map(pb::Tried::from).collect(),
            bundle_digest: bundle.as_bytes().to_vec(),
            look_again_at: look_again_at.map(to_instant),
        }
    }
}

impl From<&Decision> for pb::Decision {
    fn from(decision: &Decision) -> Self {
        decision.clone().into()
    }
}

impl TryFrom<pb::Decision> for Decision {
    type Error = Malformed;

    fn try_from(wire: pb::Decision) -> Result<Self, Malformed> {
        let pb::Decision {
            mailbox_guid,
            device_id,
            access,
            compliance,
            reasons,
            policy,
            trace,
            bundle_digest,
            look_again_at,
        } = wire;
        if reasons.is_empty() {
            return Err(Malformed::new("reasons", Fault::Missing));
        }
        let tried = |(index, wire): (usize, pb::Tried)| {
            wire.try_into().map_err(|it: Malformed| it.at("trace", index))
        };
        Ok(Self {
            mailbox: MailboxId::new(guid("mailbox_guid", &mailbox_guid)?),
            device_id: id("device_id", &device_id)?,
            access: enumeration::<pb::Access, Access>("access", access)?,
            compliance: enumeration::<pb::Compliance, Compliance>("compliance", compliance)?,
            reasons: enumerations::<pb::Reason, _>("reasons", &reasons)?,
            policy,
            trace: trace.into_iter().enumerate().map(tried).collect::<Result<_, _>>()?,
            bundle: BundleDigest::new(digest("bundle_digest", &bundle_digest)?),
            look_again_at: instant_if_any("look_again_at", look_again_at)?,
        })
    }
}
