//! Owns the shape of the policy documents, as operators write them. The JSON Schema in
//! `docs/reference/policy.schema.json` is made from these types.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use exgate_domain::policy::Access;

/// Version of the document format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum ApiVersion {
    /// The only version there is.
    #[serde(rename = "exgate/v1")]
    V1,
}

/// Says that the document is a CompliancePolicy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum ComplianceKind {
    /// When a device counts as compliant.
    CompliancePolicy,
}

/// Says that the document is an AccessPolicy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum AccessKind {
    /// Who is targeted, and what their devices get.
    AccessPolicy,
}

/// The keys that every document has, read before anything else.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    pub(crate) api_version: Option<Spanned<String>>,
    pub(crate) kind: Option<Spanned<String>>,
    pub(crate) name: Option<Spanned<String>>,
}

/// When a managed device counts as compliant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "CompliancePolicy")]
pub(crate) struct ComplianceDocument {
    /// Version of the document.
    #[serde(rename = "apiVersion")]
    pub(crate) _api_version: ApiVersion,
    /// Kind of the document.
    #[serde(rename = "kind")]
    pub(crate) _kind: ComplianceKind,
    /// Name, unique among the compliance policies.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) name: Spanned<String>,
    /// What each platform must meet. A device on a platform that is not listed is not compliant.
    #[schemars(with = "Platforms")]
    pub(crate) platforms: Spanned<Platforms>,
    /// Longest time since the device last talked to its MDM, such as 14d. Without it, any time.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) last_check_in_max: Option<Spanned<String>>,
    /// How long a device that stops being compliant keeps its access, such as 3d. Without it: not at
    /// all.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) grace_period: Option<Spanned<String>>,
}

/// Platforms by the record's `operatingSystem`, compared without case.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Platforms {
    /// iPhones, and iPads that report iOS.
    #[serde(rename = "iOS", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) ios: Option<Requirements>,
    /// iPads that report iPadOS.
    #[serde(rename = "iPadOS", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) ipados: Option<Requirements>,
    /// Android.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) android: Option<Requirements>,
    /// Windows.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) windows: Option<Requirements>,
    /// Windows Phone and Windows Mobile, as their MDM names them.
    #[serde(rename = "windowsPhone", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) windows_phone: Option<Requirements>,
    /// macOS.
    #[serde(rename = "macOS", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) macos: Option<Requirements>,
    /// Linux.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) linux: Option<Requirements>,
    /// ChromeOS.
    #[serde(rename = "chromeOS", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) chromeos: Option<Requirements>,
}

impl Platforms {
    /// The platforms that are listed, each with its name as it is written.
    pub(crate) fn listed(self) -> impl Iterator<Item = (&'static str, Requirements)> {
        [
            ("iOS", self.ios),
            ("iPadOS", self.ipados),
            ("android", self.android),
            ("windows", self.windows),
            ("windowsPhone", self.windows_phone),
            ("macOS", self.macos),
            ("linux", self.linux),
            ("chromeOS", self.chromeos),
        ]
        .into_iter()
        .filter_map(|(name, requirements)| requirements.map(|requirements| (name, requirements)))
    }
}

/// What one platform must meet; `{}` for nothing but the platform itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Requirements {
    /// Oldest version that is good enough, such as 17.4; compared number by number.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Text")]
    pub(crate) os_minimum_version: Option<Spanned<String>>,
    /// Newest version that is accepted, such as 16.99; compared number by number.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Text")]
    pub(crate) os_maximum_version: Option<Spanned<String>>,
    /// Whether storage has to be encrypted.
    pub(crate) storage_require_encryption: bool,
    /// Whether a jailbroken or rooted device is not compliant.
    pub(crate) security_block_jailbroken_devices: bool,
}

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
    /// What each situation leads to.
    #[serde(default)]
    pub(crate) access: AccessTable,
}

/// What each situation leads to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct AccessTable {
    /// No MDM knows the device.
    pub(crate) unmanaged: AccessWord,
    /// An MDM knows the device, and a fact that a policy asks for is missing.
    pub(crate) unknown: AccessWord,
    /// The device does not meet a compliance policy.
    pub(crate) not_compliant: AccessWord,
    /// The device does not meet one, and its grace period has not ended.
    pub(crate) in_grace_period: AccessWord,
}

impl Default for AccessTable {
    /// The careful choice where nothing is written.
    fn default() -> Self {
        Self {
            unmanaged: AccessWord::Quarantine,
            unknown: AccessWord::Quarantine,
            not_compliant: AccessWord::Quarantine,
            in_grace_period: AccessWord::Allow,
        }
    }
}

/// What to do with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AccessWord {
    /// Touch nothing.
    Leave,
    /// Let it in.
    Allow,
    /// Hold it.
    Quarantine,
    /// Keep it out.
    Block,
}

impl From<AccessWord> for Access {
    fn from(word: AccessWord) -> Self {
        match word {
            AccessWord::Leave => Self::Leave,
            AccessWord::Allow => Self::Allow,
            AccessWord::Quarantine => Self::Quarantine,
            AccessWord::Block => Self::Block,
        }
    }
}

/// A version in the schema: text, or the number that `17.4` without quotes is to other readers.
struct Text;

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"] })
    }
}

/// Reads a key that may be left out, but not be left without a value.
fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
