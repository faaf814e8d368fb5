//! Records. A record always has its provenance: without age it cannot be relied on.

use exgate_domain::record::{ManagedDevice, Provenance, User};

use crate::convert::Malformed;
use crate::convert::field::{
    day_if_any, enumeration, enumeration_if_any, id, instant, instant_if_any, required, to_instant,
};
use crate::types::v1 as pb;

impl From<Provenance> for pb::Provenance {
    fn from(provenance: Provenance) -> Self {
        let Provenance { source, read_at } = provenance;
        Self { source, read_at: Some(to_instant(read_at)) }
    }
}

impl TryFrom<pb::Provenance> for Provenance {
    type Error = Malformed;

    fn try_from(wire: pb::Provenance) -> Result<Self, Malformed> {
        let pb::Provenance { source, read_at } = wire;
        Ok(Self { source, read_at: instant("read_at", required("read_at", read_at)?)? })
    }
}

fn provenance(wire: Option<pb::Provenance>) -> Result<Provenance, Malformed> {
    required("provenance", wire)?.try_into().map_err(|it: Malformed| it.within("provenance"))
}

impl From<ManagedDevice> for pb::ManagedDevice {
    fn from(record: ManagedDevice) -> Self {
        let ManagedDevice {
            id,
            user_principal_name,
            email_address,
            device_name,
            operating_system,
            os_version,
            os_build,
            security_patch_level,
            model,
            eas_device_id,
            is_encrypted,
            jail_broken,
            passcode_compliant,
            owner_type,
            management_agent,
            threat_state,
            compliance,
            grace_until,
            last_check_in_at,
            enrolled_at,
            provenance,
        } = record;
        Self {
            id,
            user_principal_name,
            email_address,
            device_name,
            operating_system,
            os_version,
            os_build,
            security_patch_level: security_patch_level
                .map(|day| day.to_string())
                .unwrap_or_default(),
            model,
            eas_device_id: eas_device_id.map(String::from).unwrap_or_default(),
            is_encrypted,
            jail_broken,
            passcode_compliant,
            owner_type: owner_type.map(|it| pb::OwnerType::from(it).into()),
            management_agent: management_agent.map(|it| pb::ManagementAgent::from(it).into()),
            threat_state: threat_state.map(|it| pb::ThreatState::from(it).into()),
            compliance_state: pb::ComplianceState::from(compliance).into(),
            grace_until_at: grace_until.map(to_instant),
            last_check_in_at: last_check_in_at.map(to_instant),
            enrolled_at: enrolled_at.map(to_instant),
            provenance: Some(provenance.into()),
        }
    }
}

impl TryFrom<pb::ManagedDevice> for ManagedDevice {
    type Error = Malformed;

    fn try_from(wire: pb::ManagedDevice) -> Result<Self, Malformed> {
        let pb::ManagedDevice {
            id: record_id,
            user_principal_name,
            email_address,
            device_name,
            operating_system,
            os_version,
            os_build,
            security_patch_level,
            model,
            eas_device_id,
            is_encrypted,
            jail_broken,
            passcode_compliant,
            owner_type,
            management_agent,
            threat_state,
            compliance_state: state,
            grace_until_at,
            last_check_in_at,
            enrolled_at,
            provenance: origin,
        } = wire;
        let eas_device_id = Some(eas_device_id).filter(|it| !it.is_empty());
        Ok(Self {
            id: record_id,
            user_principal_name,
            email_address,
            device_name,
            operating_system,
            os_version,
            os_build,
            security_patch_level: day_if_any("security_patch_level", &security_patch_level)?,
            model,
            eas_device_id: eas_device_id.map(|it| id("eas_device_id", &it)).transpose()?,
            is_encrypted,
            jail_broken,
            passcode_compliant,
            owner_type: enumeration_if_any::<pb::OwnerType, _>("owner_type", owner_type)?,
            management_agent: enumeration_if_any::<pb::ManagementAgent, _>(
                "management_agent",
                management_agent,
            )?,
            threat_state: enumeration_if_any::<pb::ThreatState, _>("threat_state", threat_state)?,
            compliance: enumeration::<pb::ComplianceState, _>("compliance_state", state)?,
            grace_until: instant_if_any("grace_until_at", grace_until_at)?,
            last_check_in_at: instant_if_any("last_check_in_at", last_check_in_at)?,
            enrolled_at: instant_if_any("enrolled_at", enrolled_at)?,
            provenance: provenance(origin)?,
        })
    }
}

impl From<User> for pb::User {
    fn from(user: User) -> Self {
        let User {
            user_principal_name,
            mail,
            other_mails,
            display_name,
            groups,
            licensed,
            provenance,
        } = user;
        Self {
            user_principal_name,
            mail,
            other_mails,
            display_name,
            groups,
            licensed,
            provenance: Some(provenance.into()),
        }
    }
}

impl TryFrom<pb::User> for User {
    type Error = Malformed;

    fn try_from(wire: pb::User) -> Result<Self, Malformed> {
        let pb::User {
            user_principal_name,
            mail,
            other_mails,
            display_name,
            groups,
            licensed,
            provenance: origin,
        } = wire;
        Ok(Self {
            user_principal_name,
            mail,
            other_mails,
            display_name,
            groups,
            licensed,
            provenance: provenance(origin)?,
        })
    }
}
