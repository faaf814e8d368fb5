//! The situations of the page, each as a question that callers ask and as the case behind it.

use exgate_domain::case::{Case, Management, Sibling, Unmatched};
use exgate_domain::decision::Reason;
use exgate_domain::observation::{AccessReason, AccessState};
use exgate_domain::policy::Access;
use exgate_domain::record::ComplianceState;

use crate::verdict::fixture::{at, case, owner, record};

pub(super) const POLICIES: &str = r#"
apiVersion: exgate/v1
kind: CompliancePolicy
name: phones
platforms:
  iOS: { osMinimumVersion: "17.4", securityBlockJailbrokenDevices: true, passcodeRequired: true }
  android:
    osMinimumVersion: "13"
    minAndroidSecurityPatchLevel: "2026-01-01"
    storageRequireEncryption: true
    passcodeRequired: true
lastCheckInMax: 14d
gracePeriod: 3d
blockAfter: 14d
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail-access
precedence: 10
organizations: ["*"]
includedGroups: [Mail users]
excludedGroups: [Service desk]
licenseRequired: true
compliancePolicies: [phones]
access: { unmanaged: quarantine, unknown: quarantine, notCompliant: quarantine, inactive: quarantine }
inactiveAfter: 60d
maximumDevices: { count: 2, keep: first, access: quarantine }
localRules:
  - { id: lost-phones, match: { deviceId: [ApplLOST0001] }, access: block }
protected: { groups: [Board] }
"#;

