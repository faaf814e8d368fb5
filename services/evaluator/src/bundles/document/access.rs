//! The shape of an AccessPolicy and of what is different from it in some organizations.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{AccessKind, AccessWord, ApiVersion, OverlayKind, TestDocument, given};

/// Who is targeted, and what their devices get.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "AccessPolicy")]
pub(crate) struct AccessDocument {
    /// Version of the document.
    #[serde(rename = "apiVersion")]
    pub(crate) _api_version: ApiVersion,
    /// Kind of the document.
    #[serde(rename = "kind")]
    pub(crate) _kind: AccessKind,
    /// Name, unique among the access policies.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) name: Spanned<String>,
    /// The policy with the lowest number that targets the owner decides; unique.
    #[schemars(with = "u32")]
    pub(crate) precedence: Spanned<u32>,
    /// Whether it is asked at all.
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    /// Organizations it is for, or "*" for every one.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub(crate) organizations: Spanned<Vec<Spanned<String>>>,
    /// Groups, by id or unique name, whose members are targeted; nested membership counts.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub(crate) included_groups: Spanned<Vec<Spanned<String>>>,
    /// Groups whose members this policy does not target, even when they are included.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) excluded_groups: Vec<Spanned<String>>,
    /// Whether it targets only owners who hold the licence.
    #[serde(default)]
    pub(crate) license_required: bool,
    /// Names of the compliance policies that all apply; the worst result counts. Without any, the
    /// MDM's own verdict alone counts.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) compliance_policies: Vec<Spanned<String>>,
    /// Whether compliant devices are allowed whatever Exchange's rules and default level say;
    /// otherwise they are left to them (Graph `overrideDefaultRule`).
    #[serde(default = "yes")]
    pub(crate) override_default_rule: bool,
    /// What each situation leads to.
    #[serde(default)]
    pub(crate) access: AccessTable,
    /// When a device counts as inactive, such as 60d: `access.inactive` is what it gets then. Without
    /// it: never. Needs `sync.statistics_age` in the coordinator's settings.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) inactive_after: Option<Spanned<String>>,
    /// What unmanaged devices of some classes get, in place of `access.unmanaged`.
    #[serde(default)]
    pub(crate) platform_exceptions: Vec<ExceptionDocument>,
    /// Rules that decide by themselves, before the records are looked at; the first that matches
    /// counts.
    #[serde(default)]
    pub(crate) local_rules: Vec<LocalRuleDocument>,
    /// How many devices a mailbox may have. Every device counts that Exchange lists, a blocked one too,
    /// until it is inactive (`inactiveAfter`) or removed from the mailbox. Without it: any number.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "DeviceMaximum")]
    pub(crate) maximum_devices: Option<DeviceMaximum>,
    /// People whose devices are never restricted by automation, whichever policy decides about them in the
    /// organizations that this one is for.
    #[serde(default)]
    pub(crate) protected: ProtectedDocument,
    /// Cases and what has to be decided about them. They are run whenever the policy is checked, and one
    /// that fails refuses it.
    #[serde(default)]
    pub(crate) tests: Vec<TestDocument>,
}

/// What is different from an access policy in some organizations. What is not written is as there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "AccessPolicyOverlay")]
pub(crate) struct OverlayDocument {
    /// Version of the document.
    #[serde(rename = "apiVersion")]
    pub(crate) _api_version: ApiVersion,
    /// Kind of the document.
    #[serde(rename = "kind")]
    pub(crate) _kind: OverlayKind,
    /// Name, unique among access policies and overlays.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) name: Spanned<String>,
    /// Name of the access policy that it changes.
    #[schemars(with = "String")]
    pub(crate) base: Spanned<String>,
    /// Organizations it is for; the policy has to be for them, too.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub(crate) organizations: Spanned<Vec<Spanned<String>>>,
    /// In place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    pub(crate) enabled: Option<bool>,
    /// In place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub(crate) included_groups: Option<Spanned<Vec<Spanned<String>>>>,
    /// In place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<String>")]
    pub(crate) excluded_groups: Option<Vec<Spanned<String>>>,
    /// In place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    pub(crate) license_required: Option<bool>,
    /// In place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<String>")]
    pub(crate) compliance_policies: Option<Vec<Spanned<String>>>,
    /// In place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "bool")]
    pub(crate) override_default_rule: Option<bool>,
    /// In place of the policy's, situation by situation.
    #[serde(default)]
    pub(crate) access: AccessTable,
    /// In place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) inactive_after: Option<Spanned<String>>,
    /// In place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<ExceptionDocument>")]
    pub(crate) platform_exceptions: Option<Vec<ExceptionDocument>>,
    /// Tried before the policy's.
    #[serde(default)]
    pub(crate) local_rules: Vec<LocalRuleDocument>,
    /// In place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "DeviceMaximum")]
    pub(crate) maximum_devices: Option<DeviceMaximum>,
    /// Beside those of the policy.
    #[serde(default)]
    pub(crate) protected: ProtectedDocument,
    /// Cases and what has to be decided about them, as in an access policy.
    #[serde(default)]
    pub(crate) tests: Vec<TestDocument>,
}

