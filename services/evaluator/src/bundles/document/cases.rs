//! The shape of tests of policies: a case in the words of record files and of Exchange, and what is to
//! be decided about it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::words::{
    ComplianceResult, Known, ManagementAgentWord, ManagementWord, OwnerTypeWord, ReasonWord,
    StateWord, ThreatStateWord,
};
use super::{AccessWord, ApiVersion, TestsKind, Text, given};

/// Tests of all policies together. They are run whenever the policies are checked, and one that fails
/// refuses them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "PolicyTests")]
pub(crate) struct TestsDocument {
    /// Version of the document.
    #[serde(rename = "apiVersion")]
    pub(crate) _api_version: ApiVersion,
    /// Kind of the document.
    #[serde(rename = "kind")]
    pub(crate) _kind: TestsKind,
    /// Name, unique among the documents of this kind.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) name: Spanned<String>,
    /// The tests.
    #[schemars(with = "Vec<TestDocument>", length(min = 1))]
    pub(crate) tests: Spanned<Vec<TestDocument>>,
}

/// A case, and what has to be decided about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TestDocument {
    /// What it shows, unique within the document.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) name: Spanned<String>,
    /// The device, its owner and its record. What is not written is ordinary and good.
    #[serde(default)]
    pub(crate) case: CaseDocument,
    /// What has to be decided; at least one key.
    #[schemars(with = "ExpectDocument")]
    pub(crate) expect: Spanned<ExpectDocument>,
}

/// A device, its owner and its record at one instant. Ages are spans before that instant, such as 3d.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct CaseDocument {
    /// Whose Exchange. Without it: the first that the policy names, or example where it names none.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) organization: Option<Spanned<String>>,
    /// The owner.
    pub(crate) user: UserDocument,
    /// What Exchange knows of the device.
    pub(crate) device: DeviceDocument,
    /// What an MDM knows of the device. Without it: no MDM knows it.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "RecordDocument")]
    pub(crate) record: Option<Box<RecordDocument>>,
    /// Why there is no record, in place of `record`. Without either: unmanaged.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "ManagementWord")]
    pub(crate) management: Option<Spanned<ManagementWord>>,
    /// The mailbox's other devices.
    pub(crate) other_devices: Vec<SiblingDocument>,
    /// How long the device has been found not compliant without a break, such as 2d. Without it: since
    /// now.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) noncompliant_for: Option<Spanned<String>>,
    /// The instant, such as 2026-03-10T12:00:00Z. Without it: 2026-01-15T12:00:00Z.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) at: Option<Spanned<String>>,
}

/// The owner of a device, as a directory knows them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct UserDocument {
    /// User principal name and address of the mailbox. Without it: user@example.com.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) user_principal_name: Option<Spanned<String>>,
    /// Mail address. Without it: the user principal name.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) mail: Option<Spanned<String>>,
    /// Further addresses. Without it: none.
    pub(crate) other_mails: Vec<String>,
    /// Name for people. Without it: the user principal name.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) display_name: Option<Spanned<String>>,
    /// Groups, nested ones resolved. Without it: the first group that the policy includes; none where the
    /// test is in no policy.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Vec<String>")]
    pub(crate) groups: Option<Vec<Spanned<String>>>,
    /// Whether they hold the licence. Without it: true.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Known")]
    pub(crate) licensed: Option<Known>,
    /// Whether the directory knows them. Without it: true.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "bool")]
    pub(crate) in_directory: Option<bool>,
    /// Distinguished name of the organizational unit that the mailbox lies in. Without it: unknown.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) organizational_unit: Option<Spanned<String>>,
}

