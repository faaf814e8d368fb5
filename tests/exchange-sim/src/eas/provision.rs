//! Owns Provision and Settings: what a phone says about itself, its policy, and the order to erase.
//!
//! Source: [MS-ASPROV] 3.2.5 and 2.2.2; [MS-ASCMD] 2.2.3.45 (DeviceInformation) and 2.2.2 (165). The
//! policy that is sent says whether there must be a password and nothing else. Invariant: pure, as
//! `contact` is.

use super::request::{Protocol, Request};
use super::wbxml::{Element, provision, settings};
use crate::behaviour::contact::{self, Moment, Told, later};
use crate::world::World;
use crate::world::device::Device;
use crate::world::event::Event;
use crate::world::mailbox::Mailbox;
use crate::world::policy::MailboxPolicy;

const POLICY_TYPE: &str = "MS-EAS-Provisioning-WBXML";
/// Since this version an initial request must say what the phone is.
const TELLS_ITSELF_SINCE: Protocol = Protocol(14, 1);
/// Since this version an account can be erased alone ([MS-ASPROV] 2.2.2.1).
const ACCOUNT_WIPE_SINCE: Protocol = Protocol(16, 1);
/// What a temporary key differs by from the final one.
const TEMPORARY: u32 = 0x5A5A_5A5A;

/// What a command did and answers.
#[derive(Debug)]
pub(super) struct Done {
    /// The answer.
    pub(super) answer: Element,
    /// What happened.
    pub(super) events: Vec<Event>,
}

/// Says whether a phone can be told to erase what it is to erase.
pub(super) fn can_be_told(device: &Device, protocol: Protocol) -> bool {
    device.wipe.as_ref().is_none_or(|wipe| !wipe.account_only || protocol >= ACCOUNT_WIPE_SINCE)
}

/// The key of the policy that a phone has when it is up to date: it changes with the policy, and with
/// the server that the mailbox is on.
pub(super) fn policy_key(device: &Device, owner: &Mailbox, policy: Option<&MailboxPolicy>) -> u32 {
    let policy = policy.map(|it| (it.guid, it.changed.as_millisecond()));
    let text = format!("{} {policy:?} {}", device.guid, owner.moves);
    let hash = text
        .bytes()
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    // 0 is the key of a phone that has none, and a temporary key is no final one.
    hash.max(1) | 1
}

/// What a document tells about the phone that sent it.
pub(super) fn told(device_information: Option<&Element>) -> Told {
    let set = device_information.and_then(|held| held.child(settings::SET));
    let said = |tag| {
        let text = set?.text_at(&[tag])?;
        Some(text.chars().take(1024).collect::<String>()).filter(|text| !text.is_empty())
    };
    Told {
        model: said(settings::MODEL),
        system: said(settings::OS),
        // The header says it on each request.
        user_agent: None,
        friendly_name: said(settings::FRIENDLY_NAME),
        imei: said(settings::IMEI),
        language: said(settings::OS_LANGUAGE),
    }
}

/// Answers Settings.
pub(super) fn settings(world: &World, device: &Device, sent: &Element, moment: &Moment) -> Done {
    let information = sent.child(settings::DEVICE_INFORMATION);
    let events = contact::tell(world, device, &told(information), moment);
    let one = || Element::text(settings::STATUS, "1");
    let noted = information.map(|_| Element::of(settings::DEVICE_INFORMATION, [one()]));
    Done { answer: Element::of(settings::SETTINGS, std::iter::once(one()).chain(noted)), events }
}

/// Answers Provision.
pub(super) fn provision(
    world: &World,
    device: &Device,
    request: &Request,
    sent: Option<&Element>,
    moment: &Moment,
) -> Done {
    let wipes = [provision::REMOTE_WIPE, provision::ACCOUNT_ONLY_REMOTE_WIPE];
    let acknowledged = sent.and_then(|sent| wipes.iter().find_map(|tag| sent.child(*tag)));
    if let Some(acknowledged) = acknowledged {
        return erased(device, acknowledged, moment);
    }
    let policies = [provision::POLICIES, provision::POLICY];
    let acknowledged = sent.and_then(|sent| sent.at(&policies));
    let acknowledged = acknowledged.filter(|it| it.child(provision::STATUS).is_some());
    if device.awaits_wipe() && can_be_told(device, request.protocol) {
        return order(device, moment);
    }
    let owner = world.mailbox(device.mailbox);
    let policy = owner.as_ref().and_then(|owner| world.policy_of(owner));
    let key = owner.as_ref().map_or(1, |owner| policy_key(device, owner, policy));
    if let Some(acknowledged) = acknowledged {
        return applied(device, policy, key, acknowledged, moment);
    }
    let information = sent.and_then(|sent| sent.child(settings::DEVICE_INFORMATION));
    if information.is_none() && request.protocol >= TELLS_ITSELF_SINCE {
        // 165, DeviceInformationRequired.
        return Done { answer: status("165", None), events: Vec::new() };
    }
    let events = contact::tell(world, device, &told(information), moment);
    Done { answer: policy_document(policy, key ^ TEMPORARY), events }
}

