//! Tests of policies: from the document to a case and what is expected of its decision. What a test does
//! not write is ordinary and good, so that it says only what it is about.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde_saphyr::Spanned;
use uuid::Uuid;

use exgate_domain::case::{Case, MailboxFacts, Management, MatchBasis, Sibling, Unmatched};
use exgate_domain::ids::{DeviceId, MailboxId, PartnershipId};
use exgate_domain::observation::{AccessReason, AccessState, EasDevice};
use exgate_domain::policy::Organizations;
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, Provenance, ThreatState, User,
};

use super::place::{Check, Day};
use crate::bundles::compiled::Written;
use crate::bundles::diagnostic::{nearest, write_or};
use crate::bundles::document::{
    CaseDocument, DeviceDocument, ExpectDocument, Known, ManagementWord, NoRecord, RecordDocument,
    SiblingDocument, TestDocument, UserDocument,
};
use crate::bundles::proof::{Expected, Test};

/// The instant of a test that names none: 2026-01-15T12:00:00Z.
const INSTANT: Timestamp = Timestamp::constant(1_768_478_400, 0);
/// Where records of tests come from.
const SOURCE: &str = "test";
const ORGANIZATION: &str = "example";
const USER: &str = "user@example.com";
const DEVICE: &str = "TESTDEVICE";
const OTHER_DEVICE: &str = "OTHERDEVICE";
/// What is written for an age that nobody knows.
const UNKNOWN: &str = "unknown";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a test takes from the policy that it stands in.
#[derive(Debug, Default)]
pub(super) struct Setting {
    organization: Option<String>,
    groups: Vec<String>,
}

impl Setting {
    /// The first organization and group that a policy is for.
    pub(super) fn of(written: &Written) -> Self {
        let organization = match &written.policy.organizations {
            Organizations::AllBut(_) => None,
            Organizations::Named(names) => names.first().cloned(),
        };
        Self {
            organization,
            groups: written.policy.included_groups.iter().take(1).cloned().collect(),
        }
    }
}

/// What tests are checked against.
pub(super) struct At<'a> {
    /// The name of the document.
    pub(super) document: &'a str,
    pub(super) setting: Setting,
    /// Names of access policies and overlays.
    pub(super) policies: &'a [String],
    /// Names in documents whose shape is wrong.
    pub(super) spoilt: &'a [String],
}

pub(super) fn tests(documents: Vec<TestDocument>, at: &At<'_>, check: &mut Check<'_>) -> Vec<Test> {
    let mut seen = HashSet::new();
    let mut tests = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let key = format!("tests[{index}]");
        let TestDocument { name, case, expect } = document;
        check.text(check.at(&name), &format!("{key}.name"), &name.value);
        if !seen.insert(name.value.clone()) {
            let message = format!("{:?} is the name of a test before it", name.value);
            check.refuse(check.at(&name), &format!("{key}.name"), message, "write another name");
        }
        let expected = expected(&format!("{key}.expect"), &expect, at, check);
        let mut draft = Draft { key: format!("{key}.case"), now: INSTANT, check: &mut *check };
        let Some(case) = draft.case(case, &at.setting) else { continue };
        let place = check.place(&name);
        let (document, name) = (at.document.to_owned(), name.value);
        tests.push(Test { document, name, key, place, case, expected });
    }
    tests
}

fn expected(
    key: &str,
    document: &Spanned<ExpectDocument>,
    at: &At<'_>,
    check: &mut Check<'_>,
) -> Expected {
    let place = check.at(document);
    let ExpectDocument { access, compliance, reasons, policy } = &document.value;
    if access.is_none() && compliance.is_none() && reasons.is_none() && policy.is_none() {
        let message = "nothing is expected, so that the test shows nothing";
        check.refuse(place, key, message, "write access: and what the device gets");
    }
    if let Some(reasons) = reasons.as_ref().filter(|reasons| reasons.value.is_empty()) {
        let message = "no reason is expected, so that the key does nothing";
        check.refuse(check.at(reasons), &format!("{key}.reasons"), message, "write a reason");
    }
    if let Some(policy) = policy.as_ref().filter(|policy| !policy.value.is_empty())
        && !at.policies.contains(&policy.value)
        && !at.spoilt.contains(&policy.value)
    {
        let near = nearest(&policy.value, at.policies.iter().map(String::as_str));
        let message = format!("no access policy is named {:?}", policy.value);
        let key = format!("{key}.policy");
        let cure = write_or(near, "write the name of an access policy, or \"\" for none");
        check.refuse(check.at(policy), &key, message, &cure);
    }
    Expected {
        access: access.as_ref().map(|word| (check.at(word), word.value.into())),
        compliance: compliance.as_ref().map(|word| (check.at(word), word.value.0)),
        reasons: reasons
            .as_ref()
            .map(|words| (check.at(words), words.value.iter().map(|word| word.0).collect())),
        policy: policy.as_ref().map(|name| (check.at(name), name.value.clone())),
    }
}

