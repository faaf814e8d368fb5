//! Observations. A word of Exchange's that we do not know travels beside the enum's `UNRECOGNISED`,
//! and only there.

use exgate_domain::ids::{MailboxId, PartnershipId};
use exgate_domain::observation::{
    AccessReason, AccessRule, AccessState, Characteristic, DeviceClass, EasDevice, Key, Mailbox,
    MailboxPolicy, Observation, OrganizationSettings, PolicySetting, Server,
};

use crate::convert::field::{enumeration, guid, id, ids, instant_if_any, required, to_instant};
use crate::convert::{Fault, Malformed};
use crate::types::v1 as pb;
use crate::types::v1::observation::Subject;

macro_rules! worded {
    ($wire:ty, $domain:ident, $read:ident, $write:ident, $($variant:ident)+) => {
        /// Reads the enum's number and the word beside it.
        pub(crate) fn $read(field: &str, number: i32, word: String) -> Result<$domain, Malformed> {
            let wire = <$wire>::try_from(number)
                .map_err(|_| Malformed::new(field, Fault::UnknownNumber(number)))?;
            if wire != <$wire>::Unrecognised && !word.is_empty() {
                return Err(Malformed::new(&format!("{field}_text"), Fault::Unexpected));
            }
            match wire {
                <$wire>::Unspecified => Err(Malformed::new(field, Fault::Unspecified)),
                <$wire>::Unrecognised => Ok($domain::Unrecognised(word)),
                $(<$wire>::$variant => Ok($domain::$variant),)+
            }
        }

        /// Writes the enum's number and the word beside it.
        pub(crate) fn $write(value: $domain) -> (i32, String) {
            match value {
                $domain::Unrecognised(word) => (<$wire>::Unrecognised.into(), word),
                $($domain::$variant => (<$wire>::$variant.into(), String::new()),)+
            }
        }
    };
}

worded!(
    pb::AccessState, AccessState, access_state, to_access_state,
    Unknown Allowed Blocked Quarantined DeviceDiscovery
);
worded!(
    pb::AccessReason, AccessReason, access_reason, to_access_reason,
    Unknown Global Individual DeviceRule Upgrade Policy
);
worded!(
    pb::Characteristic, Characteristic, characteristic, to_characteristic,
    DeviceType DeviceModel DeviceOs UserAgent
);

impl From<Key> for pb::ObservationKey {
    fn from(key: Key) -> Self {
        let Key { kind, guid } = key;
        Self { kind: pb::ObservationKind::from(kind).into(), guid: guid.as_bytes().to_vec() }
    }
}

impl TryFrom<pb::ObservationKey> for Key {
    type Error = Malformed;

    fn try_from(wire: pb::ObservationKey) -> Result<Self, Malformed> {
        let pb::ObservationKey { kind, guid: bytes } = wire;
        Ok(Self {
            kind: enumeration::<pb::ObservationKind, _>("kind", kind)?,
            guid: guid("guid", &bytes)?,
        })
    }
}

impl From<Observation> for pb::Observation {
    fn from(observation: Observation) -> Self {
        let subject = match observation {
            Observation::Device(device) => Subject::Device(device.into()),
            Observation::Mailbox(mailbox) => Subject::Mailbox(mailbox.into()),
            Observation::Settings(settings) => Subject::Settings(settings.into()),
            Observation::Rule(rule) => Subject::Rule(rule.into()),
            Observation::Server(server) => Subject::Server(server.into()),
            Observation::DeviceClass(class) => Subject::DeviceClass(class.into()),
            Observation::MailboxPolicy(policy) => Subject::MailboxPolicy(policy.into()),
        };
        Self { subject: Some(subject) }
    }
}

impl From<&Observation> for pb::Observation {
    /// Copies each text once, as owned messages need.
    fn from(observation: &Observation) -> Self {
        observation.clone().into()
    }
}

impl TryFrom<pb::Observation> for Observation {
    type Error = Malformed;