/// A device, as Exchange knows it. What is not written is not known, but for the id and the ages.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct DeviceDocument {
    /// Its ActiveSync id. Without it: TESTDEVICE.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) device_id: Option<Spanned<String>>,
    /// Exchange's DeviceType, such as iPhone.
    pub(crate) device_type: String,
    /// Exchange's DeviceModel, such as iPhone15C2.
    pub(crate) device_model: String,
    /// Exchange's DeviceOS, such as iOS 17.4 21E219.
    #[serde(rename = "deviceOS")]
    pub(crate) device_os: String,
    /// Exchange's DeviceUserAgent.
    pub(crate) user_agent: String,
    /// Version of the ActiveSync protocol, such as 16.1.
    #[schemars(with = "Text")]
    pub(crate) protocol_version: String,
    /// How long ago it first synchronised, or unknown. Without it: 30d.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) first_sync: Option<Spanned<String>>,
    /// How long ago it last synchronised, or unknown. Without it: 1h.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) last_sync: Option<Spanned<String>>,
}

/// Another device of the mailbox.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct SiblingDocument {
    /// Its ActiveSync id. Without it: OTHERDEVICE and its number.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) device_id: Option<Spanned<String>>,
    /// Exchange's DeviceType.
    pub(crate) device_type: String,
    /// How long ago it first synchronised, or unknown. Without it: 60d.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) first_sync: Option<Spanned<String>>,
    /// How long ago it last synchronised, or unknown. Without it: 1h.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) last_sync: Option<Spanned<String>>,
}

/// A device, as an MDM knows it, in the words of record files. What is not written is good where it is
/// a yes or a no, and not known otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RecordDocument {
    /// The user it is enrolled for. Without it: the owner.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) user_principal_name: Option<Spanned<String>>,
    /// Its name.
    pub(crate) device_name: String,
    /// Its model.
    pub(crate) model: String,
    /// Its platform, such as iOS.
    pub(crate) operating_system: String,
    /// Version of the operating system, such as 17.4.
    #[schemars(with = "Text")]
    pub(crate) os_version: String,
    /// Build of the operating system, such as 21E219.
    pub(crate) os_build_number: String,
    /// Android's security patch level, such as 2026-03-05.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) android_security_patch_level: Option<Spanned<String>>,
    /// Whether its storage is encrypted. Without it: true.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Known")]
    pub(crate) is_encrypted: Option<Known>,
    /// Whether it is jailbroken or rooted. Without it: false.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Known")]
    pub(crate) jail_broken: Option<Known>,
    /// Whether there is a passcode that meets the MDM's demands. Without it: true.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Known")]
    pub(crate) passcode_compliant: Option<Known>,
    /// Whose it is. Without it: company.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "OwnerTypeWord")]
    pub(crate) managed_device_owner_type: Option<OwnerTypeWord>,
    /// What manages it. Without it: mdm.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "ManagementAgentWord")]
    pub(crate) management_agent: Option<ManagementAgentWord>,
    /// What a threat defence partner reports. Without it: secured.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "ThreatStateWord")]
    pub(crate) partner_reported_threat_state: Option<ThreatStateWord>,
    /// The MDM's own verdict. Without it: compliant.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "StateWord")]
    pub(crate) compliance_state: Option<StateWord>,
    /// How long the MDM's own grace period still runs, such as 2d. Without it: not known.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) compliance_grace_period_left: Option<Spanned<String>>,
    /// How long ago it last talked to its MDM (the record's lastSyncDateTime), or unknown. Without it: 1h.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) last_check_in: Option<Spanned<String>>,
    /// How long ago it was enrolled, or unknown. Without it: 30d.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) enrolled: Option<Spanned<String>>,
}

/// What has to be decided. What is not written may be anything.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct ExpectDocument {
    /// What the device gets.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "AccessWord")]
    pub(crate) access: Option<Spanned<AccessWord>>,
    /// Whether it is compliant.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "ComplianceResult")]
    pub(crate) compliance: Option<Spanned<ComplianceResult>>,
    /// Reasons that have to be among those of the decision, in any order.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Vec<ReasonWord>", length(min = 1))]
    pub(crate) reasons: Option<Spanned<Vec<ReasonWord>>>,
    /// Name of the access policy or overlay that decides; "" where none targets the owner.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) policy: Option<Spanned<String>>,
}