/// A case while it is made.
struct Draft<'d, 'c> {
    key: String,
    now: Timestamp,
    check: &'d mut Check<'c>,
}

impl Draft<'_, '_> {
    /// The case; none where something in it cannot be read, which is said.
    fn case(&mut self, document: CaseDocument, setting: &Setting) -> Option<Case> {
        let CaseDocument {
            organization,
            user,
            device,
            record,
            management,
            other_devices,
            noncompliant_for,
            at,
        } = document;
        if let Some(text) = at {
            let cure = "write one such as 2026-03-10T12:00:00Z";
            self.now = self.read("at", &text, ("an instant", cure)).unwrap_or(INSTANT);
        }
        let organization = match &organization {
            Some(text) => {
                let cure = "write lower-case letters, digits and hyphens, such as contoso";
                self.read("organization", text, ("the name of an organization", cure))
            }
            None => setting.organization.as_deref().unwrap_or(ORGANIZATION).parse().ok(),
        };
        let address = user.user_principal_name.as_ref().map_or(USER, |name| &name.value).to_owned();
        let unit = user.organizational_unit.as_ref().map(|unit| unit.value.as_str());
        let mailbox_dn = unit.map_or_else(String::new, |unit| format!("CN={address},{unit}"));
        let siblings = other_devices.into_iter().zip(1..);
        let siblings: Vec<_> =
            siblings.map(|(other, number)| self.sibling(other, number)).collect();
        let since = noncompliant_for.and_then(|text| self.ago("noncompliantFor", &text));
        let last_sync_at = self.age("device.lastSync", device.last_sync.as_ref(), HOUR);
        let device = self.device(device, mailbox_dn);
        let management = self.management(record, management, &address);
        let owner = self.owner(user, address.clone(), setting);
        Some(Case {
            organization: organization?,
            mailbox: MailboxFacts {
                id: MailboxId::new(Uuid::from_u128(1)),
                primary_smtp: address.clone(),
                display_name: address,
            },
            device: device?,
            last_sync_at,
            siblings: siblings.into_iter().collect::<Option<_>>()?,
            owner,
            management,
            noncompliant_since: since,
            now: self.now,
        })
    }

    fn owner(
        &mut self,
        document: UserDocument,
        address: String,
        setting: &Setting,
    ) -> Option<User> {
        let UserDocument {
            user_principal_name: _,
            mail,
            other_mails,
            display_name,
            groups,
            licensed,
            in_directory,
            organizational_unit: _,
        } = document;
        if in_directory == Some(false) {
            return None;
        }
        let or_address =
            |text: Option<Spanned<String>>| text.map_or_else(|| address.clone(), |text| text.value);
        let named =
            |groups: Vec<Spanned<String>>| groups.into_iter().map(|group| group.value).collect();
        Some(User {
            mail: or_address(mail),
            other_mails,
            display_name: or_address(display_name),
            groups: groups.map_or_else(|| setting.groups.clone(), named),
            licensed: licensed.map_or(Some(true), |word| word.0),
            provenance: self.provenance(),
            user_principal_name: address,
        })
    }

    fn device(&mut self, document: DeviceDocument, mailbox_dn: String) -> Option<EasDevice> {
        let DeviceDocument {
            device_id,
            device_type,
            device_model,
            device_os,
            user_agent,
            protocol_version,
            first_sync,
            last_sync: _,
        } = document;
        let first_sync_at = self.age("device.firstSync", first_sync.as_ref(), MONTH);
        Some(EasDevice {
            id: PartnershipId::new(Uuid::from_u128(1)),
            device_id: self.id("device.deviceId", device_id, DEVICE)?,
            mailbox_dn,
            access_state: AccessState::Allowed,
            access_reason: AccessReason::Global,
            access_rule: String::new(),
            device_type,
            device_model,
            device_os,
            user_agent,
            friendly_name: String::new(),
            imei: String::new(),
            phone_number: String::new(),
            client_type: "EAS".to_owned(),
            protocol_version,
            first_sync_at,
            changed_at: None,
        })
    }

    fn sibling(&mut self, document: SiblingDocument, number: usize) -> Option<Sibling> {
        let SiblingDocument { device_id, device_type, first_sync, last_sync } = document;
        let key = |name: &str| format!("otherDevices[{}].{name}", number.saturating_sub(1));
        let first_sync_at = self.age(&key("firstSync"), first_sync.as_ref(), MONTH * 2);
        let last_sync_at = self.age(&key("lastSync"), last_sync.as_ref(), HOUR);
        Some(Sibling {
            device_id: self.id(&key("deviceId"), device_id, &format!("{OTHER_DEVICE}{number}"))?,
            device_type,
            access_state: AccessState::Allowed,
            first_sync_at,
            last_sync_at,
        })
    }