    fn try_from(wire: pb::Observation) -> Result<Self, Malformed> {
        let pb::Observation { subject } = wire;
        let inside = |name: &'static str| move |malformed: Malformed| malformed.within(name);
        Ok(match required("subject", subject)? {
            Subject::Device(it) => Self::Device(it.try_into().map_err(inside("device"))?),
            Subject::Mailbox(it) => Self::Mailbox(it.try_into().map_err(inside("mailbox"))?),
            Subject::Settings(it) => Self::Settings(it.try_into().map_err(inside("settings"))?),
            Subject::Rule(it) => Self::Rule(it.try_into().map_err(inside("rule"))?),
            Subject::Server(it) => Self::Server(it.try_into().map_err(inside("server"))?),
            Subject::DeviceClass(it) => {
                Self::DeviceClass(it.try_into().map_err(inside("device_class"))?)
            }
            Subject::MailboxPolicy(it) => {
                Self::MailboxPolicy(it.try_into().map_err(inside("mailbox_policy"))?)
            }
        })
    }
}

impl From<EasDevice> for pb::EasDevice {
    fn from(device: EasDevice) -> Self {
        let EasDevice {
            id,
            device_id,
            mailbox_dn,
            access_state,
            access_reason,
            access_rule,
            device_type,
            device_model,
            device_os,
            user_agent,
            friendly_name,
            imei,
            phone_number,
            client_type,
            protocol_version,
            first_sync_at,
            changed_at,
        } = device;
        let (access_state, access_state_text) = to_access_state(access_state);
        let (access_reason, access_reason_text) = to_access_reason(access_reason);
        Self {
            guid: id.guid().as_bytes().to_vec(),
            device_id: device_id.into(),
            mailbox_dn,
            access_state,
            access_state_text,
            access_reason,
            access_reason_text,
            access_rule,
            device_type,
            device_model,
            device_os,
            user_agent,
            friendly_name,
            imei,
            phone_number,
            client_type,
            protocol_version,
            first_sync_at: first_sync_at.map(to_instant),
            changed_at: changed_at.map(to_instant),
        }
    }
}

impl TryFrom<pb::EasDevice> for EasDevice {
    type Error = Malformed;

    fn try_from(wire: pb::EasDevice) -> Result<Self, Malformed> {
        let pb::EasDevice {
            guid: bytes,
            device_id,
            mailbox_dn,
            access_state: state,
            access_state_text,
            access_reason: reason,
            access_reason_text,
            access_rule,
            device_type,
            device_model,
            device_os,
            user_agent,
            friendly_name,
            imei,
            phone_number,
            client_type,
            protocol_version,
            first_sync_at,
            changed_at,
        } = wire;
        Ok(Self {
            id: PartnershipId::new(guid("guid", &bytes)?),
            device_id: id("device_id", &device_id)?,
            mailbox_dn,
            access_state: access_state("access_state", state, access_state_text)?,
            access_reason: access_reason("access_reason", reason, access_reason_text)?,
            access_rule,
            device_type,
            device_model,
            device_os,
            user_agent,
            friendly_name,
            imei,
            phone_number,
            client_type,
            protocol_version,
            first_sync_at: instant_if_any("first_sync_at", first_sync_at)?,
            changed_at: instant_if_any("changed_at", changed_at)?,
        })
    }
}

impl From<Mailbox> for pb::Mailbox {
    fn from(mailbox: Mailbox) -> Self {
        let Mailbox {
            id,
            dn,
            display_name,
            primary_smtp,
            sam_account,
            active_sync_enabled,
            policy,
            allowed_ids,
            blocked_ids,
            changed_at,
        } = mailbox;
        Self {
            guid: id.guid().as_bytes().to_vec(),
            dn,
            display_name,
            primary_smtp,
            sam_account,
            active_sync_enabled,
            policy,
            allowed_ids: allowed_ids.into_iter().map(String::from).collect(),
            blocked_ids: blocked_ids.into_iter().map(String::from).collect(),
            changed_at: changed_at.map(to_instant),
        }
    }
}

impl TryFrom<pb::Mailbox> for Mailbox {
    type Error = Malformed;

    fn try_from(wire: pb::Mailbox) -> Result<Self, Malformed> {
        let pb::Mailbox {
            guid: bytes,
            dn,
            display_name,
            primary_smtp,
            sam_account,
            active_sync_enabled,
            policy,
            allowed_ids,
            blocked_ids,
            changed_at,
        } = wire;
        Ok(Self {
            id: MailboxId::new(guid("guid", &bytes)?),
            dn,
            display_name,
            primary_smtp,
            sam_account,
            active_sync_enabled,
            policy,
            allowed_ids: ids("allowed_ids", &allowed_ids)?,
            blocked_ids: ids("blocked_ids", &blocked_ids)?,
            changed_at: instant_if_any("changed_at", changed_at)?,
        })
    }
}