fn status(text: &str, then: Option<Element>) -> Element {
    let status = Element::text(provision::STATUS, text);
    Element::of(provision::PROVISION, std::iter::once(status).chain(then))
}

/// The order to erase, told.
fn order(device: &Device, moment: &Moment) -> Done {
    let mut after = device.clone();
    let mut events = Vec::new();
    let mut tag = provision::REMOTE_WIPE;
    if let Some(wipe) = &mut after.wipe {
        if wipe.account_only {
            tag = provision::ACCOUNT_ONLY_REMOTE_WIPE;
        }
        if wipe.sent.is_none() {
            wipe.sent = Some(moment.now);
            events.push(Event::Device(Box::new(after)));
        }
    }
    Done { answer: status("1", Some(Element::empty(tag))), events }
}

/// What the phone says came of the order.
fn erased(device: &Device, acknowledged: &Element, moment: &Moment) -> Done {
    let tag = acknowledged.tag;
    if acknowledged.text_at(&[provision::STATUS]) != Some("1") {
        return Done { answer: status("2", Some(Element::empty(tag))), events: Vec::new() };
    }
    let mut after = device.clone();
    let mut events = Vec::new();
    if let Some(wipe) = after.wipe.as_mut().filter(|wipe| wipe.acknowledged.is_none()) {
        wipe.sent = wipe.sent.or(Some(moment.now));
        wipe.acknowledged = Some(moment.now);
        after.changed = later(moment.now, after.changed);
        events.push(Event::Device(Box::new(after)));
    }
    Done { answer: status("1", None), events }
}

/// What the phone says came of its policy.
fn applied(
    device: &Device,
    policy: Option<&MailboxPolicy>,
    key: u32,
    acknowledged: &Element,
    moment: &Moment,
) -> Done {
    let sent_key = acknowledged.text_at(&[provision::POLICY_KEY]).unwrap_or_default();
    if sent_key.parse() != Ok(key ^ TEMPORARY) {
        let wrong = Element::of(
            provision::POLICY,
            [
                Element::text(provision::POLICY_TYPE, POLICY_TYPE),
                Element::text(provision::STATUS, "5"),
            ],
        );
        let policies = Element::of(provision::POLICIES, [wrong]);
        return Done { answer: status("1", Some(policies)), events: Vec::new() };
    }
    let enforces = acknowledged.text_at(&[provision::STATUS]) == Some("1");
    let mut after = contact::provisioned(device, moment).unwrap_or_else(|| device.clone());
    after.enforces_policy = enforces;
    let events = if after == *device { Vec::new() } else { vec![Event::Device(Box::new(after))] };
    if !enforces && policy.is_some_and(|policy| !policy.lets_in_everybody()) {
        // 139, DeviceNotFullyProvisionable.
        return Done { answer: status("139", None), events };
    }
    let held = Element::of(
        provision::POLICY,
        [
            Element::text(provision::POLICY_TYPE, POLICY_TYPE),
            Element::text(provision::STATUS, "1"),
            Element::text(provision::POLICY_KEY, key.to_string()),
        ],
    );
    Done { answer: status("1", Some(Element::of(provision::POLICIES, [held]))), events }
}

fn policy_document(policy: Option<&MailboxPolicy>, key: u32) -> Element {
    let needs_password = policy
        .and_then(|policy| policy.settings.get("DevicePasswordEnabled"))
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let needs_password = if needs_password { "1" } else { "0" };
    let settings = Element::text(provision::DEVICE_PASSWORD_ENABLED, needs_password);
    let data =
        Element::of(provision::DATA, [Element::of(provision::EAS_PROVISION_DOC, [settings])]);
    let held = Element::of(
        provision::POLICY,
        [
            Element::text(provision::POLICY_TYPE, POLICY_TYPE),
            Element::text(provision::STATUS, "1"),
            Element::text(provision::POLICY_KEY, key.to_string()),
            data,
        ],
    );
    status("1", Some(Element::of(provision::POLICIES, [held])))
}