/// What unmanaged devices of one class get.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExceptionDocument {
    /// The class.
    pub(crate) device_class: ClassDocument,
    /// What its devices get.
    pub(crate) access: AccessWord,
}

/// A class of devices, as Exchange and Intune name it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClassDocument {
    /// Its name, such as iPhone.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) name: Spanned<String>,
    /// Whether the name is a family (Exchange's DeviceType) or a model (DeviceModel).
    #[serde(rename = "type")]
    pub(crate) kind: ClassType,
}

/// What a class is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ClassType {
    /// Exchange's DeviceType.
    Family,
    /// Exchange's DeviceModel.
    Model,
}

/// A rule that decides by itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LocalRuleDocument {
    /// Its name, unique within the policy.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) id: Spanned<String>,
    /// Which devices it is about: those that every list written here has an entry for.
    #[serde(rename = "match", default)]
    pub(crate) selection: MatchDocument,
    /// An expression that has to hold too, as after `when` in Cedar.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) when: Option<Spanned<String>>,
    /// What they get.
    pub(crate) access: AccessWord,
}

/// Which devices; `*` stands for any text, and case does not count.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct MatchDocument {
    /// ActiveSync ids.
    #[schemars(with = "Vec<String>")]
    pub(crate) device_id: Vec<Spanned<String>>,
    /// Exchange's DeviceType, such as iPhone.
    #[schemars(with = "Vec<String>")]
    pub(crate) device_type: Vec<Spanned<String>>,
    /// Exchange's DeviceModel, such as iPhone15C2.
    #[schemars(with = "Vec<String>")]
    pub(crate) device_model: Vec<Spanned<String>>,
    /// Exchange's DeviceOS, such as iOS 17.4 21E219.
    #[serde(rename = "deviceOS")]
    #[schemars(with = "Vec<String>")]
    pub(crate) device_os: Vec<Spanned<String>>,
    /// Exchange's DeviceUserAgent.
    #[schemars(with = "Vec<String>")]
    pub(crate) user_agent: Vec<Spanned<String>>,
    /// Versions of the ActiveSync protocol, such as 16.1.
    #[schemars(with = "Vec<String>")]
    pub(crate) protocol_version: Vec<Spanned<String>>,
    /// Addresses of the owner: the user principal name, the mail address or the mailbox's primary address.
    /// Further addresses name nobody, as they are given away again.
    #[schemars(with = "Vec<String>")]
    pub(crate) user: Vec<Spanned<String>>,
    /// Groups of the owner, by id or unique name; no `*` here.
    #[schemars(with = "Vec<String>")]
    pub(crate) group: Vec<Spanned<String>>,
    /// Distinguished names of organizational units that the mailbox lies under; no `*` here.
    #[schemars(with = "Vec<String>")]
    pub(crate) organizational_unit: Vec<Spanned<String>>,
}

/// How many devices a mailbox may have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceMaximum {
    /// The most.
    #[schemars(with = "u32", range(min = 1))]
    pub(crate) count: Spanned<u32>,
    /// Which of too many keep their access; first unless written.
    #[serde(default)]
    pub(crate) keep: KeepWord,
    /// What the others get.
    #[serde(default = "quarantine")]
    pub(crate) access: AccessWord,
}

/// Which devices of a mailbox with too many keep their access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum KeepWord {
    /// Those that came first.
    #[default]
    First,
    /// Those that came last.
    Last,
}

/// People whose devices are never restricted by automation.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ProtectedDocument {
    /// Their addresses, as in `match.user` of a local rule; `*` stands for any text.
    #[schemars(with = "Vec<String>")]
    pub(crate) users: Vec<Spanned<String>>,
    /// Groups that they are in.
    #[schemars(with = "Vec<String>")]
    pub(crate) groups: Vec<Spanned<String>>,
}

fn yes() -> bool {
    true
}

fn quarantine() -> AccessWord {
    AccessWord::Quarantine
}

/// What each situation leads to.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct AccessTable {
    /// No MDM knows the device; quarantine unless written.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "AccessWord")]
    pub(crate) unmanaged: Option<AccessWord>,
    /// An MDM knows the device, and a fact that a policy asks for is missing; quarantine unless
    /// written.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "AccessWord")]
    pub(crate) unknown: Option<AccessWord>,
    /// The device does not meet a compliance policy; quarantine unless written.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "AccessWord")]
    pub(crate) not_compliant: Option<Spanned<AccessWord>>,
    /// The device does not meet one, and its grace period has not ended; allow unless written.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "AccessWord")]
    pub(crate) in_grace_period: Option<Spanned<AccessWord>>,
    /// Records are missing or too old to rely on; leave unless written, and never allow.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "AccessWord")]
    pub(crate) stale: Option<Spanned<AccessWord>>,
    /// The device would be allowed, and has not synchronised mail for `inactiveAfter`; quarantine
    /// unless written.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "AccessWord")]
    pub(crate) inactive: Option<Spanned<AccessWord>>,
}
