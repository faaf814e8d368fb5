//! Owns the mail that Exchange writes by itself about a phone: wording of our own, contents as documented.
//!
//! Source of the contents: Set-ActiveSyncOrganizationSettings (UserMailInsert is the footer of the
//! user's mail, AdminMailRecipients get a copy with policy status, state, reason and rule), KB 3013802;
//! Set-ActiveSyncDeviceAutoblockThreshold (AdminEmailInsert), New-ThrottlingPolicy (EASMaxDevices).

use super::contact::Moment;
use crate::mailboxes::delivery::{mailbox_of, system_sender};
use crate::mailboxes::{Mail, MailKind};
use crate::world::World;
use crate::world::device::{AccessState, Device};
use crate::world::event::Event;
use crate::world::mailbox::Mailbox;

/// What Exchange writes when a phone enters the state that `device` is in now.
pub fn about(world: &World, owner: &Mailbox, device: &Device, moment: &Moment) -> Vec<Event> {
    match device.state {
        AccessState::Quarantined => quarantine(world, owner, device, moment),
        AccessState::Blocked => vec![to_user(
            world,
            owner,
            device,
            moment,
            (
                MailKind::Blocked,
                "Your phone has been denied access to the server using Exchange ActiveSync",
                "Your phone can't connect to the server, because an access policy on the server \
                 blocks it.",
            ),
        )],
        AccessState::Unknown | AccessState::Allowed | AccessState::DeviceDiscovery => Vec::new(),
    }
}

/// What Exchange writes to a user whose further phone is refused (`EASMaxDevices`).
pub fn too_many(world: &World, owner: &Mailbox, device: &Device, moment: &Moment) -> Event {
    let text = format!(
        "Your new phone was not added: you have {} phones, and there may be {}. Remove one that you \
         do not use any more in Outlook Web App, and connect the new one again.",
        world.devices_of(owner.guid).count(),
        world.settings.eas_max_devices,
    );
    let subject = "Your new phone could not be added";
    to_user(world, owner, device, moment, (MailKind::TooManyDevices, subject, &text))
}

fn quarantine(world: &World, owner: &Mailbox, device: &Device, moment: &Moment) -> Vec<Event> {
    let mut mails = vec![to_user(
        world,
        owner,
        device,
        moment,
        (
            MailKind::Quarantine,
            "Your phone is temporarily blocked from synchronizing using Exchange ActiveSync until \
             your administrator grants it access",
            "Your phone is held until an administrator grants it access. You don't need to do \
             anything: content is downloaded by itself as soon as access is granted.",
        ),
    )];
    let domain = &world.blueprint.domain;
    for recipient in &world.settings.admin_mail_recipients {
        let body = format!(
            "The phone of {} is held until you decide.\n\n{}\nPolicy status: {}\nAccess state: {:?}\n\
             Access state reason: {:?}\nAccess control rule: {}\n",
            owner.primary_smtp_address,
            particulars(device),
            if device.enforces_policy { "AppliedInFull" } else { "NotApplied" },
            device.state,
            device.reason,
            device.rule.as_deref().unwrap_or("-"),
        );
        mails.push(Event::Mail(Box::new(Mail {
            at: moment.now,
            kind: MailKind::QuarantineAdmin,
            mailbox: mailbox_of(world, recipient).map(|held| held.guid),
            device: Some(device.guid),
            from: system_sender(domain),
            to: recipient.clone(),
            subject: format!("A phone of {} is quarantined", owner.display_name),
            body,
            ..Mail::default()
        })));
    }
    mails
}

fn to_user(
    world: &World,
    owner: &Mailbox,
    device: &Device,
    moment: &Moment,
    (kind, subject, text): (MailKind, &str, &str),
) -> Event {
    let footer = match kind {
        MailKind::Quarantine => world.settings.user_mail_insert.as_str(),
        MailKind::Blocked => autoblock_insert(world, device),
        MailKind::QuarantineAdmin
        | MailKind::TooManyDevices
        | MailKind::Message
        | MailKind::NonDelivery => "",
    };
    let mut body = format!("{text}\n\n{}\n", particulars(device));
    if !footer.is_empty() {
        body.push_str(footer);
        body.push('\n');
    }
    Event::Mail(Box::new(Mail {
        at: moment.now,
        kind,
        mailbox: Some(owner.guid),
        device: Some(device.guid),
        from: system_sender(&world.blueprint.domain),
        to: owner.primary_smtp_address.clone(),
        subject: subject.to_owned(),
        body,
        ..Mail::default()
    }))
}

/// The text that the threshold under which a phone is blocked adds to the mail.
fn autoblock_insert<'w>(world: &'w World, device: &Device) -> &'w str {
    let block = device.conduct.as_ref().and_then(|conduct| conduct.block);
    let under = block.filter(|(behaviour, _)| behaviour.reason() == device.reason);
    let threshold = under.and_then(|(behaviour, _)| world.settings.autoblock.get(&behaviour));
    threshold.map_or("", |threshold| threshold.admin_email_insert.as_str())
}

fn particulars(device: &Device) -> String {
    format!(
        "Information about your device:\nDevice model: {}\nDevice type: {}\nDevice ID: {}\n\
         Device OS: {}\nDevice user agent: {}\nDevice IMEI: {}\nExchange ActiveSync version: {}\n",
        device.device_model,
        device.device_type,
        device.device_id,
        device.device_os,
        device.user_agent,
        device.imei,
        device.protocol,
    )
}
