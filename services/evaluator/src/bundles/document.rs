//! Owns the shape of the policy documents, as operators write them. The JSON Schema in
//! `docs/reference/policy.schema.json` is made from these types.

mod words;
mod compliance;
mod access;
mod cases;

pub(crate) use access::{
    AccessDocument, AccessTable, ClassType, DeviceMaximum, ExceptionDocument, KeepWord,
    LocalRuleDocument, MatchDocument, OverlayDocument, ProtectedDocument,
};
pub(crate) use cases::{
    CaseDocument, DeviceDocument, ExpectDocument, RecordDocument, SiblingDocument, TestDocument,
    TestsDocument, UserDocument,
};
pub(crate) use compliance::{
    ComplianceDocument, GracePeriods, RangeDocument, Requirements, RuleDocument,
};
pub(crate) use words::{Known, ManagementWord, NoRecord};

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

/// Says that the document is an AccessPolicyOverlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum OverlayKind {
    /// What is different from an access policy in some organizations.
    AccessPolicyOverlay,
}

/// Says that the document is a PolicyTests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum TestsKind {
    /// Cases and what has to be decided about them.
    PolicyTests,
}

/// The keys that every document has, read before anything else.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    pub(crate) api_version: Option<Spanned<String>>,
    pub(crate) kind: Option<Spanned<String>>,
    pub(crate) name: Option<Spanned<String>>,
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
pub(super) struct Text;

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
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