impl From<OrganizationSettings> for pb::OrganizationSettings {
    fn from(settings: OrganizationSettings) -> Self {
        let OrganizationSettings {
            guid,
            default_access_level,
            user_mail_insert,
            admin_mail_recipients,
        } = settings;
        Self {
            guid: guid.as_bytes().to_vec(),
            default_access_level: pb::AccessLevel::from(default_access_level).into(),
            user_mail_insert,
            admin_mail_recipients,
        }
    }
}

impl TryFrom<pb::OrganizationSettings> for OrganizationSettings {
    type Error = Malformed;

    fn try_from(wire: pb::OrganizationSettings) -> Result<Self, Malformed> {
        let pb::OrganizationSettings {
            guid: bytes,
            default_access_level: level,
            user_mail_insert,
            admin_mail_recipients,
        } = wire;
        Ok(Self {
            guid: guid("guid", &bytes)?,
            default_access_level: enumeration::<pb::AccessLevel, _>("default_access_level", level)?,
            user_mail_insert,
            admin_mail_recipients,
        })
    }
}

impl From<AccessRule> for pb::AccessRule {
    fn from(rule: AccessRule) -> Self {
        let AccessRule { guid, name, characteristic, query, level } = rule;
        let (characteristic, characteristic_text) = to_characteristic(characteristic);
        Self {
            guid: guid.as_bytes().to_vec(),
            name,
            characteristic,
            characteristic_text,
            query,
            level: pb::AccessLevel::from(level).into(),
        }
    }
}

impl TryFrom<pb::AccessRule> for AccessRule {
    type Error = Malformed;

    fn try_from(wire: pb::AccessRule) -> Result<Self, Malformed> {
        let pb::AccessRule {
            guid: bytes,
            name,
            characteristic: number,
            characteristic_text,
            query,
            level,
        } = wire;
        Ok(Self {
            guid: guid("guid", &bytes)?,
            name,
            characteristic: characteristic("characteristic", number, characteristic_text)?,
            query,
            level: enumeration::<pb::AccessLevel, _>("level", level)?,
        })
    }
}

impl From<Server> for pb::Server {
    fn from(server: Server) -> Self {
        let Server { guid, name, fqdn, version, is_client_access } = server;
        Self { guid: guid.as_bytes().to_vec(), name, fqdn, version, is_client_access }
    }
}

impl TryFrom<pb::Server> for Server {
    type Error = Malformed;

    fn try_from(wire: pb::Server) -> Result<Self, Malformed> {
        let pb::Server { guid: bytes, name, fqdn, version, is_client_access } = wire;
        Ok(Self { guid: guid("guid", &bytes)?, name, fqdn, version, is_client_access })
    }
}

impl From<DeviceClass> for pb::DeviceClass {
    fn from(class: DeviceClass) -> Self {
        let DeviceClass { guid, device_type, device_model } = class;
        Self { guid: guid.as_bytes().to_vec(), device_type, device_model }
    }
}

impl TryFrom<pb::DeviceClass> for DeviceClass {
    type Error = Malformed;

    fn try_from(wire: pb::DeviceClass) -> Result<Self, Malformed> {
        let pb::DeviceClass { guid: bytes, device_type, device_model } = wire;
        Ok(Self { guid: guid("guid", &bytes)?, device_type, device_model })
    }
}

impl From<MailboxPolicy> for pb::MailboxPolicy {
    fn from(policy: MailboxPolicy) -> Self {
        let MailboxPolicy { guid, name, settings } = policy;
        let setting = |PolicySetting { name, value }| pb::PolicySetting { name, value };
        let settings = settings.into_iter().map(setting).collect();
        Self { guid: guid.as_bytes().to_vec(), name, settings }
    }
}

impl TryFrom<pb::MailboxPolicy> for MailboxPolicy {
    type Error = Malformed;

    fn try_from(wire: pb::MailboxPolicy) -> Result<Self, Malformed> {
        let pb::MailboxPolicy { guid: bytes, name, settings } = wire;
        let setting = |pb::PolicySetting { name, value }| PolicySetting { name, value };
        let settings = settings.into_iter().map(setting).collect();
        Ok(Self { guid: guid("guid", &bytes)?, name, settings })
    }
}
