//! Owns `GetItem`: mails by their ids, bodies included.

use super::access::Access;
use super::code::{Code, Failure};
use super::envelope;
use super::identity::Named;
use super::items::{self, Shape};
use crate::xml::Element;

/// `GetItem`.
pub fn get(access: &Access<'_>, asked: &Element) -> Result<String, Failure> {
    let shape = Shape::read(asked.child("ItemShape"), true)?;
    let ids = asked.child("ItemIds").map(|ids| ids.children.as_slice()).unwrap_or_default();
    let messages: Vec<_> = ids.iter().map(|id| one(access, id, &shape)).collect();
    Ok(envelope::responses("GetItem", &messages))
}

fn one(access: &Access<'_>, id: &Element, shape: &Shape) -> Result<String, Failure> {
    let Some(named) = id.attribute("Id").and_then(Named::read) else {
        return Err(Code::ErrorInvalidIdMalformed.into());
    };
    let Named::Item(mailbox, number) = named else { return Err(Code::ErrorItemNotFound.into()) };
    access.may_open(mailbox)?;
    let mails = &access.world.mails;
    // Numbers count from 1 without a gap.
    let place = number.checked_sub(1).and_then(|place| usize::try_from(place).ok());
    let mail = place.and_then(|place| mails.get(place));
    let mail = mail.filter(|mail| mail.mailbox == Some(mailbox) && mail.number == number);
    let mail = mail.ok_or(Code::ErrorItemNotFound)?;
    Ok(format!("<m:Items>{}</m:Items>", items::show(access.world, mail, shape)))
}