/// A situation, what callers say of it and what it comes to.
pub(super) struct Situation {
    pub(super) title: &'static str,
    /// The question in each language, in the order of [`super::Language::ALL`].
    pub(super) asked: [&'static str; 2],
    change: fn(&mut Case),
    pub(super) access: Access,
    pub(super) reason: Reason,
    /// What the person at the desk should know beside the explanation.
    pub(super) advice: &'static str,
}

impl Situation {
    pub(super) fn case(&self) -> Case {
        let mut case = case();
        case.device.access_state = AccessState::Allowed;
        case.device.access_reason = AccessReason::Individual;
        (self.change)(&mut case);
        case
    }
}

fn shown(case: &mut Case, state: AccessState, reason: AccessReason) {
    case.device.access_state = state;
    case.device.access_reason = reason;
}

fn quarantined(case: &mut Case) {
    shown(case, AccessState::Quarantined, AccessReason::Global);
}

fn sibling(id: &str, kind: &str, days: [&str; 2]) -> Sibling {
    let [first, last] = days.map(|day| Some(at(&format!("{day}T08:00:00Z"))));
    Sibling {
        device_id: id.parse().unwrap(),
        device_type: kind.to_owned(),
        access_state: AccessState::Allowed,
        first_sync_at: first,
        last_sync_at: last,
    }
}

fn android(case: &mut Case) {
    case.device.device_id = "androidc259148960".parse().unwrap();
    case.device.device_type = "Android".to_owned();
    case.device.device_model = "Pixel 8".to_owned();
    case.device.device_os = "Android 14".to_owned();
    let record = record(case);
    record.operating_system = "android".to_owned();
    record.os_version = "14".to_owned();
    record.os_build = String::new();
    record.security_patch_level = Some(jiff::civil::date(2026, 2, 5));
}

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        title: "The phone is not enrolled",
        asked: [
            "I added my mail account to my own phone, and all I get is one message about quarantine.",
            "Ik heb mijn mailaccount op mijn eigen telefoon gezet, en ik krijg alleen één bericht over quarantaine.",
        ],
        change: |case| {
            quarantined(case);
            case.management = Management::Unmanaged(Unmatched::NoRecord);
        },
        access: Access::Quarantine,
        reason: Reason::NotEnrolled,
        advice: "\
Once the phone is enrolled and reports that it meets the policy, it is let in by itself. The mail account
need not be removed and added again.",
    },
    Situation {
        title: "The phone was wiped, or replaced by one of the same kind",
        asked: [
            "My phone was reset, and now the mail does not come back.",
            "Mijn telefoon is teruggezet naar de fabrieksinstellingen, en nu komt de mail niet terug.",
        ],
        change: |case| {
            quarantined(case);
            case.management = Management::Unmanaged(Unmatched::NoRecord);
            case.device.first_sync_at = Some(at("2026-03-10T09:40:00Z"));
            case.siblings = vec![sibling("ApplOLD11111", "iPhone", ["2025-05-01", "2026-03-09"])];
        },
        access: Access::Quarantine,
        reason: Reason::NotEnrolled,
        advice: "\
To Exchange a wiped phone is a new one. Whatever was granted to the old id, an exception included, does
not carry over.",
    },
    Situation {
        title: "The record is another person's",
        asked: [
            "My phone is enrolled, I can see it in the company portal, and still it is in quarantine.",
            "Mijn telefoon is ingeschreven, ik zie hem in de bedrijfsportal, en toch staat hij in quarantaine.",
        ],
        change: |case| {
            quarantined(case);
            case.management = Management::Unmanaged(Unmatched::OtherUser);
        },
        access: Access::Quarantine,
        reason: Reason::NotEnrolled,
        advice: "\
Usually the address of the mailbox (its primary SMTP address) is not the name by which the user signs in,
and the directory does not know that both are one person. Sometimes a colleague enrolled the phone.",
    },
    Situation {
        title: "The user has no licence",
        asked: [
            "I am new here. My phone is enrolled, but nothing happens.",
            "Ik ben nieuw hier. Mijn telefoon is ingeschreven, maar er gebeurt niets.",
        ],
        change: |case| {
            quarantined(case);
            owner(case).licensed = Some(false);
        },
        access: Access::Leave,
        reason: Reason::NotLicensed,
        advice: "A licence that was given counts from the next time that exgate reads the directory.",
    },
    Situation {
        title: "Device discovery: the first minutes",
        asked: [
            "I set up my phone two minutes ago, and I have no mail yet.",
            "Ik heb mijn telefoon twee minuten geleden ingesteld, en ik heb nog geen mail.",
        ],
        change: |case| {
            shown(case, AccessState::DeviceDiscovery, AccessReason::Global);
            case.device.first_sync_at = Some(at("2026-03-10T11:58:00Z"));
        },
        access: Access::Allow,
        reason: Reason::Compliant,
        advice: "Wait. If the phone shows no mail a quarter of an hour after it was set up, look again.",
    },
    Situation {
        title: "Compliant, and still waiting",
        asked: [
            "The portal says that my phone is compliant, but mail still does not arrive.",
            "De portal zegt dat mijn telefoon voldoet, maar er komt nog steeds geen mail.",
        ],
        change: |case| shown(case, AccessState::Blocked, AccessReason::Individual),
        access: Access::Allow,
        reason: Reason::Compliant,
        advice: "\
Further down, `exgate why` shows the command to Exchange and what became of it. On the phone, opening the
mail app and pulling down to refresh is enough; a phone that was blocked for days may ask seldom.",
    },
    Situation {
        title: "Grace period: mail still works",
        asked: [
            "I got a warning that my phone will lose its mail. It works, so what is this about?",
            "Ik kreeg een waarschuwing dat mijn telefoon zijn mail verliest. Hij doet het, dus wat is er aan de hand?",
        ],
        change: |case| {
            record(case).os_version = "17.3.1".to_owned();
            case.noncompliant_since = Some(at("2026-03-09T08:00:00Z"));
        },
        access: Access::Allow,
        reason: Reason::InGracePeriod,
        advice: "Mail goes on until the grace period ends. Nothing is lost if all is done before that.",
    },
    Situation {
        title: "The system is too old, and more is wrong",
        asked: [
            "My Android phone stopped getting mail.",
            "Mijn Android-telefoon krijgt geen mail meer.",
        ],
        change: |case| {
            quarantined(case);
            android(case);
            case.noncompliant_since = Some(at("2026-03-01T08:00:00Z"));
            let record = record(case);
            record.os_version = "12".to_owned();
            record.security_patch_level = Some(jiff::civil::date(2025, 11, 5));
            record.passcode_compliant = Some(false);
        },
        access: Access::Quarantine,
        reason: Reason::NotCompliant,
        advice: "\
Where the maker offers no newer system for this model, only another device helps: say so at once rather
than let the user look for an update that does not exist.",
    },
    Situation {
        title: "Updated, but the MDM does not know it yet",
        asked: [
            "I updated my phone this morning as you told me to, and it is still blocked!",
            "Ik heb mijn telefoon vanochtend bijgewerkt, zoals u zei, en hij is nog steeds geblokkeerd!",
        ],
        change: |case| {
            shown(case, AccessState::Blocked, AccessReason::Individual);
            case.noncompliant_since = Some(at("2026-02-20T08:00:00Z"));
            let record = record(case);
            record.os_version = "16.7.2".to_owned();
            record.last_check_in_at = Some(at("2026-02-20T07:30:00Z"));
        },
        access: Access::Block,
        reason: Reason::NotCompliant,
        advice: "\
Compare the time of the last report with the time of the update. If the update is later, letting the
phone check in is all that is needed.",
    },
    Situation {
        title: "Too little is known",
        asked: [
            "My phone has been “checking compliance” for an hour.",
            "Mijn telefoon staat al een uur op “naleving controleren”.",
        ],
        change: |case| {
            quarantined(case);
            android(case);
            let record = record(case);
            record.compliance = ComplianceState::Unknown;
            record.is_encrypted = None;
            record.security_patch_level = None;
        },
        access: Access::Quarantine,
        reason: Reason::ComplianceUnknown,
        advice: "What is not known never lets a phone in, and never starts a grace period either.",
    },
    Situation {
        title: "The records are too old to rely on",
        asked: [
            "Nobody in our office gets mail on a new phone today.",
            "Niemand op ons kantoor krijgt vandaag mail op een nieuwe telefoon.",
        ],
        change: |case| {
            quarantined(case);
            let why = "source intune was last read at 2026-03-09T00:00:00Z, and 1440 minutes is the limit".to_owned();
            case.management = Management::Unavailable { why };
        },
        access: Access::Leave,
        reason: Reason::RecordsUnavailable,
        advice: "\
This is not about one phone. Phones that had mail keep it, and no new one is let in, until the records can
be read. Tell whoever runs exgate, with the name of the source.",
    },
    Situation {
        title: "Too many devices",
        asked: [
            "My old phone and my tablet have mail, but the new phone has not.",
            "Mijn oude telefoon en mijn tablet hebben mail, maar de nieuwe telefoon niet.",
        ],
        change: |case| {
            quarantined(case);
            case.device.first_sync_at = Some(at("2026-03-10T09:00:00Z"));
            case.siblings = vec![
                sibling("ApplOLD11111", "iPhone", ["2025-05-01", "2026-03-10"]),
                sibling("ApplPAD22222", "iPad", ["2025-11-20", "2026-02-27"]),
            ];
        },
        access: Access::Quarantine,
        reason: Reason::TooManyDevices,
        advice: "Remove a device in the user's own mail settings, or with the tools of Exchange.",
    },
    Situation {
        title: "The device was not used for a long time",
        asked: [
            "I am back from leave, and my tablet gets no mail any more.",
            "Ik ben terug van verlof, en mijn tablet krijgt geen mail meer.",
        ],
        change: |case| {
            quarantined(case);
            case.last_sync_at = Some(at("2025-12-20T17:45:00Z"));
        },
        access: Access::Quarantine,
        reason: Reason::Inactive,
        advice: "\
While the device is held, the mail app can do no more than ask for mail. If asking is not enough, pass the
case on to whoever runs exgate.",
    },
    Situation {
        title: "A local rule",
        asked: [
            "I found my lost phone again, and it has no mail.",
            "Ik heb mijn verloren telefoon teruggevonden, en er komt geen mail op.",
        ],
        change: |case| {
            shown(case, AccessState::Blocked, AccessReason::Individual);
            case.device.device_id = "ApplLOST0001".parse().unwrap();
        },
        access: Access::Block,
        reason: Reason::LocalRule,
        advice: "Pass the name of the rule on to the people who write the policies.",
    },
    Situation {
        title: "An executive's phone",
        asked: [
            "Our director's phone does not meet the policy, does it? Why does it have mail?",
            "De telefoon van onze directeur voldoet toch niet? Waarom komt er dan mail op?",
        ],
        change: |case| {
            owner(case).groups.push("Board".to_owned());
            case.management = Management::Unmanaged(Unmatched::NoRecord);
        },
        access: Access::Leave,
        reason: Reason::Protected,
        advice: "\
exgate takes nothing from protected people and gives them nothing either: what they have is what Exchange
or an administrator gave them.",
    },
    Situation {
        title: "No policy is meant for the user, and Exchange has a rule of its own",
        asked: [
            "I work at the service desk. I updated my phone, and Exchange still blocks it.",
            "Ik werk bij de servicedesk. Ik heb mijn telefoon bijgewerkt, en Exchange blokkeert hem nog steeds.",
        ],
        change: |case| {
            shown(case, AccessState::Blocked, AccessReason::DeviceRule);
            case.device.access_rule = "iOS 16.1 20B82 (DeviceOS)".to_owned();
            owner(case).groups.push("Service desk".to_owned());
        },
        access: Access::Leave,
        reason: Reason::NotTargeted,
        advice: "\
Whether the user should be in the group is a question for whoever decides about groups; exgate only says
what follows from it.",
    },
];