    fn management(
        &mut self,
        record: Option<Box<RecordDocument>>,
        management: Option<Spanned<ManagementWord>>,
        address: &str,
    ) -> Management {
        let Some(record) = record else {
            return match management.map(|word| word.value.0) {
                None => Management::Unmanaged(Unmatched::NoRecord),
                Some(NoRecord::Unmatched(why)) => Management::Unmanaged(why),
                Some(NoRecord::Unavailable) => {
                    Management::Unavailable { why: "the test makes the records unavailable".into() }
                }
            };
        };
        if let Some(word) = management {
            let message = "there is a record already, so that management says nothing";
            let key = format!("{}.management", self.key);
            let at = self.check.at(&word);
            self.check.refuse(at, &key, message, "take record or management out");
        }
        let record = Box::new(self.record(*record, address));
        Management::Managed { record, basis: MatchBasis::EasIdAndUser }
    }

    fn record(&mut self, document: RecordDocument, address: &str) -> ManagedDevice {
        let user = document.user_principal_name.map(|name| name.value);
        let level = document.android_security_patch_level.and_then(|text| {
            let wanted = ("a security patch level", "write a day such as 2026-03-05");
            self.read("record.androidSecurityPatchLevel", &text, wanted).map(|Day(day)| day)
        });
        let grace_until = document.compliance_grace_period_left.and_then(|text| {
            let key = format!("{}.record.complianceGracePeriodLeft", self.key);
            let left = self.check.span(&key, &text)?;
            self.now.checked_add(left).ok()
        });
        let known = |word: Option<Known>, good| word.map_or(Some(good), |word| word.0);
        let last_check_in = document.last_check_in.as_ref();
        ManagedDevice {
            id: "test".to_owned(),
            user_principal_name: user.unwrap_or_else(|| address.to_owned()),
            email_address: String::new(),
            device_name: document.device_name,
            operating_system: document.operating_system,
            os_version: document.os_version,
            os_build: document.os_build_number,
            security_patch_level: level,
            model: document.model,
            eas_device_id: None,
            is_encrypted: known(document.is_encrypted, true),
            jail_broken: known(document.jail_broken, false),
            passcode_compliant: known(document.passcode_compliant, true),
            owner_type: document
                .managed_device_owner_type
                .map_or(Some(OwnerType::Company), |word| word.0),
            management_agent: document
                .management_agent
                .map_or(Some(ManagementAgent::Mdm), |word| word.0),
            threat_state: document
                .partner_reported_threat_state
                .map_or(Some(ThreatState::Secured), |word| word.0),
            compliance: document.compliance_state.map_or(ComplianceState::Compliant, |word| word.0),
            grace_until,
            last_check_in_at: self.age("record.lastCheckIn", last_check_in, HOUR),
            enrolled_at: self.age("record.enrolled", document.enrolled.as_ref(), MONTH),
            provenance: self.provenance(),
        }
    }

    fn provenance(&self) -> Provenance {
        Provenance { source: SOURCE.to_owned(), read_at: self.now }
    }

    fn id(
        &mut self,
        key: &str,
        text: Option<Spanned<String>>,
        otherwise: &str,
    ) -> Option<DeviceId> {
        match text {
            Some(text) => {
                let cure = "write 1 to 64 printable characters without blanks";
                self.read(key, &text, ("an ActiveSync id", cure))
            }
            None => otherwise.parse().ok(),
        }
    }

    /// The instant an age before now; none where it is not known.
    fn age(
        &mut self,
        key: &str,
        text: Option<&Spanned<String>>,
        otherwise: SignedDuration,
    ) -> Option<Timestamp> {
        match text {
            Some(text) if text.value == UNKNOWN => None,
            Some(text) => self.ago(key, text),
            None => self.now.checked_sub(otherwise).ok(),
        }
    }

    fn ago(&mut self, key: &str, text: &Spanned<String>) -> Option<Timestamp> {
        let span = self.check.span(&format!("{}.{key}", self.key), text)?;
        self.now.checked_sub(span).ok()
    }

    /// Reads a text; `wanted` says what it should be, and what to write.
    fn read<T: std::str::FromStr>(
        &mut self,
        key: &str,
        text: &Spanned<String>,
        (wanted, cure): (&str, &str),
    ) -> Option<T> {
        let read = text.value.trim().parse().ok();
        if read.is_none() {
            let message = format!("{:?} is not {wanted}", text.value);
            let at = self.check.at(text);
            self.check.refuse(at, &format!("{}.{key}", self.key), message, cure);
        }
        read
    }
}
